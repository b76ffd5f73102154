"""Measures of long histories: who may be counted is settled here, what comes out the engine of history computes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import pyarrow as pa

from dothi.ground.clock import from_datetime, from_iso
from dothi.ground.errors import Invalid, Unavailable
from dothi.hub.access import WHERE_SEEN, Policy
from dothi.hub.language.measure import STEPS, Figure, Measure, check
from dothi.hub.language.nodes import Query, Window
from dothi.hub.language.time import Period, bucketing
from dothi.hub.model import Actor, Entity
from dothi.hub.read.past.memory import Memory
from dothi.hub.read.search import Search
from dothi.hub.store.port import Head, Store
from dothi.hub.store.query import measuring
from dothi.hub.store.query.gate import sentence
from dothi.hub.store.query.held import Held, Past, Span, beside, relation
from dothi.hub.store.query.library import library
from dothi.hub.store.query.views import DUCKDB

if TYPE_CHECKING:
    import duckdb

LONG = 2_000  # Versions from which aggregates of one entity are left to the engine.
MOST = 100_000  # Figures in one answer.
_COUNTS = frozenset({"totalCount", "distinctCount"})
_WHOLE = frozenset({"sum", "min", "max", "sumsq"})  # Whole where all numbers are.
_EXACT = 1 << 53
_LAST = from_iso("9999-12-31T23:59:59Z")
_FOREVER = 1 << 61
_CHUNK = 500  # Heads read at a time.


class Computed(NamedTuple):
    """One attribute's numbers by step: what each method gives, from when until when (µs)."""

    dataset: str | None
    steps: list[tuple[int, int, dict[str, float | int]]]


