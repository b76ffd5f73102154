"""What one backup consists of: its manifest, written last, names every chunk and file by its hash."""

import hashlib
import zlib
from collections.abc import Iterator

import msgspec

from dothi.ground.clock import iso
from dothi.ground.errors import Invalid, Missing
from dothi.ground.places import Place

FORMAT = 1
FOLDER = "manifests/"


class Image(msgspec.Struct, frozen=True):
    """A file that changes, such as a database: a consistent copy of it, cut into chunks."""

    name: str  # Path below the data folder.
    size: int
    sha256: str
    chunks: list[str]  # SHA-256 of each, in order.


class Tree(msgspec.Struct, frozen=True):
    """A folder of files that never change: each lies once under its hash; the lists of names are chunks."""

    name: str
    files: int
    size: int
    lists: dict[str, list[str]]  # Part of the folder → the chunks of the list of its files.


class Position(msgspec.Struct, frozen=True):
    """Where a store stood when it was copied, and what it held."""

    seq: int  # The last commit in it, and its time (µs).
    known: int
    version: int  # Of the store's tables.
    counts: dict[str, int]  # Commits, entities and more, as a drill counts them again.


class Manifest(msgspec.Struct, frozen=True):
    """One backup: the moment, where the log stood, and what lies where."""

    format: int
    dothi: str
    at: int  # µs: when the copying began; what was acknowledged before is in it.
    position: Position
    store: str  # "sqlite" or "postgresql".
    images: list[Image]
    trees: list[Tree]
    new_bytes: int  # What travelled for this one.
    seconds: float  # How long it took.
    archive: str = ""  # Address of the cold tier where that is not in the folder.
    keys: str = ""  # Name of the sealed keys at the place; "" when they are kept elsewhere.

    @property
    def name(self) -> str:
        """Its name at the place: names in order are in order of time."""
        return f"{FOLDER}{self.at:020d}-{self.position.seq}.manifest"


def write(place: Place, manifest: Manifest) -> str:
    """Write a manifest, which makes the backup one; returns the hash of it."""
    body = msgspec.json.encode(manifest)
    digest = hashlib.sha256(body).hexdigest()
    place.write(manifest.name, digest.encode() + b"\n" + zlib.compress(body, 6))
    return digest


def listed(place: Place) -> list[str]:
    """The names of all backups, oldest first."""
    return sorted(name for name in place.names(FOLDER) if name.endswith(".manifest"))


def moment(name: str) -> int:
    """The instant (µs) that a name says."""
    try:
        return int(name.removeprefix(FOLDER).partition("-")[0])
    except ValueError:
        raise Invalid(f"{name} is no name of a backup's manifest: take it away from there.") from None


def read(place: Place, name: str) -> Manifest:
    """The manifest of a name. Invalid when it is damaged or of a newer format."""
    digest, _, packed = place.read(name).partition(b"\n")
    try:
        body = zlib.decompress(packed)
        known = msgspec.json.decode(body)
    except (zlib.error, msgspec.DecodeError) as cause:
        raise Invalid(f"{place.address}/{name} is damaged: it cannot be read ({cause}).") from cause
    if known.get("format", 0) > FORMAT:
        raise Invalid(f"{place.address} was written by a newer dothi ({known.get('dothi')}): upgrade dothi first.")
    if hashlib.sha256(body).hexdigest().encode() != digest:
        raise Invalid(f"{place.address}/{name} is damaged: its hash differs.")
    return msgspec.json.decode(body, type=Manifest)


def all_of(place: Place) -> Iterator[Manifest]:
    """Every backup at a place, oldest first."""
    return (read(place, name) for name in listed(place))


def newest(place: Place, before: int | None = None) -> Manifest:
    """The newest backup (not after `before`, µs). Missing when there is none."""
    names = [name for name in listed(place) if before is None or moment(name) <= before]
    if not names:
        when = "" if before is None else f" from {iso(before)} or earlier"
        raise Missing(f"{place.address} holds no backup{when}.")
    return read(place, names[-1])
