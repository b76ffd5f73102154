"""Taking a whole hub out: its log in order, and a fingerprint that two equal cities share."""

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from dothi.ground.canonical import canonical
from dothi.hub.language.nodes import EventQuery
from dothi.hub.model import Event, Logged, LoggedCommit
from dothi.hub.store import codec
from dothi.hub.store.port import LogRow, Store

_PAGE = 500


class Fingerprint(NamedTuple):
    """What must be equal when a city was moved."""

    entities: int
    commits: int
    sha256: str


def logged_commit(store: Store, row: LogRow) -> LoggedCommit:
    """The value of a stored commit."""
    entries = tuple(codec.logged(entry) for entry in codec.unpack(row.blob))
    return LoggedCommit(row.seq, row.at, store.tenant_name(row.tid), row.actor, row.reason, entries)


def dump(store: Store, after: int = 0) -> Iterator[LoggedCommit]:
    """Every commit, in order."""
    while rows := store.log(after, _PAGE):
        for row in rows:
            yield logged_commit(store, row)
        after = rows[-1].seq


def dump_events(store: Store) -> Iterator[tuple[str, Event]]:
    """Every event with the tenant of its lane, lane by lane, the latest first in each."""
    for eid, tid, entity_id in store.lanes():
        before = EventQuery().before
        while events := store.events(eid, EventQuery(before=before, limit=_PAGE)):
            for event in events:
                yield store.tenant_name(tid), msgspec.structs.replace(event, lane=entity_id)
            before = events[-1].number


def fingerprint(store: Store) -> Fingerprint:
    """SHA-256 over the RFC 8785 canonical JSON of every entity ever there, by tenant and id, with its history."""
    trails: dict[tuple[str, str], list[dict[str, Any]]] = {}
    commits = 0
    for commit in dump(store):
        commits += 1
        for entry in commit.entries:
            trails.setdefault((commit.tenant, entry.id), []).append(_told(commit, entry))
    digest = hashlib.sha256()
    living = 0
    for (tenant, entity_id), trail in sorted(trails.items()):
        head = store.heads(store.tenant(tenant) or 0, (entity_id,))[entity_id]
        state = None
        if head.doc is not None:
            living += 1
            entity = codec.entity_of(head.doc, head.created, head.modified, head.version)
            state = msgspec.to_builtins(entity)
        digest.update(canonical({"tenant": tenant, "id": entity_id, "state": state, "history": trail}))
    return Fingerprint(living, commits, digest.hexdigest())


def _told(commit: LoggedCommit, entry: Logged) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(entry)
    told.update(seq=commit.seq, at=commit.at, actor=commit.actor, reason=commit.reason)
    return told
