"""Geometries are checked at the door and measured in metres."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.ground.errors import Invalid, TooLarge
from dothi.ground.geometry import POSITIONS_MAX, bbox, check, distance_m, haversine_m, to_shapely

HA_NOI, HUE = [105.8342, 21.0278], [107.5847, 16.4637]
SQUARE = [[105.0, 21.0], [106.0, 21.0], [106.0, 22.0], [105.0, 22.0], [105.0, 21.0]]
GOOD = {
    "Point": [105.8, 21.0, 12.5],
    "MultiPoint": [HA_NOI, HUE],
    "LineString": [HA_NOI, HUE],
    "MultiLineString": [[HA_NOI, HUE]],
    "Polygon": [SQUARE],
    "MultiPolygon": [[SQUARE]],
}
BAD = [
    (None, "object"),
    ("{not json", "no JSON"),
    ({"type": "Circle", "coordinates": [1, 2]}, "Circle"),
    ({"type": ["Point"], "coordinates": [1, 2]}, "type"),
    ({"type": "GeometryCollection", "geometries": []}, "GeometryCollection"),
    ({"type": "Point"}, "no coordinates"),
    ({"type": "Point", "coordinates": []}, "coordinates"),
    ({"type": "Point", "coordinates": [1]}, "longitude"),
    ({"type": "Point", "coordinates": [1, 2, 3, 4]}, "longitude"),
    ({"type": "Point", "coordinates": ["1", 2]}, "'1'"),
    ({"type": "Point", "coordinates": [True, 2]}, "True"),
    ({"type": "Point", "coordinates": [math.nan, 2]}, "nan"),
    ({"type": "Point", "coordinates": [math.inf, 2]}, "inf"),
    ({"type": "Point", "coordinates": [10**400, 2]}, "no usable number"),
    ({"type": "Point", "coordinates": [181, 2]}, "longitude 181"),
    ({"type": "Point", "coordinates": [21.0, 105.8]}, "swapped"),
    ({"type": "LineString", "coordinates": [HA_NOI]}, "at least 2"),
    ({"type": "Polygon", "coordinates": [SQUARE[:-1]]}, "[0] is not closed"),
    ({"type": "Polygon", "coordinates": [[HUE, HUE, HUE]]}, "at least 4"),
    ({"type": "Polygon", "coordinates": [[*SQUARE[:2], [106, 91], *SQUARE[3:]]]}, "coordinates[0][2]"),
    ({"type": "MultiPolygon", "coordinates": []}, "at least 1"),
]


@pytest.mark.parametrize("kind", GOOD)
def test_the_six_types_pass(kind: str) -> None:
    """Each type of RFC 7946 but GeometryCollection passes, as an object and as its JSON text."""
    geometry = {"type": kind, "coordinates": GOOD[kind]}
    assert check(geometry) is geometry
    assert check(json.dumps(geometry)) == geometry
    assert to_shapely(geometry).geom_type == kind


@pytest.mark.parametrize(("geometry", "says"), BAD)
def test_absurd_geometries_are_refused(geometry: object, says: str) -> None:
    """A wrong geometry is Invalid, and the error says where it is wrong."""
    with pytest.raises(Invalid) as caught:
        check(geometry, "location")
    assert caught.value.detail.startswith("location")
    assert says in caught.value.detail


def test_a_huge_geometry_is_too_large() -> None:
    """A geometry beyond the limit of positions is refused as too large."""
    with pytest.raises(TooLarge):
        check({"type": "MultiPoint", "coordinates": [HUE] * (POSITIONS_MAX + 1)})


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=20,
)


@given(st.sampled_from(list(GOOD)), JUNK)
def test_junk_is_never_anything_but_invalid(kind: str, junk: object) -> None:
    """Whatever stands as coordinates is accepted as usable or refused as Invalid; nothing else happens."""
    try:
        geometry = check({"type": kind, "coordinates": junk})
    except Invalid:
        return
    west, south, east, north = bbox(geometry)
    assert -180 <= west <= east <= 180
    assert -90 <= south <= north <= 90


def test_bbox() -> None:
    """The box of a line reaches from its smallest to its largest longitude and latitude."""
    assert bbox({"type": "LineString", "coordinates": [HA_NOI, HUE]}) == (105.8342, 16.4637, 107.5847, 21.0278)


def test_a_bow_tie_is_mended() -> None:
    """A self-crossing outline still answers predicates."""
    tie = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
    assert to_shapely(tie).is_valid
    assert to_shapely(tie).intersects(to_shapely({"type": "Point", "coordinates": [0.9, 0.5]}))


def test_haversine_knows_distances() -> None:
    """One degree of a meridian is 111.195 km, and Hà Nội to Huế is about 540 km."""
    assert haversine_m(105, 21, 105, 22) == pytest.approx(111_195, abs=1)
    assert haversine_m(*HA_NOI, *HUE) == pytest.approx(540_000, rel=0.01)


@given(st.floats(102, 110), st.floats(8, 23.5), st.floats(0.0005, 0.5), st.floats(0, 2 * math.pi))
def test_distance_to_a_line_agrees_with_points(lon: float, lat: float, reach: float, angle: float) -> None:
    """In Vietnam the distance to a line's nearest point agrees within 0.2 % with haversine over many of its points."""
    ends = [(lon + reach * math.cos(angle) + t, lat + reach * math.sin(angle) - t / 3) for t in (0.0, 0.1)]
    line = to_shapely({"type": "LineString", "coordinates": ends})
    steps = [line.interpolate(part / 2000, normalized=True) for part in range(2001)]
    exact = min(haversine_m(lon, lat, step.x, step.y) for step in steps)
    measured = distance_m(to_shapely({"type": "Point", "coordinates": [lon, lat]}), line)
    assert measured == pytest.approx(exact, rel=0.002, abs=10)


def test_distance_is_zero_inside() -> None:
    """A point in a polygon is no metre away from it."""
    inside = to_shapely({"type": "Point", "coordinates": [105.5, 21.5]})
    assert distance_m(inside, to_shapely({"type": "Polygon", "coordinates": [SQUARE]})) == 0
