"""Official boundaries: imported through the one verb, kept in the hub, exact from then on."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dothi.accounts.policy import RolePolicy
from dothi.ground.errors import Forbidden, Invalid
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.language.nodes import Window
from dothi.hub.model import ANONYMOUS, Actor, Commit, amend, prop, put
from dothi.territory import Territory
from dothi.territory.service import OWNER, ImportReport, guard, import_boundaries, keep_fresh, refresh

Json = dict[str, Any]
STEWARD = Actor("user:steward", frozenset({"data_steward"}))


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A real hub with the guard of the territory."""
    hub = Hub(tmp_path, Open())
    guard(hub)
    yield hub
    asyncio.run(hub.close())


def _import(hub: Hub, territory: Territory, collection: object, **options: Any) -> ImportReport:
    return asyncio.run(import_boundaries(hub, territory, STEWARD, collection, **options))


def _square(code: str, west: float, south: float, side: float = 0.1, **properties: Any) -> Json:
    east, north = west + side, south + side
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return _feature(code, {"type": "Polygon", "coordinates": [ring]}, **properties)


def _feature(code: Any, geometry: Any, **properties: Any) -> Json:
    return {"type": "Feature", "properties": {"code": code, **properties}, "geometry": geometry}


def _file(*features: Json) -> Json:
    return {"type": "FeatureCollection", "features": list(features)}


def _hanoi(real: Json, territory: Territory) -> Json:
    codes = {unit.code for unit in territory.communes_of("01")}
    return _file(*(one for one in real["features"] if one["properties"]["code"] in codes))


def test_every_bus_stop_of_hanoi_lies_in_exactly_one_commune(
    hub: Hub, territory: Territory, real_boundaries: Json, bus_stops: list[tuple[float, float]]
) -> None:
    """With all 3,321 boundaries imported, 3,326 stops resolve exactly, and a stop abroad would not."""
    report = _import(hub, territory, real_boundaries)
    assert len(report.imported) == 3321
    assert report.lacking == ()
    assert 1 <= len(report.mended) <= 8
    found = [territory.resolve(lon, lat) for lon, lat in bus_stops]
    assert len(found) == 3326
    assert Counter(one.exact for one in found) == {True: 3326}
    assert all(one.unit is not None and one.alternatives == () and one.distance_m == 0 for one in found)
    assert territory.resolve(102.6, 17.97).unit is None


def test_boundaries_are_read_from_the_hub_again_at_start(
    hub: Hub, territory: Territory, real_boundaries: Json, bus_stops: list[tuple[float, float]]
) -> None:
    """A territory loaded afresh is approximate until it has read the hub; then it answers as before."""
    report = _import(hub, territory, _hanoi(real_boundaries, territory))
    assert len(report.imported) == 126
    fresh = Territory.load()
    lon, lat = bus_stops[0]
    assert not fresh.resolve(lon, lat).exact
    assert refresh(fresh, hub) == 126
    assert fresh.resolve(lon, lat) == territory.resolve(lon, lat)
    assert fresh.resolve(lon, lat).exact


def test_another_process_hears_of_an_import(hub: Hub, territory: Territory) -> None:
    """Whoever follows the feed resolves exactly without being restarted."""
    other = Territory.load()

    async def story() -> None:
        following = asyncio.create_task(keep_fresh(other, hub, after=0))
        await import_boundaries(hub, territory, STEWARD, _file(_square("19789", 107.5, 16.4)))
        for _ in range(200):
            if other.resolve(107.55, 16.45).exact:
                break
            await asyncio.sleep(0.01)
        following.cancel()

    asyncio.run(story())
    assert other.resolve(107.55, 16.45).exact


def test_an_imported_commune_is_an_entity_with_history(hub: Hub, territory: Territory) -> None:
    """The boundary stands in the hub with code, name, kind and parent; a second import keeps the first in history."""
    _import(hub, territory, _file(_square("19789", 107.5, 16.4)))
    _import(hub, territory, _file(_square("19789", 107.6, 16.4)))
    entity = hub.get(STEWARD, "urn:ngsi-ld:AdministrativeUnit:19789")
    assert entity.value("code") == "19789"
    assert entity.value("name") == {"vi": "Phường Thuận Hóa", "en": "Thuan Hoa Ward"}
    assert (entity.value("kind"), entity.value("parent"), entity.value("validFrom")) == ("phường", "46", "2025-07-01")
    known = hub.history(STEWARD, entity.id, ["location"], Window(attribute="modifiedAt"))
    assert len(known["location"]) == 2
    assert not territory.resolve(107.55, 16.45).exact
    assert territory.resolve(107.65, 16.45).exact


