"""What has expired is swept: durable timers say when, and a deletion in the log says that it happened (clause 4.22)."""

import asyncio
import itertools

from dothi.ground.clock import now_us
from dothi.hub.core import Hub
from dothi.hub.model import Change, Commit, Op, system
from dothi.hub.write.commit import EXPIRY

_EVERY_S = 1.0
_SWEEPER = system("hub")


async def run(hub: Hub) -> None:
    """Sweep until cancelled. Reading hides what has expired at once; this makes it so for the log and its followers."""
    while True:
        await sweep(hub, now_us())
        await asyncio.sleep(_EVERY_S)


async def sweep(hub: Hub, now: int) -> int:
    """Delete what has expired at `now` (µs); returns of how many entities. A repeat is harmless."""
    due = [name.partition(" ") for name, _ in hub.due_timers(EXPIRY, now)]
    for tenant, names in itertools.groupby(sorted(due), lambda name: name[0]):
        changes = tuple(Change(Op.EXPIRE, entity_id) for _, _, entity_id in names)
        await hub.commit(Commit(_SWEEPER, changes, "expired (clause 4.22)", partial=True, tenant=tenant))
    return len(due)
