"""What the programme does by itself: a part that stays without answer is told of and put before who stands above."""

import asyncio

from dothi.ground.clock import iso, now_us
from dothi.ground.clocks import Limit, due_by
from dothi.ground.errors import Conflict, Missing
from dothi.ground.ids import urn
from dothi.hub.model import Change, Commit, Entity, Op, Timer, prop, system
from dothi.programme.model import OWNER, Programme
from dothi.programme.plans.documents import wake
from dothi.programme.tasks import bottlenecks
from dothi.programme.tasks.bottlenecks import NewBottleneck, raised
from dothi.programme.tasks.parts import CONSUMER, TYPE, Part, PartState, part_of

EVERY_S = 20.0
_SYSTEM = system("programme")


async def run(programme: Programme) -> None:
    """Look at the clocks until cancelled. To be run by one process, the leader."""
    while True:
        await tick(programme, now_us())
        await asyncio.sleep(EVERY_S)


async def tick(programme: Programme, now: int) -> int:
    """Do what is due at `now`; returns how many clocks were looked at."""
    due = programme.hub.due_timers(CONSUMER, now)
    for name, _ in due:
        await _ring(programme, name, now)
    return len(due)


async def _ring(programme: Programme, name: str, now: int) -> None:
    """One clock: a part without answer, or a scheme that is to be looked through."""
    over = Timer(CONSUMER, name, None)
    try:
        entity = programme.hub.get(_SYSTEM, name)
    except Missing:
        await programme.hub.commit(Commit(_SYSTEM, (), "clock of nothing", timers=(over,)))
        return
    changes = _silent(programme, entity, now) if TYPE in entity.types else wake(entity)
    reason = "no answer inside the limit" if TYPE in entity.types else "review is due"
    expect = {name: entity.version}
    try:
        await programme.hub.commit(Commit(_SYSTEM, changes, reason, expect, owner=OWNER, timers=(over,)))
    except Conflict:
        return  # Answered this very moment: the next look finds the clock that the answer set.


def _silent(programme: Programme, entity: Entity, now: int) -> tuple[Change, ...]:
    """The silence on the part itself, and a bottleneck of coordination for who stands above."""
    one = part_of(entity)
    if one.state not in (PartState.ASKED, PartState.RETURNED) or one.silent_at:
        return ()
    told = Change(Op.APPEND, one.id, attrs={"silentAt": prop(iso(now))})
    above = programme.upper(one.assignee)
    if above == one.assignee:
        return (told,)  # Nobody stands above in this city: the silence is recorded.
    number = sum(mark.stage in (PartState.ASKED, PartState.RETURNED) for mark in one.marks)
    name = urn(bottlenecks.TYPE, "silence", one.id.removeprefix("urn:ngsi-ld:TaskPart:"), str(number))
    return told, raised(one.task, entity.value("unit"), _escalation(programme, one, above, now), _SYSTEM.id, now, name)


def _escalation(programme: Programme, one: Part, above: str, now: int) -> NewBottleneck:
    until = due_by(now, Limit(programme.rules_at(one.of, now).silence_hours), programme.calendar)
    words = f"{programme.named(one.assignee)} chưa trả lời trong hạn về phần việc “{one.title}”."
    return NewBottleneck("coordination", words, above, iso(until))
