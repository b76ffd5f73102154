"""The verbs of registrations: register, change, remove, find (clauses 5.9 and 5.10), with what contradicts what."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from dothi.ground.clock import now_us
from dothi.ground.errors import Contrary, Forbidden, Invalid, Missing
from dothi.ground.ids import urn
from dothi.hub.context import Names
from dothi.hub.language.nodes import ANY_TYPE, Query, TypeIs
from dothi.hub.language.time import instant
from dothi.hub.model import Actor, Entity
from dothi.hub.peers import records
from dothi.hub.peers.federate.keeping.documents import KIND, patched, read_document
from dothi.hub.peers.federate.matching import Registry, Selector, Wanted, one_of, parts
from dothi.hub.peers.federate.registrations import EntityInfo, Information, Mode, Registration, registration_of
from dothi.hub.peers.records import READER, REGISTRATION, Record
from dothi.hub.peers.wire import Reach

# What somebody else than its maker may change of a registration: nothing that says who is told what.
FOR_OTHERS = frozenset(("@context", "id", "type", "registrationName", "description", "expiresAt", "refreshRate"))


class Maker(NamedTuple):
    """Who registers, for which tenant, and where sources may lie."""

    actor: Actor
    tenant: str
    reach: Reach


async def register(registry: Registry, maker: Maker, document: Any, names: Names) -> str:
    """Keep a new registration; returns its id (clause 5.9.2).

    Invalid, Conflict when the id is taken, Contrary when it contradicts what stands, Forbidden.
    """
    kept = read_document(document, names, urn(KIND))
    async with registry.writing:
        _check(registry, maker, kept)
        await records.create(
            registry.hub, maker.actor, REGISTRATION, kept["id"], kept, maker.tenant, expires=_expires(kept)
        )
        registry.refresh(maker.tenant, kept["id"])
    return str(kept["id"])


async def change(registry: Registry, maker: Maker, registration_id: str, fragment: Any, names: Names) -> None:
    """Change members of a registration (clause 5.9.3). Missing, Invalid, Contrary, Forbidden."""
    async with registry.writing:
        record = record_of(registry, maker.actor, registration_id, maker.tenant)
        kept = patched(record.document, fragment, names)
        if maker.actor.id != record.maker.id and frozenset(fragment) - FOR_OTHERS:
            raise Forbidden(
                f"{registration_id} was made by somebody else, whose keys it may carry: make one of your own, or "
                f"change only {', '.join(sorted(FOR_OTHERS - {'type', 'id', '@context'}))}."
            )
        _check(registry, maker._replace(actor=record.maker), kept)
        await records.replace(registry.hub, maker.actor, record, kept, expires=_expires(kept) or 0)
        registry.refresh(maker.tenant, registration_id)


async def remove(registry: Registry, actor: Actor, registration_id: str, tenant: str) -> None:
    """Take a registration away (clause 5.9.4). Missing, Forbidden."""
    async with registry.writing:
        record = record_of(registry, actor, registration_id, tenant)
        await records.delete(registry.hub, actor, record)
        registry.refresh(tenant, registration_id)


def record_of(registry: Registry, actor: Actor, registration_id: str, tenant: str) -> Record:
    """One registration as it is kept (clause 5.10.1). Missing when there is none or `actor` may not see it."""
    try:
        return records.read(registry.hub, actor, REGISTRATION, registration_id, tenant)
    except Missing:
        raise Missing(
            f"There is no registration {registration_id}, or you may not see it.", entity=registration_id
        ) from None


def visible(registry: Registry, actor: Actor, tenant: str) -> Iterator[Registration]:
    """The registrations of a tenant that `actor` may see, in the order of making."""
    if registry.none(tenant):
        return
    seen = {record.id for record in records.listed(registry.hub, actor, REGISTRATION, tenant)}
    yield from (one for one in registry.all(tenant) if one.id in seen)


def shown_to(actor: Actor, registration: Registration) -> dict[str, Any]:
    """The document as `actor` may see it: what opens the source (contextSourceInfo) is its maker's secret."""
    document = dict(registration.document)
    if actor.id != registration.maker.id:
        document.pop("contextSourceInfo", None)
    return document


