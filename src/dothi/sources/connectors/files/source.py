"""Rows from files: one file as a series of deliveries, and a folder in which new files appear."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from dothi.ground.errors import Invalid
from dothi.sources.mapping.model import Mapping
from dothi.sources.mapping.reading import read_rows
from dothi.sources.model import Delivery, Job

BATCH_ROWS = 500


def deliveries(stream: BinaryIO, mapping: Mapping, name: str, key: str | None) -> Iterator[Delivery]:
    """The rows of one file in batches, each with a key of its own: a repeat after a crash goes on where it was."""
    rows = read_rows(stream, mapping, name)
    batch = list(islice(rows, BATCH_ROWS))
    number = 0
    while batch:
        following = list(islice(rows, BATCH_ROWS))
        yield Delivery(batch, name, f"{key}:{number}" if key else None, last=not following)
        batch, number = following, number + 1


async def rows(job: Job) -> AsyncIterator[Delivery]:
    """Every file of the folder, once for its content, and then each new one: for ever."""
    folder, pattern = Path(job.settings["folder"]), job.settings["pattern"]
    if not folder.is_dir():
        raise Invalid(f"{folder}: there is no such folder.")
    done: dict[Path, tuple[int, int]] = {}
    while True:
        for path in sorted(folder.glob(pattern)):
            stat = path.stat()
            mark = (stat.st_mtime_ns, stat.st_size)
            if path.is_file() and done.get(path) != mark:
                async for delivery in _file(path, job):
                    yield delivery
                done[path] = mark
        await asyncio.sleep(float(job.settings["poll_s"]))


async def _file(path: Path, job: Job) -> AsyncIterator[Delivery]:
    with path.open("rb") as stream:
        digest = await asyncio.to_thread(hashlib.file_digest, stream, "sha256")
        stream.seek(0)
        key = f"file:{digest.hexdigest()}:{job.mapping.digest[:16]}:{job.source}"
        for delivery in deliveries(stream, job.mapping, path.name, key):
            yield delivery
