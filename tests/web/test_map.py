"""The map of the country and the city: both archipelagos at the start, what sensors say, places near enough."""

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.web.city import City
from tests.web.watch import DESKTOP, PHONE, signed_in, watch

ARCHIPELAGOS = {"20333", "22736"}  # Đặc khu Hoàng Sa, Đặc khu Trường Sa.
SEEN = "() => document.querySelector('[data-map]').map.queryRenderedFeatures().map(f => f.properties.code)"
NAMES = """() => document.querySelector('[data-map]').map
    .queryRenderedFeatures({layers: ['names', 'archipelagos']}).map(f => f.properties.short)"""


@pytest.fixture
def browser(drawing: Browser) -> Browser:
    """These pages are about a map."""
    return drawing


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_hoang_sa_and_truong_sa(city: City, browser: Browser, size: dict[str, int]) -> None:
    """Both archipelagos are drawn with their names where the map begins."""
    context = signed_in(browser, city, "", viewport=size)
    seen = watch(context)
    seen.open(f"{city.address}/map")
    assert set(seen.page.evaluate(SEEN)) >= ARCHIPELAGOS
    names = " ".join(name or "" for name in seen.page.evaluate(NAMES))
    assert "Hoàng Sa" in names
    assert "Trường Sa" in names
    expect(seen.page.locator(".maplibregl-ctrl-attrib")).to_contain_text("OpenStreetMap")
    assert seen.errors == []
    context.close()


def test_list_and_map_say_the_same(city: City, browser: Browser) -> None:
    """Every point of the map stands in the list with its value and age; old readings say so."""
    context = signed_in(browser, city, "")
    seen = watch(context)
    seen.open(f"{city.address}/map")
    seen.page.locator("[data-map][data-points]").wait_for()
    drawn = int(seen.page.locator("[data-map]").get_attribute("data-points") or 0)
    assert drawn == seen.page.locator(".points li").count() > 4
    old = seen.page.locator(".points li", has_text="Trạm Hương Thuỷ (mẫu)")
    expect(old).to_contain_text("Dữ liệu cũ")
    expect(seen.page.locator(".points li", has_text="Trạm Thuận Hoá (mẫu)")).to_contain_text("PM2.5 41,2 µg/m³")
    context.close()


def test_communes_are_found(city: City, browser: Browser) -> None:
    """Without tone marks and without JavaScript a commune is found, the city's first; the map then begins there."""
    context = signed_in(browser, city, "", java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{city.address}/map")
    page.fill("#q", "thuan hoa")
    page.get_by_role("button", name="Tìm").click()
    first = page.locator(".found a").first
    expect(first).to_have_text("Phường Thuận Hóa")
    first.click()
    assert float(str(page.locator("[data-map]").get_attribute("data-start")).split(",")[2]) == 13
    page.fill("#q", "không có nơi này")
    page.get_by_role("button", name="Tìm").click()
    expect(page.get_by_text("Không tìm thấy “không có nơi này”.")).to_be_visible()
    context.close()


def test_places_are_rounded_and_alarms_are_for_staff(city: City, browser: Browser) -> None:
    """Staff see reports to about 100 m and alarms; the public sees no alarm; bad questions are no error."""
    address = f"{city.address}/map/points.json?show=CitizenReport,Alarm"
    context = signed_in(browser, city, "duty_officer")
    found = context.request.get(address).json()["features"]
    context.close()
    assert {one["properties"]["icon"] for one in found} == {"report", "alarm"}
    places = [one["geometry"]["coordinates"] for one in found if one["properties"]["icon"] == "report"]
    assert all(round(number, 3) == number for place in places for number in place)
    public = httpx.get(address, trust_env=False, timeout=20).json()["features"]
    assert {one["properties"]["icon"] for one in public} == {"report"}
    assert "Đèn tắt" not in str(public)
    for query in ("at=x", "at=900,1,5", "show=Alarm", "show=../x", "q=" + "a" * 500):
        assert httpx.get(f"{city.address}/map?{query}", trust_env=False, timeout=20).status_code == 200


def test_the_map_suggests_a_commune_and_the_hints_come_while_typing(city: City, browser: Browser) -> None:
    """With JavaScript a place on the map fills in the commune, which stays the citizen's choice."""
    context = browser.new_context(locale="vi-VN", reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{city.address}/report")
    page.locator("[data-map][data-ready]").first.wait_for(timeout=30_000)
    page.fill("#description", "Có cháy nhà, gọi 0905 123 456")
    expect(page.locator("#emergency")).to_have_attribute("role", "alert")
    expect(page.locator("[data-personal]")).to_be_visible()
    page.locator("#place-map canvas").click(position={"x": 300, "y": 120})
    expect(page.locator("[data-suggestion]")).to_contain_text("Bản đồ gợi ý")
    assert page.input_value("#unit")
    page.check("input[name=category][value=danger]")
    page.check("input[name=q-danger_kind-danger][value=fire]")
    page.check("input[name=q-hurt-danger][value=no]")
    page.click("text=Gửi phản ánh")
    expect(page.locator("#calls")).to_contain_text("114")
    page.get_by_role("button", name="Đã gọi").click()
    expect(page.locator(".notice.bad")).to_contain_text("114")
    expect(page.locator("main")).not_to_contain_text("0905")
    context.close()
