"""What expires: durable timers say when, and the sweep makes it a deletion in the log (clause 4.22)."""

import asyncio
import itertools
from collections.abc import Iterable
from typing import Protocol

from dothi.ground.clock import now_us
from dothi.hub.model import Change, Commit, Op, Receipt, Timer, system
from dothi.hub.store.port import Store

EXPIRY = "hub.expiry"  # Whose timers say when something expires: named by tenant and entity.
_ALL = 1 << 62
_EVERY_S = 1.0
_AT_ONCE = 1000  # Swept in one commit at most; more wait a moment only.
_BETWEEN_S = 0.05
_SWEEPER = system("hub")


class Swept(Protocol):
    """What is swept: the hub."""

    async def commit(self, commit: Commit) -> Receipt:
        """Make changes true."""

    def due_timers(self, consumer: str, now: int, limit: int = 1000) -> list[tuple[str, str]]:
        """The timers that are due."""


async def run(hub: Swept) -> None:
    """Sweep until cancelled. Reading hides what has expired at once; this makes it so for the log and its followers."""
    while True:
        count = await sweep(hub, now_us())
        await asyncio.sleep(_EVERY_S if count < _AT_ONCE else _BETWEEN_S)


async def sweep(hub: Swept, now: int) -> int:
    """Delete what has expired at `now` (µs); returns of how many entities. A repeat is harmless."""
    due = [name.partition(" ") for name, _ in hub.due_timers(EXPIRY, now, _AT_ONCE)]
    for tenant, names in itertools.groupby(sorted(due), lambda name: name[0]):
        changes = tuple(Change(Op.EXPIRE, entity_id) for _, _, entity_id in names)
        await hub.commit(Commit(_SWEEPER, changes, "expired (clause 4.22)", partial=True, tenant=tenant))
    return len(due)


def kept_fades(store: Store) -> dict[tuple[int, str], int]:
    """When each entity fades of which something expires, by its timer."""
    fades: dict[tuple[int, str], int] = {}
    for name, moment in store.due(EXPIRY, _ALL, _ALL):
        tenant, _, entity_id = name.partition(" ")
        tid = store.tenant(tenant)
        if tid is not None:
            fades[tid, entity_id] = int(moment)
    return fades


def expiries(fades: dict[tuple[str, str], int]) -> Iterable[Timer]:
    """The timers that fire when something expires of an entity (tenant, id) at a moment (µs, 0 = of it nothing)."""
    for (tenant, entity_id), moment in fades.items():
        yield Timer(EXPIRY, f"{tenant} {entity_id}", moment or None, str(moment))
