"""A disk that fails to flush, loses power, is full or damaged: acknowledged writes stand, and it says what is wrong."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.faults.disk import Disk
from tests.faults.load import Ledger, Load
from tests.faults.record import counted, note
from tests.faults.served import Served, served
from tests.faults.truth import read_back


async def _lose_power(server: Served, disk: Disk, ledger: Ledger, runs: int) -> None:
    server.start()
    await server.answers()
    async with Load(server.port, ledger, 6) as load:
        for run in range(runs):
            await load.more()
            await asyncio.sleep(random.uniform(0.0, 0.1))
            server.kill()
            disk.lose_power(random.Random(run))
            await server.die_and_rise()
        await load.more(20)
    server.kill()


def test_power_losses(request: pytest.FixtureRequest, tmp_path: Path, free_port: int, disk: Disk) -> None:
    """Whatever was not flushed is gone or torn by sectors: all that was acknowledged is there."""
    ledger, runs = Ledger(), 20
    with served("hub", tmp_path / "city", free_port, disk.environment, checkpoint=200) as server:
        asyncio.run(_lose_power(server, disk, ledger, runs))
    truth = read_back(tmp_path / "city", ledger)
    note(
        request,
        "power loss",
        "writes that were not flushed are dropped or torn by sectors",
        runs,
        **counted(ledger, truth, server.recoveries),
    )
    assert truth.whole, truth


async def _fail_flushes(server: Served, disk: Disk, ledger: Ledger, runs: int) -> None:
    server.start()
    await server.answers()
    async with Load(server.port, ledger, 6) as load:
        for run in range(runs):
            await load.more()
            disk.fail(".db" if run % 4 == 3 else "-wal", skip=random.randrange(3))
            if run % 4 != 3:
                await _heard(ledger, load, disk)
            if run % 2:  # What failed to be flushed is still seen by the next process; then the power goes.
                await server.die_and_rise()
                await load.more(5)
                server.kill()
                disk.lose_power(random.Random(run))
                await server.die_and_rise()
        await load.more(20)
    server.kill()


async def _heard(ledger: Ledger, load: Load, disk: Disk) -> None:
    before = disk.failed
    async with asyncio.timeout(20):
        while disk.failed == before:
            load.check()
            await asyncio.sleep(0.001)


def test_failed_flushes(request: pytest.FixtureRequest, tmp_path: Path, free_port: int, disk: Disk) -> None:
    """A commit whose flush fails is not acknowledged, what follows never rests on it, restarted or not."""
    ledger, runs = Ledger(), 24
    with served("hub", tmp_path / "city", free_port, disk.environment, checkpoint=100) as server:
        asyncio.run(_fail_flushes(server, disk, ledger, runs))
        print(server.log[-2000:])
    truth = read_back(tmp_path / "city", ledger)
    note(
        request,
        "failed flush",
        "fsync fails on log or file, then kill -9, writes, power loss",
        disk.failed,
        **counted(ledger, truth, server.recoveries),
        refused=ledger.answers[503],
    )
    assert truth.whole, truth
    assert disk.failed >= runs // 2
