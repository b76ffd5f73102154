"""Conditions hold for entities as clauses 4.9, 4.10, 4.17 and 4.19 say."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.ground.clock import from_iso, iso
from dothi.ground.errors import Invalid
from dothi.hub.language.geo import parse_geo
from dothi.hub.language.match import geo_matches, geo_test, matches, scope_matches, type_matches
from dothi.hub.language.nodes import Geo
from dothi.hub.language.q import parse_q
from dothi.hub.language.scope import parse_scope
from dothi.hub.language.types import parse_types
from dothi.hub.model import Entity, geo, json_prop, prop, rel, words

CREATED, MODIFIED = from_iso("2026-01-01T00:00:00Z"), from_iso("2026-02-01T00:00:00Z")
HA_NOI, HUE = [105.8342, 21.0278], [107.5847, 16.4637]
STATION = Entity(
    "urn:ngsi-ld:Station:1",
    ("Station",),
    {
        "pm25": prop(42, "2026-01-15T08:00:00Z", "GQ", accuracy=prop(0.9, "2026-01-15T09:00:00Z")),
        "name": prop("Trạm Đống Đa"),
        "on": prop(True),
        "colours": prop(["red", "blue"]),
        "address": prop({"city": "Huế", "geo": {"floor": 3}, "none": None}),
        "opened": prop("2020-05-01"),
        "typed": prop({"@type": "DateTime", "@value": "2021-01-01T00:00:00Z"}),
        "at": prop("12:30:00Z"),
        "owner": rel("urn:ngsi-ld:Unit:7", since=prop(2019)),
        "parts": rel(["urn:ngsi-ld:Part:1", "urn:ngsi-ld:Part:2"]),
        "label": words(vi="đỏ", en="red"),
        "tags": words(vi=["mèo", "đỏ"], en=["cat", "red"]),  # type: ignore[arg-type]  # Lists are allowed too.
        "raw": json_prop({"id": "85a6", "value": "Overstay 60 minutes", "nil": None}),
        "vocab": {"type": "VocabProperty", "vocab": "Male"},
        "steps": {"type": "ListProperty", "valueList": [1, 2, 3]},
        "links": {"type": "ListRelationship", "objectList": [{"object": "urn:x:1"}, {"object": "urn:x:2"}]},
        "speed": [prop(50), {**prop(80), "datasetId": "urn:d:2"}],
        "location": geo({"type": "Point", "coordinates": HA_NOI}),
    },
    ("/VN/01/Ba_Dinh",),
    CREATED,
    MODIFIED,
    3,
)


@pytest.mark.parametrize(
    ("q", "holds"),
    [
        # Existence
        ("pm25", True),
        ("pm10", False),
        ("pm25.accuracy", True),
        ("pm25.nothing", False),
        ("pm25.observedAt", True),
        ("name.observedAt", False),
        ("address[city]", True),
        ("address[none]", True),
        ("address[street]", False),
        ("address[city.deeper]", False),
        ("createdAt", True),
        ("label[vi]", True),
        ("label[fr]", False),
        # Equality by type
        ("pm25==42", True),
        ("pm25==42.0", True),
        ('pm25=="42"', False),
        ("on==true", True),
        ("on==1", False),
        ('on=="true"', False),
        ("pm25==40..45", True),
        ("pm25==43..45", False),
        ("pm25==1,42", True),
        ("pm25!=1,42", False),
        ("pm25!=42", False),
        ('pm25!="42"', True),
        ("pm25!=40..45", False),
        ("pm25!=43..45", True),
        ("pm10!=42", False),
        # Arrays
        ('colours=="red"', True),
        ('colours=="green","blue"', True),
        ('colours!="red"', False),
        ('colours!="green"', True),
        ('colours>"a"', False),
        ("steps==2", True),
        ("steps==9", False),
        # Inside values
        ('address[city]=="Huế"', True),
        ("address[geo.floor]>=3", True),
        ("address[geo.floor]>3", False),
        ('raw[value]=="Overstay 60 minutes"', True),
        ("raw[nil]", True),
        # Order
        ("pm25>41.9", True),
        ("pm25>42", False),
        ("pm25>=42", True),
        ("pm25<=42", True),
        ("pm25<42", False),
        ('name>"A"', True),
        ('pm25>"A"', False),
        ("on>0", False),
        # Time
        ("pm25.observedAt>=2026-01-15T08:00:00Z", True),
        ("pm25.observedAt>2026-01-15T08:00:00Z", False),
        ("pm25.observedAt==2026-01-15..2026-01-16", True),
        ("pm25.accuracy.observedAt>2026-01-15T08:30:00Z", True),
        ("opened<2021-01-01", True),
        ("opened==2020-05-01T00:00:00Z", True),
        ("name<2021-01-01", False),
        ("typed==2021-01-01T00:00:00Z", True),
        ("at>=12:00:00Z", True),
        ("at<12:00:00Z", False),
        ("createdAt<2026-01-01T00:00:01Z", True),
        ("modifiedAt==2026-02-01T00:00:00Z", True),
        ("pm25.modifiedAt==2026-02-01T00:00:00Z", True),
        ("pm25.createdAt<2026-02-01T00:00:00Z", False),
        # Sub-attributes
        ("pm25.accuracy>0.5", True),
        ('pm25.unitCode=="GQ"', True),
        ("owner.since==2019", True),
        # Relationships
        ("owner==urn:ngsi-ld:Unit:7", True),
        ('owner=="urn:ngsi-ld:Unit:7"', True),
        ('owner!="urn:ngsi-ld:Unit:7"', False),
        ('owner>"a"', False),
        ('owner~="urn"', False),
        ('parts=="urn:ngsi-ld:Part:2"', True),
        ('parts!="urn:ngsi-ld:Part:2"', False),
        ('links=="urn:x:2"', True),
        ('links=="urn:x:3"', False),
        # Languages
        ('label[vi]=="đỏ"', True),
        ('label[en]=="đỏ"', False),
        ('label[*]=="red"', True),
        ('label=="red"', True),
        ('label!="red"', False),
        ('label[vi]!="red"', True),
        ('tags[vi]=="mèo"', True),
        ('tags[*]=="cat"', True),
        ('tags!="cat"', False),
        # Vocabulary
        ('vocab=="Male"', True),
        # Patterns
        ('name~="^Trạm"', True),
        ('name~="Đống"', True),
        ('name!~="Đống"', False),
        ('name!~="Ba Đình"', True),
        ('pm25~="4"', False),
        ('pm25!~="9"', False),
        # Several instances: one suffices
        ("speed==80", True),
        ("speed==50", True),
        ("speed!=50", True),
        ("speed>80", False),
        # Logic
        ("pm25>40;on==true", True),
        ("pm25>50;on==true", False),
        ("pm25>50|on==true", True),
        ("pm25>50|(on==true;pm10)", False),
    ],
)
def test_q(q: str, holds: bool) -> None:
    """Each operator holds as clause 4.9 says, by the type of the target and of the value."""
    assert matches(parse_q(q), STATION) is holds


def test_an_instance_keeps_its_own_stamps() -> None:
    """An attribute that was changed before the entity's last change is found by its own time."""
    older = prop(1) | {"modifiedAt": iso(CREATED + 5)}
    entity = Entity("urn:x:1", ("T",), {"a": older}, (), CREATED, MODIFIED, 2)
    assert matches(parse_q("a.modifiedAt<2026-01-02"), entity)
    assert matches(parse_q("a.createdAt<2026-01-02"), entity)
    assert not matches(parse_q("modifiedAt<2026-01-02"), entity)


