"""The ordering language and its collations (clause 4.23): read, refused, and what comes before what."""

import pytest

from dothi.ground.errors import Invalid, Unsupported
from dothi.hub.language import collation as collations
from dothi.hub.language.collation import approximate, collation
from dothi.hub.language.nodes import Order
from dothi.hub.language.order import parse_order
from dothi.hub.model import Entity, Instance, geo, prop, rel
from dothi.hub.read.ordering import ordered


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("name", Order(("name",))),
        ("age;desc", Order(("age",), descending=True)),
        ("age;asc", Order(("age",))),
        ("address[city]", Order(("address",), ("city",))),
        ("name.observedAt;desc", Order(("name", "observedAt"), (), True)),
        ("location;dist-asc", Order(("location",), distance=True)),
        ("location;dist-desc", Order(("location",), (), True, True)),
        ("id", Order(("id",))),
    ],
)
def test_terms(text: str, order: Order) -> None:
    """A term is a path as q writes it, with a direction after a semicolon."""
    assert parse_order([text], [8, 40]).terms == (order,)


@pytest.mark.parametrize(
    "text", ["", "name;up", ";desc", "a b", "r{a}", "id.name", "type;dist-asc", "a;asc;desc", "a[", "1a"]
)
def test_bad_terms(text: str) -> None:
    """What is no path, no direction, or a distance of what has none, is Invalid."""
    with pytest.raises(Invalid):
        parse_order([text], [8, 40])


def test_a_distance_needs_a_place() -> None:
    """Sorting by distance without a place, or from what is no geometry, is Invalid; a line needs its type."""
    for origin, geometry in ((None, None), ("8,40", None), ([[8, 40], [9, 42]], None), ([8, 40], "Circle")):
        with pytest.raises(Invalid):
            parse_order(["location;dist-asc"], origin, geometry)
    found = parse_order(["location;dist-asc"], "[[8,40],[9,42]]", "LineString").origin
    assert found == {"type": "LineString", "coordinates": [[8, 40], [9, 42]]}


def test_names_are_expanded_but_members_are_not() -> None:
    """id, type and scope stay as they are; attributes and sub-attributes are names of the @context."""
    terms = parse_order(["id", "a.b[c]"], expand=str.upper).terms
    assert [(one.path, one.trail) for one in terms] == [(("id",), ()), (("A", "B"), ("c",))]


@pytest.mark.parametrize("tag", ["!!nope", "not a tag", "", "x" * 200, "a-b", "vi--x"])
def test_no_collation(tag: str) -> None:
    """What is no language tag is Invalid, never silently another order."""
    if tag:
        with pytest.raises(Invalid):
            parse_order(["name"], language=tag)
        with pytest.raises(Invalid):
            collation(tag)


WORDS = ["Zebra", "Ähre", "A", "b", "á", "a", "đường", "dưa", "Đà", "da"]


def test_root_collation_is_the_default() -> None:
    """Marks and capitals decide among equal letters only; đ stands with d."""
    expected = ["a", "A", "á", "Ähre", "b", "da", "Đà", "dưa", "đường", "Zebra"]
    assert sorted(WORDS, key=collation()) == expected
    assert sorted(WORDS, key=collation("und")) == expected
    assert sorted(WORDS, key=approximate) == expected


def test_collations_of_languages() -> None:
    """Vietnamese sorts đ after d, a German phone book ä as ae, numeric collation 9 before 10."""
    if collations._icu() is None:
        pytest.skip("This machine has no ICU library.")
    assert sorted(["đa", "dưa", "da"], key=collation("vi")) == ["da", "dưa", "đa"]
    assert sorted(["Af", "Äe", "Ad"], key=collation("de-u-co-phonebk")) == ["Ad", "Äe", "Af"]
    assert sorted(["t10", "t9"], key=collation("und-u-kn-true")) == ["t9", "t10"]
    with pytest.raises(Invalid):
        collation("und-u-ks-nosuch")


def test_without_icu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without ICU sorts by the approximation, and says that it cannot where a language is asked for."""
    monkeypatch.setattr(collations, "_icu", lambda: None)
    collation.cache_clear()
    assert collation() is approximate
    with pytest.raises(Unsupported):
        collation("vi")
    collation.cache_clear()


def thing(name: str, **attrs: Instance | list[Instance]) -> tuple[int, Entity]:
    """An entity with its key."""
    return int(name), Entity(f"urn:x:{name}", ("Thing",), dict(attrs), created_at=int(name))


MIXED = [
    thing("1"),
    thing("2", v=prop("2026-01-01T00:00:00Z")),
    thing("3", v=prop("2025-01-01")),
    thing("4", v=prop("10:00:00Z")),
    thing("5", v=prop(True)),
    thing("6", v=prop([1, 2])),
    thing("7", v=prop({"a": 1})),
    thing("8", v=prop("text")),
    thing("9", v=prop(7)),
    thing("10", v=prop(-1.5)),
    thing("11", v=prop("2025-12-31T23:00:00-05:00")),  # Later than the second, whatever its text says.
]


def test_kinds_of_values_have_an_order() -> None:
    """Numbers, texts, objects, arrays, truths, times, dates, moments, and last what is absent (clause 4.23.2)."""
    found = ordered(MIXED, parse_order(["v"]))
    assert found == [10, 9, 8, 7, 6, 5, 4, 3, 2, 11, 1]


def test_what_is_absent_comes_last_in_both_directions() -> None:
    """Descending turns the values round; entities without one stay at the end."""
    assert ordered(MIXED, parse_order(["v;desc"]))[-1] == 1
    assert ordered(MIXED, parse_order(["v;desc"]))[:2] == [11, 2]


def test_several_terms() -> None:
    """Those equal by the first term are sorted by the next; those equal by all stay as they came."""
    found = [thing("1", a=prop("x"), b=prop(1)), thing("2", a=prop("x"), b=prop(2)), thing("3", a=prop("w"), b=prop(1))]
    assert ordered(found, parse_order(["a", "b;desc"])) == [3, 2, 1]
    assert ordered(found, parse_order(["type"])) == [1, 2, 3]
    assert ordered(found, parse_order(["id;desc"])) == [3, 2, 1]
    assert ordered(found, parse_order(["createdAt;desc"])) == [3, 2, 1]


def test_the_default_instance_counts() -> None:
    """Of several instances the one without datasetId is compared; objects of relationships are texts."""
    two: list[Instance] = [{**prop(9), "datasetId": "urn:x:d"}, prop(1)]
    assert ordered([thing("1", a=prop(5)), thing("2", a=two)], parse_order(["a"])) == [2, 1]
    assert ordered([thing("1", a=rel("urn:b")), thing("2", a=rel("urn:a"))], parse_order(["a"])) == [2, 1]


def test_distances() -> None:
    """Nearest first or last, measured on the sphere from a point or a line; what is no place comes after places."""
    here = {"type": "Point", "coordinates": [8.01, 40.0]}
    there = {"type": "Point", "coordinates": [10.0, 40.0]}
    found = [thing("1", at=geo(there)), thing("2", at=prop("no place")), thing("3", at=geo(here)), thing("4")]
    assert ordered(found, parse_order(["at;dist-asc"], [8, 40])) == [3, 1, 2, 4]
    assert ordered(found, parse_order(["at;dist-asc"], [[10, 39], [10, 41]], "LineString")) == [1, 3, 2, 4]
    assert ordered(found, parse_order(["at;dist-desc"], [8, 40]))[-1] == 4
