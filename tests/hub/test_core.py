"""The hub's face: commit, receipts, guards, feed, timers, history."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dothi.ground.clock import from_iso, now_us
from dothi.ground.errors import Conflict, Forbidden, Missing
from dothi.hub.access import Open
from dothi.hub.core import Hub, load
from dothi.hub.language.nodes import Window
from dothi.hub.model import (
    ABSENT,
    ANONYMOUS,
    Change,
    Commit,
    Disposal,
    Event,
    LoggedCommit,
    Op,
    Receipt,
    Timer,
    amend,
    create,
    prop,
    put,
)

LAMP = "urn:x:lamp"


@asynccontextmanager
async def hub_in(folder: Path) -> AsyncIterator[Hub]:
    hub = Hub(folder, Open())
    try:
        yield hub
    finally:
        await hub.close()


def with_hub(folder: Path, story: Callable[[Hub], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with hub_in(folder) as hub:
            return await story(hub)

    return asyncio.run(run())


async def write(hub: Hub, *changes: Change, **fields: Any) -> Receipt:
    return await hub.commit(Commit(ANONYMOUS, changes, **fields))


def reading(value: float, at: str, **fields: Any) -> Change:
    return Change(Op.UPSERT, LAMP, ("Lamp",), {"power": prop(value, at)}, **fields)


def test_what_is_committed_is_read_and_survives(tmp_path: Path) -> None:
    """An entity is there right after its receipt, and after opening the folder again."""

    async def first(hub: Hub) -> None:
        receipt = await write(hub, create(LAMP, "Lamp", power=prop(40)), reason="new")
        assert (receipt.seq, receipt.results[0].status, receipt.results[0].version) == (1, "created", 1)
        assert hub.get(ANONYMOUS, LAMP).value("power") == 40

    async def then(hub: Hub) -> None:
        assert hub.get(ANONYMOUS, LAMP).value("power") == 40
        assert (await write(hub, amend(LAMP, power=prop(50)))).seq == 2
        assert [(c.actor, c.reason, len(c.entries)) for c in hub.log()] == [
            ("anonymous", "new", 1),
            ("anonymous", "", 1),
        ]

    with_hub(tmp_path, first)
    with_hub(tmp_path, then)


def test_events_stand_in_the_lane_of_an_entity(tmp_path: Path) -> None:
    """Events join the commit's fate: guarded like their entity, kept once by key, ended by a disposal, moved along."""

    async def story(hub: Hub) -> list[tuple[str, Event]]:
        owner = hub.own("watch", {"Camera": "POST /cameras"})
        seen = Event("urn:x:cam", "a", 5_000, "smoke", {"confidence": 0.9}, "clip/1")
        with pytest.raises(Missing, match="no urn:x:cam"):
            await write(hub, events=(seen,), owner=owner)
        await write(hub, create("urn:x:cam", "Camera", name=prop("Gate")), events=(seen,), owner=owner)
        with pytest.raises(Forbidden, match="POST /cameras"):
            await write(hub, events=(seen,))
        with pytest.raises(Conflict):
            await write(hub, create("urn:x:cam", "Camera"), events=(Event("urn:x:cam", "b", 1, "fire"),), owner=owner)
        again = msgspec.structs.replace(seen, key="c", at=9_000)
        await write(hub, events=(seen, again), owner=owner)
        assert [(one.key, one.lane) for one in hub.events(ANONYMOUS, "urn:x:cam")] == [
            ("c", "urn:x:cam"),
            ("a", "urn:x:cam"),
        ]
        assert hub.events(ANONYMOUS, "urn:x:cam")[0].known > 0
        await write(hub, disposals=(Disposal("urn:x:cam", 6_000, 10_000),), owner=owner)
        assert [(one.key, one.clip) for one in hub.events(ANONYMOUS, "urn:x:cam")] == [("c", "")]
        assert hub.last_seq() == 1
        return list(hub.dump_events())

    async def all_of(hub: Hub) -> tuple[list[LoggedCommit], list[tuple[str, Event]]]:
        return list(hub.dump()), list(hub.dump_events())

    events = with_hub(tmp_path / "first", story)
    load(tmp_path / "second", with_hub(tmp_path / "first", all_of)[0], events)
    assert with_hub(tmp_path / "second", all_of)[1] == events != []


