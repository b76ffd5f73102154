"""Tests: media types, contexts, tenants, limits and broken requests, the same for every resource."""

import asyncio
from typing import Any

import pytest

from dothi.ground.errors import Malformed
from dothi.hub.api import Limits
from dothi.hub.api.door.request import read_body
from dothi.hub.context import CORE_URL
from tests.hub.api.conftest import Client

STATION = {"id": "urn:s:1", "type": "Station", "pm25": 5}
LD = {"Content-Type": "application/ld+json"}
ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
REL = 'rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'


def test_json_answers_link_to_the_context(tell: Any) -> None:
    """An application/json answer names its context by Link; application/ld+json holds it (clause 6.3.6)."""

    async def story(client: Client) -> None:
        await client.post("/entities", json=STATION)
        plain = await client.get("/entities/urn:s:1")
        assert plain.headers["link"] == f"<{CORE_URL}>; {REL}"
        linked = await client.get("/entities/urn:s:1", headers={"Accept": "application/ld+json"})
        assert linked.json()["@context"] == CORE_URL
        assert "link" not in linked.headers
        many = await client.get("/entities?type=Station", headers={"Accept": "application/ld+json"})
        assert many.json()[0]["@context"] == CORE_URL

    tell(story)


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/ld+json, application/json;q=0.5", "application/ld+json"),
        ("application/json, application/ld+json", "application/json"),
        ("text/html, */*;q=0.1", "application/json"),
        ("application/geo+json", "application/geo+json"),
        ("application/json;q=0, application/*", "application/ld+json"),
        ("text/html", None),
        ("application/json;q=0", None),
        ("application/json;q=much", "application/json"),
        (";;,;q=x", None),
    ],
)
def test_negotiation(tell: Any, accept: str, media: str | None) -> None:
    """The Accept header decides, in the standard's order where it leaves a choice; else 406 says what there is."""

    async def story(client: Client) -> None:
        await client.post("/entities", json=STATION)
        answer = await client.get("/entities/urn:s:1", headers={"Accept": accept})
        if media is None:
            assert answer.status_code == 406
            assert "application/ld+json" in answer.json()["available"]
        else:
            assert (answer.status_code, answer.headers["content-type"]) == (200, media)

    tell(story)


def test_geojson_is_for_entities_only(tell: Any) -> None:
    """Types and histories are not available as GeoJSON (clause 6.3.4)."""

    async def story(client: Client) -> None:
        assert (await client.get("/types", headers={"Accept": "application/geo+json"})).status_code == 406

    tell(story)


def test_names_are_the_clients_own(tell: Any) -> None:
    """Who writes with one context and reads with another meets the same attribute under each one's name."""

    async def story(client: Client) -> None:
        body = STATION | {"@context": [{"pm25": "https://ex.org/dust"}, CORE_URL]}
        assert (await client.post("/entities", json=body, headers=LD)).status_code == 201
        assert (await client.get("/entities/urn:s:1")).json()["https://ex.org/dust"]["value"] == 5
        query = {"type": "Query", "q": "bụi==5", "attrs": ["bụi"], "@context": {"bụi": "https://ex.org/dust"}}
        found = await client.post(
            "/entityOperations/query", json=query, headers={**LD, "Accept": "application/ld+json"}
        )
        assert found.json()[0]["bụi"]["value"] == 5
        assert found.json()[0]["@context"] == [{"bụi": "https://ex.org/dust"}, CORE_URL]

    tell(story)


@pytest.mark.parametrize("version", ["", "-v1.3", "-v1.8"])
def test_core_contexts_need_no_fetch(tell: Any, version: str) -> None:
    """Each version of the core is known offline, by Link and in the body."""

    async def story(client: Client) -> None:
        url = f"https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context{version}.jsonld"
        body = STATION | {"@context": url}
        assert (await client.post("/entities", json=body, headers=LD)).status_code == 201
        assert (await client.get("/entities/urn:s:1", headers={"Link": f"<{url}>; {REL}"})).json() == {
            **STATION,
            "pm25": {"type": "Property", "value": 5},
        }

    tell(story)


