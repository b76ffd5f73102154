"""Tests: attributes of an entity are appended, updated, replaced and deleted, instance by instance."""

from typing import Any

import pytest

from tests.hub.api.conftest import Client

URL = "/entities/urn:s:1/attrs"
STATION = {"id": "urn:s:1", "type": "Station", "pm25": {"value": 1, "unitCode": "GQ"}}
FULL = "https://uri.etsi.org/ngsi-ld/default-context/"


async def now(client: Client) -> dict[str, Any]:
    """The entity as it stands."""
    found: dict[str, Any] = (await client.get("/entities/urn:s:1")).json()
    return found


def test_append(tell: Any) -> None:
    """Appending adds and replaces; with noOverwrite what is there stays and is reported in full names."""

    async def story(client: Client) -> None:
        await client.post("/entities", json=STATION)
        assert (await client.post(URL, json={"pm25": {"value": 2}, "name": "a"})).status_code == 204
        assert (await now(client))["pm25"] == {"type": "Property", "value": 2}
        kept = await client.post(f"{URL}?options=noOverwrite", json={"pm25": 3, "co": 4})
        assert kept.status_code == 207
        assert kept.json()["updated"] == [FULL + "co"]
        assert [one["attributeName"] for one in kept.json()["notUpdated"]] == [FULL + "pm25"]
        assert (await now(client))["pm25"]["value"] == 2
        assert (await client.post("/entities/urn:no:1/attrs", json={"a": 1})).status_code == 404

    tell(story)


def test_update(tell: Any) -> None:
    """Updating replaces, appends what is new, and a null deletes; nulls for what is not there are no error."""

    async def story(client: Client) -> None:
        await client.post("/entities", json=STATION | {"old": 1})
        null = "urn:ngsi-ld:null"
        body = {"pm25": {"value": 2}, "old": null, "never": null, "co": 5}
        assert (await client.patch(URL, json=body)).status_code == 204
        assert (await now(client)).keys() == {"id", "type", "pm25", "co"}
        assert (await now(client))["pm25"] == {"type": "Property", "value": 2}

    tell(story)


def test_datasets(tell: Any) -> None:
    """Each dataset is an instance of its own: updated, shown and deleted by itself."""

    async def story(client: Client) -> None:
        await client.post("/entities", json=STATION)
        await client.post(URL, json={"pm25": {"value": 7, "datasetId": "urn:d:1"}})
        assert [one["value"] for one in (await now(client))["pm25"]] == [1, 7]
        assert (await client.patch(f"{URL}/pm25", json={"value": 8, "datasetId": "urn:d:1"})).status_code == 204
        assert [one["value"] for one in (await now(client))["pm25"]] == [1, 8]
        only = await client.get("/entities/urn:s:1?datasetId=urn:d:1&options=keyValues")
        assert only.json()["pm25"] == 8
        assert (await client.delete(f"{URL}/pm25?datasetId=urn:d:2")).status_code == 404
        assert (await client.delete(f"{URL}/pm25?datasetId=urn:d:1")).status_code == 204
        assert (await now(client))["pm25"]["value"] == 1
        await client.post(URL, json={"pm25": {"value": 7, "datasetId": "urn:d:1"}})
        assert (await client.delete(f"{URL}/pm25?deleteAll=true")).status_code == 204
        assert "pm25" not in await now(client)

    tell(story)


def test_partial_update(tell: Any) -> None:
    """Given members replace those that stand, a null takes one away, the rest and the type stay (clause 5.6.4)."""

    async def story(client: Client) -> None:
        await client.post("/entities", json=STATION | {"owner": {"object": "urn:o:1"}})
        assert (await client.patch(f"{URL}/pm25", json={"value": 9})).status_code == 204
        assert (await now(client))["pm25"] == {"type": "Property", "value": 9, "unitCode": "GQ"}
        moment = "2026-11-22T07:30:00Z"
        body = {"unitCode": "urn:ngsi-ld:null", "observedAt": moment}
        assert (await client.patch(f"{URL}/pm25", json=body)).status_code == 204
        assert (await now(client))["pm25"] == {"type": "Property", "value": 9, "observedAt": moment}
        refused = await client.patch(f"{URL}/owner", json={"type": "Property", "value": 5})
        assert refused.status_code == 400
        assert "cannot be changed" in refused.json()["detail"]
        assert (await client.patch(f"{URL}/nothing", json={"value": 5})).status_code == 404
        assert (await client.patch(f"{URL}/pm25", json={"value": "urn:ngsi-ld:null"})).status_code == 204
        assert "pm25" not in await now(client)

    tell(story)


