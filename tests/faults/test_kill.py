"""kill -9 at any moment: what was acknowledged is there, once, whole and in order, however often it was repeated."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.faults.load import Ledger, Load
from tests.faults.record import counted, note
from tests.faults.served import Served, served
from tests.faults.truth import read_back

HUB = "the hub behind its API, 6 clients, every second write sent twice"
CITY = "`dothi serve`, 6 clients, every second write sent twice"


async def _kills(server: Served, ledger: Ledger, runs: int, longest: float) -> list[int]:
    """Kill at random moments while clients write; returns what was acknowledged in each life."""
    server.start()
    await server.answers()
    each = []
    async with Load(server.port, ledger, 6) as load:
        for _ in range(runs):
            before = ledger.acknowledged
            await load.more()
            await asyncio.sleep(random.uniform(0.0, longest))
            load.check()
            each.append(ledger.acknowledged - before)
            await server.die_and_rise()
        await load.more(20)
    server.kill()
    return each


def _survives(
    request: pytest.FixtureRequest, folder: Path, port: int, runs: int, kind: str, how: str, **order: int
) -> None:
    ledger = Ledger()
    with served(kind, folder / "city", port, **order) as server:
        each = asyncio.run(_kills(server, ledger, runs, 0.15))
        recoveries = server.recoveries
    truth = read_back(folder / "city", ledger)
    note(request, "kill -9", how, runs, **counted(ledger, truth, recoveries))
    assert truth.whole, truth
    assert len(set(each)) > min(runs // 4, 12), f"a crash test must show that its runs differ: {each}"


def test_fifty_kills(request: pytest.FixtureRequest, tmp_path: Path, free_port: int) -> None:
    """Fifty times kill -9 of the hub behind its API: nothing acknowledged is lost, nothing is there twice."""
    _survives(request, tmp_path, free_port, 50, "hub", HUB)


def test_kills_during_checkpoints(request: pytest.FixtureRequest, tmp_path: Path, free_port: int) -> None:
    """The same while the write-ahead log is copied into the file at nearly every commit."""
    _survives(request, tmp_path, free_port, 15, "hub", f"{HUB}, a checkpoint at nearly every commit", checkpoint=20)


def test_kills_of_the_whole_city(request: pytest.FixtureRequest, tmp_path: Path, free_port: int) -> None:
    """Three times kill -9 of `dothi serve` with all its modules."""
    _survives(request, tmp_path, free_port, 3, "city", CITY)


@pytest.mark.slow
def test_five_hundred_kills(request: pytest.FixtureRequest, tmp_path: Path, free_port: int) -> None:
    """Five hundred times."""
    _survives(request, tmp_path, free_port, 500, "hub", f"{HUB}, a checkpoint often", checkpoint=200)


@pytest.mark.slow
def test_fifty_kills_of_the_whole_city(request: pytest.FixtureRequest, tmp_path: Path, free_port: int) -> None:
    """Fifty times kill -9 of `dothi serve`."""
    _survives(request, tmp_path, free_port, 50, "city", CITY)
