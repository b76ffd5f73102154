"""Tests: linked entities are retrieved inside or beside the entity that leads to them (clauses 4.5.23, 4.21, 4.9)."""

from typing import Any

import pytest

from tests.hub.api.conftest import Client

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"


def prop(value: Any) -> dict[str, Any]:
    """A Property."""
    return {"type": "Property", "value": value}


def rel(*targets: str) -> dict[str, Any]:
    """A Relationship to one or several."""
    return {"type": "Relationship", "object": targets[0] if len(targets) == 1 else list(targets)}


LAND = {"id": "urn:x:land", "type": "Land", "name": prop("Vietnam")}
HUE = {"id": "urn:x:hue", "type": "City", "name": prop("Huế"), "partOf": rel("urn:x:land")}
GATE = {"id": "urn:x:gate", "type": "Sensor", "level": prop(3), "locatedAt": rel("urn:x:hue")}
LAMP = {"id": "urn:x:lamp", "type": "Lamp", "locatedAt": rel("urn:x:hue"), "beside": rel("urn:x:gate", "urn:x:gone")}
ROUTE = {
    "id": "urn:x:route",
    "type": "Route",
    "stops": {"type": "ListRelationship", "objectList": [{"object": "urn:x:gate"}, {"object": "urn:x:lamp"}]},
}
ALL = (LAND, HUE, GATE, LAMP, ROUTE)
LAMPS = "/entities/urn:x:lamp"


async def fill(client: Client) -> None:
    """The five entities of these stories."""
    made = await client.post("/entityOperations/create", json=list(ALL))
    assert made.status_code == 201


