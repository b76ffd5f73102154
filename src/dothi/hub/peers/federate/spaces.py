"""Whether a source whose entities lie in a space may have one that a geo-query selects (clause 5.10.2.4)."""

from collections.abc import Mapping
from typing import Any

import shapely

from dothi.ground.geometry import distance_m, to_shapely
from dothi.hub.language.nodes import Geo


def may_lie(geo: Geo, space: Mapping[str, Any]) -> bool:
    """Whether the space itself matches the geo-query, or may hold a place that does."""
    reference, whole = to_shapely(geo.geometry), to_shapely(space)
    if geo.rel == "near":
        return _near(geo, distance_m(reference, whole), reference, whole)
    if geo.rel == "disjoint":
        return not shapely.covers(reference, whole)  # Some of the space lies outside the reference.
    if geo.rel in ("contains", "equals"):
        return bool(shapely.covers(whole, reference))
    return bool(shapely.intersects(whole, reference))


def _near(geo: Geo, nearest: float, reference: Any, whole: Any) -> bool:
    if geo.max_distance is not None and nearest > geo.max_distance:
        return False
    if geo.min_distance is None:
        return True
    corners = shapely.get_coordinates(whole).tolist()
    return any(distance_m(reference, shapely.Point(corner)) > geo.min_distance for corner in corners)
