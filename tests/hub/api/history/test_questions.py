"""Tests: which histories answer a question, and which of their instances (clauses 5.7.3, 5.7.4 and annex C.5.16)."""

from typing import Any

import pytest

from tests.hub.api.conftest import Client

AFTER = "timerel=after&timeAt=2026-03-01T00:00:00Z"
DAY = "timerel=between&timeAt=2026-03-01T00:00:00Z&endTimeAt=2026-03-02T00:00:00Z"
PROBLEM = "https://uri.etsi.org/ngsi-ld/errors/"


def at(hour: int, day: int = 1) -> str:
    """A moment of March 2026."""
    return f"2026-03-{day:02}T{hour:02}:00:00Z"


async def evolution(client: Client, name: str, **attrs: Any) -> None:
    """Write a temporal evolution; each attribute is a list of (value, time) or of instances."""
    body = {"id": f"urn:v:{name}", "type": "Vehicle"}
    for attribute, told in attrs.items():
        body[attribute] = [
            one if isinstance(one, dict) else {"type": "Property", "value": one[0], "observedAt": one[1]}
            for one in told
        ]
    assert (await client.post("/temporal/entities", json=body)).status_code == 201


async def asked(client: Client, query: str) -> dict[str, Any]:
    """The evolutions found, by the end of their ids."""
    answer = await client.get(f"/temporal/entities?type=Vehicle&{query}")
    assert answer.status_code == 200, answer.text
    return {one["id"].removeprefix("urn:v:"): one for one in answer.json()}


def values(one: Any, attribute: str) -> list[Any]:
    """The values of an attribute in full form."""
    return [told["value"] for told in one[attribute]]


def test_filters_are_judged_within_the_window(tell: Any) -> None:
    """Only what was told within the interval can satisfy q or a geo-query (steps S2 and S3)."""

    async def story(client: Client) -> None:
        point = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [107.6, 16.46]}}
        await evolution(client, "in", speed=[(30, at(1)), (90, at(1, 5))], location=[point | {"observedAt": at(2)}])
        await evolution(client, "out", speed=[(5, at(1)), (80, at(1, 5))], location=[point | {"observedAt": at(1, 5)}])
        found = await asked(client, f"q=speed>25&{DAY}")
        assert found.keys() == {"in"}
        assert values(found["in"], "speed") == [30]
        near = "georel=near;maxDistance==100&geometry=Point&coordinates=[107.6,16.46]"
        assert (await asked(client, f"{near}&{DAY}")).keys() == {"in"}
        assert (await asked(client, f"attrs=location&{DAY}")).keys() == {"in"}

    tell(story)


def test_scopes_hold_until_the_next(tell: Any) -> None:
    """A scope counts from when it was set until it is replaced, and so do the instances told meanwhile (C.5.16)."""

    async def story(client: Client) -> None:
        await evolution(client, "moved", scope=[("/R", at(1)), ("/S", at(10))], speed=[(1, at(5)), (2, at(15))])
        await evolution(client, "before", scope=[("/R", "2026-02-01T00:00:00Z")], speed=[(3, at(5))])
        await evolution(client, "later", scope=[("/R", at(1, 5))], speed=[(4, at(5))])
        old = await asked(client, f"scopeQ=/R&{DAY}")
        assert {name: values(one, "speed") for name, one in old.items()} == {"moved": [1], "before": [3]}
        assert values(old["before"], "scope") == ["/R"], "the scope that held is shown though it was set before"
        new = await asked(client, f"scopeQ=/S&{DAY}")
        assert {name: values(one, "speed") for name, one in new.items()} == {"moved": [2]}

    tell(story)


def test_pages_and_counts_of_what_matches(tell: Any) -> None:
    """Limit, offset, count and order look at the evolutions that answer, no others."""

    async def story(client: Client) -> None:
        for name, speed in (("b", 30), ("a", 40), ("x", 5), ("c", 50)):
            await evolution(client, name, speed=[(speed, at(1))])
        url = f"/temporal/entities?type=Vehicle&q=speed>25&{DAY}&count=true&limit=1"
        first, last = await client.get(url), await client.get(f"{url}&offset=2")
        assert (first.headers["ngsild-results-count"], 'rel="next"' in first.headers["link"]) == ("3", True)
        assert [one["id"] for one in first.json() + last.json()] == ["urn:v:b", "urn:v:c"]
        assert 'rel="next"' not in last.headers["link"]
        assert (await client.get(f"{url}&offset=3")).json() == []
        ordered = (await client.get(f"/temporal/entities?type=Vehicle&{DAY}&orderBy=id;desc&limit=2")).json()
        assert [one["id"] for one in ordered] == ["urn:v:x", "urn:v:c"]

    tell(story)


def test_projection_and_datasets(tell: Any) -> None:
    """Attributes, members, datasets and languages are picked after the selection; a head alone is an answer too."""

    async def story(client: Client) -> None:
        words = {"type": "LanguageProperty", "languageMap": {"vi": "xe", "en": "car"}, "observedAt": at(3)}
        other = {"type": "Property", "value": 9, "observedAt": at(2), "datasetId": "urn:d:1"}
        await evolution(client, "a", speed=[(1, at(1)), other, (2, at(4))], label=[words])
        assert (await asked(client, f"pick=id&{DAY}"))["a"] == {"id": "urn:v:a"}
        assert (await asked(client, f"omit=type,label&{DAY}"))["a"].keys() == {"id", "speed"}
        assert values((await asked(client, f"attrs=speed&datasetId=urn:d:1&{DAY}"))["a"], "speed") == [9]
        assert values((await asked(client, f"datasetId=@none&lastN=1&{DAY}"))["a"], "speed") == [2]
        assert await asked(client, f"attrs=speed&datasetId=urn:d:2&{DAY}") == {}
        vietnamese = (await asked(client, f"attrs=label&lang=vi&options=temporalValues&{DAY}"))["a"]
        assert vietnamese["label"] == {"type": "Property", "values": [["xe", at(3)]]}
        for nothing in ("pick=unknown", "omit=id,type,speed,label", "attrs=unknown", "datasetId=urn:d:2&attrs=speed"):
            assert (await client.get(f"/temporal/entities/urn:v:a?{nothing}")).status_code == 404, nothing

    tell(story)


