"""Accounts over HTTP: real requests against the router, with cookies as a browser keeps them."""

import asyncio
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from httpx import ASGITransport, AsyncClient, Response

from dothi.accounts import api, people
from dothi.accounts.model import NewUser
from dothi.accounts.policy import RolePolicy
from dothi.accounts.store import Accounts
from dothi.ground.errors import DothiError
from dothi.ground.problem import problem
from dothi.hub.core import Hub
from dothi.hub.model import Commit, create, prop, system
from tests.accounts.conftest import within

PASSWORD = "bốn con ngựa vằn"


async def show(request: Request, error: Exception) -> JSONResponse:
    status, document = problem(error)
    return JSONResponse(document, status)


@pytest.fixture
def app(accounts: Accounts, tmp_path: Any) -> Iterator[FastAPI]:
    """A city with the router of accounts, an administrator and an official."""
    hub = Hub(tmp_path / "hub", RolePolicy(within))

    async def fill() -> None:
        for login, role in (("chief", "administrator"), ("lan", "official")):
            new = NewUser(login, login.title(), frozenset({role}), password=PASSWORD)
            await people.create_user(accounts, people.SETUP, new)
        air = create("urn:x:1", "AirQualityObserved", pm25=prop(1))
        await hub.commit(Commit(system("sources"), (air,), reason="file of May"))

    asyncio.run(fill())
    made = FastAPI(exception_handlers={DothiError: show})
    made.include_router(api.router, prefix="/api")
    made.state.parts = SimpleNamespace(accounts=accounts, hub=hub)
    yield made
    asyncio.run(hub.close())


class Browser:
    """A browser on this city's pages: keeps cookies, and sends `headers` with each request."""

    def __init__(self, app: FastAPI) -> None:
        """Nobody has signed in yet."""
        self._client = AsyncClient(transport=ASGITransport(app), base_url="http://city.vn")
        self.headers, self.cookies = self._client.headers, self._client.cookies

    def request(self, method: str, path: str, **options: Any) -> Response:
        """The answer to one request."""
        return asyncio.run(self._client.request(method, path, **options))

    def get(self, path: str, **options: Any) -> Response:
        """The answer to a GET."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> Response:
        """The answer to a POST."""
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> Response:
        """The answer to a PUT."""
        return self.request("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> Response:
        """The answer to a PATCH."""
        return self.request("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Response:
        """The answer to a DELETE."""
        return self.request("DELETE", path, **options)


def browser(app: FastAPI, login: str = "") -> Browser:
    """A browser, signed in when `login` is given; it then sends the CSRF value with each request."""
    client = Browser(app)
    if login:
        answer = client.post("/api/session", json={"login": login, "password": PASSWORD})
        assert answer.status_code == 200
        client.headers["x-csrf-token"] = answer.json()["csrf"]
    return client


def test_session(app: FastAPI) -> None:
    """Signing in sets a cookie that scripts do not see and other sites do not send; signing out takes it away."""
    client = browser(app)
    assert client.get("/api/me").json() == {"id": "anonymous", "scopes": []}
    answer = client.post("/api/session", json={"login": "lan", "password": PASSWORD})
    assert answer.json()["user"]["roles"] == ["official"]
    for part in ("dothi_session=", "HttpOnly", "SameSite=lax", "Path=/"):
        assert part in answer.headers["set-cookie"]
    me = client.get("/api/me").json()
    assert me["user"]["login"] == "lan"
    assert me["csrf"] == answer.json()["csrf"]
    assert client.delete("/api/session", headers={"x-csrf-token": me["csrf"]}).status_code == 204
    assert client.get("/api/me").json()["id"] == "anonymous"


def test_refusals(app: FastAPI) -> None:
    """A wrong password is 401, too many of them 429 with the seconds to wait, a body of another form 422."""
    client = browser(app)
    wrong = {"login": "lan", "password": "wrong"}
    assert [client.post("/api/session", json=wrong).status_code for _ in range(6)] == [401] * 5 + [429]
    assert client.post("/api/session", json=wrong).json()["retry_after"] in range(25, 31)
    for body in (
        {"login": "lan"},
        {"login": 1, "password": []},
        [],
        {**wrong, "more": 1},
        {**wrong, "login": "x" * 301},
    ):
        assert client.post("/api/session", json=body).status_code == 422
    assert client.post("/api/session", data=wrong).status_code == 422
    client.cookies.set("dothi_session", "nonsense")
    assert client.get("/api/me").status_code == 401


def test_sign_in_from_another_site(app: FastAPI) -> None:
    """Another site cannot sign a browser in under a name of its own."""
    answer = browser(app).post(
        "/api/session", json={"login": "lan", "password": PASSWORD}, headers={"origin": "http://evil.vn"}
    )
    assert answer.status_code == 403


WRITES = [
    ("DELETE", "/api/session"),
    ("POST", "/api/me/password"),
    ("POST", "/api/users"),
    ("PATCH", "/api/users/x"),
    ("POST", "/api/users/x/password-link"),
    ("POST", "/api/organisations"),
    ("PUT", "/api/organisations/x"),
    ("POST", "/api/keys"),
    ("DELETE", "/api/keys/x"),
]


def test_all_writes_are_tried() -> None:
    """The list of writing routes in this test is whole (two more need no session: a one-time link is their proof)."""
    routes = {
        (method, re.sub(r"{\w+}", "x", route.path))
        for route in api.guarded.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    by_link = {("POST", "/first-administrator"), ("POST", "/password")}
    named = {(method, path.removeprefix("/api")) for method, path in WRITES}
    assert {route for route in routes if route[0] != "GET"} - by_link == named


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_csrf_on_every_write(app: FastAPI, method: str, path: str) -> None:
    """No write goes through without the session's CSRF value, whoever is signed in."""
    client = browser(app, "chief")
    for value in ("", "wrong"):
        client.headers["x-csrf-token"] = value
        answer = client.request(method, path, json={})
        assert answer.status_code == 403
        assert "form" in answer.json()["detail"]