def test_a_hostile_pattern_takes_linear_time() -> None:
    """The classic patterns that hang backtracking engines answer at once on a long text."""
    entity = Entity("urn:x:1", ("T",), {"a": prop("a" * 100_000 + "!")})
    start = time.perf_counter()
    for pattern in ("^(a+)+$", "^(a|a)*$", "(.*a){20}b"):
        assert not matches(parse_q(f'a~="{pattern}"'), entity)
    assert time.perf_counter() - start < 5


JSON_VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.just("2026-99-99T00:00:00Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["city", "@value", "x"]), inner),
    max_leaves=6,
)
KEYS = {
    "Property": "value",
    "LanguageProperty": "languageMap",
    "JsonProperty": "json",
    "ListRelationship": "objectList",
}


@given(
    JSON_VALUES,
    st.sampled_from(sorted(KEYS)),
    st.sampled_from(["a==1", "a!=true", 'a>"x"', 'a[city]<="x"', "a==2026-01-01..2026-02-01", 'a~="x"', "a[*]==1"]),
)
def test_any_stored_value_can_be_asked(value: object, kind: str, q: str) -> None:
    """Whatever JSON stands in an attribute, a question about it has an answer."""
    entity = Entity("urn:x:1", ("T",), {"a": {"type": kind, KEYS[kind]: value}})
    assert matches(parse_q(q), entity) in (True, False)


