"""Sealing: in pieces, beside the writer, stopped anywhere; into a folder and into object storage."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from dothi.ground.clock import DAY, iso, now_us
from dothi.ground.errors import Conflict, Unavailable
from dothi.ground.places import Folder
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import Commit, amend, prop
from dothi.hub.store.cold import sealing
from dothi.hub.store.cold.erasing import verify
from dothi.hub.store.cold.merging import clean, compact
from dothi.hub.store.cold.sealing import Policy, due, seal, seal_due, writing
from dothi.hub.store.cold.tables import Table
from tests.hub.store.cold.conftest import ACTOR, IDS, NOW, fill, seal_all


def _hot(hub: Hub) -> int:
    """Commits in the hot log."""
    hub._store.older, older = None, hub._store.older
    try:
        return len(hub._store.log(0, 10_000))
    finally:
        hub._store.older = older


def test_what_is_old_leaves_the_hot_log_and_nothing_else(opened: Callable[..., Hub]) -> None:
    """By age, and by size where the log is longer; what is neither stays hot."""

    async def run() -> None:
        hub = opened()
        await fill(hub)
        before = hub.log(0, 1000)
        assert await seal_due(hub.chore, hub._store, hub.archive, Policy(hours=1)) == 0
        weight = sum(len(row.blob) for row in hub._store.log(0, 1000))
        count = await seal_due(hub.chore, hub._store, hub.archive, Policy(hours=1, most=weight // 2, piece=5000))
        assert 0.3 * len(before) < count < 0.7 * len(before)
        assert _hot(hub) == len(before) - count
        later = now_us() + 2 * 3600 * 1_000_000
        assert await seal_due(hub.chore, hub._store, hub.archive, Policy(hours=1), later) == len(before) - count
        assert _hot(hub) == 0
        assert hub.log(0, 1000) == before
        await fill(hub, 2, ["urn:ngsi-ld:Sensor:later"])
        assert [one.seq for one in hub.log(0, 1000)] == list(range(1, len(before) + 4))
        await hub.close()

    asyncio.run(run())


@pytest.mark.parametrize("table", ["readings", "echoes", "entries", "commits", "leave"])
def test_a_crash_anywhere_leaves_nothing_doubled_and_nothing_lost(
    table: str, opened: Callable[..., Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped after any table was written, or before the hot rows left: sealed anew, every answer as before."""

    async def run() -> None:
        hub = opened()
        await fill(hub, 20)
        await hub.commit(Commit(ACTOR, (amend(IDS[0], temperature=prop(20.5, iso(0))),)))
        await hub.commit(Commit(ACTOR, (amend(IDS[0], temperature=prop(20.5, iso(0))),)))  # An echo.
        before, told = hub.fingerprint(), hub.history(ACTOR, IDS[0])
        with monkeypatch.context() as patch:
            _stopping(patch, table)
            with pytest.raises(RuntimeError):
                await seal_all(hub)
        await hub.close()
        hub = opened()
        assert _hot(hub) == before.commits
        assert await seal_all(hub) == before.commits
        assert (hub.fingerprint(), hub.history(ACTOR, IDS[0])) == (before, told)
        rows = {name: sum(one.rows for one in found.files()) for name, found in hub.archive.tables.items()}
        assert rows == {"readings": 5 * 2 + 20 * 5 * 2 + 1, "echoes": 1, "entries": 107, "commits": 23}
        await asyncio.to_thread(clean, hub.archive)
        assert list(verify(hub.archive)) == []
        await hub.close()

    asyncio.run(run())


def _stopping(patch: pytest.MonkeyPatch, after: str) -> None:
    """Have everything stop once a table was written."""
    change = Table.change

    def stopped(self: Table, *given: Any, **named: Any) -> None:
        change(self, *given, **named)
        if self.name == after:
            raise RuntimeError("stopped")

    if after != "leave":
        patch.setattr(Table, "change", stopped)
        return

    async def never(hub: Any, *_: Any) -> None:
        raise RuntimeError("stopped")

    patch.setattr(Hub, "chore", never)


