"""Alarm rules and odd values scored on the labelled traffic files: python -m tests.operations.rules.scored FOLDER.

Prints the table of docs/anomalies.md. FOLDER holds nab_*.csv and nab_realTraffic_anomaly_windows.json.
"""

import csv
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from dothi.ground.clock import DAY, from_iso
from dothi.hub.model import Readings
from dothi.operations.engine.program import program_of
from dothi.operations.model import Priority
from dothi.operations.rules.model import Bound, Change, Node, Rule, Threshold
from dothi.operations.rules.odd.memory import Memory, begins, judge, learn
from dothi.operations.rules.replay import Subject, replay

FILES = ("TravelTime_387", "occupancy_6005", "speed_6005")
LABELS = "nab_realTraffic_anomaly_windows.json"
Rise = list[int]  # Instants (µs) at which somebody would have been told.
Way = Callable[[str, Readings], Rise]


@dataclass(frozen=True)
class Score:
    """What one way of telling does on one file."""

    hits: int
    windows: int
    false: int
    days: float  # Outside the labelled windows.


def load(folder: Path, name: str) -> tuple[Readings, list[tuple[int, int]]]:
    """A series (its clock taken for Vietnam's, so that hours of the day are its own) and its labelled windows."""
    series = Readings()
    with (folder / f"nab_{name}.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            series.observed.append(from_iso(f"{row['timestamp']}+07:00"))
            series.values.append(float(row["value"]))
    labels = json.loads((folder / LABELS).read_text("utf-8"))[f"realTraffic/{name}.csv"]
    return series, [(from_iso(f"{start}+07:00"), from_iso(f"{end}+07:00")) for start, end in labels]


def score(told: Rise, series: Readings, windows: list[tuple[int, int]]) -> Score:
    """A window is hit when somebody is told within it; whatever is told outside of all is false."""
    hits = sum(any(start <= at <= end for at in told) for start, end in windows)
    false = sum(not any(start <= at <= end for start, end in windows) for at in told)
    span = series.observed[-1] - series.observed[0] - sum(end - start for start, end in windows)
    return Score(hits, len(windows), false, span / DAY)


EARLY = 3 * DAY
HALF_HOUR = 1800
LOW = frozenset({"speed_6005"})  # Where little is bad.
# What looks best once the whole file with its labels is known: fitted on what it is scored on.
FITTED_LIMITS = {
    "TravelTime_387": Bound(">", 2000, 1000),
    "occupancy_6005": Bound(">", 22, 15),
    "speed_6005": Bound("<", 30, 50),
}
FITTED_JUMPS = {"TravelTime_387": 1500.0, "occupancy_6005": 12.0, "speed_6005": -40.0}


def early_limit(name: str, series: Readings) -> Node:
    """The furthest value of the first three days; over half way back to their median."""
    values = [
        value for at, value in zip(series.observed, series.values, strict=True) if at < series.observed[0] + EARLY
    ]
    furthest = min(values) if name in LOW else max(values)
    return Threshold("value", Bound("<" if name in LOW else ">", furthest, (furthest + median(values)) / 2))


def fitted_limit(name: str, _: Readings) -> Node:
    """The limit that was fitted on the labels."""
    return Threshold("value", FITTED_LIMITS[name])


def early_jump(name: str, series: Readings) -> Node:
    """More than the furthest jump within half an hour of the first three days."""
    told = list(zip(series.observed, series.values, strict=True))
    early = [(at, value) for at, value in told if at < series.observed[0] + EARLY]
    jumps = [value - was for at, value in early for then, was in early if 0 <= at - then < HALF_HOUR * 1_000_000]
    return _jump(min(jumps) if name in LOW else max(jumps))


def fitted_jump(name: str, _: Readings) -> Node:
    """The jump that was fitted on the labels."""
    return _jump(FITTED_JUMPS[name])


def _jump(size: float) -> Node:
    return Change("value", Bound(">" if size > 0 else "<", size, size / 2), HALF_HOUR)


def by_rule(when: Callable[[str, Readings], Node], for_seconds: int = 0) -> Way:
    """A rule of the live engine, replayed."""

    def run(name: str, series: Readings) -> Rise:
        rule = Rule("r", {"vi": "r"}, "T", when(name, series), Priority.HIGH, for_seconds=for_seconds)
        found = replay(
            program_of({"r": rule}), {"x": Subject(("T",), "")}, {("x", "value"): series}, series.observed[-1]
        )
        return [one.start for one in found]

    return run


def by_oddness(sensitivity: float, quiet_hours: float = 24) -> Way:
    """The suggestions: one setting for all three files."""

    def run(_: str, series: Readings) -> Rise:
        memory, found = Memory(), []
        for at, value in zip(series.observed, series.values, strict=True):
            odd = judge(memory, at, value)
            if odd is not None and abs(odd.times) >= sensitivity and begins(memory, at, quiet_hours):
                found.append(at)
            learn(memory, at, value)
        return found

    return run


WAYS: dict[str, Way] = {
    "rule: limit, the furthest value of the first 3 days": by_rule(early_limit),
    "rule: the same, lasting 15 minutes": by_rule(early_limit, 900),
    "rule: limit, fitted on the labels": by_rule(fitted_limit),
    "rule: jump in 30 minutes, the furthest of the first 3 days": by_rule(early_jump),
    "rule: jump in 30 minutes, fitted on the labels": by_rule(fitted_jump),
    "suggestion: 3 deviations": by_oddness(3),
    "suggestion: 3.5 deviations": by_oddness(3.5),
    "**suggestion: 4 deviations (as shipped)**": by_oddness(4),
    "suggestion: 4.5 deviations": by_oddness(4.5),
    "suggestion: 5 deviations": by_oddness(5),
}


def table(folder: Path) -> list[str]:
    """The lines of the table: hits of windows and false ones for each file and for all."""
    loaded = {name: load(folder, name) for name in FILES}
    lines = [
        f"| Told by | {' | '.join(FILES)} | windows hit | missed | false | false a day |",
        f"|---|{'---|' * len(FILES)}---|---|---|---|",
    ]
    for word, way in WAYS.items():
        scores = [score(way(name, series), series, windows) for name, (series, windows) in loaded.items()]
        cells = [f"{one.hits} of {one.windows}, {one.false} false" for one in scores]
        hits, windows, false = (sum(getattr(one, name) for one in scores) for name in ("hits", "windows", "false"))
        daily = false / sum(one.days for one in scores)
        lines.append(
            f"| {word} | {' | '.join(cells)} | {hits} of {windows} | {windows - hits} | {false} | {daily:.2f} |"
        )
    return lines


if __name__ == "__main__":
    sys.stdout.write("\n".join(table(Path(sys.argv[1]))) + "\n")
