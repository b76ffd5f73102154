"""`dothi drill`: proves that the newest backup gives a city back, and measures what would be lost and for how long.

What is compared: the hash of every chunk and image on the way, SQLite's own check of every page, how much the copy held
(commits, entities) against what the manifest says, and the fingerprint of the city read through the hub against that
of a city built anew from nothing but its log.
"""

import asyncio
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

import msgspec

from dothi.command.keeping import dumping, manifest
from dothi.command.keeping.backup import look
from dothi.command.keeping.manifest import Manifest, Position
from dothi.command.keeping.restore import Asked, restore
from dothi.command.keeping.snapshot import HUB, is_database
from dothi.ground.clock import SECOND, now_us
from dothi.ground.errors import Invalid
from dothi.ground.places import Place
from dothi.hub.access import Open
from dothi.hub.core import Hub, load


class Drilled(msgspec.Struct, frozen=True):
    """What a drill found."""

    manifest: str
    at: int  # µs: when it was held.
    rpo: float  # Seconds of work that would be lost now: the age of what the newest backup holds.
    rto: float  # Seconds until a restored city could be served.
    proof: float  # Seconds for the comparison after that.
    seq: int
    counts: dict[str, int]
    sha256: str  # Of the city as its log tells it; equal to what its state tells.
    bytes: int  # Of all images and files restored.
    erased: int


def drill(place: Place, store: str = "", password: str = "", room: Path | None = None) -> Drilled:
    """Restore the newest backup into an empty place and prove it. Invalid says what is not as it must be.

    For a database `store` is the URL of an empty one, which is filled and left to its owner.
    """
    began, at = time.monotonic(), now_us()
    newest = manifest.newest(place)
    with tempfile.TemporaryDirectory(prefix="dothi-drill-", dir=room) as made:
        folder = Path(made) / "city"
        restored = restore(place, folder, Asked(store=store, password=password))
        asyncio.run(Hub(folder / "hub", Open(), store).close())
        rto = time.monotonic() - began
        counts = _counted(newest, folder, store, restored.erased)
        digest = asyncio.run(_equal(folder, store, Path(made) / "again"))
    size = sum(image.size for image in newest.images) + sum(tree.size for tree in newest.trees)
    return Drilled(
        newest.name,
        at,
        round((at - newest.at) / SECOND, 3),
        round(rto, 3),
        round(time.monotonic() - began - rto, 3),
        restored.seq,
        counts,
        digest,
        size,
        restored.erased,
    )


def _counted(newest: Manifest, folder: Path, store: str, erased: int) -> dict[str, int]:
    for path in sorted(folder.rglob("*.db")):
        if is_database(path):
            _sound(path)
    found: Position = dumping.look(store) if store else look(folder / HUB)
    if found.seq < newest.position.seq or (not erased and found != newest.position):
        raise Invalid(f"The restored city holds {found}, the backup says {newest.position}.")
    return found.counts


def _sound(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        said = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if said != "ok":
        raise Invalid(f"{path.name} of the restored city is damaged: {said}")


async def _equal(folder: Path, store: str, again: Path) -> str:
    """The fingerprint of the city, which must be that of one made from its log alone."""
    hub = Hub(folder / "hub", Open(), store)
    try:
        told = hub.fingerprint()
        await asyncio.to_thread(load, again, hub.dump(), hub.dump_events())
    finally:
        await hub.close()
    twin = Hub(again, Open())
    try:
        rebuilt = twin.fingerprint()
    finally:
        await twin.close()
        shutil.rmtree(again, ignore_errors=True)
    if told != rebuilt:
        raise Invalid(f"The restored state is not what its log tells: {told} instead of {rebuilt}.")
    return told.sha256
