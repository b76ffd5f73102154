"""Several processes over one PostgreSQL database: each writes, one leads; killing any of them loses nothing."""

import asyncio
import json
import random
import re
from pathlib import Path

import pytest

from tests.faults.record import counted, note
from tests.faults.served import Served, served
from tests.faults.truth import read_back
from tests.serving.together import children, struck

PROCESSES = 4


def leader(server: Served) -> int:
    """The process that leads, as it said itself; any other where that one is gone."""
    said = [int(one) for one in re.findall(r"This process \((\d+)\) leads", server.log)]
    return said[-1] if said and said[-1] in children(server) else any_one(server)


def any_one(server: Served) -> int:
    """Any process."""
    return random.choice(children(server))


def survives(request: pytest.FixtureRequest, folder: Path, port: int, store: str, runs: int) -> None:
    kinds = [(any_one, any_one, leader)[number % 3] for number in range(runs)]
    with served("city", folder, port, store=store, more=["--workers", str(PROCESSES)]) as server:
        victims = [lambda kind=kind: kind(server) for kind in kinds]
        found = asyncio.run(struck(server, PROCESSES, victims))
        server.kill(15)
        log = server.log
    truth = read_back(folder, found.ledger, store)
    how = f"{PROCESSES} processes over one PostgreSQL database, the leader or another, 6 clients, half sent twice"
    note(request, "kill -9 of one process of several", how, runs, **counted(found.ledger, truth, found.recoveries))
    assert truth.whole, truth
    assert found.wrong == [], json.dumps(found.wrong[:3])
    assert found.looks > 20
    assert len(set(re.findall(r"This process \((\d+)\) leads", log))) > 1, log[-2000:]


def test_any_of_four_processes_may_die(
    request: pytest.FixtureRequest, tmp_path: Path, free_port: int, database: str
) -> None:
    """Kill -9 of any of four under load: nothing lost, doubled or reordered; another leads; looks see what was told."""
    survives(request, tmp_path / "city", free_port, database, 3)


@pytest.mark.slow
def test_any_of_four_processes_may_die_forty_times(
    request: pytest.FixtureRequest, tmp_path: Path, free_port: int, database: str
) -> None:
    """The same forty times."""
    survives(request, tmp_path / "city", free_port, database, 40)
