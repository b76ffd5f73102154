"""Entities to JSON documents: normalized, concise and simplified (GS CIM 009 clauses 4.5.1 to 4.5.4)."""

from typing import Any

from dothi.ground import geometry
from dothi.ground.clock import iso
from dothi.hub.model import VALUE_KEY, Attribute, Entity, Instance, default_instance
from dothi.hub.render.instance import KIND_OF_KEY, NO_DATASET, NOT_NAMES, is_instances
from dothi.hub.render.shape import Shape, chosen, in_one_language

STAMPS = ("createdAt", "modifiedAt", "deletedAt", "instanceId")
_MEMBERS = frozenset({"type", *KIND_OF_KEY, *NOT_NAMES, *STAMPS})
_NAMED = frozenset({"vocab", "objectType", "valueType", "entityTypeSealed"})  # Members whose value is a name.
_WRAPPED = frozenset({"languageMap", "json", "vocab"})  # Kept in an object in simplified form (clause 4.5.4).


def render(entity: Entity, shape: Shape) -> dict[str, Any]:
    """One entity as a JSON document, without @context."""
    document = head(entity, shape)
    for name, attribute in chosen(entity, shape).items():
        document[shape.names.outward(name)] = render_attribute(attribute, shape, entity.modified_at)
    return document


def head(entity: Entity, shape: Shape) -> dict[str, Any]:
    """Its id, type, scope and times, as far as the shape shows them."""
    document: dict[str, Any] = {}
    if shape.shows("id"):
        document["id"] = entity.id
    if shape.shows("type"):
        document["type"] = one_or_all([shape.names.outward(kind) for kind in entity.types])
    if entity.scope and shape.shows("scope"):
        document["scope"] = one_or_all(list(entity.scope))
    if shape.sys_attrs and shape.form != "simplified":
        document["createdAt"] = iso(entity.created_at)
        document["modifiedAt"] = iso(entity.modified_at)
        if entity.expires_at:
            document["expiresAt"] = iso(entity.expires_at)
    return document


def one_or_all(values: list[Any]) -> Any:
    """A single value bare, several as an array."""
    return values[0] if len(values) == 1 else values


def feature(entity: Entity, shape: Shape) -> dict[str, Any]:
    """One entity as a GeoJSON Feature (clauses 4.5.16 and 4.5.17), without @context."""
    properties = render(entity, shape)
    properties.pop("id", None)
    return {"id": entity.id, "type": "Feature", "geometry": _geometry(entity, shape), "properties": properties}


def collection(features: list[dict[str, Any]]) -> dict[str, Any]:
    """Features as a FeatureCollection."""
    return {"type": "FeatureCollection", "features": features}


def _geometry(entity: Entity, shape: Shape) -> Any:
    """The geometry of the selected GeoProperty, null when there is none (clause 4.5.16.1)."""
    narrowed = chosen(entity, Shape(datasets=shape.datasets, pick=frozenset({shape.geometry})))
    instance = default_instance(narrowed.get(shape.geometry)) or {}
    value = instance.get("value")
    return value if isinstance(value, dict) and value.get("type") in geometry.TYPES else None


def render_attribute(attribute: Attribute, shape: Shape, modified_at: int) -> Any:
    """One attribute in the shape's form; `modified_at` (µs) is the entity's, for unstamped instances."""
    if shape.form == "simplified":
        return _simplified(attribute, shape)
    if isinstance(attribute, list):
        # In an array each instance keeps its braces; bare values would read back as one value.
        return [_reified(one, shape, modified_at, bare=False) for one in attribute]
    return _reified(attribute, shape, modified_at, bare=True)


def _reified(instance: Instance, shape: Shape, modified_at: int, bare: bool) -> Any:
    full = render_instance(instance, shape)
    if shape.sys_attrs:
        modified = instance.get("modifiedAt") or iso(modified_at)
        full |= {"createdAt": instance.get("createdAt") or modified, "modifiedAt": modified}
    return _concise(full, bare) if shape.form == "concise" else full


def render_instance(instance: Instance, shape: Shape) -> Instance:
    """One instance in normalized form with the client's names, without stamps."""
    if shape.languages is not None:
        instance = in_one_language(instance, shape.languages)
    outward = shape.names.outward
    full: Instance = {}
    for key, value in instance.items():
        if key in _MEMBERS:
            if key in _NAMED:
                full[key] = [outward(name) for name in value] if isinstance(value, list) else outward(value)
            elif key not in STAMPS and (key != "expiresAt" or shape.sys_attrs):
                full[key] = value
        elif isinstance(value, list):
            full[outward(key)] = [render_instance(one, shape) for one in value]
        else:
            full[outward(key)] = render_instance(value, shape)
    return full


def _concise(full: Any, bare: bool = True) -> Any:
    """The shortest form that reads back as the same instance (clause 4.5.2.3 and its siblings)."""
    if isinstance(full, list):
        return [_concise(one, bare=False) for one in full]
    kind = full["type"]
    key = VALUE_KEY[kind]
    value = full.get(key)
    shaped_like_place = isinstance(value, dict) and value.get("type") in geometry.TYPES
    if kind in ("Property", "GeoProperty") and shaped_like_place != (kind == "GeoProperty"):
        return {name: _concise_member(name, part) for name, part in full.items()}  # Its type would be guessed wrong.
    if bare and len(full) == 2 and kind in ("Property", "GeoProperty") and not (kind == "Property" and _misread(value)):
        return value
    return {name: _concise_member(name, part) for name, part in full.items() if name != "type"}


def _concise_member(name: str, part: Any) -> Any:
    if name == "objectList":
        return _uris(part)  # Clause 4.5.22.3: that they are objects can be inferred.
    return part if name in _MEMBERS else _concise(part)


def _misread(value: Any) -> bool:
    """Whether a bare value would be taken for an instance, or for several."""
    if isinstance(value, dict):
        return "type" in value or any(key in value for key in KIND_OF_KEY)
    return is_instances(value)


def _simplified(attribute: Attribute, shape: Shape) -> Any:
    if not isinstance(attribute, list):
        return simplified_value(attribute, shape)
    return {"dataset": {one.get("datasetId", NO_DATASET): simplified_value(one, shape) for one in attribute}}


def simplified_value(instance: Instance, shape: Shape) -> Any:
    """The bare value of an instance (clause 4.5.4); language maps, JSON and names stay in an object of one member."""
    full = render_instance(instance, shape)
    key = VALUE_KEY[full["type"]]
    inside = full.get("entityList", full.get("entity"))
    if inside is not None:  # Linked entities stand in the place of their ids (clause 4.5.23.2).
        return inside
    value = full.get(key)
    if key == "objectList":
        return _uris(value)
    return {key: value} if key in _WRAPPED else value


def _uris(listed: Any) -> Any:
    """The bare URIs of an objectList."""
    return (
        [part["object"] if isinstance(part, dict) else part for part in listed] if isinstance(listed, list) else listed
    )
