"""NGSI-LD entities as sources hand them in (normalized, concise or simplified, mixed too) made into changes."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dothi.ground.errors import DothiError, Invalid
from dothi.hub.context import CORE, Contexts, Names
from dothi.hub.model import VALUE_KEY, Attribute, Change, Instance, Op, instances
from dothi.sources.mapping.model import Fault
from dothi.sources.mapping.values import check_geometry, shown

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s<>\"{}|\\^`]+")
_FRAME = frozenset({"id", "type", "@context", "scope", "createdAt", "modifiedAt", "deletedAt", "expiresAt"})
_BY_MEMBER = {member: kind for kind, member in VALUE_KEY.items() if kind not in ("GeoProperty",)}
_PLAIN = frozenset(
    {"type", "observedAt", "unitCode", "datasetId", "objectType", "lang", "valueType", *VALUE_KEY.values()}
)
_GEOMETRIES = frozenset({"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"})


def entity_change(item: Mapping[str, Any], contexts: Contexts) -> tuple[Change, str | None]:
    """The upsert that an NGSI-LD entity means, and the latest observedAt in it; Fault when it is no entity.

    @context may be inline or the core; nothing is fetched.
    """
    subject, kinds = item.get("id"), item.get("type")
    types = [kinds] if isinstance(kinds, str) else kinds
    if not isinstance(subject, str) or not _URI.fullmatch(subject) or len(subject) > 512:
        raise Fault("not-an-entity", "id", value=shown(subject))
    if not isinstance(types, list) or not types or not all(isinstance(kind, str) and kind for kind in types):
        raise Fault("not-an-entity", "type", value=shown(kinds))
    try:
        names = contexts.resolve(item["@context"]) if "@context" in item else CORE
        attrs = {names.inward(name): _attribute(name, item[name], names) for name in item if name not in _FRAME}
        house = tuple(dict.fromkeys(names.inward(kind) for kind in types))
    except DothiError as error:
        raise Fault("not-an-entity", value=shown(error.detail)) from error
    if not attrs:
        raise Fault("empty")
    times = [one["observedAt"] for attribute in attrs.values() for one in instances(attribute) if "observedAt" in one]
    return Change(Op.UPSERT, subject, house, attrs, _scope(item), newer_only=True), max(times, default=None)


def _scope(item: Mapping[str, Any]) -> tuple[str, ...] | None:
    scope = item.get("scope")
    if scope is None:
        return None
    listed = [scope] if isinstance(scope, str) else scope
    if not isinstance(listed, list) or not all(isinstance(one, str) and one.startswith("/") for one in listed):
        raise Fault("not-an-entity", "scope", value=shown(scope))
    return tuple(listed)


def _attribute(name: str, given: Any, names: Names) -> Attribute:
    if isinstance(given, list) and given and all(isinstance(one, dict) and _typed(one) for one in given):
        return [_instance(name, one, names) for one in given]
    return _instance(name, given, names)


def _typed(given: Mapping[str, Any]) -> bool:
    """Whether an object is an attribute instance, and not a plain value in simplified form."""
    kind = given.get("type")
    return (isinstance(kind, str) and kind in VALUE_KEY) or any(member in given for member in _BY_MEMBER)


def _instance(name: str, given: Any, names: Names) -> Instance:
    if not isinstance(given, dict) or not _typed(given):
        return _simplified(name, given)
    kind = given.get("type") or _kind_of(given)
    member = VALUE_KEY.get(kind) if isinstance(kind, str) else None
    if member is None or given.get(member) is None:
        raise Fault("not-an-entity", name, value=shown(given))
    value = check_geometry(name, given[member]) if kind == "GeoProperty" else given[member]
    out: Instance = {"type": kind, member: value}
    if "observedAt" in given:
        out["observedAt"] = _moment(name, given["observedAt"])
    for key in ("unitCode", "datasetId", "objectType", "valueType"):
        if key in given:
            out[key] = _words(name, given[key])
    for key, value in given.items():
        if key not in _PLAIN and key not in _FRAME:
            out[names.inward(key)] = _instance(key, value, names)
    return out


def _simplified(name: str, given: Any) -> Instance:
    if given is None:
        raise Fault("required", name, column=name)
    if _is_geometry(given):
        return {"type": "GeoProperty", "value": check_geometry(name, given)}
    return {"type": "Property", "value": given}


def _is_geometry(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("type"), str) and value["type"] in _GEOMETRIES


def _kind_of(given: Mapping[str, Any]) -> str:
    if _is_geometry(given.get("value")):
        return "GeoProperty"
    return next(kind for member, kind in _BY_MEMBER.items() if member in given)


def _words(name: str, value: Any) -> Any:
    if not isinstance(value, str | list):
        raise Fault("not-text", name, value=shown(value))
    return value


def _moment(name: str, text: Any) -> str:
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise Invalid
        return found.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (TypeError, ValueError, OverflowError, Invalid) as error:
        raise Fault("not-a-time", name, value=shown(text)) from error
