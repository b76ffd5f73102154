"""Whether columns tell the order or the entities must be read, the order is the same (clause 4.23)."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.language.nodes import Query, TypeIs
from dothi.hub.language.order import parse_order
from dothi.hub.model import ANONYMOUS, Commit, Instance, create, geo, prop, rel, words
from dothi.hub.read.ordering import ordered

PLAIN: list[Any] = [3, -1.5, 3.0, True, False, "đình", "Chợ", "chùa", "chợ", "2026-01-01", "10:00:00Z", []]
VALUES: list[Instance | None] = [
    *map(prop, PLAIN),
    prop("2026-01-01T00:00:00Z"),
    prop("2025-12-31T20:00:00-05:00"),
    rel("urn:x:b"),
    None,
]
ODD = [prop({"a": 1}), prop([2, 1]), words(vi="Đèn"), rel(["urn:x:b", "urn:x:a"])]
PLACES = [geo({"type": "Point", "coordinates": [lon, 16.0]}) for lon in (107.0, 107.5, 108.0)]
LINE = geo({"type": "LineString", "coordinates": [[107.2, 16], [107.3, 16]]})


def world(folder: Path, entities: list[dict[str, Instance | None]]) -> Hub:
    """A hub with these entities, in this order."""
    hub = Hub(folder, Open())
    for number, attrs in enumerate(entities):
        change = create(f"urn:x:{number}", "Thing", **{name: one for name, one in attrs.items() if one is not None})
        asyncio.run(hub.commit(Commit(ANONYMOUS, (change,))))
    return hub


@pytest.fixture(scope="module", params=["columns", "some odd"])
def hub(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Entities of every kind of value; in the second hub some that columns cannot judge."""
    odd = ODD if request.param == "some odd" else []
    values = [*VALUES, *odd]
    places: list[Instance | None] = [*PLACES, None, *([LINE] if odd else [])]
    entities = [
        {"a": value, "b": values[number * 7 % len(values)], "at": places[number % len(places)]}
        for number, value in enumerate(values * 2)
    ]
    made = world(tmp_path_factory.mktemp("hub"), entities)
    yield made
    asyncio.run(made.close())


TERMS = st.lists(
    st.sampled_from(["a", "a;desc", "b", "b;desc", "at;dist-asc", "at;dist-desc", "type", "createdAt;desc", "id;desc"]),
    min_size=1,
    max_size=3,
)


@settings(max_examples=60, deadline=None)
@given(terms=TERMS, language=st.sampled_from([None, "und"]), offset=st.integers(0, 5))
def test_columns_tell_the_same_order(hub: Hub, terms: list[str], language: str | None, offset: int) -> None:
    """The page of a query is that part of all entities, ordered one by one."""
    ordering = parse_order(terms, [107.1, 16], language=language)
    everything = hub.query(ANONYMOUS, Query(types=TypeIs("Thing"), limit=1000)).entities
    expected = ordered(((number, entity) for number, entity in enumerate(everything)), ordering)
    query = Query(types=TypeIs("Thing"), ordering=ordering, limit=7, offset=offset, count=True)
    page = hub.query(ANONYMOUS, query)
    assert page.count == len(everything)
    assert [one.id for one in page] == [everything[number].id for number in expected[offset : offset + 7]]


def test_new_words_find_their_place(tmp_path: Path) -> None:
    """A text that comes later stands where it belongs among those that were ranked before."""
    hub = world(tmp_path / "hub", [{"a": prop("b")}, {"a": prop("d")}])
    query = Query(types=TypeIs("Thing"), ordering=parse_order(["a"]))

    async def story() -> None:
        assert [one.value("a") for one in hub.query(ANONYMOUS, query)] == ["b", "d"]
        await hub.commit(Commit(ANONYMOUS, (create("urn:x:new", "Thing", a=prop("c")),)))
        assert [one.value("a") for one in hub.query(ANONYMOUS, query)] == ["b", "c", "d"]
        await hub.commit(Commit(ANONYMOUS, (create("urn:x:other", "Other", a=prop("a")),)))
        wide = Query(ordering=parse_order(["a;desc"]))
        assert [one.value("a") for one in hub.query(ANONYMOUS, wide)] == ["d", "c", "b", "a"]
        await hub.close()

    asyncio.run(story())
