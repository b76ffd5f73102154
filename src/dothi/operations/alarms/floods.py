"""What holds a flood of alarms back, as pure functions: chattering, bursts with their first alarm, floods."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dothi.ground.clock import MINUTE
from dothi.operations.alarms.handling import Flapping, Flood

SLOT = 10 * MINUTE  # Alarms are counted by ten minutes (EEMUA 191).
TURNS_KEPT = 20


def turned(turns: Iterable[int], now: int) -> tuple[int, ...]:
    """When (µs) a condition began, with this time; only the last ones are kept."""
    return (*turns, now)[-TURNS_KEPT:]


def chatters(turns: Sequence[int], flapping: Flapping, now: int) -> bool:
    """Whether a condition began too often of late."""
    return sum(now - flapping.within <= one <= now for one in turns) >= flapping.moves


def calm_at(turns: Sequence[int], cleared: int, flapping: Flapping) -> int:
    """When (µs) a chattering alarm may clear, if nothing happens until then."""
    return max((*turns, cleared)) + flapping.calm


@dataclass(frozen=True, slots=True)
class Burst:
    """Alarms of one unit that follow each other: the name of the burst, and whether this one began it."""

    group: str
    first: bool


def burst_of(name: str, now: int, others: Iterable[tuple[str, int]], within: int) -> Burst:
    """The burst of a new alarm; `others` are (group, since in µs) of the open ones in its unit.

    The first alarm of a burst is the one to look at: what follows is often its consequence (first-out).
    """
    near = [(since, group) for group, since in others if group and now - within <= since <= now]
    return Burst(max(near)[1], first=False) if near else Burst(name, first=True)


def in_flood(rates: Sequence[float], flood: Flood) -> list[bool]:
    """For each slot whether it lies in a flood; `rates` = new alarms for an operator, slot by slot."""
    flooded, found = False, []
    for rate in rates:
        flooded = rate > flood.alarms or (flooded and rate >= flood.over)
        found.append(flooded)
    return found


def is_flood(new: int, operators: int, flood: Flood) -> bool:
    """Whether so many new alarms of the last ten minutes are a flood for the operators who are there."""
    return new / max(1, operators) > flood.alarms
