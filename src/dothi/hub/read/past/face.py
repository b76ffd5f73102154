"""The past as columns of numbers, hot and cold as one: the sealed files, the tail of the log, and what was mended.

Each reading stands there once, as histories tell it. Where something was erased, corrected or expires by itself, the
entity is troubled: its rows are left out of files and tail, and made anew of its history.
"""

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dothi.ground.clock import from_iso, now_us
from dothi.hub.model import Readings, instance_value
from dothi.hub.read.past.evolution import SCOPE, Step, Walk, walk
from dothi.hub.store.cold.archive import TROUBLED, Archive, Seal
from dothi.hub.store.cold.columns import templates
from dothi.hub.store.cold.columns.packing import Packer
from dothi.hub.store.cold.columns.schema import READINGS
from dothi.hub.store.cold.tables import SCHEMAS, day_of
from dothi.hub.store.cold.told import told
from dothi.hub.store.port import Head, LogRow, Store
from dothi.hub.store.query.held import Held, Kept, Past

_READ = 200  # Commits read at a time.
_CHUNK = 8 << 20  # Bytes of them that become columns together.
_SMALL = 50_000  # Rows up to which two chunks are joined.
_PAGES = 1000
_KEPT = 1000  # Mended histories kept.
Span = tuple[int | None, int | None]
_ALWAYS: Span = (None, None)


_SERIES = """
WITH chosen AS (
  SELECT eid, attribute, observed, known, slot, number, value,
    dataset IS NULL AS plain, min(number) OVER entry AS first, bool_or(dataset IS NULL) OVER entry AS any_plain
  FROM read_parquet($files, hive_partitioning = false) WHERE list_contains($names, attribute) AND {}
  WINDOW entry AS (PARTITION BY eid, attribute, known, slot)),
ranked AS (
  SELECT *, row_number() OVER (PARTITION BY eid, attribute, observed ORDER BY known DESC, slot DESC, number DESC)
    AS place
  FROM chosen WHERE (plain OR (NOT any_plain AND number = first)) AND value IS NOT NULL
    AND observed >= $low AND observed < $high)
SELECT eid, attribute, observed, value FROM ranked WHERE place = 1 ORDER BY eid, attribute, observed
"""


class Sealed(NamedTuple):
    """What sealed files tell: up to which commit, entities of which something was corrected, and the numbers."""

    until: int = 0
    corrected: frozenset[int] = frozenset()
    readings: dict[tuple[int, str], Readings] = {}


@dataclass(slots=True)
class _Chunk:
    """Hot commits as columns."""

    after: int  # Commits with after < seq <= until.
    until: int
    tables: dict[str, pa.Table]
    troubled: frozenset[int]


