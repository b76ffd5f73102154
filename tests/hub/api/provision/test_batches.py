"""Tests: batches do what they can, say what they could not, and are harmless when repeated."""

from typing import Any

import pytest

from dothi.hub.api import Limits
from tests.hub.api.conftest import Client

OPS = "/entityOperations"


def station(number: int, **attrs: Any) -> dict[str, Any]:
    """One of many."""
    return {"id": f"urn:s:{number}", "type": "Station", "pm25": number, **attrs}


def test_create(tell: Any) -> None:
    """All new: 201 with the ids. Some not: 207 with both lists, and the good ones are there."""

    async def story(client: Client) -> None:
        made = await client.post(f"{OPS}/create", json=[station(1), station(2)])
        assert (made.status_code, made.json()) == (201, ["urn:s:1", "urn:s:2"])
        mixed = await client.post(f"{OPS}/create", json=[station(2), station(3), {"id": "urn:s:4"}, 5, [], "x"])
        assert mixed.status_code == 207
        assert mixed.json()["success"] == ["urn:s:3"]
        by_id = {one["entityId"]: one["error"] for one in mixed.json()["errors"]}
        assert by_id["urn:s:2"]["status"] == 409
        assert by_id["urn:s:4"]["status"] == 400
        assert len(mixed.json()["errors"]) == 5
        assert (await client.get("/entities/urn:s:3")).status_code == 200

    tell(story)


def test_upsert(tell: Any) -> None:
    """201 names those that are new, 204 when none is; replace by default, update when asked (clause 5.6.8)."""

    async def story(client: Client) -> None:
        first = await client.post(f"{OPS}/upsert", json=[station(1, old=1), station(2)])
        assert (first.status_code, first.json()) == (201, ["urn:s:1", "urn:s:2"])
        second = await client.post(f"{OPS}/upsert", json=[station(2), station(3)])
        assert (second.status_code, second.json()) == (201, ["urn:s:3"])
        assert (await client.post(f"{OPS}/upsert?options=update", json=[station(1, new=2)])).status_code == 204
        assert (await client.get("/entities/urn:s:1")).json().keys() == {"id", "type", "pm25", "old", "new"}
        assert (await client.post(f"{OPS}/upsert", json=[station(1)])).status_code == 204
        assert (await client.get("/entities/urn:s:1")).json().keys() == {"id", "type", "pm25"}

    tell(story)


def test_update_merge_delete(tell: Any) -> None:
    """Update and merge change what is there and report what is not; delete takes ids."""

    async def story(client: Client) -> None:
        await client.post(f"{OPS}/create", json=[station(1), station(2)])
        updated = await client.post(f"{OPS}/update", json=[{"id": "urn:s:1", "co": 5}, {"id": "urn:s:9", "co": 5}])
        assert updated.status_code == 207
        assert updated.json()["success"] == ["urn:s:1"]
        assert updated.json()["errors"][0]["error"]["status"] == 404
        kept = await client.post(f"{OPS}/update?options=noOverwrite", json=[station(1, co=9, no2=1)])
        assert kept.status_code == 207
        assert "default-context/co" in kept.json()["errors"][0]["error"]["detail"]
        now = (await client.get("/entities/urn:s:1?options=keyValues")).json()
        assert (now["co"], now["no2"]) == (5, 1)
        merged = await client.post(
            f"{OPS}/merge", json=[{"id": "urn:s:1", "co": "urn:ngsi-ld:null", "pm25": {"value": 8}}]
        )
        assert merged.status_code == 204
        assert (await client.get("/entities/urn:s:1?options=keyValues")).json()["pm25"] == 8
        gone = await client.post(f"{OPS}/delete", json=["urn:s:1", "urn:s:7", "nonsense", 5])
        assert gone.json()["success"] == ["urn:s:1"]
        assert [one["error"]["status"] for one in gone.json()["errors"]] == [400, 400, 404]
        assert (await client.post(f"{OPS}/delete", json=["urn:s:2"])).status_code == 204

    tell(story)


