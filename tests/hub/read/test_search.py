"""Columns answer as reading every entity would."""

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dothi.hub.language.match import geo_matches, matches
from dothi.hub.language.nodes import And, Between, Compare, Condition, Exists, Geo, Moment, Or, Query, TypeIs, TypeOr
from dothi.hub.model import Attribute, Entity, geo, instances, prop, rel, words
from dothi.hub.read.columns import Table
from dothi.hub.read.search import Search
from dothi.hub.store.codec import Doc, encode
from dothi.hub.store.port import Head, Written
from dothi.hub.store.sqlite.store import SqliteStore
from dothi.hub.write.commit import Effect

DAYS = ["2026-11-22T07:00:00Z", "2026-11-22T14:00:00+07:00", "2026-11-23", "not a day"]
VALUES = st.one_of(
    st.integers(-2, 2),
    st.floats(-2, 2),
    st.booleans(),
    st.sampled_from(["a", "b", "", *DAYS]),
    st.lists(st.integers(0, 2), max_size=2),
    st.just({"city": "Huế"}),
)
ATTRIBUTES: st.SearchStrategy[Attribute] = st.one_of(
    st.builds(prop, VALUES),
    st.builds(rel, st.sampled_from(["a", "b"])),
    st.just(words(vi="a", en="b")),
    st.lists(
        st.builds(lambda v, n: prop(v) | {"datasetId": f"urn:{n}"}, VALUES, st.integers()), min_size=2, max_size=2
    ),
)
CONSTANTS = st.one_of(
    st.integers(-2, 2),
    st.booleans(),
    st.sampled_from(["a", "b", ""]),
    st.just(Moment(DAYS[0], 1_795_330_800_000_000)),
    st.just(Between(-1, 1)),
    st.just((0, 1)),
)
COMPARES = st.builds(
    Compare, st.sampled_from([("x",), ("y",)]), st.sampled_from(["==", "!=", ">", ">=", "<", "<="]), CONSTANTS
).filter(lambda one: one.op in ("==", "!=") or not isinstance(one.value, Between | tuple))
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    COMPARES | st.builds(Exists, st.just(("x",))),
    lambda inner: st.builds(And, st.tuples(inner, inner)) | st.builds(Or, st.tuples(inner, inner)),
    max_leaves=4,
)


@given(st.lists(st.dictionaries(st.sampled_from("xy"), ATTRIBUTES), max_size=6), CONDITIONS)
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_masks_enclose_the_truth(attrs: list[dict[str, Attribute]], condition: Condition) -> None:
    """What is sure holds, and what holds may be: for every condition and every kind of value."""
    entities = [Entity(f"urn:{n}", ("T",), one) for n, one in enumerate(attrs)]
    table = Table()
    table.add_columns(("x", "y"), ())
    for eid, entity in enumerate(entities):
        table.set(eid, entity)
    sure, maybe = table.masks(condition, slice(0, table.size))
    for row, entity in enumerate(entities):
        holds = matches(condition, entity)
        assert not sure[row] or holds
        assert not holds or maybe[row]


@given(COMPARES.filter(lambda one: one.op != "!="))
def test_an_empty_list_is_read_for_no_comparison(condition: Compare) -> None:
    """An empty list is there, and columns know that no comparison holds of it: nothing is read to judge it."""
    table = Table()
    table.add_columns(("x", "y"), ())
    table.set(0, Entity("urn:0", ("T",), {"x": prop([]), "y": prop([])}))
    sure, maybe = table.masks(condition, slice(0, table.size))
    assert not sure.any()
    assert not maybe.any()
    assert table.masks(Exists(("x",)), slice(0, 1))[0].all()


