"""Content that goes out of sealed files is gone: rewritten, removed, and what is left is as it was."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq

from dothi.hub.core import Hub
from dothi.hub.model import Commit, amend, create, prop
from dothi.hub.store import codec
from dothi.hub.store.codec import Doc
from dothi.hub.store.cold.erasing import drop, rewrite, verify, weigh
from dothi.hub.store.cold.merging import compact
from dothi.hub.store.port import LogRow
from tests.hub.store.cold.conftest import ACTOR, IDS, fill, seal_all

SECRET = "Nguyễn Thị Bí Mật"
PERSON = "urn:ngsi-ld:Person:1"


async def _with_person(hub: Hub) -> list[LogRow]:
    """A sealed hub; the commits that name a person among others."""
    await fill(hub, 4)
    await hub.commit(Commit(ACTOR, (create(PERSON, "Person", name=prop(SECRET)),), f"gặp {SECRET}"))
    changes = (amend(IDS[0], temperature=prop(1.5)), amend(PERSON, phone=prop(SECRET)))
    await hub.commit(Commit(ACTOR, changes))
    await fill(hub, 2, ["urn:ngsi-ld:Sensor:later"])
    await seal_all(hub)
    return list(hub._store.commits((6, 7)).values())


def _emptied(row: LogRow, eid: int) -> LogRow:
    """A commit without what it says of one entity."""
    entries = [
        one._replace(body=codec.encode(Doc(PERSON, ("Person",), gone="00"))) if one.eid == eid else one
        for one in codec.unpack(row.blob)
    ]
    return row._replace(blob=codec.pack(entries), reason="")


def _eid(hub: Hub) -> int:
    return hub._store.heads(hub._store.tenant("") or 0, (PERSON,))[PERSON].eid


def _told(folder: Path) -> str:
    """All that any file of the archive says, live or not: rows, statistics and the log of the tables."""
    said = []
    for path in sorted((folder / "hub" / "archive").rglob("*")):
        if path.suffix == ".parquet" and "_delta_log" not in path.parts:
            said.append(str(pq.read_table(path, partitioning=None).to_pylist()))
        if path.is_file():
            said.append(path.read_bytes().decode("utf-8", "replace"))
    return "".join(said)


def test_erased_content_is_in_no_file_any_more(opened: Callable[..., Hub], tmp_path: Path) -> None:
    """The commit stays with who and when; what it said of the person is in no file, old versions included."""

    async def run() -> None:
        hub = opened()
        rows = await _with_person(hub)
        await asyncio.to_thread(compact, hub.archive)
        assert SECRET in _told(tmp_path)
        before = hub.log(0, 100), hub.history(ACTOR, IDS[0]), hub.readings(ACTOR, IDS, ["temperature"], 0)
        wanted = [_emptied(row, _eid(hub)) for row in rows]
        erased = await rewrite(hub.chore, hub.archive, wanted)
        assert erased.rows == 2
        assert erased.files >= 3
        assert SECRET not in _told(tmp_path)
        assert hub._store.commits((6, 7)) == {row.seq: row for row in wanted}
        after = hub.log(0, 100), hub.history(ACTOR, IDS[0]), hub.readings(ACTOR, IDS, ["temperature"], 0)
        assert after[1:] == before[1:]
        assert [one for one in after[0] if one.seq not in (6, 7)] == [one for one in before[0] if one.seq not in (6, 7)]
        assert list(verify(hub.archive)) == []
        assert (await rewrite(hub.chore, hub.archive, wanted)).files == 0
        await hub.close()
        hub = opened()
        assert hub._store.commits((6, 7)) == {row.seq: row for row in wanted}
        await hub.close()

    asyncio.run(run())


def test_what_is_dropped_is_gone_with_its_commits(opened: Callable[..., Hub], tmp_path: Path) -> None:
    """Entries up to a commit go, and commits of which nothing is left; others keep what they said of others."""

    async def run() -> None:
        hub = opened()
        await _with_person(hub)
        eid = _eid(hub)
        assert sum(one.rows for one in weigh(hub.archive, {eid}, 100)) == 2
        erased = await drop(hub.chore, hub.archive, {eid}, 6)
        assert erased.rows == 3  # An instance, an entry and a commit.
        assert [row.seq for row in hub.log(4, 3)] == [5, 7, 8]
        assert len(hub.log(6, 1)[0].entries) == 2
        await drop(hub.chore, hub.archive, {eid}, 100)
        assert len(hub.log(6, 1)[0].entries) == 1
        assert sum(one.rows for one in weigh(hub.archive, {eid}, 100)) == 0
        assert SECRET not in _told(tmp_path)
        assert [len(one) for one in hub.history(ACTOR, IDS[0]).values()] == [4, 4]
        assert list(hub.history(ACTOR, PERSON)) == []
        assert list(verify(hub.archive)) == []
        await hub.close()

    asyncio.run(run())


def test_every_flipped_missing_or_foreign_file_is_found(opened: Callable[..., Hub], tmp_path: Path) -> None:
    """verify() names a file with a changed byte, one that is gone, and one that does not belong there."""

    async def run() -> None:
        hub = opened()
        await _with_person(hub)
        files = [one for one in (tmp_path / "hub" / "archive").rglob("*.parquet") if "_delta_log" not in one.parts]
        assert len(files) >= 3
        dice = random.Random(1)
        for path in files:
            content = path.read_bytes()
            for _ in range(5):
                flipped = bytearray(content)
                flipped[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
                path.write_bytes(flipped)
                assert [path.name in fault for fault in verify(hub.archive)] == [True]
            path.unlink()
            assert [path.name in fault and "missing" in fault for fault in verify(hub.archive)] == [True]
            path.write_bytes(content)
        strange = files[0].with_name("strange.parquet")
        strange.write_bytes(b"PAR1")
        assert ["strange.parquet" in fault for fault in verify(hub.archive)] == [True]
        strange.unlink()
        assert list(verify(hub.archive)) == []
        await hub.close()

    asyncio.run(run())
