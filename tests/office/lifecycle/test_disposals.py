"""What is over goes: counted, decided by two persons, ended in steps that survive a kill, recorded for good."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from dothi.ground.clock import DAY, iso, now_us
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing
from dothi.hub.model import Actor, Commit, amend, create, prop
from dothi.office.lifecycle.disposals import archiving, running
from dothi.office.lifecycle.disposals.due import dry_run
from dothi.office.lifecycle.disposals.following import finish
from dothi.office.lifecycle.disposals.proposing import decide, one_proposal, propose, records
from dothi.office.lifecycle.disposals.running import run
from dothi.office.lifecycle.holds import Wanted, lift, place
from dothi.office.lifecycle.model import State
from dothi.office.lifecycle.persons.proving import search
from dothi.office.lifecycle.rules import KIND
from dothi.office.rules import adopt
from tests.office.lifecycle.conftest import HUE, LEADER, STEWARD, THUAN_HOA, City, faults

WHY = "Kế hoạch hủy dữ liệu năm 2026 (mẫu)"
LATER = 400 * DAY
SHORT = """
[[class]]
id = "readings"
days = 30
then = "{then}"
"""


async def messages(city: City, count: int, note: str = "dấu vết riêng của tin số") -> list[str]:
    """Messages that were sent: nobody needs them after a year."""
    names = [f"urn:ngsi-ld:Message:m{number}" for number in range(count)]
    for number, name in enumerate(names):
        told = {"template": prop("x"), "text": prop(f"{note} {number}."), "unit": prop(THUAN_HOA)}
        change = create(name, "Message", **told)
        await city.hub.commit(Commit(STEWARD_WRITES, (change,), "sent", owner="messages"))
    return names


STEWARD_WRITES = Actor("system:messages", frozenset({"system"}))


async def approved(city: City, name: str, unit: str = "", at: int | None = None) -> str:
    """A proposal that another person has approved; its id."""
    one = await propose(city.life, STEWARD, name, unit, WHY, at)
    await decide(city.life, LEADER, one.id, True, "Đã xem từng dòng (mẫu)")
    return one.id


def test_two_persons_decide_and_a_record_stays(in_city: Callable[..., Any]) -> None:
    """The dry run counts, who proposed may not approve; the run leaves nothing in any byte, and a record."""

    async def story(city: City) -> None:
        names, at = await messages(city, 7), now_us() + LATER
        assert dry_run(city.life) == []
        (line,) = dry_run(city.life, at)
        assert (line.data_class, line.unit, line.hot, line.held) == ("messages", THUAN_HOA, 7, 0)
        one = await propose(city.life, STEWARD, "messages", "", WHY, at)
        both = Actor(STEWARD.id, frozenset({"data_steward", "leader"}))
        with pytest.raises(Forbidden, match="Two persons"):
            await decide(city.life, both, one.id, True, WHY)
        with pytest.raises(Forbidden, match="role leader"):
            await decide(city.life, STEWARD, one.id, True, WHY)
        with pytest.raises(Forbidden, match="person with a name"):
            await decide(city.life, Actor("key:1", frozenset({"leader"})), one.id, True, WHY)
        with pytest.raises(Conflict, match="approved"):
            await run(city.life, STEWARD, one.id)
        await decide(city.life, LEADER, one.id, True, WHY)
        assert await finish(city.life) == 1
        (record,) = records(city.life)
        assert (record.things, record.proposed_by, record.approved_by) == (7, STEWARD.id, LEADER.id)
        assert record.bytes > 0
        assert len(record.digest) == 64
        assert search(city.folder, ["dấu vết riêng của tin số".encode()]).hits == ()
        assert all(city.hub.some(STEWARD_WRITES, [name]) == {} for name in names)
        assert await run(city.life, STEWARD, one.id) == record
        assert dry_run(city.life, at) == []

    in_city(story)


def test_what_is_held_stays_and_the_refusal_names_the_hold(in_city: Callable[..., Any]) -> None:
    """A hold on a thing keeps it through a run; a hold on the type lets nobody propose; lifted, it goes."""

    async def story(city: City) -> None:
        names, at = await messages(city, 3), now_us() + LATER
        hold = await place(city.life, STEWARD, Wanted("Vụ án 12 (mẫu)", "Công văn 7/CV-TA (mẫu)", things=(names[1],)))
        (line,) = dry_run(city.life, at)
        assert (line.hot, line.held, line.holds) == (2, 1, (hold.id,))
        await run(city.life, STEWARD, await approved(city, "messages", at=at))
        assert list(city.hub.some(STEWARD_WRITES, names)) == [names[1]]
        assert records(city.life)[0].held == 1
        with pytest.raises(Invalid, match=hold.id):
            await propose(city.life, STEWARD, "messages", "", WHY, at)
        with pytest.raises(Forbidden):
            await lift(city.life, LEADER, hold.id, "Vụ án đã kết thúc (mẫu)")
        await lift(city.life, STEWARD, hold.id, "Vụ án đã kết thúc (mẫu)")
        with pytest.raises(Conflict, match="lifted"):
            await lift(city.life, STEWARD, hold.id, "Vụ án đã kết thúc (mẫu)")
        await run(city.life, STEWARD, await approved(city, "messages", at=at))
        assert city.hub.some(STEWARD_WRITES, names) == {}

    in_city(story)


@pytest.mark.parametrize("stop", [1, 4, *(pytest.param(stop, marks=pytest.mark.slow) for stop in (0, 2, 3, 5))])
def test_a_run_that_was_cut_off_goes_on(
    in_city: Callable[..., Any], stop: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off after any of its parts and opened again, the same run ends with the same counts, once each."""
    monkeypatch.setattr(running, "STEP", 2)
    calls = 0

    async def story(city: City) -> str:
        await messages(city, 5)
        name = await approved(city, "messages", at=now_us() + LATER)
        whole = city.hub.commit

        async def cut(commit: Commit) -> Any:
            nonlocal calls
            calls += 1
            if calls > 2 * stop + 1:
                raise OSError("cut off")
            return await whole(commit)

        monkeypatch.setattr(city.hub, "commit", cut)
        with pytest.raises(OSError, match="cut off"):
            await run(city.life, STEWARD, name)
        monkeypatch.undo()
        return name

    name = in_city(story)

    async def again(city: City) -> None:
        assert await finish(city.life) == 1
        (record,) = records(city.life)
        assert (record.things, record.entries) == (5, 5)
        assert one_proposal(city.life, name).state is State.DONE
        assert search(city.folder, ["dấu vết riêng".encode()]).hits == ()

    in_city(again)


