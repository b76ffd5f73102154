"""Digests of tables: a number kept beside each table that no longer fits once a row was changed behind dothi's back.

The digest of a table is the sum (mod 2^128) of a keyed hash of each row. So it is kept up by adding the new row's hash
and taking the old row's away, whatever the order; triggers do so within the transaction that changes the row. A row
that was changed, added or removed by other means (a flipped bit, an editor without the function of the triggers) is
found by adding up the table again. The key lies in the same file: this finds faults and hasty hands. Whoever can run
code of dothi over the file can make it fit again; against them stands the log's tree with a checkpoint kept elsewhere.
"""

import hashlib
import secrets
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Protocol

import msgspec

SCHEMA = "CREATE TABLE digest (name TEXT PRIMARY KEY, rows INTEGER NOT NULL, sum BLOB NOT NULL) WITHOUT ROWID;\n"
SCHEMA_IF_NEW = SCHEMA.replace("TABLE", "TABLE IF NOT EXISTS", 1)
FUNCTION = "dothi_digest"
_KEY_ROW = ""  # The row that holds the key.
_KEY = 32
_SUM = 16
_MODULUS = 1 << (8 * _SUM)
_encode = msgspec.msgpack.Encoder().encode


class Connection(Protocol):
    """What is needed of a connection to SQLite."""

    def execute(self, sql: str, values: Any = (), /) -> Any:
        """Run a statement."""

    def create_function(self, name: str, narg: int, func: Any, /, *, deterministic: bool = False) -> None:
        """Give the connection a function."""


def watch(connection: Connection, tables: Iterable[str]) -> None:
    """Let a connection write to tables with digests; the first time on a file the digests and their triggers are made.

    A file in which digests were made keeps those: one that was removed is missed by faults(), not made again.
    """
    connection.execute("PRAGMA recursive_triggers = ON")  # So that a row that is replaced is taken away first.
    if connection.execute("SELECT count(*) FROM digest").fetchone()[0] == 0:
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("SELECT count(*) FROM digest").fetchone()[0] == 0:  # Nobody else was quicker.
            key = secrets.token_bytes(_KEY)
            connection.execute("INSERT INTO digest VALUES (?, 0, ?)", (_KEY_ROW, key))
            for table in tables:
                begin(connection, table, key)
        connection.execute("COMMIT")
    row = connection.execute("SELECT sum FROM digest WHERE name=?", (_KEY_ROW,)).fetchone()
    connection.create_function(FUNCTION, -1, partial(_moved, row[0] if row else b""), deterministic=True)


def tables(connection: Connection) -> list[str]:
    """Every table of a file but that of the digests."""
    found = connection.execute("SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite%'")
    return sorted(name for (name,) in found if name != "digest")


def begin(connection: Connection, table: str, key: bytes) -> None:
    """Add a table up and keep its digest from now on; for a migration that made the table or gave it a column."""
    count, total = _added(connection, table, key)
    connection.execute("INSERT OR REPLACE INTO digest VALUES (?,?,?)", (table, count, total))
    for name, sql in triggers(table, _columns(connection, table)).items():
        connection.execute(f"DROP TRIGGER IF EXISTS {name}")
        connection.execute(sql)


def triggers(table: str, columns: list[str]) -> dict[str, str]:
    """The statements that keep a table's digest, by the trigger's name."""
    new = ", ".join(f'NEW."{column}"' for column in columns)
    old = new.replace("NEW.", "OLD.")
    sums = {
        "INSERT": (1, f"{FUNCTION}(sum, 1, '{table}', {new})"),
        "DELETE": (-1, f"{FUNCTION}(sum, -1, '{table}', {old})"),
        "UPDATE": (0, f"{FUNCTION}({FUNCTION}(sum, -1, '{table}', {old}), 1, '{table}', {new})"),
    }
    return {
        f"digest_{table}_{event.lower()}": (
            f"CREATE TRIGGER digest_{table}_{event.lower()} AFTER {event} ON {table}"  # noqa: S608
            f" BEGIN UPDATE digest SET rows = rows + {more}, sum = {total} WHERE name = '{table}'; END"
        )
        for event, (more, total) in sums.items()
    }


def faults(connection: Connection, tables: Iterable[str]) -> Iterator[str]:
    """A sentence for each table that does not fit its digest, or has none; for a connection that need not write."""
    kept = {name: (rows, total) for name, rows, total in connection.execute("SELECT name, rows, sum FROM digest")}
    none, key = kept.pop(_KEY_ROW, (0, None))
    if none != 0 or not isinstance(key, bytes) or len(key) != _KEY:
        yield "the table digest has lost its key: no table can be judged by its digest"
        return
    expected = list(tables)
    for table in expected:
        if table not in kept:
            yield f"the table {table} has no digest any more"
            continue
        count, total = _added(connection, table, key)
        if (count, total) != kept[table]:
            more = f" ({count:,} rows, {kept[table][0]:,} were written)" if count != kept[table][0] else ""
            yield f"the table {table} was changed by other hands than dothi's{more}"
    yield from (f"the table digest tells of {name!r}, which is none" for name in kept if name not in expected)


def _added(connection: Connection, table: str, key: bytes) -> tuple[int, bytes]:
    """How many rows a table has, and the sum of their hashes."""
    columns = ", ".join(f'"{column}"' for column in _columns(connection, table))
    count, total = 0, 0
    for row in connection.execute(f"SELECT {columns} FROM {table}"):  # noqa: S608  # Names of our own schema.
        count += 1
        total += _hash(key, (table, *row))
    return count, (total % _MODULUS).to_bytes(_SUM)


def _columns(connection: Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def _moved(key: bytes, before: bytes, sign: int, *row: object) -> bytes:
    """The sum after a row was added (sign 1) or taken away (-1)."""
    return ((int.from_bytes(before) + sign * _hash(key, row)) % _MODULUS).to_bytes(_SUM)


def _hash(key: bytes, row: tuple[object, ...]) -> int:
    return int.from_bytes(hashlib.blake2b(_encode(row), digest_size=_SUM, key=key).digest())
