"""Documents of entities to house-named values: the hot way of every write, quick for plain readings."""

import re
from typing import Any, NamedTuple

from dothi.ground.clock import from_iso
from dothi.ground.errors import Invalid, Malformed
from dothi.hub.context.terms import is_uri
from dothi.hub.model import Attribute, Change, Op, instances
from dothi.hub.render.instance import NOT_NAMES, PROOF, SYSTEM, read_attribute
from dothi.hub.render.values import INTEGER_MAX, NULL, Reading, is_moment, shown

_SCOPE = re.compile(r"/?[^\W\d_]\w*(/[^\W\d_]\w*)*")  # Each level begins with a letter (clause 4.18).
_NUMBERS = (float, int)
_PLACES = ("location", "observationSpace", "operationSpace")  # GeoProperties by definition (clause 4.7.1).
_STAMPS = SYSTEM - {"instanceId"}
_NOT_PLAIN = NOT_NAMES | SYSTEM | {PROOF, "id", "type", "@id", "@type", "scope", "expiresAt"}


class Given(NamedTuple):
    """What a document says about an entity; `scope` and `expires` are None when it says nothing of them."""

    id: str
    types: tuple[str, ...]
    attrs: dict[str, Attribute]
    scope: tuple[str, ...] | None
    expires: int | None = None  # µs; 0 takes the expiry away (clause 4.22).

    def change(self, op: Op, entity_id: str = "", overwrite: bool = True) -> Change:
        """The change that does this to the entity named, or to the one that the document names."""
        return Change(op, entity_id or self.id, self.types, self.attrs, self.scope, overwrite, expires=self.expires)


def read_entity(document: Any, reading: Reading) -> Given:
    """A whole entity (clause 4.5.1): id and type are needed. Invalid names entity, attribute, member and remedy."""
    given = read_fragment(document, reading)
    if not given.id:
        raise Invalid("The entity has no id; it needs one, a URI such as urn:ngsi-ld:AirQualityObserved:hue-1.")
    if not given.types:
        raise Invalid(f"{given.id} has no type; an entity needs at least one.")
    return given


def read_fragment(document: Any, reading: Reading) -> Given:
    """A part of an entity (clause 5.4): id ("" when absent) and types are optional."""
    if type(document) is not dict:
        raise Malformed(f"An entity must be a JSON object, not {shown(document)}.")
    entity_id = document.get("id", "")
    inward, moments = reading.names.inward, reading.moments
    attrs: dict[str, Attribute] = {}
    rest: dict[str, Any] = {}
    for name, value in document.items():
        if type(value) is dict and _is_plain(value, moments) and name not in _NOT_PLAIN:
            attrs[inward(name)] = value
        else:
            rest[name] = value
    if len(attrs) + len(rest) != len(document):
        raise Invalid(f"{shown(entity_id)}: two of its attribute names mean the same; keep one of them.")
    return _full(entity_id, attrs, rest, reading)


def _full(entity_id: Any, attrs: dict[str, Attribute], rest: dict[str, Any], reading: Reading) -> Given:
    """The members that are no plain readings, each by its own rule."""
    kind = rest.get("type")
    if type(kind) is str and kind != NULL and len(rest) == 2 and "id" in rest:
        _check_places(attrs, entity_id)
        return Given(check_id(entity_id), (reading.names.inward(kind),), attrs, None)
    types: tuple[str, ...] = ()
    scope: tuple[str, ...] | None = None
    expires: int | None = None
    for name, value in rest.items():
        if name in ("type", "@type"):
            types = _types(value, reading, entity_id)
        elif name in ("id", "@id"):
            entity_id = check_id(value)
        elif name == "scope":
            scope = _scope(value, reading, entity_id)
        elif name == "expiresAt":
            expires = _expiry(value, reading, entity_id)
        elif name not in _STAMPS and name != "@context":
            house = _attribute_name(name, reading, entity_id)
            if house in attrs:
                raise Invalid(f"{shown(entity_id)}: attribute {name} is given twice; keep one of them.")
            attrs[house] = read_attribute(value, reading, f"{entity_id}: attribute {name}", name=name)
    _check_places(attrs, entity_id)
    return Given(entity_id, types, attrs, scope, expires)


