"""Registrations of context sources over HTTP: register, change, remove, retrieve, discover (clauses 6.8 and 6.9)."""

from typing import Any
from urllib.parse import quote

from dothi.ground.clock import iso
from dothi.hub.api.door.answer import BASE, NO_CONTENT, Answer, accepted, contextual, paging
from dothi.hub.api.door.parameters import paging_of
from dothi.hub.api.door.request import Call
from dothi.hub.api.sources.discovery import filter_of, found, wanted_of
from dothi.hub.context import Names
from dothi.hub.peers.federate.keeping.documents import written
from dothi.hub.peers.federate.keeping.registering import (
    Maker,
    change,
    record_of,
    register,
    remove,
    shown_to,
    visible,
)
from dothi.hub.peers.federate.registrations import Registration, registration_of
from dothi.hub.render.parse import check_id

PATH = "/csourceRegistrations"


async def create_registration(call: Call) -> Answer:
    """Register Context Source, clause 5.9.2 (HTTP binding 6.8.3.1)."""
    document, names = await call.document()
    made = await register(call.door.registry, _maker(call), document, names)
    return Answer(201, headers=(("Location", f"{BASE}{PATH}/{quote(made, safe=':')}"),))


async def update_registration(call: Call) -> Answer:
    """Update Context Source Registration, clause 5.9.3 (HTTP binding 6.9.3.2)."""
    registration_id = check_id(call.path[0])
    fragment, names = await call.document()
    call.check_tenant()
    await change(call.door.registry, _maker(call), registration_id, fragment, names)
    return NO_CONTENT


async def delete_registration(call: Call) -> Answer:
    """Delete Context Source Registration, clause 5.9.4 (HTTP binding 6.9.3.3)."""
    registration_id = check_id(call.path[0])
    call.check_tenant()
    await remove(call.door.registry, call.actor, registration_id, call.tenant)
    await call.door.peers.copies.forget(call.tenant, registration_id)
    return NO_CONTENT


async def read_registration(call: Call) -> Answer:
    """Retrieve Context Source Registration, clause 5.10.1 (HTTP binding 6.9.3.1)."""
    names = await call.names()
    media = accepted(call)
    call.check_tenant()
    record = record_of(call.door.registry, call.actor, check_id(call.path[0]), call.tenant)
    document = _shown(call, registration_of(record), names)
    return contextual(call, document, names, media)


async def query_registrations(call: Call) -> Answer:
    """Query Context Source Registrations, clause 5.10.2 (HTTP binding 6.8.3.2), shown whole (decision 0156)."""
    names = await call.names()
    media = accepted(call)
    call.check_tenant()
    page = paging_of(call)
    wanted, condition = wanted_of(call, names), filter_of(call, names)
    all_found = found(visible(call.door.registry, call.actor, call.tenant), wanted, condition)
    chosen = all_found[page.offset : page.offset + page.limit]
    headers = paging(call, PATH, (page.limit, page.offset), len(all_found) > page.offset + page.limit, media)
    if page.count:
        headers.append(("NGSILD-Results-Count", str(len(all_found))))
    documents = [_shown(call, one.registration, names) for one in chosen]
    return contextual(call, documents, names, media, headers)


def _shown(call: Call, registration: Registration, names: Names) -> dict[str, Any]:
    document = written(shown_to(call.actor, registration), names)
    document |= call.door.registry.tallies.of(registration).members()
    if "sysAttrs" in call.options():
        document |= {"createdAt": iso(registration.made), "modifiedAt": iso(registration.changed)}
    return document


def _maker(call: Call) -> Maker:
    return Maker(call.actor, call.tenant, call.door.wire.reach)