READS = ["/api/users", "/api/keys", "/api/organisations", "/api/audit", "/api/audit/register"]


@pytest.mark.parametrize("path", READS)
def test_lists_are_closed(app: FastAPI, path: str) -> None:
    """Lists of people, keys and the audit open for the administrator only."""
    assert browser(app, "chief").get(path).status_code == 200
    assert browser(app, "lan").get(path).status_code == 403
    assert browser(app).get(path).status_code == 403


def test_users(app: FastAPI) -> None:
    """An administrator invites a person by a link, who sets a password and signs in; then is disabled."""
    chief, guest = browser(app, "chief"), browser(app)
    body = {"login": "binh", "displayName": "Bình", "roles": ["planner"], "areas": ["46"]}
    made = chief.post("/api/users", json=body)
    assert made.status_code == 201
    link = chief.post(f"/api/users/{made.json()['id']}/password-link").json()["token"]
    assert guest.post("/api/password", json={"token": link, "password": "1234567890"}).status_code == 400
    assert guest.post("/api/password", json={"token": link, "password": PASSWORD}).status_code == 204
    binh = browser(app, "binh")
    assert binh.get("/api/me").json()["user"]["areas"] == ["46"]
    path = f"/api/users/{made.json()['id']}"
    changed = chief.patch(path, json={"disabled": True, "reason": "left"}).json()
    assert (changed["disabled"], changed["areas"], changed["displayName"]) == (True, ["46"], "Bình")
    assert changed["createdAt"] == made.json()["createdAt"]
    assert binh.get("/api/me").status_code == 401
    assert chief.post("/api/users", json=body).status_code == 409
    assert chief.patch("/api/users/none", json={}).status_code == 404
    assert {user["login"] for user in chief.get("/api/users").json()} == {"chief", "lan", "binh"}


def test_an_official_administers_nobody(app: FastAPI) -> None:
    """Every administrative write by an official is 403."""
    lan = browser(app, "lan")
    user = {"login": "eve", "displayName": "Eve", "roles": ["administrator"]}
    assert lan.post("/api/users", json=user).status_code == 403
    assert lan.patch("/api/users/x", json={"roles": ["administrator"]}).status_code == 403
    assert lan.post("/api/users/x/password-link").status_code == 403
    assert lan.post("/api/keys", json={"name": "x", "scopes": ["write:*"]}).status_code == 403
    assert lan.delete("/api/keys/x").status_code == 403
    assert lan.post("/api/organisations", json={"id": "o", "name": "O", "unit": "46"}).status_code == 403


