"""The rules of consultations: limits, periods, what may be hidden and why, when comments are alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dothi.ground.errors import Invalid


@dataclass(frozen=True, slots=True)
class Moderation:
    """A published reason for hiding a comment."""

    id: str
    names: Mapping[str, str]  # By language.


@dataclass(frozen=True, slots=True)
class ConsultationLimits:
    """How much of everything; letters, voices on one paper, files, comments of one address."""

    title_letters: int
    question_letters: int
    comment_letters: int
    where_letters: int
    reason_letters: int
    voices: int
    scans: int
    per_address: int
    per_address_minutes: int


@dataclass(frozen=True, slots=True)
class ConsultationRules:
    """All rules of consultations."""

    limits: ConsultationLimits
    least_days: int  # From opening to closing.
    most_days: int
    answer_working_days: int  # From closing to the published answers.
    likeness: float  # 0 to 1: from which on two comments are suggested as one group.
    reasons: int  # How many shared words are told.
    moderation: Mapping[str, Moderation]
    sample: bool

    def moderated_for(self, rule: str) -> Moderation:
        """The reason with this id. Invalid when it is not published."""
        if rule not in self.moderation:
            raise Invalid(
                f"A comment is hidden for a published reason only: {', '.join(self.moderation)}.", field="rule"
            )
        return self.moderation[rule]


def consulting(table: Mapping[str, Any]) -> ConsultationRules:
    """The rules that the table says."""
    rows = table["moderation"]
    return ConsultationRules(
        limits=ConsultationLimits(**table["limits"]),
        least_days=table["period"]["least_days"],
        most_days=table["period"]["most_days"],
        answer_working_days=table["period"]["answer_working_days"],
        likeness=table["alike"]["likeness"],
        reasons=table["alike"]["reasons"],
        moderation={row["id"]: Moderation(row["id"], {key: row[key] for key in ("vi", "en")}) for row in rows},
        sample=bool(table.get("sample")),
    )
