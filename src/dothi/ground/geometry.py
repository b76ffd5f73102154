"""GeoJSON geometries (RFC 7946): checked at the door, measured in metres on the ground."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import shapely
from shapely.geometry import Point, shape
from shapely.geometry.base import BaseGeometry
from shapely.ops import nearest_points

from dothi.ground.errors import Invalid, TooLarge

EARTH_RADIUS_M = 6_371_008.8  # The mean radius of WGS 84.
POSITIONS_MAX = 200_000
Geometry = dict[str, Any]


def check(value: Any, where: str = "geometry") -> Geometry:
    """The geometry itself when it is one of the six types of RFC 7946 without GeometryCollection.

    Accepts its JSON text too (GS CIM 009 clause 4.7.2). Raises Invalid or TooLarge that say where it is wrong.
    """
    geometry = _decoded(value, where)
    kind = geometry.get("type")
    test = _COORDINATES.get(kind) if isinstance(kind, str) else None
    if test is None:
        raise Invalid(f"{where}.type is {str(kind)[:60]!r}; it must be one of {', '.join(_COORDINATES)}.")
    if "coordinates" not in geometry:
        raise Invalid(f"{where} has no coordinates.")
    test(geometry["coordinates"], f"{where}.coordinates")
    if sum(1 for _ in positions(geometry)) > POSITIONS_MAX:
        raise TooLarge(f"{where} has more than {POSITIONS_MAX} positions; simplify it.")
    return geometry


def _decoded(value: Any, where: str) -> Geometry:
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError) as cause:
            raise Invalid(f"{where} is a text that is no JSON: {cause}") from cause
    if not isinstance(value, dict):
        raise Invalid(f"{where} must be a GeoJSON object with type and coordinates.")
    return value


def _position(value: Any, where: str) -> None:
    """Longitude, latitude and perhaps a height, all finite."""
    if not isinstance(value, list | tuple) or len(value) not in (2, 3):
        raise Invalid(f"{where} must be [longitude, latitude] or [longitude, latitude, height].")
    for part in value:
        if isinstance(part, bool) or not isinstance(part, int | float) or not -1e9 < part < 1e9:
            raise Invalid(f"{where} holds {str(part)[:40]!r}, which is no usable number.")
    if not -180 <= value[0] <= 180:
        raise Invalid(f"{where}: longitude {value[0]} is outside -180..180.{_swapped(value)}")
    if not -90 <= value[1] <= 90:
        raise Invalid(f"{where}: latitude {value[1]} is outside -90..90.{_swapped(value)}")


def _swapped(value: Any) -> str:
    """A hint for the commonest slip."""
    fits = -90 <= value[0] <= 90 and -180 <= value[1] <= 180
    return " Longitude comes first: are the two swapped?" if fits else ""


def _many(test: Callable[[Any, str], None], least: int) -> Callable[[Any, str], None]:
    """The test of a list of at least `least` things that each pass `test`."""

    def listed(value: Any, where: str) -> None:
        if not isinstance(value, list | tuple) or len(value) < least:
            raise Invalid(f"{where} must be a list of at least {least}.")
        for place, part in enumerate(value):
            test(part, f"{where}[{place}]")

    return listed


def _ring(value: Any, where: str) -> None:
    """A closed line of at least four positions (RFC 7946 section 3.1.6)."""
    _many(_position, 4)(value, where)
    if list(value[0]) != list(value[-1]):
        raise Invalid(f"{where} is not closed: its last position must equal its first.")


_COORDINATES: dict[str, Callable[[Any, str], None]] = {
    "Point": _position,
    "MultiPoint": _many(_position, 1),
    "LineString": _many(_position, 2),
    "MultiLineString": _many(_many(_position, 2), 1),
    "Polygon": _many(_ring, 1),
    "MultiPolygon": _many(_many(_ring, 1), 1),
}
TYPES = tuple(_COORDINATES)


def positions(geometry: Mapping[str, Any]) -> Iterator[tuple[float, float]]:
    """Each (longitude, latitude) of a checked geometry."""
    waiting = [geometry["coordinates"]]
    while waiting:
        part = waiting.pop()
        if isinstance(part[0], int | float):
            yield part[0], part[1]
        else:
            waiting.extend(part)


def bbox(geometry: Mapping[str, Any]) -> tuple[float, float, float, float]:
    """West, south, east, north of a checked geometry, in degrees."""
    lons, lats = zip(*positions(geometry), strict=True)
    return min(lons), min(lats), max(lons), max(lats)


def to_shapely(geometry: Mapping[str, Any]) -> BaseGeometry:
    """A checked geometry as a Shapely one, flat; a self-crossing outline is mended, so that predicates can answer."""
    made = shapely.force_2d(shape(dict(geometry)))
    return made if shapely.is_valid(made) else shapely.make_valid(made)


def haversine_m(lon_a: float, lat_a: float, lon_b: float, lat_b: float) -> float:
    """Metres between two points on a sphere; within 0.6 % of the ellipsoid."""
    phi_a, phi_b = math.radians(lat_a), math.radians(lat_b)
    half_lat, half_lon = (phi_b - phi_a) / 2, math.radians(lon_b - lon_a) / 2
    h = math.sin(half_lat) ** 2 + math.cos(phi_a) * math.cos(phi_b) * math.sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, h)))


def distance_m(one: BaseGeometry, other: BaseGeometry) -> float:
    """Metres between the nearest points of two geometries, 0 where they touch.

    Points are exact on the sphere. For the rest the nearest points are sought on a plane with longitudes shortened
    by the cosine of the first one's latitude: within 0.1 % up to 100 km, worse beyond and across the antimeridian.
    """
    if isinstance(one, Point) and isinstance(other, Point):
        return haversine_m(one.x, one.y, other.x, other.y)
    shrink = max(math.cos(math.radians(one.centroid.y)), 1e-6)
    near_a, near_b = nearest_points(_shrunk(one, shrink), _shrunk(other, shrink))
    return haversine_m(near_a.x / shrink, near_a.y, near_b.x / shrink, near_b.y)


def _shrunk(geometry: BaseGeometry, shrink: float) -> BaseGeometry:
    return shapely.transform(geometry, lambda places: places * (shrink, 1.0))
