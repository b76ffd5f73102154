"""The wall in a browser: an urgent alarm within two seconds with its tone, figures that grey, the band when cut off."""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page, expect

from dothi.ground.clock import HOUR, MINUTE, iso, now_us
from dothi.hub.model import Commit, amend, create, prop, rel
from dothi.office.rules import adopt
from dothi.operations.alarms.service import acknowledge
from dothi.operations.shifts.rules import day_of
from dothi.operations.wall import KIND
from tests.web.centre import centre
from tests.web.city import City
from tests.web.shifts import SYSTEM, officer, raise_alarm
from tests.web.watch import axe, signed_in, watch

ROOM = {"width": 1920, "height": 1080}
LIVE_S = 2.0
VENDOR = "urn:ngsi-ld:DataSource:ioc-cu"
OUTSIDE = f"""
[[scene]]
id = "ioc"
show = "outside"
seconds = 20
name = {{ vi = "Trung tâm hiện có", en = "The existing centre" }}
[[tile]]
id = "ioc"
scene = "ioc"
source = "{VENDOR}"
type = "TrafficFlowObserved"
attribute = "averageVehicleSpeed"
take = "list"
name = {{ vi = "Giao thông", en = "Traffic" }}
"""


@pytest.fixture(scope="module")
def running() -> Iterator[ExitStack]:
    """What the server of this file runs in; closing it stops the server."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory, running: ExitStack) -> City:
    """A centre of its own: the wall shows everything that is open."""
    made = running.enter_context(centre(tmp_path_factory.mktemp("wall")))
    made.run(vendor(made))
    return made


def count(page: Page, name: str) -> int:
    return int(page.locator("#wall").get_attribute(f"data-{name}") or 0)


def test_the_wall_calls_pins_and_falls_silent(room: City, browser: Browser) -> None:
    """A new urgent alarm is there within 2 s, sounds again until somebody takes it, and holds the situation."""
    context = signed_in(browser, room, "duty_officer", viewport=ROOM)
    seen = watch(context)
    seen.open(f"{room.address}/wall")
    page, wall = seen.page, seen.page.locator("#wall")
    expect(page.locator("h1")).to_contain_text("Không có việc nào cần xử lý")
    expect(page.locator("#wall-sound")).to_contain_text("Âm thanh đang tắt")
    page.get_by_role("button", name="Bật âm thanh").click()
    expect(wall).to_have_attribute("data-sound", "on")
    page.keyboard.press("4")
    expect(page.get_by_role("heading", name="Số liệu", exact=True)).to_be_visible()
    expect(page.locator(".wall-map")).to_be_hidden()

    began = time.monotonic()
    alarm = room.run(raise_alarm(room.parts.hub, "Vỹ Dạ", "urgent"))
    row = page.locator(".wall-list li", has_text="Trạm Vỹ Dạ (mẫu)")
    row.wait_for(state="visible", timeout=10_000)
    assert time.monotonic() - began <= LIVE_S
    expect(wall).to_have_attribute("data-now", "situation")
    expect(page.locator("#wall-said")).to_contain_text("vì có cảnh báo khẩn")
    expect(row).to_contain_text("Chưa ai tiếp nhận · của Thành phố Huế · chưa có người trực")
    assert count(page, "tones") == 1
    expect(wall).to_have_attribute("data-tones", re.compile(r"[2-9]"), timeout=10_000)

    page.keyboard.press("m")
    expect(page.locator("#wall-sound")).to_contain_text("Tắt tiếng đến")
    room.run(acknowledge(room.parts.operations, officer("lan"), alarm, "Đội trực đang đến"))
    expect(row).to_contain_text("Đã tiếp nhận", timeout=5_000)
    expect(page.locator("#wall-said")).not_to_contain_text("khẩn")
    assert axe(page) == []
    assert seen.errors == []
    context.close()


def test_nothing_old_looks_new(room: City, browser: Browser) -> None:
    """A figure greys by itself when its time is over; a source that is late greys all that it brought."""
    context = signed_in(browser, room, "duty_officer", viewport=ROOM)
    page = context.new_page()
    page.goto(f"{room.address}/wall")
    listed = page.locator("#wall-ioc")
    page.get_by_role("button", name="Trung tâm hiện có").click()
    expect(listed).to_contain_text("từ hệ thống Trung tâm của nhà cung cấp (mẫu)")
    expect(listed).to_contain_text("Cầu Trường Tiền (mẫu)")
    expect(listed.locator("li.stale")).to_have_count(1)  # The one that was written three hours ago.
    pm25 = page.locator("#wall-numbers .tile", has_text="PM2.5")
    expect(pm25).not_to_have_class("tile stale")
    page.evaluate("document.querySelector('#wall-numbers .tile').dataset.greyAt = String(Date.now() + 1200)")
    expect(pm25).to_have_class("tile stale", timeout=4_000)
    late = amend(VENDOR, lastSeen=prop(iso(now_us() - HOUR)))
    room.run(room.parts.hub.commit(Commit(SYSTEM, (late,), owner="sources")))
    expect(listed.locator("li.stale")).to_have_count(2, timeout=20_000)  # Figures are asked anew every 10 s.
    expect(listed).to_contain_text("nguồn này đang trễ")
    page.get_by_role("button", name="Nguồn dữ liệu").click()
    expect(page.locator("#wall-sources li", has_text="nhà cung cấp")).to_contain_text("Trễ")
    assert page.locator("#wall .stale .tag.good:visible").count() == 0
    context.close()


async def vendor(room: City) -> None:
    """A source of the centre that a vendor built, two values of it, and a scene of the wall that shows them."""
    hub, now = room.parts.hub, now_us()
    source = create(
        VENDOR,
        "DataSource",
        name=prop("Trung tâm của nhà cung cấp (mẫu)"),
        promisedEvery=prop("PT10M"),
        lastSeen=prop(iso(now)),
        simulated=prop(True),
    )
    await hub.commit(Commit(SYSTEM, (source,), owner="sources"))
    figures = (("Cầu Trường Tiền (mẫu)", 7, MINUTE), ("Cầu Phú Xuân (mẫu)", 32, 3 * HOUR))
    made = tuple(
        create(
            f"urn:ngsi-ld:TrafficFlowObserved:{place}",
            "TrafficFlowObserved",
            name=prop(name),
            averageVehicleSpeed=prop(value, iso(now - age), "KMH"),
            source=rel(VENDOR),
            unit=prop("46"),
        )
        for place, (name, value, age) in enumerate(figures)
    )
    await hub.commit(Commit(SYSTEM, made, "figures of another system"))
    day = day_of(now).isoformat()
    await adopt(room.parts.rules, SYSTEM, KIND, "46", day, f"sound_every_s = 3\n{OUTSIDE}", "Quyết định mẫu 05")


def test_the_wall_stays_as_large_as_it_is(room: City, browser: Browser) -> None:
    """After 200 updates the page holds no more elements and listeners than after the first ones."""
    context = signed_in(browser, room, "duty_officer", viewport=ROOM)
    page = context.new_page()
    page.goto(f"{room.address}/wall")
    page.locator("#wall[data-ready]").wait_for()
    whole = page.request.get(f"{room.address}/wall", headers={"Accept": "text/html"}).text()
    marks = iter(range(1000))
    page.route("**/wall", lambda route: route.fulfill(body=whole.replace("<h1", f"<!--{next(marks)}--><h1", 1)))
    devtools = context.new_cdp_session(page)
    updates = """async (count) => { for (let n = 0; n < count; n += 1) {
      const before = document.documentElement.dataset.fresh;
      document.dispatchEvent(new Event("ask-fresh"));
      while (document.documentElement.dataset.fresh === before) await new Promise((next) => setTimeout(next, 2)); } }"""
    sizes = []
    for _ in range(3):
        page.evaluate(updates, 70)
        devtools.send("HeapProfiler.collectGarbage")
        counters = devtools.send("Memory.getDOMCounters")
        sizes.append((page.evaluate("document.querySelectorAll('*').length"), counters["jsEventListeners"]))
    assert next(marks) >= 200
    assert sizes[2][0] == sizes[0][0], sizes
    assert sizes[2][1] <= sizes[0][1] + 5, sizes
    context.close()


def test_the_band_when_the_server_stops(room: City, browser: Browser, running: ExitStack) -> None:
    """When the server is gone a band stands over everything with since when, and the wall is grey; no age pretends."""
    context = signed_in(browser, room, "duty_officer", viewport=ROOM)
    page = context.new_page()
    page.goto(f"{room.address}/wall")
    page.locator("#wall[data-ready]").wait_for()
    band = page.locator("#live-lost")
    expect(band).to_be_hidden()
    running.close()
    expect(band).to_be_visible(timeout=10_000)
    expect(band).to_contain_text("Mất kết nối")
    assert page.evaluate("getComputedStyle(document.getElementById('live-lost')).position") == "fixed"
    expect(page.locator("#wall")).to_have_class("wall has-scenes is-cut")
    assert page.locator(".wall-age:visible").count() == 0
    context.close()
