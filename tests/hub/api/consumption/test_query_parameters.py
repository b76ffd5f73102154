"""Tests: what queries ask for by their parameters and by a Query document (clauses 5.7.2, 5.2.23, 4.23, 4.10)."""

import asyncio
from typing import Any

import pytest

from tests.hub.api.conftest import Client

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"


def prop(value: Any) -> dict[str, Any]:
    """A Property."""
    return {"type": "Property", "value": value}


def place(lon: float, lat: float) -> dict[str, Any]:
    """A GeoProperty."""
    return {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [lon, lat]}}


HUTS = [
    {"id": "urn:x:c", "type": "Hut", "name": prop("đình"), "size": prop(3), "location": place(107.6, 16.4)},
    {"id": "urn:x:a", "type": "Hut", "name": prop("Chợ"), "size": prop(3), "location": place(107.5, 16.4)},
    {"id": "urn:x:b", "type": "Hut", "name": prop("chùa"), "size": prop("wide"), "at": prop({"city": "Huế"})},
    {"id": "urn:x:d", "type": "Tower", "name": prop("Tháp"), "size": prop(1), "at": prop({"city": "An Cựu"})},
]


async def ids(client: Client, query: str) -> list[str]:
    """The last letters of the ids found, in order."""
    answer = await client.get(f"/entities?{query}")
    assert answer.status_code == 200, answer.text
    return [one["id"][-1] for one in answer.json()]


async def fill(client: Client) -> None:
    """Three huts and a tower."""
    assert (await client.post("/entityOperations/create", json=HUTS)).status_code == 201


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("type=Hut&orderBy=id", "abc"),
        ("type=Hut&orderBy=id;desc", "cba"),
        ("type=Hut&orderBy=name", "abc"),  # Chợ, chùa, đình: o before u, đ after c.
        ("type=Hut&orderBy=name;desc", "cba"),
        ("type=Hut&orderBy=name&collation=vi", "abc"),
        ("type=Hut&orderBy=size", "cab"),  # Numbers before texts; equal ones in order of creation.
        ("type=Hut&orderBy=size,id", "acb"),
        ("type=Hut&orderBy=createdAt", "cab"),
        ("type=Hut,Tower&orderBy=type;desc,id", "dabc"),
        ("type=Hut,Tower&orderBy=at[city],id", "dbac"),  # What is absent comes last.
        ("type=Hut,Tower&orderBy=at[city];desc,id;desc", "bdca"),
        ("type=Hut&orderBy=location;dist-asc&orderFrom=[107.4,16.4]", "acb"),
        ("type=Hut&orderBy=location;dist-desc&orderFrom=[107.4,16.4]", "cab"),
        ("type=Hut&orderBy=location;dist-asc&orderFrom=[[107.6,16],[107.6,17]]&orderGeometry=LineString", "cab"),
        ("type=Hut&orderBy=id&limit=1&offset=1", "b"),
        ("type=Hut&q=size==3&orderBy=id;desc", "ca"),
        ("type=*&orderBy=id", "abcd"),
        ("local=true&orderBy=id", "abcd"),
    ],
)
def test_ordering(tell: Any, query: str, expected: str) -> None:
    """Entities come in the order asked for (clause 4.23); those that rank alike in order of creation."""

    async def story(client: Client) -> None:
        await fill(client)
        assert "".join(await ids(client, query)) == expected

    tell(story)


@pytest.mark.parametrize(
    "query",
    [
        "type=Hut&orderBy=",
        "type=Hut&orderBy=name;up",
        "type=Hut&orderBy=location;dist-asc",
        "type=Hut&orderBy=location;dist-asc&orderFrom=[200,16]",
        "type=Hut&orderBy=location;dist-asc&orderFrom=8,40",
        "type=Hut&orderBy=name&collation=!!nope",
        "type=Hut&orderBy=name&collation=und-u-ks-nosuch-value-",
        "type=Hut&orderBy=name&orderGeometry=Circle",
        "type=*&local=false",
        "attrs=createdAt",
        'q=modifiedAt>"2020-01-01T00:00:00Z"',
        "q=observedAt",
        "id=urn:x:a",
        "idPattern=^urn",
        "scopeQ=/A",
        "geoproperty=location",
        "type=Hut&georel=near;maxDistance==10&geometry=GeometryCollection&coordinates=[]",
        "type=Hut&georel=near;maxDistance==0&geometry=Point&coordinates=[1,1]",
        "type=Hut&georel=near&geometry=Point&coordinates=[1,1]",
        "type=Hut&georel=within&geometry=Polygon&coordinates=[[[0,0],[1,0],[1,1],[0,1]]]",
        "type=Hut&datasetId=no uri",
        "type=Hut&jsonKeys=1abc",
        "type=Hut&csf=))bad((",
    ],
)
def test_what_is_refused(tell: Any, query: str) -> None:
    """Too wide, contradictory or malformed: BadRequestData with a detail."""

    async def story(client: Client) -> None:
        await fill(client)
        answer = await client.get(f"/entities?{query}")
        assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + "BadRequestData"), answer.text
        assert answer.json()["detail"]

    tell(story)


