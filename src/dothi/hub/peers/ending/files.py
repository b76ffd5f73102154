"""Kept files that nothing names any more: found by looking at all that stands and all that is remembered."""

import re
from collections.abc import Collection, Iterable

from dothi.hub.core import Hub
from dothi.hub.store.port import Store, Written

_HASH = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_SLICE = 2000


def digests_in(bodies: Iterable[bytes]) -> set[str]:
    """Everything in some documents that may be the hash of a kept file."""
    return {found.decode() for body in bodies for found in _HASH.findall(body)}


async def unused(hub: Hub, candidates: Collection[str]) -> set[str]:
    """Those of the files that no commit of the log names: what stands was written by one."""
    left = set(candidates)
    after = 0

    def work(store: Store) -> Written | None:
        nonlocal after, left
        rows = store.log(after, _SLICE)
        left -= digests_in(row.blob for row in rows)
        after = rows[-1].seq if rows else -1
        return None

    while left and after >= 0:
        await hub.chore(work)
    return left
