"""Tests of clause 6.3: what every resource of the API does alike, for each route that there is, today and later."""

import asyncio
import re
from typing import Any

import pytest

from dothi.hub.api.app import ROUTES
from tests.hub.api.conftest import Client

ANY_ID = "urn:ngsi-ld:Thing:none"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
WITH_BODY = ("POST", "PUT", "PATCH")
RESOURCES = sorted(ROUTES)
WRITES = [(route, method) for route in RESOURCES for method in WITH_BODY if method in ROUTES[route]]
READS = [route for route in RESOURCES if "GET" in ROUTES[route]]


def path_of(route: str) -> str:
    """A path of this route; nothing is at its end."""
    return "/" + route.replace("{}", ANY_ID)


@pytest.mark.parametrize("route", RESOURCES)
def test_wrong_methods(tell: Any, route: str) -> None:
    """405 with what is allowed for every method that a resource lacks (clause 6.3.2)."""

    async def story(client: Client) -> None:
        for method in METHODS:
            if method not in ROUTES[route]:
                refused = await client.request(method, path_of(route), json={})
                assert refused.status_code == 405, method
                assert set(ROUTES[route]) <= set(refused.headers["Allow"].split(", "))
                assert refused.json()["status"] == 405

    tell(story)


@pytest.mark.parametrize(("route", "method"), WRITES)
def test_preconditions_of_writes(tell: Any, route: str, method: str) -> None:
    """415 for other media and 411 for a length unsaid, both without a body (clause 6.3.4); 400 for no JSON (5.5.4)."""

    async def pieces() -> Any:
        yield b"{}"

    async def story(client: Client) -> None:
        json_type = {"Content-Type": "application/json"}
        foreign = await client.request(method, path_of(route), content=b"<a/>", headers={"Content-Type": "text/xml"})
        assert (foreign.status_code, foreign.content) == (415, b"")
        unsaid = await client.request(method, path_of(route), content=pieces(), headers=json_type)
        assert (unsaid.status_code, unsaid.content) == (411, b"")
        broken = await client.request(method, path_of(route), content=b'{"a":', headers=json_type)
        assert (broken.status_code, broken.json()["type"].rsplit("/")[-1]) == (400, "InvalidRequest")

    tell(story)


@pytest.mark.parametrize("route", READS)
def test_preconditions_of_reads(tell: Any, route: str) -> None:
    """406 with the list of what there is where nothing of the Accept header can be given (clause 6.3.4)."""

    async def story(client: Client) -> None:
        picture = await client.get(path_of(route), headers={"Accept": "image/png"})
        assert picture.status_code == 406
        assert "application/json" in picture.json()["available"]
        if not route.startswith(("entities", "entityOperations")):
            shapes = await client.get(path_of(route), headers={"Accept": "application/geo+json"})
            assert shapes.status_code == 406

    tell(story)


@pytest.mark.parametrize(("route", "method"), [(route, method) for route in RESOURCES for method in ROUTES[route]])
def test_parameters_that_are_none(tell: Any, route: str, method: str) -> None:
    """InvalidRequest for a parameter that the operation does not know, and for an unknown option (clause 6.3.20)."""

    async def story(client: Client) -> None:
        body = {"json": {}} if method in WITH_BODY else {}
        for query in ("invalidParameter=1", "options=invalidOption"):
            refused = await client.request(method, f"{path_of(route)}?{query}", **body)
            assert refused.status_code == 400, query
            assert refused.json()["type"].endswith("/InvalidRequest"), query

    tell(story)


def test_who_the_hub_is(tell: Any) -> None:
    """Each tenant has an identity with an alias of its own that stays, uptime and time (clauses 5.15.1, 5.2.40)."""

    async def story(client: Client) -> None:
        first, again, other = await asyncio.gather(
            client.get("/info/sourceIdentity"),
            client.get("/info/sourceIdentity"),
            client.get("/info/sourceIdentity", headers={"NGSILD-Tenant": "north"}),
        )
        said = first.json()
        assert said["type"] == "ContextSourceIdentity"
        assert re.fullmatch(r"[A-Za-z0-9~._-]+", said["contextSourceAlias"])  # A token, as Via needs it (RFC 9110).
        assert said["id"] == f"urn:ngsi-ld:ContextSourceIdentity:{said['contextSourceAlias']}"
        assert re.fullmatch(r"PT\d+S", said["contextSourceUptime"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", said["contextSourceTimeAt"])
        assert again.json()["contextSourceAlias"] == said["contextSourceAlias"]
        assert other.json()["contextSourceAlias"] == said["contextSourceAlias"] + "~north"
        assert other.headers["NGSILD-Tenant"] == "north"

    tell(story)


def test_identity_as_json_ld(tell: Any) -> None:
    """The identity comes with its @context, as every document does (clause 6.3.6)."""

    async def story(client: Client) -> None:
        told = await client.get("/info/sourceIdentity", headers={"Accept": "application/ld+json"})
        assert told.headers["Content-Type"] == "application/ld+json"
        assert "@context" in told.json()

    tell(story)
