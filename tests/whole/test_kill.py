"""kill -9 of the served city while clients write over HTTP: nothing acknowledged is lost, nothing is there twice."""

import asyncio
import json
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from dothi.ground.clock import iso
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS, instances

CLIENTS, BATCH = 6, 10
BEGAN = 1_767_225_600_000_000  # 2026-01-01, µs.


@dataclass
class Told:
    """What clients were told is written: (entity, observedAt) of readings, and ids of created entities."""

    readings: list[tuple[str, str]] = field(default_factory=list)
    created: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.readings) + len(self.created)


def reading(entity_id: str, moment: int) -> dict[str, Any]:
    power = {"type": "Property", "value": moment, "observedAt": iso(BEGAN + moment * 1_000_000)}
    return {"id": entity_id, "type": "Lamp", "power": power}


async def client(base: str, who: int, run: int, told: Told) -> None:
    """Write without end: a batch upsert, a create, a PATCH; each sent twice with its key, as a client that retries."""
    async with httpx.AsyncClient(base_url=base, timeout=20) as http:
        for n in range(1_000_000):
            moment = run * 1_000_000 + n * 2
            batch = [reading(f"urn:x:lamp:{who}:{i}", moment) for i in range(BATCH)]
            await twice(http, "POST", "/entityOperations/upsert", batch, f"b:{run}:{who}:{n}")
            told.readings += [(one["id"], one["power"]["observedAt"]) for one in batch]
            new = reading(f"urn:x:new:{who}:{run}:{n}", moment)
            await twice(http, "POST", "/entities", new, f"c:{run}:{who}:{n}")
            told.created.append(new["id"])
            later = reading(f"urn:x:lamp:{who}:0", moment + 1)
            patch = {"power": later["power"]}
            await twice(http, "PATCH", f"/entities/{later['id']}/attrs", patch, f"p:{run}:{who}:{n}")
            told.readings.append((later["id"], later["power"]["observedAt"]))


async def twice(http: httpx.AsyncClient, method: str, path: str, body: Any, key: str) -> None:
    for _ in range(2):
        answer = await http.request(method, path, json=body, headers={"Idempotency-Key": key})
        assert answer.status_code in (200, 201, 204), f"{method} {path}: {answer.status_code} {answer.text}"


def run_and_kill(folder: Path, port: int, run: int) -> Told:
    """Serve, write from all clients, and kill at a random moment; returns what was acknowledged."""
    command = [sys.executable, "-m", "dothi.cli", "serve", "--open", "--data", str(folder), "--port", str(port)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    told = Told()
    try:
        while not re.search("serves", line := child.stdout.readline()):
            assert line, "dothi ended"
        wait_for(port)
        asyncio.run(load(f"http://127.0.0.1:{port}/ngsi-ld/v1", run, told, child))
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    return told


def wait_for(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            httpx.get(f"http://127.0.0.1:{port}/ngsi-ld/v1/types", timeout=20)
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise TimeoutError("the server did not come up")


async def load(base: str, run: int, told: Told, child: "subprocess.Popen[str]") -> None:
    tasks = [asyncio.create_task(client(base, who, run, told)) for who in range(CLIENTS)]
    while not told.created:  # The random moment begins when writing does.
        await asyncio.sleep(0.002)
        for task in tasks:
            if task.done():
                task.result()
    await asyncio.sleep(random.uniform(0.0, 0.5))
    child.send_signal(signal.SIGKILL)
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(one, httpx.TransportError) for one in ended), ended


def check(folder: Path, told: list[Told]) -> None:
    """All that was acknowledged is there with its history, and no reading or creation is there twice."""

    async def look() -> None:
        hub = Hub(folder / "hub", Open())
        try:
            readings: Counter[tuple[str, str]] = Counter()
            created: Counter[str] = Counter()
            for commit in hub.dump():
                for entry in commit.entries:
                    created[entry.id] += entry.status == "created"
                    for one in instances(entry.attrs.get("power")):
                        readings[entry.id, one["observedAt"]] += 1
            assert max(readings.values()) == 1, "a reading is there twice"
            assert max(created.values()) == 1, "an entity was created twice"
            for run in told:
                assert [one for one in run.readings if one not in readings] == []
                assert [one for one in run.created if hub.get(ANONYMOUS, one).version != 1] == []
            lamp = told[0].readings[0][0]
            history = {one["observedAt"] for one in hub.history(ANONYMOUS, lamp)["power"]}
            assert {at for run in told for name, at in run.readings if name == lamp} <= history
        finally:
            await hub.close()

    asyncio.run(look())


def kill_times(folder: Path, port: int, runs: int) -> None:
    told = [run_and_kill(folder, port, run) for run in range(runs)]
    check(folder, told)
    sizes = [len(one) for one in told]
    assert len(set(sizes)) > runs // 2, f"a crash test must show that its runs differ: {sizes}"
    print(json.dumps({"runs": runs, "acknowledged": sum(sizes), "each": sizes}))


def test_six_kills_through_the_front_door(tmp_path: Path, free_port: int) -> None:
    """Six times kill -9 of `dothi serve` under load from concurrent clients that repeat themselves: nothing is lost."""
    kill_times(tmp_path, free_port, 6)


@pytest.mark.slow
def test_twenty_kills_through_the_front_door(tmp_path: Path, free_port: int) -> None:
    """The same twenty times."""
    kill_times(tmp_path, free_port, 20)
