"""Subscribers are told: changes are heard as they are committed, matched, written down as letters and sent.

Live, the writer's thread hands over what each flush did, as far as somebody may be concerned. After a start the log is
read from the last checkpoint on. Both ways meet in `_tell`.
"""

import asyncio
import contextlib
import logging
import uuid
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import msgspec

from dothi.ground.clock import SECOND, iso, now_us
from dothi.ground.errors import DothiError, Missing
from dothi.hub.context import Contexts, Names
from dothi.hub.core import Hub
from dothi.hub.model import RECORDS, Entity
from dothi.hub.peers import records
from dothi.hub.peers.notify.changes import Changed, compare, concerns, holds, selects
from dothi.hub.peers.notify.delivery.lanes import CONSUMER, Lanes
from dothi.hub.peers.notify.delivery.sending import Sender
from dothi.hub.peers.notify.documents.compiling import QUEUE, compiled, names_of, queue_of
from dothi.hub.peers.notify.index import Index
from dothi.hub.peers.notify.model import Patience, Subscription, Tally
from dothi.hub.peers.notify.showing import documents, states, wrapped
from dothi.hub.peers.notify.standing import MOST_TOGETHER, standing
from dothi.hub.peers.wire import Wire
from dothi.hub.write.commit import Effect

log = logging.getLogger("dothi.hub.notify")
SOURCES = "sources"  # Queues of those who subscribed to registrations (clause 5.11) begin with it.
_HEARD = 20_000  # Effects that wait to be looked at; beyond it the log is read again instead.
_STEP = 200  # Effects looked at before others have their turn.
_STRIDE = 10_000  # Commits after which the position is written though nobody was told anything.
_NAMESPACE = uuid.UUID("6f0cbe9c-2f5b-5a0e-9d53-1f4f0b6c8f11")


