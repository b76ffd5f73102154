"""Snapshots: answers that stand still while everything else goes on (clauses 4.3.7, 5.5.15, 5.16 and 6.3.22)."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest

from dothi.ground.clock import from_iso
from dothi.hub.peers.snapshots.documents import status_of
from tests.hub.api.conftest import served

Client = httpx.AsyncClient
Tell = Callable[..., None]
SNAPSHOT = "NGSILD-Snapshot"
SENSORS = {"type": "Query", "entities": [{"type": "Sensor"}]}


@pytest.fixture
def tell(tmp_path: Any) -> Tell:
    """Run a story against a fresh hub; further arguments are those of `served`."""

    def run(story: Callable[[Client], Coroutine[Any, Any, None]], **options: Any) -> None:
        async def told() -> None:
            async with served(tmp_path / "hub", **options) as client:
                await story(client)

        asyncio.run(told())

    return run


def prop(value: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value}


async def put(client: Client, entity_id: str, kind: str = "Sensor", **attrs: Any) -> None:
    answer = await client.post("/entities", json={"id": entity_id, "type": kind, **attrs})
    assert answer.status_code == 201, answer.text


async def made(client: Client, path: str = "/snapshots", **members: Any) -> dict[str, Any]:
    """Make a snapshot and wait until it is done; its document."""
    answer = await client.post(path, json={"type": "Snapshot", **members})
    assert answer.status_code == 201, answer.text
    place = answer.headers["location"].removeprefix("/ngsi-ld/v1")
    for _ in range(200):
        document = (await client.get(place)).json()
        if document["snapshotStatus"] != "preparing":
            return dict(document)
        await asyncio.sleep(0.01)
    raise AssertionError(f"{place} is still being prepared")


def test_a_snapshot_keeps_the_answer_as_it_was(tell: Tell) -> None:
    """Later changes do not reach it, what the query left out is not in it, and it can be changed by itself."""

    async def story(client: Client) -> None:
        await put(client, "urn:s:1", a=prop(1))
        await put(client, "urn:s:2", a=prop(20))
        frozen = await made(client, snapshotQueries=[{**SENSORS, "q": "a<10"}])
        assert (frozen["snapshotStatus"], frozen["snapshotPriority"]) == ("success", 5)
        inside = {SNAPSHOT: frozen["id"]}
        await client.patch("/entities/urn:s:1/attrs", json={"a": prop(2)})
        answer = await client.get("/entities?type=Sensor", headers=inside)
        assert [(one["id"], one["a"]["value"]) for one in answer.json()] == [("urn:s:1", 1)]
        assert answer.headers[SNAPSHOT] == frozen["id"]
        await client.patch("/entities/urn:s:1/attrs", json={"a": prop(77)}, headers=inside)
        assert (await client.get("/entities/urn:s:1", headers=inside)).json()["a"]["value"] == 77
        assert (await client.get("/entities/urn:s:1")).json()["a"]["value"] == 2

    tell(story)


def test_how_it_went_is_told_for_each_query(tell: Tell) -> None:
    """One query that yields nothing makes it partial, none that yields makes it empty (clause 5.16.1.4)."""

    async def story(client: Client) -> None:
        await put(client, "urn:s:1", a=prop(1))
        nothing = {"type": "Query", "entities": [{"type": "Nothing"}]}
        frozen = await made(client, snapshotQueries=[SENSORS, nothing])
        assert frozen["snapshotStatus"] == "partial"
        assert [one["resultStatus"] for one in frozen["snapshotQueriesDetails"]] == ["success", "empty"]
        empty = await made(client, snapshotQueries=[nothing])
        assert empty["snapshotStatus"] == "empty"
        answer = await client.get("/entities?type=Sensor", headers={SNAPSHOT: empty["id"]})
        assert (answer.status_code, answer.json()) == (200, [])

    tell(story)


def test_the_status_follows_from_the_results() -> None:
    """All queries yield: success; one does: partial; one runs: empty; none does: failure."""

    def status(*results: str) -> str:
        return status_of([{"resultStatus": one} for one in results])

    assert status("success", "success") == "success"
    assert status("failure", "success") == status("empty", "success") == "partial"
    assert status("empty", "failure") == "empty"
    assert status("failure") == "failure"


def test_histories_are_kept_too(tell: Tell) -> None:
    """A temporal query keeps the evolutions that it finds; they are asked for through the temporal API."""

    async def story(client: Client) -> None:
        for moment in ("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"):
            document = {"id": "urn:s:1", "type": "Sensor", "a": [{**prop(1), "observedAt": moment}]}
            await client.post("/temporal/entities", json=document)
        asked = {**SENSORS, "temporalQ": {"timerel": "after", "timeAt": "2026-01-01T00:00:00Z"}}
        frozen = await made(client, snapshotTemporalQueries=[asked])
        assert frozen["snapshotStatus"] == "success"
        await client.delete("/temporal/entities/urn:s:1")
        again = await made(client, f"/snapshots/{frozen['id']}/clone")
        for name in (frozen["id"], again["id"]):
            query = "/temporal/entities?type=Sensor&timerel=after&timeAt=2026-01-01T00:00:00Z"
            answer = await client.get(query, headers={SNAPSHOT: name})
            assert [len(one["a"]) for one in answer.json()] == [2]

    tell(story)


def test_a_clone_outlives_what_it_was_cloned_from(tell: Tell) -> None:
    """It has its own life and priority; deleting one deletes what it held, and nothing of the other."""

    async def story(client: Client) -> None:
        await put(client, "urn:s:1", a=prop(1))
        first = await made(client, snapshotQueries=[SENSORS], snapshotPriority=2)
        second = await made(client, f"/snapshots/{first['id']}/clone", snapshotPriority=9)
        assert (await client.delete("/snapshots?q=snapshotPriority<5")).status_code == 204
        assert (await client.get(f"/snapshots/{first['id']}")).status_code == 404
        assert (await client.get("/entities?type=Sensor", headers={SNAPSHOT: first["id"]})).status_code == 404
        kept = await client.get("/entities?type=Sensor", headers={SNAPSHOT: second["id"]})
        assert [one["id"] for one in kept.json()] == ["urn:s:1"]
        assert (await client.delete("/snapshots?q=snapshotPriority<5")).status_code == 404

    tell(story)


def test_what_can_be_changed_of_a_snapshot(tell: Tell) -> None:
    """Priority and lifetime can be changed; the end follows the lifetime and is bounded; queries cannot be changed."""

    async def story(client: Client) -> None:
        await put(client, "urn:s:1", a=prop(1))
        frozen = await made(client, snapshotQueries=[SENSORS], snapshotLifetime="PT1H")
        place = f"/snapshots/{frozen['id']}"
        answer = await client.patch(place, json={"snapshotPriority": 9, "snapshotLifetime": "P400D", "lastUsedAt": "x"})
        assert (answer.status_code, answer.json()["snapshotPriority"]) == (200, 9)
        days = (from_iso(answer.json()["expiresAt"]) - from_iso(answer.json()["modifiedAt"])) / 86_400e6
        assert days == 30
        for wrong in ({"snapshotQueries": [SENSORS]}, {"snapshotPriority": 11}, {"id": "urn:x:1"}, {"unknown": 1}):
            assert (await client.patch(place, json=wrong)).status_code == 400
        assert (await client.get(place)).json()["snapshotPriority"] == 9

    tell(story)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"snapshotQueries": []},
        {"snapshotQueries": [{**SENSORS, "temporalQ": {"timerel": "before", "timeAt": "2026-01-01T00:00:00Z"}}]},
        {"snapshotTemporalQueries": [SENSORS]},
        {"snapshotQueries": [{"type": "Query"}]},
        {"snapshotQueries": [SENSORS], "snapshotPriority": 0},
        {"snapshotQueries": [SENSORS], "snapshotLifetime": "1 day"},
        {"snapshotQueries": [SENSORS], "endpoint": "mailto:a@b.vn"},
        {"snapshotQueries": [SENSORS], "receiverInfo": [{"key": 1}]},
        {"snapshotQueries": [SENSORS], "id": "no uri"},
        {"snapshotQueries": ["all"]},
    ],
)
def test_a_wrong_snapshot_is_refused_and_not_kept(tell: Tell, wrong: dict[str, Any]) -> None:
    """What breaks clause 5.2.41 is BadRequestData, and nothing of it stays."""

    async def story(client: Client) -> None:
        answer = await client.post("/snapshots", json={"type": "Snapshot", **wrong})
        assert answer.status_code == 400, answer.text
        assert (await client.delete("/snapshots?q=snapshotPriority>=1")).status_code == 404

    tell(story)


def test_ids_are_unique_and_unknown_ones_are_told(tell: Tell) -> None:
    """A second snapshot of one id is 409; an unknown one is 404 wherever it is named; no URI is 400."""

    async def story(client: Client) -> None:
        await put(client, "urn:s:1", a=prop(1))
        await made(client, id="urn:snap:1", snapshotQueries=[SENSORS])
        again = {"type": "Snapshot", "id": "urn:snap:1", "snapshotQueries": [SENSORS]}
        assert (await client.post("/snapshots", json=again)).status_code == 409
        unknown = {SNAPSHOT: "urn:snap:2"}
        assert (await client.get("/entities?type=Sensor", headers=unknown)).status_code == 404
        assert (await client.get("/snapshots/urn:snap:2")).status_code == 404
        assert (await client.post("/snapshots/urn:snap:2/clone", json={"type": "Snapshot"})).status_code == 404
        assert (await client.get("/snapshots/nothing")).status_code == 400
        assert (await client.delete("/snapshots?q=speed>5")).status_code == 400
        assert (await client.delete("/snapshots")).status_code == 400
        inside = {SNAPSHOT: "urn:snap:1"}
        assert (await client.get("/csourceRegistrations?type=Sensor", headers=inside)).status_code == 422

    tell(story)


def test_nothing_guarded_is_in_a_snapshot_or_can_be_put_there(tell: Tell) -> None:
    """Of types that only a module's verbs may write there is no second copy, nor can one be written into it."""

    async def story(client: Client) -> None:
        await put(client, "urn:s:1", a=prop(1))
        frozen = await made(client, snapshotQueries=[SENSORS])
        inside = {SNAPSHOT: frozen["id"]}
        alarm = {"id": "urn:a:1", "type": "Alarm", "a": prop(1)}
        refused = await client.post("/entities", json=alarm, headers=inside)
        assert (refused.status_code, refused.json()["use"]) == (403, "POST /api/alarms")
        document = {"id": frozen["id"], "type": "dothi:Snapshot"}
        assert (await client.post("/entities", json=document)).status_code == 403

    tell(story, guarded={"Alarm": "POST /api/alarms"})
