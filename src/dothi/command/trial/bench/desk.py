"""The official's day at scale: how long "Việc của tôi" takes as reports and tasks grow, beside an empty page.

Each size is a city of its own, filled through the hub with reports and tasks over the communes of one province; the
page is asked of the whole application (session, policy, query, template), without a network in between.
"""

import asyncio
import platform
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median

from starlette.types import ASGIApp, Message, Scope

from dothi.accounts.model import Sample
from dothi.accounts.people import make_sample_users
from dothi.accounts.signin import SESSION_COOKIE, actor_for_session, sign_in
from dothi.app import close_city, make_app, open_city
from dothi.citizens.model import OWNER as CITIZENS
from dothi.citizens.reading import desk
from dothi.ground.clock import HOUR, MINUTE, iso, now_us
from dothi.ground.errors import Unavailable
from dothi.hub.model import Actor, Attribute, Change, Commit, Op, geo, json_prop, prop, system
from dothi.programme.model import OWNER as PROGRAMME
from dothi.settings import Settings
from dothi.web.parts import Parts

PROVINCE, COMMUNE = "46", "19789"
MOST_MS = 200.0  # Must: the list of an official with 5,000 open items, and of a province, at the median.
CEILING = "ceiling: a page without a list"
ASKED = 40  # Times each page is asked for, after a warm-up.
_FILL = 1000


@dataclass(frozen=True)
class Size:
    """How much there is: open and closed reports in the official's commune, and over the whole province."""

    title: str
    open_here: int
    reports: int
    tasks: int


WHOLE = (
    Size("an official with 500 open items", 500, 2_000, 200),
    Size("an official with 5,000 open items", 5_000, 20_000, 2_000),
    Size("a province: 200,000 reports, 20,000 tasks", 5_000, 200_000, 20_000),
)
QUICK = (Size("small, to see that it runs", 50, 200, 20),)


@dataclass(frozen=True)
class Timed:
    """Times of one thing that was asked for, in ms."""

    title: str
    size: Size
    times: Sequence[float]

    @property
    def p50(self) -> float:
        """The median."""
        return median(self.times)

    @property
    def p99(self) -> float:
        """The 99th percentile."""
        return sorted(self.times)[min(len(self.times) - 1, int(len(self.times) * 0.99))]


def measure(quick: bool) -> list[Timed]:
    """Every page at every size."""
    found: list[Timed] = []
    for size in QUICK if quick else WHOLE:
        with tempfile.TemporaryDirectory(prefix="dothi-bench-") as folder:
            found += asyncio.run(_measure(Path(folder), size))
    return found


async def _measure(folder: Path, size: Size) -> list[Timed]:
    settings = Settings(data=folder, unit=PROVINCE)
    parts = await open_city(settings, "Đo đạc")
    try:
        samples = {one.role: one for one in await make_sample_users(parts.accounts, PROVINCE, COMMUNE)}
        await fill(parts, size)
        app = make_app(parts, settings)
        times: list[Timed] = []
        for role, who in (("official", "commune"), ("duty_officer", "province")):
            times += await _measure_as(parts, app, samples[role], who, size)
        return times
    finally:
        await close_city(parts)


async def _measure_as(parts: Parts, app: ASGIApp, sample: Sample, who: str, size: Size) -> list[Timed]:
    session = await sign_in(parts.accounts, sample.login, sample.password, "127.0.0.1")
    actor = actor_for_session(parts.accounts, session.token)
    return [
        Timed(f"desk(), {who}", size, await _times(partial(_desk, parts, actor))),
        Timed(f"page /work, {who}", size, await _times(partial(_page, app, session.token, "/work"))),
        Timed(f"{CEILING}, {who}", size, await _times(partial(_page, app, session.token, "/account"))),
    ]


async def _times(ask: Callable[[], Awaitable[None]]) -> list[float]:
    for _ in range(5):
        await ask()
    taken = []
    for _ in range(ASKED):
        began = time.perf_counter()
        await ask()
        taken.append(1000 * (time.perf_counter() - began))
    return taken


async def _desk(parts: Parts, actor: Actor) -> None:
    desk(parts.citizens, actor, 100)


