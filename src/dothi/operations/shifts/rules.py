"""The roster as data: turns of the day, who has them by rota, inherited province → commune and valid from a day on."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from importlib import resources
from typing import Any

from dothi.ground.clock import HOUR, VIETNAM, from_datetime, now_us, to_datetime
from dothi.ground.errors import Invalid
from dothi.office.rules import applied, in_force
from dothi.office.rules.model import Kind
from dothi.operations.model import Operations

KIND = "operations.shifts"
ROLE_MARK = "@"  # A rota that names a role instead of people.
TURNS_MAX, OFFICERS_MAX, AHEAD_MAX = 12, 60, 60
_DAY_HOURS = 24


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of every day."""

    id: str
    names: Mapping[str, str]
    starts: time
    hours: float


@dataclass(frozen=True, slots=True)
class Rota:
    """Who has a turn on some days of the week: one login a span, one after another; or "@role"."""

    id: str
    turn: str
    days: frozenset[int]
    officers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Phone:
    """A number that stands beside the roster."""

    id: str
    names: Mapping[str, str]
    number: str


@dataclass(frozen=True, slots=True)
class Roster:
    """How a centre is manned."""

    turns: tuple[Turn, ...]
    rota: tuple[Rota, ...]
    phones: tuple[Phone, ...]
    ahead_days: int
    near_minutes: int
    overrun_minutes: int
    repeat_days: int
    first_day: date


@dataclass(frozen=True, slots=True)
class Stint:
    """One turn on one day as the roster has it; instants in µs. `login` is "" where the rota names nobody."""

    turn: Turn
    day: date
    starts: int
    ends: int
    login: str  # A login, "@role", or "" for a gap.


def parse(tables: Mapping[str, Any]) -> Roster:
    """The roster that tables say. Invalid when it cannot be: turns that overlap, a rota of an unknown turn."""
    turns = tuple(_turn(row) for row in tables.get("turn", ()))
    rota = tuple(_rota(row) for row in tables.get("rota", ()))
    phones = tuple(Phone(str(row["id"]), dict(row["name"]), str(row["number"])) for row in tables.get("phone", ()))
    first = tables["first_day"]
    made = Roster(
        turns,
        rota,
        phones,
        _within("make_ahead_days", tables["make_ahead_days"], 1, AHEAD_MAX),
        _within("near_minutes", tables["near_minutes"], 0, 24 * 60),
        _within("overrun_minutes", tables["overrun_minutes"], 0, 24 * 60),
        _within("repeat_days", tables["repeat_days"], 1, 366),
        first if isinstance(first, date) else date.fromisoformat(str(first)),
    )
    _check_turns(turns)
    for row in rota:
        if row.turn not in {one.id for one in turns}:
            raise Invalid(f"Rota “{row.id}” names the turn “{row.turn}”, which is not there.", field="text")
    return made


def _turn(row: Mapping[str, Any]) -> Turn:
    hours = float(row["hours"])
    if not 0 < hours <= _DAY_HOURS or ":" in str(row["id"]):
        raise Invalid(f"Turn “{row['id']}” lasts above 0 and at most 24 hours; its id has no colon.", field="text")
    return Turn(str(row["id"]), dict(row["name"]), time.fromisoformat(str(row["starts"])), hours)


def _rota(row: Mapping[str, Any]) -> Rota:
    days, officers = frozenset(int(day) for day in row["days"]), tuple(str(one) for one in row["officers"])
    if not days or not days <= set(range(1, 8)) or not officers or len(officers) > OFFICERS_MAX:
        raise Invalid(f"Rota “{row['id']}”: days from 1 (Monday) to 7, and 1 to {OFFICERS_MAX} officers.", field="text")
    return Rota(str(row["id"]), str(row["turn"]), days, officers)


def _within(name: str, value: Any, least: int, most: int) -> int:
    if not least <= int(value) <= most:
        raise Invalid(f"{name} lies between {least} and {most}.", field="text")
    return int(value)


