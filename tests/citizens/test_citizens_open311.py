"""Open311 GeoReport v2: answers as the specification writes them, an independent client, keys, filters, privacy."""

import asyncio
import json
import re
import socket
import xml.etree.ElementTree as Xml
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from georeport import GeoReport
from starlette.applications import Starlette
from starlette.routing import Mount

from dothi.accounts.model import Identity
from dothi.accounts.signin import create_key
from dothi.citizens import Citizens, Filing, Outcome, Upload, answer, file_report, find_by_code, receive
from dothi.citizens.api.open311 import Endpoint, open311
from dothi.citizens.rules.intake.questions import parse_questions
from dothi.ground.clock import DAY, HOUR, iso, now_us
from dothi.hub.model import Actor, system
from tests.citizens.conftest import MONDAY_8, City

Tell = Callable[[Callable[[City], Awaitable[Any]]], Any]
GOLDEN = Path(__file__).parent / "golden" / "open311"
ADDRESS = "https://hue.example.vn"
QUESTION = {
    "channel": [],
    "question": [
        {
            "id": "how_many", "categories": ["street_light"], "required": True,
            "vi": "Bao nhiêu đèn tắt?", "en": "How many lamps are out?",
            "answer": [{"id": "one", "vi": "Một đèn", "en": "One"}, {"id": "many", "vi": "Nhiều đèn", "en": "Several"}],
        }
    ],
}  # fmt: skip


def with_small_rules(citizens: Citizens) -> Citizens:
    """Two categories, one of them with a question, so that the golden files hold whatever the samples say."""
    rules = citizens.rules
    light = replace(
        rules.category("street_light"),
        names={"vi": "Đèn chiếu sáng", "en": "Street light"},
        hints={"vi": "Đèn tắt, đèn hỏng", "en": "Light out, broken lamp"},
    )
    danger = replace(
        rules.category("danger"),
        names={"vi": "Nguy hiểm trước mắt", "en": "Immediate danger"},
        hints={"vi": "Dây điện đứt", "en": "Fallen cable"},
    )
    intake = replace(rules.intake, questions=parse_questions(QUESTION))
    few = replace(rules, categories={"street_light": light, "danger": danger}, intake=intake)
    return replace(citizens, rules=few)


def app(city: City, home: str = "46") -> Starlette:
    endpoint = Endpoint(with_small_rules(city.citizens), city.accounts, home, ADDRESS)
    return Starlette(routes=[Mount("/open311", open311(endpoint))])


def client(city: City, home: str = "46") -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app(city, home)), base_url="http://city/open311/v2")


async def key_of(city: City, *scopes: str, areas: frozenset[str] = frozenset()) -> str:
    made = await create_key(city.accounts, system("operator"), "Ứng dụng thử", frozenset(scopes), areas)
    return made[1]


def golden(name: str, **values: str) -> str:
    text = (GOLDEN / name).read_text("utf-8")
    for word, value in values.items():
        text = text.replace(word, value)
    return text


def same(got: httpx.Response, name: str, **values: str) -> None:
    """The answer equals the golden file, as JSON values or as canonical XML, with the header of its kind."""
    if name.endswith("json"):
        assert got.headers["content-type"] == "application/json; charset=utf-8"
        assert got.json() == json.loads(golden(name, **values))
        return
    assert got.headers["content-type"] == "text/xml; charset=utf-8"
    assert got.text.startswith("<?xml version='1.0' encoding='utf-8'?>")
    wanted = Xml.canonicalize(golden(name, **values), strip_text=True)
    assert Xml.canonicalize(got.text, strip_text=True) == wanted


async def answered(city: City, official: Actor, lamp: Filing, proof: Upload, words: str) -> tuple[str, str, str]:
    """A report filed on a Monday at 8 and answered at 10: number, digest of its proof, its deadline."""
    who = Identity(name="Trần Thị Lan", phone="0912345678")
    filed = await file_report(city.citizens, replace(lamp, identity=who), MONDAY_8)
    await receive(city.citizens, official, filed.number, now=MONDAY_8 + HOUR)
    done = await answer(
        city.citizens, official, filed.number, Outcome.RESOLVED, words, [proof], now=MONDAY_8 + 2 * HOUR
    )
    return filed.number, done.proof[0].sha256, str(done.handle_by)


