"""Each question three ways in turn: DuckDB alone over the same files, the hub's measure, and the API over HTTP."""

import http.client
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

from dothi.command.trial.bench.history.material import CITY, TINY, YEARS, Size, make, name_of
from dothi.ground.clock import DAY, HOUR, iso
from dothi.ground.errors import Unavailable
from dothi.hub.store.cold.place import Place
from dothi.hub.store.cold.tables import Table
from dothi.hub.store.query.library import library

_OFFSET = 7 * HOUR  # Việt Nam.
_ROUNDS, _FEW = 15, 3
_MANY = 10**8  # Readings from which a few rounds must do.
_RESTING = 0.1  # Seconds of processor time within two.


@dataclass(frozen=True)
class Case:
    """One question: as the API is asked, as DuckDB is asked, and how much longer the first may take."""

    title: str
    asked: dict[str, str]
    sql: str
    most: float | None


@dataclass(frozen=True)
class Measured:
    """Seconds of each round."""

    case: Case
    engine: tuple[float, ...]
    api: tuple[float, ...]
    rows: int

    @property
    def ratio(self) -> float:
        """How much longer the API takes: medians."""
        return statistics.median(self.api) / statistics.median(self.engine)


@dataclass(frozen=True)
class Run:
    """All that came out of a run."""

    size: Size
    bytes: int
    seconds: float
    measured: tuple[Measured, ...]


def measure(quick: bool, years: bool = False, folder: str = "") -> Run:
    """Generate, serve, ask. `years`: 10⁹ rows, kept in `folder` and used again when it is there."""
    size = TINY if quick else YEARS if years else CITY
    if folder:
        return _in(Path(folder), size)
    with tempfile.TemporaryDirectory(prefix="dothi-bench-") as temporary:
        return _in(Path(temporary), size)


def _in(folder: Path, size: Size) -> Run:
    made = folder / "made.json"
    if made.exists():
        told = json.loads(made.read_text("utf-8"))
        if told["rows"] != size.rows:
            raise Unavailable(f"{folder} holds {told['rows']:,} rows, not {size.rows:,}: name another folder.")
    else:
        folder.mkdir(parents=True, exist_ok=True)
        weight, seconds = make(folder / "hub", size, _say)
        told = {"rows": size.rows, "bytes": weight, "seconds": seconds}
        made.write_text(json.dumps(told), "utf-8")
    readings = Table(Place(str(folder / "hub" / "archive")), "readings")
    files = [readings.path(one) for one in readings.files()]
    with _served(folder) as port:
        measured = tuple(_measured(case, port, _ROUNDS if size.rows < _MANY else _FEW) for case in _cases(size, files))
    return Run(size, told["bytes"], told["seconds"], measured)


