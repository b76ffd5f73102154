"""Entity maps: pages that stand still while data change (clauses 5.5.9.3, 5.5.14 and 5.14)."""

from collections.abc import Callable
from typing import Any

from dothi.ground.clock import DAY, HOUR, iso
from dothi.hub.model import ANONYMOUS, Actor
from dothi.hub.peers.federate.answer.maps import Maps
from tests.hub.peers.federate.world import BASE, World, prop

Among = Callable[..., None]
MAP = "NGSILD-EntityMap"


def place_of(made: Any) -> str:
    """Where the map lies that an answer was made with, below the root of the API."""
    return str(made.headers[MAP]).removeprefix(BASE)


def ids(answer: Any) -> list[str]:
    return [one["id"] for one in answer.json()]


def test_pages_stand_still_while_entities_come_and_go(among: Among) -> None:
    """Every entity that was there and stays is on exactly one page, though others are made and deleted in between."""

    async def story(world: World) -> None:
        here, there = world["here"], world["there"]
        await here.knows("there")
        for number in range(6):
            await here.put(f"urn:s:h{number}", a=prop(number))
            await there.put(f"urn:s:t{number}", a=prop(number))
        first = await here.client.get("/entities?type=Sensor&limit=3&entityMap=true")
        assert first.status_code == 201
        seen, place = ids(first), first.headers[MAP]
        gone = {"urn:s:h0", "urn:s:h4", "urn:s:t2"}
        for offset, name in ((3, "urn:s:h0"), (6, "urn:s:h4"), (9, "urn:s:t2")):
            owner = here if ":h" in name else there
            await owner.client.delete(f"/entities/{name}")
            await owner.put(f"{name}-late", a=prop(1))
            page = await here.client.get(f"/entities?type=Sensor&limit=3&offset={offset}", headers={MAP: place})
            assert (page.status_code, page.headers[MAP]) == (200, place)
            seen += ids(page)
        stayed = {f"urn:s:{where}{number}" for where in "ht" for number in range(6)} - gone
        assert stayed <= set(seen)
        assert len(seen) == len(set(seen))
        assert not any(name.endswith("-late") for name in seen)

    among(story, "here", "there")


def test_each_page_is_looked_at_anew(among: Among) -> None:
    """One that does not fit any more is taken out of the map, and the page is filled up from those that follow."""

    async def story(world: World) -> None:
        here = world["here"]
        for number in range(5):
            await here.put(f"urn:s:{number}", a=prop(1))
        made = await here.client.get("/entities?type=Sensor&q=a==1&entityMap=true")
        await here.client.patch("/entities/urn:s:1/attrs", json={"a": prop(2)})
        query = "/entities?type=Sensor&q=a==1&limit=3&count=true"
        page = await here.client.get(query, headers={MAP: made.headers[MAP]})
        assert ids(page) == ["urn:s:0", "urn:s:2", "urn:s:3"]
        assert page.headers["NGSILD-Results-Count"] == "4"
        kept = await here.client.get(place_of(made))
        assert "urn:s:1" not in kept.json()["entityMap"]

    among(story, "here")


def test_a_silent_source_takes_nothing_out_of_a_map(among: Among) -> None:
    """While a source is cut off nobody knows whether its entities still fit: they stay, and come back with it."""

    async def story(world: World) -> None:
        here, there = world["here"], world["there"]
        await here.knows("there")
        await there.put("urn:s:1", a=prop(1))
        made = await here.client.get("/entities?type=Sensor&entityMap=true")
        mapped = (await here.client.get(place_of(made))).json()
        assert len(mapped["entityMap"]["urn:s:1"]) == len(mapped["linkedMaps"]) == 1
        await here.peers.copies.settle()
        await here.peers.copies.forget("", here.peers.line.registry.all("")[0].id)
        world.lines.cut.add("there")
        page = await here.client.get("/entities?type=Sensor", headers={MAP: made.headers[MAP]})
        assert (ids(page), page.headers["NGSILD-Warning"][:3]) == ([], "199")
        world.lines.cut.clear()
        page = await here.client.get("/entities?type=Sensor", headers={MAP: made.headers[MAP]})
        assert ids(page) == ["urn:s:1"]

    among(story, "here", "there")


def test_a_map_asks_only_the_sources_it_names(among: Among) -> None:
    """Retrieving by a map asks the sources that have the entity, and no others (clause 5.7.1.4)."""

    async def story(world: World) -> None:
        here = world["here"]
        await here.knows("one")
        await here.knows("two")
        await world["two"].put("urn:s:1", a=prop(1))
        made = await here.client.get("/entities/urn:s:1?entityMap=true")
        assert made.status_code == 200
        world.lines.calls.clear()
        answer = await here.client.get("/entities/urn:s:1", headers={MAP: made.headers[MAP]})
        assert answer.json()["a"]["value"] == 1
        assert (len(world.lines.urls("one")), len(world.lines.urls("two"))) == (0, 1)

    among(story, "here", "one", "two")


