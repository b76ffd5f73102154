"""The engine's memory made from the log: what stood before the window, the window replayed, then what the hub says.

Nothing of the memory is stored. The window is as long as the longest of the rules: its start is found in the log by
time. What was last heard before it stands in the entities, which are read once.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from dothi.ground.clock import from_iso
from dothi.ground.errors import Missing
from dothi.hub.core import Hub
from dothi.hub.model import Attribute, Entity, Instance, LoggedCommit, default_instance, instance_value
from dothi.operations.alarms.raising import Effect
from dothi.operations.alarms.reading import ENGINE
from dothi.operations.engine.judging import enrol, forget, observe, reconcile, tick
from dothi.operations.engine.memory import Key, Memory, area_instance, subject_instance
from dothi.operations.engine.program import Compiled, Program, attributes_of, make_program, reach_us, stands_in
from dothi.operations.engine.telling import area_urn, ended
from dothi.operations.model import Operations
from dothi.operations.rules.in_force import Book, book_at, units_with_rules
from dothi.operations.rules.model import CITY, Each, Turn

EVERYTHING = 10_000_000
_YIELD_EVERY = 500  # Entities between two turns of the loop.
_AREA = area_urn(CITY).removesuffix(CITY)
_instant = lru_cache(4096)(from_iso)  # The values of a batch were mostly observed together.

Wanted = Mapping[str, frozenset[str]]  # Type → attributes that some rule wants.


@dataclass
class Mind:
    """The program in force and what it remembers."""

    program: Program
    wanted: Wanted
    memory: Memory
    keys: tuple[tuple[tuple[str, int], ...], ...]  # The adopted sets that made the books.


def books_at(operations: Operations, now: int) -> dict[str, Book]:
    """The rules in force: of the whole city, and of each unit that adopted its own."""
    return {unit: book_at(operations, unit or None, now) for unit in ("", *units_with_rules(operations))}


def new_mind(operations: Operations, now: int) -> Mind:
    """A mind that knows the rules and nothing else."""
    books = books_at(operations, now)
    program = make_program(books, _above(operations), operations.calendar)
    return Mind(program, attributes_of(program), Memory(program), keys_of(books))


def keys_of(books: Mapping[str, Book]) -> tuple[tuple[tuple[str, int], ...], ...]:
    """What tells books apart without comparing their rules."""
    return tuple(book.key for book in books.values())


def _above(operations: Operations) -> Callable[[str], tuple[str, ...]]:
    territory = operations.territory

    def above(unit: str) -> tuple[str, ...]:
        return tuple(one.code for one in territory.chain(unit)) if territory.knows(unit) else (unit,)

    return above


async def rebuilt(operations: Operations, cursor: int, judged: int, now: int) -> tuple[Mind, list[Turn], list[Effect]]:
    """The mind as it was at position `cursor` and instant `judged` (µs), what must turn, and alarms without a rule."""
    hub = operations.hub
    mind = new_mind(operations, now)
    alarms = {key_of(alarm): alarm for alarm in hub.find(ENGINE, "Alarm", "active==true", EVERYTHING)}
    up = {key for key, alarm in alarms.items() if not alarm.value("clearing")}
    mind.memory.standing = up
    last = max(_at(hub, cursor), judged)
    if cursor:
        begins = _seek(hub, cursor, _at(hub, cursor) - reach_us(mind.program))
        await _read_standing(operations, mind, _at(hub, begins))
        await _replay(operations, mind, begins, cursor)
    tick(mind.memory, last)
    mind.memory.standing = frozenset()
    lost = _stand_up(operations, mind, alarms, now)
    return mind, list(reconcile(mind.memory, up, last)), lost


def _at(hub: Hub, seq: int) -> int:
    """When a commit became known (µs); of 0 the beginning of time."""
    found = hub.log(seq - 1, 1) if seq > 0 else []
    return found[0].at if found else 0


def _seek(hub: Hub, cursor: int, instant: int) -> int:
    """The newest position up to which everything was known before an instant."""
    low, high = 0, cursor
    while low < high:
        middle = (low + high + 1) // 2
        if _at(hub, middle) < instant:
            low = middle
        else:
            high = middle - 1
    return low


async def _read_standing(operations: Operations, mind: Mind, start: int) -> None:
    """What was known at the window's start: the entities that no later commit changed, and values observed before."""
    found = [
        (min(entity.modified_at, start), entity)
        for kind in mind.wanted
        for entity in operations.hub.find(ENGINE, kind, limit=EVERYTHING)
    ]
    for number, (known, entity) in enumerate(sorted(found, key=lambda one: one[0])):
        for name, instance in told(mind.wanted, entity.types, entity.attrs):
            observed = _observed(instance, entity.modified_at)
            if observed <= start and entity.created_at <= start:
                place = entity.value("unit", "") or ""
                observe(mind.memory, entity.id, entity.types, place, name, number_of(instance), observed, known)
        if number % _YIELD_EVERY == _YIELD_EVERY - 1:
            await asyncio.sleep(0)
    mind.memory.turns.clear()


