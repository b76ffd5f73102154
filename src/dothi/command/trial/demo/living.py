"""The sample city kept moving: devices send, citizens report, officers act, each in a loop of its own.

In the first five minutes something moves every few seconds; then the city calms down to a rate that it can keep for
days (about 15 MB and some hundred reports a day).
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from random import Random

from dothi.citizens.needs import SYSTEM
from dothi.command.trial.demo import officers, reports
from dothi.command.trial.demo.devices import sensors
from dothi.command.trial.demo.devices.signals import in_episode
from dothi.command.trial.demo.filling import SEED
from dothi.command.trial.demo.people import Cast, make_cast
from dothi.command.trial.demo.places import EPISODE, FEEDS, Feed
from dothi.command.trial.demo.stories import LASTING, STORIES, Story
from dothi.ground.clock import now_us
from dothi.ground.errors import DothiError
from dothi.web.parts import Parts

SETTLE_S, CALM_TIMES, CALM_S = 60.0, 15, 0.05
LIVELY_S = 300.0
_TICK_S = 4.0
_SENDS_S = (10.0, 60.0)  # Seconds between two pushes of a source: at first, later.
_REPORTS_S = (30.0, 600.0)
_STEPS_S = (14.0, 900.0)  # Between two steps of a task.
_SILENT_S, _SILENT_FROM_S, _SILENT_EVERY_S = 420.0, 360.0, 2400.0  # Of the source that falters.
_TAKE_S = 9.0  # So long the officer on duty lets an alarm of the episodes wait.
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pace:
    """Clock and patience of the demo, handed in so that a test can hurry: `speed` seconds pass in one."""

    speed: float = 1.0
    clock: Callable[[], int] = now_us
    passing: Callable[[], float] = time.monotonic

    async def wait(self, seconds: float) -> None:
        """Let so many seconds of the demo pass."""
        await asyncio.sleep(seconds / self.speed)

    def since(self, began: float) -> float:
        """Seconds of the demo since `began` (of `passing`)."""
        return (self.passing() - began) * self.speed


@dataclass(frozen=True)
class Stage:
    """What the loops share."""

    parts: Parts
    cast: Cast
    pace: Pace
    seed: int
    began: float

    @property
    def alive_s(self) -> float:
        """Seconds of the demo since it began."""
        return self.pace.since(self.began)

    def every(self, rates: tuple[float, float]) -> float:
        """The lively rate at first, the calm one later."""
        return rates[0] if self.alive_s < LIVELY_S else rates[1]


async def live(parts: Parts, pace: Pace | None = None, seed: int = SEED) -> None:
    """Keep a filled city moving until cancelled."""
    await settled()
    chosen = pace or Pace()
    stage = Stage(parts, await make_cast(parts), chosen, seed, chosen.passing())
    async with asyncio.TaskGroup() as group:
        for loop in (_devices, _citizens, _duty, _programme):
            group.create_task(loop(stage))


async def settled() -> None:
    """Wait, a minute at most, until the loop is at ease.

    Consumers that read a new city's past must not hide its first episode, which lasts only seconds.
    """
    calm, until = 0, time.monotonic() + SETTLE_S
    while calm < CALM_TIMES and time.monotonic() < until:
        began = time.monotonic()
        await asyncio.sleep(CALM_S)
        calm = calm + 1 if time.monotonic() - began < 3 * CALM_S else 0


async def _attempt(deed: Awaitable[object]) -> bool:
    """Do it; whether it was done. A visitor of the demo may have been quicker."""
    try:
        await deed
    except DothiError as refused:
        _log.info("The demo left something out: %s", refused)
        return False
    return True


async def _devices(stage: Stage) -> None:
    due = {feed.id: 0.0 for feed in FEEDS}
    while True:
        for feed in FEEDS:
            await _feed(stage, feed, due)
        await stage.pace.wait(_TICK_S)


async def _feed(stage: Stage, feed: Feed, due: dict[str, float]) -> None:
    alive = stage.alive_s
    if feed.falters and _is_silent(alive):
        return
    if alive >= due[feed.id]:
        due[feed.id] = alive + stage.every(_SENDS_S)
        await _attempt(sensors.send(stage.parts, feed, stage.seed, stage.pace.clock(), alive))
    elif in_episode(alive) and any(sensor.name == EPISODE for sensor in feed.sensors):
        await _attempt(sensors.send(stage.parts, feed, stage.seed, stage.pace.clock(), alive, EPISODE))


def _is_silent(alive_s: float) -> bool:
    return alive_s >= _SILENT_FROM_S and (alive_s - _SILENT_FROM_S) % _SILENT_EVERY_S < _SILENT_S


async def _citizens(stage: Stage) -> None:
    number = stage.parts.hub.find(SYSTEM, "CitizenReport", limit=0, count=True).count or 0
    chance = Random(f"{stage.seed}/{number}")  # noqa: S311  # The same stories for the same seed.
    async with asyncio.TaskGroup() as group:
        await stage.pace.wait(3)
        group.create_task(_report(stage, LASTING, chance, number))
        await stage.pace.wait(8)
        while True:
            number += 1
            story = STORIES[(number + 1) % len(STORIES)]
            group.create_task(_report(stage, replace(reports.placed(story, chance)), chance, number))
            await stage.pace.wait(stage.every(_REPORTS_S))


async def _report(stage: Stage, story: Story, chance: Random, number: int) -> None:
    """One report from filing to rating; a re-opened one is answered a second time."""
    parts, cast, wait = stage.parts, stage.cast, stage.pace.wait
    try:
        filed = await reports.file_one(parts, story, chance, f"{stage.seed} live {number}", stage.pace.clock())
    except DothiError as refused:
        _log.info("The demo left a report out: %s", refused)
        return
    rounds = 2 if story.again else 1
    for turn in range(rounds):
        await wait(5)
        if not await _attempt(reports.take(parts, cast, story, filed)):
            return
        await wait(9)
        if not await _attempt(reports.close(parts, cast, story, filed)):
            return
        await wait(6)
        await _attempt(reports.judge(parts, replace(story, stars=4) if turn else story, filed))
        if story.again and turn == 0:
            await wait(3)
            await _attempt(reports.insist(parts, story, filed))


async def _duty(stage: Stage) -> None:
    while True:
        for alarm in officers.to_take(stage.parts, stage.cast, stage.pace.clock(), _TAKE_S / stage.pace.speed):
            await _attempt(officers.take_alarm(stage.parts, stage.cast, alarm))
        await stage.pace.wait(1)


async def _programme(stage: Stage) -> None:
    """A proposal becomes a task, and the task moves on until its output is shown."""
    await stage.pace.wait(15)
    while True:
        await _attempt(officers.confirm_one(stage.parts, stage.cast, stage.pace.clock()))
        await _attempt(officers.accept_one(stage.parts, stage.cast, stage.pace.clock()))
        await stage.pace.wait(stage.every(_STEPS_S) / 2)
        task = officers.open_task(stage.parts, stage.cast)
        if task is not None:
            await _attempt(officers.move_on(stage.parts, stage.cast, task))
        await stage.pace.wait(stage.every(_STEPS_S) / 2)
