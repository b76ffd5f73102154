"""Registrations over HTTP: made, read, changed, deleted, refused (GS CIM 009 clauses 5.2.8 to 5.2.11, 5.2.34, 5.9)."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from dothi.ground.errors import Forbidden
from dothi.hub.access import Open
from dothi.hub.api import ngsi_ld
from dothi.hub.context import Contexts
from dothi.hub.core import Hub
from dothi.hub.language.nodes import Query, TypeIs
from dothi.hub.model import Actor
from dothi.hub.peers import records
from dothi.hub.peers.wire import Reach, Wire
from tests.hub.api.sources.documents import ERRORS, ONE, SENSORS, registration

PATH = "/csourceRegistrations"
Client = httpx.AsyncClient
Tell = Callable[..., None]


async def made(client: Client, **members: Any) -> str:
    answer = await client.post(PATH, json=registration(**members))
    assert answer.status_code == 201, answer.text
    return answer.headers["location"].removeprefix("/ngsi-ld/v1")


def soon(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def test_a_registration_is_kept_as_it_was_given(tell: Tell) -> None:
    """What was registered is read again; without an id it gets one; an id that is taken is 409 (clause 5.9.2.4)."""
    whole = registration(
        id="urn:ngsi-ld:ContextSourceRegistration:1",
        registrationName="Cảm biến",
        description="Of the ward",
        operations=["redirectionOps", "queryBatch"],
        management={"timeout": 500, "cooldown": 1000, "cacheDuration": "PT5M", "localOnly": True},
        location={"type": "Point", "coordinates": [107.6, 16.4]},
        scope=["/VN/46"],
        tenant="hue",
        datasetId=["urn:d:1", "@none"],
        contextSourceAlias="there~hue",
        refreshRate="PT1M",
        grade=7,
    )

    async def story(client: Client) -> None:
        path = await made(client, **whole)
        assert (await client.get(path)).json() == whole
        again = await client.post(PATH, json=whole)
        assert (again.status_code, again.json()["type"]) == (409, ERRORS + "AlreadyExists")
        other = await made(client)
        assert other.startswith(f"{PATH}/urn:ngsi-ld:ContextSourceRegistration:")
        shown = (await client.get(f"{other}?options=sysAttrs")).json()
        assert shown["createdAt"] == shown["modifiedAt"]

    tell(story)


def test_names_are_those_of_the_reader(tell: Tell) -> None:
    """Types and attributes are kept by what they mean, and shown in the context of who reads (clause 5.5.7)."""
    context = {"Fühler": "https://example.org/Sensor", "speed": "https://example.org/v"}

    async def story(client: Client) -> None:
        document = registration(information=[{"entities": [{"type": "Fühler"}], "propertyNames": ["speed"]}])
        answer = await client.post(
            PATH, json=document | {"@context": context}, headers={"Content-Type": "application/ld+json"}
        )
        shown = (await client.get(answer.headers["location"].removeprefix("/ngsi-ld/v1"))).json()
        (part,) = shown["information"]
        assert part["entities"] == [{"type": "https://example.org/Sensor"}]
        assert part["propertyNames"] == ["https://example.org/v"]

    tell(story)


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"type": "Registration"}, "type"),
        ({"id": "no uri"}, "id"),
        ({"endpoint": None}, "endpoint"),
        ({"endpoint": "mqtt://there.example"}, "endpoint"),
        ({"endpoint": 7}, "endpoint"),
        ({"information": None}, "information"),
        ({"information": []}, "information"),
        ({"information": [{}]}, "information[0]"),
        ({"information": [{"entities": []}]}, "information[0].entities"),
        ({"information": [{"entities": [{}]}]}, "information[0].entities[0]"),
        ({"information": [{"entities": [{"type": []}]}]}, "entities[0].type"),
        ({"information": [{"entities": [{"type": "Sensor", "id": "1"}]}]}, "entities[0].id"),
        ({"information": [{"entities": [{"type": "Sensor", "idPattern": "["}]}]}, "entities[0].idPattern"),
        ({"information": [{"entities": [{"type": "Sensor", "colour": 1}]}]}, "colour"),
        ({"information": [{"propertyNames": []}]}, "propertyNames"),
        ({"information": [{"propertyNames": ["no name"]}]}, "no name"),
        ({"mode": "shy"}, "mode"),
        ({"operations": []}, "operations"),
        ({"operations": ["grindCoffee"]}, "grindCoffee"),
        ({"expiresAt": "2001-01-01T00:00:00Z"}, "expiresAt"),
        ({"expiresAt": "tomorrow"}, "expiresAt"),
        ({"expiresAt": None, "location": {"type": "Point"}}, "location"),
        ({"observationInterval": {"endAt": "2021-01-01T00:00:00Z"}}, "startAt"),
        (
            {"managementInterval": {"startAt": "2021-01-02T00:00:00Z", "endAt": "2021-01-01T00:00:00Z"}},
            "managementInterval",
        ),
        ({"management": "yes"}, "management"),
        ({"management": {"timeout": 0}}, "management.timeout"),
        ({"management": {"cooldown": True}}, "management.cooldown"),
        ({"management": {"cacheDuration": "P"}}, "management.cacheDuration"),
        ({"management": {"localOnly": "yes"}}, "management.localOnly"),
        ({"contextSourceInfo": [{"key": "X-Key"}]}, "contextSourceInfo[0].value"),
        ({"contextSourceInfo": [{"key": "X-Key", "value": "a\r\nb"}]}, "contextSourceInfo[0].value"),
        ({"contextSourceInfo": [{"key": "accept", "value": "text/html"}]}, "accept"),
        ({"contextSourceInfo": [{"key": "ngsildConformance", "value": "new"}]}, "ngsildConformance"),
        ({"contextSourceAlias": "two words"}, "contextSourceAlias"),
        ({"datasetId": ["none"]}, "datasetId"),
        ({"scope": "//"}, "scope"),
        ({"tenant": "a/b"}, "tenant"),
        ({"mode": "auxiliary", "operations": ["updateEntity"]}, "operations"),
        ({"mode": "exclusive"}, "4.3.6.3"),
        ({"mode": "exclusive", "information": [{"entities": [{"id": "urn:s:1", "type": "Sensor"}]}]}, "4.3.6.3"),
        ({"mode": "exclusive", "information": [{"propertyNames": ["speed"]}]}, "4.3.6.3"),
    ],
)
def test_a_wrong_member_is_named(tell: Tell, members: dict[str, Any], named: str) -> None:
    """BadRequestData says which member is wrong; nothing is kept."""

    async def story(client: Client) -> None:
        answer = await client.post(PATH, json=registration(**members))
        assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + "BadRequestData"), answer.text
        assert named in answer.json()["detail"]
        assert (await client.get(f"{PATH}?type=Sensor")).status_code == 200
        assert (await client.get(f"{PATH}?type=Sensor")).json() == []

    tell(story)


def test_a_registration_is_changed_member_by_member(tell: Tell) -> None:
    """A fragment replaces members, a null takes one away, what must be there cannot go (clauses 5.9.3 and 5.5.8)."""

    async def story(client: Client) -> None:
        path = await made(client, description="old", expiresAt=soon(3600), grade=1)
        patch = {"endpoint": "http://new.example", "expiresAt": "urn:ngsi-ld:null", "description": None}
        assert (await client.patch(path, json=patch)).status_code == 204
        shown = (await client.get(path)).json()
        assert shown == {**registration(endpoint="http://new.example", grade=1), "id": shown["id"]}
        for wrong in (
            {"information": None},
            {"endpoint": "urn:ngsi-ld:null"},
            {"type": "Sensor"},
            {"id": "urn:other:1"},
            {"mode": "exclusive"},
        ):
            assert (await client.patch(path, json=wrong)).status_code == 400, wrong
        assert (await client.patch(f"{PATH}/urn:none:1", json={"description": "x"})).status_code == 404
        assert (await client.patch(f"{PATH}/none", json={"description": "x"})).status_code == 400
        assert (await client.delete(path)).status_code == 204
        assert (await client.delete(path)).status_code == 404
        assert (await client.get(path)).status_code == 404

    tell(story)


def test_the_same_attribute_has_one_place(tell: Tell) -> None:
    """An exclusive registration excludes other proxied ones for the same, and what is held here (clause 5.9.2.4)."""
    exclusive = {"mode": "exclusive", "information": ONE}

    async def refused(client: Client, **members: Any) -> None:
        answer = await client.post(PATH, json=registration(**members))
        assert (answer.status_code, answer.json()["type"]) == (409, ERRORS + "Conflict"), members

    async def story(client: Client) -> None:
        path = await made(client, **exclusive)
        await refused(client, **exclusive)
        await refused(client, mode="redirect")
        await refused(client, mode="redirect", information=[{"propertyNames": ["speed"]}])
        other = [{"entities": [{"type": "Sensor", "id": "urn:s:1"}], "propertyNames": ["color"]}]
        await made(client, mode="exclusive", information=other)
        await made(client, information=ONE)
        await made(client, mode="redirect", information=[{"entities": [{"type": "Car"}]}])
        await made(client, mode="redirect", information=[{"entities": [{"type": "Car"}]}])
        assert (await client.patch(path, json={"description": "itself is no contradiction"})).status_code == 204
        entity = {"id": "urn:b:1", "type": "Bench", "color": {"type": "Property", "value": "red"}}
        await client.post("/entities", json=entity)
        bench = {"entities": [{"type": "Bench", "id": "urn:b:1"}]}
        await refused(client, mode="redirect", information=[bench])
        await refused(client, mode="redirect", information=[{"entities": [{"type": "Bench"}]}])
        await refused(client, mode="exclusive", information=[bench | {"propertyNames": ["color"]}])
        await made(client, mode="exclusive", information=[bench | {"propertyNames": ["size"]}])

    tell(story)


def test_two_at_once_cannot_both_be_exclusive(tell: Tell) -> None:
    """Of registrations that contradict each other and come together, one is kept."""

    async def story(client: Client) -> None:
        document = registration(mode="exclusive", information=ONE)
        answers = await asyncio.gather(*(client.post(PATH, json=document) for _ in range(5)))
        assert sorted(one.status_code for one in answers) == [201, 409, 409, 409, 409]

    tell(story)


def test_a_registration_ends_by_itself(tell: Tell) -> None:
    """When expiresAt has passed it is neither found nor matched (clause 5.9.2.4)."""

    async def story(client: Client) -> None:
        path = await made(client, expiresAt=soon(0.3))
        assert len((await client.get(f"{PATH}?type=Sensor")).json()) == 1
        await asyncio.sleep(0.35)
        assert (await client.get(path)).status_code == 404
        assert (await client.get(f"{PATH}?type=Sensor")).json() == []

    tell(story)


def test_a_tenant_has_registrations_of_its_own(tell: Tell) -> None:
    """A registration makes its tenant; other tenants do not see it; a registration is no entity."""

    async def story(client: Client) -> None:
        hue = {"NGSILD-Tenant": "hue"}
        assert (await client.get(f"{PATH}?type=Sensor", headers=hue)).status_code == 404
        answer = await client.post(PATH, json=registration(), headers=hue)
        path = answer.headers["location"].removeprefix("/ngsi-ld/v1")
        assert (await client.get(path, headers=hue)).status_code == 200
        assert (await client.get(path)).status_code == 404
        assert (await client.get("/types?local=true", headers=hue)).json()["typeList"] == []
        assert (await client.get(f"/entities/{path.rpartition('/')[2]}?local=true", headers=hue)).status_code == 404

    tell(story)


class Divided(Open):
    """Somebody reads Sensors only."""

    def narrow(self, actor: Actor, query: Query) -> Query:
        """Refuse Cars to who is not the owner of cars."""
        if query.types == TypeIs("Car") and actor.id != "user:cars":
            raise Forbidden("Cars are not for you.")
        return query


def test_a_maker_gets_and_shows_no_more_than_allowed(tmp_path: Path) -> None:
    """A maker registers what they may read; what opens the source is theirs alone; private addresses are refused."""

    async def story() -> None:
        hub = Hub(tmp_path, Divided())
        records.declare(hub)

        def who(headers: Mapping[str, str]) -> Actor:
            return Actor(headers.get("x-user", "anonymous"))

        api = ngsi_ld(hub, Contexts(), who, wire=Wire(Reach(frozenset({"there.example"}))))
        async with Client(transport=httpx.ASGITransport(app=api), base_url="http://city") as client:
            cars = registration(information=[{"entities": [{"type": "Car"}]}])
            assert (await client.post(PATH, json=cars, headers={"X-User": "user:a"})).status_code == 403
            assert (await client.post(PATH, json=cars, headers={"X-User": "user:cars"})).status_code == 201
            secret = [{"key": "Authorization", "value": "Bearer secret"}]
            answer = await client.post(PATH, json=registration(contextSourceInfo=secret), headers={"X-User": "user:a"})
            path = answer.headers["location"].removeprefix("/ngsi-ld/v1")
            assert (await client.get(path, headers={"X-User": "user:a"})).json()["contextSourceInfo"] == secret
            for where in (path, f"{PATH}?type=Sensor"):
                assert "secret" not in (await client.get(where, headers={"X-User": "user:b"})).text
            stolen = await client.patch(path, json={"endpoint": "http://mine.example"}, headers={"X-User": "user:b"})
            assert stolen.status_code == 403
            renamed = await client.patch(path, json={"description": "of the ward"}, headers={"X-User": "user:b"})
            assert renamed.status_code == 204
            for private in ("http://127.0.0.1:1026", "http://localhost", "http://10.0.0.7"):
                answer = await client.post(PATH, json=registration(endpoint=private))
                assert (answer.status_code, "peer_hosts" in answer.json()["detail"]) == (403, True), private
        await hub.close()

    asyncio.run(story())


def test_information_is_checked_where_it_is_sent(tell: Tell) -> None:
    """Bodies that are no JSON, no object or of a wrong media type are refused as the clauses name it."""

    async def story(client: Client) -> None:
        json = {"Content-Type": "application/json"}
        broken = await client.post(PATH, content=b'{"type":', headers=json)
        assert (broken.status_code, broken.json()["type"]) == (400, ERRORS + "InvalidRequest")
        listed = await client.post(PATH, json=[registration(information=SENSORS)])
        assert (listed.status_code, listed.json()["type"]) == (400, ERRORS + "BadRequestData")
        assert (await client.post(PATH, content=b"{}", headers={"Content-Type": "text/plain"})).status_code == 415
        geo = await client.get(f"{PATH}?type=Sensor", headers={"Accept": "application/geo+json"})
        assert geo.status_code == 406

    tell(story)
