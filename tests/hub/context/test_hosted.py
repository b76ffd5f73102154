"""Tests: contexts are hosted, listed, served, deleted and reloaded (clauses 5.13, 6.29 and 6.30), and survive."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from dothi.ground.errors import ContextUnavailable
from dothi.hub.access import Open
from dothi.hub.api import ngsi_ld
from dothi.hub.context import CORE_URL, Contexts, Names
from dothi.hub.context.fetch import Fetched
from dothi.hub.context.shelf import LOCAL
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS
from dothi.hub.peers import hosting, records

BASE = "/ngsi-ld/v1"
OWN = {"@context": {"dust": "https://vocab.example/dust", "Station": "https://vocab.example/Station"}}
REMOTE = "http://vocab.example/context.jsonld"
REL = "http://www.w3.org/ns/json-ld#context"
PROBLEM = "https://uri.etsi.org/ngsi-ld/errors/"
Client = httpx.AsyncClient


class Web:
    """A web of one document that can be taken away."""

    def __init__(self, document: Any = OWN, holds: float | None = None) -> None:
        """Up, with nothing asked yet."""
        self.document, self.holds, self.up, self.asked = document, holds, True, 0

    def fetch(self, address: str) -> Fetched:
        """What the address holds now."""
        self.asked += 1
        if not self.up:
            raise OSError("connection refused")
        return Fetched(self.document, self.holds)


def told(folder: Path, story: Callable[..., Any], web: Web | None = None) -> None:
    """Run a story against the hub in `folder`."""

    async def run() -> None:
        hub = Hub(folder, Open())
        records.declare(hub)
        found = web or Web()
        contexts = Contexts(["vocab.example"], fetch=found.fetch, shelf=hosting.shelf_of(hub), home="http://city")
        app = Starlette(routes=[Mount(BASE, app=ngsi_ld(hub, contexts, lambda headers: ANONYMOUS))])
        try:
            async with Client(transport=httpx.ASGITransport(app=app), base_url=f"http://city{BASE}") as client:
                await story(client, hub, contexts)
        finally:
            await hub.close()

    asyncio.run(run())


def link(address: str) -> dict[str, str]:
    """The header that names a context."""
    return {"Link": f'<{address}>; rel="{REL}"; type="application/ld+json"'}


async def added(client: Client, document: Any = OWN, tenant: str = "") -> str:
    """The local identifier of a newly hosted context."""
    headers = {"NGSILD-Tenant": tenant} if tenant else {}
    answer = await client.post("/jsonldContexts", json=document, headers=headers)
    assert answer.status_code == 201
    assert answer.content == b""
    return answer.headers["location"].removeprefix(f"{BASE}/jsonldContexts/")


def test_a_hosted_context_is_served_and_used(tmp_path: Path) -> None:
    """What a client adds is served as it was, without what stood beside it, and names mean what it says."""

    async def story(client: Client, hub: Hub, contexts: Contexts) -> None:
        name = await added(client, OWN | {"title": "discarded"})
        assert (await client.get(f"/jsonldContexts/{name}")).json() == OWN
        address = f"http://city{BASE}/jsonldContexts/{name}"
        body = {"id": "urn:s:1", "type": "Station", "dust": 5}
        assert (await client.post("/entities", json=body, headers=link(address))).status_code == 201
        plain = (await client.get("/entities/urn:s:1")).json()
        assert plain["type"] == "https://vocab.example/Station"
        same = await client.get("/entities/urn:s:1", headers=link(address))
        assert same.json()["type"] == "Station"
        assert address in same.headers["link"]

    told(tmp_path, story)


def test_details(tmp_path: Path) -> None:
    """Details tell address, local identifier, kind, when it was made, how often and when it was used (5.13.3.5)."""

    async def story(client: Client, hub: Hub, contexts: Contexts) -> None:
        name = await added(client)
        first = (await client.get(f"/jsonldContexts/{name}", params={"details": "true"})).json()
        assert first["URL"] == f"http://city{BASE}/jsonldContexts/{name}"
        assert (first["localId"], first["kind"]) == (name, "Hosted")
        assert "lastUsage" not in first
        assert first["createdAt"].endswith("Z")
        await client.get("/types", headers=link(first["URL"]))
        after = (await client.get(f"/jsonldContexts/{name}", params={"details": "true"})).json()
        assert after["extraInfo"].startswith("found 2 times since "), "served once, used once"
        assert after["lastUsage"] >= first["createdAt"]
        listed = (await client.get("/jsonldContexts", params={"details": "true", "kind": "Hosted"})).json()
        assert [one["localId"] for one in listed] == [name]

    told(tmp_path, story)


def test_lists_by_kind(tmp_path: Path) -> None:
    """A list holds addresses, of all kinds or of one; a cached context is listed by where it came from."""

    async def story(client: Client, hub: Hub, contexts: Contexts) -> None:
        name = await added(client)
        await client.get("/types", headers=link(REMOTE))
        made = await hosting.address_of(hub, contexts, Names({}, None, [REMOTE, {"a": "urn:a"}]), "")
        lists = {kind: (await client.get("/jsonldContexts", params={"kind": kind})).json() for kind in KINDS}
        assert lists == {
            "Hosted": [f"http://city{BASE}/jsonldContexts/{name}"],
            "Cached": [CORE_URL, REMOTE],
            "ImplicitlyCreated": [made],
        }
        assert sorted((await client.get("/jsonldContexts")).json()) == sorted(
            one for some in lists.values() for one in some
        )

    told(tmp_path, story)


KINDS = ("Hosted", "Cached", "ImplicitlyCreated")


def test_what_the_hub_makes_itself(tmp_path: Path) -> None:
    """A context of several parts gets an address of the hub's, the same for the same content, and is served there."""

    async def story(client: Client, hub: Hub, contexts: Contexts) -> None:
        names = await contexts.obtain([REMOTE, {"a": "https://vocab.example/a"}])
        address = await hosting.address_of(hub, contexts, names, "")
        assert await hosting.address_of(hub, contexts, names, "") == address
        assert (await client.get(address)).json() == {"@context": [REMOTE, {"a": "https://vocab.example/a"}]}
        again = await contexts.obtain(address)
        assert again.inward("a") == "https://vocab.example/a"
        assert again.inward("dust") == "https://vocab.example/dust"
        assert await hosting.address_of(hub, contexts, Names({}, REMOTE, REMOTE), "") == REMOTE
        assert await hosting.address_of(hub, contexts, Names(), "") == CORE_URL

    told(tmp_path, story)


