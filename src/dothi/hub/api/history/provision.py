"""Histories written, corrected and erased (clauses 5.6.11 to 5.6.16): what stands now is untouched.

The log is the truth and stays: a correction or erasure is a commit that says so, and reading leaves out what it names.
"""

from urllib.parse import quote

from dothi.ground.errors import Invalid, Missing
from dothi.hub.api.door.answer import BASE, NO_CONTENT, Answer
from dothi.hub.api.door.request import Call
from dothi.hub.api.history.given import read_evolution, read_one
from dothi.hub.context import Names
from dothi.hub.context.terms import is_uri
from dothi.hub.language.nodes import Window
from dothi.hub.model import Change, Instance, Op
from dothi.hub.render.parse import check_id

_EVER = Window(attribute="modifiedAt")  # Everything has that.


async def upsert_evolution(call: Call) -> Answer:
    """Create or Update Temporal Evolution of an Entity, clause 5.6.11 (HTTP binding 6.18.3.1): 201 when it begins."""
    document, names = await call.document()
    given = read_evolution(document, call.reading(names, nulls=True))
    if not given.id:
        raise Invalid("The evolution has no id; it needs one, a URI such as urn:ngsi-ld:AirQualityObserved:hue-1.")
    known = call.hub.remembers(call.actor, given.id, call.tenant)
    if not known and not given.types:
        raise Invalid(f"{given.id} has no type; an evolution that begins needs at least one.")
    await call.commit([Change(Op.RECORD, given.id, given.types, given.attrs)])
    if known:
        return NO_CONTENT
    return Answer(201, headers=(("Location", f"{BASE}/temporal/entities/{quote(given.id, safe=':')}"),))


async def add_attributes(call: Call) -> Answer:
    """Add Attributes to Temporal Evolution of an Entity, clause 5.6.12 (HTTP binding 6.20.3.1)."""
    entity_id = check_id(call.path[0])
    document, names = await call.document()
    call.check_tenant()
    _check_may(call, Op.RECORD, entity_id)
    given = read_evolution(document, call.reading(names, nulls=True))
    if given.id not in ("", entity_id):
        raise Invalid(f"The body is about {given.id}, the path about {entity_id}; they must be the same.")
    _check_known(call, entity_id)
    if given.attrs or given.types:
        await call.commit([Change(Op.RECORD, entity_id, given.types, given.attrs)])
    return NO_CONTENT


async def delete_attribute(call: Call) -> Answer:
    """Delete Attribute from Temporal Evolution of an Entity, clause 5.6.13 (HTTP binding 6.21.3.1)."""
    entity_id, name, _ = await _target(call)
    dataset, every = call.query.get("datasetId"), call.flag("deleteAll")
    if dataset is not None and not (is_uri(dataset) or dataset == "@none"):
        raise Invalid(f"datasetId must be a URI, not {dataset[:60]!r}.")
    dataset = None if dataset == "@none" else dataset
    told = _told(call, entity_id, name)
    if not every and not any(one.get("datasetId") == dataset for one in told):
        which = f"dataset {dataset}" if dataset else "default dataset"
        raise Missing(f"The history of {entity_id} has no {call.path[1]} of the {which}.", attribute=name)
    await call.commit([Change(Op.ERASE, entity_id, name=name, dataset=dataset, every=every)])
    return NO_CONTENT


async def modify_instance(call: Call) -> Answer:
    """Modify Attribute instance in Temporal Evolution of an Entity, clause 5.6.14 (HTTP binding 6.22.3.1)."""
    instance_id = _instance_id(call)
    entity_id, name, names = await _target(call, with_body=True)
    body, _ = await call.document()
    instance = read_one(body, name, call.path[1], call.reading(names, nulls=True))
    _check_told(call, entity_id, name, instance_id)
    await call.commit([Change(Op.CORRECT, entity_id, attrs={name: instance}, instance=instance_id)])
    return NO_CONTENT


async def delete_instance(call: Call) -> Answer:
    """Delete Attribute instance from Temporal Evolution of an Entity, clause 5.6.15 (HTTP binding 6.22.3.2)."""
    instance_id = _instance_id(call)
    entity_id, name, _ = await _target(call)
    _check_told(call, entity_id, name, instance_id)
    await call.commit([Change(Op.ERASE, entity_id, name=name, instance=instance_id)])
    return NO_CONTENT


async def delete_evolution(call: Call) -> Answer:
    """Delete Temporal Evolution of an Entity, clause 5.6.16 (HTTP binding 6.19.3.2); the entity stands as it stood."""
    entity_id = check_id(call.path[0])
    call.check_tenant()
    _check_may(call, Op.ERASE, entity_id)
    _check_known(call, entity_id)
    await call.commit([Change(Op.ERASE, entity_id)])
    return NO_CONTENT


async def _target(call: Call, with_body: bool = False) -> tuple[str, str, Names]:
    """Entity id and house name of the path, and the names of the request."""
    entity_id = check_id(call.path[0])
    names = (await call.document())[1] if with_body else await call.names()
    call.check_tenant()
    _check_may(call, Op.CORRECT if with_body else Op.ERASE, entity_id)
    name = call.path[1] if call.path[1] == "scope" else names.inward(call.path[1])
    return entity_id, name, names


def _instance_id(call: Call) -> str:
    instance_id = call.path[2]
    if not is_uri(instance_id):
        raise Invalid(
            f"The instanceId {instance_id[:60]!r} is no URI; the temporal representation shows those there are."
        )
    return instance_id


def _check_may(call: Call, op: Op, entity_id: str) -> None:
    """Raise Forbidden unless the actor may write this history: asked before anything is told of it."""
    call.hub.check_write(call.actor, Change(op, entity_id), (), call.tenant)


def _check_known(call: Call, entity_id: str) -> None:
    if not call.hub.remembers(call.actor, entity_id, call.tenant):
        raise Missing(f"There is no history of {entity_id}, or you may not see it.", entity=entity_id)


def _told(call: Call, entity_id: str, name: str) -> list[Instance]:
    """The instances that the history tells of an attribute. Missing when it tells none."""
    past = call.hub.past(call.actor, entity_id, (name,), _EVER, True, call.tenant)
    told = [one.instance for one in past.series.get(name, ())]
    if not told:
        raise Missing(f"The history of {entity_id} has no attribute {call.path[1]}.", attribute=name)
    return told


def _check_told(call: Call, entity_id: str, name: str, instance_id: str) -> None:
    if all(one["instanceId"] != instance_id for one in _told(call, entity_id, name)):
        raise Missing(f"The history of {entity_id} has no instance {instance_id} of {call.path[1]}.", attribute=name)
