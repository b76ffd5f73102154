"""Tests: histories are written, corrected and erased through the temporal API (clauses 5.6.11 to 5.6.16)."""

from typing import Any

import httpx
import pytest

Client = httpx.AsyncClient
URL = "/temporal/entities/urn:v:1"
SPEEDS = [
    {"type": "Property", "value": 120, "observedAt": "2020-09-01T12:03:00Z"},
    {"type": "Property", "value": 80, "observedAt": "2020-09-01T12:05:00Z"},
    {"type": "Property", "value": 7, "observedAt": "2020-09-01T12:05:00Z", "datasetId": "urn:d:1"},
]
CAR = {"id": "urn:v:1", "type": "Vehicle", "speed": SPEEDS}


async def told(client: Client, name: str = "speed", url: str = URL) -> list[dict[str, Any]]:
    """The instances that the history tells of an attribute."""
    answer = await client.get(url)
    assert answer.status_code == 200, answer.text
    found = answer.json().get(name, [])
    return found if isinstance(found, list) else [found]


async def values(client: Client, name: str = "speed") -> list[Any]:
    """Their values, in order."""
    return [one["value"] for one in await told(client, name)]


def test_an_evolution_begins_and_grows(tell: Any) -> None:
    """The first upsert is 201 with a Location, the next 204; instances and types are added (5.6.11)."""

    async def story(client: Client) -> None:
        begun = await client.post("/temporal/entities", json=CAR)
        assert (begun.status_code, begun.content) == (201, b"")
        assert begun.headers["location"] == "/ngsi-ld/v1/temporal/entities/urn:v:1"
        more = {
            "id": "urn:v:1",
            "type": ["Vehicle", "Truck"],
            "speed": {"value": 60, "observedAt": "2020-09-02T00:00:00Z"},
        }
        grown = await client.post("/temporal/entities", json=more)
        assert (grown.status_code, grown.content) == (204, b"")
        assert sorted(await values(client)) == [7, 60, 80, 120]
        assert (await client.get(URL)).json()["type"] == ["Vehicle", "Truck"]
        names = [one["instanceId"] for one in await told(client)]
        assert len(set(names)) == 4

    tell(story)


def test_what_stands_now_is_untouched(tell: Any) -> None:
    """An evolution makes no entity, and changes none: state and history are written by different routes (0165)."""

    async def story(client: Client) -> None:
        await client.post("/temporal/entities", json=CAR)
        assert (await client.get("/entities/urn:v:1")).status_code == 404
        assert (await client.get("/entities?type=Vehicle")).json() == []
        assert (await client.get("/types")).json()["typeList"] == []
        made = await client.post("/entities", json={"id": "urn:v:1", "type": "Vehicle", "speed": 5})
        assert made.status_code == 201
        late = {"speed": [{"value": 3, "observedAt": "2019-01-01T00:00:00Z"}]}
        assert (await client.post(f"{URL}/attrs", json=late)).status_code == 204
        assert (await client.get("/entities/urn:v:1?options=keyValues")).json()["speed"] == 5
        assert (await client.delete(URL)).status_code == 204
        assert (await client.get("/entities/urn:v:1?options=keyValues")).json()["speed"] == 5

    tell(story)


def test_attributes_are_added(tell: Any) -> None:
    """A fragment adds instances of new and known attributes; an unknown evolution is 404 (5.6.12)."""

    async def story(client: Client) -> None:
        await client.post("/temporal/entities", json=CAR)
        fragment = {"fuel": [{"value": 3, "observedAt": "2020-09-01T12:00:00Z"}, {"value": 2}], "speed": SPEEDS[:1]}
        assert (await client.post(f"{URL}/attrs", json=fragment)).status_code == 204
        assert sorted(await values(client, "fuel")) == [2, 3]
        unknown = await client.post("/temporal/entities/urn:v:2/attrs", json=fragment)
        assert (unknown.status_code, unknown.json()["type"].rsplit("/")[-1]) == (404, "ResourceNotFound")
        other = await client.post(f"{URL}/attrs", json={"id": "urn:v:2", **fragment})
        assert other.status_code == 400

    tell(story)


