"""The stories of figures in a browser: from a red one to its article in clicks only and back; wrong units and after."""

import json
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect
from playwright.sync_api import Page as Tab

from dothi.evidence.model import PeriodKind, period_of, value_id
from dothi.evidence.service import values
from dothi.ground.clock import HOUR, MINUTE, SECOND, iso, now_us
from dothi.ground.errors import Missing
from dothi.hub.model import Actor, Commit, Entity, Instance, prop, put, rel, system, words
from dothi.programme.law import keep_sample_provisions
from dothi.programme.model import NewTask
from dothi.programme.tasks.service import issue_task
from dothi.sources.model import SourceDefinition
from dothi.sources.quarantine import correct_row
from dothi.sources.service import define_source, push
from tests.web.city import City
from tests.web.watch import DESKTOP, PHONE, axe, signed_in, watch

PHU_XUAN = "19753"
PM25 = "urn:ngsi-ld:Indicator:pm25-mean"
STATION = "urn:ngsi-ld:AirQualityObserved:tram-phu-xuan"
STEWARD = Actor("user:steward", frozenset({"data_steward"}))
OFFICER = Actor("user:officer", frozenset({"programme_officer"}))


def until(look: Callable[[], bool]) -> None:
    """Wait until something is so, at most 20 s."""
    end = time.monotonic() + 20
    while not look():
        assert time.monotonic() < end, "it did not become so"
        time.sleep(0.2)


def figure(city: City) -> Entity | None:
    """The PM2.5 of Phú Xuân today."""
    found = values(city.parts.evidence, STEWARD, PM25, PHU_XUAN, period_of(PeriodKind.DAY, now_us()).name)
    return found[0] if found else None


def send(city: City, source: str, readings: dict[int, float], unit: str = PHU_XUAN) -> None:
    rows = [{"station": source, "time": iso(at), "pm25": value, "unit": unit} for at, value in readings.items()]
    body = json.dumps(rows).encode()
    city.run(push(city.parts.sources, STEWARD, source, body, "application/json"))


def hours() -> list[int]:
    """An instant in each hour of today that has begun."""
    now = now_us()
    return [*range(period_of(PeriodKind.DAY, now).start + 10 * MINUTE, now - HOUR, HOUR), now - SECOND]


@pytest.fixture(scope="module")
def told(city: City) -> Iterator[City]:
    """A station of Phú Xuân above its target, its alarm, a task to mend it, and the law behind it."""
    city.run(keep_sample_provisions(city.parts.programme))
    name = "tram-phu-xuan"
    said = SourceDefinition(name, "Trạm Phú Xuân (mô phỏng)", "http-push", "air-station", "PT10M", simulated=True)
    city.run(define_source(city.parts.sources, STEWARD, said))
    send(city, name, dict.fromkeys(hours(), 90.0))
    alarm: dict[str, Instance] = {
        "unit": prop(PHU_XUAN),
        "attribute": prop("pm25"),
        "subject": rel(STATION),
        "name": words(vi="PM2.5 cao", en="High PM2.5"),
        "active": prop(True),
        "acknowledged": prop(False),
        "priority": prop("high"),
        "since": prop(iso(now_us())),
        "open": prop(True),
    }
    city.run(
        city.parts.hub.commit(
            Commit(system("test"), (put("urn:ngsi-ld:Alarm:pm25-phu-xuan", "Alarm", **alarm),), owner="operations")
        )
    )
    task = NewTask(
        *("Rửa đường giờ cao điểm", PHU_XUAN, "2026-12-31", "Nhật ký rửa đường", (PHU_XUAN,)),
        indicators=(PM25,),
        responsible="Phó Chủ tịch phường (mẫu)",
        evidence_kind="report",
    )
    city.run(issue_task(city.parts.programme, OFFICER, task))
    until(lambda: (found := figure(city)) is not None and found.value("value") == 90.0)
    return city


def follow(tab: Tab, section: str, name: str) -> None:
    """Click the link of that name in a part of the page."""
    tab.locator(section).get_by_role("link", name=name, exact=False).first.click()
    tab.wait_for_load_state()


def test_from_a_red_figure_to_its_article_and_back(told: City, browser: Browser) -> None:
    """Story 4: overview → red figure → article of law → its indicator → the figure again, each step one click."""
    context = signed_in(browser, told, "programme_officer", viewport=DESKTOP)
    seen = watch(context)
    seen.open(f"{told.address}/indicators")
    row = seen.page.locator("#communes tr", has_text="Phú Xuân")
    expect(row).to_contain_text("Chưa đạt")
    row.get_by_role("link", name="90").click()
    expect(seen.page.locator("#figure")).to_contain_text("chưa đạt mục tiêu")
    for part in ("tasks", "alarms", "reports", "legalBasis"):
        assert part == "reports" or seen.page.locator(f"#relation-{part}").count() == 1, part
    expect(seen.page.locator("#made")).to_contain_text("tram-phu-xuan")
    expect(seen.page.locator("#made")).to_contain_text("Trạm Phú Xuân")
    follow(seen.page, "#relation-legalBasis", "Điều 6")
    expect(seen.page.locator("h1")).to_contain_text("Điểm i khoản 2 Điều 6 Nghị định 269/2025/NĐ-CP")
    follow(seen.page, "#relation-indicatorsOfLaw", "Bụi mịn PM2.5 trung bình ngày")
    follow(seen.page, "#relation-figures", "Phú Xuân")
    expect(seen.page.locator("#relation-inputs")).to_contain_text("tram-phu-xuan")
    follow(seen.page, "#relation-inputs", "tram-phu-xuan")
    follow(seen.page, "#relation-usedIn", "Phường Phú Xuân")
    follow(seen.page, "#relation-tasks", "Rửa đường")
    follow(seen.page, "#relation-figuresHere", "Phú Xuân")
    seen.page.get_by_role("link", name="Mở trang riêng").click()
    expect(seen.page.locator("#figure")).to_contain_text("chưa đạt mục tiêu")
    assert seen.errors == []
    context.close()


