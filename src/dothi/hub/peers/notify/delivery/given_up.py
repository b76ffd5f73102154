"""Letters that were given up, for the operator of a city that is not served just now."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from dothi.ground.clock import iso, now_us
from dothi.ground.errors import Missing
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import Commit, Parcel, Post, system

_PAGE = 1000
Found = TypeVar("Found")


def listed(folder: Path) -> list[dict[str, Any]]:
    """Each queue of the hub in `folder` with letters that were given up: how many, and why the last was.

    Missing when there is no hub, Conflict while it is served.
    """
    return asyncio.run(_with(folder, _listed))


def replay(folder: Path, subscription: str) -> int:
    """Have the letters of a subscription sent once more when the city is served again; how many. Missing when none."""

    async def again(hub: Hub) -> int:
        queues = [queue for queue in hub.outbox().counts if queue.rpartition(" ")[2] == subscription]
        dead = [one for queue in queues for one in _dead(hub, queue)]
        if not dead:
            raise Missing(f"{subscription} has no letters that were given up; `dothi letters` lists those that have.")
        waiting = tuple(msgspec.structs.replace(one, dead=0, tries=0, made=now_us(), reason="") for one in dead)
        reason = f"letters of {subscription} once more"
        await hub.commit(Commit(system("operator"), (), reason=reason, post=Post(kept=waiting)))
        return len(waiting)

    return asyncio.run(_with(folder, again))


async def _with(folder: Path, use: Callable[[Hub], Awaitable[Found]]) -> Found:
    if not (folder / "hub.db").is_file():
        raise Missing(f"There is no city in {folder.parent}.")
    hub = Hub(folder, Open())
    try:
        return await use(hub)
    finally:
        await hub.close()


async def _listed(hub: Hub) -> list[dict[str, Any]]:
    found = []
    for queue, (waiting, dead) in sorted(hub.outbox().counts.items()):
        if dead:
            last = list(_dead(hub, queue))[-1]
            _, tenant, subscription = queue.split(" ")
            found.append(
                {
                    "subscription": subscription,
                    "tenant": tenant,
                    "givenUp": dead,
                    "waiting": waiting,
                    "last": iso(last.dead),
                    "reason": last.reason,
                }
            )
    return found


def _dead(hub: Hub, queue: str) -> Iterator[Parcel]:
    after = 0
    while page := hub.parcels(queue, dead=True, after=after, limit=_PAGE):
        yield from page
        after = page[-1].number