def test_nobody_writes_a_boundary_but_by_the_import(hub: Hub, territory: Territory) -> None:
    """A generic write of the guarded type is refused with the verb to use instead, before and after an import."""
    _import(hub, territory, _file(_square("19789", 107.5, 16.4)))
    name = "urn:ngsi-ld:AdministrativeUnit:19789"
    for change in (put(name, "AdministrativeUnit", code=prop("1")), amend(name, code=prop("1"))):
        with pytest.raises(Forbidden, match="dothi import"):
            asyncio.run(hub.commit(Commit(ANONYMOUS, (change,))))


def test_who_may_not_import_changes_nothing(tmp_path: Path, territory: Territory) -> None:
    """Under the city's policy a citizen is refused and a data steward is not."""
    hub = Hub(tmp_path, RolePolicy(territory.within))
    guard(hub)
    collection = _file(_square("19789", 107.5, 16.4))

    async def story() -> None:
        with pytest.raises(Forbidden):
            await import_boundaries(hub, territory, Actor("user:x", frozenset({"citizen"})), collection)
        assert not territory.resolve(107.55, 16.45).exact
        await import_boundaries(hub, territory, STEWARD, collection)
        assert territory.resolve(107.55, 16.45).exact
        assert OWNER == "territory"
        await hub.close()

    asyncio.run(story())


def test_ground_that_two_communes_claim_is_left_to_a_person(hub: Hub, territory: Territory) -> None:
    """The overlap is reported with its area; a place there is not exact and names both."""
    report = _import(hub, territory, _file(_square("19789", 107.5, 16.4), _square("19753", 107.58, 16.4)))
    (overlap,) = report.overlaps
    assert overlap.codes == ("19753", "19789")
    assert overlap.area_m2 == pytest.approx(0.02 * 0.1 * 111_200**2 * 0.9588, rel=0.01)
    found = territory.resolve(107.59, 16.45)
    assert found.unit is not None
    assert not found.exact
    assert {found.unit.code, *(one.unit.code for one in found.alternatives)} == {"19753", "19789"}
    assert territory.resolve(107.52, 16.45).exact


def test_an_overlap_with_an_earlier_import_is_told_too(hub: Hub, territory: Territory) -> None:
    """Files may come one commune at a time."""
    assert _import(hub, territory, _file(_square("19789", 107.5, 16.4))).overlaps == ()
    assert len(_import(hub, territory, _file(_square("19753", 107.58, 16.4))).overlaps) == 1


def test_a_crossed_ring_is_mended_and_said_so(hub: Hub, territory: Territory) -> None:
    """A bow tie becomes two triangles; the report names the reason."""
    tie = [[107.5, 16.4], [107.6, 16.5], [107.6, 16.4], [107.5, 16.5], [107.5, 16.4]]
    report = _import(hub, territory, _file(_feature("19789", {"type": "Polygon", "coordinates": [tie]})))
    (mended,) = report.mended
    assert mended.code == "19789"
    assert "Self-intersection" in mended.reason
    assert territory.resolve(107.51, 16.45).exact is True
    assert territory.resolve(107.55, 16.49).exact is False


def test_several_features_of_a_code_are_one_unit(hub: Hub, territory: Territory) -> None:
    """An island in a row of its own belongs to its commune."""
    report = _import(hub, territory, _file(_square("19789", 107.5, 16.4), _square("19789", 107.9, 16.4)))
    assert report.imported == ("19789",)
    assert territory.resolve(107.95, 16.45).exact
    assert len(report.lacking) == 39


def test_a_closed_code_is_followed_to_its_only_heir(hub: Hub, territory: Territory) -> None:
    """A file that still says 06970 sets the boundary of 06978, and the report says so."""
    report = _import(hub, territory, _file(_square("06970", 107.2, 21.2)))
    assert report.imported == ("06978",)
    assert report.followed == (("06970", "06978"),)


