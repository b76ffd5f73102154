"""Tests: histories change by commits that say so, and the log tells them again (decisions 0165 and 0166)."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from dothi.ground.errors import Forbidden, Invalid
from dothi.hub.access import Open
from dothi.hub.core import Hub, load
from dothi.hub.language.nodes import Window
from dothi.hub.model import ANONYMOUS, Change, Commit, Op, Receipt, create, prop

CAR = "urn:v:1"
ONE = {**prop(1, "2020-01-01T00:00:00Z"), "instanceId": "urn:i:1"}
TWO = {**prop(2, "2020-01-02T00:00:00Z"), "instanceId": "urn:i:2"}
EVER = Window(attribute="modifiedAt")
Story = Callable[[Hub], Coroutine[Any, Any, Any]]


def with_hub(folder: Path, story: Story) -> Any:
    """Run a story against the hub in `folder`."""

    async def run() -> Any:
        hub = Hub(folder, Open())
        try:
            return await story(hub)
        finally:
            await hub.close()

    return asyncio.run(run())


async def write(hub: Hub, *changes: Change, owner: str | None = None) -> Receipt:
    """One commit."""
    return await hub.commit(Commit(ANONYMOUS, changes, owner=owner))


def record(*listed: Any, kind: str = "Vehicle") -> Change:
    """Instances of a speed for the history."""
    return Change(Op.RECORD, CAR, (kind,), {"speed": list(listed)})


def values(hub: Hub) -> list[Any]:
    """What the history tells of the speed."""
    return [one.instance["value"] for one in hub.past(ANONYMOUS, CAR, ("speed",), EVER, True).series.get("speed", [])]


def test_a_recorded_history_is_no_state(tmp_path: Path) -> None:
    """The log says "recorded"; nothing stands, nothing is found, and the version counts the commits."""

    async def story(hub: Hub) -> None:
        receipt = await write(hub, record(ONE, TWO))
        assert (receipt.results[0].status, receipt.results[0].version) == ("recorded", 1)
        (entry,) = hub.log()[-1].entries
        assert (entry.status, entry.types, entry.attrs) == ("recorded", ("Vehicle",), {})
        assert hub.find(ANONYMOUS, "Vehicle").entities == ()
        assert hub.types(ANONYMOUS) == {}
        assert hub.remembers(ANONYMOUS, CAR)
        assert values(hub) == [1, 2]

    with_hub(tmp_path, story)


def test_an_entity_that_stands_is_not_touched(tmp_path: Path) -> None:
    """Its attributes, times and columns stay; only a type that is new reaches it (5.6.11.4)."""

    async def story(hub: Hub) -> None:
        await write(hub, create(CAR, "Vehicle", speed=prop(9)))
        before = hub.get(ANONYMOUS, CAR)
        await write(hub, record(ONE), Change(Op.ERASE, CAR, name="speed", every=True))
        after = hub.get(ANONYMOUS, CAR)
        assert (after.attrs, after.modified_at, after.version) == (before.attrs, before.modified_at, before.version + 2)
        assert len(hub.find(ANONYMOUS, "Vehicle", "speed==9").entities) == 1
        await write(hub, record(TWO, kind="Truck"))
        assert hub.get(ANONYMOUS, CAR).types == ("Vehicle", "Truck")
        assert values(hub) == [2]

    with_hub(tmp_path, story)


def test_corrections_stay_in_the_log(tmp_path: Path) -> None:
    """What was first said can be audited: the log keeps it, and the correction beside it."""

    async def story(hub: Hub) -> None:
        await write(hub, record(ONE, TWO))
        corrected = {**prop(5, "2020-01-01T00:00:00Z")}
        await write(hub, Change(Op.CORRECT, CAR, attrs={"speed": corrected}, instance="urn:i:1"))
        await write(hub, Change(Op.ERASE, CAR, name="speed", instance="urn:i:2"))
        assert values(hub) == [5]
        said = [one.entries[0] for one in hub.log()]
        assert [one["value"] for one in said[0].late["speed"]] == [1, 2]
        assert said[1].amended == {"urn:i:1": corrected}
        assert said[2].erased == ("i urn:i:2",)

    with_hub(tmp_path, story)


def test_figures_follow_corrections(tmp_path: Path) -> None:
    """The numbers that engines and figures ask for are those that the history tells: recorded, corrected, erased."""

    async def story(hub: Hub) -> None:
        def numbers() -> list[float]:
            found = hub.readings(ANONYMOUS, (CAR,), ("speed",), 0)
            return list(found[CAR, "speed"].values) if found else []

        await write(hub, record(ONE, TWO))
        assert numbers() == [1, 2]
        await write(hub, Change(Op.CORRECT, CAR, attrs={"speed": prop(5, "2020-01-01T00:00:00Z")}, instance="urn:i:1"))
        assert numbers() == [5, 2]
        await write(hub, Change(Op.ERASE, CAR, name="speed", instance="urn:i:2"))
        assert numbers() == [5]
        await write(hub, Change(Op.ERASE, CAR))
        assert numbers() == []

    with_hub(tmp_path, story)


def test_a_loaded_log_tells_the_same(tmp_path: Path) -> None:
    """Histories, of standing entities and of none, are what they were after export and load."""

    async def story(hub: Hub) -> Any:
        await write(hub, record(ONE, TWO))
        await write(hub, Change(Op.ERASE, CAR, name="speed", instance="urn:i:2"))
        await write(hub, Change(Op.CREATE, "urn:v:2", ("Vehicle",), {"speed": prop(1)}))
        await write(hub, Change(Op.RECORD, "urn:v:2", (), {"speed": [ONE]}))
        return list(hub.dump()), values(hub), hub.fingerprint()

    dumped, told, print_ = with_hub(tmp_path / "old", story)
    load(tmp_path / "new", dumped)

    async def loaded(hub: Hub) -> None:
        assert (values(hub), hub.fingerprint()) == (told, print_)
        assert hub.get(ANONYMOUS, "urn:v:2").value("speed") == 1
        assert hub.find(ANONYMOUS, "Vehicle").entities[0].id == "urn:v:2"

    with_hub(tmp_path / "new", loaded)


def test_a_guarded_noun_that_is_gone_stays_its_owners(tmp_path: Path) -> None:
    """Its history can neither be added to nor erased from outside, nor its id taken by a generic entity."""

    async def story(hub: Hub) -> None:
        owner = hub.own("citizens", {"Report": "POST /api/reports"})
        await write(hub, create(CAR, "Report", speed=prop(1)), owner=owner)
        await write(hub, Change(Op.DELETE, CAR), owner=owner)
        for change in (record(ONE), Change(Op.ERASE, CAR), create(CAR, "Vehicle")):
            with pytest.raises(Forbidden, match="POST /api/reports"):
                await write(hub, change)
        await write(hub, create(CAR, "Report", speed=prop(2)), owner=owner)

    with_hub(tmp_path, story)


def test_a_history_needs_a_type(tmp_path: Path) -> None:
    """One that begins without is refused, and nothing is written."""

    async def story(hub: Hub) -> None:
        with pytest.raises(Invalid, match="no type"):
            await write(hub, Change(Op.RECORD, CAR, (), {"speed": [ONE]}))
        assert hub.last_seq() == 0

    with_hub(tmp_path, story)
