"""A desk of alarms for tests: a hub whose clock we hold, and conditions that are said by hand."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from dothi.ground.clock import from_iso
from dothi.ground.errors import Conflict, Missing
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import Actor, Commit, Entity, prop, put
from dothi.operations.alarms import service, watching
from dothi.operations.alarms.raising import Effect, alarm_change
from dothi.operations.alarms.service import ENGINE, alarm_id, state_of
from dothi.operations.alarms.workflow import (
    NAMES,
    Move,
)
from dothi.operations.model import OWNER, Operations, Priority, Reading
from dothi.territory import Territory

HERE = Territory.load()
T0 = from_iso("2026-11-22T01:00:00Z")
LAN = Actor("user:lan", frozenset({"duty_officer"}))
BINH = Actor("user:binh", frozenset({"duty_officer"}))
CLERK = Actor("user:clerk", frozenset({"official"}))
WARD, OTHER = "19789", "19753"


@dataclass(frozen=True)
class Cause:
    """What an alarm keeps of its rule, as the engine hands it over."""

    id: str
    name: dict[str, str]
    priority: Priority
    kind: str = "threshold"
    attribute: str = "pm25"
    limit: float | None = 75.0
    inhibited_by: tuple[str, ...] = ()
    inhibited_within: str = "unit"


def a_rule(name: str, priority: Priority = Priority.HIGH, roots: tuple[str, ...] = (), within: str = "unit") -> Cause:
    return Cause(name, {"vi": name, "en": name}, priority, inhibited_by=roots, inhibited_within=within)


HIGH, ROOT = a_rule("high"), a_rule("power", Priority.URGENT)
BEHIND = a_rule("behind", roots=(ROOT.id,))
STATION = "urn:ngsi-ld:AirQualityObserved:1"


@dataclass
class Desk:
    """A hub with the alarms of a centre, whose clock we hold; conditions are said by hand."""

    hub: Hub
    operations: Operations
    now: int = T0
    read_to: int = 0

    async def station(self, subject: str, unit: str = WARD) -> None:
        await self.hub.commit(Commit(ENGINE, (put(subject, "AirQualityObserved", unit=prop(unit), pm25=prop(1)),)))

    async def says(self, one: Cause, on: bool, subject: str = STATION, value: float = 80) -> None:
        """The engine says that a condition began or ended."""
        move = Move.RAISE if on else Move.CLEAR
        effect = Effect(one, Reading(subject, value, self.now, self.now), move, ({"vi": "vì", "en": "because"},))
        while (decided := alarm_change(self.operations, effect, self.now)) is not None:
            change, version = decided
            try:
                await self.hub.commit(Commit(ENGINE, (change,), expect={change.id: version}, owner=OWNER))
                break
            except Conflict:
                continue
        await self.settle()

    async def settle(self) -> None:
        """Let the consumer read the feed and the clock until nothing moves."""
        while self.read_to < self.hub.last_seq():
            for logged in self.hub.log(self.read_to):
                self.read_to = logged.seq
                if timers := await watching.react(self.operations, logged, self.now):
                    await self.hub.commit(Commit(ENGINE, (), timers=timers))
            await watching.ring(self.operations, self.now)

    async def wait(self, span: int) -> None:
        self.now += span
        await watching.ring(self.operations, self.now)
        await self.settle()

    def alarm(self, one: Cause = HIGH, subject: str = STATION) -> Entity:
        return self.hub.get(ENGINE, alarm_id(one.id, subject))

    def state(self, one: Cause = HIGH, subject: str = STATION) -> str:
        try:
            return NAMES[state_of(self.alarm(one, subject))]
        except Missing:
            return "normal"


def open_desk(folder: Path) -> Desk:
    hub = Hub(folder, Open())
    operations = Operations(hub, HERE, home="46")
    service.own(operations)
    return Desk(hub, operations)


def play(folder: Path, story: Callable[[Desk], Awaitable[None]]) -> None:
    async def run() -> None:
        desk = open_desk(folder)
        try:
            await desk.station(STATION)
            await story(desk)
        finally:
            await desk.hub.close()

    asyncio.run(run())
