"""Type selections, scope queries and geo-queries are read as the clauses write them, or refused clearly."""

import math
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dothi.ground.errors import Invalid, TooComplex
from dothi.hub.language.geo import parse_geo
from dothi.hub.language.nodes import Geo, ScopeAnd, ScopeIs, ScopeOr, TypeAnd, TypeIs, TypeOr
from dothi.hub.language.scope import parse_scope
from dothi.hub.language.types import parse_types

HOME, VEHICLE, MOTOR = TypeIs("Home"), TypeIs("Vehicle"), TypeIs("Motorhome")


def test_types() -> None:
    """Comma and bar are "or", the semicolon is "and"; URIs and nested parentheses are read too."""
    assert parse_types("Home") == HOME
    assert parse_types("Home,Vehicle") == parse_types("Home|Vehicle") == TypeOr((HOME, VEHICLE))
    assert parse_types("(Home;Vehicle)|Motorhome") == TypeOr((TypeAnd((HOME, VEHICLE)), MOTOR))
    assert parse_types("((Home,Vehicle);Motorhome)") == TypeAnd((TypeOr((HOME, VEHICLE)), MOTOR))
    assert parse_types("https://example.org/a#B") == TypeIs("https://example.org/a#B")
    assert parse_types("home", str.upper) == TypeIs("HOME")


def test_scopes() -> None:
    """A scope always stands with its leading slash; wildcards stay in the pattern."""
    assert parse_scope("/A/B") == parse_scope("A/B") == ScopeIs("/A/B")
    assert parse_scope("/A/+/C,/D/#") == ScopeOr((ScopeIs("/A/+/C"), ScopeIs("/D/#")))
    assert parse_scope("(/A;/B)|C") == ScopeOr((ScopeAnd((ScopeIs("/A"), ScopeIs("/B"))), ScopeIs("/C")))
    assert parse_scope("/#") == ScopeIs("/#")


@pytest.mark.parametrize("text", ["", ",", "A,", "(A", "A)", "A B", ";A", "1", "()"])
def test_wrong_types(text: str) -> None:
    """A type selection that is none is Invalid with a position."""
    with pytest.raises(Invalid, match="at character"):
        parse_types(text)


@pytest.mark.parametrize("text", ["", "/", "//", "/A//B", "/A/", "/A-B", "/#/A", "/A/#/B", "#", "/A+", "(/A", "/A;"])
def test_wrong_scopes(text: str) -> None:
    """A scope query that is none is Invalid with a position."""
    with pytest.raises(Invalid, match="at character"):
        parse_scope(text)


@pytest.mark.parametrize("parse", [parse_types, parse_scope])
@given(text=st.text() | st.text("AB/+#,;|()", max_size=12))
@example(text="(" * 5000)
@example(text="\ud800")
def test_fuzz(parse: Callable[[str], object], text: str) -> None:
    """Whatever is sent gives a tree, or Invalid, or TooComplex."""
    try:
        assert parse(text)
    except Invalid as refusal:
        assert refusal.detail  # noqa: PT017


def test_too_long() -> None:
    """A text beyond the limit is not even read."""
    with pytest.raises(TooComplex):
        parse_types("A" * 20_000)


def test_geo() -> None:
    """The parameters of clause 4.10 become one value; distances are metres."""
    point = {"type": "Point", "coordinates": [8, 40]}
    assert parse_geo("near;maxDistance==2000", "Point", "[8,40]") == Geo("near", point, 2000.0)
    assert parse_geo("near;minDistance==1.5e3", "Point", [8, 40]) == Geo("near", point, None, 1500.0)
    assert parse_geo("disjoint", "Point", "[8,40]", "place", str.upper) == Geo("disjoint", point, attribute="PLACE")


@pytest.mark.parametrize(
    ("georel", "geometry", "coordinates"),
    [
        ("near", "Point", "[8,40]"),
        ("near;maxDistance==0", "Point", "[8,40]"),
        ("near;maxDistance==-5", "Point", "[8,40]"),
        ("near;maxDistance=5", "Point", "[8,40]"),
        ("near;maxDistance==1e999", "Point", "[8,40]"),
        ("near;maxDistance==5;minDistance==1", "Point", "[8,40]"),
        ("beside", "Point", "[8,40]"),
        ("within", "GeometryCollection", "[8,40]"),
        ("within", "Point", "8,40"),
        ("within", "Point", "[800,40]"),
        ("within", "Point", "[" * 100_000),
        ("within", "Polygon", "[[[0,0],[1,0],[1,1]]]"),
        ("within", "Polygon", "[[[0,0],[1,0],[1,1],[0,1]]]"),
        ("within", "Point", [math.nan, 0]),
    ],
)
def test_wrong_geo(georel: str, geometry: str, coordinates: str | list[float]) -> None:
    """A geo-query with a wrong relation, distance, type or coordinates is Invalid."""
    with pytest.raises(Invalid):
        parse_geo(georel, geometry, coordinates)


@given(st.text(max_size=30), st.text(max_size=10), st.text(max_size=20))
def test_geo_fuzz(georel: str, geometry: str, coordinates: str) -> None:
    """Whatever is sent as a geo-query is Invalid or one."""
    try:
        parse_geo(georel, geometry, coordinates)
    except Invalid as refusal:
        assert refusal.detail  # noqa: PT017
