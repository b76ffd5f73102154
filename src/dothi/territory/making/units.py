"""Units from the package vietnamadminunits (MIT): those of today, those before July 2025, and who followed whom."""

import json
import math
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from dothi.ground.errors import Unavailable
from dothi.ground.geometry import haversine_m
from dothi.territory.model import COMMUNE, DISTRICT, PROVINCE, TWO_TIERS_SINCE, Kind, Register, Unit, day_before
from dothi.territory.names import capitalised, english, kind_of

PACKAGE = "vietnamadminunits"
LAST_DAY_OF_DISTRICTS = day_before(TWO_TIERS_SINCE)
EXPECTED = {"provinces": 34, "communes": 3321, "former wards": 10_035, "former districts": 696, "former provinces": 63}
FAR = 5.0  # A middle further than this many widths of the unit from all its former wards is a slip of the source.
WIDTH_MIN_KM = 3.0

Row = dict[str, Any]
Place = tuple[float | None, float | None]


class Source(NamedTuple):
    """The package's tables: rows of today, rows before 07/2025, and its converter's mapping."""

    name: str
    present: list[Row]
    former: list[Row]
    mapping: dict[str, Any]


def read_source() -> Source:
    """The data files of the installed package, read without importing it. Unavailable when it is not installed."""
    try:
        package = distribution(PACKAGE)
    except PackageNotFoundError as cause:
        raise Unavailable(f"The package {PACKAGE} is not installed; scripts/setup installs it.") from cause
    folder = Path(str(package.locate_file(f"{PACKAGE}/data")))
    with closing(sqlite3.connect(f"file:{folder / 'dataset.db'}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        present = [dict(row) for row in db.execute("SELECT * FROM admin_units ORDER BY wardCode")]
        former = [dict(row) for row in db.execute("SELECT * FROM admin_units_legacy ORDER BY districtCode, wardCode")]
    mapping = json.loads((folder / "converter_2025.json").read_text(encoding="utf-8"))
    return Source(f"{PACKAGE} {package.version}", present, former, mapping)


def make_register(source: Source) -> Register:
    """Every unit of the source with its days, and the pairs of old and new. ValueError when the counts are wrong."""
    lasting = unmerged_provinces(source)
    former = former_units(source, lasting)
    present = present_units(source, lasting)
    units = (*former, *present)
    check_counts(source, present, former, lasting)
    places = {(unit.code, unit.valid_to is None): place for place, unit in enumerate(units)}
    pairs = [(places[old, False], places[new, True]) for old, new in followers(source) if (old, False) in places]
    return mend_middles(Register(source.name, units, tuple(pairs)))


def check_counts(source: Source, present: list[Unit], former: list[Unit], lasting: set[str]) -> None:
    """A new edition of the source must be looked at before it is used."""
    levels = [unit.level for unit in present]
    old = [unit.level for unit in former]
    found = {
        "provinces": levels.count(PROVINCE),
        "communes": levels.count(COMMUNE),
        "former wards": old.count(COMMUNE),
        "former districts": old.count(DISTRICT),
        "former provinces": old.count(PROVINCE) + len(lasting),
    }
    if found != EXPECTED:
        raise ValueError(f"{source.name} holds {found}; expected {EXPECTED}. Look at what changed before using it.")


def unmerged_provinces(source: Source) -> set[str]:
    """Codes of the provinces that went through July 2025 under the same code, name and area."""
    former = {row["provinceKey"]: row["provinceCode"] for row in source.former}
    present = {row["provinceKey"]: row["provinceCode"] for row in source.present}
    return {
        present[new]
        for new, olds in source.mapping["DICT_PROVINCE"].items()
        if olds == [new] and former[new] == present[new]
    }


def present_units(source: Source, lasting: set[str]) -> list[Unit]:
    """The provinces and communes since 01/07/2025."""
    areas: dict[str, list[float | None]] = {}
    for row in source.present:
        areas.setdefault(row["provinceCode"], []).append(row["wardAreaKm2"])
    provinces = [
        _unit(row["provinceCode"], row["province"], None, _place(row, "province"), source.name, _sum(areas[code]))
        for code, row in sorted({row["provinceCode"]: row for row in source.present}.items())
    ]
    communes = [
        _unit(row["wardCode"], row["ward"], row["provinceCode"], _place(row, "ward"), source.name, row["wardAreaKm2"])
        for row in source.present
    ]
    return [_since(unit, lasting) for unit in (*provinces, *communes)]


def _since(unit: Unit, lasting: set[str]) -> Unit:
    return unit if unit.code in lasting else replace(unit, valid_from=TWO_TIERS_SINCE)


def former_units(source: Source, lasting: set[str]) -> list[Unit]:
    """The provinces (those that were merged), districts and wards that ended on 30/06/2025."""
    rows = source.former
    provinces = {row["provinceCode"]: row for row in rows if row["provinceCode"] not in lasting}
    districts = {row["districtCode"]: row for row in rows}
    units = [
        *(_unit(code, row["province"], None, _place(row, "province"), source.name) for code, row in provinces.items()),
        *(
            _unit(code, row["district"], row["provinceCode"], _place(row, "district"), source.name)
            for code, row in districts.items()
        ),
        *(
            _unit(row["wardCode"], row["ward"], row["districtCode"], _place(row, "ward"), source.name)
            for row in rows
            if row["wardCode"]  # Five island districts had no wards.
        ),
    ]
    return [replace(unit, valid_to=LAST_DAY_OF_DISTRICTS) for unit in units]


def followers(source: Source) -> Iterable[tuple[str, str]]:
    """(code before, code after) of provinces, wards and the island districts; the main heir of a split ward first."""
    new_provinces = {row["provinceKey"]: row["provinceCode"] for row in source.present}
    old_provinces = {row["provinceKey"]: row["provinceCode"] for row in source.former}
    for new, olds in source.mapping["DICT_PROVINCE"].items():
        yield from ((old_provinces[old], new_provinces[new]) for old in olds)
    new_codes = {(row["provinceKey"], row["wardKey"]): row["wardCode"] for row in source.present}
    old_codes = {_former_key(row): row["wardCode"] or row["districtCode"] for row in source.former}
    for province, wards in source.mapping["DICT_PROVINCE_WARD_NO_DIVIDED"].items():
        for ward, olds in wards.items():
            yield from ((old_codes[old], new_codes[province, ward]) for old in olds)
    for province, split in source.mapping["DICT_PROVINCE_WARD_DIVIDED"].items():
        for old, heirs in split.items():
            for heir in sorted(heirs, key=lambda heir: not heir["isDefaultNewWard"]):
                yield old_codes[old], new_codes[province, heir["newWardKey"]]


def _former_key(row: Row) -> str:
    return "_".join((row["provinceKey"], row["districtKey"], row["wardKey"] or ""))


def mend_middles(register: Register) -> Register:
    """The register with impossible middles of communes replaced by the middle one of their former wards.

    Eight of 3,321 lie up to 100 km off. Islands of the sea are left alone: their former districts were placed ashore.
    """
    wards: dict[int, list[Unit]] = {}
    for old, new in register.followed:
        wards.setdefault(new, []).append(register.units[old])
    units = tuple(_mended(unit, wards.get(place, [])) for place, unit in enumerate(register.units))
    return Register(register.source, units, register.followed)


def _mended(unit: Unit, wards: list[Unit]) -> Unit:
    points = sorted((ward.lon, ward.lat) for ward in wards if ward.lon is not None and ward.lat is not None)
    if unit.level != COMMUNE or unit.kind == Kind.SPECIAL_ZONE or not points or unit.lon is None or unit.lat is None:
        return unit
    width_m = max(WIDTH_MIN_KM, math.sqrt(unit.area_km2 or 0)) * 1000
    if min(haversine_m(unit.lon, unit.lat, lon, lat) for lon, lat in points) <= FAR * width_m:
        return unit
    lon, lat = points[len(points) // 2]
    return replace(unit, lon=lon, lat=lat, source=f"{unit.source}; middle of a former ward")


def _place(row: Row, level: str) -> Place:
    return row[f"{level}Lon"], row[f"{level}Lat"]


def _sum(areas: list[float | None]) -> float | None:
    """The whole, or None when a part is not known."""
    known = [area for area in areas if area is not None]
    return round(sum(known), 2) if len(known) == len(areas) else None


def _unit(code: str, name: str, parent: str | None, place: Place, source: str, area_km2: float | None = None) -> Unit:
    name = capitalised(name)
    kind = kind_of(name)
    unit = Unit(code, kind, name, "", parent, *place, area_km2, None, None, source)
    return replace(unit, name_en=english(name, kind, unit.level))
