"""Content goes out of sealed files for good: they are written anew without it, and the old ones are removed."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dothi.ground.errors import DothiError
from dothi.hub.store import codec
from dothi.hub.store.cold.archive import TROUBLED, Archive, Seal
from dothi.hub.store.cold.columns.templates import BODY
from dothi.hub.store.cold.merging import ROWS, SORTED, clean, finish
from dothi.hub.store.cold.tables import SCHEMAS, File
from dothi.hub.store.port import LogRow, Page, Store, Written

Chore = Callable[[Callable[[Store], Written | None]], Awaitable[None]]
_SLOTS = pa.schema([("known", pa.int64()), ("slot", pa.int32()), ("body", pa.string())])
_REASONS = pa.schema([("known", pa.int64()), ("reason", pa.string()), ("size", pa.int64())])


class Erased(NamedTuple):
    """What went: rows of the tables, files that were written anew or removed, and bytes that they are smaller."""

    rows: int = 0
    files: int = 0
    bytes: int = 0


class Weight(NamedTuple):
    """What sealed files hold of some entities in one day."""

    day: str
    eid: int
    rows: int
    bytes: int  # Their share of the files.


async def rewrite(chore: Chore, archive: Archive, rows: Iterable[LogRow]) -> Erased:
    """Have sealed commits say what `rows` say, and no file keep what they said before; others are left alone.

    The same again does nothing, so that what a crash stopped is simply done again.
    """
    given = list(rows)
    erased, eids = await asyncio.to_thread(_rewrite, archive, given)
    await _tell(chore, archive, eids)
    await asyncio.to_thread(clean, archive)
    return erased


async def drop(chore: Chore, archive: Archive, eids: Collection[int], until: int) -> Erased:
    """Take out all that commits with seq <= `until` say of some entities: their entries are not in the log any more.

    A commit of which nothing is left goes too.
    """
    erased = await asyncio.to_thread(_drop, archive, frozenset(eids), until)
    await _tell(chore, archive, frozenset(eids))
    await asyncio.to_thread(clean, archive)
    return erased


async def _tell(chore: Chore, archive: Archive, eids: Collection[int]) -> None:
    """Have every process read the files anew, and tell these entities' numbers as their histories do."""

    def noted(_: Store) -> Written:
        stands = archive.seal()
        pages = [Seal(stands.until, stands.turn + 1).page(), *(Page(TROUBLED, eid, b"1") for eid in sorted(eids))]
        return Written((), (), (), (), (), pages=pages)

    await chore(noted)
    await asyncio.to_thread(archive.changed, archive.seal())


def _rewrite(archive: Archive, rows: list[LogRow]) -> tuple[Erased, frozenset[int]]:
    with archive.changing:
        finish(archive)
        stand = archive.commits(row.seq for row in rows)
        slots: list[tuple[int, int, str]] = []
        reasons: list[tuple[int, str, int]] = []
        eids: set[int] = set()
        for row in rows:
            if row.seq not in stand or stand[row.seq] == row:
                continue
            reasons.append((row.seq, row.reason, len(row.blob)))
            pairs = zip(codec.unpack(stand[row.seq].blob), codec.unpack(row.blob), strict=True)
            for slot, (old, new) in enumerate(pairs):
                if old != new:
                    eids.add(new.eid)
                    slots.append((row.seq, slot, new.body.decode()))
        given = {"slots": _table(slots, _SLOTS), "reasons": _table(reasons, _REASONS)}
        return _change(archive, {one[0] for one in reasons}, given, _REWRITTEN), frozenset(eids)


def _drop(archive: Archive, eids: frozenset[int], until: int) -> Erased:
    with archive.changing:
        finish(archive)
        gone = pa.table({"eid": pa.array(sorted(eids), pa.int64())})
        seqs: set[int] = set()
        for low in {one.known for one in archive.tables["entries"].files()}:
            files = [one for one in archive.tables["entries"].files() if one.known == low]
            found = archive.query("entries", files, "known, eid", f"known <= {until}")
            seqs.update(found.filter(pc.is_in(found["eid"], gone["eid"]))["known"].to_pylist())
        erased = _change(archive, seqs, {"gone": gone}, {name: text.format(until) for name, text in _DROPPED.items()})
        empty = _empty(archive, seqs)
        return _sum(erased, _change(archive, empty, {"empty": pa.table({"known": sorted(empty)})}, _EMPTY))


def _empty(archive: Archive, seqs: set[int]) -> set[int]:
    """Those of the commits that have no entry any more."""
    table = archive.tables["entries"]
    left: set[int] = set()
    for file in table.files():
        left.update(archive.query("entries", [file], "DISTINCT known", "true")["known"].to_pylist())
    return seqs - left


