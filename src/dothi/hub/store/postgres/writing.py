"""What one flush sends to PostgreSQL: states, log, receipts, cursors and position in one statement, and the rest.

Arrays are sent and unnested there, so that a flush of thousands of rows is one round trip; many new rows go by COPY.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import asyncpg

from dothi.hub.model import Timer
from dothi.hub.store.port import Head, LogRow, Page, Position, Written
from dothi.hub.store.postgres.tables import lanes, outbox, places
from dothi.hub.store.postgres.texts import hashed, put, shard_of

CHANNEL = "dothi"
_COPIED = 2000  # From so many new rows on, COPY is quicker than its second round trip costs.
_NEW = ("tid", "shard", "hash", "id", "eid", "kind", "version", "seq", "created", "modified", "ahead", "doc")
_FLUSH = """
WITH fresh AS (
  INSERT INTO entity (tid, shard, hash, id, eid, kind, version, seq, created, modified, ahead, doc)
  SELECT * FROM unnest($1::int[], $2::int[], $3::bytea[], $4::text[], $5::bigint[], $6::int[], $7::bigint[],
    $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bytea[])
), changed AS (
  UPDATE entity e SET kind = u.kind, version = u.version, seq = u.seq, created = u.created, modified = u.modified,
    ahead = u.ahead, doc = u.doc
  FROM unnest($13::int[], $14::int[], $15::bytea[], $16::int[], $17::bigint[], $18::bigint[], $19::bigint[],
    $20::bigint[], $21::bigint[], $22::bytea[])
    AS u (tid, shard, hash, kind, version, seq, created, modified, ahead, doc)
  WHERE e.tid = u.tid AND e.shard = u.shard AND e.hash = u.hash
), logged AS (
  INSERT INTO log (seq, at, tid, actor, reason, blob)
  SELECT * FROM unnest($23::bigint[], $24::bigint[], $25::int[], $26::text[], $27::text[], $28::bytea[])
), kept AS (
  INSERT INTO receipt (hash, key, body) SELECT * FROM unnest($29::bytea[], $30::text[], $31::bytea[])
  ON CONFLICT (hash) DO UPDATE SET body = excluded.body
), placed AS (
  INSERT INTO cursor (hash, consumer, seq) SELECT * FROM unnest($32::bytea[], $33::text[], $34::bigint[])
  ON CONFLICT (hash) DO UPDATE SET seq = excluded.seq
), stands AS (
  UPDATE position SET seq = $35, eid = $36, at = $37 WHERE one AND (seq <> $35 OR eid <> $36 OR at <> $37)
), marked AS (
  UPDATE writer SET mark = $38, at = now() WHERE name = $39
)
SELECT pg_notify('dothi', $39)
"""


class Flush(NamedTuple):
    """A `Written` made ready: arrays by parameter, where the log will stand, and kinds new to a tenant."""

    arrays: list[Any]
    new: list[tuple[Any, ...]]  # Rows for COPY; empty where they are among the arrays.
    position: Position
    kinds: set[tuple[int, int]]
    states: list[tuple[int, str, Head]]
    written: Written


def ready(written: Written, position: Position) -> Flush:
    """Make a flush ready: all the work that needs no database."""
    new: list[tuple[Any, ...]] = []
    old: list[tuple[Any, ...]] = []
    kinds: set[tuple[int, int]] = set()
    eid, states = position.eid, list(written.states)
    for tid, entity_id, head in states:
        digest = hashed(entity_id)
        kinds.add((tid, head.kind))
        if head.eid > position.eid:
            new.append((tid, shard_of(digest), digest, put(entity_id), *head))
            eid = max(eid, head.eid)
        else:
            old.append((tid, shard_of(digest), digest, *head[1:]))
    rows = [(seq, at, tid, put(actor), put(reason), blob) for seq, at, tid, actor, reason, blob in written.log]
    seq, at = max([position.seq, *(row[0] for row in rows)]), max([position.at, *(row[1] for row in rows)])
    stands = Position(seq, eid, at)
    receipts = [(hashed(key), put(key), body) for key, body in dict(written.receipts).items()]
    cursors = [(hashed(name), put(name), seq) for name, seq in dict(written.cursors).items()]
    copied = new if len(new) >= _COPIED else []
    arrays = [
        *_columns([] if copied else new, 12),
        *_columns(old, 10),
        *_columns(rows, 6),
        *_columns(receipts, 3),
        *_columns(cursors, 3),
        *stands,
    ]
    return Flush(arrays, copied, stands, kinds, states, written)


def _columns(rows: list[tuple[Any, ...]], width: int) -> list[Any]:
    return list(zip(*rows, strict=True)) if rows else [()] * width


async def write(
    connection: asyncpg.Connection, flush: Flush, kinds: set[tuple[int, int]], mark: tuple[int, str], placed: bool
) -> None:
    """Send a flush within a transaction; `kinds` are (tenant, kind) that are new, `mark` is its mark and whose.

    `placed`: there is PostGIS, which follows.
    """
    if kinds:
        await connection.executemany("INSERT INTO tenant_kind VALUES ($1, $2) ON CONFLICT DO NOTHING", sorted(kinds))
    if flush.new:
        await connection.copy_records_to_table("entity", records=flush.new, columns=_NEW)
    await connection.fetchval(_FLUSH, *flush.arrays, *mark)
    if placed and flush.states:
        await places.write(connection, flush.states)
    await _write_rest(connection, flush.written)
    forgotten = list(flush.written.forgotten)
    if forgotten:
        await connection.execute("DELETE FROM entity WHERE eid = ANY($1)", forgotten)
        if placed:
            await places.forget(connection, forgotten)


async def _write_rest(connection: asyncpg.Connection, written: Written) -> None:
    await _write_timers(connection, written.timers)
    await lanes.write(connection, list(written.events))
    await lanes.dispose(connection, list(written.disposals))
    for post in written.posts:
        await outbox.write(connection, post)
    await _write_pages(connection, written.pages)
    rewritten = [_rewritten(row) for row in written.rewritten]
    if rewritten:
        await connection.executemany(
            "UPDATE log SET at = $2, tid = $3, actor = $4, reason = $5, blob = $6 WHERE seq = $1", rewritten
        )
    if written.sealed is not None:
        await connection.execute("DELETE FROM log WHERE seq > $1 AND seq <= $2", *written.sealed)


def _rewritten(row: LogRow) -> tuple[Any, ...]:
    return row._replace(actor=put(row.actor), reason=put(row.reason))


async def _write_timers(connection: asyncpg.Connection, timers: Iterable[Timer]) -> None:
    last = {(timer.consumer, timer.name): timer for timer in timers}.values()
    gone = [_timer_hash(timer) for timer in last if timer.due is None]
    kept = [
        (_timer_hash(one), put(one.consumer), put(one.name), one.due, put(one.payload))
        for one in last
        if one.due is not None
    ]
    if gone:
        await connection.execute("DELETE FROM timer WHERE hash = ANY($1)", gone)
    if kept:
        await connection.execute(_TIMERS, *_columns(kept, 5))


def _timer_hash(timer: Timer) -> bytes:
    return hashed(f"{timer.consumer}\n{timer.name}")


_TIMERS = """
INSERT INTO timer (hash, consumer, name, due, payload)
SELECT * FROM unnest($1::bytea[], $2::text[], $3::text[], $4::bigint[], $5::text[])
ON CONFLICT (hash) DO UPDATE SET due = excluded.due, payload = excluded.payload
"""
_PAGES = """
INSERT INTO page (book, number, body) SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[])
ON CONFLICT (book, number) DO UPDATE SET body = excluded.body
"""


async def _write_pages(connection: asyncpg.Connection, pages: Iterable[Page]) -> None:
    last = {(put(page.book), page.number): page.body for page in pages}
    gone = [key for key, body in last.items() if body is None]
    kept = [(*key, body) for key, body in last.items() if body is not None]
    if gone:
        await connection.execute(
            "DELETE FROM page USING unnest($1::text[], $2::bigint[]) AS u (book, number)"
            " WHERE page.book = u.book AND page.number = u.number",
            *_columns(gone, 2),
        )
    if kept:
        await connection.execute(_PAGES, *_columns(kept, 3))


def head_of(row: asyncpg.Record) -> Head:
    """The head in a row that ends with its columns."""
    return Head(*row[-8:])
