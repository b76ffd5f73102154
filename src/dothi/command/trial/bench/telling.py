"""How soon a subscriber hears, and what subscriptions cost an update that concerns none of them.

One process: the hub with durable writes, its notifier, and a receiver on loopback. The ceiling of a notification is the
same durable commit with nobody to tell, and one bare POST of the same bytes after it.
"""

import asyncio
import contextlib
import os
import platform
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from dothi.hub.access import Open
from dothi.hub.context import CORE, Contexts
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS, Change, Commit, Op, prop, system
from dothi.hub.peers import records
from dothi.hub.peers.notify.documents.compiling import kept
from dothi.hub.peers.notify.notifier import Notifier
from dothi.hub.peers.wire import EVERYWHERE, Wire

MANY = 10_000  # Subscriptions that match none of the updates.
LEAST_SHARE = 0.9  # Must: so much of the rate without subscriptions.
MOST_P50_MS = 20.0  # Must: from the update to the receipt.
WRITERS = 16
_FILL = 1000
_KIND = "Sensor"


@dataclass(frozen=True)
class Size:
    """How much there is, and how much is asked."""

    title: str
    entities: int
    told: int
    seconds: float  # Of one run of load.
    rounds: int = 7


WHOLE = (Size("1,000 entities", 1000, 1000, 2.0), Size("100,000 entities", 100_000, 1000, 2.0))
QUICK = (Size("200 entities, to see that it runs", 200, 50, 0.5, 3),)


@dataclass(frozen=True)
class Told:
    """What was measured at one size: times in ms, rates in updates a second."""

    size: Size
    receipts: Sequence[float]  # From handing in the update until the receiver has the notification.
    commits: Sequence[float]  # The same durable update with nobody to tell.
    posts: Sequence[float]  # One bare POST of as many bytes.
    alone: float
    among_many: float


def measure(quick: bool) -> list[Told]:
    """Every size, each in a fresh hub."""
    return [asyncio.run(_measure(size)) for size in (QUICK if quick else WHOLE)]


async def _measure(size: Size) -> Told:
    with tempfile.TemporaryDirectory(prefix="dothi-bench-") as folder:
        places = Path(folder) / "one", Path(folder) / "other"
        async with _receiver() as receiver, _hub(places[0]) as hub, _hub(places[1]) as other:
            await _fill(hub, size.entities)
            await _fill(other, size.entities)
            commits = await _times(size.told, lambda number: _update(hub, size, number))
            wire = Wire(EVERYWHERE)
            posts = await _times(size.told, lambda _: wire.send("POST", receiver.url, {}, b"x" * 400))
            async with _notifier(hub, wire, {"type": _KIND}, receiver.url):
                receipts = await _times(size.told, lambda number: _heard(hub, size, number, receiver))
            await _subscribe_many(hub, receiver.url)
            async with _notifier(hub, wire, {"type": "Other"}, receiver.url):
                rounds = [(await _rate(other, size), await _rate(hub, size)) for _ in range(size.rounds + 1)]
            await wire.close()
    # In turn, so that a busy minute hits both alike; the first round warms up.
    alone, among_many = (median(rates[1:]) for rates in zip(*rounds, strict=True))
    return Told(size, receipts, commits, posts, alone, among_many)