def test_what_is_erased_while_it_is_sealed_is_sealed_anew(opened: Callable[..., Hub]) -> None:
    """A hot row that is rewritten between the files and the writer's turn: Conflict, and nothing of it counts."""

    async def run() -> None:
        hub = opened()
        await fill(hub, 3)
        rows = due(hub._store, 0, NOW, now_us())
        write = writing(hub.archive)

        async def meanwhile(given: Any) -> frozenset[int]:
            troubled = await write(given)
            gone = rows[1]._replace(reason="")
            await hub.chore(lambda store: sealing.Written((), (), (), (), (), rewritten=(gone,)))
            return troubled

        with pytest.raises(Conflict):
            await seal(hub.chore, hub.archive, rows, meanwhile)
        assert hub.archive.seal().until == 0
        assert await seal_all(hub) == len(rows)
        assert hub.log(0, 10)[1].reason == ""
        await hub.close()

    asyncio.run(run())


def test_another_process_writes_the_files(opened: Callable[..., Hub]) -> None:
    """So that sealing takes nothing of the writer's interpreter."""

    async def run() -> None:
        hub = opened()
        await fill(hub, 5)
        before = hub.fingerprint()
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            assert await seal_due(hub.chore, hub._store, hub.archive, NOW, pool=pool) == 6
        assert hub.fingerprint() == before
        await hub.close()

    asyncio.run(run())


def test_late_data_go_to_their_day_with_a_later_position(opened: Callable[..., Hub]) -> None:
    """What was observed long ago and is known now lies with its day; merged, a day is one file."""

    async def run() -> None:
        hub = opened()
        await fill(hub, 5)
        await seal_all(hub)
        old = now_us() - 400 * DAY
        for number in range(3):
            change = amend(IDS[0], temperature=prop(1.0 + number, iso(old + number)))
            await hub.commit(Commit(ACTOR, (change,)))
            await seal_all(hub)
        readings = hub.archive.tables["readings"]
        late = [one for one in readings.files() if one.day == iso(old)[:10]]
        assert [one.rows for one in late] == [1, 1, 1]
        before = hub.fingerprint(), hub.history(ACTOR, IDS[0])
        assert await asyncio.to_thread(compact, hub.archive) > 3
        (merged,) = [one for one in readings.files() if one.day == iso(old)[:10]]
        assert merged.rows == 3
        assert merged.known == (late[0].known[0], late[2].known[1])
        for table in hub.archive.tables.values():
            assert len({one.day for one in table.files()}) == len(table.files())
        assert await asyncio.to_thread(clean, hub.archive) > 3
        assert (hub.fingerprint(), hub.history(ACTOR, IDS[0])) == before
        await hub.close()

    asyncio.run(run())


def test_a_full_disk_leaves_the_hot_log_as_it_is(opened: Callable[..., Hub], monkeypatch: pytest.MonkeyPatch) -> None:
    """Unavailable says so; once there is room again the same is sealed."""

    async def run() -> None:
        hub = opened()
        await fill(hub, 5)
        before = hub.fingerprint()

        def full(self: Folder, name: str, body: bytes) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(Folder, "write", full)
            with pytest.raises(Unavailable, match="No space left"):
                await seal_all(hub)
        assert _hot(hub) == before.commits
        assert await seal_all(hub) == before.commits
        assert hub.fingerprint() == before
        await hub.close()

    asyncio.run(run())


