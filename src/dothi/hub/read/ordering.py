"""The order of entities by what they hold (clause 4.23): mixed kinds of values, collations, distances."""

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec

from dothi.ground.clock import from_iso
from dothi.ground.geometry import distance_m, to_shapely
from dothi.hub.language.collation import Key, collation
from dothi.hub.language.match import targets
from dothi.hub.language.nodes import Order, Ordering
from dothi.hub.model import Entity, instances

# Clause 4.23.2: what comes before what where values are of several kinds; a place before all when sorting by distance.
PLACE, NUMBER, TEXT, OBJECT, ARRAY, TRUTH, TIME, DATE, MOMENT, NOTHING, ABSENT = range(-1, 10)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,6})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d\d:\d\d:\d\d(?:[.,]\d{1,6})?Z?", re.ASCII)
_encode = msgspec.json.Encoder(order="sorted").encode


class Rank(NamedTuple):
    """Where a value stands: its kind, and among its kind."""

    kind: int
    value: Any


Judge = Callable[[Entity], Rank]


def ordered(found: Iterable[tuple[int, Entity]], ordering: Ordering) -> list[int]:
    """The keys of the entities in order; those that rank alike stay as they came. What is absent comes last always."""
    judges = [_judge(term, ordering) for term in ordering.terms]
    rows = [(key, [judge(entity) for judge in judges]) for key, entity in found]
    for place in reversed(range(len(judges))):
        there = [row for row in rows if row[1][place].kind < NOTHING]
        gone = [row for row in rows if row[1][place].kind >= NOTHING]
        there.sort(key=lambda row: row[1][place], reverse=ordering.terms[place].descending)
        rows = there + gone
    return [key for key, _ in rows]


def _judge(term: Order, ordering: Ordering) -> Judge:
    key = collation(ordering.collation)
    if term.distance:
        return _by_distance(term, ordering, key)
    return lambda entity: rank(_value(entity, term), key)


def _by_distance(term: Order, ordering: Ordering, key: Key) -> Judge:
    assert ordering.origin is not None
    origin = to_shapely(ordering.origin)

    def judge(entity: Entity) -> Rank:
        listed = instances(entity.attrs.get(term.path[0])) if len(term.path) == 1 else []
        away = [distance_m(origin, to_shapely(one["value"])) for one in listed if one["type"] == "GeoProperty"]
        return Rank(PLACE, min(away)) if away else rank(_value(entity, term), key)

    return judge


_MISSING = object()


def _value(entity: Entity, term: Order) -> Any:
    """What a term looks at: of several instances the default one, of several languages the first."""
    name = term.path[0]
    if name == "id":
        return entity.id
    if name in ("type", "scope"):
        listed = list(entity.types if name == "type" else entity.scope)
        return listed[0] if len(listed) == 1 else listed or _MISSING
    found = next(targets(entity, term.path, term.trail), None)
    return _MISSING if found is None else found.values[0]


def rank(value: Any, key: Key) -> Rank:
    """Where a value stands; `key` is the sort key of texts."""
    if isinstance(value, bool):
        return Rank(TRUTH, value)
    if isinstance(value, int | float):
        return Rank(NUMBER, value)
    if isinstance(value, str):
        return _of_text(value, key)
    if isinstance(value, dict):
        return Rank(OBJECT, _encode(value))
    if isinstance(value, list):
        return Rank(ARRAY, [rank(one, key) for one in value])
    return Rank(ABSENT if value is _MISSING else NOTHING, 0)


def _of_text(text: str, key: Key) -> Rank:
    try:
        if _MOMENT.fullmatch(text):
            return Rank(MOMENT, from_iso(text))
    except (ValueError, OverflowError):
        return Rank(TEXT, key(text))
    if _DATE.fullmatch(text):
        return Rank(DATE, text)
    return Rank(TIME, text) if _TIME.fullmatch(text) else Rank(TEXT, key(text))
