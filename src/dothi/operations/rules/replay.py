"""Alarm rules run over a past: the alarms that would have been, by the very code that runs live.

Values are replayed as if each had come the moment it was measured. What a late line did is not replayed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dothi.hub.model import Readings
from dothi.operations.engine.judging import observe, tick
from dothi.operations.engine.memory import Memory
from dothi.operations.engine.program import Program
from dothi.operations.rules.model import Reason, Turn, Within

Key = tuple[str, str]  # Entity id, attribute.
Told = Callable[[float], None]
_STEP = 4096  # Values between two words of how far it is.


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rule must know of an entity beside its values."""

    types: tuple[str, ...]
    unit: str  # Code of its commune, "" not known.


@dataclass(frozen=True, slots=True)
class Episode:
    """One alarm from its rise to its end (µs); `end` None: it was still up."""

    rule: str
    cause: str  # Id of the subject, or code of the area.
    unit: str
    start: int
    end: int | None
    value: float | None
    reasons: tuple[Reason, ...]
    held: bool = False  # A root alarm was up near by as it rose: it would have called nobody.

    def hours(self, until: int) -> float:
        """How long it was up, at most until `until`."""
        return max(0, (until if self.end is None else min(self.end, until)) - self.start) / 3_600_000_000


def replay(
    program: Program,
    subjects: Mapping[str, Subject],
    past: Mapping[Key, Readings],
    until: int,
    told: Told | None = None,
) -> list[Episode]:
    """The alarms that a program raises over a past, in order of their rise."""
    memory, open_ = Memory(program), dict[tuple[str, str], Turn]()
    found: list[Episode] = []
    for name, kind, attribute, value, at in _in_order(subjects, past, told):
        for turn in observe(memory, name, kind.types, kind.unit, attribute, value, at, at):
            _turned(turn, open_, found)
    for turn in tick(memory, until):
        _turned(turn, open_, found)
    found += [_episode(turn, None) for turn in open_.values()]
    return _with_roots(program, sorted(found, key=lambda one: (one.start, one.rule, one.cause)))


def _in_order(
    subjects: Mapping[str, Subject], past: Mapping[Key, Readings], told: Told | None
) -> Iterator[tuple[str, Subject, str, float, int]]:
    """All values by the instant at which they were measured."""
    series = [(key, one) for key, one in past.items() if key[0] in subjects]
    if not series:
        return
    instants = np.concatenate([np.frombuffer(one.observed, np.int64) for _, one in series])
    values = np.concatenate([np.frombuffer(one.values, np.float64) for _, one in series])
    whose = np.repeat(np.arange(len(series)), [len(one.observed) for _, one in series])
    order = np.argsort(instants, kind="stable")
    whom = [(key[0], subjects[key[0]], key[1]) for key, _ in series]
    columns = (whose[order].tolist(), values[order].tolist(), instants[order].tolist())
    for place, (which, value, at) in enumerate(zip(*columns, strict=True)):
        if told is not None and place % _STEP == 0:
            told(place / len(order))
        name, kind, attribute = whom[which]
        yield name, kind, attribute, value, at


def _turned(turn: Turn, open_: dict[tuple[str, str], Turn], found: list[Episode]) -> None:
    key = (turn.rule.id, turn.cause)
    if turn.raised:
        open_.setdefault(key, turn)  # Later words of an alarm that is up only bring its value of now.
    elif key in open_:
        found.append(_episode(open_.pop(key), turn.at))


def _episode(turn: Turn, end: int | None) -> Episode:
    return Episode(turn.rule.id, turn.cause, turn.unit, turn.at, end, turn.value, turn.reasons)


def _with_roots(program: Program, found: Sequence[Episode]) -> list[Episode]:
    """The same; those that rose while a root alarm was up near by are marked as held back."""
    roots = {root for ready in program.rules() for root in ready.rule.inhibited_by}
    near: dict[tuple[str, str], list[Episode]] = {}  # Roots by where they reach: (rule, subject, unit or province).
    for one in found:
        if one.rule in roots:
            for within in Within:
                near.setdefault((one.rule, _reach(program, one, within)), []).append(one)
    return [_marked(program, one, near) for one in found]


def _marked(program: Program, one: Episode, near: Mapping[tuple[str, str], Sequence[Episode]]) -> Episode:
    ready = program.book(one.unit).get(one.rule)
    if ready is None or not ready.rule.inhibited_by:
        return one
    place = _reach(program, one, ready.rule.inhibited_within)
    up = (root for name in ready.rule.inhibited_by for root in near.get((name, place), ()))
    held = any(root.start <= one.start and (root.end is None or root.end > one.start) for root in up)
    return replace(one, held=held)


def _reach(program: Program, one: Episode, within: Within) -> str:
    """What names the place within which a root holds others back."""
    if within is Within.SUBJECT:
        return f"subject {one.cause}"
    return f"unit {one.unit}" if within is Within.UNIT else f"province {' '.join(program.levels(one.unit)[:2])}"
