"""The programme's pages: a task from a proposal, clear in all five, its deadlines, evidence and the public page."""

from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from dothi.hub.model import system
from tests.web.city import COMMUNE, City
from tests.web.life import propose
from tests.web.watch import signed_in

PDF = b"%PDF-1.4 bien ban nghiem thu"


def text_of(page: Page, selector: str) -> str:
    return page.locator(selector).inner_text()


def test_from_proposal_to_promise_kept(city: City, browser: Browser, tmp_path: Path) -> None:
    """Without JavaScript: what is missing is named; issued, extended, finished with a file, told to the public."""
    name = city.run(propose(city.parts, "truyen"))
    context = signed_in(browser, city, "programme_officer", java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{city.address}/task/new?proposal={name}")
    expect(page.get_by_text("3 phản ánh cùng loại ở gần nhau")).to_be_visible()
    page.get_by_role("button", name="Giao nhiệm vụ").click()
    summary = page.locator(".error-summary")
    expect(summary).to_contain_text("rõ thời gian")
    expect(summary).to_contain_text("rõ kết quả")
    expect(summary.get_by_role("listitem")).to_have_count(2)  # The proposal told the rest.
    page.fill("#title", "Sửa đèn đường Nguyễn Huệ (truyện)")
    page.fill("#due", "2030-03-31")
    page.fill("#output", "Ảnh đèn sáng và biên bản")
    page.get_by_role("button", name="Giao nhiệm vụ").click()
    expect(page.get_by_text("Đã giao nhiệm vụ.")).to_be_visible()
    assert city.parts.hub.get(system("tests"), name).value("state") == "accepted"

    address = page.url
    page.locator("#do-extend summary").click()
    page.locator("#do-extend #due").fill("2030-06-30")
    page.locator("#do-extend button").click()
    expect(page.locator(".error-summary")).to_contain_text("Ghi lý do lùi hạn.")
    page.locator("#do-extend #reason").fill("Chờ vật tư (truyện)")
    page.locator("#do-extend button").click()
    assert "31/03/2030" in text_of(page, ".ledger")
    assert "30/06/2030" in text_of(page, ".ledger")

    page.locator("#do-finish summary").click()
    page.locator("#do-finish button").click()
    expect(page.locator(".error-summary")).to_contain_text("Đính kèm ít nhất một tệp bằng chứng.")
    file = tmp_path / "nghiem-thu.pdf"
    file.write_bytes(PDF)
    page.set_input_files("#evidence", file)
    page.locator("#do-finish button").click()
    expect(page.get_by_text("Đã ghi nhiệm vụ xong, kèm bằng chứng.")).to_be_visible()
    link = page.get_by_role("link", name="nghiem-thu.pdf").get_attribute("href")
    answer = page.request.get(city.address + str(link))
    assert answer.body() == PDF
    assert "attachment" in answer.headers["content-disposition"]
    context.close()

    public = browser.new_context(locale="vi-VN", java_script_enabled=False)
    page = public.new_page()
    page.goto(f"{city.address}/promises")
    promise = page.locator("article", has_text="Nguyễn Huệ (truyện)")
    expect(promise).to_contain_text("Đã xong")
    expect(promise).to_contain_text("Chờ vật tư (truyện)")
    assert "programme" not in page.locator("main").inner_html().replace("/programme", "")
    assert "user:" not in page.content()
    assert page.goto(address).url.endswith(f"/login?next={address.removeprefix(city.address).replace(':', '%3A')}")  # type: ignore[union-attr]
    public.close()


def test_declined_with_a_reason(city: City, browser: Browser) -> None:
    """A proposal is declined with a reason only."""
    name = city.run(propose(city.parts, "truyen-2"))
    context = signed_in(browser, city, "programme_officer", java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{city.address}/proposals")
    form = page.locator(f"form[action='/proposals/{name.rpartition(':')[2]}/decline']")
    page.locator("article", has=form).locator("summary", has_text="Không nhận").click()
    form.get_by_role("button").click()
    expect(page.locator(".error-summary")).to_contain_text("Ghi lý do không nhận đề xuất.")
    page.fill("#reason-truyen-2", "Đã có trong kế hoạch")
    form.get_by_role("button").click()
    expect(page.get_by_text("Đã ghi là không nhận, kèm lý do.")).to_be_visible()
    assert city.parts.hub.get(system("tests"), name).value("reason") == "Đã có trong kế hoạch"
    context.close()


def test_promises_in_honest_states(city: City, browser: Browser) -> None:
    """What is late stands first, and what was dropped says why; nobody has to sign in."""
    context = browser.new_context(locale="vi-VN")
    page = context.new_page()
    page.goto(f"{city.address}/promises")
    assert page.locator(".list-head h2").first.inner_text().startswith("Quá hạn")
    dropped = page.locator("article", has_text="Đặt thêm bảng điện tử (mẫu)")
    expect(dropped).to_contain_text("Không còn nguồn kinh phí năm nay (mẫu)")
    assert COMMUNE not in dropped.inner_text()
    context.close()
