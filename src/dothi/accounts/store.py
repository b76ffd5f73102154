"""The two SQLite files of accounts and vault, one writing thread each, and what every verb of accounts needs."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from argon2 import PasswordHasher

from dothi.accounts.model import SessionRules
from dothi.accounts.passwords import Hashing
from dothi.accounts.policy import Within
from dothi.ground.clock import SECOND
from dothi.ground.errors import Unavailable
from dothi.hub.model import Actor

T = TypeVar("T")
Row = tuple[Any, ...]
BUSY_MS = 10_000
CHECKPOINT_MS = 500  # Reads are over in milliseconds; all others wait meanwhile.
CACHE_LIFE = 5 * SECOND  # How long another process may still honour what this one has revoked.
CACHED_MAX = 10_000

ACCOUNTS = """
CREATE TABLE IF NOT EXISTS user (
  id TEXT PRIMARY KEY, login TEXT NOT NULL UNIQUE, display_name TEXT NOT NULL, roles TEXT NOT NULL,
  areas TEXT NOT NULL, organisation TEXT NOT NULL, disabled INTEGER NOT NULL, created_at INTEGER NOT NULL,
  password TEXT NOT NULL  -- The argon2id hash; empty: the person has not set one yet.
) STRICT;

CREATE TABLE IF NOT EXISTS session (
  token_hash BLOB PRIMARY KEY, user TEXT NOT NULL REFERENCES user(id), created_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS session_by_user ON session(user);

CREATE TABLE IF NOT EXISTS key (
  id TEXT PRIMARY KEY, token_hash BLOB NOT NULL UNIQUE, name TEXT NOT NULL, scopes TEXT NOT NULL,
  areas TEXT NOT NULL, created_at INTEGER NOT NULL, created_by TEXT NOT NULL, last_used_at INTEGER NOT NULL,
  revoked INTEGER NOT NULL
) STRICT;

-- One-time links: `user` is empty for the link that makes the first administrator.
CREATE TABLE IF NOT EXISTS link (token_hash BLOB PRIMARY KEY, user TEXT NOT NULL, expires_at INTEGER NOT NULL) STRICT;

-- Failed sign-ins by name and by address ("login:…", "address:…"); hashed, since a name may be a typed password.
CREATE TABLE IF NOT EXISTS attempt (
  subject BLOB PRIMARY KEY, failures INTEGER NOT NULL, last_at INTEGER NOT NULL, blocked_until INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS event (
  seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, actor TEXT NOT NULL, subject TEXT NOT NULL,
  reason TEXT NOT NULL, address TEXT NOT NULL, hash TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS event_by_actor ON event(actor, seq);
CREATE INDEX IF NOT EXISTS event_by_subject ON event(subject, seq);
CREATE TRIGGER IF NOT EXISTS event_stays BEFORE UPDATE ON event
  BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER IF NOT EXISTS event_kept BEFORE DELETE ON event
  BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
"""

VAULT = """
CREATE TABLE IF NOT EXISTS person (
  pseudonym TEXT PRIMARY KEY, wrapped_key BLOB NOT NULL, sealed BLOB NOT NULL, phone_tag BLOB, account_tag BLOB
) STRICT;
CREATE INDEX IF NOT EXISTS person_by_phone ON person(phone_tag);
CREATE INDEX IF NOT EXISTS person_by_account ON person(account_tag);

CREATE TABLE IF NOT EXISTS erasure (
  pseudonym TEXT PRIMARY KEY, at INTEGER NOT NULL, by_whom TEXT NOT NULL, reason TEXT NOT NULL
) STRICT;

-- The key of what is sealed together and ends together, such as a day of one camera's number plates.
CREATE TABLE IF NOT EXISTS locker (name TEXT PRIMARY KEY, wrapped_key BLOB NOT NULL) STRICT;

-- What proves that a master key belongs to this vault.
CREATE TABLE IF NOT EXISTS proof (one INTEGER PRIMARY KEY CHECK (one = 1), tag BLOB NOT NULL) STRICT;
"""


class Database:
    """One SQLite file: every write is a transaction on one thread, flushed before it returns; reads run beside it."""

    def __init__(self, file: Path, schema: str, on_commit: Callable[[], None] = lambda: None) -> None:
        """Open (or make) `file`, readable by this operating-system user only, with the tables of `schema`."""
        file.touch(mode=0o600, exist_ok=True)
        self.file = file
        self._on_commit = on_commit
        self._reader = _connect(file)
        self._reader.executescript(schema)
        self._reading = threading.Lock()  # A connection serves one thread at a time.
        self._writer = _connect(file)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=file.stem)

    def read(self, sql: str, *values: object) -> list[Row]:
        """All rows of a question."""
        with self._reading, closing(self._reader.execute(sql, values)) as found:
            return found.fetchall()

    def read_one(self, sql: str, *values: object) -> Row | None:
        """The first row of a question, None when there is none."""
        return next(iter(self.read(sql, *values)), None)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in one transaction; what it raises undoes the transaction."""
        return await asyncio.wrap_future(self.submit(work))

    def submit(self, work: Callable[[sqlite3.Connection], T]) -> "Future[T]":
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

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        # IMMEDIATE takes the file's lock at once, so that what is read first is still true when it is written.
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            result = work(self._writer)
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


class Cache:
    """Actors already found by their token's hash, for a few seconds; every write empties it."""

    def __init__(self) -> None:
        """Nobody is known yet."""
        self.found: dict[bytes, tuple[Actor, int]] = {}
        self.watchers: list[Callable[[], None]] = []  # Told of every write, in its thread.

    def get(self, token_hash: bytes, now: int) -> Actor | None:
        """The actor found a moment ago, None when that is over."""
        actor, until = self.found.get(token_hash, (None, 0))
        return actor if now < until else None

    def forget(self) -> None:
        """Forget everybody. A new table, so that who is just reading old rows fills only the old one."""
        self.found = {}
        for watcher in self.watchers:
            watcher()


def _itself(code: str) -> frozenset[str]:
    return frozenset({code})


@dataclass(frozen=True, slots=True)
class Accounts:
    """What the verbs of people, sign-in and keys work with."""

    database: Database
    hashing: Hashing
    cache: Cache
    within: Within
    rules: SessionRules
    former: Within = _itself

    @classmethod
    def open(
        cls,
        folder: Path,
        within: Within = _itself,
        rules: SessionRules = SessionRules(),
        hasher: PasswordHasher | None = None,
        former: Within = _itself,
    ) -> "Accounts":
        """Open (or make) accounts.db in `folder`; `within` gives the codes at and below a unit's code.

        `former` gives a code and those of the units that were merged into it.
        """
        cache = Cache()
        database = Database(folder / "accounts.db", ACCOUNTS, on_commit=cache.forget)
        return cls(database, Hashing(hasher), cache, within, rules, former)

    def close(self) -> None:
        """Finish what was handed in, and close."""
        self.hashing.close()
        self.database.close()


def _connect(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000)
    connection.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
        "PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY;"
    )
    return connection
