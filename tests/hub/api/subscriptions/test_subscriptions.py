"""Subscriptions over HTTP (clauses 5.8.1 to 5.8.5): made, read, listed, changed, ended, and what is refused."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from dothi.ground.clock import iso, now_us
from dothi.hub.model import Actor
from dothi.hub.peers.wire import Reach
from tests.hub.peers.notify.hearing import World, subscription

Told = Callable[..., None]
URL = "http://127.0.0.1:9/notify"
BAD = "https://uri.etsi.org/ngsi-ld/errors/BadRequestData"


def test_a_subscription_is_made_and_read(told: Told) -> None:
    """Created with 201 and its place; read back as given, with status, triggers and context; unknown members go."""

    async def story(world: World) -> None:
        given = subscription(URL, id="urn:x:s", q="pm>5", watchedAttributes=["pm"], throttling=2.5, mine=1)
        given["notification"]["timesSent"] = 42
        answer = await world.client.post("/subscriptions", json={**given, "status": "expired"})
        assert (answer.status_code, answer.headers["location"]) == (201, "/ngsi-ld/v1/subscriptions/urn:x:s")
        read = await world.read("urn:x:s")
        assert read.pop("status") == "active"
        assert read.pop("notificationTrigger") == ["attributeCreated", "attributeUpdated"]
        assert read.pop("jsonldContext").endswith("ngsi-ld-core-context-v1.9.jsonld")
        del given["mine"], given["notification"]["timesSent"]
        assert read == given
        again = await world.client.post("/subscriptions", json=given)
        assert (again.status_code, again.json()["type"][-13:]) == (409, "AlreadyExists")
        assert (await world.client.get("/subscriptions/urn:x:s?options=sysAttrs")).json()["createdAt"]

    told(story)


def test_subscriptions_are_listed_in_pages(told: Told) -> None:
    """limit, offset and count page through them with links; another tenant has none of them."""

    async def story(world: World) -> None:
        made = [await world.subscribe(id=f"urn:x:{n}") for n in range(3)]
        answer = await world.client.get("/subscriptions?limit=2&count=true")
        assert [one["id"] for one in answer.json()] == made[:2]
        assert answer.headers["ngsild-results-count"] == "3"
        assert 'rel="next"' in answer.headers["link"]
        rest = await world.client.get("/subscriptions?limit=2&offset=2")
        assert [one["id"] for one in rest.json()] == made[2:]
        other = await world.client.get("/subscriptions", headers={"NGSILD-Tenant": "other"})
        assert other.status_code == 404

    told(story)


def test_a_fragment_changes_members(told: Told) -> None:
    """Members given replace those that stand, null takes one away, the rest and its names stay as they were meant."""

    async def story(world: World) -> None:
        made = await world.subscribe(q="pm>5", description="old")
        link = {"Link": f'<{CONTEXT}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'}
        fragment = {"description": None, "watchedAttributes": ["no2"], "subscriptionName": "n"}
        answer = await world.client.patch(f"/subscriptions/{made}", json=fragment, headers=link)
        assert answer.status_code == 204, answer.text
        read = await world.read(made)
        assert "description" not in read
        assert (read["q"], read["watchedAttributes"], read["subscriptionName"]) == ("pm>5", ["no2"], "n")

    told(story)


CONTEXT = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld"
FUTURE, PAST = "2999-01-01T00:00:00Z", "2001-01-01T00:00:00Z"
STATUS = [  # Before, fragment, status afterwards (clause 5.8.2.4).
    ({}, {"isActive": False}, "paused"),
    ({"isActive": False}, {"isActive": True}, "active"),
    ({"isActive": False}, {"isActive": True, "expiresAt": FUTURE}, "active"),
    ({"expiresAt": FUTURE}, {"isActive": False}, "paused"),
    ({}, {"expiresAt": FUTURE}, "active"),
]


@pytest.mark.parametrize(("before", "fragment", "status"), STATUS)
def test_the_status_follows_its_members(told: Told, before: Any, fragment: Any, status: str) -> None:
    """IsActive and expiresAt together say whether it is active, paused or expired."""

    async def story(world: World) -> None:
        made = await world.subscribe(**before)
        assert (await world.client.patch(f"/subscriptions/{made}", json=fragment)).status_code == 204
        assert (await world.read(made))["status"] == status

    told(story)


def test_a_subscription_ends_by_itself(told: Told) -> None:
    """When expiresAt comes it is expired and told nothing more; a later expiresAt brings it back."""

    async def story(world: World) -> None:
        made = await world.subscribe(expiresAt=iso(now_us() + 150_000))
        assert (await world.read(made))["status"] == "active"
        await asyncio.sleep(0.16)
        assert (await world.read(made))["status"] == "expired"
        await world.put(pm=1)
        await world.receiver.nothing()
        await world.client.patch(f"/subscriptions/{made}", json={"isActive": True})
        assert (await world.read(made))["status"] == "expired"
        await world.client.patch(f"/subscriptions/{made}", json={"expiresAt": FUTURE})
        assert (await world.read(made))["status"] == "active"
        await world.patch(pm=2)
        assert len(await world.receiver.data()) == 1

    told(story)


def test_what_is_not_there_is_404(told: Told) -> None:
    """An unknown id is 404, one that is no URI 400, for every verb."""

    async def story(world: World) -> None:
        await world.subscribe()
        for name, status in (("urn:x:none", 404), ("none", 400)):
            path = f"/subscriptions/{name}"
            answers = [
                await world.client.get(path),
                await world.client.delete(path),
                await world.client.patch(path, json={"isActive": True}),
                await world.client.get(f"{path}/undelivered"),
            ]
            assert [one.status_code for one in answers] == [status] * 4

    told(story)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"type": "Other"}, "type"),
    ({"id": "none"}, "id"),
    ({"entities": []}, "entities"),
    ({"entities": None}, "watchedAttributes"),
    ({"entities": [{"id": "urn:x:1"}]}, "type"),
    ({"entities": [{"type": "Sensor", "id": "none"}]}, "none"),
    ({"entities": [{"type": "Sensor", "idPattern": "("}]}, "regular expression"),
    ({"entities": [{"type": "*"}], "localOnly": False}, "localOnly"),
    ({"watchedAttributes": []}, "watchedAttributes"),
    ({"notificationTrigger": ["entityChanged"]}, "notificationTrigger[0]"),
    ({"timeInterval": 0}, "timeInterval"),
    ({"timeInterval": 5, "throttling": 5}, "throttling"),
    ({"timeInterval": 5, "watchedAttributes": ["pm"]}, "watchedAttributes"),
    ({"throttling": -1}, "throttling"),
    ({"q": "pm>>5"}, "q"),
    ({"csf": "(("}, "csf"),
    ({"scopeQ": "//"}, "scopeQ"),
    ({"geoQ": {"georel": "near", "geometry": "Point", "coordinates": [1, 2]}}, "georel"),
    ({"geoQ": {"georel": "within"}}, "geoQ"),
    ({"expiresAt": PAST}, "passed"),
    ({"expiresAt": "tomorrow"}, "expiresAt"),
    ({"isActive": "yes"}, "isActive"),
    ({"lang": "!"}, "lang"),
    ({"datasetId": ["none"]}, "datasetId[0]"),
    ({"ngsildConformance": "one"}, "ngsildConformance"),
    ({"notification": {"format": "xml"}}, "notification.format"),
    ({"notification": {"attributes": []}}, "notification.attributes"),
    ({"notification": {"attributes": ["id"]}}, "notification.attributes[0]"),
    ({"notification": {"attributes": ["pm"], "pick": ["pm"]}}, "attributes"),
    ({"notification": {"pick": ["pm"], "omit": ["pm"]}}, "pm"),
    ({"notification": {"format": "keyValues", "showChanges": True}}, "showChanges"),
    ({"notification": {"join": "both"}}, "notification.join"),
    ({"notification": {"joinLevel": 0}}, "joinLevel"),
    ({"notification": {"sysAttrs": 1}}, "sysAttrs"),
    ({"endpoint": {"accept": "text/plain"}}, "endpoint.accept"),
    ({"endpoint": {"timeout": 0}}, "endpoint.timeout"),
    ({"endpoint": {"uri": "nowhere"}}, "endpoint.uri"),
    ({"endpoint": {"uri": "mqtt://host/"}}, "topic"),
    ({"endpoint": {"uri": "mqtt://host/a/#"}}, "topic"),
    ({"endpoint": {"uri": "mqtt://host/a", "notifierInfo": [{"key": "MQTT-QoS", "value": "3"}]}}, "MQTT-QoS"),
    ({"endpoint": {"receiverInfo": [{"key": "K", "value": 1}]}}, "receiverInfo[0].value"),
    ({"endpoint": {"receiverInfo": [{"key": "a b", "value": "v"}]}}, "a b"),
    ({"endpoint": {"receiverInfo": [{"key": "K", "value": "a\r\nB: c"}]}}, "control"),
    ({"endpoint": {"receiverInfo": [{"key": "Content-Length", "value": "1"}]}}, "Content-Length"),
]


def test_what_breaks_the_data_type_is_refused(told: Told) -> None:
    """Each restriction of 5.2.12 to 5.2.15, 5.2.22 and 5.2.33 is 400 with a detail that names the member."""

    async def story(world: World) -> None:
        for members, named in WRONG:
            answer = await world.client.post("/subscriptions", json=subscription(URL, **members))
            assert answer.status_code == 400, members
            assert answer.json()["type"] == BAD
            assert named in answer.json()["detail"], answer.json()["detail"]
        assert (await world.client.get("/subscriptions")).json() == []

    told(story)


def test_a_fragment_that_breaks_the_data_type_is_refused(told: Told) -> None:
    """What would make the subscription invalid leaves it as it was."""

    async def story(world: World) -> None:
        made = await world.subscribe()
        before = await world.read(made)
        for fragment in (
            {"notification": {"format": "keyValues"}},
            {"notification": None},
            {"entities": "urn:ngsi-ld:null"},
            {"expiresAt": PAST},
            {"id": "urn:x:other"},
            [],
        ):
            answer = await world.client.patch(f"/subscriptions/{made}", json=fragment)
            assert answer.status_code == 400, fragment
        assert await world.read(made) == before

    told(story)


def test_other_refusals_have_their_own_status(told: Told) -> None:
    """Broken JSON is InvalidRequest, an unknown scheme 422, a context that cannot be had 504."""

    async def story(world: World) -> None:
        headers = {"Content-Type": "application/json"}
        answer = await world.client.post("/subscriptions", content=b"{", headers=headers)
        assert answer.json()["type"].endswith("InvalidRequest")
        answer = await world.client.post("/subscriptions", json=subscription("coap://host/x"))
        assert (answer.status_code, answer.json()["type"][-21:]) == (422, "OperationNotSupported")
        answer = await world.client.post("/subscriptions", json=subscription(URL, jsonldContext="http://no.where/c"))
        assert answer.status_code == 504

    told(story)


def test_private_places_need_the_operators_word(told: Told) -> None:
    """An endpoint inside is refused with the setting's name, unless the operator named its host (decision 0150)."""

    async def story(world: World) -> None:
        answer = await world.client.post("/subscriptions", json=subscription("http://10.0.0.1/x"))
        assert answer.status_code == 400
        assert "peer_hosts" in answer.json()["detail"]
        for allowed in ("http://gauge.local/x", "https://example.org/x"):
            assert (await world.client.post("/subscriptions", json=subscription(allowed))).status_code == 201

    told(story, reach=Reach(frozenset({"gauge.local"})))


def test_what_opens_an_endpoint_is_its_makers_secret(told: Told) -> None:
    """Others see neither keys nor passwords, and may pause a subscription but not turn it elsewhere."""

    async def story(world: World) -> None:
        secret = {"uri": "mqtt://me:secret@host/t", "receiverInfo": [{"key": "Authorization", "value": "s3"}]}
        world.client.headers["Authorization"] = "one"
        made = await world.subscribe(endpoint=secret)
        assert (await world.read(made))["notification"]["endpoint"] == secret
        world.client.headers["Authorization"] = "two"
        assert (await world.read(made))["notification"]["endpoint"] == {"uri": "mqtt://host/t"}
        turned = {"notification": {"endpoint": {"uri": "https://elsewhere.example/"}}}
        assert (await world.client.patch(f"/subscriptions/{made}", json=turned)).status_code == 403
        assert (await world.client.patch(f"/subscriptions/{made}", json={"isActive": False})).status_code == 204

    told(story, actors={"one": Actor("user:1"), "two": Actor("user:2")})
