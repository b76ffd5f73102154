"""A consultation from before the draft to the answers in a real browser, phone first and without JavaScript."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from dothi.citizens.consultations import preparing
from dothi.ground.clock import DAY, VIETNAM, now_us
from tests.web.city import City

PHONE = {"width": 360, "height": 740}
TITLE = "Ngõ tối trong phường (mẫu)"
QUESTIONS = "Ngõ nào tối nhất?\nCần thêm đèn ở đâu?"
DARK = "Ngõ 12 đường Lê Lợi tối, học sinh đi học về rất nguy hiểm."
DARK_TOO = "Học sinh đi học về qua ngõ 12 đường Lê Lợi tối, nguy hiểm."
REASON = "Đưa ngõ 12 vào danh mục lắp 14 đèn LED quý I theo khảo sát của đội chiếu sáng."


@pytest.fixture
def plain(browser: Browser) -> Iterator[BrowserContext]:
    """A bad phone: narrow, and without JavaScript."""
    context = browser.new_context(java_script_enabled=False, viewport=PHONE, locale="vi-VN")  # type: ignore[arg-type]
    yield context
    context.close()


def official_page(browser: Browser, city: City) -> Page:
    """An official of the ward, signed in, without JavaScript."""
    page = browser.new_context(java_script_enabled=False, locale="vi-VN").new_page()
    sample = city.samples["official"]
    page.goto(f"{city.address}/login")
    page.fill("#login", sample.login)
    page.fill("#password", sample.password)
    page.click("main button[type=submit]")
    return page


def prepare(page: Page, city: City) -> str:
    """Ask before there is a draft; returns the key."""
    page.goto(f"{city.address}/desk/consultations/new")
    page.check("input[value=needs]")
    page.fill("#title", TITLE)
    page.fill("#question", "Ngõ nào tối, cần gì? Phường chưa có dự thảo.")
    page.click("main button[type=submit]")
    page.fill("#text", QUESTIONS)
    page.click("text=Đọc và lưu")
    expect(page.locator("main")).to_contain_text("Nhận ra 2 phần")
    page.click("text=Tiếp: công bố")
    page.fill("#closes", "2026-01-01")
    page.click("#announce button")
    expect(page.locator(".error-summary")).to_contain_text("7 đến 180 ngày")
    page.fill("#closes", day(10))
    page.click("#announce button")
    return page.url.rpartition("/")[2]


def day(ahead: int) -> str:
    return (datetime.now(VIETNAM).date() + timedelta(days=ahead)).isoformat()


def fits(page: Page) -> bool:
    """Whether nothing runs over the side of the phone."""
    page.wait_for_load_state("load")
    return bool(page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"])


def speak(page: Page, city: City, words: str) -> str:
    """Comment on the first question from the list on; returns the code."""
    page.goto(f"{city.address}/consultations")
    page.click(f"text={TITLE}")
    page.click("#muc-1 a.button")
    page.fill("#words", words)
    page.click("text=Gửi ý kiến")
    return page.inner_text(".secret")


def test_from_before_the_draft_to_the_answer_by_code(city: City, plain: BrowserContext, browser: Browser) -> None:
    """Opened, commented by phone, paper added, grouped, answered, the gate refuses, then opens; the author sees it."""
    official = official_page(browser, city)
    key = prepare(official, city)
    citizen = plain.new_page()
    empty = citizen.goto(f"{city.address}/consultations/{key}/part/muc-1")
    assert empty is not None
    citizen.click("text=Gửi ý kiến")
    expect(citizen.locator(".error-summary")).to_contain_text("Viết ý kiến")
    code = speak(citizen, city, DARK)
    assert re.fullmatch(r"[2-9A-Z]{6}-[2-9A-Z]{4}-[2-9A-Z]{4}", code)
    speak(citizen, city, DARK_TOO)
    citizen.goto(f"{city.address}/consultations/{key}/part/muc-1")
    citizen.click("button:has-text('Tán thành') >> nth=0")
    expect(citizen.locator("main")).to_contain_text("Tán thành: 1 (Không nêu danh tính)")
    citizen.click("button:has-text('Tán thành') >> nth=0")
    expect(citizen.locator(".notice")).to_contain_text(["mỗi người chỉ tính một lần"])
    assert fits(citizen)

    official.goto(f"{city.address}/desk/consultation/{key}/enter")
    official.check("input[value=paper]")
    official.select_option("#article", "muc-2")
    official.fill("#words", "Cần đèn ở sân chơi tổ 4.")
    official.fill("#count", "35")
    official.click("text=Lưu, nhập tiếp")
    expect(official.locator(".error-summary")).to_contain_text("bản chụp")
    scan = {"name": "don.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4\n%%EOF"}
    official.set_input_files("#scans", scan)  # type: ignore[arg-type]
    official.click("text=Lưu, nhập tiếp")
    expect(official.locator(".secret")).to_have_count(1)

    city.run(preparing.tick(city.parts.citizens, now_us() + 12 * DAY))
    official.goto(f"{city.address}/work")
    official.click(f"text={TITLE}")
    official.click("text=Kết thúc trả lời")
    expect(official.locator("main")).to_contain_text("còn 3 ý kiến chưa nằm trong nhóm đã trả lời")
    official.click("main .panel-box >> text=Nhóm ý kiến")
    expect(official.locator("main")).to_contain_text("Giống nhau")
    for confirmed in (1, 2):
        official.click("text=Xác nhận nhóm >> nth=0")
        expect(official.locator("#groups [data-row]")).to_have_count(confirmed)
    for box in official.locator("input[name=group]").all():
        box.check()
    official.click("text=Trả lời các nhóm đã chọn")
    official.check("input[value=accepted]")
    official.fill("#reason", "Cảm ơn ý kiến.")
    official.click("text=Lưu, sang nhóm tiếp theo")
    expect(official.locator(".error-summary")).to_contain_text("cụ thể")
    official.fill("#reason", REASON)
    official.click("text=Lưu, sang nhóm tiếp theo")
    official.click("text=Kết thúc trả lời")
    official.click("text=Công bố kết quả")

    citizen.goto(f"{city.address}/consultations/follow")
    citizen.fill("#code", code.lower())
    citizen.click("text=Xem >> nth=-1")
    expect(citizen.locator("main")).to_contain_text("Ý kiến của bạn được tiếp thu.")
    expect(citizen.locator("main")).to_contain_text(REASON)
    citizen.click("text=Kết quả tiếp thu, giải trình")
    expect(citizen.locator("main")).to_contain_text("1 ý kiến, 35 người")
    assert fits(citizen)
    official.context.close()
