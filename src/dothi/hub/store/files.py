"""Photos and documents, kept once by content hash, in a folder or in object storage, flushed to disk like the rest."""

import hashlib
import re
from collections.abc import Iterator

from dothi.ground.errors import Missing
from dothi.ground.places import Place

_DIGEST = re.compile(r"[0-9a-f]{64}")


def keep(place: Place, content: bytes) -> str:
    """Store `content` under its SHA-256 and return that in hex; the file is durable when this returns."""
    digest = hashlib.sha256(content).hexdigest()
    if not place.has(_name(digest), len(content)):
        place.write(_name(digest), content)
    return digest


def read(place: Place, digest: str) -> bytes:
    """The content kept under `digest`. Missing when there is none."""
    try:
        if _DIGEST.fullmatch(digest):
            return place.read(_name(digest))
    except Missing:
        pass
    raise Missing(f"No file with hash {digest[:64]} is kept.")


def forget(place: Place, digest: str) -> int:
    """Remove the file kept under `digest`; its size in bytes, 0 when there is none."""
    try:
        size = len(read(place, digest))
    except Missing:
        return 0
    place.remove(_name(digest))
    return size


def listed(place: Place) -> Iterator[str]:
    """The hashes of all that is kept, in no order."""
    return (name.rpartition("/")[2] for name in place.names(""))


def _name(digest: str) -> str:
    return f"{digest[:2]}/{digest[2:4]}/{digest}"
