"""What became of reports by commune, category and month: in time beside re-opened and told again, each of how many.

The definitions are those of the shipped indicators (`reports-on-time`, `reports-answered`, …), so that both tell one
figure: imported reports do not count; in time is judged over what was answered in the month and still stands, and
what became overdue in it without an answer.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from dothi.citizens.model import TYPE, Report, report_of
from dothi.citizens.needs import SYSTEM, Citizens, rules_at
from dothi.citizens.services.measures import dated, span_of
from dothi.ground.clock import from_iso, iso, now_us
from dothi.ground.geometry import haversine_m
from dothi.hub.language.nodes import And, Compare, Query, TypeIs
from dothi.hub.model import Entity

PAGE = 1000
CELL = 0.002  # Degrees of a cell in which earlier answers are looked for …
# … and metres that it is wide at least, up to 45° north or south.
METRES = 150.0


@dataclass
class Tally:
    """What is counted of one commune, category or month."""

    filed: int = 0
    answered: int = 0  # Whose answer stands.
    on_time: int = 0
    overdue: int = 0  # Not answered, due in the period and past.
    asked: int = 0  # Answered in the period, re-opened since or not: the denominator of re-opened.
    reopened: int = 0
    returned: int = 0  # Filed where one of the same category had been answered in the days that count.
    simulated: int = 0  # Of those filed.

    @property
    def decided(self) -> int:
        """The denominator of in time."""
        return self.answered + self.overdue

    @property
    def on_time_share(self) -> float | None:
        """In time of decided; None where nothing was."""
        return self.on_time / self.decided if self.decided else None

    @property
    def reopened_share(self) -> float | None:
        """Re-opened of answered."""
        return self.reopened / self.asked if self.asked else None

    @property
    def returned_share(self) -> float | None:
        """Told again of filed."""
        return self.returned / self.filed if self.filed else None

    def few(self, least: int) -> bool:
        """Whether shares of so few say little."""
        return self.decided < least


Key = Callable[[Report], str]
KEYS: dict[str, Key] = {
    "unit": lambda one: one.unit or "",
    "category": lambda one: one.category,
    "all": lambda one: "",
}


@dataclass(frozen=True, slots=True)
class Only:
    """Whose reports: codes of units (None is everywhere) and a category ("" is any)."""

    units: frozenset[str] | None = None
    category: str = ""

    def holds(self, one: Report) -> bool:
        """Whether a report is among them."""
        return (self.units is None or one.unit in self.units) and (not self.category or one.category == self.category)


EVERYTHING = Only()


def tallies(
    citizens: Citizens, month: str, by: str = "unit", only: Only = EVERYTHING, now: int | None = None
) -> dict[str, Tally]:
    """The counts of a month by "unit", "category" or "all" ("" is what has none)."""
    at = now_us() if now is None else now
    start, end = span_of(month)
    found: dict[str, Tally] = defaultdict(Tally)
    key = KEYS[by]

    def chosen(entities: Iterable[Entity]) -> Iterator[tuple[Tally, Report]]:
        for one in map(report_of, entities):
            if only.holds(one):
                yield found[key(one)], one

    filed = list(dated(citizens, "filedAt", start, end))
    again = _returned(citizens, filed, start, end)
    for tally, one in chosen(filed):
        tally.filed += 1
        tally.simulated += one.simulated
        tally.returned += one.id in again
    for tally, one in chosen(dated(citizens, "closedAt", start, end)):
        tally.asked += 1
        tally.answered += not one.open
        tally.on_time += not one.open and bool(one.on_time)
    for tally, _ in chosen(_overdue(citizens, start, min(end, iso(at)))):
        tally.overdue += 1
    for tally, _ in chosen(dated(citizens, "reopenedAt", start, end)):
        tally.reopened += 1
    return dict(found)


def _overdue(citizens: Citizens, start: str, end: str) -> Iterator[Entity]:
    """Reports that wait for their answer and owed it in [start, end)."""
    offset = 0
    terms = And(
        (
            Compare(("imported",), "==", False),
            Compare(("open",), "==", True),
            Compare(("handleBy",), ">=", start),
            Compare(("handleBy",), "<", end),
        )
    )
    while True:
        page = citizens.hub.query(SYSTEM, Query(TypeIs(TYPE), q=terms, limit=PAGE, offset=offset)).entities
        yield from page
        if len(page) < PAGE:
            return
        offset += PAGE


class Spot(NamedTuple):
    """What is needed of a report to say that it was told again: its kind, place and an instant (µs)."""

    id: str
    category: str
    lon: float
    lat: float
    at: int


def _spots(entities: Iterable[Entity], attribute: str) -> Iterator[Spot]:
    """The reports with a place, at the instant that an attribute holds."""
    for one in entities:
        place = one.value("location")
        if place is not None and place.get("type") == "Point":
            lon, lat = place["coordinates"][:2]
            yield Spot(one.id, one.value("category", ""), lon, lat, from_iso(one.value(attribute)))


def _returned(citizens: Citizens, filed: Iterable[Entity], start: str, end: str) -> frozenset[str]:
    """The ids of those of `filed` that tell again of what had been answered."""
    rule = rules_at(citizens).recurrence
    since = iso(from_iso(start) - rule.span_us)
    closed = dated(citizens, "closedAt", since, end)
    return told_again(_spots(filed, "filedAt"), _spots(closed, "closedAt"), rule.radius_m, rule.span_us)


def told_again(filed: Iterable[Spot], closed: Iterable[Spot], radius_m: float, span_us: int) -> frozenset[str]:
    """Which of `filed` lie within the radius of one of `closed` of their category, answered at most so long before."""
    cells: dict[tuple[str, int, int], list[Spot]] = defaultdict(list)
    for one in closed:
        cells[_cell(one)].append(one)
    reach = int(radius_m // METRES) + 1
    return frozenset(one.id for one in filed if _after_answer(one, cells, reach, radius_m, span_us))


def _cell(one: Spot) -> tuple[str, int, int]:
    return one.category, int(one.lon // CELL), int(one.lat // CELL)


def _after_answer(
    one: Spot, cells: dict[tuple[str, int, int], list[Spot]], reach: int, radius_m: float, span_us: int
) -> bool:
    category, east, north = _cell(one)
    near = (
        other
        for x in range(east - reach, east + reach + 1)
        for y in range(north - reach, north + reach + 1)
        for other in cells.get((category, x, y), ())
    )
    return any(
        other.id != one.id
        and 0 <= one.at - other.at <= span_us
        and haversine_m(one.lon, one.lat, other.lon, other.lat) <= radius_m
        for other in near
    )


def imported_count(citizens: Citizens) -> int:
    """How many reports came from another system and stay out of every figure."""
    query = Query(TypeIs(TYPE), q=Compare(("imported",), "==", True), limit=0, count=True)
    return citizens.hub.query(SYSTEM, query).count or 0
