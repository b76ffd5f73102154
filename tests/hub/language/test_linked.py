"""Conditions on linked entities (clause 4.9, examples 13 and 14): read, counted, followed as far as allowed."""

from collections.abc import Iterable, Sequence

import pytest

from dothi.ground.errors import Invalid
from dothi.hub.language.match import Follow, attributes, depth, matches, objects
from dothi.hub.language.nodes import Compare, Condition, Exists, Linked
from dothi.hub.language.q import parse_q
from dothi.hub.model import Entity, Instance, prop, rel

HUMIDITY = Compare(("humidity",), "==", 40)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("sensor{humidity}==40", Linked("sensor", HUMIDITY)),
        ("sensor{Device:humidity}==40", Linked("sensor", HUMIDITY, ("Device",))),
        ("sensor{Device,Gauge:humidity}==40", Linked("sensor", HUMIDITY, ("Device", "Gauge"))),
        ("at{Hut:sensor{Device:humidity}}==40", Linked("at", Linked("sensor", HUMIDITY, ("Device",)), ("Hut",))),
        ("sensor{humidity}", Linked("sensor", Exists(("humidity",)))),
        ('sensor{place.at[city]}~="^H"', Linked("sensor", Compare(("place", "at"), "~=", "^H", ("city",)))),
    ],
)
def test_braces_follow_a_relationship(text: str, tree: Condition) -> None:
    """A name with braces is a relationship; types before a colon limit where it leads; the value stands outside."""
    assert parse_q(text) == tree


@pytest.mark.parametrize("text", ["sensor{humidity==40}", "sensor{humidity", "sensor{}", "sensor{a}}", "a.b{c}", "{a}"])
def test_bad_braces(text: str) -> None:
    """Braces that do not close, hold nothing, or hold the value are refused."""
    with pytest.raises(Invalid):
        parse_q(text)


def test_names_in_braces_are_expanded() -> None:
    """Relationship, types and attribute are all names of the @context."""
    assert parse_q("r{T:a}==1", str.upper) == Linked("R", Compare(("A",), "==", 1), ("T",))


def test_depth_and_attributes() -> None:
    """How many relationships are followed one after the other, and what of the entity itself is looked at."""
    tree = parse_q("a==1;(r{b}>2|s{t{c}})")
    assert depth(tree) == 2
    assert depth(parse_q("a==1")) == 0
    assert attributes(tree) == {"a", "r", "s"}


def thing(name: str, kind: str = "Thing", /, **attrs: Instance) -> Entity:
    """An entity of the small world below."""
    return Entity(f"urn:x:{name}", (kind,), dict(attrs))


WORLD = [
    thing("wet", "Device", humidity=prop(40), at=rel("urn:x:hue")),
    thing("dry", "Gauge", humidity=prop(5)),
    thing("hue", "City", name=prop("Huế"), twin=rel("urn:x:hue")),
]


def reader(*hidden: str) -> Follow:
    """Follows to what stands in WORLD, but for what is hidden."""
    known = {one.id: one for one in WORLD if one.id not in hidden}

    def follow(ids: Sequence[str]) -> Iterable[Entity]:
        return [known[one] for one in ids if one in known]

    return follow


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("sensor{humidity}==40", True),
        ("sensor{humidity}==5", True),  # One of several objects suffices.
        ("sensor{humidity}==6", False),
        ("sensor{Device:humidity}==40", True),
        ("sensor{Gauge:humidity}==40", False),
        ('sensor{at{name}}=="Huế"', True),
        ('sensor{at{City:twin{name}}}=="Huế"', True),
        ("sensor{at}", True),
        ("sensor{nothing}", False),
        ("other{humidity}", False),  # Leads to an entity that is not there.
    ],
)
def test_linked_entities_are_matched(text: str, holds: bool) -> None:
    """A condition in braces holds when one of the entities that the relationship leads to meets it."""
    asking = thing("asking", sensor=rel(["urn:x:wet", "urn:x:dry"]), other=rel("urn:x:gone"))
    assert matches(parse_q(text), asking, reader()) is holds


def test_what_is_hidden_is_not_looked_at() -> None:
    """An entity that the asker may not read makes no condition true; without a way to follow none is."""
    asking = thing("asking", sensor=rel("urn:x:wet"))
    tree = parse_q("sensor{humidity}==40")
    assert not matches(tree, asking, reader("urn:x:wet"))
    assert not matches(tree, asking)


def test_objects_of_every_kind() -> None:
    """Relationships with one or several objects, list relationships and several instances are followed alike."""
    listed: Instance = {"type": "ListRelationship", "objectList": [{"object": "urn:x:a"}, {"object": "urn:x:b"}]}
    assert objects(rel("urn:x:a")) == ["urn:x:a"]
    assert objects(rel(["urn:x:a", "urn:x:b"])) == ["urn:x:a", "urn:x:b"]
    assert objects(listed) == ["urn:x:a", "urn:x:b"]
    assert objects([rel("urn:x:a"), {**rel("urn:x:b"), "datasetId": "urn:x:set"}]) == ["urn:x:a", "urn:x:b"]
    assert objects(prop("urn:x:a")) == []
    assert objects(None) == []


def test_a_uri_is_compared_by_its_house_name_too() -> None:
    """A VocabProperty is kept by house name: a URI in q finds it, and a text without colon does not change."""

    def expand(name: str) -> str:
        return name.removeprefix("https://v/")

    assert parse_q("kind==https://v/lamp", expand) == Compare(("kind",), "==", ("https://v/lamp", "lamp"))
    assert parse_q("kind==urn:x:a", expand) == Compare(("kind",), "==", "urn:x:a")
    assert parse_q('kind>"https://v/lamp"', expand) == Compare(("kind",), ">", "https://v/lamp")
