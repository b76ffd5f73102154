"""Writes of which others hold a part (GS CIM 009 clauses 4.3.6, 5.6.1 to 5.6.10, 5.6.17 to 5.6.21 and 6.3.17)."""

from collections.abc import Callable
from typing import Any

import pytest

from dothi.ground.errors import Forbidden
from dothi.hub.access import Open
from dothi.hub.model import Actor, Change, Entity
from dothi.hub.peers.federate.keeping.counting import Tallies
from dothi.hub.peers.federate.matching import Registry
from dothi.hub.peers.wire import Response
from tests.hub.peers.federate.world import Place, World, prop

Among = Callable[..., None]
ALL = ["redirectionOps"]
ONE = [{"entities": [{"type": "Sensor", "id": "urn:s:1"}], "propertyNames": ["speed"]}]
BATCH = ["createBatch", "upsertBatch", "updateBatch", "mergeBatch", "deleteBatch"]


async def held(place: Place, entity_id: str = "urn:s:1") -> dict[str, Any]:
    """The attributes that a hub itself holds of an entity, by their value."""
    answer = await place.client.get(f"/entities/{entity_id}?local=true&format=simplified")
    return (
        {name: value for name, value in answer.json().items() if name not in ("id", "type")}
        if answer.is_success
        else {}
    )


async def exists(place: Place, entity_id: str = "urn:s:1") -> bool:
    return (await place.client.get(f"/entities/{entity_id}?local=true")).status_code == 200


def sensor(entity_id: str = "urn:s:1", **attrs: Any) -> dict[str, Any]:
    return {"id": entity_id, "type": "Sensor", **{name: prop(value) for name, value in attrs.items()}}


def test_an_equal_gets_what_is_written_here_too(among: Among) -> None:
    """An inclusive source is told of every write that it offers, and the hub does it as well (clause 4.3.6.2)."""

    async def story(world: World) -> None:
        here, there = world["here"], world["there"]
        await here.knows("there", operations=ALL)
        client = here.client
        assert (await client.post("/entities", json=sensor(speed=1, color="red"))).status_code == 201
        assert await held(here) == await held(there) == {"speed": 1, "color": "red"}
        assert (await client.patch("/entities/urn:s:1/attrs", json={"speed": prop(2)})).status_code == 204
        assert (await client.patch("/entities/urn:s:1/attrs/color", json={"value": "blue"})).status_code == 204
        assert (await client.post("/entities/urn:s:1/attrs", json={"size": prop(3)})).status_code == 204
        assert (await client.patch("/entities/urn:s:1", json={"mass": prop(4)})).status_code == 204
        assert (await client.put("/entities/urn:s:1/attrs/mass", json=prop(5))).status_code == 204
        assert (await client.delete("/entities/urn:s:1/attrs/size")).status_code == 204
        assert await held(here) == await held(there) == {"speed": 2, "color": "blue", "mass": 5}
        assert (await client.put("/entities/urn:s:1", json=sensor(speed=9))).status_code == 204
        assert await held(here) == await held(there) == {"speed": 9}
        assert (await client.delete("/entities/urn:s:1")).status_code == 204
        assert not await exists(here)
        assert not await exists(there)

    among(story, "here", "there")


def test_what_is_redirected_is_held_there_alone(among: Among) -> None:
    """A redirected entity is never written here (clause 4.3.6.3)."""

    async def story(world: World) -> None:
        here, there = world["here"], world["there"]
        await here.knows("there", mode="redirect", operations=ALL)
        assert (await here.client.post("/entities", json=sensor(speed=1))).status_code == 201
        assert not await exists(here)
        assert await held(there) == {"speed": 1}
        assert (await here.client.patch("/entities/urn:s:1/attrs", json={"speed": prop(2)})).status_code == 204
        assert await held(there) == {"speed": 2}
        assert (await here.client.delete("/entities/urn:s:1")).status_code == 204
        assert not await exists(there)

    among(story, "here", "there")


