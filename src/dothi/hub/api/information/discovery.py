"""What there is: types, attributes, our vocabulary and this API's description (clauses 6.25 to 6.28)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from dothi.ground.errors import Missing
from dothi.hub.api.door.answer import Answer, accepted, contextual, document
from dothi.hub.api.door.request import LD_JSON, Call
from dothi.hub.api.information.abroad import Abroad, Seen, abroad
from dothi.hub.api.openapi import description
from dothi.hub.context import Names, iri_of
from dothi.hub.context.published import vocabulary_document
from dothi.hub.language.nodes import Query, TypeIs
from dothi.hub.model import Entity, instances

MEMBERS = frozenset({"id", "type", "scope", "createdAt", "modifiedAt", "deletedAt", "expiresAt"})
_PAGE = 500  # Entities read at once; between pages others get their turn.


async def list_types(call: Call) -> Answer:
    """Retrieve Available Entity Types, clauses 5.7.5 and 5.7.6 (HTTP binding 6.25.3.1)."""
    names, media = await _start(call)
    details = call.flag("details")
    operation = "retrieveEntityTypeDetails" if details else "retrieveEntityTypes"
    others = await abroad(call, names, operation, "/types")
    counts = dict.fromkeys((*call.hub.types(call.actor, call.tenant), *others.types))
    if not details:
        listed = {
            "id": f"urn:ngsi-ld:EntityTypeList:{call.tenant or 'default'}",
            "type": "EntityTypeList",
            "typeList": [names.outward(kind) for kind in counts],
        }
        return contextual(call, listed, names, media, others.headers)
    detailed = [
        {
            "id": iri_of(kind),
            "type": "EntityType",
            "typeName": names.outward(kind),
            "attributeNames": [
                names.outward(name) for name in sorted({*await _attributes(call, [kind]), *others.types.get(kind, ())})
            ],
        }
        for kind in counts
    ]
    return contextual(call, detailed, names, media, others.headers)


async def read_type(call: Call) -> Answer:
    """Retrieve Available Entity Type Information, clause 5.7.7 (HTTP binding 6.26.3.1)."""
    names, media = await _start(call)
    kind = names.inward(call.path[0])
    others = await abroad(call, names, "retrieveEntityTypeInfo", "/types", kind)
    count = call.hub.types(call.actor, call.tenant).get(kind, 0) + others.count
    if not count:
        raise Missing(f"There is no entity of type {call.path[0][:100]}.")
    seen = _united(await _attributes(call, [kind]), others)
    details = [_attribute(name, one, names, brief=True) for name, one in sorted(seen.items())]
    told = {
        "id": iri_of(kind),
        "type": "EntityTypeInfo",
        "typeName": names.outward(kind),
        "entityCount": count,
        "attributeDetails": details,
    }
    return contextual(call, told, names, media, others.headers)


async def list_attributes(call: Call) -> Answer:
    """Retrieve Available Attributes, clauses 5.7.8 and 5.7.9 (HTTP binding 6.27.3.1)."""
    names, media = await _start(call)
    details = call.flag("details")
    operation = "retrieveAttrTypeDetails" if details else "retrieveAttrTypes"
    others = await abroad(call, names, operation, "/attributes")
    seen = _united(await _attributes(call, list(call.hub.types(call.actor, call.tenant))), others)
    if details:
        detailed = [_attribute(name, one, names) for name, one in sorted(seen.items())]
        kept = ("id", "type", "attributeName", "typeNames")  # Clause 4.5.14.
        return contextual(call, [{key: part[key] for key in kept} for part in detailed], names, media, others.headers)
    listed = {
        "id": f"urn:ngsi-ld:AttributeList:{call.tenant or 'default'}",
        "type": "AttributeList",
        "attributeList": [names.outward(name) for name in sorted(seen)],
    }
    return contextual(call, listed, names, media, others.headers)


async def read_attribute(call: Call) -> Answer:
    """Retrieve Available Attribute Information, clause 5.7.10 (HTTP binding 6.28.3.1)."""
    names, media = await _start(call)
    if call.path[0] in MEMBERS:
        raise Missing(f"{call.path[0]} is a member of every entity and no attribute (clause 4.5.1).")
    name = names.inward(call.path[0])
    others = await abroad(call, names, "retrieveAttrTypeInfo", "/attributes", name)
    one = _united(await _attributes(call, list(call.hub.types(call.actor, call.tenant))), others).get(name)
    if one is None:
        raise Missing(f"No entity has an attribute {call.path[0][:100]}.")
    return contextual(call, _attribute(name, one, names), names, media, others.headers)


async def vocabulary(call: Call) -> Answer:
    """Our shared types and attributes as a JSON-LD context document."""
    return document(vocabulary_document())._replace(media=LD_JSON)


async def openapi(call: Call) -> Answer:
    """This API in OpenAPI 3.1."""
    return document(description())


async def _start(call: Call) -> tuple[Names, str]:
    call.check_tenant()
    return await call.names(), accepted(call)


def _attribute(name: str, seen: Seen, names: Names, brief: bool = False) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": iri_of(name),
        "type": "Attribute",
        "attributeName": names.outward(name),
        "attributeTypes": sorted(seen.kinds),
    }
    if not brief:
        told |= {"attributeCount": seen.count, "typeNames": sorted(names.outward(kind) for kind in seen.types)}
    return told


def _united(here: dict[str, Seen], others: Abroad) -> dict[str, Seen]:
    """What was met here together with what sources say."""
    for name, one in others.attrs.items():
        seen = here.setdefault(name, Seen())
        seen.count += one.count
        seen.kinds |= one.kinds
        seen.types |= one.types
    return here


async def _attributes(call: Call, kinds: list[str]) -> dict[str, Seen]:
    """What attributes the entities of these types have, as far as the actor may read them."""
    found: dict[str, Seen] = {}
    counted: Counter[str] = Counter()
    for kind in kinds:
        async for entity in _entities(call, kind):
            counted[entity.id] += 1
            for name, attribute in entity.attrs.items():
                seen = found.setdefault(name, Seen())
                seen.kinds.update(one["type"] for one in instances(attribute))
                seen.types.add(kind)
                if counted[entity.id] == 1:  # An entity of several types is met under each.
                    seen.count += len(instances(attribute))
    return found


async def _entities(call: Call, kind: str) -> AsyncIterator[Entity]:
    offset = 0
    while True:
        query = Query(types=TypeIs(kind), limit=_PAGE, offset=offset, tenant=call.tenant)
        page = call.hub.query(call.actor, query).entities
        for entity in page:
            yield entity
        if len(page) < _PAGE:
            return
        offset += _PAGE
        await asyncio.sleep(0)
