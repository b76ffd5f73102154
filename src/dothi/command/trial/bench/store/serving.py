"""The process that is measured: the hub over a store, filled step by step, then served until its input ends.

`python -m dothi.command.trial.bench.store.serving FOLDER URL ENTITIES FEATURES` prints one line of JSON: the port, how
fast each tenth of the filling was, and the memory afterwards. With the line "events" it measures the lane of events,
with "memory" it tells the resident bytes. FEATURES: "seal" has the cold tier take the log's old part all the time.
"""

import asyncio
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import uvloop
from starlette.applications import Starlette

from dothi.command.trial.bench.material import API, KIND, entity_id
from dothi.command.trial.bench.serving import filled
from dothi.front import server, straight
from dothi.ground.clock import now_us
from dothi.hub.access import Open
from dothi.hub.api import Limits, ngsi_ld
from dothi.hub.context import Contexts
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS, Commit, Event, system
from dothi.hub.store.cold.sealing import Policy, seal_due

_FILLER = system("bench")
_STEPS = 10
EVENTS, EVENTS_S = 100, 5.0  # Events in a commit; how long the lane is measured.
_PAUSE_S = 0.5  # Between two looks for what is to be sealed.
PACE = 5000  # Events a second that must be borne.


def memory() -> int:
    """Resident bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def _fill(hub: Hub, entities: int) -> list[float]:
    """Entities a second of each tenth of the filling."""
    rates: list[float] = []
    begun, counted = time.perf_counter(), 0
    async for done in filled(hub, entities):
        if done >= entities * (len(rates) + 1) // _STEPS:
            rates.append((done - counted) / (time.perf_counter() - begun))
            begun, counted = time.perf_counter(), done
    return rates


async def _events(hub: Hub) -> dict[str, float]:
    """The lane at its pace: how long each commit took (ms), the core it cost; and as fast as it goes."""
    times: list[float] = []
    begun, used, number = time.perf_counter(), time.process_time(), 0
    while (due := begun + number * EVENTS / PACE) < begun + EVENTS_S:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        asked = time.perf_counter()
        await hub.commit(_detections("paced", number))
        times.append((time.perf_counter() - max(asked, due)) * 1000)
        number += 1
    paced = number * EVENTS / (time.perf_counter() - begun)
    core = (time.process_time() - used) / (time.perf_counter() - begun)
    begun, number = time.perf_counter(), 0
    while time.perf_counter() < begun + EVENTS_S / 2:
        await asyncio.gather(*(hub.commit(_detections("free", number + one)) for one in range(8)))
        number += 8
    free = number * EVENTS / (time.perf_counter() - begun)
    ordered = sorted(times)
    return {
        "paced": paced,
        "core": core,
        "p50": ordered[len(ordered) // 2],
        "p99": ordered[int(len(ordered) * 0.99)],
        "free": free,
    }


def _detections(name: str, number: int) -> Commit:
    at, lane = now_us(), entity_id(number % 100)
    some = (Event(lane, f"{name}-{number}-{one}", at + one, "vehicle", {"confidence": 0.9}) for one in range(EVENTS))
    return Commit(_FILLER, (), "bench", events=tuple(some))


async def _answer(hub: Hub, line: str) -> Any:
    if line == "events":
        return await _events(hub)
    return {"memory": memory()}


async def _serve(folder: Path, url: str, entities: int, features: str) -> None:
    hub = Hub(folder / "hub", Open(), url)
    hub.index(KIND, "pm25", "temperature")
    sealing: asyncio.Task[None] | None = None
    try:
        rates = await _fill(hub, entities)
        if "seal" in features:
            sealing = asyncio.create_task(_seal(hub))
        app = straight(API, ngsi_ld(hub, Contexts(), lambda headers: ANONYMOUS, Limits()), Starlette())
        front = server(app, "127.0.0.1", 0)
        serving = asyncio.create_task(front.serve())
        while not front.started:
            await asyncio.sleep(0.02)
        port = front.servers[0].sockets[0].getsockname()[1]
        print(json.dumps({"port": port, "rates": rates, "memory": memory()}), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await _answer(hub, line.strip())), flush=True)
        front.should_exit = True
        await serving
    finally:
        if sealing is not None:
            sealing.cancel()
        await hub.close()


async def _seal(hub: Hub) -> None:
    """Seal all that is written, all the time: as many rows leave as come."""
    everything = Policy(hours=0.0)
    with ProcessPoolExecutor(1, get_context("spawn"), _gently) as pool:
        while True:
            await seal_due(hub.chore, hub._store, hub.archive, everything, pool=pool)
            await asyncio.sleep(_PAUSE_S)


def _gently() -> None:
    os.nice(10)


if __name__ == "__main__":
    uvloop.run(_serve(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]))
