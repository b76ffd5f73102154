"""Official boundaries as the operator's GeoJSON file gives them: checked, mended where a ring is wrong, compared."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import msgspec
import shapely
from shapely import STRtree
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from dothi.ground import geometry
from dothi.ground.errors import DothiError, Invalid
from dothi.territory.gazetteer import Gazetteer
from dothi.territory.model import COMMUNE, Unit
from dothi.territory.places import present_code

ERRORS_MAX = 50  # Told of one file; the rest comes after these are mended.
OVERLAPS_MAX = 200
OVERLAP_MIN_M2 = 10_000.0  # Less than a hectare is drawing accuracy.
M2_PER_DEG2 = 111_200.0**2
WEST, SOUTH, EAST, NORTH = 101.5, 5.5, 118.5, 24.0  # Vietnam with its seas.


class Mended(msgspec.Struct, frozen=True):
    """A boundary that crossed or touched itself and was mended; the change of its area in per cent."""

    code: str
    reason: str
    area_change_percent: float


class Overlap(msgspec.Struct, frozen=True):
    """Two communes that both claim some ground; a place there resolves to neither without a person."""

    codes: tuple[str, str]
    area_m2: float


@dataclass(frozen=True, slots=True)
class Checked:
    """A file's boundaries ready to be written, and what was found on the way."""

    outlines: tuple[tuple[Unit, BaseGeometry], ...]
    mended: tuple[Mended, ...]
    followed: tuple[tuple[str, str], ...]  # (code in the file, code in force).
    overlaps: tuple[Overlap, ...]


def check_boundaries(
    gazetteer: Gazetteer, collection: object, known: Mapping[str, BaseGeometry], code_property: str = "code"
) -> Checked:
    """The communes of a FeatureCollection by the code in `code_property`; several features of a code are one unit.

    `known` are boundaries imported before; overlaps with them are told too. Raises Invalid with the list of what is
    wrong, feature by feature, in its field `errors`; then nothing of the file may be used.
    """
    errors: list[str] = []
    rows: list[tuple[str, str, BaseGeometry]] = []
    for place, feature in enumerate(_features(collection)):
        try:
            rows.append(_row(gazetteer, feature, code_property, f"features[{place}]"))
        except DothiError as error:
            errors.append(error.detail)
    if errors:
        shown = errors[:ERRORS_MAX]
        raise Invalid(f"{len(errors)} boundaries cannot be used; nothing was imported. {shown[0]}", errors=shown)
    joined = {code: _joined(list(group)) for code, group in groupby(sorted(rows, key=_code), key=_code)}
    outlines, mended = _mend_all(joined)
    units = tuple((gazetteer.unit(code), outline) for code, outline in outlines.items())
    followed = tuple(sorted({(written, code) for code, written, _ in rows if written != code}))
    return Checked(units, mended, followed, overlaps(outlines, known))


def _features(collection: object) -> list[Any]:
    if not isinstance(collection, dict) or collection.get("type") != "FeatureCollection":
        raise Invalid("The file must be a GeoJSON FeatureCollection with one feature or more for each commune.")
    features = collection.get("features")
    if not isinstance(features, list) or not features:
        raise Invalid("The FeatureCollection has no features.")
    return features


def _row(gazetteer: Gazetteer, feature: Any, code_property: str, where: str) -> tuple[str, str, BaseGeometry]:
    """(code in force, code as written, outline) of one feature."""
    properties = feature.get("properties") if isinstance(feature, dict) else None
    written = properties.get(code_property) if isinstance(properties, dict) else None
    if not isinstance(written, str):
        raise Invalid(f"{where}: properties.{code_property} must be the unit's code as text, with its leading zeros.")
    code = _code_in_force(gazetteer, written, where)
    named = f"{where} ({code})"
    _refuse_metres(feature.get("geometry"), named)
    outline = geometry.check(feature.get("geometry"), f"{named}.geometry")
    if outline["type"] not in ("Polygon", "MultiPolygon"):
        raise Invalid(f"{named}: a boundary is a Polygon or MultiPolygon, not a {outline['type']}.")
    west, south, east, north = geometry.bbox(outline)
    if west < WEST or south < SOUTH or east > EAST or north > NORTH:
        raise Invalid(f"{named} reaches beyond Vietnam: longitude comes first, in degrees of WGS 84.")
    return code, written, shapely.force_2d(shape(outline))