_KEPT = "SELECT {columns} FROM held WHERE NOT EXISTS (FROM slots s WHERE s.known = held.known AND s.slot = held.slot)"
_REWRITTEN = {  # What is read of each table in the place of what stands in a file (`held`).
    "readings": _KEPT,
    "echoes": _KEPT,
    "entries": (
        "SELECT eid, entity, known, slot, previous, version, flags, "
        f"CASE WHEN s.body IS NULL THEN template ELSE chr({BODY[0]}) END AS template, "
        "coalesce(s.body, held.body) AS body FROM held LEFT JOIN slots s USING (known, slot)"
    ),
    "commits": (
        'SELECT known, "at", tid, tenant, actor, coalesce(r.reason, held.reason) AS reason, '
        "coalesce(r.size, held.size) AS size FROM held LEFT JOIN reasons r USING (known)"
    ),
}
_LEFT = "SELECT {{columns}} FROM held WHERE known > {} OR eid NOT IN (SELECT eid FROM gone)"
_DROPPED = {"readings": _LEFT, "echoes": _LEFT, "entries": _LEFT}
_EMPTY = {"commits": "SELECT {columns} FROM held WHERE known NOT IN (SELECT known FROM empty)"}


def _change(archive: Archive, seqs: set[int], given: dict[str, pa.Table], reading: dict[str, str]) -> Erased:
    """Write the files anew that may hold some commits."""
    total = Erased()
    if not seqs:
        return total
    low, high = min(seqs), max(seqs)
    for name, text in reading.items():
        table = archive.tables[name]
        before = table.files()
        for file in before:
            if file.known[0] <= high and file.known[1] >= low:
                table.change({file.day: _read(archive, name, file, text, given)}, (file,), "content erased")
        after = table.files()
        sizes = sum(one.size for one in before) - sum(one.size for one in after)
        rows = sum(one.rows for one in before) - sum(one.rows for one in after)
        total = _sum(total, Erased(rows, len(set(before) - set(after)), sizes))
    return total


def _sum(one: Erased, other: Erased) -> Erased:
    return Erased(one.rows + other.rows, one.files + other.files, one.bytes + other.bytes)


def _read(archive: Archive, name: str, file: File, text: str, given: dict[str, pa.Table]) -> Iterator[pa.Table]:
    """What is to stand in the place of a file."""
    columns = ", ".join(f'"{one}"' for one in SCHEMAS[name].names)
    told = text.format(columns=columns)
    cursor = archive.place.engine()
    try:
        for view, table in given.items():
            cursor.register(view, table)
        path = archive.tables[name].path(file)
        held = "WITH held AS (SELECT * FROM read_parquet($file, hive_partitioning = false))"
        reader: Any = cursor.sql(f"{held} {told} ORDER BY {SORTED[name]}", params={"file": path}).to_arrow_reader(ROWS)
        for batch in reader:
            yield pa.Table.from_batches([batch]).cast(SCHEMAS[name])
    finally:
        cursor.close()


def _table(rows: list[Any], schema: pa.Schema) -> pa.Table:
    return pa.table([list(column) for column in zip(*rows, strict=True)] or [[] for _ in schema], schema=schema)


def weigh(archive: Archive, eids: Collection[int], until: int) -> list[Weight]:
    """How much sealed files hold of some entities, up to a commit: by day observed."""
    told: list[Weight] = []
    for name in ("readings", "echoes"):
        for file in archive.tables[name].files():
            if file.known[0] > until or not file.rows:
                continue
            found = archive.query(name, [file], "eid, count(*) AS rows", f"known <= {until} GROUP BY eid")
            for eid, rows in zip(found["eid"].to_pylist(), found["rows"].to_pylist(), strict=True):
                if eid in eids:
                    told.append(Weight(file.day, eid, rows, file.size * rows // file.rows))
    return told


def verify(archive: Archive) -> Iterator[str]:
    """One sentence for each fault of the sealed files: missing, changed or foreign ones."""
    until = archive.seal().until
    for name, table in archive.tables.items():
        counted = {f"{name}/{file.path}": file for file in table.files()}
        for path, file in counted.items():
            if file.known[0] <= until:
                yield from _fault(archive, path, file)
        if until and not counted and name in ("entries", "commits"):
            yield f"The archive has no {name}, though the log is sealed up to {until}."
        for path in archive.place.names(name):
            if "/_delta_log/" not in path and path not in counted:
                yield f"The archive's file {path} counts for nothing: it is foreign, or was left by a crash."


def _fault(archive: Archive, path: str, file: File) -> Iterator[str]:
    try:
        content = archive.place.read(path)
    except DothiError as lacking:
        yield f"The archive's file {path} cannot be read: {lacking.detail}"
        return
    if hashlib.sha256(content).hexdigest() != path.rpartition("/")[2].removesuffix(".parquet"):
        yield f"The archive's file {path} was changed: its content is not what its name says."
        return
    rows = pq.ParquetFile(pa.BufferReader(content)).metadata.num_rows
    if rows != file.rows or len(content) != file.size:
        yield f"The archive's table says {file.rows} rows of {path}, which has {rows}."
