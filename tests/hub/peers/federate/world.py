"""Several real hubs in one process, each with its API, that reach each other over lines which can be cut."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dothi.ground.clock import now_us
from dothi.hub.access import Policy
from dothi.hub.api import ngsi_ld
from dothi.hub.api.subscriptions.inbox import INBOX, inbox
from dothi.hub.context import Contexts
from dothi.hub.core import Hub
from dothi.hub.model import Actor
from dothi.hub.peers import records
from dothi.hub.peers.federate.answer.copies import Copies
from dothi.hub.peers.federate.answer.gathering import Peers
from dothi.hub.peers.federate.answer.maps import Maps
from dothi.hub.peers.federate.ask.forwarding import Line
from dothi.hub.peers.federate.keeping.watching import Watchers
from dothi.hub.peers.federate.matching import Registry
from dothi.hub.peers.federate.subscribe.carrying import Carrier
from dothi.hub.peers.notify.notifier import Notifier
from dothi.hub.peers.wire import EVERYWHERE, Response, TimedOut, Unreachable, Wire

BASE = "/ngsi-ld/v1"
Document = dict[str, Any]


class Lines(Wire):
    """The wire between the hubs of a test: by host name, each line whole, cut, or silent."""

    def __init__(self) -> None:
        """No hub is there yet."""
        super().__init__(EVERYWHERE)
        self.apps: dict[str, Any] = {}
        self.cut: set[str] = set()
        self.silent: set[str] = set()
        self.said: dict[str, Response] = {}  # What a host answers instead of its hub.
        self.calls: list[tuple[str, str, Mapping[str, str]]] = []

    async def send(
        self, method: str, url: str, headers: Mapping[str, str] = {}, body: bytes | None = None, timeout: float = 10.0
    ) -> Response:
        """One call, as the real wire makes it."""
        host = httpx.URL(url).host
        self.calls.append((method, url, headers))
        if host in self.silent:
            raise TimedOut(f"{host} gave no answer.")
        if host in self.cut:
            raise Unreachable(f"{host} cannot be reached.")
        if host in self.said:
            return self.said[host]
        transport = httpx.ASGITransport(app=self.apps[host])
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            length = {} if body is None else {"Content-Length": str(len(body))}
            answer = await client.request(method, url, headers={**headers, **length}, content=body)
        found: dict[str, str] = {}
        for name, value in answer.headers.multi_items():
            found[name.lower()] = f"{found[name.lower()]}, {value}" if name.lower() in found else value
        return Response(answer.status_code, found, answer.content)

    def urls(self, host: str) -> list[str]:
        """The addresses called at a host."""
        return [url for _, url, _ in self.calls if httpx.URL(url).host == host]


@dataclass
class Place:
    """One hub of a test."""

    hub: Hub
    peers: Peers
    client: httpx.AsyncClient
    carrier: Carrier

    async def put(self, entity_id: str, kind: str = "Sensor", **attrs: Any) -> None:
        """Create an entity here."""
        answer = await self.client.post("/entities", json={"id": entity_id, "type": kind, **attrs})
        assert answer.status_code == 201, answer.text

    async def knows(self, host: str, **more: Any) -> str:
        """Register the hub `host` as a source of Sensors; returns the registration's id."""
        document = {
            "type": "ContextSourceRegistration",
            "information": [{"entities": [{"type": "Sensor"}]}],
            "endpoint": f"http://{host}",
            **more,
        }
        answer = await self.client.post("/csourceRegistrations", json=document)
        assert answer.status_code == 201, answer.text
        return str(answer.headers["location"]).rpartition("/")[2]

    async def sensors(self, **query: str) -> list[Document]:
        """All Sensors that this hub tells of."""
        answer = await self.client.get("/entities", params={"type": "Sensor", "limit": "1000", **query})
        assert answer.status_code in (200, 201), answer.text
        return list(answer.json())


@dataclass
class World:
    """The hubs of a test by name, the lines between them, and what time it is (µs)."""

    lines: Lines
    places: dict[str, Place] = field(default_factory=dict)
    now: int = field(default_factory=now_us)

    def __getitem__(self, name: str) -> Place:
        return self.places[name]


def prop(value: Any, **more: Any) -> Document:
    """A Property as a client writes it."""
    return {"type": "Property", "value": value, **more}


def plainly(app: ASGIApp) -> ASGIApp:
    """`app` with the names of its headers as ASGI wants them: in lower case."""

    async def plain(scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if "headers" in message:
                message["headers"] = [
                    (bytes(name).decode().lower().encode(), value) for name, value in message["headers"]
                ]
            await send(message)

        await app(scope, receive, sent)

    return plain


@asynccontextmanager
async def opened(world: World, name: str, folder: Path, policy: Policy, actor: Actor) -> AsyncIterator[Place]:
    """One more hub."""
    hub = Hub(folder, policy)
    records.declare(hub)
    registry, contexts = Registry(hub, name), Contexts()
    line = Line(world.lines, registry, contexts, lambda: world.now)
    peers = Peers(hub, line, Copies(hub), Maps())
    notifier = Notifier(hub, contexts, world.lines)
    watchers = Watchers(hub, registry, contexts, notifier.lanes)
    api = ngsi_ld(
        hub, contexts, lambda headers: actor, wire=world.lines, peers=peers, notifier=notifier, watchers=watchers
    )
    carrier = Carrier(peers, notifier, watchers, f"http://{name}/ngsi-ld/ex/{INBOX}")
    inside = [Mount(BASE, app=api), Mount("/ngsi-ld/ex", app=inbox(carrier, contexts, 1 << 20))]
    world.lines.apps[name] = plainly(Starlette(routes=inside))
    transport = httpx.ASGITransport(app=world.lines.apps[name])
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{name}{BASE}") as client:
        try:
            telling = asyncio.create_task(notifier.run())
            world.places[name] = Place(hub, peers, client, carrier)
            yield world.places[name]
        finally:
            telling.cancel()
            with suppress(asyncio.CancelledError):
                await telling
            await peers.copies.close()
            await hub.close()
