"""`dothi serve --workers`: several processes over one file; killing any of them loses and doubles nothing."""

import asyncio
import json
import random
from pathlib import Path

import pytest

from tests.faults.record import counted, note
from tests.faults.served import Served, served
from tests.faults.truth import read_back
from tests.serving.together import children, struck

WORKERS = 3


def writer(server: Served, folder: Path) -> int:
    """The process that writes: it says so in its lock."""
    return int((folder / "hub" / "lock").read_text())


def follower(server: Served, folder: Path) -> int:
    """One of those beside it."""
    return random.choice([one for one in children(server) if one != writer(server, folder)])


def survives(request: pytest.FixtureRequest, folder: Path, port: int, runs: int) -> None:
    kinds = [(writer, follower)[number % 2] for number in range(runs)]
    random.shuffle(kinds)
    with served("city", folder, port, more=["--workers", str(WORKERS)]) as server:
        victims = [lambda kind=kind: kind(server, folder) for kind in kinds]
        found = asyncio.run(struck(server, WORKERS, victims))
        server.kill(15)
        assert "failed" not in server.log, server.log
    truth = read_back(folder, found.ledger)
    how = f"`dothi serve --workers {WORKERS}`, the writer or another process, 6 clients, every second write sent twice"
    note(request, "kill -9 of one process of several", how, runs, **counted(found.ledger, truth, found.recoveries))
    assert truth.whole, truth
    assert found.wrong == [], json.dumps(found.wrong[:3])
    assert found.looks > 20


def test_any_process_may_die(request: pytest.FixtureRequest, tmp_path: Path, free_port: int) -> None:
    """Kill -9 of writer and followers under load: nothing lost or doubled, and every look sees what was written."""
    survives(request, tmp_path / "city", free_port, 4)


@pytest.mark.slow
def test_any_process_may_die_forty_times(request: pytest.FixtureRequest, tmp_path: Path, free_port: int) -> None:
    """The same forty times."""
    survives(request, tmp_path / "city", free_port, 40)
