"""What lies in sealed files is written anew there: first noted in a page, so that a killed process goes on.

The hashes that stay are given once, within the turn that empties a commit; what a sealed file is to say from then on is
noted in the same turn, and forgotten when the file says it.
"""

from collections.abc import Iterable, Iterator

import msgspec

from dothi.hub.core import Hub
from dothi.hub.store.cold import erasing
from dothi.hub.store.port import LogRow, Page, Store, Written

_BOOK = "ending"
_MANY = 500


def noted(hub: Hub, written: Written) -> Written:
    """What a turn writes, with a note of each rewritten commit that lies in sealed files."""
    until = hub.archive.seal().until
    rows = [row for row in written.rewritten if row.seq <= until]
    pages = [*written.pages, *(Page(_BOOK, row.seq, msgspec.msgpack.encode(row)) for row in rows)]
    return written._replace(pages=tuple(pages))


async def settle(hub: Hub) -> None:
    """Have the sealed files say what was noted, also by a process that was killed; nothing when nothing is."""
    while True:
        rows: list[LogRow] = []

        def read(store: Store, rows: list[LogRow] = rows) -> Written | None:
            rows.extend(_rows(store.pages(_BOOK, 0, _MANY)))
            return None

        await hub.chore(read)
        if not rows:
            return
        await erasing.rewrite(hub.chore, hub.archive, rows)
        await hub.chore(lambda _, done=tuple(rows): _forgotten(done))  # type: ignore[misc]


def _rows(pages: Iterable[tuple[int, bytes]]) -> Iterator[LogRow]:
    for _, body in pages:
        yield LogRow(*msgspec.msgpack.decode(body))


def _forgotten(rows: Iterable[LogRow]) -> Written:
    return Written((), (), (), (), (), pages=tuple(Page(_BOOK, row.seq, None) for row in rows))
