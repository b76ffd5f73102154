"""Evidence over HTTP: what is listed, published, walked and written, and how a refusal is told."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from dothi.accounts.api import actor_of
from dothi.evidence.api import router
from dothi.evidence.model import PeriodKind, parse_period
from dothi.ground.errors import DothiError, Invalid
from dothi.ground.problem import problem
from dothi.hub.model import ANONYMOUS, Actor
from tests.evidence.conftest import HUE, OFFICER, ON_TIME, PHU_XUAN, Town

InTown = Callable[[Any], Any]


async def refused(_: Request, error: Exception) -> JSONResponse:
    status, body = problem(error)
    return JSONResponse(body, status)


def client(town: Town, actor: Actor) -> httpx.AsyncClient:
    """A client in whose name `actor` acts."""
    app = FastAPI()
    app.state.parts = SimpleNamespace(evidence=town.evidence)
    app.include_router(router)
    app.add_exception_handler(DothiError, refused)
    app.dependency_overrides[actor_of] = lambda: actor
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://city.example")


def test_indicators_and_figures_are_listed_for_everybody(in_town: InTown) -> None:
    """Anybody reads definitions and figures; a grey one has no value and says why."""

    async def story(town: Town) -> None:
        await town.closed(1, on_time=True)
        await town.compute()
        async with client(town, ANONYMOUS) as http:
            listed = (await http.get("/evidence/indicators")).json()
            assert {"pm25-mean", "satisfaction"} <= {one["id"].rpartition(":")[2] for one in listed}
            one = (await http.get(f"/evidence/indicators/{ON_TIME}")).json()
            assert (one["unitCode"], one["direction"], one["target"], one["sample"]) == ("P1", "higher", 90, True)
            found = (await http.get("/evidence/values", params={"indicator": ON_TIME, "unit": PHU_XUAN})).json()
            assert [(value["value"], value["standing"]) for value in found] == [(100, "met")]
            grey = (await http.get("/evidence/values", params={"indicator": "pm25-mean", "unit": HUE})).json()[0]
            assert "value" not in grey
            assert (grey["state"], grey["standing"], grey["reasons"][0]["code"]) == ("grey", "grey", "noInputs")
            assert (await http.get("/evidence/indicators/none")).status_code == 404
            assert (await http.get("/evidence/values/urn:ngsi-ld:IndicatorValue:none")).status_code == 404

    in_town(story)


def test_publishing_and_walking(in_town: InTown) -> None:
    """An officer publishes, nobody else does; the walk tells the steps both ways."""

    async def story(town: Town) -> None:
        await town.closed(1, on_time=True)
        await town.compute()
        name = town.figure(ON_TIME).id
        async with client(town, ANONYMOUS) as http:
            assert (await http.post(f"/evidence/values/{name}/publish", json={})).status_code == 403
        async with client(town, OFFICER) as http:
            assert (await http.post(f"/evidence/values/{name}/publish", json={})).status_code == 201
            again = await http.post(f"/evidence/values/{name}/publish", json={})
            assert (again.status_code, again.json()["published"]) == (409, f"{name}:published:1")
            one = (await http.get(f"/evidence/values/{name}")).json()
            assert [copy["state"] for copy in one["publications"]] == ["final"]
            walked = (await http.get(f"/evidence/walk/{name}")).json()
            assert {"indicator", "inputs", "published"} <= {group["relation"] for group in walked["groups"]}

    in_town(story)


def test_a_report_is_written_and_fetched(in_town: InTown) -> None:
    """The report's figures lead to pages of this very server; the file is a document to be saved."""

    async def story(town: Town) -> None:
        await town.closed(1, on_time=True)
        month = town.period(ON_TIME).name
        async with client(town, OFFICER) as http:
            made = await http.post("/evidence/reports/month", json={"unit": PHU_XUAN, "month": month})
            assert made.status_code == 201
            report = made.json()
            assert (await http.get(f"/evidence/reports/{report['id']}")).json()["figures"] == report["figures"]
            file = await http.get(f"/evidence/reports/{report['id']}/file")
            assert file.content[:2] == b"PK"
            assert f"bao-cao-{month}-phuong-phu-xuan.docx" in file.headers["content-disposition"]
            wrong = await http.post("/evidence/reports/month", json={"unit": PHU_XUAN, "month": "0001-01"})
            assert wrong.status_code == 400
        async with client(town, ANONYMOUS) as http:
            assert (
                await http.post("/evidence/reports/month", json={"unit": PHU_XUAN, "month": month})
            ).status_code == 403

    in_town(story)


@pytest.mark.parametrize("name", ["", "2026", "2026-13", "2026-11-22", "0001-01", "9999-12", "abcd-ef", "2026-1"])
def test_a_month_that_is_none_is_refused(name: str) -> None:
    """What is no month of our time is invalid, and the error says how it is written."""
    with pytest.raises(Invalid, match="2026-11"):
        parse_period(PeriodKind.MONTH, name)
