"""Accounts and vault in two SQLite files: one writing thread each, and reads beside it."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TypeVar, cast

from dothi.accounts.store import versions
from dothi.accounts.store.port import Connection, Row
from dothi.ground import digests
from dothi.ground.errors import Unavailable

T = TypeVar("T")
BUSY_MS = 10_000
CHECKPOINT_MS = 500  # Reads are over in milliseconds; all others wait meanwhile.


class SqliteDatabase:
    """One SQLite file: every write is a transaction on one thread, flushed before it returns; reads run beside it."""

    def __init__(self, file: Path, schema: str, on_commit: Callable[[], None] = lambda: None) -> None:
        """Open (or make) `file`, readable by this operating-system user only, with the tables of `schema`."""
        versions.version_of(file)
        file.touch(mode=0o600, exist_ok=True)
        self.file = file
        self._on_commit = on_commit
        self._reader = _connect(file)
        self._reader.executescript(schema + digests.SCHEMA_IF_NEW)
        self._reading = threading.Lock()  # A connection serves one thread at a time.
        self._writer = _connect(file)
        versions.mark(self._writer)
        digests.watch(self._writer, digests.tables(self._writer))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=file.stem)

    def read(self, sql: str, *values: object) -> list[Row]:
        """All rows of a question."""
        with self._reading, closing(self._reader.execute(sql, values)) as found:
            return found.fetchall()

    def read_one(self, sql: str, *values: object) -> Row | None:
        """The first row of a question, None when there is none."""
        return next(iter(self.read(sql, *values)), None)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction; what it raises undoes the transaction."""
        return await asyncio.wrap_future(self.submit(work))

    def submit(self, work: Callable[[Connection], T]) -> "Future[T]":
        """The same without waiting: for notes that nobody waits for, like when a key was last used."""
        return self._thread.submit(self._transact, work)

    async def checkpoint(self) -> None:
        """Move everything from the write-ahead log into the file and empty the log, so that erased bytes are gone.

        Unavailable while another process reads the file.
        """
        checkpoint = self._thread.submit(self._checkpoint)
        await asyncio.wrap_future(checkpoint)

    def close(self) -> None:
        """Finish what was handed in, and close."""
        self._thread.shutdown(wait=True)
        self._writer.close()
        self._reader.close()

    def _transact(self, work: Callable[[Connection], T]) -> T:
        # IMMEDIATE takes the file's lock at once, so that what is read first is still true when it is written.
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            result = work(cast(Connection, self._writer))
            self._writer.execute("COMMIT")
        except BaseException:
            self._writer.execute("ROLLBACK")
            raise
        self._on_commit()
        return result

    def _checkpoint(self) -> None:
        with self._reading:  # A reader in the middle of a question would keep the log from being emptied.
            self._writer.execute(f"PRAGMA busy_timeout = {CHECKPOINT_MS}")
            busy, *_ = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self._writer.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        if busy:
            raise Unavailable(f"Another process reads {self.file.name}, so its log keeps old bytes; try again soon.")


def _connect(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000)
    connection.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
        "PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY;"
    )
    return connection