@pytest.mark.parametrize("then", ["destroy", "archive"])
def test_the_past_of_what_stands_goes_and_what_stands_stays(
    in_city: Callable[..., Any], tmp_path: Path, then: str
) -> None:
    """Old readings leave the log, the newest stays, and an archive can be read back by its hashes."""

    async def story(city: City) -> None:
        bin_ = "urn:ngsi-ld:WasteContainer:w1"
        writer = Actor("system:sources", frozenset({"system"}))
        await city.hub.commit(Commit(writer, (create(bin_, "WasteContainer", unit=prop(THUAN_HOA)),)))
        for level in range(20):
            told = prop(1000.5 + level, iso(now_us()))
            await city.hub.commit(Commit(writer, (amend(bin_, fillingLevel=told),)))
        rules = SHORT.format(then=then)
        await adopt(city.life.rules, ADMINISTRATOR, KIND, "", "2030-01-01", rules, WHY)
        at = 1_900_000_000_000_000
        state = city.hub.get(writer, bin_)
        (line,) = dry_run(city.life, at)
        assert (line.kind, line.hot, line.data_class) == ("history", 19, "readings")
        record = await run(city.life, STEWARD, await approved(city, "readings", HUE, at))
        assert (record.entries, record.then) == (19, then)
        assert city.hub.get(writer, bin_) == state
        assert [one["value"] for one in city.hub.history(writer, bin_)["fillingLevel"]] == [1019.5]
        assert search(city.folder / "hub", [b"1007.5"]).hits == ()
        assert dry_run(city.life, at) == []
        if then == "archive":
            parts = dict(archiving.read(record.package, record.manifest))
            (log,) = [name for name in parts if name.startswith("log/")]
            assert json.loads(parts[log].splitlines()[0])["attrs"]["fillingLevel"]["value"] == 1000.5
            (table,) = [name for name in parts if name.endswith(".parquet")]
            assert pq.read_table(f"{record.package}/{table}")["number"].to_pylist() == [1000.5 + n for n in range(19)]
            (city.folder / "archives").joinpath(record.package.rpartition("/")[2], log).write_bytes(b"{}")
            with pytest.raises(Conflict, match="was changed"):
                dict(archiving.read(record.package, record.manifest))

    in_city(story)
    assert faults(tmp_path / "city") == []


ADMINISTRATOR = Actor("user:admin", frozenset({"administrator"}))


def test_a_photo_goes_with_the_last_thing_that_names_it(in_city: Callable[..., Any]) -> None:
    """Two messages name one file: it stays with the first disposal and goes with the second."""

    async def story(city: City) -> None:
        digest = city.hub.keep_file(b"a photo of a lamp")
        kept, at = city.hub.keep_file(b"another"), now_us() + LATER
        first, second = await messages(city, 2, digest)
        await city.hub.commit(
            Commit(STEWARD_WRITES, (amend(first, photo=prop(digest), other=prop(kept)),), owner="messages")
        )
        await city.hub.commit(Commit(STEWARD_WRITES, (amend(second, photo=prop(digest)),), owner="messages"))
        hold = await place(city.life, STEWARD, Wanted("Vụ án 12 (mẫu)", "Công văn 7/CV-TA (mẫu)", things=(second,)))
        record = await run(city.life, STEWARD, await approved(city, "messages", at=at))
        assert (record.files, city.hub.read_file(digest)) == (1, b"a photo of a lamp")
        with pytest.raises(Missing):
            city.hub.read_file(kept)
        await lift(city.life, STEWARD, hold.id, "Vụ án đã kết thúc (mẫu)")
        assert (await run(city.life, STEWARD, await approved(city, "messages", at=at))).files == 1
        with pytest.raises(Missing):
            city.hub.read_file(digest)

    in_city(story)
