"""An entity's chain of commits, walked back from its last: each entry of the log points to the one before."""

from collections.abc import Iterator

from dothi.hub.model import Logged
from dothi.hub.store import codec
from dothi.hub.store.port import Head, LogRow, Store

_NEAR = 8  # Commits between two of one entity, up to which its neighbours in the log are read along.
_ALONG = 256  # How many then.


def chain(store: Store, head: Head, since: int | None = None) -> Iterator[tuple[LogRow, list[Logged]]]:
    """An entity's commits, newest first, each with its own entries in order; stops at commits before `since` (µs)."""
    for row, entries in packed(store, head):
        if since is not None and row.at + head.ahead < since:
            return
        yield row, [codec.logged(entry) for entry in entries]


def packed(store: Store, head: Head) -> Iterator[tuple[LogRow, list[codec.Entry]]]:
    """The same, with what the entries say still as bytes."""
    seq, eid = head.seq, head.eid
    near: dict[int, LogRow] = {}
    gap = _NEAR + 1
    while seq:
        row = near.get(seq) or sealed(store, seq, eid)
        if row is None:
            near = _around(store, seq) if gap <= _NEAR else store.commits((seq,))
            row = near.get(seq)
        if row is None:
            return
        entries = list(codec.unpack(row.blob, eid))
        if not entries:  # What came before was dropped for good.
            return
        yield row, entries
        gap = seq - entries[0].previous
        seq = entries[0].previous


def sealed(store: Store, seq: int, eid: int) -> LogRow | None:
    """A sealed commit with the entries of one entity only; None where it is not known to be sealed."""
    older = store.older
    return older.along(eid, seq) if older is not None and older.sealed(seq) else None


def _around(store: Store, seq: int) -> dict[int, LogRow]:
    return {row.seq: row for row in store.log(max(0, seq - _ALONG), min(seq, _ALONG))}
