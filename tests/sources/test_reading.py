"""Bytes into rows: encodings are found or asked for, and one bad line costs one line."""

import io
from itertools import pairwise

import pytest

from dothi.ground.errors import Invalid
from dothi.sources.mapping import parse_mapping
from dothi.sources.mapping.model import Raw
from dothi.sources.mapping.reading import UNPARSED, UnknownEncoding, read_rows

MAPPING = """
name = "m"
title = { vi = "M", en = "M" }
format = "FORMAT"
type = "T"
id = "urn:x:{id}"
[attributes.name]
column = "name"
[csv]
"""
TEXT = "id,name\r\n1,Cầu Giấy\r\n2,Đống Đa\r\n"
OLD = TEXT.replace("ầ", "â\u0300").replace("ấ", "â\u0301").replace("ố", "ô\u0301")  # Windows-1258 adds tones as marks.


def rows(body: bytes, csv: str = "", form: str = "csv") -> list[Raw]:
    """The rows of a body."""
    return list(read_rows(io.BytesIO(body), parse_mapping(MAPPING.replace("FORMAT", form) + csv), "f.csv"))


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_is_found_by_itself(codec: str) -> None:
    """UTF-8 and UTF-16, with byte-order mark or without, are read without being named."""
    assert [one.row["name"] for one in rows(TEXT.encode(codec))] == ["Cầu Giấy", "Đống Đa"]


@pytest.mark.parametrize(("name", "text"), [("windows-1258", OLD), ("latin-1", "id,name\n1,Hôtel\n")])
def test_eight_bit_encodings_must_be_named(name: str, text: str) -> None:
    """An 8-bit file is refused with the line and what to write; once named it is read."""
    body = text.encode({"windows-1258": "cp1258"}.get(name, name))
    with pytest.raises(UnknownEncoding, match=r"f.csv, line 2: .*windows-1258"):
        rows(body)
    assert rows(body, f'encoding = "{name}"')[0].row["name"] == text.split("\n")[1].split(",")[1].strip()


def test_one_line_of_another_encoding_is_held_back_alone() -> None:
    """In a UTF-8 file a single line with foreign bytes becomes a faulty row that still shows its bytes."""
    found = rows("id,name\n1,Huế\n2,Đà Nẵng\n".encode() + b"3,Hu\xea\n4,ok\n")
    assert [one.fault.code if one.fault else "" for one in found] == ["", "", "encoding", ""]
    assert found[2].row == {UNPARSED: "3,Hu\\xea\n"}
    assert found[2].line == 4


def test_a_stray_quote_costs_one_line() -> None:
    """A quote that is not closed, a cell too many, a blank line: the lines after them are read."""
    found = rows(b'id,name\n1,"open\n2,b,c\n\n3,"a, b"\n4,d\n')
    assert [(one.line, one.fault.code if one.fault else one.row["name"]) for one in found] == [
        (2, "quoting"),
        (3, "columns"),
        (5, "a, b"),
        (6, "d"),
    ]
    assert found[0].row == {UNPARSED: '1,"open'}


def test_cells_with_line_breaks_where_the_mapping_allows_them() -> None:
    """With multiline = true a quoted cell may hold line breaks, and rows keep the line on which they begin."""
    found = rows(b'id,name\n1,"a\nb"\n2,c\n', "multiline = true")
    assert [(one.line, one.row["name"]) for one in found] == [(2, "a\nb"), (4, "c")]


def test_a_wrong_header_says_what_is_there() -> None:
    """Columns that the file lacks are told with those that it has, and a hint at the delimiter."""
    with pytest.raises(Invalid, match=r"needs the columns name; the file has id, nom"):
        rows(b"id,nom\n1,a\n")
    with pytest.raises(Invalid, match=r"is the delimiter ','\?"):
        rows(b"id;name\n1;a\n")
    with pytest.raises(Invalid, match="no header line"):
        rows(b"")
    with pytest.raises(Invalid, match="twice"):
        rows(b"id,name,name\n1,a,b\n")


def test_layouts() -> None:
    """Delimiter, lines before the header and a header given by the mapping."""
    assert rows(b"note\nid;name\n1;a\n", 'delimiter = ";"\nskip-lines = 1')[0] == Raw(3, {"id": "1", "name": "a"})
    assert rows(b"1,a\n", 'header = ["id", "name"]')[0] == Raw(1, {"id": "1", "name": "a"})


@pytest.mark.parametrize(
    "body", [b"{", b"\xff\xfe{", b"[" * 100_000, b'{"a": NaN}', b"\x00", b'{"type": "Feature', b"[]]"]
)
@pytest.mark.parametrize("form", ["json", "geojson"])
def test_what_is_no_json_is_refused(body: bytes, form: str) -> None:
    """A body that is no JSON as a whole is refused with its name."""
    with pytest.raises(Invalid, match=r"f\.csv"):
        rows(body, form=form)


def test_json_items_are_rows() -> None:
    """A list of objects, one object, features: each item is a row with its place; what is no object is faulty."""
    assert [one.line for one in rows(b'[{"id": 1}, 5, {"id": 2}]', form="json")] == [1, 2, 3]
    assert rows(b"[5]", form="json")[0].fault.code == "not-an-object"  # type: ignore[union-attr]
    feature = b'{"type": "Feature", "id": 9, "properties": {"name": "a"}, "geometry": null}'
    assert rows(feature, form="geojson")[0].row == {"name": "a", "_id": 9, "geometry": None}
    with pytest.raises(Invalid, match="not GeoJSON"):
        rows(b'{"type": "FeatureCollection"}', form="geojson")


def test_a_long_file_is_read_line_by_line() -> None:
    """Rows come in order with their lines; nothing is skipped."""
    found = rows(b"id,name\n" + b"".join(b"%d,x\n" % number for number in range(5000)))
    assert len(found) == 5000
    assert all(after.line - before.line == 1 for before, after in pairwise(found))
