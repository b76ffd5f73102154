"""The lanes of events in PostgreSQL: rows of their own beside the log, since they end when their time is over."""

from typing import Any

import asyncpg
import msgspec

from dothi.hub.language.nodes import EventQuery
from dothi.hub.model import Event
from dothi.hub.store.postgres.texts import got, hashed, put

_COLUMNS = "key, at, kind, facts, clip, tag, sealed, known, number"
# Numbers are given under the writers' lock; an event whose key is there already stays as it came first.
_WRITE = """
INSERT INTO event (tid, shard, eid, hash, number, key, at, known, kind, facts, clip, tag, sealed)
SELECT tid, shard, eid, hash,
  CASE number WHEN 0 THEN (SELECT coalesce(max(number), 0) FROM event) + row_number() OVER (ORDER BY place)
    ELSE number END,
  key, at, known, kind, facts, clip, tag, sealed
FROM (
  SELECT DISTINCT ON (u.eid, u.hash) e.tid, e.shard, u.*
  FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::text[], $8::bytea[],
    $9::text[], $10::bytea[], $11::bytea[]) WITH ORDINALITY
    AS u (eid, hash, number, key, at, known, kind, facts, clip, tag, sealed, place)
  JOIN entity e ON e.eid = u.eid
  WHERE NOT EXISTS (SELECT FROM event v WHERE v.eid = u.eid AND v.hash = u.hash)
  ORDER BY u.eid, u.hash, u.place
) AS come
"""
# One step of the index for each lane, however many events lie between.
_OWNERS = """
WITH RECURSIVE lane (eid) AS (
  SELECT min(eid) FROM event
  UNION ALL SELECT (SELECT min(v.eid) FROM event v WHERE v.eid > lane.eid) FROM lane WHERE lane.eid IS NOT NULL)
SELECT e.eid, e.tid, e.id FROM lane JOIN entity e ON e.eid = lane.eid ORDER BY e.eid
"""


async def write(connection: asyncpg.Connection, events: list[tuple[int, Event]]) -> None:
    """Append; an event whose key is there already stays as it came first."""
    rows = [(eid, *_row(event)) for eid, event in events]
    if rows:
        await connection.execute(_WRITE, *zip(*rows, strict=True))


def _row(event: Event) -> tuple[Any, ...]:
    facts = msgspec.json.encode(event.facts)
    texts = put(event.key), event.at, event.known, put(event.kind), facts, put(event.clip)
    return hashed(event.key), event.number, *texts, event.tag, event.sealed


async def dispose(connection: asyncpg.Connection, disposals: list[tuple[int, int, int]]) -> None:
    """End old events, and forget where old recordings lie."""
    for eid, events, clips in disposals:
        await connection.execute("DELETE FROM event WHERE eid = $1 AND at < $2", eid, events)
        await connection.execute("UPDATE event SET clip = '' WHERE eid = $1 AND at < $2 AND clip <> ''", eid, clips)


async def read(connection: asyncpg.Connection, eid: int, sought: EventQuery) -> list[Event]:
    """The latest first."""
    where, values = _where(eid, sought)
    found = await connection.fetch(
        f"SELECT {_COLUMNS} FROM event WHERE {where} AND number < ${len(values) + 1}"
        f" ORDER BY number DESC LIMIT ${len(values) + 2}",
        *values,
        sought.before,
        sought.limit,
    )
    return [_event(row) for row in found]


async def count(connection: asyncpg.Connection, eid: int, sought: EventQuery) -> int:
    """How many."""
    where, values = _where(eid, sought)
    found: int = await connection.fetchval(f"SELECT count(*) FROM event WHERE {where}", *values)
    return found


async def owners(connection: asyncpg.Connection) -> list[tuple[int, int, str]]:
    """Whose lanes are not empty."""
    return [(eid, tid, got(entity_id)) for eid, tid, entity_id in await connection.fetch(_OWNERS)]


def _where(eid: int, sought: EventQuery) -> tuple[str, list[Any]]:
    where = ["eid = $1", "at >= $2", "at < $3"]
    values: list[Any] = [eid, sought.start, sought.end]
    if sought.kinds:
        values.append([put(kind) for kind in sought.kinds])
        where.append(f"kind = ANY(${len(values)})")
    if sought.keys:
        values.append([hashed(key) for key in sought.keys])
        where.append(f"hash = ANY(${len(values)})")
    if sought.clips:
        where.append("clip <> ''")
    if sought.tag:
        values.append(sought.tag)
        where.append(f"tag = ${len(values)}")
    return " AND ".join(where), values


def _event(row: asyncpg.Record) -> Event:
    key, at, kind, facts, clip, tag, sealed, known, number = row
    return Event("", got(key), at, got(kind), msgspec.json.decode(facts), got(clip), tag, sealed, known, number)
