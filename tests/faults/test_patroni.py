"""A primary that dies under load: the synchronous standby takes over, and all that was acknowledged is there."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.faults.load import Ledger, Load
from tests.faults.record import counted, note
from tests.faults.served import Served, served
from tests.faults.truth import read_back
from tests.servers.patroni import TTL_S, Cluster, cluster
from tests.servers.postgres import free_port

RUNS = 3
_CALM_S, _TAKEOVER_S = 2.0, 120.0


async def _failovers(server: Served, group: Cluster, ledger: Ledger) -> list[float]:
    """Kill the primary's whole node while clients write; returns the seconds without an acknowledged write."""
    server.start()
    await server.answers()
    away = []
    async with Load(server.port, ledger, 6, patience=30.0) as load:
        for _ in range(RUNS):
            await load.more(50)
            await asyncio.sleep(_CALM_S)
            load.check()
            dead = group.primary()
            began = time.monotonic()
            await asyncio.to_thread(dead.kill)
            await load.more(1, _TAKEOVER_S)  # May have been under way when the node died.
            await load.more(20, _TAKEOVER_S)
            away.append(time.monotonic() - began)
            dead.start()  # It comes back as the standby.
            await asyncio.to_thread(group.settle)
        await load.more(20)
    server.kill()
    return away


@pytest.mark.slow
def test_the_primary_dies_and_nothing_is_lost(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Zero acknowledged writes lost or doubled over several failovers; writing goes on without a person."""
    ledger = Ledger()
    with cluster() as group, served("hub", tmp_path / "city", free_port(), store=group.url()) as server:
        away = asyncio.run(_failovers(server, group, ledger))
        truth = read_back(tmp_path / "city", ledger, group.url())
    how = (
        f"Patroni and etcd, one synchronous standby (lease {TTL_S} s), kill -9 of the primary's Patroni and PostgreSQL"
    )
    note(request, "primary lost", how, RUNS, **counted(ledger, truth, away))
    assert truth.whole, truth
    assert ledger.acknowledged > RUNS * 50
