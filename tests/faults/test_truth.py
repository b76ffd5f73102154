"""The judge of all other tests here: it finds what is lost, doubled, out of order and torn."""

import asyncio
from pathlib import Path

from dothi.ground.clock import iso
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS, Change, Commit, Op, prop
from tests.faults.load import BATCH, BEGAN, Ledger, lamp, new
from tests.faults.truth import Truth, read_back


def _written(folder: Path, *commits: tuple[int, int]) -> None:
    """Commits of client 0: (number, how many of its lamps)."""

    async def write() -> None:
        hub = Hub(folder / "hub", Open())
        for number, lamps in commits:
            changes = [
                Change(Op.UPSERT, lamp(0, i), ("Lamp",), {"power": prop(number, iso(BEGAN + number))})
                for i in range(lamps)
            ]
            await hub.commit(Commit(ANONYMOUS, tuple(changes)))
        await hub.close()

    asyncio.run(write())


def test_what_is_right_is_found_whole(tmp_path: Path) -> None:
    """Whole batches in order, all of them acknowledged: nothing is wrong."""
    _written(tmp_path, (1, BATCH), (2, BATCH))
    assert read_back(tmp_path, Ledger(batches={(0, 1), (0, 2)})) == Truth(2)


def test_what_is_wrong_is_counted(tmp_path: Path) -> None:
    """A batch and an entity that nobody kept are lost; twice is doubled; backwards is reordered; half is torn."""
    _written(tmp_path, (1, BATCH), (3, BATCH), (2, BATCH), (1, BATCH), (4, BATCH - 1))
    found = read_back(tmp_path, Ledger(batches={(0, 1), (0, 5)}, created={(0, 3)}))
    assert new(0, 3) not in (lamp(0, i) for i in range(BATCH))
    assert (found.lost, found.doubled, found.reordered, found.torn) == (BATCH + 2, BATCH, BATCH, 1)
    assert not found.whole
