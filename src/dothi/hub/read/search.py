"""Answering a Query: columns narrow it down, the entities that columns cannot judge are read and matched."""

import heapq
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dothi.ground.clock import now_us
from dothi.hub.access import WHERE_SEEN, in_sight
from dothi.hub.language.match import Follow, geo_test, matches, scope_matches, type_matches
from dothi.hub.language.nodes import ANY_TYPE, Query, Selector, Sight
from dothi.hub.language.pattern import finder
from dothi.hub.model import Entity, Page
from dothi.hub.read.columns import Table, asked
from dothi.hub.read.follow.moved import FADES, Moved
from dothi.hub.read.ordering import column_ranks, columns_of, ordered
from dothi.hub.read.places import Mask, Masks
from dothi.hub.store import codec
from dothi.hub.store.port import Head, Store
from dothi.hub.write.commit import Effect
from dothi.hub.write.fading import alive

_CHUNK = 256  # Entities read at a time while candidates are verified.
_BLOCK = 2048  # Rows looked at first where a page is enough; then twice as many, and so on.


@dataclass(slots=True)
class _Found:
    """Candidates in the order of the answer; those that are not sure must be read and matched.

    Where `ordered` is False the entities must be read to tell their order too.
    """

    eids: NDArray[np.int64]
    sure: Mask
    ordered: bool = True


class Rows(NamedTuple):
    """One page of rows, whether there are more, and how many there are in all where the query asked to count."""

    eids: list[int]
    more: bool
    total: int