def test_services_as_written(in_city: Tell) -> None:
    """Services, their questions and errors are, in both formats, what the specification shows."""

    async def story(city: City) -> None:
        async with client(city) as web:
            for form in ("json", "xml"):
                same(await web.get(f"/services.{form}"), f"services.{form}")
                same(await web.get(f"/services/street_light.{form}?jurisdiction_id=19789"), f"definition.{form}")
                lost = await web.get(f"/services/graffiti.{form}")
                same(lost, f"error.{form}")
                assert lost.status_code == 404
                found = await web.get(f"/discovery.{form}")
                assert f"{ADDRESS}/open311/v2" in found.text
                assert "GeoReport_v2" in found.text
            assert (await web.get("/services.json?locale=en")).json()[0]["service_name"] == "Street light"
            for wrong in ("services.json?jurisdiction_id=00004", "services.json?jurisdiction_id=x", "services.yaml"):
                assert (await web.get(f"/{wrong}")).status_code == 404
            assert (await web.get("/services")).text.count("<error>") == 1
            assert (await web.delete("/services.json")).json()[0]["code"] == 405

    in_city(story)


def test_requests_as_written(in_city: Tell, official: Actor, lamp: Filing, proof: Upload, answer_words: str) -> None:
    """A closed request in both formats, by number, by list and by token: rounded, and nothing of its reporter."""

    async def story(city: City) -> None:
        number, digest, due = await answered(city, official, lamp, proof, answer_words)
        values = {"NUMBER": number, "PROOF": digest, "EXPECTED": due}
        async with client(city) as web:
            for form in ("json", "xml"):
                one = await web.get(f"/requests/{number.lower()}.{form}")
                same(one, f"requests.{form}", **values)
                several = await web.get(f"/requests.{form}?service_request_id={number},ZZZZZZ&status=open")
                same(several, f"requests.{form}", **values)
                assert not re.search("Lê Lợi|Lan|0912|107.5905|tắt ba đêm", one.text)
            token = (await web.get(f"/tokens/{number}.json")).json()
            assert token == [{"token": number, "service_request_id": number}]
            assert (await web.get("/requests/ZZZZZZ.xml")).status_code == 404
            assert (await web.get("/tokens/ZZZZZZ.json")).status_code == 404

    in_city(story)


def test_filed_with_a_key(in_city: Tell, make_jpeg: Any) -> None:
    """A request is filed by form with several photos; who filed goes to the vault; the same key files once."""

    async def story(city: City) -> None:
        key = await key_of(city, "write:CitizenReport")
        said = {
            "api_key": key, "service_code": "street_light", "lat": "16.4637", "long": "107.5905", "address_id": "19789",
            "description": "Hai đèn tắt, gọi 0912345678", "attribute[how_many]": "one", "first_name": "Lan",
            "last_name": "Trần Thị", "email": "lan@example.vn",
        }  # fmt: skip
        media = [("media", (f"{n}.jpg", make_jpeg(colour=colour))) for n, colour in enumerate(("navy", "red"))]
        async with client(city) as web:
            again = {"Idempotency-Key": "0123456789abcdef"}
            for form in ("json", "xml"):
                filed = await web.post(f"/requests.{form}", data=said, files=media, headers=again)
                assert filed.status_code == 201
                number, code = re.findall(r"[2-9A-Z]{6}(?:-[2-9A-Z]{4}-[2-9A-Z]{4})?", filed.text)[:2]
                same(filed, f"filed.{form}", NUMBER=number, FOLLOW=code)
            report = find_by_code(city.citizens, code)
            assert (len(report.photos), report.unit, report.category) == (2, "19789", "street_light")
            assert "0912345678" not in report.description
            assert len(city.hub.find(system("citizens"), "CitizenReport").entities) == 1
            assert "lan@example.vn" not in repr(city.hub.log())
            plain = {**said, "media_url": "http://x/y.jpg", "lat": "", "long": ""}
            noted = (await web.post("/requests.json", data=plain)).json()
            assert "media_url" in noted[0]["service_notice"]

    in_city(story)


