"""Which registrations an operation concerns (GS CIM 009 clauses 4.20, 4.3.6.4 and 5.12)."""

from typing import Any

import pytest

from dothi.ground.errors import Invalid
from dothi.hub.language.geo import parse_geo
from dothi.hub.language.nodes import Window
from dothi.hub.language.scope import parse_scope
from dothi.hub.language.time import parse_window
from dothi.hub.language.types import parse_types
from dothi.hub.model import ANONYMOUS
from dothi.hub.peers.federate.matching import Match, Selector, Wanted, match
from dothi.hub.peers.federate.operations import GROUPS, OPERATIONS, expanded
from dothi.hub.peers.federate.registrations import Registration, registration_of
from dothi.hub.peers.records import Record

SENSOR = {"type": "Sensor"}


def registered(*entities: dict[str, Any], names: tuple[str, ...] = (), **more: Any) -> Registration:
    part: dict[str, Any] = {"entities": list(entities)} if entities else {}
    part |= {"propertyNames": list(names)} if names else {}
    document = {"endpoint": "http://there/", "information": [part], **more}
    return registration_of(Record("urn:r:1", "", document, ANONYMOUS, 0, 0, 1))


def wanted(types: str = "", *ids: str, pattern: str | None = None, **more: Any) -> Wanted:
    selector = Selector(parse_types(types) if types else None, ids, pattern)
    return Wanted((selector,), **more)


@pytest.mark.parametrize(
    ("entities", "asked", "concerned"),
    [
        ([SENSOR], wanted("Sensor"), True),
        ([SENSOR], wanted("Car"), False),
        ([SENSOR], wanted("Car,Sensor"), True),
        ([SENSOR], wanted("Sensor;Car"), False),
        ([{"type": ["Sensor", "Car"]}], wanted("Sensor;Car"), True),
        ([SENSOR], wanted("", "urn:s:1"), True),
        ([SENSOR | {"id": "urn:s:1"}], wanted("", "urn:s:1", "urn:s:2"), True),
        ([SENSOR | {"id": "urn:s:1"}], wanted("", "urn:s:2"), False),
        ([SENSOR | {"idPattern": "^urn:s"}], wanted("", "urn:s:2"), True),
        ([SENSOR | {"idPattern": "^urn:s"}], wanted("", "urn:x:2"), False),
        ([SENSOR | {"id": "urn:s:1"}], wanted("Sensor", pattern="s:1$"), True),
        ([SENSOR | {"id": "urn:s:1"}], wanted("Sensor", pattern="s:2$"), False),
        ([SENSOR | {"idPattern": "^urn:s"}], wanted("Sensor", pattern="^urn:x"), True),
        ([SENSOR | {"id": "urn:s:1", "idPattern": ".*"}], wanted("", "urn:s:2"), False),
        ([{"type": "Car"}, SENSOR], wanted("Sensor"), True),
        ([], wanted("Sensor", "urn:s:1"), True),
    ],
)
def test_entities_match_as_the_clause_says(entities: list[dict[str, Any]], asked: Wanted, concerned: bool) -> None:
    """Types, ids and patterns are compared as clause 5.12 lists it; an id goes before a pattern (5.2.8)."""
    found = match(registered(*entities, names=("pm25",)), asked)
    assert (found is not None) is concerned


@pytest.mark.parametrize(
    ("names", "asked", "concerned"),
    [
        ((), {"pm25"}, True),
        (("pm25", "pm10"), {"pm25", "x"}, True),
        (("pm10",), {"pm25"}, False),
        (("a",), set(), True),
    ],
)
def test_attributes_match_as_the_clause_says(names: tuple[str, ...], asked: set[str], concerned: bool) -> None:
    """No attributes on either side are all of them; else one in common suffices."""
    found = match(registered(SENSOR, names=names), wanted("Sensor", attrs=frozenset(asked)))
    assert (found is not None) is concerned


def test_only_the_matching_parts_count() -> None:
    """Entities of one part and attributes of another do not make a match; the match tells what may be asked for."""
    parts = [
        {"entities": [SENSOR | {"id": "urn:s:1"}], "propertyNames": ["pm25"]},
        {"entities": [{"type": "Car", "idPattern": "^urn:c"}], "relationshipNames": ["driver"]},
    ]
    both = registration_of(
        Record("urn:r:1", "", {"endpoint": "http://there", "information": parts}, ANONYMOUS, 0, 0, 1)
    )
    assert match(both, wanted("Sensor", attrs=frozenset({"driver"}))) is None
    found = match(both, wanted("Sensor", attrs=frozenset({"pm25", "pm10"})))
    assert isinstance(found, Match)
    assert found.types() == {"Sensor"}
    assert found.attrs(frozenset({"pm25", "pm10"})) == {"pm25"}
    assert found.attrs() == {"pm25"}
    assert found.ids(["urn:s:1", "urn:s:2"]) == ("urn:s:1",)