def test_an_exclusive_source_gets_its_attributes_and_no_other(among: Among) -> None:
    """Registered attributes go there, the rest stays here; neither hub holds the other's part (clause 5.6.1.4)."""

    async def story(world: World) -> None:
        here, there = world["here"], world["there"]
        await here.knows("there", mode="exclusive", operations=ALL, information=ONE)
        assert (await here.client.post("/entities", json=sensor(speed=1, color="red"))).status_code == 201
        assert (await held(here), await held(there)) == ({"color": "red"}, {"speed": 1})
        fragment = {"speed": prop(2), "color": prop("blue")}
        assert (await here.client.patch("/entities/urn:s:1/attrs", json=fragment)).status_code == 204
        assert (await held(here), await held(there)) == ({"color": "blue"}, {"speed": 2})
        assert (await here.client.put("/entities/urn:s:1/attrs/speed", json=prop(3))).status_code == 204
        assert (await held(here), await held(there)) == ({"color": "blue"}, {"speed": 3})

    among(story, "here", "there")


@pytest.mark.parametrize("mode", ["exclusive", "redirect"])
def test_a_source_that_takes_no_such_operation_is_a_conflict(among: Among, mode: str) -> None:
    """Who holds it alone and does not offer the operation makes it 409 Conflict, and is not called."""

    async def story(world: World) -> None:
        here = world["here"]
        await here.knows("there", mode=mode, operations=["retrieveOps"], information=ONE)
        answer = await here.client.post("/entities", json=sensor(speed=1))
        assert answer.status_code == 409
        assert answer.json()["type"].endswith("/Conflict")
        assert world.lines.urls("there") == []
        assert not await exists(here)

    among(story, "here", "there")


def test_an_equal_that_takes_no_such_operation_is_left_out(among: Among) -> None:
    """An inclusive source without the operation is not called, and the write is done here."""

    async def story(world: World) -> None:
        here = world["here"]
        await here.knows("there", operations=["retrieveOps"])
        assert (await here.client.post("/entities", json=sensor(speed=1))).status_code == 201
        assert world.lines.urls("there") == []

    among(story, "here", "there")


def test_a_part_that_fails_is_told(among: Among) -> None:
    """207 with what failed where: here it exists already, there it is made (clauses 5.6.1.4 and 5.2.17)."""

    async def story(world: World) -> None:
        here, there = world["here"], world["there"]
        await here.put("urn:s:1", speed=prop(1))
        registration = await here.knows("there", operations=ALL)
        answer = await here.client.post("/entities", json=sensor(speed=2))
        assert answer.status_code == 207
        told = answer.json()
        assert told["success"] == ["urn:s:1"]
        (error,) = told["errors"]
        assert (error["entityId"], error["error"]["status"]) == ("urn:s:1", 409)
        assert (await held(here), await held(there)) == ({"speed": 1}, {"speed": 2})
        again = (await here.client.post("/entities", json=sensor(speed=3))).json()
        assert [one["error"]["status"] for one in again["errors"]] == [409, 409]
        assert [one.get("registrationId") for one in again["errors"]] == [None, registration]
        await here.client.delete("/entities/urn:s:1?local=true")
        update = await here.client.patch("/entities/urn:s:1/attrs", json={"speed": prop(4)})
        assert update.status_code == 207
        (left,) = update.json()["notUpdated"]
        assert left["attributeName"].endswith("speed")
        assert await held(there) == {"speed": 4}

    among(story, "here", "there")


@pytest.mark.parametrize(
    ("said", "status"),
    [(Response(404, {}, b""), 404), (Response(403, {}, b""), 502), (Response(508, {}, b""), 508), (None, 504)],
)
def test_the_error_of_a_single_source(among: Among, said: Response | None, status: int) -> None:
    """Where all of it lies at one source: 404, 508 and 504 as they are, 502 for anything else (clause 6.3.17)."""

    async def story(world: World) -> None:
        here = world["here"]
        await here.knows("there", mode="redirect", operations=ALL)
        if said is None:
            world.lines.silent.add("there")
        else:
            world.lines.said["there"] = said
        answer = await here.client.patch("/entities/urn:s:1/attrs", json={"speed": prop(1)})
        assert answer.status_code == status, answer.text
        assert "urn:" in answer.json()["detail"]

    among(story, "here", "there")


