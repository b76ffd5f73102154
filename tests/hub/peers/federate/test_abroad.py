"""Types and attributes of several hubs in one list (clauses 5.7.5 to 5.7.11)."""

from collections.abc import Callable

from tests.hub.peers.federate.world import World, prop

Among = Callable[..., None]


def test_types_and_attributes_are_those_of_all(among: Among) -> None:
    """Lists, details and counts are of this hub and its sources; local=true leaves the sources out."""

    async def story(world: World) -> None:
        here, there = world["here"], world["there"]
        await here.knows("there")
        await here.put("urn:s:1", a=prop(1))
        await there.put("urn:s:2", b=prop(1))
        await there.put("urn:l:1", "Lamp", on=prop(True))
        client = here.client
        assert (await client.get("/types")).json()["typeList"] == ["Sensor", "Lamp"]
        assert (await client.get("/types?local=true")).json()["typeList"] == ["Sensor"]
        details = {one["typeName"]: one["attributeNames"] for one in (await client.get("/types?details=true")).json()}
        assert details == {"Sensor": ["a", "b"], "Lamp": ["on"]}
        sensor = (await client.get("/types/Sensor")).json()
        assert sensor["entityCount"] == 2
        assert [one["attributeName"] for one in sensor["attributeDetails"]] == ["a", "b"]
        assert (await client.get("/attributes")).json()["attributeList"] == ["a", "b", "on"]
        assert (await client.get("/attributes/b")).json()["typeNames"] == ["Sensor"]
        assert (await client.get("/attributes/c")).status_code == 404
        assert (await client.get("/types/Nothing")).status_code == 404

    among(story, "here", "there")


def test_guarded_types_are_told_by_nobody_else(among: Among) -> None:
    """A source cannot say that there are entities of a type that only a module's own verbs may write."""

    async def story(world: World) -> None:
        here, there = world["here"], world["there"]
        here.hub.own("operations", {"Alarm": "POST /api/alarms"})
        await here.knows("there")
        await there.put("urn:a:1", "Alarm", why=prop(1))
        assert (await here.client.get("/types")).json()["typeList"] == []
        assert (await here.client.get("/attributes")).json()["attributeList"] == []

    among(story, "here", "there")


def test_a_source_that_fails_costs_a_warning(among: Among) -> None:
    """What there is here is told, and what went wrong beside it."""

    async def story(world: World) -> None:
        here = world["here"]
        await here.knows("there")
        await here.put("urn:s:1", a=prop(1))
        world.lines.cut.add("there")
        answer = await here.client.get("/types")
        assert (answer.json()["typeList"], answer.headers["NGSILD-Warning"][:3]) == (["Sensor"], "199")

    among(story, "here", "there")
