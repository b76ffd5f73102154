"""Attributes of one entity: append, update, partial update, replace and delete (clauses 6.6 and 6.7)."""

from collections.abc import Sequence

from dothi.ground.errors import Invalid
from dothi.hub.api.door.answer import NO_CONTENT, Answer, document
from dothi.hub.api.door.request import Call
from dothi.hub.api.information.entities import check_type, fragment, known
from dothi.hub.api.information.sharing import shared
from dothi.hub.context import Names, iri_of
from dothi.hub.context.terms import is_uri
from dothi.hub.model import VALUE_KEY, Attribute, Change, Entity, Instance, Op, Receipt, instances
from dothi.hub.peers.federate.provide.deeds import APPEND, DROP, PARTIAL, REPLACE_ONE, UPDATE
from dothi.hub.render.instance import read_attribute, read_instance
from dothi.hub.render.parse import Given, check_id
from dothi.hub.render.values import NULL, NULL_WORDS, shown


async def append_attributes(call: Call) -> Answer:
    """Append Attributes, clause 5.6.3 (HTTP binding 6.6.3.1)."""
    entity_id, given, names = await fragment(call)
    overwrite = "noOverwrite" not in call.options()

    async def here(part: Given) -> Answer:
        check_type(call, names, entity_id)
        return _told(await call.commit([part.change(Op.APPEND, entity_id, overwrite)]))

    return await shared(call, names, APPEND, given._replace(id=entity_id), here, NO_CONTENT)


async def update_attributes(call: Call) -> Answer:
    """Update Attributes, clause 5.6.2 (HTTP binding 6.6.3.2): replace or append each, a null deletes."""
    entity_id, given, names = await fragment(call, nulls=True)

    async def here(part: Given) -> Answer:
        check_type(call, names, entity_id)
        return await _update(call, entity_id, part)

    return await shared(call, names, UPDATE, given._replace(id=entity_id), here, NO_CONTENT)


async def _update(call: Call, entity_id: str, given: Given) -> Answer:
    nulls = [
        (name, one.get("datasetId"))
        for name, attribute in given.attrs.items()
        for one in instances(attribute)
        if _is_null(one)
    ]
    before = known(call, entity_id) if nulls or given.scope is not None else None
    # A scope is replaced, never added by an update (clause 5.6.2.4).
    ignored = given.scope is not None and before is not None and not before.scope
    kept: dict[str, Attribute] = {
        name: listed for name, attribute in given.attrs.items() if (listed := _without_nulls(attribute))
    }
    left = given._replace(attrs=kept, scope=None if ignored else given.scope)
    changes = [left.change(Op.APPEND, entity_id)]
    changes += _drops(entity_id, nulls, before)
    return _told(await call.commit(changes), [("scope", "the entity has no scope")] if ignored else [])


def _is_null(instance: Instance) -> bool:
    value = instance.get(VALUE_KEY[instance["type"]])
    return value in (NULL, NULL_WORDS, [NULL], [{"object": NULL}])


def _without_nulls(attribute: Attribute) -> Attribute:
    kept = [one for one in instances(attribute) if not _is_null(one)]
    return kept[0] if len(kept) == 1 else kept


def _drops(entity_id: str, named: list[tuple[str, str | None]], entity: Entity | None) -> list[Change]:
    """Deletions of those (attribute, dataset) that are there; the others need none."""
    there = {
        (name, one.get("datasetId"))
        for name, attribute in (entity.attrs if entity else {}).items()
        for one in instances(attribute)
    }
    return [
        Change(Op.DROP, entity_id, name=name, dataset=dataset) for name, dataset in named if (name, dataset) in there
    ]