class Face:
    """The columns of one store; any thread may ask."""

    def __init__(self, store: Store, archive: Archive) -> None:
        """Nothing is read yet."""
        self._store = store
        self._archive = archive
        self._lock = threading.RLock()
        self._packer = Packer(store.tenant_name)
        self._chunks: list[_Chunk] = []
        self._stands = Seal()
        self._sealed_troubled: frozenset[int] = frozenset()
        self._mended: OrderedDict[tuple[int, int], pa.Table] = OrderedDict()

    def engine(self) -> Any:
        """A cursor of this process's engine, on which files, tail and mended rows can be asked; close it."""
        return self._archive.place.engine()

    def held(
        self, span: Span = _ALWAYS, names: Collection[str] = (), tid: int | None = None, mend: bool = True
    ) -> Held:
        """All parts as they stand now, of what was observed with span[0] <= observed < span[1] (µs, None: without end).

        Files and tail hold more than that. Histories are mended of those attributes (all when empty) and that tenant
        (None: all), unless `mend` is False: then mended() tells of those that are wanted.
        """
        with self._lock:
            self._follow()
            files, tail, troubled = self.files(span), self.tail(), self._troubled()
        mended = self.mended(span, names, tid, troubled) if troubled and mend else None
        return Held(files, tail, troubled, mended)

    def past(self) -> Past:
        """All of it, the commits and their entries too, as they stand now."""
        with self._lock:
            held = self.held()
            commits, entries = (Kept(self.files(name=name), self.tail(name)) for name in ("commits", "entries"))
            return Past(held, commits, entries)

    def files(self, span: Span = _ALWAYS, name: str = "readings") -> tuple[str, ...]:
        """The live files of the days of a span."""
        table, until = self._archive.tables[name], self._archive.seal().until
        if not until:
            return ()
        first, last = map(_day, _bounds(span))
        listed = [one for one in table.files() if one.known[0] <= until and first <= one.day <= last]
        return tuple(table.path(one) for one in listed)

    def tail(self, name: str = "readings") -> pa.Table:
        """What is not sealed yet, in the columns of a table."""
        with self._lock:
            seal = self._follow()
            return _concat([chunk.tables[name] for chunk in self._chunks], name, seal.until)

    def _troubled(self) -> frozenset[int]:
        return self._sealed_troubled.union(*(chunk.troubled for chunk in self._chunks))

    def _follow(self) -> Seal:
        """Take in what was committed since, and let go what was sealed."""
        seal = self._archive.seal()
        if seal != self._stands:
            if seal.turn != self._stands.turn:  # Content was erased: what is kept may still say it.
                self._chunks.clear()
                self._mended.clear()
            self._stands = seal
            self._sealed_troubled = frozenset(self._numbers())
        self._chunks = [chunk for chunk in self._chunks if chunk.until > seal.until]
        after = self._chunks[-1].until if self._chunks else seal.until
        for rows in self._new(after):
            packed = self._packer.columns(rows)
            also = _concat([chunk.tables["readings"] for chunk in self._chunks], "readings", 0)
            parted = told(packed, self._archive, also)
            tables = {
                "readings": parted.readings,
                "echoes": parted.echoes,
                "entries": packed.entries,
                "commits": packed.commits,
            }
            self._chunks.append(_Chunk(after, rows[-1].seq, tables, parted.troubled))
            after = rows[-1].seq
            self._join()
        return seal

    def _numbers(self) -> Iterator[int]:
        after = 0
        while pages := self._store.pages(TROUBLED, after, _PAGES):
            yield from (number for number, _ in pages)
            after = pages[-1][0]

    def _new(self, after: int) -> Iterator[list[LogRow]]:
        end, _ = self._store.last()
        rows: list[LogRow] = []
        size = 0
        while after < end and (some := self._store.log(after, _READ)):
            rows.extend(some)
            size += sum(len(row.blob) for row in some)
            after = some[-1].seq
            if size >= _CHUNK:
                yield rows
                rows, size = [], 0
        if rows:
            yield rows

    def _join(self) -> None:
        if len(self._chunks) > 1 and sum(one.tables["readings"].num_rows for one in self._chunks[-2:]) <= _SMALL:
            last, other = self._chunks.pop(), self._chunks.pop()
            tables = {name: _concat([other.tables[name], last.tables[name]], name, 0) for name in SCHEMAS}
            self._chunks.append(_Chunk(other.after, last.until, tables, other.troubled | last.troubled))

    def sealed(self, eids: Collection[int], names: Collection[str], span: tuple[int, int]) -> "Sealed":
        """The numbers of the sealed files that were observed in a span and known since it began.

        Of an attribute's instances in one entry those without a dataset count, else the first; of several values of
        one instant the one that was known last, repeats too.
        """
        until = self._archive.seal().until
        first = self._first(span[0]) if until and eids and names else None
        if first is None:
            return Sealed(until)
        among = f"known BETWEEN {first} AND {until} AND eid IN ({', '.join(map(str, sorted(eids)))})"
        entries = self._archive.tables["entries"].files()
        marked = f"{among} AND regexp_matches(coalesce(body, template), '\"(erased|amended)\":')"
        troubled = self._sealed_troubled if self._stands.until == until else frozenset(self._numbers())
        corrected: set[int] = set()
        if troubled.intersection(eids):
            corrected.update(self._archive.query("entries", entries, "DISTINCT eid", marked)["eid"].to_pylist())
        found = self._columns(among, names, span)
        return Sealed(until, frozenset(corrected), found)

    def _first(self, since: int) -> int | None:
        """The first sealed commit that is not older than an instant (µs)."""
        files = [one for one in self._archive.tables["commits"].files() if one.day >= _day(since)]
        found = self._archive.query("commits", files, "min(known) AS first", f'"at" >= {since}') if files else None
        first: int | None = found["first"][0].as_py() if found is not None else None
        return first

    def _columns(self, among: str, names: Collection[str], span: tuple[int, int]) -> dict[tuple[int, str], Readings]:
        files = [*self.files(span), *self.files(span, "echoes")]
        if not files:
            return {}
        cursor = self._archive.place.engine()
        try:
            table = cursor.sql(
                _SERIES.format(among), params={"files": files, "names": sorted(names), "low": span[0], "high": span[1]}
            ).to_arrow_table()
        finally:
            cursor.close()
        made: dict[tuple[int, str], Readings] = {}
        eids, words = table["eid"].to_numpy(), table["attribute"].to_numpy(zero_copy_only=False)
        edges = np.flatnonzero((eids[1:] != eids[:-1]) | (words[1:] != words[:-1])) + 1
        observed, values = table["observed"].to_numpy(), table["value"].to_numpy()
        for begin, end in pairwise([0, *edges.tolist(), len(eids)]):
            if begin < end:
                one = made[int(eids[begin]), str(words[begin])] = Readings()
                one.observed.frombytes(observed[begin:end].tobytes())
                one.values.frombytes(values[begin:end].tobytes())
        return made

    def mended(self, span: Span, names: Collection[str], tid: int | None, eids: Collection[int]) -> pa.Table:
        """The rows of some entities as their histories tell them; see held()."""
        heads = self._store.rows(eids)
        made = [self._history(head) for head in heads.values()]
        table = pa.concat_tables(made) if made else READINGS.empty_table()
        low, high = _bounds(span)
        inside = pc.and_(pc.greater_equal(table["observed"], low), pc.less(table["observed"], high))
        if names:
            inside = pc.and_(inside, pc.is_in(table["attribute"], pa.array(sorted(names), pa.string())))
        if tid is not None:
            inside = pc.and_(inside, pc.equal(table["tenant"], self._store.tenant_name(tid)))
        return table.filter(inside)

    def _history(self, head: Head) -> pa.Table:
        key = (head.eid, head.seq)
        with self._lock:
            if key in self._mended:
                return self._mended[key]
        state = Walk(False, now_us())
        steps = [step for step in walk(self._store, head, state) if step.name != SCOPE]
        rows = [_row(step, head.eid, self._store.tenant_name(step.row.tid)) for step in _once(steps[::-1])]
        table = pa.Table.from_pylist(rows, schema=READINGS)
        if not state.fades:
            with self._lock:
                self._mended[key] = table
                while len(self._mended) > _KEPT:
                    self._mended.popitem(last=False)
        return table


