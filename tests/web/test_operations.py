"""Stories of alarms: one rises, is there within two seconds, is taken and clears; many are handled at once."""

import time
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from dothi.accounts.signin import create_key
from dothi.ground.clock import iso, now_us
from dothi.hub.model import Actor, system
from dothi.operations.alarms.service import alarm_id, open_alarms
from tests.web.city import COMMUNE, City, make_city
from tests.web.life import BIN
from tests.web.watch import axe, signed_in, watch

ADMINISTRATOR = Actor("user:admin", frozenset({"administrator"}))
PM25_HIGH, BIN_FULL = "pm25-high", "bin-full"
LIVE_S = 2.0
STATIONS = ("An Cựu", "Vỹ Dạ", "Kim Long")
CROWD = ("Phú Bài", "Thủy Phù", "Thủy Châu", "Thủy Lương")  # Of one ward: their alarms are one line.
OF_UNIT = {"Kim Long": "19753", **dict.fromkeys(CROWD, "19960")}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """A city of its own, in which no other story leaves alarms."""
    with make_city(tmp_path_factory.mktemp("alarms")) as made:
        yield made


@pytest.fixture(scope="module")
def key(city: City) -> str:
    """An API key that may write air readings."""
    scopes = frozenset({"write:AirQualityObserved"})
    return city.run(create_key(city.parts.accounts, ADMINISTRATOR, "trạm mẫu", scopes))[1]


def send(city: City, key: str, name: str, pm25: float) -> float:
    """One reading through the NGSI-LD API, as a station sends it; returns when it was answered (monotonic s)."""
    entity = {
        "id": f"urn:ngsi-ld:AirQualityObserved:story-{(*STATIONS, *CROWD).index(name)}",
        "type": "AirQualityObserved",
        "name": {"type": "Property", "value": f"Trạm {name} (truyện)"},
        "pm25": {"type": "Property", "value": pm25, "unitCode": "GQ", "observedAt": iso(now_us())},
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [107.6, 16.455]}},
        "unit": {"type": "Property", "value": OF_UNIT.get(name, COMMUNE)},
    }
    headers = {"Authorization": f"Bearer {key}"}
    address = f"{city.address}/ngsi-ld/v1/entityOperations/upsert?options=update"
    answer = httpx.post(address, json=[entity], headers=headers, trust_env=False, timeout=20)
    assert answer.status_code in (201, 204), answer.text
    return time.monotonic()


def seen_after(page: Page, name: str, began: float) -> float:
    """Seconds until the alarm of a station stands on the page."""
    page.locator("#open-alarms li", has_text=f"Trạm {name} (truyện)").first.wait_for(timeout=20_000)
    return time.monotonic() - began


def test_story_of_an_alarm(city: City, browser: Browser, key: str) -> None:
    """From a reading to two desks, to the hand of the duty officer, to the end of the alarm, without reloading."""
    context = signed_in(browser, city, "duty_officer")
    beside, desk = watch(context), watch(context)
    beside.open(f"{city.address}/situation")
    desk.open(f"{city.address}/situation")

    took = [seen_after(desk.page, name, send(city, key, name, 90 + place)) for place, name in enumerate(STATIONS)]
    assert min(took) <= LIVE_S, took

    row = desk.page.locator("#open-alarms li", has_text="Trạm An Cựu (truyện)")
    expect(row).to_contain_text("90 µg/m³")
    expect(row).to_contain_text("ngưỡng 75 µg/m³")
    expect(row).to_contain_text("Chưa ai tiếp nhận")
    row.locator("input[name=comment]").fill("Đội môi trường đang đến")
    row.get_by_role("button", name="Tiếp nhận").click()
    expect(desk.page.get_by_text("Bạn đã tiếp nhận cảnh báo.")).to_be_visible()
    expect(row).to_contain_text("Đã tiếp nhận: Trực ban (mẫu) (“Đội môi trường đang đến”)")
    there = beside.page.locator("#open-alarms li", has_text="Trạm An Cựu (truyện)")
    expect(there).to_contain_text("Đã tiếp nhận: Trực ban (mẫu)", timeout=20_000)

    send(city, key, "An Cựu", 40)
    expect(there).to_have_count(0, timeout=20_000)
    expect(row).to_have_count(0, timeout=20_000)

    alarm = alarm_id(PM25_HIGH, "urn:ngsi-ld:AirQualityObserved:story-0")
    desk.open(f"{city.address}/alarm/{alarm}")
    steps = desk.page.locator("#trail .what").all_text_contents()
    assert steps == ["Cảnh báo xuất hiện", "Có người tiếp nhận", "Tình trạng đã hết"]
    expect(desk.page.locator("#trail")).to_contain_text("Đội môi trường đang đến")
    expect(desk.page.locator("#series .chart canvas")).to_be_visible(timeout=20_000)
    assert axe(desk.page) == []
    assert beside.errors == desk.errors == []
    context.close()


