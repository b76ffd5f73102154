"""Tests: purge deletes what a query finds, or some attributes of it (clauses 5.6.21 and 6.4.3.3)."""

from typing import Any

import httpx
import pytest

Client = httpx.AsyncClient


async def fill(client: Client, count: int = 3) -> None:
    """Some lamps and a bench."""
    lamps = [{"id": f"urn:l:{n}", "type": "Lamp", "level": n, "scope": "/VN/Hue", "note": "x"} for n in range(count)]
    made = await client.post("/entityOperations/create", json=[*lamps, {"id": "urn:b:1", "type": "Bench", "level": 1}])
    assert made.status_code == 201, made.text


async def left(client: Client) -> list[str]:
    """The ids of what stands."""
    return [one["id"] for one in (await client.get("/entities?local=true&limit=1000")).json()]


FOUND = {
    "type=Lamp": ["urn:b:1"],
    "q=level==1": ["urn:l:0", "urn:l:2"],
    "type=Lamp&id=urn:l:0,urn:l:1": ["urn:l:2", "urn:b:1"],
    "type=Lamp&idPattern=2$": ["urn:l:0", "urn:l:1", "urn:b:1"],
    "type=Lamp&scopeQ=/VN/Hue&q=level>0": ["urn:l:0", "urn:b:1"],
    "attrs=note": ["urn:b:1"],
    "type=*": [],
    "local=true": [],
    "type=Nothing": ["urn:l:0", "urn:l:1", "urn:l:2", "urn:b:1"],
}


@pytest.mark.parametrize("query", FOUND)
def test_what_is_found_is_deleted(tell: Any, query: str) -> None:
    """204 without a body; what the query does not find stays."""

    async def story(client: Client) -> None:
        await fill(client)
        purged = await client.delete(f"/entities?{query}")
        assert (purged.status_code, purged.content) == (204, b"")
        assert await left(client) == FOUND[query]

    tell(story)


TOO_WIDE = (
    "",
    "?id=urn:l:1",
    "?idPattern=.*",
    "?attrs=createdAt",
    '?q=modifiedAt>"2020-01-01T00:00:00Z"',
    "?type=*&local=false",
    "?type=Lamp&keep=level&drop=note",
    "?type=Lamp&drop=",
    "?type=Lamp&drop=id",
    "?type=Lamp&q=owner{name}==1",
    "?type=Lamp&attrs=owner{name}",
    "?type=Lamp&id=nonsense",
    "?type=Lamp&q=level>",
    "?type=Lamp&georel=near",
)


@pytest.mark.parametrize("query", TOO_WIDE)
def test_what_is_too_wide_or_wrong_deletes_nothing(tell: Any, query: str) -> None:
    """BadRequestData before anything is deleted (5.6.21.4)."""

    async def story(client: Client) -> None:
        await fill(client)
        refused = await client.delete(f"/entities{query}")
        assert (refused.status_code, refused.json()["type"].rsplit("/")[-1]) == (400, "BadRequestData"), refused.text
        assert len(await left(client)) == 4

    tell(story)


def test_attributes_are_dropped_and_kept(tell: Any) -> None:
    """With drop those named go, with keep all others; the entities stand, with all datasets of what stays."""

    async def story(client: Client) -> None:
        await fill(client)
        several = [{"value": 1}, {"value": 2, "datasetId": "urn:d:1"}]
        await client.post("/entities/urn:l:1/attrs", json={"note": several, "old": several})
        assert (await client.delete("/entities?type=Lamp&drop=note,scope,none")).status_code == 204
        lamp = (await client.get("/entities/urn:l:1")).json()
        assert sorted(lamp) == ["id", "level", "old", "type"]
        assert (await client.delete("/entities?type=Lamp&keep=old")).status_code == 204
        assert sorted((await client.get("/entities/urn:l:1")).json()) == ["id", "old", "type"]
        assert sorted((await client.get("/entities/urn:l:0")).json()) == ["id", "type"]
        assert sorted((await client.get("/entities/urn:b:1")).json()) == ["id", "level", "type"]

    tell(story)


def test_many_are_deleted_in_parts(tell: Any) -> None:
    """More entities than fit in one page are all found before the first is deleted."""

    async def story(client: Client) -> None:
        await fill(client, 2300)
        assert (await client.delete("/entities?q=level>=100")).status_code == 204
        counted = await client.get("/entities?type=Lamp&count=true&limit=0")
        assert counted.headers["ngsild-results-count"] == "100"

    tell(story)


def test_guarded_ones_stay_and_are_named(tell: Any) -> None:
    """A selector of guarded types alone is 403 with the verb, whoever asks."""

    async def story(client: Client) -> None:
        refused = await client.delete("/entities?type=Report")
        assert (refused.status_code, "POST /api/reports" in refused.json()["detail"]) == (403, True)
        assert (await client.delete("/entities?type=Report,Lamp")).status_code == 204

    tell(story, guarded={"Report": "POST /api/reports"})


def test_a_tenant_that_is_not_there_is_not_purged(tell: Any) -> None:
    """NonexistentTenant (5.5.10)."""

    async def story(client: Client) -> None:
        answer = await client.delete("/entities?type=Lamp", headers={"NGSILD-Tenant": "nowhere"})
        assert (answer.status_code, answer.json()["type"].rsplit("/")[-1]) == (404, "NonexistentTenant")

    tell(story)
