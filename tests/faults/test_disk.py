"""A disk that fails to flush, loses power, is full or damaged: acknowledged writes stand, and it says what is wrong."""

import asyncio
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.faults.disk import Disk
from tests.faults.line import Line
from tests.faults.load import Ledger, Load, lamp
from tests.faults.record import counted, note
from tests.faults.served import Served, served
from tests.faults.truth import read_back

FEW_OR_MANY = pytest.mark.parametrize("times", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["few", "many"])


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


@FEW_OR_MANY
def test_power_losses(request: pytest.FixtureRequest, tmp_path: Path, free_port: int, disk: Disk, times: bool) -> None:
    """Whatever was not flushed is gone or torn by sectors: all that was acknowledged is there."""
    ledger, runs = Ledger(), 100 if times else 12
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


@FEW_OR_MANY
def test_failed_flushes(
    request: pytest.FixtureRequest, tmp_path: Path, free_port: int, disk: Disk, times: bool
) -> None:
    """A commit whose flush fails is not acknowledged, what follows never rests on it, restarted or not."""
    ledger, runs = Ledger(), 120 if times else 16
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


@pytest.fixture
def own_mounts() -> list[str]:
    """What starts a program in a mount namespace of its own; left out by name where that is not allowed."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-m", "true"], capture_output=True).returncode:
        pytest.skip("left out: no right to mount a small disk (unshare -m)")
    return [unshare, "-m"]


async def _run_full(server: Served, ledger: Ledger, ballast: Path) -> None:
    server.start()
    await server.answers()
    ballast.write_bytes(bytes(12 << 20))
    async with Load(server.port, ledger, 6) as load:
        async with asyncio.timeout(60):
            while ledger.answers[507] < 30:
                load.check()
                await asyncio.sleep(0.01)
        line = await Line.to(server.port)
        read = await line.ask("GET", f"/ngsi-ld/v1/entities/{lamp(0, 0)}")
        await line.close()
        assert read.status == 200, read
        ballast.unlink()
        await load.more(100)
    server.kill()


def test_a_full_disk(request: pytest.FixtureRequest, tmp_path: Path, free_port: int, own_mounts: list[str]) -> None:
    """Writes get 507 and say why, reading goes on, and writing goes on when there is room again, without a restart."""
    small = tmp_path / "small"
    small.mkdir()
    ledger = Ledger()
    mount = f'mount -t tmpfs -o size=16m dothi {small} && exec "$@"'
    before = [*own_mounts, "sh", "-c", mount, "sh"]
    with served("hub", small / "city", free_port, before=before, log=str(tmp_path / "log")) as server:
        inside = Path(f"/proc/{server.nursery.pid}/root{small}")
        asyncio.run(_run_full(server, ledger, inside / "ballast"))
        shutil.copytree(inside / "city", tmp_path / "left")
    truth = read_back(tmp_path / "left", ledger)
    note(request, "full disk", "16 MB that fill up under load, then 12 MB are freed", 1, **counted(ledger, truth))
    assert truth.whole, truth
    assert ledger.problems
    assert all("no room left" in problem for problem in ledger.problems), ledger.problems