async def get(client: Client, path: str, **query: Any) -> Any:
    """The body of a 200 answer."""
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def inside(relation: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A relationship with what it leads to."""
    return relation | more


def test_inline(tell: Any) -> None:
    """Each relationship holds the entity it leads to; of several objects those that are there, in an array."""

    async def story(client: Client) -> None:
        await fill(client)
        assert await get(client, LAMPS, join="inline") == LAMP | {
            "locatedAt": inside(rel("urn:x:hue"), entity=HUE),
            "beside": inside(rel("urn:x:gate", "urn:x:gone"), entity=[GATE]),
        }
        stops = {**ROUTE["stops"], "entityList": [GATE, LAMP]}  # type: ignore[dict-item]
        assert await get(client, "/entities/urn:x:route", join="inline") == ROUTE | {"stops": stops}

    tell(story)


def test_levels(tell: Any) -> None:
    """JoinLevel says how many relationships are followed one after the other; 1 when it is left out."""

    async def story(client: Client) -> None:
        await fill(client)
        deep = await get(client, "/entities/urn:x:gate", join="inline", joinLevel=2)
        hue = HUE | {"partOf": inside(rel("urn:x:land"), entity=LAND)}
        assert deep == GATE | {"locatedAt": inside(rel("urn:x:hue"), entity=hue)}
        assert await get(client, "/entities/urn:x:gate", join="flat", joinLevel=2) == [GATE, HUE, LAND]
        assert await get(client, "/entities/urn:x:gate", join="flat") == [GATE, HUE]
        assert await get(client, "/entities/urn:x:gate", join="@none", joinLevel=2) == GATE

    tell(story)


def test_flat(tell: Any) -> None:
    """Linked entities follow the linking ones, level by level, each once; the answer is an array in any case."""

    async def story(client: Client) -> None:
        await fill(client)
        assert await get(client, LAMPS, join="flat") == [LAMP, HUE, GATE]
        assert await get(client, "/entities/urn:x:land", join="flat") == [LAND]
        both = await get(client, "/entities", type="Lamp,Sensor", join="flat", count="true")
        assert both == [GATE, LAMP, HUE]
        counted = await client.get("/entities", params={"type": "Lamp", "join": "flat", "count": "true"})
        assert (len(counted.json()), counted.headers["ngsild-results-count"]) == (3, "1")

    tell(story)


def test_forms(tell: Any) -> None:
    """Simplified, the linked entity stands in the place of its id; concise and sysAttrs hold for it too."""

    async def story(client: Client) -> None:
        await fill(client)
        simple = {"id": "urn:x:hue", "type": "City", "name": "Huế", "partOf": "urn:x:land"}
        lamp = await get(client, LAMPS, join="inline", format="simplified")
        assert lamp["locatedAt"] == simple
        assert [one if isinstance(one, str) else one["id"] for one in lamp["beside"]] == ["urn:x:gate", "urn:x:gone"]
        route = await get(client, "/entities/urn:x:route", join="inline", format="simplified")
        assert [one["id"] for one in route["stops"]] == ["urn:x:gate", "urn:x:lamp"]
        concise = await get(client, LAMPS, join="inline", format="concise", options="sysAttrs")
        assert concise["locatedAt"]["entity"]["name"]["value"] == "Huế"
        assert "createdAt" in concise["locatedAt"]["entity"]
        assert (await get(client, LAMPS, join="flat", format="simplified"))[1] == simple

    tell(story)


def test_geojson(tell: Any) -> None:
    """Flattened linked entities are features of their own, also of one entity; inside they stay documents."""

    async def story(client: Client) -> None:
        await fill(client)
        accept = {"accept": "application/geo+json", "prefer": "body=json"}
        flat = (await client.get(LAMPS, params={"join": "flat"}, headers=accept)).json()
        assert (flat["type"], [one["id"] for one in flat["features"]]) == (
            "FeatureCollection",
            ["urn:x:lamp", "urn:x:hue", "urn:x:gate"],
        )
        inline = (await client.get(LAMPS, params={"join": "inline"}, headers=accept)).json()
        assert (inline["type"], inline["properties"]["locatedAt"]["entity"]) == ("Feature", HUE)

    tell(story)


def test_no_entity_is_inside_itself(tell: Any) -> None:
    """Circles end: an entity is shown once on a way, and what containedBy names is not shown at all."""

    async def story(client: Client) -> None:
        a = {"id": "urn:x:a", "type": "Node", "next": rel("urn:x:b")}
        b = {"id": "urn:x:b", "type": "Node", "next": rel("urn:x:a"), "self": rel("urn:x:b")}
        await client.post("/entityOperations/create", json=[a, b])
        found = await get(client, "/entities/urn:x:a", join="inline", joinLevel=50)
        assert found == a | {"next": inside(rel("urn:x:b"), entity=b)}
        assert await get(client, "/entities/urn:x:a", join="flat", joinLevel=50) == [a, b]
        assert await get(client, "/entities/urn:x:a", join="inline", containedBy="urn:x:b,urn:x:c") == a
        assert await get(client, "/entities/urn:x:a", join="flat", containedBy="urn:x:b") == [a]

    tell(story)


def test_projection_of_linked_entities(tell: Any) -> None:
    """Names in braces belong to the linked entity, on every level for itself; the others are shown whole."""

    async def story(client: Client) -> None:
        await fill(client)
        gate = "/entities/urn:x:gate"
        picked = await get(client, gate, join="inline", joinLevel=2, pick="id,locatedAt{name|partOf{id}}")
        hue = {"name": prop("Huế"), "partOf": inside(rel("urn:x:land"), entity={"id": "urn:x:land"})}
        assert picked == {"id": "urn:x:gate", "locatedAt": inside(rel("urn:x:hue"), entity=hue)}
        whole = await get(client, gate, join="inline", pick="locatedAt")
        assert whole == {"locatedAt": inside(rel("urn:x:hue"), entity=HUE)}
        omitted = await get(client, gate, join="flat", omit="level,locatedAt{name,type}")
        rest = {"id": "urn:x:gate", "type": "Sensor", "locatedAt": rel("urn:x:hue")}
        assert omitted == [rest, {"id": "urn:x:hue", "partOf": rel("urn:x:land")}]
        assert await get(client, gate, join="flat", pick="id,level") == [{"id": "urn:x:gate", "level": prop(3)}]

    tell(story)


@pytest.mark.parametrize(
    "query",
    [
        "pick=locatedAt{name}",  # No join.
        "join=inline&pick=locatedAt{partOf{name}}",  # Two levels, joinLevel is 1.
        "join=flat&joinLevel=2&omit=a{b{c{d}}}",
        "join=@none&joinLevel=5&omit=a{b}",
        "q=locatedAt{name}",
        "join=inline&q=a{b{c}}==1",
        "join=around",
        "join=inline&joinLevel=0",
        "join=inline&joinLevel=101",
        "join=inline&joinLevel=two",
        "join=inline&joinLevel=-1",
        "join=inline&containedBy=no uri",
        "join=inline&pick=locatedAt{",
        "join=inline&pick=locatedAt{{name}}",
        "join=inline&pick=locatedAt{}",
        "join=inline&pick=locatedAt{,name}",
        "join=inline&pick=id{name}",
        "join=inline&pick=a;b",
        "join=inline&pick=a,",
        "join=inline&pick=a}",
    ],
)
def test_what_cannot_be_joined_is_refused(tell: Any, query: str) -> None:
    """Deeper than joined, no such way to join, broken braces: BadRequestData that says what is wrong."""

    async def story(client: Client) -> None:
        await fill(client)
        for path in ("/entities?type=Lamp&", "/entities/urn:x:lamp?"):
            if "q=" in query and path.endswith("?"):
                continue
            answer = await client.get(path + query)
            assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + "BadRequestData"), answer.text
            assert answer.json()["detail"]

    tell(story)


def test_queries_look_into_linked_entities(tell: Any) -> None:
    """Q follows relationships as deep as is joined, with hints of types; what is found is counted and paged."""

    async def story(client: Client) -> None:
        await fill(client)

        async def found(q: str, level: int = 1) -> list[str]:
            listed = await get(client, "/entities", type="Lamp,Sensor,City", q=q, join="flat", joinLevel=level, limit=1)
            return [one["id"] for one in listed][:1]

        assert await found('locatedAt{name}=="Huế"') == ["urn:x:gate"]
        assert await found('beside{locatedAt{City:name}}~="^H"', 2) == ["urn:x:lamp"]
        assert await found('locatedAt{Land:name}=="Huế"') == []
        assert await found("beside{level}>2;locatedAt{name}") == ["urn:x:lamp"]
        counted = await client.get("/entities?type=Sensor,Lamp&q=locatedAt{name}&join=inline&count=true&limit=0")
        assert (counted.json(), counted.headers["ngsild-results-count"]) == ([], "2")

    tell(story)


def test_join_by_post(tell: Any) -> None:
    """A Query document asks for linked entities as the parameters do."""

    async def story(client: Client) -> None:
        await fill(client)
        query = {
            "type": "Query",
            "entities": [{"type": "Sensor"}],
            "join": "flat",
            "joinLevel": 2,
            "containedBy": ["urn:x:land"],
            "pick": ["id", "locatedAt{id,partOf}"],
        }
        answer = await client.post("/entityOperations/query", json=query)
        assert answer.json() == [
            {"id": "urn:x:gate", "locatedAt": rel("urn:x:hue")},
            {"id": "urn:x:hue", "partOf": rel("urn:x:land")},
        ]

    tell(story)