def test_a_copy_is_not_served(tmp_path: Path) -> None:
    """A cached context is known by its address, tells its details and is not served itself (clause 5.13.4.4)."""

    async def story(client: Client, hub: Hub, contexts: Contexts) -> None:
        await client.get("/types", headers=link(REMOTE))
        path = "/jsonldContexts/" + REMOTE.replace("/", "%2F")
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["type"]) == (422, PROBLEM + "OperationNotSupported")
        details = (await client.get(path, params={"details": "true"})).json()
        assert (details["kind"], details["URL"]) == ("Cached", REMOTE)
        by_id = await client.get(f"/jsonldContexts/{details['localId']}", params={"details": "true"})
        assert by_id.json()["URL"] == REMOTE

    told(tmp_path, story)


def test_deleting(tmp_path: Path) -> None:
    """What was deleted is gone: it is not served, not listed, and means nothing in a request any more."""

    async def story(client: Client, hub: Hub, contexts: Contexts) -> None:
        name = await added(client)
        address = f"http://city{BASE}/jsonldContexts/{name}"
        assert (await client.get("/types", headers=link(address))).status_code == 200
        assert (await client.delete(f"/jsonldContexts/{name}")).status_code == 204
        assert (await client.get(f"/jsonldContexts/{name}")).status_code == 404
        assert (await client.get("/types", headers=link(address))).status_code == 504
        await client.get("/types", headers=link(REMOTE))
        path = "/jsonldContexts/" + REMOTE.replace("/", "%2F")
        assert (await client.delete(path)).status_code == 204
        assert (await client.get(path, params={"details": "true"})).status_code == 404

    told(tmp_path, story)


def test_reloading(tmp_path: Path) -> None:
    """A reload takes the newest document; one that fails is 504 and leaves the copy as it was (clause 5.13.5.4)."""
    web = Web()

    async def story(client: Client, hub: Hub, contexts: Contexts) -> None:
        assert (await contexts.obtain(REMOTE)).inward("dust") == "https://vocab.example/dust"
        path = "/jsonldContexts/" + REMOTE.replace("/", "%2F")
        web.document = {"@context": {"dust": "https://vocab.example/dust2"}}
        assert (await client.delete(path, params={"reload": "true"})).status_code == 204
        assert (await contexts.obtain(REMOTE)).inward("dust") == "https://vocab.example/dust2"
        for broken in ("down", {"no": "context"}, {"@context": 7}):
            web.up, web.document = broken != "down", broken
            answer = await client.delete(path, params={"reload": "true"})
            assert (answer.status_code, answer.json()["type"]) == (504, PROBLEM + "LdContextNotAvailable")
            assert (await contexts.obtain(REMOTE)).inward("dust") == "https://vocab.example/dust2"

    told(tmp_path, story, web)


