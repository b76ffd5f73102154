"""A town for tests of the engine: a real hub whose clock we hold, rule sets, an engine that steps when told."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from dothi.ground.clock import SECOND, from_iso, iso
from dothi.ground.errors import Missing
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS, Actor, Change, Commit, Entity, Op, geo, prop
from dothi.office.rules import adopt, open_rules
from dothi.operations.alarms.reading import alarm_id, state_of
from dothi.operations.alarms.service import own
from dothi.operations.alarms.workflow import NORMAL, State
from dothi.operations.engine.following import Engine, ring, start, step
from dothi.operations.model import Operations
from dothi.operations.rules.in_force import KIND, rules_kind
from dothi.operations.rules.samples import sample_rules
from dothi.territory import Territory

HERE = Territory.load()
T0 = from_iso("2026-11-22T23:00:00Z")  # Monday 23/11/2026, 06:00 in Vietnam.
TODAY = "2026-11-23"
LAN = Actor("user:lan", frozenset({"duty_officer"}))
STEWARD = Actor("user:steward", frozenset({"data_steward"}))
STATION, OTHER = "urn:ngsi-ld:AirQualityObserved:1", "urn:ngsi-ld:AirQualityObserved:2"
WARD = "19753"
LIMIT = {"id": "limit", "attribute": "pm25", "op": ">", "limit": 75, "clear": 60}


def row(name: str, *when: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    said = {"id": name, "name": {"vi": f"Quy tắc {name}"}, "type": "AirQualityObserved", "priority": "high"}
    return {**said, "when": [dict(one) for one in when], **more}


HIGH = row("high", LIMIT)
SLOW = row("slow", LIMIT, for_seconds=60)
SILENT = row("silent", {"kind": "noData", "attribute": "pm25", "seconds": 60})
OFTEN = row("often", {"kind": "repeat", "attribute": "pm25", "op": ">", "limit": 70, "times": 3, "window_seconds": 300})
MEAN = {"kind": "mean", "attribute": "pm25", "op": ">", "limit": 50, "clear": 40, "window_seconds": 600}
AREA = row("area", MEAN, each="unit", for_seconds=20)


class Town:
    """A hub with an engine; time passes when we say so."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, now: int = T0) -> None:
        self.now, self.folder = now, folder
        patch.setattr("dothi.hub.write.commit.now_us", lambda: self.now)
        self.hub = Hub(folder, Open())
        self.operations = Operations(self.hub, HERE, adopted=open_rules(self.hub, HERE, (rules_kind(),)))
        own(self.operations)
        self.engine: Engine

    async def open(self, *rows: Mapping[str, Any]) -> None:
        if rows:
            await self.adopt(*rows, {"id": "pm25-high", "removed": True}, only=True)
        self.engine = await start(self.operations, lambda: self.now)
        await self.catch_up()

    async def adopt(self, *rows: Mapping[str, Any], unit: str = "", day: str = TODAY, only: bool = False) -> None:
        gone = [{"id": name, "removed": True} for name in sample_rules()] if only else []
        said = {"rule": [*gone, *(one for one in rows if "name" in one or not only)]}
        assert self.operations.adopted is not None
        text, seen = tomli_w.dumps(said), {one.unit + one.valid_from: one.version for one in self._sets()}
        await adopt(
            self.operations.adopted,
            STEWARD,
            KIND,
            unit,
            day,
            text,
            "Quyết định mẫu số 01",
            seen.get(unit + day, 0),
            self.now,
        )

    def _sets(self) -> list[Any]:
        assert self.operations.adopted is not None
        return [one for sets in self.operations.adopted.adopted.values() for one in sets]

    async def catch_up(self) -> None:
        for commit in self.hub.log(self.engine.position):
            await step(self.engine, commit, commit.seq >= self.hub.last_seq())

    async def read(self, value: Any, at: int | None = None, subject: str = STATION, judge: bool = True) -> None:
        observed = iso(self.now if at is None else at)
        attrs = {"pm25": prop(value, observed, "GQ"), "unit": prop(WARD), "name": prop("Trạm 1")}
        place = geo({"type": "Point", "coordinates": [107.6, 16.46]})
        change = Change(Op.UPSERT, subject, ("AirQualityObserved",), {**attrs, "location": place})
        await self.hub.commit(Commit(ANONYMOUS, (change,)))
        if judge:
            await self.catch_up()

    async def wait(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)
        await ring(self.engine, self.now)

    def alarm(self, rule: str = "high", subject: str = STATION) -> Entity | None:
        try:
            return self.hub.get(LAN, alarm_id(rule, subject))
        except Missing:
            return None

    def state(self, rule: str = "high", subject: str = STATION) -> State:
        alarm = self.alarm(rule, subject)
        return state_of(alarm) if alarm else NORMAL


def play(folder: Path, *stories: Callable[[Town], Awaitable[None]]) -> None:
    async def run(story: Callable[[Town], Awaitable[None]], now: int) -> int:
        with pytest.MonkeyPatch.context() as patch:
            town = Town(folder, patch, now)
            try:
                await story(town)
            finally:
                await town.hub.close()
            return town.now

    now = T0
    for story in stories:
        now = asyncio.run(run(story, now))