def _once(steps: list[Step]) -> Iterator[Step]:
    """Of the same reading the first that was known."""
    seen: set[Any] = set()
    for step in steps:
        observed = step.instance.get("observedAt")
        if observed is not None:
            value = instance_value(step.instance)
            number = float(value) if templates.is_number(value) else repr(value)
            key = (step.name, step.instance.get("datasetId"), from_iso(observed), number)
            if key in seen:
                continue
            seen.add(key)
        yield step


def _row(step: Step, eid: int, tenant: str) -> dict[str, Any]:
    instance = step.instance
    value = templates.number_of(instance)
    observed = instance.get("observedAt")
    return {
        "tenant": tenant,
        "attribute": step.name,
        "entity": step.entity,
        "eid": eid,
        "dataset": instance.get("datasetId"),
        "observed": step.row.at if observed is None else from_iso(observed),
        "form": 2 * (templates.UNSTATED if observed is None else templates.CANONICAL),
        "known": step.row.seq,
        "slot": step.slot,
        "number": step.number,
        "value": value,
        "text": None if value is not None else msgspec.json.encode(instance).decode(),
        "shape": None,
    }


def _concat(tables: list[pa.Table], name: str, after: int) -> pa.Table:
    """Rows known after a commit, as one table."""
    if not tables:
        return SCHEMAS[name].empty_table()
    plain = [pa.table({name: _flat(table[name]) for name in table.column_names}) for table in tables]
    joined = pa.concat_tables(plain).unify_dictionaries().combine_chunks()
    return joined.filter(pc.greater(joined["known"], after)) if after else joined


def _flat(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Words by number, so that tables join."""
    return column.dictionary_encode() if pa.types.is_string(column.type) else column


def _bounds(span: Span) -> tuple[int, int]:
    return -(1 << 62) if span[0] is None else span[0], 1 << 62 if span[1] is None else span[1]


def _day(instant: int) -> str:
    if instant <= -(1 << 61):
        return ""
    return "9999" if instant >= 1 << 57 else day_of(instant)