@pytest.mark.parametrize(
    ("method", "path", "status", "problem"),
    [
        ("GET", "/jsonldContexts/none", 404, "ResourceNotFound"),
        ("GET", "/jsonldContexts/none?details=true", 404, "ResourceNotFound"),
        ("GET", "/jsonldContexts?details=maybe", 400, "BadRequestData"),
        ("GET", "/jsonldContexts?kind=other", 400, "BadRequestData"),
        ("DELETE", "/jsonldContexts/none", 404, "ResourceNotFound"),
        ("DELETE", "/jsonldContexts/none?reload=maybe", 400, "BadRequestData"),
        ("DELETE", f"/jsonldContexts/{CORE_URL.replace('/', '%2F')}", 400, "BadRequestData"),
    ],
)
def test_wrong_questions(tmp_path: Path, method: str, path: str, status: int, problem: str) -> None:
    """What is not there, or not possible, is a clear problem of the clause's type."""

    async def story(client: Client, hub: Hub, contexts: Contexts) -> None:
        answer = await client.request(method, path)
        assert (answer.status_code, answer.json()["type"]) == (status, PROBLEM + problem)
        assert answer.json()["detail"]

    told(tmp_path, story)


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"context": {}},
        {"@context": 7},
        {"@context": True},
        {"@context": [{"a": "urn:a"}, 7]},
        {"@context": "no address"},
        {"@context": {"a": {"@id": "urn:a", "@context": {"b": "urn:b"}}}},
        {"@context": {"@import": REMOTE}},
    ],
)
def test_what_is_no_context_is_not_hosted(tmp_path: Path, document: Any) -> None:
    """A body without a context, or with one that is none, is refused and nothing is kept (clauses 5.5.2 and 5.5.4)."""

    async def story(client: Client, hub: Hub, contexts: Contexts) -> None:
        answer = await client.post("/jsonldContexts", json=document)
        there = isinstance(document, dict) and "@context" in document
        assert answer.status_code == 400
        assert answer.json()["type"] == PROBLEM + ("BadRequestData" if there else "InvalidRequest")
        assert (await client.get("/jsonldContexts", params={"kind": "Hosted"})).json() == []

    told(tmp_path, story)


def test_hosted_contexts_belong_to_a_tenant(tmp_path: Path) -> None:
    """What a client of one tenant added is neither listed nor served nor deleted for another (clause 4.14)."""

    async def story(client: Client, hub: Hub, contexts: Contexts) -> None:
        name = await added(client, tenant="hue")
        for tenant, status in (("danang", 404), ("hue", 200)):
            headers = {"NGSILD-Tenant": tenant}
            assert (await client.get(f"/jsonldContexts/{name}", headers=headers)).status_code == status
            assert (name in (await client.get("/jsonldContexts", headers=headers)).text) == (status == 200)
        assert (await client.delete(f"/jsonldContexts/{name}", headers={"NGSILD-Tenant": "danang"})).status_code == 404
        assert (await client.delete(f"/jsonldContexts/{name}", headers={"NGSILD-Tenant": "hue"})).status_code == 204

    told(tmp_path, story)


def test_contexts_survive_a_restart_without_a_network(tmp_path: Path) -> None:
    """After a restart hosted contexts are there, and copies of fetched ones serve although nothing can be fetched."""
    kept: dict[str, str] = {}
    web = Web()

    async def before(client: Client, hub: Hub, contexts: Contexts) -> None:
        kept["hosted"] = f"http://city{BASE}/jsonldContexts/{await added(client)}"
        await contexts.obtain(REMOTE)

    async def after(client: Client, hub: Hub, contexts: Contexts) -> None:
        assert contexts.resolve(REMOTE).inward("dust") == "https://vocab.example/dust"
        for address in (kept["hosted"], REMOTE):
            assert (await contexts.obtain(address)).inward("dust") == "https://vocab.example/dust"
        with pytest.raises(ContextUnavailable):
            await contexts.obtain("http://vocab.example/never-seen.jsonld")

    told(tmp_path, before, web)
    web.up = False
    told(tmp_path, after, web)


def test_an_inline_context_has_an_address_in_the_answer(tmp_path: Path) -> None:
    """JSON that answers a question with an inline context names an address at which it can be read (clause 6.3.6)."""

    async def story(client: Client, hub: Hub, contexts: Contexts) -> None:
        own = {"dust": "https://vocab.example/dust"}
        body = {"id": "urn:s:1", "type": "Station", "dust": 5, "@context": own}
        headers = {"Content-Type": "application/ld+json"}
        assert (await client.post("/entities", json=body, headers=headers)).status_code == 201
        question = {"type": "Query", "entities": [{"type": "Station"}], "@context": own}
        answer = await client.post("/entityOperations/query", json=question, headers=headers)
        assert answer.json()[0]["dust"]["value"] == 5
        address = answer.headers["link"].partition(">")[0].removeprefix("<")
        assert (await client.get(address)).json() == {"@context": own}
        assert (await client.get("/entities/urn:s:1", headers=link(address))).json()["dust"]["value"] == 5
        assert (await client.get("/jsonldContexts", params={"kind": "ImplicitlyCreated"})).json() == []

    told(tmp_path, story)


@pytest.mark.parametrize("path", ["/entities", "/entityOperations/upsert", "/temporal/entities"])
def test_no_generic_write_makes_a_context(tmp_path: Path, path: str) -> None:
    """A context is added by its own resource alone: an entity of its type is refused with the verb to use instead."""

    async def story(client: Client, hub: Hub, contexts: Contexts) -> None:
        body: Any = {"id": f"{LOCAL}1", "type": records.CONTEXT, "document": {"type": "JsonProperty", "json": OWN}}
        answer = await client.post(path, json=[body] if "Operations" in path else body)
        assert answer.status_code == 403
        assert "/ngsi-ld/v1/jsonldContexts" in answer.text
        assert (await client.get("/jsonldContexts", params={"kind": "Hosted"})).json() == []

    told(tmp_path, story)
