"""How good the alarms are (EEMUA 191, ISA-18.2 clause 16), as pure functions of the moves that were made.

Every figure is about alarms that called somebody: raised, or back from a shelf, a root or maintenance. Rates are for
one operator and ten minutes; how many operators there were is told by the roster.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from dothi.ground.clock import DAY, HOUR, VIETNAM, to_datetime
from dothi.operations.alarms.floods import SLOT, in_flood
from dothi.operations.alarms.handling import Aims, Flood
from dothi.operations.model import Priority

CALLS = frozenset({"raise", "back"})  # Moves by which an alarm calls somebody.
ACTS = ("acknowledge", "assign", "incident", "order", "task")  # What came of it, by how far it went.
OFFENDERS = 10
HOURS = 24


class Moved(NamedTuple):
    """One move of one alarm at `at` (µs)."""

    at: int
    alarm: str
    what: str
    rule: str
    unit: str
    priority: Priority


@dataclass(frozen=True, slots=True)
class Offender:
    """An alarm that called often, with its share of all calls; `chattered` counts how often it had to be held."""

    alarm: str
    rule: str
    calls: int
    share: float
    chattered: int


@dataclass(frozen=True, slots=True)
class Taken:
    """How long (µs) alarms waited for a hand; None where nobody took one."""

    count: int
    median: int | None
    p90: int | None
    by_hour: tuple[int | None, ...]  # Median by the hour of the day, in Vietnam, in which the alarm called.


@dataclass(frozen=True, slots=True)
class Quality:
    """The figures of a span of time."""

    start: int
    end: int
    calls: int
    rates: tuple[float, ...]  # Calls for one operator, slot by slot of ten minutes.
    mean: float
    peak: float
    peak_at: int | None
    within_aim: float  # Share of slots at or below the aim.
    in_flood: float  # Share of time.
    floods: int
    priorities: Mapping[Priority, int]
    taken: Taken
    offenders: tuple[Offender, ...]
    chattering: int  # Alarms that moved too often.
    moves: Mapping[str, int]  # How often each move was made.
    led: Mapping[str, int]  # Alarms that were acknowledged, assigned … at least once.
    alarms: int  # Different alarms that called.

    @property
    def acted(self) -> float | None:
        """Share of the alarms that led to more than being seen; None when there was none."""
        return self.led.get("any", 0) / self.alarms if self.alarms else None


def measure(
    moves: Iterable[Moved], start: int, end: int, operators: Callable[[int], int], flood: Flood, aims: Aims
) -> Quality:
    """The figures of [start, end) in µs; `operators(at)` says how many were on duty. Moves come in any order."""
    listed = sorted((one for one in moves if start <= one.at < end), key=lambda one: one.at)
    calls = [one for one in listed if one.what in CALLS]
    rates = _rates(calls, start, end, operators)
    flooded = in_flood(rates, flood)
    highest = max(range(len(rates)), key=rates.__getitem__, default=None)
    return Quality(
        start,
        end,
        len(calls),
        tuple(rates),
        sum(rates) / len(rates) if rates else 0.0,
        rates[highest] if highest is not None else 0.0,
        start + highest * SLOT if highest is not None and calls else None,
        _share(sum(rate <= aims.per_ten_minutes for rate in rates), len(rates)),
        _share(sum(flooded), len(rates)),
        sum(now and not before for before, now in zip((False, *flooded), flooded, strict=False)),
        _by_priority(calls),
        _taken(listed),
        _offenders(listed, calls),
        len({one.alarm for one in listed if one.what == "chatter"}),
        Counter(one.what for one in listed),
        _led(listed, calls),
        len({one.alarm for one in calls}),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _rates(calls: Sequence[Moved], start: int, end: int, operators: Callable[[int], int]) -> list[float]:
    counted = Counter((one.at - start) // SLOT for one in calls)
    slots = max(0, -(-(end - start) // SLOT))
    return [counted[slot] / max(1, operators(start + slot * SLOT)) if counted[slot] else 0.0 for slot in range(slots)]


def _by_priority(calls: Sequence[Moved]) -> dict[Priority, int]:
    counted = Counter(one.priority for one in calls)
    return {priority: counted[priority] for priority in Priority}


def _taken(moves: Sequence[Moved]) -> Taken:
    """From the first call of an alarm to the hand that took it; one that called again meanwhile waits on."""
    waiting: dict[str, int] = {}
    spans: list[int] = []
    by_hour: dict[int, list[int]] = defaultdict(list)
    for one in moves:
        if one.what in CALLS:
            waiting.setdefault(one.alarm, one.at)
        elif one.what in ("acknowledge", "shelve") and one.alarm in waiting:
            called = waiting.pop(one.alarm)
            spans.append(one.at - called)
            by_hour[to_datetime(called).astimezone(VIETNAM).hour].append(one.at - called)
        elif one.what in ("suppress", "take_out"):
            waiting.pop(one.alarm, None)
    hours = tuple(round(median(by_hour[hour])) if hour in by_hour else None for hour in range(HOURS))
    if not spans:
        return Taken(0, None, None, hours)
    spans.sort()
    return Taken(len(spans), round(median(spans)), spans[min(len(spans) - 1, -(-9 * len(spans) // 10) - 1)], hours)


def _offenders(moves: Sequence[Moved], calls: Sequence[Moved]) -> tuple[Offender, ...]:
    """The alarms that called most, the worst first."""
    counted = Counter(one.alarm for one in calls)
    chattered = Counter(one.alarm for one in moves if one.what in ("chatter", "turn"))
    rules = {one.alarm: one.rule for one in calls}
    worst = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))[:OFFENDERS]
    return tuple(Offender(name, rules[name], n, n / len(calls), chattered[name]) for name, n in worst)


def _led(moves: Sequence[Moved], calls: Sequence[Moved]) -> dict[str, int]:
    """How many of the alarms that called came to each act; "any": to more than being seen."""
    called = {one.alarm for one in calls}
    reached: dict[str, set[str]] = {act: set() for act in ACTS}
    for one in moves:
        if one.what in reached and one.alarm in called:
            reached[one.what].add(one.alarm)
    beyond = set().union(*(reached[act] for act in ACTS[1:]))
    return {**{act: len(found) for act, found in reached.items()}, "any": len(beyond)}


def by_span(quality: Quality, most: int = 168) -> list[tuple[int, float]]:
    """(instant, highest rate) for a chart of at most so many points: by hour or longer."""
    step = next((span for span in (HOUR, 6 * HOUR, DAY) if (quality.end - quality.start) / span <= most), DAY)
    each = step // SLOT
    chunks = range(0, len(quality.rates), each)
    return [(quality.start + place * SLOT, max(quality.rates[place : place + each])) for place in chunks]
