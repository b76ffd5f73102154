"""The process that is measured: one of the servers below on a free port of the loopback, until its input ends.

`python -m dothi.command.trial.bench.serving NAME FOLDER ENTITIES` prints its port when it is ready.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import cast

import msgspec
import uvloop
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from dothi.app import close_city, make_app, open_city
from dothi.command.trial.bench.material import API, KIND, NAMES, entity, series_id
from dothi.front import server, straight
from dothi.ground.clock import DAY, HOUR, iso, now_us
from dothi.hub.access import Open
from dothi.hub.api import Limits, ngsi_ld
from dothi.hub.context import Contexts
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS, Change, Commit, Op, Receipt, Result, geo, prop, system
from dothi.settings import Settings

Served = AbstractAsyncContextManager[ASGIApp]
_FILLER = system("bench")
_FILL = 1000  # Entities in one commit of the filling.
SERIES, HOURS = 10, 720


class NoStore(Hub):
    """An empty hub whose commit answers at once and keeps nothing: the ceiling of the handler in front of it."""

    async def commit(self, commit: Commit) -> Receipt:
        """A receipt as if all were written."""
        return Receipt(1, 1, tuple(Result(change.id, "updated", 1) for change in commit.changes))


@asynccontextmanager
async def parse(folder: Path, entities: int) -> AsyncIterator[ASGIApp]:
    """A bare ASGI function that decodes the body as JSON; it answers a GET with as many bytes as a page of entities."""
    page = msgspec.json.encode([entity(number, iso(now_us())) for number in range(20)])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", scope["method"] != "GET"
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if body:
            msgspec.json.decode(body)
        answer = page if scope["method"] == "GET" else b""
        headers = [(b"content-length", str(len(answer)).encode()), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    yield app


@asynccontextmanager
async def nostore(folder: Path, entities: int) -> AsyncIterator[ASGIApp]:
    """The real handlers over a hub that keeps nothing."""
    opened = NoStore(folder / "hub", Open())
    try:
        yield _api(opened)
    finally:
        await opened.close()


@asynccontextmanager
async def hub(folder: Path, entities: int) -> AsyncIterator[ASGIApp]:
    """The real handlers over the real hub, filled."""
    opened = Hub(folder / "hub", Open())
    try:
        await _fill(opened, entities)
        yield _api(opened)
    finally:
        await opened.close()


@asynccontextmanager
async def city(folder: Path, entities: int) -> AsyncIterator[ASGIApp]:
    """All of dothi as `dothi serve --open` runs it: pages, verbs, and every consumer of the change feed."""
    settings = Settings(data=folder, open=True)
    parts = await open_city(settings)
    try:
        await _fill(parts.hub, entities)
        yield make_app(parts, settings)
    finally:
        await close_city(parts)


SERVERS: dict[str, Callable[[Path, int], Served]] = {
    "parse": parse,
    "nostore": nostore,
    "hub": hub,
    "small": hub,
    "city": city,
}


def _api(over: Hub) -> ASGIApp:
    return straight(API, ngsi_ld(over, Contexts(), lambda headers: ANONYMOUS, Limits()), Starlette())


async def _fill(opened: Hub, entities: int) -> None:
    async for _ in filled(opened, entities):
        pass


async def filled(opened: Hub, entities: int) -> AsyncIterator[int]:
    """Write so many entities, and for a few of them a month of hourly readings; tells how many are there."""
    stamp = iso(now_us() - DAY)
    for first in range(0, entities, _FILL):
        changes = tuple(_change(number, stamp) for number in range(first, min(first + _FILL, entities)))
        await opened.commit(Commit(_FILLER, changes, "bench"))
        yield min(first + _FILL, entities)
    if not entities:
        return
    start = now_us() - HOURS * HOUR
    for hour in range(HOURS):
        observed = iso(start + hour * HOUR)
        readings = tuple(
            Change(Op.UPSERT, series_id(one), (KIND,), {"pm25": prop(20 + (hour * 7 + one) % 50, observed, "GQ")})
            for one in range(SERIES)
        )
        await opened.commit(Commit(_FILLER, readings, "bench"))


def _change(number: int, stamp: str) -> Change:
    said = cast(dict[str, dict[str, object]], entity(number, stamp))
    attrs = {name: said[name] for name in NAMES} | {"location": geo(cast(dict[str, object], said["location"]["value"]))}
    return Change(Op.PUT, cast(str, said["id"]), (KIND,), {**attrs})


async def _serve(name: str, folder: Path, entities: int) -> None:
    async with SERVERS[name](folder, entities) as app:
        front = server(app, "127.0.0.1", 0)
        serving = asyncio.create_task(front.serve())
        while not front.started:
            await asyncio.sleep(0.02)
        print(front.servers[0].sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)  # Ends with the process that started this one.
        front.should_exit = True
        await serving


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
