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
from dothi.citizens.channels import areas
from dothi.citizens.channels.links import makers
from dothi.citizens.intake.followers import follow_report
from dothi.citizens.needs import Allowance
from dothi.evidence.definitions import keep_sample_indicators
from dothi.ground.clock import MINUTE, iso, now_us
from dothi.hub.core import Hub
from dothi.hub.model import Commit, geo, prop, put, rel, system
from dothi.settings import Settings
from dothi.web.page import Page
from dothi.web.parts import Parts
from dothi.web.site import find_pages
from tests.web.alerts import fill_alerts
from tests.web.handled import fill_handled
from tests.web.incidents import fill_incidents
from tests.web.life import fill_life
from tests.web.orders import fill_orders
from tests.web.reporting import fill_report
from tests.web.shifts import fill_shifts
from tests.web.steering import fill_steering
from tests.web.warnings import fill_warnings
from tests.web.watching import fill_cameras

T = TypeVar("T")
PROVINCE, COMMUNE = "46", "19789"
PLENTY = Allowance(1_000_000, 60)  # All tests come from one address.
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
FLAT_FLAGS = [
    *(flag for flag in CHROMIUM_FLAGS if "swiftshader" not in flag and "gl=" not in flag),
    "--disable-3d-apis",
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
    # A loop in a thread of its own: Playwright keeps one in this thread.
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(deed: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(deed, loop).result(30)

    opened = run(open_city(settings, "Thành phố Huế", demo=True))
    patient = replace(opened.citizens, filings=PLENTY, guesses=PLENTY)
    parts = replace(opened, province=PROVINCE, citizens=patient)
    try:
        with serving(make_app(parts, settings), loop) as address:
            made = City(address, parts, find_pages(), {}, loop)
            run(fill(made))
            yield made
    finally:
        run(close_city(parts))
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def fill(city: City) -> None:
    """What every page test may count on: a sample user for each role, three stations and a report."""
    samples = await make_sample_users(city.parts.accounts, PROVINCE, COMMUNE)
    city.samples.update({sample.role: sample for sample in samples})
    city.values["user"] = users(city.parts.accounts)[0].id
    await add_readings(city.parts.hub)
    await keep_sample_indicators(city.parts.evidence)
    filed = await file_report(city.parts.citizens, REPORT)
    await follow_report(city.parts.citizens, filed.number, key="the example of the page tests")
    wish = areas.Wish(areas.Area(COMMUNE), ("road",), "lan@example.vn")
    followed = await areas.ask(city.parts.citizens, city.parts.messages, wish)
    for name in ("confirm", "stop"):
        city.values[f"{name}_link"] = makers(city.parts.citizens)[name](followed).rpartition("/")[2]
    city.values.update(await fill_life(city.parts))
    city.values.update(await fill_steering(city.parts))
    city.values.update(await fill_report(city.parts))
    city.values.update(await fill_handled(city.parts))
    city.values.update(await fill_shifts(city.parts))
    city.values.update(await fill_orders(city.parts))
    city.values.update(await fill_incidents(city.parts))
    await fill_cameras(city.parts)
    city.values.update(await fill_warnings(city.parts))
    city.values.update(await fill_alerts(city.parts))


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
def serving(app: Any, loop: asyncio.AbstractEventLoop) -> Iterator[str]:
    """Serve an application in a running loop; gives its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    done = asyncio.run_coroutine_threadsafe(server.serve([listener]), loop)
    while not server.started and not done.done():
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        done.result(20)
        listener.close()
