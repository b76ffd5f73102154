"""The syntax trees of the query languages, evaluated on entities in memory."""

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import shapely
from shapely.geometry.base import BaseGeometry

from dothi.ground.clock import from_iso, iso
from dothi.ground.geometry import distance_m, to_shapely
from dothi.hub.language.nodes import (
    And,
    Between,
    Compare,
    Condition,
    Exists,
    Geo,
    Linked,
    Moment,
    Or,
    ScopeAnd,
    ScopeCondition,
    ScopeIs,
    ScopeOr,
    TypeAnd,
    TypeCondition,
    TypeIs,
    TypeOr,
)
from dothi.hub.language.pattern import finder
from dothi.hub.model import VALUE_KEY, Attribute, Entity, Instance, instances

STAMPS = ("createdAt", "modifiedAt")
_OBJECTS = {"Relationship": "object", "ListRelationship": "objectList"}
Follow = Callable[[Sequence[str]], Iterable[Entity]]
ANY_MEMBER = "*"


def nowhere(ids: Sequence[str]) -> Iterable[Entity]:
    """Follows no relationship: conditions on linked entities never hold."""
    return ()


class Target(NamedTuple):
    """What a path leads to in one instance: the attribute's type ("" for observedAt and the like) and its values.

    There are several values only for a LanguageProperty without a language.
    """

    kind: str
    values: list[Any]


def matches(condition: Condition, entity: Entity, follow: Follow = nowhere) -> bool:
    """Whether a q condition (clause 4.9) holds; where an attribute has several instances, one suffices.

    `follow` gives the entities with those ids, as far as whoever asks may read them: for conditions on linked ones.
    """
    if isinstance(condition, Compare):
        test = _TESTS[condition.op]
        found = targets(entity, condition.path, condition.trail)
        return any(test(condition.op, target, condition.value) for target in found)
    if isinstance(condition, Exists):
        return next(targets(entity, condition.path, condition.trail), None) is not None
    if isinstance(condition, Linked):
        return any(
            matches(condition.condition, linked, follow)
            for linked in follow(objects(entity.attrs.get(condition.relation)))
            if not condition.types or not set(condition.types).isdisjoint(linked.types)
        )
    if isinstance(condition, And):
        return all(matches(term, entity, follow) for term in condition.terms)
    return any(matches(term, entity, follow) for term in condition.terms)


def objects(attribute: Attribute | None) -> list[str]:
    """The ids that a Relationship or ListRelationship leads to, all of its instances together."""
    found: list[str] = []
    for instance in instances(attribute):
        found.extend(one for one in _members(Target("", [instance.get(_OBJECTS.get(instance["type"], ""), [])])))
    return found


def depth(condition: Condition) -> int:
    """How many relationships a condition follows one after the other; 0 for none."""
    if isinstance(condition, Linked):
        return 1 + depth(condition.condition)
    if isinstance(condition, And | Or):
        return max(map(depth, condition.terms))
    return 0


def attributes(condition: Condition) -> set[str]:
    """The attributes that a condition looks at, on the entity itself."""
    if isinstance(condition, And | Or):
        return set().union(*map(attributes, condition.terms))
    return {condition.relation if isinstance(condition, Linked) else condition.path[0]}


def type_matches(condition: TypeCondition, types: Sequence[str]) -> bool:
    """Whether an entity of `types` is selected (clause 4.17)."""
    if isinstance(condition, TypeIs):
        return condition.name in types
    if isinstance(condition, TypeAnd):
        return all(type_matches(term, types) for term in condition.terms)
    assert isinstance(condition, TypeOr)
    return any(type_matches(term, types) for term in condition.terms)


def scope_matches(condition: ScopeCondition, scopes: Sequence[str]) -> bool:
    """Whether an entity in `scopes` is selected (clause 4.19); each term may be met by another scope."""
    if isinstance(condition, ScopeIs):
        pattern = _levels(condition.pattern)
        return any(_scope_fits(pattern, _levels(scope)) for scope in scopes)
    if isinstance(condition, ScopeAnd):
        return all(scope_matches(term, scopes) for term in condition.terms)
    assert isinstance(condition, ScopeOr)
    return any(scope_matches(term, scopes) for term in condition.terms)


