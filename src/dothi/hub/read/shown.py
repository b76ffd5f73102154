"""Entities as the JSON that clients were last given, by row, until they change: most ask for the same again."""

import threading
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from dothi.hub.access import WHERE_SEEN
from dothi.hub.model import Entity
from dothi.hub.read.follow.moved import Moved
from dothi.hub.render.entity import render
from dothi.hub.render.shape import Shape
from dothi.hub.store import codec
from dothi.hub.store.port import Head, Store
from dothi.hub.write.commit import Effect

MOST_BYTES = 64 * 1024 * 1024  # Kept in all; the longest kept go first.
_MOST_SHAPES = 4  # Kept of one entity: more than that is a client that varies its questions.
_ROW_BYTES = 600  # What a row costs beside its JSON, roughly.
_encode = msgspec.json.Encoder().encode


class Kept(NamedTuple):
    """One entity as it stands: what a policy asks of it, and its JSON by shape."""

    eid: int
    key: tuple[int, str]
    outline: Entity  # Its id and types, and of its attributes those that say where it may be seen.
    shown: dict[Shape, bytes]


class Shown:
    """The JSON of one store's entities; follows its commits."""

    def __init__(self, store: Store, most: int = MOST_BYTES) -> None:
        """Nothing is kept yet; `most` bytes will be."""
        self._store = store
        self._most = most
        self._lock = threading.Lock()
        self._by_id: dict[tuple[int, str], Kept] = {}
        self._by_row: dict[int, Kept] = {}
        self._bytes = 0
        self._turn = 0  # Counts flushes: what was read before one may not be kept after it.

    def follow(self, effects: Iterable[Effect]) -> None:
        """Let go of what a flush has changed."""
        with self._lock:
            self._turn += 1
            for effect in effects:
                self._drop(effect.eid)

    def move(self, moved: Moved) -> None:
        """Let go of what commits of other processes have changed."""
        with self._lock:
            self._turn += 1
            for rows in moved.rows.values():
                for eid in rows:
                    self._drop(eid)

    def one(self, tid: int, entity_id: str, shape: Shape) -> tuple[Entity, bytes] | None:
        """The outline and the JSON of an entity; None when it is not there, or transient."""
        kept = self._by_id.get((tid, entity_id))
        if kept is not None and (known := kept.shown.get(shape)) is not None:
            return kept.outline, known
        turn = self._turn
        head = self._store.heads(tid, (entity_id,)).get(entity_id)
        return None if head is None or not _lasting(head) else self._render(tid, head, shape, turn)

    def many(self, tid: int, eids: Sequence[int], shape: Shape) -> list[bytes] | None:
        """The JSON of entities by row, in the order given; None when one of them is gone meanwhile, or transient."""
        rows, turn = self._by_row, self._turn
        found = {eid: kept.shown.get(shape) for eid in eids if (kept := rows.get(eid)) is not None}
        missing = [eid for eid in eids if found.get(eid) is None]
        if missing:
            for eid, head in self._store.rows(missing).items():
                if _lasting(head):
                    found[eid] = self._render(tid, head, shape, turn)[1]
        known = [found.get(eid) for eid in eids]
        return None if None in known else known  # type: ignore[return-value]

    def _render(self, tid: int, head: Head, shape: Shape, turn: int) -> tuple[Entity, bytes]:
        assert head.doc is not None
        entity = codec.entity_of(head.doc, head.created, head.modified, head.version)
        seen = {name: entity.attrs[name] for name in WHERE_SEEN if name in entity.attrs}
        outline, body = Entity(entity.id, entity.types, seen), _encode(render(entity, shape))
        with self._lock:
            if turn == self._turn:
                self._keep(Kept(head.eid, (tid, entity.id), outline, {shape: body}))
        return outline, body

    def _keep(self, kept: Kept) -> None:
        before = self._by_row.get(kept.eid)
        if before is not None and len(before.shown) < _MOST_SHAPES:
            kept.shown.update(before.shown)
        self._drop(kept.eid)
        self._by_id[kept.key] = self._by_row[kept.eid] = kept
        self._bytes += _cost(kept)
        while self._bytes > self._most:
            self._drop(next(iter(self._by_row)))

    def _drop(self, eid: int) -> None:
        kept = self._by_row.pop(eid, None)
        if kept is not None:
            del self._by_id[kept.key]
            self._bytes -= _cost(kept)


def _lasting(head: Head) -> bool:
    """Whether an entity stands and nothing of it ends by itself (clause 4.22), so that its JSON may be kept."""
    return head.doc is not None and b'"expires' not in head.doc


def _cost(kept: Kept) -> int:
    return _ROW_BYTES + sum(map(len, kept.shown.values()))
