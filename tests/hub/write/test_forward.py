"""Commits handed to the process that writes: the same answers and errors, nothing lost or doubled when it dies."""

import asyncio
import stat
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from dothi.ground.errors import Conflict, DothiError, Forbidden, Unavailable
from dothi.ground.problem import problem
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.language.nodes import Query, TypeIs
from dothi.hub.model import ANONYMOUS, Actor, Change, Commit, Event, Op, Timer, create, prop, put
from dothi.hub.write.commit import Writer
from dothi.hub.write.forward.client import Forwarder
from dothi.hub.write.forward.server import take_commits
from dothi.hub.write.forward.wire import Asked, Told, asked, frame, told


@asynccontextmanager
async def pair(folder: Path) -> Any:
    """The process that writes and one beside it, here in one process."""
    leader = Hub(folder, Open())
    serving = asyncio.create_task(leader.take_commits())
    await asyncio.sleep(0)
    follower = Hub(folder, Open(), worker="1")
    try:
        yield leader, follower
    finally:
        await follower.close()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        await leader.close()


def in_pair(folder: Path, work: Callable[[Hub, Hub], Awaitable[None]]) -> None:
    async def run() -> None:
        async with pair(folder) as (leader, follower):
            await work(leader, follower)

    asyncio.run(run())


def lamps(hub: Hub) -> dict[str, Any]:
    return {one.id: one.value("power") for one in hub.query(ANONYMOUS, Query(types=TypeIs("Lamp"), limit=1000))}


def test_what_a_worker_commits_stands_for_all(tmp_path: Path) -> None:
    """A commit through a worker is written by the leader, and found by lists of both, whoever asks first."""

    async def work(leader: Hub, follower: Hub) -> None:
        assert lamps(follower) == lamps(leader) == {}
        receipt = await follower.commit(Commit(ANONYMOUS, (put("urn:x:1", "Lamp", power=prop(1)),)))
        assert (receipt.seq, receipt.results[0].status, receipt.replayed) == (1, "created", False)
        assert lamps(leader) == {"urn:x:1": 1}
        await follower.following.reach(follower.following.newest)
        assert lamps(follower) == {"urn:x:1": 1}
        await leader.commit(Commit(ANONYMOUS, (put("urn:x:1", "Lamp", power=prop(2)), put("urn:x:2", "Lamp"))))
        await follower.following.reach(follower.following.newest)
        assert lamps(follower) == lamps(leader) == {"urn:x:1": 2, "urn:x:2": None}

    in_pair(tmp_path, work)


def test_new_types_tenants_and_moves_between_kinds_are_followed(tmp_path: Path) -> None:
    """A worker learns of types and tenants that others made, and of an entity that changes its types or goes."""

    async def work(leader: Hub, follower: Hub) -> None:
        for hub in (leader, follower):
            lamps(hub)
        await leader.commit(Commit(ANONYMOUS, (put("urn:x:1", "Lamp", power=prop(1)),), tenant="hue"))
        await leader.commit(Commit(ANONYMOUS, (put("urn:x:1", "Lamp", power=prop(1)), put("urn:x:2", "Lamp"))))
        await follower.following.reach(follower.following.newest)
        assert follower.has_tenant("hue")
        assert lamps(follower) == {"urn:x:1": 1, "urn:x:2": None}
        await leader.commit(Commit(ANONYMOUS, (Change(Op.PUT, "urn:x:1", ("Bench",)), Change(Op.DELETE, "urn:x:2"))))
        await follower.following.reach(follower.following.newest)
        assert lamps(follower) == {}
        assert [one.id for one in follower.find(ANONYMOUS, "Bench")] == ["urn:x:1"]
        assert follower.types(ANONYMOUS) == leader.types(ANONYMOUS) == {"Bench": 1}

    in_pair(tmp_path, work)


def test_errors_keep_their_kind_detail_and_fields(tmp_path: Path) -> None:
    """What the leader refuses is the same problem for the client of a worker: whole commits and parts of one."""

    async def work(leader: Hub, follower: Hub) -> None:
        key = leader.own("owner", {"Task": "POST /api/tasks"})
        follower.own("owner", {"Task": "POST /api/tasks"})
        await follower.commit(Commit(ANONYMOUS, (create("urn:x:1", "Lamp"),)))
        for one in (
            Commit(ANONYMOUS, (create("urn:x:1", "Lamp"),)),
            Commit(ANONYMOUS, (put("urn:x:1", "Lamp"),), expect={"urn:x:1": 7}),
            Commit(ANONYMOUS, (put("urn:x:2", "Task"),)),
            Commit(ANONYMOUS, (Change(Op.DELETE, "urn:x:none"),)),
        ):
            there, here = await refused(leader, one), await refused(follower, one)
            assert type(there) is type(here)
            assert problem(there) == problem(here)
        await follower.commit(Commit(ANONYMOUS, (put("urn:x:2", "Task"),), owner=key))
        partly = Commit(ANONYMOUS, (create("urn:x:1", "Lamp"), create("urn:x:3", "Lamp")), partial=True)
        failed, made = (await follower.commit(partly)).results
        assert (failed.status, type(failed.error).__name__, made.status) == ("failed", "AlreadyThere", "created")

    in_pair(tmp_path, work)


