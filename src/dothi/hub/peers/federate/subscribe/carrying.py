"""Keeping the copies of subscriptions at sources as they should be, and taking in what sources tell.

What should stand at the sources follows from the subscriptions and registrations; what was sent stands in a record of
its own for each pair of them, written before the source is asked. The two are compared at every change and after every
failure, so a crash, a cut line or a source that comes late costs time and nothing else (decision 0163). The id of a
copy is random and known to the source alone: only who has it can tell this hub anything.
"""

import asyncio
import hashlib
import json
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote

from dothi.ground.clock import from_iso
from dothi.ground.errors import DothiError, Forbidden, Invalid, Missing
from dothi.ground.ids import urn
from dothi.hub.context import CORE, Names
from dothi.hub.language.nodes import Query
from dothi.hub.model import RECORDS, Entity
from dothi.hub.peers import records
from dothi.hub.peers.federate.answer.gathering import Concerned, Peers, concerned, gather, suiting
from dothi.hub.peers.federate.answer.gathering import wanted_of as wanted_entities
from dothi.hub.peers.federate.ask.asking import READ_ONE, Asked
from dothi.hub.peers.federate.ask.forwarding import Call, Caller, Reply, ask, spoken
from dothi.hub.peers.federate.ask.hearing import heard
from dothi.hub.peers.federate.keeping.watching import Watchers
from dothi.hub.peers.federate.matching import Match
from dothi.hub.peers.federate.registrations import Mode, Registration, registration_of
from dothi.hub.peers.federate.subscribe import sources
from dothi.hub.peers.federate.subscribe.ending import tell_end_of
from dothi.hub.peers.federate.subscribe.reducing import reduced, wanted_of
from dothi.hub.peers.notify.documents.compiling import names_of
from dothi.hub.peers.notify.model import Subscription
from dothi.hub.peers.notify.notifier import Notifier
from dothi.hub.peers.records import CARRIED, READER, REGISTRATION, SUBSCRIPTION, Record
from dothi.hub.render.values import is_moment

log = logging.getLogger("dothi.hub")
_AGAIN_S = 15.0  # Until what could not be said is said again.
_FOLLOWED = frozenset({SUBSCRIPTION, REGISTRATION})

Pair = tuple[str, str]  # Ids of a subscription and of a registration.


class Wish(NamedTuple):
    """What should stand at a source."""

    match: Match
    subscription: Subscription
    document: dict[str, Any]
    names: Names

    @property
    def digest(self) -> str:
        """Tells a changed copy from one that stands there already."""
        return hashlib.sha256(json.dumps(self.document, sort_keys=True).encode()).hexdigest()


