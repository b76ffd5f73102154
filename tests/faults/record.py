"""Notes what each fault did, a line of JSON each: scripts/reliability writes docs/reliability.md from them."""

import json
import os
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.faults.load import Ledger
from tests.faults.truth import Truth

WHERE = "DOTHI_FAULTS"  # The file to which results are added; none: they are only printed.


def note(request: pytest.FixtureRequest, fault: str, how: str, runs: int, **figures: Any) -> None:
    """Keep the result of a fault with the command that repeats it. `figures`: what was counted."""
    slow = " --slow" if request.node.get_closest_marker("slow") else ""
    file = Path(str(request.node.path)).relative_to(request.config.rootpath)
    command = f"pytest{slow} {file} -k {request.node.originalname}"
    line = json.dumps({"fault": fault, "how": how, "runs": runs, **figures, "command": command}, ensure_ascii=False)
    print(line)
    if kept := os.environ.get(WHERE):
        with Path(kept).open("a") as out:
            out.write(line + "\n")


def counted(ledger: Ledger, truth: Truth, recoveries: Sequence[float] = ()) -> dict[str, Any]:
    """The figures that every fault has; recovery: the median and the longest time in which nobody was answered (s)."""
    figures: dict[str, Any] = {"acknowledged": ledger.acknowledged, "repeated": ledger.repeats}
    figures |= {name: getattr(truth, name) for name in ("lost", "doubled", "reordered", "torn")}
    if recoveries:
        figures["recovery"] = [round(statistics.median(recoveries), 3), round(max(recoveries), 3)]
    return figures