def _check_turns(turns: tuple[Turn, ...]) -> None:
    """Two turns at once would mean two officers who each believe the other one has it."""
    if not 0 < len(turns) <= TURNS_MAX or len({one.id for one in turns}) < len(turns):
        raise Invalid(f"A roster has 1 to {TURNS_MAX} turns, each with an id of its own.", field="text")
    spans = sorted((_hour(one), one.hours, one.id) for one in turns)
    for (start, hours, name), (after, _, other) in zip(
        spans, [*spans[1:], (spans[0][0] + _DAY_HOURS, 0.0, spans[0][2])], strict=True
    ):
        if start + hours > after + 1e-9:
            raise Invalid(
                f"The turns “{name}” and “{other}” overlap: one officer has the duty at a time.", field="text"
            )


def _hour(turn: Turn) -> float:
    return turn.starts.hour + turn.starts.minute / 60


@lru_cache(maxsize=1)
def shipped() -> Mapping[str, Any]:
    """The sample that is shipped: three turns of eight hours, taken by whoever holds the role."""
    return tomllib.loads(resources.files("dothi.operations").joinpath("data/shifts.toml").read_text("utf-8"))


def rules_kind() -> Kind:
    """What a province or commune sets of its own."""
    return Kind(KIND, shipped(), _check)


def _check(tables: Mapping[str, Any]) -> None:
    try:
        parse(tables)
    except (KeyError, TypeError, ValueError, AttributeError) as cause:
        raise Invalid(f"The roster lacks or misuses {cause}.", field="text") from cause


def roster_at(operations: Operations, unit: str | None = None, at: int | None = None) -> Roster:
    """The roster in force for a unit at an instant (µs; now by default)."""
    adopted = operations.adopted
    if adopted is None or KIND not in adopted.kinds:
        return parse(shipped())
    return parse(in_force(adopted, KIND, unit, at))


def keeps_book(operations: Operations, unit: str, at: int | None = None) -> bool:
    """Whether a unit has a shift book of its own: it adopted a rota, it does not only inherit one."""
    adopted = operations.adopted
    if adopted is None or KIND not in adopted.kinds:
        return False
    return any(one.unit == unit and "rota" in one.tables for one in applied(adopted, KIND, unit, at))


def books(operations: Operations, home: str, now: int | None = None) -> tuple[str, ...]:
    """The units whose shifts are made: the home of the city, and each that adopted a rota of its own."""
    at = now_us() if now is None else now
    sets = operations.adopted.adopted if operations.adopted is not None else {}
    own = {unit for kind, unit in sets if kind == KIND and unit and keeps_book(operations, unit, at)}
    return tuple(sorted({home} | own if home else own))


def book_for(operations: Operations, unit: str, home: str = "", at: int | None = None) -> str:
    """The unit whose shift has the duty for `unit`: its own book, else the nearest one above, else the home's.

    `home` is the unit whose centre this is, where the operations do not say it.
    """
    if operations.territory.knows(unit):
        for above in reversed([one.code for one in operations.territory.chain(unit)]):
            if keeps_book(operations, above, at):
                return above
    return home or operations.home or unit[:2]


def stints(roster: Roster, since: date, days: int) -> Iterator[Stint]:
    """The turns of some days, in order, with who has each by the rota."""
    for number in range(days):
        day = since + timedelta(days=number)
        for turn in sorted(roster.turns, key=_hour):
            starts = from_datetime(datetime.combine(day, turn.starts, VIETNAM))
            yield Stint(turn, day, starts, starts + round(turn.hours * HOUR), login_of(roster, turn.id, day))


def rostered(operations: Operations, unit: str, since: date, days: int) -> Iterator[Stint]:
    """The turns of some days of a unit, each day by the roster that is in force on it."""
    for number in range(days):
        day = since + timedelta(days=number)
        noon = from_datetime(datetime.combine(day, time(12), VIETNAM))
        yield from stints(roster_at(operations, unit, noon), day, 1)


def login_of(roster: Roster, turn: str, day: date) -> str:
    """Who has a turn on a day: the first row of the rota that fits; "" when none does."""
    span = (day - roster.first_day).days // roster.repeat_days
    for row in roster.rota:
        if row.turn == turn and day.isoweekday() in row.days:
            return row.officers[span % len(row.officers)]
    return ""


def day_of(instant: int) -> date:
    """The day of an instant in Vietnam."""
    return to_datetime(instant).astimezone(VIETNAM).date()
