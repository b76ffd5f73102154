"""A receiver of notifications, and a hub whose subscribers are told, for the tests of subscriptions."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount

from dothi.hub.access import Open, Policy
from dothi.hub.api import ngsi_ld
from dothi.hub.context import Contexts
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS, Actor
from dothi.hub.peers import records
from dothi.hub.peers.hosting import shelf_of
from dothi.hub.peers.notify.model import Patience
from dothi.hub.peers.notify.notifier import Notifier
from dothi.hub.peers.wire import EVERYWHERE, Reach, Wire

BASE = "/ngsi-ld/v1"
SOON_S = 3.0
QUIET_S = 0.15
QUICK = Patience(first=20_000, most=100_000, checkpoint_s=0.02)


class Heard(NamedTuple):
    """One notification as it came."""

    headers: dict[str, str]
    body: Any


class Receiver:
    """An HTTP server on loopback that hears notifications; `answer` says with which status each is taken."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.answer: Callable[[Heard], int] = lambda _: 200
        self.pause_s = 0.0
        self.url = ""
        self._came = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def next(self, count: int = 1) -> list[Heard]:
        """The next notifications, waiting for them."""
        async with asyncio.timeout(SOON_S):
            while len(self.heard) < count:
                self._came.clear()
                await self._came.wait()
        some, self.heard = self.heard[:count], self.heard[count:]
        return some

    async def data(self) -> list[dict[str, Any]]:
        """The entities of the next notification."""
        found: list[dict[str, Any]] = (await self.next())[0].body["data"]
        return found

    async def nothing(self) -> None:
        """Nothing comes for a while."""
        await asyncio.sleep(QUIET_S)
        assert self.heard == []

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Receiver"]:
        """Listen while the block runs."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/notify"
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                await self._one(reader, writer)
        writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        body = json.loads(await reader.readexactly(int(headers["content-length"])))
        heard = Heard(headers, body)
        await asyncio.sleep(self.pause_s)
        status = self.answer(heard)
        if 200 <= status < 300:
            self.heard.append(heard)
            self._came.set()
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()


class World(NamedTuple):
    """A hub with its API, somebody who is told, and the notifier between them."""

    client: httpx.AsyncClient
    receiver: Receiver
    hub: Hub
    notifier: Notifier

    async def subscribe(self, **members: Any) -> str:
        """A subscription to entities of type Sensor; `notification` and `endpoint` are merged into it."""
        document = subscription(self.receiver.url, **members)
        answer = await self.client.post("/subscriptions", json=document)
        assert answer.status_code == 201, answer.text
        return answer.headers["location"].rpartition("/")[2]

    async def put(self, entity_id: str = "urn:x:1", kind: str = "Sensor", **attrs: Any) -> None:
        """Create an entity, values as they are in concise form."""
        answer = await self.client.post("/entities", json={"id": entity_id, "type": kind, **attrs})
        assert answer.status_code == 201, answer.text

    async def patch(self, entity_id: str = "urn:x:1", **attrs: Any) -> None:
        """Update attributes of an entity."""
        answer = await self.client.post(f"/entities/{entity_id}/attrs", json=attrs)
        assert answer.status_code == 204, answer.text

    async def read(self, subscription_id: str) -> dict[str, Any]:
        """A subscription as it is shown."""
        answer = await self.client.get(f"/subscriptions/{subscription_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


def subscription(url: str, **members: Any) -> dict[str, Any]:
    """The document of a subscription; members given are laid over the simplest one, None takes one away."""
    said = dict(members.pop("notification", {}))
    said["endpoint"] = {"uri": url, **members.pop("endpoint", {})}
    document = {"type": "Subscription", "entities": [{"type": "Sensor"}], "notification": said, **members}
    return {name: value for name, value in document.items() if value is not None}


Story = Callable[[World], Coroutine[Any, Any, None]]


@asynccontextmanager
async def world(
    folder: Path,
    patience: Patience = QUICK,
    policy: Policy | None = None,
    actors: Mapping[str, Actor] = {},
    reach: Reach = EVERYWHERE,
) -> AsyncIterator[World]:
    """A hub in `folder` whose subscribers are told while the block runs; `actors` by the key in Authorization."""
    hub = Hub(folder, policy or Open())
    records.declare(hub)
    contexts = Contexts(shelf=shelf_of(hub), home="http://city")
    wire = Wire(reach)
    notifier = Notifier(hub, contexts, wire, patience)
    api = ngsi_ld(
        hub,
        contexts,
        lambda headers: actors.get(headers.get("authorization", ""), ANONYMOUS),
        wire=wire,
        notifier=notifier,
    )
    app = Starlette(routes=[Mount(BASE, app=api)])
    telling = asyncio.create_task(notifier.run())
    await asyncio.sleep(0.01)
    receiver = Receiver()
    try:
        async with (
            receiver.open(),
            httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=f"http://city{BASE}") as client,
        ):
            yield World(client, receiver, hub, notifier)
    finally:
        telling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await telling
        await wire.close()
        await hub.close()


def play(folder: Path, story: Story, **options: Any) -> None:
    """Run a story in a world."""

    async def played() -> None:
        async with world(folder / "hub", **options) as made:
            await story(made)

    asyncio.run(played())
