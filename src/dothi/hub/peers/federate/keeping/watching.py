"""Those who subscribed to registrations are told when one begins to match, changes, or matches no more (5.11.7).

What each was told of last is kept beside the letters: after a crash it is compared with what stands, and what was
missed meanwhile is told then.
"""

import asyncio
import contextlib
import logging
import uuid
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import msgspec

from dothi.ground.clock import SECOND, iso, now_us
from dothi.ground.errors import DothiError, Missing
from dothi.hub.context import CORE, Contexts
from dothi.hub.core import Hub
from dothi.hub.language.nodes import Window
from dothi.hub.language.time import parse_window
from dothi.hub.model import RECORDS, Commit, Entity, Post
from dothi.hub.peers import records
from dothi.hub.peers.federate.keeping.documents import written
from dothi.hub.peers.federate.keeping.filtering import passes
from dothi.hub.peers.federate.keeping.registering import shown_to
from dothi.hub.peers.federate.matching import Match, Registry, Selector, Wanted, match
from dothi.hub.peers.federate.registrations import Registration
from dothi.hub.peers.notify.delivery.lanes import Lanes
from dothi.hub.peers.notify.documents.compiling import compiled, names_of
from dothi.hub.peers.notify.model import Subscription, Tally
from dothi.hub.peers.notify.showing import context_of
from dothi.hub.peers.records import READER, REGISTRATION, SOURCE_SUBSCRIPTION, Record

log = logging.getLogger("dothi.hub.federate")
QUEUE = "sources"
_TOLD = "told "  # Queues of the outbox in which it is noted what a subscriber was told of last.
_EVERY_S = 2.0
Key = tuple[str, str]  # (tenant, id of the subscription)


class Reason(StrEnum):
    """Why a notification is sent (clause 5.2.39)."""

    NEW = "newlyMatching"
    UPDATED = "updated"
    GONE = "noLongerMatching"


@dataclass(slots=True)
class Watcher:
    """One subscriber, what it asks for, and the registrations that it was told of (id → version)."""

    subscription: Subscription
    wanted: Wanted
    told: dict[str, int] = field(default_factory=dict)


