"""PostgreSQL behind the port of the store: turns under one lock, flushes that are one statement, reads by key."""

import json
import threading
import uuid
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from operator import itemgetter
from typing import Any, TypeVar

import asyncpg

from dothi.ground.errors import Invalid
from dothi.hub.language.nodes import EventQuery
from dothi.hub.model import Event, Parcel
from dothi.hub.store.port import Head, LogRow, Older, Position, Written
from dothi.hub.store.postgres import address
from dothi.hub.store.postgres.line import Line
from dothi.hub.store.postgres.listening import Bell, Leading, listen
from dothi.hub.store.postgres.migrating import opening
from dothi.hub.store.postgres.names import Names, load_names
from dothi.hub.store.postgres.tables import lanes, outbox, places, schema
from dothi.hub.store.postgres.texts import got, hashed, put, shard_of
from dothi.hub.store.postgres.turns import Turns
from dothi.hub.store.postgres.writing import ready

Result = TypeVar("Result")
_HEAD = "e.eid, e.kind, e.version, e.seq, e.created, e.modified, e.ahead, e.doc"
_HEAD_ONLY = _HEAD.replace("e.doc", "CASE WHEN e.doc IS NULL THEN NULL ELSE ''::bytea END")
_LOG = "seq, at, tid, actor, reason, blob"
_SCANNED = 2000  # Rows of a scan at a time.