@dataclass(slots=True, eq=False)
class Carrier:
    """Carries subscriptions to sources; `inbox` is the address at which sources tell this hub."""

    peers: Peers
    notifier: Notifier
    watchers: Watchers
    inbox: str
    _stirred: set[str] = field(default_factory=set)  # Tenants to be looked at.
    _standing: set[tuple[str, str]] = field(default_factory=set)  # Subscriptions that something stands for.
    _looked: set[str] = field(default_factory=set)  # Tenants whose standing ones are known.
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Keep the copies as they should be, until cancelled."""
        self._bell = asyncio.Event()
        hub = self.peers.hub
        self._stirred = {name.removesuffix(RECORDS) for name in hub.tenants() if name.endswith(RECORDS)}
        self._bell.set()
        async with asyncio.TaskGroup() as beside:
            beside.create_task(self._follow(hub.last_seq()))
            beside.create_task(self._work())

    async def _follow(self, after: int) -> None:
        async for commit in self.peers.hub.follow(after, lambda types: not _FOLLOWED.isdisjoint(types), whole=False):
            if commit.entries:
                self._stirred.add(commit.tenant.removesuffix(RECORDS))
                self._bell.set()

    async def _work(self) -> None:
        while True:
            await self._bell.wait()
            self._bell.clear()
            tenants, self._stirred = self._stirred, set()
            for tenant in tenants:
                try:
                    done = await self.settle(tenant)
                except DothiError as error:
                    log.warning("subscriptions of tenant %r are not carried on: %s", tenant, error.detail)
                    done = False
                if not done:
                    asyncio.get_running_loop().call_later(_AGAIN_S, self._stir, tenant)

    def _stir(self, tenant: str) -> None:
        self._stirred.add(tenant)
        self._bell.set()

    async def settle(self, tenant: str) -> bool:
        """Make the copies at the sources what they should be; whether all is said."""
        hub = self.peers.hub
        kept = {_pair(one): one for one in records.listed(hub, READER, CARRIED, tenant)}
        if not kept and self.peers.line.registry.none(tenant):
            return True
        await self._stand_in(tenant)
        wishes = await self._wishes(tenant)
        done = [await self._withdraw(one) for pair, one in kept.items() if pair not in wishes]
        for pair, wish in wishes.items():
            done.append(await self._place(tenant, pair, wish, kept.get(pair)))
        return all(done)

    async def _stand_in(self, tenant: str) -> None:
        """Keep a subscription to registrations for each subscription that is not about this hub alone."""
        spread = {
            one.id: one
            for one in records.listed(self.peers.hub, READER, SUBSCRIPTION, tenant)
            if not one.document["document"].get("localOnly", False)
        }
        if tenant not in self._looked:  # Those that stood before this process began.
            self._looked.add(tenant)
            self._standing |= {(tenant, name) for name in sources.standing(self.watchers, tenant)}
        gone = {key for key in self._standing if key[0] == tenant and key[1] not in spread}
        for key in gone:
            await sources.drop(self.watchers, *key)
        for record in spread.values():
            try:
                await sources.stand_for(self.watchers, self.peers.line.contexts, record, self.inbox)
            except Forbidden as refused:  # Its maker may not; all others go on.
                log.info("%s hears of no new sources: %s", record.id, refused.detail)
        self._standing = (self._standing - gone) | {(tenant, name) for name in spread}

    async def _wishes(self, tenant: str) -> dict[Pair, Wish]:
        found: dict[Pair, Wish] = {}
        for record in records.listed(self.peers.hub, READER, SUBSCRIPTION, tenant):
            subscription = self.notifier.subscription(tenant, record.id)
            if subscription is None or subscription.local_only:
                continue
            suits = suiting(subscription.csf)
            for match in self.peers.line.registry.matching(tenant, "createSubscription", wanted_of(subscription)):
                if match.mode is not Mode.AUXILIARY and suits(match):
                    found[record.id, match.registration.id] = await self._wish(record, subscription, match)
        return found

    async def _wish(self, record: Record, subscription: Subscription, match: Match) -> Wish:
        try:
            own = await names_of(self.peers.line.contexts, record.document)
        except DothiError:
            own = CORE
        names = await spoken(self.peers.line, _caller(subscription, own), match.registration)
        split = subscription.split_entities or self.peers.split
        place = f"{self.inbox}?tenant={quote(record.tenant)}" if record.tenant else self.inbox
        return Wish(match, subscription, reduced(record, subscription, match, names, split, place), names)

    async def _place(self, tenant: str, pair: Pair, wish: Wish, kept: Record | None) -> bool:
        if kept is not None and kept.document["digest"] == wish.digest:
            return True
        registration = wish.match.registration
        if kept is None:
            copy_id = urn("Subscription", "distsub", uuid.uuid4().hex)
            document = {
                "subscription": pair[0],
                "registration": pair[1],
                "source": dict(registration.document),
                "digest": "",
            }
            await records.create(self.peers.hub, READER, CARRIED, copy_id, document, tenant)
            kept = records.read(self.peers.hub, READER, CARRIED, copy_id, tenant)
        reply = await self._say(kept, wish)
        if not reply.good and reply.status != 409:
            return not reply.cut  # Refused for good, or to be said again.
        await records.replace(self.peers.hub, READER, kept, {**kept.document, "digest": wish.digest})
        return True

    async def _say(self, kept: Record, wish: Wish) -> Reply:
        """Create the copy at the source, or change it; one that is not there any more is made again."""
        registration, caller = wish.match.registration, _caller(wish.subscription, wish.names)
        line = self.peers.line
        if kept.document["digest"]:
            path = f"/subscriptions/{quote(kept.id, safe=':')}"
            reply = await ask(line, caller, registration, Call("PATCH", path, body=wish.document), wish.names)
            if reply.status != 404:
                return reply
        body = {"id": kept.id, **wish.document}
        return await ask(line, caller, registration, Call("POST", "/subscriptions", body=body), wish.names)

    async def _withdraw(self, kept: Record) -> bool:
        """Delete a copy whose subscription or registration is gone (clause 5.8.5.4)."""
        source = kept._replace(id=kept.document["registration"], document=kept.document["source"])
        registration: Registration = registration_of(source)
        if kept.document["digest"] and registration.offers("deleteSubscription"):
            path = f"/subscriptions/{quote(kept.id, safe=':')}"
            caller = Caller(READER, kept.tenant)
            reply = await ask(self.peers.line, caller, registration, Call("DELETE", path), CORE)
            if reply.cut:
                return False
        await records.delete(self.peers.hub, READER, kept)
        return True

    async def take(self, tenant: str, document: Any, names: Names) -> int:
        """Take in what a source tells (clause 5.8.6): how many entities the subscriber is told of.

        Invalid when it is no notification, Missing when it is about no copy of ours.
        """
        if not isinstance(document, Mapping) or not isinstance(document.get("subscriptionId"), str):
            raise Invalid("The body is no Notification: it names no subscriptionId (clause 5.3.1).")
        data = document.get("data")
        if not isinstance(data, list):
            raise Invalid("The body is no Notification: data is no array of entities (clause 5.3.1).")
        kept = records.read(self.peers.hub, READER, CARRIED, document["subscriptionId"], tenant)
        subscription = self.notifier.subscription(tenant, kept.document["subscription"])
        match = self._match(tenant, kept.document["registration"])
        if subscription is None or match is None:
            raise Missing("The subscription or the registration behind this is gone.")
        found = heard(Reply(200, data, names), match, {}, self.peers.hub.guarded())
        if found.refused:
            raise Invalid(f"The notification {found.refused}")
        ends = {one["id"]: from_iso(one["deletedAt"]) for one in data if _is_end(one)}
        self._keep(match, found.entities, ends)
        gone = [(one, ends[one.id]) for one in found.entities if one.id in ends]
        changed = tuple(one for one in found.entities if one.id not in ends)
        told = tell_end_of(self.notifier, subscription, gone) if gone else 0
        return told + self.notifier.tell_of(subscription, await self._whole(subscription, match, changed))

    def _keep(self, match: Match, told: tuple[Entity, ...], ends: Mapping[str, int]) -> None:
        """What a source tells of its own accord is the newest that is known of it."""
        now, copies = self.peers.line.clock(), self.peers.copies
        copies.keep(match.registration, [one for one in told if one.id not in ends], None, now)
        if ends:
            copies.keep(match.registration, (), Query(ids=tuple(ends)), now)

    def _match(self, tenant: str, registration_id: str) -> Match | None:
        registered = self.peers.line.registry.all(tenant)
        return next((Match(one, one.information) for one in registered if one.id == registration_id), None)

    async def _whole(self, subscription: Subscription, match: Match, told: tuple[Entity, ...]) -> list[Entity]:
        """The entities as they are told; where they are split, joined with what others know of them."""
        if not (subscription.split_entities or self.peers.split):
            return list(told)
        whole: list[Entity] = []
        for one in told:
            asked = Asked(Query(ids=(one.id,), limit=1, tenant=subscription.tenant), one=True)
            caller = _caller(subscription, CORE)
            others = concerned(
                self.peers,
                caller,
                wanted_entities(asked),
                READ_ONE,
                lambda other: other.registration.id != match.registration.id,
            )
            gathered = await gather(self.peers, caller, asked, Concerned(others.matches), [(match, one)])
            whole.extend(gathered.entities)
        return whole


def _is_end(document: Any) -> bool:
    """Whether a source tells that an entity was deleted: when, and nothing else of it (clause 5.8.6)."""
    moment = document.get("deletedAt") if isinstance(document, Mapping) else None
    return isinstance(moment, str) and is_moment(moment)


def _pair(record: Record) -> Pair:
    return record.document["subscription"], record.document["registration"]


def _caller(subscription: Subscription, names: Names) -> Caller:
    return Caller(subscription.maker, subscription.tenant, names)
