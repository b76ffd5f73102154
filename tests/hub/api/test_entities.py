"""Tests: entities are created, read, queried, replaced, merged and deleted as clauses 5.6 and 5.7 say."""

from typing import Any

import pytest

from tests.hub.api.conftest import Client

AT = "2026-11-22T07:30:00Z"
POINT = {"type": "Point", "coordinates": [107.59, 16.46]}
STATION: dict[str, Any] = {
    "id": "urn:ngsi-ld:Station:1",
    "type": "Station",
    "scope": "/VN/Hue",
    "pm25": {"type": "Property", "value": 35.5, "observedAt": AT},
    "location": {"type": "GeoProperty", "value": POINT},
}
URL = "/entities/urn:ngsi-ld:Station:1"
ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"


def test_create_then_read(tell: Any) -> None:
    """What is created is read back unchanged, from the place that Location names; a second create is a conflict."""

    async def story(client: Client) -> None:
        made = await client.post("/entities", json=STATION)
        assert (made.status_code, made.content) == (201, b"")
        read = await client.get(f"http://city{made.headers['location']}")
        assert (read.status_code, read.json()) == (200, STATION)
        again = await client.post("/entities", json=STATION)
        assert (again.status_code, again.json()["type"]) == (409, ERRORS + "AlreadyExists")

    tell(story)


def test_an_id_may_hold_slashes(tell: Any) -> None:
    """An id that is a web address is created, read, amended and deleted through its encoded path."""

    async def story(client: Client) -> None:
        made = await client.post("/entities", json=STATION | {"id": "https://ex.org/stations/1"})
        place = f"http://city{made.headers['location']}"
        assert "%2F" in place
        assert (await client.get(place)).json()["id"] == "https://ex.org/stations/1"
        assert (await client.patch(f"{place}/attrs/pm25", json={"value": 1})).status_code == 204
        name = "https%3A%2F%2Furi.etsi.org%2Fngsi-ld%2Fdefault-context%2Fpm25"
        assert (await client.delete(f"{place}/attrs/{name}")).status_code == 204
        assert (await client.delete(place)).status_code == 204
        assert (await client.get(place)).status_code == 404

    tell(story)


def test_representations(tell: Any) -> None:
    """The same entity in each form: normalized, concise, simplified (two names), GeoJSON, with system times."""

    async def story(client: Client) -> None:
        await client.post("/entities", json=STATION)
        assert (await client.get(URL, params={"options": "keyValues"})).json()["pm25"] == 35.5
        assert (await client.get(URL, params={"format": "simplified"})).json()["location"] == POINT
        assert (await client.get(URL, params={"format": "concise"})).json()["pm25"] == {"value": 35.5, "observedAt": AT}
        timed = (await client.get(URL, params={"options": "sysAttrs"})).json()
        assert timed["pm25"]["createdAt"] == timed["createdAt"] == timed["pm25"]["modifiedAt"]
        geo = await client.get(URL, headers={"Accept": "application/geo+json"})
        assert geo.headers["content-type"] == "application/geo+json"
        assert geo.json()["geometry"] == POINT
        assert "@context" in geo.json()
        many = await client.get("/entities?type=Station&options=keyValues", headers={"Accept": "application/geo+json"})
        assert many.json()["features"][0]["properties"]["pm25"] == 35.5
        assert (await client.get(URL, params={"format": "nonsense"})).status_code == 400

    tell(story)


def test_projection(tell: Any) -> None:
    """Attrs, pick and omit narrow the answer; asking only for attributes that are not there is not found."""

    async def story(client: Client) -> None:
        await client.post("/entities", json=STATION)
        assert (await client.get(URL, params={"attrs": "pm25"})).json().keys() == {"id", "type", "scope", "pm25"}
        assert (await client.get(URL, params={"pick": "id,pm25"})).json().keys() == {"id", "pm25"}
        assert "pm25" not in (await client.get(URL, params={"omit": "pm25"})).json()
        assert (await client.get(URL, params={"attrs": "nothing"})).status_code == 404
        assert (await client.get(URL, params={"type": "Other"})).status_code == 404
        assert (await client.get(URL, params={"type": "Station"})).status_code == 200

    tell(story)


