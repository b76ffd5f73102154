"""What a notification shows (clauses 5.3.1 and 5.8.6): forms, members, what went away, what stood before."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.hub.peers.notify.hearing import World

Told = Callable[..., None]
NULL = "urn:ngsi-ld:null"
CORE = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld"


async def changed(world: World, **members: Any) -> dict[str, Any]:
    """What is shown when pm of an entity changes from 5 to 6."""
    await world.put(pm=5, name={"languageMap": {"vi": "Trạm", "en": "Station"}}, isIn={"object": "urn:x:hue"})
    await world.subscribe(**members)
    await world.patch(pm=6)
    return (await world.receiver.data())[0]


SHAPES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"notification": {"attributes": ["pm"]}},
        {"id": "urn:x:1", "type": "Sensor", "pm": {"type": "Property", "value": 6}},
    ),
    ({"notification": {"pick": ["pm", "id"], "format": "concise"}}, {"id": "urn:x:1", "pm": 6}),
    ({"notification": {"omit": ["name", "isIn", "type"], "format": "keyValues"}}, {"id": "urn:x:1", "pm": 6}),
    (
        {"notification": {"pick": ["name", "isIn"], "format": "simplified"}, "lang": "en"},
        {"name": "Station", "isIn": "urn:x:hue"},
    ),
    (
        {"notification": {"attributes": ["pm"], "showChanges": True}},
        {"id": "urn:x:1", "type": "Sensor", "pm": {"type": "Property", "value": 6, "previousValue": 5}},
    ),
    (
        {"notification": {"pick": ["name"]}, "ngsildConformance": "1.3"},
        {"name": {"type": "Property", "value": {"vi": "Trạm", "en": "Station"}}},
    ),
]


@pytest.mark.parametrize(("members", "expected"), SHAPES)
def test_the_subscriber_chooses_how_it_looks(told: Told, members: dict[str, Any], expected: dict[str, Any]) -> None:
    """format, attributes, pick, omit, lang, showChanges and ngsildConformance shape what is sent."""

    async def story(world: World) -> None:
        assert await changed(world, **members) == expected

    told(story)


def test_stamps_are_shown_when_asked_for(told: Told) -> None:
    """SysAttrs adds createdAt and modifiedAt to the entity and its attributes."""

    async def story(world: World) -> None:
        shown = await changed(world, notification={"sysAttrs": True, "attributes": ["pm"]})
        assert {"createdAt", "modifiedAt"} <= shown.keys()
        assert shown["pm"]["createdAt"] < shown["pm"]["modifiedAt"]

    told(story)


DELETED: list[tuple[dict[str, Any], Any]] = [
    ({}, {"type": "Property", "value": NULL}),
    ({"format": "concise"}, NULL),
    ({"format": "keyValues"}, NULL),
    ({"showChanges": True}, {"type": "Property", "value": NULL, "previousValue": 5}),
    ({"showChanges": True, "format": "concise"}, {"value": NULL, "previousValue": 5}),
]


@pytest.mark.parametrize(("said", "expected"), DELETED)
def test_a_deleted_attribute_is_a_null(told: Told, said: dict[str, Any], expected: Any) -> None:
    """An attribute that is gone is shown by the null URI, bare unless more is to be said."""

    async def story(world: World) -> None:
        await world.put(pm=5, no2=1)
        await world.subscribe(notification=said, notificationTrigger=["attributeDeleted"])
        await world.client.delete("/entities/urn:x:1/attrs/pm")
        assert (await world.receiver.data())[0]["pm"] == expected

    told(story)


def test_one_instance_that_goes_stands_beside_the_others(told: Told) -> None:
    """Of several instances the one that is gone is a null with its datasetId."""

    async def story(world: World) -> None:
        await world.put(pm=[{"value": 1}, {"value": 2, "datasetId": "urn:x:d"}])
        await world.subscribe(notificationTrigger=["attributeDeleted"], notification={"sysAttrs": True})
        await world.client.delete("/entities/urn:x:1/attrs/pm?datasetId=urn:x:d")
        left, gone = (await world.receiver.data())[0]["pm"]
        assert (left["value"], "deletedAt" in left) == (1, False)
        assert (gone["value"], gone["datasetId"], "deletedAt" in gone) == (NULL, "urn:x:d", True)

    told(story)


def test_a_deleted_entity_is_its_id_and_its_end(told: Told) -> None:
    """A deletion shows deletedAt alone; with sysAttrs the other stamps, with showChanges what it had."""

    async def story(world: World) -> None:
        for said in ({}, {"sysAttrs": True}, {"showChanges": True}):
            await world.subscribe(notificationTrigger=["entityDeleted"], notification=said)
        await world.put(pm=5, sort={"vocab": "air"}, name={"languageMap": {"vi": "Trạm"}})
        await world.client.delete("/entities/urn:x:1")
        shown = sorted((one.body["data"][0] for one in await world.receiver.next(3)), key=len)
        assert shown[0].keys() == {"id", "type", "deletedAt"}
        assert shown[1].keys() == {"id", "type", "deletedAt", "createdAt", "modifiedAt"}
        assert shown[2]["pm"] == {"type": "Property", "value": NULL, "previousValue": 5}
        assert shown[2]["sort"] == {"type": "VocabProperty", "vocab": NULL, "previousVocab": "air"}
        assert shown[2]["name"]["languageMap"] == {"@none": NULL}
        assert shown[2]["name"]["previousLanguageMap"] == {"vi": "Trạm"}

    told(story)


def test_datasets_are_selected(told: Told) -> None:
    """Only the instances of the datasets named are shown (clause 4.5.5)."""

    async def story(world: World) -> None:
        await world.subscribe(datasetId=["urn:x:d"])
        await world.put(pm=[{"value": 1}, {"value": 2, "datasetId": "urn:x:d"}], no2=1)
        shown = (await world.receiver.data())[0]
        assert shown["pm"] == {"type": "Property", "value": 2, "datasetId": "urn:x:d"}
        assert "no2" not in shown

    told(story)


def test_linked_entities_come_along(told: Told) -> None:
    """Join puts linked entities inside or beside (clause 4.5.23)."""

    async def story(world: World) -> None:
        await world.put("urn:x:hue", "City", name="Huế")
        await world.subscribe(notification={"join": "inline", "format": "concise"})
        await world.subscribe(notification={"join": "flat", "format": "concise"})
        await world.put(isIn={"object": "urn:x:hue"})
        one, two = sorted((one.body["data"] for one in await world.receiver.next(2)), key=len)
        assert one[0]["isIn"]["entity"] == {"id": "urn:x:hue", "type": "City", "name": "Huế"}
        assert [entity["id"] for entity in two] == ["urn:x:1", "urn:x:hue"]

    told(story)


def test_the_envelope(told: Told) -> None:
    """A notification says what it is, when, and for which subscription; JSON names its context in a Link."""

    async def story(world: World) -> None:
        made = await world.subscribe(endpoint={"receiverInfo": [{"key": "X-Key", "value": "k"}]})
        await world.put(pm=1)
        headers, body = (await world.receiver.next())[0]
        assert body.keys() == {"id", "type", "subscriptionId", "notifiedAt", "data"}
        assert (body["type"], body["subscriptionId"]) == ("Notification", made)
        assert body["id"].startswith("urn:ngsi-ld:Notification:")
        assert headers["content-type"] == "application/json"
        assert headers["link"].startswith(f'<{CORE}>; rel="http://www.w3.org/ns/json-ld#context"')
        assert headers["x-key"] == "k"

    told(story)


def test_json_ld_and_geojson(told: Told) -> None:
    """By endpoint.accept the context goes into the body, or the entities become features."""

    async def story(world: World) -> None:
        await world.subscribe(endpoint={"accept": "application/ld+json"})
        await world.put(pm=1, location={"type": "GeoProperty", "value": {"type": "Point", "coordinates": [1, 2]}})
        headers, body = (await world.receiver.next())[0]
        assert (headers["content-type"], "link" in headers) == ("application/ld+json", False)
        assert body["data"][0]["@context"] == CORE
        prefer = [{"key": "Prefer", "value": "body=json"}]
        await world.subscribe(endpoint={"accept": "application/geo+json", "receiverInfo": prefer}, id="urn:x:geo")
        await world.patch(pm=2)
        found = {one.headers["content-type"]: one for one in await world.receiver.next(2)}
        headers, body = found["application/geo+json"]
        assert (body["data"]["type"], "@context" in body["data"], "link" in headers) == (
            "FeatureCollection",
            False,
            True,
        )
        assert body["data"]["features"][0]["geometry"] == {"type": "Point", "coordinates": [1, 2]}

    told(story)


def test_names_are_those_of_the_subscriber(told: Told) -> None:
    """Names in a subscription are expanded by its context, and those of a notification compacted by it."""

    async def story(world: World) -> None:
        context = {"air": "https://example.org/Sensor", "dust": "https://example.org/pm"}
        document = {
            "@context": context,
            "type": "Subscription",
            "entities": [{"type": "air"}],
            "watchedAttributes": ["dust"],
            "q": "dust>1",
            "notification": {"endpoint": {"uri": world.receiver.url}, "attributes": ["dust"]},
        }
        headers = {"Content-Type": "application/ld+json"}
        answer = await world.client.post("/subscriptions", json=document, headers=headers)
        assert answer.status_code == 201, answer.text
        await world.put(kind="https://example.org/Sensor", **{"https://example.org/pm": 5})
        heard = (await world.receiver.next())[0]
        assert heard.body["data"][0] == {"id": "urn:x:1", "type": "air", "dust": {"type": "Property", "value": 5}}
        address = heard.headers["link"].partition(">")[0].removeprefix("<http://city/ngsi-ld/v1")
        assert (await world.client.get(address)).json()["@context"] == context

    told(story)