def test_a_commit_is_all_or_nothing(tmp_path: Path) -> None:
    """One change that fails takes the whole commit with it; with partial each stands for itself."""

    async def story(hub: Hub) -> None:
        changes = (put("urn:x:1", "Lamp", a=prop(1)), amend("urn:x:none", a=prop(1)))
        with pytest.raises(Missing):
            await write(hub, *changes)
        with pytest.raises(Missing):
            hub.get(ANONYMOUS, "urn:x:1")
        assert hub.log() == []
        receipt = await write(hub, *changes, partial=True)
        assert [one.status for one in receipt.results] == ["created", "failed"]
        assert isinstance(receipt.results[1].error, Missing)
        assert hub.get(ANONYMOUS, "urn:x:1").value("a") == 1

    with_hub(tmp_path, story)


def test_changes_of_one_commit_build_on_each_other(tmp_path: Path) -> None:
    """Two changes of one entity in one commit both count, in order, in state and history."""

    async def story(hub: Hub) -> None:
        await write(
            hub, put(LAMP, "Lamp", a=prop(1, "2026-01-01T00:00:00Z")), amend(LAMP, a=prop(2, "2026-01-02T00:00:00Z"))
        )
        assert hub.get(ANONYMOUS, LAMP).value("a") == 2
        assert hub.get(ANONYMOUS, LAMP).version == 2
        await write(hub, amend(LAMP, a=prop(3, "2026-01-03T00:00:00Z")))
        assert [one["value"] for one in hub.history(ANONYMOUS, LAMP)["a"]] == [1, 2, 3]

    with_hub(tmp_path, story)


def test_a_stale_version_is_refused(tmp_path: Path) -> None:
    """`expect` lets only the writer pass who saw the last version; ABSENT means it must not exist."""

    async def story(hub: Hub) -> None:
        await write(hub, put(LAMP, "Lamp", a=prop(1)), expect={LAMP: ABSENT})
        await write(hub, amend(LAMP, a=prop(2)), expect={LAMP: 1})
        with pytest.raises(Conflict, match="version 2, not 1"):
            await write(hub, amend(LAMP, a=prop(3)), expect={LAMP: 1})
        with pytest.raises(Conflict):
            await write(hub, put(LAMP, "Lamp"), expect={LAMP: ABSENT})

    with_hub(tmp_path, story)


def test_of_many_at_once_one_wins(tmp_path: Path) -> None:
    """Of 50 concurrent creations of the same alarm exactly one is accepted, though they share a flush."""

    async def story(hub: Hub) -> None:
        tries = [write(hub, put(LAMP, "Lamp", a=prop(n)), expect={LAMP: ABSENT}) for n in range(50)]
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(isinstance(one, Receipt) for one in outcomes) == 1
        assert sum(isinstance(one, Conflict) for one in outcomes) == 49

    with_hub(tmp_path, story)


def test_a_key_makes_a_repeat_harmless(tmp_path: Path) -> None:
    """The same key again, at once or after a restart, gives the first receipt and writes nothing."""

    async def first(hub: Hub) -> Receipt:
        one, two = await asyncio.gather(*(write(hub, put(LAMP, "Lamp", a=prop(1)), key="k") for _ in range(2)))
        assert (one.seq, two.seq, one.replayed, two.replayed) == (1, 1, False, True)
        return one

    async def then(hub: Hub) -> None:
        again = await write(hub, put(LAMP, "Lamp", a=prop(2)), key="k")
        assert (again.seq, again.replayed, again.results[0].status) == (1, True, "created")
        assert hub.get(ANONYMOUS, LAMP).value("a") == 1

    with_hub(tmp_path, first)
    with_hub(tmp_path, then)


def test_the_same_reading_twice_leaves_one_trace(tmp_path: Path) -> None:
    """Same entity, attribute, observedAt and value: one instance in history, however often it is sent."""

    async def story(hub: Hub) -> None:
        for value, at in ((1, "2026-01-01T00:00:00Z"), (1, "2026-01-01T00:00:00Z"), (1, "2026-01-01T01:00:00Z")):
            await write(hub, reading(value, at))
        assert [one["observedAt"] for one in hub.history(ANONYMOUS, LAMP)["power"]] == [
            "2026-01-01T00:00:00Z",
            "2026-01-01T01:00:00Z",
        ]

    with_hub(tmp_path, story)