def _cases(size: Size, files: list[str]) -> Iterator[Case]:
    start, end = size.span
    month = max(start, end - 30 * DAY)
    entity = name_of(size.entities // 3)
    spans = [("all", start, end)] if month == start else [("30 days", month, end), ("all", start, end)]
    for word, low, high in spans:
        span = {"from": iso(low), "to": iso(high), "attribute": "pm25"}
        chosen = [one for one in files if _touches(one, low, high)]
        source = f"read_parquet([{', '.join(repr(one) for one in chosen)}])"
        where = f"attribute = 'pm25' AND dataset IS NULL AND observed >= {low} AND observed < {high}"
        one = f"{where} AND entity = '{entity}'"
        local = f"make_timestamp(observed + {_OFFSET})"
        by_hour = f"SELECT date_trunc('hour', {local}), avg(value) FROM {source} WHERE {one} GROUP BY 1"  # noqa: S608
        by_day = f"SELECT date_trunc('day', {local}), avg(value) FROM {source} WHERE {where} GROUP BY 1"  # noqa: S608
        last = f"SELECT max_by(value, observed) FROM {source} WHERE {one}"  # noqa: S608
        last_of_all = f"SELECT entity, max_by(value, observed) FROM {source} WHERE {where} GROUP BY 1"  # noqa: S608
        yield Case(f"hourly mean of one entity, {word}", {**span, "id": entity, "step": "hour"}, by_hour, 1.3)
        yield Case(f"daily mean of one attribute, city-wide, {word}", {**span, "step": "day"}, by_day, 1.2)
        yield Case(f"last value of one entity, {word}", {**span, "id": entity, "method": "last"}, last, None)
        if word != "all" or len(spans) == 1:
            asked = {**span, "by": "entity", "method": "last"}
            yield Case(f"last value of every entity, {word}", asked, last_of_all, None)


def _touches(file: str, low: int, high: int) -> bool:
    day = datetime.fromisoformat(file.rpartition("/day=")[2][:10]).replace(tzinfo=UTC)
    at = int(day.timestamp()) * 1_000_000
    return at < high and at + DAY > low


def _measured(case: Case, port: int, rounds: int) -> Measured:
    """Rounds in turn, so that a busy moment hits both alike; the answers are compared once."""
    db = library().connect(config={"threads": 2, "memory_limit": "1GB"})
    db.execute("SET preserve_insertion_order = false")
    path = f"/api/history/measure?{urlencode(case.asked)}"

    def ask() -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)  # A kept one ends while DuckDB works.
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status != 200:
            raise Unavailable(f"{case.title}: {answer.status} {body[:300]!r}")
        return len(json.loads(body)["figures"])

    try:
        direct, told = len(db.execute(case.sql).fetchall()), ask()
        if direct != told:
            raise Unavailable(f"{case.title}: DuckDB tells {direct:,} rows, the API {told:,}.")
        took = [(_timed(lambda: db.execute(case.sql).fetchall()), _timed(ask)) for _ in range(rounds)]
    finally:
        db.close()
    _say(f"{case.title}: {told:,} rows")
    engine, api = zip(*took, strict=True)
    return Measured(case, engine, api, told)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@contextmanager
def _served(folder: Path) -> Iterator[int]:
    """`dothi serve --open` over the folder, in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "dothi.cli", "serve", "--data", str(folder), "--port", str(port), "--open"]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603
    try:
        _wait(port, child)
        _settle(child.pid)
        yield port
    finally:
        child.terminate()
        child.wait(30)


def _wait(port: int, child: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        if child.poll() is not None:
            raise Unavailable(f"The server ended with {child.returncode} before it was asked.")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise Unavailable("The server did not listen within a minute.")


def _settle(process: int) -> None:
    """Wait until the server has read what its consumers had not read yet: then it rests."""
    before = -1.0
    for _ in range(300):
        fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
        now = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        if 0 <= now - before < _RESTING:
            return
        before = now
        time.sleep(2)


def conditions(load: float) -> str:
    """On what the figures rest."""
    return (
        f"Python {platform.python_version()}, DuckDB {library().__version__} with 2 threads and 1 GB on both sides, "
        f"{os.cpu_count()} cores, load {load:.1f} at the start; medians of {_ROUNDS} rounds ({_FEW} over 10⁹), "
        f"DuckDB alone and the API in turn; {datetime.now(UTC):%d/%m/%Y %H:%M} UTC."
    )


def table(run: Run) -> str:
    """The Markdown table."""
    lines = [
        f"{run.size.rows:,} readings in {run.size.days} day files of {run.bytes / 1e6:,.0f} MB: "
        f"{run.bytes / run.size.rows:.2f} bytes a reading; written in {run.seconds:,.0f} s.",
        "",
        "| Question | Rows told | DuckDB alone ms | Through the API ms | Ratio | At most |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for one in run.measured:
        alone, api = (statistics.median(some) * 1000 for some in (one.engine, one.api))
        most = "" if one.case.most is None else f"{one.case.most:.1f}"
        lines.append(f"| {one.case.title} | {one.rows:,} | {alone:,.1f} | {api:,.1f} | {one.ratio:.2f} | {most} |")
    return "\n".join(lines)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