def _check_places(attrs: dict[str, Attribute], entity_id: Any) -> None:
    """Raise Invalid unless the core's places are GeoProperties, or nulls that delete them (clause 4.7.1)."""
    for name in _PLACES:
        if name in attrs and not all(
            one["type"] == "GeoProperty" or one.get("value") == NULL for one in instances(attrs[name])
        ):
            raise Invalid(f"{shown(entity_id)}: {name} must be a GeoProperty with a GeoJSON geometry (clause 4.7.1).")


def _is_plain(value: dict[str, Any], moments: set[str]) -> bool:
    """Whether an attribute is a plain reading or point that can be kept as it came; else it is read the full way."""
    kind = value.get("type")
    members = len(value)
    if kind == "Property":
        content = value.get("value")
        typed = type(content)
        if not (typed is float or (typed is str and content != NULL) or typed is bool or _is_small(content)):
            return False
    elif kind != "GeoProperty" or not _is_point(value.get("value")):
        return False
    if members == 2:
        return True
    moment = value.get("observedAt")
    if type(moment) is not str or not (moment in moments or _remember(moment, moments)):
        return False
    return members == 3 or (members == 4 and kind == "Property" and type(value.get("unitCode")) is str)


def _is_small(content: Any) -> bool:
    return type(content) is int and -INTEGER_MAX <= content <= INTEGER_MAX


def _is_point(value: Any) -> bool:
    if type(value) is not dict or len(value) != 2 or value.get("type") != "Point":
        return False
    place = value.get("coordinates")
    if type(place) is not list or len(place) != 2:
        return False
    lon, lat = place
    return type(lon) in _NUMBERS and type(lat) in _NUMBERS and -180 <= lon <= 180 and -90 <= lat <= 90


def _remember(moment: str, moments: set[str]) -> bool:
    if is_moment(moment):
        moments.add(moment)
        return True
    return False


def check_id(value: Any) -> str:
    """An entity's id. Invalid unless it is a URI."""
    if not is_uri(value) or value == NULL:
        raise Invalid(f"The id {shown(value)} is no URI; an entity's id is one, such as urn:ngsi-ld:Sensor:7.")
    return str(value)


def _types(value: Any, reading: Reading, entity_id: Any) -> tuple[str, ...]:
    names = value if isinstance(value, list) else [value]
    if not names or not all(isinstance(name, str) and name != NULL for name in names):
        raise Invalid(f"{shown(entity_id)}: type must be a name or an array of names, not {shown(value)}.")
    return tuple(dict.fromkeys(map(reading.names.inward, names)))


def _scope(value: Any, reading: Reading, entity_id: Any) -> tuple[str, ...]:
    """Scopes such as /VN/Hue/PhuXuan (clause 4.18), each with its leading slash; a null clears them."""
    if value == NULL and reading.nulls:
        return ()
    paths = value if isinstance(value, list) else [value]
    for path in paths:
        if not isinstance(path, str) or len(path) > 1000 or not _SCOPE.fullmatch(path):
            raise Invalid(
                f"{shown(entity_id)}: scope {shown(path)} must look like /VN/Hue/PhuXuan; "
                "each level begins with a letter (clause 4.18)."
            )
    return tuple(dict.fromkeys("/" + path.removeprefix("/") for path in paths))


def _expiry(value: Any, reading: Reading, entity_id: Any) -> int:
    if value == NULL and reading.nulls:
        return 0
    reading.moment(value, f"{shown(entity_id)}: expiresAt")
    return max(from_iso(value), 1)


def _attribute_name(name: str, reading: Reading, entity_id: Any) -> str:
    if name in NOT_NAMES or name == "instanceId":
        raise Invalid(f"{shown(entity_id)}: {name} is a member of attributes and cannot name one (clause 4.5.1).")
    return reading.names.inward(name)