def test_datasets_exclude_only_when_both_sides_name_others() -> None:
    """A datasetId on one side alone is no limit (clause 5.12)."""
    of_one = registered(SENSOR, datasetId=["urn:d:1"])
    for datasets, concerned in ((set(), True), ({"urn:d:1", "urn:d:2"}, True), ({"urn:d:2"}, False)):
        assert (match(of_one, wanted("Sensor", datasets=frozenset(datasets))) is not None) is concerned


def test_who_was_passed_is_not_asked_again() -> None:
    """A registration whose alias stands in Via does not match (clause 4.3.6.4)."""
    there = registered(SENSOR, contextSourceAlias="there~hue")
    assert match(there, wanted("Sensor", met=frozenset({"there~hue"}))) is None
    assert match(there, wanted("Sensor", met=frozenset({"there"}))) is not None


BEFORE_2021, AFTER_2023 = ("before", "2021-01-01T00:00:00Z"), ("after", "2023-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("interval", "window", "concerned"),
    [
        (None, None, True),
        (None, parse_window(*AFTER_2023), False),
        ("observationInterval", None, False),
        ("observationInterval", parse_window(*BEFORE_2021), False),
        ("observationInterval", parse_window(*AFTER_2023), False),
        ("observationInterval", parse_window("before", "2021-07-01T00:00:00Z"), True),
        ("observationInterval", parse_window("after", "2021-07-01T00:00:00Z"), True),
        ("observationInterval", parse_window("between", "2020-01-01T00:00:00Z", "2021-04-01T00:00:00Z"), True),
        ("observationInterval", parse_window("between", "2022-07-01T00:00:00Z", "2023-04-01T00:00:00Z"), False),
        ("observationInterval", parse_window("before", "2021-07-01T00:00:00Z", None, "modifiedAt"), False),
        ("managementInterval", parse_window("before", "2021-07-01T00:00:00Z", None, "modifiedAt"), True),
    ],
)
def test_times_match_as_the_clause_says(interval: str | None, window: Window | None, concerned: bool) -> None:
    """What is now and what was are registered apart; intervals must overlap (clauses 5.9.1 and 5.10.2.4)."""
    span = {"startAt": "2021-03-01T00:00:00Z", "endAt": "2022-03-01T00:00:00Z"}
    one = registered(SENSOR, **({interval: span} if interval else {}))
    assert (match(one, wanted("Sensor", window=window)) is not None) is concerned


SQUARE = {
    "type": "Polygon",
    "coordinates": [[[107.0, 16.0], [108.0, 16.0], [108.0, 17.0], [107.0, 17.0], [107.0, 16.0]]],
}


@pytest.mark.parametrize(
    ("relation", "coordinates", "concerned"),
    [
        ("near;maxDistance==1000", [107.5, 16.5], True),
        ("near;maxDistance==1000", [106.0, 16.5], False),
        ("near;maxDistance==200000", [106.0, 16.5], True),
        ("near;minDistance==1000", [107.5, 16.5], True),
        ("contains", [107.5, 16.5], True),
        ("contains", [109.5, 16.5], False),
        ("disjoint", [107.5, 16.5], True),
    ],
)
def test_a_space_matches_when_it_may_hold_a_place(relation: str, coordinates: list[float], concerned: bool) -> None:
    """The geo-query is compared with the space that a source names (clause 5.10.2.4); who names none may have any."""
    geo = parse_geo(relation, "Point", coordinates)
    assert (match(registered(SENSOR, location=SQUARE), wanted("Sensor", geo=geo)) is not None) is concerned
    assert match(registered(SENSOR), wanted("Sensor", geo=geo)) is not None
    assert match(registered(SENSOR), wanted("Sensor", geo=geo, strict=True)) is None


def test_scopes_match() -> None:
    """The scope query is compared with the scopes that a source names."""
    scope = parse_scope("/VN/46/#")
    assert match(registered(SENSOR, scope="/VN/46/19825"), wanted("Sensor", scope=scope)) is not None
    assert match(registered(SENSOR, scope=["/VN/48"]), wanted("Sensor", scope=scope)) is None
    assert match(registered(SENSOR), wanted("Sensor", scope=scope)) is not None


def test_groups_stand_for_operations() -> None:
    """Groups name operations of table 4.20-1; without any, a source offers federationOps."""
    for group, members in GROUPS.items():
        assert members <= OPERATIONS, group
    assert registered(SENSOR).offers("queryEntity")
    assert not registered(SENSOR).offers("createEntity")
    assert registered(SENSOR, operations=["retrieveOps", "createBatch"]).operations == {
        "retrieveEntity",
        "queryEntity",
        "createBatch",
    }
    with pytest.raises(Invalid, match="grindCoffee"):
        expanded(["grindCoffee"])