@pytest.mark.parametrize(
    ("headers", "body", "status", "kind"),
    [
        (LD, STATION, 400, "BadRequestData"),
        ({}, STATION | {"@context": CORE_URL}, 400, "BadRequestData"),
        ({**LD, "Link": f"<{CORE_URL}>; {REL}"}, STATION | {"@context": CORE_URL}, 400, "BadRequestData"),
        ({"Link": f"<https://ex.org/c.jsonld>; {REL}"}, STATION, 504, "LdContextNotAvailable"),
        (LD, STATION | {"@context": "https://ex.org/c.jsonld"}, 504, "LdContextNotAvailable"),
        (LD, STATION | {"@context": 5}, 400, "BadRequestData"),
        (LD, STATION | {"@context": {"a": {"@id": "https://ex.org/a", "@context": {}}}}, 400, "BadRequestData"),
        ({"Link": f"<a>; {REL}, <b>; {REL}"}, STATION, 400, "BadRequestData"),
    ],
)
def test_contexts_that_cannot_be_used(tell: Any, headers: dict[str, str], body: Any, status: int, kind: str) -> None:
    """Mixed, missing, broken and forbidden contexts are each answered with the standard's error (clause 6.3.5)."""

    async def story(client: Client) -> None:
        answer = await client.post("/entities", json=body, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (status, ERRORS + kind)

    tell(story)


def test_tenants_are_apart(tell: Any) -> None:
    """A tenant begins with its first create, sees only its own, and is named in each answer (clause 6.3.14)."""

    async def story(client: Client) -> None:
        hue = {"NGSILD-Tenant": "hue"}
        await client.post("/entities", json=STATION)
        for path in ("/entities/urn:s:1", "/entities?type=Station", "/types", "/temporal/entities/urn:s:1"):
            absent = await client.get(path, headers=hue)
            assert (absent.status_code, absent.json()["type"]) == (404, ERRORS + "NonexistentTenant")
            assert absent.headers["ngsild-tenant"] == "hue"
        amend = await client.patch("/entities/urn:s:1/attrs", json={"a": 1}, headers=hue)
        assert amend.json()["type"] == ERRORS + "NonexistentTenant"
        made = await client.post("/entities", json=STATION | {"pm25": 6}, headers=hue)
        assert (made.status_code, made.headers["ngsild-tenant"]) == (201, "hue")
        assert (await client.get("/entities/urn:s:1?options=keyValues", headers=hue)).json()["pm25"] == 6
        assert (await client.get("/entities/urn:s:1?options=keyValues")).json()["pm25"] == 5
        assert (await client.get("/types", headers={"NGSILD-Tenant": "no/slash"})).status_code == 400

    tell(story)


@pytest.mark.parametrize(
    ("content", "status", "kind"),
    [
        (b"", 400, "InvalidRequest"),
        (b"{", 400, "InvalidRequest"),
        (b'{"id": "urn:a:\xff"}', 400, "InvalidRequest"),
        (b'{"id": "\\ud800"}', 400, "InvalidRequest"),
        (b"[" * 100_000, 400, "InvalidRequest"),
        (b'{"a":' * 500 + b"1" + b"}" * 500, 400, "BadRequestData"),
        (b"5", 400, "InvalidRequest"),
        (b"null", 400, "InvalidRequest"),
        (b'{"id": "urn:a:b", "type": "T", "x": 1e999}', 400, "InvalidRequest"),
        (b'{"id": "urn:a:b", "type": "T", "x": 123456789012345678901234567890}', 400, "BadRequestData"),
        (b'{"id": "urn:a:b", "type": "T", "@context": {}}', 400, "BadRequestData"),
        (b"{}", 400, "BadRequestData"),
        (b"[]", 400, "InvalidRequest"),
    ],
)
def test_broken_bodies(tell: Any, content: bytes, status: int, kind: str) -> None:
    """Malformed, mis-encoded, absurdly deep or large values: a clear 400, never a crash."""

    async def story(client: Client) -> None:
        for path in ("/entities", "/entityOperations/upsert", "/entityOperations/query"):
            answer = await client.post(path, content=content, headers={"Content-Type": "application/json"})
            assert answer.status_code == status
            if path == "/entities":
                assert answer.json()["type"] == ERRORS + kind

    tell(story)


def test_media_types_and_lengths(tell: Any) -> None:
    """415 for other media, 413 for too much, 411 for a body of unsaid length."""

    async def story(client: Client) -> None:
        wrong = await client.post("/entities", content=b"{}", headers={"Content-Type": "text/plain"})
        assert wrong.status_code == 415
        merge = await client.post("/entities", content=b"{}", headers={"Content-Type": "application/merge-patch+json"})
        assert merge.status_code == 415
        large = await client.post("/entities", json=STATION | {"pm25": "x" * 2000})
        assert (large.status_code, "at most 1000" in large.json()["detail"]) == (413, True)
        request = client.build_request("POST", "/entities", json=STATION)
        del request.headers["content-length"]
        assert (await client.send(request)).status_code == 411

        async def endless() -> Any:
            for _ in range(20):
                yield b" " * 100

        unsaid = await client.post("/entities", content=endless(), headers={"Content-Type": "application/json"})
        assert unsaid.status_code == 411
        headers = {"Content-Type": "application/json", "Content-Length": "5"}
        longer = await client.post("/entities", content=endless(), headers=headers)
        assert longer.status_code == 413

    tell(story, limits=Limits(body=1000))


def test_methods_and_paths(tell: Any) -> None:
    """405 names what is allowed, HEAD is GET without its body, unknown paths are 404; each is a problem document."""

    async def story(client: Client) -> None:
        await client.post("/entities", json=STATION)
        refused = await client.put("/entities", json=STATION)
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, POST, DELETE, HEAD")
        head = await client.head("/entities/urn:s:1")
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) > 10
        for path in ("/nothing", "/entities/urn:s:1/attrs/a/b", "/types/a/b"):
            missing = await client.get(path)
            assert missing.status_code == 404
            assert missing.json()["title"]
        assert (await client.get("/entities/?type=Station")).status_code == 200
        for method, path in (("POST", "/entities//attrs"), ("GET", "/entities/%FF")):
            assert (await client.request(method, path, json={"a": 1})).status_code == 400
        assert (await client.patch("/entities/", json={"a": 1})).status_code == 400
        for method, path in (("DELETE", "/csourceRegistrations/"), ("DELETE", "/entities/urn:s:1/attrs/")):
            assert (await client.request(method, path)).status_code == 405

    tell(story)


def test_bad_credentials_are_401(tell: Any) -> None:
    """A key that does not hold is 401 with a challenge, before anything is done."""

    async def story(client: Client) -> None:
        answer = await client.post("/entities", json=STATION, headers={"Authorization": "Bearer bad"})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert (await client.get("/entities/urn:s:1")).status_code == 404

    tell(story)


def test_half_a_body_is_no_request() -> None:
    """A client that leaves before its whole body has come is not taken at its half word."""
    pieces = iter(
        [
            {"type": "http.request", "body": b'{"id": "urn:x:1"}', "more_body": True},
            {"type": "http.disconnect"},
        ]
    )

    async def receive() -> Any:
        return next(pieces)

    with pytest.raises(Malformed, match="before the whole body"):
        asyncio.run(read_body({"content-length": "100"}, receive, 1000))
