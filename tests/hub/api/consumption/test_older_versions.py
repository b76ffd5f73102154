"""Tests: whoever prefers an older version of the standard gets what it knows, and is told (clause 4.3.6.8)."""

from typing import Any

import pytest

from tests.hub.api.conftest import Client

AT = "2026-11-22T07:30:00Z"
FULL: dict[str, Any] = {
    "id": "urn:x:a",
    "type": ["Lamp", "Thing"],
    "scope": "/A",
    "kind": {"type": "VocabProperty", "vocab": ["led", "sodium"]},
    "words": {"type": "LanguageProperty", "languageMap": {"vi": "Đèn"}},
    "raw": {"type": "JsonProperty", "json": {"a": [1]}},
    "list": {"type": "ListProperty", "valueList": [1, 2]},
    "stops": {"type": "ListRelationship", "objectList": [{"object": "urn:x:b"}], "objectType": "Stop"},
    "size": [
        {"type": "Property", "value": 1, "unitCode": "MTR", "observedAt": AT},
        {"type": "Property", "value": 2, "datasetId": "urn:x:d", "why": {"type": "VocabProperty", "vocab": "led"}},
    ],
}
V17 = FULL | {
    "kind": {"type": "Property", "value": ["led", "sodium"]},
    "raw": {"type": "Property", "value": {"a": [1]}},
    "list": {"type": "Property", "value": [1, 2]},
    "stops": {"type": "Relationship", "object": ["urn:x:b"]},
    "size": [
        FULL["size"][0],
        {"type": "Property", "value": 2, "datasetId": "urn:x:d", "why": {"type": "Property", "value": "led"}},
    ],
}
V13 = {name: value for name, value in V17.items() if name != "scope"} | {
    "words": {"type": "Property", "value": {"vi": "Đèn"}}
}
V10 = V13 | {"type": "Lamp", "size": {"type": "Property", "value": 1}}


@pytest.mark.parametrize(
    ("version", "conformant", "status", "expected"),
    [
        ("1.9", "1.9", 200, FULL),
        ("2.3", "1.9", 200, FULL),
        ("1.8", "1.8", 200, FULL),
        ("1.7", "1.7", 203, V17),
        ("1.3", "1.3", 203, V13),
        ("1.0", "1.0", 203, V10),
        ("0.9", "1.0", 203, V10),
    ],
)
def test_what_is_newer_falls_back(
    tell: Any, version: str, conformant: str, status: int, expected: dict[str, Any]
) -> None:
    """Each kind and member falls back or is left out before its version; 203 says that something was amended."""

    async def story(client: Client) -> None:
        assert (await client.post("/entities", json=FULL)).status_code == 201
        for path in ("/entities/urn:x:a", "/entities?type=Lamp"):
            answer = await client.get(path, headers={"prefer": f"ngsi-ld={version}"})
            assert (answer.status_code, answer.headers["preference-applied"]) == (status, f"ngsi-ld={conformant}")
            assert answer.json() == ([expected] if "?" in path else expected)

    tell(story)


def test_an_entity_that_every_version_knows_is_not_amended(tell: Any) -> None:
    """A plain entity is the same in 1.0: 200, and the preference is still said to be applied."""

    async def story(client: Client) -> None:
        plain = {"id": "urn:x:p", "type": "Lamp", "size": {"type": "Property", "value": 1}}
        await client.post("/entities", json=plain)
        answer = await client.get("/entities/urn:x:p", headers={"prefer": "respond-async, ngsi-ld=1.0"})
        assert (answer.status_code, answer.headers["preference-applied"], answer.json()) == (200, "ngsi-ld=1.0", plain)
        for unclear in ("ngsi-ld", "ngsi-ld=new", "body=json"):
            answer = await client.get("/entities/urn:x:p", headers={"prefer": unclear})
            assert (answer.status_code, "preference-applied" in answer.headers) == (200, False)

    tell(story)


def test_concise_lists_of_relationships(tell: Any) -> None:
    """Concise, an objectList is bare URIs, and reads back as it was (clause 4.5.22.3)."""

    async def story(client: Client) -> None:
        await client.post("/entities", json=FULL)
        concise = (await client.get("/entities/urn:x:a?format=concise")).json()
        assert concise["stops"] == {"objectList": ["urn:x:b"], "objectType": "Stop"}
        assert concise["list"] == {"valueList": [1, 2]}
        await client.post("/entities", json=concise | {"id": "urn:x:again"})
        again = (await client.get("/entities/urn:x:again")).json()
        assert again == FULL | {"id": "urn:x:again"}

    tell(story)