def test_story_of_many_alarms(city: City, browser: Browser, key: str) -> None:
    """Four stations of a ward are one line, taken at once; one is given on, shelved, brought back, and under repair."""
    for place, name in enumerate(CROWD):
        send(city, key, name, 120 + place)
    context = signed_in(browser, city, "duty_officer")
    desk = watch(context)
    page = desk.page
    desk.open(f"{city.address}/situation?unit=19960")
    line = page.locator("#open-alarms li.group")
    expect(line).to_contain_text("4 cảnh báo", timeout=20_000)
    line.get_by_role("button", name="Tiếp nhận cả 4").click()
    expect(page.get_by_text("Đã tiếp nhận 4/4 cảnh báo đã chọn.")).to_be_visible()
    assert "unit=19960" in page.url  # The filter is kept in the address.
    expect(line).to_contain_text("0 chưa ai tiếp nhận")
    assert axe(page) == []

    page.goto(f"{city.address}/alarm/{alarm_id(PM25_HIGH, 'urn:ngsi-ld:AirQualityObserved:story-3')}")
    expect(page.locator("h1 + .answer")).to_contain_text("Trực ban (mẫu) đã tiếp nhận")
    expect(page.get_by_role("link", name="Mở sự việc từ cảnh báo này")).to_be_visible()
    page.locator("#do-assign summary").click()
    page.select_option("#to", "19960")
    page.fill("#assign-comment", "Nhờ phường đến xem")
    page.get_by_role("button", name="Giao", exact=True).click()
    expect(page.locator("#trail")).to_contain_text("Nhờ phường đến xem")

    page.locator("#do-shelve summary").click()
    page.fill("#hours", "9")
    page.fill("#reason", "Trạm chờ thay cảm biến")
    page.get_by_role("button", name="Tạm gác", exact=True).click()
    expect(page.locator(".error-summary")).to_contain_text("tối đa 4 giờ")
    page.fill("#hours", "2")
    page.fill("#reason", "Trạm chờ thay cảm biến")
    page.get_by_role("button", name="Tạm gác", exact=True).click()
    expect(page.locator("h1 + .answer")).to_contain_text("tự quay lại lúc")
    page.goto(f"{city.address}/alarms/shelved")
    expect(page.locator("#shelved li")).to_contain_text("Trạm chờ thay cảm biến")
    page.get_by_role("button", name="Đã rà soát, vẫn gác").click()
    expect(page.locator("#shelved li")).to_contain_text("Trực ban (mẫu) rà soát")
    page.get_by_role("button", name="Đưa trở lại ngay").click()
    expect(page.get_by_text("Không có cảnh báo nào đang gác").first).to_be_visible()

    page.goto(f"{city.address}/alarm/{alarm_id(PM25_HIGH, 'urn:ngsi-ld:AirQualityObserved:story-3')}")
    expect(page.locator("h1 + .answer")).to_contain_text("chưa ai tiếp nhận")
    page.get_by_role("link", name="Báo bảo trì cho nơi này").click()
    page.fill("#title", "Thay cảm biến")
    page.fill("#reason", "Kế hoạch của Trung tâm quan trắc")
    page.get_by_role("button", name="Báo một việc bảo trì").click()
    expect(page.locator("#windows")).to_contain_text("1 cảnh báo đang được giữ im", timeout=20_000)
    page.get_by_role("button", name="Kết thúc ngay").click()
    page.goto(f"{city.address}/situation?unit=19960&view=waiting")
    expect(page.locator("#open-alarms li")).to_contain_text("Trạm Phú Bài (truyện)", timeout=20_000)
    assert "/situation" in city.parts.opened.counts
    assert [one for one in desk.errors if "422" not in one] == []  # The form that was to be mended.
    context.close()


def test_taken_without_javascript(city: City, browser: Browser) -> None:
    """An alarm is taken in place by a browser without JavaScript; a second hand is told that it was faster."""
    context = signed_in(browser, city, "duty_officer", java_script_enabled=False)
    first, second = context.new_page(), context.new_page()
    for page in (first, second):
        page.goto(f"{city.address}/situation")
    place = f"#row-{alarm_id(BIN_FULL, BIN).rpartition(':')[2]}"
    first.locator(place).get_by_role("button", name="Tiếp nhận").click()
    expect(first.locator(place)).to_contain_text("Đã tiếp nhận: Trực ban (mẫu)")
    second.locator(place).get_by_role("button", name="Tiếp nhận").click()
    expect(second.get_by_text("Trực ban (mẫu) đã tiếp nhận trước bạn.")).to_be_visible()
    context.close()


def test_wall_says_that_it_is_cut_off(city: City, browser: Browser) -> None:
    """A wall whose line is cut says so in large letters, and since when."""
    context = signed_in(browser, city, "duty_officer", viewport={"width": 1920, "height": 1080})
    page = context.new_page()
    page.route("**/live?**", lambda route: route.abort())
    page.goto(f"{city.address}/wall")
    banner = page.locator("#live-lost")
    expect(banner).to_be_visible()
    expect(banner).to_contain_text("Mất kết nối")
    assert page.evaluate("parseFloat(getComputedStyle(document.querySelector('#live-lost p')).fontSize)") >= 20
    context.close()


def test_who_takes_alarms(city: City, browser: Browser) -> None:
    """A data steward sees the situation without the button, and a citizen is not let in."""
    context = signed_in(browser, city, "data_steward")
    page = context.new_page()
    page.goto(f"{city.address}/situation")
    assert open_alarms(city.parts.operations, system("tests"))
    expect(page.locator("#open-alarms li").first).to_be_visible()
    expect(page.get_by_role("button", name="Tiếp nhận")).to_have_count(0)
    context.close()
    context = signed_in(browser, city, "citizen")
    page = context.new_page()
    answer = page.goto(f"{city.address}/situation")
    assert answer is not None
    assert answer.status == 403
    context.close()