def test_wrong_units_grey_replayed_and_the_published_unchanged(told: City, browser: Browser) -> None:
    """Story 3 in a browser: published → wrong units → grey, not zero → corrected → back; the published one stays."""
    context = signed_in(browser, told, "programme_officer", viewport=DESKTOP)
    seen = watch(context)
    found = figure(told)
    assert found is not None
    address = f"{told.address}/indicator/pm25-mean?unit={PHU_XUAN}&period={found.value('period')}"
    seen.open(address)
    seen.page.get_by_role("button", name="Công bố số này").click()
    expect(seen.page.locator("#published tbody tr")).to_contain_text("90,0 µg/m³")
    # The page itself follows what comes now, without a reload.
    send(told, "tram-phu-xuan", {now_us() - SECOND: 0.12})
    expect(seen.page.locator("#figure")).to_contain_text("chưa có số liệu tin cậy", timeout=20_000)
    expect(seen.page.locator("#figure")).to_contain_text("1 dòng đang bị giữ lại")
    expect(seen.page.locator("#figure")).not_to_contain_text("0,0")
    for row in told.parts.hub.find(STEWARD, "QuarantinedRow", 'state=="open"'):
        if row.value("source", "").endswith("tram-phu-xuan"):
            told.run(correct_row(told.parts.sources, STEWARD, row.id, {"pm25": 120.0}))
    expect(seen.page.locator("#figure h1 + .answer")).to_contain_text("chưa đạt mục tiêu", timeout=20_000)
    expect(seen.page.locator("#published .notice")).to_contain_text("khác số đã công bố 90,0")
    expect(seen.page.locator("#published .notice")).to_contain_text("Đã sửa và nạp lại 1 dòng")
    expect(seen.page.locator("#published tbody tr")).to_contain_text("90,0 µg/m³")
    frozen = told.parts.hub.get(STEWARD, value_id(PM25, PHU_XUAN, found.value("period")) + ":published:1")
    assert frozen.value("value") == 90.0
    assert frozen.version == 1
    assert axe(seen.page) == []
    assert seen.errors == []
    context.close()


def test_a_report_is_begun_and_a_figure_followed(told: City, browser: Browser) -> None:
    """The former address leads on; an official chooses unit and month, gets a draft, and opens a figure's evidence."""
    context = signed_in(browser, told, "programme_officer", viewport=PHONE)
    seen = watch(context)
    seen.open(f"{told.address}/monthly")
    seen.page.get_by_role("button", name="Lập dự thảo").click()
    expect(seen.page.locator(".error-summary")).to_contain_text("Chọn đơn vị lập báo cáo")
    seen.page.select_option("#unit", PHU_XUAN)
    seen.page.get_by_role("button", name="Lập dự thảo").click()
    expect(seen.page.locator("h1")).to_contain_text("Phường Phú Xuân")
    with seen.page.expect_download() as fetched:
        seen.page.get_by_role("link", name="Dự thảo (.docx)").click()
    assert fetched.value.path().read_bytes()[:2] == b"PK"
    follow(seen.page, "#section-reports", "phản ánh")
    expect(seen.page.locator("h1")).to_contain_text("Số phản ánh tiếp nhận")
    assert axe(seen.page) == []
    context.close()


def test_the_walk_hides_what_one_may_not_see(told: City, browser: Browser) -> None:
    """Nobody in particular walks to the station, but not to the task, and no name of who acted is shown."""
    context = browser.new_context(locale="vi-VN")
    seen = watch(context)
    found = figure(told)
    assert found is not None
    seen.open(f"{told.address}/walk/{found.id}")
    expect(seen.page.locator("#relation-inputs")).to_contain_text("tram-phu-xuan")
    assert seen.page.locator("#relation-tasks a, #relation-alarms a").count() == 0
    with pytest.raises(Missing):
        told.parts.hub.get(Actor("anonymous"), "urn:ngsi-ld:Alarm:pm25-phu-xuan")
    answer = seen.page.goto(f"{told.address}/walk/urn:ngsi-ld:Alarm:pm25-phu-xuan")
    assert answer is not None
    assert answer.status == 404

    context.close()