SHAPES = [
    {"type": "Point", "coordinates": [0.0, 0.0]},
    {"type": "Point", "coordinates": [0.001, 0.001]},
    {"type": "Point", "coordinates": [179.9995, 10.0]},
    {"type": "Point", "coordinates": [5.0, 5.0]},
    {"type": "Polygon", "coordinates": [[[0, 0], [0.002, 0], [0.002, 0.002], [0, 0.002], [0, 0]]]},
    {"type": "LineString", "coordinates": [[-1, -1], [1, 1]]},
]
BOX = [[107.5, 16.4], [107.52, 16.4], [107.52, 16.42], [107.5, 16.42], [107.5, 16.4]]
QUERIES = [
    Geo("near", SHAPES[0], 200.0),
    Geo("near", SHAPES[0], 10_000.0, 50.0),
    Geo("near", SHAPES[0], None, 100.0),
    Geo("near", SHAPES[2], 2000.0),
    Geo("near", SHAPES[4], 500.0),
    *(Geo(name, SHAPES[4]) for name in ("within", "intersects", "contains", "equals", "disjoint", "overlaps")),
]


@pytest.mark.parametrize("query", QUERIES, ids=lambda q: f"{q.rel}-{q.max_distance}")
def test_geo_masks_enclose_the_truth(query: Geo) -> None:
    """The same for every relation and geometry."""
    entities = [Entity(f"urn:{n}", ("T",), {"location": geo(shape)}) for n, shape in enumerate(SHAPES)]
    entities.append(Entity("urn:none", ("T",), {}))
    entities.append(
        Entity("urn:two", ("T",), {"location": [geo(one) | {"datasetId": one["type"]} for one in SHAPES[3:5]]})
    )
    table = Table()
    table.add_columns((), ("location",))
    for eid, entity in enumerate(entities):
        table.set(eid, entity)
    column = table.geometries["location"]
    near = column.rows(query)
    sure, maybe = column.masks(query, slice(0, table.size))
    for row, entity in enumerate(entities):
        assert near is None or not maybe[row] or row in near
        holds = geo_matches(query, entity)
        assert not sure[row] or holds, (query, entity)
        assert not holds or maybe[row], (query, entity)


class Town:
    """A store with a search over it, fed as the writer feeds it."""

    def __init__(self, folder: Path) -> None:
        self.store = SqliteStore(folder / "hub.db")
        self.search = Search(self.store)
        self.tid = self.store.tenant("", make=True) or 0
        self.kinds: dict[int, int] = {}

    def put(self, eid: int, types: tuple[str, ...], gone: bool = False, **attrs: Any) -> None:
        entity = Entity(f"urn:{eid:04}", types, attrs)
        kind = self.store.kind_of(types)
        doc = None if gone else encode(Doc(entity.id, types, attrs))
        head = Head(eid, kind, 1, 1, eid, eid, 0, doc)
        self.store.write(Written([(self.tid, entity.id, head)], (), (), (), ()))
        self.search.follow([Effect(self.tid, eid, kind, self.kinds.get(eid, 0), None if gone else entity)])
        self.kinds[eid] = kind

    def ids(self, **query: Any) -> list[str]:
        return [one.id[4:] for one in self.search.run(self.tid, Query(**query)).entities]


def test_pages_follow_changes(tmp_path: Path) -> None:
    """A table built by a query follows new, changed, deleted entities and those that change their type."""
    town = Town(tmp_path)
    for eid in range(1, 5):
        town.put(eid, ("Lamp",), power=prop(eid))
    bright = {"types": TypeIs("Lamp"), "q": Compare(("power",), ">", 2)}
    assert town.ids(**bright) == ["0003", "0004"]
    town.put(1, ("Lamp",), power=prop(9))
    town.put(3, ("Lamp",), power=prop(0))
    town.put(4, ("Lamp", "Post"), power=prop(4))
    town.put(5, ("Lamp",), power=prop(7))
    town.put(2, ("Lamp",), gone=True)
    assert town.ids(**bright) == ["0001", "0004", "0005"]
    assert town.ids(types=TypeIs("Post")) == ["0004"]
    assert town.ids(types=TypeOr((TypeIs("Lamp"), TypeIs("Post"))), order=("-power",)) == [
        "0001",
        "0005",
        "0004",
        "0003",
    ]
    town.store.close()


