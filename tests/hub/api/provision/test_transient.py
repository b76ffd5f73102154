"""Tests: entities and attributes that expire are told until then and not a moment longer (clauses 4.22, 5.5.12)."""

import asyncio
from typing import Any

import httpx
import pytest

from dothi.ground.clock import SECOND, iso, now_us

Client = httpx.AsyncClient
FOREVER = "2100-01-01T00:00:00Z"
PAST = "2020-01-01T00:00:00Z"
SHORT = 0.3  # Seconds until what is soon.


def soon() -> str:
    """A moment that is near."""
    return iso(now_us() + int(SHORT * SECOND))


async def later() -> None:
    """Wait until what was soon is past."""
    await asyncio.sleep(SHORT + 0.1)


def lamp(**more: Any) -> dict[str, Any]:
    """A lamp."""
    return {"id": "urn:l:1", "type": "Lamp", "level": 1, **more}


WAYS_IN = {
    "create": ("POST", "/entities", lamp()),
    "batch create": ("POST", "/entityOperations/create", [lamp()]),
    "upsert": ("POST", "/entityOperations/upsert", [lamp()]),
    "merge": ("PATCH", "/entities/urn:l:1", {}),
    "replace": ("PUT", "/entities/urn:l:1", lamp()),
    "append": ("POST", "/entities/urn:l:1/attrs", {}),
    "update": ("PATCH", "/entities/urn:l:1/attrs", {}),
    "batch update": ("POST", "/entityOperations/update", [{"id": "urn:l:1"}]),
    "batch merge": ("POST", "/entityOperations/merge", [{"id": "urn:l:1"}]),
    "upsert with update": ("POST", "/entityOperations/upsert?options=update", [lamp()]),
}


@pytest.mark.parametrize("way", WAYS_IN)
def test_an_entity_expires_however_it_was_said(tell: Any, way: str) -> None:
    """Until then it is found by id and by query; after it neither, and its id is free at once."""
    method, path, body = WAYS_IN[way]

    async def story(client: Client) -> None:
        if "create" not in way and way != "upsert":
            await client.post("/entities", json=lamp())
        expiry = {"expiresAt": soon()}
        said = await client.request(method, path, json=[body[0] | expiry] if isinstance(body, list) else body | expiry)
        assert said.is_success, said.text
        assert (await client.get("/entities/urn:l:1?options=sysAttrs")).json()["expiresAt"] == expiry["expiresAt"]
        assert len((await client.get("/entities?type=Lamp")).json()) == 1
        await later()
        for asked in ("/entities/urn:l:1", "/entities/urn:l:1?options=sysAttrs"):
            assert (await client.get(asked)).status_code == 404
        for asked in ("type=Lamp", "type=Lamp&id=urn:l:1", "q=level==1", "type=Lamp&idPattern=."):
            counted = await client.get(f"/entities?{asked}&count=true")
            assert (counted.json(), counted.headers["ngsild-results-count"]) == ([], "0"), asked
        assert (await client.get("/types")).json()["typeList"] == []
        assert (await client.post("/entities", json=lamp())).status_code == 201

    tell(story)


def test_what_has_expired_is_not_there_for_writing_either(tell: Any) -> None:
    """Every operation on an expired entity finds none: 404, or a new one (4.22)."""

    async def story(client: Client) -> None:
        await client.post("/entities", json=lamp(expiresAt=soon()))
        await later()
        assert (await client.delete("/entities/urn:l:1")).status_code == 404
        assert (await client.patch("/entities/urn:l:1", json={"level": 2})).status_code == 404
        upserted = await client.post("/entityOperations/upsert", json=[lamp()])
        assert (upserted.status_code, upserted.json()) == (201, ["urn:l:1"])

    tell(story)


def test_instances_expire_one_by_one(tell: Any) -> None:
    """An attribute, one of its datasets or an attribute of it ends; what lasts stays as it was."""

    async def story(client: Client) -> None:
        near = soon()
        attrs = {
            "gone": {"value": 1, "expiresAt": near},
            "link": {"object": "urn:x:1", "expiresAt": near},
            "some": [{"value": 1}, {"value": 2, "datasetId": "urn:d:1", "expiresAt": near}],
            "inner": {"value": 1, "by": {"value": 2, "expiresAt": near}, "for": {"value": 3}},
        }
        await client.post("/entities", json=lamp(**attrs))
        assert len((await client.get("/entities/urn:l:1")).json()["some"]) == 2
        assert len((await client.get("/entities?q=gone==1")).json()) == 1
        await later()
        left = (await client.get("/entities/urn:l:1")).json()
        assert sorted(left) == ["id", "inner", "level", "some", "type"]
        assert left["some"] == {"type": "Property", "value": 1}
        assert sorted(left["inner"]) == ["for", "type", "value"]
        assert (await client.get("/entities?q=gone==1")).json() == []
        assert (await client.get("/entities?q=level==1")).json() == [left]
        assert (await client.patch("/entities/urn:l:1/attrs/gone", json={"value": 2})).status_code == 404
        assert (await client.post("/entities/urn:l:1/attrs", json={"gone": 5})).status_code == 204
        assert (await client.get("/entities/urn:l:1?options=keyValues")).json()["gone"] == 5

    tell(story)


