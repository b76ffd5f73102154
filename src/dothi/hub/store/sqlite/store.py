"""SQLite: write-ahead log, full synchronisation, integer keys, history as one packed append a commit."""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from dothi.ground import digests
from dothi.ground.errors import DothiError, Invalid
from dothi.hub.language.nodes import EventQuery
from dothi.hub.model import Event, Parcel, Timer
from dothi.hub.store.port import Head, LogRow, Older, Position, Written
from dothi.hub.store.sqlite import lanes, outbox, pages, schema, telling, versions

_HEAD = "eid, kind, version, seq, created, modified, ahead, doc"
_HEAD_ONLY = _HEAD.replace("doc", "CASE WHEN doc IS NULL THEN NULL ELSE x'' END")
_LOG = "seq, at, tid, actor, reason, blob"
_MANY = 500  # Bound on the parameters of one statement.


class SqliteStore:
    """One file; one writing connection, and one reading connection a thread."""

    older: Older | None = None

    def __init__(self, path: Path, follows: bool = False) -> None:
        """Open or make the file; with `follows` another process writes it, and this one only reads.

        Invalid when it is foreign or of a newer version.
        """
        versions.demand(path)
        self._path, self._follows = path, follows
        self._threads = threading.local()
        self._open: list[telling.Connection] = []
        try:
            self._writer = self._connect()
            self._prepare()
        except (DothiError, sqlite3.DatabaseError):
            self.close()
            raise
        self._load_names()
        self._in_use: set[tuple[int, int]] = set(self._writer.execute("SELECT DISTINCT tid, kind FROM entity"))
        self._position = self._stands()

    def _load_names(self) -> None:
        execute = self._read().execute
        self._kinds: dict[tuple[str, ...], int] = {
            tuple(json.loads(types)): kind for kind, types in execute("SELECT kind, types FROM kind")
        }
        self._types = {kind: types for types, kind in self._kinds.items()}
        self._tenants: dict[str, int] = dict(execute("SELECT name, tid FROM tenant"))

    def _connect(self) -> telling.Connection:
        connection = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, factory=telling.Connection
        )
        connection.file = str(self._path)
        self._open.append(connection)
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "wal_autocheckpoint = 20000",
            "cache_size = -65536",
            "mmap_size = 1073741824",
            "busy_timeout = 10000",
            *(("query_only = ON",) if self._follows else ()),
        ):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def _prepare(self) -> None:
        made = self._writer.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if self._follows:
            if not made:
                raise Invalid(f"{self._path} is not made yet: its writer comes first.")
            return
        self._writer.begin_doubtful()
        if not made:
            self._writer.executescript(f"BEGIN; {schema.WHOLE} PRAGMA user_version = {schema.VERSION}; COMMIT;")
        digests.watch(self._writer, schema.DIGESTED)

    def _read(self) -> telling.Connection:
        connection: telling.Connection | None = getattr(self._threads, "connection", None)
        if connection is None:
            connection = self._threads.connection = self._connect()
        return connection

    def _stands(self) -> Position:
        return Position(*self._writer.execute("SELECT seq, eid, at FROM position").fetchone())

    @contextmanager
    def turn(self) -> Iterator[Position]:
        """Where the log stands; this process alone writes, so that nobody comes between."""
        yield self._position

    def write(self, written: Written) -> None:
        """One transaction, flushed to disk before this returns."""
        self._writer.begin()
        position = self._position
        try:
            position = self._write_states(written.states, position)
            position = self._write_log(written, position)
            self._writer.executemany("INSERT OR REPLACE INTO receipt VALUES (?,?)", written.receipts)
            self._writer.executemany("INSERT OR REPLACE INTO cursor VALUES (?,?)", written.cursors)
            self._write_timers(written.timers)
            lanes.write(self._writer, written.events)
            lanes.dispose(self._writer, written.disposals)
            for post in written.posts:
                outbox.write(self._writer, post)
            pages.write(self._writer, written.pages)
            if position != self._position:
                self._writer.execute("UPDATE position SET seq=?, eid=?, at=?", position)
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise
        self._position = position

    def _write_log(self, written: Written, position: Position) -> Position:
        rows = list(written.log)
        self._writer.executemany(f"INSERT INTO log ({_LOG}) VALUES (?,?,?,?,?,?)", rows)
        self._writer.executemany(
            "UPDATE log SET at=?2, tid=?3, actor=?4, reason=?5, blob=?6 WHERE seq=?1", written.rewritten
        )
        if written.sealed is not None:
            self._writer.execute("DELETE FROM log WHERE seq>? AND seq<=?", written.sealed)
        for row in rows:
            position = position._replace(seq=max(position.seq, row.seq), at=max(position.at, row.at))
        self._writer.executemany("DELETE FROM entity WHERE eid=?", [(eid,) for eid in written.forgotten])
        return position

    def _write_states(self, states: Iterable[tuple[int, str, Head]], position: Position) -> Position:
        new: list[tuple[Any, ...]] = []
        old: list[tuple[Any, ...]] = []
        moved: list[tuple[int, int]] = []
        last = position.eid
        for tid, entity_id, head in states:
            if (tid, head.kind) not in self._in_use:
                self._in_use = {*self._in_use, (tid, head.kind)}
            if head.eid > last:
                new.append((tid, entity_id, *head))
            else:
                old.append((head.version, head.seq, head.created, head.modified, head.ahead, head.doc, head.eid))
                moved.append((head.kind, head.eid))
        self._writer.executemany(f"INSERT INTO entity (tid, id, {_HEAD}) VALUES (?,?,?,?,?,?,?,?,?,?)", new)
        self._writer.executemany(
            "UPDATE entity SET version=?, seq=?, created=?, modified=?, ahead=?, doc=? WHERE eid=?", old
        )
        # Apart, so that the index on kind is touched only where the kind changes.
        self._writer.executemany("UPDATE entity SET kind=?1 WHERE eid=?2 AND kind<>?1", moved)
        return position._replace(eid=max([last, *(row[2] for row in new)]))

    def _write_timers(self, timers: Iterable[Timer]) -> None:
        for timer in timers:
            if timer.due is None:
                self._writer.execute("DELETE FROM timer WHERE consumer=? AND name=?", (timer.consumer, timer.name))
            else:
                self._writer.execute(
                    "INSERT OR REPLACE INTO timer (consumer, name, due, payload) VALUES (?,?,?,?)",
                    (timer.consumer, timer.name, timer.due, timer.payload),
                )

    def heads(self, tid: int, ids: Iterable[str], docs: bool = True) -> dict[str, Head]:
        """Heads by entity id."""
        columns = _HEAD if docs else _HEAD_ONLY
        execute, pending = self._read().execute, iter(ids)
        found: dict[str, Head] = {}
        while some := list(islice(pending, _MANY)):
            marks = ",".join("?" * len(some))
            for row in execute(f"SELECT id, {columns} FROM entity WHERE tid=? AND id IN ({marks})", (tid, *some)):
                found[row[0]] = Head(*row[1:])
        return found

    def rows(self, eids: Iterable[int]) -> dict[int, Head]:
        """Heads by row."""
        return {row[0]: Head(*row) for row in self._by_key("entity", "eid", _HEAD, eids)}

    def commits(self, seqs: Iterable[int]) -> dict[int, LogRow]:
        """Log rows by sequence; those that are not hot any more from who keeps them."""
        wanted = list(seqs)
        found = {row[0]: LogRow(*row) for row in self._by_key("log", "seq", _LOG, wanted)}
        if self.older is not None and len(found) < len(wanted):
            found |= self.older.commits(seq for seq in wanted if seq not in found)
        return found

    def _by_key(self, table: str, key: str, columns: str, keys: Iterable[int]) -> Iterator[tuple[Any, ...]]:
        execute, pending = self._read().execute, iter(keys)
        while some := list(islice(pending, _MANY)):
            marks = ",".join("?" * len(some))
            yield from execute(f"SELECT {columns} FROM {table} WHERE {key} IN ({marks})", some)

    def scan(self, tid: int, kind: int) -> Iterator[tuple[int, Head]]:
        """Living entities of a kind by row."""
        for row in self._read().execute(
            f"SELECT {_HEAD} FROM entity WHERE tid=? AND kind=? AND doc IS NOT NULL ORDER BY eid", (tid, kind)
        ):
            yield row[0], Head(*row)

    def ever(self, tid: int, kinds: Iterable[int]) -> list[int]:
        """Rows of some kinds, deleted ones too."""
        listed = ",".join(str(int(kind)) for kind in kinds)
        rows = self._read().execute(f"SELECT eid FROM entity WHERE tid=? AND kind IN ({listed}) ORDER BY eid", (tid,))
        return [eid for (eid,) in rows]

    def kinds(self, tid: int) -> dict[int, tuple[str, ...]]:
        """Kinds that have entities in a tenant."""
        in_use = {kind for where, kind in self._in_use if where == tid}
        return {kind: types for types, kind in self._kinds.items() if kind in in_use}

    def types_of(self, kind: int) -> tuple[str, ...]:
        """The kind's types."""
        return self._types[kind]

    def kind_of(self, types: tuple[str, ...]) -> int:
        """The kind's number; a new one is stored at once (harmless when its first entity never comes)."""
        kind = self._kinds.get(types)
        if kind is None:
            text = json.dumps(types, ensure_ascii=False)
            kind = self._writer.execute("INSERT INTO kind (types) VALUES (?)", (text,)).lastrowid or 0
            self._kinds = {**self._kinds, types: kind}
            self._types = {**self._types, kind: types}
        return kind

    def tenant(self, name: str, make: bool = False) -> int | None:
        """The tenant's number."""
        tid = self._tenants.get(name)
        if tid is None and make:
            tid = self._writer.execute("INSERT INTO tenant (name) VALUES (?)", (name,)).lastrowid or 0
            self._tenants = {**self._tenants, name: tid}
        return tid

    def tenants(self) -> tuple[str, ...]:
        """All names of tenants."""
        return tuple(self._tenants)

    def tenant_name(self, tid: int) -> str:
        """The name of a tenant."""
        return next(name for name, number in self._tenants.items() if number == tid)

    def log(self, after: int, limit: int) -> list[LogRow]:
        """Commits after a position: the hot ones are read first, then what lies before them (see Older)."""
        rows = self._read().execute(f"SELECT {_LOG} FROM log WHERE seq>? ORDER BY seq LIMIT ?", (after, limit))
        hot = [LogRow(*row) for row in rows]
        until = hot[0].seq - 1 if hot else self.last()[0]
        if self.older is None or after >= until:
            return hot
        return [*self.older.log(after, until, limit), *hot][:limit]

    def last(self) -> tuple[int, int]:
        """The last sequence and the last row given out."""
        if self._follows:
            seq, eid, _ = self._read().execute("SELECT seq, eid, at FROM position").fetchone()
            return seq, eid
        return self._position.seq, self._position.eid

    def listen(self, told: Callable[[], None]) -> None:
        """Nobody else writes, or the processes of this machine share their position."""

    def lead(self, lost: Callable[[], None]) -> bool:
        """Whoever writes the file leads."""
        return not self._follows

    def resign(self) -> None:
        """The file has one writer for as long as that has it open."""

    def learn(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Take in kinds and tenants that another process made."""
        new = set(pairs) - self._in_use
        if new:
            if any(kind not in self._types for _, kind in new) or not {tid for tid, _ in new} <= {
                *self._tenants.values()
            }:
                self._load_names()
            self._in_use = self._in_use | new

    def page(self, book: str, number: int) -> bytes | None:
        """A page of a book."""
        return pages.one(self._read(), book, number)

    def pages(self, book: str, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Pages of a book, in order."""
        return pages.after(self._read(), book, after, limit)

    def receipt(self, key: str) -> bytes | None:
        """A kept receipt."""
        row = self._read().execute("SELECT body FROM receipt WHERE key=?", (key,)).fetchone()
        return row[0] if row else None

    def cursor(self, consumer: str) -> int:
        """A consumer's position."""
        row = self._read().execute("SELECT seq FROM cursor WHERE consumer=?", (consumer,)).fetchone()
        return row[0] if row else 0

    def due(self, consumer: str, now: int, limit: int) -> list[tuple[str, str]]:
        """Timers past due."""
        return (
            self._read()
            .execute(
                "SELECT name, payload FROM timer WHERE consumer=? AND due<=? ORDER BY due LIMIT ?",
                (consumer, now, limit),
            )
            .fetchall()
        )

    def events(self, eid: int, sought: EventQuery) -> list[Event]:
        """Events of a lane."""
        return lanes.read(self._read(), eid, sought)

    def count_events(self, eid: int, sought: EventQuery) -> int:
        """How many events of a lane."""
        return lanes.count(self._read(), eid, sought)

    def lanes(self) -> list[tuple[int, int, str]]:
        """Entities that have events."""
        return lanes.owners(self._read())

    def parcels(self, queue: str, dead: bool, after: int, limit: int) -> list[Parcel]:
        """Parcels of a queue."""
        return outbox.read(self._read(), queue, dead, after, limit)

    def parcel_counts(self) -> dict[str, tuple[int, int]]:
        """How many wait and how many were given up, by queue."""
        return outbox.counts(self._read())

    def tallies(self) -> dict[str, bytes]:
        """How queues are doing."""
        return outbox.tallies(self._read())

    def last_parcel(self) -> int:
        """The highest number of a parcel."""
        return outbox.last(self._read())

    def scrub(self) -> None:
        """Free pages are given back and the write-ahead log is emptied; readers go on meanwhile."""
        self._writer.execute("VACUUM")
        self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close every connection."""
        for connection in self._open:
            connection.close()