def _levels(scope: str) -> list[str]:
    return scope.removeprefix("/").split("/")


def _scope_fits(pattern: list[str], scope: list[str]) -> bool:
    """Level by level; + is any one level, # at the end the scope itself and everything below it."""
    if pattern[-1] == "#":
        pattern = pattern[:-1]
        scope = scope[: len(pattern)]
    return len(pattern) == len(scope) and all(want in ("+", level) for want, level in zip(pattern, scope, strict=True))


def geo_matches(geo: Geo, entity: Entity) -> bool:
    """Whether a geo-query (clause 4.10) holds for one entity; for many, make one `geo_test`."""
    return geo_test(geo)(entity)


def geo_test(geo: Geo) -> Callable[[Entity], bool]:
    """The test of a geo-query, with its reference geometry prepared once. No GeoProperty, no match."""
    reference = to_shapely(geo.geometry)
    shapely.prepare(reference)
    holds = _near(geo, reference) if geo.rel == "near" else _relation(geo.rel, reference)

    def test(entity: Entity) -> bool:
        found = instances(entity.attrs.get(geo.attribute))
        return any(holds(to_shapely(one["value"])) for one in found if one.get("type") == "GeoProperty")

    return test


def _near(geo: Geo, reference: BaseGeometry) -> Callable[[BaseGeometry], bool]:
    """Within the buffer of maxDistance, and disjoint from that of minDistance."""
    far = geo.max_distance if geo.max_distance is not None else float("inf")
    near = geo.min_distance if geo.min_distance is not None else -1.0
    return lambda target: near < distance_m(reference, target) <= far


# The relation that the prepared reference has to the target where the target has the asked one to the reference.
_CONVERSE: dict[str, Callable[[BaseGeometry, BaseGeometry], Any]] = {
    "within": shapely.contains,
    "contains": shapely.within,
    "intersects": shapely.intersects,
    "disjoint": shapely.disjoint,
    "overlaps": shapely.overlaps,
    "equals": shapely.equals,
}


def _relation(name: str, reference: BaseGeometry) -> Callable[[BaseGeometry], bool]:
    converse = _CONVERSE[name]
    return lambda target: bool(converse(reference, target))


def targets(entity: Entity, path: Sequence[str], trail: tuple[str, ...]) -> Iterator[Target]:
    """The targets of an attribute path: one for each instance on the way that has all of it."""
    first, *rest = path
    if first in STAMPS and first not in entity.attrs and not rest and not trail:
        yield Target("", [iso(entity.created_at if first == "createdAt" else entity.modified_at)])
        return
    for instance in _default_first(entity.attrs.get(first)):
        yield from _below(_stamped(instance, rest, entity), rest, trail)


def _default_first(attribute: Attribute | None) -> list[Instance]:
    listed = instances(attribute)
    return sorted(listed, key=lambda one: "datasetId" in one) if len(listed) > 1 else listed


def _stamped(instance: Instance, rest: list[str], entity: Entity) -> Instance:
    """The instance with its stamps made explicit when one is asked for; write/apply.py says when they are left out."""
    if not rest or rest[0] not in STAMPS:
        return instance
    modified = instance.get("modifiedAt", entity.modified_at)
    stamps = {"modifiedAt": modified, "createdAt": instance.get("createdAt", modified)}
    return {**instance, **{name: iso(at) if isinstance(at, int) else at for name, at in stamps.items()}}


def _below(instance: Instance, path: list[str], trail: tuple[str, ...]) -> Iterator[Target]:
    if not path:
        kind = instance.get("type", "Property")
        values = _values(kind, instance, trail)
        if values:
            yield Target(kind, values)
        return
    inner = instance.get(path[0])
    if isinstance(inner, str) and len(path) == 1 and not trail:
        yield Target("", [inner])  # observedAt, unitCode, datasetId …, which are no attributes themselves.
    for sub in inner if isinstance(inner, list) else [inner]:
        if isinstance(sub, dict):
            yield from _below(sub, path[1:], trail)