def test_what_was_deleted_is_told(tell: Any) -> None:
    """What was deleted ends in an instance of its type that is urn:ngsi-ld:null, or with its entity (4.5.7)."""

    async def story(client: Client) -> None:
        body = {
            "id": "urn:v:1",
            "type": "Vehicle",
            "speed": {"type": "Property", "value": 1, "observedAt": at(1)},
            "parked": {"type": "Relationship", "object": "urn:p:1"},
            "name": {"type": "LanguageProperty", "languageMap": {"vi": "xe"}},
        }
        assert (await client.post("/entities", json=body)).status_code == 201
        assert (await client.delete("/entities/urn:v:1/attrs/speed")).status_code == 204
        ends = (await client.get("/temporal/entities/urn:v:1?timeproperty=deletedAt")).json()
        assert ends.keys() == {"id", "type", "speed"}
        assert (ends["speed"][0]["value"], ends["speed"][0]["type"]) == ("urn:ngsi-ld:null", "Property")
        assert ends["speed"][0]["deletedAt"] > at(1)
        assert (await client.delete("/entities/urn:v:1")).status_code == 204
        gone = (
            await client.get("/temporal/entities/urn:v:1?timeproperty=deletedAt&timerel=after&timeAt=" + at(1))
        ).json()
        assert gone["parked"][0]["object"] == "urn:ngsi-ld:null"
        assert gone["name"][0]["languageMap"] == {"@none": "urn:ngsi-ld:null"}
        assert [len(gone[name]) for name in ("speed", "parked", "name")] == [1, 1, 1]
        found = await asked(client, AFTER)
        assert values(found["1"], "speed") == [1], "what was told of an entity that is gone is still told"

    tell(story)


def test_a_scope_of_the_entity_api(tell: Any) -> None:
    """A scope that the entity API set is an instance observed when it was set (clause 4.5.6)."""

    async def story(client: Client) -> None:
        body = {"id": "urn:v:1", "type": "Vehicle", "scope": "/Old", "speed": 1}
        assert (await client.post("/entities", json=body)).status_code == 201
        assert (await client.patch("/entities/urn:v:1", json={"type": "Vehicle", "scope": "/New"})).status_code == 204
        told = (await client.get("/temporal/entities/urn:v:1?options=sysAttrs")).json()["scope"]
        assert [one["value"] for one in told] == ["/Old", "/New"]
        assert all(one["type"] == "Property" and one["observedAt"] == one["modifiedAt"] for one in told)

    tell(story)


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        (f"?{AFTER}", "BadRequestData"),
        (f"?{AFTER}&attrs=createdAt", "BadRequestData"),
        (f"?{AFTER}&q=createdAt>{at(1)}", "BadRequestData"),
        (f"?{AFTER}&id=urn:v:1", "BadRequestData"),
        (f"?{AFTER}&type=Vehicle&pick=owner{{name}}", "BadRequestData"),
        (f'?{AFTER}&type=Vehicle&q=owner{{name}}=="x"', "BadRequestData"),
        (f"?{AFTER}&type=Vehicle&id=no uri", "BadRequestData"),
        (f"?{AFTER}&type=Vehicle&orderBy=name", "BadRequestData"),
        (f"?{AFTER}&type=Vehicle&orderBy=id,name", "BadRequestData"),
        ("?type=Vehicle", "BadRequestData"),
        (f"?{AFTER}&type=Vehicle&lastN=0", "BadRequestData"),
        (f"?{AFTER}&type=Vehicle&lastN=1.5", "BadRequestData"),
        (f"?{AFTER}&type=Vehicle&aggrPeriodDuration=1H", "BadRequestData"),
        (f"?{AFTER}&type=Vehicle&format=keyValues", "InvalidRequest"),
        (f"?{AFTER}&type=Vehicle&options=temporalValues,aggregatedValues&aggrMethods=avg", "InvalidRequest"),
        ("/urn:v:1?pick=owner{name}", "BadRequestData"),
        ("/no%20uri", "BadRequestData"),
    ],
)
def test_wrong_questions(tell: Any, path: str, problem: str) -> None:
    """What the clauses forbid is 400 with their error type, and says why."""

    async def story(client: Client) -> None:
        answer = await client.get(f"/temporal/entities{path}")
        assert (answer.status_code, answer.json()["type"]) == (400, PROBLEM + problem)
        assert answer.json()["detail"]

    tell(story)


def test_values_that_no_method_knows(tell: Any) -> None:
    """An attribute asked for by name that none of the methods is defined for is InvalidRequest (clause 5.7.4.4)."""

    async def story(client: Client) -> None:
        await evolution(client, "a", speed=[(1, at(1))], plate=[("75A", at(1))])
        url = f"/temporal/entities?type=Vehicle&{DAY}&format=aggregatedValues&aggrMethods=avg"
        assert (await client.get(url)).json()[0].keys() == {"id", "type", "speed", "plate"}
        answer = await client.get(f"{url}&attrs=plate")
        assert (answer.status_code, answer.json()["type"]) == (400, PROBLEM + "InvalidRequest")

    tell(story)
