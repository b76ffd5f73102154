"""A real city for page tests: hub, accounts and territory on real files, served by uvicorn in a thread."""

import asyncio
import socket
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import uvicorn

from dothi.accounts.model import Sample
from dothi.accounts.people import make_sample_users, users
from dothi.app import close_city, make_app, open_city
from dothi.citizens import Filing, file_report
from dothi.ground.clock import MINUTE, iso, now_us
from dothi.hub.core import Hub
from dothi.hub.model import Commit, geo, prop, put, rel, system
from dothi.settings import Settings
from dothi.web.page import Page
from dothi.web.parts import Parts
from dothi.web.site import find_pages

T = TypeVar("T")
PROVINCE, COMMUNE = "46", "19803"
# Its code is the example of the pages' addresses, since it comes from the key.
REPORT = Filing("street_light", "Đèn tắt ba đêm nay.", 107.585, 16.463, COMMUNE, key="the example of the page tests")
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
    values: dict[str, str] = field(default_factory=dict)  # For the {parts} of paths, where the page gives no sample.

    def run(self, deed: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine run in the server's loop."""
        return asyncio.run_coroutine_threadsafe(deed, self.loop).result(20)


@contextmanager
def make_city(folder: Path) -> Iterator[City]:
    """Serve a new city on a free port until the block ends: the application itself, with its consumers."""
    settings = Settings(data=folder)
    opened = asyncio.run(open_city(settings, "Thành phố Huế", demo=True))
    parts = replace(opened, province=PROVINCE)
    with serving(make_app(parts, settings)) as (address, loop):
        made = City(address, parts, find_pages(), {}, loop)
        samples = made.run(make_sample_users(parts.accounts, PROVINCE, COMMUNE))
        made.samples.update({sample.role: sample for sample in samples})
        made.values["user"] = users(parts.accounts)[0].id
        made.run(add_readings(parts.hub))
        made.run(file_report(parts.citizens, REPORT))
        yield made
    asyncio.run(close_city(parts))


STATIONS = (
    ("Thuận Hoá", 107.585, 16.463, 41.2, 3),
    ("Phú Xuân", 107.577, 16.474, 28.9, 5),
    ("Hương Thuỷ", 107.687, 16.4, 17.3, 190),
)


async def add_readings(hub: Hub) -> None:
    """Three air stations, one of them silent for three hours."""
    changes = []
    for name, lon, lat, pm25, minutes in STATIONS:
        observed = iso(now_us() - minutes * MINUTE)
        changes.append(
            put(
                f"urn:ngsi-ld:AirQualityObserved:{len(changes)}",
                "AirQualityObserved",
                name=prop(f"Trạm {name} (mẫu)"),
                pm25=prop(pm25, observed, "GQ"),
                location=geo({"type": "Point", "coordinates": [lon, lat]}),
                unit=prop(COMMUNE),
                source=rel("urn:ngsi-ld:DataSource:sample"),
            )
        )
    await hub.commit(Commit(system("demo"), tuple(changes), reason="ba trạm mẫu"))


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
