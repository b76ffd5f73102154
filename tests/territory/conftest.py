"""What the tests of the territory share: the territory as built, and real boundaries of communes to import."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dothi.territory import Territory
from dothi.territory.places import Shelf

Json = dict[str, Any]


@pytest.fixture(scope="session")
def built() -> Territory:
    """The territory of the built data files. Nothing may be imported into this one: it is shared."""
    return Territory.load()


@pytest.fixture
def territory(built: Territory) -> Territory:
    """A territory with a shelf of its own, for one test that imports boundaries."""
    return replace(built, shelf=Shelf())


@pytest.fixture(scope="session")
def listed_units(shared_data: Path) -> list[Json]:
    """Another publisher's list of provinces with their communes, state of 30/04/2026."""
    return json.loads((shared_data / "vn_admin/vn_units_2026-07-25.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def real_boundaries(shared_data: Path) -> Json:
    """Simplified outlines of all 3,321 communes as a FeatureCollection by code."""
    topology = json.loads((shared_data / "vn_admin/vn_communes_3321_simplified.topojson").read_text(encoding="utf-8"))
    arcs = [_arc(arc, topology["transform"]) for arc in topology["arcs"]]
    shapes = topology["objects"]["ward_full"]["geometries"]
    return {"type": "FeatureCollection", "features": [_feature(one, arcs) for one in shapes]}


@pytest.fixture(scope="session")
def bus_stops(shared_data: Path) -> list[tuple[float, float]]:
    """(lon, lat) of 3,326 bus stops in Hà Nội."""
    found = json.loads((shared_data / "osm/hanoi_bus_stops_osm.geojson").read_text(encoding="utf-8"))
    return [tuple(one["geometry"]["coordinates"][:2]) for one in found["features"]]


def _arc(steps: list[list[int]], transform: Json) -> list[list[float]]:
    (scale_x, scale_y), (from_x, from_y) = transform["scale"], transform["translate"]
    x = y = 0
    points = []
    for across, along in steps:
        x, y = x + across, y + along
        points.append([x * scale_x + from_x, y * scale_y + from_y])
    return points


def _feature(one: Json, arcs: list[list[list[float]]]) -> Json:
    parts = [one["arcs"]] if one["type"] == "Polygon" else one["arcs"]
    coordinates = [[_ring(ring, arcs) for ring in part] for part in parts]
    geometry = {"type": "MultiPolygon", "coordinates": coordinates}
    return {"type": "Feature", "properties": {"code": one["properties"]["code"]}, "geometry": geometry}


def _ring(places: list[int], arcs: list[list[list[float]]]) -> list[list[float]]:
    points: list[list[float]] = []
    for place in places:
        arc = arcs[place] if place >= 0 else arcs[~place][::-1]
        points.extend(arc[1:] if points else arc)
    return points
