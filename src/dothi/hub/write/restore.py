"""Rebuilding a hub from its change log: state, history and positions as they were, into an empty store."""

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path

from dothi.ground.errors import Conflict
from dothi.hub.model import Entity, Event, Logged, LoggedCommit
from dothi.hub.store import codec
from dothi.hub.store.codec import Doc, Entry
from dothi.hub.store.opening import open_store, take
from dothi.hub.store.port import Head, LogRow, Store, Written
from dothi.hub.write.apply import advance
from dothi.hub.write.expiry import expiries
from dothi.hub.write.fading import lasting
from dothi.hub.write.moves import Moves
from dothi.hub.write.rows import observed_ahead

_GROUP = 500  # Commits in one flush.


def restore(store: Store, commits: Iterable[LoggedCommit]) -> int:
    """Write `commits` as they were (same sequence, time and actor); returns how many. Conflict unless empty."""
    if store.last() != (0, 0):
        raise Conflict("This city is not empty: load into a new data folder.")
    pending, count = iter(commits), 0
    while some := list(islice(pending, _GROUP)):
        _restore_group(store, some)
        count += len(some)
    return count


def restore_events(store: Store, events: Iterable[tuple[str, Event]]) -> None:
    """Write the events of lanes (tenant, event) into a restored store."""
    pending = iter(events)
    while some := list(islice(pending, _GROUP)):
        rows = []
        for tenant, event in some:
            tid = store.tenant(tenant) or 0
            rows.append((store.heads(tid, (event.lane,), docs=False)[event.lane].eid, event))
        with store.turn():
            store.write(Written((), (), (), (), (), rows))


def roll_forward(
    store: Store, commits: Iterable[LoggedCommit], moved: Mapping[int, Moves], receipts: Iterable[tuple[str, bytes]]
) -> int:
    """Take a store on through the `commits` that followed it, with what each moved and the receipts kept for them.

    Returns how many. Conflict when they do not follow what the store holds.
    """
    pending, count = iter(commits), 0
    while some := list(islice(pending, _GROUP)):
        if some[0].seq <= store.last()[0]:
            raise Conflict(f"Commit {some[0].seq} does not follow commit {store.last()[0]}: these are not its backups.")
        _restore_group(store, some, [moved[one.seq] for one in some if one.seq in moved])
        count += len(some)
    with store.turn():
        store.write(Written((), (), receipts, (), ()))
    return count


def _restore_group(store: Store, commits: list[LoggedCommit], moved: Iterable[Moves] = ()) -> None:
    heads = _standing(store, commits)
    stood = dict(heads)
    log: list[LogRow] = []
    fades: dict[tuple[str, str], int] = {}
    eid = store.last()[1]
    for commit in commits:
        tid = store.tenant(commit.tenant, make=True) or 0
        entries: list[Entry] = []
        for logged in commit.entries:
            head = heads.get((tid, logged.id))
            if head is None:
                eid += 1
            after = _after(store, logged, head, head.eid if head else eid, commit)
            heads[tid, logged.id] = after
            entries.append(_entry(logged, head, after))
            fades[commit.tenant, logged.id] = codec.decode(after.doc).fades if after.doc else 0
        log.append(LogRow(commit.seq, commit.at, tid, commit.actor, commit.reason, codec.pack(entries)))
    states = [(*key, head) for key, head in heads.items() if head is not stood.get(key)]
    cursors = dict(one.cursor for one in moved if one.cursor)
    timers = [*(timer for one in moved for timer in one.timers), *expiries(fades)]
    with store.turn():
        store.write(Written(states, log, (), cursors.items(), timers))


def _standing(store: Store, commits: list[LoggedCommit]) -> dict[tuple[int, str], Head]:
    """The heads of all entities that some commits touch, as they stand before."""
    wanted: dict[int, dict[str, None]] = {}
    for commit in commits:
        tid = store.tenant(commit.tenant, make=True) or 0
        wanted.setdefault(tid, {}).update((logged.id, None) for logged in commit.entries)
    return {(tid, one): head for tid, ids in wanted.items() for one, head in store.heads(tid, ids).items()}


def _after(store: Store, logged: Logged, head: Head | None, eid: int, commit: LoggedCommit) -> Head:
    before = None
    if head is not None and head.doc is not None:
        before = codec.entity_of(head.doc, head.created, head.modified, head.version)
    after = advance(before, logged, commit.at)
    ahead = max(head.ahead if head else 0, observed_ahead(logged.attrs, commit.at))
    ahead = max(ahead, observed_ahead(logged.late, commit.at))
    if logged.status == "recorded":
        return _recorded(store, logged, head, (eid, ahead), commit)
    if after is None:
        assert head is not None
        return Head(eid, head.kind, logged.version, commit.seq, head.created, commit.at, ahead, None)
    return Head(
        eid,
        store.kind_of(after.types),
        logged.version,
        commit.seq,
        after.created_at,
        after.modified_at,
        ahead,
        _document(after),
    )


def _recorded(store: Store, logged: Logged, head: Head | None, row: tuple[int, int], commit: LoggedCommit) -> Head:
    """The head after history was written: what stands is as it was, if anything does."""
    eid, ahead = row
    kind = store.kind_of(logged.types)
    if head is None:
        return Head(eid, kind, logged.version, commit.seq, commit.at, commit.at, ahead, None)
    kind = head.kind if head.doc else kind
    return head._replace(kind=kind, version=logged.version, seq=commit.seq, ahead=ahead)


def _document(entity: Entity) -> bytes:
    lasts = lasting(entity)
    expires, fades = lasts.expires_at or None, lasts.fades_at
    return codec.encode(Doc(entity.id, entity.types, entity.attrs, entity.scope or None, expires=expires, fades=fades))


def _entry(logged: Logged, head: Head | None, after: Head) -> Entry:
    written = (logged.attrs, logged.scope, logged.dropped, logged.late, logged.erased, logged.amended, logged.expires)
    body = codec.encode(Doc(logged.id, logged.types, *written, gone=logged.gone))
    return Entry(after.eid, head.seq if head else 0, logged.version, logged.status, logged.whole, body)


def load(folder: Path, commits: Iterable[LoggedCommit], events: Iterable[tuple[str, Event]] = (), url: str = "") -> int:
    """Fill the empty hub in `folder` with a dumped log and the events of its lanes; returns how many commits.

    Conflict unless it is empty.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = take(folder)
    store = open_store(folder, url)
    try:
        count = restore(store, commits)
        restore_events(store, events)
        return count
    finally:
        store.close()
        lock.close()