def _expires(kept: Mapping[str, Any]) -> int | None:
    """When a registration ends (µs). Invalid when that is past."""
    if "expiresAt" not in kept:
        return None
    at = instant(kept["expiresAt"])
    if at <= now_us():
        raise Invalid(f"expiresAt is {kept['expiresAt']}, which is past (clause 5.9.2.4).")
    return at


def _check(registry: Registry, maker: Maker, kept: Mapping[str, Any]) -> None:
    """Raise what a well-formed registration may still be refused for."""
    record = Record(kept["id"], maker.tenant, dict(kept), maker.actor, 0, 0, 0)
    registration = registration_of(record)
    _expires(kept)
    maker.reach.check(urlsplit(registration.endpoint).hostname or "")
    _check_rights(registry, registration)
    if registration.mode.proxied:
        _check_others(registry, registration)
        _check_entities(registry, registration)


def _check_rights(registry: Registry, registration: Registration) -> None:
    """Raise Forbidden where a source would get or give what its maker may not read, or what only a verb may write."""
    guarded = registry.hub.guarded()
    for kind in _kinds(registration):
        if registration.mode.proxied and kind in guarded:
            raise Forbidden(
                f"{kind} is a guarded type: this hub keeps it itself and hands it to no source. "
                f"Use {guarded[kind]} to write it.",
                use=guarded[kind],
            )
        registry.hub.may_ask(registration.maker, Query(types=TypeIs(kind), tenant=registration.tenant))


def _kinds(registration: Registration) -> list[str]:
    """Every type that a registration is about; ANY_TYPE where it names attributes of whatever entity."""
    found = (
        kind
        for part in registration.information
        for kind in [kind for info in part.entities for kind in info.types] or [ANY_TYPE]
    )
    return list(dict.fromkeys(found))


def _check_others(registry: Registry, registration: Registration) -> None:
    """Raise Contrary where the same entity and attribute would have two places (clauses 4.3.6.3 and 5.9.2.4)."""
    exclusive = registration.mode is Mode.EXCLUSIVE
    for other in registry.all(registration.tenant):
        opposed = other.mode.proxied if exclusive else other.mode is Mode.EXCLUSIVE
        # What is now and what was are registered apart (clause 5.9.1).
        if other.id == registration.id or not opposed or bool(other.intervals) != bool(registration.intervals):
            continue
        held, asking = (registration, other) if exclusive else (other, registration)
        for part in held.information:
            ids = tuple(info.id for info in part.entities if info.id is not None)
            kinds = one_of(dict.fromkeys(kind for info in part.entities for kind in info.types))
            if ids and parts(asking, Wanted((Selector(kinds, ids),), part.attrs)):
                raise Contrary(
                    f"{other.id} is {other.mode} for the same attributes of {', '.join(ids)[:200]} (clause 4.3.6.3).",
                    registration=other.id,
                )


def _check_entities(registry: Registry, registration: Registration) -> None:
    """Raise Contrary where the hub holds already what would be held by the source alone (clause 5.9.2.4)."""
    for part in registration.information:
        for info in part.entities or (EntityInfo(),):
            found = _held(registry, registration, part, info)
            if found is not None:
                raise Contrary(
                    f"{found.id} is held here already; a source that is {registration.mode} has it alone "
                    "(clause 5.9.2.4).",
                    entity=found.id,
                )


def _held(registry: Registry, registration: Registration, part: Information, info: EntityInfo) -> Entity | None:
    query = Query(
        types=one_of(info.types),
        ids=(info.id,) if info.id else (),
        id_pattern=None if info.id else info.pattern,
        attrs=tuple(part.attrs),
        limit=1,
        tenant=registration.tenant,
    )
    return next(iter(registry.hub.query(READER, query)), None)
