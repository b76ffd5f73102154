"""Entities: create, read, query, replace, merge and delete (clauses 6.4, 6.5 and 6.23)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dothi.ground.errors import Invalid, Malformed, Missing
from dothi.hub.api.door.answer import NO_CONTENT, Answer, created, paging, refused
from dothi.hub.api.door.parameters import FORMS, Asked, asked_of, form_of, paging_of, query_of
from dothi.hub.api.door.request import Call
from dothi.hub.api.information.quick import quick_entity, quick_page
from dothi.hub.api.information.sharing import shared
from dothi.hub.api.information.showing import View, show_many, show_one, view_of
from dothi.hub.api.information.spread import find_many, find_one
from dothi.hub.context import Names
from dothi.hub.language.nodes import Query
from dothi.hub.language.types import parse_types
from dothi.hub.model import VALUE_KEY, Attribute, Change, Entity, Op, instances
from dothi.hub.peers.federate.provide.deeds import CREATE, DELETE, MERGE, REPLACE
from dothi.hub.render.entity import head
from dothi.hub.render.parse import Given, check_id, read_fragment
from dothi.hub.render.parse import read_entity as parse_entity
from dothi.hub.render.shape import Shape, chosen
from dothi.hub.render.simplified import read_simplified


async def create_entity(call: Call) -> Answer:
    """Create Entity, clause 5.6.1 (HTTP binding 6.4.3.1)."""
    document, names = await call.document()
    given = parse_entity(document, call.reading(names))
    done = created(given.id)

    async def here(part: Given) -> Answer:
        await call.commit([part.change(Op.CREATE)])
        return done

    return await shared(call, names, CREATE, given, here, done)


async def read_entity(call: Call) -> Answer:
    """Retrieve Entity, clause 5.7.1 (HTTP binding 6.5.3.1)."""
    names = await call.names()
    quick = quick_entity(call, names)
    if quick is not None:
        return quick
    view = view_of(call, names, call.query)
    spread = await find_one(call, names, view.shape)
    if spread is None:
        return _one(call, view, await known_entity(call, names))
    try:
        if not spread.entities:
            raise Missing(f"Nobody known to this hub has {call.path[0][:200]}, or you may not see it.")
        return _one(call, view, spread.entities[0], spread.headers)
    except Missing as missing:
        answer = refused(missing)
        return answer._replace(headers=(*answer.headers, *spread.headers))


def _one(call: Call, view: View, entity: Entity, headers: Sequence[tuple[str, str]] = ()) -> Answer:
    _check_has(entity, view.shape)
    return show_one(call, view, entity, headers)


async def known_entity(call: Call, names: Names) -> Entity:
    """The entity that the path names, as it stands. Missing when it is not there or not of the type asked for."""
    call.check_tenant()
    entity_id = check_id(call.path[0])
    check_type(call, names, entity_id)
    return call.hub.get(call.actor, entity_id, call.tenant)


def check_type(call: Call, names: Names, entity_id: str) -> None:
    """Raise Missing unless the entity is of the types that the parameter `type` selects (clause 4.17)."""
    if "type" in call.query:
        types = parse_types(call.query["type"], names.inward)
        wanted = Query(types=types, ids=(entity_id,), limit=1, tenant=call.tenant)
        if not call.hub.query(call.actor, wanted).entities:
            raise Missing(f"There is no entity {entity_id} of type {call.query['type'][:100]}.", entity=entity_id)


def _check_has(entity: Entity, shape: Shape) -> None:
    """Raise Missing when attributes were asked for by name and the entity has none of them (clause 5.7.1.4)."""
    wanted = (shape.attrs or frozenset()) | (shape.pick or frozenset()) - {"id", "type", "scope"}
    if (wanted or shape.omit) and not (chosen(entity, shape) or head(entity, shape)):
        raise Missing(f"{entity.id} has nothing to show but what is left out.", entity=entity.id)
    if wanted and not chosen(entity, shape):
        raise Missing(f"{entity.id} has none of these attributes: {', '.join(sorted(wanted))[:200]}.", entity=entity.id)


async def query_entities(call: Call) -> Answer:
    """Query Entities, clause 5.7.2 (HTTP binding 6.4.3.2)."""
    names = await call.names()
    return quick_page(call, names) or await _found(call, names, call.query, "/entities")


async def query_by_post(call: Call) -> Answer:
    """Query Entities, clause 5.7.2 (HTTP binding 6.23.3.1)."""
    document, names = await call.document()
    if isinstance(document, dict) and "temporalQ" in document:
        raise Invalid("temporalQ belongs to POST /temporal/entityOperations/query (clause 5.2.23).")
    return await _found(call, names, asked_of(document), "/entityOperations/query")


async def _found(call: Call, names: Names, asked: Asked, path: str) -> Answer:
    view = view_of(call, names, asked)
    spread = await find_many(call, names, asked, path, view.media)
    if spread is None:
        return show_many(call, view, *find_page(call, names, asked, path, view.media))
    return show_many(call, view, spread.entities, spread.headers, 201 if spread.made else 200)


def find_page(
    call: Call, names: Names, asked: Asked, path: str, media: str
) -> tuple[list[Entity], list[tuple[str, str]]]:
    """One page of the entities asked for, with the headers for count and paging."""
    call.check_tenant()
    page = paging_of(call)
    query = query_of(call, names, asked, page)
    found = call.hub.query(call.actor, replace(query, limit=page.limit + 1 if page.limit else 0))
    more = len(found.entities) > page.limit
    headers = paging(call, path, (page.limit, page.offset), more, media)
    if page.count:
        headers.append(("NGSILD-Results-Count", str(found.count or 0)))
    return list(found.entities[: page.limit]), headers


async def replace_entity(call: Call) -> Answer:
    """Replace Entity, clause 5.6.18 (HTTP binding 6.5.3.3)."""
    entity_id, given, names = await fragment(call)

    async def here(part: Given) -> Answer:
        check_type(call, names, entity_id)
        await call.commit([part.change(Op.REPLACE)])
        return NO_CONTENT

    return await shared(call, names, REPLACE, given._replace(id=entity_id), here, NO_CONTENT)


async def merge_entity(call: Call) -> Answer:
    """Merge Entity, clause 5.6.17 (HTTP binding 6.5.3.4); may be in simplified form, for one language, one time."""
    entity_id, given, names = await fragment(call, merge=True)

    async def here(part: Given) -> Answer:
        check_type(call, names, entity_id)
        check_complete(part.attrs, known(call, entity_id))
        await call.commit([part.change(Op.MERGE)])
        return NO_CONTENT

    return await shared(call, names, MERGE, given._replace(id=entity_id), here, NO_CONTENT)


async def delete_entity(call: Call) -> Answer:
    """Delete Entity, clause 5.6.6 (HTTP binding 6.5.3.2)."""
    names = await call.names()
    call.check_tenant()
    entity_id = check_id(call.path[0])

    async def here(_: Given) -> Answer:
        check_type(call, names, entity_id)
        await call.commit([Change(Op.DELETE, entity_id)])
        return NO_CONTENT

    return await shared(call, names, DELETE, Given(entity_id, (), {}, None), here, NO_CONTENT)


async def fragment(call: Call, merge: bool = False, nulls: bool = False) -> tuple[str, Given, Names]:
    """The entity id of the path, the fragment in the body, and its names. Invalid when the two ids differ."""
    entity_id = check_id(call.path[0])
    document, names = await call.document()
    call.check_tenant()
    if merge and _is_simplified(call):
        common = (call.query.get("lang"), call.query.get("observedAt"))
        given = read_simplified(document, call.reading(names, merge=True), known(call, entity_id), common)
    else:
        given = read_fragment(document, call.reading(names, nulls, merge, valueless=merge))
        if merge and "observedAt" in call.query:
            given = _timed(given, call, known(call, entity_id))
    if given.id not in ("", entity_id):
        raise Invalid(f"The body is about {given.id}, the path about {entity_id}; they must be the same.")
    return entity_id, given, names


def _is_simplified(call: Call) -> bool:
    wanted = call.query.get("format")
    if wanted is not None and wanted not in FORMS:
        raise Malformed(f"format is {wanted[:40]!r}; it is one of {', '.join(FORMS)}.")
    return form_of(call, call.options()) == "simplified"


def _timed(given: Given, call: Call, entity: Entity | None) -> Given:
    """The fragment with the common observedAt where an attribute had one and brings none (clause 5.6.17.4)."""
    moment = call.query["observedAt"]
    call.reading(Names()).moment(moment, "observedAt")
    had = {
        name
        for name, kept in (entity.attrs if entity else {}).items()
        if any("observedAt" in one for one in instances(kept))
    }
    timed: dict[str, Attribute] = {}
    for name, attribute in given.attrs.items():
        listed = [{"observedAt": moment, **one} if name in had else one for one in instances(attribute)]
        timed[name] = listed if isinstance(attribute, list) else listed[0]
    return given._replace(attrs=timed)


def known(call: Call, entity_id: str) -> Entity | None:
    """The entity as it stands; None when it is not there or may not be seen (the commit decides then)."""
    try:
        return call.hub.get(call.actor, entity_id, call.tenant)
    except Missing:
        return None


def check_complete(attrs: Mapping[str, Attribute], entity: Entity | None) -> None:
    """Raise Invalid when an instance without a value would be added rather than merged into one."""
    for name, attribute in attrs.items():
        for one in instances(attribute):
            if VALUE_KEY[one["type"]] not in one and not _has(entity, name, one):
                raise Invalid(
                    f"Attribute {name} has no {VALUE_KEY[one['type']]}, and there is none yet to merge it into."
                )


def _has(entity: Entity | None, name: str, instance: Mapping[str, Any]) -> bool:
    kept = instances(entity.attrs.get(name)) if entity is not None else []
    same = (one for one in kept if one.get("datasetId") == instance.get("datasetId"))
    return any(one.get("type") == instance["type"] for one in same)
