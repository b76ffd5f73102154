"""A connection that says what SQLite's errors mean, and that trusts no flush after one has failed.

A failed flush is not tried again as if it were fine: the kernel may have dropped what it could not write and call the
next flush a success. So the log's content is copied into the file and flushed there before anything else is written,
by this process or the next one (decision 0211).
"""

import logging
import sqlite3
from collections.abc import Iterator
from typing import Any, cast

from dothi.ground.errors import Damaged, DothiError, Full, Invalid, Unavailable

log = logging.getLogger(__name__)
# By SQLite's primary result code: the kind of error, and what is said of the file.
_MEANINGS: dict[int, tuple[type[DothiError], str]] = {
    sqlite3.SQLITE_FULL: (
        Full,
        "There is no room left on the disk of {file}: nothing of this was written. Reading goes on; free some space, "
        "then send it again.",
    ),
    sqlite3.SQLITE_IOERR: (
        Unavailable,
        "The disk of {file} failed ({error}): nothing of this is known to be kept. Send it again; look at the disk.",
    ),
    sqlite3.SQLITE_CORRUPT: (
        Damaged,
        "{file} is damaged ({error}): stop dothi, bring the last backup back with `dothi restore`, and look at the "
        "disk.",
    ),
    sqlite3.SQLITE_NOTADB: (
        Invalid,
        "{file} is not a file of dothi ({error}): choose another data folder, or bring a backup back with "
        "`dothi restore` if it was one.",
    ),
    sqlite3.SQLITE_READONLY: (Unavailable, "{file} cannot be written ({error}): give dothi the right to, then retry."),
    sqlite3.SQLITE_CANTOPEN: (Unavailable, "{file} cannot be opened ({error}): look at the folder and its rights."),
    sqlite3.SQLITE_BUSY: (Unavailable, "{file} is held by another process ({error}): try again in a moment."),
}


class _Cursor(sqlite3.Cursor):
    """Rows, and what it means when one cannot be read: the first is read by execute(), the others here."""

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        try:
            yield from iter(super().__next__, None)  # A cursor is its own iterator: this one would call itself.
        except sqlite3.DatabaseError as broken:
            raise cast(Connection, self.connection).meaning(broken) from broken

    def fetchall(self) -> list[Any]:
        """All the other rows."""
        return list(self)


class Connection(sqlite3.Connection):
    """`doubtful`: whether a flush failed, so that what the log holds may not be on the disk."""

    doubtful = False
    file = ""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """As ever; DothiError where it says what to do."""
        try:
            return self.cursor(_Cursor).execute(sql, parameters)
        except sqlite3.DatabaseError as broken:
            raise self.meaning(broken) from broken

    def executemany(self, sql: str, parameters: Any, /) -> sqlite3.Cursor:
        """As ever; DothiError where it says what to do."""
        try:
            return super().executemany(sql, parameters)
        except sqlite3.DatabaseError as broken:
            raise self.meaning(broken) from broken

    def executescript(self, sql_script: str, /) -> sqlite3.Cursor:
        """As ever; DothiError where it says what to do."""
        try:
            return super().executescript(sql_script)
        except sqlite3.DatabaseError as broken:
            raise self.meaning(broken) from broken

    def begin(self) -> None:
        """Begin a transaction that writes, on firm ground only."""
        if self.doubtful:
            self.settle()
        self.execute("BEGIN IMMEDIATE")

    def begin_doubtful(self) -> None:
        """Settle what the process before has left: what it could not flush is seen in the log all the same.

        Where that fails the file can be read, and the first write tries again.
        """
        try:
            self.settle()
        except Damaged:
            raise
        except Unavailable as unsettled:
            log.warning("%s is read only for now: %s", self.file, unsettled.detail)

    def settle(self) -> None:
        """Copy all of the log into the file, flush that, and begin the log anew; stays doubtful when it cannot.

        Unavailable then: what was acknowledged is safe, but nothing more may rest upon it.
        """
        self.doubtful = True
        busy = self.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise Unavailable(f"{self.file} is being read for long, and cannot be made safe: try again in a moment.")
        self.doubtful = False

    def meaning(self, broken: sqlite3.DatabaseError) -> Exception:
        """What is raised for an error of SQLite's; itself where it is a mistake of ours."""
        code = getattr(broken, "sqlite_errorcode", 0) & 0xFF
        self.doubtful = self.doubtful or code == sqlite3.SQLITE_IOERR
        if code not in _MEANINGS:
            return broken
        kind, words = _MEANINGS[code]
        return kind(words.format(file=self.file, error=broken))