def test_late_data_is_history_and_not_state(tmp_path: Path) -> None:
    """A reading older by observedAt does not change what stands; history holds both in order of fact."""

    async def story(hub: Hub) -> None:
        await write(hub, reading(2, "2026-01-02T00:00:00Z"))
        await write(hub, reading(1, "2026-01-01T00:00:00Z", newer_only=True))
        assert hub.get(ANONYMOUS, LAMP).value("power") == 2
        assert [one["value"] for one in hub.history(ANONYMOUS, LAMP)["power"]] == [1, 2]
        window = Window("after", from_iso("2026-01-01T12:00:00Z"))
        assert [one["value"] for one in hub.history(ANONYMOUS, LAMP, window=window)["power"]] == [2]

    with_hub(tmp_path, story)


def test_a_fact_of_the_future_is_found(tmp_path: Path) -> None:
    """A forecast, observed after it was known, is not lost to the walk that stops at the commit's time."""

    async def story(hub: Hub) -> None:
        await write(hub, reading(7, "2199-01-01T00:00:00Z"))
        await write(hub, amend(LAMP, other=prop(1)))
        window = Window("after", from_iso("2198-01-01T00:00:00Z"))
        assert [one["value"] for one in hub.history(ANONYMOUS, LAMP, window=window)["power"]] == [7]

    with_hub(tmp_path, story)


def test_as_known_on_a_day(tmp_path: Path) -> None:
    """The entity as it was known at an instant, also before it was there and after it was deleted."""

    async def story(hub: Hub) -> None:
        before = now_us()
        first = await write(hub, put(LAMP, "Lamp", a=prop(1), b=prop(1)))
        second = await write(hub, amend(LAMP, a=prop(2)))
        gone = await write(hub, Change(Op.DELETE, LAMP))
        back = await write(hub, put(LAMP, "Lamp", a=prop(9)))
        known = [hub.as_known(ANONYMOUS, LAMP, at) for at in (before, first.at, second.at, gone.at, back.at)]
        values = [entity.value("a") if entity else None for entity in known]
        assert values == [None, 1, 2, None, 9]
        assert known[2] is not None
        assert known[2].value("b") == 1
        assert [commit.entries[0].status for commit in hub.trail(ANONYMOUS, LAMP)] == [
            "created",
            "deleted",
            "updated",
            "created",
        ]

    with_hub(tmp_path, story)


def test_a_guarded_type_yields_to_its_owner_only(tmp_path: Path) -> None:
    """Every generic operation on a guarded type, by its present or its new type, is Forbidden and names the verb."""

    async def story(hub: Hub) -> None:
        owner = hub.own("citizens", {"CitizenReport": "POST /api/reports"})
        await write(hub, put(LAMP, "CitizenReport", a=prop(1)), owner=owner)
        await write(hub, put("urn:x:2", "Lamp", a=prop(1)))
        for op in set(Op) - {Op.EXPIRE}:  # That one takes away only what its owner had let expire.
            change = Change(op, LAMP, ("Lamp",), {"a": prop(2)}, name="a")
            with pytest.raises(Forbidden, match="POST /api/reports"):
                await write(hub, change)
        with pytest.raises(Forbidden):
            await write(hub, Change(Op.APPEND, "urn:x:2", ("CitizenReport",)))
        with pytest.raises(Forbidden):
            await write(hub, amend(LAMP, a=prop(2)), owner="programme")
        assert hub.get(ANONYMOUS, LAMP).value("a") == 1
        with pytest.raises(ValueError, match="owned by citizens"):
            hub.own("programme", {"CitizenReport": "x"})

    with_hub(tmp_path, story)


def test_a_consumer_follows_and_nothing_happens_twice(tmp_path: Path) -> None:
    """The feed gives every commit in order, old and new; the cursor is stored with the effects."""

    async def story(hub: Hub) -> None:
        await write(hub, put("urn:x:1", "Lamp", a=prop(1)))
        seen: list[int] = []

        async def consume() -> None:
            async for commit in hub.follow(hub.cursor("rules")):
                seen.append(commit.seq)
                await hub.commit(Commit(ANONYMOUS, (), cursor=("rules", commit.seq)))
                if commit.seq == 3:
                    return

        task = asyncio.create_task(consume())
        await asyncio.sleep(0.05)
        await write(hub, put("urn:x:2", "Lamp", a=prop(1)))
        await write(hub, put("urn:x:3", "Lamp", a=prop(1)))
        await asyncio.wait_for(task, 5)
        assert seen == [1, 2, 3]
        assert hub.cursor("rules") == 3

    with_hub(tmp_path, story)


