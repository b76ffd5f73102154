"""Whether SQLite's files are whole: pages and indexes, the tables and triggers that must be there, and the digests."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from dothi.ground import digests
from dothi.hub.store.sqlite import schema
from dothi.hub.store.sqlite.store import SqliteStore

_FEW = 20  # Complaints of SQLite that are told.


def hub_faults(path: Path, empty: Path) -> Iterator[str]:
    """What is wrong with the file of a hub; `empty` is where a new one may be made, to be compared with."""
    SqliteStore(empty).close()
    yield from file_faults(path, _schema(empty), schema.DIGESTED)
    yield from _orphans(path)


def _orphans(path: Path) -> Iterator[str]:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            lost = connection.execute("SELECT eid FROM entity WHERE tid NOT IN (SELECT tid FROM tenant)").fetchmany(
                _FEW
            )
            yield from (f"entity {eid} is of no tenant" for (eid,) in lost)
    except sqlite3.Error as damaged:
        yield f"it is damaged: {damaged}"


def file_faults(path: Path, expected: dict[str, str], tables: Iterable[str]) -> Iterator[str]:
    """What is wrong with a file whose schema should be `expected` (name → SQL) and whose `tables` have digests."""
    try:
        yield from _looked_at(path, expected, list(tables))
    except (sqlite3.Error, ValueError, TypeError, OverflowError, UnicodeError) as damaged:
        yield f"it is damaged: {damaged}"


def schema_of(path: Path) -> dict[str, str]:
    """The tables, indexes and triggers of a file: name → SQL."""
    return _schema(path)


def _looked_at(path: Path, expected: dict[str, str], tables: list[str]) -> Iterator[str]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        said = [row[0] for row in connection.execute(f"PRAGMA integrity_check({_FEW})")]
        yield from (f"SQLite says: {line}" for line in said if line != "ok")
        found = dict(connection.execute(_SCHEMA).fetchall())
        yield from (f"{name} is missing" for name in sorted(expected.keys() - found.keys()))
        yield from (f"{name} does not belong there" for name in sorted(found.keys() - expected.keys()))
        both = expected.keys() & found.keys()
        yield from (f"{name} was made otherwise: {found[name][:80]}" for name in both if found[name] != expected[name])
        yield from digests.faults(connection, tables)


_ORPHANS = "SELECT eid FROM entity WHERE tid NOT IN (SELECT tid FROM tenant)"
_SCHEMA = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"


def _schema(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return dict(connection.execute(_SCHEMA).fetchall())