def test_the_same_entity_twice(tell: Any) -> None:
    """Items of a batch are taken in order: the second create of an id fails, the second upsert wins."""

    async def story(client: Client) -> None:
        twice = await client.post(f"{OPS}/create", json=[station(1), station(1)])
        assert twice.status_code == 207
        assert (await client.post(f"{OPS}/upsert", json=[station(1), station(1, pm25=9)])).status_code == 204
        assert (await client.get("/entities/urn:s:1?options=keyValues")).json()["pm25"] == 9

    tell(story)


def test_a_repeat_with_a_key_is_harmless(tell: Any) -> None:
    """The same batch with the same key gives the first answer and leaves one trace; another body is another batch."""

    async def story(client: Client) -> None:
        key = {"Idempotency-Key": "k1"}
        moment = {"value": 5, "observedAt": "2026-11-22T07:30:00Z"}
        for _ in range(3):
            made = await client.post(f"{OPS}/create", json=[station(1, co=moment)], headers=key)
            assert (made.status_code, made.json()) == (201, ["urn:s:1"])
        other = await client.post(f"{OPS}/create", json=[station(2)], headers=key)
        assert other.json() == ["urn:s:2"]
        history = (await client.get("/temporal/entities/urn:s:1")).json()
        assert len(history["co"]) == 1

    tell(story)


@pytest.mark.parametrize("operation", ["create", "upsert", "update", "merge", "delete"])
@pytest.mark.parametrize("body", [b"[]", b"{}", b"null", b"5", b'"x"', b"[null]"])
def test_what_is_no_batch(tell: Any, operation: str, body: bytes) -> None:
    """A batch is an array with something in it; all else is 400."""

    async def story(client: Client) -> None:
        media = {"Content-Type": "application/json"}
        assert (await client.post(f"{OPS}/{operation}", content=body, headers=media)).status_code == 400

    tell(story)


def test_batches_have_a_limit(tell: Any) -> None:
    """Too many items at once are refused before any is read."""

    async def story(client: Client) -> None:
        answer = await client.post(f"{OPS}/create", json=[station(number) for number in range(11)])
        assert (answer.status_code, "at most 10" in answer.json()["detail"]) == (413, True)

    tell(story, limits=Limits(batch=10))


def test_each_item_of_json_ld_has_its_own_context(tell: Any) -> None:
    """In application/ld+json items may use different contexts, and each needs one."""

    async def story(client: Client) -> None:
        one = station(1) | {"@context": {"pm25": "https://ex.org/a"}}
        two = station(2) | {"@context": "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld"}
        media = {"Content-Type": "application/ld+json"}
        import_ = await client.post(f"{OPS}/create", json=[one, two, station(3)], headers=media)
        assert import_.json()["success"] == ["urn:s:1", "urn:s:2"]
        assert "https://ex.org/a" in (await client.get("/entities/urn:s:1")).json()
        assert "pm25" in (await client.get("/entities/urn:s:2")).json()

    tell(story)


GUARDED = {"CitizenReport": "POST /api/reports"}
REPORT = {"id": "urn:r:1", "type": "CitizenReport", "state": "closed"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/entities", REPORT),
        *(("POST", f"{OPS}/{operation}", [REPORT]) for operation in ("create", "upsert")),
        ("PATCH", "/entities/urn:s:1", {"type": "CitizenReport"}),
        ("POST", "/entities/urn:s:1/attrs", {"type": "CitizenReport", "a": 1}),
        ("PATCH", "/entities/urn:s:1/attrs", {"type": ["Station", "CitizenReport"], "a": 1}),
        ("PUT", "/entities/urn:s:1", {"type": "CitizenReport"}),
        ("POST", f"{OPS}/merge", [{"id": "urn:s:1", "type": "CitizenReport"}]),
        ("POST", f"{OPS}/update", [{"id": "urn:s:1", "type": "CitizenReport", "a": 1}]),
    ],
)
def test_guarded_types_are_refused_with_the_verb_to_use(tell: Any, method: str, path: str, body: Any) -> None:
    """Whatever the route, a generic write of a guarded type is 403 and names what to call instead."""

    async def story(client: Client) -> None:
        await client.post("/entities", json=station(1))
        answer = await client.request(method, path, json=body)
        assert answer.status_code == 403
        assert answer.json()["use"] == "POST /api/reports"
        assert (await client.get("/types")).json()["typeList"] == ["Station"]

    tell(story, guarded=GUARDED)