def _told(receipt: Receipt, ignored: Sequence[tuple[str, str]] = ()) -> Answer:
    """204, or 207 with an UpdateResult (clause 5.2.18) in full names when some attributes were left as they were."""
    left = [*ignored, *(pair for result in receipt.results for pair in result.not_updated)]
    if not left:
        return NO_CONTENT
    updated = [iri_of(name) for result in receipt.results for name in result.updated]
    not_updated = [{"attributeName": iri_of(name), "reason": reason} for name, reason in left]
    return document({"updated": updated, "notUpdated": not_updated}, 207)


async def update_attribute(call: Call) -> Answer:
    """Partial Attribute Update, clause 5.6.4 (HTTP binding 6.7.3.1): the members given replace those that stand."""
    entity_id, name, body, names = await _one_attribute(call)
    if not isinstance(body, dict):
        raise Invalid(f"The body must be an attribute fragment, a JSON object, not {shown(body)}.")
    before = _before(known(call, entity_id), name, body.get("datasetId"))
    reading = call.reading(names, nulls=True, valueless=True)
    instance = read_instance(body, reading, f"attribute {name}", kind=before["type"] if before else None)
    dataset = instance.get("datasetId")

    async def here(_: Given) -> Answer:
        check_type(call, names, entity_id)
        if _is_null(instance):
            await call.commit([Change(Op.DROP, entity_id, name=name, dataset=dataset)])
        else:
            await call.commit([Change(Op.PARTIAL, entity_id, attrs={name: instance}, dataset=dataset)])
        return NO_CONTENT

    return await shared(call, names, PARTIAL, _about(entity_id, name, instance), here, NO_CONTENT, body)


def _about(entity_id: str, name: str, attribute: Attribute) -> Given:
    """One attribute as the part of an entity that a write is about."""
    return Given(entity_id, (), {name: attribute}, None)


def _before(entity: Entity | None, name: str, dataset: object) -> Instance | None:
    kept = instances(entity.attrs.get(name)) if entity is not None else []
    return next((one for one in kept if one.get("datasetId") == dataset), None)


async def replace_attribute(call: Call) -> Answer:
    """Replace Attribute, clause 5.6.19 (HTTP binding 6.7.3.3)."""
    entity_id, name, body, names = await _one_attribute(call)
    attribute = read_attribute(body, call.reading(names), f"attribute {name}", name=call.path[1])

    async def here(_: Given) -> Answer:
        check_type(call, names, entity_id)
        await call.commit([Change(Op.REPLACE_ATTR, entity_id, attrs={name: attribute})])
        return NO_CONTENT

    return await shared(call, names, REPLACE_ONE, _about(entity_id, name, attribute), here, NO_CONTENT)


async def _one_attribute(call: Call) -> tuple[str, str, object, Names]:
    """Entity id and house name of the path, the body without its context, and the names it uses."""
    entity_id = check_id(call.path[0])
    body, names = await call.document()
    call.check_tenant()
    name = names.inward(call.path[1])
    if name == "scope":
        raise Invalid("scope is no attribute: change it with the entity (clause 5.6.4.4).")
    if isinstance(body, dict):
        body = {key: value for key, value in body.items() if key != "@context"}
    return entity_id, name, body, names


async def delete_attribute(call: Call) -> Answer:
    """Delete Attribute, clause 5.6.5 (HTTP binding 6.7.3.2)."""
    names = await call.names()
    call.check_tenant()
    entity_id = check_id(call.path[0])
    dataset = call.query.get("datasetId")
    if dataset is not None and not is_uri(dataset):
        raise Invalid(f"datasetId must be a URI, not {dataset[:60]!r}.")
    name = names.inward(call.path[1])
    every = call.flag("deleteAll")

    async def here(_: Given) -> Answer:
        check_type(call, names, entity_id)
        if name == "scope":
            await call.commit([Change(Op.APPEND, entity_id, scope=())])
        else:
            await call.commit([Change(Op.DROP, entity_id, name=name, dataset=dataset, every=every)])
        return NO_CONTENT

    return await shared(call, names, DROP, _about(entity_id, name, []), here, NO_CONTENT)
