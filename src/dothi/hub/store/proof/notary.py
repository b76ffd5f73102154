"""The notary: gives each commit its leaf soon after it was written, and signs the tree from time to time.

It reads and hashes beside the writer and hands it pages to keep, so that ingest waits for nothing. One process of a
city is the notary (the leader). What was written since it last looked has no leaf yet; `finish` leaves nothing out.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Container
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

from dothi.ground.clock import SECOND, from_iso, now_us
from dothi.ground.errors import Forbidden, Missing
from dothi.hub.store import codec
from dothi.hub.store.port import LogRow, Page, Store, Written
from dothi.hub.store.proof import note, tiles
from dothi.hub.store.proof.erasing import GONE, SALTS, reason_of
from dothi.hub.store.proof.leaf import Salted, gap, leaf_of, salts_for
from dothi.hub.store.proof.note import Signer
from dothi.hub.store.proof.reading import CHECKPOINTS, Proofs
from dothi.hub.store.proof.tree import leaf_hash, root

log = logging.getLogger("dothi.hub")
KEYS_BOOK = "notary"  # Public keys that ever signed; a page's number is the hash of the key.
KEY_FILE, PUBLIC_FILE = "notary.key", "notary.pub"
SIGN_COMMITS = 10_000  # A checkpoint is signed after so many commits,
SIGN_US = 60 * SECOND  # or this long after the last one when there is anything new.
_EVERY_S = 1.0
_AT_ONCE = 64  # Commits read at a time; one may hold thousands of entries.
_ROUND = 1024  # Leaves appended in one chore at most.
_PRIVATE_MODE = 0o077


class Noted(Protocol):
    """Whose commits are noted: the hub."""

    proofs: Proofs

    async def chore(self, work: Callable[[Store], Written | None]) -> None:
        """Run `work` in the writer's thread and write what it returns."""

    def last_seq(self) -> int:
        """The sequence of the newest commit."""


@dataclass(frozen=True)
class Notary:
    """Who signs, and which types may be of people and are salted."""

    signer: Signer
    salted: Salted


class _Leaves(NamedTuple):
    before: int
    hashes: list[bytes]
    salts: list[Page]
    gone: list[int]  # Of these commits something was gone as their rows were read.


def open_notary(folder: Path, name: str, salted: Salted) -> Notary:
    """The notary of the hub in `folder`, whose key is made the first time; `name` is the origin of its tree.

    Where the key is gone (a city restored without its keys) another one signs from now on; the store keeps the public
    halves of all. Forbidden when others may read the key, Invalid when it was changed.
    """
    key = folder / KEY_FILE
    if not key.exists():
        signer = note.make_signer(name)
        if (folder / PUBLIC_FILE).exists():
            log.warning("The notary's key %s is gone: %s signs from now on.", key, signer.public)
        _write_private(key, note.private_text(signer) + "\n")
        (folder / PUBLIC_FILE).write_text(f"{signer.public}\n", "utf-8")
    if key.stat().st_mode & _PRIVATE_MODE:
        raise Forbidden(f"Others on this machine may read {key}; run: chmod 600 {key}")
    return Notary(note.signer_of(key.read_text("utf-8")), salted)


async def run(hub: Noted, notary: Notary) -> None:
    """Note down and sign until cancelled."""
    while True:
        await _note(hub, notary)
        if _due(hub.proofs, now_us()):
            await _sign(hub, notary)
        await asyncio.sleep(_EVERY_S)


async def finish(hub: Noted, notary: Notary) -> None:
    """Note down everything and sign it: before a city closes."""
    await _note(hub, notary)
    if _signed(hub.proofs)[0] < hub.proofs.size():
        await _sign(hub, notary)


async def _note(hub: Noted, notary: Notary) -> None:
    while (until := hub.last_seq()) > (before := hub.proofs.size()):
        until = min(until, before + _ROUND)
        found = await asyncio.to_thread(_leaves, hub.proofs.store, notary.salted, before, until)
        await hub.chore(partial(_appending, found))


def _leaves(store: Store, salted: Salted, before: int, until: int) -> _Leaves:
    """The leaves of the commits with before < seq <= until."""
    gone = _gone(store, before, until)
    hashes: list[bytes] = []
    salts: list[Page] = []
    at = before
    while at < until:
        rows = {row.seq: row for row in store.log(at, min(_AT_ONCE, until - at)) if row.seq <= until}
        end = min(at + _AT_ONCE, until)
        for seq in range(at + 1, end + 1):
            row = rows.get(seq)
            hashes.append(leaf_hash(gap(seq)) if row is None else _leaf(store, row, salted, salts, gone))
        at = end
    return _Leaves(before, hashes, salts, gone)


def _leaf(store: Store, row: LogRow, salted: Salted, salts: list[Page], lost: Container[int]) -> bytes:
    entries = list(codec.unpack(row.blob))
    fresh = salts_for(entries, salted)
    if fresh:
        salts.append(Page(SALTS, row.seq, fresh))
    reason = reason_of(store.page, row.seq) if row.seq in lost else None
    return leaf_hash(leaf_of(row, entries, store.tenant_name(row.tid), fresh, reason))


def _gone(store: Store, before: int, until: int) -> list[int]:
    return [number for number, _ in store.pages(GONE, before, until - before) if number <= until]


def _appending(found: _Leaves, store: Store) -> Written | None:
    """The pages of new leaves; none when somebody else appended, or content left while they were made."""
    until = found.before + len(found.hashes)
    if tiles.size(store.page) != found.before or _gone(store, found.before, until) != found.gone:
        return None
    pages = [*found.salts, *tiles.appended(store.page, found.before, found.hashes)]
    return Written((), (), (), (), (), pages=pages)


async def _sign(hub: Noted, notary: Notary) -> None:
    await hub.chore(partial(_signing, notary.signer))


def _signing(signer: Signer, store: Store) -> Written | None:
    size = tiles.size(store.page)
    if not size:
        return None
    top = root(size, tiles.Tiles(store.page).node)
    said = note.signed(note.checkpoint(signer.name, size, top, now_us()), signer)
    last = Page(CHECKPOINTS, 0, size.to_bytes(8))
    key = Page(KEYS_BOOK, int.from_bytes(signer.public.hash), f"{signer.public}\n".encode())
    return Written((), (), (), (), (), pages=[Page(CHECKPOINTS, size, said.encode()), last, key])


def _signed(proofs: Proofs) -> tuple[int, int]:
    """Size and instant (µs) of the last checkpoint."""
    try:
        last = note.read(proofs.latest())
    except Missing:
        return 0, 0
    return last.size, from_iso(last.signed)


def _due(proofs: Proofs, now: int) -> bool:
    size, at = _signed(proofs)
    new = proofs.size() - size
    return new >= SIGN_COMMITS or (new > 0 and now - at >= SIGN_US)


def _write_private(file: Path, text: str) -> None:
    """Make the file so that only this user ever could read it, flushed with its name."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, text.encode())
        os.fsync(handle)
    finally:
        os.close(handle)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
