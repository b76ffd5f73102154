"""The q language is read as clause 4.9 writes it, and refused with the place of the mistake."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dothi.ground.clock import from_iso
from dothi.ground.errors import Invalid, TooComplex
from dothi.hub.language.nodes import And, Between, Compare, Condition, Exists, Moment, Or
from dothi.hub.language.q import OPERATORS, parse_q

A, B, C = (Exists((name,)) for name in "abc")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("temperature", Exists(("temperature",))),
        ("temperature==20", Compare(("temperature",), "==", 20)),
        ("temperature==-2.5e1", Compare(("temperature",), "==", -25.0)),
        ('brandName!="Mercedes"', Compare(("brandName",), "!=", "Mercedes")),
        (
            'isParked=="urn:ngsi-ld:OffStreetParking:Downtown1"',
            Compare(("isParked",), "==", "urn:ngsi-ld:OffStreetParking:Downtown1"),
        ),
        ("isParked==urn:ngsi-ld:Spot:1", Compare(("isParked",), "==", "urn:ngsi-ld:Spot:1")),
        ("color!=http://example.com/red", Compare(("color",), "!=", "http://example.com/red")),
        ("on==true", Compare(("on",), "==", True)),
        ("t==10..20", Compare(("t",), "==", Between(10, 20))),
        ('t!="a".."c"', Compare(("t",), "!=", Between("a", "c"))),
        ('color=="black", "red"', Compare(("color",), "==", ("black", "red"))),
        ("a==1,true,2.5", Compare(("a",), "==", (1, True, 2.5))),
        ('address[city]=="Huế"', Compare(("address",), "==", "Huế", ("city",))),
        (
            "sensor.rawdata[airquality.particulate]==40",
            Compare(("sensor", "rawdata"), "==", 40, ("airquality", "particulate")),
        ),
        ('color[*]=="red"', Compare(("color",), "==", "red", ("*",))),
        ('color[zh-Hans]=="red"', Compare(("color",), "==", "red", ("zh-Hans",))),
        ('name~="^Merc(edes)?$"', Compare(("name",), "~=", "^Merc(edes)?$")),
        ("name!~=^(a|b);c", And((Compare(("name",), "!~=", "^(a|b)"), C))),
        ("(name~=[;|)]x)", Compare(("name",), "~=", "[;|)]x")),
        ("at==12:30:00Z", Compare(("at",), "==", "12:30:00Z")),
        ("đường.độRộng>3", Compare(("đường", "độRộng"), ">", 3)),
        ("ngsi:speed>50", Compare(("ngsi:speed",), ">", 50)),
        ("a;b|c", Or((And((A, B)), C))),
        ("a|b;c", Or((A, And((B, C))))),
        ("(a|b);c", And((Or((A, B)), C))),
        (
            '((speed>50|rpm>3000);brandName=="Mercedes")',
            And(
                (
                    Or((Compare(("speed",), ">", 50), Compare(("rpm",), ">", 3000))),
                    Compare(("brandName",), "==", "Mercedes"),
                )
            ),
        ),
        (
            "temperature.observedAt>=2017-12-24T12:00:00Z",
            Compare(
                ("temperature", "observedAt"), ">=", Moment("2017-12-24T12:00:00Z", from_iso("2017-12-24T12:00:00Z"))
            ),
        ),
        ("d<2026-02-17", Compare(("d",), "<", Moment("2026-02-17", from_iso("2026-02-17")))),
        (
            "d==2026-01-01..2026-02-01",
            Compare(
                ("d",),
                "==",
                Between(Moment("2026-01-01", from_iso("2026-01-01")), Moment("2026-02-01", from_iso("2026-02-01"))),
            ),
        ),
    ],
)
def test_what_the_clause_writes(text: str, tree: Condition) -> None:
    """The examples of clause 4.9, and each production of its grammar, give the tree that they mean."""
    assert parse_q(text) == tree


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("", 1, "an attribute name"),
        ("1a", 1, "an attribute name"),
        ("a;", 3, "an attribute name"),
        ("a..b", 3, "an attribute name"),
        ("a b", 3, "; or | or the end"),
        ("a=1", 2, "; or | or the end"),
        ("(a", 3, "the closing )"),
        ("a)", 2, "; or | or the end"),
        ("a==", 4, "a number"),
        ("a==abc", 4, "quotes"),
        ('a=="open', 4, "a number"),
        ('a=="\\x"', 4, "as JSON writes it"),
        ("a>true", 3, "one number"),
        ("a>1..2", 3, "one number"),
        ("a>1,2", 4, "; or | or the end"),
        ("a==1..", 7, "a number"),
        ('a==1.."b"', 4, "a range of two"),
        ("a==true..true", 4, "a range of two"),
        ("a==1e999", 4, "double"),
        ("a==2026-02-30", 4, "calendar"),
        ("a~=", 4, "a regular expression"),
        ("a[]", 3, "member names"),
        ("a[b", 3, "member names"),
        ("a[b][c]==1", 5, "; or | or the end"),
        ("a." * 16 + "a", 34, "at most 16"),
    ],
)
def test_mistakes_are_located(text: str, position: int, expected: str) -> None:
    """A mistake is Invalid with its position, counted from 1, and with what was expected there."""
    with pytest.raises(Invalid) as caught:
        parse_q(text)
    assert caught.value.fields["position"] == position
    assert expected in caught.value.detail


@pytest.mark.parametrize("pattern", ['"["', '"(a"', r'"(.)\\1"', '"a{1000}{1000}"', '"' + "a" * 600 + '"'])
def test_bad_patterns(pattern: str) -> None:
    """A pattern that is none, that is not linear or that is too large is Invalid before any entity is read."""
    with pytest.raises(Invalid):
        parse_q(f"a~={pattern}")


def test_limits() -> None:
    """Texts too long, too deep or of too many terms are refused as too complex, without a deep stack."""
    for text in ("a" * 20_000, "(" * 10_000 + "a", "(" * 33 + "a" + ")" * 33, ";".join(["a"] * 513)):
        with pytest.raises(TooComplex):
            parse_q(text)
    assert parse_q("(" * 32 + "a" + ")" * 32) == A


def test_names_are_expanded_and_values_are_not() -> None:
    """Each name of the path is expanded, the trail is not, and values are only for attributes in expand_values."""
    assert parse_q('a.b[c]=="d"', str.upper) == Compare(("A", "B"), "==", "d", ("c",))
    assert parse_q("gender==Male", str.upper, {"gender"}) == Compare(("GENDER",), "==", "MALE")
    assert parse_q('gender=="male","x"', str.upper, {"gender"}) == Compare(("GENDER",), "==", ("MALE", "X"))


NAMES = st.sampled_from(["a", "pm25", "đường", "x_1", "ns:a"])
SCALARS = (
    st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
)
COMPARES = st.builds(
    Compare,
    st.lists(NAMES, min_size=1, max_size=3).map(tuple),
    st.sampled_from(["==", "!="]),
    SCALARS | st.lists(SCALARS, min_size=2, max_size=3).map(tuple),
    st.lists(st.sampled_from(["city", "PM2-5", "*"]), max_size=2).map(tuple),
)
TREES = st.recursive(
    COMPARES,
    lambda inner: st.lists(inner, min_size=2, max_size=3).flatmap(
        lambda terms: st.sampled_from([And(tuple(terms)), Or(tuple(terms))])
    ),
    max_leaves=8,
)


def written(tree: Condition) -> str:
    """A tree as text, with parentheses around each association."""
    if isinstance(tree, And | Or):
        return "(" + (";" if isinstance(tree, And) else "|").join(written(term) for term in tree.terms) + ")"
    assert isinstance(tree, Compare)
    values = tree.value if isinstance(tree.value, tuple) else (tree.value,)
    trail = f"[{'.'.join(tree.trail)}]" if tree.trail else ""
    return f"{'.'.join(tree.path)}{trail}{tree.op}{','.join(json.dumps(value) for value in values)}"


@given(TREES)
def test_round_trip(tree: Condition) -> None:
    """A tree written as text is read as the same tree."""
    assert parse_q(written(tree)) == tree


PIECES = st.sampled_from(
    [
        *OPERATORS,
        *';|(),".[]{}\\*-+:',
        "..",
        "a",
        "b",
        "1",
        "0.5",
        "1e9",
        "true",
        "2026-01-01",
        "T00:00:00Z",
        '"x"',
        "ế",
    ]
)


@given(st.text() | st.lists(PIECES, max_size=14).map("".join))
@example("a==\ud800")
@example('a=="\ud800"')
@example("a~=\ud800")
@example("a==" + "9" * 5000)
@example("a==0000-00-00")
@example("a~=\\")
def test_fuzz(text: str) -> None:
    """Whatever is sent gives a tree or a clear refusal, never anything else."""
    try:
        parse_q(text)
    except Invalid as refusal:
        assert refusal.detail  # noqa: PT017  # A refusal is fine, silence is not.
