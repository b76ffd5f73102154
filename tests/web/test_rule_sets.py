"""Story: a commune makes its own deadline by a decision, tries it on the last 90 days, and adopts it."""

import pytest
from playwright.sync_api import Browser, expect

from dothi.citizens.needs import rules_at
from tests.web.city import COMMUNE, City
from tests.web.watch import axe, signed_in, watch


def test_a_commune_sets_its_own_deadline(city: City, browser: Browser) -> None:
    """The form says what is wrong, the trial counts what would have differed, the adopted rule holds from its day."""
    context = signed_in(browser, city, "administrator")
    seen = watch(context)
    seen.open(f"{city.address}/rule-sets?unit={COMMUNE}")
    page = seen.page
    expect(page.locator("h1 + *")).to_contain_text("bộ mẫu")
    page.fill("[id='hours.street_light']", "nhanh")
    page.get_by_role("button", name="Thử trên 90 ngày qua").click()
    expect(page.locator(".error-summary")).to_contain_text("Ghi một số")
    page.fill("[id='hours.street_light']", "0,5")
    page.fill("#reason", "Quyết định 12/QĐ-UBND ngày 20/11/2026 (mẫu)")
    page.fill("#day", "2026-11-21")
    page.get_by_role("button", name="Thử trên 90 ngày qua").click()
    expect(page.locator(".error-summary")).to_contain_text("hôm nay")
    page.fill("#day", "2030-01-01")
    page.get_by_role("button", name="Thử trên 90 ngày qua").click()
    expect(page.locator("main")).to_contain_text("Hạn trả lời khác")
    assert axe(page) == []
    page.get_by_role("button", name="Ban hành từ 01/01/2030").click()
    expect(page.locator("main")).to_contain_text("12/QĐ-UBND")
    assert page.locator("[id='hours.street_light']").input_value() != "0,5", "it holds from its day on, not before"
    later = rules_at(city.parts.citizens, COMMUNE, 1_900_000_000_000_000)  # March 2030.
    assert later.categories["street_light"].handle_hours == 0.5
    assert rules_at(city.parts.citizens, COMMUNE).categories["street_light"].handle_hours == pytest.approx(24)
    assert [one for one in seen.errors if "422" not in one] == []
    context.close()
