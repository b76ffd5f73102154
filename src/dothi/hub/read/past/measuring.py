"""Measures of long histories: who may be counted is settled here, what comes out the engine of history computes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo
from math import isfinite
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from dothi.ground.clock import from_datetime
from dothi.ground.errors import Invalid, Unavailable
from dothi.hub.access import WHERE_SEEN, Policy
from dothi.hub.language.measure import STEPS, Figure, Measure, check
from dothi.hub.language.nodes import Query
from dothi.hub.language.time import bucketing
from dothi.hub.model import RECORDS, Actor, Entity
from dothi.hub.read.past.memory import Memory
from dothi.hub.read.search import Search
from dothi.hub.store.port import Head, Store
from dothi.hub.store.query import measuring
from dothi.hub.store.query.gate import sentence
from dothi.hub.store.query.held import Held, Span, beside, relation
from dothi.hub.store.query.views import DUCKDB

MOST = 100_000  # Figures in one answer.
_CHUNK = 500  # Heads read at a time.


class History(Protocol):
    """Who keeps the readings, sealed and not (store/cold/face.py)."""

    def held(self, start: int | None, end: int | None) -> Held:
        """Where the readings observed from `start` until `end` (µs) lie at this moment."""

    def engine(self) -> duckdb.DuckDBPyConnection:
        """A cursor of the engine that opens them."""


class Measuring:
    """Answers measures for an actor: what nobody may see is not counted."""

    def __init__(self, store: Store, policy: Policy, search: Search, memory: Memory, history: History) -> None:
        """Nothing is kept between questions but by `history`."""
        self._store, self._policy, self._search, self._memory = store, policy, search, memory
        self._history = history

    def measure(self, actor: Actor, asked: Measure) -> list[Figure]:
        """See Hub.measure."""
        check(asked)
        tid = self._store.tenant(asked.entities.tenant)
        narrowed = self._policy.narrow(actor, asked.entities)
        if tid is None:
            return []
        held = self._history.held(asked.start, asked.end)
        ids = self._few(tid, narrowed) if asked.by in ("", "entity") else None
        if ids is not None and not ids:
            return []
        cursor = self._history.engine()
        try:
            self._prepare(cursor, held, asked)
            chosen = None if ids is not None else self._chosen(cursor, tid, narrowed, asked)
            if chosen is not None:
                _place(cursor, "chosen", chosen)
            text = measuring.text(asked, ids, chosen is not None, self._tenant(asked))
            rows = cursor.execute(text).fetchmany(MOST + 1)
        except duckdb.Error as wrong:
            raise Unavailable(f"The history cannot be measured just now: {sentence(wrong)}") from wrong
        finally:
            cursor.close()
        if len(rows) > MOST:
            raise Invalid(f"This is more than {MOST:,} figures: ask for a longer step, fewer groups or a shorter time.")
        return _figures(rows, asked)

    def _prepare(self, cursor: duckdb.DuckDBPyConnection, held: Held, asked: Measure) -> None:
        for name, table in beside(held).items():
            _place(cursor, name, table)
        view = relation(held, Span(asked.start, asked.end), asked.zone, DUCKDB)
        cursor.execute(f"CREATE TEMP VIEW readings AS {view}")

    def _tenant(self, asked: Measure) -> str | None:
        """The tenant that rows must be of; None where there is one only, whose rows need no looking at."""
        others = [name for name in self._store.tenants() if not name.endswith(RECORDS)]
        return None if len(others) == 1 else asked.entities.tenant

    def _few(self, tid: int, query: Query) -> list[str] | None:
        """The ids that count, where a few were named; None when the engine must be told otherwise."""
        if not query.ids or len(query.ids) > measuring.FEW or not all(map(measuring.nameable, query.ids)):
            return None
        fits = self._fits(tid, query)
        heads = self._store.heads(tid, dict.fromkeys(query.ids))
        return [name for name, head in heads.items() if fits(self._memory.last_state(head))]

    def _chosen(self, cursor: duckdb.DuckDBPyConnection, tid: int, query: Query, asked: Measure) -> pa.Table | None:
        """The entities that count with their groups; None: all of them do, and need no group."""
        if asked.by in ("", "entity") and _everything(query):
            return None
        candidates = [eid for (eid,) in cursor.execute(measuring.who(asked, self._tenant(asked))).fetchall()]
        fits = self._fits(tid, query)
        pairs = [
            (head.eid, group)
            for head in self._heads(candidates)
            if fits(entity := self._memory.last_state(head))
            for group in _GROUPS[asked.by](entity)
        ]
        kinds = pa.schema([("eid", pa.int64()), ("grp", pa.string())])
        return pa.Table.from_pylist([{"eid": eid, "grp": group} for eid, group in pairs], schema=kinds)

    def _fits(self, tid: int, query: Query) -> Callable[[Entity], bool]:
        named = frozenset(query.ids)
        judged = self._search.judge(tid, replace(query, attrs=()))
        return lambda entity: (not named or entity.id in named) and judged(entity)

    def _heads(self, eids: Sequence[int]) -> Iterator[Head]:
        for start in range(0, len(eids), _CHUNK):
            yield from self._store.rows(eids[start : start + _CHUNK]).values()


def _types(entity: Entity) -> Iterable[str | None]:
    return entity.types


def _area(entity: Entity) -> Iterable[str | None]:
    value = entity.value(WHERE_SEEN[0])
    return (value if isinstance(value, str) else None,)


def _none(_: Entity) -> Iterable[str | None]:
    return (None,)


_GROUPS: dict[str, Callable[[Entity], Iterable[str | None]]] = {
    "": _none,
    "entity": _none,
    "type": _types,
    "area": _area,
}


def _everything(query: Query) -> bool:
    """Whether a narrowed query leaves nothing out."""
    limits = (query.types, query.id_pattern, query.q, query.geo, query.scope, query.sight)
    return all(limit is None for limit in limits) and not (query.ids or query.any_of or query.drop)


def _place(cursor: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    cursor.register(name, table)


def _figures(rows: Sequence[tuple[Any, ...]], asked: Measure) -> list[Figure]:
    zone = ZoneInfo(asked.zone)
    found = [
        Figure(group, *_bounds(step, asked, zone), tuple(map(_number, values)), numbers)
        for group, step, numbers, *values in rows
    ]
    return sorted(found, key=lambda one: (one.group or "", one.start))


def _bounds(step: datetime | None, asked: Measure, zone: tzinfo) -> tuple[int, int]:
    if step is None:
        return asked.start, asked.end
    return bucketing(STEPS[asked.step], zone)(from_datetime(step.replace(tzinfo=zone)))


def _number(value: Any) -> float | None:
    return value if value is not None and isfinite(value) else None