def test_a_map_that_is_gone_is_made_again(among: Among) -> None:
    """A reference to a map that expired or never was makes a new one, under another id (clause 5.7.2.4)."""

    async def story(world: World) -> None:
        here = world["here"]
        await here.put("urn:s:1", a=prop(1))
        made = await here.client.get("/entities?type=Sensor&entityMap=true&entityMapLifetime=PT1M")
        world.now += HOUR
        again = await here.client.get("/entities?type=Sensor", headers={MAP: made.headers[MAP]})
        assert (again.status_code, ids(again)) == (201, ["urn:s:1"])
        assert again.headers[MAP] != made.headers[MAP]
        assert (await here.client.get(place_of(made))).status_code == 404

    among(story, "here")


def test_maps_are_asked_for_from_sources_too(among: Among) -> None:
    """An entity map made of a query names each entity's sources, @none for this hub (clauses 5.14.4 and 5.2.39)."""

    async def story(world: World) -> None:
        here, there = world["here"], world["there"]
        source = await here.knows("there")
        await here.put("urn:s:1", a=prop(1))
        await there.put("urn:s:1", b=prop(1))
        await there.put("urn:s:2", b=prop(1))
        made = await here.client.post("/entityMaps", json={"type": "Query", "entities": [{"type": "Sensor"}]})
        assert made.status_code == 201
        assert made.json()["entityMap"] == {"urn:s:1": ["@none", source], "urn:s:2": [source]}
        assert "/entityMaps/" in made.json()["linkedMaps"][source]

    among(story, "here", "there")


def test_bad_requests_about_maps(among: Among) -> None:
    """Wrong lifetimes, moments, ids and members are refused with what is wrong; nothing is changed by them."""

    async def story(world: World) -> None:
        here = world["here"]
        await here.put("urn:s:1", a=prop(1))
        assert (await here.client.get("/entities?type=Sensor&entityMap=yes")).status_code == 400
        assert (await here.client.get("/entityMaps?type=Sensor&entityMapLifetime=1hour")).status_code == 400
        assert (await here.client.get("/entityMaps?id=urn:s:1")).status_code == 400
        assert (await here.client.get("/temporal/entityMaps?type=Sensor")).status_code == 400
        made = (await here.client.get("/entityMaps?type=Sensor")).json()
        place = f"/entityMaps/{made['id']}"
        for wrong in ({"expiresAt": "soon"}, {"id": "urn:x:1"}, {"type": "Entity"}):
            assert (await here.client.patch(place, json=wrong)).status_code == 400
        kept = (await here.client.get(place)).json()
        assert kept == made
        assert (await here.client.patch(place, json={"entityMap": {}})).status_code == 204
        assert (await here.client.get(place)).json() == made
        assert (await here.client.get("/entityMaps/nothing")).status_code == 400

    among(story, "here")


def test_only_its_maker_sees_a_map_and_its_end_is_bounded() -> None:
    """A map tells which entities its maker may read, so it is nobody else's; it lives a day at most."""
    maps, now = Maps(), 10 * DAY
    made = maps.make(Actor("user:1"), "", {"urn:s:1": ("@none",)}, now, 400 * DAY)
    assert made.document()["expiresAt"] == iso(now + DAY)
    assert maps.find(Actor("user:1"), "", made.id, now) is made
    assert maps.find(ANONYMOUS, "", made.id, now) is None
    assert maps.find(Actor("user:1"), "hue", made.id, now) is None
    maps.prolong(made, now + 90 * DAY, now)
    assert made.expires_at == now + DAY
    assert maps.find(Actor("user:1"), "", made.id, now + DAY) is None


def test_maps_are_bounded() -> None:
    """Too many maps, or too many entities in them, cost the oldest."""
    maps = Maps(most_maps=2, most_ids=5)
    three = {f"urn:s:{number}": ("@none",) for number in range(3)}
    made = [maps.make(ANONYMOUS, "", {"urn:s:1": ("@none",)}, 0) for _ in range(3)]
    assert [maps.find(ANONYMOUS, "", one.id, 1) is one for one in made] == [False, True, True]
    last = [maps.make(ANONYMOUS, "", three, 0) for _ in range(2)]
    assert [maps.find(ANONYMOUS, "", one.id, 1) is one for one in last] == [False, True]