def test_queries(tell: Any) -> None:
    """Entities are found by type, id, idPattern, q, place and scope, alone and together, by GET and by POST."""

    async def story(client: Client) -> None:
        for number in range(5):
            place = {"type": "Point", "coordinates": [107.0 + number / 10, 16.0]}
            body = {"id": f"urn:s:{number}", "type": "Station" if number else "Other", "pm25": number * 10}
            await client.post("/entities", json=body | {"location": place, "scope": f"/VN/k{number}"})
        found = {
            "type=Station": [1, 2, 3, 4],
            "type=Station,Other": [0, 1, 2, 3, 4],
            "type=Station&id=urn:s:1,urn:s:0": [1],
            "type=Station&idPattern=^urn:s:[12]$": [1, 2],
            "q=pm25>=30": [3, 4],
            "q=pm25==10..20": [1, 2],
            "type=Station&q=pm25<20|pm25>30": [1, 4],
            "georel=near;maxDistance==20000&geometry=Point&coordinates=[107.1,16.0]": [0, 1, 2],
            "georel=within&geometry=Polygon&coordinates=[[[107.15,15],[108,15],[108,17],[107.15,17],[107.15,15]]]": [
                2,
                3,
                4,
            ],
            "type=Station&scopeQ=/VN/k2": [2],
            "attrs=pm25": [0, 1, 2, 3, 4],
            "local=true": [0, 1, 2, 3, 4],
            "type=Nothing": [],
            "type=Station&orderBy=pm25;desc": [4, 3, 2, 1],
        }
        for query, numbers in found.items():
            answer = await client.get(f"/entities?{query}")
            assert [one["id"] for one in answer.json()] == [f"urn:s:{n}" for n in numbers], query
        posted = {
            "type": "Query",
            "entities": [{"type": "Station"}, {"type": "Other"}],
            "q": "pm25>=10",
            "geoQ": {"georel": "near;maxDistance==20000", "geometry": "Point", "coordinates": [107.1, 16.0]},
            "pick": ["id", "pm25"],
        }
        answer = await client.post("/entityOperations/query?options=keyValues", json=posted)
        assert answer.json() == [{"id": "urn:s:1", "pm25": 10}, {"id": "urn:s:2", "pm25": 20}]

    tell(story)


def test_pages_and_counts(tell: Any) -> None:
    """Following the next links meets every entity once; count tells the total; limit=0 tells the total only."""

    async def story(client: Client) -> None:
        await client.post("/entityOperations/create", json=[STATION | {"id": f"urn:s:{n}"} for n in range(25)])
        address: str | None = "/entities?type=Station&limit=10&count=true"
        met, steps = [], 0
        while address is not None:
            answer = await client.get(address)
            assert answer.headers["ngsild-results-count"] == "25"
            met += [one["id"] for one in answer.json()]
            address = _link(answer.headers.get_list("link"), "next")
            steps += 1
        assert (met, steps) == ([f"urn:s:{n}" for n in range(25)], 3)
        assert _link(answer.headers.get_list("link"), "prev") is not None
        only = await client.get("/entities?type=Station&limit=0&count=true")
        assert (only.json(), only.headers["ngsild-results-count"]) == ([], "25")

    tell(story)


def _link(links: list[str], rel: str) -> str | None:
    found = [
        part.split(">")[0].removeprefix("<") for link in links for part in link.split(", ") if f'rel="{rel}"' in part
    ]
    return f"http://city{found[0]}" if found else None


@pytest.mark.parametrize(
    ("query", "status", "kind"),
    [
        ("", 400, "BadRequestData"),
        ("id=urn:a:b", 400, "BadRequestData"),
        ("attrs=createdAt", 400, "BadRequestData"),
        ("pick=id", 400, "BadRequestData"),
        ("type=Station&limit=0", 400, "BadRequestData"),
        ("type=Station&limit=-1", 400, "BadRequestData"),
        ("type=Station&limit=x", 400, "BadRequestData"),
        ("type=Station&limit=1001", 403, "TooManyResults"),
        ("type=Station&count=perhaps", 400, "BadRequestData"),
        ("type=", 400, "BadRequestData"),
        ("type=((", 400, "BadRequestData"),
        ("q=pm25>", 400, "BadRequestData"),
        ("q=" + "(" * 100, 403, "TooComplexQuery"),
        ("type=Station&idPattern=(", 400, "BadRequestData"),
        ("type=Station&id=nonsense", 400, "BadRequestData"),
        ("georel=near;maxDistance==10", 400, "BadRequestData"),
        ("georel=near;maxDistance==10&geometry=Point&coordinates=[200,1]", 400, "BadRequestData"),
        ("georel=near;maxDistance==10&geometry=Point&coordinates=nonsense", 400, "BadRequestData"),
        ("type=Station&geometryProperty=location", 400, "BadRequestData"),
        ("type=Station&join=around", 400, "BadRequestData"),
        ("type=Station&pick=a{b}", 400, "BadRequestData"),
        ("type=Station&pick=a,,b", 400, "BadRequestData"),
        ("type=Station&pick=a&omit=a", 400, "BadRequestData"),
        ("type=Station&pick=a&attrs=a", 400, "BadRequestData"),
        ("type=Station&nonsense=1", 400, "InvalidRequest"),
        ("type=Station&options=nonsense", 400, "InvalidRequest"),
        ("type=Station&format=nonsense", 400, "InvalidRequest"),
        ("attrs=id,type", 400, "BadRequestData"),
        ("type=Station&csf=((", 400, "BadRequestData"),
        ("type=Station&attrs=a-b", 400, "BadRequestData"),
        ("type=Station&lang=;q=x", 400, "BadRequestData"),
        ("type=Station&q=%FF", 400, "InvalidRequest"),
    ],
)
def test_wrong_queries_are_answered_clearly(tell: Any, query: str, status: int, kind: str) -> None:
    """Each wrong query is a problem document with the standard's error type and a detail."""

    async def story(client: Client) -> None:
        await client.post("/entities", json=STATION)
        answer = await client.get(f"/entities?{query}")
        assert (answer.status_code, answer.json()["type"]) == (status, ERRORS + kind)
        assert answer.headers["content-type"] == "application/json"
        assert len(answer.json()["detail"]) > 20

    tell(story)


