"""What the hub keeps for others outside: guarded entities in a tenant of their own, each with one whole document."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from dothi.ground.errors import Missing
from dothi.hub.core import Hub
from dothi.hub.language.nodes import Query, TypeIs
from dothi.hub.model import (
    ABSENT,
    Actor,
    Attribute,
    Change,
    Commit,
    Entity,
    Op,
    json_prop,
    readable,
    records_of,
    system,
)

OWNER = "hub"
# Types of records; a colon, so that an entity of the city may be called Subscription or Snapshot.
SUBSCRIPTION = "dothi:Subscription"
REGISTRATION = "dothi:ContextSourceRegistration"
SOURCE_SUBSCRIPTION = "dothi:ContextSourceSubscription"
CARRIED = "dothi:CarriedSubscription"
CONTEXT = "dothi:HostedContext"
ENTITY_MAP = "dothi:EntityMap"
SNAPSHOT = "dothi:Snapshot"
# Type of the record → what to call instead of a generic write.
INSTEAD = {
    SUBSCRIPTION: "/ngsi-ld/v1/subscriptions",
    REGISTRATION: "/ngsi-ld/v1/csourceRegistrations",
    SOURCE_SUBSCRIPTION: "/ngsi-ld/v1/csourceSubscriptions",
    CARRIED: "/ngsi-ld/v1/subscriptions",
    CONTEXT: "/ngsi-ld/v1/jsonldContexts",
    ENTITY_MAP: "/ngsi-ld/v1/entityMaps",
    SNAPSHOT: "/ngsi-ld/v1/snapshots",
}
READER = system("hub")
_PAGE = 1000


class Record(NamedTuple):
    """One record: its document as the standard shapes it, who made it (with what rights), and its version."""

    id: str
    tenant: str  # Of the city, not that of the records.
    document: dict[str, Any]
    maker: Actor
    created_at: int
    modified_at: int
    version: int


def declare(hub: Hub) -> None:
    """Guard the types of records: no generic write reaches them. Once for each hub."""
    hub.own(OWNER, INSTEAD)


async def create(
    hub: Hub,
    actor: Actor,
    kind: str,
    record_id: str,
    document: Mapping[str, Any],
    tenant: str,
    expires: int | None = None,
) -> None:
    """Keep a new record, until `expires` (µs) if given.

    Conflict when there is one of this id and tenant, of whatever kind; Forbidden by policy.
    """
    change = Change(Op.CREATE, record_id, (kind,), _attrs(document, actor), expires=expires)
    await _write(hub, actor, change, tenant, {})


async def replace(
    hub: Hub, actor: Actor, record: Record, document: Mapping[str, Any], expires: int | None = None
) -> None:
    """Keep another document for a record; its maker stays, and its end too unless `expires` (µs, 0: none) moves it.

    Conflict when it was changed since it was read.
    """
    change = Change(Op.APPEND, record.id, attrs={"document": json_prop(dict(document))}, expires=expires)
    await _write(hub, actor, change, record.tenant, {record.id: record.version})


def check_may(hub: Hub, actor: Actor, op: Op, kind: str, record_id: str, tenant: str) -> None:
    """Raise Forbidden unless `actor` may do this to such a record, whether there is one or not."""
    hub.check_write(actor, Change(op, record_id, (kind,)), (kind,), records_of(tenant), OWNER)


async def delete(hub: Hub, actor: Actor, record: Record) -> None:
    """Take a record away. Conflict when it was changed since it was read."""
    await _write(hub, actor, Change(Op.DELETE, record.id), record.tenant, {record.id: record.version})


def read(hub: Hub, actor: Actor, kind: str, record_id: str, tenant: str) -> Record:
    """One record. Missing when there is none of this kind, or `actor` may not see it."""
    entity = hub.get(actor, record_id, records_of(tenant))
    if kind not in entity.types:
        raise Missing(f"There is no {kind} {record_id}.", entity=record_id)
    return record_of(entity, tenant)


def listed(hub: Hub, actor: Actor, kind: str, tenant: str) -> Iterator[Record]:
    """Every record of a kind that `actor` may see, in the order of ids."""
    offset = 0
    while True:
        query = Query(types=TypeIs(kind), limit=_PAGE, offset=offset, tenant=records_of(tenant))
        page = hub.query(actor, query).entities
        yield from readable(page, lambda entity: record_of(entity, tenant))
        if len(page) < _PAGE:
            return
        offset += _PAGE


def record_of(entity: Entity, tenant: str) -> Record:
    """A record out of the entity that keeps it."""
    maker = msgspec.convert(entity.value("maker"), Actor)
    document = entity.value("document")
    return Record(entity.id, tenant, document, maker, entity.created_at, entity.modified_at, entity.version)


def _attrs(document: Mapping[str, Any], maker: Actor) -> dict[str, Attribute]:
    kept = msgspec.to_builtins(maker)
    # Sets have no order; what is kept must be the same each time it is said.
    sorted_maker = {key: sorted(value) if isinstance(value, list) else value for key, value in kept.items()}
    return {"document": json_prop(dict(document)), "maker": json_prop(sorted_maker)}


async def _write(hub: Hub, actor: Actor, change: Change, tenant: str, expect: dict[str, int]) -> None:
    await hub.commit(
        Commit(
            actor,
            (change,),
            reason=f"{change.op} {change.types[0] if change.types else 'record'}",
            expect=expect or ({change.id: ABSENT} if change.op is Op.CREATE else {}),
            owner=OWNER,
            tenant=records_of(tenant),
        )
    )