async def _page(app: ASGIApp, session: str, path: str) -> None:
    """Ask the application for a page, as its server would. Unavailable when it answers anything but 200."""
    headers = [(b"host", b"127.0.0.1"), (b"cookie", f"{SESSION_COOKIE}={session}".encode())]
    scope: Scope = {
        **{"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http"},
        **{"path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers},
        **{"client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80)},
    }
    status: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            status.append(message["status"])

    await app(scope, receive, send)
    if status != [200]:
        raise Unavailable(f"{path} answered {status}, so nothing was measured.")


async def fill(parts: Parts, size: Size) -> None:
    """Write the reports and tasks of a size, a thousand in a commit, as their modules would have written them."""
    communes = [one.code for one in parts.territory.communes_of(PROVINCE) if one.code != COMMUNE]
    now = now_us()
    await _write(parts, CITIZENS, _reports(size, communes, list(parts.citizens.rules.categories), now))
    await _write(parts, PROGRAMME, _tasks(size, [COMMUNE, *communes], now))


async def _write(parts: Parts, owner: str, changes: Iterator[Change]) -> None:
    waiting: list[Change] = []
    for change in changes:
        waiting.append(change)
        if len(waiting) == _FILL:
            await parts.hub.commit(Commit(system(owner), tuple(waiting), "bench", owner=owner))
            waiting.clear()
    if waiting:
        await parts.hub.commit(Commit(system(owner), tuple(waiting), "bench", owner=owner))


def _reports(size: Size, communes: Sequence[str], categories: Sequence[str], now: int) -> Iterator[Change]:
    for number in range(size.reports):
        here = number < size.open_here
        unit = COMMUNE if here else communes[number % len(communes)]
        filed = now - (number % 5000 + 1) * 20 * MINUTE
        open_ = here or number % 10 == 0
        attrs: dict[str, Attribute] = {
            "code": prop(f"B{number:06d}"),
            "category": prop(categories[number % len(categories)]),
            "description": prop(f"Đèn trước số nhà {number} đường Lê Lợi tắt ba đêm nay."),
            "state": prop(("filed", "received", "in_progress")[number % 3] if open_ else "answered"),
            "open": prop(open_),
            "filedAt": prop(iso(filed)),
            "due": prop(iso(filed + 8 * HOUR + number % 977 * HOUR)),
            "handleBy": prop(iso(filed + 40 * HOUR)),
            "placeDecided": prop(True),
            "routedBy": prop("boundary"),
            "imported": prop(False),
            "urgent": prop(number % 50 == 0),
            "photos": json_prop([]),
            "unit": prop(unit),
            "assignee": prop(unit),
            "location": geo(
                {"type": "Point", "coordinates": [107.5 + number % 997 * 1e-4, 16.4 + number % 991 * 1e-4]}
            ),
            "step": json_prop({"verb": "file", "at": iso(filed)}),
        }
        yield Change(Op.CREATE, f"urn:ngsi-ld:CitizenReport:B{number:06d}", ("CitizenReport",), attrs)


def _tasks(size: Size, communes: Sequence[str], now: int) -> Iterator[Change]:
    for number in range(size.tasks):
        unit = communes[number % len(communes)]
        due = prop(iso(now + (number % 600 - 100) * HOUR))
        attrs: dict[str, Attribute] = {
            "title": prop(f"Nhiệm vụ số {number}: thay bóng đèn đường Lê Lợi"),
            "state": prop("inProgress"),
            "lead": prop(unit),
            "assignee": prop(unit),
            "originalDue": due,
            "due": due,
            "open": prop(number % 4 != 0),
            "output": prop("Biên bản nghiệm thu"),
            "unit": prop(unit),
            "units": prop([unit]),
            "progress": prop(number % 100),
        }
        yield Change(Op.CREATE, f"urn:ngsi-ld:Task:bench-{number}", ("Task",), attrs)


def table(measured: Sequence[Timed]) -> str:
    """The Markdown table: each time beside the ceiling of its city, the growth, and the must."""
    rows = ["| City | What | p50 ms | p99 ms | Times the empty page | Must |", "|---|---|--:|--:|--:|---|"]
    for one in measured:
        who = one.title.rpartition(", ")[2]
        ceiling = next(other for other in measured if other.size is one.size and other.title == f"{CEILING}, {who}")
        must = (
            ""
            if one.title.startswith(CEILING)
            else f"p50 < {MOST_MS:g} ms: {'met' if one.p50 < MOST_MS else '**missed**'}"
        )
        rows.append(
            f"| {one.size.title} | {one.title} | {one.p50:.1f} | {one.p99:.1f} | {one.p50 / ceiling.p50:.1f} | {must} |"
        )
    return "\n".join(rows)


def conditions(load: float) -> str:
    """Where it was measured, and how busy the machine was before."""
    when = datetime.now(UTC).strftime("%d/%m/%Y %H:%M UTC")
    return (
        f"Measured {when}, Python {platform.python_version()}, {platform.machine()}, in one process without a network; "
        f"{ASKED} times each after a warm-up. Load average of the machine (1 min) before: {load:.1f}."
    )