def test_an_attribute_is_taken_out(tell: Any) -> None:
    """Without parameters the default instances go, with datasetId those of it, with deleteAll all (5.6.13)."""

    async def story(client: Client) -> None:
        await client.post("/temporal/entities", json=CAR)
        assert (await client.delete(f"{URL}/attrs/speed?datasetId=urn:d:2")).status_code == 404
        assert (await client.delete(f"{URL}/attrs/speed?datasetId=nonsense")).status_code == 400
        assert (await client.delete(f"{URL}/attrs/speed")).status_code == 204
        assert [one["datasetId"] for one in await told(client)] == ["urn:d:1"]
        assert (await client.delete(f"{URL}/attrs/speed")).status_code == 404
        await client.post(f"{URL}/attrs", json={"speed": SPEEDS[:1]})
        assert len(await told(client)) == 2
        assert (await client.delete(f"{URL}/attrs/speed?deleteAll=true")).status_code == 204
        assert await told(client) == []
        gone = await client.delete(f"{URL}/attrs/speed?deleteAll=true")
        assert (gone.status_code, gone.json()["attribute"]) == (404, "speed")

    tell(story)


def test_an_instance_is_replaced(tell: Any) -> None:
    """The instance named gets another value; its name and createdAt stay, its modifiedAt is new (5.6.14)."""

    async def story(client: Client) -> None:
        await client.post("/temporal/entities", json=CAR)
        first = (await client.get(f"{URL}?options=sysAttrs")).json()["speed"][0]
        place = f"{URL}/attrs/speed/{first['instanceId']}"
        alone = {"type": "Property", "value": 129, "observedAt": "2020-09-01T12:03:00Z"}
        assert (await client.patch(place, json=alone)).status_code == 204
        after = (await client.get(f"{URL}?options=sysAttrs")).json()["speed"][0]
        assert (after["value"], after["instanceId"]) == (129, first["instanceId"])
        assert after["createdAt"] == first["createdAt"]
        assert after["modifiedAt"] > first["modifiedAt"]
        assert (await client.patch(place, json={"speed": [alone | {"value": 130}]})).status_code == 204
        assert (await told(client))[0]["value"] == 130
        two = await client.patch(place, json={"speed": SPEEDS})
        assert (two.status_code, "holds 3 instances" in two.json()["detail"]) == (400, True)

    tell(story)


def test_instances_of_the_entity_api_can_be_corrected_too(tell: Any) -> None:
    """What was written as state is named in the history as well, and is replaced and erased by that name."""

    async def story(client: Client) -> None:
        await client.post("/entities", json={"id": "urn:v:1", "type": "Vehicle", "speed": SPEEDS[0]})
        (first,) = await told(client)
        place = f"{URL}/attrs/speed/{first['instanceId']}"
        assert (await client.patch(place, json=SPEEDS[0] | {"value": 12})).status_code == 204
        assert await values(client) == [12]
        assert (await client.delete(place)).status_code == 204
        assert await told(client) == []
        assert (await client.get("/entities/urn:v:1")).json()["speed"]["value"] == 120

    tell(story)


def test_an_instance_is_taken_out(tell: Any) -> None:
    """The instance named is told no more; what is not there is 404 (5.6.15)."""

    async def story(client: Client) -> None:
        await client.post("/temporal/entities", json=CAR)
        first = (await told(client))[0]
        place = f"{URL}/attrs/speed/{first['instanceId']}"
        for method in ("PATCH", "DELETE"):
            for path, status in (
                (f"{URL}/attrs/speed/urn:none", 404),
                (f"{URL}/attrs/fuel/{first['instanceId']}", 404),
                (place.replace("urn:v:1", "urn:v:2"), 404),
                (f"{URL}/attrs/speed/nonsense", 400),
                (f"{URL}/attrs/spe(ed/{first['instanceId']}", 400),
                (place.replace("urn:v:1", "nonsense"), 400),
            ):
                answer = await client.request(method, path, json=SPEEDS[0] if method == "PATCH" else None)
                assert answer.status_code == status, (method, path, answer.text)
        assert (await client.delete(place)).status_code == 204
        assert first["instanceId"] not in [one["instanceId"] for one in await told(client)]
        assert (await client.delete(place)).status_code == 404

    tell(story)


def test_an_evolution_is_erased_and_may_begin_again(tell: Any) -> None:
    """After the deletion nothing is told; the next upsert begins anew with 201 (5.6.16)."""

    async def story(client: Client) -> None:
        await client.post("/temporal/entities", json=CAR)
        assert (await client.delete(URL)).status_code == 204
        for method in ("GET", "DELETE"):
            answer = await client.request(method, URL)
            assert (answer.status_code, answer.json()["type"].rsplit("/")[-1]) == (404, "ResourceNotFound")
        assert (await client.post("/temporal/entities", json=CAR)).status_code == 201
        assert sorted(await values(client)) == [7, 80, 120]
        assert (await client.delete("/temporal/entities/nonsense")).status_code == 400

    tell(story)


