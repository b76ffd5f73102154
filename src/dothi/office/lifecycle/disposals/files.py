"""Kept files that went with what was ended: into the package first, then away, unless something else names them."""

import re
from collections.abc import Collection, Iterable

from dothi.hub.peers.ending import unused
from dothi.office.lifecycle.disposals.archiving import Package
from dothi.office.lifecycle.model import LifeCycle

_HASH = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


def digests_in(bodies: Iterable[bytes]) -> set[str]:
    """Everything in some documents that may be the hash of a kept file."""
    return {found.decode() for body in bodies for found in _HASH.findall(body)}


def parted(digests: Iterable[str]) -> list[str]:
    """Hashes so written that noting them does not count as naming the files."""
    return [f"{one[:32]}-{one[32:]}" for one in digests]


def joined(noted: Iterable[str]) -> list[str]:
    """The hashes again."""
    return [one.replace("-", "") for one in noted]


async def forget_unused(
    life: LifeCycle, candidates: Collection[str], package: Package | None = None
) -> tuple[int, int]:
    """Remove those of the files that nothing names any more; (how many, bytes)."""
    count = size = 0
    for digest in sorted(await unused(life.hub, candidates)):
        if package is not None:
            package.keep_file(life.hub, digest)
        removed = life.hub.forget_file(digest)
        count, size = count + bool(removed), size + removed
    return count, size
