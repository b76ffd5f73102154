"""Following an area by the pages alone, without a script; its feed; and the administrator's page of messages."""

import re
import xml.etree.ElementTree as Xml
from dataclasses import replace

import httpx

from dothi.citizens.channels.areas import followed_of
from dothi.citizens.channels.links import makers
from dothi.citizens.model import AREA_TYPE
from dothi.citizens.needs import SYSTEM
from dothi.ground.clock import DAY, now_us
from dothi.office.messages import Draft, Gateway, Link, State, queue
from dothi.office.messages.model import SYSTEM as POST
from dothi.office.messages.model import TYPE, message_of
from dothi.office.messages.outbox import send_due
from tests.web.city import COMMUNE, City

ATOM = "{http://www.w3.org/2005/Atom}"


def send(web: httpx.Client, path: str, form: str = "", **fields: str) -> httpx.Response:
    """A form of a page, sent as a browser does, with the page's own token."""
    page = web.get(form or path).text
    token = re.search(r'name="csrf" value="([^"]+)"', page)
    assert token
    return web.post(path, data={**fields, "csrf": token[1]})


def test_followed_and_ended_without_a_script(city: City) -> None:
    """Asked, confirmed and ended on three pages; what is wrong is said at its field; one POST ends it too."""
    with httpx.Client(base_url=city.address, follow_redirects=True, timeout=30) as web:
        wrong = send(web, "/areas", unit=COMMUNE, tells="reports", email="lan")
        assert (wrong.status_code, "ten@example.vn" in wrong.text) == (422, True)
        assert send(web, "/areas", tells="reports", email="lan@example.vn").status_code == 422
        nothing = send(web, "/areas", unit=COMMUNE, email="lan@example.vn")
        assert (nothing.status_code, "Chọn ít nhất một" in nothing.text) == (422, True)
        known = {one.id for one in city.parts.hub.find(SYSTEM, AREA_TYPE)}
        asked = send(web, "/areas", unit=COMMUNE, category="road", tells="reports", email="lan@example.vn")
        assert "Kiểm tra hộp thư" in asked.text
        (made,) = [one for one in city.parts.hub.find(SYSTEM, AREA_TYPE) if one.id not in known]
        links = {name: makers(city.parts.citizens)[name](made.id) for name in ("confirm", "stop", "stop_now")}
        assert "Phường Thuận Hóa" in web.get(links["confirm"]).text
        assert followed_of(made).state == "asked"
        assert "Đã bắt đầu theo dõi" in send(web, links["confirm"]).text
        assert followed_of(city.parts.hub.get(SYSTEM, made.id)).state == "followed"
        assert "Đã ngừng gửi tin" in send(web, links["stop"]).text
        one_click = httpx.post(city.address + links["stop_now"], data={"List-Unsubscribe": "One-Click"})
        assert one_click.status_code == 204
        assert web.get(links["stop"]).status_code == web.get("/areas/stop/" + "x" * 60).status_code == 404


def test_feed_of_an_area(city: City) -> None:
    """The feed of a commune holds its public reports, rounded, with links; of another commune it holds none of them."""
    feed = httpx.get(f"{city.address}/reports.atom", params={"unit": COMMUNE, "category": "street_light"}, timeout=30)
    assert feed.headers["content-type"].startswith("application/atom+xml")
    root = Xml.fromstring(feed.text)
    entries = root.findall(f"{ATOM}entry")
    assert entries
    for entry in entries:
        assert entry.findtext(f"{ATOM}summary", "").startswith("Phường Thuận Hóa")
        point = entry.findtext("{http://www.georss.org/georss}point", "0 0")
        assert all(len(number.partition(".")[2]) <= 3 for number in point.split())
    assert "tắt ba đêm" not in feed.text
    assert "<entry>" not in httpx.get(f"{city.address}/reports.atom", params={"unit": "00004"}, timeout=30).text
    circle = {"lon": "107.585", "lat": "16.463", "radius": "500"}
    assert "<entry>" in httpx.get(f"{city.address}/reports.atom", params=circle, timeout=30).text
    assert httpx.get(f"{city.address}/reports.atom", params={**circle, "radius": "5"}, timeout=30).status_code == 400


def test_administrator_sends_again(city: City) -> None:
    """A message that was given up stands on the page with its reason and without its address, and is sent again."""
    outbox = replace(city.parts.messages, channels=(Gateway("http://127.0.0.1:9/", "x"),))
    links = {"link": Link("page", "/follow"), "code": Link("page", "/follow")}
    words = {"number": "ABC234", "category": "Đèn", "unit": "P", "due": "–"}
    about = "urn:ngsi-ld:CitizenReport:ABC234"
    draft = Draft("test", "report.received", about, office="vp@x.example.vn", params=words, links=links)
    city.run(queue(outbox, [draft]))
    city.run(send_due(outbox, now_us() + DAY // 24))
    dead = [message_of(one) for one in city.parts.hub.find(POST, TYPE)]
    assert State.DEAD in {one.state for one in dead}
    who = city.samples["administrator"]
    with httpx.Client(base_url=city.address, follow_redirects=True, timeout=30) as web:
        assert web.get("/messages").url.path == "/login"
        send(web, "/login", login=who.login, password=who.password)
        page = web.get("/messages").text
        assert "không để lại địa chỉ" in page
        assert "vp@x" not in page
        again = re.search(r'action="(/messages/[^"]+/again)"', page)
        assert again
        assert "Tin được gửi lại ngay." in send(web, again[1], "/messages").text