async def _times(count: int, step: Callable[[int], Awaitable[object]]) -> list[float]:
    """Milliseconds of each of so many steps, after a few that do not count."""
    times = []
    for number in range(-count // 10, count):
        begun = time.perf_counter()
        await step(abs(number))
        if number >= 0:
            times.append((time.perf_counter() - begun) * 1000)
    return times


async def _update(hub: Hub, size: Size, number: int) -> None:
    change = Change(Op.APPEND, _id(number % size.entities), attrs={"pm25": prop(time.perf_counter())})
    await hub.commit(Commit(ANONYMOUS, (change,)))


async def _heard(hub: Hub, size: Size, number: int, receiver: "_Receiver") -> None:
    receiver.came.clear()
    await _update(hub, size, number)
    await receiver.came.wait()


async def _rate(hub: Hub, size: Size) -> float:
    """Updates a second by several writers at once."""
    until, done = time.perf_counter() + size.seconds, 0

    async def write(first: int) -> None:
        nonlocal done
        number = first
        while time.perf_counter() < until:
            await _update(hub, size, number)
            number += WRITERS
            done += 1

    begun = time.perf_counter()
    await asyncio.gather(*(write(first) for first in range(WRITERS)))
    return done / (time.perf_counter() - begun)


async def _subscribe_many(hub: Hub, url: str) -> None:
    """Subscriptions to the same type, half to other entities, half to other attributes, written as the API does."""
    waiting = []
    for number in range(MANY):
        what: dict[str, object]
        if number % 2:
            what = {"entities": [{"type": _KIND, "id": f"urn:ngsi-ld:{_KIND}:other-{number}"}]}
        else:
            what = {"entities": [{"type": _KIND}], "watchedAttributes": [f"other{number}"]}
        document = _document(what, url)
        waiting.append(records.create(hub, ANONYMOUS, records.SUBSCRIPTION, f"urn:x:many:{number}", document, ""))
    for first in range(0, MANY, _FILL):
        await asyncio.gather(*waiting[first : first + _FILL])


def _document(what: Mapping[str, object], url: str) -> dict[str, object]:
    document = {"type": "Subscription", "notification": {"endpoint": {"uri": url}}, **what}
    return kept(document, CORE, "")


@asynccontextmanager
async def _notifier(hub: Hub, wire: Wire, selector: dict[str, str], url: str) -> AsyncIterator[Notifier]:
    """A notifier that tells, with one more subscription."""
    name = f"urn:x:{selector['type']}"
    await records.create(hub, ANONYMOUS, records.SUBSCRIPTION, name, _document({"entities": [selector]}, url), "")
    notifier = Notifier(hub, Contexts(), wire)
    running = asyncio.create_task(notifier.run())
    while not notifier.subscription("", name) or notifier.behind:
        await asyncio.sleep(0.01)
    while notifier.behind:  # What was written while nobody told is looked at first.
        await asyncio.sleep(0.05)
    try:
        yield notifier
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await records.delete(hub, ANONYMOUS, records.read(hub, ANONYMOUS, records.SUBSCRIPTION, name, ""))


@asynccontextmanager
async def _hub(folder: Path) -> AsyncIterator[Hub]:
    hub = Hub(folder, Open())
    records.declare(hub)
    try:
        yield hub
    finally:
        await hub.close()


def _id(number: int) -> str:
    return f"urn:ngsi-ld:{_KIND}:{number}"


async def _fill(hub: Hub, count: int) -> None:
    for first in range(0, count, _FILL):
        some = tuple(
            Change(Op.CREATE, _id(number), (_KIND,), {"pm25": prop(0.0), "no2": prop(1.0), "name": prop("Trạm")})
            for number in range(first, min(first + _FILL, count))
        )
        await hub.commit(Commit(system("bench"), some))


class _Receiver:
    """Answers each request at once."""

    def __init__(self) -> None:
        self.came = asyncio.Event()
        self.url = ""

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(head.partition(b"content-length:")[2].partition(b"\r")[0]))
                self.came.set()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
        writer.close()


@asynccontextmanager
async def _receiver() -> AsyncIterator[_Receiver]:
    made = _Receiver()
    server = await asyncio.start_server(made.connected, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        yield made
    finally:
        server.close()


def _p99(times: Sequence[float]) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * 0.99))]


def table(measured: Sequence[Told]) -> str:
    """The Markdown table: a notification beside its ceilings, updates beside those with nobody to tell."""
    rows = ["| City | What | p50 ms | p99 ms | Updates/s | Must |", "|---|---|--:|--:|--:|---|"]
    for one in measured:
        place = one.size.title
        p50 = median(one.receipts)
        soon = f"p50 < {MOST_P50_MS:g} ms: {_word(p50 < MOST_P50_MS)}"
        share = one.among_many / one.alone
        cheap = f"≥ {LEAST_SHARE:.0%} of it: {_word(share >= LEAST_SHARE)} ({share:.0%})"
        rows += [
            f"| {place} | update to receipt | {p50:.2f} | {_p99(one.receipts):.2f} | | {soon} |",
            f"| {place} | the durable update alone | {median(one.commits):.2f} | {_p99(one.commits):.2f} | | |",
            f"| {place} | a bare POST alone | {median(one.posts):.2f} | {_p99(one.posts):.2f} | | |",
            f"| {place} | {WRITERS} writers, nobody subscribed | | | {one.alone:,.0f} | |",
            f"| {place} | the same, {MANY:,} subscriptions that match none | | | {one.among_many:,.0f} | {cheap} |",
        ]
    return "\n".join(rows)


def _word(met: bool) -> str:
    return "met" if met else "**missed**"


def conditions(load: float) -> str:
    """Where it was measured, and how busy the machine was before."""
    when = datetime.now(UTC).strftime("%d/%m/%Y %H:%M UTC")
    return (
        f"Measured {when}, Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, hub, "
        f"notifier and receiver in one process. Load average of the machine (1 min) before: {load:.1f}."
    )
