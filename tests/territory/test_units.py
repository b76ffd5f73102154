"""Units in time: who was what on which day, under which code, and who followed whom."""

import csv
import json
from collections import Counter
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from dothi.ground.errors import Missing
from dothi.ground.text import fold
from dothi.territory import Kind, Territory

BEFORE, FIRST = date(2025, 6, 30), date(2025, 7, 1)
LAST_AS_PROVINCE, AS_CITY = date(2026, 4, 29), date(2026, 4, 30)
NEW_WARDS = {"25270", "25357", "25363", "26116", "26170", "26248", "26326", "26368", "26425", "26485"}


@pytest.mark.parametrize(
    ("day", "provinces", "districts", "communes"),
    [(BEFORE, 63, 696, 10_035), (FIRST, 34, 0, 3321), (LAST_AS_PROVINCE, 34, 0, 3321), (AS_CITY, 34, 0, 3321)],
)
def test_two_tiers_replace_three_on_one_day(
    built: Territory, day: date, provinces: int, districts: int, communes: int
) -> None:
    """On 30/06/2025 there were districts; from 01/07/2025 there are 34 provinces and 3,321 communes."""
    levels = Counter(unit.level for unit in built.valid_at(day))
    assert (levels["province"], levels["district"], levels["commune"]) == (provinces, districts, communes)


@pytest.mark.parametrize(("day", "communes", "wards"), [(LAST_AS_PROVINCE, 2621, 687), (AS_CITY, 2611, 697)])
def test_dong_nai_becomes_a_city_with_ten_new_wards(built: Territory, day: date, communes: int, wards: int) -> None:
    """The amendment of 30/04/2026 changes kinds and names from that day on, and not a day earlier."""
    kinds = Counter(unit.kind for unit in built.valid_at(day, "commune"))
    assert (kinds[Kind.COMMUNE], kinds[Kind.WARD], kinds[Kind.SPECIAL_ZONE]) == (communes, wards, 13)
    dong_nai = built.unit("75", day)
    assert dong_nai.name == ("Thành phố Đồng Nai" if day == AS_CITY else "Tỉnh Đồng Nai")
    assert dong_nai.name_en == ("Dong Nai City" if day == AS_CITY else "Dong Nai Province")
    assert {built.unit(code, day).kind for code in NEW_WARDS} == {Kind.WARD if day == AS_CITY else Kind.COMMUNE}


def test_codes_names_and_provinces_agree_with_another_publisher(
    built: Territory, listed_units: list[dict[str, Any]]
) -> None:
    """Every code, kind and name (tone placement aside) of a list of 30/04/2026 is ours on that day, and no other."""
    theirs = {one["Code"]: (fold(one["FullName"]), None) for one in listed_units}
    theirs |= {ward["Code"]: (fold(ward["FullName"]), one["Code"]) for one in listed_units for ward in one["Wards"]}
    ours = {unit.code: (fold(unit.name), unit.parent) for unit in built.valid_at(AS_CITY)}
    assert ours == theirs


def test_before_the_amendments_the_list_differs_in_them_alone(
    built: Territory, listed_units: list[dict[str, Any]]
) -> None:
    """The day before, exactly eleven names differ from that list, and one code."""
    theirs = {ward["Code"]: fold(ward["FullName"]) for one in listed_units for ward in one["Wards"]}
    theirs |= {one["Code"]: fold(one["FullName"]) for one in listed_units}
    ours = {unit.code: fold(unit.name) for unit in built.valid_at(LAST_AS_PROVINCE)}
    assert ours.keys() ^ theirs.keys() == {"06970", "06978"}
    assert {code for code in ours.keys() & theirs.keys() if ours[code] != theirs[code]} == NEW_WARDS | {"75"}


def test_english_names_agree_with_another_publisher(built: Territory, listed_units: list[dict[str, Any]]) -> None:
    """The English short name of every province and commune is theirs, spaces aside; the archipelagos keep their own."""
    theirs = {ward["Code"]: ward["NameEn"] for one in listed_units for ward in one["Wards"]}
    theirs |= {one["Code"]: one["NameEn"] for one in listed_units}
    different = {
        unit.code for unit in built.valid_at(AS_CITY) if _letters(theirs[unit.code]) not in _letters(unit.name_en)
    }
    assert different == {"20333", "22736"}
    assert built.unit("20333").name_en == "Hoang Sa Special Zone"


def _letters(name: str) -> str:
    return "".join(char for char in fold(name) if char.isalnum())


