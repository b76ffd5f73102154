"""The change feed: commits in order for those who follow, each read from disk once for all of them.

Most followers want few types. So a commit is first read by its headlines (id and types, the attributes skipped
undecoded) and only the entries that somebody wants are decoded whole.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from dothi.hub.model import Logged, LoggedCommit
from dothi.hub.store import codec
from dothi.hub.store.codec import Entry, Headline
from dothi.hub.store.port import LogRow, Store

Wanted = Callable[[tuple[str, ...]], bool]
_KEPT = 128  # Commits whose headlines stay at hand: followers of now are never far apart.


class _Known(NamedTuple):
    row: LogRow
    lines: list[tuple[Entry, Headline]]
    kinds: frozenset[tuple[str, ...]]  # Types of its entries: followers are asked once for each, not for each entry.


class Feed:
    """Reads the log for followers; used from the event loop."""

    def __init__(self, store: Store) -> None:
        """Nothing is at hand yet."""
        self._store = store
        self._kept: OrderedDict[int, _Known] = OrderedDict()

    def commits(self, after: int, last: int, limit: int, wanted: Wanted | None, whole: bool) -> list[LoggedCommit]:
        """Commits with after < seq <= last, each with its wanted entries only; without attributes unless `whole`."""
        return [self._told(known, wanted, whole) for known in self._known(after, min(last, after + limit))]

    def _known(self, after: int, until: int) -> Sequence[_Known]:
        """Headlines of the commits after < seq <= until; sequences have no gaps but where a flush failed."""
        kept = [self._kept.get(seq) for seq in range(after + 1, until + 1)]
        if all(one is not None for one in kept):
            return [one for one in kept if one is not None]
        rows = [row for row in self._store.log(after, until - after) if row.seq <= until]
        return [self._kept.get(row.seq) or self._keep(row) for row in rows]

    def _keep(self, row: LogRow) -> _Known:
        lines = [(entry, codec.headline(entry.body)) for entry in codec.unpack(row.blob)]
        known = _Known(row, lines, frozenset(line.type for _, line in lines))
        self._kept[row.seq] = known
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return known

    def _told(self, known: _Known, wanted: Wanted | None, whole: bool) -> LoggedCommit:
        kinds = known.kinds if wanted is None else {kind for kind in known.kinds if wanted(kind)}
        lines = [one for one in known.lines if one[1].type in kinds] if kinds else ()
        entries = tuple(codec.logged(entry) if whole else _short(entry, line) for entry, line in lines)
        row = known.row
        return LoggedCommit(row.seq, row.at, self._store.tenant_name(row.tid), row.actor, row.reason, entries)


def _short(entry: Entry, line: Headline) -> Logged:
    return Logged(line.id, entry.status, line.type, entry.version, {}, whole=entry.whole, previous=entry.previous)