@given(st.floats(allow_nan=False), st.floats(allow_nan=False), st.sampled_from(["==", "!=", "<", "<=", ">", ">="]))
def test_opposites(value: float, wanted: float, op: str) -> None:
    """For a single number an operator and its opposite never agree."""
    opposite = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}[op]
    entity = Entity("urn:x:1", ("T",), {"a": prop(value)})
    if abs(wanted) == float("inf"):
        return
    assert matches(parse_q(f"a{op}{wanted!r}"), entity) != matches(parse_q(f"a{opposite}{wanted!r}"), entity)


@pytest.mark.parametrize(
    ("selection", "types", "selected"),
    [
        ("Building|House", ("House",), True),
        ("Building,House", ("Home",), False),
        ("(Home;Vehicle)", ("Home", "Vehicle"), True),
        ("(Home;Vehicle)", ("Home",), False),
        ("(Home;Vehicle)|Motorhome", ("Motorhome",), True),
        ("(Home;Vehicle),Motorhome", ("Vehicle",), False),
    ],
)
def test_types(selection: str, types: tuple[str, ...], selected: bool) -> None:
    """The examples of clause 4.17 select what they say."""
    assert type_matches(parse_types(selection), types) is selected


@pytest.mark.parametrize(
    ("query", "scopes", "selected"),
    [
        ("/Madrid", ["/Madrid"], True),
        ("/Madrid", ["/Madrid/Gardens"], False),
        ("/Madrid", ["Madrid"], True),
        ("/Madrid/Gardens/#", ["/Madrid/Gardens"], True),
        ("/Madrid/Gardens/#", ["/Madrid/Gardens/ParqueNorte/Parterre1"], True),
        ("/Madrid/Gardens/#", ["/Madrid"], False),
        ("/Madrid/+/ParqueNorte", ["/Madrid/Sights/ParqueNorte"], True),
        ("/Madrid/+/ParqueNorte", ["/Madrid/ParqueNorte"], False),
        ("/+/Gardens/#", ["/Madrid/Gardens/A/B"], True),
        ("/#", ["/Anything/at/all"], True),
        ("/#", [], False),
        ("(/Madrid/Districts;/CompanyA)", ["/Madrid/Districts", "/CompanyA"], True),
        ("(/Madrid/Districts;/CompanyA)", ["/CompanyA"], False),
        ("(/Madrid/Districts;/CompanyA)|CompanyB", ["/CompanyB"], True),
        ("(/Madrid/Districts;/CompanyA),CompanyB", ["/Madrid/Districts"], False),
        ("/VN/01/00004", ["/VN/01/00004"], True),
    ],
)
def test_scopes(query: str, scopes: list[str], selected: bool) -> None:
    """The examples of clause 4.19 select what they say."""
    assert scope_matches(parse_scope(query), scopes) is selected


