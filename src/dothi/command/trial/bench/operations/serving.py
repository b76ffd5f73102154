"""All of dothi serving in a process of its own, with an engine that is watched: it answers questions on its input.

`python -m dothi.command.trial.bench.operations.serving FOLDER SENSORS RULES ENGINE` prints its port when it is ready.
"mark" asks for what happened since the last mark, "count" how many values the history holds; the end of the input
ends it.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli_w
import uvloop

from dothi.app import close_city, make_app, open_city
from dothi.command.trial.bench.operations.material import KINDS, SPIKES, rules, sensors
from dothi.front import server
from dothi.ground.clock import SECOND, VIETNAM, from_iso, iso, now_us, to_datetime
from dothi.hub.model import Actor, Change, Commit, LoggedCommit, Op, default_instance, instance_value, prop
from dothi.office.rules import adopt
from dothi.operations.engine import following
from dothi.operations.rules.in_force import KIND
from dothi.operations.rules.samples import sample_rules
from dothi.settings import Settings
from dothi.web.parts import Parts

PROVINCE = "46"
_STEWARD = Actor("user:bench", frozenset({"administrator", "data_steward"}))
_FILL = 1000
_DECREE = "Bộ quy tắc để đo đạc"


@dataclass
class Watch:
    """What is seen from inside: how late alarms were seen, and what the engine has spent."""

    engine: following.Engine | None = None
    late_s: list[float] = field(default_factory=list)  # From the value's instant to the alarm in the open alarms.
    areas: int = 0  # Alarms of areas that rose.
    seen: int = 0
    spent_s: float = 0.0
    cpu_s: float = 0.0


async def _serve(folder: Path, count: int, ruled: int, engine: bool) -> None:
    parts = await open_city(Settings(data=folder, open=True))
    watch = Watch()
    try:
        await _fill(parts, count)
        await _adopt(parts, ruled)
        extra: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
            "alarms": (lambda: _run(parts, watch)) if engine else _idle,
            "watch": lambda: _see(parts, watch),
        }
        front = server(make_app(parts, Settings(data=folder, open=True), extra), "127.0.0.1", 0)
        began = parts.hub.last_seq()
        serving = asyncio.create_task(front.serve())
        while not front.started or (engine and not _ready(parts, watch)):
            await asyncio.sleep(0.02)
        print(front.servers[0].sockets[0].getsockname()[1], flush=True)
        await _answer(parts, watch, began)
        front.should_exit = True
        await serving
    finally:
        await close_city(parts)


def _ready(parts: Parts, watch: Watch) -> bool:
    return watch.engine is not None and watch.engine.position >= parts.hub.last_seq()


async def _idle() -> None:
    await asyncio.Event().wait()


async def _run(parts: Parts, watch: Watch) -> None:
    watch.engine = await following.start(parts.operations)
    await following.keep_on(watch.engine)


async def _fill(parts: Parts, count: int) -> None:
    communes = [one.code for one in parts.territory.communes_of(PROVINCE)]
    stamp = iso(now_us())
    waiting: list[Change] = []
    for one in sensors(count):
        attrs = {one.attribute: prop(30.0, stamp), "unit": prop(communes[one.commune]), "name": prop(one.id)}
        waiting.append(Change(Op.PUT, one.id, (one.kind,), {**attrs}))
        if len(waiting) == _FILL:
            await parts.hub.commit(Commit(_STEWARD, tuple(waiting), "bench"))
            waiting.clear()
    await parts.hub.commit(Commit(_STEWARD, tuple(waiting), "bench"))


async def _adopt(parts: Parts, ruled: int) -> None:
    rows = [*({"id": name, "removed": True} for name in sample_rules()), *rules(ruled)]
    today = to_datetime(now_us()).astimezone(VIETNAM).date().isoformat()
    await adopt(parts.rules, _STEWARD, KIND, "", today, tomli_w.dumps({"rule": rows}), _DECREE)


async def _see(parts: Parts, watch: Watch) -> None:
    """Follow the open alarms as the wall does: told of a commit, it is there to be asked for."""
    async for commit in parts.hub.follow(parts.hub.last_seq(), lambda types: "Alarm" in types):
        now = now_us()
        for at in _risen(commit, watch):
            watch.late_s.append((now - at) / SECOND)


def _risen(commit: LoggedCommit, watch: Watch) -> list[int]:
    """When (µs) the values were observed whose alarms rose in this commit."""
    found = []
    for entry in commit.entries:
        rule = instance_value(default_instance(entry.attrs.get("rule")), "")
        if "occurrences" not in entry.attrs or not rule:
            continue
        spoken = default_instance(entry.attrs.get("value"))
        if rule.startswith(SPIKES) and spoken is not None:
            found.append(from_iso(spoken["observedAt"]))
        else:
            watch.areas += 1
    return found


async def _answer(parts: Parts, watch: Watch, began: int) -> None:
    while line := await asyncio.to_thread(sys.stdin.readline):
        found = await asyncio.to_thread(_count, parts, began) if line.strip() == "count" else _mark(watch)
        print(json.dumps(found), flush=True)


def _mark(watch: Watch) -> dict[str, Any]:
    """What happened since the last mark."""
    spent, cpu = watch.engine.spent_s if watch.engine else 0.0, time.process_time()
    found = {"late": watch.late_s[watch.seen :], "areas": watch.areas}
    found |= {"evaluation": spent - watch.spent_s, "cpu": cpu - watch.cpu_s}
    watch.seen, watch.spent_s, watch.cpu_s = len(watch.late_s), spent, cpu
    return found


def _count(parts: Parts, after: int) -> dict[str, Any]:
    """How many values the history holds since the feed began."""
    attributes = dict(KINDS)
    held = 0
    while commits := parts.hub.log(after, 200):
        for entry in (entry for commit in commits for entry in commit.entries):
            name = next((attributes[kind] for kind in entry.types if kind in attributes), "")
            held += name in entry.attrs or name in entry.late
        after = commits[-1].seq
    return {"held": held}


if __name__ == "__main__":
    uvloop.run(_serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "1"))
