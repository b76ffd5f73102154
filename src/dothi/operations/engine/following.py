"""The rule engine: follows the change feed, keeps durable timers, and moves alarms.

Each step commits its effects together with its cursor, so that after a crash nothing is lost and nothing happens
twice. Timers named `for|rule|subject` wait out a duration. Timers named `silent|rule|subject` ask, when they ring,
when the subject was last heard, and wait on from there: so a reading costs no timer of its own.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from dothi.ground.clock import SECOND, from_iso, now_us
from dothi.ground.errors import Conflict, Missing
from dothi.hub.model import Change, Commit, Logged, LoggedCommit, Timer, default_instance, instance_value
from dothi.operations.alarms.service import ENGINE, Effect, alarm_change, alarm_id, rules
from dothi.operations.alarms.workflow import Move, raises, stays
from dothi.operations.model import OWNER, Kind, Operations, Reading, Rule

CONSUMER = "operations"
_CURSOR_EVERY = 200  # Commits without effect before the position is stored anyway.
_TICK_S = 0.5
_FAR = 1 << 62
_MANY = 1_000_000


@dataclass
class Engine:
    """The engine's working memory: rules, running timers, active alarms. All of it comes back after a crash."""

    operations: Operations
    clock: Callable[[], int] = now_us
    by_type: dict[str, list[Rule]] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)  # Names of the timers that run.
    active: set[str] = field(default_factory=set)  # Ids of the alarms that are active.
    stored: int = 0


def start(operations: Operations, clock: Callable[[], int] = now_us) -> Engine:
    """An engine that takes up where the last one stopped."""
    engine = Engine(operations, clock, stored=operations.hub.cursor(CONSUMER))
    reload(engine)
    engine.waiting = {name for name, _ in operations.hub.due_timers(CONSUMER, _FAR, _MANY)}
    engine.active = {alarm.id for alarm in operations.hub.find(ENGINE, "Alarm", "active==true", _MANY)}
    return engine


def reload(engine: Engine) -> None:
    """Read the rules again."""
    engine.by_type = {}
    for rule in rules(engine.operations):
        if rule.enabled:
            engine.by_type.setdefault(rule.subject_type, []).append(rule)


async def run(operations: Operations) -> None:
    """Follow the feed and the timers until cancelled."""
    engine = start(operations)
    async with asyncio.TaskGroup() as group:
        lock = asyncio.Lock()
        group.create_task(_follow(engine, lock))
        group.create_task(_tick(engine, lock))


async def _follow(engine: Engine, lock: asyncio.Lock) -> None:
    def wanted(types: tuple[str, ...]) -> bool:
        return any(kind == "AlarmRule" or kind in engine.by_type for kind in types)

    async for commit in engine.operations.hub.follow(engine.stored, wanted):
        async with lock:
            await step(engine, commit)


async def _tick(engine: Engine, lock: asyncio.Lock) -> None:
    while True:
        await asyncio.sleep(_TICK_S)
        async with lock:
            await ring(engine)


async def step(engine: Engine, commit: LoggedCommit) -> None:
    """What one commit of the feed means for alarms."""
    if any("AlarmRule" in entry.types for entry in commit.entries):
        reload(engine)
    effects: list[Effect] = []
    timers: list[Timer] = []
    for entry in commit.entries:
        if commit.tenant or entry.status == "deleted":
            continue
        for rule in (rule for kind in entry.types for rule in engine.by_type.get(kind, ())):
            _judge(engine, rule, entry, commit.at, effects, timers)
    if effects or timers or commit.seq - engine.stored >= _CURSOR_EVERY:
        await _carry_out(engine, effects, timers, commit.seq)


async def ring(engine: Engine) -> None:
    """Act on the timers that are due."""
    now = engine.clock()
    effects: list[Effect] = []
    timers: list[Timer] = []
    for name, payload in engine.operations.hub.due_timers(CONSUMER, now):
        what, rule_id, subject = name.split("|", 2)
        rule = next((one for some in engine.by_type.values() for one in some if one.id == rule_id), None)
        due = _heard_until(engine, rule, subject) if rule is not None and what == "silent" else None
        if due is not None and due > now:
            timers.append(Timer(CONSUMER, name, due, payload))
            continue
        timers.append(Timer(CONSUMER, name, None))
        if rule is not None and (what == "for" or due is not None):  # A subject that is gone is no silence.
            reading = msgspec.json.decode(payload, type=_Kept)
            value = _value_now(engine, rule, subject, reading.value) if what == "for" else None
            effects.append(Effect(rule, Reading(subject, value, reading.observed, now), Move.RAISE))
    if timers:
        await _carry_out(engine, effects, timers, None)


def _value_now(engine: Engine, rule: Rule, subject: str, before: float | None) -> float | None:
    """What a subject measures as its alarm rises: the duration began with `before`, which may be long passed."""
    try:
        value = engine.operations.hub.get(ENGINE, subject).value(rule.attribute)
    except Missing:
        return before
    return value if _is_number(value) else before


