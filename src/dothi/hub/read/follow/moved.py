"""What commits of other processes did, for the indexes of this one: which entities moved, and where they stand now.

An index needs no before and no step between, only where each entity stands; so the log is read for the rows that were
touched, and each row once, as it is now. What is newer than the commit that is followed does no harm: its own commit
comes, and answers are read from the store anyway.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from dothi.hub.store import codec
from dothi.hub.store.port import Head, LogRow, Store

FADES = b'"fades":'  # In every document of which something expires.
_PAGE = 64  # Commits followed at a time, so that others have their turn.


class Moved(NamedTuple):
    """The rows that some commits touched, by tenant, as they stand now (None: gone for good)."""

    until: int  # The last of these commits.
    rows: Mapping[int, Mapping[int, Head | None]]
    kinds: frozenset[tuple[int, int]]  # (tenant, kind) of these rows.
    fresh: frozenset[int]  # Rows that were made by these commits.
    fades: Mapping[tuple[int, str], int]  # By tenant and id when something of them expires (µs), 0 when nothing does.


def moved(store: Store, after: int, until: int) -> Iterator[Moved]:
    """The commits with after < seq <= until, some at a time, in order."""
    while after < until:
        listed = [row for row in store.log(after, min(_PAGE, until - after)) if row.seq <= until]
        if not listed:
            return
        yield _moved(store, listed)
        after = listed[-1].seq


def _moved(store: Store, listed: Sequence[LogRow]) -> Moved:
    touched: dict[int, dict[int, str]] = {}
    fresh: set[int] = set()
    for row in listed:
        for eid, status in codec.touched(row.blob):
            touched.setdefault(row.tid, {})[eid] = ""
            if status == "created":
                fresh.add(eid)
    heads = store.rows(eid for eids in touched.values() for eid in eids)
    rows = {tid: {eid: heads.get(eid) for eid in eids} for tid, eids in touched.items()}
    kinds = frozenset((tid, head.kind) for tid, some in rows.items() for head in some.values() if head is not None)
    store.learn(kinds)
    fades = {(tid, name): moment for tid, some in rows.items() for name, moment in _fading(some.values())}
    return Moved(listed[-1].seq, rows, kinds, frozenset(fresh), fades)


def _fading(heads: Iterable[Head | None]) -> Iterator[tuple[str, int]]:
    for head in heads:
        if head is not None and head.doc is not None and FADES in head.doc:
            doc = codec.decode(head.doc)
            yield doc.id, doc.fades