def test_keys(app: FastAPI) -> None:
    """A key is shown once, signs its requests without a cookie or CSRF value, and ends when it is revoked."""
    chief, system_of_others = browser(app, "chief"), browser(app)
    made = chief.post("/api/keys", json={"name": "Trạm đo", "scopes": ["source:air"]}).json()
    listed = chief.get("/api/keys").json()
    assert [key["id"] for key in listed] == [made["id"]]
    assert "key" not in listed[0]
    system_of_others.headers["authorization"] = f"Bearer {made['key']}"
    assert system_of_others.get("/api/me").json() == {"id": f"key:{made['id']}", "scopes": ["source:air"]}
    assert system_of_others.post("/api/me/password", json={"old": "x", "new": "y"}).status_code == 401
    assert chief.delete(f"/api/keys/{made['id']}").status_code == 204
    assert system_of_others.get("/api/me").status_code == 401
    assert chief.post("/api/keys", json={"name": "x", "scopes": ["everything"]}).status_code == 400


def test_password_change(app: FastAPI) -> None:
    """After a change of password the old session is over and the new password opens one."""
    lan = browser(app, "lan")
    body = {"old": PASSWORD, "new": "một mật khẩu khác hẳn"}
    assert lan.post("/api/me/password", json={**body, "old": "wrong"}).status_code == 401
    assert lan.post("/api/me/password", json=body).status_code == 204
    assert lan.get("/api/me").status_code == 401
    assert browser(app).post("/api/session", json={"login": "lan", "password": body["new"]}).status_code == 200


def test_audit(app: FastAPI) -> None:
    """The audit answers who, when, why and what; numbers beyond any clock are refused, not a fault."""
    chief = browser(app, "chief")
    (line,) = chief.get("/api/audit", params={"entity": "urn:x:1"}).json()["lines"]
    assert (line["actor"], line["reason"], line["entity"]) == ("system:sources", "file of May", "urn:x:1")
    assert chief.get("/api/audit/register").json()[0]["kind"] == "signed_in"
    for path in ("/api/audit", "/api/audit/register"):
        for bad in ({"start": 2**70}, {"before": -1}, {"end": "soon"}):
            assert chief.get(path, params=bad).status_code == 422


def test_organisations_and_roles(app: FastAPI) -> None:
    """Organisations are made and listed; the roles that a user can hold are known to all."""
    chief = browser(app, "chief")
    body = {"id": "46.so-xd", "name": "Sở Xây dựng", "unit": "46", "kind": "construction"}
    body |= {"nameEn": "Department of Construction", "validFrom": "2025-07-01", "validTo": "", "sample": True}
    assert chief.post("/api/organisations", json=body).json() == body
    assert chief.post("/api/organisations", json=body).status_code == 409
    assert chief.get("/api/organisations").json() == [body]
    ended = body | {"validTo": "2026-12-31"}
    assert chief.put("/api/organisations/46.so-xd", json=ended).json() == ended
    assert chief.put("/api/organisations/46.other", json=ended).status_code == 400
    for bad in ({"id": "so-xd"}, {"id": "01.so-xd"}, {"validTo": "2020-01-01"}, {"validTo": "tomorrow"}, {"name": " "}):
        assert chief.put(f"/api/organisations/{bad.get('id', '46.so-xd')}", json=body | bad).status_code == 400, bad
    assert {role["id"] for role in browser(app).get("/api/roles").json()} >= {"citizen", "administrator"}


def test_first_administrator(app: FastAPI) -> None:
    """A made-up link makes no administrator."""
    body = {"token": "x", "login": "eve", "displayName": "Eve", "password": PASSWORD}
    assert browser(app).post("/api/first-administrator", json=body).status_code == 400


def test_described(app: FastAPI) -> None:
    """Every route is in the OpenAPI description with a sentence."""
    paths = app.openapi()["paths"]
    assert all(operation["description"] for path in paths.values() for operation in path.values())
    assert "/api/session" in paths
