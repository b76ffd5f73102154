"""The order of measuring a centre: a calm while, a burst, with rules and without; more rules, more sensors."""

import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dothi.command.trial.bench.operations.feeding import Fed, connect
from dothi.command.trial.bench.operations.material import sensors
from dothi.ground.errors import Unavailable

MOST_S, SHARE = 2.0, 0.25  # Must: an alarm is seen within this at p99; evaluation of a core at the calm rate.
BURST = 30
KEPT_UP = 0.98  # Of the values offered a second: below it the city did not keep up.
_PATIENCE_S = 60.0  # So long the last alarms are waited for.


@dataclass(frozen=True)
class Load:
    """One run: so many sensors and rules, seconds of calm (a value a minute) and of burst (thirty times that)."""

    title: str
    sensors: int
    rules: int
    calm_s: float
    burst_s: float
    engine: bool = True


MUST = Load("the must: 10,000 sensors, 200 rules", 10_000, 200, 30, 60)
WHOLE = (
    MUST,
    Load("ceiling: the same feed, no rules at work", 10_000, 200, 30, 60, engine=False),
    Load("50 rules", 10_000, 50, 15, 15),
    Load("800 rules", 10_000, 800, 15, 15),
    Load("1,000 sensors", 1_000, 200, 15, 15),
    Load("20,000 sensors", 20_000, 200, 15, 15),
)
QUICK = (
    Load("small, to see that it runs", 600, 40, 2, 3),
    Load("ceiling: the same feed, no rules at work", 600, 40, 2, 3, engine=False),
)


@dataclass(frozen=True)
class Phase:
    """What one phase brought."""

    load: Load
    name: str  # "calm" or "burst".
    fed: Fed
    late_s: Sequence[float]  # Of each alarm: value sent → alarm seen in the open alarms.
    evaluation_s: float  # Processor time inside the evaluator.
    cpu_s: float  # Of the whole process.

    @property
    def missing(self) -> int:
        """Alarms that should have been seen and were not."""
        return self.fed.spikes - len(self.late_s) if self.load.engine else 0


@dataclass(frozen=True)
class Run:
    """One load measured."""

    load: Load
    phases: tuple[Phase, ...]
    lost: int  # Values sent that the history does not hold.


def measure(quick: bool) -> list[Run]:
    """Every load, each with a city of its own."""
    return [run(load) for load in (QUICK if quick else WHOLE)]


def run(load: Load) -> Run:
    """One load."""
    return asyncio.run(_measure(load))


async def _measure(load: Load) -> Run:
    with tempfile.TemporaryDirectory(prefix="dothi-bench-") as folder, _city(load, folder) as city:
        print(load.title, file=sys.stderr, flush=True)
        feeder = await connect(city.port, sensors(load.sensors))
        calm = load.sensors / 60
        phases = []
        for name, rate, seconds in (("calm", calm, load.calm_s), ("burst", BURST * calm, load.burst_s)):
            city.ask("mark")
            fed = await feeder.feed(rate, seconds)
            phases.append(await _phase(load, name, fed, city))
        feeder.close()
        held = city.ask("count")["held"]
        return Run(load, tuple(phases), sum(one.fed.values for one in phases) - held)


async def _phase(load: Load, name: str, fed: Fed, city: "_City") -> Phase:
    """What the phase brought, once its last alarms were seen, or after a while."""
    found = city.ask("mark")
    late, evaluation, cpu = list(found["late"]), found["evaluation"], found["cpu"]
    waited = 0.0
    while load.engine and len(late) < fed.spikes and waited < _PATIENCE_S:
        await asyncio.sleep(0.5)
        waited += 0.5
        found = city.ask("mark")
        late += found["late"]
        evaluation += found["evaluation"]
        cpu += found["cpu"]
    return Phase(load, name, fed, late, evaluation, cpu)


@dataclass
class _City:
    """The process that is measured."""

    port: int
    child: "subprocess.Popen[str]"

    def ask(self, what: str) -> dict[str, Any]:
        """Ask it; it answers in one line of JSON."""
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.write(f"{what}\n")
        self.child.stdin.flush()
        line = self.child.stdout.readline()
        if not line:
            raise Unavailable("The city that was measured has ended, so nothing was measured.")
        found: dict[str, Any] = json.loads(line)
        return found


@contextmanager
def _city(load: Load, folder: str) -> Iterator[_City]:
    module = "dothi.command.trial.bench.operations.serving"
    command = [sys.executable, "-m", module, folder, str(load.sensors), str(load.rules), str(int(load.engine))]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        line = child.stdout.readline()
        if not line.strip():
            raise Unavailable("The city to be measured did not start.")
        yield _City(int(line), child)
    finally:
        child.stdin.close()
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()


def _share(part: float, phase: Phase) -> str:
    return f"{100 * part / phase.fed.seconds:.1f}%"


def _at(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0


def table(runs: Sequence[Run]) -> str:
    """The Markdown table: each phase of each load, and whether the must is met."""
    seen = "Alarms | Missing | Seen p50 s | p99 s | Answer p99 ms"
    rows = [
        f"| Load | Phase | Values/s | Lost | {seen} | Evaluation, of a core | Process | µs a value | Must |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    rows += [_row(run, phase) for run in runs for phase in run.phases]
    return "\n".join(rows)


def _row(run: Run, phase: Phase) -> str:
    fed, late, works = phase.fed, phase.late_s, run.load.engine
    seen = (f"{_at(late, 0.5):.2f}", f"{_at(late, 0.99):.2f}") if works else ("", "")
    each = f"{1e6 * phase.evaluation_s / max(fed.values, 1):.0f}" if works else ""
    cells = (
        run.load.title,
        phase.name,
        f"{fed.rate:,.0f}",
        f"{run.lost:,}",
        f"{len(late):,}" if works else "",
        f"{phase.missing:,}" if works else "",
        *seen,
        f"{1000 * _at(fed.acks_s, 0.99):.0f}",
        _share(phase.evaluation_s, phase) if works else "",
        _share(phase.cpu_s, phase),
        each,
        _judged(run, phase),
    )
    return f"| {' | '.join(cells)} |"


def _judged(run: Run, phase: Phase) -> str:
    """Whether what must hold does; only the load of the must is judged."""
    if run.load is not MUST:
        return ""
    met = _at(phase.late_s, 0.99) < MOST_S and not run.lost and not phase.missing
    said = [f"p99 < {MOST_S:g} s, none lost: {'met' if met else '**missed**'}"]
    offered = run.load.sensors / 60 * (1 if phase.name == "calm" else BURST)
    kept_up = phase.fed.rate >= KEPT_UP * offered  # Else senders waited, and no figure of this row knows of that.
    said.append(f"{offered:,.0f} values/s taken: {'met' if kept_up else '**missed**'}")
    if phase.name == "calm":
        light = phase.evaluation_s < SHARE * phase.fed.seconds
        said.append(f"evaluation < {SHARE:.0%}: {'met' if light else '**missed**'}")
    return "; ".join(said)


def conditions(load: float) -> str:
    """Where it was measured, and how busy the machine was before."""
    when = datetime.now(UTC).strftime("%d/%m/%Y %H:%M UTC")
    return (
        f"Measured {when}, Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores; feeder "
        "and city in two processes over HTTP. Load average of the machine (1 min) "
        f"before: {load:.1f}, after: {os.getloadavg()[0]:.1f}."
    )