def test_what_cannot_be_filed(in_city: Tell) -> None:
    """Missing, bad and foreign keys are 403, missing arguments 400, unknown codes 404; nothing of it is kept."""

    async def story(city: City) -> None:
        good = await key_of(city, "write:CitizenReport")
        reader = await key_of(city, "read:CitizenReport")
        hanoi = await key_of(city, "write:CitizenReport", areas=frozenset({"01"}))
        base = {"service_code": "danger", "address_id": "19789", "description": "Dây điện đứt."}
        cases = [
            ({**base}, 403), ({**base, "api_key": "dothi_wrong"}, 403), ({**base, "api_key": reader}, 403),
            ({**base, "api_key": hanoi}, 403), ({**base, "api_key": good, "service_code": ""}, 400),
            ({**base, "api_key": good, "service_code": "graffiti"}, 404),
            ({**base, "api_key": good, "service_code": "street_light"}, 400),
            ({**base, "api_key": good, "description": ""}, 400), ({**base, "api_key": good, "address_id": ""}, 400),
            ({**base, "api_key": good, "lat": "x", "long": "1"}, 400), ({**base, "api_key": good, "lat": "16"}, 400),
            ({**base, "api_key": good, "lat": "nan", "long": "1e999"}, 400),
            ({**base, "api_key": good, "jurisdiction_id": "01"}, 404),
        ]  # fmt: skip
        async with client(city) as web:
            for body, status in cases:
                got = await web.post("/requests.json", data=body)
                assert (got.status_code, got.json()[0]["code"]) == (status, status), (body, got.text)
                assert got.json()[0]["description"]
            assert city.hub.find(system("citizens"), "CitizenReport").entities == ()
            words = {**base, "api_key": good, "address_id": "", "address_string": "Trước chợ Đông Ba"}
            number = (await web.post("/requests.json", data=words)).json()[0]["service_request_id"]
            report = city.citizens.hub.get(system("citizens"), f"urn:ngsi-ld:CitizenReport:{number}")
            assert (report.value("unit"), report.value("placeDecided")) == ("46", False)

    in_city(story)


def test_filters_and_pages(in_city: Tell, official: Actor, lamp: Filing) -> None:
    """Requests are narrowed by code, status, dates and unit, newest first, page by page, 90 days at most."""

    async def story(city: City) -> None:
        now = now_us()
        numbers = [
            (await file_report(city.citizens, replace(lamp, category=category), now - days * DAY)).number
            for days, category in ((120, "street_light"), (20, "danger"), (10, "street_light"), (1, "danger"))
        ]
        await receive(city.citizens, official, numbers[2])

        async def asked(web: httpx.AsyncClient, **query: str) -> list[str]:
            got = await web.get("/requests.json", params=query)
            assert got.status_code == 200, got.text
            return [one["service_request_id"] for one in got.json()]

        async with client(city) as web:
            assert await asked(web) == numbers[:0:-1]
            assert await asked(web, page_size="2", page="2") == [numbers[1]]
            assert await asked(web, service_code="street_light") == [numbers[2]]
            assert await asked(web, status="closed") == []
            assert await asked(web, status="open,closed") == await asked(web, status="open")
            assert await asked(web, start_date=iso(now - 130 * DAY)) == [numbers[0]]
            assert await asked(web, start_date=iso(now - 12 * DAY), end_date=iso(now - 5 * DAY)) == [numbers[2]]
            assert len(await asked(web, jurisdiction_id="19789")) == 3
            assert await asked(web, jurisdiction_id="19753") == []
            wide = {"start_date": iso(now - 100 * DAY), "end_date": iso(now)}
            for wrong in (wide, {"start_date": "hôm qua"}, {"status": "done"}, {"page": "0"}, {"page_size": "x"},
                          {"start_date": "9999-12-31T23:59:59Z"}, {"end_date": "0001-01-01T00:00:00Z"}):  # fmt: skip
                assert (await web.get("/requests.json", params=wrong)).status_code == 400

    in_city(story)


@asynccontextmanager
async def served(application: Starlette) -> Any:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(application, log_level="warning"))
    going = asyncio.create_task(server.serve([listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/open311/v2"
    finally:
        server.should_exit = True
        await going
        listener.close()


@pytest.mark.parametrize("form", ["json", "xml"])
def test_an_independent_client(
    form: str, in_city: Tell, official: Actor, lamp: Filing, proof: Upload, answer_words: str
) -> None:
    """A client that others wrote reads services, questions and requests in both formats."""

    async def story(city: City) -> None:
        number, _, _ = await answered(city, official, lamp, proof, answer_words)
        other = (await file_report(city.citizens, lamp, MONDAY_8)).number
        async with served(app(city)) as address:
            theirs = GeoReport(address, jurisdiction="46", output_format=form)
            services = await asyncio.to_thread(theirs.get_service_list)
            assert [one["service_code"] for one in services] == ["street_light", "danger"]
            asked = await asyncio.to_thread(theirs.get_service_definition, "street_light")
            assert asked["service_code"] == "street_light"
            one = await asyncio.to_thread(theirs.get_service_request, number)
            assert (one["service_request_id"], one["status"]) == (number, "closed")
            both = await asyncio.to_thread(theirs.get_service_requests, f"{number},{other}")
            assert [(one["service_request_id"], one["status"]) for one in both] == [(number, "closed"), (other, "open")]

    in_city(story)
