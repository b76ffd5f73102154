"""The area of a warning: its words, its outline for the map, and whose ground it touches."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import shapely
from shapely.geometry import LinearRing, MultiPoint, Point, Polygon, mapping
from shapely.geometry.base import BaseGeometry

from dothi.ground.errors import Invalid
from dothi.ground.geometry import Geometry
from dothi.hub.model import Actor
from dothi.operations.warnings.model import Circle, Shape
from dothi.territory import Territory

SHAPES_MAX, POINTS_MAX, UNITS_MAX = 20, 500, 500
NAME_MAX = 100
LEAST_KM, MOST_KM = 0.05, 300.0
WEST, SOUTH, EAST, NORTH = 101.0, 5.0, 119.0, 24.0  # Vietnam with its seas.
SLIVER = 0.01  # A share of the drawn area that is drawing accuracy.
COAST_DEG = 0.018  # 2 km: so far may the rough outlines of provinces be off.
DIGITS = 6  # Of a degree: a tenth of a metre.
_KM_PER_DEG = 111.195
_DEG = r"[-+]?\d{1,3}(?:\.\d+)?"
_POSITION = re.compile(rf"\s*({_DEG})\s*[,;\s]\s*({_DEG})\s*")
_CIRCLE = re.compile(rf"\s*({_DEG})\s*[,;\s]\s*({_DEG})\s+(\d{{1,3}}(?:\.\d+)?)\s*(?:km)?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Touched:
    """Whose ground an area lies on: units known for sure, and what could not be placed."""

    units: frozenset[str]
    unplaced: tuple[str, ...]  # Names (or numbers) of drawn parts that no official boundary places.


def shape_from_text(text: str, name: str = "") -> Shape:
    """A drawn part as people type it: a line "latitude, longitude" for each corner, or one line "lat, lon km".

    The ring is closed by itself. Invalid names the line that cannot be read.
    """
    lines = [line for line in re.split(r"[\n|]+", text) if line.strip()]
    if len(lines) == 1 and (circle := _CIRCLE.fullmatch(lines[0])):
        lat, lon, km = map(float, circle.groups())
        return Shape(name, circle=Circle(_rounded(lon), _rounded(lat), km))
    ring = tuple(_position(line, place) for place, line in enumerate(lines, 1))
    return Shape(name, ring if ring and ring[0] == ring[-1] else (*ring, *ring[:1]))


def shape_text(shape: Shape) -> str:
    """The reverse of `shape_from_text`, for the form."""
    if shape.circle:
        return f"{shape.circle.lat}, {shape.circle.lon} {shape.circle.km:g} km"
    return "\n".join(f"{lat}, {lon}" for lon, lat in shape.ring[:-1])


def _position(line: str, place: int) -> tuple[float, float]:
    found = _POSITION.fullmatch(line)
    if found is None:
        raise Invalid(f"Line {place} “{line[:40].strip()}” is no place: write latitude, longitude.", field="areas")
    lat, lon = map(float, found.groups())
    return _rounded(lon), _rounded(lat)


def _rounded(degrees: float) -> float:
    return round(degrees, DIGITS)


def check_area(territory: Territory, units: Sequence[str], shapes: Sequence[Shape]) -> None:
    """Raise Invalid (field "units" or "areas") where a unit is not in force or a drawn part is no proper shape."""
    if len(units) > UNITS_MAX or len(shapes) > SHAPES_MAX:
        raise Invalid(f"An area has up to {UNITS_MAX} units and {SHAPES_MAX} drawn parts.", field="units")
    for code in units:
        if not territory.knows(code):
            raise Invalid(f"No unit with code {code[:10]} is in force.", field="units")
    for place, shape in enumerate(shapes, 1):
        if problem := shape_problem(shape):
            raise Invalid(f"Drawn part {place}{f' ({shape.name})' if shape.name else ''}: {problem}", field="areas")


def shape_problem(shape: Shape) -> str:
    """Why a drawn part cannot be used, "" when it can."""
    if len(shape.name) > NAME_MAX or not shape.name.isprintable():
        return f"its name has up to {NAME_MAX} letters in one line."
    corners = [(shape.circle.lon, shape.circle.lat)] if shape.circle else list(shape.ring)
    if not all(WEST <= lon <= EAST and SOUTH <= lat <= NORTH for lon, lat in corners):
        return "a corner lies outside Vietnam and its seas; latitude comes first."
    if shape.circle:
        fits = LEAST_KM <= shape.circle.km <= MOST_KM
        return "" if fits else f"a circle has a radius of {LEAST_KM:g} to {MOST_KM:g} km."
    return _ring_problem(corners)


def _ring_problem(corners: list[tuple[float, float]]) -> str:
    if len(corners) > POINTS_MAX:
        return f"it has more than {POINTS_MAX} corners."
    if len(set(corners)) < 3 or corners[0] != corners[-1]:
        return "a polygon has at least three different corners and is closed."
    if not LinearRing(corners).is_simple:
        return "its outline crosses itself; put the corners in order around it."
    return "" if Polygon(corners).area > 0 else "its corners lie on one line."


def drawn(shape: Shape) -> BaseGeometry:
    """A drawn part on the plane of longitude and latitude; a circle as a polygon of 64 corners."""
    if shape.circle is None:
        return Polygon(shape.ring)
    up = shape.circle.km / _KM_PER_DEG
    side = up / max(math.cos(math.radians(shape.circle.lat)), 0.01)
    turns = (math.tau * step / 64 for step in range(64))
    return Polygon([(shape.circle.lon + side * math.cos(t), shape.circle.lat + up * math.sin(t)) for t in turns])


def touched(territory: Territory, units: Iterable[str], shapes: Iterable[Shape]) -> Touched:
    """The units that an area touches.

    A drawn part is placed by official boundaries of communes; where these do not cover it, by the rough outline of
    provinces, which says a province but no commune.
    """
    known, unplaced = set(units), []
    for place, shape in enumerate(shapes, 1):
        found = _by_communes(territory, drawn(shape)) or _by_provinces(territory, drawn(shape))
        known.update(found)
        if not found:
            unplaced.append(shape.name or str(place))
    return Touched(frozenset(known), tuple(unplaced))


def _by_communes(territory: Territory, part: BaseGeometry) -> set[str]:
    boundaries = territory.shelf.boundaries
    met = boundaries.tree.query(part, predicate="intersects")
    shares = {boundaries.codes[place]: boundaries.geometries[place].intersection(part).area for place in met}
    if sum(shares.values()) < (1 - SLIVER) * part.area:
        return set()
    return {code for code, share in shares.items() if share > SLIVER * part.area / 10}


def _by_provinces(territory: Territory, part: BaseGeometry) -> set[str]:
    """The provinces whose ground it reaches surely (2 km inside the outline); at a coast those that it meets at all."""
    zones = territory.zones
    met = [(place, zones.tree.geometries[place]) for place in zones.tree.query(part, predicate="intersects")]
    surely = {_province(territory, place) for place, outline in met if outline.buffer(-COAST_DEG).intersects(part)}
    return surely or {_province(territory, place) for place, _ in met}


def _province(territory: Territory, place: int) -> str:
    communes = territory.zones.communes[place]
    return (communes[0].parent or "") if communes else ""


def reach_of(territory: Territory, actor: Actor) -> frozenset[str] | None:
    """The codes where an actor's rights hold; None is everywhere."""
    if not actor.areas:
        return None
    return frozenset().union(*(territory.within(code) | {code} for code in actor.areas))


