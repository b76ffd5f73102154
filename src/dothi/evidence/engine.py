"""The consumer of the feed: recomputes the figures whose inputs changed, every few seconds at most.

Figures and position are one commit, so that after a crash nothing is lost and nothing is told twice.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from dothi.evidence.definitions import indicators
from dothi.evidence.model import (
    INDICATOR,
    OWNER,
    SYSTEM,
    Evidence,
    Indicator,
    Kind,
    Period,
    period_of,
    value_id,
)
from dothi.evidence.reading import find, levels, several
from dothi.evidence.service import Job, jobs_of, plan, values
from dothi.ground.clock import MINUTE, from_iso, now_us
from dothi.ground.errors import Conflict, Missing
from dothi.hub.model import Commit, Logged, LoggedCommit, default_instance

CONSUMER = "evidence"
EVERY_S = 2.0
CALM_US = MINUTE  # A figure that looks the same is written anew so often at most.
CURSOR_EVERY = 500  # Commits without effect before the position is stored anyway.
SOURCES, ROWS = "DataSource", "QuarantinedRow"
_UNITS_MAX = 200_000


@dataclass
class Engine:
    """The consumer's working memory. All of it comes back after a crash."""

    evidence: Evidence
    clock: Callable[[], int] = now_us
    by_type: dict[str, list[Indicator]] = field(default_factory=dict)
    wanted: dict[str, Job] = field(default_factory=dict)  # Value id → what to compute.
    periods: dict[str, Period] = field(default_factory=dict)  # Indicator → the running period.
    units: dict[str, str] = field(default_factory=dict)  # Entity → its unit as last seen.
    states: dict[str, str] = field(default_factory=dict)  # Source → its state as last seen.
    seen: int = 0  # Position read.
    stored: int = 0  # Position stored.


def start(evidence: Evidence, clock: Callable[[], int] = now_us) -> Engine:
    """An engine that takes up where the last one stopped, and computes everything of today once."""
    position = evidence.hub.cursor(CONSUMER)
    engine = Engine(evidence, clock, seen=position, stored=position)
    reload(engine)
    return engine


def reload(engine: Engine) -> None:
    """Read the definitions again; what they ask of the running period is wanted."""
    engine.by_type, engine.periods = {}, {}
    for one in indicators(engine.evidence):
        # A mean that serves reports only reads a month of readings: it is computed when a report asks for it.
        if one.listed or one.formula.kind is not Kind.MEAN:
            engine.by_type.setdefault(one.formula.type, []).append(one)
    turn(engine)


def turn(engine: Engine) -> None:
    """Begin new periods: everything of the period that ended is computed a last time, and the new one is wanted."""
    now = engine.clock()
    for one in _all(engine):
        before, current = engine.periods.get(one.id), period_of(one.period, now)
        if before == current:
            continue
        engine.periods[one.id] = current
        ended = before or period_of(one.period, current.start - 1)  # It may have ended while nobody looked.
        standing = values(engine.evidence, SYSTEM, one.id, period=ended.name)
        _want(engine, *(Job(one, value.value("unit"), ended) for value in standing))
        _want(engine, *jobs_of(engine.evidence, one, current, now))


async def run(evidence: Evidence) -> None:
    """Follow the feed until cancelled. To be run by one process, the leader."""
    engine = start(evidence)
    await settle(engine)
    async with asyncio.TaskGroup() as group:
        group.create_task(_follow(engine))
        group.create_task(_tick(engine))


async def _follow(engine: Engine) -> None:
    def wanted(types: tuple[str, ...]) -> bool:
        return any(kind in (INDICATOR, SOURCES, ROWS) or kind in engine.by_type for kind in types)

    async for commit in engine.evidence.hub.follow(engine.seen, wanted):
        note(engine, commit)


async def _tick(engine: Engine) -> None:
    while True:
        began = time.monotonic()
        turn(engine)
        if engine.wanted or engine.seen - engine.stored >= CURSOR_EVERY:
            await settle(engine)
        # A slow round is followed by as long a pause, so that pages are never starved.
        await asyncio.sleep(max(EVERY_S, time.monotonic() - began))


