"""The lanes of events in SQLite: rows of their own beside the log, since they end when their time is over."""

import sqlite3
from collections.abc import Iterable
from typing import Any

import msgspec

from dothi.hub.language.nodes import EventQuery
from dothi.hub.model import Event

SCHEMA = """
CREATE TABLE event (
  number INTEGER PRIMARY KEY, eid INTEGER NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL, known INTEGER NOT NULL,
  kind TEXT NOT NULL, facts BLOB NOT NULL, clip TEXT NOT NULL, tag BLOB NOT NULL, sealed BLOB NOT NULL);
CREATE UNIQUE INDEX event_key ON event (eid, key);
CREATE INDEX event_at ON event (eid, at);
CREATE INDEX event_tag ON event (tag) WHERE tag <> x'';
"""
_COLUMNS = "key, at, kind, facts, clip, tag, sealed, known, number"
_encode = msgspec.json.encode


def write(connection: sqlite3.Connection, events: Iterable[tuple[int, Event]]) -> None:
    """Append; an event whose key is there already stays as it came first."""
    rows = [
        (e.number or None, eid, e.key, e.at, e.known, e.kind, _encode(e.facts), e.clip, e.tag, e.sealed)
        for eid, e in events
    ]
    connection.executemany(
        "INSERT INTO event (number, eid, key, at, known, kind, facts, clip, tag, sealed) VALUES (?,?,?,?,?,?,?,?,?,?)"
        " ON CONFLICT (eid, key) DO NOTHING",
        rows,
    )


def dispose(connection: sqlite3.Connection, disposals: Iterable[tuple[int, int, int]]) -> None:
    """End old events, and forget where old recordings lie."""
    for eid, events, clips in disposals:
        connection.execute("DELETE FROM event WHERE eid=? AND at<?", (eid, events))
        connection.execute("UPDATE event SET clip='' WHERE eid=? AND at<? AND clip<>''", (eid, clips))


def read(connection: sqlite3.Connection, eid: int, sought: EventQuery) -> list[Event]:
    """The latest first."""
    where, values = _where(eid, sought)
    found = connection.execute(
        f"SELECT {_COLUMNS} FROM event WHERE {where} AND number<? ORDER BY number DESC LIMIT ?",
        (*values, sought.before, sought.limit),
    )
    return [_event(row) for row in found]


def count(connection: sqlite3.Connection, eid: int, sought: EventQuery) -> int:
    """How many."""
    where, values = _where(eid, sought)
    found: int = connection.execute(f"SELECT count(*) FROM event WHERE {where}", values).fetchone()[0]
    return found


def owners(connection: sqlite3.Connection) -> list[tuple[int, int, str]]:
    """Whose lanes are not empty."""
    return connection.execute(
        "SELECT eid, tid, id FROM entity WHERE eid IN (SELECT DISTINCT eid FROM event) ORDER BY eid"
    ).fetchall()


def _where(eid: int, sought: EventQuery) -> tuple[str, list[Any]]:
    where = ["eid=?", "at>=?", "at<?"]
    values: list[Any] = [eid, sought.start, sought.end]
    for column, wanted in (("kind", sought.kinds), ("key", sought.keys)):
        if wanted:
            where.append(f"{column} IN ({','.join('?' * len(wanted))})")
            values.extend(wanted)
    if sought.clips:
        where.append("clip<>''")
    if sought.tag:
        where.append("tag=?")
        values.append(sought.tag)
    return " AND ".join(where), values


def _event(row: tuple[Any, ...]) -> Event:
    key, at, kind, facts, clip, tag, sealed, known, number = row
    return Event("", key, at, kind, msgspec.json.decode(facts), clip, tag, sealed, known, number)
