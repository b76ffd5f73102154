"""Story: data are past their time; one person proposes, another approves, and the record stands on the page."""

from typing import Any

from playwright.sync_api import Browser, expect

from dothi.ground.clock import DAY, VIETNAM, iso, now_us, to_datetime
from dothi.hub.model import Actor, Commit, create, prop, system
from dothi.office.lifecycle.rules import KIND
from dothi.office.rules import adopt
from tests.web.city import City
from tests.web.watch import axe, signed_in, watch

RULES = """
[[class]]
id = "benches"
vi = "Ghế đá đã gỡ (mẫu)"
types = ["Bench"]
access = "open"
importance = "other"
from = "closed"
days = 30
then = "destroy"
approver = "leader"
sample = true
"""
BENCHES = tuple(f"urn:ngsi-ld:Bench:{number}" for number in range(3))


async def prepare(city: City) -> None:
    """Three benches that were taken away long ago, and a rule that ends them."""
    administrator = Actor("user:admin", frozenset({"administrator"}))
    day = to_datetime(now_us()).astimezone(VIETNAM).date().isoformat()
    await adopt(city.parts.rules, administrator, KIND, "", day, RULES, "Quyết định 12/QĐ-UBND (mẫu)")
    told: dict[str, Any] = {"open": prop(False), "closedAt": prop(iso(now_us() - 90 * DAY))}
    changes = tuple(create(name, "Bench", **told) for name in BENCHES)
    await city.parts.hub.commit(Commit(system("sources"), changes, "benches taken away"))


def test_one_proposes_another_approves_and_a_record_stays(city: City, browser: Browser) -> None:
    """A hold keeps one thing; who proposed cannot approve; the record tells how many, who decided, and the hash."""
    city.run(prepare(city))
    context = signed_in(browser, city, "data_steward")
    seen = watch(context)
    seen.open(f"{city.address}/lifecycle")
    page = seen.page
    expect(page.locator("h1 + *")).to_contain_text("3 dữ liệu đã hết thời hạn giữ")
    page.get_by_text("Lập lệnh giữ nguyên").click()
    page.fill("#title", "Vụ án 12 (mẫu)")
    page.get_by_role("button", name="Giữ nguyên").click()
    expect(page.locator(".error-summary")).to_contain_text("văn bản làm căn cứ")
    page.fill("#why", "Công văn 7/CV-TA ngày 01/11/2026 (mẫu)")
    page.fill("#things", BENCHES[1])
    page.get_by_role("button", name="Giữ nguyên").click()
    expect(page.locator("h1 + *")).to_contain_text("1 đang được giữ nguyên")
    assert axe(page) == []
    page.fill("#reason-benches", "Kế hoạch 3/KH-UBND (mẫu)")
    page.get_by_role("button", name="Đề xuất").click()
    expect(page.locator("main")).to_contain_text("Bạn là người đề xuất")
    context.close()
    context = signed_in(browser, city, "leader")
    seen = watch(context)
    seen.open(f"{city.address}/lifecycle")
    page = seen.page
    box = page.locator(".panel-box").filter(has_text="Ghế đá").first
    box.locator("input[name^=why]").focus()
    page.keyboard.type("Đã xem từng dòng (mẫu)")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("Đã duyệt")
    for _ in range(20):
        page.reload()
        if page.locator("table").filter(has_text="Biên bản").locator("tbody tr").count():
            break
        page.wait_for_timeout(250)
    row = page.locator("table").filter(has_text="Biên bản").locator("tbody tr").first
    expect(row).to_contain_text("Ghế đá đã gỡ (mẫu)")
    expect(row.locator("td").first).to_have_text("2")
    assert axe(page) == []
    assert list(city.parts.hub.some(system("test"), BENCHES)) == [BENCHES[1]]
    assert [one for one in seen.errors if "422" not in one] == []
    context.close()
