"""The rule engine live: follows the change feed, lets time pass, and moves alarms.

Effects are committed together with the position up to which they were judged: after a crash nothing is lost and nothing
happens twice. What the engine remembers is made from the log again (`rebuilding`). A commit is judged at the instant at
which it became known, not at the time of day: so an engine that was down comes to the same alarms as one that was not.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dothi.ground.clock import DAY, HOUR, SECOND, now_us
from dothi.ground.errors import Conflict
from dothi.hub.model import Change, Commit, LoggedCommit, Timer
from dothi.office.rules import refresh
from dothi.operations.alarms.raising import Effect, alarm_change
from dothi.operations.alarms.reading import ENGINE, alarm_id
from dothi.operations.engine.judging import excuse, tick
from dothi.operations.engine.rebuilding import Mind, books_at, keys_of, new_mind, read, rebuilt
from dothi.operations.engine.telling import effect_of, subject_of
from dothi.operations.model import OWNER, Operations
from dothi.operations.rules.model import Turn

log = logging.getLogger("dothi.operations")
CONSUMER = "operations"
RULES = "RuleSet"
_CURSOR_EVERY = 200  # Commits without effect before the position is stored anyway.
_TOGETHER = 500  # Effects that one commit carries at the most.
_TICK_S = 0.25
_JUDGED, _NEVER, _MANY = (
    "judged",
    1 << 61,
    100_000,
)  # A timer that never rings keeps the instant up to which was judged.
_WHY = "theo quy tắc"
_HEARTBEAT, _OUTAGE = 30 * SECOND, 90 * SECOND  # The instant judged is stored so often; a longer gap is an outage.
_LAG = SECOND // 2  # Time passes so much later than on the clock: a commit on its way is judged before it.


@dataclass
class Engine:
    """The engine at work: its mind, the effects that wait, and how far it is."""

    operations: Operations
    clock: Callable[[], int]
    mind: Mind
    position: int  # Judged up to here.
    stored: int  # Committed up to here.
    waiting: dict[str, Effect] = field(default_factory=dict)  # By alarm id.
    times: dict[str, int] = field(default_factory=dict)  # Instant of each (µs).
    told: int = 0  # The instant (µs) up to which was judged, as it is stored.
    day: int = 0  # The day whose rules are in force.
    spent_s: float = 0.0  # Processor time inside the evaluator.


async def start(operations: Operations, clock: Callable[[], int] = now_us) -> Engine:
    """An engine that takes up where the last one stopped."""
    cursor = operations.hub.cursor(CONSUMER)
    engine = Engine(operations, clock, new_mind(operations, clock()), cursor, cursor)
    kept = dict(operations.hub.due_timers(CONSUMER, _NEVER, _MANY))
    engine.mind.memory.now = int(kept.get(_JUDGED, "0"))
    await take_up(engine)
    await _excuse(engine)
    return engine


async def _excuse(engine: Engine) -> None:
    """While no engine ran nobody was heard: after an outage the sensors get the time to speak again."""
    memory, hub = engine.mind.memory, engine.operations.hub
    last = max((commit.at for commit in hub.log(hub.last_seq() - 1, 1)), default=0)
    since, until = max(memory.now, last), engine.clock()
    if until - since > _OUTAGE:
        await _take(engine, excuse(memory, since, until))


async def take_up(engine: Engine) -> None:
    """Take the rules in force and make the memory from the log again."""
    now = engine.clock()
    engine.day = _day(now)
    engine.mind, turns, lost = await rebuilt(engine.operations, engine.position, engine.mind.memory.now, now)
    for effect in lost:
        _wait(engine, effect, now)
    await _take(engine, turns)
    await carry_out(engine)


async def run(operations: Operations) -> None:
    """Follow the feed and the clock until cancelled."""
    await keep_on(await start(operations))


async def keep_on(engine: Engine) -> None:
    """The same with an engine that was started."""
    async with asyncio.TaskGroup() as group:
        lock = asyncio.Lock()
        group.create_task(_follow(engine, lock))
        group.create_task(_tick(engine, lock))


async def _follow(engine: Engine, lock: asyncio.Lock) -> None:
    def wanted(types: tuple[str, ...]) -> bool:
        return any(kind in engine.mind.wanted or kind == RULES for kind in types)

    hub = engine.operations.hub
    async for commit in hub.follow(engine.position, wanted):
        async with lock:
            await step(engine, commit, commit.seq >= hub.last_seq())


async def _tick(engine: Engine, lock: asyncio.Lock) -> None:
    while True:
        await asyncio.sleep(_TICK_S)
        async with lock:
            if engine.position >= engine.operations.hub.last_seq():  # Else the feed tells the time.
                await ring(engine, engine.clock() - _LAG)


async def step(engine: Engine, commit: LoggedCommit, caught_up: bool = True) -> None:
    """What one commit of the feed means; effects are carried out when the feed is empty, or many wait."""
    if any(RULES in entry.types for entry in commit.entries) or _day(engine.clock()) != engine.day:
        await _take_rules(engine)
    began = time.thread_time()
    turns = read(engine.operations, engine.mind, commit)
    engine.spent_s += time.thread_time() - began
    await _take(engine, turns)
    engine.position = commit.seq
    if (engine.waiting and (caught_up or len(engine.waiting) >= _TOGETHER)) or (
        engine.position - engine.stored >= _CURSOR_EVERY
    ):
        await carry_out(engine)


async def ring(engine: Engine, now: int) -> None:
    """Let time pass up to `now`: durations, silences, windows, and rules whose day has come."""
    if _day(engine.clock()) != engine.day:
        await _take_rules(engine)
    began = time.thread_time()
    turns = tick(engine.mind.memory, now)
    engine.spent_s += time.thread_time() - began
    await _take(engine, turns)
    if engine.waiting or now - engine.told > _HEARTBEAT:
        await carry_out(engine)


def _day(instant: int) -> int:
    """The number of a day in Vietnam, where rule sets hold from midnight on."""
    return (instant + 7 * HOUR) // DAY


async def _take_rules(engine: Engine) -> None:
    """Other rules may be in force: then the memory is made again under them."""
    operations, engine.day = engine.operations, _day(engine.clock())
    if operations.adopted is not None:
        refresh(operations.adopted)
    if keys_of(books_at(operations, engine.clock())) != engine.mind.keys:
        await carry_out(engine)
        await take_up(engine)


async def _take(engine: Engine, turns: Sequence[Turn]) -> None:
    """Let the turns of one commit wait: the last word on each alarm, after what an earlier commit meant for it."""
    last = {alarm_id(turn.rule.id, subject_of(turn)): turn for turn in turns}
    if any(
        engine.waiting[name].move is not effect_of(turn).move for name, turn in last.items() if name in engine.waiting
    ):
        await carry_out(engine)
    for turn in last.values():
        _wait(engine, effect_of(turn), turn.at)


def _wait(engine: Engine, effect: Effect, at: int) -> None:
    name = alarm_id(effect.rule.id, effect.reading.subject)
    engine.waiting[name] = effect
    engine.times.setdefault(name, at)


async def carry_out(engine: Engine) -> None:
    """Commit the effects that wait with the position: roots first, so that what they explain finds them."""
    roots = {root for one in engine.mind.program.rules() for root in one.rule.inhibited_by}
    first = {name: effect for name, effect in engine.waiting.items() if effect.rule.id in roots}
    rest = {name: effect for name, effect in engine.waiting.items() if name not in first}
    if first and rest:
        await _commit(engine, first, None)
        first = {}
    await _commit(engine, first or rest, (CONSUMER, engine.position))
    engine.stored, engine.told = engine.position, engine.mind.memory.now
    engine.waiting.clear()
    engine.times.clear()


def _decided(engine: Engine, name: str, effect: Effect) -> tuple[Change, int] | None:
    """The change of one alarm; an alarm that cannot be moved is told of, and holds up no other."""
    try:
        return alarm_change(engine.operations, effect, engine.times[name])
    except Exception:
        log.exception("The alarm %s could not be moved", name)
        return None


async def _commit(engine: Engine, effects: dict[str, Effect], cursor: tuple[str, int] | None) -> None:
    """One commit of effects. Decided again when a hand was quicker."""
    while True:
        changes: list[Change] = []
        expect: dict[str, int] = {}
        for name, effect in effects.items():
            decided = _decided(engine, name, effect)
            if decided is not None:
                changes.append(decided[0])
                expect[name] = decided[1]
        judged = Timer(CONSUMER, _JUDGED, _NEVER, str(engine.mind.memory.now))
        commit = Commit(ENGINE, tuple(changes), _WHY, expect, cursor=cursor, timers=(judged,), owner=OWNER)
        try:
            await engine.operations.hub.commit(commit)
            return
        except Conflict:
            continue
