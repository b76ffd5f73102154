"""The outbox in SQLite: what is still to be handed to somebody outside, and how it went so far.

Rows of their own beside the log, since they end when they are delivered. Most never come here: what is delivered before
the next checkpoint is remembered by the log alone (decision 0151).
"""

import sqlite3

from dothi.hub.model import Parcel, Post

SCHEMA = """
CREATE TABLE parcel (
  number INTEGER PRIMARY KEY, queue TEXT NOT NULL, made INTEGER NOT NULL, tries INTEGER NOT NULL, dead INTEGER NOT NULL,
  reason TEXT NOT NULL, body BLOB NOT NULL);
CREATE INDEX parcel_queue ON parcel (queue, dead, number);
CREATE TABLE tally (queue TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
"""
_COLUMNS = "number, queue, made, tries, dead, reason, body"


def write(connection: sqlite3.Connection, post: Post) -> None:
    """Keep, forget and count what a post says, in that order; closed queues lose everything."""
    connection.executemany(
        f"INSERT OR REPLACE INTO parcel ({_COLUMNS}) VALUES (?,?,?,?,?,?,?)",
        [(one.number, one.queue, one.made, one.tries, one.dead, one.reason, one.body) for one in post.kept],
    )
    connection.executemany("DELETE FROM parcel WHERE number=?", [(number,) for number in post.gone])
    connection.executemany("INSERT OR REPLACE INTO tally VALUES (?,?)", post.tallies.items())
    for queue in post.closed:
        connection.execute("DELETE FROM parcel WHERE queue=?", (queue,))
        connection.execute("DELETE FROM tally WHERE queue=?", (queue,))


def read(connection: sqlite3.Connection, queue: str, dead: bool, after: int, limit: int) -> list[Parcel]:
    """Parcels of a queue in the order of their numbers: those that wait, or those that were given up."""
    sign = "dead<>0" if dead else "dead=0"
    found = connection.execute(
        f"SELECT {_COLUMNS} FROM parcel WHERE queue=? AND {sign} AND number>? ORDER BY number LIMIT ?",
        (queue, after, limit),
    )
    return [Parcel(*row) for row in found]


def counts(connection: sqlite3.Connection) -> dict[str, tuple[int, int]]:
    """Queue → how many parcels wait, and how many were given up."""
    found = connection.execute("SELECT queue, sum(dead=0), sum(dead<>0) FROM parcel GROUP BY queue")
    return {queue: (waiting, dead) for queue, waiting, dead in found}


def tallies(connection: sqlite3.Connection) -> dict[str, bytes]:
    """Queue → how it went so far, as its owner encoded it."""
    return dict(connection.execute("SELECT queue, body FROM tally").fetchall())


def last(connection: sqlite3.Connection) -> int:
    """The highest number of a parcel that is kept."""
    found: int = connection.execute("SELECT coalesce(max(number), 0) FROM parcel").fetchone()[0]
    return found
