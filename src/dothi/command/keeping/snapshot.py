"""What of a data folder is kept, and in which order: what refers to something is copied before what it refers to.

The hub's state and log come first, then the files and the cold history that they name, then the vault whose people they
name, then the accounts: so nothing in a backup points at what is not there. A database is copied by SQLite's online
backup in one step: whole commits only, beside a running server. Keys (*.key) are never among them.
"""

import contextlib
import hashlib
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from dothi.command.keeping.chunks import Chunks, image_of
from dothi.command.keeping.manifest import Image, Tree
from dothi.ground.errors import Invalid, Unavailable

HUB = "hub/hub.db"
VAULT, ACCOUNTS = "vault.db", "accounts.db"
TREES = ("hub/files", "hub/archive")  # Photos and documents; history that was sealed.
KEY = ".key"
_FIRST, _LAST = (HUB,), (VAULT, ACCOUNTS)
_PASSING = {"running.json", "lock", "position", "backup.lock", "backups.ndjson", "held"}  # Of this machine and run.
_ENDS = (".part", "-wal", "-shm", "-journal", ".sock", KEY)
_MAGIC = b"SQLite format 3\0"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_DRAFT = ".snapshot-"
_TRIES = 5


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """A line of a tree's list: a file that never changes."""

    path: str  # Below the tree.
    size: int
    changed: int  # ns, as the file system says: a file that was hashed once is not hashed again.
    sha256: str


def changing(data: Path) -> list[str]:
    """The files that a backup copies as images, in their order, by path below the data folder."""
    found = {str(path.relative_to(data)) for path in _walk(data, data) if not _in_tree(data, path)}
    ends = [name for name in (*_FIRST, *_LAST) if name in found]
    return [*ends[: len(_FIRST)], *sorted(found.difference(ends)), *ends[len(_FIRST) :]]


def is_database(path: Path) -> bool:
    """Whether a file is one of SQLite."""
    with path.open("rb") as stream:
        return stream.read(len(_MAGIC)) == _MAGIC


def copy_image(chunks: Chunks, data: Path, name: str, room: Path) -> tuple[Image, Path]:
    """Keep a consistent copy of a file; its image, and the copy in `room`, which the caller takes away."""
    draft = room / name.replace("/", "_")
    if is_database(data / name):
        copy_database(data / name, draft)
    else:
        shutil.copyfile(data / name, draft)
    return image_of(chunks, draft, name), draft


def copy_database(source: Path, target: Path) -> None:
    """A whole, consistent copy of an SQLite file that others may be writing; flushed. Invalid when it is damaged."""
    target.touch(mode=0o600)
    try:
        with closing(_reading(source)) as given, closing(sqlite3.connect(target)) as taken:
            given.backup(taken, pages=-1)
            taken.execute("PRAGMA journal_mode = DELETE")  # One file, without a log beside it.
    except sqlite3.DatabaseError as broken:
        if isinstance(broken, sqlite3.OperationalError):
            raise OSError(f"{source} cannot be copied: {broken}.") from broken
        raise Invalid(f"{source} cannot be copied: {broken}.") from broken


def copy_tree(chunks: Chunks, data: Path, name: str, before: dict[str, Kept]) -> Tree | None:
    """Keep a folder of files that never change; None when there is no such folder.

    Files that go while they are walked (merged, disposed of) have others in their place: it is walked again.
    """
    folder = data / name
    if not folder.is_dir():
        return None
    for _ in range(_TRIES):
        stood = _index(folder)
        with contextlib.suppress(FileNotFoundError):
            made = _copied_tree(chunks, folder, name, before)
            if _index(folder) == stood:
                return made
    raise Unavailable(f"{folder} changes faster than it can be copied: try again in a while.")


def _index(folder: Path) -> list[str]:
    """What says which files of a table count: as long as it stands, none of them goes."""
    return sorted(str(path) for path in folder.glob("**/_delta_log/*") if path.suffix != ".part")


def _copied_tree(chunks: Chunks, folder: Path, name: str, before: dict[str, Kept]) -> Tree:
    parts: dict[str, list[Kept]] = {}
    for path in sorted(_walk(folder, folder)):
        if is_database(path):
            continue  # A catalogue: an image of its own.
        one = _kept(folder, path, before)
        chunks.keep_file(path, one.sha256)
        parts.setdefault(one.path[:2] if "/" in one.path else "", []).append(one)
    lists = {part: chunks.keep_all([msgspec.json.encode(listed)]) for part, listed in parts.items()}
    everything = [one for listed in parts.values() for one in listed]
    return Tree(name, len(everything), sum(one.size for one in everything), lists)


def _kept(folder: Path, path: Path, before: dict[str, Kept]) -> Kept:
    name, stat = str(path.relative_to(folder)), path.stat()
    known = before.get(name)
    if known is not None and (known.size, known.changed) == (stat.st_size, stat.st_mtime_ns):
        return known
    if _DIGEST.fullmatch(path.name):
        return Kept(name, stat.st_size, stat.st_mtime_ns, path.name)
    with path.open("rb") as stream:
        return Kept(name, stat.st_size, stat.st_mtime_ns, hashlib.file_digest(stream, "sha256").hexdigest())


def keys(data: Path) -> dict[str, bytes]:
    """The keys of a city by path below its folder: kept apart, or sealed under a passphrase."""
    return {str(path.relative_to(data)): path.read_bytes() for path in sorted(data.rglob(f"*{KEY}"))}


@contextlib.contextmanager
def room_for_copies(data: Path) -> Iterator[Path]:
    """A folder for the copies, on the city's own disk and readable by this user only; gone afterwards."""
    for left in data.glob(f"{_DRAFT}*"):  # Of a backup that was killed.
        shutil.rmtree(left, ignore_errors=True)
    where = data if os.access(data, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix=_DRAFT, dir=where) as made:
        yield Path(made)


def _walk(folder: Path, data: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(data).parts)
        if not hidden and path.is_file() and path.name not in _PASSING and not path.name.endswith(_ENDS):
            yield path


def _in_tree(data: Path, path: Path) -> bool:
    return any(path.is_relative_to(data / tree) for tree in TREES) and not is_database(path)


def _reading(path: Path) -> sqlite3.Connection:
    """A connection that only reads."""
    if not path.is_file():
        raise Invalid(f"{path} is missing.")
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
    connection.execute("PRAGMA busy_timeout = 10000")
    return connection