def test_expiry_shows_with_system_attributes_only(tell: Any) -> None:
    """On entities, on every kind of attribute and on attributes of them (6.3.11)."""
    kinds = {
        "prop": {"value": 1, "sub": {"value": 2, "expiresAt": FOREVER}},
        "rel": {"object": "urn:x:1"},
        "geo": {"value": {"type": "Point", "coordinates": [1, 2]}},
        "words": {"languageMap": {"vi": "Đèn"}},
        "vocab": {"vocab": "stopped"},
        "json": {"json": {"a": 1}},
        "list": {"valueList": [1]},
        "links": {"objectList": ["urn:x:1"]},
    }

    async def story(client: Client) -> None:
        attrs = {name: one | {"expiresAt": FOREVER} for name, one in kinds.items()}
        assert (await client.post("/entities", json=lamp(**attrs, expiresAt=FOREVER))).status_code == 201
        assert "expiresAt" not in (await client.get("/entities/urn:l:1")).text
        assert "expiresAt" not in (await client.get("/entities?type=Lamp&format=concise")).text
        shown = (await client.get("/entities/urn:l:1?options=sysAttrs")).json()
        assert all(shown[name]["expiresAt"] == FOREVER for name in kinds)
        assert shown["prop"]["sub"]["expiresAt"] == shown["expiresAt"] == FOREVER

    tell(story)


def test_an_expiry_is_taken_away(tell: Any) -> None:
    """A null in a merge or update, and a replacement without one, make an entity or attribute last (5.5.12)."""

    async def story(client: Client) -> None:
        near, null = soon(), {"expiresAt": "urn:ngsi-ld:null"}
        for number, (method, path) in enumerate((("PATCH", ""), ("PATCH", "/attrs"), ("PUT", ""))):
            url = f"/entities/urn:l:{number}"
            await client.post("/entities", json=lamp(expiresAt=near) | {"id": f"urn:l:{number}"})
            body = {"id": f"urn:l:{number}", "type": "Lamp"} if method == "PUT" else null
            assert (await client.request(method, url + path, json=body)).status_code == 204
        await client.post("/entities", json=lamp(a={"value": 1, "expiresAt": near}) | {"id": "urn:l:9"})
        assert (await client.patch("/entities/urn:l:9/attrs/a", json=null)).status_code == 204
        await later()
        assert len((await client.get("/entities?type=Lamp")).json()) == 4
        assert "a" in (await client.get("/entities/urn:l:9")).json()

    tell(story)


def test_what_is_born_expired_is_never_told(tell: Any) -> None:
    """A past moment is no error of an entity; nobody ever sees it (4.22)."""

    async def story(client: Client) -> None:
        assert (await client.post("/entities", json=lamp(expiresAt=PAST))).status_code == 201
        assert (await client.get("/entities/urn:l:1")).status_code == 404
        assert (await client.get("/entities?type=Lamp")).json() == []

    tell(story)


@pytest.mark.parametrize("bad", ["soon", "2026-13-45T00:00:00Z", 5, "urn:ngsi-ld:null", "2026-01-01"])
def test_what_is_no_moment_is_refused(tell: Any, bad: Any) -> None:
    """BadRequestData naming expiresAt, at the entity and at an attribute; nothing is kept (4.6.3)."""

    async def story(client: Client) -> None:
        for body in (lamp(expiresAt=bad), lamp(a={"value": 1, "expiresAt": bad})):
            refused = await client.post("/entities", json=body)
            assert (refused.status_code, refused.json()["type"].rsplit("/")[-1]) == (400, "BadRequestData")
            assert "expiresAt" in refused.json()["detail"]
        assert (await client.get("/entities/urn:l:1")).status_code == 404

    tell(story)


def test_its_history_outlives_an_entity(tell: Any) -> None:
    """The expiry of an entity is the end of what stands; its evolution is told on, as after a deletion (5.6.6)."""

    async def story(client: Client) -> None:
        await client.post("/entities", json=lamp(expiresAt=soon()))
        await later()
        answer = await client.get(
            "/temporal/entities/urn:l:1?timerel=after&timeAt=2020-01-01T00:00:00Z&timeproperty=createdAt"
        )
        assert (answer.status_code, answer.json()["level"][0]["value"]) == (200, 1)

    tell(story)