AROUND_HA_NOI = "[[[105.5,20.5],[106.5,20.5],[106.5,21.5],[105.5,21.5],[105.5,20.5]]]"


@pytest.mark.parametrize(
    ("georel", "geometry", "coordinates", "holds"),
    [
        ("near;maxDistance==2000", "Point", "[105.84,21.03]", True),
        ("near;maxDistance==100", "Point", "[105.84,21.03]", False),
        ("near;minDistance==500000", "Point", str(HUE), True),
        ("near;minDistance==600000", "Point", str(HUE), False),
        ("near;maxDistance==1", "Polygon", AROUND_HA_NOI, True),
        ("near;minDistance==1", "Polygon", AROUND_HA_NOI, False),
        ("within", "Polygon", AROUND_HA_NOI, True),
        ("intersects", "Polygon", AROUND_HA_NOI, True),
        ("contains", "Polygon", AROUND_HA_NOI, False),
        ("contains", "Point", str(HA_NOI), True),
        ("equals", "Point", str(HA_NOI), True),
        ("equals", "Point", str(HUE), False),
        ("disjoint", "Point", str(HUE), True),
        ("disjoint", "Polygon", AROUND_HA_NOI, False),
        ("overlaps", "Polygon", AROUND_HA_NOI, False),
    ],
)
def test_geo(georel: str, geometry: str, coordinates: str, holds: bool) -> None:
    """A station in Hà Nội answers each relation of clause 4.10 as the map does."""
    assert geo_matches(parse_geo(georel, geometry, coordinates), STATION) is holds


def test_relations_have_a_direction() -> None:
    """Within and contains ask for the entity's side of the relation, overlaps for partial covering."""
    outer, inner = square(0, 10), square(2, 3)
    assert geo_matches(Geo("contains", inner), area(outer))
    assert not geo_matches(Geo("within", inner), area(outer))
    assert geo_matches(Geo("within", outer), area(inner))
    assert geo_matches(Geo("overlaps", square(5, 15)), area(outer))


def test_no_geoproperty_no_match() -> None:
    """An entity without the asked GeoProperty matches nothing, not even disjoint; any instance suffices."""
    assert not geo_matches(parse_geo("disjoint", "Point", HUE, "operationSpace"), STATION)
    assert not geo_matches(parse_geo("disjoint", "Point", HUE, "name"), STATION)
    two = [geo({"type": "Point", "coordinates": HA_NOI}), geo({"type": "Point", "coordinates": HUE})]
    test = geo_test(parse_geo("near;maxDistance==10", "Point", HUE))
    assert test(Entity("urn:x:1", ("T",), {"location": two}))


def square(low: float, high: float) -> dict[str, Any]:
    ring = [[low, low], [high, low], [high, high], [low, high], [low, low]]
    return {"type": "Polygon", "coordinates": [ring]}


def area(geometry: dict[str, Any]) -> Entity:
    return Entity("urn:x:1", ("T",), {"location": geo(geometry)})


RINGS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=3, max_size=6).map(
    lambda ring: {"type": "Polygon", "coordinates": [[list(place) for place in [*ring, ring[0]]]]}
)


@given(RINGS, RINGS, st.sampled_from(["within", "contains", "intersects", "equals", "disjoint", "overlaps", "near"]))
def test_crossed_outlines_answer_too(reference: dict[str, Any], target: dict[str, Any], relation: str) -> None:
    """Degenerate and self-crossing polygons, as raw data have them, never break a query."""
    far = 1000.0 if relation == "near" else None
    assert geo_matches(Geo(relation, reference, far), area(target)) in (True, False)


def test_patterns_are_checked_where_they_are_used() -> None:
    """A tree built by hand with a bad pattern is refused as well."""
    with pytest.raises(Invalid):
        parse_q('a~="(?<=x)y"')
