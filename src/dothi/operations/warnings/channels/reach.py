"""Whom a warning is for: the communes that its area touches, and the people who follow one of them."""

from collections.abc import Iterator
from typing import NamedTuple

from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry

from dothi.ground.errors import Missing
from dothi.ground.geometry import distance_m
from dothi.hub.core import Hub
from dothi.hub.language.nodes import Compare, Query, TypeIs
from dothi.hub.model import Entity, readable
from dothi.operations.model import Operations
from dothi.operations.warnings.areas import drawn
from dothi.operations.warnings.channels.model import SYSTEM
from dothi.operations.warnings.model import TYPE as WARNING
from dothi.operations.warnings.model import Shape, Warning, warning_of
from dothi.territory import Territory

FOLLOWED = "FollowedArea"  # A noun of the citizens' module, read by its type.
THREAD_MAX = 200
FOLLOWERS_MAX = 200_000


class Follower(NamedTuple):
    """Somebody who asked to be warned: the wish, its pseudonym, and the language they read."""

    wish: str
    person: str
    language: str


def place_of(warning: Warning) -> tuple[str, int]:
    """Where a message stands in its thread: two may go out in one second, but each refers to all before it."""
    return warning.sent, len(warning.references)


def thread_of(hub: Hub, thread: str) -> list[Warning]:
    """The messages of one warning that were released, oldest first."""
    query = Query(TypeIs(WARNING), q=Compare(("thread",), "==", thread), limit=THREAD_MAX)
    found = list(readable(hub.query(SYSTEM, query), warning_of))
    return sorted((one for one in found if one.sent), key=place_of)


def told_before(hub: Hub, warning: Warning) -> list[Warning]:
    """The earlier messages of the same warning: who got one of them gets this one too."""
    return [one for one in thread_of(hub, warning.thread) if place_of(one) < place_of(warning)]


def units_of(territory: Territory, warning: Warning) -> frozenset[str]:
    """Codes of the units in its area, with all communes below them, and those that a drawn part touches.

    Where official boundaries are known they say it. Where they are not, a commune counts whose middle lies in the drawn
    part, or that is nearest to one of its corners: rather one too many is warned than one too few.
    """
    named = frozenset[str]().union(*(territory.within(code) | {code} for code in warning.units))
    return named | frozenset(code for shape in warning.shapes for code in _touched(territory, warning, shape))


def _touched(territory: Territory, warning: Warning, shape: Shape) -> Iterator[str]:
    part, boundaries = drawn(shape), territory.shelf.boundaries
    yield from (boundaries.codes[place] for place in boundaries.tree.query(part, predicate="intersects"))
    middle = part.representative_point()
    corners = ((middle.x, middle.y), *shape.ring)
    found = [resolved.unit.code for place in corners if (resolved := territory.resolve(*place)).unit]
    yield from found
    for province in {territory.province_of(code).code for code in (*found, *filter(None, (warning.unit,)))}:
        for one in territory.communes_of(province):
            if one.middle and part.intersects(Point(one.middle)):
                yield one.code


def followers(operations: Operations, warning: Warning) -> Iterator[Follower]:
    """Who follows a place that this message, or an earlier one of the same warning, is about."""
    territory = operations.territory
    messages = [*told_before(operations.hub, warning), warning]
    units = frozenset[str]().union(*(units_of(territory, one) for one in messages))
    parts = [drawn(shape) for one in messages for shape in one.shapes]
    asked = Query(TypeIs(FOLLOWED), q=Compare(("state",), "==", "followed"), limit=FOLLOWERS_MAX)
    for one in operations.hub.query(SYSTEM, asked):
        if one.value("warnings", False) and _is_meant(territory, one, units, parts):
            yield Follower(one.id, one.value("person", ""), one.value("language", "vi"))


def _is_meant(territory: Territory, wish: Entity, units: frozenset[str], parts: list[BaseGeometry]) -> bool:
    """Whether a followed commune, province or circle meets the area."""
    if code := wish.value("unit"):
        return not units.isdisjoint(territory.within(code) | {code})
    place = wish.value("location")
    if not place:
        return False
    lon, lat = place["coordinates"][:2]
    found = territory.resolve(lon, lat)
    if found.unit and found.unit.code in units:
        return True
    near = Point(lon, lat)
    return any(distance_m(near, area) <= float(wish.value("radius", 0)) for area in parts)


def names_of(territory: Territory, warning: Warning, language: str) -> str:
    """The area in words: as it was written, else the names of its units."""
    if written := warning.area.get(language) or warning.area.get("vi"):
        return written
    return ", ".join(_name(territory, code, language) for code in warning.units)


def _name(territory: Territory, code: str, language: str) -> str:
    try:
        return str(territory.unit(code).name_in(language))
    except Missing:
        return code
