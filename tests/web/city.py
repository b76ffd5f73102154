"""A real city for page tests: hub, accounts and territory on real files, served by uvicorn in a thread."""

import asyncio
import socket
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from argon2 import PasswordHasher
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from dothi.accounts.model import Sample, SessionRules
from dothi.accounts.people import make_sample_users
from dothi.accounts.policy import RolePolicy
from dothi.accounts.roles import PUBLIC_TYPES
from dothi.accounts.store import Accounts
from dothi.hub.core import Hub
from dothi.territory import Territory
from dothi.territory.api import router
from dothi.web.page import Page
from dothi.web.parts import Parts
from dothi.web.site import site

T = TypeVar("T")
PROVINCE, COMMUNE = "46", "19803"
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class City:
    """A city that is being served; `run` does something in its loop, as a page would."""

    address: str
    parts: Parts
    pages: tuple[Page, ...]
    samples: dict[str, Sample]  # By role.
    loop: asyncio.AbstractEventLoop

    def run(self, deed: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine run in the server's loop."""
        return asyncio.run_coroutine_threadsafe(deed, self.loop).result(20)


@contextmanager
def make_city(folder: Path, pages: tuple[Page, ...] | None = None) -> Iterator[City]:
    """Serve a new city on a free port until the block ends."""
    territory = Territory.load()
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    accounts = Accounts.open(folder, territory.within, SessionRules(secure=False), cheap)
    hub = Hub(folder / "hub", RolePolicy(territory.within, PUBLIC_TYPES))
    parts = Parts(hub, accounts, territory, None, None, None, None, None, city="Thành phố Huế", simulated=True)
    web = site(parts, pages)
    api = FastAPI()
    api.include_router(router(territory))
    app = Starlette(routes=[Mount("/api", api), Mount("/", web)])
    with serving(app) as (address, loop):
        made = City(address, parts, web.state.site.pages, {}, loop)
        samples = made.run(make_sample_users(accounts, PROVINCE, COMMUNE))
        made.samples.update({sample.role: sample for sample in samples})
        yield made
    asyncio.run(hub.close())
    accounts.close()


@contextmanager
def serving(app: Any) -> Iterator[tuple[str, asyncio.AbstractEventLoop]]:
    """Serve an application in a thread; gives its address and its loop."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        await server.serve([listener])

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", loops[0]
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
