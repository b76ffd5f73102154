"""The places of all entities of a kind, in memory: their bounds as arrays, and a grid that finds those near by."""

from collections.abc import Iterable
from itertools import chain
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import shape

from dothi.hub.language.nodes import Geo
from dothi.hub.model import Attribute, instance_value, instances

Mask = NDArray[np.bool_]
Masks = tuple[Mask, Mask]  # (sure, maybe), one for each of the rows asked about.
Rows = slice | NDArray[np.int64]  # Which rows a question is about, in ascending order.
Box = tuple[float, float, float, float]  # West, south, east, north, in degrees.
_EARTH_M = 6_371_008.8
_CELLS_A_DEGREE = 100  # A cell is about a kilometre high.
_ROUND = 400 * _CELLS_A_DEGREE  # More cells than there are around the Earth.
_MOST_CELLS = 2_000  # A box of more cells is looked for in the bounds of all.
_WHOLE: Box = (-180, -90, 180, 90)


class GeoColumn:
    """The bounds of one geometry attribute of all entities of a kind; `point` where the bounds are the geometry."""

    def __init__(self, size: int) -> None:
        """Room for `size` rows, all empty."""
        self.bounds = np.full((size, 4), np.nan)
        self.point = np.zeros(size, bool)
        self._cells: dict[int, set[int]] = {}  # Points by cell.
        self._cell_of: dict[int, int] = {}
        self._wide: set[int] = set()  # Rows that are no points: they may lie in many cells.

    def grow(self, size: int) -> None:
        """Make room."""
        self.bounds = grown(self.bounds, size, np.nan)
        self.point = grown(self.point, size, False)

    def set(self, row: int, attribute: Attribute | None) -> None:
        """Set what one row holds; what is no GeoProperty is no place, whatever it looks like."""
        if not any(one.get("type") == "GeoProperty" for one in instances(attribute)):
            attribute = None
        value = None if isinstance(attribute, list) else instance_value(attribute)
        if isinstance(value, dict) and value.get("type") == "Point":
            x, y = value["coordinates"][:2]
            self.bounds[row], self.point[row] = (x, y, x, y), True
            self._put(row, _cell(x, y))
            return
        self._put(row, None)
        self.point[row] = False
        if attribute is None:
            self.bounds[row] = np.nan
            self._wide.discard(row)
            return
        self._wide.add(row)
        # Several instances: anywhere, to be read.
        self.bounds[row] = shape(value).bounds if isinstance(value, dict) else _WHOLE

    def _put(self, row: int, cell: int | None) -> None:
        before = self._cell_of.get(row)
        if before == cell:
            return
        if before is not None:
            self._cells[before].discard(row)
        if cell is None:
            del self._cell_of[row]
        else:
            self._wide.discard(row)
            self._cell_of[row] = cell
            self._cells.setdefault(cell, set()).add(row)

    def rows(self, geo: Geo) -> NDArray[np.int64] | None:
        """The rows that alone can answer a geo-query, in order; None when it may be any."""
        box = _reach(geo)
        if box is None:
            return None
        west, south, east, north = (int(np.floor(side * _CELLS_A_DEGREE)) for side in box)
        if (east - west + 1) * (north - south + 1) > _MOST_CELLS:
            return None
        cells = (self._cells.get(x * _ROUND + y) for x in range(west, east + 1) for y in range(south, north + 1))
        found: Iterable[int] = chain(self._wide, *(cell for cell in cells if cell))
        rows = np.fromiter(found, np.int64)
        rows.sort()
        return rows

    def masks(self, geo: Geo, rows: Rows) -> Masks:
        """Which of `rows` answer a geo-query."""
        if geo.rel == "near" and geo.geometry["type"] == "Point":
            return self._near(geo, rows)
        if geo.rel in ("within", "intersects"):
            return self._inside(geo, rows)
        there = ~np.isnan(self.bounds[rows, 0])
        return np.zeros(len(there), bool), there

    def _touches(self, box: Box, rows: Rows) -> Mask:
        low_x, low_y, high_x, high_y = self.bounds[rows].T
        touches: Mask = (low_x <= box[2]) & (high_x >= box[0]) & (low_y <= box[3]) & (high_y >= box[1])
        return touches

    def _inside(self, geo: Geo, rows: Rows) -> Masks:
        area = shape(geo.geometry)
        maybe, point, bounds = self._touches(area.bounds, rows), self.point[rows], self.bounds[rows]
        sure = np.zeros(len(maybe), bool)
        some = np.flatnonzero(maybe & point)
        shapely.prepare(area)
        test = shapely.contains_xy if geo.rel == "within" else shapely.intersects_xy
        sure[some] = test(area, bounds[some, 0], bounds[some, 1])
        return sure, sure | (maybe & ~point)

    def _near(self, geo: Geo, rows: Rows) -> Masks:
        x, y = geo.geometry["coordinates"][:2]
        maybe, point, bounds = self._touches(_around(x, y, geo.max_distance), rows), self.point[rows], self.bounds[rows]
        sure = np.zeros(len(maybe), bool)
        some = np.flatnonzero(maybe & point)
        away = haversine_m(x, y, bounds[some, 0], bounds[some, 1])
        far = geo.max_distance if geo.max_distance is not None else np.inf
        sure[some] = (away <= far) & (away > (-1.0 if geo.min_distance is None else geo.min_distance))
        return sure, sure | (maybe & ~point)


def _cell(x: float, y: float) -> int:
    return int(np.floor(x * _CELLS_A_DEGREE)) * _ROUND + int(np.floor(y * _CELLS_A_DEGREE))


def _reach(geo: Geo) -> Box | None:
    """The box outside of which nothing answers a geo-query, None when there is none."""
    if geo.rel == "near" and geo.geometry["type"] == "Point":
        x, y = geo.geometry["coordinates"][:2]
        return _around(x, y, geo.max_distance)
    if geo.rel in ("within", "intersects"):
        west, south, east, north = shape(geo.geometry).bounds
        return (west, south, east, north)
    return None


def haversine_m(x: float, y: float, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> NDArray[np.float64]:
    """Metres on the mean sphere from one point to many, degrees in."""
    lon, lat, lons, lats = np.radians(x), np.radians(y), np.radians(xs), np.radians(ys)
    half = np.sin((lats - lat) / 2) ** 2 + np.cos(lat) * np.cos(lats) * np.sin((lons - lon) / 2) ** 2
    distance: NDArray[np.float64] = 2 * _EARTH_M * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
    return distance


def _around(x: float, y: float, metres: float | None) -> Box:
    if metres is None or metres > 5_000_000:
        return _WHOLE
    high = np.degrees(metres / _EARTH_M) * 1.001
    if abs(y) + high >= 89:
        return (-180, y - high, 180, y + high)
    wide = high / np.cos(np.radians(abs(y) + high))
    if x - wide < -180 or x + wide > 180:
        return (-180, y - high, 180, y + high)
    return (x - wide, y - high, x + wide, y + high)


def grown(array: NDArray[Any], size: int, empty: Any) -> NDArray[Any]:
    """An array with room for `size` rows, the new ones `empty`."""
    larger = np.full((size, *array.shape[1:]), empty, array.dtype)
    larger[: len(array)] = array
    return larger