def test_object_storage_holds_it_all(opened: Callable[..., Hub], bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real S3 server over HTTP: sealed, merged, erased of strays, read again; gone, the hot log stays as it is."""

    async def run() -> None:
        hub = opened(f"{bucket}/archive")
        await fill(hub, 3)
        before, told = hub.fingerprint(), hub.history(ACTOR, IDS[1])
        rows = due(hub._store, 0, NOW, now_us())
        await seal(hub.chore, hub.archive, rows[:2], writing(hub.archive))
        await seal(hub.chore, hub.archive, rows[2:], writing(hub.archive))
        assert (hub.fingerprint(), hub.history(ACTOR, IDS[1])) == (before, told)
        await asyncio.to_thread(compact, hub.archive)
        await asyncio.to_thread(clean, hub.archive)
        assert (hub.fingerprint(), hub.history(ACTOR, IDS[1])) == (before, told)
        assert list(verify(hub.archive)) == []
        numbers = hub.readings(ACTOR, IDS, ["temperature"], 0)
        assert [len(one.values) for one in numbers.values()] == [3] * 5
        await hub.close()

    asyncio.run(run())


def test_storage_that_does_not_answer_is_told_of(opened: Callable[..., Hub], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens there: Unavailable, the hot log keeps everything and answers."""
    for name, text in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, text)

    async def run() -> None:
        hub = opened("s3://nowhere/archive")
        await fill(hub, 2)
        before = hub.fingerprint()
        with pytest.raises(Unavailable):
            await seal_all(hub)
        assert hub.fingerprint() == before
        assert _hot(hub) == before.commits
        await hub.close()

    asyncio.run(run())


def test_the_sealer_goes_on_when_it_was_refused(
    opened: Callable[..., Hub], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be written is told of and tried again."""
    monkeypatch.setattr(sealing, "_EVERY_S", 0.01)
    failures = iter([Unavailable("The storage is away.")])

    async def run() -> None:
        hub = opened()
        await fill(hub, 2)
        seal_now = sealing.seal_due

        async def sometimes(*given: Any, **named: Any) -> int:
            for failure in failures:
                raise failure
            return await seal_now(*given, **{**named, "pool": None})

        monkeypatch.setattr(sealing, "seal_due", sometimes)
        running = asyncio.create_task(hub.keep_sealed(NOW))
        while hub.archive.seal().until < 3:
            await asyncio.sleep(0.02)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await hub.close()

    asyncio.run(asyncio.wait_for(run(), 30))
    assert "The storage is away." in caplog.text


def test_an_archive_that_is_not_there_is_told_of(opened: Callable[..., Hub], tmp_path: Path) -> None:
    """A setting forgotten or a folder lost: never a history that is silently shorter."""

    async def run() -> None:
        hub = opened()
        await fill(hub, 2)
        await seal_all(hub)
        await hub.close()
        hub = opened(str(tmp_path / "elsewhere"))
        for asked in (lambda: hub.log(0, 10), hub.fingerprint, lambda: hub.history(ACTOR, IDS[0])):
            with pytest.raises(Unavailable, match="no archive"):
                asked()
        await hub.close()

    asyncio.run(run())


def test_an_older_log_beside_a_longer_archive_is_sealed_anew(tmp_path: Path) -> None:
    """After a restore of the log: what lies beyond its seal is taken out, also of a merged file."""

    async def run() -> None:
        hub = Hub(tmp_path / "hub", Open())
        await fill(hub, 6)
        rows = due(hub._store, 0, NOW, now_us())
        await seal(hub.chore, hub.archive, rows[:3], writing(hub.archive))
        stands = hub._store.page("cold", 0)
        before = hub.fingerprint()
        await seal(hub.chore, hub.archive, rows[3:], writing(hub.archive))
        await asyncio.to_thread(compact, hub.archive)
        page = sealing.Page("cold", 0, stands)
        await hub.chore(lambda store: sealing.Written((), rows[3:], (), (), (), pages=(page,)))
        hub.archive.changed(hub.archive.seal())
        assert hub.fingerprint() == before
        assert await seal_all(hub) == len(rows) - 3
        assert hub.fingerprint() == before
        await hub.close()

    asyncio.run(run())


def test_nothing_of_the_test_is_left(tmp_path: Path) -> None:
    """The archive is written below its own folder only."""

    async def run() -> None:
        hub = Hub(tmp_path / "hub", Open())
        await fill(hub, 2)
        await seal_all(hub)
        await hub.close()

    asyncio.run(run())
    assert sorted(os.listdir(tmp_path)) == ["hub"]
    assert {"archive", "hub.db", "lock"} <= set(os.listdir(tmp_path / "hub"))
