"""Requests of the past replayed in order of time: filed, received, begun and answered by the engine of today.

The same door, table of moves, guards, clocks and deadlines as for people, with the clocks of that time. Only what
people wait for between two steps is left out: deeds that follow each other are written together.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from dothi.citizens import Citizens, Filing, Outcome, State, file_report
from dothi.citizens.handling.answering import closed
from dothi.citizens.handling.moving import Deed, Written, by_number, commit, write
from dothi.citizens.handling.workflow import Step
from dothi.citizens.model import StoredFile
from dothi.ground.clock import HOUR, iso
from dothi.hub.model import Actor, prop

LOOKED_AT = 2 * HOUR  # So long after it was filed a request is received, if the source does not say.
TOGETHER = 500  # Deeds of one window; within it those of one request keep their order.
VERBS = ("file", "receive", "start", "answer")


@dataclass(frozen=True, slots=True)
class Past:
    """A request as another system knew it. Instants in µs; `closed` only of those that were answered."""

    key: str
    filing: Filing
    filed: int
    state: State
    closed: int | None = None
    outcome: Outcome = Outcome.RESOLVED
    answer: str = ""


class Moment(NamedTuple):
    """One deed of one request, in order of time."""

    at: int
    key: str
    step: int  # Place in VERBS.


def moments(every: Iterable[Past]) -> list[Moment]:
    """All deeds of all requests, in order of time."""
    found = []
    for one in every:
        later = min(one.filed + LOOKED_AT, one.closed or one.filed + LOOKED_AT)
        found.append(Moment(one.filed, one.key, 0))
        if one.state is not State.FILED:
            found.append(Moment(later, one.key, 1))
        if one.state is State.IN_PROGRESS:
            found.append(Moment(later, one.key, 2))
        if one.closed is not None:
            found.append(Moment(one.closed, one.key, 3))
    return sorted(found)


async def replay(citizens: Citizens, actor: Actor, every: Sequence[Past], proof: StoredFile) -> dict[str, str]:
    """Let it all happen again; returns the public number by key. `proof` is a kept photo that every answer shows."""
    known = {one.key: one for one in every}
    numbers: dict[str, str] = {}
    waiting = iter(moments(every))
    while window := list(islice(waiting, TOGETHER)):
        await _file(citizens, known, window, numbers)
        for together in _turns(window):
            written = [_deed(citizens, actor, known[one.key], numbers[one.key], one, proof) for one in together]
            await commit(citizens, actor, tuple(written), "replayed")
    return numbers


async def _file(
    citizens: Citizens, known: Mapping[str, Past], window: Iterable[Moment], numbers: dict[str, str]
) -> None:
    new = [known[one.key] for one in window if one.step == 0]
    filed = await asyncio.gather(*(file_report(citizens, one.filing, one.filed) for one in new))
    numbers.update((one.key, each.number) for one, each in zip(new, filed, strict=True))


def _turns(window: Iterable[Moment]) -> Iterator[list[Moment]]:
    """The deeds after filing as lists in which each request stands once, in its own order."""
    lives: dict[str, list[Moment]] = defaultdict(list)
    for one in window:
        if one.step:
            lives[one.key].append(one)
    for turn in range(max(map(len, lives.values()), default=0)):
        yield [life[turn] for life in lives.values() if len(life) > turn]


def _deed(citizens: Citizens, actor: Actor, past: Past, number: str, moment: Moment, proof: StoredFile) -> Written:
    """What the verb writes, after the table, its guards and its clocks have had their say."""
    report, verb = by_number(citizens, number), VERBS[moment.step]
    if verb == "receive":
        told = {"receivedAt": prop(iso(moment.at))}
        return write(citizens, actor, report, verb, Step(), Deed(told), moment.at)
    if verb == "start":
        return write(citizens, actor, report, verb, Step(), Deed(), moment.at)
    step = Step(outcome=past.outcome, words=past.answer, files=(proof,))
    said = closed(citizens, report, step, [proof.as_json()], moment.at)
    return write(citizens, actor, report, verb, step, Deed(said), moment.at)
