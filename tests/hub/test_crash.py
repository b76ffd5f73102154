"""kill -9 during load: what was acknowledged is there after restart, with its history, and nothing twice."""

import asyncio
import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS, instances

RUNS = 20
WRITER = """
import asyncio, sys
from pathlib import Path
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS, Change, Commit, Op, prop
from dothi.ground.clock import iso

async def main(folder, run):
    hub = Hub(Path(folder), Open())
    async def client(who):
        for n in range(100000):
            at = iso((run * 100000 + n) * 1_000_000)
            lamp = f"urn:x:{who}:{n % 5}"
            mine = Change(Op.UPSERT, lamp, ("Lamp",), {"power": prop(n, at)})
            many = [Change(Op.PUT, f"urn:x:{who}:{run}:{n}:{i}", ("Lamp",), {"power": prop(i, at)}) for i in range(10)]
            key = f"{run}:{who}:{n}"
            await hub.commit(Commit(ANONYMOUS, (mine, *many), key=key))
            sys.stdout.write(f"{who} {n} {at}\\n"); sys.stdout.flush()
            await hub.commit(Commit(ANONYMOUS, (mine, *many), key=key))  # A client that repeats itself.
    await asyncio.gather(*(client(who) for who in range(8)))

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def run_and_kill(folder: Path, run: int) -> list[tuple[int, int, str]]:
    """Start a writer, kill it at a random moment, and return what it had acknowledged."""
    child = subprocess.Popen([sys.executable, "-c", WRITER, str(folder), str(run)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    told = b""
    until: float | None = None
    while until is None or time.monotonic() < until:
        ready, _, _ = select.select([child.stdout], [], [], 0.005)
        if ready:
            told += os.read(child.stdout.fileno(), 1 << 16)
            until = until or time.monotonic() + random.uniform(0.001, 0.25)
    child.send_signal(signal.SIGKILL)
    child.wait()
    while more := os.read(child.stdout.fileno(), 1 << 16):
        told += more
    child.stdout.close()
    lines = told.decode().rpartition("\n")[0].splitlines()
    return [(int(who), int(n), at) for who, n, at in (line.split() for line in lines)]


def check(folder: Path, told: dict[int, list[tuple[int, int, str]]]) -> int:
    """Every acknowledged entity and reading is there, none twice; returns how many commits there are in all."""

    async def look() -> int:
        hub = Hub(folder, Open())
        try:
            readings: Counter[tuple[str, str]] = Counter()
            commits = 0
            for commit in hub.dump():
                commits += 1
                for entry in commit.entries:
                    for one in instances(entry.attrs.get("power")):
                        readings[entry.id, one["observedAt"]] += 1
            assert max(readings.values(), default=1) == 1, "a reading was written twice"
            for run, acknowledged in told.items():
                for who, n, at in acknowledged:
                    assert readings[f"urn:x:{who}:{n % 5}", at] == 1, f"lost reading {run} {who} {n}"
                    for i in range(10):
                        assert hub.get(ANONYMOUS, f"urn:x:{who}:{run}:{n}:{i}").value("power") == i
            return commits
        finally:
            await hub.close()

    return asyncio.run(look())


def test_twenty_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """Twenty times kill -9 under load: no acknowledged write is lost, none is there twice, and the runs differ."""
    told: dict[int, list[tuple[int, int, str]]] = {}
    for run in range(RUNS):
        told[run] = run_and_kill(tmp_path, run)
    commits = check(tmp_path, told)
    sizes = [len(acknowledged) for acknowledged in told.values()]
    assert len(set(sizes)) > RUNS // 2, f"a crash test must show that its runs differ: {sizes}"
    assert commits >= sum(sizes)
    print(json.dumps({"runs": RUNS, "acknowledged": sum(sizes), "commits": commits}))
