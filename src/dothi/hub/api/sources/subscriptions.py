"""Subscriptions to registrations over HTTP: create, query, retrieve, update, delete (clauses 6.12 and 6.13)."""

from typing import Any
from urllib.parse import quote

from dothi.ground.clock import iso
from dothi.ground.errors import Invalid
from dothi.hub.api.door.answer import BASE, NO_CONTENT, Answer, accepted, contextual, paging
from dothi.hub.api.door.parameters import paging_of
from dothi.hub.api.door.request import Call
from dothi.hub.context import Names
from dothi.hub.language.nodes import Query, TypeIs
from dothi.hub.model import readable, records_of
from dothi.hub.peers.federate.keeping import subscribing
from dothi.hub.peers.records import SOURCE_SUBSCRIPTION, Record
from dothi.hub.peers.records import record_of as record_in
from dothi.hub.render.parse import check_id

PATH = "/csourceSubscriptions"


async def create_subscription(call: Call) -> Answer:
    """Create Context Source Registration Subscription, clause 5.11.2 (HTTP binding 6.12.3.1)."""
    body, names = await call.document()
    door = call.door
    made = await subscribing.subscribe(
        door.watchers, door.contexts, door.wire.reach, call.actor, call.tenant, body, names
    )
    return Answer(201, headers=(("Location", f"{BASE}{PATH}/{quote(made, safe=':')}"),))


async def query_subscriptions(call: Call) -> Answer:
    """Query Context Source Registration Subscriptions, clause 5.11.5 (HTTP binding 6.12.3.2)."""
    names = await call.names()
    media = accepted(call)
    call.check_tenant()
    page = paging_of(call)
    query = Query(
        types=TypeIs(SOURCE_SUBSCRIPTION),
        limit=page.limit + 1 if page.limit else 0,
        offset=page.offset,
        count=page.count,
        tenant=records_of(call.tenant),
    )
    found = call.hub.query(call.actor, query)
    headers = paging(call, PATH, (page.limit, page.offset), len(found.entities) > page.limit, media)
    if page.count:
        headers.append(("NGSILD-Results-Count", str(found.count or 0)))
    kept = readable(found.entities[: page.limit], lambda entity: record_in(entity, call.tenant))
    return contextual(call, [_shown(call, one, names) for one in kept], names, media, headers)


async def read_subscription(call: Call) -> Answer:
    """Retrieve Context Source Registration Subscription, clause 5.11.4 (HTTP binding 6.13.3.1)."""
    names = await call.names()
    media = accepted(call)
    return contextual(call, _shown(call, _record(call), names), names, media)


async def update_subscription(call: Call) -> Answer:
    """Update Context Source Registration Subscription, clause 5.11.3 (HTTP binding 6.13.3.2)."""
    check_id(call.path[0])
    body, names = await call.document()
    record = _record(call)
    if isinstance(body, dict) and body.get("id", record.id) != record.id:
        raise Invalid(f"The body is about {str(body['id'])[:200]}, the path about {record.id}; an id never changes.")
    door = call.door
    await subscribing.change(door.watchers, door.contexts, door.wire.reach, call.actor, record, body, names)
    return NO_CONTENT


async def delete_subscription(call: Call) -> Answer:
    """Delete Context Source Registration Subscription, clause 5.11.6 (HTTP binding 6.13.3.3)."""
    await subscribing.end(call.door.watchers, call.actor, _record(call))
    return NO_CONTENT


def _record(call: Call) -> Record:
    """The subscription that the path names."""
    record_id = check_id(call.path[0])
    call.check_tenant()
    return subscribing.record_of(call.door.watchers, call.actor, record_id, call.tenant)


def _shown(call: Call, record: Record, names: Names) -> dict[str, Any]:
    shown = subscribing.written(call.door.watchers, call.actor, record, names)
    if "sysAttrs" in call.options():
        shown |= {"createdAt": iso(record.created_at), "modifiedAt": iso(record.modified_at)}
    return shown
