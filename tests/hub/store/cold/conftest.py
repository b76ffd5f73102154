"""Hubs with a history to be sealed."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from dothi.ground.clock import HOUR, iso, now_us
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import Commit, amend, create, geo, prop, system
from dothi.hub.store.cold.sealing import Policy, seal_due

ACTOR = system("test")
IDS = tuple(f"urn:ngsi-ld:Sensor:{number}" for number in range(5))
NOW = Policy(hours=-1e6, piece=20_000)  # All that is there is due.


async def fill(hub: Hub, rounds: int = 60, ids: Iterable[str] = IDS) -> None:
    """Sensors with a place, and what they measured hour by hour until now."""
    first = now_us() - rounds * HOUR
    names = tuple(ids)
    point = {"type": "Point", "coordinates": [106.1, 10.2]}
    made = tuple(create(one, "Sensor", name=prop(f"Trạm {one[-1]} 100 %"), location=geo(point)) for one in names)
    await hub.commit(Commit(ACTOR, made))
    for number in range(rounds):
        at = iso(first + number * HOUR)
        changes = tuple(
            amend(one, temperature=prop(20.5 + number / 10, at, "CEL"), count=prop(number, at)) for one in names
        )
        await hub.commit(Commit(ACTOR, changes, "đo"))


async def seal_all(hub: Hub) -> int:
    """Seal everything; how many commits."""
    return await seal_due(hub.chore, hub._store, hub.archive, NOW)


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., Hub]:
    """Opens the hub of this test, again and again if asked."""

    def made(archive: str = "") -> Hub:
        return Hub(tmp_path / "hub", Open(), archive=archive)

    return made