class Watchers:
    """Everybody who subscribed to registrations of this hub. Used from the event loop; `run` is its consumer."""

    def __init__(self, hub: Hub, registry: Registry, contexts: Contexts, lanes: Lanes) -> None:
        """Nobody is known before `run`, or before the first subscribes."""
        self.hub = hub
        self._registry = registry
        self._contexts = contexts
        self._lanes = lanes
        self._known: dict[Key, Watcher] = {}
        self._pulses: dict[Key, asyncio.Task[None]] = {}
        self._changed: set[Key] = set()
        self._closed: set[str] = set()
        registry.watch(self._tell)

    async def run(self) -> None:
        """Tell subscribers until cancelled; what was missed meanwhile first."""
        kept = self.hub.outbox().tallies
        for name in self.hub.tenants():
            if name.endswith(RECORDS):
                await self._load(name.removesuffix(RECORDS), kept)
        self._lanes.forget_strangers(QUEUE, (one.subscription.recipient.queue for one in self._known.values()))
        try:
            while True:
                await asyncio.sleep(_EVERY_S)
                await self.write()
        finally:
            for pulse in self._pulses.values():
                pulse.cancel()

    async def refresh(self, tenant: str, record_id: str) -> None:
        """A subscription was made, changed or deleted; a standing one is told of all that match now."""
        key = (tenant, record_id)
        self._stop(key)
        try:
            record = records.read(self.hub, READER, SOURCE_SUBSCRIPTION, record_id, tenant)
        except Missing:
            self._drop(key)
            return
        watcher = await self._take(record)
        self._tell_all(watcher)

    def tally(self, tenant: str, record_id: str) -> Tally:
        """How telling a subscriber went so far."""
        return self._lanes.tally(queue_of(tenant, record_id))

    async def write(self) -> None:
        """Note what subscribers were told of, after their letters."""
        changed, self._changed = self._changed, set()
        closed, self._closed = self._closed, set()
        if not (changed or closed):
            return
        await self._lanes.checkpoint(None)
        notes = {
            _TOLD + queue_of(*key): msgspec.msgpack.encode(self._known[key].told)
            for key in changed & self._known.keys()
        }
        with contextlib.suppress(DothiError):
            post = Post(tallies=notes, closed=tuple(closed))
            await self.hub.commit(Commit(READER, (), "subscribers to registrations told", post=post))

    async def _load(self, tenant: str, kept: dict[str, bytes]) -> None:
        for record in records.listed(self.hub, READER, SOURCE_SUBSCRIPTION, tenant):
            try:
                watcher = await self._take(record)
            except (DothiError, KeyError, TypeError, ValueError):
                log.exception("The subscription %s cannot be understood and is left out", record.id)
                continue
            note = kept.get(_TOLD + queue_of(tenant, record.id))
            watcher.told = msgspec.msgpack.decode(note, type=dict[str, int]) if note else {}
            self._catch_up(watcher)

    async def _take(self, record: Record) -> Watcher:
        key = (record.tenant, record.id)
        try:
            names = await names_of(self._contexts, record.document)
        except DothiError as missing:
            log.warning("%s is told in full names: %s", record.id, missing.detail)
            names = CORE
        found = compiled(record, names)
        found = replace(found, recipient=replace(found.recipient, queue=queue_of(*key)))
        watcher = Watcher(found, wanted_of(found, record.document["document"].get("temporalQ")))
        self._known[key] = watcher
        self._registry.none(record.tenant)  # Its registrations are at hand from now on: changes have a before.
        self._lanes.know(found.recipient)
        if found.interval:
            self._pulses[key] = asyncio.get_running_loop().create_task(self._pulse(watcher))
        return watcher

    def _drop(self, key: Key) -> None:
        if self._known.pop(key, None) is not None:
            self._lanes.forget(queue_of(*key))
            self._closed.add(_TOLD + queue_of(*key))

    def _stop(self, key: Key) -> None:
        pulse = self._pulses.pop(key, None)
        if pulse is not None:
            pulse.cancel()

    def _tell(self, before: Registration | None, after: Registration | None) -> None:
        """A registration was made, changed or deleted: tell those whom it concerns."""
        standing = after or before
        assert standing is not None
        for watcher in tuple(self._known.values()):
            subscription = watcher.subscription
            if subscription.tenant != standing.tenant or subscription.interval:
                continue
            was, now = self._match(watcher, before), self._match(watcher, after)
            if now is not None:
                self._post(watcher, [now], Reason.NEW if was is None else Reason.UPDATED)
            elif was is not None:
                gone = was if after is None else Match(after, was.information)
                self._post(watcher, [gone], Reason.GONE)

    def _tell_all(self, watcher: Watcher) -> None:
        found = self._standing(watcher)
        if found:
            self._post(watcher, found, Reason.NEW)

    def _catch_up(self, watcher: Watcher) -> None:
        """Tell of what changed while nobody looked: what stands is compared with what was told of."""
        found = self._standing(watcher)
        new = [one for one in found if one.registration.id not in watcher.told]
        changed = [one for one in found if watcher.told.get(one.registration.id, 0) not in (0, _version(one))]
        if not watcher.subscription.interval:
            for matches, reason in ((new, Reason.NEW), (changed, Reason.UPDATED)):
                if matches:
                    self._post(watcher, matches, reason)

    def _standing(self, watcher: Watcher) -> list[Match]:
        every = self._registry.all(watcher.subscription.tenant)
        return [found for one in every if (found := self._match(watcher, one)) is not None]

    def _match(self, watcher: Watcher, registration: Registration | None) -> Match | None:
        """The registration as far as it concerns a subscriber who may see it."""
        if registration is None or not passes(registration, watcher.subscription.csf):
            return None
        if not self.hub.may_read(watcher.subscription.maker, Entity(registration.id, (REGISTRATION,), {})):
            return None
        return match(registration, watcher.wanted)

    async def _pulse(self, watcher: Watcher) -> None:
        """Tell a subscriber by the clock, whatever changed."""
        while True:
            await asyncio.sleep(watcher.subscription.interval / SECOND)
            self._tell_all(watcher)

    def _post(self, watcher: Watcher, found: list[Match], reason: Reason) -> None:
        """Put a notification (clause 5.3.2) on its way."""
        subscription, now = watcher.subscription, now_us()
        if subscription.recipient.status(now) != "active":
            return
        body = {
            "id": f"urn:ngsi-ld:Notification:{uuid.uuid4()}",
            "type": "ContextSourceNotification",
            "subscriptionId": subscription.id,
            "notifiedAt": iso(now),
            "triggerReason": reason,
            "data": [self._shown(subscription, one) for one in found],
        }
        queue, fleeting = subscription.recipient.queue, bool(subscription.interval)
        self._lanes.put(queue, msgspec.json.encode(body), now, fleeting)
        for one in found:
            if reason is Reason.GONE:
                watcher.told.pop(one.registration.id, None)
            else:
                watcher.told[one.registration.id] = _version(one)
        self._changed.add((subscription.tenant, subscription.id))

    def _shown(self, subscription: Subscription, found: Match) -> dict[str, Any]:
        """The registration in the subscriber's names, with those parts only that concern it (clause 5.11.7)."""
        names, registration = subscription.shape.names, found.registration
        parts = [dict(one.document) for one in found.information]
        shown = written(shown_to(subscription.maker, registration) | {"information": parts}, names)
        shown |= self._registry.tallies.of(registration).members()
        if subscription.recipient.endpoint.in_body:
            shown["@context"] = context_of(names)
        return shown


def queue_of(tenant: str, record_id: str) -> str:
    """The name of the queue of letters to a subscriber."""
    return f"{QUEUE} {tenant} {record_id}"


def wanted_of(subscription: Subscription, temporal: dict[str, Any] | None) -> Wanted:
    """What a subscription asks for (clauses 5.11.2.4 and 5.12)."""
    shape = subscription.shape
    shown = shape.attrs if shape.attrs is not None else shape.pick
    attrs = (shown or frozenset()) | (subscription.watched or frozenset()) if shown else frozenset()
    return Wanted(
        selectors=tuple(Selector(one.types, tuple(sorted(one.ids)), one.pattern) for one in subscription.chosen),
        attrs=attrs - {"id", "type", "scope"},
        window=_window(temporal),
        geo=subscription.geo,
        scope=subscription.scope,
        strict=True,
    )


def _window(temporal: dict[str, Any] | None) -> Window | None:
    if temporal is None:
        return None
    return parse_window(*(temporal.get(name) for name in ("timerel", "timeAt", "endTimeAt", "timeproperty")))


def _version(found: Match) -> int:
    return found.registration.version