class Search:
    """The indexes of one store; follows its commits."""

    def __init__(self, store: Store) -> None:
        """Nothing is built yet."""
        self._store = store
        self._lock = threading.RLock()
        self._tables: dict[tuple[int, int], Table] = {}
        self._declared: dict[str, tuple[str, ...]] = {}
        self._fading: list[tuple[int, int, int, int]] = []  # A heap: moment, tenant, row, kind.

    def declare(self, kind: str, attributes: tuple[str, ...]) -> None:
        """Columns that the lists of a type ask for, made together when the first of them is asked for."""
        self._declared[kind] = (*self._declared.get(kind, ()), *attributes)

    def follow(self, effects: Iterable[Effect]) -> None:
        """Bring every table up to a flush."""
        with self._lock:
            for effect in effects:
                if effect.before_kind and (effect.before_kind != effect.kind or effect.after is None):
                    table = self._tables.get((effect.tid, effect.before_kind))
                    if table is not None:
                        table.remove(effect.eid)
                table = self._tables.get((effect.tid, effect.kind))
                if table is not None and effect.after is not None:
                    table.set(effect.eid, effect.after)
                    self._note(effect.tid, effect.kind, effect.eid, effect.after)

    def move(self, moved: Moved) -> None:
        """Bring every table up to commits of other processes."""
        with self._lock:
            for tid, rows in moved.rows.items():
                tables = {kind: table for (where, kind), table in self._tables.items() if where == tid}
                for eid, head in rows.items() if tables else ():
                    _place(tables, eid, head, fresh=eid in moved.fresh)
                    if head is not None and head.doc is not None and head.kind in tables and FADES in head.doc:
                        self._note(tid, head.kind, eid, _entity(head))

    def _note(self, tid: int, kind: int, eid: int, entity: Entity) -> None:
        """Remember when something of an entity expires."""
        if entity.fades_at:
            heapq.heappush(self._fading, (entity.fades_at, tid, eid, kind))

    def _fade(self, now: int) -> None:
        """Take out of the tables what has expired: it is hidden at once, however late it is swept (clause 4.22)."""
        while self._fading and self._fading[0][0] <= now:
            _, tid, eid, kind = heapq.heappop(self._fading)
            table, head = self._tables.get((tid, kind)), self._store.rows((eid,)).get(eid)
            if table is None or head is None or head.doc is None or head.kind != kind:
                continue
            left = alive(_entity(head), now)
            if left is None:
                table.remove(eid)
            else:
                table.set(eid, left)
                self._note(tid, kind, eid, left)

    def run(self, tid: int, query: Query) -> Page:
        """The page that a query asks for."""
        verify = _verifier(query, self._following(tid, query))
        found = self._by_id(tid, query) if query.ids else self._by_columns(tid, query)
        if query.ordering is not None and not found.ordered:
            eids = np.array(ordered(self._verified(found, verify), query.ordering), np.int64)
            found = _Found(eids, np.ones(len(eids), bool))
        if query.count:
            return self._counted(found, query, verify)
        return Page(tuple(self._page(found, query, verify)))

    def rows(self, tid: int, query: Query) -> Rows | None:
        """The page of rows that a query asks for; None when an entity must be read to tell."""
        if query.ids:
            return None
        end = query.offset + query.limit
        found = self._by_columns(tid, query, None if query.count else end + 1)
        if not (found.ordered and found.sure.all()):
            return None
        return Rows(found.eids[query.offset : end].tolist(), len(found.eids) > end, len(found.eids))

    def judge(self, tid: int, query: Query) -> Callable[[Entity], bool]:
        """Whether an entity answers a query that was narrowed: everything of it but its page and order."""
        return _verifier(query, self._following(tid, query))

    def _by_id(self, tid: int, query: Query) -> _Found:
        heads = self._store.heads(tid, dict.fromkeys(query.ids))
        eids = np.array([head.eid for head in heads.values() if head.doc is not None], np.int64)
        return _Found(eids, np.zeros(len(eids), bool), ordered=False)

    def _by_columns(self, tid: int, query: Query, enough: int | None = None) -> _Found:
        """What columns tell; of entities in order of creation no more than `enough` are looked for, where given."""
        eids: list[NDArray[np.int64]] = []
        sures: list[Mask] = []
        keys: list[NDArray[np.float64]] = []
        with self._lock:
            tables = [
                (self._table(tid, kind, types, query), types)
                for kind, types in self._store.kinds(tid).items()
                if _of_interest(query, types)
            ]
            in_order = len(tables) == 1 and not query.order and query.ordering is None and tables[0][0].ascending
            ranks = None
            for table, types in tables:
                rows, sure = _select(table, query, types, enough if in_order else None)
                eids.append(table.eids[rows])
                sures.append(sure)
                keys.append(_order_keys(table, query.order, rows))
                if query.ordering is not None and len(tables) == 1:
                    ranks = column_ranks(table, query.ordering, rows)
        if not eids:
            return _Found(np.zeros(0, np.int64), np.zeros(0, bool))
        if in_order:
            return _Found(eids[0], sures[0])
        every = np.concatenate(eids)
        first = np.concatenate(keys, axis=1)[::-1]
        order = np.lexsort((every, *(ranks or [])[::-1], *first))
        return _Found(every[order], np.concatenate(sures)[order], query.ordering is None or ranks is not None)

    def _table(self, tid: int, kind: int, types: tuple[str, ...], query: Query) -> Table:
        names = asked(query.q) | {name.lstrip("-") for name in query.order} | set(query.attrs)
        places, plain = columns_of(query.ordering)
        names |= plain
        if query.sight is not None:
            names.update(WHERE_SEEN)
        geometries = places | ({query.geo.attribute} if query.geo else set())
        table = self._tables.get((tid, kind))
        if table is None or table.lacks(names, geometries):
            table = table or Table()
            declared = {name for one in types for name in self._declared.get(one, ())}
            table.add_columns(names | declared, geometries)
            for eid, head in self._store.scan(tid, kind):
                entity = _entity(head)
                table.set(eid, entity)
                self._note(tid, kind, eid, entity)
            self._tables[tid, kind] = table
        if self._fading:
            self._fade(now_us())
        return table

    def _read(self, eids: NDArray[np.int64]) -> Iterator[tuple[int, Entity]]:
        now = now_us()
        heads = self._store.rows(eids.tolist())
        for eid in eids.tolist():
            head = heads.get(eid)
            if head is not None and head.doc is not None:
                entity = alive(_entity(head), now)
                if entity is not None:
                    yield eid, entity

    def _page(self, found: _Found, query: Query, verify: Callable[[Entity], bool]) -> list[Entity]:
        if found.sure.all():
            wanted = found.eids[query.offset : query.offset + query.limit]
            return [entity for _, entity in self._read(wanted)]
        page: list[Entity] = []
        skipped = 0
        for _, entity in self._verified(found, verify):
            if skipped < query.offset:
                skipped += 1
            elif len(page) < query.limit:
                page.append(entity)
            if len(page) == query.limit:
                break
        return page

    def _counted(self, found: _Found, query: Query, verify: Callable[[Entity], bool]) -> Page:
        if found.sure.all():
            return Page(tuple(self._page(found, query, verify)), len(found.eids))
        page: list[Entity] = []
        count = 0
        for _, entity in self._verified(found, verify):
            if query.offset <= count < query.offset + query.limit:
                page.append(entity)
            count += 1
        return Page(tuple(page), count)

    def _verified(self, found: _Found, verify: Callable[[Entity], bool]) -> Iterator[tuple[int, Entity]]:
        for start in range(0, len(found.eids), _CHUNK):
            some = slice(start, start + _CHUNK)
            sure = dict(zip(found.eids[some].tolist(), found.sure[some].tolist(), strict=True))
            for eid, entity in self._read(found.eids[some]):
                if sure[eid] or verify(entity):
                    yield eid, entity

    def _following(self, tid: int, query: Query) -> Follow:
        """How a condition reaches linked entities: those that the reader of this query may see, each read once."""
        seen: dict[str, Entity | None] = {}

        def follow(ids: Sequence[str]) -> Iterator[Entity]:
            new = [one for one in ids if one not in seen]
            heads = self._store.heads(tid, tuple(new)) if new else {}
            for one in new:
                head = heads.get(one)
                entity = alive(_entity(head), now_us()) if head is not None and head.doc is not None else None
                seen[one] = entity if entity is not None and _visible(query, entity) else None
            yield from (entity for one in ids if (entity := seen[one]) is not None)

        return follow


