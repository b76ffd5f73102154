"""The history that is measured: written by the archive's own writer, told whole, and small."""

import asyncio
from pathlib import Path

from dothi.command.trial.bench.history.asking import Case, Measured, Run, table
from dothi.command.trial.bench.history.material import Size, make
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.language.measure import Measure
from dothi.hub.model import ANONYMOUS


def test_what_was_written_is_what_is_told(tmp_path: Path) -> None:
    """Every reading of every station counts once, in at most 8 bytes each."""
    size = Size(120, 24, 4)
    weight, _ = make(tmp_path / "hub", size, lambda _: None)
    hub = Hub(tmp_path / "hub", Open())
    told = hub.measuring.measure(ANONYMOUS, Measure("pm25", *size.span, ("mean", "count"), "day", "entity"))
    asyncio.run(hub.close())
    assert sum(one.numbers for one in told) == size.rows // 4
    assert len({one.group for one in told}) == 120
    assert weight / size.rows < 8


def test_the_table_tells_ratios_beside_what_they_may_be() -> None:
    """A ratio is the API's median over the engine's."""
    case = Case("mean", {}, "", 1.3)
    run = Run(Size(120, 24, 4), 100_000, 1.0, (Measured(case, (0.01, 0.02, 0.03), (0.02, 0.03, 0.04), 720),))
    assert table(run).splitlines()[-1] == "| mean | 720 | 20.0 | 30.0 | 1.50 | 1.3 |"
