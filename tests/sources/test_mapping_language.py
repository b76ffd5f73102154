"""The mapping language: what it says becomes entities, and each mistake is told with its line."""

import re
from collections import Counter
from typing import Any

import pytest

from dothi.ground.clock import to_datetime
from dothi.sources.mapping import BadMapping, Fault, compiled, parse_mapping
from dothi.sources.mapping.compiled import Mapped
from dothi.sources.mapping.durations import seconds_of
from dothi.sources.mapping.library import find_mapping, mapping_paths
from dothi.sources.mapping.model import NoSuchMapping
from dothi.sources.mapping.units import conversion

HEAD = """
name = "m"
title = { vi = "M", en = "M" }
format = "csv"
type = "T"
id = "urn:x:{id}"
"""
NOW = to_datetime(1_795_000_000_000_000)


def mapped(body: str, row: dict[str, Any], head: str = HEAD) -> Mapped:
    """The row through a mapping with this body."""
    return compiled(parse_mapping(head + body)).change({"id": "1", **row}, NOW)


def fault(body: str, row: dict[str, Any]) -> str:
    """The reason for which the row fails."""
    with pytest.raises(Fault) as caught:
        mapped(body, row)
    return caught.value.reason


NUMBER = '[attributes.a]\ncolumn = "c"\nkind = "number"\n'


@pytest.mark.parametrize(
    ("extra", "line", "words"),
    [
        ("[attributes.a]\ncolumn = 'c'\nkind = 'nummer'\n", 9, "nummer"),
        ("[attributes.a]\ncolumn = 'c'\nrnage = [0, 1]\n", 9, "rnage"),
        (NUMBER + "range = [5, 1]\n", 10, "low end stands above"),
        (NUMBER + 'unit = "GQ"\nfrom-unit = "CEL"\n', 11, "no conversion"),
        (NUMBER + 'unit = "XX"\n', 10, "XX"),
        ("[attributes.a]\nkind = 'text'\n", 7, "exactly one of"),
        ("[attributes.type]\ncolumn = 'c'\n", 7, "no name for an attribute"),
        ("[attributes.a]\ncolumn = 'c'\n[observed-at]\ncolumn = 't'\nzone = 'Mars/Phobos'\n", 11, "Mars/Phobos"),
        ("[attributes.a]\ncolumn = 'c'\n[observed-at]\ncolumns = ['d', 't']\n", 9, "need a format"),
        ("[attributes.a]\ncolumn = 'c'\n[csv]\nencoding = 'tcvn3'\n", 10, "tcvn3"),
        ("[attributes.a]\ncolumn = 'c'\n[place]\ncolumn = 's'\n", 9, "coordinates"),
        ("[attributes.a\n", 7, "TOML"),
        ("[attributes.a]\nkind = 'enum'\ncolumn = 'c'\n", 7, "needs a table"),
    ],
)
def test_a_mistake_is_told_with_its_line(extra: str, line: int, words: str) -> None:
    """A wrong mapping is refused with the line of the mistake and what is wrong."""
    with pytest.raises(BadMapping) as caught:
        parse_mapping(HEAD + extra, "my.toml")
    assert caught.value.detail.startswith(f"my.toml, line {line}:")
    assert words in caught.value.detail


def test_shipped_mappings_are_right_and_named_as_their_files() -> None:
    """Every mapping that comes with dothi parses, compiles, and is called as its file."""
    for name in mapping_paths(None):
        assert find_mapping(None, name).mapping.name == name
    with pytest.raises(NoSuchMapping, match="beijing-air"):
        find_mapping(None, "no-such-mapping")


@pytest.mark.parametrize(
    ("body", "cell", "value"),
    [
        ("", "35.5", 35.5),
        ("", "7", 7),
        ("", " -4 ", -4),
        ("", 12, 12),
        ("[csv]\ndecimal = ','\nthousands = '.'\n", "1.234,5", 1234.5),
        ('unit = "GQ"\nfrom-unit = "GP"\n', "0.035", 35),
        ('unit = "CEL"\nfrom-unit = "FAH"\n', "212", 100),
        ('unit = "MTS"\nfrom-unit = "KMH"\n', "36", 10),
        ("scale = 0.1\noffset = -40\n", "500", 10),
    ],
)
def test_numbers(body: str, cell: object, value: float) -> None:
    """Numbers are read by the decimal sign of the file and converted to the unit that the mapping wants."""
    attribute, section, rest = body.partition("[csv]")
    change = mapped(NUMBER + attribute + section + rest, {"c": cell}).change
    assert change.attrs["a"]["value"] == pytest.approx(value, abs=1e-9)  # type: ignore[call-overload]


@pytest.mark.parametrize("cell", ["abc", "1,5", "nan", "inf", "1_000", "0x10", "--3", True, "1e999"])
def test_what_is_no_number(cell: object) -> None:
    """A cell that is no finite number holds the row back."""
    assert fault(NUMBER, {"c": cell}) == "not-a-number:a"


def test_range_is_judged_in_the_unit_of_the_hub() -> None:
    """A value sent in mg where µg are expected falls out of the range."""
    body = NUMBER + 'unit = "GQ"\nrange = [1, 1000]\n'
    assert fault(body, {"c": "0.035"}) == "range:a"
    assert mapped(body, {"c": "35"}).change.attrs["a"] == {"type": "Property", "value": 35, "unitCode": "GQ"}


def test_missing_is_not_bad() -> None:
    """A missing marker leaves the attribute out, unless it is required; a row with nothing left is empty."""
    other = '[attributes.b]\ncolumn = "d"\n'
    body = 'missing = ["NA", "-200"]\n' + NUMBER + other
    missing: Counter[str] = Counter()
    row = {"id": "1", "c": "-200", "d": "x"}
    assert set(compiled(parse_mapping(HEAD + body)).change(row, NOW, missing).change.attrs) == {"b"}
    assert missing == {"a": 1}
    assert fault(body, {"c": "NA", "d": "NA"}) == "empty"
    assert (
        fault(body.replace("[attributes.b]", "required = true\n[attributes.b]"), {"c": "NA", "d": "x"}) == "required:a"
    )