def test_former_wards_are_those_of_the_published_list(built: Territory, shared_data: Path) -> None:
    """All 10,035 wards and the five districts without wards closed on 30/06/2025 under their code and name."""
    with (shared_data / "vn_admin/vn_units_legacy_10040.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10_040
    theirs = {row["wardCode"] or row["districtCode"]: fold(row["ward"] or row["district"]) for row in rows}
    ours = {unit.code: unit for unit in built.valid_at(BEFORE)}
    assert {code: fold(ours[code].name) for code in theirs} == theirs
    assert {ours[code].valid_to for code in theirs} == {BEFORE}


def test_every_former_unit_leads_to_units_of_today(built: Territory) -> None:
    """Old wards, districts and provinces have heirs in force, all of one present province."""
    for unit in built.valid_at(BEFORE):
        heirs = built.successors(unit.code)
        assert heirs, unit
        assert all(heir.valid_to is None for heir in heirs), unit
        assert len({built.province_of(heir.code).code for heir in heirs}) == 1, unit


def test_split_wards_name_all_heirs_with_the_main_one_first(built: Territory, shared_data: Path) -> None:
    """A ward divided in 2025 leads to every commune that got a part of it; as many wards as the converter says."""
    converter = json.loads((shared_data / "vn_admin/vietnamadminunits_1.0.4_converter_2025.json").read_text("utf-8"))
    divided = [heirs for wards in converter["DICT_PROVINCE_WARD_DIVIDED"].values() for heirs in wards.values()]
    split = [unit for unit in built.valid_at(BEFORE, "commune") if len(built.successors(unit.code)) > 1]
    assert sorted(len(built.successors(unit.code)) for unit in split) == sorted(map(len, divided))
    assert built.unit("31178", BEFORE).name == "Phường Bùi Hữu Nghĩa"
    assert [unit.name for unit in built.successors("31178")] == ["Phường Bình Thủy", "Phường Cái Khế"]


def test_a_code_that_lives_on_is_told_apart_by_the_day(built: Territory) -> None:
    """00004 was Phường Trúc Bạch, then became the larger Phường Ba Đình."""
    assert built.unit("00004", BEFORE).name == "Phường Trúc Bạch"
    assert built.unit("00004", FIRST).name == "Phường Ba Đình"
    assert [unit.code for unit in built.successors("00004")] == ["00004"]
    assert "Phường Trúc Bạch" in {unit.name for unit in built.predecessors("00004")}


def test_a_closed_code_stays_closed_and_names_its_heir(built: Territory) -> None:
    """06970 ended on 29/04/2026; asked for without a day it still answers, as it was last."""
    assert [unit.code for unit in built.successors("06970")] == ["06978"]
    assert built.unit("06970").valid_to == LAST_AS_PROVINCE
    assert not built.knows("06970")
    with pytest.raises(Missing, match="06970 was not in force on 2026-04-30"):
        built.unit("06970", AS_CITY)
    assert [unit.code for unit in built.successors("06970", at=LAST_AS_PROVINCE)] == ["06970"]


def test_states_of_a_code_never_overlap(built: Territory) -> None:
    """On every day a code means one unit at most."""
    for states in built.gazetteer.states.values():
        for one, other in pairwise(states):
            assert one.valid_to is not None
            assert other.valid_from is not None
            assert one.valid_to < other.valid_from


def test_settings_are_inherited_from_the_province_down(built: Territory) -> None:
    """The chain of a commune begins with its province; before July 2025 a district stood between."""
    assert [unit.name for unit in built.chain("19789")] == ["Thành phố Huế", "Phường Thuận Hóa"]
    assert [unit.level for unit in built.chain("00004", BEFORE)] == ["province", "district", "commune"]
    assert built.province_of("06970").name == "Tỉnh Quảng Ninh"


def test_hue_has_forty_communes_that_can_be_drawn(built: Territory) -> None:
    """The demo's city: 40 communes, each with a middle and an area."""
    communes = built.communes_of("46")
    assert len(communes) == 40
    assert all(unit.middle and unit.area_km2 for unit in communes)
    assert len(built.communes_of("46", BEFORE)) == 133
    assert built.unit("46").valid_from is None  # It was not merged with another, so it is the same unit as before.


def test_an_area_covers_its_communes_and_their_closed_codes(built: Territory) -> None:
    """Somebody of Quảng Ninh sees records under 06970 too, somebody of Ba Chẽ as well, others do not."""
    assert {"22", "06970", "06978"} <= built.within("22")
    assert built.within("06978") == {"06978", "06970"}
    assert built.within("00004") == {"00004"}
    assert len(built.within("46")) == 41


def test_unknown_codes_are_missing(built: Territory) -> None:
    """A code that was never given is refused with what codes look like."""
    with pytest.raises(Missing, match="communes 5"):
        built.unit("99999")


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("huế", "46"),
        ("HUE", "46"),
        ("thành phố huế", "46"),
        ("Thuận Hóa", "19789"),
        ("phuong thuan hoa", "19789"),
        ("ba đình, hà nội", "00004"),
        ("ba đình, thanh hóa", "16171"),
        ("Khánh Hoà", "56"),
        ("dak lak", "66"),
        ("19789", "19789"),
        ("trường sa", "22736"),
    ],
)
def test_search_minds_no_marks_and_no_tone_placement(built: Territory, text: str, first: str) -> None:
    """The unit meant stands first."""
    assert built.search(text)[0].code == first


def test_search_finds_closed_units_only_when_asked(built: Territory) -> None:
    """Quận Ba Đình is history."""
    assert built.search("quận ba đình") == []
    assert [unit.code for unit in built.search("quận ba đình", closed=True)] == ["001"]
    assert [unit.code for unit in built.search("quận ba đình", at=BEFORE)] == ["001"]
    assert len(built.search("")) == 20
    assert built.search("", limit=50) == list(built.provinces())
