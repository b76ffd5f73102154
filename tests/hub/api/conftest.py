"""What the tests of the API share: the real hub on a real SQLite file behind the real application."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from dothi.ground.errors import Unauthenticated
from dothi.hub.access import Open
from dothi.hub.api import Limits, ngsi_ld
from dothi.hub.context import Contexts
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS, Actor
from dothi.hub.peers import records
from dothi.hub.peers.hosting import shelf_of

BASE = "/ngsi-ld/v1"
Client = httpx.AsyncClient
Story = Callable[[Client], Coroutine[Any, Any, None]]


def who(headers: Mapping[str, str]) -> Actor:
    """Anybody, but for one bad key."""
    if headers.get("authorization") == "Bearer bad":
        raise Unauthenticated("This API key does not exist or was revoked.")
    return ANONYMOUS


@asynccontextmanager
async def served(folder: Path, limits: Limits = Limits(), guarded: Mapping[str, str] = {}) -> AsyncIterator[Client]:
    """A client of the API over a fresh hub in `folder`."""
    hub = Hub(folder, Open())
    hub.own("citizens", guarded)
    records.declare(hub)
    contexts = Contexts(shelf=shelf_of(hub), home="http://city")
    app = Starlette(routes=[Mount(BASE, app=ngsi_ld(hub, contexts, who, limits))])
    try:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://city{BASE}") as client:
            yield client
    finally:
        await hub.close()


@pytest.fixture
def tell(tmp_path: Path) -> Callable[..., None]:
    """Run a story (an async function of a client) against a fresh hub; further arguments are those of `served`."""

    def run(story: Story, **options: Any) -> None:
        async def told() -> None:
            async with served(tmp_path / "hub", **options) as client:
                await story(client)

        asyncio.run(told())

    return run
