"""What a source may not keep any longer ends by itself, and the source says what was ended: the record of disposal."""

import asyncio
import logging

from dothi.accounts.vault import destroy_lockers, lockers
from dothi.ground.clock import DAY, iso, now_us
from dothi.ground.errors import Conflict, Unavailable
from dothi.hub.language.nodes import EventQuery
from dothi.hub.model import Commit, Disposal, amend, json_prop
from dothi.operations.events.model import SYSTEM, EventSource, day_of_locker
from dothi.operations.events.sources import sources
from dothi.operations.model import OWNER, Operations

log = logging.getLogger("dothi.operations")
EVERY_S = 900.0


async def run(operations: Operations) -> None:
    """Look every quarter of an hour, until cancelled."""
    while True:
        await end_old(operations, now_us())
        await asyncio.sleep(EVERY_S)


async def end_old(operations: Operations, now: int) -> int:
    """End what is over at `now` (µs); returns how many detections went."""
    gone = 0
    for source in sources(operations, SYSTEM):
        gone += await _end_events(operations, source, now)
        await _end_keys(operations, source, now)
    return gone


async def _end_events(operations: Operations, source: EventSource, now: int) -> int:
    """Detections and recordings that are over, with the line that says so, in one commit."""
    hub, events, clips = operations.hub, now - source.keep_days * DAY, now - source.clip_days * DAY
    gone = hub.count_events(SYSTEM, source.id, EventQuery(end=events))
    if not gone and not hub.events(SYSTEM, source.id, EventQuery(end=clips, clips=True, limit=1)):
        return 0
    record = {"at": iso(now), "events": gone, "eventsBefore": iso(events), "clipsBefore": iso(clips)}
    commit = Commit(
        SYSTEM,
        (amend(source.id, disposed=json_prop(record, iso(now))),),
        "disposal: their time is over",
        {source.id: source.version},
        owner=OWNER,
        disposals=(Disposal(source.id, events, clips),),
    )
    try:
        await hub.commit(commit)
    except Conflict:
        return 0  # The source was changed meanwhile: the next look takes its new days.
    return gone


async def _end_keys(operations: Operations, source: EventSource, now: int) -> None:
    """The lockers of days that are over: plates and faces open nowhere again, whatever copy holds their rows."""
    if operations.vault is None:
        return
    prefix, days = f"detections|{source.id}|", source.personal_days if source.personal else 0
    over = [one for one in lockers(operations.vault, prefix) if day_of_locker(one) + days * DAY <= now]
    if not over:
        return
    try:
        await destroy_lockers(operations.vault, over, SYSTEM.id, "the time for which they might be kept is over", now)
    except Unavailable as busy:
        log.info("Erased, and old bytes go with the next look: %s", busy)
