"""What a run says: a table with aims and musts, and the growth of costs with size drawn as SVG."""

import math
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from dothi.command.trial.bench.store.measuring import Found, Grown

_TITLES = {
    "ingest": "Batch upsert of 100, entities/s",
    "patch": "PATCH of one attribute, requests/s",
    "retrieve": "Retrieve by id, p50 ms",
    "type and q": "Query by type and q, limit 20, p50 ms",
    "near": "Query near a point (1 km), limit 20, p50 ms",
    "q and near": "Query by q and near, limit 20, p50 ms",
    "history": "A month of hourly values, mean and maximum by day, p50 ms",
}
_MUST_MS = 5.0  # Query by type and q, and near, over a million entities.
_MILLION = 1_000_000
_COLOURS = {"sqlite": "#0b6e4f", "postgresql": "#1f4e9c"}
_WIDTH, _HEIGHT, _LEFT, _TOP = 520, 300, 64, 34


def conditions(found: Found, before: float, after: float) -> str:
    """Where and how it was measured, and how noisy the machine was."""
    plan = found.plan
    return (
        f"Measured {datetime.now(UTC):%d/%m/%Y %H:%M} UTC, Python {platform.python_version()}, {platform.machine()}; "
        f"{plan.rounds} rounds of {plan.seconds:g} s after a warm-up, medians; 16 connections write, 1 asks. "
        f"Load average of the machine (1 min) before: {before:.1f}, after: {after:.1f}."
    )


def table(found: Found) -> str:
    """The Markdown tables."""
    head = [
        "| | " + " | ".join(f"{one.store}, {one.size:,}" for one in found.grown) + " |",
        "|---|" + "--:|" * len(found.grown),
    ]
    rows = [
        f"| {title} | " + " | ".join(_cell(one, name) for one in found.grown) + " |" for name, title in _TITLES.items()
    ]
    rows.append(
        "| Filling, entities/s of the last tenth (of the first) | " + " | ".join(map(_filling, found.grown)) + " |"
    )
    slowest = (max(one.first.items(), key=lambda pair: pair[1], default=("", 0.0)) for one in found.grown)
    rows.append(
        "| The slowest first question after a start, s | " + " | ".join(f"{s:.2f} ({n})" for n, s in slowest) + " |"
    )
    rows.append(
        "| Resident memory when filled, MB | " + " | ".join(f"{one.memory / 1e6:,.0f}" for one in found.grown) + " |"
    )
    return "\n".join([*head, *rows, "", *_ratios(found)])


def _cell(one: Grown, name: str) -> str:
    return f"{one.p50[name]:.2f}" if name in one.p50 else f"{one.rates[name]:,.0f}"


def _filling(one: Grown) -> str:
    return f"{one.filling[-1]:,.0f} ({one.filling[0]:,.0f})"


def _ratios(found: Found) -> list[str]:
    """Each figure against its ceiling of the same run, with the aim."""
    said = ["| Against | Ratio | Aim |", "|---|--:|---|"]
    first = {one.store: one for one in reversed(found.grown)}
    for store, one in first.items():
        for ceiling, least in (("nostore", 0.60), ("parse", 0.30)):
            title = "the same handler with no store" if ceiling == "nostore" else "parse only"
            aim = least if store == "sqlite" else 0.0
            said.append(
                _line(
                    f"{store}: ingest / {title}", one.rates["ingest"] / found.ceilings[f"{store} ingest {ceiling}"], aim
                )
            )
        said.append(
            _line(
                f"{store}: ingest / the bare engine with the same bytes", one.rates["ingest"] / found.bare[store], 0.0
            )
        )
        said.append(
            f"| {store}: events at 5,000/s: {one.events['paced']:,.0f}/s borne, p50 {one.events['p50']:.1f} ms, "
            f"p99 {one.events['p99']:.1f} ms | {one.events['core']:.0%} of a core | 5,000/s |"
        )
        said.append(
            _line(f"{store}: events as fast as it goes / bare SQLite", one.events["free"] / found.bare["events"], 0.0)
        )
    if "postgresql" in first:
        said.append(
            _line(
                "PostgreSQL / SQLite: ingest",
                first["postgresql"].rates["ingest"] / first["sqlite"].rates["ingest"],
                0.70,
            )
        )
    busy, calm = found.sealing["busy"], found.sealing["calm"]
    said.append(_line("SQLite: ingest while sealing and under 10 queries/s / ingest alone", busy / calm, 0.80))
    for one in found.grown:
        if one.size == _MILLION:
            said += [_latency(one, name) for name in ("type and q", "near")]
    return said


