"""The old part of the log is sealed: written into the archive first, then taken out of the hot log."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import Any, TypeVar

import numpy as np

from dothi.ground.clock import HOUR, now_us
from dothi.ground.errors import Conflict, DothiError
from dothi.hub.store.cold.archive import TROUBLED, Archive, Seal
from dothi.hub.store.cold.columns.packing import Packer
from dothi.hub.store.cold.merging import by_day, clean, compact, finish
from dothi.hub.store.cold.place import Place
from dothi.hub.store.cold.told import told
from dothi.hub.store.port import LogRow, Page, Store, Written

log = logging.getLogger("dothi.hub")
_READ = 200  # Commits read at a time.
_WEIGHED = 50  # Commits that are weighed to know what the hot log weighs.
_EVERY_S = 60.0
_MERGE_US = HOUR  # How often the files of days are merged.
Chore = Callable[[Callable[[Store], Written | None]], Awaitable[None]]
Found = TypeVar("Found")
Writing = Callable[[list[LogRow]], Awaitable[frozenset[int]]]


@dataclass(frozen=True)
class Policy:
    """When the log's old part is sealed."""

    hours: float = 24.0  # What is older is sealed …
    most: int = 256 << 20  # … and of what is younger as much as is beyond so many bytes.
    piece: int = 32 << 20  # Bytes that are sealed at once.


def due(store: Store, after: int, policy: Policy, now: int) -> list[LogRow]:
    """The next piece of the log that is to be sealed, empty when nothing is due."""
    beyond = _beyond(store, after, policy.most)
    rows: list[LogRow] = []
    size = 0
    while size < policy.piece:
        some = store.log(rows[-1].seq if rows else after, _READ)
        old = [row for row in some if row.seq <= beyond or row.at < now - int(policy.hours * HOUR)]
        rows.extend(old)
        size += sum(len(row.blob) for row in old)
        if len(old) < len(some) or not some:
            break
    return rows


def _beyond(store: Store, after: int, most: int) -> int:
    """The sequence up to which the hot log is longer than `most` bytes, by what some commits of it weigh."""
    last, _ = store.last()
    step = max(1, (last - after) // _WEIGHED)
    some = [row for seq in range(after, last, step) for row in store.log(seq, 1)][:_WEIGHED]
    if not some:
        return 0
    mean = max(1, sum(len(row.blob) for row in some) // len(some))
    return last - most // mean


def write(archive: Archive, rows: list[LogRow], packer: Packer) -> frozenset[int]:
    """Write commits into the files of the archive; returns the entities whose history is told otherwise.

    What a crash left of an earlier attempt is taken out first. Unavailable when the place cannot be written: then
    the hot log stays as it is.
    """
    finish(archive)
    packed = packer.pack(rows)
    parted = told(packed, archive)
    why = f"sealed {rows[0].seq}-{rows[-1].seq}"
    archive.tables["readings"].change(by_day(parted.readings, "observed"), why=why)
    archive.tables["echoes"].change(by_day(parted.echoes, "observed"), why=why)
    seqs = packed.commits["known"].to_numpy()
    at = packed.commits["at"].to_numpy()[np.searchsorted(seqs, packed.entries["known"].to_numpy())]
    archive.tables["entries"].change(by_day(packed.entries, at), why=why)
    archive.tables["commits"].change(by_day(packed.commits, "at"), why=why)
    return parted.troubled


class _Aside:
    """What a process that only writes files knows of the store."""

    def __init__(self, seal: bytes | None, names: dict[int, str]) -> None:
        self._seal = seal
        self._names = names

    def page(self, book: str, number: int) -> bytes | None:
        """The seal."""
        return self._seal

    def tenant_name(self, tid: int) -> str:
        """The names that were given along."""
        return self._names[tid]


def _write_aside(root: str, seal: bytes | None, names: dict[int, str], rows: list[LogRow]) -> frozenset[int]:
    """The same in a process of its own."""
    aside = _Aside(seal, names)
    archive = Archive(Place(root), aside)
    try:
        return write(archive, rows, Packer(aside.tenant_name))
    finally:
        archive.close()


def writing(archive: Archive, pool: Executor | None = None) -> Writing:
    """Who writes the files: a process of the pool, so that the writer of the log keeps its own; else a thread."""
    loop, packer = asyncio.get_running_loop(), Packer(archive.store.tenant_name)

    async def run(rows: list[LogRow]) -> frozenset[int]:
        if pool is None:
            return await _done(write, archive, rows, packer)
        names = {tid: archive.store.tenant_name(tid) for tid in {row.tid for row in rows}}
        seal = archive.seal().page().body
        return await loop.run_in_executor(pool, partial(_write_aside, archive.place.root, seal, names, rows))

    return run


async def seal(chore: Chore, archive: Archive, rows: list[LogRow], write_files: Writing) -> None:
    """Seal a run of commits that follows what is sealed: files first, then the hot rows go in the writer's turn.

    Conflict when they changed meanwhile (content was erased): they are sealed anew then.
    """
    await _done(archive.changing.acquire)
    try:
        await _seal(chore, archive, rows, write_files)
    finally:
        archive.changing.release()


async def _seal(chore: Chore, archive: Archive, rows: list[LogRow], write_files: Writing) -> None:
    before = archive.seal()
    troubled = await write_files(rows)
    after = Seal(rows[-1].seq, before.turn)

    def leave(now: Store) -> Written:
        if now.log(before.until, len(rows)) != rows or archive.seal() != before:
            raise Conflict("What was being sealed has changed meanwhile: it is sealed anew.")
        pages = [after.page(), *(Page(TROUBLED, eid, b"1") for eid in sorted(troubled))]
        return Written((), (), (), (), (), pages=pages, sealed=(before.until, after.until))

    await chore(leave)
    await _done(archive.changed, after)


async def seal_due(
    chore: Chore, store: Store, archive: Archive, policy: Policy, now: int | None = None, pool: Executor | None = None
) -> int:
    """Seal all that is due, piece by piece; how many commits left the hot log."""
    count, write_files = 0, writing(archive, pool)
    while True:
        after = archive.seal().until
        rows = await _done(due, store, after, policy, now_us() if now is None else now)
        if not rows:
            return count
        await seal(chore, archive, rows, write_files)
        count += len(rows)


async def run(chore: Chore, store: Store, archive: Archive, policy: Policy) -> None:
    """Seal what is due, merge the files of days, and again after a while; for the leader, until cancelled.

    What cannot be written is told of and tried again: the hot log keeps it as long.
    """
    merged = now_us()
    while True:
        pool = ProcessPoolExecutor(1, get_context("spawn"), _gently)  # Begun with the first piece, if any is due.
        try:
            await seal_due(chore, store, archive, policy, pool=pool)
            if now_us() - merged > _MERGE_US:
                merged = now_us()
                await _done(clean, archive)  # What was merged the last time: nobody reads it any more.
                await _done(compact, archive)
        except (DothiError, BrokenExecutor) as refused:
            log.warning("The log could not be sealed, it is tried again: %s", refused)
        finally:
            await _done(pool.shutdown)
        await asyncio.sleep(_EVERY_S)


async def _done(work: Callable[..., Found], *given: Any) -> Found:
    """What `work` returns in a thread. Who is cancelled meanwhile waits until it is done: it rests on the store."""
    doing = asyncio.ensure_future(asyncio.to_thread(work, *given))
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait([doing])
        raise


def _gently() -> None:
    """Leave the processor to those who answer."""
    os.nice(10)
