"""Follows the feed for odd values and suggests each once; its memory comes back from history when the city starts.

No cursor is kept: what came while nobody followed is learnt from history, and whatever of it is newer than `LATE` is
judged then. A suggestion is named by its cause (series and first odd instant), so that saying it twice is harmless.
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from dothi.ground.clock import DAY, HOUR, from_iso, now_us
from dothi.ground.errors import Missing
from dothi.hub.model import LoggedCommit, default_instance, instance_value, system
from dothi.operations.model import Operations
from dothi.operations.rules.odd.memory import Memory, Odd, begins, judge, learn, learn_all
from dothi.operations.rules.odd.telling import Found, tell
from dothi.operations.rules.odd.watching import KIND, Watch, watches_at

log = logging.getLogger("dothi.operations")
SYSTEM = system("operations")
LATE = 3 * HOUR  # What was measured longer ago when it comes is learnt, and called odd no more.
REMEMBERED = 28 * DAY  # How far back memory is rebuilt from.
MOST = 5_000  # Series that are remembered: 46 kB each.
Key = tuple[str, str]  # Entity id, attribute.


@dataclass
class Watcher:
    """What is watched, and what is remembered of each series."""

    operations: Operations
    memories: dict[Key, Memory] = field(default_factory=dict)
    rows: dict[str, tuple[Watch, ...]] = field(default_factory=dict)  # By unit, as long as the same sets are adopted.
    pairs: Mapping[str, frozenset[str]] = field(default_factory=dict)  # Type → attributes that some unit watches.
    of: tuple[object, object] = (None, None)  # The sets and the day that `rows` and `pairs` were read from.


async def run(operations: Operations) -> None:
    """Remember, then follow until cancelled."""
    position = operations.hub.last_seq()
    watcher, now = Watcher(operations), now_us()
    refresh(watcher, now)
    for found in await asyncio.to_thread(remember, watcher, now):
        await tell(operations, found)
    async for commit in operations.hub.follow(position, lambda types: any(kind in watcher.pairs for kind in types)):
        refresh(watcher, commit.at)
        for found in look(watcher, commit):
            await tell(operations, found)


def refresh(watcher: Watcher, now: int) -> None:
    """Read again which rows are in force, when other sets were adopted or another day began."""
    sets = watcher.operations.adopted
    of = sets.adopted if sets else None, (now + 7 * HOUR) // DAY
    if watcher.of[0] is of[0] and watcher.of[1] == of[1]:
        return
    units = ["", *(unit for kind, unit in sets.adopted if kind == KIND)] if sets else [""]
    pairs: dict[str, set[str]] = {}
    for unit in units:
        for row in watches_at(watcher.operations, unit or None, now):
            pairs.setdefault(row.type, set()).add(row.attribute)
    watcher.rows.clear()
    watcher.of, watcher.pairs = of, {kind: frozenset(names) for kind, names in pairs.items()}


def remember(watcher: Watcher, now: int) -> list[Found]:
    """Rebuild memory from the last weeks, in one pass; what came in the last hours is judged as it is learnt."""
    found: list[Found] = []
    for kind, names in watcher.pairs.items():
        ids = [one.id for one in watcher.operations.hub.find(SYSTEM, kind, limit=MOST)]
        past = watcher.operations.hub.readings(SYSTEM, ids, names, now - REMEMBERED)
        for key, told in past.items():
            memory = _memory(watcher, key)
            if memory is None:
                break
            values = list(zip(told.observed, told.values, strict=True))
            learn_all(memory, (one for one in values if one[0] < now - LATE))
            for at, value in values:
                if at >= now - LATE:
                    found += _judged(watcher, key, kind, at, value, now)
    return found


def look(watcher: Watcher, commit: LoggedCommit) -> Iterator[Found]:
    """The odd values of one commit of the feed; every value is learnt."""
    for entry in commit.entries:
        kind = next((one for one in entry.types if one in watcher.pairs), None)
        if kind is None or commit.tenant or entry.status == "deleted":
            continue
        for name in watcher.pairs[kind] & entry.attrs.keys():
            instance = default_instance(entry.attrs[name])
            value = instance_value(instance) if instance is not None else None
            if instance is None or isinstance(value, bool) or not isinstance(value, int | float):
                continue
            at = from_iso(instance["observedAt"]) if "observedAt" in instance else commit.at
            yield from _judged(watcher, (entry.id, name), kind, at, value, commit.at)


def _judged(watcher: Watcher, key: Key, kind: str, at: int, value: float, now: int) -> Iterator[Found]:
    memory = _memory(watcher, key)
    if memory is None or at <= memory.learnt:
        return  # Old news of a series whose later values are known.
    odd = judge(memory, at, value, 1)
    if odd is not None and abs(odd.times) >= 2 and now - at <= LATE:  # No row asks for less: the entity is not read.
        found = _found(watcher, key, kind, at, value, odd)
        if found is not None and begins(memory, at, found.watch.quiet_hours):
            yield found
    learn(memory, at, value)


def _found(watcher: Watcher, key: Key, kind: str, at: int, value: float, odd: Odd) -> Found | None:
    """The row of the entity's unit that calls this value odd."""
    try:
        entity = watcher.operations.hub.get(SYSTEM, key[0])
    except Missing:
        return None
    first = watcher.memories[key].first or at
    for row in _rows(watcher, entity.value("unit", "") or "", at):
        if (row.type, row.attribute) == (kind, key[1]) and at - first >= row.learn_days * DAY and row.finds(value, odd):
            return Found(row, entity, at, value, odd)
    return None


def _rows(watcher: Watcher, unit: str, at: int) -> tuple[Watch, ...]:
    if unit not in watcher.rows:
        watcher.rows[unit] = watches_at(watcher.operations, unit or None, at)
    return watcher.rows[unit]


def _memory(watcher: Watcher, key: Key) -> Memory | None:
    known = watcher.memories.get(key)
    if known is None and len(watcher.memories) < MOST:
        known = watcher.memories[key] = Memory()
        if len(watcher.memories) == MOST:
            log.warning("Odd values: %d series are remembered, more are not watched; watch fewer types.", MOST)
    return known
