"""Where the readings of a while lie at one moment, and the SQL that makes one relation of them."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import pyarrow as pa

from dothi.hub.store.query.views import Dialect, local

COLUMNS = ("tenant", "entity", "eid", "attribute", "dataset", "observed", "stated", "known", "value", "text")
READINGS = pa.schema(  # Of what is not in a file: the columns that questions ask for.
    [
        ("tenant", pa.string()),
        ("entity", pa.string()),
        ("eid", pa.int64()),
        ("attribute", pa.string()),
        ("dataset", pa.string()),
        ("observed", pa.int64()),
        ("stated", pa.bool_()),
        ("known", pa.int64()),
        ("value", pa.float64()),
        ("text", pa.string()),
    ]
)
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


class Span(NamedTuple):
    """From when until when (µs, the end not in it)."""

    start: int | None
    end: int | None


def relation(
    held: Held, span: Span, zone: str, dialect: Dialect, names: Iterable[str] = COLUMNS, apart: bool = True
) -> str:
    """The SELECT that is the view `readings`; `apart`: rows of troubled entities are to be left out.

    Tables `tail` and `mended` must be known to the engine. Files that lie wholly in the span are read without looking
    at each row's time.
    """
    columns = ", ".join("known AS seq" if name == "known" else name for name in names)
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
    told = [_select(columns, clock, source, conditions) for source, conditions in parts if source]
    return " UNION ALL ".join(told or [_select(columns, clock, "tail", ("1 = 0",))])


def _select(columns: str, clock: str, source: str, conditions: Iterable[str]) -> str:
    where = " AND ".join(one for one in conditions if one)
    return f"SELECT {columns}, {clock} FROM {source}" + (f" WHERE {where}" if where else "")


def _bounds(span: Span) -> tuple[str, ...]:
    low = () if span.start is None else (f"observed >= {span.start}",)
    return low if span.end is None else (*low, f"observed < {span.end}")


def _within(file: str, span: Span) -> bool:
    """Whether all that a file of one day (UTC) holds lies in the span."""
    found = _DAY.search(file)
    if found is None:
        return span.start is None and span.end is None
    day = datetime.combine(date.fromisoformat(found[1]), datetime.min.time(), UTC)
    low, high = (int(one.timestamp()) * 1_000_000 for one in (day, day + timedelta(days=1)))
    return (span.start is None or span.start <= low) and (span.end is None or high <= span.end)
