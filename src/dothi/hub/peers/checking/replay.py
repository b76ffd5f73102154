"""Entities as the log makes them, to be compared with those that stand in the store.

The log is walked forward once for some rows of entities. An entry that writes the whole entity is taken as it is, not
decoded: of readings most are such.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from dothi.hub.model import Entity, Logged
from dothi.hub.store import codec
from dothi.hub.store.codec import Doc, Entry
from dothi.hub.store.port import Head, LogRow, Store
from dothi.hub.store.proof.leaf import gone
from dothi.hub.write.apply import advance, instant
from dothi.hub.write.fading import lasting
from dothi.hub.write.rows import observed_ahead

_OBSERVED = re.compile(rb'"observedAt":"([^"]{1,40})"')
_CHUNK = 400
_COLUMNS = ("row", "version", "last commit", "created", "modified", "types")


class Stand(NamedTuple):
    """Where an entity stands by the log."""

    tid: int
    version: int
    seq: int
    created: int
    modified: int
    ahead: int
    doc: bytes  # Of one that is deleted: what it was last.
    living: bool
    purged: bool  # Content of its past is gone.


class Replay:
    """The entities of rows with first <= eid < end."""

    def __init__(self, first: int, end: int) -> None:
        """Nothing is known yet."""
        self._first, self._end = first, end
        self._stands: dict[int, Stand] = {}

    def take(self, row: LogRow, entries: list[Entry]) -> Iterator[str]:
        """Go on with a commit; yields what does not follow from what was."""
        for entry in entries:
            if self._first <= entry.eid < self._end:
                before = self._stands.get(entry.eid)
                seq, version = (before.seq, before.version) if before else (0, 0)
                if (entry.previous, entry.version) != (seq, version + 1):
                    yield f"an entry of row {entry.eid} follows commit {entry.previous}, not {seq}"
                self._stands[entry.eid] = _after(before, row, entry)

    def differences(self, store: Store) -> Iterator[tuple[str, str]]:
        """(entity, what differs) for each that stands in the store otherwise than by the log."""
        by_tenant: dict[int, dict[str, int]] = {}
        for eid, stand in self._stands.items():
            by_tenant.setdefault(stand.tid, {})[codec.headline(stand.doc).id or f"row {eid}"] = eid
        for tid, named in by_tenant.items():
            ids = list(named)
            for start in range(0, len(ids), _CHUNK):
                heads = store.heads(tid, ids[start : start + _CHUNK])
                for name in ids[start : start + _CHUNK]:
                    what = _compared(store, named[name], self._stands[named[name]], heads.get(name))
                    if what:
                        yield name, what

    def known(self) -> set[int]:
        """The rows that the log speaks of."""
        return set(self._stands)


def _after(before: Stand | None, row: LogRow, entry: Entry) -> Stand:
    lost = bool(gone(entry))
    purged = lost or (before.purged if before else False)
    created = before.created if before else row.at
    ahead = before.ahead if before else 0
    if entry.whole and not lost and entry.status in ("created", "updated"):
        fresh = before is None or not before.living
        ahead = max(ahead, _ahead(entry.body, row.at, ahead))
        since = row.at if fresh else created
        return Stand(row.tid, entry.version, row.seq, since, row.at, ahead, entry.body, True, purged)
    logged = codec.logged(entry)
    ahead = max(ahead, observed_ahead(logged.attrs, row.at), observed_ahead(logged.late, row.at))
    if entry.status == "recorded":
        doc = before.doc if before and before.living else codec.encode(Doc(logged.id, logged.types))
        modified, living = (before.modified, before.living) if before else (row.at, False)
        return Stand(row.tid, entry.version, row.seq, created, modified, ahead, doc, living, purged)
    if entry.status == "deleted":
        doc = before.doc if before else entry.body
        return Stand(row.tid, entry.version, row.seq, created, row.at, ahead, doc, False, purged)
    after = _advanced(before, logged, row.at)
    times = after.created_at, after.modified_at
    return Stand(row.tid, entry.version, row.seq, *times, ahead, _document(after), True, purged)


def _advanced(before: Stand | None, logged: Logged, at: int) -> Entity:
    entity = None
    if before is not None and before.living:
        entity = codec.entity_of(before.doc, before.created, before.modified, before.version)
    after = advance(entity, logged, at)
    assert after is not None
    return after


def _ahead(body: bytes, at: int, known: int) -> int:
    """How far the latest observedAt of a whole entity lies after `at`; decoded only where it may matter."""
    stamps = _OBSERVED.findall(body)
    if not stamps or max(instant(stamp.decode()) for stamp in set(stamps)) - at <= known:
        return 0
    return observed_ahead(codec.decode(body).attrs, at)


def _document(entity: Entity) -> bytes:
    lasts = lasting(entity)
    expires, fades = lasts.expires_at or None, lasts.fades_at
    return codec.encode(Doc(entity.id, entity.types, entity.attrs, entity.scope or None, expires=expires, fades=fades))


def _compared(store: Store, eid: int, stand: Stand, head: Head | None) -> str:
    """What differs, "" when nothing does."""
    if head is None:
        return "" if stand.purged and not stand.living else "it is gone from the table of entities"
    told = (eid, stand.version, stand.seq, stand.created, stand.modified, codec.headline(stand.doc).type)
    stands = (head.eid, head.version, head.seq, head.created, head.modified, _types(store, head.kind))
    wrong = [name for name, one, other in zip(_COLUMNS, told, stands, strict=True) if one != other]
    if (head.ahead < stand.ahead) if stand.purged else (head.ahead != stand.ahead):
        wrong.append("furthest observedAt")
    if (head.doc is not None) != stand.living:
        wrong.append("whether it stands at all")
    elif head.doc is not None and not _same(head.doc, stand.doc):
        wrong.append("its attributes")
    return f"it stands otherwise than the log says: {', '.join(wrong)}" if wrong else ""


def _types(store: Store, kind: int) -> tuple[str, ...]:
    try:
        return store.types_of(kind)
    except KeyError:
        return ()


def _same(stands: bytes, told: bytes) -> bool:
    if stands == told:
        return True
    try:
        one, other = codec.decode(stands), codec.decode(told)
    except ValueError:
        return False
    other.gone = ""
    return one == other
