"""`dothi backup`: one backup of a city beside its running server; what lies at the place already does not travel again.

Chunks and files first, the manifest last: a backup that was killed is none, and the next one finds what it had brought.
"""

import contextlib
import fcntl
import json
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from dothi import __version__
from dothi.command.keeping import dumping, gone, manifest, prune, sealing, snapshot
from dothi.command.keeping.chunks import Chunks, read_chunk
from dothi.command.keeping.manifest import FORMAT, Image, Manifest, Position
from dothi.command.keeping.snapshot import HUB, TREES, Kept
from dothi.ground.clock import now_us
from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.ground.places import Place

CITY = "city.json"  # At the place: which city it belongs to.
NOTES = "backups.ndjson"  # In the data folder: a line for each backup and each drill, for pages and assessors.
_ID = "hub/backup.id"


class Wanted(msgspec.Struct, frozen=True):
    """What the operator chose for a backup."""

    store: str = ""  # URL of the database, "" for the file in the folder.
    keep: prune.Policy | None = None
    password: str = ""  # Seals the keys into the backup; "" leaves them out of it.


def backup(data: Path, place: Place, wanted: Wanted = Wanted()) -> Manifest:
    """Back a city up. Missing when there is no city, Conflict when the place is another city's or a backup runs."""
    if not (data / HUB).is_file() and not (wanted.store and data.is_dir()):
        raise Missing(f"There is no city in {data}: name its data folder with --data.")
    with _alone(data):
        _belongs(data, place)
        return _backup(data, place, wanted)


def _backup(data: Path, place: Place, wanted: Wanted) -> Manifest:
    began, at = time.monotonic(), now_us()
    before = _before(place)
    chunks = Chunks(place, _known(before))
    with snapshot.room_for_copies(data) as room:
        images, position = _images(chunks, data, room, wanted.store)
    listed = {name: _listed(place, before, name) for name in TREES}
    trees = [tree for name in TREES if (tree := snapshot.copy_tree(chunks, data, name, listed[name]))]
    made = Manifest(
        FORMAT,
        __version__,
        at,
        position,
        "postgresql" if wanted.store else "sqlite",
        images,
        trees,
        chunks.travelled,
        round(time.monotonic() - began, 3),
        keys=sealing.keep(place, snapshot.keys(data), wanted.password) if wanted.password else "",
    )
    gone.remember(place, data, wanted.store)  # First: no backup stands without what must not come back with it.
    digest = manifest.write(place, made)
    if wanted.keep:
        prune.prune(place, wanted.keep, at)
    note(data, {"kind": "backup", "at": at, "seq": position.seq, "place": place.address, "manifest": made.name,
                "sha256": digest, "bytes": made.new_bytes, "seconds": made.seconds})  # fmt: skip
    return made


def _images(chunks: Chunks, data: Path, room: Path, store: str) -> tuple[list[Image], Position]:
    """A consistent copy of each file that changes, the hub's first; and where the hub stood in its copy."""
    images, position = [], None
    if store:
        image, position = dumping.copy_out(chunks, store, room)
        images.append(image)
    for name in snapshot.changing(data):
        image, draft = snapshot.copy_image(chunks, data, name, room)
        images.append(image)
        if name == HUB and not store:
            position = look(draft)
        draft.unlink()
    if position is None:
        raise Invalid(f"{data / HUB} went while it was copied.")
    return images, position


def look(database: Path) -> Position:
    """Where a hub's file stands, and how much is in it."""
    with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        seq, known = connection.execute("SELECT coalesce(max(seq), 0), coalesce(max(at), 0) FROM log").fetchone()
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")}
        if "position" in tables:
            seq, known = connection.execute("SELECT seq, at FROM position").fetchone()
        counts = {name: connection.execute(asked).fetchone()[0] for name, asked in COUNTED.items()}
    return Position(seq, known, version, counts)


COUNTED = {
    "entities": "SELECT count(*) FROM entity WHERE doc IS NOT NULL",
    "rows of entities": "SELECT count(*) FROM entity",
    "commits in the hot log": "SELECT count(*) FROM log",
}


def note(data: Path, line: dict[str, Any]) -> None:
    """Append a line to the notes of backups and drills."""
    with (data / NOTES).open("a", encoding="utf-8") as out:
        out.write(json.dumps(line, ensure_ascii=False) + "\n")


def _before(place: Place) -> Manifest | None:
    with contextlib.suppress(Missing):
        return manifest.newest(place)
    return None


def _known(before: Manifest | None) -> set[str]:
    if before is None:
        return set()
    lists = (digest for tree in before.trees for listed in tree.lists.values() for digest in listed)
    return {*(digest for image in before.images for digest in image.chunks), *lists}


def _listed(place: Place, before: Manifest | None, name: str) -> dict[str, Kept]:
    """The files of a tree as the backup before knew them."""
    tree = next((one for one in before.trees if one.name == name), None) if before else None
    hashes = (digest for listed in tree.lists.values() for digest in listed) if tree else ()
    found = (one for digest in hashes for one in msgspec.json.decode(read_chunk(place, digest), type=list[Kept]))
    return {one.path: one for one in found}


def _belongs(data: Path, place: Place) -> None:
    """Two cities in one place would prune each other's backups."""
    mine = _identity(data)
    try:
        theirs = json.loads(place.read(CITY))["city"]
    except Missing:
        place.write(CITY, json.dumps({"city": mine}).encode())
        return
    except (ValueError, KeyError, TypeError) as broken:
        raise Invalid(f"{place.address}/{CITY} is not what dothi wrote: choose another place.") from broken
    if theirs != mine:
        raise Conflict(f"{place.address} holds the backups of another city: choose another place for this one.")


def _identity(data: Path) -> str:
    path = data / _ID
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(secrets.token_hex(8), "ascii")
    return path.read_text("ascii").strip()


@contextlib.contextmanager
def _alone(data: Path) -> Iterator[None]:
    """One backup of a city at a time."""
    with (data / "backup.lock").open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Conflict(f"Another backup of {data} is under way: let it finish.") from None
        handle.write(f"{os.getpid()}\n")
        yield
