"""The stream of changes: what happened within 2 s, to those who may see it, and nothing missed after a pause."""

import json
import time
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser

from dothi.ground.clock import iso, now_us
from dothi.hub.model import Commit, prop, put, system
from tests.web.city import City
from tests.web.watch import signed_in, watch

WITHIN_S = 2.0
ID = "urn:ngsi-ld:AirQualityObserved:live"


def write(city: City, value: float, kind: str = "AirQualityObserved", entity_id: str = ID) -> int:
    """Commit a reading; returns its sequence."""
    reading = put(entity_id, kind, name=prop("Trạm thử"), pm25=prop(value, iso(now_us()), "GQ"))
    return city.run(city.parts.hub.commit(Commit(system("demo"), (reading,), reason="thử"))).seq


class Stream:
    """One reader of /live."""

    def __init__(self, response: httpx.Response) -> None:
        """Read lines as they come."""
        self.lines = response.iter_lines()

    def next(self) -> tuple[str, dict[str, object]]:
        """The next event and its data."""
        event, data = "", ""
        for line in self.lines:
            if line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: "):
                data = line[6:]
            elif not line and event:
                return event, json.loads(data)
        raise EOFError

    def change(self) -> dict[str, object]:
        """The next change, past any beats."""
        while True:
            event, data = self.next()
            if event == "change":
                return data


@pytest.fixture
def client(city: City) -> Iterator[httpx.Client]:
    """A client of nobody in particular."""
    with httpx.Client(base_url=city.address, timeout=20) as made:
        yield made


def sign_in(client: httpx.Client, city: City, role: str) -> None:
    client.get("/login")
    sample = city.samples[role]
    data = {"login": sample.login, "password": sample.password, "csrf": client.cookies["dothi_visitor"]}
    assert client.post("/login", data=data).status_code == 303


def test_a_change_is_told_within_two_seconds(city: City, client: httpx.Client) -> None:
    """The event comes soon after the commit, with type, id and sequence; the burst of a batch is one message."""
    with client.stream("GET", "/live?types=AirQualityObserved") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        stream = Stream(response)
        assert stream.next()[0] == "beat"
        begun = time.monotonic()
        write(city, 30)
        seq = write(city, 31)
        told = stream.change()
        assert time.monotonic() - begun < WITHIN_S
        assert {"type": "AirQualityObserved", "id": ID, "seq": seq} in told["changes"]  # type: ignore[operator]


def test_nothing_is_missed_after_a_pause(city: City, client: httpx.Client) -> None:
    """A browser that comes back with the last event's id hears what happened meanwhile."""
    before = city.parts.hub.last_seq()
    seq = write(city, 32)
    for headers, query in (({"Last-Event-ID": str(before)}, ""), ({}, f"&after={before}")):
        with client.stream("GET", f"/live?types=AirQualityObserved{query}", headers=headers) as response:
            assert Stream(response).change()["seq"] == seq


def test_only_the_types_asked_for(city: City, client: httpx.Client) -> None:
    """Other changes are not told."""
    before = city.parts.hub.last_seq()
    write(city, 10, "WeatherObserved", "urn:ngsi-ld:WeatherObserved:live")
    seq = write(city, 33)
    with client.stream("GET", f"/live?types=AirQualityObserved&after={before}") as response:
        assert [change["id"] for change in Stream(response).change()["changes"]] == [ID]  # type: ignore[attr-defined]
    assert seq > before


def test_nothing_is_told_to_who_may_not_read(city: City, client: httpx.Client) -> None:
    """Who may not read a type hears nothing of it; who may, does."""
    before = city.parts.hub.last_seq()
    write(city, 1, "SecretThing", "urn:ngsi-ld:SecretThing:1")
    public = write(city, 34)
    types = "/live?types=SecretThing,AirQualityObserved"
    with client.stream("GET", f"{types}&after={before}") as response:
        told = Stream(response).change()
    assert "SecretThing" not in json.dumps(told)
    assert told["seq"] == public


def test_a_stream_ends_with_its_session(city: City, client: httpx.Client) -> None:
    """Who signs out (or is locked) hears no more than that."""
    sign_in(client, city, "assessor")
    session = client.cookies["dothi_session"]
    with client.stream("GET", "/live?types=AirQualityObserved") as response:
        stream = Stream(response)
        assert stream.next()[0] == "beat"
        other = httpx.Client(base_url=city.address, cookies={"dothi_session": session})
        page = other.get("/account").text
        token = page.partition('name="csrf" value="')[2].partition('"')[0]
        assert other.post("/logout", data={"csrf": token}).status_code == 303
        other.close()
        write(city, 35)
        assert stream.next()[0] == "signed-out"


def test_a_bad_position_is_refused(client: httpx.Client) -> None:
    """`after` is a number, else a clear 400."""
    assert client.get("/live?types=Alarm&after=-1").status_code == 400


def test_the_page_follows(city: City, browser: Browser) -> None:
    """A figure on a page changes within 2 s of the commit (and half a second to fetch), without a reload."""
    context = signed_in(browser, city, "")
    seen = watch(context)
    seen.open(city.address)
    seen.page.evaluate("window.same = true")
    figure = seen.page.locator("#figures .figure").first
    assert "989,5" not in figure.inner_text()
    seen.page.wait_for_timeout(500)
    write(city, 989.5)  # The tile shows the worst station, whatever other tests wrote.
    begun = time.monotonic()
    while "989,5" not in figure.inner_text() and time.monotonic() - begun < 10:
        seen.page.wait_for_timeout(50)
    assert time.monotonic() - begun < WITHIN_S + 0.5
    assert seen.page.evaluate("window.same")
    write(city, 12.0)
    context.close()


def test_the_page_says_when_the_connection_is_lost(city: City, browser: Browser) -> None:
    """A banner says since when the figures stand still, and goes when the stream is back."""
    context = signed_in(browser, city, "")
    seen = watch(context)
    seen.page.route("**/live?*", lambda route: route.abort())
    seen.page.goto(city.address)
    banner = seen.page.locator("#live-lost")
    banner.wait_for(state="visible", timeout=5000)
    assert "Mất kết nối" in banner.inner_text()
    seen.page.unroute("**/live?*")
    banner.wait_for(state="hidden", timeout=15_000)
    context.close()
