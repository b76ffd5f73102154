"""Which commune a place lies in, while only the units' middles are known."""

import random
from typing import Any

import pytest
import shapely
from shapely.geometry import Point, shape

from dothi.ground.errors import Invalid
from dothi.territory import Territory

HUE_CITADEL = (107.5779, 16.4698)


def test_without_boundaries_an_answer_is_a_guess_with_others_beside_it(built: Territory) -> None:
    """The citadel of Huế: approximate, near, with four other communes of the same city."""
    found = built.resolve(*HUE_CITADEL)
    assert found.unit is not None
    assert found.unit.code == "19753"  # Phường Phú Xuân.
    assert not found.exact
    assert found.distance_m is not None
    assert 0 < found.distance_m < 3000
    assert len(found.alternatives) == 4
    assert {one.unit.parent for one in found.alternatives} == {"46"}
    distances = [found.distance_m, *(one.distance_m for one in found.alternatives)]
    assert distances == sorted(distances)


def test_before_the_import_every_answer_says_that_it_is_approximate(
    built: Territory, bus_stops: list[tuple[float, float]]
) -> None:
    """3,326 bus stops of Hà Nội: each gets a commune, none of them for certain."""
    found = [built.resolve(lon, lat) for lon, lat in bus_stops]
    assert all(one.unit is not None and not one.exact for one in found)


@pytest.mark.parametrize(
    ("where", "lon", "lat"),
    [
        ("the open sea", 110.5, 14.0),
        ("the Gulf of Tonkin", 107.6, 19.5),
        ("Vientiane", 102.6, 17.97),
        ("Phnom Penh", 104.92, 11.56),
        ("Nanning", 108.32, 22.82),
        ("Greenwich", 0.0, 51.48),
        ("the South Pole", 0.0, -90.0),
    ],
)
def test_the_sea_and_other_countries_are_no_commune(built: Territory, where: str, lon: float, lat: float) -> None:
    """There the answer is none, with no candidates."""
    found = built.resolve(lon, lat)
    assert (found.unit, found.exact, found.alternatives) == (None, False, ()), where


@pytest.mark.parametrize("code", ["20333", "22736", "21548", "31078", "26732", "11948", "19742", "23272", "07192"])
def test_special_zones_of_the_sea_are_found(built: Territory, code: str) -> None:
    """Hoàng Sa, Trường Sa, Lý Sơn, Phú Quốc, Côn Đảo, Bạch Long Vĩ, Cồn Cỏ, Phú Quý, Cô Tô: on the map or not."""
    unit = built.unit(code)
    assert unit.middle is not None
    found = built.resolve(*unit.middle).unit
    assert found is not None
    assert found.code == code


@pytest.mark.parametrize(("lon", "lat"), [(181, 16), (107, 91), (float("nan"), 16), (107, float("inf"))])
def test_numbers_that_are_no_place_are_refused(built: Territory, lon: float, lat: float) -> None:
    """They are refused, never answered with "none"."""
    with pytest.raises(Invalid, match="is no place"):
        built.resolve(lon, lat)


def test_guesses_are_as_good_as_the_documentation_says(built: Territory, real_boundaries: dict[str, Any]) -> None:
    """Of places spread over all communes three quarters are guessed right, and 97 % are among the five candidates."""
    chance = random.Random(34)
    features = chance.sample(real_boundaries["features"], 600)
    right = among = 0
    for feature in features:
        point, code = _place_within(shape(feature["geometry"]), chance), feature["properties"]["code"]
        found = built.resolve(point.x, point.y)
        right += found.unit is not None and found.unit.code == code
        among += code in {one.code for one in (found.unit, *(other.unit for other in found.alternatives)) if one}
    assert right / len(features) > 0.72
    assert among / len(features) > 0.96


def _place_within(outline: Any, chance: random.Random) -> Point:
    outline = shapely.make_valid(outline)
    west, south, east, north = outline.bounds
    while True:
        point = Point(chance.uniform(west, east), chance.uniform(south, north))
        if outline.contains(point):
            return point


def test_impossible_middles_of_the_source_are_mended(built: Territory, real_boundaries: dict[str, Any]) -> None:
    """The source puts eight communes up to 100 km off; now none on land is further than 20 km from its ground."""
    off = {}
    for feature in real_boundaries["features"]:
        unit = built.unit(feature["properties"]["code"])
        assert unit.middle is not None
        off[unit.code] = shapely.make_valid(shape(feature["geometry"])).distance(Point(unit.middle))
    assert {code for code, degrees in off.items() if degrees > 0.18} == {"20333", "30781"}  # Two groups of islands.
    mended = [unit for unit in built.valid_at() if "middle of a former ward" in unit.source]
    assert 8 <= len(mended) <= 10