class PostgresStore:
    """One database, which other processes may use too."""

    older: Older | None = None

    def __init__(self, url: str) -> None:
        """Open the database, making its tables when it is empty.

        Invalid when it is foreign, newer or half migrated or refuses the user, Unavailable when nobody answers.
        """
        self.address = address.read(url)
        self.name = uuid.uuid4().hex  # Of this opening: other processes tell by it who wrote.
        self._line = Line(self.address)
        self._threads = threading.local()
        self._naming = threading.Lock()
        self._leading: Leading | None = None
        self._bells: list[Bell] = []
        self._names, placed = opening(self._line, self._open(), keep=True)
        self._turns = Turns(self._line, self.name, placed)

    async def _open(self) -> tuple[Names, bool]:
        connection = await self._line.connect()
        found = await schema.standing(connection, self.address.where)
        if 0 < found < schema.VERSION:
            raise Invalid(
                f"The database {self.address.where} is of store version {found}, this dothi writes {schema.VERSION}: "
                "stop all its processes, back it up, then run dothi migrate."
            )
        await schema.migrate(connection, self.address.where)
        async with connection.transaction():
            await connection.execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")
            await connection.execute(f"SELECT {schema.MIGRATING}", timeout=schema.LONG_S)
            placed = await places.prepare(connection)
            await connection.execute("DELETE FROM writer WHERE at < now() - interval '7 days'")
            await connection.execute("INSERT INTO writer (name, mark) VALUES ($1, 0)", self.name)
        names = await load_names(connection)
        await connection.close()
        return names, placed

    def _read(self, work: Callable[[asyncpg.Connection], Coroutine[Any, Any, Result]]) -> Result:
        """What `work` reads: within this thread's turn, else over any free connection."""
        turn = getattr(self._threads, "turn", None)
        if turn is not None:
            return self._line.run(work(turn[0]))
        return self._line.run(self._line.read(work))

    def _fetch(self, query: str, *values: Any) -> list[asyncpg.Record]:
        return self._read(lambda connection: connection.fetch(query, *values))

    @contextmanager
    def turn(self) -> Iterator[Position]:
        """Hold the lock under which positions are given, and know where the log stands; see `write`."""
        assert getattr(self._threads, "turn", None) is None, "a turn within a turn"
        connection, position, others = self._line.run(self._turns.begin())
        self._threads.turn = (connection, position)
        try:
            if others:
                self._refresh()
            yield position
        finally:
            if self._threads.turn is not None:
                self._threads.turn = None
                self._line.run(self._turns.leave(connection))

    def write(self, written: Written) -> None:
        """One transaction, flushed there before this returns; it ends the turn.

        Unavailable when the connection is lost; what became of a commit that was cut off is found out before.
        """
        if getattr(self._threads, "turn", None) is None:
            with self.turn():
                self.write(written)
            return
        connection, position = self._threads.turn
        flush = ready(written, position)
        kinds = flush.kinds - self._names.in_use
        self._threads.turn = None
        self._line.run(self._turns.flush(connection, flush, kinds), self._turns.patience)
        if kinds:
            self._names = self._names.using(kinds)

    def learn(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Know the tenants and kinds of entities that another process wrote."""
        if not self._names.in_use.issuperset(pairs):
            self._refresh()

    def _refresh(self) -> None:
        self._names = self._read(load_names)

    def listen(self, told: Callable[[], None]) -> None:
        """Have `told` called, from any thread, when another process has written; about once a second when deaf."""
        bell = Bell(told)
        self._bells.append(bell)
        self._line.spawn(listen(self._line, self.name, bell.ring))

    def lead(self, lost: Callable[[], None]) -> bool:
        """Be the one leader among all processes; False when another is. `lost` is called when it is so no more."""
        if self._leading is None:
            self._leading = Leading(self._line)
        bell = Bell(lost)
        self._bells.append(bell)
        return self._line.run(self._leading.take(bell.ring))

    def resign(self) -> None:
        """Lead no more; another may."""
        if self._leading is not None:
            self._line.run(self._leading.resign())

    def heads(self, tid: int, ids: Iterable[str], docs: bool = True) -> dict[str, Head]:
        """Heads by entity id."""
        digests = [hashed(one) for one in ids]
        if not digests:
            return {}
        columns = _HEAD if docs else _HEAD_ONLY
        rows = self._fetch(
            # One by one, whatever the planner believes of the table: LIMIT keeps it from turning the join round.
            f"SELECT e.id, {columns} FROM unnest($2::int[], $3::bytea[]) AS u (shard, hash) CROSS JOIN LATERAL"
            " (SELECT * FROM entity x WHERE x.tid = $1 AND x.shard = u.shard AND x.hash = u.hash LIMIT 1) e",
            tid,
            [shard_of(one) for one in digests],
            digests,
        )
        return {got(row[0]): Head(*row[1:]) for row in sorted(rows, key=itemgetter(0))}

    def rows(self, eids: Iterable[int]) -> dict[int, Head]:
        """Heads by row."""
        rows = self._fetch(f"SELECT {_HEAD} FROM entity e WHERE e.eid = ANY($1)", list(eids))
        return {row[0]: Head(*row) for row in rows}

    def scan(self, tid: int, kind: int) -> Iterator[tuple[int, Head]]:
        """Living entities of a kind by row, some at a time."""
        after = 0
        while True:
            rows = self._fetch(
                f"SELECT {_HEAD} FROM entity e WHERE e.tid = $1 AND e.kind = $2 AND e.eid > $3 AND e.doc IS NOT NULL"
                " ORDER BY e.eid LIMIT $4",
                tid,
                kind,
                after,
                _SCANNED,
            )
            for row in rows:
                after = row[0]
                yield after, Head(*row)
            if len(rows) < _SCANNED:
                return

    def ever(self, tid: int, kinds: Iterable[int]) -> list[int]:
        """Rows of some kinds, deleted ones too."""
        query = "SELECT eid FROM entity WHERE tid = $1 AND kind = ANY($2) ORDER BY eid"
        return [row[0] for row in self._fetch(query, tid, list(kinds))]

    def kinds(self, tid: int) -> dict[int, tuple[str, ...]]:
        """Kinds that have entities in a tenant."""
        names = self._names
        return {kind: types for kind, types in names.types.items() if (tid, kind) in names.in_use}

    def types_of(self, kind: int) -> tuple[str, ...]:
        """The kind's types."""
        if kind not in self._names.types:
            self._refresh()
        return self._names.types[kind]

    def kind_of(self, types: tuple[str, ...]) -> int:
        """The kind's number; a new one is stored at once (harmless when its first entity never comes)."""
        if types not in self._names.kinds:
            text = json.dumps(types, ensure_ascii=False)
            self._name("kind", "kind", "types", text)
        return self._names.kinds[types]

    def tenant(self, name: str, make: bool = False) -> int | None:
        """The tenant's number."""
        if make and name not in self._names.tenants:
            self._name("tenant", "tid", "name", name)
        return self._names.tenants.get(name)

    def _name(self, table: str, number: str, column: str, text: str) -> None:
        """Give a number, in a transaction of its own: a turn may come to nothing, what was named stays."""

        async def make(connection: asyncpg.Connection) -> Names:
            await connection.execute(
                f"INSERT INTO {table} (hash, {column}) VALUES ($1, $2) ON CONFLICT DO NOTHING", hashed(text), put(text)
            )
            return await load_names(connection)

        with self._naming:
            self._names = self._line.run(self._line.read(make))

    def tenants(self) -> tuple[str, ...]:
        """All names of tenants."""
        return tuple(self._names.tenants)

    def tenant_name(self, tid: int) -> str:
        """The name of a tenant."""
        if tid not in self._names.tenants.values():
            self._refresh()
        return next(name for name, number in self._names.tenants.items() if number == tid)

    def log(self, after: int, limit: int) -> list[LogRow]:
        """Commits after a position: the hot ones are read first, then what lies before them (see Older)."""
        rows = self._fetch(f"SELECT {_LOG} FROM log WHERE seq > $1 ORDER BY seq LIMIT $2", after, limit)
        hot = [_logged(row) for row in rows]
        if self.older is None:
            return hot
        until = hot[0].seq - 1 if hot else self.last()[0]
        return hot if after >= until else [*self.older.log(after, until, limit), *hot][:limit]

    def commits(self, seqs: Iterable[int]) -> dict[int, LogRow]:
        """Log rows by sequence; those that are not hot any more from who keeps them."""
        wanted = list(seqs)
        rows = self._fetch(f"SELECT {_LOG} FROM log WHERE seq = ANY($1)", wanted)
        found = {row[0]: _logged(row) for row in rows}
        if self.older is not None and len(found) < len(wanted):
            found |= self.older.commits(seq for seq in wanted if seq not in found)
        return found

    def last(self) -> tuple[int, int]:
        """The last sequence and the last row given out, by whichever process."""
        ((seq, eid, named),) = self._fetch("SELECT seq, eid, (SELECT count(*) FROM tenant_kind) FROM position")
        if named != len(self._names.in_use):
            self._refresh()
        return seq, eid

    def page(self, book: str, number: int) -> bytes | None:
        """A page of a book."""
        rows = self._fetch("SELECT body FROM page WHERE book = $1 AND number = $2", put(book), number)
        return rows[0][0] if rows else None

    def pages(self, book: str, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Pages of a book, in order."""
        query = "SELECT number, body FROM page WHERE book = $1 AND number > $2 ORDER BY number LIMIT $3"
        return [tuple(row) for row in self._fetch(query, put(book), after, limit)]

    def receipt(self, key: str) -> bytes | None:
        """A kept receipt."""
        rows = self._fetch("SELECT body FROM receipt WHERE hash = $1", hashed(key))
        return rows[0][0] if rows else None

    def cursor(self, consumer: str) -> int:
        """A consumer's position."""
        rows = self._fetch("SELECT seq FROM cursor WHERE hash = $1", hashed(consumer))
        return rows[0][0] if rows else 0

    def due(self, consumer: str, now: int, limit: int) -> list[tuple[str, str]]:
        """Timers past due."""
        query = "SELECT name, payload FROM timer WHERE consumer = $1 AND due <= $2 ORDER BY due, name LIMIT $3"
        return [(got(row[0]), got(row[1])) for row in self._fetch(query, put(consumer), now, limit)]

    def events(self, eid: int, sought: EventQuery) -> list[Event]:
        """Events of a lane."""
        return self._read(lambda connection: lanes.read(connection, eid, sought))

    def count_events(self, eid: int, sought: EventQuery) -> int:
        """How many events of a lane."""
        return self._read(lambda connection: lanes.count(connection, eid, sought))

    def lanes(self) -> list[tuple[int, int, str]]:
        """Entities that have events."""
        return self._read(lanes.owners)

    def parcels(self, queue: str, dead: bool, after: int, limit: int) -> list[Parcel]:
        """Parcels of a queue."""
        return self._read(lambda connection: outbox.read(connection, queue, dead, after, limit))

    def parcel_counts(self) -> dict[str, tuple[int, int]]:
        """How many wait and how many were given up, by queue."""
        return self._read(outbox.counts)

    def tallies(self) -> dict[str, bytes]:
        """How queues are doing."""
        return self._read(outbox.tallies)

    def last_parcel(self) -> int:
        """The highest number of a parcel."""
        return self._read(outbox.last)

    def scrub(self) -> None:
        """Vacuum what is rewritten or removed: it must run outside a transaction, so beside the turn."""

        async def vacuum(connection: asyncpg.Connection) -> None:
            await connection.execute("SET statement_timeout = 0")
            try:
                await connection.execute("VACUUM log, page, entity, event", timeout=schema.LONG_S)
            finally:
                await connection.execute("RESET statement_timeout")

        self._line.run(self._line.read(vacuum), schema.LONG_S)

    def close(self) -> None:
        """Close every connection."""
        for bell in self._bells:
            bell.end()
        self._line.close()


def _logged(row: asyncpg.Record) -> LogRow:
    seq, at, tid, actor, reason, blob = row
    return LogRow(seq, at, tid, got(actor), got(reason), blob)