def test_times_of_several_columns_and_zones() -> None:
    """ObservedAt is made of the columns, in their zone, and handed on in UTC."""
    body = NUMBER + '[observed-at]\ncolumns = ["y", "m", "d", "h"]\nformat = "%Y %m %d %H"\nzone = "Asia/Ho_Chi_Minh"\n'
    row = {"c": "1", "y": "2026", "m": "3", "d": "1", "h": "0"}
    assert mapped(body, row).observed_at == "2026-02-28T17:00:00Z"
    assert fault(body, {**row, "m": "13"}) == "not-a-time:observedAt"
    assert fault(body, {**row, "y": ""}) == "required:observedAt"
    assert fault(body, {**row, "y": "2099"}) == "time-out-of-range:observedAt"


POINT = "[attributes.location]\nkind = 'point'\nlongitude = 'x'\nlatitude = 'y'\nplaceholders = [[-77, 39]]\n"


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        ("-77", "39", "placeholder:location"),
        ("-77.0", "39.00", "placeholder:location"),
        ("200", "10", "out-of-bounds:location"),
        ("105.8", "", "not-a-place:location"),
        ("a", "b", "not-a-place:location"),
    ],
)
def test_false_places_hold_a_row_back(x: str, y: str, reason: str) -> None:
    """A placeholder, half a point or a point off the globe is no place."""
    assert fault(POINT, {"x": x, "y": y}) == reason


def test_a_bad_value_can_be_left_out_alone() -> None:
    """With on-bad = "omit" the row goes in without the bad value, which is told."""
    body = POINT + 'on-bad = "omit"\n[attributes.a]\ncolumn = "c"\n'
    result = mapped(body, {"x": "-77", "y": "39", "c": "lamp"})
    assert set(result.change.attrs) == {"a"}
    assert [one.reason for one in result.left_out] == ["placeholder:location"]


def test_stations_placed_by_the_mapping() -> None:
    """Coordinates come from the mapping by the value of a column; an unknown station holds the row back."""
    body = (
        NUMBER
        + "[place]\ncolumn = 's'\n[place.at]\nA = { longitude = 105.8, latitude = 21, accuracy = 50, unit = '00004' }\n"
    )
    attrs = mapped(body, {"c": "1", "s": "A"}).change.attrs
    assert attrs["location"]["value"] == {"type": "Point", "coordinates": [105.8, 21.0]}  # type: ignore[call-overload]
    assert attrs["location"]["accuracy"]["value"] == 50  # type: ignore[call-overload]
    assert attrs["unit"]["value"] == "00004"  # type: ignore[call-overload]
    assert fault(body, {"c": "1", "s": "B"}) == "unknown-station:location"


def test_words_of_a_table() -> None:
    """An enum turns the words of the file into ours, in any Unicode form; an unknown word holds the row back."""
    body = '[attributes.a]\ncolumn = "c"\nkind = "enum"\n[attributes.a.table]\n"Đã đóng" = "closed"\n'
    import_form = "Đã đóng"  # Decomposed letters, as some phones type them.
    assert mapped(body, {"c": import_form}).change.attrs["a"]["value"] == "closed"  # type: ignore[call-overload]
    assert fault(body, {"c": "Mở"}) == "unknown-word:a"


def test_ids_are_uris_and_nested_columns_are_found() -> None:
    """A template fills the URN from columns, also of nested JSON; what may not stand in a URI becomes a low line."""
    head = HEAD.replace('"csv"', '"json"').replace("{id}", "{meta.station}")
    result = mapped(
        '[attributes.a]\ncolumn = "data.pm"\nkind = "number"\n',
        {"meta": {"station": "kim lien"}, "data": {"pm": 3}},
        head,
    )
    assert result.change.id == "urn:x:kim_lien"
    assert result.change.attrs["a"]["value"] == 3  # type: ignore[call-overload]


def test_ngsi_ld_entities_in_each_form() -> None:
    """Normalized, concise and simplified entities become the same change; what is no entity is held back."""
    head = 'name = "n"\ntitle = { vi = "N", en = "N" }\nformat = "ngsi-ld"\n'
    run = compiled(parse_mapping(head))
    forms = ({"type": "Property", "value": 3}, {"value": 3}, 3)
    for form in forms:
        made = run.change({"id": "urn:x:1", "type": "T", "pm25": form}, NOW).change
        assert (made.types, made.attrs) == (("T",), {"pm25": {"type": "Property", "value": 3}})
    for bad in (
        {"id": "no uri", "type": "T", "a": 1},
        {"id": "urn:x:1", "a": 1},
        {"id": "urn:x:1", "type": [[]], "a": 1},
    ):
        with pytest.raises(Fault, match="not-an-entity"):
            run.change(bad, NOW)


def test_durations_and_units() -> None:
    """Durations are ISO 8601 without months; a conversion between two dimensions is refused."""
    assert [seconds_of(text) for text in ("PT5M", "P1DT1H", "P2W", "PT0.5S", "90")] == [300, 90_000, 1_209_600, 0.5, 90]
    for bad in ("P1M", "PT", "P", "-PT5M", "5 minutes", "PT0S", ""):
        with pytest.raises(ValueError, match=re.escape(repr(bad))):
            seconds_of(bad)
    assert conversion("GP", "GQ")[0] == pytest.approx(1000)
    with pytest.raises(ValueError, match="temperature"):
        conversion("CEL", "GQ")
