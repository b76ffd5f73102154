"""Which version a file of accounts or of the vault is of: looked at without touching it, and brought to this one.

Version 1 carried no number: the tables alone. Version 2 has digests beside them and says what it is.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from dothi.ground import digests
from dothi.ground.errors import Damaged, Invalid, Unavailable

APPLICATION_ID = 0x646F6163  # "doac"
VERSION = 2
LATER = {2: digests.SCHEMA_IF_NEW}
WHAT = {2: "digests of the tables, and a number that says which version it is"}
_MARK = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"
_OURS = {"accounts": {"user", "session", "event"}, "vault": {"person", "erasure", "proof"}}


def version_of(path: Path) -> int:
    """The version of a file, 0 when it holds nothing yet. Invalid when it is foreign or newer; nothing is touched."""
    if not path.exists() or path.stat().st_size == 0:
        return 0
    with reading(path) as connection:
        marked = connection.execute("PRAGMA application_id").fetchone()[0]
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return 0
    ours = _OURS.get(path.stem, set())
    if marked not in (0, APPLICATION_ID) or not ours <= tables:
        raise Invalid(f"{path} is not a file of dothi: choose another data folder.")
    if version > VERSION:
        raise Invalid(f"{path} was written by a newer dothi (version {version}): upgrade dothi.")
    return version or 1


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that leaves nothing beside the file. Invalid, Damaged or Unavailable when it cannot be read."""
    log = path.with_name(f"{path.name}-wal")
    how = "mode=ro" if log.exists() and log.stat().st_size else "immutable=1"
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?{how}", uri=True, timeout=10)) as connection:
            yield connection
    except sqlite3.OperationalError as fault:
        raise Unavailable(f"{path} cannot be read ({fault}): look at the folder and its rights.") from fault
    except sqlite3.DatabaseError as broken:
        if broken.sqlite_errorcode == sqlite3.SQLITE_CORRUPT:
            raise Damaged(f"{path} is damaged ({broken}): bring the last backup back with `dothi restore`.") from broken
        raise Invalid(f"{path} is not a file of dothi ({broken}): choose another data folder.") from broken


def migrate(path: Path) -> int:
    """Bring a file to this version in one transaction; returns the version that it had."""
    found = version_of(path)
    if found < VERSION and found:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.executescript(f"BEGIN; {LATER[2]} {_MARK} COMMIT;")
    return found


def mark(connection: sqlite3.Connection) -> None:
    """Say in a file that was just made which version it is."""
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        connection.executescript(f"BEGIN; {_MARK} COMMIT;")
