"""Projections are read and linked entities are gathered within bounds, whatever a client asks for."""

import time
from collections.abc import Mapping
from dataclasses import replace

import pytest

from dothi.ground.errors import Invalid, TooComplex, TooMany
from dothi.hub.model import Entity, rel
from dothi.hub.render.linked import Inliner, Join, flattened, gathered
from dothi.hub.render.members import levels, parse_members
from dothi.hub.render.shape import Shape

SHAPE = Shape()


def test_members_are_a_tree() -> None:
    """Commas and bars separate alike; braces belong to the name before them; names are expanded, members are not."""
    assert parse_members("pick", "id, name|at{id,in{type}}", str.upper) == {
        "id": None,
        "NAME": None,
        "AT": {"id": None, "IN": {"type": None}},
    }
    assert levels(parse_members("pick", "a,b{c{d}},e{f}")) == 2
    assert levels(parse_members("pick", "a")) == 0
    assert parse_members("pick", "https://ex.org/a#b") == {"https://ex.org/a#b": None}


@pytest.mark.parametrize(
    "text", ["", ",", "a,", ",a", "a{", "a}", "a{}", "a{b}c", "a{{b}}", "{a}", "a;b", "id{a}", "a b"]
)
def test_broken_projections(text: str) -> None:
    """What is no list of names is Invalid, with the place."""
    with pytest.raises(Invalid) as refused:
        parse_members("omit", text)
    assert "omit: at character" in refused.value.detail


def test_projections_have_limits() -> None:
    """Too long, too many, too deep: refused before they cost anything."""
    for text in ("a" * 20_000, ",".join(["a"] * 600), "a{" * 500 + "a" + "}" * 500):
        with pytest.raises(TooComplex):
            parse_members("pick", text)


def clique(size: int) -> dict[str, Entity]:
    """Entities that each lead to all."""
    ids = [f"urn:x:{number}" for number in range(size)]
    return {one: Entity(one, ("Node",), {"to": rel(ids)}) for one in ids}


class World:
    """Counts how often each entity is looked up."""

    def __init__(self, entities: Mapping[str, Entity]) -> None:
        self.entities = entities
        self.looked_up: list[str] = []

    def __call__(self, ids: list[str]) -> dict[str, Entity]:
        self.looked_up += ids
        return {one: self.entities[one] for one in ids if one in self.entities}


def test_each_entity_is_looked_up_once() -> None:
    """However many lead to it, on however many levels: one look-up for each entity, one call for each level."""
    world = World(clique(30))
    first = [(world.entities["urn:x:0"], SHAPE)]
    found = flattened(first, Join("flat", 50), world)
    assert (len(found), sorted(world.looked_up)) == (30, sorted(set(world.looked_up)))
    world.looked_up = []
    known = gathered(first, Join("inline", 50), world)
    assert (len(known), sorted(world.looked_up)) == (30, sorted(set(world.looked_up)))


def test_a_graph_cannot_exhaust_the_hub() -> None:
    """What grows without end on paper (every way through a clique) is refused at once."""
    world = World(clique(60))
    first = world.entities["urn:x:0"]
    join = Join("inline", 60)
    began = time.monotonic()
    with pytest.raises(TooMany):
        Inliner(join, gathered([(first, SHAPE)], join, world)).attach(first, SHAPE)
    many = {"urn:x:hub": Entity("urn:x:hub", ("Node",), {"to": rel([f"urn:y:{n}" for n in range(10_001)])})}
    many |= {f"urn:y:{n}": Entity(f"urn:y:{n}", ("Leaf",), {}) for n in range(10_001)}
    for kind in ("flat", "inline"):
        wide = Join("flat" if kind == "flat" else "inline")
        with pytest.raises(TooMany):
            (flattened if kind == "flat" else gathered)([(many["urn:x:hub"], SHAPE)], wide, World(many))
    assert time.monotonic() - began < 5


def test_only_what_is_shown_is_followed() -> None:
    """An attribute left out, or of another dataset, leads nowhere; one picked with braces has a shape of its own."""
    world = World({"urn:x:a": Entity("urn:x:a", ("A",), {}), "urn:x:b": Entity("urn:x:b", ("B",), {})})
    start = Entity("urn:x:0", ("Node",), {"a": rel("urn:x:a"), "b": {**rel("urn:x:b"), "datasetId": "urn:x:set"}})

    def ids(shape: Shape) -> list[str]:
        return [entity.id for entity, _ in flattened([(start, shape)], Join("flat"), world)][1:]

    assert ids(SHAPE) == ["urn:x:a", "urn:x:b"]
    assert ids(replace(SHAPE, omit=frozenset({"a"}))) == ["urn:x:b"]
    assert ids(replace(SHAPE, datasets=frozenset({"@none"}))) == ["urn:x:a"]
    inner = replace(SHAPE, pick=frozenset({"id"}))
    shaped = replace(SHAPE, linked=(("a", inner),))
    beside = flattened([(start, shaped)], Join("flat"), world)[1:]
    assert beside == [(world.entities["urn:x:a"], inner), (world.entities["urn:x:b"], SHAPE)]
