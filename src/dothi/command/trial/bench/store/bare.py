"""The bare engine: the same bytes as one batch writes, flushed, with no dothi around it."""

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import asyncpg
import msgspec

from dothi.command.trial.bench.material import BATCH, entity

_DOC = 720  # Bytes of an entity's document.
_TABLES = "CREATE TABLE bare_entity (eid BIGINT PRIMARY KEY, doc {bytes} NOT NULL);"
_LOG = "CREATE TABLE bare_log (seq BIGINT PRIMARY KEY, body {bytes} NOT NULL);"
_EVENTS = "CREATE TABLE bare_event (number INTEGER PRIMARY KEY, eid BIGINT, key TEXT, at BIGINT, facts BLOB);"
_UPSERT = "ON CONFLICT (eid) DO UPDATE SET doc = excluded.doc"


def sqlite(folder: Path, entities: int, seconds: float) -> float:
    """Entities a second: upserts of documents in batches, one packed row of history each, synchronous FULL."""
    folder.mkdir(parents=True, exist_ok=True)
    doc = msgspec.json.encode(entity(1, "2026-01-01T00:00:00Z")).ljust(_DOC)
    with closing(_opened(folder / "bare.db")) as connection:
        connection.executescript((_TABLES + _LOG).format(bytes="BLOB"))
        number, begun = 0, time.perf_counter()
        while time.perf_counter() < begun + seconds:
            rows = [((number * BATCH + one) * 7919 % entities, doc) for one in range(BATCH)]
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(f"INSERT INTO bare_entity VALUES (?, ?) {_UPSERT}", rows)  # noqa: S608
            connection.execute("INSERT INTO bare_log VALUES (?, ?)", (number, doc * BATCH))
            connection.execute("COMMIT")
            number += 1
        return number * BATCH / (time.perf_counter() - begun)


def events(folder: Path, each: int, seconds: float) -> float:
    """Events a second into one SQLite table, so many in a transaction."""
    folder.mkdir(parents=True, exist_ok=True)
    with closing(_opened(folder / "events.db")) as connection:
        connection.executescript(_EVENTS)
        number, begun = 0, time.perf_counter()
        while time.perf_counter() < begun + seconds:
            rows = [(1, f"e{number}-{one}", number, b'{"confidence":0.9}') for one in range(each)]
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO bare_event (eid, key, at, facts) VALUES (?, ?, ?, ?)", rows)
            connection.execute("COMMIT")
            number += 1
        return number * each / (time.perf_counter() - begun)


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=20000;")
    return connection


def postgres(url: str, entities: int, seconds: float) -> float:
    """The same into PostgreSQL: one unnest and one row of history in a transaction."""
    return asyncio.run(_postgres(url, entities, seconds))


async def _postgres(url: str, entities: int, seconds: float) -> float:
    doc = msgspec.json.encode(entity(1, "2026-01-01T00:00:00Z")).ljust(_DOC)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute((_TABLES + _LOG).format(bytes="BYTEA"))
        number, begun = 0, time.perf_counter()
        upsert = f"INSERT INTO bare_entity SELECT * FROM unnest($1::bigint[], $2::bytea[]) {_UPSERT}"  # noqa: S608
        while time.perf_counter() < begun + seconds:
            eids = sorted({(number * BATCH + one) * 7919 % entities for one in range(BATCH)})
            async with connection.transaction():
                await connection.execute(upsert, eids, [doc] * len(eids))
                await connection.execute("INSERT INTO bare_log VALUES ($1, $2)", number, doc * BATCH)
            number += 1
        return number * BATCH / (time.perf_counter() - begun)
    finally:
        await connection.close()
