"""Entities that were ever there: those that have a history, standing or gone, by id, pattern and type."""

from collections.abc import Iterator

from dothi.hub.language.match import type_matches
from dothi.hub.language.nodes import Query
from dothi.hub.language.pattern import finder
from dothi.hub.store import codec
from dothi.hub.store.port import Head, Store

_CHUNK = 256  # Heads read at a time.


def heads(store: Store, tid: int, query: Query) -> Iterator[Head]:
    """The heads of the entities that ids, pattern and types of a query name, in order of creation."""
    kinds = {
        kind
        for kind, types in store.kinds(tid).items()
        if (query.types is None or type_matches(query.types, types)) and not query.drop.intersection(types)
    }
    if query.ids:
        named = store.heads(tid, dict.fromkeys(query.ids)).values()
        yield from (head for head in sorted(named) if head.kind in kinds)
        return
    fits = finder(query.id_pattern) if query.id_pattern is not None else None
    rows = store.ever(tid, kinds)
    for start in range(0, len(rows), _CHUNK):
        some = rows[start : start + _CHUNK]
        found = store.rows(some)
        yield from (found[eid] for eid in some if eid in found and (fits is None or fits(entity_id(store, found[eid]))))


def entity_id(store: Store, head: Head) -> str:
    """The id of an entity; of one that is gone out of its last entry in the log."""
    if head.doc is not None:
        return codec.headline(head.doc).id
    row = store.commits((head.seq,))[head.seq]
    return codec.headline(next(codec.unpack(row.blob, head.eid)).body).id
