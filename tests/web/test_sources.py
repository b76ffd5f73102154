"""Story: a source sends wrong units for a while; its rows are held back, listed, corrected, replayed, and counted."""

import json
import re

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from dothi.accounts.signin import create_key
from dothi.ground.clock import MINUTE, iso, now_us
from dothi.hub.model import Actor, system
from dothi.sources.model import SourceDefinition
from dothi.sources.service import define_source
from tests.web.city import COMMUNE, City
from tests.web.watch import axe, signed_in, watch

ADMINISTRATOR = Actor("user:admin", frozenset({"administrator"}))
SOURCE = SourceDefinition("tram-truyen", "Trạm truyện (mẫu)", "http_push", "air-station", "PT5M", simulated=True)
URN = "urn:ngsi-ld:DataSource:tram-truyen"


@pytest.fixture(scope="module")
def key(city: City) -> str:
    """A source, and the key with which it pushes."""
    city.run(define_source(city.parts.sources, system("tests"), SOURCE))
    scopes = frozenset({"source:tram-truyen"})
    return city.run(create_key(city.parts.accounts, ADMINISTRATOR, "trạm truyện", scopes))[1]


def push(city: City, key: str, values: list[float]) -> dict[str, object]:
    """Readings a minute apart, as the station sends them."""
    now = now_us()
    place = {"lon": 107.61, "lat": 16.44, "unit": COMMUNE}
    rows = [
        {"station": "truyen", "time": iso(now - (len(values) - step) * MINUTE), "pm25": value, **place}
        for step, value in enumerate(values)
    ]
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    address = f"{city.address}/api/sources/tram-truyen/push"
    answer = httpx.post(address, content=json.dumps(rows), headers=headers, trust_env=False, timeout=20)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def counts(page: Page) -> tuple[int, int]:
    """(accepted, held back) as the page of sources shows them."""
    cells = page.locator("tr", has_text=SOURCE.name).locator("td.number")
    return int(cells.nth(0).inner_text()), int(cells.nth(1).inner_text())


def test_story_of_wrong_units(city: City, browser: Browser, key: str) -> None:
    """Good rows go in, rows in mg/m³ wait; one is corrected by hand and goes in, another is dismissed with a reason."""
    said = push(city, key, [30.0, 31.0, 0.032, 0.033])
    assert (said["accepted"], said["quarantined"]) == (2, 2)
    context = signed_in(browser, city, "data_steward")
    seen = watch(context)
    seen.open(f"{city.address}/sources")
    assert counts(seen.page) == (2, 2)

    seen.open(f"{city.address}/quarantine")
    group = seen.page.locator("tr", has_text=SOURCE.name)
    expect(group).to_contain_text("PM2.5 = 0,032 nằm ngoài khoảng")
    expect(group).to_contain_text("µg/m³")
    group.get_by_role("link").click()
    assert seen.page.locator("tbody tr").count() == 2
    assert axe(seen.page) == []
    seen.page.locator("tbody tr").first.get_by_role("link").click()
    cell = seen.page.locator("[name='cell.pm25']")
    expect(cell).to_have_value("0.032")
    cell.fill("0.5e-3")
    seen.page.get_by_role("button", name="Sửa và nạp lại").click()
    expect(seen.page.locator(".error-summary")).to_contain_text("nằm ngoài khoảng")
    seen.page.locator("[name='cell.pm25']").fill("32")
    seen.page.get_by_role("button", name="Sửa và nạp lại").click()
    expect(seen.page.get_by_text("Dòng đã được nạp.")).to_be_visible()
    seen.errors.clear()  # The refused form is a 422, which the console notes.

    seen.open(f"{city.address}/quarantine?source={URN}")
    assert seen.page.locator("tbody tr").count() == 1
    seen.page.get_by_role("button", name="Nạp lại tất cả").click()
    expect(seen.page.get_by_text("Đã nạp 0 dòng; 1 dòng vẫn bị giữ.")).to_be_visible()
    seen.open(f"{city.address}/quarantine?source={URN}")
    seen.page.get_by_role("button", name="Bỏ qua tất cả").click()
    expect(seen.page.locator(".error-summary")).to_contain_text("Ghi lý do bỏ qua.")
    seen.page.fill("#why", "Trạm gửi nhầm đơn vị trong lúc bảo trì")
    seen.page.get_by_role("button", name="Bỏ qua tất cả").click()
    expect(seen.page.get_by_text("Đã bỏ qua 1 mục.")).to_be_visible()
    seen.errors.clear()

    seen.open(f"{city.address}/sources")
    assert counts(seen.page)[0] == 3
    station = city.parts.hub.history(system("tests"), "urn:ngsi-ld:AirQualityObserved:truyen", ("pm25",))
    assert sorted(one["value"] for one in station["pm25"]) == [30, 31, 32]
    assert seen.errors == []
    context.close()


def test_raw_rows_are_for_stewards(city: City, browser: Browser) -> None:
    """A duty officer sees the sources, and in place of raw rows why they are closed and what to do."""
    context = signed_in(browser, city, "duty_officer")
    page = context.new_page()
    answer = page.goto(f"{city.address}/quarantine")
    assert answer is not None
    assert answer.status == 403
    expect(page.get_by_role("heading", name="Trang này dành cho cán bộ dữ liệu")).to_be_visible()
    assert axe(page) == []
    page.get_by_role("link", name="Nguồn dữ liệu", exact=True).last.click()
    expect(page).to_have_url(re.compile("/sources$"))
    expect(page.get_by_role("link", name="Dòng bị giữ lại")).to_have_count(0)
    context.close()


def test_states_of_sources(city: City, browser: Browser) -> None:
    """A source that never sent says so, apart from one that is on time; both carry the mark of simulated data."""
    context = signed_in(browser, city, "planner")
    page = context.new_page()
    page.goto(f"{city.address}/sources")
    silent = page.locator("tr", has_text="Trạm đo mưa (mẫu)")
    expect(silent).to_contain_text("Chưa từng gửi")
    expect(silent).to_contain_text("mỗi 10 phút")
    expect(silent).to_contain_text("Dữ liệu mô phỏng")
    page.goto(f"{city.address}/sources/do-mua")
    expect(page.locator(".answer")).to_have_text("Nguồn chưa gửi dòng nào đúng mẫu.")
    context.close()
