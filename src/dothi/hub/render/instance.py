"""One attribute of a document to its instances in normalized form, whatever form it came in (the slow, full way)."""

from typing import Any

from dothi.ground import geometry
from dothi.ground.errors import Invalid
from dothi.hub.context.terms import is_uri
from dothi.hub.model import VALUE_KEY, Attribute, Instance
from dothi.hub.render.values import CHECKS, NULL, Reading, shown

KIND_OF_KEY = {key: kind for kind, key in VALUE_KEY.items() if kind != "GeoProperty"}
SYSTEM = frozenset({"createdAt", "modifiedAt", "deletedAt", "instanceId"})  # Given by the hub; ignored when sent.
NO_DATASET = "@none"  # Stands for the default instance, which has no datasetId.
OUTPUT_ONLY = frozenset({"entity", "entityList", *(f"previous{key[0].upper()}{key[1:]}" for key in KIND_OF_KEY)})
PROOF = "ngsildproof"  # Says who signed an attribute, and alone has what is sealed (clause 4.5.2.2).
SEALED = frozenset({"entityIdSealed", "entityTypeSealed"})
_LANG_STRING = ("langString", "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString")
# Core terms that are members of an attribute and so never names of one (clause 4.5.1).
NOT_NAMES = frozenset(
    {"datasetId", "observedAt", "expiresAt", "unitCode", "objectType", "valueType", "lang", *SEALED, *OUTPUT_ONLY}
)
_MOMENTS = frozenset({"observedAt", "expiresAt"})
_UNITLESS = frozenset({"Relationship", "LanguageProperty", "VocabProperty", "JsonProperty", "ListRelationship"})


def read_attribute(value: Any, reading: Reading, where: str, level: int = 0, name: str = "") -> Attribute:
    """An attribute (or array of its instances) in any form as normalized instances; Invalid says what is wrong.

    `where` names entity and attribute in errors; `level` counts attributes of attributes; `name` is the attribute's.
    """
    if level >= reading.depth:
        raise Invalid(f"{where} nests attributes more than {reading.depth} levels deep.")
    if not is_instances(value):
        return _checked(read_instance(value, reading, where, level), name, where)
    found = [
        _checked(read_instance(one, reading, f"{where}[{place}]", level), name, f"{where}[{place}]")
        for place, one in enumerate(value)
    ]
    datasets = [one.get("datasetId") for one in found]
    if len(set(datasets)) != len(datasets):
        raise Invalid(f"{where} has two instances with the same datasetId (none counts too); they must differ.")
    return found[0] if len(found) == 1 else found


def _checked(instance: Instance, name: str, where: str) -> Instance:
    """A proof holds an object, and nothing else has what is sealed (clause 4.5.2.2)."""
    if name == PROOF and not isinstance(instance.get("value"), dict):
        raise Invalid(
            f"{where}.value must be an object with the proof's structure, not {shown(instance.get('value'))}."
        )
    sealed = SEALED & instance.keys() if name != PROOF else None
    if sealed:
        raise Invalid(f"{where} has {min(sealed)}, which only {PROOF} may have (clause 4.5.2.2).")
    return instance


def is_instances(value: Any) -> bool:
    """Whether an array holds instances of an attribute rather than being a value itself."""
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) and _is_reified(one) for one in value)


def _is_reified(value: dict[str, Any]) -> bool:
    return value.get("type") in VALUE_KEY or any(key in value for key in KIND_OF_KEY)


def read_instance(value: Any, reading: Reading, where: str, level: int = 0, kind: str | None = None) -> Instance:
    """One instance in normalized form; `kind` is the type it is known to have already."""
    if not isinstance(value, dict):
        return _bare(value, reading, where)
    given = value.get("type")
    if kind is not None and given not in (None, kind):
        raise Invalid(f"{where} is a {kind}; its type cannot be changed to {shown(given)} (clause 5.6.4).")
    kind = kind or _kind(value, where)
    if kind is None:
        return _bare(value, reading, where)
    key = VALUE_KEY[kind]
    instance: Instance = {"type": kind}
    if key in value:
        instance[key] = CHECKS[kind](value[key], reading, f"{where}.{key}")
    elif not reading.valueless:
        raise Invalid(f"{where} is a {kind} without its member {key!r}.")
    for member, content in value.items():
        if member not in ("type", key):
            _member(instance, member, content, reading, where, level)
    return instance


def _kind(value: dict[str, Any], where: str) -> str | None:
    """The attribute type of an object, None when the object is itself a bare value (clauses 4.5.2.3 and following)."""
    given = value.get("type")
    if isinstance(given, str) and given in VALUE_KEY:
        return given
    if given is not None:
        if isinstance(given, str) and given in geometry.TYPES:
            return None
        raise Invalid(f"{where}.type is {shown(given)}; it must be one of {', '.join(VALUE_KEY)}.")
    found = next((key for key in KIND_OF_KEY if key in value), None)
    if found is None:
        return None
    return "GeoProperty" if found == "value" and _is_geometry(value["value"]) else KIND_OF_KEY[found]


def _is_geometry(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") in geometry.TYPES and "coordinates" in value


def _bare(value: Any, reading: Reading, where: str) -> Instance:
    """A value without its attribute around it: concise form."""
    kind = "GeoProperty" if _is_geometry(value) else "Property"
    if value == NULL and not reading.nulls:
        raise Invalid(f"{where} is {NULL}, which only updates and merges may use (clause 5.5.4).")
    return {"type": kind, "value": CHECKS[kind](value, reading, where)}


def _member(instance: Instance, member: str, content: Any, reading: Reading, where: str, level: int) -> None:
    """Read one member of an instance that is not its type or value."""
    if member in SYSTEM or (member == "datasetId" and content == NO_DATASET):
        return
    if member in KIND_OF_KEY or member in OUTPUT_ONLY:
        raise Invalid(f"{where} is a {instance['type']}, which has no member {member!r}.")
    if reading.valueless and content == NULL and member != "datasetId":
        instance[member if member in NOT_NAMES else reading.names.inward(member)] = NULL
    elif member in _MOMENTS:
        reading.moment(content, f"{where}.{member}")
        instance[member] = content
    elif member in NOT_NAMES:
        instance[member] = _plain_member(instance["type"], member, content, reading, where)
    elif member.startswith("@"):
        raise Invalid(f"{where}.{member} is not possible there: @context stands at the top of a document only.")
    else:
        instance[reading.names.inward(member)] = read_attribute(
            content, reading, f"{where}.{member}", level + 1, member
        )


def _plain_member(kind: str, member: str, content: Any, reading: Reading, where: str) -> Any:
    if member == "datasetId":
        if not is_uri(content) or content == NULL:
            raise Invalid(f"{where}.datasetId must be a URI, not {shown(content)}.")
        return content
    if member == "unitCode" and kind in _UNITLESS:
        raise Invalid(f"{where} is a {kind}, which has no unitCode.")
    texts = content if isinstance(content, list) and member == "objectType" else [content]
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise Invalid(f"{where}.{member} must be a string, not {shown(content)}.")
    if member == "valueType" and kind == "LanguageProperty" and content not in _LANG_STRING:
        raise Invalid(f"{where}.valueType must be langString, not {shown(content)} (clause 5.2.32).")
    if member in ("objectType", "valueType", "entityTypeSealed"):
        houses = [reading.names.inward(text) for text in texts]
        return houses if isinstance(content, list) else houses[0]
    return content