def test_pages_cover_everything_once(tmp_path: Path) -> None:
    """Walking by offset meets each match once, in one order, with the count told; also where entities must be read."""
    town = Town(tmp_path)
    chance = random.Random(7)
    for eid in range(1, 400):
        town.put(eid, ("Lamp",) if eid % 3 else ("Lamp", "Post"), power=prop(chance.choice([1, 2, [1, 2], "x"])))
    everything = [f"{eid:04}" for eid in range(1, 400)]
    assert [i for n in range(0, 400, 50) for i in town.ids(limit=50, offset=n)] == everything
    q = Compare(("power",), "==", 1)
    walked = [i for n in range(0, 400, 50) for i in town.ids(limit=50, offset=n, q=q)]
    assert walked == town.ids(limit=1000, q=q)
    page = town.search.run(town.tid, Query(q=q, count=True, limit=1))
    assert page.count == len(walked) > 100
    pattern = town.ids(id_pattern="^urn:00[12]", limit=1000)
    assert pattern == [f"{eid:04}" for eid in range(10, 30)]
    town.store.close()


def test_a_reader_sees_only_what_is_in_sight(tmp_path: Path) -> None:
    """Types and units out of the reader's sight are neither found nor counted."""
    town = Town(tmp_path)
    town.put(1, ("Lamp",), unit=prop("00001"))
    town.put(2, ("Lamp",), unit=prop("00002"))
    town.put(3, ("Secret",), unit=prop("00001"))
    town.put(4, ("Lamp", "Secret"), unit=prop("00001"))
    sight = {"Lamp": frozenset({"00001"})}
    assert town.ids(sight=sight) == ["0001"]
    assert town.search.run(town.tid, Query(sight=sight, count=True)).count == 1
    assert town.ids(sight=sight, ids=("urn:0001", "urn:0002", "urn:0003", "urn:0004")) == ["0001"]
    assert town.ids(sight={"*": None}) == ["0001", "0002", "0003", "0004"]
    assert all(instances(one.attrs["unit"]) for one in town.search.run(town.tid, Query()).entities)
    town.store.close()


def test_blocks_and_the_grid_find_what_a_walk_finds(tmp_path: Path) -> None:
    """Pages of 3,000 entities, some deleted, moved or of changed kind: the same rows as by reading each of them."""
    town, chance = Town(tmp_path), random.Random(7)
    live: dict[int, Entity] = {}
    for eid in range(1, 3001):
        place = geo({"type": "Point", "coordinates": [chance.uniform(107.4, 107.7), chance.uniform(16.3, 16.6)]})
        live[eid] = Entity(f"urn:{eid:04}", ("Bin",), {"level": prop(chance.random()), "location": place})
    for eid, entity in live.items():
        town.put(eid, ("Bin",), **entity.attrs)
    asked = [
        {},
        {"q": Compare(("level",), ">", 0.99)},
        {"geo": Geo("near", {"type": "Point", "coordinates": [107.55, 16.45]}, 3000.0)},
        {
            "q": Compare(("level",), "<", 0.5),
            "geo": Geo("near", {"type": "Point", "coordinates": [107.5, 16.5]}, 2000.0),
        },
        {"geo": Geo("within", {"type": "Polygon", "coordinates": [BOX]})},
    ]
    for turn in range(2):
        for narrowing in asked:
            want = [
                eid
                for eid, one in sorted(live.items())
                if ("q" not in narrowing or matches(narrowing["q"], one))
                and ("geo" not in narrowing or geo_matches(narrowing["geo"], one))
            ]
            for offset, count in ((0, False), (0, True), (len(want) // 2, False), (len(want), True)):
                query = Query(types=TypeIs("Bin"), limit=20, offset=offset, count=count, **narrowing)
                rows = town.search.rows(town.tid, query)
                assert rows is not None
                assert rows.eids == want[offset : offset + 20]
                assert rows.more == (len(want) > offset + 20)
                assert not count or rows.total == len(want)
        if turn == 0:
            for eid in chance.sample(sorted(live), 150):
                if eid % 3:
                    place = geo({"type": "Point", "coordinates": [107.55, 16.45]})
                    live[eid] = Entity(f"urn:{eid:04}", ("Bin",), {"level": prop(0.995), "location": place})
                    town.put(eid, ("Bin",), **live[eid].attrs)
                else:
                    town.put(eid, ("Bin",), gone=True)
                    del live[eid]