def test_replace(tell: Any) -> None:
    """Replacing leaves nothing of what stood before; the body may not be about another entity."""

    async def story(client: Client) -> None:
        await client.post("/entities", json=STATION)
        assert (await client.put(URL, json={"type": "Station", "name": "Huế"})).status_code == 204
        assert (await client.get(URL)).json().keys() == {"id", "type", "name"}
        assert (await client.put(URL, json=STATION | {"id": "urn:other:1"})).status_code == 400
        assert (await client.put("/entities/urn:not:there", json={"type": "Station"})).status_code == 404

    tell(story)


def test_merge(tell: Any) -> None:
    """A merge goes into values and members, adds what is new, and a null deletes (clause 5.5.12)."""

    async def story(client: Client) -> None:
        address = {"type": "Property", "value": {"street": "Lê Lợi", "country": "VN"}}
        await client.post("/entities", json=STATION | {"address": address, "old": 1})
        patch = {
            "pm25": {"value": 40},
            "address": {"value": {"street": "Hà Nội", "country": "urn:ngsi-ld:null"}},
            "old": "urn:ngsi-ld:null",
            "new": 5,
        }
        merged = await client.patch(URL, json=patch, headers={"Content-Type": "application/merge-patch+json"})
        assert merged.status_code == 204
        now = (await client.get(URL)).json()
        assert now["pm25"] == {"type": "Property", "value": 40, "observedAt": AT}
        assert now["address"]["value"] == {"street": "Hà Nội"}
        assert now["new"]["value"] == 5
        assert "old" not in now
        assert (await client.patch(URL, json={"none": {"type": "Property", "unitCode": "GQ"}})).status_code == 400
        assert (await client.patch("/entities/urn:not:there", json={"a": 1})).status_code == 404

    tell(story)


def test_merge_in_simplified_form(tell: Any) -> None:
    """Plain values keep the types that attributes have; a plain text goes into its language; one time for all."""

    async def story(client: Client) -> None:
        more = {"says": {"languageMap": {"vi": "có"}}, "owner": {"object": "urn:o:1"}, "state": {"vocab": "ok"}}
        await client.post("/entities", json=STATION | more)
        later = "2026-11-22T08:00:00Z"
        patch = {"pm25": 50, "says": "yes", "owner": "urn:o:2", "state": "broken", "name": "Huế"}
        query = {"format": "keyValues", "lang": "en", "observedAt": later}
        assert (await client.patch(URL, params=query, json=patch)).status_code == 204
        now = (await client.get(URL)).json()
        assert now["pm25"] == {"type": "Property", "value": 50, "observedAt": later}
        assert now["says"] == {"type": "LanguageProperty", "languageMap": {"vi": "có", "en": "yes"}}
        assert now["owner"] == {"type": "Relationship", "object": "urn:o:2"}
        assert now["state"] == {"type": "VocabProperty", "vocab": "broken"}
        assert now["name"] == {"type": "Property", "value": "Huế"}

    tell(story)


def test_delete(tell: Any) -> None:
    """A deleted entity is gone; deleting it again is not found; one of another type is left alone."""

    async def story(client: Client) -> None:
        await client.post("/entities", json=STATION)
        assert (await client.delete(URL, params={"type": "Other"})).status_code == 404
        assert (await client.delete(URL)).status_code == 204
        assert (await client.get(URL)).status_code == 404
        assert (await client.delete(URL)).json()["type"] == ERRORS + "ResourceNotFound"
        assert (await client.delete("/entities/nonsense")).status_code == 400

    tell(story)
