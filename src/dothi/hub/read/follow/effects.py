"""What commits did, told again from the log: each entity before and after, for those who missed the moment itself."""

from collections.abc import Iterator

import msgspec

from dothi.hub.model import Entity, Logged
from dothi.hub.read.past.chain import sealed
from dothi.hub.store import codec
from dothi.hub.store.port import LogRow, Store
from dothi.hub.write.apply import advance
from dothi.hub.write.commit import Effect

_PAGE = 200  # Commits read at a time.
_KEPT = 5_000  # States remembered while walking on, so that an entity's chain is walked once.
_STEPS = 50  # Commits of one entity that are walked back; a sensor has hundreds of thousands.


def effects(store: Store, after: int, until: int) -> Iterator[tuple[str, Effect]]:
    """(tenant, effect) of the commits with after < seq <= until, in order."""
    states: dict[int, tuple[int, Entity | None]] = {}
    while after < until:
        rows = [row for row in store.log(after, _PAGE) if row.seq <= until]
        if not rows:
            return
        for row in rows:
            yield from _of(store, row, states)
        after = rows[-1].seq


def _of(store: Store, row: LogRow, states: dict[int, tuple[int, Entity | None]]) -> Iterator[tuple[str, Effect]]:
    tenant = store.tenant_name(row.tid)
    for entry in codec.unpack(row.blob):
        seq, before = states.get(entry.eid, (-1, None))
        if seq not in (entry.previous, row.seq):  # The same entity may be changed twice in one commit.
            before = _state(store, entry.eid, entry.previous)
        logged = codec.logged(entry)
        after = advance(before, logged, row.at)
        if len(states) >= _KEPT:
            states.clear()
        states[entry.eid] = (row.seq, after)
        if logged.status != "recorded":
            yield tenant, Effect(row.tid, entry.eid, 0, 0, after, before, row.seq, row.at, _touched(logged))


def _state(store: Store, eid: int, seq: int) -> Entity | None:
    """An entity as the commit `seq` left it: its chain walked back to where everything was written.

    Where that is too far, it is taken as it stands now: what the commits that follow wrote is put over it again.
    """
    steps: list[tuple[int, Logged]] = []
    while seq and len(steps) < _STEPS:
        row = sealed(store, seq, eid) or store.commits((seq,)).get(seq)
        entries = list(codec.unpack(row.blob, eid)) if row else []
        if row is None or not entries:
            break
        steps.extend((row.at, codec.logged(entry)) for entry in reversed(entries))
        if any(entry.whole for entry in entries):
            break
        seq = entries[0].previous
    head = store.rows((eid,)).get(eid)
    entity: Entity | None = None
    if seq and len(steps) >= _STEPS and head is not None and head.doc is not None:
        entity = codec.entity_of(head.doc, head.created, head.modified, head.version)
    for at, entry in reversed(steps):
        entity = advance(entity, entry, at)
    if entity is None or head is None:
        return entity
    return msgspec.structs.replace(entity, created_at=min(entity.created_at, head.created))


def _touched(logged: Logged) -> tuple[str, ...] | None:
    if logged.whole:
        return None
    return (*logged.attrs, *(gone.partition(" ")[0] for gone in logged.dropped))