def test_a_follower_is_told_what_it_wants(tmp_path: Path) -> None:
    """A follower of one type gets only its entries, but every commit; without attributes when it asks for that."""

    async def story(hub: Hub) -> None:
        for n in range(100):
            await write(hub, put(f"urn:x:{n}", "Lamp" if n % 2 else "Bin", a=prop(n)), put(f"urn:y:{n}", "Post"))
        told: list[Any] = []
        async for commit in hub.follow(10, lambda types: "Lamp" in types):
            told.append(commit)
            if commit.seq == 100:
                break
        assert [commit.seq for commit in told] == list(range(11, 101))
        found = [entry for commit in told for entry in commit.entries]
        assert [entry.id for entry in found] == [f"urn:x:{n}" for n in range(11, 100, 2)]
        assert found[0].attrs["a"]["value"] == 11
        async for commit in hub.follow(99, whole=False):
            assert [(entry.id, entry.attrs) for entry in commit.entries] == [("urn:x:99", {}), ("urn:y:99", {})]
            break

    with_hub(tmp_path, story)


def test_timers_are_durable(tmp_path: Path) -> None:
    """A timer set in a commit is due after its time, also after a restart, until a commit removes it."""

    async def first(hub: Hub) -> None:
        await write(hub, timers=(Timer("clock", "a", 100, "payload"), Timer("clock", "b", 1000)))

    async def then(hub: Hub) -> None:
        assert hub.due_timers("clock", 500) == [("a", "payload")]
        await write(hub, timers=(Timer("clock", "a", None),))
        assert hub.due_timers("clock", 500) == []

    with_hub(tmp_path, first)
    with_hub(tmp_path, then)


def test_a_folder_has_one_process(tmp_path: Path) -> None:
    """A second hub on the same folder is refused in one clear sentence."""

    async def story(hub: Hub) -> None:
        with pytest.raises(Conflict, match="in use by process"):
            Hub(tmp_path, Open())

    with_hub(tmp_path, story)


def test_a_city_moves_whole(tmp_path: Path) -> None:
    """Dumped and loaded into an empty folder a city has the same counts and the same fingerprint, history included."""

    async def fill(hub: Hub) -> Any:
        for n in range(30):
            await write(hub, put(f"urn:x:{n % 7}", "Lamp", a=prop(n), b=prop(n * 1.5)), tenant="hue" if n % 2 else "")
            await write(hub, amend(f"urn:x:{n % 7}", a=prop(n + 0.5)), tenant="hue" if n % 2 else "")
        await write(hub, Change(Op.DELETE, "urn:x:0"))
        await write(hub, reading(2, "2026-01-02T00:00:00Z"))
        await write(hub, reading(1, "2026-01-01T00:00:00Z", newer_only=True))
        return hub.fingerprint(), list(hub.dump())

    print_, log = with_hub(tmp_path / "a", fill)
    assert load(tmp_path / "b", log) == len(log)

    async def compare(hub: Hub) -> None:
        assert hub.fingerprint() == print_
        assert (await write(hub, put("urn:x:0", "Lamp", a=prop(1)))).seq == log[-1].seq + 1
        assert hub.fingerprint() != print_

    with_hub(tmp_path / "b", compare)
    with pytest.raises(Conflict, match="not empty"):
        load(tmp_path / "b", log)


def test_tenants_do_not_see_each_other(tmp_path: Path) -> None:
    """The same id in two tenants is two entities."""

    async def story(hub: Hub) -> None:
        await write(hub, put(LAMP, "Lamp", a=prop(1)))
        await write(hub, put(LAMP, "Lamp", a=prop(2)), tenant="hue")
        assert (hub.get(ANONYMOUS, LAMP).value("a"), hub.get(ANONYMOUS, LAMP, "hue").value("a")) == (1, 2)
        assert (hub.has_tenant("hue"), hub.has_tenant("none"), hub.has_tenant("")) == (True, False, True)
        with pytest.raises(Missing):
            hub.get(ANONYMOUS, LAMP, "none")

    with_hub(tmp_path, story)
