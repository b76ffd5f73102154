"""Which registrations an operation concerns (clause 5.12): the registrations of this process, by tenant.

The index is made from the records at first need, told of a change by the verbs that make it, and follows the feed for
what others change. Where a tenant has no registration, asking costs one look into a dictionary.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from dothi.ground.clock import now_us
from dothi.ground.errors import Missing
from dothi.hub.core import Hub
from dothi.hub.language.match import scope_matches, type_matches
from dothi.hub.language.nodes import Geo, ScopeCondition, TypeCondition, TypeIs, TypeOr, Window
from dothi.hub.language.pattern import finder
from dothi.hub.model import RECORDS
from dothi.hub.peers import records
from dothi.hub.peers.federate.keeping.counting import Tallies
from dothi.hub.peers.federate.registrations import EntityInfo, Information, Mode, Registration, listed, registration_of
from dothi.hub.peers.federate.spaces import may_lie
from dothi.hub.peers.records import READER, REGISTRATION

_ALL: frozenset[str] = frozenset()
_BEFORE_TIME = 0
_TIMED = {"observedAt": "observationInterval"}  # The other temporal properties: managementInterval.


@dataclass(frozen=True, slots=True)
class Selector:
    """Which entities (clause 5.2.33); what is not given is no limit."""

    types: TypeCondition | None = None
    ids: tuple[str, ...] = ()
    id_pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an operation is about; what is not given is no limit."""

    selectors: tuple[Selector, ...] = ()  # One of them suffices.
    attrs: frozenset[str] = _ALL  # House names, those of q and of the geo-query too.
    datasets: frozenset[str] = _ALL
    window: Window | None = None  # None: the latest information; else temporal, see clause 5.9.1.
    geo: Geo | None = None
    scope: ScopeCondition | None = None
    met: frozenset[str] = _ALL  # Aliases of the sources that the request has passed (Via).
    strict: bool = False  # What says nothing of its place or scope does not match (discovery, clause 5.10.2.4).


@dataclass(frozen=True, slots=True)
class Match:
    """A registration with those of its parts that an operation concerns."""

    registration: Registration
    information: tuple[Information, ...]

    @property
    def mode(self) -> Mode:
        """How the source stands beside what the hub holds itself."""
        return self.registration.mode

    def attrs(self, wanted: frozenset[str] = _ALL) -> frozenset[str] | None:
        """The attributes that the source may be asked for, of those wanted (none: all); None is all."""
        if any(not one.attrs for one in self.information):
            return wanted or None
        offered = _ALL.union(*(one.attrs for one in self.information))
        return offered & wanted if wanted else offered

    def ids(self, wanted: Iterable[str]) -> tuple[str, ...]:
        """Of those entities, the ones that the source may be asked for."""
        infos = [info for one in self.information for info in (one.entities or (EntityInfo(),))]
        return tuple(name for name in wanted if any(_may_have(info, name) for info in infos))

    def types(self) -> frozenset[str] | None:
        """The types that the source may be asked for; None is any."""
        infos = [info for one in self.information for info in (one.entities or (EntityInfo(),))]
        return None if any(not info.types for info in infos) else _ALL.union(*(info.types for info in infos))


Watch = Callable[[Registration | None, Registration | None], None]


class Registry:
    """The registrations of one hub."""

    def __init__(self, hub: Hub, name: str = "dothi") -> None:
        """Nothing is read yet; `name` is the pseudonym of this hub among others (loops.name_of)."""
        self.hub = hub
        self.name = name
        self._known: dict[str, dict[str, Registration]] = {}
        self._since = hub.last_seq()
        self.tallies = Tallies(hub)
        self._watchers: list[Watch] = []
        self.writing = asyncio.Lock()  # What is checked against the others must be kept before the next is checked.

    def none(self, tenant: str) -> bool:
        """Whether a tenant has no registration at all."""
        known = self._known.get(tenant)
        return not (self._read(tenant) if known is None else known)

    def all(self, tenant: str) -> tuple[Registration, ...]:
        """The registrations of a tenant that have not expired, in order of making."""
        known = self._known.get(tenant)
        found = (self._read(tenant) if known is None else known).values()
        now = now_us() if found else _BEFORE_TIME
        return tuple(one for one in found if not one.ended(now))

    def matching(self, tenant: str, operation: str, wanted: Wanted) -> tuple[Match, ...]:
        """The registrations that offer an operation and match what is wanted, in order of making.

        `operation` is a name of clause 4.20. Those whose source was passed already (`wanted.met`) are left out.
        """
        return tuple(one for one in self.concerned(tenant, wanted) if one.registration.offers(operation))

    def concerned(self, tenant: str, wanted: Wanted) -> tuple[Match, ...]:
        """The registrations that match what is wanted, whatever they offer.

        A proxied one that does not offer an operation makes it a Conflict (clause 5.6.1.4).
        """
        if self.none(tenant):
            return ()
        matched = (match(one, wanted) for one in self.all(tenant))
        return tuple(one for one in matched if one is not None)

    def looping(self, tenant: str, wanted: Wanted) -> tuple[Match, ...]:
        """The registrations that would match, had the request not passed their source already (508, 6.3.17)."""
        if not wanted.met or self.none(tenant):
            return ()
        blind = replace(wanted, met=_ALL)
        return tuple(one for one in self.concerned(tenant, blind) if one.registration.alias in wanted.met)

    def refresh(self, tenant: str, registration_id: str) -> None:
        """Read one registration again: it was made, changed or deleted."""
        known = self._known.get(tenant)
        if known is None:
            return
        before = known.get(registration_id)
        after: Registration | None = None
        try:
            after = registration_of(records.read(self.hub, READER, REGISTRATION, registration_id, tenant))
        except Missing:
            known.pop(registration_id, None)
            if before is not None:
                self.tallies.drop(before)
        else:
            known[registration_id] = after
        if (before and before.version) != (after and after.version):
            for told in self._watchers:
                told(before, after)

    def forget(self, tenant: str) -> None:
        """Another process changed registrations of a tenant (given as that of its records): read them anew."""
        known = tenant.removesuffix(RECORDS)
        for name in self._known.keys() & {known}:
            for identity in {*self._known[name], *self._ids(name)}:
                self.refresh(name, identity)

    def _ids(self, tenant: str) -> Iterator[str]:
        yield from (record.id for record in records.listed(self.hub, READER, REGISTRATION, tenant))

    async def follow(self) -> None:
        """Follow the feed until cancelled: what other processes and verbs change."""
        async for logged in self.hub.follow(self._since, lambda types: REGISTRATION in types, whole=False):
            for entry in logged.entries:
                self.refresh(logged.tenant.removesuffix(RECORDS), entry.id)

    def sent(self, registration: Registration, good: bool, now: int) -> None:
        """Count one call of a source, at `now` (µs)."""
        self.tallies.count(registration, good, now)

    def watch(self, told: Watch) -> None:
        """Have `told(before, after)` called for each registration that is made, changed or deleted from now on."""
        self._watchers.append(told)

    def tenants(self) -> Iterator[str]:
        """The tenants whose registrations are known here."""
        yield from tuple(self._known)

    def _read(self, tenant: str) -> dict[str, Registration]:
        kept = records.listed(self.hub, READER, REGISTRATION, tenant)
        known = {record.id: registration_of(record) for record in kept}
        if self.hub.has_tenant(tenant):  # Else a stranger could fill the memory with names of tenants.
            self._known[tenant] = known
        return known