def _code_in_force(gazetteer: Gazetteer, written: str, where: str) -> str:
    code = present_code(gazetteer, written)
    if code is None:
        heirs = gazetteer.successors(written) if written in gazetteer.states else ()
        hint = f"; it was divided among {', '.join(unit.code for unit in heirs)}" if heirs else ""
        raise Invalid(f"{where}: no unit in force has the code {written[:20]!r}{hint}.")
    if gazetteer.unit(code).level != COMMUNE:
        raise Invalid(f"{where}: {written} is no commune; boundaries are imported by commune (5 digits).")
    return code


def _refuse_metres(value: Any, where: str) -> None:
    """Name the commonest mistake: the map sheets of Vietnam are drawn in VN-2000 metres."""
    first = value.get("coordinates") if isinstance(value, dict) else None
    while isinstance(first, list) and first and isinstance(first[0], list):
        first = first[0]
    if isinstance(first, list) and first and isinstance(first[0], int | float) and abs(first[0]) > 10_000:
        raise Invalid(f"{where}: coordinates look like metres (VN-2000?); transform them to WGS 84 degrees first.")


def _code(row: tuple[str, str, BaseGeometry]) -> str:
    return row[0]


def _joined(rows: Sequence[tuple[str, str, BaseGeometry]]) -> BaseGeometry:
    """The one outline of a unit's features, untouched when there is only one, so that its faults are told."""
    return rows[0][2] if len(rows) == 1 else shapely.union_all([shapely.make_valid(row[2]) for row in rows])


def _mend_all(outlines: Mapping[str, BaseGeometry]) -> tuple[dict[str, BaseGeometry], tuple[Mended, ...]]:
    good: dict[str, BaseGeometry] = {}
    mended: list[Mended] = []
    for code, outline in outlines.items():
        good[code] = outline if shapely.is_valid(outline) else _surfaces(shapely.make_valid(outline))
        if good[code].is_empty:
            raise Invalid(f"The boundary of {code} encloses no ground: {shapely.is_valid_reason(outline)}.")
        if good[code] is not outline:
            change = 100 * (good[code].area - outline.area) / good[code].area
            mended.append(Mended(code, shapely.is_valid_reason(outline), round(change, 3)))
    return good, tuple(mended)


def _surfaces(outline: BaseGeometry) -> BaseGeometry:
    """The polygons of a mended outline, without the lines and points that mending leaves."""
    parts = shapely.get_parts(shapely.get_parts(outline))
    return shapely.union_all([part for part in parts if part.geom_type == "Polygon"])


def overlaps(fresh: Mapping[str, BaseGeometry], known: Mapping[str, BaseGeometry]) -> tuple[Overlap, ...]:
    """Pairs of communes, at least one of them fresh, that share a hectare or more of ground; the largest first."""
    outlines = {**known, **fresh}
    codes, shapes = list(outlines), list(outlines.values())
    tree = STRtree(shapes)
    found = []
    for one, other in tree.query(shapes, predicate="intersects").T.tolist():
        if one < other and (codes[one] in fresh or codes[other] in fresh):
            area = _area_m2(shapely.intersection(shapes[one], shapes[other]))
            if area >= OVERLAP_MIN_M2:
                pair = sorted((codes[one], codes[other]))
                found.append(Overlap((pair[0], pair[1]), round(area)))
    return tuple(sorted(found, key=lambda overlap: -overlap.area_m2)[:OVERLAPS_MAX])


def _area_m2(area: BaseGeometry) -> float:
    """Ground area, within 1 %: degrees of longitude shortened by the cosine of the latitude."""
    if area.is_empty:
        return 0.0
    return float(area.area * M2_PER_DEG2 * math.cos(math.radians(area.centroid.y)))


def as_geojson(outline: BaseGeometry) -> dict[str, Any]:
    """An outline as a GeoJSON geometry of lists, as JSON would give it back."""
    found: dict[str, Any] = msgspec.json.decode(shapely.to_geojson(outline))
    return found
