"""The order of measuring: start every server, warm up, then round after round each case on each of its servers."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from dothi.command.trial.bench import desk, history, operations, store, telling
from dothi.command.trial.bench.load import Sample, drive
from dothi.command.trial.bench.plan import CASES, FEW, QUICK, SHAPES, WHOLE, Case, Sizes
from dothi.command.trial.bench.report import Measured, conditions, table, write
from dothi.ground.errors import Unavailable

_STAMPS = 2000  # Seconds of stamps set aside for one run of load, so that no reading is sent twice.


@dataclass(frozen=True)
class Server:
    """A process that is measured."""

    port: int
    process: int

    def cpu_s(self) -> float:
        """Seconds of processor time that it has used; nought where the machine does not tell."""
        try:
            fields = Path(f"/proc/{self.process}/stat").read_text("ascii").rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(given: argparse.Namespace) -> None:
    """Measure and print; with --write FILE the table goes into it too. Unavailable when an answer was wrong."""
    if given.what == "desk":
        _show(desk.conditions(os.getloadavg()[0]), desk.table(desk.measure(given.quick)), given.write, "desk")
        return
    if given.what == "telling":
        load = os.getloadavg()[0]
        _show(telling.conditions(load), telling.table(telling.measure(given.quick)), given.write, "telling")
        return
    if given.what == "store":
        load = os.getloadavg()[0]
        found = store.measure(given.quick, given.store or "", given.huge)
        _show(store.conditions(found, load, os.getloadavg()[0]), store.table(found), given.write, "store")
        if given.write:
            store.draw(found, Path(given.write).parent / "images")
        return
    if given.what == "history":
        load = os.getloadavg()[0]
        run = history.measure(given.quick, given.huge, given.folder or "")
        mark = "history of years" if given.huge else "history"
        _show(history.conditions(load), history.table(run), given.write, mark)
        return
    if given.what == "operations":
        before = os.getloadavg()[0]
        rows = operations.table(operations.measure(given.quick))
        _show(operations.conditions(before), rows, given.write, "operations")
        return
    sizes = QUICK if given.quick else WHOLE
    began, load = time.monotonic(), os.getloadavg()[0]
    measured = measure(sizes, SHAPES if given.what == "shapes" else CASES)
    when = datetime.now(UTC).strftime("%d/%m/%Y %H:%M UTC")
    said = conditions(sizes, (load, os.getloadavg()[0]), time.monotonic() - began, when)
    _show(said, table(measured), given.write, given.what)


def _show(said: str, rows: str, file: str | None, mark: str) -> None:
    text = f"{said}\n\n{rows}"
    print(text)
    if file:
        write(Path(file), text, mark)


def measure(sizes: Sizes, cases: tuple[Case, ...] = CASES) -> list[Measured]:
    """All samples of all cases; servers live in child processes until it is over."""
    names = dict.fromkeys(name for case in cases for name in case.servers)
    stamps = count(int(time.time()), _STAMPS)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dothi-bench-")))
        servers = {name: stack.enter_context(_served(name, folder / name, sizes)) for name in names}
        return [_case(case, sizes, servers, stamps) for case in cases]


def _case(case: Case, sizes: Sizes, servers: dict[str, Server], stamps: Iterator[int]) -> Measured:
    """The rounds of one case: in each, every server in turn, so that a busy minute hits all of them alike."""
    shapes = case.shapes(sizes)
    samples: dict[str, list[Sample]] = {name: [] for name in case.servers}
    for name in case.servers:
        drive(servers[name].port, shapes, case.connections, sizes.warm_up, next(stamps))
    for turn in range(sizes.rounds):
        _say(f"{case.id}: round {turn + 1} of {sizes.rounds}")
        for name in case.servers:
            before = servers[name].cpu_s()
            sample = drive(servers[name].port, shapes, case.connections, sizes.seconds, next(stamps))
            answers = max(sample.rate * sizes.seconds, 1.0)
            sample = replace(sample, cpu_s=(servers[name].cpu_s() - before) / answers)
            if sample.wrong or not sample.rate:
                what = f"{sample.wrong} answers were errors" if sample.wrong else "nothing was answered"
                raise Unavailable(f"{case.id} on {name}: {what}, so nothing was measured.")
            samples[name].append(sample)
    return Measured(case, samples)


@contextmanager
def _served(name: str, folder: Path, sizes: Sizes) -> Iterator[Server]:
    """A server in a process of its own, which ends when its input is closed."""
    folder.mkdir()
    _say(f"starting: {name}")
    entities = {"city": sizes.written, "small": FEW}.get(name, sizes.entities)
    command = [sys.executable, "-m", "dothi.command.trial.bench.serving", name, str(folder), str(entities)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        line = child.stdout.readline()
        if not line.strip():
            raise Unavailable(f"The server {name} did not start.")
        yield Server(int(line), child.pid)
    finally:
        child.stdin.close()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
