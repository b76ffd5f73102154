"""The register of events: append-only, and a change of the past shows."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from dothi.accounts.events import START, Kind, Sought, head, read_events, record, verify
from dothi.accounts.model import Event
from dothi.accounts.store import Accounts
from dothi.ground.errors import Conflict

FILE = "accounts.db"


def fill(accounts: Accounts, count: int = 5) -> None:
    async def story() -> None:
        for at in range(1, count + 1):
            line = Event(0, at, Kind.SIGNED_IN, f"user:{at % 2}", "x", "why", "10.0.0.1")
            await accounts.database.write(lambda connection, line=line: record(connection, line))

    asyncio.run(story())


def tamper(folder: Path, *statements: str) -> None:
    """What somebody with the file can do who knows about the triggers."""
    connection = sqlite3.connect(folder / FILE)
    connection.create_function("dothi_digest", -1, lambda total, *_: total)
    for statement in ("DROP TRIGGER event_stays", "DROP TRIGGER event_kept", *statements):
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_chain_holds(accounts: Accounts) -> None:
    """An untouched register is verified to its last line, also when it is longer than one page of reading."""
    assert head(accounts.database) == (0, START)
    assert verify(accounts.database) == 0
    fill(accounts, 5)
    middle = head(accounts.database)
    fill(accounts, 1100)
    assert verify(accounts.database, middle) == 1105


@pytest.mark.parametrize("statement", ["UPDATE event SET reason = 'other'", "DELETE FROM event WHERE seq = 1"])
def test_append_only(accounts: Accounts, statement: str) -> None:
    """No line can be changed or deleted by a slip."""
    fill(accounts)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        asyncio.run(accounts.database.write(lambda connection: connection.execute(statement)))
    assert verify(accounts.database) == 5


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("UPDATE event SET reason = 'other' WHERE seq = 3", 3),
        ("UPDATE event SET at = 9 WHERE seq = 5", 5),
        ("UPDATE event SET actor = 'x', subject = 'user:0' WHERE seq = 4", 4),
        ("DELETE FROM event WHERE seq = 2", 3),
        ("DELETE FROM event WHERE seq = 1", 2),
        ("UPDATE event SET seq = seq + 10 WHERE seq > 3", 14),
    ],
)
def test_change_shows(accounts: Accounts, tmp_path: Path, statement: str, line: int) -> None:
    """A line changed, moved or taken out of the file by hand is found, with its number."""
    fill(accounts)
    tamper(tmp_path, statement)
    with pytest.raises(Conflict) as found:
        verify(accounts.database)
    assert found.value.fields == {"line": line}


def test_cut_off_end(accounts: Accounts, tmp_path: Path) -> None:
    """Lines cut off at the end show against a head that was kept elsewhere."""
    fill(accounts)
    kept = head(accounts.database)
    tamper(tmp_path, "DELETE FROM event WHERE seq > 3")
    assert verify(accounts.database) == 3
    with pytest.raises(Conflict):
        verify(accounts.database, kept)


def test_reading(accounts: Accounts) -> None:
    """Events are found by who and when, newest first, and paged by number."""
    fill(accounts)
    found = [event.seq for event in read_events(accounts.database)]
    assert found == [5, 4, 3, 2, 1]
    assert [event.seq for event in read_events(accounts.database, Sought(actor="user:1"))] == [5, 3, 1]
    assert [event.seq for event in read_events(accounts.database, Sought(subject="x", start=2, end=4))] == [3, 2]
    assert [event.seq for event in read_events(accounts.database, Sought(before=3))] == [2, 1]


def test_failed_transaction_leaves_no_line(accounts: Accounts) -> None:
    """A line stands exactly when what it tells of happened."""

    def work(connection: sqlite3.Connection) -> None:
        record(connection, Event(0, 1, Kind.SIGNED_IN, "x"))
        raise Conflict("no")

    with pytest.raises(Conflict):
        asyncio.run(accounts.database.write(work))
    assert read_events(accounts.database) == []
