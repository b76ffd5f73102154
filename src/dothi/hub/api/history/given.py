"""Documents of evolutions to the instances that a history is to tell (clauses 4.5.6 to 4.5.9, 5.2.20)."""

from typing import Any, NamedTuple

from dothi.ground.errors import Invalid, Malformed, Unsupported
from dothi.ground.ids import urn
from dothi.hub.model import VALUE_KEY, Attribute, Instance
from dothi.hub.render.instance import NOT_NAMES, is_instances, read_instance
from dothi.hub.render.parse import read_fragment
from dothi.hub.render.temporal import PLURAL
from dothi.hub.render.values import NULL, NULL_WORDS, Reading, shown

_HEAD = frozenset({"id", "@id", "type", "@type"})
_SKIPPED = frozenset({"@context", "createdAt", "modifiedAt", "deletedAt"})
_SCOPE_MEMBERS = frozenset({"type", "value", "observedAt", "createdAt", "modifiedAt", "deletedAt", "instanceId"})
_PAIR = 2  # A value and its time.


class Evolution(NamedTuple):
    """What a document says of an evolution; each instance has a name of its own (instanceId)."""

    id: str
    types: tuple[str, ...]
    attrs: dict[str, Attribute]


def read_evolution(document: Any, reading: Reading) -> Evolution:
    """An evolution, or a fragment of one. `reading` allows nulls: a null says that something ended (clause 4.5.7)."""
    if not isinstance(document, dict):
        raise Malformed(f"An evolution must be a JSON object, not {shown(document)}.")
    strict = Reading(reading.names, depth=reading.depth)
    given = read_fragment({name: value for name, value in document.items() if name in _HEAD}, strict)
    if "expiresAt" in document:
        read_fragment({"expiresAt": document["expiresAt"]}, strict)
        raise Unsupported("expiresAt says how long an entity stands; a history is kept until somebody erases it.")
    attrs: dict[str, Attribute] = {}
    for name, value in document.items():
        if name not in _HEAD and name not in _SKIPPED:
            house = name if name == "scope" else _house(name, reading)
            if house in attrs:
                raise Invalid(f"{shown(given.id)}: attribute {name} is given twice; keep one of them.")
            attrs[house] = _named(_scopes(value, strict) if name == "scope" else read_series(value, reading, name))
    return Evolution(given.id, given.types, attrs)


def _house(name: str, reading: Reading) -> str:
    if name in NOT_NAMES or name == "instanceId":
        raise Invalid(f"{name} is a member of attributes and cannot name one (clause 4.5.1).")
    return reading.names.inward(name)


def read_series(value: Any, reading: Reading, name: str) -> list[Instance]:
    """The instances of one attribute: in full, one or several, or as [value, time] pairs (clause 4.5.9)."""
    where = f"attribute {name}"
    parts = value if isinstance(value, list) else [value]
    if parts and all(isinstance(one, dict) and PLURAL.get(one.get("type", ""), "") in one for one in parts):
        return [instance for one in parts for instance in _pairs(one, reading, where)]
    if not is_instances(value):
        return [_instance(value, reading, where)]
    return [_instance(one, reading, f"{where}[{place}]") for place, one in enumerate(value)]


def _instance(value: Any, reading: Reading, where: str) -> Instance:
    instance = read_instance(value, reading, where)
    if isinstance(value, dict) and "deletedAt" in value and _is_end(instance):
        reading.moment(value["deletedAt"], f"{where}.deletedAt")
        instance["deletedAt"] = value["deletedAt"]
    return instance


def _is_end(instance: Instance) -> bool:
    return instance.get(VALUE_KEY[instance["type"]]) in (NULL, NULL_WORDS, [NULL], [{"object": NULL}])


def _pairs(value: dict[str, Any], reading: Reading, where: str) -> list[Instance]:
    """The instances of [value, time] pairs; the time is observedAt."""
    kind = value["type"]
    key, plural = VALUE_KEY[kind], PLURAL[kind]
    rest = {member: content for member, content in value.items() if member not in ("type", plural)}
    pairs = value[plural]
    if not isinstance(pairs, list):
        raise Invalid(f"{where}.{plural} must be an array of [value, time] pairs, not {shown(pairs)}.")
    found = []
    for place, pair in enumerate(pairs):
        if not isinstance(pair, list) or len(pair) != _PAIR:
            raise Invalid(f"{where}.{plural}[{place}] must be a value and its time, not {shown(pair)}.")
        one = {"type": kind, key: pair[0], "observedAt": pair[1], **rest}
        found.append(read_instance(one, reading, f"{where}.{plural}[{place}]"))
    return found


def _scopes(value: Any, reading: Reading) -> list[Instance]:
    """The scope of an evolution: as entities have it, or as instances of a Property with times only (clause 4.5.6)."""
    parts = value if isinstance(value, list) and value and isinstance(value[0], dict) else [value]
    return [_scope(one, reading) for one in parts]


def _scope(value: Any, reading: Reading) -> Instance:
    observed = {}
    if isinstance(value, dict):
        strange = value.keys() - _SCOPE_MEMBERS
        if strange or value.get("type", "Property") != "Property":
            raise Invalid(f"scope has {shown(min(strange, default='type'))}; it has times only (clause 4.5.6).")
        observed = {"observedAt": value["observedAt"]} if "observedAt" in value else {}
        if observed:
            reading.moment(observed["observedAt"], "scope.observedAt")
        value = value.get("value")
    scopes = list(read_fragment({"scope": value}, reading).scope or ())
    return {"type": "Property", "value": scopes[0] if len(scopes) == 1 else scopes, **observed}


def _named(listed: list[Instance]) -> Attribute:
    """Each instance with the name by which it can be corrected or erased later."""
    return [{**one, "instanceId": urn("Instance")} for one in listed]


def read_one(body: Any, name: str, word: str, reading: Reading) -> Instance:
    """The instance that is to take another's place: alone, or in a fragment under its attribute (clause 5.6.14)."""
    if not isinstance(body, dict):
        raise Invalid(f"The body must be an instance of {word}, a JSON object, not {shown(body)}.")
    held = {key: value for key, value in body.items() if key not in _SKIPPED and key not in _HEAD}
    if body.get("type") not in VALUE_KEY and len(held) == 1 and reading.names.inward(next(iter(held))) == name:
        body = next(iter(held.values()))
    found = read_series(body, reading, word)
    if len(found) != 1:
        raise Invalid(f"The body holds {len(found)} instances of {word}; it must be the one that takes the place.")
    return found[0]