def _place(tables: Mapping[int, Table], eid: int, head: Head | None, fresh: bool) -> None:
    """Put a row into the table of its kind, and take it out of any other."""
    table = tables.get(head.kind) if head is not None and head.doc is not None else None
    stands = table is not None and eid in table
    if table is not None and head is not None:
        table.set(eid, _entity(head))
    if not (fresh or stands):
        for other in tables.values():
            if other is not table:
                other.remove(eid)


def _visible(query: Query, entity: Entity) -> bool:
    return query.drop.isdisjoint(entity.types) and in_sight(query.sight, entity)


def _entity(head: Head) -> Entity:
    assert head.doc is not None
    return codec.entity_of(head.doc, head.created, head.modified, head.version)


def _of_interest(query: Query, types: tuple[str, ...]) -> bool:
    if query.types is not None and not type_matches(query.types, types):
        return False
    return not query.drop.intersection(types) and _units(query.sight, types) != frozenset()


def _units(sight: Sight | None, types: tuple[str, ...]) -> frozenset[str] | None:
    """The units where entities of these types may be seen; None = everywhere, empty = nowhere."""
    if sight is None:
        return None
    nowhere: frozenset[str] = frozenset()
    limits = [sight.get(kind, sight.get(ANY_TYPE, nowhere)) for kind in types]
    some = [limit for limit in limits if limit is not None]
    return frozenset.intersection(*some) if some else None


def _select(table: Table, query: Query, types: tuple[str, ...], enough: int | None) -> tuple[NDArray[np.int64], Mask]:
    """The rows of a table that may answer a query, and which are sure; looked for block by block until `enough`."""
    near = table.geometries[query.geo.attribute].rows(query.geo) if query.geo else None
    if near is not None:
        sure, maybe = _masks(table, query, types, near)
        return near[maybe], sure[maybe]
    found: list[NDArray[np.int64]] = []
    sures: list[Mask] = []
    start, step, hits = 0, _BLOCK if enough is not None else table.size, 0
    while start < table.size and (enough is None or hits < enough):
        sure, maybe = _masks(table, query, types, slice(start, min(start + step, table.size)))
        some = np.flatnonzero(maybe)
        found.append(some + start)
        sures.append(sure[some])
        hits, start, step = hits + len(some), start + step, step * 2
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, bool)
    return (found[0], sures[0]) if len(found) == 1 else (np.concatenate(found), np.concatenate(sures))


def _masks(table: Table, query: Query, types: tuple[str, ...], rows: slice | NDArray[np.int64]) -> Masks:
    sure = maybe = table.alive[rows].copy()
    if query.q is not None:
        held, open_ = table.masks(query.q, rows)
        sure, maybe = sure & held, maybe & open_
    if query.geo is not None:
        held, open_ = table.geometries[query.geo.attribute].masks(query.geo, rows)
        sure, maybe = sure & held, maybe & open_
    if query.attrs:
        has = np.logical_or.reduce([table.columns[name].holds[rows] != 0 for name in query.attrs])
        sure, maybe = sure & has, maybe & has
    units = _units(query.sight, types)
    if units is not None:
        seen = np.logical_or.reduce([table.columns[name].among(units, rows) for name in WHERE_SEEN])
        sure, maybe = sure & seen, maybe & seen
    if query.id_pattern is not None or query.scope is not None or query.any_of:
        sure = np.zeros(len(sure), bool)
    return sure, maybe


def _order_keys(table: Table, order: tuple[str, ...], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    keys = []
    for name in order:
        key = table.columns[name.lstrip("-")].sort_key(rows).astype(np.float64)
        keys.append(-key if name.startswith("-") else key)
    return np.array(keys).reshape(len(order), len(rows))


def _verifier(query: Query, follow: Follow) -> Callable[[Entity], bool]:
    named = finder(query.id_pattern) if query.id_pattern is not None else None
    chosen = [_selected(one) for one in query.any_of]
    near = geo_test(query.geo) if query.geo is not None else None

    def verify(entity: Entity) -> bool:
        return (
            (query.types is None or type_matches(query.types, entity.types))
            and _visible(query, entity)
            and (named is None or named(entity.id))
            and (not query.attrs or any(name in entity.attrs for name in query.attrs))
            and (not chosen or any(fits(entity) for fits in chosen))
            and (query.q is None or matches(query.q, entity, follow))
            and (near is None or near(entity))
            and (query.scope is None or scope_matches(query.scope, entity.scope))
        )

    return verify


def _selected(selector: Selector) -> Callable[[Entity], bool]:
    """Whether an entity is of one choice among several (clause 5.2.33): an id goes before a pattern."""
    ids = frozenset(selector.ids)
    named = finder(selector.id_pattern) if selector.id_pattern is not None and not ids else None
    return lambda entity: (
        (selector.types is None or type_matches(selector.types, entity.types))
        and (not ids or entity.id in ids)
        and (named is None or named(entity.id))
    )
