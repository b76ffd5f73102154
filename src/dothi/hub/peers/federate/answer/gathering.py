"""Entities gathered from here and from every source that is concerned (clauses 5.7.1, 5.7.2 and 4.3.6)."""

import asyncio
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import msgspec

from dothi.ground.clock import SECOND, iso
from dothi.ground.errors import Missing
from dothi.hub.context import Contexts
from dothi.hub.core import Hub
from dothi.hub.language.match import geo_test, matches, scope_matches, type_matches
from dothi.hub.language.nodes import Condition, Query
from dothi.hub.language.pattern import finder
from dothi.hub.model import Attribute, Entity
from dothi.hub.peers.federate.answer.copies import Copies
from dothi.hub.peers.federate.answer.maps import Maps
from dothi.hub.peers.federate.answer.merging import HERE, Part, join
from dothi.hub.peers.federate.ask.asking import Asked, Told, ask_entities
from dothi.hub.peers.federate.ask.forwarding import OF_REQUEST, SILENT, STALE, Caller, Line, warning
from dothi.hub.peers.federate.loops import alias_of, passed
from dothi.hub.peers.federate.matching import Match, Registry, Selector, Wanted
from dothi.hub.peers.federate.registrations import Mode
from dothi.hub.peers.wire import Wire

MOST_HERE = 100_000  # Entities of this hub in one answer.


@dataclass(frozen=True, slots=True)
class Peers:
    """The others of a hub, as far as they hold entities: the way to them, what they said last, maps of queries."""

    hub: Hub
    line: Line
    copies: Copies
    maps: Maps
    split: bool = False  # Whether entities are split between sources where a request does not say (clause 4.3.6.7).


def peers_of(hub: Hub, wire: Wire, registry: Registry, contexts: Contexts, split: bool = False) -> Peers:
    """The others of a hub, of whom nothing is known yet but their registrations."""
    return Peers(hub, Line(wire, registry, contexts), Copies(hub), Maps(), split)


class Gathered(NamedTuple):
    """Entities in order (what is held here first), each with its sources, and what went wrong on the way."""

    entities: tuple[Entity, ...] = ()
    warnings: tuple[str, ...] = ()
    sources: Mapping[str, tuple[str, ...]] = {}
    linked: Mapping[str, str] = {}  # Registration → the entity map that its source made.


class Concerned(NamedTuple):
    """The sources to be asked, and warnings about those that were left out because the request came by them."""

    matches: tuple[Match, ...] = ()
    warnings: tuple[str, ...] = ()


def concerned(
    peers: Peers,
    caller: Caller,
    wanted: Wanted,
    operations: Iterable[str],
    suits: Callable[[Match], bool] = lambda match: True,
) -> Concerned:
    """The sources that an operation concerns; none where the request has been here before (clause 4.3.6.4)."""
    registry = peers.line.registry
    if registry.none(caller.tenant):
        return Concerned()
    met = passed(caller.headers.get("via"))
    own = alias_of(registry.name, caller.tenant)
    wanted = replace(wanted, met=met)
    offering = [
        one
        for one in registry.concerned(caller.tenant, wanted)
        if any(one.registration.offers(name) for name in operations) and suits(one)
    ]
    if own in met:
        return Concerned((), tuple(_looping(peers, one) for one in offering))
    return Concerned(tuple(offering), tuple(_looping(peers, one) for one in registry.looping(caller.tenant, wanted)))


def _looping(peers: Peers, match: Match) -> str:
    return warning(peers.line, SILENT, match.registration, "was passed before: a loop of registrations")


def wanted_of(asked: Asked) -> Wanted:
    """What an operation is about, as registrations are matched (clause 5.12)."""
    query = asked.query
    chosen = tuple(Selector(one.types, one.ids, one.id_pattern) for one in query.any_of) or (
        Selector(query.types, query.ids, query.id_pattern),
    )
    blind = asked.broad or asked.one
    return Wanted(
        selectors=chosen,
        attrs=frozenset(query.attrs),
        datasets=asked.datasets,
        geo=None if blind else query.geo,
        scope=None if blind else query.scope,
    )


async def gather(
    peers: Peers,
    caller: Caller,
    asked: Asked,
    sources: Concerned,
    told_already: Sequence[tuple[Match, Entity]] = (),
) -> Gathered:
    """Everything that matches, here and there, as much as one answer may hold of each.

    `told_already`: what sources said of their own accord, to be joined with the rest. Forbidden, before anybody is
    asked, where the caller may read nothing of it here.
    """
    peers.hub.may_ask(caller.actor, asked.query)
    guarded = peers.hub.guarded()
    told = await asyncio.gather(*(ask_entities(peers.line, caller, match, asked, guarded) for match in sources.matches))
    now = peers.line.clock()
    known = [_with_copies(peers, caller, one, asked, now) for one in told]
    local = _local(peers, caller, asked)
    parts: dict[str, list[Part]] = {one.id: [Part(one)] for one in local}
    kept_here = {one.id for one in local if not guarded.keys().isdisjoint(one.types)}
    for one in known:
        fills = one.match.mode is Mode.AUXILIARY
        for entity in one.entities:
            if entity.id in kept_here or not _asked_for(asked, entity):
                continue
            if peers.hub.may_read(caller.actor, entity):
                parts.setdefault(entity.id, []).append(Part(entity, one.match.registration.id, fills))
    for match, entity in told_already:
        if entity.id not in kept_here:
            parts.setdefault(entity.id, []).append(Part(entity, match.registration.id))
    joined = _joined(asked, parts, [one for one in sources.matches if one.mode.proxied], kept_here, now)
    warnings = (*sources.warnings, *(text for one in known for text in one.warnings))
    named = {one.id: tuple(dict.fromkeys(part.source for part in parts[one.id])) for one in joined}
    linked = {one.match.registration.id: one.map_id for one in told if one.map_id}
    return Gathered(tuple(joined), tuple(dict.fromkeys(warnings)), named, linked)


