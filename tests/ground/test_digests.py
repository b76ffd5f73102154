"""A row that was changed, added or removed by other hands than dothi's is found by its table's digest."""

import random
import sqlite3
from pathlib import Path

import pytest

from dothi.ground import digests

TABLES = ("lamp", "pole")
SCHEMA = (
    "CREATE TABLE lamp (id TEXT PRIMARY KEY, watt INTEGER, lux REAL, note BLOB) STRICT, WITHOUT ROWID;"
    "CREATE TABLE pole (one INTEGER PRIMARY KEY, text TEXT UNIQUE);"
)


@pytest.fixture
def lamps(tmp_path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(tmp_path / "lamps.db", isolation_level=None)
    connection.executescript(SCHEMA + "INSERT INTO pole VALUES (1, 'old');" + digests.SCHEMA)
    digests.watch(connection, TABLES)
    return connection


def test_whatever_dothi_writes_the_digests_fit(lamps: sqlite3.Connection) -> None:
    """Random inserts, replacements, updates, removals and rollbacks leave digests that fit."""
    chance = random.Random(5)
    for _ in range(400):
        name, number = f"lamp {chance.randrange(30)}", chance.randrange(100)
        lamps.execute("BEGIN")
        for sql, values in chance.sample(
            [
                ("INSERT OR REPLACE INTO lamp VALUES (?,?,?,?)", (name, number, number / 3, b"x" * (number % 7))),
                ("UPDATE lamp SET watt=watt+1, note=NULL WHERE id<?", (name,)),
                ("DELETE FROM lamp WHERE id=?", (name,)),
                ("INSERT INTO lamp VALUES (?,1,NULL,NULL) ON CONFLICT DO NOTHING", (name,)),
                ("INSERT OR REPLACE INTO pole (text) VALUES (?)", (name,)),
            ],
            2,
        ):
            lamps.execute(sql, values)
        lamps.execute(chance.choice(["COMMIT", "COMMIT", "ROLLBACK"]))
    assert lamps.execute("SELECT count(*) FROM lamp").fetchone()[0] > 3
    assert list(digests.faults(lamps, TABLES)) == []


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE lamp SET watt = 61 WHERE id='a'", "lamp was changed"),
        ("UPDATE lamp SET lux = lux + 1e-9 WHERE id='a'", "lamp was changed"),
        ("UPDATE lamp SET id='b'", "lamp was changed"),
        ("DELETE FROM lamp", "0 rows, 1 were written"),
        ("INSERT INTO pole VALUES (2, 'x')", "2 rows, 1 were written"),
        ("UPDATE digest SET rows = 3 WHERE name='pole'", "pole was changed"),
        ("UPDATE digest SET sum = x'00' WHERE name='lamp'", "lamp was changed"),
        ("DELETE FROM digest WHERE name='lamp'", "lamp has no digest"),
        ("DELETE FROM digest WHERE name=''", "lost its key"),
        ("UPDATE digest SET rows=1 WHERE name=''", "lost its key"),
        ("UPDATE digest SET sum = zeroblob(32) WHERE name=''", "lamp was changed"),
        ("INSERT INTO digest VALUES ('other', 0, x'')", "'other', which is none"),
    ],
)
def test_other_hands_are_found(lamps: sqlite3.Connection, tmp_path: Path, sql: str, said: str) -> None:
    """Any change by a connection without the function, triggers put aside, is told of; opening again mends nothing."""
    lamps.execute("INSERT INTO lamp VALUES ('a', 60, 800.5, NULL)")
    other = sqlite3.connect(tmp_path / "lamps.db", isolation_level=None)
    kept = [row[0] for row in other.execute("SELECT sql FROM sqlite_master WHERE type='trigger'")]
    if " digest " not in sql.replace("INTO digest", " digest "):
        with pytest.raises(sqlite3.OperationalError, match="no such function"):
            other.execute(sql)
    for (name,) in other.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall():
        other.execute(f"DROP TRIGGER {name}")
    other.execute(sql)
    for trigger in kept:
        other.execute(trigger)
    digests.watch(lamps, TABLES)
    assert any(said in fault for fault in digests.faults(other, TABLES))
