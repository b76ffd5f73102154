"""The public and a warning: found for my place without a script, remembered, drawn, safe said once, all clear."""

import re
import xml.etree.ElementTree as Xml

import httpx
import pytest
from playwright.sync_api import Browser, expect

from dothi.ground.clock import HOUR, iso, now_us
from dothi.operations.warnings import service
from dothi.operations.warnings.channels.delivery import deliveries
from dothi.operations.warnings.channels.model import SYSTEM
from dothi.operations.warnings.model import Draft, Info, Kind, Warning
from tests.web.alerts import out
from tests.web.city import City
from tests.web.warnings import WRITER

ATOM, CAP = "{http://www.w3.org/2005/Atom}", "{urn:oasis:names:tc:emergency:cap:1.2}"
NAME = "Xã A Lưới 5"
TEXTS = {
    "vi": Info("Lũ quét tại suối A Roàng (mẫu)", "Nước lên rất nhanh.", "Rời bờ suối ngay. Cần giúp đỡ gọi 112."),
    "en": Info("Flash flood at A Roang stream (sample)", "", "Leave the banks now. Call 112 for help."),
}


@pytest.fixture
def browser(drawing: Browser) -> Browser:
    """These pages are about a map."""
    return drawing


def made(city: City, kind: Kind, before: str = "", unit: str = "") -> Warning:
    """A message for one commune that two people let out."""
    words = Draft("flash_flood", TEXTS, (unit,), expires=iso(now_us() + 6 * HOUR))
    here = city.parts.operations
    verb = service.write_next(here, WRITER, before, kind, words) if before else service.write(here, WRITER, words)
    return city.run(out(city.parts, city.run(verb)))


def safe(city: City, warning: Warning) -> int:
    found = deliveries(city.parts.operations, SYSTEM, warning.id)
    return next((one.safe for one in found if one.channel == "page"), -1)


def test_a_warning_for_my_place(city: City, browser: Browser) -> None:
    """From the band on the home page to "I am safe" and the all-clear; file, feed, English; without a script."""
    unit = next(one.code for one in city.parts.territory.communes_of("46") if one.name == NAME)
    alert = made(city, Kind.ALERT, unit=unit)
    plain = browser.new_context(java_script_enabled=False, locale="vi-VN")
    page = plain.new_page()
    page.goto(city.address)
    page.locator(".warned").get_by_role("link", name="Lũ quét").click()
    expect(page.locator(".todo")).to_contain_text("Rời bờ suối ngay.")
    page.get_by_role("button", name="Tôi an toàn").click()
    expect(page.locator(".notice.done")).to_contain_text("bạn an toàn")
    page.get_by_role("button", name="Tôi an toàn").click()  # The same device once more.
    assert safe(city, alert) == 1
    page.goto(f"{city.address}/alerts")
    page.fill("#place", "a lưới 5")
    page.get_by_role("button", name="Xem nơi này").click()
    expect(page).to_have_url(re.compile(f"unit={unit}$"))
    expect(page.locator(".answer")).to_contain_text(f"tại {NAME}, tính đến")
    expect(page.locator("article.alert")).to_have_count(1)
    page.fill("#place", "khong co noi nay")
    page.get_by_role("button", name="Xem nơi này").click()
    expect(page.locator("#alerts .notice")).to_contain_text("Không tìm thấy")
    plain.close()
    with_script(city, browser, alert, unit)
    clear = made(city, Kind.ALL_CLEAR, alert.id, unit)
    ended(city, alert, clear, unit)


def with_script(city: City, browser: Browser, alert: Warning, unit: str) -> None:
    """The place is remembered on the device, found by the device with consent, and the area is drawn on demand."""
    place = {"latitude": 16.4637, "longitude": 107.5905}
    context = browser.new_context(locale="vi-VN", geolocation=place, permissions=["geolocation"])
    page = context.new_page()
    page.goto(f"{city.address}/alerts?unit={unit}")
    page.goto(f"{city.address}/alerts")
    expect(page).to_have_url(re.compile(f"unit={unit}$"))
    page.get_by_role("button", name="Gần tôi").click()
    expect(page.locator(".answer")).to_contain_text("Không có cảnh báo nào đang có hiệu lực tại Phường")
    expect(page.locator("#others ~ ul")).to_contain_text("Lũ quét")
    page.goto(f"{city.address}/alerts/{alert.id.rpartition(':')[2]}")
    page.locator("#map-box summary").click()
    page.locator("#alert-map[data-ready=yes]").wait_for(timeout=20_000)
    context.close()


def ended(city: City, alert: Warning, clear: Warning, unit: str) -> None:
    """All clear: on the page for a while, in the feed, as a file; nothing is counted any more, the band is gone."""
    key = alert.id.rpartition(":")[2]
    with httpx.Client(base_url=city.address, timeout=30, follow_redirects=True) as web:
        assert "Nguy hiểm đã qua" in web.get(f"/alerts/{key}").text
        mine = web.get("/alerts", params={"unit": unit}).text
        assert "Không có cảnh báo nào" in mine
        assert "Báo yên" in mine
        assert "Lũ quét" not in web.get("/").text
        assert "All clear" in web.get(f"/alerts/{key}?lang=en").text
        file = web.get(f"/alerts/{clear.identifier}.cap")
        assert (file.headers["content-type"], file.headers["cache-control"]) == (
            "application/cap+xml",
            "public, max-age=60",
        )
        assert Xml.fromstring(file.content).findtext(f"{CAP}identifier") == clear.identifier
        feed = Xml.fromstring(web.get("/alerts/feed.atom?lang=vi").content)
        titles = [one.findtext(f"{ATOM}title", "") for one in feed.findall(f"{ATOM}entry")]
        assert [one.partition(":")[0] for one in titles if "Lũ quét" in one] == ["HẾT NGUY HIỂM", "CẢNH BÁO"]
        assert web.get("/alerts/nothing.cap").status_code == web.get("/alerts/nothing").status_code == 404
        assert "DIỄN TẬP" not in web.get("/alerts").text
        area = web.get(f"/alerts/{key}/area.geojson").json()
        assert [one["geometry"]["type"] for one in area["features"]] == ["Point"]
