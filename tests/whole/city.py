"""A whole city served as `dothi serve` serves it, with a session for each role and a key that may write everything."""

import asyncio
import http.client
import socket
import threading
import time
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import httpx
import uvicorn

from dothi.accounts.people import make_sample_users
from dothi.accounts.signin import create_key
from dothi.app import close_city, make_app, open_city
from dothi.citizens.intake.filing import Filing, file_report
from dothi.citizens.needs import Allowance
from dothi.evidence.definitions import keep_indicator, sample_indicators
from dothi.front import Connection
from dothi.ground.ids import urn
from dothi.hub.model import Attribute, Commit, Entity, geo, prop, put, rel, system, words
from dothi.hub.vocabulary import NOUNS
from dothi.settings import Settings
from dothi.web.parts import Parts

T = TypeVar("T")
PROVINCE, COMMUNE = "46", "19789"
PLACE = {"type": "Point", "coordinates": [107.585, 16.463]}
OPERATOR = system("tests")
SQUARE = [[107.58, 16.46], [107.59, 16.46], [107.59, 16.47], [107.58, 16.47], [107.58, 16.46]]
LONG_AGO = "2026-01-05T01:00:00Z"
# What the modules that follow the feed read of their nouns.
WHOLE_NOUNS: dict[str, dict[str, Attribute]] = {
    "Alarm": {
        "rule": prop("pm25-high"),
        "subject": rel("urn:ngsi-ld:Bench:whole"),
        "name": words(vi="Cảnh báo thử", en="An alarm for tests"),
        "priority": prop("low"),
        "active": prop(True),
        "acknowledged": prop(False),
        "open": prop(True),
        "since": prop(LONG_AGO),
        "due": prop(LONG_AGO),
        "assignee": prop(COMMUNE),
    },
    "DataSource": {
        "name": prop("Nguồn thử"),
        "connector": prop("http_push"),
        "promisedEvery": prop(""),
        "state": prop("never"),
    },
    "IndicatorValue": {"live": prop(False)},
    "AdministrativeUnit": {"code": prop(COMMUNE), "location": geo({"type": "Polygon", "coordinates": [SQUARE]})},
}
PLENTY = Allowance(1_000_000, 60)  # All tests come from one address.


class Watched(Connection):
    """The server's own connection, with less patience, so that a test can see its end."""

    look_every, head_patience, body_patience = 0.2, 0.8, 0.8


@dataclass
class Whole:
    """A served city. `clients` are signed in (cookie and CSRF token set), by role; "anonymous", "key" too."""

    address: str
    folder: Path
    parts: Parts
    loop: asyncio.AbstractEventLoop
    clients: dict[str, httpx.Client] = field(default_factory=dict)
    lines: dict[str, http.client.HTTPConnection] = field(default_factory=dict)

    @property
    def hub_address(self) -> str:
        """Of the NGSI-LD API."""
        return f"{self.address}/ngsi-ld/v1"

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.address.rpartition(":")[2])

    def ask(
        self, role: str, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> tuple[int, bytes]:
        """Status and body of one request over the role's own connection: thousands of them take seconds."""
        client = self.clients[role]
        names = ("Authorization", "Origin", "X-CSRF-Token")
        own = {name: client.headers[name] for name in names if name in client.headers}
        cookies = "; ".join(f"{one.name}={one.value}" for one in client.cookies.jar)
        said = {**own, **({"Cookie": cookies} if cookies else {}), **headers}
        line = self.lines.setdefault(role, http.client.HTTPConnection("127.0.0.1", self.port, timeout=60))
        try:
            line.request(method, path, body, said)
            answer = line.getresponse()
        except (ConnectionError, http.client.HTTPException):  # The server had closed a line that was silent.
            line.close()
            line.request(method, path, body, said)
            answer = line.getresponse()
        return answer.status, answer.read()

    def run(self, deed: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine run in the server's loop."""
        return asyncio.run_coroutine_threadsafe(deed, self.loop).result(60)

    def get(self, entity_id: str) -> Entity:
        """An entity as the system sees it."""
        return self.parts.hub.get(OPERATOR, entity_id)

    def owned(self, kind: str, name: str) -> str:
        """Make an entity of a guarded type as its owner does; returns its id."""
        if kind == "CitizenReport":
            filing = Filing("street_light", "Đèn tắt ba đêm nay.", *PLACE["coordinates"], COMMUNE, key=f"key-{name}")
            return urn(kind, self.run(file_report(self.parts.citizens, filing)).number)
        if kind == "Indicator":
            definition = replace(sample_indicators()[0], id=urn(kind, name))
            self.run(keep_indicator(self.parts.evidence, OPERATOR, definition))
            return definition.id
        entity_id, owner = urn(kind, name), NOUNS[kind].owner
        attrs = {"unit": prop(COMMUNE), "location": geo(PLACE), **WHOLE_NOUNS.get(kind, {})}
        change = put(entity_id, kind, note=prop("untouched"), **attrs)
        self.run(self.parts.hub.commit(Commit(system(owner or ""), (change,), "made by its owner", owner=owner)))
        return entity_id


@contextmanager
def whole_city(folder: Path) -> Iterator[Whole]:
    """Serve a new city on a free port until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    settings = Settings(data=folder)

    def run(deed: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(deed, loop).result(60)

    opened = run(open_city(settings, "Thành phố Huế", demo=True))
    parts = replace(opened, province=PROVINCE, citizens=replace(opened.citizens, filings=PLENTY, guesses=PLENTY))
    try:
        with serving(make_app(parts, settings), loop) as address:
            city = Whole(address, folder, parts, loop)
            run(_people(city))
            yield city
            for client in (*city.clients.values(), *city.lines.values()):
                client.close()
    finally:
        run(close_city(parts))
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _people(city: Whole) -> None:
    samples = await make_sample_users(city.parts.accounts, PROVINCE, COMMUNE)
    city.clients["anonymous"] = _client(city)
    _, key = await create_key(city.parts.accounts, OPERATOR, "everything", frozenset({"read:*", "write:*"}))
    city.clients["key"] = _client(city, {"Authorization": f"Bearer {key}"})
    for sample in samples:
        client = _client(city)
        body = {"login": sample.login, "password": sample.password}
        said = await asyncio.to_thread(client.post, f"{city.address}/api/session", json=body)
        client.headers["X-CSRF-Token"] = said.json()["csrf"]
        city.clients[sample.role] = client


def _client(city: Whole, headers: dict[str, str] | None = None) -> httpx.Client:
    return httpx.Client(base_url=city.address, timeout=20, headers={"Origin": city.address, **(headers or {})})


@contextmanager
def serving(app: Any, loop: asyncio.AbstractEventLoop) -> Iterator[str]:
    """Serve an application in a running loop; gives its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=Watched, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    done = asyncio.run_coroutine_threadsafe(server.serve([listener]), loop)
    while not server.started and not done.done():
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        done.result(20)
        listener.close()
