"""The order of entities by what they hold (clause 4.23): by columns where they can tell, else by the entities."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dothi.ground.geometry import distance_m, to_shapely
from dothi.hub.language.collation import Key, collation
from dothi.hub.language.match import targets
from dothi.hub.language.nodes import Order, Ordering
from dothi.hub.model import Entity, instances
from dothi.hub.read.columns import Table
from dothi.hub.read.places import haversine_m
from dothi.hub.read.ranking import ABSENT, MISSING, NOTHING, PLACE, Rank, rank

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


def _value(entity: Entity, term: Order) -> Any:
    """What a term looks at: of several instances the default one, of several languages the first."""
    name = term.path[0]
    if name == "id":
        return entity.id
    if name in ("type", "scope"):
        listed = list(entity.types if name == "type" else entity.scope)
        return listed[0] if len(listed) == 1 else listed or MISSING
    found = next(targets(entity, term.path, term.trail), None)
    return MISSING if found is None else found.values[0]


def columns_of(ordering: Ordering | None) -> tuple[set[str], set[str]]:
    """The places and the attributes of which an ordering wants columns."""
    terms = [one for one in ordering.terms if _plain(one)] if ordering is not None else []
    places = {one.path[0] for one in terms if one.distance}
    return places, {one.path[0] for one in terms if not one.distance} - {"type"}


def column_ranks(table: Table, ordering: Ordering, rows: NDArray[np.int64]) -> list[NDArray[np.float64]] | None:
    """Keys that sort rows, the first before the next; None when entities must be read to tell."""
    keys: list[NDArray[np.float64]] = []
    for term in ordering.terms:
        ranks = _column_rank(table, term, ordering, rows) if _plain(term) else None
        if ranks is None:
            return None
        kinds, places = ranks
        turn = -1.0 if term.descending else 1.0
        keys += [np.where(kinds < NOTHING, turn * kinds, ABSENT), turn * places]
    return keys


def _plain(term: Order) -> bool:
    return len(term.path) == 1 and not term.trail and term.path[0] != "scope"


def _column_rank(table: Table, term: Order, ordering: Ordering, rows: NDArray[np.int64]) -> NDArray[np.float64] | None:
    name = term.path[0]
    if name == "type":
        return np.zeros((2, len(rows)))  # All entities of a table have the same types.
    if not term.distance:
        return table.columns[name].ranks(rows, ordering.collation)
    origin, column = ordering.origin, table.geometries[name]
    there = ~np.isnan(column.bounds[rows, 0])
    if origin is None or origin["type"] != "Point" or not column.point[rows][there].all():
        return None
    x, y = origin["coordinates"][:2]
    away = haversine_m(x, y, column.bounds[rows, 0], column.bounds[rows, 1])
    return np.stack((np.where(there, float(PLACE), float(ABSENT)), np.nan_to_num(away)))
