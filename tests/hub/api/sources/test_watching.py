"""Subscriptions to registrations, and what they are told (GS CIM 009 clauses 5.3.2, 5.11, 6.12 and 6.13)."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dothi.ground.clock import now_us
from dothi.hub.context import Contexts
from dothi.hub.peers.federate.keeping.watching import Watchers
from dothi.hub.peers.federate.matching import Registry
from dothi.hub.write.expiry import sweep
from tests.hub.api.sources.documents import registration
from tests.hub.peers.notify.hearing import World, subscription

PATH, REGISTRATIONS = "/csourceSubscriptions", "/csourceRegistrations"
CARS = [{"entities": [{"type": "Car"}]}]
Told = Callable[..., None]


async def watch(world: World, **members: Any) -> str:
    answer = await world.client.post(PATH, json=subscription(world.receiver.url, **members))
    assert answer.status_code == 201, answer.text
    return answer.headers["location"].removeprefix("/ngsi-ld/v1")


async def register(world: World, name: str = "1", **members: Any) -> str:
    answer = await world.client.post(REGISTRATIONS, json=registration(id=f"urn:reg:{name}", **members))
    assert answer.status_code == 201, answer.text
    return f"{REGISTRATIONS}/urn:reg:{name}"


async def heard(world: World) -> tuple[str, list[str]]:
    """The reason of the next notification, and whom it is about."""
    (one,) = await world.receiver.next()
    return one.body["triggerReason"], [item["id"].removeprefix("urn:reg:") for item in one.body["data"]]


def test_who_watches_is_told_what_comes_changes_and_goes(told: Told) -> None:
    """newlyMatching, updated and noLongerMatching, at first all that match already (clause 5.11.7)."""

    async def story(world: World) -> None:
        one = await register(world)
        await register(world, "cars", information=CARS)
        await watch(world)
        assert await heard(world) == ("newlyMatching", ["1"])
        two = await register(world, "2")
        assert await heard(world) == ("newlyMatching", ["2"])
        await world.client.patch(one, json={"description": "new"})
        assert await heard(world) == ("updated", ["1"])
        await world.client.patch(one, json={"information": CARS})
        assert await heard(world) == ("noLongerMatching", ["1"])
        await world.client.patch(one, json={"description": "it is no concern of theirs"})
        await world.client.delete(two)
        assert await heard(world) == ("noLongerMatching", ["2"])
        await world.receiver.nothing()

    told(story)


def test_a_notification_is_what_the_clause_says(told: Told) -> None:
    """Its members (clause 5.3.2), and of a registration those parts only that match."""

    async def story(world: World) -> None:
        path = await watch(world)
        await register(world, information=[{"entities": [{"type": "Sensor"}], "propertyNames": ["a"]}, *CARS])
        (one,) = await world.receiver.next()
        body = one.body
        assert body.keys() == {"id", "type", "subscriptionId", "notifiedAt", "triggerReason", "data"}
        assert body["type"] == "ContextSourceNotification"
        assert body["subscriptionId"] == path.rpartition("/")[2]
        (shown,) = body["data"]
        assert shown["information"] == [{"entities": [{"type": "Sensor"}], "propertyNames": ["a"]}]
        assert shown["endpoint"] == "http://there.example"
        await asyncio.sleep(0.05)
        told_of = (await world.client.get(path)).json()
        assert told_of["status"] == "active"
        assert (told_of["notification"]["timesSent"], told_of["notification"]["status"]) == (1, "ok")

    told(story)


@pytest.mark.parametrize(
    ("members", "concerned"),
    [
        ({"watchedAttributes": ["b"]}, True),
        ({"notification": {"attributes": ["b"]}}, False),
        ({"notification": {"attributes": ["b"]}, "watchedAttributes": ["a"]}, True),
        ({"entities": [{"type": "Sensor", "id": "urn:s:2"}]}, False),
        ({"entities": [{"type": "Car"}]}, False),
        ({"csf": "grade==7"}, True),
        ({"csf": "grade==8"}, False),
        ({"scopeQ": "/VN/48"}, False),
        ({"temporalQ": {"timerel": "before", "timeAt": "2021-08-01T00:00:00Z"}}, False),
        (
            {"geoQ": {"georel": "near;maxDistance==10", "geometry": "Point", "coordinates": [107.6, 16.4]}},
            True,
        ),
        ({"isActive": False}, False),
    ],
)
def test_only_who_is_concerned_is_told(told: Told, members: dict[str, Any], concerned: bool) -> None:
    """Entities, attributes, csf, scope, place and time are compared with the registration (clauses 5.11.2.4, 5.12)."""
    part = {"entities": [{"type": "Sensor", "id": "urn:s:1"}], "propertyNames": ["a"]}
    place = {"type": "Point", "coordinates": [107.6, 16.4]}

    async def story(world: World) -> None:
        await watch(world, **members)
        await register(world, information=[part], grade=7, scope="/VN/46", location=place)
        if concerned:
            assert await heard(world) == ("newlyMatching", ["1"])
        else:
            await world.receiver.nothing()

    told(story)


def test_the_clock_tells_of_all(told: Told) -> None:
    """With a timeInterval all that match are told at first and again and again, whatever changes."""

    async def story(world: World) -> None:
        await register(world)
        await watch(world, timeInterval=0.1)
        await register(world, "2")
        notices = await world.receiver.next(3)
        found = [[one["id"] for one in notice.body["data"]] for notice in notices]
        assert found == [["urn:reg:1"], ["urn:reg:1", "urn:reg:2"], ["urn:reg:1", "urn:reg:2"]]

    told(story)


def test_what_expires_is_told(told: Told) -> None:
    """A registration that ends by itself is told of as any other that goes."""

    async def story(world: World) -> None:
        end = (datetime.now(UTC) + timedelta(seconds=0.2)).isoformat().replace("+00:00", "Z")
        await register(world, expiresAt=end)
        registry = Registry(world.hub)
        watchers = Watchers(world.hub, registry, Contexts(), world.notifier.lanes)
        following = asyncio.create_task(registry.follow())
        path = await watch(world)
        await watchers.refresh("", path.rpartition("/")[2])
        assert [await heard(world), await heard(world)] == [("newlyMatching", ["1"])] * 2
        await asyncio.sleep(0.25)
        await sweep(world.hub, now_us())
        assert await heard(world) == ("noLongerMatching", ["1"])
        following.cancel()

    told(story)


def test_a_subscription_is_changed_and_ended(told: Told) -> None:
    """A change tells of all that match then; nothing is told after the end (clauses 5.11.3 to 5.11.6)."""

    async def story(world: World) -> None:
        client = world.client
        await register(world, "cars", information=CARS)
        path = await watch(world)
        assert (await client.patch(path, json={"entities": [{"type": "Car"}]})).status_code == 204
        assert await heard(world) == ("newlyMatching", ["cars"])
        assert (await client.get(path)).json()["entities"] == [{"type": "Car"}]
        assert [one["id"] for one in (await client.get(PATH)).json()] == [path.rpartition("/")[2]]
        for wrong in ({"entities": []}, {"id": "urn:x:1"}, {"type": "Sensor"}):
            assert (await client.patch(path, json=wrong)).status_code == 400, wrong
        assert (await client.delete(path)).status_code == 204
        for gone in (await client.get(path), await client.delete(path), await client.patch(path, json={})):
            assert gone.status_code == 404
        await register(world, "more", information=CARS)
        await world.receiver.nothing()
        assert (await client.get(f"{PATH}/none")).status_code == 400

    told(story)


def test_what_was_missed_is_told_after_a_start(told: Told) -> None:
    """Who was not told before the process ended is told after it, once."""

    async def story(world: World) -> None:
        path = await watch(world)
        key = path.rpartition("/")[2]
        await register(world, "1")
        assert await heard(world) == ("newlyMatching", ["1"])
        first = Watchers(world.hub, Registry(world.hub), Contexts(), world.notifier.lanes)
        await first.refresh("", key)
        assert await heard(world) == ("newlyMatching", ["1"])
        await first.write()
        # A registration of which the first never heard: as if it had ended before it could tell.
        await register(world, "2")
        assert await heard(world) == ("newlyMatching", ["2"])
        second = Watchers(world.hub, Registry(world.hub), Contexts(), world.notifier.lanes)
        running = asyncio.create_task(second.run())
        assert await heard(world) == ("newlyMatching", ["2"])
        await world.receiver.nothing()
        running.cancel()

    told(story)