def _values(kind: str, instance: Instance, trail: tuple[str, ...]) -> list[Any]:
    """The target values of an instance: one, none when the trail leads nowhere, or those of every language."""
    key = VALUE_KEY.get(kind, "value")
    if key not in instance:
        return []
    value = instance[key]
    if kind == "LanguageProperty" and isinstance(value, dict) and trail in ((), (ANY_MEMBER,)):
        return list(value.values())
    for member in trail:
        if not isinstance(value, dict) or member not in value:
            return []
        value = value[member]
    return [_plain(value)]


def _plain(value: Any) -> Any:
    """The value itself of a typed value ({"@type": …, "@value": …})."""
    return value["@value"] if isinstance(value, dict) and "@value" in value else value


def _members(target: Target) -> list[Any]:
    """All single values of a target: a member of an array counts as well as the value."""
    return [_unwrapped(one) for value in target.values for one in (value if isinstance(value, list) else [value])]


def _unwrapped(member: Any) -> Any:
    """The URI of {"object": URI} in an objectList, the value of {"value": …} in a valueList."""
    if isinstance(member, dict):
        return member.get("object", member.get("value", _plain(member)))
    return member


def _equal(_op: str, target: Target, wanted: Any) -> bool:
    return any(_same(one, wanted) for one in _members(target))


def _unequal(_op: str, target: Target, wanted: Any) -> bool:
    """None of the values is the wanted one; a value of another type is unequal."""
    return not any(_same(one, wanted) for one in _members(target))


def _ordered(op: str, target: Target, wanted: Any) -> bool:
    """An array has no order, nor has a Relationship."""
    if target.kind in ("Relationship", "ListRelationship"):
        return False
    signs = (_sign(value, wanted) for value in target.values)
    return any(sign is not None and _HOLDS[op](sign, 0) for sign in signs)


def _like(_op: str, target: Target, pattern: str) -> bool:
    found = finder(pattern)
    return any(found(text) for text in _texts(target))


def _unlike(_op: str, target: Target, pattern: str) -> bool:
    """There is text, and the pattern is in none of it."""
    found, texts = finder(pattern), _texts(target)
    return bool(texts) and not any(found(text) for text in texts)


def _texts(target: Target) -> list[str]:
    if target.kind in ("Relationship", "ListRelationship"):
        return []
    return [one for one in _members(target) if isinstance(one, str)]


def _same(value: Any, wanted: Any) -> bool:
    """Whether a single value is the wanted one, in the wanted range or among the wanted ones."""
    if isinstance(wanted, tuple):
        return any(_same(value, one) for one in wanted)
    if isinstance(wanted, Between):
        low, high = _sign(value, wanted.low), _sign(value, wanted.high)
        return low is not None and high is not None and low >= 0 >= high
    return _sign(value, wanted) == 0


def _sign(value: Any, wanted: Any) -> int | None:
    """-1, 0 or 1 as `value` is before, equal to or after `wanted`; None when their types differ."""
    if isinstance(wanted, Moment):
        instant = _instant(value)
        return None if instant is None else (instant > wanted.instant) - (instant < wanted.instant)
    if isinstance(wanted, bool) or isinstance(value, bool):
        return 0 if isinstance(value, bool) and value is wanted else None
    if isinstance(wanted, str):
        return (value > wanted) - (value < wanted) if isinstance(value, str) else None
    return (value > wanted) - (value < wanted) if isinstance(value, int | float) else None


def _instant(value: Any) -> int | None:
    """The instant of a text that begins as a date does."""
    if not isinstance(value, str) or len(value) < 10 or value[4] != "-":
        return None
    try:
        return from_iso(value)
    except (ValueError, OverflowError):
        return None


_HOLDS: dict[str, Callable[[int, int], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_TESTS: dict[str, Callable[[str, Target, Any], bool]] = {
    "==": _equal,
    "!=": _unequal,
    "~=": _like,
    "!~=": _unlike,
    **dict.fromkeys(_HOLDS, _ordered),
}
