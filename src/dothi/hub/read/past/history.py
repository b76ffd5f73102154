"""Reading the past of one entity: how it was known at an instant, and who did what to it.

Two clocks: an instance's observedAt says when the fact held, the commit's time when it was known. The same reading
sent twice is told once (entity, attribute, dataset, observedAt, value); versions known at different times stay.
"""

import msgspec

from dothi.hub.model import Attribute, Entity, Logged, LoggedCommit, instances, is_told
from dothi.hub.read.past.chain import chain
from dothi.hub.store.port import Head, Store
from dothi.hub.write.apply import advance


def as_known(store: Store, head: Head, instant: int) -> Entity | None:
    """The entity as it was known at `instant`."""
    steps: list[tuple[int, Logged]] = []
    for row, entries in chain(store, head):
        if row.at <= instant:
            steps.extend((row.at, entry) for entry in reversed(entries))
    entity: Entity | None = None
    for at, entry in reversed(steps):
        entity = advance(entity, entry, at)
    return _told(entity) if entity is not None and any(entry.gone for _, entry in steps) else entity


def _told(entity: Entity) -> Entity:
    """The entity without instances of which only that they were is left."""
    left = {name: [one for one in instances(attribute) if is_told(one)] for name, attribute in entity.attrs.items()}
    attrs: dict[str, Attribute] = {name: some[0] if len(some) == 1 else some for name, some in left.items() if some}
    return msgspec.structs.replace(entity, attrs=attrs)


def trail(store: Store, head: Head, tenant: str, limit: int) -> list[LoggedCommit]:
    """Who did what to one entity, newest first."""
    found: list[LoggedCommit] = []
    for row, entries in chain(store, head):
        found.append(LoggedCommit(row.seq, row.at, tenant, row.actor, row.reason, tuple(entries)))
        if len(found) == limit:
            break
    return found