async def _replay(operations: Operations, mind: Mind, begins: int, cursor: int) -> None:
    if begins >= cursor:
        return
    async for commit in operations.hub.follow(begins, lambda types: any(kind in mind.wanted for kind in types)):
        if commit.seq <= cursor:
            read(operations, mind, commit)
        if commit.seq >= cursor:
            return


def read(operations: Operations, mind: Mind, commit: LoggedCommit) -> list[Turn]:
    """What one commit means for alarms, in the order of its entries."""
    memory, turns = mind.memory, [] if commit.tenant else list(tick(mind.memory, commit.at))
    for entry in () if commit.tenant else commit.entries:
        if entry.status == "deleted":
            turns += forget(memory, entry.id, commit.at)
            continue
        unit: str | None = None
        for name, instance in told(mind.wanted, entry.types, entry.attrs):
            if unit is None:
                unit = _unit(operations, memory, entry.id, entry.attrs)
            observed = _observed(instance, commit.at)
            turns += observe(memory, entry.id, entry.types, unit, name, number_of(instance), observed, commit.at)
    return turns


def told(wanted: Wanted, types: tuple[str, ...], attrs: Mapping[str, Attribute]) -> Iterator[tuple[str, Instance]]:
    """The default instances of the attributes that rules want."""
    for kind in types:
        for name in wanted.get(kind, ()):
            attribute = attrs.get(name)
            if attribute is not None:
                instance = attribute if isinstance(attribute, dict) else default_instance(attribute)
                if instance is not None:
                    yield name, instance


def _observed(instance: Instance, otherwise: int) -> int:
    text = instance.get("observedAt")
    return otherwise if text is None else _instant(text)


def number_of(instance: Instance) -> float | None:
    """The value as a number, yes being 1 and no 0; None when it is none."""
    value = instance_value(instance)
    return value if isinstance(value, int | float) else None


def _unit(operations: Operations, memory: Memory, subject: str, attrs: Mapping[str, Attribute]) -> str:
    """The commune that a subject lies in: as it says now, as it is remembered, or as the hub has it."""
    if "unit" in attrs:
        return str(instance_value(default_instance(attrs["unit"]), "") or "")
    known = memory.subjects.get(subject)
    if known is not None:
        return known.unit
    try:
        return str(operations.hub.get(ENGINE, subject).value("unit", "") or "")
    except Missing:
        return ""


def key_of(alarm: Entity) -> Key:
    """Which rule on which subject or area an alarm is of."""
    return alarm.value("rule", ""), str(alarm.value("subject", "")).removeprefix(_AREA)


def _stand_up(operations: Operations, mind: Mind, alarms: Mapping[Key, Entity], now: int) -> list[Effect]:
    """Remember the alarms that stand although nothing was heard; returns what ends those of rules that are gone."""
    lost: list[Effect] = []
    known = {instance.key for instance in mind.memory.instances()}
    for key, alarm in alarms.items():
        if key in known:
            continue
        one = mind.program.book(alarm.value("unit", "") or "").get(key[0])
        if one is None or not _remember(operations, mind, one, key[1]):
            lost.append(ended(alarm, one.rule if one else None, now))
    return lost


def _remember(operations: Operations, mind: Mind, one: Compiled, cause: str) -> bool:
    """A rule on a subject or area of which nothing was heard; False when it is not in force there any more."""
    rule, memory = one.rule, mind.memory
    if not rule.enabled:
        return False
    if rule.each is not Each.SUBJECT:
        levels = mind.program.levels(cause)
        if stands_in(rule, levels) and not cause.startswith("urn:"):
            area_instance(memory, one, levels)
            return True
        return False
    try:
        entity = operations.hub.get(ENGINE, cause)
    except Missing:
        return False
    levels = mind.program.levels(entity.value("unit", "") or "")
    narrowed = not rule.only.subjects or cause in rule.only.subjects
    if rule.type not in entity.types or not stands_in(rule, levels) or not narrowed:
        return False
    subject_instance(memory, cause, enrol(memory, cause, entity.types, entity.value("unit", "") or ""), one)
    return True
