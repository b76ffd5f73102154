"""Tests: clients learn what types and attributes there are, our vocabulary, and the description of the API itself."""

from typing import Any

from tests.hub.api.conftest import Client

FULL = "https://uri.etsi.org/ngsi-ld/default-context/"


async def some(client: Client) -> None:
    """Two stations and a bin, one of them of two types."""
    stations = [{"id": f"urn:s:{n}", "type": ["Station", "Thing"] if n else "Station", "pm25": n} for n in range(2)]
    bin_ = {"id": "urn:b:1", "type": "WasteContainer", "owner": {"object": "urn:o:1"}, "pm25": {"object": "urn:o:2"}}
    assert (await client.post("/entityOperations/create", json=[*stations, bin_])).status_code == 201


def test_types(tell: Any) -> None:
    """Types are listed, with attributes when asked, and each told with its count (clauses 5.7.5 to 5.7.7)."""

    async def story(client: Client) -> None:
        assert (await client.get("/types")).json()["typeList"] == []
        await some(client)
        assert (await client.get("/types")).json()["typeList"] == ["Station", "Thing", "WasteContainer"]
        detailed = {one["typeName"]: one for one in (await client.get("/types?details=true")).json()}
        assert detailed["WasteContainer"]["attributeNames"] == ["owner", "pm25"]
        assert detailed["WasteContainer"]["id"] == FULL + "WasteContainer"
        station = (await client.get("/types/Station")).json()
        assert station["entityCount"] == 2
        assert station["attributeDetails"][0]["attributeTypes"] == ["Property"]
        assert (await client.get("/types/Nothing")).status_code == 404

    tell(story)


def test_attributes(tell: Any) -> None:
    """Attributes are listed and told with their kinds, types and count (clauses 5.7.8 to 5.7.10)."""

    async def story(client: Client) -> None:
        await some(client)
        assert (await client.get("/attributes")).json()["attributeList"] == ["owner", "pm25"]
        pm25 = (await client.get("/attributes/pm25")).json()
        assert pm25 == {
            "id": FULL + "pm25",
            "type": "Attribute",
            "attributeName": "pm25",
            "attributeTypes": ["Property", "Relationship"],
            "attributeCount": 3,
            "typeNames": ["Station", "Thing", "WasteContainer"],
        }
        detailed = (await client.get("/attributes?details=true")).json()
        assert [one["attributeName"] for one in detailed] == ["owner", "pm25"]
        assert (await client.get("/attributes/nothing")).status_code == 404

    tell(story)


def test_vocabulary(tell: Any) -> None:
    """Our vocabulary is a JSON-LD context document that any client can use."""

    async def story(client: Client) -> None:
        answer = await client.get("/vocabulary.jsonld")
        assert answer.headers["content-type"] == "application/ld+json"
        assert answer.json()["@context"]["pm25"] == FULL + "pm25"

    tell(story)