def _local(peers: Peers, caller: Caller, asked: Asked) -> Sequence[Entity]:
    if asked.one:
        try:
            return (peers.hub.get(caller.actor, asked.query.ids[0], caller.tenant),)
        except Missing:
            return ()
    query = broadened(asked.query) if asked.broad else asked.query
    whole = replace(query, limit=MOST_HERE, offset=0, count=False, order=(), ordering=None)
    return peers.hub.query(caller.actor, whole).entities


def broadened(query: Query) -> Query:
    """The query without the filters that are applied to the whole (clause 5.7.2.4)."""
    return replace(query, attrs=(), q=None, geo=None, scope=None)


def _with_copies(peers: Peers, caller: Caller, told: Told, asked: Asked, now: int) -> Told:
    """What a source said, kept for later; where it is cut off, what it said last with its age."""
    registration = told.match.registration
    if OF_REQUEST in dict(registration.info).values():
        return told  # It answers each caller differently: nobody's answer stands in for another's.
    query = broadened(asked.query) if asked.broad else asked.query
    if not told.cut:
        if told.whole:
            peers.copies.keep(registration, told.entities, query, now)
        return told
    recalled = peers.copies.recall(caller.actor, registration, query)
    if not recalled.entities:
        return told
    age = max(0, now - recalled.since) // SECOND
    text = f"is cut off: what it said is shown as it was known at {iso(recalled.since)} ({age} s ago)"
    return told._replace(
        entities=recalled.entities, warnings=(*told.warnings, warning(peers.line, STALE, registration, text))
    )


def _asked_for(asked: Asked, entity: Entity) -> bool:
    """Whether an entity that a source sent was asked for at all; sources filter the rest themselves."""
    query = asked.query
    if query.ids and entity.id not in query.ids:
        return False
    if query.types is not None and not type_matches(query.types, entity.types):
        return False
    return query.id_pattern is None or finder(query.id_pattern)(entity.id)


def _joined(
    asked: Asked, parts: Mapping[str, Sequence[Part]], proxied: Sequence[Match], kept_here: Container[str], now: int
) -> list[Entity]:
    fits = _filter(asked.query) if asked.broad else None
    found = []
    for name, listed in parts.items():
        aside = () if name in kept_here else proxied
        kept = [part for one in listed if (part := _not_proxied(one, aside)) is not None]
        one = join(kept, now)
        if one is not None and (fits is None or fits(one)):
            found.append(one)
    return found


def _not_proxied(part: Part, proxied: Sequence[Match]) -> Part | None:
    """What is held here without what is registered elsewhere alone (clause 4.3.6.3); None when that is all of it."""
    attrs = part.entity.attrs
    for match in proxied if part.source == HERE else ():
        types = match.types()
        if match.ids((part.entity.id,)) and (types is None or not types.isdisjoint(part.entity.types)):
            offered = match.attrs()
            if offered is None:
                return None
            attrs = {name: one for name, one in attrs.items() if name not in offered}
    if len(attrs) == len(part.entity.attrs):
        return part
    return part._replace(entity=msgspec.structs.replace(part.entity, attrs=attrs)) if attrs else None


def _filter(query: Query) -> Callable[[Entity], bool]:
    near = geo_test(query.geo) if query.geo is not None else None

    def fits(entity: Entity) -> bool:
        return (
            (not query.attrs or any(name in entity.attrs for name in query.attrs))
            and (query.q is None or matches(query.q, entity))
            and (near is None or near(entity))
            and (query.scope is None or scope_matches(query.scope, entity.scope))
        )

    return fits


def suiting(csf: Condition | None) -> Callable[[Match], bool]:
    """The test of a context source filter (clause 4.9) on registrations."""
    if csf is None:
        return lambda match: True
    return lambda match: matches(csf, described(match))


def described(match: Match) -> Entity:
    """A registration as a source describes itself: its properties as attributes."""
    document = match.registration.document
    attrs: dict[str, Attribute] = {
        name: value if isinstance(value, dict) and "type" in value else {"type": "Property", "value": value}
        for name, value in document.items()
        if name not in ("id", "type", "information")
    }
    return Entity(match.registration.id, ("ContextSourceRegistration",), attrs)