def test_a_loop_ends(among: Among) -> None:
    """Two hubs that register each other write once each; a redirection back to where it came from is 508."""

    async def story(world: World) -> None:
        one, other = world["one"], world["other"]
        await one.knows("other", operations=ALL, contextSourceAlias="other")
        await other.knows("one", operations=ALL, contextSourceAlias="one")
        assert (await one.client.post("/entities", json=sensor(speed=1))).status_code == 201
        assert await held(one) == await held(other) == {"speed": 1}
        assert len(world.lines.calls) == 1
        await one.client.delete("/entities/urn:s:1")
        await one.knows("other", mode="redirect", operations=ALL)
        answer = await one.client.delete("/entities/urn:s:1", headers={"Via": "1.1 other, 1.1 one"})
        assert (answer.status_code, answer.json()["status"]) == (508, 508)

    among(story, "one", "other")


def test_what_is_local_stays_here(among: Among) -> None:
    """local=true and auxiliary sources keep a write at home (clauses 6.3.18 and 4.3.6.2)."""

    async def story(world: World) -> None:
        here = world["here"]
        await here.knows("there", operations=ALL)
        await here.knows("there", mode="auxiliary", operations=["retrieveOps"])
        assert (await here.client.post("/entities?local=true", json=sensor(speed=1))).status_code == 201
        assert world.lines.calls == []

    among(story, "here", "there")


def test_a_batch_is_one_call_for_each_source(among: Among) -> None:
    """Each source gets its entities in one call where it takes batches; who fails is told (clauses 5.6.7 to 5.6.10)."""

    async def story(world: World) -> None:
        here, there, red = world["here"], world["there"], world["red"]
        await here.knows(
            "there", operations=BATCH, information=[{"entities": [{"type": "Sensor", "idPattern": "^urn:s"}]}]
        )
        await here.knows("red", mode="redirect", operations=BATCH, information=[{"entities": [{"type": "Car"}]}])
        car = {"id": "urn:c:1", "type": "Car", "speed": prop(5)}
        items = [sensor("urn:s:1", speed=1), sensor("urn:s:2", speed=2), car]
        answer = await here.client.post("/entityOperations/create", json=items)
        assert (answer.status_code, sorted(answer.json())) == (201, ["urn:c:1", "urn:s:1", "urn:s:2"])
        assert [len(world.lines.urls(name)) for name in ("there", "red")] == [1, 1]
        assert [await exists(here, one) for one in ("urn:s:1", "urn:s:2", "urn:c:1")] == [True, True, False]
        assert [await exists(there, one) for one in ("urn:s:1", "urn:s:2")] == [True, True]
        assert await exists(red, "urn:c:1")
        again = await here.client.post("/entityOperations/create", json=[car])
        assert again.status_code == 207
        (error,) = again.json()["errors"]
        assert (error["entityId"], error["error"]["status"]) == ("urn:c:1", 409)
        assert "registrationId" in error
        gone = await here.client.post("/entityOperations/delete", json=["urn:s:1", "urn:c:1"])
        assert gone.status_code == 204, gone.text
        assert not await exists(red, "urn:c:1")

    among(story, "here", "there", "red")