async def refused(hub: Hub, one: Commit) -> Exception:
    with pytest.raises(DothiError) as caught:
        await hub.commit(one)
    return caught.value


def test_a_key_is_one_key_for_all(tmp_path: Path) -> None:
    """An idempotency key that one process took is known to every other: the first receipt comes back."""

    async def work(leader: Hub, follower: Hub) -> None:
        one = Commit(ANONYMOUS, (create("urn:x:1", "Lamp"),), key="k")
        first = await follower.commit(one)
        assert (await leader.commit(one)).seq == (await follower.commit(one)).seq == first.seq
        assert leader.last_seq() == 1

    in_pair(tmp_path, work)


def test_a_commit_whose_writer_died_is_written_once(tmp_path: Path) -> None:
    """Commits on their way when the writer goes reach the next one; what was written already is told, not redone."""

    async def run() -> None:
        leader = Hub(tmp_path, Open())
        swallowed: list[Commit] = []

        async def deaf(commit: Commit, mark: Any) -> Any:
            """A writer that writes, and dies before it can say so."""
            swallowed.append(commit)
            if len(swallowed) % 2:
                assert isinstance(leader._writer, Writer)
                await leader._writer.submit(commit, mark)
            await asyncio.Event().wait()

        path = tmp_path / "commits.sock"
        first = asyncio.create_task(take_commits(path, deaf))
        await asyncio.sleep(0)
        line = Forwarder(path, "1")
        asking = [
            asyncio.create_task(line.submit(Commit(ANONYMOUS, (create(f"urn:x:{n}", "Lamp"),)))) for n in range(10)
        ]
        while len(swallowed) < 10 or leader.last_seq() < 5:
            await asyncio.sleep(0.01)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        second = asyncio.create_task(leader.take_commits())
        receipts = await asyncio.gather(*asking)
        assert sorted(one.seq for one in receipts) == list(range(1, 11))
        assert not any(one.replayed for one in receipts)
        await line.close()
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        await leader.close()

    asyncio.run(run())


def test_without_a_writer_a_commit_waits_and_is_then_told_to_come_back(tmp_path: Path) -> None:
    """Where no writer comes back within the patience the answer is Unavailable with a time to wait: nothing hangs."""

    async def run() -> None:
        line = Forwarder(tmp_path / "nobody.sock", "1", patience=0.2)
        with pytest.raises(Unavailable) as caught:
            await line.submit(Commit(ANONYMOUS, (create("urn:x:1", "Lamp"),)))
        assert problem(caught.value)[1]["retry_after"] == 1
        await line.close()

    asyncio.run(run())


def test_the_socket_is_its_owners_alone_in_a_folder_of_any_depth(tmp_path: Path) -> None:
    """The socket has mode 600, and works where its path is longer than a socket's name may be."""
    folder = tmp_path / ("a" * 100) / ("b" * 100)

    async def work(_: Hub, follower: Hub) -> None:
        await follower.commit(Commit(ANONYMOUS, (create("urn:x:1", "Lamp"),)))
        assert stat.S_IMODE((folder / "commits.sock").stat().st_mode) == 0o600
        assert stat.S_IMODE((folder / "position").stat().st_mode) == 0o600

    in_pair(folder, work)


def test_a_commit_is_the_same_on_the_other_side() -> None:
    """Whatever a commit may hold arrives as it was: bytes, sets, large numbers, timers, events, words of any script."""
    actor = Actor("user:1", frozenset({"admin"}), frozenset({"46", "19753"}), frozenset({"s"}))
    change = Change(Op.MERGE, "urn:x:1", ("Lamp",), {"a": [{"type": "Property", "value": 1 << 80, "datasetId": "d"}]})
    event = Event("urn:x:1", "k", 5, "seen", {"n": 1.5, "t": "Đèn hỏng 🚦"}, tag=b"\x00\xff", sealed=b"\x01" * 40)
    one = Commit(actor, (change,), "vì sao", {"urn:x:1": 3}, None, ("c", 9), (Timer("c", "n", None),), events=(event,))
    there = asked(frame(Asked(7, "~1:0", "ab", True, one))[4:])
    assert there.commit == one
    error = told(frame(Told(1, error=Conflict("anders", entity="urn:x:1", roles=["a"])))[4:]).error
    assert (type(error), str(error)) == (Conflict, "anders")
    assert isinstance(error, Conflict)
    assert error.fields == {"entity": "urn:x:1", "roles": ["a"]}
    defect = told(frame(Told(1, error=ZeroDivisionError("x")))[4:]).error
    assert defect is not None
    assert problem(defect)[0] == 500
    assert type(told(frame(Told(1, error=Forbidden("no")))[4:]).error) is Forbidden
