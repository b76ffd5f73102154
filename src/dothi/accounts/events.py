"""The register of accounts and vault: append-only, each line chained by hash to the one before it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from dothi.accounts.model import Event
from dothi.accounts.store import Connection, Database, Row
from dothi.ground.canonical import canonical
from dothi.ground.errors import Conflict

START = "0" * 64  # What the first line is chained to.
PAGE_MAX = 1000


class Kind(StrEnum):
    """What happened; screens name it from the catalogue under event.<kind>."""

    SIGNED_IN = "signed_in"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGN_IN_BLOCKED = "sign_in_blocked"
    SIGNED_OUT = "signed_out"
    USER_CREATED = "user_created"
    USER_CHANGED = "user_changed"
    USER_DISABLED = "user_disabled"
    USER_ENABLED = "user_enabled"
    CREDENTIAL_CHANGED = "credential_changed"
    LINK_MADE = "link_made"
    ORGANISATION_CREATED = "organisation_created"
    KEY_CREATED = "key_created"
    KEY_REVOKED = "key_revoked"
    IDENTITY_OPENED = "identity_opened"
    IDENTITY_SEARCHED = "identity_searched"
    IDENTITY_ERASED = "identity_erased"
    SECRET_REFUSED = "secret_refused"  # noqa: S105  # A state secret, and the name of an event.


def record(connection: Connection, event: Event) -> Event:
    """Append one line inside the caller's transaction; its `seq` is given here."""
    last = connection.execute("SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1").fetchone() or (0, START)
    row = (last[0] + 1, event.at, event.kind, event.actor, event.subject, event.reason, event.address)
    connection.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*row, _link(last[1], row)))
    return Event(*row)


@dataclass(frozen=True, slots=True)
class Sought:
    """Which lines: by who did it, about whom, from `start` until before `end` (µs), and before a number."""

    actor: str = ""
    subject: str = ""
    start: int = 0
    end: int = 0
    before: int = 0


def read_events(database: Database, sought: Sought = Sought()) -> list[Event]:
    """At most PAGE_MAX lines, newest first; what is empty or 0 in `sought` does not count."""
    rows = database.read(
        "SELECT seq, at, kind, actor, subject, reason, address FROM event"
        " WHERE ? IN ('', actor) AND ? IN ('', subject) AND at >= ?"
        " AND (? = 0 OR at < ?) AND (? = 0 OR seq < ?) ORDER BY seq DESC LIMIT ?",
        *(sought.actor, sought.subject, sought.start, sought.end, sought.end, sought.before, sought.before, PAGE_MAX),
    )
    return [Event(*row) for row in rows]


def head(database: Database) -> tuple[int, str]:
    """Number and hash of the last line. Kept elsewhere (printed, sent), it also shows lines cut off at the end."""
    last = database.read_one("SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1")
    return (last[0], last[1]) if last else (0, START)


def verify(database: Database, expected: tuple[int, str] = (0, START)) -> int:
    """Check the whole chain and return its number of lines; Conflict names the first line that does not fit.

    `expected` is a head kept from earlier: it must still be in the chain.
    """
    before, last, met = 0, START, expected == (0, START)
    while rows := _rows_after(database, before):
        for *row, found in rows:
            if row[0] != before + 1 or _link(last, row) != found:
                raise Conflict(f"The register of events was changed at or before line {row[0]}.", line=row[0])
            before, last = row[0], found
            met = met or (before, last) == expected
    if not met:
        raise Conflict(f"The register of events once had another line {expected[0]}.", line=expected[0])
    return before


def _rows_after(database: Database, seq: int) -> list[Row]:
    return database.read(
        "SELECT seq, at, kind, actor, subject, reason, address, hash FROM event WHERE seq > ? ORDER BY seq LIMIT ?",
        seq,
        PAGE_MAX,
    )


def _link(previous: str, row: Sequence[object]) -> str:
    return hashlib.sha256(previous.encode() + canonical(list(row))).hexdigest()