def test_a_geoproperty_without_geoquery_is_ignored(tell: Any) -> None:
    """Table 6.4.3.2-1: geoproperty counts in a geo-query only."""

    async def story(client: Client) -> None:
        await fill(client)
        assert await ids(client, "type=Tower&geoproperty=other") == ["d"]
        near = "georel=near;maxDistance==10&geometry=Point&coordinates=[1,1]"
        assert await ids(client, f"type=Tower&{near}&geoproperty=at") == []  # A Property is no place.
        assert await ids(client, f"type=Tower&{near}&geoproperty=name") == []

    tell(story)


SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]]}
TRIANGLE = [[8, 8], [9, 8], [9, 9], [8, 8]]
SHAPES: dict[str, dict[str, Any]] = {
    "point": {"type": "Point", "coordinates": [1, 1]},
    "points": {"type": "MultiPoint", "coordinates": [[1, 1], [9, 9]]},
    "line": {"type": "LineString", "coordinates": [[2, 2], [6, 2]]},
    "lines": {"type": "MultiLineString", "coordinates": [[[1, 1], [2, 1]], [[1, 2], [2, 2]]]},
    "area": {"type": "Polygon", "coordinates": [[[2, 2], [6, 2], [6, 6], [2, 6], [2, 2]]]},
    "areas": {"type": "MultiPolygon", "coordinates": [[[[1, 1], [2, 1], [2, 2], [1, 1]]], [TRIANGLE]]},
    "same": {"type": "Polygon", "coordinates": [[[4, 0], [4, 4], [0, 4], [0, 0], [4, 0]]]},
    "large": {"type": "Polygon", "coordinates": [[[-9, -9], [9, -9], [9, 9], [-9, 9], [-9, -9]]]},
    "far": {"type": "Point", "coordinates": [50, 50]},
}  # fmt: skip


@pytest.mark.parametrize(
    ("georel", "geometry", "expected"),
    [
        ("within", SQUARE, {"point", "lines", "same"}),
        ("contains", SQUARE, {"same", "large"}),
        ("intersects", SQUARE, {"point", "points", "line", "lines", "area", "areas", "same", "large"}),
        ("disjoint", SQUARE, {"far"}),
        ("equals", SQUARE, {"same"}),
        ("overlaps", SQUARE, {"area", "areas"}),
        ("equals", SHAPES["points"], {"points"}),
        ("intersects", SHAPES["far"], {"far"}),
        ("within", SHAPES["line"], {"line"}),
        ("overlaps", {"type": "LineString", "coordinates": [[4, 2], [8, 2]]}, {"line"}),
        ("contains", SHAPES["lines"], {"lines", "same", "large"}),
        ("intersects", {"type": "MultiPolygon", "coordinates": [[[[49, 49], [51, 49], [51, 51], [49, 49]]]]}, {"far"}),
        ("near;maxDistance==1000", SHAPES["point"], {"point", "points", "lines", "areas", "same", "large"}),
        ("near;minDistance==2000000", SHAPES["point"], {"far"}),
        ("near;maxDistance==200000", {"type": "LineString", "coordinates": [[50, 49], [50, 48]]}, {"far"}),
    ],
)
def test_every_relation_on_every_geometry(tell: Any, georel: str, geometry: dict[str, Any], expected: set[str]) -> None:
    """Geo-queries hold for targets and references of all six types of geometry (clause 4.10), by GET and by POST."""

    async def story(client: Client) -> None:
        things = [
            {"id": f"urn:x:{name}", "type": "Thing", "area": {"type": "GeoProperty", "value": shape}}
            for name, shape in SHAPES.items()
        ]
        assert (await client.post("/entityOperations/create", json=things)).status_code == 201
        geo = {"georel": georel, "geometry": geometry["type"], "geoproperty": "area"}
        text = str(geometry["coordinates"])
        got = await client.get("/entities", params={"type": "Thing", "coordinates": text, **geo})
        assert {one["id"][6:] for one in got.json()} == expected
        query = {"type": "Query", "geoQ": {**geo, "coordinates": geometry["coordinates"]}}
        posted = await client.post("/entityOperations/query", json=query)
        assert {one["id"][6:] for one in posted.json()} == expected

    tell(story)


def test_several_selectors(tell: Any) -> None:
    """Entities of one selector or another are found, each selector with its own types, ids and pattern."""

    async def story(client: Client) -> None:
        await fill(client)

        async def found(*selectors: dict[str, Any]) -> list[str]:
            answer = await client.post("/entityOperations/query", json={"type": "Query", "entities": selectors})
            assert answer.status_code == 200, answer.text
            return sorted(one["id"][-1] for one in answer.json())

        assert await found({"type": "Hut", "id": "urn:x:a"}, {"type": "Tower"}) == ["a", "d"]
        assert await found({"type": "Hut", "idPattern": "[ab]$"}, {"type": "Tower", "id": ["urn:x:a"]}) == ["a", "b"]
        assert await found({"type": "Hut", "id": ["urn:x:c", "urn:x:d"]}, {"type": "Tower|Hut", "idPattern": "b$"}) == [
            "b",
            "c",
        ]
        assert await found({"type": "Hut"}, {"type": "Tower"}) == ["a", "b", "c", "d"]
        assert await found({"type": "Hut", "id": "urn:x:a", "idPattern": "none"}) == ["a"]

    tell(story)


