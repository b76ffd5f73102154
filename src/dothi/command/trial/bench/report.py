"""Measurements as a table for people: absolute figures, ratios to the ceilings, floors and aims, and the noise."""

import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from dothi.command.trial.bench.load import Sample, generator
from dothi.command.trial.bench.plan import SERVER_TITLES, Case, Sizes

_HEAD = (
    "| | Case | On | Rate | Spread | p50 ms | p99 ms | Per CPU-s | Ratio (by CPU-s) | Aim | Must |",
    "|---|---|---|--:|--:|--:|--:|--:|--:|---|---|",
)


@dataclass(frozen=True)
class Measured:
    """All samples of a case, by server."""

    case: Case
    samples: Mapping[str, Sequence[Sample]]

    def rate(self, server: str) -> float:
        """Entities (or requests) a second: the median of the rounds."""
        return median(one.rate for one in self.samples[server]) * self.case.each

    def spread(self, server: str) -> float:
        """How far the rounds lie apart: (highest - lowest) / median."""
        rates = [one.rate for one in self.samples[server]]
        return (max(rates) - min(rates)) / median(rates) if median(rates) else 0.0

    def p50(self, server: str) -> float:
        """Median latency in ms: the median of the rounds."""
        return median(one.p50 for one in self.samples[server])

    def p99(self, server: str) -> float:
        """The 99th percentile in ms: the median of the rounds."""
        return median(one.p99 for one in self.samples[server])

    def ratio(self, ceiling: str) -> float:
        """Dothi's rate as a share of a ceiling's."""
        return self.rate(self.case.servers[0]) / self.rate(ceiling)

    def per_cpu(self, server: str) -> float:
        """Entities (or requests) for a second of the server's processor time, whatever else the machine does."""
        each = median(one.cpu_s for one in self.samples[server])
        return self.case.each / each if each else 0.0

    def cpu_ratio(self, ceiling: str) -> float:
        """The same ratio, by processor time."""
        return self.per_cpu(self.case.servers[0]) / self.per_cpu(ceiling) if self.per_cpu(ceiling) else 0.0

    @property
    def met(self) -> bool:
        """Whether every must of the case is met."""
        own = self.case.servers[0]
        quick = not self.case.most_p50_ms or self.p50(own) < self.case.most_p50_ms
        return quick and self.rate(own) >= self.case.least_rate


def table(measured: Sequence[Measured]) -> str:
    """The Markdown table."""
    return "\n".join([*_HEAD, *(row for one in measured for row in _rows(one))])


def _rows(one: Measured) -> list[str]:
    return [_row(one, number, server) for number, server in enumerate(one.case.servers)]


def _row(one: Measured, number: int, server: str) -> str:
    case, first = one.case, number == 0
    aim = dict(case.aims).get(server)
    cells = (
        case.id if first else "",
        case.title if first else "",
        SERVER_TITLES[server],
        f"{one.rate(server):,.0f}",
        f"{one.spread(server):.0%}",
        f"{one.p50(server):.2f}",
        f"{one.p99(server):.2f}",
        f"{one.per_cpu(server):,.0f}",
        "" if first else f"{one.ratio(server):.2f} ({one.cpu_ratio(server):.2f})",
        "" if aim is None else f"≥ {aim:.2f}: {_word(one.ratio(server) >= aim)}",
        _must(one) if first else "",
    )
    return f"| {' | '.join(cells)} |"


def _must(one: Measured) -> str:
    case = one.case
    said = [f"≥ {case.least_rate:,.0f}/s"] if case.least_rate else []
    said += [f"p50 < {case.most_p50_ms:g} ms"] if case.most_p50_ms else []
    return f"{', '.join(said)}: {_word(one.met)}" if said else ""


def _word(met: bool) -> str:
    return "met" if met else "**missed**"


def conditions(sizes: Sizes, loads: tuple[float, float], seconds: float, when: str) -> str:
    """Where and how it was measured, and how noisy the machine was."""
    return (
        f"Measured {when}, Python {platform.python_version()}, {platform.machine()}, generator: {generator()}; "
        f"{sizes.rounds} interleaved rounds of {sizes.seconds:g} s each after a warm-up, medians; "
        f"{sizes.entities:,} entities held; {seconds:,.0f} s in all. "
        f"Load average of the machine (1 min) before: {loads[0]:.1f}, after: {loads[1]:.1f}."
    )


def write(path: Path, text: str, mark: str = "hub") -> None:
    """Put the text between the marks of a Markdown file, or make the file."""
    begin, end = f"<!-- measured {mark} -->", f"<!-- /measured {mark} -->"
    framed = f"{begin}\n{text}\n{end}"
    before = path.read_text("utf-8") if path.is_file() else ""
    marked = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    after = marked.sub(lambda _: framed, before) if marked.search(before) else f"{before}{framed}\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(after, "utf-8")
