"""Entities as an older version of the standard knows them (clause 4.3.6.8): what is newer falls back or is left out."""

from typing import Any

import msgspec

from dothi.hub.context import Names
from dothi.hub.model import VALUE_KEY, Attribute, Entity, Instance, instances

Version = tuple[int, int]  # Major, minor.
CURRENT: Version = (1, 9)
OLDEST: Version = (1, 0)
# When each kind of attribute came, and what it falls back to before (table 4.3.6.8-1).
_KINDS: dict[str, tuple[Version, str]] = {
    "LanguageProperty": ((1, 4), "Property"),
    "JsonProperty": ((1, 8), "Property"),
    "VocabProperty": ((1, 8), "Property"),
    "ListProperty": ((1, 8), "Property"),
    "ListRelationship": ((1, 8), "Relationship"),
}
# When each member of an attribute came (tables 4.3.6.8-2 and -3).
_MEMBERS: dict[str, Version] = {
    "datasetId": (1, 3),
    "observedAt": (1, 3),
    "unitCode": (1, 3),
    "objectType": (1, 8),
    "expiresAt": (1, 9),
    "valueType": (1, 9),
}


def older(entity: Entity, version: Version, names: Names) -> Entity:
    """The entity conformant to `version`; the same object when there is nothing to amend. Names are as clients see."""
    amended = {name: _attribute(attribute, version, names) for name, attribute in entity.attrs.items()}
    changes: dict[str, Any] = {}
    if any(amended[name] is not attribute for name, attribute in entity.attrs.items()):
        changes["attrs"] = amended
    if version < (1, 9) and entity.expires_at:
        changes["expires_at"] = 0
    if version < (1, 4) and entity.scope:
        changes["scope"] = ()
    if version < (1, 3) and len(entity.types) > 1:
        changes["types"] = entity.types[:1]
    return msgspec.structs.replace(entity, **changes) if changes else entity


def _attribute(attribute: Attribute, version: Version, names: Names) -> Attribute:
    if version < (1, 3) and isinstance(attribute, list):
        default = next((one for one in attribute if "datasetId" not in one), attribute[0])
        return _instance(default, version, names)
    made = [_instance(one, version, names) for one in instances(attribute)]
    if all(new is old for new, old in zip(made, instances(attribute), strict=True)):
        return attribute
    return made if isinstance(attribute, list) else made[0]


def _instance(instance: Instance, version: Version, names: Names) -> Instance:
    kind = instance["type"]
    since, fallback = _KINDS.get(kind, (OLDEST, kind))
    key = VALUE_KEY[kind]
    made: Instance = {}
    for member, value in instance.items():
        if version >= _MEMBERS.get(member, OLDEST):
            inner = isinstance(value, dict | list) and member != key and _is_attribute(value)
            made[member] = _attribute(value, version, names) if inner else value
    if version < since:
        made = {"type": fallback, VALUE_KEY[fallback]: _value(kind, instance.get(key), names)} | {
            member: value for member, value in made.items() if member not in ("type", key)
        }
    return instance if made == instance else made


def _is_attribute(value: dict[str, Any] | list[Any]) -> bool:
    listed = value if isinstance(value, list) else [value]
    return all(isinstance(one, dict) and one.get("type") in VALUE_KEY for one in listed)


def _value(kind: str, value: Any, names: Names) -> Any:
    """The value under its older type: words by the client's names, objects as bare URIs."""
    if kind == "VocabProperty":
        return [names.outward(one) for one in value] if isinstance(value, list) else names.outward(value)
    if kind == "ListRelationship":
        return [one["object"] for one in value]
    return value
