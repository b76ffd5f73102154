"""The rules of time as data: limits of each step, what a report may wait for, how it may move, and office hours."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from functools import lru_cache
from typing import Any

from dothi.ground.calendar import AMENDMENTS, OFFICE_WEEK, Amendment, Shift, WorkingCalendar, vietnam
from dothi.ground.clocks import Limit
from dothi.ground.errors import Invalid

Week = tuple[tuple[Shift, ...], ...]
DAYS_A_WEEK = 7


@dataclass(frozen=True, slots=True)
class Wait:
    """Something that a report may wait for: at most so long, and so often."""

    id: str
    names: Mapping[str, str]
    normal: Limit
    urgent: Limit
    times: int

    def limit(self, urgent: bool) -> Limit:
        """How long at most."""
        return self.urgent if urgent else self.normal


@dataclass(frozen=True, slots=True)
class Moves:
    """How much of everything a report may go through; hours are working hours."""

    pass_hours: float
    return_hours: float
    waits: int
    question_letters: int
    shortlist: int
    parts: int
    merged: int
    together_m: float


@dataclass(frozen=True, slots=True)
class Clocks:
    """The rules of time."""

    stages: Mapping[str, tuple[Limit, Limit]]  # Step → normal and urgent limit, from its own beginning.
    waits: Mapping[str, Wait]
    moves: Moves
    office: tuple[tuple[str, Week], ...]  # Unit ("" everywhere) and its hours.
    amendments: tuple[Amendment, ...]
    sample: bool

    def stage(self, name: str, urgent: bool) -> Limit | None:
        """The limit of a step of its own; None where only the answer is owed."""
        found = self.stages.get(name)
        return found[1 if urgent else 0] if found else None

    def wait(self, name: str) -> Wait:
        """The wait with this id. Invalid when there is none."""
        found = self.waits.get(name)
        if found is None:
            raise Invalid(f"A report cannot wait for “{name[:40]}”; there are {', '.join(self.waits)}.", field="wait")
        return found

    def calendar(self, units: tuple[str, ...]) -> WorkingCalendar:
        """When the office works that lies in `units` (codes, province before commune)."""
        hours = dict(self.office)
        week = next((hours[unit] for unit in (*reversed(units), "") if unit in hours), OFFICE_WEEK)
        return _calendar(week, units, (*AMENDMENTS, *self.amendments))


@lru_cache(maxsize=256)
def _calendar(week: Week, units: tuple[str, ...], amendments: tuple[Amendment, ...]) -> WorkingCalendar:
    """A pure function's answer, kept: making a calendar takes milliseconds."""
    return vietnam(week, units, amendments)


def parse_clocks(table: Mapping[str, Any]) -> Clocks:
    """The rules of time that one table says."""
    return Clocks(
        {row["id"]: (Limit(row["hours"]), Limit(row["urgent_hours"], always=True)) for row in table["stage"]},
        {row["id"]: _wait(row) for row in table["wait"]},
        Moves(**table["moves"]),
        tuple((row["unit"], _week(row["week"])) for row in table.get("office", ())),
        tuple(
            Amendment(date.fromisoformat(str(row["day"])), row["working"], row["name"], row["source"], row["unit"])
            for row in table.get("amendment", ())
        ),
        bool(table.get("sample")),
    )


def _wait(row: Mapping[str, Any]) -> Wait:
    names = {"vi": row["vi"], "en": row["en"]}
    return Wait(row["id"], names, Limit(row["hours"]), Limit(row["urgent_hours"], always=True), row["times"])


def _week(days: list[str]) -> Week:
    if len(days) != DAYS_A_WEEK:
        raise ValueError(f"office.week, which has {len(days)} days and needs {DAYS_A_WEEK}, Monday first")
    return tuple(tuple(_shift(one) for one in day.split()) for day in days)


def _shift(text: str) -> Shift:
    opens, closes = (time.fromisoformat(part) for part in text.split("-"))
    if opens >= closes:
        raise ValueError(f"office.week, where {text} ends before it begins")
    return opens, closes
