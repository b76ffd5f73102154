"""One commune among 168 sends far more than its share: the others are answered nearly as if it were not there."""

import asyncio
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.faults.flood import flood
from tests.faults.line import Line
from tests.faults.load import UPSERT, reading
from tests.faults.record import note
from tests.faults.served import served

QUIET, EVERY = 168, 2.0  # Communes, and the seconds between two batches of each.
NOISY = 200  # Lines of the noisy one, each sending without a pause.


@dataclass
class Told:
    """Seconds until each answer, and answers by status."""

    took: list[float] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)

    def p(self, share: float) -> float:
        """The time within which that share was answered, in milliseconds."""
        return round(1000 * statistics.quantiles(self.took, n=1000)[int(share * 1000) - 1], 1)


async def _commune(port: int, who: int, told: Told, until: float) -> None:
    line = await Line.to(port)
    await asyncio.sleep(EVERY * who / QUIET)
    number = 0
    while (began := time.perf_counter()) < until:
        number += 1
        batch = [reading(f"urn:x:of:{who}:{i}", number) for i in range(10)]
        answer = await line.ask("POST", UPSERT, batch, Authorization=f"Bearer {who}")
        told.answers[answer.status] += 1
        told.took.append(time.perf_counter() - began)
        await asyncio.sleep(max(0.0, began + EVERY - time.perf_counter()))
    await line.close()


async def _measure(port: int, seconds: float) -> Told:
    told = Told()
    until = time.perf_counter() + seconds
    await asyncio.gather(*(_commune(port, who, told, until) for who in range(QUIET)))
    return told


def _compare(folder: Path, port: int, seconds: float) -> dict[str, Any]:
    with served("hub", folder / "city", port) as server:
        server.start()
        asyncio.run(server.answers())
        alone = asyncio.run(_measure(port, seconds))
        with flood(port, "noisy", NOISY, seconds + EVERY + 2) as loud:
            time.sleep(1.5)  # Until it has begun.
            beside = asyncio.run(_measure(port, seconds))
    assert set(beside.answers) <= {201, 204}, beside.answers
    written = loud.get("201", 0) + loud.get("204", 0)
    share = (sum(loud.values()) / (seconds + EVERY)) / (1 / EVERY)
    assert share > 50, f"the noisy one sent only {share:.0f} times as much"
    return {
        "acknowledged": sum(beside.answers.values()) + written,
        "p50 alone ms": alone.p(0.5),
        "p99 alone ms": alone.p(0.99),
        "p50 beside ms": beside.p(0.5),
        "p99 beside ms": beside.p(0.99),
        "times its share": round(share),
        "noisy writes a second": round(written / (seconds + EVERY)),
    }


def test_one_noisy_commune(request: pytest.FixtureRequest, tmp_path: Path, free_port: int) -> None:
    """168 communes send in turn while one floods: none of them is refused, and their p99 stays bounded."""
    figures = _compare(tmp_path, free_port, 3.0)
    how = f"{NOISY} lines that send without a pause beside 168 that send 1 batch in {EVERY:g} s"
    note(request, "one noisy commune among 168", how, 1, **figures)
    assert figures["p99 beside ms"] < 1000