def _heard_until(engine: Engine, rule: Rule, subject: str) -> int | None:
    """Until when (µs) the last word of a subject lets it be silent; None when it is gone."""
    try:
        entity = engine.operations.hub.get(ENGINE, subject)
    except Missing:
        return None
    observed = entity.observed_at(rule.attribute)
    heard = from_iso(observed) if observed is not None else entity.modified_at
    return heard + rule.for_seconds * SECOND


class _Kept(msgspec.Struct):
    """What a timer remembers of the reading that set it."""

    value: float | None
    observed: int


def _judge(engine: Engine, rule: Rule, entry: Logged, known: int, effects: list[Effect], timers: list[Timer]) -> None:
    instance = default_instance(entry.attrs.get(rule.attribute))
    if instance is None:
        return
    value = instance_value(instance)
    observed = from_iso(instance["observedAt"]) if "observedAt" in instance else known
    reading = Reading(entry.id, value if _is_number(value) else None, observed, known)
    if rule.kind is Kind.NO_DATA:
        _hear(engine, rule, reading, effects, timers)
    elif reading.value is not None:
        _measure(engine, rule, reading, effects, timers)


def _hear(engine: Engine, rule: Rule, reading: Reading, effects: list[Effect], timers: list[Timer]) -> None:
    """A sign of life: wait for the next one from when this one was observed."""
    due = reading.observed + rule.for_seconds * SECOND
    if due <= engine.clock():
        return  # Old data say nothing of now.
    if _timer_name("silent", rule, reading) not in engine.waiting:
        timers.append(_timer("silent", rule, reading, due))
    if _is_active(engine, rule, reading, effects):
        effects.append(Effect(rule, reading, Move.CLEAR))


def _measure(engine: Engine, rule: Rule, reading: Reading, effects: list[Effect], timers: list[Timer]) -> None:
    value, name = reading.value, _timer_name("for", rule, reading)
    assert value is not None
    if engine.clock() - reading.observed > rule.max_age_seconds * SECOND:
        return
    if not raises(rule, value) and name in engine.waiting:
        timers.append(Timer(CONSUMER, name, None))
    if raises(rule, value):
        if rule.for_seconds and not _is_active(engine, rule, reading, effects):
            if name not in engine.waiting:
                timers.append(_timer("for", rule, reading, reading.observed + rule.for_seconds * SECOND))
        else:
            effects.append(Effect(rule, reading, Move.RAISE))
    elif _is_active(engine, rule, reading, effects):
        # Between limit and clear it stays (RAISE of an active alarm only brings the value of now).
        effects.append(Effect(rule, reading, Move.RAISE if stays(rule, value) else Move.CLEAR))


def _is_active(engine: Engine, rule: Rule, reading: Reading, effects: list[Effect]) -> bool:
    """Whether the alarm is active, this step's own effects counted."""
    for effect in reversed(effects):
        if effect.rule.id == rule.id and effect.reading.subject == reading.subject:
            return effect.move is Move.RAISE
    return alarm_id(rule.id, reading.subject) in engine.active


def _timer_name(what: str, rule: Rule, reading: Reading) -> str:
    return f"{what}|{rule.id}|{reading.subject}"


def _timer(what: str, rule: Rule, reading: Reading, due: int) -> Timer:
    payload = msgspec.json.encode(_Kept(reading.value, reading.observed)).decode()
    return Timer(CONSUMER, _timer_name(what, rule, reading), due, payload)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


async def _carry_out(engine: Engine, effects: list[Effect], timers: list[Timer], seq: int | None) -> None:
    """One commit: the alarms' moves, the timers and the position. Decided again when a hand was quicker."""
    hub = engine.operations.hub
    cursor = None if seq is None else (CONSUMER, seq)
    while True:
        changes, expect = _decide(engine, effects)
        commit = Commit(
            ENGINE, tuple(changes), "theo quy tắc", expect, cursor=cursor, timers=tuple(timers), owner=OWNER
        )
        try:
            await hub.commit(commit)
            break
        except Conflict:
            continue
    engine.stored = seq if seq is not None else engine.stored
    for timer in timers:
        (engine.waiting.discard if timer.due is None else engine.waiting.add)(timer.name)
    for effect in effects:  # In order: the last move of an alarm is the one that was carried out.
        name = alarm_id(effect.rule.id, effect.reading.subject)
        (engine.active.add if effect.move is Move.RAISE else engine.active.discard)(name)


def _decide(engine: Engine, effects: list[Effect]) -> tuple[list[Change], dict[str, int]]:
    """The last word on each alarm in this step."""
    last = {(effect.rule.id, effect.reading.subject): effect for effect in effects}
    decided = [alarm_change(engine.operations, effect, engine.clock()) for effect in last.values()]
    found = [one for one in decided if one is not None]
    return [change for change, _ in found], {change.id: version for change, version in found}
