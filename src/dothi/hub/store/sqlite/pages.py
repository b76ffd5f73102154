"""Numbered bytes that the rooms of the hub keep beside the log in SQLite: proofs, salts, seals."""

import sqlite3
from collections.abc import Iterable

from dothi.hub.store.port import Page

SCHEMA = """
CREATE TABLE page (book TEXT, number INTEGER, body BLOB NOT NULL, PRIMARY KEY (book, number)) WITHOUT ROWID;
"""


def write(connection: sqlite3.Connection, pages: Iterable[Page]) -> None:
    """Keep pages, and remove those without a body."""
    for book, number, body in pages:
        if body is None:
            connection.execute("DELETE FROM page WHERE book=? AND number=?", (book, number))
        else:
            connection.execute("INSERT OR REPLACE INTO page VALUES (?,?,?)", (book, number, body))


def one(connection: sqlite3.Connection, book: str, number: int) -> bytes | None:
    """A page's bytes."""
    row = connection.execute("SELECT body FROM page WHERE book=? AND number=?", (book, number)).fetchone()
    return row[0] if row else None


def after(connection: sqlite3.Connection, book: str, number: int, limit: int) -> list[tuple[int, bytes]]:
    """Pages of a book with a higher number, in order."""
    found = connection.execute(
        "SELECT number, body FROM page WHERE book=? AND number>? ORDER BY number LIMIT ?", (book, number, limit)
    )
    return found.fetchall()
