"""Sources over HTTP: real requests with a real key, bodies good and bad, and a server that files are sent to."""

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from argon2 import PasswordHasher
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from httpx import ASGITransport, AsyncClient, Response

from dothi.accounts.model import SessionRules
from dothi.accounts.people import SETUP
from dothi.accounts.signin import create_key
from dothi.accounts.store import Accounts
from dothi.ground.errors import DothiError, Forbidden, Invalid, Unauthenticated, Unavailable
from dothi.ground.problem import problem
from dothi.hub.model import Actor
from dothi.sources import api
from dothi.sources.connectors.http_push.client import push_file
from dothi.sources.model import SYSTEM
from tests.sources.conftest import City

ROWS = [{"station": "kl", "time": "2026-11-22T07:00:00+07:00", "pm25": 35}, {"station": "kl", "time": "x", "pm25": 1}]


async def show(request: Request, error: Exception) -> JSONResponse:
    """An error as its problem document."""
    status, document = problem(error)
    return JSONResponse(document, status)


class Served:
    """The router over a city, with keys: `push` may send to source station, `steward` acts as a module."""

    def __init__(self, city: City, accounts: Accounts) -> None:
        """With a source that takes JSON."""
        self.city = city
        self.app = FastAPI(exception_handlers={DothiError: show})
        self.app.include_router(api.router, prefix="/api")
        self.app.state.parts = SimpleNamespace(accounts=accounts, hub=city.hub, sources=city.sources)
        city.source("station", mapping="air-station")
        scopes = frozenset({"source:station", "source:readings"})
        self.key = city.run(create_key(accounts, SETUP, "station", scopes, frozenset()))[1]

    def ask(self, method: str, path: str, who: Actor | None = None, **more: Any) -> Response:
        """One request, with the key or as `who`."""
        self.app.dependency_overrides = {} if who is None else {api.Who.__metadata__[0].dependency: lambda: who}

        async def send() -> Response:
            async with AsyncClient(transport=ASGITransport(self.app), base_url="http://city.vn") as client:
                client.headers["Authorization"] = f"Bearer {self.key}"
                return await client.request(method, f"/api/sources{path}", **more)

        answer: Response = self.city.run(send())
        return answer


@pytest.fixture
def served(city: City) -> Iterator[Served]:
    """A city behind HTTP."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    accounts = Accounts.open(city.folder, lambda code: frozenset({code}), SessionRules(secure=False), cheap)
    yield Served(city, accounts)
    accounts.close()


def test_rows_are_pushed_with_a_key(served: Served) -> None:
    """JSON rows by the source's mapping: the answer counts what went in and what waits, with the reasons."""
    answer = served.ask("POST", "/station/push", json=ROWS)
    assert answer.status_code == 200
    assert answer.json().items() >= {"rows": 2, "accepted": 1, "quarantined": 1}.items()
    assert answer.json()["reasons"] == {"not-a-time:observedAt": 1}
    assert served.city.get("urn:ngsi-ld:AirQualityObserved:kl").observed_at("pm25") == "2026-11-22T00:00:00Z"
    again = served.ask("POST", "/station/push", json=ROWS)
    assert again.json()["repeated"]


def test_a_sender_names_its_own_repeat(served: Served) -> None:
    """Two bodies under one Idempotency-Key are one push."""
    for value in (35, 36):
        body = [{**ROWS[0], "pm25": value}]
        answer = served.ask("POST", "/station/push", json=body, headers={"Idempotency-Key": "batch-7"})
    assert answer.json()["repeated"]
    assert served.city.get("urn:ngsi-ld:AirQualityObserved:kl").value("pm25") == 35


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff\xfe\x00", "application/json", 400),
        (b"[" * 200_000, "application/json", 400),
        (b"", "application/json", 400),
        (b"station,time\n", "text/csv", 400),
        (b"x", "image/png", 400),
        (b"null", "application/json", 200),
        (b'[1, "a", null, [], {"station": {"a": 1}}]', "application/json", 200),
        (b'{"station": "a", "time": 1e400, "pm25": 5}', "application/json", 400),
        (b'{"station": "a", "time": 5, "pm25": 1e308}', "application/json", 200),
        (b'{"station": "a", "time": 5, "pm25": 123456789012345678901234567890}', "application/json", 200),
        (b'{"station": "a\\ud800", "pm25": 5}', "application/json", 400),
        (b'{"station": "\\u0000", "time": "9999-99-99", "pm25": [[[]]]}', "application/json", 200),
    ],
)
def test_bad_bodies_are_refused_or_quarantined(served: Served, body: bytes, kind: str, status: int) -> None:
    """What is no JSON is a clear 400; items that are no readings wait in quarantine; nothing is a 500."""
    answer = served.ask("POST", "/station/push", content=body, headers={"Content-Type": kind})
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["rows"] == answer.json()["quarantined"] > 0
        assert len(served.city.rows()) == answer.json()["rows"]
    else:
        assert answer.json()["detail"]


