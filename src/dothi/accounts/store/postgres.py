"""Accounts and vault in PostgreSQL: a schema each, one writing connection, and one that reads beside it."""

import asyncio
import re
import threading
import urllib.parse
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

import asyncpg

from dothi.accounts.store.port import Connection, Row
from dothi.ground.errors import Unavailable

T = TypeVar("T")
_ANSWER_S = 10.0  # How long a statement may take; a cut network ends here.
_VALUE = re.compile(r"\?")
_USER = re.compile(r"\buser\b")  # The name of a table and a column, and a word of PostgreSQL's own.
_CASTS = {int: "::bigint", bool: "::bigint", str: "::text", bytes: "::bytea"}  # Of an empty one the column says it.
_LOST = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.ReadOnlySQLTransactionError,  # It became a standby.
    asyncpg.TargetServerAttributeNotMatched,
)
_TYPES = {r"\bINTEGER\b": "BIGINT", r"\bBLOB\b": "BYTEA", r"\) STRICT;": ");", r"--[^\n]*": ""}
_TRIGGER = re.compile(
    r"CREATE TRIGGER IF NOT EXISTS (\w+) BEFORE (\w+) ON (\w+)\s+BEGIN SELECT RAISE\(ABORT, '([^']+)'\); END;"
)
_GUARD = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '{says}'; END$$;
CREATE OR REPLACE TRIGGER {name} BEFORE {what} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {name}();
"""


class PostgresDatabase:
    """One schema; asyncpg works on a thread of its own, and who asks waits for it."""

    def __init__(self, url: str, name: str, schema: str, on_commit: Callable[[], None] = lambda: None) -> None:
        """Open (or make) the tables of `schema` as the schema `name`. Unavailable when the database does not answer."""
        self._url = _bare(url)
        self._name = name
        self._on_commit = on_commit
        self._loop = asyncio.new_event_loop()
        self._answering = threading.Thread(target=self._loop.run_forever, name=f"{name}-postgres", daemon=True)
        self._answering.start()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._reading = threading.Lock()
        self._reader: asyncpg.Connection | None = None
        self._writer: asyncpg.Connection | None = None
        self._thread.submit(self._transact, lambda connection: self._make(schema)).result()

    def _make(self, schema: str) -> None:
        assert self._writer is not None
        self._run(self._writer.execute(f"CREATE SCHEMA IF NOT EXISTS {self._name}"))
        self._run(self._writer.execute(_translated(schema)))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        """What the database answers. Unavailable when it does not."""
        future = asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, _ANSWER_S), self._loop)
        try:
            return future.result()
        except _LOST as lost:
            raise Unavailable(f"The database of {self._name} does not answer: {type(lost).__name__}.") from lost

    def _connected(self, known: "asyncpg.Connection | None") -> asyncpg.Connection:
        if known is not None and not known.is_closed():
            return known
        path = {"search_path": f"{self._name},pg_catalog", "timezone": "UTC"}
        primary = asyncpg.connect_utils.SessionAttribute.read_write  # Where the URL names several hosts.
        return self._run(
            asyncpg.connect(self._url, timeout=_ANSWER_S, server_settings=path, target_session_attrs=primary)
        )

    def read(self, sql: str, *values: object) -> list[Row]:
        """All rows of a question."""
        with self._reading:
            self._reader = self._connected(self._reader)
            return _Transaction(self._reader, self._run).execute(sql, values).fetchall()

    def read_one(self, sql: str, *values: object) -> Row | None:
        """The first row of a question, None when there is none."""
        return next(iter(self.read(sql, *values)), None)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction; what it raises undoes the transaction."""
        return await asyncio.wrap_future(self.submit(work))

    def submit(self, work: Callable[[Connection], T]) -> "Future[T]":
        """The same without waiting."""
        return self._thread.submit(self._transact, work)

    async def checkpoint(self) -> None:
        """Have PostgreSQL free the space of erased rows; its own log keeps older pages until it is recycled."""
        await asyncio.wrap_future(self._thread.submit(self._vacuum))

    def close(self) -> None:
        """Finish what was handed in, and close."""
        self._thread.shutdown(wait=True)
        for connection in (self._reader, self._writer):
            if connection is not None and not connection.is_closed():
                with suppress(Unavailable):
                    self._run(connection.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._answering.join()
        self._loop.close()

    def _transact(self, work: Callable[[Connection], T]) -> T:
        self._writer = self._connected(self._writer)
        run = self._run
        try:
            # The lock makes one writer of all processes, so that what is read first is still true when it is written.
            run(self._writer.execute(f"BEGIN; SELECT pg_advisory_xact_lock(hashtext('dothi {self._name}'))"))
            result = work(_Transaction(self._writer, run))
            run(self._writer.execute("COMMIT"))
        except BaseException:
            self._undo()
            raise
        self._on_commit()
        return result

    def _undo(self) -> None:
        assert self._writer is not None
        try:
            self._run(self._writer.execute("ROLLBACK"))
        except Unavailable:
            self._loop.call_soon_threadsafe(self._writer.terminate)
            self._writer = None

    def _vacuum(self) -> None:
        self._writer = self._connected(self._writer)
        tables = self._run(self._writer.fetch("SELECT tablename FROM pg_tables WHERE schemaname = $1", self._name))
        for (table,) in tables:
            self._run(self._writer.execute(f'VACUUM "{table}"'))


class _Found:
    """Rows of one statement, or how many it wrote."""

    def __init__(self, rows: list[Row], status: str) -> None:
        self._rows = rows
        counted = status.rpartition(" ")[2]
        self.rowcount = int(counted) if counted.isdecimal() else -1

    def fetchone(self) -> Row | None:
        """The next row."""
        return self._rows.pop(0) if self._rows else None

    def fetchall(self) -> list[Row]:
        """All rows that are left."""
        rows, self._rows = self._rows, []
        return rows


class _Transaction:
    """Statements on one connection, as the port writes them."""

    def __init__(self, connection: asyncpg.Connection, run: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        self._connection = connection
        self._run = run

    def execute(self, sql: str, parameters: Sequence[object] = (), /) -> _Found:
        """Run a statement."""
        return _Found(*self._run(self._fetched(sql, parameters)))

    def executemany(self, sql: str, parameters: Iterable[Sequence[object]], /) -> _Found:
        """Run it for each of several rows of values."""
        counts = [self.execute(sql, row).rowcount for row in parameters]
        return _Found([], f"TOGETHER {sum(counts)}")

    async def _fetched(self, sql: str, parameters: Sequence[object]) -> tuple[list[Row], str]:
        numbers = iter(range(1, len(parameters) + 1))
        casts = [_CASTS.get(type(value), "") for value in parameters]
        text = _VALUE.sub(lambda _: f"${(number := next(numbers))}{casts[number - 1]}", _USER.sub('"user"', sql))
        values = [int(value) if isinstance(value, bool) else value for value in parameters]
        statement = await self._connection.prepare(text)
        rows = await statement.fetch(*values)
        return [tuple(row) for row in rows], statement.get_statusmsg()


def _bare(url: str) -> str:
    """The URL without what it says to the hub's store alone."""
    parts = urllib.parse.urlsplit(url)
    asked = [pair for pair in urllib.parse.parse_qsl(parts.query) if pair[0] not in ("pool", "timeout")]
    return urllib.parse.urlunsplit(parts._replace(query=urllib.parse.urlencode(asked)))


def _translated(schema: str) -> str:
    """The tables in PostgreSQL's words."""
    text = _TRIGGER.sub(lambda m: _GUARD.format(name=m[1], what=m[2], table=m[3], says=m[4]), schema)
    for ours, theirs in _TYPES.items():
        text = re.sub(ours, theirs, text)
    return _USER.sub('"user"', text)
