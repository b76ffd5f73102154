"""What a hub remembers of entities, standing or gone, as far as somebody may read the state that they stood in last."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator

import msgspec

from dothi.ground.errors import Missing
from dothi.hub.access import Policy
from dothi.hub.language.nodes import Query, Window
from dothi.hub.model import Actor, Entity, LoggedCommit, Readings
from dothi.hub.read.past import ever, history
from dothi.hub.read.past.chain import chain
from dothi.hub.read.past.evolution import Past, begun
from dothi.hub.read.past.face import Face
from dothi.hub.read.past.traces import Traces
from dothi.hub.read.readings import readings
from dothi.hub.store import codec
from dothi.hub.store.cold.archive import Archive
from dothi.hub.store.port import Head, Store

MOST_GONE = 1000  # Last states of entities that are gone, kept since they cost a walk.


class Erased(Missing):
    """The evolution of an entity was erased, and none has begun since."""


class Memory:
    """The past of one store, behind one policy. What nobody may see is told as if it had never been."""

    def __init__(self, store: Store, policy: Policy, archive: Archive) -> None:
        """Nothing is traced yet."""
        self.face = Face(store, archive)
        self._store = store
        self._policy = policy
        self._traces = Traces(store)
        self._gone: OrderedDict[tuple[int, int], Entity] = OrderedDict()

    def visible(self, actor: Actor, entity_id: str, tenant: str) -> Head:
        """The head of an entity, deleted or not, whose last known state `actor` may read; else Missing."""
        head = self._head(entity_id, tenant)
        if head is not None and self.may_recall(actor, head):
            return head
        raise Missing(f"Entity {entity_id} was never there, or you may not see it.", entity=entity_id)

    def may_recall(self, actor: Actor, head: Head) -> bool:
        """Whether `actor` may read the state that an entity stood in last."""
        return self._policy.may_read(actor, self.last_state(head))

    def last_state(self, head: Head) -> Entity:
        """An entity as it stands, or as it stood last."""
        if head.doc is not None:
            return codec.entity_of(head.doc, head.created, head.modified, head.version)
        key = (head.eid, head.seq)
        found = self._gone.get(key)
        if found is None:
            found = self._gone[key] = self._stood(head)
            while len(self._gone) > MOST_GONE:
                self._gone.popitem(last=False)
        return found

    def _stood(self, head: Head) -> Entity:
        # What never stood was never modified: an evolution that began as one may be long, and is not walked.
        before = history.as_known(self._store, head, head.modified - 1) if head.modified > head.created else None
        if before is not None:
            return msgspec.structs.replace(before, modified_at=head.modified)
        _, entries = next(chain(self._store, head))
        return Entity(entries[-1].id, entries[-1].types, {}, (), head.created, head.modified)

    def past(
        self, actor: Actor, entity_id: str, names: Iterable[str], window: Window, strict: bool, tenant: str
    ) -> Past:
        """See Hub.past."""
        head = self.visible(actor, entity_id, tenant)
        series = self._traces.read(head, names, window, strict)
        if series is None:
            raise Erased(f"The history of {entity_id} was erased.", entity=entity_id)
        return Past(self.last_state(head), series)

    def pasts(self, actor: Actor, query: Query, names: Iterable[str], window: Window) -> Iterator[Past]:
        """See Hub.pasts."""
        tid = self._store.tenant(query.tenant)
        if tid is None:
            return
        for head in ever.heads(self._store, tid, self._policy.narrow(actor, query)):
            if self.may_recall(actor, head):
                series = self._traces.read(head, names, window)
                if series is not None:
                    yield Past(self.last_state(head), series)

    def remembers(self, actor: Actor, entity_id: str, tenant: str) -> bool:
        """See Hub.remembers."""
        head = self._head(entity_id, tenant)
        return head is not None and begun(self._store, head) and self.may_recall(actor, head)

    def readings(
        self,
        actor: Actor,
        ids: Iterable[str],
        names: Iterable[str],
        span: tuple[int, int],
        told: Callable[[float], None] | None,
    ) -> dict[tuple[str, str], Readings]:
        """See Hub.readings."""
        tid = self._store.tenant("")
        heads = {} if tid is None else self._store.heads(tid, tuple(ids))
        seen = {head.eid: name for name, head in heads.items() if self.may_recall(actor, head)}
        return readings(self._store, seen, names, *span, told, self.face) if seen else {}

    def as_known(self, actor: Actor, entity_id: str, instant: int, tenant: str) -> Entity | None:
        """See Hub.as_known."""
        return history.as_known(self._store, self.visible(actor, entity_id, tenant), instant)

    def trail(self, actor: Actor, entity_id: str, tenant: str, limit: int) -> list[LoggedCommit]:
        """See Hub.trail."""
        return history.trail(self._store, self.visible(actor, entity_id, tenant), tenant, limit)

    def _head(self, entity_id: str, tenant: str) -> Head | None:
        tid = self._store.tenant(tenant)
        return None if tid is None else self._store.heads(tid, (entity_id,)).get(entity_id)