def test_doors(served: Served) -> None:
    """Without a key 401 or 403, with a key of another source 403; too large a body is 413."""
    assert served.ask("POST", "/other/push", json=ROWS).status_code == 403
    assert served.ask("POST", "/station/push", json=ROWS, headers={"Authorization": "Bearer no"}).status_code == 401
    assert served.ask("POST", "/station/push", Actor("anonymous"), json=ROWS).status_code == 403
    assert served.ask("GET", "/rows").status_code == 403
    large = b" " * (api.PUSH_BYTES + 1)
    assert served.ask("POST", "/station/push", content=large).status_code == 413


def test_a_steward_sees_corrects_and_defines(served: Served) -> None:
    """The list, a correction, a dismissal, a new source with a secret that is never answered."""
    steward = Actor("user:lan", frozenset({"data_steward"}))
    served.ask("POST", "/station/push", json=[*ROWS, {"station": "kl"}])
    listed = served.ask("GET", "/rows?source=station&lang=en", steward).json()
    assert listed["total"] == 2
    first = listed["rows"][0]
    assert first["text"] == "observedAt: “x” is not a time"
    fixed = {"time": "2026-11-22T08:00:00+07:00", "pm25": 20}
    bad = served.ask("POST", f"/rows/{first['id']}/correct", steward, json={"row": {"time": "y"}})
    assert (bad.status_code, bad.json()["reason"]) == (400, "not-a-time:observedAt")
    for cells in (b'{"row": {"pm25": "\\ud800"}}', b'{"row": {"pm25": 123456789012345678901234567890}}'):
        kind = {"Content-Type": "application/json"}
        refused = served.ask("POST", f"/rows/{first['id']}/correct", steward, content=cells, headers=kind)
        assert refused.status_code == 400
    good = served.ask("POST", f"/rows/{first['id']}/correct", steward, json={"row": fixed})
    assert (good.status_code, good.json()["state"]) == (200, "replayed")
    assert served.ask("POST", "/rows/replay", steward, json={"source": "station"}).json()["stillHeld"] == 1
    assert served.ask("POST", "/rows/replay", steward, json={}).status_code == 400
    assert served.ask("POST", "/rows/dismiss", steward, json={"source": "station", "why": "hỏng"}).json() == {
        "dismissed": 1
    }
    one = served.ask("GET", "/station", steward).json()
    assert (one["accepted"], one["quarantined"], one["state"], len(one["days"])) == (2, 2, "live", 1)
    new = {"id": "m", "name": "M", "connector": "mqtt", "mapping": "air-station", "promisedEvery": "PT5M"}
    full = new | {"settings": {"host": "h", "topic": "t"}, "secrets": {"password": "p4ss"}}
    assert served.ask("POST", "", steward, json=full).status_code == 403  # It opens a connection of the machine.
    chief = Actor("user:chief", frozenset({"administrator"}))
    made = served.ask("POST", "", chief, json=full)
    assert made.status_code == 201
    assert "p4ss" not in made.text + served.ask("GET", "", steward).text
    for wrong in (
        {"connector": "no"},
        {"mapping": "no"},
        {"promisedEvery": "soon"},
        {"settings": {"host": "h"}},
        {"id": "Ồ"},
        {"id": "rows"},
    ):
        assert served.ask("POST", "", chief, json=full | wrong).status_code in (400, 404)
    assert {one["name"] for one in served.ask("GET", "/connectors", steward).json()} >= {"files", "mqtt", "http_push"}
    assert any(one["name"] == "readings" for one in served.ask("GET", "/mappings", steward).json())


def test_a_file_is_sent_to_a_running_server(served: Served, free_port: int) -> None:
    """`push_file` sends a file beside a running server and gets the report; its errors are those of the server."""
    path = served.city.file("f.csv", "station,time,pm25\nA,2026-01-01T00:00:00Z,10\nA,x,11\n")
    config = uvicorn.Config(served.app, port=free_port, log_level="error", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        address = f"http://127.0.0.1:{free_port}"
        wait_for(free_port)
        checked = push_file(address, served.key, path, "readings", dry_run=True)
        assert (checked.accepted, checked.dry_run) == (1, True)
        assert "AirQualityObserved" not in served.city.hub.types(SYSTEM)
        report = push_file(address, served.key, path, "readings")
        assert (report.rows, report.accepted, report.quarantined) == (2, 1, 1)
        assert push_file(address, served.key, path, "readings").repeated
        for key, mapping, kind in ((served.key, "beijing-air", Forbidden), ("no", "readings", Unauthenticated)):
            with pytest.raises(kind):
                push_file(address, key, path, mapping)
        for name in ("..", "a/../b", "ệ" * 300, "\0"):
            answer = served.ask("POST", "/readings/file", params={"mapping": "readings", "name": name}, content=b"x\n")
            assert answer.status_code in (400, 422)
        with pytest.raises(Invalid, match="knows no mapping"):
            push_file(address, served.key, path, "mine", "readings")
    finally:
        server.should_exit = True
        thread.join(10)
    with pytest.raises(Unavailable):
        push_file(address, served.key, path, "readings", timeout_s=2)


def wait_for(port: int) -> None:
    """Wait until somebody listens."""
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        asyncio.run(asyncio.sleep(0.02))
    raise AssertionError("the server does not start")


def test_the_description_is_openapi(served: Served) -> None:
    """Every route is described, and its operations have words."""
    said = served.app.openapi()
    assert json.dumps(said)
    for path in said["paths"].values():
        assert all(operation["description"] for operation in path.values())