async def settle(engine: Engine, calm_us: int = CALM_US) -> list[str]:
    """Compute what is wanted and store it with the position; decided again when a hand was quicker."""
    while True:
        wanted, seen = dict(engine.wanted), engine.seen
        planned = plan(engine.evidence, wanted.values(), engine.clock(), calm_us)
        due = bool(planned.changes) or seen - engine.stored >= CURSOR_EVERY
        commit = Commit(
            SYSTEM, planned.changes, "tính lại chỉ số", planned.expect, cursor=(CONSUMER, seen), owner=OWNER
        )
        try:
            if due:
                await engine.evidence.hub.commit(commit)
        except Conflict:
            continue
        engine.stored = seen if due else engine.stored
        for name, job in wanted.items():
            if engine.wanted.get(name) is job and job not in planned.postponed:
                del engine.wanted[name]
        return [change.id for change in planned.changes]


async def catch_up(engine: Engine) -> list[str]:
    """Read the log to its end and compute: what `run` does, in one step."""
    turn(engine)
    while commits := engine.evidence.hub.log(engine.seen):
        for commit in commits:
            note(engine, commit)
    return await settle(engine, 0)


def note(engine: Engine, commit: LoggedCommit) -> None:
    """What one commit asks to be computed anew."""
    engine.seen = max(engine.seen, commit.seq)
    if commit.tenant:
        return
    if any(INDICATOR in entry.types for entry in commit.entries):
        reload(engine)
    for entry in commit.entries:
        if SOURCES in entry.types:
            _hear(engine, entry)
        elif ROWS in entry.types:
            _held_back(engine, entry)
        for kind in entry.types:
            for one in engine.by_type.get(kind, ()):
                _touch(engine, one, entry, commit.at)


def _touch(engine: Engine, one: Indicator, entry: Logged, at: int) -> None:
    """An entity that counts was written: its unit's figures of the periods concerned, and those of the city."""
    if not one.formula.by_unit:
        _want(engine, Job(one, engine.evidence.unit, period_of(one.period, at)))
        return
    before, unit = engine.units.get(entry.id), _unit(engine, entry)
    for period in _periods(engine, one, entry, at):
        for code in {before, unit} - {None}:
            _want_unit(engine, one, str(code), period)


def _periods(engine: Engine, one: Indicator, entry: Logged, at: int) -> list[Period]:
    """The running period, and that of a reading which came late, when a figure stands for it."""
    running = engine.periods.get(one.id) or period_of(one.period, at)
    if one.formula.kind is not Kind.MEAN:
        return [running]
    written = [entry.attrs.get(one.formula.attribute), entry.late.get(one.formula.attribute)]
    stamps = [instance.get("observedAt") for instance in map(default_instance, written) if instance]
    return list({period_of(one.period, from_iso(text)) for text in stamps if text})


def _want_unit(engine: Engine, one: Indicator, unit: str, period: Period) -> None:
    running = engine.periods.get(one.id) == period
    for code in levels(engine.evidence, unit):
        if running or find(engine.evidence, value_id(one.id, code, period.name)) is not None:
            _want(engine, Job(one, code, period))


def _want(engine: Engine, *jobs: Job) -> None:
    for job in jobs:
        engine.wanted[value_id(job.indicator.id, job.unit, job.period.name)] = job


def _unit(engine: Engine, entry: Logged) -> str | None:
    """The unit in which an entity lies now; remembered, since most writes do not repeat it."""
    if "unit" not in entry.attrs and entry.id in engine.units:
        return engine.units[entry.id]
    try:
        unit = engine.evidence.hub.get(SYSTEM, entry.id).value("unit")
    except Missing:
        return None
    if not isinstance(unit, str):
        return None
    if len(engine.units) >= _UNITS_MAX:
        engine.units.clear()
    engine.units[entry.id] = unit
    return unit


def _hear(engine: Engine, entry: Logged) -> None:
    """A source that turned late or live moves every figure that hangs on it."""
    state = (default_instance(entry.attrs.get("state")) or {}).get("value")
    if state is not None and engine.states.get(entry.id) != state:
        engine.states[entry.id] = state
        _want_fed(engine, entry.id)


def _held_back(engine: Engine, entry: Logged) -> None:
    """A row that went into quarantine or came out of it."""
    row = find(engine.evidence, entry.id)
    if row is not None:
        _want_fed(engine, row.value("source"))


def _want_fed(engine: Engine, source: str) -> None:
    """The figures of the running periods that name this source."""
    for one in _all(engine):
        period = engine.periods.get(one.id)
        if period is not None and one.formula.by_unit:
            standing = values(engine.evidence, SYSTEM, one.id, period=period.name)
            fed = [value for value in standing if source in several(value.value("sources"))]
            _want(engine, *(Job(one, value.value("unit"), period) for value in fed))


def _all(engine: Engine) -> list[Indicator]:
    return [one for some in engine.by_type.values() for one in some]
