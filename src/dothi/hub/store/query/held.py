"""Where the readings of a while lie at one moment, and the SQL that makes one relation of them."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import pyarrow as pa

from dothi.hub.store.cold.columns.schema import COMMITS, ENTRIES, READINGS
from dothi.hub.store.query.views import Dialect, local

_COLUMNS = (  # Of the view, of the columns of sealed readings.
    "tenant, entity, eid, attribute, dataset, observed, form >= 2 AS stated, form % 2 = 1 AS whole, value, text, "
    "known AS seq"
)
_STATUSES = ("created", "updated", "deleted", "recorded")  # As store/codec.py numbers them.
_DAY = re.compile(r"/day=(\d{4}-\d\d-\d\d)/")


class Held(NamedTuple):
    """The parts of one history, which hold each reading once.

    Rows of `troubled` entities (erased in part, corrected, expiring) do not count in files and tail; what their
    histories tell stands in `mended`.
    """

    files: tuple[str, ...]  # Sealed and live, never one that was replaced.
    tail: pa.Table  # Not sealed yet.
    troubled: frozenset[int] = frozenset()
    mended: pa.Table | None = None


class Kept(NamedTuple):
    """The parts of a table of the log: sealed files, and what is not sealed yet."""

    files: tuple[str, ...]
    tail: pa.Table


class Past(NamedTuple):
    """All that questions of an operator read of the history, as it lay at one moment."""

    readings: Held
    commits: Kept = Kept((), COMMITS.empty_table())
    entries: Kept = Kept((), ENTRIES.empty_table())

    @property
    def files(self) -> tuple[str, ...]:
        """Every file of it."""
        return (*self.readings.files, *self.commits.files, *self.entries.files)


class Span(NamedTuple):
    """From when until when (µs, the end not in it)."""

    start: int
    end: int


ALWAYS = Span(-(1 << 62), 1 << 62)
_OPEN = 1 << 61  # A bound beyond it is none.


def relation(held: Held, span: Span, zone: str, dialect: Dialect, apart: bool = True) -> str:
    """The SELECT that is the view `readings`; `apart`: rows of troubled entities are to be left out.

    Tables `tail`, `mended` and `troubled` must be known to the engine. Files that lie wholly in the span are
    read without looking at the time of each row.
    """
    clock = f"{local('observed', zone, dialect, span.start, span.end)} AS observed_at"
    without = "eid NOT IN (SELECT eid FROM troubled)" if apart and held.troubled else ""
    inner = [one for one in held.files if _within(one, span)]
    edge = [one for one in held.files if not _within(one, span)]
    parts = [
        (dialect.files(inner), (without,)),
        (dialect.files(edge), (without, *_bounds(span))),
        ("tail" if held.tail.num_rows else "", (without, *_bounds(span))),
        ("mended" if held.mended is not None and held.mended.num_rows else "", _bounds(span)),
    ]
    told = [_select(clock, source, conditions) for source, conditions in parts if source]
    return " UNION ALL ".join(told or [_select(clock, "tail", ("1 = 0",))])


def relations(past: Past, zone: str, dialect: Dialect) -> dict[str, str]:
    """The SELECT of each view of the history."""
    readings = relation(past.readings, ALWAYS, zone, dialect)
    return {"readings": readings} | {name: log_relation(name, past, zone, dialect) for name in ("commits", "changes")}


def log_relation(name: str, past: Past, zone: str, dialect: Dialect) -> str:
    """The SELECT that is the view `commits` or `changes`."""
    at = '"at"'  # A word of the language, too.
    if name == "commits":
        columns = f"known AS seq, tenant, {at} AS committed, {local(at, zone, dialect)} AS committed_at, actor, reason"
        kept, tail = past.commits, "commits_tail"
    else:
        status = " ".join(f"WHEN {number} THEN '{word}'" for number, word in enumerate(_STATUSES))
        columns = f"known AS seq, entity, CASE flags % 8 {status} END AS status, version"
        kept, tail = past.entries, "entries_tail"
    sources = [source for source in (dialect.files(kept.files), tail) if source]
    return " UNION ALL ".join(f"SELECT {columns} FROM {source}" for source in sources)


def beside_all(past: Past) -> dict[str, pa.Table]:
    """The tables that the views of the history need beside files."""
    return beside(past.readings) | {"commits_tail": past.commits.tail, "entries_tail": past.entries.tail}


def beside(held: Held) -> dict[str, pa.Table]:
    """The tables that the relation needs beside files."""
    mended = held.mended if held.mended is not None else READINGS.empty_table()
    return {
        "tail": held.tail,
        "mended": mended,
        "troubled": pa.table({"eid": pa.array(sorted(held.troubled), pa.int64())}),
    }


def _select(clock: str, source: str, conditions: Iterable[str]) -> str:
    where = " AND ".join(one for one in conditions if one)
    return f"SELECT {_COLUMNS}, {clock} FROM {source}" + (f" WHERE {where}" if where else "")


def _bounds(span: Span) -> tuple[str, ...]:
    low = (f"observed >= {span.start}",) if span.start > -_OPEN else ()
    return (*low, f"observed < {span.end}") if span.end < _OPEN else low


def _within(file: str, span: Span) -> bool:
    """Whether all that a file of one day (UTC) holds lies in the span."""
    found = _DAY.search(file)
    if found is None:
        return span == ALWAYS
    day = datetime.combine(date.fromisoformat(found[1]), datetime.min.time(), UTC)
    low, high = (int(one.timestamp()) * 1_000_000 for one in (day, day + timedelta(days=1)))
    return span.start <= low and high <= span.end
