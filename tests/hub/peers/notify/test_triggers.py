"""Which changes make a notification (clause 5.8.6 and table 5.2.12-1)."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.hub.peers.notify.hearing import World

Told = Callable[..., None]


def test_attributes_that_change_are_told_by_default(told: Told) -> None:
    """Without notificationTrigger creations and updates of attributes are told; the same value again is no change."""

    async def story(world: World) -> None:
        await world.subscribe()
        await world.put(pm=5)
        assert await world.receiver.data() == [
            {"id": "urn:x:1", "type": "Sensor", "pm": {"type": "Property", "value": 5}}
        ]
        await world.patch(pm=6)
        assert (await world.receiver.data())[0]["pm"]["value"] == 6
        await world.patch(pm=6)
        await world.client.delete("/entities/urn:x:1/attrs/pm")
        await world.client.delete("/entities/urn:x:1")
        await world.receiver.nothing()

    told(story)


CHANGES: dict[str, list[str]] = {  # Trigger → what of the story below it tells, in order.
    "entityCreated": ["created"],
    "entityUpdated": ["created", "updated", "added", "dropped", "deleted"],
    "entityDeleted": ["deleted"],
    "attributeCreated": ["created", "added"],
    "attributeUpdated": ["updated"],
    "attributeDeleted": ["dropped", "deleted"],
}


@pytest.mark.parametrize("trigger", CHANGES)
def test_each_trigger_tells_its_changes_alone(told: Told, trigger: str) -> None:
    """A trigger tells the changes that it names and no others."""

    async def story(world: World) -> None:
        await world.subscribe(notificationTrigger=[trigger])
        found = []
        steps: dict[str, Callable[[], Any]] = {
            "created": lambda: world.put(pm=5),
            "updated": lambda: world.patch(pm=6),
            "added": lambda: world.patch(no2=1),
            "dropped": lambda: world.client.delete("/entities/urn:x:1/attrs/no2"),
            "deleted": lambda: world.client.delete("/entities/urn:x:1"),
        }
        for name, step in steps.items():
            await step()
            if name in CHANGES[trigger]:
                assert (await world.receiver.data())[0]["id"] == "urn:x:1"
                found.append(name)
        await world.receiver.nothing()
        assert found == CHANGES[trigger]

    told(story)


def test_watched_attributes_alone_are_told(told: Told) -> None:
    """With watchedAttributes a change of another attribute is not told, also of any type of entity."""

    async def story(world: World) -> None:
        await world.subscribe(entities=None, watchedAttributes=["pm"])
        await world.put(no2=1)
        await world.patch(no2=2)
        await world.receiver.nothing()
        await world.patch(pm=1)
        assert (await world.receiver.data())[0]["no2"]["value"] == 2
        await world.put("urn:x:2", "Other", pm=1)
        assert (await world.receiver.data())[0]["id"] == "urn:x:2"

    told(story)


SELECTORS = [
    ([{"type": "Sensor"}], ["a", "b"]),
    ([{"type": "Sensor|Lamp"}], ["a", "b", "c"]),
    ([{"type": "Sensor", "id": "urn:x:a"}], ["a"]),
    ([{"type": "Sensor", "id": ["urn:x:a", "urn:x:c"]}], ["a"]),
    ([{"type": "Sensor", "idPattern": "b$"}], ["b"]),
    ([{"type": "Lamp"}, {"type": "Sensor", "idPattern": "a$"}], ["a", "c"]),
    ([{"type": "*"}], ["a", "b", "c"]),
]


@pytest.mark.parametrize(("entities", "expected"), SELECTORS)
def test_selectors_choose(told: Told, entities: list[Any], expected: list[str]) -> None:
    """Types, ids and patterns select as clause 5.2.33 says; of several selectors one suffices."""

    async def story(world: World) -> None:
        await world.subscribe(entities=entities)
        for name, kind in (("a", "Sensor"), ("b", "Sensor"), ("c", "Lamp")):
            await world.put(f"urn:x:{name}", kind, pm=1)
        heard = await world.receiver.next(len(expected))
        assert sorted(one.body["data"][0]["id"][-1] for one in heard) == expected
        await world.receiver.nothing()

    told(story)


CONDITIONS = [
    ({"q": "pm>35.5"}, ["b"]),
    ({"scopeQ": "/Hue/#"}, ["a"]),
    (
        {"geoQ": {"georel": "near;maxDistance==1000", "geometry": "Point", "coordinates": [107.58, 16.46]}},
        ["a"],
    ),
    ({"q": 'isIn{name}=="Huế"'}, ["b"]),
]


@pytest.mark.parametrize(("members", "expected"), CONDITIONS)
def test_conditions_hold_for_what_is_told(told: Told, members: dict[str, Any], expected: list[str]) -> None:
    """Q (also over linked entities), geoQ and scopeQ must hold for the entity as it is after the change."""

    async def story(world: World) -> None:
        await world.put("urn:x:hue", "City", name="Huế")
        await world.subscribe(**members)
        place = {"type": "Point", "coordinates": [107.58, 16.461]}
        far = {"type": "Point", "coordinates": [108.2, 16.05]}
        await world.put("urn:x:a", pm=10, scope="/Hue/PhuXuan", location={"type": "GeoProperty", "value": place})
        await world.put("urn:x:b", pm=50, isIn={"object": "urn:x:hue"}, location={"type": "GeoProperty", "value": far})
        assert [one.body["data"][0]["id"][-1] for one in await world.receiver.next(len(expected))] == expected
        await world.receiver.nothing()

    told(story)


def test_a_batch_is_told_in_one_notification(told: Told) -> None:
    """The entities of one batch that concern a subscription come together; those of another type do not."""

    async def story(world: World) -> None:
        await world.subscribe()
        batch = [{"id": f"urn:x:{n}", "type": "Sensor" if n else "Lamp", "pm": n} for n in range(4)]
        assert (await world.client.post("/entityOperations/create", json=batch)).status_code == 201
        assert [one["id"] for one in await world.receiver.data()] == ["urn:x:1", "urn:x:2", "urn:x:3"]
        await world.receiver.nothing()

    told(story)


def test_a_paused_subscription_tells_nothing(told: Told) -> None:
    """While isActive is false nothing is told, nor later of what happened meanwhile."""

    async def story(world: World) -> None:
        made = await world.subscribe(isActive=False)
        assert (await world.read(made))["status"] == "paused"
        await world.put(pm=1)
        await world.client.patch(f"/subscriptions/{made}", json={"isActive": True})
        await world.receiver.nothing()
        await world.patch(pm=2)
        assert (await world.receiver.data())[0]["pm"]["value"] == 2
        await world.client.delete(f"/subscriptions/{made}")
        await world.patch(pm=3)
        await world.receiver.nothing()

    told(story)


def test_tenants_are_apart(told: Told) -> None:
    """A subscription of a tenant hears of that tenant alone, and the notification names it."""

    async def story(world: World) -> None:
        world.client.headers["NGSILD-Tenant"] = "hue"
        await world.subscribe()
        await world.put(pm=1)
        heard = (await world.receiver.next())[0]
        assert heard.headers["ngsild-tenant"] == "hue"
        del world.client.headers["NGSILD-Tenant"]
        await world.put(pm=1)
        await world.receiver.nothing()

    told(story)