def _line(title: str, ratio: float, aim: float) -> str:
    return f"| {title} | {ratio:.2f} | {f'≥ {aim:.2f}: {_word(ratio >= aim)}' if aim else ''} |"


def _latency(one: Grown, name: str) -> str:
    time = one.p50[name]
    aim = f"< {_MUST_MS:g} ms: {_word(time < _MUST_MS)}"
    return f"| {one.store}: {name} over 1,000,000 entities | p50 {time:.2f} ms | {aim} |"


def _word(met: bool) -> str:
    return "met" if met else "**missed**"


def draw(found: Found, folder: Path) -> list[Path]:
    """One SVG a question: how its cost grows with the number of entities, a line a store."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, title in _TITLES.items():
        lines = {
            store: [(one.size, one.p50.get(name, one.rates[name])) for one in found.grown if one.store == store]
            for store in dict.fromkeys(one.store for one in found.grown)
        }
        file = folder / f"store-{name.replace(' ', '-')}.svg"
        file.write_text(_svg(title, lines), "utf-8")
        files.append(file)
    return files


def _svg(title: str, lines: dict[str, list[tuple[int, float]]]) -> str:
    sizes = sorted({size for line in lines.values() for size, _ in line})
    values = [value for line in lines.values() for _, value in line]
    low, high = 10 ** math.floor(math.log10(min(values))), 10 ** math.ceil(math.log10(max(values) * 1.001))
    right, bottom = _WIDTH - 110, _HEIGHT - 40

    def x(size: int) -> float:
        span = math.log10(sizes[-1] / sizes[0]) or 1.0
        return _LEFT + math.log10(size / sizes[0]) / span * (right - _LEFT)

    def y(value: float) -> float:
        return bottom - math.log10(value / low) / math.log10(high / low) * (bottom - _TOP)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{title}" '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{_LEFT}" y="18" font-size="13" font-weight="600">{title}</text>',
    ]
    tick = low
    while tick <= high * 1.001:
        parts.append(f'<path d="M{_LEFT} {y(tick):.1f}H{right}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:,g}</text>')
        tick *= 10
    parts += [f'<text x="{x(s):.1f}" y="{bottom + 18}" text-anchor="middle">{s:,}</text>' for s in sizes]
    parts.append(f'<text x="{(_LEFT + right) / 2}" y="{_HEIGHT - 6}" text-anchor="middle">entities held</text>')
    for store, line in lines.items():
        parts += _drawn(store, [(x(size), y(value), value) for size, value in line])
    return "\n".join([*parts, "</svg>", ""])


def _drawn(store: str, points: Sequence[tuple[float, float, float]]) -> list[str]:
    colour = _COLOURS[store]
    path = " ".join(f"{left:.1f},{top:.1f}" for left, top, _ in points)
    below = 16 if store == "postgresql" else -8  # So that figures of two stores do not lie on each other.
    parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>']
    for left, top, value in points:
        parts.append(f'<circle cx="{left:.1f}" cy="{top:.1f}" r="3.5" fill="{colour}"/>')
        parts.append(
            f'<text x="{left:.1f}" y="{top + below:.1f}" text-anchor="middle" fill="{colour}">{value:,.3g}</text>'
        )
    left, top, _ = points[-1]
    parts.append(f'<text x="{left + 10:.1f}" y="{top + below / 2 + 4:.1f}" fill="{colour}">{store}</text>')
    return parts
