"""The geo-query language (clause 4.10): georel, geometry, coordinates and geoproperty."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from dothi.ground.errors import Invalid, TooComplex
from dothi.ground.geometry import check
from dothi.hub.language.nodes import Geo

RELATIONS = ("near", "within", "contains", "intersects", "equals", "disjoint", "overlaps")
COORDINATES_MAX = 1_000_000  # Characters.
_NEAR = re.compile(r"near;(max|min)Distance==(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)", re.ASCII)


def parse_geo(
    georel: str,
    geometry: str,
    coordinates: str | Sequence[Any],
    geoproperty: str | None = None,
    expand: Callable[[str], str] = str,
) -> Geo:
    """The geo-query of four parameters; coordinates as JSON text or as the array itself. Invalid otherwise."""
    checked = parse_geometry(geometry, coordinates, "geo-query")
    attribute = expand(geoproperty) if geoproperty else "location"
    relation, far, near = _relation(georel)
    return Geo(relation, checked, far, near, attribute)


def parse_geometry(kind: str, coordinates: str | Sequence[Any], where: str) -> dict[str, Any]:
    """The GeoJSON geometry of a type and its coordinates; never a GeometryCollection. Invalid otherwise."""
    return check({"type": kind, "coordinates": _array(coordinates)}, where)


def _array(coordinates: str | Sequence[Any]) -> Any:
    if not isinstance(coordinates, str):
        return coordinates
    if len(coordinates) > COORDINATES_MAX:
        raise TooComplex(f"coordinates has more than {COORDINATES_MAX} characters.")
    try:
        return msgspec.json.decode(coordinates)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as cause:
        raise Invalid(f"coordinates is no JSON array: {cause}.") from cause


def _relation(georel: str) -> tuple[str, float | None, float | None]:
    """The relation's name with maxDistance and minDistance in metres."""
    if georel in RELATIONS[1:]:
        return georel, None, None
    found = _NEAR.fullmatch(georel)
    if found is None:
        raise Invalid(
            f"georel is {georel[:60]!r}; it must be near;maxDistance==METRES, near;minDistance==METRES "
            f"or one of {', '.join(RELATIONS[1:])}."
        )
    metres = float(found[2])
    if not 0 < metres < float("inf"):
        raise Invalid(f"The distance of near must be a number of metres above 0, not {found[2][:40]}.")
    return ("near", metres, None) if found[1] == "max" else ("near", None, metres)