def test_beside_a_known_boundary_only_other_communes_are_guessed(hub: Hub, territory: Territory) -> None:
    """A commune whose boundary is known does not hold a place outside it; just off it, it is still a candidate."""
    _import(hub, territory, _file(_square("19753", 107.5, 16.4, 0.05)))
    away = territory.resolve(107.58, 16.48)
    assert away.unit is not None
    assert "19753" not in {away.unit.code, *(one.unit.code for one in away.alternatives)}


def test_a_jetty_off_the_last_boundary_still_finds_its_commune(
    hub: Hub, territory: Territory, real_boundaries: Json
) -> None:
    """With all boundaries known, 100 m off the coast is approximate and beside; 5 km off is none."""
    _import(hub, territory, real_boundaries)
    (phu_quy,) = (one for one in real_boundaries["features"] if one["properties"]["code"] == "23272")
    east = max(point for part in phu_quy["geometry"]["coordinates"] for point in part[0])
    found = territory.resolve(east[0] + 0.001, east[1])
    assert found.unit is not None
    assert (found.unit.code, found.exact) == ("23272", False)
    assert found.distance_m == pytest.approx(107, abs=15)
    assert territory.resolve(east[0] + 0.05, east[1]).unit is None


BAD: dict[str, tuple[Any, str]] = {
    "no collection": ([1, 2], "FeatureCollection"),
    "nothing in it": ({"type": "FeatureCollection", "features": []}, "no features"),
    "no feature": (_file("x"), "code must be the unit's code as text"),  # type: ignore[arg-type]
    "a number for a code": (_file(_square(19789, 107.5, 16.4)), "as text, with its leading zeros"),  # type: ignore[arg-type]
    "an unknown code": (_file(_square("99999", 107.5, 16.4)), "no unit in force has the code '99999'"),
    "a province": (_file(_square("46", 107.5, 16.4)), "is no commune"),
    "a divided ward": (_file(_square("31178", 105.7, 10.0)), "it was divided among 31168, 31120"),
    "no geometry": (_file(_feature("19789", None)), "must be a GeoJSON object"),
    "a point": (_file(_feature("19789", {"type": "Point", "coordinates": [107.5, 16.4]})), "not a Point"),
    "metres": (_file(_square("19789", 560_000, 1_800_000)), "VN-2000"),
    "latitude first": (_file(_square("19789", 16.4, 107.5)), "are the two swapped"),
    "another country": (_file(_square("19789", 2.3, 48.8)), "beyond Vietnam"),
    "an open ring": (
        _file(_feature("19789", {"type": "Polygon", "coordinates": [[[107, 16], [108, 16], [108, 17], [107, 17]]]})),
        "not closed",
    ),
    "no ground": (
        _file(_feature("19789", {"type": "Polygon", "coordinates": [[[107, 16], [108, 16], [107, 16], [107, 16]]]})),
        "encloses no ground",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_with_a_fault_changes_nothing_and_says_where(hub: Hub, territory: Territory, name: str) -> None:
    """Each fault is named with what to do; the good features of the same file are not imported either."""
    collection, message = BAD[name]
    if isinstance(collection, dict) and collection["features"]:
        collection = _file(_square("19753", 107.0, 16.2), *collection["features"])
    with pytest.raises(Invalid, match=message):
        _import(hub, territory, collection)
    assert hub.find(STEWARD, "AdministrativeUnit").entities == ()
    assert not territory.resolve(107.05, 16.25).exact


def test_all_faults_of_a_file_are_told_at_once(hub: Hub, territory: Territory) -> None:
    """The operator mends the file once, not once a fault."""
    with pytest.raises(Invalid, match="2 boundaries cannot be used") as caught:
        _import(hub, territory, _file(_square("99999", 107, 16), _square("19789", 107, 16), _square("46", 107, 16)))
    errors = caught.value.fields["errors"]
    assert isinstance(errors, list)
    assert [error.partition(":")[0] for error in errors] == ["features[0]", "features[2]"]


def test_the_code_may_stand_under_another_name(hub: Hub, territory: Territory) -> None:
    """Files of the land survey name the code their own way."""
    feature = _square("", 107.5, 16.4, MA_XA="19789")
    assert _import(hub, territory, _file(feature), code_property="MA_XA").imported == ("19789",)