def test_simplified_evolutions_are_read(tell: Any) -> None:
    """Pairs of value and time are instances (4.5.9), of every kind that has a plural."""

    async def story(client: Client) -> None:
        pairs = {
            "speed": {"type": "Property", "values": [[1, "2020-01-01T00:00:00Z"], [2, "2020-01-02T00:00:00Z"]]},
            "owner": {"type": "Relationship", "objects": [["urn:p:1", "2020-01-01T00:00:00Z"]]},
            "name": {"type": "LanguageProperty", "languageMaps": [[{"vi": "Xe"}, "2020-01-01T00:00:00Z"]]},
        }
        assert (await client.post("/temporal/entities", json=CAR | pairs)).status_code == 201
        assert await values(client) == [1, 2]
        assert (await told(client, "owner"))[0]["object"] == "urn:p:1"
        assert (await told(client, "name"))[0]["languageMap"] == {"vi": "Xe"}

    tell(story)


def test_an_end_is_told_as_a_null(tell: Any) -> None:
    """The null with deletedAt is legal in a history: it says that the attribute ended (4.5.7, 5.5.4)."""

    async def story(client: Client) -> None:
        end = {"type": "Property", "value": "urn:ngsi-ld:null", "deletedAt": "2021-01-01T00:00:00Z"}
        assert (await client.post("/temporal/entities", json=CAR | {"speed": [*SPEEDS, end]})).status_code == 201
        window = "timerel=before&timeAt=2030-01-01T00:00:00Z&timeproperty=deletedAt"
        (told_end,) = (await client.get(f"{URL}?{window}")).json()["speed"]
        assert (told_end["value"], told_end["deletedAt"]) == ("urn:ngsi-ld:null", "2021-01-01T00:00:00Z")

    tell(story)


BAD = {
    "no id": {"type": "Vehicle"},
    "no type": {"id": "urn:v:1"},
    "id is no URI": CAR | {"id": "nonsense"},
    "observedAt": CAR | {"speed": [{"value": 1, "observedAt": "yesterday"}]},
    "a pair": CAR | {"speed": {"type": "Property", "values": [[1]]}},
    "pairs": CAR | {"speed": {"type": "Property", "values": 5}},
    "scope with more": CAR | {"scope": [{"type": "Property", "value": "/A", "unitCode": "C"}]},
    "scope": CAR | {"scope": "/A//B"},
    "a null head": CAR | {"expiresAt": "urn:ngsi-ld:null"},
    "a member as name": CAR | {"unitCode": [{"value": 1}]},
    "twice": CAR | {"https://uri.etsi.org/ngsi-ld/default-context/speed": SPEEDS},
    "geometry": CAR | {"location": [{"type": "GeoProperty", "value": {"type": "Point", "coordinates": [200, 0]}}]},
}


@pytest.mark.parametrize("what", BAD)
def test_bad_evolutions_are_refused_whole(tell: Any, what: str) -> None:
    """What is wrong is 400 BadRequestData with what and where, and nothing of it is kept."""

    async def story(client: Client) -> None:
        answer = await client.post("/temporal/entities", json=BAD[what])
        assert (answer.status_code, answer.json()["type"].rsplit("/")[-1]) == (400, "BadRequestData"), answer.text
        assert len(answer.json()["detail"]) > 20
        assert (await client.get(URL)).status_code == 404

    tell(story)


def test_an_array_is_no_evolution(tell: Any) -> None:
    """A body of the wrong shape is InvalidRequest; an expiry of a history is not supported and says so."""

    async def story(client: Client) -> None:
        array = await client.post("/temporal/entities", json=[CAR])
        assert array.status_code == 400
        expiring = await client.post("/temporal/entities", json=CAR | {"expiresAt": "2099-01-01T00:00:00Z"})
        assert (expiring.status_code, "expiresAt" in expiring.json()["detail"]) == (422, True)

    tell(story)


def test_tenants_have_histories_of_their_own(tell: Any) -> None:
    """An upsert makes the tenant; the other writes need one that is there (5.5.10)."""

    async def story(client: Client) -> None:
        hue = {"NGSILD-Tenant": "hue"}
        assert (await client.post(f"{URL}/attrs", json={"speed": SPEEDS}, headers=hue)).status_code == 404
        assert (await client.post("/temporal/entities", json=CAR, headers=hue)).status_code == 201
        assert (await client.get(URL)).status_code == 404
        assert (await client.get(URL, headers=hue)).status_code == 200

    tell(story)