@pytest.mark.parametrize(
    "more",
    [
        {"entities": []},
        {"attrs": []},
        {"pick": []},
        {"omit": "name"} | {"omit": [3]},
        {"q": 42},
        {"join": "inline", "joinLevel": 0},
        {"join": "inline", "joinLevel": "1"},
        {"join": "inline", "joinLevel": True},
        {"temporalQ": {"timerel": "after", "timeAt": "2020-01-01T00:00:00Z"}},
        {"type": "Other"},
        {"entities": [{"type": "Hut", "id": "no uri"}]},
        {"entities": [{"type": "Hut", "id": 3}]},
        {"entities": ["Hut"]},
        {"containedBy": []},
        {"splitEntities": "yes"},
        {"ordering": {"orderBy": ["location;dist-asc"]}},
        {"ordering": {"orderBy": ["location;dist-asc"], "coordinates": "8,40"}},
        {"ordering": {"orderBy": ["id"], "geometry": 5}},
        {"ordering": {"orderBy": ["id"], "collation": "not a tag!!"}},
        {"ordering": ["id"]},
        {"geoQ": {"georel": "within"}},
    ],
)
def test_wrong_query_documents(tell: Any, more: dict[str, Any]) -> None:
    """A Query document that breaks table 5.2.23-1 is BadRequestData."""

    async def story(client: Client) -> None:
        answer = await client.post(
            "/entityOperations/query", json={"type": "Query", "entities": [{"type": "Hut"}]} | more
        )
        assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + "BadRequestData"), answer.text

    tell(story)


def test_ordering_by_post(tell: Any) -> None:
    """OrderingParams (clause 5.2.43) order by distance, and by a collation."""

    async def story(client: Client) -> None:
        await fill(client)
        for ordering, expected in (
            ({"orderBy": ["location;dist-asc"], "coordinates": [107.6, 16.4], "geometry": "Point"}, "cab"),
            ({"orderBy": ["name;desc"], "collation": "und"}, "cba"),
        ):
            query = {"type": "Query", "entities": [{"type": "Hut"}], "ordering": ordering}
            answer = await client.post("/entityOperations/query", json=query)
            assert "".join(one["id"][-1] for one in answer.json()) == expected

    tell(story)


def test_values_that_are_names(tell: Any) -> None:
    """A VocabProperty is found by a URI, and by a word where expandValues says that it is one (example 12)."""

    async def story(client: Client) -> None:
        lamp = {"id": "urn:x:l", "type": "Lamp", "kind": {"type": "VocabProperty", "vocab": "led"}}
        await client.post("/entities", json=lamp)
        full = "https://uri.etsi.org/ngsi-ld/default-context/led"
        assert await ids(client, f"type=Lamp&q=kind=={full}") == ["l"]
        assert await ids(client, f"type=Lamp&q=kind!={full}") == []
        assert await ids(client, "type=Lamp&q=kind==led&expandValues=kind") == ["l"]
        assert await ids(client, "type=Lamp&q=kind==sodium&expandValues=kind") == []
        assert (await client.get("/entities?type=Lamp&q=kind==led")).status_code == 400

    tell(story)


def test_json_keys(tell: Any) -> None:
    """JSON is looked into as it is, whether jsonKeys names it or not (example 11)."""

    async def story(client: Client) -> None:
        car = {"id": "urn:x:c", "type": "Car", "tickets": {"type": "JsonProperty", "json": {"value": "Overstay"}}}
        await client.post("/entities", json=car)
        assert await ids(client, 'type=Car&q=tickets[value]=="Overstay"&jsonKeys=tickets') == ["c"]
        assert await ids(client, 'type=Car&q=tickets[value]=="Other"') == []

    tell(story)


def test_a_snapshot_is_asked_for_everything(tell: Any) -> None:
    """Queries on a snapshot are local by nature: no condition is needed, and local=false is ignored (clause 5.5.15)."""

    async def story(client: Client) -> None:
        await fill(client)
        queries = [{"type": "Query", "entities": [{"type": "Hut"}]}]
        made = await client.post("/snapshots", json={"type": "Snapshot", "snapshotQueries": queries})
        place = made.headers["location"].removeprefix("/ngsi-ld/v1")
        for _ in range(200):
            if (await client.get(place)).json()["snapshotStatus"] != "preparing":
                break
            await asyncio.sleep(0.01)
        inside = {"NGSILD-Snapshot": place.rpartition("/")[2]}
        for query in ("/entities", "/entities?type=*&local=false", "/entities?orderBy=id;desc"):
            answer = await client.get(query, headers=inside)
            assert answer.status_code == 200, answer.text
            assert sorted(one["id"][-1] for one in answer.json()) == ["a", "b", "c"]
        assert (await client.get("/entities")).status_code == 400

    tell(story)
