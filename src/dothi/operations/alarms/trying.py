"""What other rules of handling would have meant: the calls of the last 90 days judged by both sets."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dothi.ground.clock import DAY, HOUR, iso, now_us
from dothi.office.rules.model import Difference, Measure, Trial, trial
from dothi.operations.alarms.floods import SLOT, in_flood
from dothi.operations.alarms.handling import Handling, parse
from dothi.operations.alarms.quality import CALLS, Moved, measure
from dothi.operations.alarms.reading import ENGINE, find_alarm
from dothi.operations.alarms.record import hours, moves_of, roster
from dothi.operations.model import Operations, Priority

DAYS = 90
Tables = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wait:
    """From the call of an alarm to the hand that took it; `taken` None: nobody has until now. Instants in µs."""

    alarm: str
    priority: Priority
    called: int
    taken: int | None

    def lasted(self, now: int) -> int:
        """How long it waited (µs)."""
        return (now if self.taken is None else self.taken) - self.called


def simulate(operations: Operations, unit: str | None, before: Tables, after: Tables, now: int | None = None) -> Trial:
    """Judge the last 90 days in `unit` (None: all) by two sets of tables. Invalid as their parser says."""
    at = now_us() if now is None else now
    start, end = (at - DAYS * DAY) // HOUR * HOUR, at // SLOT * SLOT + SLOT
    units = operations.territory.within(unit) if unit else None
    moves = sorted(moves_of(hours(operations, ENGINE, start, end), units), key=lambda one: one.at)
    old, new = parse(before), parse(after)
    rates = measure(moves, start, end, roster(operations, start, end), old.flood, old.aims).rates
    names = {name: _name(operations, name) for name in {one.alarm for one in moves}}
    return judged(list(waits(moves)), rates, (old, new), names, start, at)


def _name(operations: Operations, alarm: str) -> str:
    found = find_alarm(operations, alarm)
    name = found.value("name", {}) if found else {}
    said = name.get("vi", "") if isinstance(name, dict) else str(name)
    return " – ".join(filter(None, (said, str(found.value("subjectName", "")) if found else ""))) or alarm


def waits(moves: Iterable[Moved]) -> Iterator[Wait]:
    """Every call with the hand that took it; what was held back by design meanwhile waits for nobody."""
    waiting: dict[str, Moved] = {}
    for one in moves:
        if one.what in CALLS:
            waiting.setdefault(one.alarm, one)
        elif one.what in ("acknowledge", "shelve") and one.alarm in waiting:
            called = waiting.pop(one.alarm)
            yield Wait(one.alarm, called.priority, called.at, one.at)
        elif one.what in ("suppress", "take_out"):
            waiting.pop(one.alarm, None)
    yield from (Wait(one.alarm, one.priority, one.at, None) for one in waiting.values())


def judged(
    cases: Sequence[Wait],
    rates: Sequence[float],
    rules: tuple[Handling, Handling],
    names: Mapping[str, str],
    since: int,
    now: int,
) -> Trial:
    """How many alarms would have been late and gone to the next, and how often there was a flood, under each set."""
    late = [[one.lasted(now) > _limit(one, each) for one in cases] for each in rules]
    handed = [sum(_handed(one, each, now) for one in cases) for each in rules]
    floods = [sum(in_flood(rates, each.flood)) for each in rules]
    found = [
        Difference(
            "late" if new else "in_time",
            one.alarm,
            names.get(one.alarm, one.alarm),
            *(iso(one.called + _limit(one, each)) for each in rules),
        )
        for one, old, new in zip(cases, *late, strict=True)
        if old is not new
    ]
    measures = (
        Measure("alarms_late", len(cases), sum(late[0]), sum(late[1])),
        Measure("alarms_handed", len(cases), handed[0], handed[1]),
        Measure("slots_flooded", len(rates), floods[0], floods[1]),
    )
    return trial(iso(since), len(cases), measures, found)


def _limit(one: Wait, rules: Handling) -> int:
    return round(rules.waiting[one.priority].acknowledge.hours * HOUR)


def _handed(one: Wait, rules: Handling, now: int) -> bool:
    """Whether somebody else would have heard of it."""
    steps = rules.steps(one.priority)
    return bool(steps) and one.lasted(now) > _limit(one, rules) + steps[0].after
