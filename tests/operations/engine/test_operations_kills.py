"""The process is ended at any point, as by kill -9: the alarms are those of an engine that was not."""

import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dothi.ground.clock import SECOND
from dothi.hub.model import Commit, Receipt
from dothi.operations.engine.following import ring, start
from tests.operations.engine.town import AREA, HIGH, LAN, LIMIT, OFTEN, OTHER, SILENT, STATION, Town, play, row


class Killed(Exception):
    """The process was ended, as by kill -9."""


STEPS = st.lists(
    st.tuples(st.sampled_from((STATION, OTHER)), st.integers(30, 95), st.integers(1, 50)), min_size=4, max_size=9
)
RULES = (HIGH, row("slow", LIMIT, for_seconds=60, hold_seconds=30), SILENT, OFTEN, AREA)


@given(STEPS, st.lists(st.integers(0, 12), max_size=3), st.booleans())
@settings(max_examples=12, deadline=None)
def test_an_engine_that_is_killed_equals_one_that_was_not(
    steps: list[tuple[str, int, int]], kills: list[int], durable: bool
) -> None:
    """Killed before or after a commit reached the disk, any number of times: the same alarms, each as often."""
    assert told(steps, [], durable) == told(steps, kills, durable)


def told(steps: list[tuple[str, int, int]], kills: list[int], durable: bool) -> dict[str, tuple[Any, ...]]:
    """The alarms that a story leaves; the engine's commits number `kills` end the process."""
    found: dict[str, tuple[Any, ...]] = {}

    async def story(town: Town) -> None:
        await town.open(*RULES)
        _make_fatal(town, kills, durable)
        for subject, value, passed in steps:
            town.now += passed * SECOND
            await town.read(value, subject=subject, judge=False)
            await _survive(town, town.catch_up)
            await _survive(town, lambda: ring(town.engine, town.now))
        for _ in range(10):
            town.now += 30 * SECOND
            await _survive(town, lambda: ring(town.engine, town.now))
        for alarm in town.hub.find(LAN, "Alarm"):
            kept = (alarm.value(name) for name in ("active", "occurrences", "since", "rule", "subject"))
            found[alarm.id] = tuple(kept)

    with tempfile.TemporaryDirectory() as folder:
        play(Path(folder), story)
    return found


def _make_fatal(town: Town, kills: list[int], durable: bool) -> None:
    """Let the process end in some of the engine's commits: before it is on disk, or right after."""
    commit, counted = town.hub.commit, iter(range(1_000_000))

    async def fatal(one: Commit) -> Receipt:
        ends = bool(one.timers) and next(counted) in kills
        if durable or not ends:
            receipt = await commit(one)
        if ends:
            raise Killed
        return receipt

    town.hub.commit = fatal  # type: ignore[method-assign]


async def _survive(town: Town, act: Callable[[], Awaitable[None]]) -> None:
    """Do it; after a kill start anew and go on from there."""
    while True:
        try:
            await act()
            return
        except Killed:
            act = partial(_again, town)


async def _again(town: Town) -> None:
    town.engine = await start(town.operations, lambda: town.now)
    await town.catch_up()
    await ring(town.engine, town.now)