def commonly(territory: Territory, codes: Iterable[str]) -> str:
    """The one unit of several codes: itself, else the province of all; "" when they lie in several, or nowhere."""
    known = set(codes)
    provinces = {territory.province_of(code).code for code in known}
    if len(provinces) != 1:
        return ""
    return next(iter(known)) if len(known) == 1 else provinces.pop()


def home_of(territory: Territory, found: Touched) -> str:
    """The unit whose warning it is: the one that it touches, else the province of all. Invalid with several."""
    if unit := commonly(territory, found.units):
        return unit
    raise Invalid("A warning lies in one province; write one for each.", field="units")


def area_words(territory: Territory, units: Sequence[str], shapes: Sequence[Shape]) -> dict[str, str]:
    """The area in words, by language: names of units, then of drawn parts."""
    named = {"vi": "khu vực vẽ trên bản đồ", "en": "the area drawn on the map"}
    return {
        language: ", ".join(
            dict.fromkeys(
                [territory.unit(code).name_in(language) for code in units] + [one.name or bare for one in shapes]
            )
        )
        for language, bare in named.items()
    }


def location(territory: Territory, units: Sequence[str], shapes: Sequence[Shape]) -> Geometry | None:
    """What a map shows: drawn parts and official boundaries, simplified; else the middles of units."""
    parts = [drawn(shape) for shape in shapes] + [outline for code in units if (outline := outline_of(territory, code))]
    if parts:
        return _geojson(shapely.union_all(parts).simplify(0.0005))
    middles = [middle for code in units if (middle := territory.unit(code).middle)]
    return _geojson(MultiPoint(middles) if len(middles) > 1 else Point(middles[0])) if middles else None


def outline_of(territory: Territory, code: str) -> BaseGeometry | None:
    """The official boundary of a commune, None where none was imported."""
    boundaries = territory.shelf.boundaries
    return boundaries.geometries[boundaries.codes.index(code)] if code in boundaries.codes else None


def _geojson(geometry: BaseGeometry) -> Geometry:
    made: Mapping[str, object] = mapping(shapely.set_precision(geometry, 10**-DIGITS))
    return {"type": made["type"], "coordinates": made["coordinates"]}