def test_a_batch_is_told_one_by_one_where_it_must(among: Among) -> None:
    """A source that takes no batches is told by single operations; an upsert creates, or replaces what is there."""

    async def story(world: World) -> None:
        here, there = world["here"], world["there"]
        await there.put("urn:s:1", old=prop(1))
        await here.knows("there", operations=ALL)
        answer = await here.client.post(
            "/entityOperations/upsert", json=[sensor("urn:s:1", speed=1), sensor("urn:s:2", speed=2)]
        )
        assert (answer.status_code, sorted(answer.json())) == (201, ["urn:s:1", "urn:s:2"])
        assert (await held(there), await held(there, "urn:s:2")) == ({"speed": 1}, {"speed": 2})
        merged = await here.client.post("/entityOperations/merge", json=[sensor("urn:s:1", size=3)])
        assert merged.status_code == 204
        assert await held(there) == {"speed": 1, "size": 3}

    among(story, "here", "there")


def test_a_purge_goes_no_further_than_a_registration(among: Among) -> None:
    """Of a source that is registered for one attribute of one entity, nothing else is purged (clause 4.3.6.1)."""

    async def story(world: World) -> None:
        here, there = world["here"], world["there"]
        for name in ("urn:s:1", "urn:s:2"):
            await there.put(name, speed=prop(1), color=prop("red"))
        await here.put("urn:s:3", speed=prop(1))
        await here.knows("there", operations=ALL, information=ONE)
        assert (await here.client.delete("/entities?type=Sensor")).status_code == 204
        assert not await exists(here, "urn:s:3")
        assert await held(there, "urn:s:1") == {"color": "red"}
        assert await held(there, "urn:s:2") == {"speed": 1, "color": "red"}

    among(story, "here", "there")


def test_calls_are_counted(among: Among) -> None:
    """timesSent, timesFailed, their moments and status are those of the calls, also after a start (table 5.2.9-2)."""

    async def story(world: World) -> None:
        here = world["here"]
        name = await here.knows("there", operations=ALL)
        path = f"/csourceRegistrations/{name}"
        assert "timesSent" not in (await here.client.get(path)).json()
        await here.client.post("/entities", json=sensor(speed=1))
        shown = (await here.client.get(path)).json()
        assert (shown["timesSent"], shown["timesFailed"], shown["status"]) == (1, 0, "ok")
        assert "lastSuccess" in shown
        assert "lastFailure" not in shown
        world.lines.cut.add("there")
        await here.client.patch("/entities/urn:s:1/attrs", json={"speed": prop(2)})
        shown = (await here.client.get(path)).json()
        assert (shown["timesSent"], shown["timesFailed"], shown["status"]) == (2, 1, "failed")
        registry = here.peers.line.registry
        await registry.tallies.write()
        (kept,) = Registry(here.hub).all("")
        assert Tallies(here.hub).of(kept).members() == registry.tallies.of(kept).members()

    among(story, "here", "there")


class ReadOnly(Open):
    """Nobody but the system writes Cars."""

    def check_write(self, actor: Actor, change: Change, before: Entity | None, types: tuple[str, ...]) -> None:
        """Refuse Cars, and what may be anything."""
        if "Car" in types or "*" in types:
            raise Forbidden("Cars are not for you.")


def test_what_is_refused_here_is_not_done_elsewhere(among: Among) -> None:
    """Who may not write something here cannot have it written by a source, nor can guarded types be."""

    async def story(world: World) -> None:
        here = world["here"]
        here.hub.own("citizens", {"Report": "/api/reports"})
        await here.knows("there", operations=ALL, information=[{"entities": [{"type": "Car"}, {"type": "Report"}]}])
        for kind in ("Car", "Report"):
            answer = await here.client.post("/entities", json={"id": "urn:x:1", "type": kind})
            assert answer.status_code == 403, kind
            assert (await here.client.delete("/entities/urn:x:1")).status_code in (403, 404)
        refused = await here.client.post(
            "/csourceRegistrations",
            json={
                "type": "ContextSourceRegistration",
                "mode": "redirect",
                "endpoint": "http://there",
                "information": [{"entities": [{"type": "Report"}]}],
            },
        )
        assert (refused.status_code, refused.json()["use"]) == (403, "/api/reports")
        assert world.lines.calls == []

    among(story, "here", "there", policies={"here": ReadOnly()})
