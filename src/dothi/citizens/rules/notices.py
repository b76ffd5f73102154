"""The rules of notices as data: which step of a report is told by which message, and how often areas are told of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dothi.citizens.model import Outcome
from dothi.ground.clock import DAY, HOUR
from dothi.ground.errors import Invalid


@dataclass(frozen=True, slots=True)
class Notice:
    """One step that is told; `others` also tells followers and those whose reports were joined to it."""

    id: str
    template: str
    others: bool


@dataclass(frozen=True, slots=True)
class AreaRule:
    """How who follows an area is told."""

    hour: int  # Of the day in Vietnam, from which on a digest leaves.
    every_hours: int  # At least so long between two digests.
    lines: int  # Reports named in one digest.
    radius_m_least: int
    radius_m_most: int
    news_days: int

    @property
    def every(self) -> int:
        """The pause between two digests in microseconds."""
        return self.every_hours * HOUR

    @property
    def news(self) -> int:
        """How long (µs) something is news."""
        return self.news_days * DAY


@dataclass(frozen=True, slots=True)
class NoticeRules:
    """The rules of notices."""

    notices: Mapping[str, Notice]
    outcomes: Mapping[str, Mapping[str, str]]
    refusals: Mapping[str, Mapping[str, str]]  # By the field that was wrong; "other" is always there.
    area: AreaRule
    sample: bool


def parse_notices(table: Mapping[str, Any]) -> NoticeRules:
    """The rules that a table says. Invalid when an outcome has no name or a digest would leave twice a day."""
    outcomes, refusals = _named(table["outcome"]), _named(table["refusal"])
    if "other" not in refusals:
        raise Invalid("notices: the refusal “other” is lacking.", field="text")
    lacking = {outcome.value for outcome in Outcome} - outcomes.keys()
    if lacking:
        raise Invalid(f"notices: the outcome {', '.join(sorted(lacking))} has no name.", field="text")
    area = AreaRule(**table["area"])
    if not (0 <= area.hour < 24 and area.every_hours >= 12):  # Hours of a day, and half of them.
        raise Invalid("notices: area.hour is 0 to 23, area.every_hours at least 12.", field="text")
    rows = {row["id"]: Notice(row["id"], row["template"], row.get("others", False)) for row in table["notice"]}
    return NoticeRules(rows, outcomes, refusals, area, bool(table.get("sample")))


def _named(rows: list[dict[str, str]]) -> dict[str, dict[str, str]]:
    return {row["id"]: {language: row[language] for language in ("vi", "en")} for row in rows}