def test_partial_update_replaces_whole_members(tell: Any) -> None:
    """A language map or JSON given in a partial update stands instead of the old one; only merges go deeper."""

    async def story(client: Client) -> None:
        more = {"says": {"languageMap": {"vi": "có", "en": "yes"}}, "raw": {"json": {"a": 1, "b": 2}}}
        await client.post("/entities", json=STATION | more)
        assert (await client.patch(f"{URL}/says", json={"languageMap": {"vi": "không"}})).status_code == 204
        assert (await client.patch(f"{URL}/raw", json={"json": {"c": None}})).status_code == 204
        assert (await now(client))["says"]["languageMap"] == {"vi": "không"}
        assert (await now(client))["raw"]["json"] == {"c": None}

    tell(story)


def test_scopes_are_added_without_overwriting(tell: Any) -> None:
    """A scope that is appended with noOverwrite joins those that stand; else it replaces them (clause 5.6.3)."""

    async def story(client: Client) -> None:
        await client.post("/entities", json=STATION | {"scope": "/VN/Hue"})
        await client.post(f"{URL}?options=noOverwrite", json={"scope": "/VN/DaNang"})
        assert (await now(client))["scope"] == ["/VN/Hue", "/VN/DaNang"]
        await client.post(URL, json={"scope": "/VN/HaNoi"})
        assert (await now(client))["scope"] == "/VN/HaNoi"

    tell(story)


def test_an_update_replaces_a_scope_but_adds_none(tell: Any) -> None:
    """Updating attributes changes a scope that stands; where there is none it is reported, not added (5.6.2.4)."""

    async def story(client: Client) -> None:
        await client.post("/entities", json=STATION)
        left = await client.patch(URL, json={"scope": "/VN/Hue", "co": 1})
        assert (left.status_code, left.json()["updated"]) == (207, [FULL + "co"])
        assert left.json()["notUpdated"][0]["attributeName"].endswith("/scope")
        assert "scope" not in await now(client)
        await client.post(URL, json={"scope": "/VN/Hue"})
        assert (await client.patch(URL, json={"scope": "/VN/DaNang"})).status_code == 204
        assert (await now(client))["scope"] == "/VN/DaNang"

    tell(story)


def test_replace_one(tell: Any) -> None:
    """Replacing one attribute leaves nothing of what it was, and needs it to be there."""

    async def story(client: Client) -> None:
        await client.post("/entities", json=STATION)
        assert (await client.put(f"{URL}/pm25", json={"type": "Property", "value": "x"})).status_code == 204
        assert (await now(client))["pm25"] == {"type": "Property", "value": "x"}
        assert (await client.put(f"{URL}/nothing", json={"value": 5})).status_code == 404

    tell(story)


def test_scope_is_deleted_as_an_attribute(tell: Any) -> None:
    """The scope can be deleted by name, but not be partially updated (clauses 5.6.4 and 5.6.5)."""

    async def story(client: Client) -> None:
        await client.post("/entities", json=STATION | {"scope": "/VN/Hue"})
        assert (await client.patch(f"{URL}/scope", json={"value": "/a"})).status_code == 400
        assert (await client.delete(f"{URL}/scope")).status_code == 204
        assert "scope" not in await now(client)

    tell(story)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("", []),
        ("", {"a": None}),
        ("/pm25", []),
        ("/pm25", {"observedAt": "x"}),
        ("/a-b", {"value": 1}),
        ("/pm25", "x"),
    ],
)
def test_wrong_bodies(tell: Any, path: str, body: Any) -> None:
    """What cannot be read is 400, and the entity stays as it was."""

    async def story(client: Client) -> None:
        await client.post("/entities", json=STATION)
        before = await now(client)
        answer = await client.patch(f"{URL}{path}", json=body)
        assert answer.status_code == 400
        assert answer.json()["detail"]
        assert await now(client) == before

    tell(story)
