"""An entity's chain of commits, walked back from its last: each entry of the log points to the one before."""

from collections.abc import Iterator

from dothi.hub.model import Logged
from dothi.hub.store import codec
from dothi.hub.store.port import Head, LogRow, Store


def chain(store: Store, head: Head, since: int | None = None) -> Iterator[tuple[LogRow, list[Logged]]]:
    """An entity's commits, newest first, each with its own entries in order; stops at commits before `since` (µs)."""
    seq, eid = head.seq, head.eid
    while seq:
        row = store.commits((seq,)).get(seq)
        if row is None:
            return
        entries = list(codec.unpack(row.blob, eid))
        if since is not None and row.at + head.ahead < since:
            return
        yield row, [codec.logged(entry) for entry in entries]
        seq = entries[0].previous
