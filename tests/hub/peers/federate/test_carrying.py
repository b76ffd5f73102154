"""Subscriptions carried on to sources, and what these tell (clauses 5.8.1.4, 5.8.2.4, 5.8.5.4 and 5.8.6)."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx

from dothi.hub.peers.wire import Response
from tests.hub.peers.federate.world import BASE, World, prop

Among = Callable[..., None]
SUB = "urn:ngsi-ld:Subscription:1"


class Subscriber:
    """Somebody who is told: an application behind the host `subscriber`."""

    def __init__(self, world: World) -> None:
        """Nothing was told yet."""
        self.told: list[dict[str, Any]] = []
        world.lines.apps["subscriber"] = self

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Take one notification."""
        message = await receive()
        self.told.append(json.loads(message["body"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def hears(self, count: int) -> list[dict[str, Any]]:
        """All notifications, once there are so many."""
        for _ in range(300):
            if len(self.told) >= count:
                break
            await asyncio.sleep(0.01)
        assert len(self.told) == count, self.told
        return self.told


async def subscribed(world: World, **members: Any) -> None:
    """A subscription to Sensors at `here`, carried on."""
    document = {
        "id": SUB,
        "type": "Subscription",
        "entities": [{"type": "Sensor"}],
        "notification": {"endpoint": {"uri": "http://subscriber/told"}},
        **members,
    }
    answer = await world["here"].client.post("/subscriptions", json=document)
    assert answer.status_code == 201, answer.text
    assert await world["here"].carrier.settle("")


async def at_source(world: World) -> list[dict[str, Any]]:
    answer = await world["there"].client.get("/subscriptions")
    return list(answer.json())


def test_a_subscriber_is_told_of_what_happens_at_a_source(among: Among) -> None:
    """The source tells this hub, this hub the subscriber, under the subscriber's own id and in its own form."""

    async def story(world: World) -> None:
        subscriber = Subscriber(world)
        await world["here"].knows("there")
        await subscribed(world, notification={"endpoint": {"uri": "http://subscriber/told"}, "format": "simplified"})
        (copy,) = await at_source(world)
        assert copy["id"] != SUB
        assert copy["notification"]["endpoint"]["uri"] == "http://here/ngsi-ld/ex/remote-notify"
        await world["there"].put("urn:s:1", a=prop(5))
        (told,) = await subscriber.hears(1)
        assert told["subscriptionId"] == SUB
        assert told["data"] == [{"id": "urn:s:1", "type": "Sensor", "a": 5}]

    among(story, "here", "there")


def test_a_copy_is_reduced_to_what_is_registered(among: Among) -> None:
    """Attributes, ids and types of the registration bound what the source is asked to watch (clause 5.8.1.4)."""

    async def story(world: World) -> None:
        info = [{"entities": [{"type": "Sensor", "id": "urn:s:1"}], "propertyNames": ["a"]}]
        await world["here"].knows("there", information=info)
        await subscribed(world, q="a>1")
        (copy,) = await at_source(world)
        assert copy["entities"] == [{"type": "Sensor", "id": "urn:s:1"}]
        assert (copy["watchedAttributes"], copy["q"]) == (["a"], "a>1")

    among(story, "here", "there")


def test_split_entities_are_joined_before_the_filter(among: Among) -> None:
    """With splitEntities the copy has no filters; what comes is joined with what is known here and filtered then."""

    async def story(world: World) -> None:
        subscriber = Subscriber(world)
        await world["here"].knows("there")
        await subscribed(world, q='b=="x";a>1', splitEntities=True)
        assert "q" not in (await at_source(world))[0]
        await world["here"].put("urn:s:1", b=prop("x"))
        await world["there"].put("urn:s:1", a=prop(1))
        await world["there"].client.patch("/entities/urn:s:1/attrs", json={"a": prop(2)})
        (told,) = await subscriber.hears(1)
        assert (told["data"][0]["a"]["value"], told["data"][0]["b"]["value"]) == (2, "x")

    among(story, "here", "there")


def test_copies_follow_subscriptions_and_registrations(among: Among) -> None:
    """A change is carried on, a registration that comes late is told of, and whichever goes takes its copy along."""

    async def story(world: World) -> None:
        here = world["here"]
        await subscribed(world)
        assert await at_source(world) == []
        source = await here.knows("there")
        assert await here.carrier.settle("")
        (copy,) = await at_source(world)
        await here.client.patch(f"/subscriptions/{SUB}", json={"q": "a>10"})
        assert await here.carrier.settle("")
        (changed,) = await at_source(world)
        assert (changed["id"], changed["q"]) == (copy["id"], "a>10")
        assert len((await here.client.get("/csourceSubscriptions")).json()) == 1
        await here.client.delete(f"/csourceRegistrations/{source}")
        assert await here.carrier.settle("")
        assert await at_source(world) == []
        await here.knows("there")
        assert await here.carrier.settle("")
        assert len(await at_source(world)) == 1
        await here.client.delete(f"/subscriptions/{SUB}")
        assert await here.carrier.settle("")
        assert await at_source(world) == []
        assert (await here.client.get("/csourceSubscriptions")).json() == []

    among(story, "here", "there")


def test_what_could_not_be_said_is_said_later_and_once(among: Among) -> None:
    """A source that is cut off gets its copy, its change and its end when the line is back; never two of them."""

    async def story(world: World) -> None:
        here = world["here"]
        await here.knows("there")
        world.lines.cut.add("there")
        document = {
            "id": SUB,
            "type": "Subscription",
            "entities": [{"type": "Sensor"}],
            "notification": {"endpoint": {"uri": "http://subscriber/told"}},
        }
        await here.client.post("/subscriptions", json=document)
        assert not await here.carrier.settle("")
        assert not await here.carrier.settle("")
        world.lines.cut.clear()
        assert await here.carrier.settle("")
        assert await here.carrier.settle("")
        assert len(await at_source(world)) == 1
        world.lines.cut.add("there")
        await here.client.delete(f"/subscriptions/{SUB}")
        assert not await here.carrier.settle("")
        world.lines.cut.clear()
        assert await here.carrier.settle("")
        assert await at_source(world) == []

    among(story, "here", "there")


def test_only_the_source_can_tell(among: Among) -> None:
    """A notification under an id that no source was given is 404; one that is none is 400; neither tells anybody."""

    async def story(world: World) -> None:
        subscriber = Subscriber(world)
        await world["here"].knows("there")
        await subscribed(world)
        transport = httpx.ASGITransport(app=world.lines.apps["here"])
        async with httpx.AsyncClient(transport=transport, base_url="http://here/ngsi-ld/ex") as stranger:
            entity = {"id": "urn:s:1", "type": "Sensor", "a": prop(1)}
            forged = {"type": "Notification", "subscriptionId": SUB, "data": [entity]}
            assert (await stranger.post("/remote-notify", json=forged)).status_code == 404
            (copy,) = await at_source(world)
            for wrong in ({}, [], {**forged, "subscriptionId": copy["id"], "data": [{"id": "no uri"}]}):
                assert (await stranger.post("/remote-notify", json=wrong)).status_code == 400
            alarm = {**forged, "subscriptionId": copy["id"], "data": [{**entity, "type": "Alarm"}]}
            assert (await stranger.post("/remote-notify", json=alarm)).status_code == 200
            assert (await stranger.get("/remote-notify")).status_code == 405
        await asyncio.sleep(0.05)
        assert subscriber.told == []

    among(story, "here", "there")


def test_a_subscription_to_this_hub_alone_stays_here(among: Among) -> None:
    """With localOnly nothing is carried on (clause 5.8.1.4)."""

    async def story(world: World) -> None:
        await world["here"].knows("there")
        await subscribed(world, localOnly=True)
        assert await at_source(world) == []
        assert (await world["here"].client.get("/csourceSubscriptions")).json() == []

    among(story, "here", "there")


def test_a_source_that_refuses_is_not_asked_again_at_once(among: Among) -> None:
    """A source that says no has answered: the carrier does not knock every 15 seconds."""

    async def story(world: World) -> None:
        await world["here"].knows("there")
        world.lines.said["there"] = Response(403, {}, b"")
        await subscribed(world)
        assert [method for method, url, _ in world.lines.calls if BASE in url] == ["POST"]

    among(story, "here", "there")


def test_the_end_of_an_entity_is_told_with_its_moment_alone(among: Among) -> None:
    """Who asked for entityDeleted hears when an entity of a source was deleted, and it is no known copy any more."""

    async def story(world: World) -> None:
        subscriber = Subscriber(world)
        await world["here"].knows("there")
        await subscribed(world, notificationTrigger=["attributeCreated", "entityDeleted"])
        await world["there"].put("urn:s:1", a=prop(5))
        await subscriber.hears(1)
        await world["there"].client.delete("/entities/urn:s:1")
        _, told = await subscriber.hears(2)
        assert told["data"][0].keys() == {"id", "type", "deletedAt"}
        await world["here"].peers.copies.settle()
        world.lines.cut.add("there")
        assert await world["here"].sensors() == []

    among(story, "here", "there")


def test_what_a_source_tells_is_known_when_it_is_cut_off(among: Among) -> None:
    """A notification is the newest that is known of an entity: it stands in for the source, though nobody asked."""

    async def story(world: World) -> None:
        subscriber = Subscriber(world)
        await world["here"].knows("there")
        await subscribed(world)
        await world["there"].put("urn:s:1", a=prop(5))
        await subscriber.hears(1)
        await world["here"].peers.copies.settle()
        world.lines.cut.add("there")
        assert [one["a"]["value"] for one in await world["here"].sensors()] == [5]

    among(story, "here", "there")
