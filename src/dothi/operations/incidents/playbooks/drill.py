"""Drills: an incident opened from a scenario, everything in it marked; what is assumed comes by durable timers.

An inject is a line in the drill's own log. No alarm, report, bulletin or warning to the public comes of it.
"""

import asyncio

import msgspec

from dothi.ground.clock import iso, now_us
from dothi.ground.errors import Conflict, Invalid
from dothi.ground.ids import urn
from dothi.hub.model import ABSENT, Actor, Commit, Timer, create, prop, rel
from dothi.operations.incidents.model import SYSTEM, Incident, NewIncident, NoSuchIncident
from dothi.operations.incidents.playbooks.tables import rules_at
from dothi.operations.incidents.service import DRILLS, incident, open_incident
from dothi.operations.model import OWNER, Operations

TICK_S = 1.0


async def start_drill(  # Which scenario, where.
    operations: Operations,
    actor: Actor,
    scenario: str,
    unit: str,
    key: str | None = None,
    now: int | None = None,
) -> Incident:
    """Open a drill of a scenario in force for a unit. Invalid when there is no such scenario."""
    at = now_us() if now is None else now
    found = rules_at(operations, unit, at).scenarios.get(scenario)
    if found is None:
        raise Invalid("Choose a scenario of the list.", field="scenario")
    new = NewIncident(
        title=found.title["vi"],
        kind=found.kind,
        priority=found.priority,
        unit=unit,
        drill=True,
        scenario=found.id,
        key=key,
    )
    return await open_incident(operations, actor, new, at)


async def run(operations: Operations) -> None:
    """Bring what is assumed, until cancelled. To be run by one process, the leader."""
    while True:
        await ring(operations)
        await asyncio.sleep(TICK_S)


async def ring(operations: Operations, now: int | None = None) -> int:
    """Write what is assumed by `now` (µs) into the logs of the drills that are open; how many timers rang."""
    at = now_us() if now is None else now
    due = operations.hub.due_timers(DRILLS, at)
    for name, payload in due:
        incident_id, _, inject = name.partition("|")
        over = (Timer(DRILLS, name, None),)
        try:
            found = incident(operations, SYSTEM, incident_id)
        except NoSuchIncident:
            found = None
        if found is None or not (found.open and found.drill):
            await operations.hub.commit(Commit(SYSTEM, (), "the drill is over", timers=over, owner=OWNER))
            continue
        said = msgspec.json.decode(payload, type=dict[str, str])
        line = urn("LogEntry", "inject", found.name, inject)
        entry = create(
            line,
            "LogEntry",
            about=rel(found.id),
            words=prop(said["vi"]),
            typedAt=prop(iso(at)),
            by=prop(SYSTEM.id),
            kind=prop("inject"),
            drill=prop(True),
            unit=prop(found.unit),
        )
        try:
            await operations.hub.commit(Commit(SYSTEM, (entry,), "log", {line: ABSENT}, timers=over, owner=OWNER))
        except Conflict:
            await operations.hub.commit(Commit(SYSTEM, (), "told before", timers=over, owner=OWNER))
    return len(due)
