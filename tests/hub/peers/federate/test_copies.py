"""What is served when a source is cut off: known copies with their age, and what becomes of them afterwards."""

import re
from collections.abc import Callable
from typing import Any

from dothi.ground.clock import HOUR
from dothi.hub.language.nodes import Query, TypeIs
from dothi.hub.model import ANONYMOUS
from dothi.hub.peers.wire import Response
from tests.hub.peers.federate.world import World, prop

Among = Callable[..., None]
COMMUNES = ("one", "two", "three")


def values(documents: list[dict[str, Any]]) -> dict[str, Any]:
    return {one["id"]: one["a"]["value"] for one in documents}


async def settled(world: World) -> None:
    await world["province"].peers.copies.settle()


async def ages(world: World) -> list[int]:
    """The ages in seconds that the warnings of a query tell."""
    answer = await world["province"].client.get("/entities?type=Sensor&limit=1000")
    return [
        int(age) for age in re.findall(r"\b110 province [^,]*?(\d+) s ago", answer.headers.get("NGSILD-Warning", ""))
    ]


def test_a_cut_of_six_hours_costs_warnings_and_then_nothing(among: Among) -> None:
    """A province and three communes: one is cut off for six hours, in which it is changed; the province goes on.

    Each hour the province answers with what it knew of the commune and how old that is. When the line is back its
    answer is exactly what all communes hold: nothing lost, nothing double, nothing that was deleted.
    """

    async def story(world: World) -> None:
        province, one = world["province"], world["one"]
        for number, name in enumerate(COMMUNES):
            await province.knows(name)
            for each in range(3):
                await world[name].put(f"urn:s:{name}:{each}", a=prop(10 * number + each))
        before = values(await province.sensors())
        assert len(before) == 9
        await settled(world)

        world.lines.cut.add("one")
        for hour in range(1, 7):
            world.now += HOUR
            await one.client.patch("/entities/urn:s:one:0/attrs", json={"a": prop(100 + hour)})
            await one.put(f"urn:s:one:new-{hour}", a=prop(hour))
            if hour == 3:
                assert (await one.client.delete("/entities/urn:s:one:1")).status_code == 204
            assert values(await province.sensors()) == before
            assert await ages(world) == [hour * 3600]
            assert (await province.client.get("/entities/urn:s:one:1")).json()["a"]["value"] == before["urn:s:one:1"]
        world.lines.cut.clear()

        held: dict[str, Any] = {}
        for name in COMMUNES:
            held |= values(await world[name].sensors())
        answered = await province.sensors()
        assert values(answered) == held
        assert len(answered) == len(held) == 14
        assert await ages(world) == []
        await settled(world)

        world.lines.cut.add("one")
        assert values(await province.sensors()) == held
        assert await ages(world) == [0]

    among(story, "province", *COMMUNES)


def test_copies_are_filtered_like_what_is_held_here(among: Among) -> None:
    """The question's own filters decide which copies are shown."""

    async def story(world: World) -> None:
        province = world["province"]
        await province.knows("one")
        await world["one"].put("urn:s:1", a=prop(1))
        await world["one"].put("urn:s:2", a=prop(2))
        await province.sensors()
        await settled(world)
        world.lines.cut.add("one")
        assert values(await province.sensors(q="a>1")) == {"urn:s:2": 2}
        assert values(await province.sensors(splitEntities="true", q="a<2")) == {"urn:s:1": 1}
        assert values(await province.sensors(id="urn:s:2")) == {"urn:s:2": 2}

    among(story, "province", "one")


def test_an_answer_to_a_narrow_question_takes_nothing_away(among: Among) -> None:
    """What was not asked for stays known, what was asked for and is gone goes; a part of an entity is no copy."""

    async def story(world: World) -> None:
        province, one = world["province"], world["one"]
        await province.knows("one")
        await one.put("urn:s:1", a=prop(1), b=prop(5))
        await one.put("urn:s:2", a=prop(2))
        await one.put("urn:s:3", a=prop(3))
        await province.sensors()
        await settled(world)
        await one.client.delete("/entities/urn:s:3")
        assert values(await province.sensors(q="a>2")) == {}
        assert values(await province.sensors(attrs="a", q="a==1")) == {"urn:s:1": 1}
        await settled(world)
        world.lines.cut.add("one")
        found = await province.sensors()
        assert values(found) == {"urn:s:1": 1, "urn:s:2": 2}
        assert found[0]["b"]["value"] == 5

    among(story, "province", "one")


def test_a_source_that_refuses_is_not_served_from_memory(among: Among) -> None:
    """Copies are for a source that is cut off or broken; one that forbids an answer has the last word."""

    async def story(world: World) -> None:
        province = world["province"]
        await province.knows("one")
        await world["one"].put("urn:s:1", a=prop(1))
        await province.sensors()
        await settled(world)
        world.lines.said["one"] = Response(403, {}, b"")
        assert await province.sensors() == []
        world.lines.said["one"] = Response(503, {}, b"")
        assert values(await province.sensors()) == {"urn:s:1": 1}

    among(story, "province", "one")


def test_copies_outlive_the_process_and_are_no_entities_here(among: Among) -> None:
    """They stand in the store, in no tenant that a header names, and no list, type or export of the tenant has them."""

    async def story(world: World) -> None:
        province = world["province"]
        await province.knows("one")
        await world["one"].put("urn:s:1", a=prop(1))
        await province.sensors()
        await settled(world)
        assert await province.sensors(local="true") == []
        assert (await province.client.get("/types?local=true")).json()["typeList"] == []
        world.lines.cut.add("one")
        again = type(province.peers.copies)(province.hub)  # As after a start: nothing in memory.
        source = province.peers.line.registry.all("")[0]
        recalled = again.recall(ANONYMOUS, source, Query(types=TypeIs("Sensor")))
        assert [one.id for one in recalled.entities] == ["urn:s:1"]
        assert recalled.since > 0

    among(story, "province", "one")


def test_copies_go_with_their_registration(among: Among) -> None:
    """Who takes a registration away takes what its source told along; registered anew it begins with nothing."""

    async def story(world: World) -> None:
        province = world["province"]
        source = await province.knows("one")
        await world["one"].put("urn:s:1", a=prop(1))
        await province.sensors()
        await settled(world)
        assert (await province.client.delete(f"/csourceRegistrations/{source}")).status_code == 204
        world.lines.cut.add("one")
        await province.knows("one", id=source)
        assert await province.sensors() == []

    among(story, "province", "one")


def test_a_source_that_knows_its_callers_has_no_copies(among: Among) -> None:
    """Where something of the caller goes along, one caller's answer never stands in for another's."""

    async def story(world: World) -> None:
        province = world["province"]
        await province.knows("one", contextSourceInfo=[{"key": "X-Unit", "value": "urn:ngsi-ld:request"}])
        await world["one"].put("urn:s:1", a=prop(1))
        await province.client.get("/entities?type=Sensor", headers={"X-Unit": "27"})
        await settled(world)
        world.lines.cut.add("one")
        assert await province.sensors() == []

    among(story, "province", "one")
