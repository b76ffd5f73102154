"""Subscriptions over HTTP: create, query, retrieve, update, delete (clauses 6.10 and 6.11), and what was given up."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from dothi.ground.clock import iso
from dothi.ground.errors import Invalid
from dothi.hub.api.door.answer import BASE, NO_CONTENT, Answer, accepted, contextual, document, paging
from dothi.hub.api.door.parameters import paging_of
from dothi.hub.api.door.request import Call
from dothi.hub.api.information.showing import preferred
from dothi.hub.context import Names
from dothi.hub.language.nodes import Query, TypeIs
from dothi.hub.model import readable, records_of
from dothi.hub.peers.notify import keeping
from dothi.hub.peers.records import SUBSCRIPTION, Record
from dothi.hub.peers.records import record_of as record_in
from dothi.hub.render.parse import check_id

PATH = "/subscriptions"


async def create_subscription(call: Call) -> Answer:
    """Create Subscription, clause 5.8.1 (HTTP binding 6.10.3.1)."""
    body, names = await call.document()
    door = call.door
    made = await keeping.subscribe(door.notifier, door.contexts, door.wire.reach, call.actor, call.tenant, body, names)
    return Answer(201, headers=(("Location", f"{BASE}{PATH}/{quote(made, safe=':')}"),))


async def query_subscriptions(call: Call) -> Answer:
    """Query Subscriptions, clause 5.8.4 (HTTP binding 6.10.3.2)."""
    names = await call.names()
    media = accepted(call)
    call.check_tenant()
    page = paging_of(call)
    query = Query(
        types=TypeIs(SUBSCRIPTION),
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
    return _answer(call, [_shown(call, one, names) for one in kept], names, media, headers)


async def read_subscription(call: Call) -> Answer:
    """Retrieve Subscription, clause 5.8.3 (HTTP binding 6.11.3.1)."""
    names = await call.names()
    media = accepted(call)
    return _answer(call, _shown(call, _record(call), names), names, media, [])


async def update_subscription(call: Call) -> Answer:
    """Update Subscription, clause 5.8.2 (HTTP binding 6.11.3.2)."""
    check_id(call.path[0])
    body, names = await call.document()
    record = _record(call)
    if isinstance(body, dict) and body.get("id", record.id) != record.id:
        raise Invalid(f"The body is about {str(body['id'])[:200]}, the path about {record.id}; an id never changes.")
    door = call.door
    await keeping.change(door.notifier, door.contexts, door.wire.reach, call.actor, record, body, names)
    return NO_CONTENT


async def delete_subscription(call: Call) -> Answer:
    """Delete Subscription, clause 5.8.5 (HTTP binding 6.11.3.3)."""
    await keeping.end(call.door.notifier, call.actor, _record(call))
    return NO_CONTENT


async def list_undelivered(call: Call) -> Answer:
    """The notifications of a subscription that were given up: when, after how many tries, and why. Ours."""
    return document(keeping.undelivered(call.door.notifier, _record(call)))


async def replay_undelivered(call: Call) -> Answer:
    """Send the notifications that were given up once more, those of a body {"numbers": […]} only. Ours."""
    body: Any = call.decoded()[0] if call.body else {}
    record = _record(call)
    numbers = body.get("numbers") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not (numbers is None or _is_numbers(numbers)):
        raise Invalid('The body is {} for all, or {"numbers": […]} as they are listed.')
    chosen = None if numbers is None else frozenset(numbers)
    again = await keeping.replay(call.door.notifier, call.actor, record, chosen)
    return document({"replayed": again})


async def forget_undelivered(call: Call) -> Answer:
    """Forget the notifications that were given up. Ours."""
    await keeping.bury(call.door.notifier, call.actor, _record(call))
    return NO_CONTENT


def _is_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(type(one) is int for one in value)


def _record(call: Call) -> Record:
    """The subscription that the path names."""
    record_id = check_id(call.path[0])
    call.check_tenant()
    return keeping.record_of(call.door.notifier, call.actor, record_id, call.tenant)


def _shown(call: Call, record: Record, names: Names) -> dict[str, Any]:
    shown = keeping.written(call.door.notifier, call.actor, record, names)
    if "sysAttrs" in call.options():
        shown |= {"createdAt": iso(record.created_at), "modifiedAt": iso(record.modified_at)}
    return shown


def _answer(call: Call, value: Any, names: Names, media: str, headers: Sequence[tuple[str, str]]) -> Answer:
    version = preferred(call)
    if version is not None:  # Clause 4.3.6.8 has no fallbacks for subscriptions: they are what they were.
        headers = [*headers, ("Preference-Applied", "ngsi-ld={}.{}".format(*version))]
    return contextual(call, value, names, media, headers)
