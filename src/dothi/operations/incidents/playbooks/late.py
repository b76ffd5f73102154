"""What clocks bring about: a step or a start that is late is told in the log and brought before the unit above.

Timers live in the store and survive a restart; each is looked at again before it acts, so that nothing is told twice.
"""

import asyncio
from dataclasses import replace

from dothi.ground.clock import from_iso, iso, now_us
from dothi.ground.errors import Conflict, Missing
from dothi.ground.ids import urn
from dothi.hub.model import Actor, Attribute, Change, Commit, Timer, create, json_prop, prop, rel
from dothi.operations.incidents.model import SYSTEM, Incident, NoSuchIncident, Step
from dothi.operations.incidents.service import CONSUMER, incident, move, timer_of
from dothi.operations.incidents.workflow import CLOCK
from dothi.operations.model import OWNER, Operations

TICK_S = 1.0
_CLOCK = Actor(SYSTEM.id, SYSTEM.roles | {CLOCK})


async def run(operations: Operations) -> None:
    """Ring what is due until cancelled. To be run by one process, the leader."""
    while True:
        await ring(operations)
        await asyncio.sleep(TICK_S)


async def ring(operations: Operations, now: int | None = None) -> int:
    """Tell of what is late by `now` (µs); how many timers rang."""
    at = now_us() if now is None else now
    due = operations.hub.due_timers(CONSUMER, at)
    for name, _ in due:
        try:
            found = incident(operations, SYSTEM, name)
        except NoSuchIncident:
            await _silence(operations, (Timer(CONSUMER, name, None),))
            continue
        try:
            await _tell(operations, found, at)
        except Conflict:
            continue  # Somebody acts right now: the timer rings again.
    return len(due)


async def _silence(operations: Operations, timers: tuple[Timer, ...]) -> None:
    await operations.hub.commit(Commit(SYSTEM, (), "nothing is late", timers=timers, owner=OWNER))


async def _tell(operations: Operations, found: Incident, at: int) -> None:
    """Mark what is late, with a line in the log for each, and bring it before the unit above."""
    late = tuple(one for one in found.steps if one.owed and not one.late and from_iso(one.due) < at)
    unseen = not_taken(found, at)
    if not found.open or not (late or unseen):
        await _silence(operations, timer_of(found))
        return
    marked = tuple(one.with_(late=iso(at)) if one in late else one for one in found.steps)
    attrs: dict[str, Attribute] = {
        "steps": json_prop([one.as_json() for one in marked]),
        "escalatedTo": prop(above(operations, found)),
    }
    if not unseen:
        attrs["marks"] = json_prop(found.marks)
    lines = [_line(found, words, at) for words in _words(late, unseen)]
    steps = [one.id for one in late] or ["take"]
    await move(operations, _CLOCK, replace(found, steps=marked), "late", attrs, also=lines, now=at, steps=steps)


def not_taken(found: Incident, at: int) -> bool:
    """Whether nobody has it in hand though the time for that is over, and nobody was told of it yet."""
    return found.state == "open" and "late" not in found.marks and bool(found.take_by) and from_iso(found.take_by) < at


def _words(late: tuple[Step, ...], unseen: bool) -> list[str]:
    said = [f"Quá hạn: {one.title.get('vi', one.id)}" for one in late]
    return [*said, *(["Quá hạn: chưa ai nhận chỉ huy"] if unseen else [])]


def _line(found: Incident, words: str, at: int) -> Change:
    return create(
        urn("LogEntry"),
        "LogEntry",
        about=rel(found.id),
        words=prop(words),
        typedAt=prop(iso(at)),
        by=prop(SYSTEM.id),
        kind=prop("late"),
        drill=prop(found.drill),
        unit=prop(found.unit),
    )


def above(operations: Operations, found: Incident) -> str:
    """The unit whose leader hears of it: the one above the unit that directs, or (a province) itself."""
    unit = found.assignee.partition(".")[0] or found.unit
    try:
        chain = [one.code for one in operations.territory.chain(unit)]
    except Missing:
        return unit
    return next((one for one in chain if one != unit), unit)