class Notifier:
    """Everybody who subscribed to entities of this hub. Used from the event loop; `run` is its consumer."""

    def __init__(self, hub: Hub, contexts: Contexts, wire: Wire, patience: Patience = Patience()) -> None:
        """Read what subscriptions there are; nothing is sent before `run`."""
        self.hub = hub
        self._contexts = contexts
        self._sender = Sender(wire, patience)
        self._patience = patience
        self.lanes = Lanes(hub, self._sender.deliver, patience, (QUEUE, SOURCES))
        self._index = Index()
        self._known: dict[tuple[str, str], Subscription] = {}
        self._pulses: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._heard: deque[Effect] = deque()
        self._last = 0  # Sequence up to which everything is heard.
        self._seen = 0  # And looked at.
        self._kept = 0  # And written down.
        self._missed = False
        self._reading = False  # The log is read: what comes meanwhile is heard and waits.
        self._tenants: dict[int, str] = {}
        self._running = False
        self._bell = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self) -> None:
        """Tell subscribers until cancelled; what was missed meanwhile first."""
        self._loop = asyncio.get_running_loop()
        self._bell = asyncio.Event()
        if self.hub.shared:  # Another process may have told subscribers: what it wrote down counts, nothing else.
            self.lanes.recall()
            self._heard.clear()
            self._seen = self._kept = 0
            self._missed = False
        await self._load()
        self.hub.watch(self._hear)
        self._last = max(self._last, self.hub.last_seq())
        self._running = True
        try:
            await self._catch_up(self.hub.cursor(CONSUMER) or self._last, self._last)
            async with asyncio.TaskGroup() as beside:
                beside.create_task(self._follow())
                beside.create_task(self._write_down())
        finally:
            await self._stop()

    async def _stop(self) -> None:
        self._running = False
        self.hub.unwatch(self._hear)
        for task in self._pulses.values():
            task.cancel()
        self._pulses.clear()
        await self.lanes.close()
        with contextlib.suppress(DothiError):
            await self.lanes.checkpoint(self._seen)
        await self._sender.close()

    async def refresh(self, tenant: str, record_id: str) -> None:
        """A subscription was made, changed or deleted: it counts from now on."""
        try:
            record = records.read(self.hub, records.READER, records.SUBSCRIPTION, record_id, tenant)
        except Missing:
            self._drop(tenant, record_id)
            return
        await self._take(record)
        if self._running and not self._kept:
            await self._checkpoint()  # The first of all: from here on the log is looked at after a crash.

    @property
    def behind(self) -> int:
        """How many commits were not looked at yet."""
        return self.hub.last_seq() - self._seen_idle()

    def subscription(self, tenant: str, record_id: str) -> Subscription | None:
        """A subscription as it is worked with."""
        return self._known.get((tenant, record_id))

    def tally(self, tenant: str, record_id: str) -> Tally:
        """How telling a subscriber went so far."""
        return self.lanes.tally(queue_of(tenant, record_id))

    def tell_of(self, subscription: Subscription, entities: Iterable[Entity]) -> int:
        """Tell a subscriber of entities that another hub told of (clause 5.8.6); how many it may and wants to see."""
        now = now_us()
        linked = partial(self._linked, subscription)
        if subscription.recipient.status(now) != "active":
            return 0
        wanted = [
            one
            for one in entities
            if selects(subscription.chosen, one)
            and holds(subscription, one, linked)
            and self._readable(subscription, one)
        ]
        if wanted:
            self.post(subscription, states(subscription, wanted, linked), now, str(uuid.uuid4()))
        return len(wanted)

    async def _load(self) -> None:
        """Take in every subscription of every tenant."""
        self._known.clear()
        self._index = Index()
        for name in self.hub.tenants():
            if name.endswith(RECORDS):
                tenant = name.removesuffix(RECORDS)
                for record in records.listed(self.hub, records.READER, records.SUBSCRIPTION, tenant):
                    await asyncio.sleep(0)  # There may be very many, and others wait for their turn.
                    try:
                        await self._take(record)
                    except (DothiError, KeyError, TypeError, ValueError):
                        log.exception("The subscription %s cannot be understood and is left out", record.id)
        self.lanes.forget_strangers(QUEUE, (one.recipient.queue for one in self._known.values()))

    async def _take(self, record: records.Record) -> None:
        subscription = compiled(record, await self._names(record))
        key = (record.tenant, record.id)
        self._drop_pulse(key)
        self._known[key] = subscription
        if subscription.interval:
            self._index.drop(key)
            if self._loop is not None:
                self._pulses[key] = asyncio.get_running_loop().create_task(self._pulse(subscription))
        else:
            self._index.put(subscription)
        self.hub.heed(len(self._index) > 0)
        if self._loop is not None:
            self.lanes.know(subscription.recipient)

    async def _names(self, record: records.Record) -> Names | None:
        """The names of its notifications, None where its context cannot be had."""
        try:
            return await names_of(self._contexts, record.document)
        except DothiError as missing:
            log.warning("%s is told in full names: %s", record.id, missing.detail)
            return None

    def _drop(self, tenant: str, record_id: str) -> None:
        key = (tenant, record_id)
        self._drop_pulse(key)
        self._known.pop(key, None)
        self._index.drop(key)
        self.hub.heed(len(self._index) > 0)
        self.lanes.forget(queue_of(tenant, record_id))

    def _drop_pulse(self, key: tuple[str, str]) -> None:
        pulse = self._pulses.pop(key, None)
        if pulse is not None:
            pulse.cancel()

    def _hear(self, effects: list[Effect], seq: int) -> None:
        """In the writer's thread, after each flush: keep what may concern somebody, wake the loop."""
        try:
            concerned, dropped = self._keep(effects)
        except Exception:  # Who is told must never cost the writer its flush; the log is read again instead.
            log.exception("Commits up to %d could not be looked at as they came", seq)
            concerned = dropped = True
        self._last = seq  # After what was heard: who reads it knows that all before it is at hand.
        if dropped:
            self._missed = True
        if concerned and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._bell.set)

    def _keep(self, effects: list[Effect]) -> tuple[bool, bool]:
        """Keep what may concern somebody; whether there was any, and whether some of it found no room."""
        concerned = dropped = False
        if len(self._index):
            for effect in effects:
                if self._may_concern(effect):
                    concerned = True
                    if self._missed or len(self._heard) >= _HEARD:
                        dropped = True
                    else:
                        self._heard.append(effect)
        return concerned, dropped

    def _may_concern(self, effect: Effect) -> bool:
        entity = effect.after or effect.before
        if entity is None:
            return False
        types = entity.types if effect.before is None else {*entity.types, *effect.before.types}
        return self._index.interested(self._tenant(effect.tid), entity.id, types, names_in(effect))

    def _tenant(self, tid: int) -> str:
        name = self._tenants.get(tid)
        if name is None:
            name = self._tenants[tid] = self.hub.tenant_of(tid)
        return name

    async def _follow(self) -> None:
        """Look at what is heard, as it comes."""
        while True:
            await self._bell.wait()
            self._bell.clear()
            if self._missed:
                self._heard.clear()
                self._missed = False
                await self._catch_up(self._seen, self._last)
            until = self._last
            while self._heard and not self._missed:
                self._look(self._some())
                await asyncio.sleep(0)
            if not self._missed:
                self._seen = max(self._seen, until)

    def _some(self) -> list[Effect]:
        """The next effects, those of one commit together."""
        some: list[Effect] = []
        while self._heard and (len(some) < _STEP or self._heard[0].seq == some[-1].seq):
            some.append(self._heard.popleft())
        return [one for one in some if one.seq > self._seen]

    def _look(self, effects: Sequence[Effect]) -> None:
        """Tell of effects in the order of their commits; those of one commit go into one notification."""
        together: list[Changed] = []
        for effect in effects:
            changed = self._changed(effect, self._tenant(effect.tid))
            if together and together[-1].seq != effect.seq:
                self._tell(together)
                together = []
            if changed is not None:
                together.append(changed)
        self._tell(together)

    async def _catch_up(self, after: int, until: int) -> None:
        """Tell of commits with after < seq <= until from the log."""
        self._seen = max(self._seen, after)
        self._reading = True
        try:
            await self._read(until)
        finally:
            self._reading = False
        self._seen = max(self._seen, until)

    async def _read(self, until: int) -> None:
        """Tell of the log from where it was looked at; a checkpoint meanwhile finds how far that is."""
        if len(self._index):
            together: list[Changed] = []
            for count, (tenant, effect) in enumerate(self.hub.told(self._seen, until)):
                if together and together[-1].seq != effect.seq:
                    self._tell(together)
                    together = []
                self._seen = max(self._seen, effect.seq - 1)
                if not tenant.endswith(RECORDS) and self._may_concern(effect):
                    changed = self._changed(effect, tenant)
                    together.extend([changed] if changed is not None else [])
                if count % _STEP == 0:
                    await asyncio.sleep(0)
            self._tell(together)

    def _changed(self, effect: Effect, tenant: str) -> Changed | None:
        return compare(tenant, (effect.seq, effect.at), effect.before, effect.after, effect.touched)

    def _tell(self, changes: Sequence[Changed]) -> None:
        """Write letters about one commit: one for each subscription that is concerned."""
        now = now_us()
        found: dict[str, tuple[Subscription, dict[str, Changed]]] = {}
        for changed in changes:
            entity = changed.entity
            types = entity.types if changed.before is None else {*entity.types, *changed.before.types}
            names = {*changed.created, *changed.updated, *changed.deleted}
            if changed.before is None or changed.after is None:
                names |= entity.attrs.keys()
            for subscription in self._index.candidates(changed.tenant, entity.id, types, names):
                if concerns(subscription, changed, now, self._readable, partial(self._linked, subscription)):
                    found.setdefault(subscription.recipient.queue, (subscription, {}))[1][entity.id] = changed
        for subscription, by_id in found.values():
            self._write(subscription, list(by_id.values()), now)

    def _write(self, subscription: Subscription, changes: list[Changed], now: int) -> None:
        """One letter for the changes of a commit, several where they are very many."""
        for first in range(0, len(changes), MOST_TOGETHER):
            part = changes[first : first + MOST_TOGETHER]
            try:
                data = documents(subscription, part, partial(self._linked, subscription))
            except DothiError as failed:
                log.warning("%s is not told of commit %d: %s", subscription.id, part[0].seq, failed.detail)
                continue
            identity = f"{subscription.tenant} {subscription.id} {part[0].seq} {first}"
            self.post(subscription, data, now, identity)

    def post(self, subscription: Subscription, data: list[dict[str, object]], now: int, identity: str) -> None:
        """Put a notification (clause 5.3.1) on its way; one told twice has the same id."""
        body = {
            "id": f"urn:ngsi-ld:Notification:{uuid.uuid5(_NAMESPACE, identity)}",
            "type": "Notification",
            "subscriptionId": subscription.id,
            "notifiedAt": iso(now),
            "data": wrapped(subscription, data),
        }
        queue, fleeting = subscription.recipient.queue, bool(subscription.interval)
        self.lanes.put(queue, msgspec.json.encode(body), now, fleeting)

    def _readable(self, subscription: Subscription, entity: Entity) -> bool:
        return self.hub.may_read(subscription.maker, entity)

    def _linked(self, subscription: Subscription, ids: Iterable[str]) -> Iterator[Entity]:
        """The entities with those ids, as far as the maker of a subscription may read them."""
        for entity_id in ids:
            with contextlib.suppress(Missing):
                yield self.hub.get(subscription.maker, entity_id, subscription.tenant)

    async def _pulse(self, subscription: Subscription) -> None:
        """Tell a subscriber by the clock, whatever changed (clause 5.8.6)."""
        while True:
            await asyncio.sleep(subscription.interval / SECOND)
            now = now_us()
            status = subscription.recipient.status(now)
            if status == "expired":
                return
            if status == "active":
                try:
                    self._tell_all(subscription, now)
                except DothiError as failed:
                    log.warning("%s is not told: %s", subscription.id, failed.detail)

    def _tell_all(self, subscription: Subscription, now: int) -> None:
        """A letter with all entities that are subscribed to as they stand; none when there are none."""
        page: list[Entity] = []
        for entity in standing(self.hub, subscription, partial(self._linked, subscription)):
            page.append(entity)
            if len(page) == MOST_TOGETHER:
                self._post_states(subscription, page, now)
                page = []
        if page:
            self._post_states(subscription, page, now)

    def _post_states(self, subscription: Subscription, page: list[Entity], now: int) -> None:
        data = states(subscription, page, partial(self._linked, subscription))
        self.post(subscription, data, now, f"{subscription.tenant} {subscription.id} {now} {page[0].id}")

    async def _write_down(self) -> None:
        """Checkpoints: what is not delivered yet, and how far the log was looked at."""
        while True:
            await asyncio.sleep(self._patience.checkpoint_s)
            if self.lanes.changed or self._seen_idle() - self._kept > _STRIDE:
                try:
                    await self._checkpoint()
                except DothiError as failed:
                    log.warning("Notifications on their way are not written down yet: %s", failed.detail)

    def _seen_idle(self) -> int:
        """How far the log was looked at: all that is heard, when nothing waits to be looked at."""
        last = self._last
        if not (self._reading or self._heard or self._missed or self._bell.is_set()):
            self._seen = max(self._seen, last)
        return self._seen

    async def _checkpoint(self) -> None:
        seen = self._seen_idle()
        await self.lanes.checkpoint(seen)
        self._kept = seen


def names_in(effect: Effect) -> Sequence[str]:
    """The attributes that an effect may have changed."""
    if effect.touched is not None:
        return effect.touched
    after, before = effect.after, effect.before
    return [*(after.attrs if after else ()), *(before.attrs if before else ())]
