"""Chunks: a file cut into pieces, each kept once by its hash, compressed; what has not changed does not travel."""

import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from dothi.command.keeping.manifest import Image
from dothi.ground.errors import Invalid, Missing
from dothi.ground.places import Place

SIZE = 512 * 1024  # Bytes: many pages of a database, few enough that a small change does not carry much.
FOLDER, FILES = "chunks/", "files/"
_LEVEL = 1  # Of zlib: a page of JSON shrinks to a third, at 100 MB/s.


@dataclass(slots=True)
class Chunks:
    """The chunks and files at a place, and which of them are known to be there."""

    place: Place
    known: set[str] = field(default_factory=set)
    travelled: int = 0  # Bytes written by this one.

    def keep(self, body: bytes) -> str:
        """Keep a chunk; returns its hash."""
        digest = hashlib.sha256(body).hexdigest()
        if digest not in self.known:
            self._write(chunk_name(digest), zlib.compress(body, _LEVEL))
            self.known.add(digest)
        return digest

    def keep_all(self, pieces: Iterable[bytes]) -> list[str]:
        """Keep pieces in order."""
        return [self.keep(piece) for piece in pieces]

    def keep_file(self, path: Path, digest: str) -> None:
        """Keep a whole file that never changes under its hash, as it is."""
        if digest not in self.known:
            body = path.read_bytes()
            if hashlib.sha256(body).hexdigest() != digest:
                raise Invalid(f"{path} is damaged: its content does not have the hash that names it.")
            self._write(file_name(digest), body)
            self.known.add(digest)

    def _write(self, name: str, body: bytes) -> None:
        if not self.place.has(name, len(body)):
            self.place.write(name, body)
            self.travelled += len(body)


def chunk_name(digest: str) -> str:
    """Where a chunk lies."""
    return f"{FOLDER}{digest[:2]}/{digest}"


def file_name(digest: str) -> str:
    """Where a whole file lies."""
    return f"{FILES}{digest[:2]}/{digest}"


def pieces(stream: BinaryIO) -> Iterator[bytes]:
    """A stream cut into chunks."""
    while piece := stream.read(SIZE):
        yield piece


def image_of(chunks: Chunks, path: Path, name: str) -> Image:
    """Keep a file that stands still; its image."""
    whole, size, hashes = hashlib.sha256(), 0, []
    with path.open("rb") as stream:
        for piece in pieces(stream):
            whole.update(piece)
            size += len(piece)
            hashes.append(chunks.keep(piece))
    return Image(name, size, whole.hexdigest(), hashes)


def read_chunk(place: Place, digest: str) -> bytes:
    """The bytes of a chunk. Invalid names the chunk when it is missing or damaged."""
    try:
        body = zlib.decompress(place.read(chunk_name(digest)))
    except Missing:
        raise Invalid(f"{place.address}/{chunk_name(digest)} is missing: this backup cannot be restored.") from None
    except zlib.error as cause:
        raise Invalid(f"{place.address}/{chunk_name(digest)} is damaged ({cause}): take a good copy.") from cause
    if hashlib.sha256(body).hexdigest() != digest:
        raise Invalid(f"{place.address}/{chunk_name(digest)} is damaged: its hash differs. Take a good copy.")
    return body


def read_file(place: Place, digest: str) -> bytes:
    """The bytes of a whole file. Missing when it is not there, Invalid when it is damaged."""
    body = place.read(file_name(digest))
    if hashlib.sha256(body).hexdigest() != digest:
        raise Invalid(f"{place.address}/{file_name(digest)} is damaged: its hash differs. Take a good copy.")
    return body


def write_image(place: Place, image: Image, path: Path) -> None:
    """Put a file together from its chunks, each of them proved."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = hashlib.sha256()
    with path.open("xb") as out:
        path.chmod(0o600)
        for digest in image.chunks:
            piece = read_chunk(place, digest)
            whole.update(piece)
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())
    if whole.hexdigest() != image.sha256:
        raise Invalid(f"{image.name} of this backup does not come together: its hash differs.")
