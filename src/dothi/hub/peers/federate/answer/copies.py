"""What sources said last, kept for when one is cut off: known copies, each with its age (decision 0161).

The copies of one registration stand in a tenant beside the registration's own, whose name no header can carry: so
every filter works on them as on entities, they outlive a crash, and no list of the city shows them. They are written
in the background, and only where they differ; how fresh they are is remembered in memory.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import msgspec

from dothi.ground.clock import from_iso
from dothi.ground.errors import DothiError
from dothi.hub.core import Hub
from dothi.hub.language.nodes import Query
from dothi.hub.model import Actor, Change, Commit, Entity, Op, instances, system
from dothi.hub.peers.federate.registrations import Registration

log = logging.getLogger("dothi.hub")
KEEPER = system("hub")
MOST = 10_000  # Copies looked at for one answer.
_WAITING = 100  # Answers that wait to be kept; with more, new ones are not.


class Recalled(NamedTuple):
    """Copies that match, and the moment (µs) at which the oldest of them was last confirmed."""

    entities: tuple[Entity, ...]
    since: int


class _Answer(NamedTuple):
    registration: Registration
    entities: Sequence[Entity]
    complete: Query | None
    at: int


@dataclass(slots=True, eq=False)
class Copies:
    """The known copies of one hub."""

    hub: Hub
    _confirmed: dict[str, dict[str, int]] = field(default_factory=dict)  # By tenant of copies, by entity (µs).
    _queue: "asyncio.Queue[_Answer] | None" = None
    _writer: "asyncio.Task[None] | None" = None

    def keep(self, registration: Registration, entities: Sequence[Entity], complete: Query | None, at: int) -> None:
        """Remember what a source said at `at` (µs), in the background.

        `complete` is the query to which this is the whole answer: copies that match it and were not told any more
        are gone at the source. None: nothing is known of other entities.
        """
        confirmed = self._confirmed.setdefault(copies_of(registration), {})
        confirmed.update((one.id, at) for one in entities)
        queue = self._opened()
        with contextlib.suppress(asyncio.QueueFull):
            queue.put_nowait(_Answer(registration, entities, complete, at))

    def recall(self, actor: Actor, registration: Registration, query: Query) -> Recalled:
        """The copies of a source that match a query, as far as `actor` may read them."""
        tenant = copies_of(registration)
        try:
            page = self.hub.query(actor, replace(query, tenant=tenant, limit=MOST, offset=0, count=False, order=()))
        except DothiError:
            return Recalled((), 0)
        confirmed = self._confirmed.get(tenant, {})
        ages = [confirmed.get(one.id, one.modified_at) for one in page.entities]
        return Recalled(tuple(_as_told(one) for one in page.entities), min(ages, default=0))

    async def forget(self, tenant: str, registration_id: str) -> None:
        """Delete the copies of a source: its registration is gone."""
        tenant = _place(tenant, registration_id)
        self._confirmed.pop(tenant, None)
        await self.settle()
        while page := self.hub.query(KEEPER, Query(tenant=tenant, limit=1000)).entities:
            await self._commit(tenant, [Change(Op.DELETE, one.id) for one in page])

    async def settle(self) -> None:
        """Wait until all that was told is kept."""
        if self._queue is not None:
            await self._queue.join()

    async def close(self) -> None:
        """Keep what waits, then stop."""
        await self.settle()
        if self._writer is not None:
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer
            self._writer = self._queue = None

    def _opened(self) -> "asyncio.Queue[_Answer]":
        if self._queue is None or self._writer is None or self._writer.done():
            self._queue = asyncio.Queue(_WAITING)
            self._writer = asyncio.create_task(self._write(self._queue))
        return self._queue

    async def _write(self, queue: "asyncio.Queue[_Answer]") -> None:
        while True:
            answer = await queue.get()
            try:
                await self._keep(answer)
            except DothiError as error:
                log.warning("copies of %s could not be kept: %s", answer.registration.id, error.detail)
            finally:
                queue.task_done()

    async def _keep(self, answer: _Answer) -> None:
        tenant = copies_of(answer.registration)
        named = {one.id: one for one in answer.entities}
        known = self._known(tenant, named)
        changes = [_put(one) for one in named.values() if not _same(one, known.get(one.id))]
        if answer.complete is not None:
            gone = self.recall(KEEPER, answer.registration, answer.complete).entities
            confirmed = self._confirmed.get(tenant, {})
            # One that was confirmed after this answer came is there, whatever this answer says.
            changes += [
                Change(Op.DELETE, one.id)
                for one in gone
                if one.id not in named and confirmed.get(one.id, 0) <= answer.at
            ]
        if changes:
            await self._commit(tenant, changes)

    def _known(self, tenant: str, ids: Iterable[str]) -> dict[str, Entity]:
        wanted = tuple(ids)
        page = self.hub.query(KEEPER, Query(ids=wanted, tenant=tenant, limit=len(wanted))) if wanted else ()
        return {one.id: one for one in page}

    async def _commit(self, tenant: str, changes: Sequence[Change]) -> None:
        await self.hub.commit(
            Commit(KEEPER, tuple(changes), reason="known copies of a source", partial=True, tenant=tenant)
        )


def copies_of(registration: Registration) -> str:
    """The tenant in which the copies of a registration stand."""
    return _place(registration.tenant, registration.id)


def _place(tenant: str, registration_id: str) -> str:
    return f"{tenant}/copies/{registration_id}"


def _put(entity: Entity) -> Change:
    return Change(Op.PUT, entity.id, entity.types, entity.attrs, entity.scope, expires=entity.expires_at or None)


def _same(told: Entity, kept: Entity | None) -> bool:
    return kept is not None and (told.types, told.scope, told.attrs) == (kept.types, kept.scope, kept.attrs)


def _as_told(entity: Entity) -> Entity:
    """A copy with the stamps of its source, as far as its instances carry them."""
    listed = [one for attribute in entity.attrs.values() for one in instances(attribute)]
    created = [from_iso(one["createdAt"]) for one in listed if "createdAt" in one]
    modified = [from_iso(one["modifiedAt"]) for one in listed if "modifiedAt" in one]
    return msgspec.structs.replace(
        entity,
        created_at=min(created, default=entity.created_at),
        modified_at=max(modified, default=entity.modified_at),
    )
