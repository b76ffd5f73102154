"""The order of measuring: on each store and at each size the same questions in turn, and the bare engines between."""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median
from threading import Event, Thread
from typing import Any

import asyncpg

from dothi.command.trial.bench import material
from dothi.command.trial.bench.load import Shape, drive
from dothi.command.trial.bench.store import bare
from dothi.ground.clock import DAY, iso, now_us
from dothi.ground.errors import Unavailable

WRITTEN = 18_000  # Different entities that the writes go to.
WRITERS, ASKERS = 16, 1
_STAMPS = 4000  # Seconds of stamps set aside for one run of load.
_QUERIES_S = 10  # Queries a second beside the ingest.


@dataclass(frozen=True)
class Plan:
    """What is measured: sizes in entities, rounds, seconds of one run."""

    sizes: tuple[int, ...] = (100_000, 1_000_000)
    rounds: int = 3
    seconds: float = 2.0


WHOLE = Plan()
QUICK = Plan((1000, 3000), 1, 1.0)


@dataclass
class Grown:
    """What was measured of one store at one size: rates in entities (or answers) a second, times in ms."""

    store: str
    size: int
    filling: list[float]  # Entities a second of each tenth.
    memory: int  # Resident bytes afterwards.
    rates: dict[str, float] = field(default_factory=dict)
    p50: dict[str, float] = field(default_factory=dict)
    events: dict[str, float] = field(default_factory=dict)
    first: dict[str, float] = field(
        default_factory=dict
    )  # Seconds of the first question of its kind: columns are made.


@dataclass
class Found:
    """All of a run."""

    plan: Plan
    grown: list[Grown] = field(default_factory=list)
    bare: dict[str, float] = field(default_factory=dict)  # Bare engines: entities (or events) a second.
    ceilings: dict[str, float] = field(default_factory=dict)  # The same handler without a store, parse only.
    sealing: dict[str, float] = field(
        default_factory=dict
    )  # "calm", "busy": entities a second, alone and while sealing.


def _month() -> list[Shape]:
    now = now_us()
    return material.aggregates(iso(now - 31 * DAY)[:19] + "Z", iso(now)[:19] + "Z")


_WRITES: Mapping[str, Callable[[int], list[Shape]]] = {
    "ingest": lambda size: material.upserts(min(WRITTEN, size)),
    "patch": lambda size: material.patches(min(WRITTEN, size)),
}
_ASKED: Mapping[str, Callable[[int], list[Shape]]] = {
    "retrieve": lambda size: material.retrieves(size),
    "type and q": lambda size: material.by_q(count=False, broad=False),
    "near": lambda size: material.near(count=False),
    "q and near": lambda size: material.by_q_near(),
    "history": lambda size: _month(),
}


def measure(quick: bool, url: str = "", huge: bool = False) -> Found:
    """Measure SQLite, and PostgreSQL where `url` names a server on which databases may be made (and are removed)."""
    plan = QUICK if quick else WHOLE
    found = Found(Plan((*plan.sizes, 10_000_000), plan.rounds, plan.seconds) if huge else plan)
    with tempfile.TemporaryDirectory(prefix="dothi-bench-") as folder:
        _measure_bare(found, Path(folder) / "bare", url)
        for size in found.plan.sizes:
            for store in ("sqlite", "postgresql") if url else ("sqlite",):
                with _database(url if store == "postgresql" else "") as address:
                    found.grown.append(_grow(found, Path(folder) / f"{store}-{size}", store, size, address))
    return found


def _measure_bare(found: Found, folder: Path, url: str) -> None:
    seconds = found.plan.seconds
    made: dict[str, Callable[[], float]] = {
        "sqlite": lambda: bare.sqlite(folder, found.plan.sizes[0], seconds),
        "events": lambda: bare.events(folder, 100, seconds),
    }
    for name, run in made.items():
        _say(f"bare engine: {name}")
        found.bare[name] = run()
    if url:
        _say("bare engine: postgresql")
        with _database(url) as address:
            found.bare["postgresql"] = bare.postgres(address, found.plan.sizes[0], seconds)


def _grow(found: Found, folder: Path, store: str, size: int, url: str) -> Grown:
    """Fill a store to a size, then ask it; at the first size beside the handler without a store and parse alone."""
    stamps = count(1_700_000_000, _STAMPS)
    smallest = size == found.plan.sizes[0]
    with ExitStack() as stack:
        _say(f"{store}: filling {size:,} entities")
        served = stack.enter_context(_served(folder, size, url, ""))
        one = Grown(store, size, served.told["rates"], served.told["memory"])
        beside = {}
        if smallest:
            beside = {name: stack.enter_context(_plain(name, folder / name)) for name in ("nostore", "parse")}
        _ask(found.plan, one, served.port, stamps)
        _write(found, one, served.port, beside, stamps)
        if smallest:
            one.events = served.ask("events")
    if smallest and store == "sqlite":
        _while_sealing(found, folder.with_name("sealing"), size, stamps)
    return one


def _ask(plan: Plan, one: Grown, port: int, stamps: Iterator[int]) -> None:
    for name, shapes in _ASKED.items():
        _say(f"{one.store}, {one.size:,}: {name}")
        one.first[name] = _first(port, shapes(one.size)[0])
        drive(port, shapes(one.size), ASKERS, 1.0, next(stamps))
        runs = [drive(port, shapes(one.size), ASKERS, plan.seconds, next(stamps)) for _ in range(plan.rounds)]
        _check(name, [run.wrong for run in runs])
        one.p50[name] = median(run.p50 for run in runs)
        one.rates[name] = median(run.rate for run in runs)


