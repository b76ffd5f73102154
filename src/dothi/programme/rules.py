"""The rules of the programme as data: limits in working hours, and the kinds of evidence, bottlenecks and funding."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from dothi.ground.errors import Invalid
from dothi.office.rules.model import Kind

KIND = "programme"  # The name of these rules among the sets that a province or commune adopts.
Names = Mapping[str, str]  # By language.
PHOTO = frozenset({"image/jpeg", "image/png", "image/webp"})


@dataclass(frozen=True)
class EvidenceKind:
    """What can show a result, and as which files it comes: "document", "photo"."""

    id: str
    names: Names
    media: frozenset[str]

    def fits(self, media_type: str) -> bool:
        """Whether a file of this type can be evidence of this kind."""
        return ("photo" if media_type in PHOTO else "document") in self.media


@dataclass(frozen=True)
class Rules:
    """All rules, read once. Hours are working hours."""

    part_answer_hours: float
    silence_hours: float
    extension_answer_hours: float
    review_months: int
    review_notice_days: int
    evidence: Mapping[str, EvidenceKind]
    bottlenecks: Mapping[str, Names]
    funding: Mapping[str, Names]
    sample: bool

    def evidence_kind(self, kind: str) -> EvidenceKind:
        """The kind of evidence with this id. Invalid when there is none."""
        known(kind, self.evidence, "evidence_kind")
        return self.evidence[kind]


def known(kind: str, table: Mapping[str, object], field: str) -> str:
    """`kind`, when the table has it; else Invalid with the list of those there are."""
    if kind not in table:
        raise Invalid(f"“{kind[:40]}” is no {field}; there are {', '.join(table)}.", field=field)
    return kind


def load(text: str | None = None) -> Rules:
    """The rules from a TOML text, by default the shipped samples."""
    return parse(shipped() if text is None else tomllib.loads(text))


def shipped() -> Mapping[str, Any]:
    """The tables that are shipped."""
    return tomllib.loads(resources.files("dothi.programme").joinpath("data/rules.toml").read_text("utf-8"))


def rules_kind() -> Kind:
    """What a province or commune may set of its own."""
    return Kind(KIND, shipped(), _check)


def _check(tables: Mapping[str, Any]) -> None:
    try:
        parse(tables)
    except (KeyError, TypeError) as cause:
        raise Invalid(f"The rules of the programme lack or misuse {cause}.", field="text") from cause


def parse(table: Mapping[str, Any]) -> Rules:
    """The rules that tables say. Invalid when a limit is no positive number or a kind of file is not known."""
    limits = (table["parts"]["answer_hours"], table["parts"]["silence_hours"], table["extensions"]["answer_hours"])
    numbers = (*limits, table["review"]["months"], table["review"]["notice_days"])
    if not all(isinstance(one, int | float) and one > 0 for one in numbers):
        raise Invalid("Limits of the programme are numbers above 0.", field="text")
    media = {one for row in table["evidence"] for one in row["media"]}
    if not media <= {"document", "photo"}:
        raise Invalid("The media of evidence are document and photo.", field="text")
    return Rules(
        part_answer_hours=table["parts"]["answer_hours"],
        silence_hours=table["parts"]["silence_hours"],
        extension_answer_hours=table["extensions"]["answer_hours"],
        review_months=table["review"]["months"],
        review_notice_days=table["review"]["notice_days"],
        evidence={
            row["id"]: EvidenceKind(row["id"], _names(row), frozenset(row["media"])) for row in table["evidence"]
        },
        bottlenecks={row["id"]: _names(row) for row in table["bottleneck"]},
        funding={row["id"]: _names(row) for row in table["funding"]},
        sample=bool(table.get("sample")),
    )


def _names(row: Mapping[str, Any]) -> Names:
    return {language: row[language] for language in ("vi", "en")}
