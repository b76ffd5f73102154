"""Which version a hub's file is of, and bringing it to this one: looked at without touching it, each step whole or not.

Before the first step the file is copied beside itself (hub.db.v3), and a note says what is under way. Who dies between
two steps leaves the note: nobody serves the file then, and `dothi migrate` goes on where it stands.
"""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from dothi.ground.errors import Full, Invalid
from dothi.hub.store.sqlite import schema, telling

WHAT = {
    2: "lanes of events get rows of their own",
    3: "an outbox for what is owed to others",
    4: "pages beside the log, and positions kept apart from it",
    5: "digests of the tables that nothing else proves",
}
MADE = {  # What each version adds: a file that lacks one of its own, or has one of a later version, is half migrated.
    1: {"tenant", "kind", "entity", "log", "receipt", "cursor", "timer"},
    2: {"event"},
    3: {"parcel", "tally"},
    4: {"page", "position"},
    5: {"digest"},
}
_COUNTED = ("entity", "log", "receipt", "timer")


class Older(Invalid):
    """A file of a version before this one, with nothing else wrong."""


class Plan(NamedTuple):
    """What a migration would do, or did."""

    found: int  # The version found; 0 when there is no file yet.
    wanted: int
    rows: dict[str, int]  # Of the larger tables.
    steps: list[str]
    copy: str  # Where the file is kept as it was; "" when nothing is to be done.


def look(path: Path) -> Plan:
    """The plan for a file; nothing is touched. Invalid when it is foreign, newer, damaged or half migrated."""
    found, rows = _look(path, _COUNTED)
    steps = [_step(number) for number in range(found + 1, schema.VERSION + 1)] if found else []
    return Plan(found, schema.VERSION, rows, steps, str(_copy_of(path, _began(path) or found)) if steps else "")


def _step(number: int) -> str:
    return f"{number - 1} → {number}: {WHAT[number]}"


def demand(path: Path) -> None:
    """Let nobody open a file that is not of this version. Invalid says what to do; nothing is touched."""
    found, _ = _look(path, ())
    if found in (0, schema.VERSION):
        return
    began = _began(path)
    if began:
        raise Invalid(
            f"A migration of {path} from version {began} to {schema.VERSION} was interrupted at version {found}: "
            f"run `dothi migrate` to go on. What was before is kept as {_copy_of(path, began).name}."
        )
    raise Older(f"{path} is of store version {found}, this dothi needs {schema.VERSION}: run `dothi migrate`.")


def migrate(path: Path, told: Callable[[str], None] = lambda step: None) -> Plan:
    """Bring a file to this version; returns what was done. To be called by who holds the folder.

    Full when there is no room for the copy.
    """
    plan = look(path)
    if plan.steps:
        began = _began(path) or plan.found
        if not _copy_of(path, began).exists():
            _copy(path, _copy_of(path, began))
        _note(path).write_text(json.dumps({"from": began, "to": schema.VERSION}), "ascii")
        _flush(path.parent)
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            for number in range(plan.found + 1, schema.VERSION + 1):
                connection.executescript(f"BEGIN; {schema.LATER[number]} PRAGMA user_version = {number}; COMMIT;")
                told(_step(number))
    _note(path).unlink(missing_ok=True)
    return plan


def _look(path: Path, counted: Iterable[str]) -> tuple[int, dict[str, int]]:
    """The version, and how many rows there are; read so that not even a lock file comes to be beside it."""
    if not path.exists() or path.stat().st_size == 0:
        return 0, {}
    log = path.with_name(f"{path.name}-wal")
    how = "mode=ro" if log.exists() and log.stat().st_size else "immutable=1"
    where = f"{path.resolve().as_uri()}?{how}"
    with closing(sqlite3.connect(where, uri=True, timeout=10, factory=telling.Connection)) as connection:
        connection.file = str(path)
        marked = connection.execute("PRAGMA application_id").fetchone()[0]
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        found = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        tables = {name for name in found if not name.startswith("sqlite_")}
        _prove(path, marked, version, tables)
        named = [name for name in counted if name in tables]
        rows = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in named}
    return version, rows


def _prove(path: Path, marked: int, version: int, tables: set[str]) -> None:
    if not tables and not version:
        return  # Made and left before the first table: as good as new.
    if marked != schema.APPLICATION_ID:
        raise Invalid(f"{path} is not a file of dothi: choose another data folder.")
    if version > schema.VERSION:
        raise Invalid(f"{path} was written by a newer dothi (store version {version}): upgrade dothi.")
    lacking = {name for number in range(1, version + 1) for name in MADE[number]} - tables
    early = {name for number in range(version + 1, schema.VERSION + 1) for name in MADE[number]} & tables
    if lacking or early or not version:
        why = f"lacks {', '.join(sorted(lacking))}" if lacking else f"holds {', '.join(sorted(early))} of a later one"
        raise Invalid(
            f"{path} is half migrated (version {version} {why}): nothing was touched; restore it from a backup."
        )


def _began(path: Path) -> int:
    """The version from which a migration that was not ended began; 0 when there is none."""
    try:
        return int(json.loads(_note(path).read_text("ascii"))["from"])
    except FileNotFoundError:
        return 0
    except (ValueError, KeyError, TypeError):
        raise Invalid(f"{_note(path)} cannot be read: restore {path.name} from a backup.") from None


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.migrating")


def _copy_of(path: Path, version: int) -> Path:
    return path.with_name(f"{path.name}.v{version}")


def _copy(path: Path, target: Path) -> None:
    """A whole copy with all that its log holds, flushed; it takes its name when it is whole."""
    size = path.stat().st_size
    if shutil.disk_usage(path.parent).free < 2 * size:
        raise Full(f"There is no room for a copy of {path} ({size:,} bytes): free some, then migrate again.")
    draft = target.with_name(f"{target.name}.part")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(draft)) as copy:
        source.backup(copy, pages=-1)
        copy.execute("PRAGMA journal_mode = DELETE")
    with draft.open("rb") as stream:
        os.fsync(stream.fileno())
    draft.rename(target)
    _flush(target.parent)


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