def _first(port: int, shape: Shape) -> float:
    begun = time.perf_counter()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{shape.path}", timeout=600) as answer:
        answer.read()
    return time.perf_counter() - begun


def _write(found: Found, one: Grown, port: int, beside: Mapping[str, int], stamps: Iterator[int]) -> None:
    ports = {"": port, **beside}
    for name, shapes in _WRITES.items():
        _say(f"{one.store}, {one.size:,}: {name}")
        each = material.BATCH if name == "ingest" else 1
        runs: dict[str, list[float]] = {server: [] for server in ports}
        for turn in range(found.plan.rounds + 1):  # The first warms up.
            for server, where in ports.items():
                run = drive(where, shapes(one.size), WRITERS, found.plan.seconds, next(stamps))
                _check(f"{name} {server}", [run.wrong])
                if turn:
                    runs[server].append(run.rate * each)
        one.rates[name] = median(runs.pop(""))
        found.ceilings.update({f"{one.store} {name} {server}": median(rates) for server, rates in runs.items()})


def _while_sealing(found: Found, folder: Path, size: int, stamps: Iterator[int]) -> None:
    """Ingest alone, and ingest while the log is sealed and queries are asked, in turn on two equal servers."""
    shapes, seconds = _WRITES["ingest"](size), max(found.plan.seconds, 2.0)
    with _served(folder / "calm", size, "", "") as calm, _served(folder / "busy", size, "", "seal") as busy:
        rates: dict[str, list[float]] = {"calm": [], "busy": []}
        for turn in range(found.plan.rounds + 1):
            for name, server in (("calm", calm), ("busy", busy)):
                with _asking(server.port if name == "busy" else 0, next(stamps)):
                    run = drive(server.port, shapes, WRITERS, seconds, next(stamps))
                _check(f"ingest {name}", [run.wrong])
                if turn:
                    rates[name].append(run.rate * material.BATCH)
    found.sealing.update({name: median(some) for name, some in rates.items()})


@contextmanager
def _asking(port: int, stamp: int) -> Iterator[None]:
    """Some queries a second from a thread, until it ends; none without a port."""
    over = Event()

    def ask() -> None:
        shapes = [*material.by_q(count=False, broad=False), *material.near(count=False)]
        asyncio.run(_steadily(port, shapes, over))

    asker = Thread(target=ask, daemon=True)
    if port:
        asker.start()
    try:
        yield
    finally:
        over.set()
        if port:
            asker.join()


async def _steadily(port: int, shapes: list[Shape], over: Event) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number in count():
        if over.is_set():
            break
        shape = shapes[number % len(shapes)]
        writer.write(f"GET {shape.path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 200"):
            raise Unavailable(f"A query beside the ingest failed: {head[:100]!r}")
        await reader.readexactly(int(head.partition(b"content-length:")[2].partition(b"\r")[0]))
        await asyncio.sleep(1 / _QUERIES_S)
    writer.close()


@dataclass
class _Serving:
    process: "subprocess.Popen[str]"
    told: dict[str, Any]

    @property
    def port(self) -> int:
        return int(self.told["port"])

    def ask(self, what: str) -> dict[str, float]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        answer: dict[str, float] = json.loads(self.process.stdout.readline())
        return answer


@contextmanager
def _served(folder: Path, size: int, url: str, features: str) -> Iterator[_Serving]:
    """A filled hub that is served in a process of its own."""
    command = ["-m", "dothi.command.trial.bench.store.serving", str(folder), url, str(size), features]
    with _child(command) as child:
        assert child.stdout is not None
        line = child.stdout.readline()
        if not line.strip():
            raise Unavailable(f"The server of {size:,} entities did not start.")
        yield _Serving(child, json.loads(line))


@contextmanager
def _plain(name: str, folder: Path) -> Iterator[int]:
    """The port of a ceiling: the same handler without a store, or parse alone."""
    folder.mkdir(parents=True)
    with _child(["-m", "dothi.command.trial.bench.serving", name, str(folder), "0"]) as child:
        assert child.stdout is not None
        yield int(child.stdout.readline())


@contextmanager
def _child(command: list[str]) -> Iterator["subprocess.Popen[str]"]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    child = subprocess.Popen([sys.executable, *command], text=True, **pipes)  # type: ignore[call-overload]  # noqa: S603
    try:
        yield child
    finally:
        child.stdin.close()
        try:
            child.wait(60)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()


_names = count(1)


@contextmanager
def _database(url: str) -> Iterator[str]:
    """The URL of a database made for this, removed afterwards; "" without a server."""
    if not url:
        yield ""
        return
    name = f"dothi_bench_{next(_names)}"
    asyncio.run(_run(url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
    asyncio.run(_run(url, f"CREATE DATABASE {name} TEMPLATE template0"))
    try:
        yield urllib.parse.urlunsplit(urllib.parse.urlsplit(url)._replace(path=f"/{name}"))
    finally:
        asyncio.run(_run(url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


async def _run(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _check(what: str, wrong: list[int]) -> None:
    if any(wrong):
        raise Unavailable(f"{what}: {sum(wrong)} answers were errors, so nothing was measured.")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
