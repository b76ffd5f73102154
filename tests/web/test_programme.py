"""The programme's pages: a task from a proposal, clear in all five, its deadlines, evidence and the public page."""

from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from dothi.ground.clock import now_us
from dothi.hub.model import Actor, system
from dothi.programme.tasks.ledger import decide, requests_of
from dothi.programme.tasks.workflow import today
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
    expect(summary).to_contain_text("rõ người")
    expect(summary.get_by_role("listitem")).to_have_count(3)  # The proposal told the rest.
    page.fill("#title", "Sửa đèn đường Nguyễn Huệ (truyện)")
    page.fill("#due", "2030-03-31")
    page.fill("#output", "Ảnh đèn sáng và biên bản")
    page.fill("#responsible", "Trưởng phòng Kinh tế, hạ tầng (truyện)")
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
    promise = page.locator("article", has_text="Sửa đèn đường Nguyễn Huệ (truyện)")
    expect(promise).to_contain_text("Đã xong")
    expect(promise).to_contain_text("Chờ vật tư (truyện)")
    assert "programme" not in page.locator("main").inner_html().replace("/programme", "")
    assert "user:" not in page.content()
    assert page.goto(address).url.endswith(f"/login?next={address.removeprefix(city.address).replace(':', '%3A')}")  # type: ignore[union-attr]
    public.close()


LAW = "269-2025-nd-cp:d6:k2:i"
DUE = "2030-12-31"


def test_from_an_article_to_a_promise_kept(city: City, browser: Browser, tmp_path: Path) -> None:
    """Story 2, without JavaScript: article → scheme → target → task → part accepted → evidence → done → the public."""
    officer = signed_in(browser, city, "programme_officer", java_script_enabled=False)
    page = officer.new_page()
    start_scheme(page, city)
    page.locator("tr", has_text="Cấp độ 2 vào năm 2027 (truyện)").get_by_role("link", name="Giao nhiệm vụ").click()
    expect(page.locator("#legal_basis option:checked")).to_contain_text("Điểm i khoản 2 Điều 6")  # The target told it.
    page.fill("#title", "Nâng cấp hạ tầng dữ liệu (truyện)")
    page.select_option("#lead", "46")
    page.fill("#responsible", "Phó Giám đốc Sở (truyện)")
    page.fill("#due", DUE)
    page.fill("#output", "Biên bản nghiệm thu hạ tầng")
    page.select_option("#cooperating", COMMUNE)
    page.get_by_role("button", name="Giao nhiệm vụ").click()
    expect(page.get_by_text("Đã giao nhiệm vụ.")).to_be_visible()
    task = page.url
    expect(page.locator("#parts")).to_contain_text("Chờ trả lời")

    do_the_part(browser, city)
    ask_and_agree(browser, city, page, task)

    page.goto(task)
    expect(page.locator("#parts")).to_contain_text("Đã gửi danh mục (truyện)")
    page.locator("#do-finish summary").click()
    file = tmp_path / "nghiem-thu-ha-tang.pdf"
    file.write_bytes(PDF + b" ha tang")
    page.set_input_files("#evidence", file)
    page.locator("#do-finish button").click()
    expect(page.get_by_text("Đã ghi nhiệm vụ xong, kèm bằng chứng.")).to_be_visible()
    page.goto(f"{city.address}/law/{LAW}")
    for what in ("Đề án (truyện)", "Cấp độ 2 vào năm 2027 (truyện)", "Nâng cấp hạ tầng dữ liệu (truyện)"):
        expect(page.get_by_role("link", name=what)).to_be_visible()
    page.goto(f"{city.address}/gantt?baseline={today(now_us())}")
    expect(page.locator("h1")).to_contain_text("Tiến độ theo thời gian")
    officer.close()

    public = browser.new_context(locale="vi-VN", java_script_enabled=False)
    page = public.new_page()
    page.goto(f"{city.address}/promises")
    promise = page.locator("article", has_text="Nâng cấp hạ tầng dữ liệu (truyện)")
    expect(promise).to_contain_text("Đã xong")
    expect(promise).to_contain_text("Chờ thiết bị (truyện)")  # Why the deadline was moved.
    expect(page.locator("main")).to_contain_text("xong trong hạn gốc")  # A share says of how many.
    public.close()


def start_scheme(page: Page, city: City) -> None:
    """A scheme that rests on the article, with one target: level 2 by 2027."""
    page.goto(f"{city.address}/scheme/new")
    page.get_by_role("button", name="Lưu dự thảo").click()
    expect(page.locator(".error-summary")).to_be_visible()
    page.fill("#title", "Đề án (truyện)")
    page.fill("#vision", "Đô thị đáng sống (truyện)")
    page.select_option("#bases", f"urn:ngsi-ld:LegalBasis:{LAW}")
    page.get_by_role("button", name="Lưu dự thảo").click()
    expect(page.locator("main")).to_contain_text("bước tiếp theo là lấy ý kiến")
    page.locator("#do-promise summary").click()
    page.fill("#t_title", "Cấp độ 2 vào năm 2027 (truyện)")
    page.fill("#t_year", "2027")
    page.locator("#do-promise button").click()
    expect(page.locator(".error-summary")).to_contain_text("một trong hai")
    page.select_option("#t_level", "2")
    page.select_option("#t_law", f"urn:ngsi-ld:LegalBasis:{LAW}")
    page.locator("#do-promise button").click()
    expect(page.locator("#main, main").first).to_contain_text("Chưa có số liệu")  # Nobody has assessed a level yet.


def do_the_part(browser: Browser, city: City) -> None:
    """The commune's official: from the own list two clicks to accept; then what was done."""
    context = signed_in(browser, city, "official", java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{city.address}/work")
    page.get_by_role("link", name="Nâng cấp hạ tầng dữ liệu (truyện)").click()
    page.get_by_role("button", name="Nhận việc").click()
    expect(page.locator("main")).to_contain_text("đã nhận, phải xong trước")
    finish = page.locator("details", has_text="Đã làm được gì")
    finish.locator("summary").click()
    finish.locator("button").click()
    expect(page.locator(".error-summary")).to_contain_text("Ghi đã làm được gì.")
    finish.locator("textarea").fill("Đã gửi danh mục (truyện)")
    finish.locator("button").click()
    expect(page.locator("main")).to_contain_text("đã làm xong")
    context.close()


def ask_and_agree(browser: Browser, city: City, page: Page, task: str) -> None:
    """The province's task: the officer asks, is not the one to agree, and another person agrees."""
    page.goto(task)
    page.locator("#do-ask summary").click()
    page.fill("#due", "2031-03-31")
    page.fill("#reason", "Chờ thiết bị (truyện)")
    page.locator("#do-ask button").click()
    expect(page.locator("#ledger")).to_contain_text("Chờ đơn vị khác quyết định.")
    name = f"urn:ngsi-ld:Task:{task.rpartition('/task/')[2]}"
    chief = Actor("user:chief", frozenset({"programme_officer"}), frozenset({"46"}))
    (asked,) = requests_of(city.parts.programme, chief, name)
    city.run(decide(city.parts.programme, chief, asked.id, True))
    page.goto(task)
    expect(page.locator("#ledger")).to_contain_text("31/03/2031")


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