def match(registration: Registration, wanted: Wanted) -> Match | None:
    """The registration with its matching parts; None when there are none (clause 5.12)."""
    if not _whole_matches(registration, wanted):
        return None
    found = parts(registration, wanted)
    return Match(registration, found) if found else None


def parts(registration: Registration, wanted: Wanted) -> tuple[Information, ...]:
    """Those parts of a registration that have what is wanted, as to entities and attributes."""
    return tuple(one for one in registration.information if _part_matches(one, wanted))


def one_of(types: Iterable[str]) -> TypeCondition | None:
    """The selection of entities that have one of some types; None when there are none."""
    terms = tuple(map(TypeIs, types))
    return TypeOr(terms) if len(terms) > 1 else terms[0] if terms else None


def _whole_matches(registration: Registration, wanted: Wanted) -> bool:
    return all(test(registration, wanted) for test in _TESTS)


def _not_met(registration: Registration, wanted: Wanted) -> bool:
    return registration.alias not in wanted.met


def _datasets(registration: Registration, wanted: Wanted) -> bool:
    return not (wanted.datasets and registration.datasets) or not wanted.datasets.isdisjoint(registration.datasets)


def _time(registration: Registration, wanted: Wanted) -> bool:
    """A temporal request concerns sources with an overlapping interval only, any other those without (5.10.2.4)."""
    window = wanted.window
    if window is None:
        return not registration.intervals
    interval = registration.intervals.get(_TIMED.get(window.attribute, "managementInterval"))
    if interval is None:
        return False
    if window.rel == "before":
        return window.end is not None and interval.start <= window.end
    if window.rel == "after":
        return window.start is not None and interval.end >= window.start
    if window.rel == "between":
        return (window.start or 0) <= interval.end and interval.start <= (window.end or 0)
    return True


def _scope(registration: Registration, wanted: Wanted) -> bool:
    """A source that names no scope may have entities in any."""
    if wanted.scope is None:
        return True
    scopes = registration.document.get("scope")
    if scopes is None:
        return not wanted.strict
    return scope_matches(wanted.scope, listed(scopes))


def _place(registration: Registration, wanted: Wanted) -> bool:
    """A source that says nothing of where its entities are may have some anywhere."""
    if wanted.geo is None:
        return True
    space = registration.document.get(wanted.geo.attribute)
    return may_lie(wanted.geo, space) if isinstance(space, dict) else not wanted.strict


_TESTS: tuple[Callable[[Registration, Wanted], bool], ...] = (_not_met, _time, _datasets, _scope, _place)


def _part_matches(part: Information, wanted: Wanted) -> bool:
    if wanted.attrs and part.attrs and wanted.attrs.isdisjoint(part.attrs):
        return False
    if not part.entities or not wanted.selectors:
        return True
    return any(_entity_matches(info, one) for info in part.entities for one in wanted.selectors)


def _entity_matches(info: EntityInfo, selector: Selector) -> bool:
    if selector.types is not None and info.types and not type_matches(selector.types, info.types):
        return False
    if not selector.ids and selector.id_pattern is None:
        return True
    if selector.ids:
        return any(_may_have(info, one) for one in selector.ids)
    if info.id is not None:
        return finder(str(selector.id_pattern))(info.id)
    return True  # Whether two patterns have an id in common is not looked into (clause 5.12).


def _may_have(info: EntityInfo, entity_id: str) -> bool:
    if info.id is not None:
        return info.id == entity_id
    return info.pattern is None or finder(info.pattern)(entity_id)
