"""Bytes that were cut or turned after a kill: a log ends with its last whole commit, a file says that it is damaged."""

import asyncio
import contextlib
import random
import shutil
from pathlib import Path

import pytest

from dothi.ground.errors import Damaged, Invalid
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS
from tests.faults.load import Ledger, Load, lamp
from tests.faults.record import note
from tests.faults.served import Served, served
from tests.faults.truth import read_back


@pytest.fixture
def left(tmp_path: Path, free_port: int) -> tuple[Path, Ledger]:
    """What a killed server leaves behind, and what it had acknowledged."""
    ledger = Ledger()

    async def run(server: Served) -> None:
        server.start()
        await server.answers()
        async with Load(server.port, ledger, 1) as load:
            await load.more(120)
        server.kill()

    with served("hub", tmp_path / "city", free_port) as server:
        asyncio.run(run(server))
    return tmp_path / "city", ledger


def test_a_torn_log(request: pytest.FixtureRequest, tmp_path: Path, left: tuple[Path, Ledger]) -> None:
    """The log's end is cut or turned at any byte: what stands is a whole prefix of what was acknowledged."""
    city, ledger = left
    chance = random.Random(6)
    whole = (city / "hub" / "hub.db-wal").read_bytes()
    kept: set[int] = set()
    runs = 20
    for run in range(runs):
        copy = tmp_path / f"copy{run}"
        shutil.copytree(city, copy)
        at = chance.randrange(len(whole) // 3, len(whole))
        torn = whole[:at] if run % 2 else whole[:at] + bytes([whole[at] ^ 0x40]) + whole[at + 1 :]
        (copy / "hub" / "hub.db-wal").write_bytes(torn)
        (copy / "hub" / "hub.db-shm").unlink(missing_ok=True)
        found = read_back(copy, Ledger())
        assert (found.doubled, found.reordered, found.torn) == (0, 0, 0), found
        batches = _prefix(copy)
        assert batches == set(range(1, max(batches, default=0) + 1)), "a commit in the middle is missing"
        kept.add(len(batches))
        shutil.rmtree(copy)
    assert len(kept) > 3
    figures = {"acknowledged": ledger.acknowledged, "doubled": 0, "reordered": 0, "torn": 0}
    note(request, "torn log", "hub.db-wal is cut or a bit turned; what stands is a whole prefix", runs, **figures)


def _prefix(copy: Path) -> set[int]:
    """The numbers of the batches that stand."""

    async def look() -> set[int]:
        hub = Hub(copy / "hub", Open())
        try:
            past = hub.history(ANONYMOUS, lamp(0, 0), ("power",)) if hub.some(ANONYMOUS, [lamp(0, 0)]) else {}
            return {one["value"] for one in past.get("power", [])}
        finally:
            await hub.close()

    return asyncio.run(look())


# A hub that cannot be opened ends its process; here the folder's lock goes with the garbage.
@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
def test_a_damaged_file(request: pytest.FixtureRequest, tmp_path: Path, left: tuple[Path, Ledger]) -> None:
    """A page of hub.db is overwritten: the first who reads it is told so, and that `dothi restore` brings it back."""
    city, ledger = left
    _prefix(city)  # Copies the log into the file.
    whole = (city / "hub" / "hub.db").read_bytes()
    told: list[str] = []
    for page in range(min(len(whole) // 4096, 40)):
        copy = tmp_path / f"page{page}" / "hub"
        copy.mkdir(parents=True)
        (copy / "hub.db").write_bytes(whole[: page * 4096] + b"\xa5" * 4096 + whole[(page + 1) * 4096 :])
        with contextlib.suppress(KeyError, ValueError):  # A page of content: `dothi check --log` finds those.
            try:
                read_back(copy.parent, ledger)
            except (Damaged, Invalid) as damage:
                told.append(damage.detail)
    assert len(told) >= 10
    assert all("dothi restore" in one for one in told), told
    note(request, "damaged file", "a page of hub.db is overwritten; the sentence names `dothi restore`", len(told))