class Measuring:
    """Answers measures for an actor: what nobody may see is not counted."""

    def __init__(self, store: Store, policy: Policy, search: Search, memory: Memory) -> None:
        """Nothing is kept between questions but by the memory's face."""
        self._store, self._policy, self._search, self._memory = store, policy, search, memory
        self._face = memory.face

    def measure(self, actor: Actor, asked: Measure) -> list[Figure]:
        """Figures by group and step, in order. Forbidden, Invalid, Unavailable (the archive cannot be read)."""
        check(asked)
        tid = self._store.tenant(asked.entities.tenant)
        narrowed = self._policy.narrow(actor, asked.entities)
        if tid is None:
            return []
        ids = self._few(tid, narrowed) if asked.by in ("", "entity") else None
        if ids is not None and not ids:
            return []
        held = self._held(tid, Span(asked.start, asked.end), (asked.attribute,), ids)
        cursor = self._face.engine()
        try:
            self._prepare(cursor, held, Span(asked.start, asked.end), asked.zone)
            chosen = None if ids is not None else self._chosen(cursor, tid, narrowed, asked)
            if chosen is not None:
                _place(cursor, "chosen", chosen)
            text = measuring.text(asked, ids, chosen is not None, self._alone(tid, ids))
            rows = cursor.execute(text).fetchmany(MOST + 1)
        except library().Error as wrong:
            raise Unavailable(f"The history cannot be measured just now: {sentence(wrong)}") from wrong
        finally:
            cursor.close()
        if len(rows) > MOST:
            raise Invalid(f"This is more than {MOST:,} figures: ask for a longer step, fewer groups or a shorter time.")
        return _figures(rows, asked)

    def sources(self) -> tuple[Store, Past]:
        """The store and its history as it lies now, for questions of whoever may read everything."""
        return self._store, self._face.past()

    def aggregated(
        self,
        actor: Actor,
        entity_id: str,
        names: Sequence[str],
        window: Window,
        asked: tuple[Sequence[str], Period],
        tenant: str = "",
    ) -> tuple[Entity, dict[str, Computed]] | None:
        """The methods and period `asked` over a long history, by attribute; None where the instances must be read.

        That is where the engine would not mean quite the same as render/aggregate.py. Missing when the entity was never
        there, or is not to be seen.
        """
        methods, period = asked
        head = self._memory.visible(actor, entity_id, tenant)
        tid = self._store.tenant(tenant) or 0
        plain = window.attribute == "observedAt" and window.start is not None and window.last is None
        if head.version < LONG or not plain or period.months or not all(map(measuring.nameable, (entity_id, *names))):
            return None
        assert window.start is not None
        columns = [measuring.AGGREGATES[name] for name in methods]
        span = Span(window.start, _FOREVER if window.end is None else window.end)
        held = self._held(tid, span, names, (entity_id,))
        if held.troubled:
            return None
        text = measuring.steps_text(entity_id, names, columns, window.start, period.length, tenant)
        rows = self._asked(held, span, text)
        computed = _computed(rows, methods, window, period.length)
        return None if computed is None else (self._memory.last_state(head), computed)

    def _asked(self, held: Held, span: Span, text: str) -> list[tuple[Any, ...]]:
        cursor = self._face.engine()
        try:
            self._prepare(cursor, held, span, "UTC")
            rows: list[tuple[Any, ...]] = cursor.execute(text).fetchall()
            return rows
        except library().Error as wrong:
            raise Unavailable(f"The history cannot be measured just now: {sentence(wrong)}") from wrong
        finally:
            cursor.close()

    def _held(self, tid: int, span: Span, names: Sequence[str], ids: Sequence[str] | None) -> Held:
        """Where the readings lie; what is troubled only as far as it concerns the entities named (None: all)."""
        held = self._face.held((span.start, span.end), names, tid, mend=False)
        troubled = held.troubled
        if ids is not None and troubled:
            troubled &= {head.eid for head in self._store.heads(tid, ids, docs=False).values()}
        mended = self._face.mended((span.start, span.end), names, tid, troubled) if troubled else None
        return Held(held.files, held.tail, troubled, mended)

    def _prepare(self, cursor: "duckdb.DuckDBPyConnection", held: Held, span: Span, zone: str) -> None:
        for name, table in beside(held).items():
            _place(cursor, name, table)
        view = relation(held, span, zone, DUCKDB)
        cursor.execute(f"CREATE TEMP VIEW readings AS {view}")

    def _few(self, tid: int, query: Query) -> list[str] | None:
        """The ids that count, where a few were named; None when the engine must be told otherwise."""
        if not query.ids or len(query.ids) > measuring.FEW or not all(map(measuring.nameable, query.ids)):
            return None
        fits = self._fits(tid, query)
        heads = self._store.heads(tid, dict.fromkeys(query.ids))
        return [name for name, head in heads.items() if fits(self._memory.last_state(head))]

    def _alone(self, tid: int, ids: Sequence[str] | None) -> bool:
        """Whether ids were named that no other tenant has: then the tenant of rows needs no looking at."""
        others = [] if ids is None else [self._store.tenant(name) for name in self._store.tenants()]
        return ids is not None and not any(
            self._store.heads(other, ids, docs=False) for other in others if other is not None and other != tid
        )

    def _chosen(self, cursor: "duckdb.DuckDBPyConnection", tid: int, query: Query, asked: Measure) -> pa.Table | None:
        """The entities that count with their groups; None: all of them do, and need no group."""
        if asked.by in ("", "entity") and _everything(query):
            return None
        candidates = [eid for (eid,) in cursor.execute(measuring.who(asked)).fetchall()]
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


def _place(cursor: "duckdb.DuckDBPyConnection", name: str, table: pa.Table) -> None:
    cursor.register(name, table)


def _computed(
    rows: Sequence[tuple[Any, ...]], methods: Sequence[str], window: Window, length: int
) -> dict[str, Computed] | None:
    """Steps by attribute. None where words, several datasets, or whole and other numbers stand side by side."""
    found: dict[str, Computed] = {}
    for attribute, dataset, step, latest, told, numbers, wholes, *values in sorted(rows, key=lambda row: row[2]):
        one = found.setdefault(attribute, Computed(dataset, []))
        mixed = wholes not in (0, numbers) and "distinctCount" in methods
        if numbers != told or one.dataset != dataset or mixed or not all(map(isfinite, values)):
            return None
        whole = wholes == numbers and all(abs(value) < _EXACT for value in values)
        given = {
            name: int(value) if _is_whole(name, whole) else value for name, value in zip(methods, values, strict=True)
        }
        low = step if length else window.start or 0
        high = min(step + length, _LAST) if length else max(low, window.end if window.end is not None else latest)
        one.steps.append((low, high, given))
    return found or None


def _is_whole(method: str, numbers: bool) -> bool:
    return method in _COUNTS or (numbers and method in _WHOLE)


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
