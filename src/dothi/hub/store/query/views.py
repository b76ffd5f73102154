"""What a question reads from: the views, their columns, and how each engine makes them of files and tables.

`readings` lies in the history (sealed files and what is not sealed yet); the other views are tables of now. Where two
engines write a thing differently, the difference is a line of its Dialect, so that a question means the same to both.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from dothi.ground.clock import from_datetime, to_datetime
from dothi.ground.errors import Invalid

FIRST = datetime(1900, 1, 1, tzinfo=UTC)  # From here on a zone's changes of offset are looked for.
LAST = datetime(2100, 1, 1, tzinfo=UTC)
_EVER = 1 << 62


class Column(NamedTuple):
    """A column of a view: its name and SQL type, and what it says."""

    name: str
    kind: str
    sentence: str


VIEWS: dict[str, tuple[Column, ...]] = {
    "readings": (
        Column("tenant", "VARCHAR", "the tenant, '' for the city itself"),
        Column("entity", "VARCHAR", "id of the entity"),
        Column("eid", "BIGINT", "number of the entity in this store"),
        Column("attribute", "VARCHAR", "the attribute, e.g. pm25"),
        Column("dataset", "VARCHAR", "datasetId, NULL for the usual one"),
        Column("observed", "BIGINT", "when it held: µs since 1970 UTC"),
        Column("observed_at", "TIMESTAMP", "the same on the city's clock"),
        Column("value", "DOUBLE", "the number; NULL when it is none"),
        Column("text", "VARCHAR", "what is no number, as JSON"),
        Column("stated", "BOOLEAN", "whether it said when it held; else observed is when it was written"),
        Column("whole", "BOOLEAN", "whether the number was written without a fraction"),
        Column("seq", "BIGINT", "the commit that told it"),
    ),
    "commits": (
        Column("seq", "BIGINT", "position in the log"),
        Column("tenant", "VARCHAR", "the tenant"),
        Column("committed", "BIGINT", "when it was made: µs since 1970 UTC"),
        Column("committed_at", "TIMESTAMP", "the same on the city's clock"),
        Column("actor", "VARCHAR", "who: user:…, key:…, system:…"),
        Column("reason", "VARCHAR", "why, where it was said"),
    ),
    "changes": (
        Column("seq", "BIGINT", "the commit; join commits for when and who"),
        Column("entity", "VARCHAR", "id of the entity"),
        Column("status", "VARCHAR", "created, updated, deleted or recorded"),
        Column("version", "BIGINT", "the entity's version afterwards"),
    ),
    "entities": (
        Column("tenant", "VARCHAR", "the tenant"),
        Column("id", "VARCHAR", "id of the entity"),
        Column("type", "VARCHAR", "its type; several joined by commas"),
        Column("unit", "VARCHAR", "code of the commune or province where it lies"),
        Column("created_at", "TIMESTAMP", "on the city's clock"),
        Column("modified_at", "TIMESTAMP", "on the city's clock"),
        Column("version", "BIGINT", "how often it was changed"),
        Column("attributes", "VARCHAR", "all that stands, as JSON (normalized form)"),
    ),
    "attributes": (
        Column("tenant", "VARCHAR", "the tenant"),
        Column("entity", "VARCHAR", "id of the entity"),
        Column("type", "VARCHAR", "type of the entity"),
        Column("attribute", "VARCHAR", "the attribute"),
        Column("dataset", "VARCHAR", "datasetId, NULL for the usual one"),
        Column("value", "DOUBLE", "its number; NULL when it is none"),
        Column("text", "VARCHAR", "its words; JSON when it is no word"),
        Column("moment", "TIMESTAMP", "where the words are a time: that time on the city's clock"),
        Column("observed_at", "TIMESTAMP", "when it held, on the city's clock"),
    ),
}


@dataclass(frozen=True)
class Dialect:
    """How one engine says what the two say differently."""

    moment: str  # Microseconds since 1970 UTC in {us} as a time without a zone.
    files: Callable[[Sequence[str]], str]  # What a question reads files from; "" for none.


def parquet_files(files: Sequence[str]) -> str:
    """DuckDB's table of some Parquet files."""
    return f"read_parquet([{', '.join(map(quoted, files))}], hive_partitioning = false)" if files else ""


def quoted(text: str) -> str:
    """A word as SQL of both engines. Invalid for one that they do not read alike."""
    if "'" in text or "\\" in text or not text.isprintable():
        raise Invalid(f"{text[:60]!r} holds a quotation mark, a backslash or what cannot be printed.")
    return f"'{text}'"


DUCKDB = Dialect("make_timestamp({us})", parquet_files)


def clock(zone: str, start: int, end: int) -> list[tuple[int, int]]:
    """From when (µs) which offset (µs) holds in a zone between two instants; the first is what holds at `start`."""
    city = ZoneInfo(zone)
    first, last = from_datetime(FIRST), from_datetime(LAST)
    low, high = (to_datetime(min(max(one, first), last)) for one in (start, end))
    steps = [(from_datetime(low), _offset(city, low))]
    at = low
    while at < high:
        later = min(at + timedelta(days=7), high)
        if _offset(city, later) != _offset(city, at):
            moment = _turn(city, at, later)
            steps.append((from_datetime(moment), _offset(city, moment)))
            at = moment
        else:
            at = later
    return steps


def _turn(city: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first second after `low` at which another offset holds than there."""
    before = _offset(city, low)
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        if middle <= low:
            break
        low, high = (middle, high) if _offset(city, middle) == before else (low, middle)
    return high


def _offset(city: ZoneInfo, at: datetime) -> int:
    return (at.astimezone(city).utcoffset() or timedelta()) // timedelta(microseconds=1)


def local(us: str, zone: str, dialect: Dialect, start: int = -_EVER, end: int = _EVER) -> str:
    """SQL for the time on the city's clock of the instants in `us`, which lie in [start, end)."""
    steps = clock(zone, start, end)
    if len(steps) == 1:
        return dialect.moment.format(us=f"{us} + {steps[0][1]}")
    cases = " ".join(f"WHEN {us} >= {since} THEN {offset}" for since, offset in reversed(steps[1:]))
    return dialect.moment.format(us=f"{us} + CASE {cases} ELSE {steps[0][1]} END")
