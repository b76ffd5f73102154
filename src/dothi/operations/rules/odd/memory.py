"""What is usual for one series, learnt as it comes, and how far a value lies from it.

Usual is the median of the values seen at this hour and its two neighbours, on working days or on weekends apart. How
far is counted in standard deviations of all that is remembered: a wide measure on purpose, since city series have
heavy tails (docs/anomalies.md compares it with narrower ones and with a library). Nothing is labelled, nothing is
trained; memory is bounded: 48 hours of working day and weekend, with at most `KEPT` values each.
"""

import math
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

from dothi.ground.clock import DAY, HOUR, MINUTE

KEPT = 120  # Values of one hour: ten working days of a value every five minutes.
LEARN_EVERY = 5 * MINUTE  # A quicker series is learnt thinned, so that it remembers as many days.
NEEDED = 20  # Values of these hours before anything is called odd.
MOST_TIMES = 1000.0  # As far as anything is told to lie away: of a series that never moved, any move.
_EAST = 7 * HOUR  # Vietnam has no summer time.
_THURSDAY = 3  # 1970-01-01.
_HOURS = 24


@dataclass(slots=True)
class Memory:
    """What is remembered of a series."""

    hours: "list[array[float]]" = field(default_factory=lambda: [array("d") for _ in range(2 * _HOURS)])
    oldest: list[int] = field(default_factory=lambda: [0] * (2 * _HOURS))  # Where the next value of an hour goes.
    moments: list[tuple[int, float, float]] = field(default_factory=lambda: [(0, 0.0, 0.0)] * (2 * _HOURS))
    first: int | None = None  # µs
    learnt: int = 0  # µs: when the last value was taken in.
    odd_at: int | None = None  # µs: the last odd value.


@dataclass(frozen=True, slots=True)
class Odd:
    """How odd a value is: what is usual, and how many standard deviations it lies away (signed)."""

    usual: float
    deviation: float
    times: float
    of: int  # Values that say what is usual.


def judge(memory: Memory, at: int, value: float, learn_days: float = 3) -> Odd | None:
    """How far a value of that instant (µs) lies from the usual; None as long as too little is known to say."""
    if memory.first is None or at - memory.first < learn_days * DAY:
        return None
    near = _near(memory, at)
    if len(near) < NEEDED:
        return None
    usual, spread = near[len(near) // 2], _deviation(memory)
    away = value - usual
    times = min(abs(away) / spread, MOST_TIMES) if spread > 0 else MOST_TIMES if away else 0.0
    return Odd(usual, spread, math.copysign(times, away), len(near))


def learn(memory: Memory, at: int, value: float) -> None:
    """Take a value in; odd ones too: what stays odd for weeks becomes usual. Old news change nothing."""
    place = _keep(memory, at, value)
    if place is not None:
        _settle(memory, place)


def learn_all(memory: Memory, values: Iterable[tuple[int, float]]) -> None:
    """Take in a past, oldest first."""
    for place in [one for one in {_keep(memory, at, value) for at, value in values} if one is not None]:
        _settle(memory, place)


def _keep(memory: Memory, at: int, value: float) -> int | None:
    """The hour that took it; None when it came too soon after the one before."""
    if memory.first is None:
        memory.first = at
    elif at - memory.learnt < LEARN_EVERY:
        return None
    memory.learnt = at
    place = _place(at)
    kept = memory.hours[place]
    if len(kept) < KEPT:
        kept.append(value)
    else:
        kept[memory.oldest[place]] = value
        memory.oldest[place] = (memory.oldest[place] + 1) % KEPT
    return place


def _settle(memory: Memory, place: int) -> None:
    kept = memory.hours[place]
    mean = math.fsum(kept) / len(kept)
    memory.moments[place] = len(kept), mean, math.fsum((one - mean) ** 2 for one in kept)


def begins(memory: Memory, at: int, quiet_hours: float) -> bool:
    """Remember an odd value of that instant; whether it begins something new or goes on with what was odd before."""
    before, memory.odd_at = memory.odd_at, at
    return before is None or at - before > quiet_hours * HOUR


def _place(at: int) -> int:
    hours = (at + _EAST) // HOUR
    weekend = (hours // _HOURS + _THURSDAY) % 7 >= 5
    return hours % _HOURS + (_HOURS if weekend else 0)


def _near(memory: Memory, at: int) -> list[float]:
    """The values of this hour and its neighbours, sorted."""
    place = _place(at)
    begin, hour = place - place % _HOURS, place % _HOURS
    return sorted(value for step in (-1, 0, 1) for value in memory.hours[begin + (hour + step) % _HOURS])


def _deviation(memory: Memory) -> float:
    """The standard deviation of all that is remembered, from the (count, mean, squares) of its hours."""
    count = sum(n for n, _, _ in memory.moments)
    mean = math.fsum(n * each for n, each, _ in memory.moments) / count
    return math.sqrt(math.fsum(squares + n * (each - mean) ** 2 for n, each, squares in memory.moments) / count)
