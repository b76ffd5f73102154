"""Photos and documents, kept once by content hash, flushed to disk like the rest."""

import hashlib
import os
import re
import threading
from pathlib import Path

from dothi.ground.errors import Missing

_DIGEST = re.compile(r"[0-9a-f]{64}")


def keep(folder: Path, content: bytes) -> str:
    """Store `content` under its SHA-256 and return that in hex; the file is durable when this returns."""
    digest = hashlib.sha256(content).hexdigest()
    path = _path(folder, digest)
    if path.exists():
        return digest
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two threads may keep the same content at once: each writes a draft of its own, the last rename changes nothing.
    draft = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.part")
    with draft.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    draft.rename(path)
    _flush_folder(path.parent)
    return digest


def read(folder: Path, digest: str) -> bytes:
    """The content kept under `digest`. Missing when there is none."""
    if not _DIGEST.fullmatch(digest) or not (path := _path(folder, digest)).is_file():
        raise Missing(f"No file with hash {digest[:64]} is kept.")
    return path.read_bytes()


def forget(folder: Path, digest: str) -> int:
    """Remove the file kept under `digest`; its size in bytes, 0 when there is none."""
    if not _DIGEST.fullmatch(digest) or not (path := _path(folder, digest)).is_file():
        return 0
    size = path.stat().st_size
    path.unlink()
    _flush_folder(path.parent)
    return size


def _path(folder: Path, digest: str) -> Path:
    return folder / digest[:2] / digest[2:4] / digest


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
