"""Three stories: a conclusion chased to its result, a directive that becomes tasks, the gate before a scale-up.

Beside them what comes in wrong: files, rows, and hands that reach beyond their area.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from dothi.hub.model import system
from dothi.programme.council import service
from tests.programme.papers import docx, scanned, xlsx
from tests.web.city import City
from tests.web.steering import COMMUNE, OFFICER, STOP, propose_sample
from tests.web.watch import signed_in

PDF = b"%PDF-1.4 bien ban nghiem thu"
LETTER = (
    "Số: 88/UBND-XD\tHuế, ngày 10 tháng 3 năm 2035",
    "V/v thoát nước đô thị (truyện)",
    "Kính gửi: Các sở, ban, ngành",
    "1. Giao Sở Xây dựng chủ trì lập kế hoạch thoát nước, trình trước ngày 30/4/2035.",
    "2. UBND phường Thuận Hóa rà soát các điểm ngập, gửi danh sách trước ngày 15/4.",
)


@pytest.fixture(scope="module")
def officer(city: City, browser: Browser) -> Iterator[Page]:
    """A programme officer's page without JavaScript, signed in once for all stories."""
    context = signed_in(browser, city, "programme_officer", java_script_enabled=False)
    yield context.new_page()
    context.close()


def test_a_conclusion_is_chased_to_its_result(city: City, officer: Page, tmp_path: Path) -> None:
    """Without JavaScript: a session is called, a conclusion is a task in one step, its evidence stands beside it."""
    page = officer
    page.goto(f"{city.address}/council/session/new")
    page.select_option("#body", "urn:ngsi-ld:CoordinationBody:mau")
    page.fill("#title", "Phiên tháng Mười một (truyện)")
    page.fill("#day", "2026-11-02")
    page.get_by_role("button", name="Gọi phiên họp").click()
    expect(page.get_by_text("Đã gọi phiên họp.")).to_be_visible()
    session = page.url

    page.locator("#conclude > summary").click()
    page.fill("#words", "Phường Thuận Hóa lập danh sách điểm ngập (truyện)")
    page.fill("#lead", "phuong thuan hoa")
    page.fill("#due", "31/02/2035")
    page.get_by_role("button", name="Ghi kết luận và giao nhiệm vụ").click()
    summary = page.locator(".error-summary")
    for said in ("Thời hạn: ngày không có thật", "Sản phẩm: còn trống", "Người chịu trách nhiệm: còn trống"):
        expect(summary).to_contain_text(said)
    page.fill("#due", "Quý III/2035")
    page.fill("#output", "Danh sách điểm ngập")
    page.fill("#responsible", "Chủ tịch UBND phường (mẫu)")
    page.get_by_role("button", name="Ghi kết luận và giao nhiệm vụ").click()
    expect(page.get_by_text("Đã ghi kết luận và giao nhiệm vụ.")).to_be_visible()
    row = page.locator("#chased tr", has_text="danh sách điểm ngập (truyện)")
    expect(row).to_contain_text("Đúng tiến độ")
    expect(row).to_contain_text("30/09/2035")

    row.get_by_role("link").first.click()
    expect(page.locator("#side")).to_contain_text("Phiên tháng Mười một (truyện)")
    page.locator("#do-finish summary").click()
    file = tmp_path / "danh-sach.pdf"
    file.write_bytes(PDF)
    page.set_input_files("#evidence", file)
    page.locator("#do-finish button").click()
    page.goto(session)
    row = page.locator("#chased tr", has_text="danh sách điểm ngập (truyện)")
    expect(row).to_contain_text("Đã xong")
    expect(row).to_contain_text("danh-sach.pdf")
    expect(page.locator(".answer").first).to_contain_text("1 kết luận, 1 đã xong")
    page.goto(f"{city.address}/council")
    expect(page.locator("tr", has_text="danh sách điểm ngập (truyện)")).to_contain_text("Đã xong")


def test_a_directive_becomes_two_tasks(city: City, officer: Page, tmp_path: Path) -> None:
    """A .docx is read, two duties are confirmed, one of them corrected: tasks with quote and directive behind them."""
    page = officer
    page.goto(f"{city.address}/directives")
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(scanned())
    page.set_input_files("#file", scan)
    page.get_by_role("button", name="Đọc văn bản").click()
    expect(page.locator(".error-summary")).to_contain_text("bản chụp")
    letter = tmp_path / "88-UBND.docx"
    letter.write_bytes(docx(LETTER))
    page.set_input_files("#file", letter)
    page.get_by_role("button", name="Đọc văn bản").click()
    expect(page.locator(".answer").first).to_contain_text("2 nghĩa vụ được đề xuất, 2 chờ xác nhận")
    expect(page.get_by_text("Số 88/UBND-XD, 10/03/2035")).to_be_visible()
    first, second = page.locator("#o-001"), page.locator("#o-002")
    expect(first.locator("blockquote")).to_contain_text("Giao Sở Xây dựng chủ trì lập kế hoạch thoát nước")
    expect(first).to_contain_text("Khá chắc")
    expect(second.locator("[name=due]")).to_have_value("15/04/2035")

    first.get_by_role("button", name="Xác nhận và giao nhiệm vụ").click()
    expect(page.locator(".error-summary")).to_contain_text("Người chịu trách nhiệm: còn trống")
    page.fill("[id='001-responsible']", "Giám đốc Sở (mẫu)")
    first.get_by_role("button", name="Xác nhận và giao nhiệm vụ").click()
    expect(first).to_contain_text("Đã giao nhiệm vụ")
    page.fill("[id='002-responsible']", "Chủ tịch UBND phường (mẫu)")
    page.fill("[id='002-due']", "20/5/2035")
    second.get_by_role("button", name="Xác nhận và giao nhiệm vụ").click()
    second.get_by_role("link", name="Mở nhiệm vụ").click()
    expect(page.locator("#five")).to_contain_text("20/05/2035")
    expect(page.locator("#five")).to_contain_text("Phường Thuận Hóa")
    page.locator("#side a", has_text="Rà soát các điểm ngập").first.click()
    expect(page.locator("main")).to_contain_text("UBND phường Thuận Hóa rà soát các điểm ngập, gửi danh sách")


def test_the_gate_is_refused_and_then_passed(city: City, officer: Page) -> None:
    """A scale-up is refused with 409 and its reason while the pilot runs; after the review it is written."""
    name = city.run(propose_sample(city.parts, "Đèn thông minh (truyện)")).rpartition(":")[2]
    page = officer
    page.goto(f"{city.address}/pilots/{name}")
    page.get_by_role("button", name="Bắt đầu thí điểm").click()
    page.locator("#do-scale > summary").click()
    page.fill("#scale_words", "Thêm phường Vỹ Dạ (truyện)")
    page.fill("#units", "Phường Vỹ Dạ")
    with page.expect_response(lambda answer: answer.url.endswith("/scale")) as refused:
        page.locator("#do-scale button").click()
    assert refused.value.status == 409
    expect(page.get_by_role("alert")).to_contain_text("Chưa có đánh giá thí điểm đã đóng")
    page.get_by_role("button", name="Hết thời gian, kết thúc").click()
    page.locator("#do-review > summary").click()
    page.locator("#do-review button").click()
    expect(page.locator(".error-summary")).to_contain_text("Chọn kết luận đánh giá")
    page.fill("#lessons", "Lắp cảm biến trước khi thay đèn (truyện)")
    page.get_by_label("Nhân rộng sau khi điều chỉnh").check()
    page.locator("#do-review button").click()
    page.locator("#do-scale > summary").click()
    page.fill("#scale_words", "Thêm phường Vỹ Dạ (truyện)")
    page.fill("#units", "Phường Vỹ Dạ")
    page.locator("#do-scale button").click()
    expect(page.get_by_text("Đã ghi quyết định nhân rộng.")).to_be_visible()
    page.goto(f"{city.address}/pilots")
    expect(page.get_by_text("Lắp cảm biến trước khi thay đèn (truyện)")).to_be_visible()
    assert STOP


def test_a_plan_is_looked_at_before_it_is_issued(city: City, officer: Page, tmp_path: Path) -> None:
    """A table without persons is wholly held back; one word mends the good row, the bad one is corrected and issued."""
    rows = (
        (1, "Lập kế hoạch (truyện)", "Sở Xây dựng", None, "Quý IV/2035", "Kế hoạch"),
        (2, "Rà soát (truyện)", "Cục Không có", None, "31/02/2035", "Danh sách"),
    )
    page = officer
    page.goto(f"{city.address}/imports")
    table = tmp_path / "ke-hoach.xlsx"
    table.write_bytes(xlsx(rows))
    page.set_input_files("#file", table)
    page.get_by_role("button", name="Đọc bảng").click()
    expect(page.locator(".answer").first).to_contain_text("0 dòng đạt, 2 dòng cần sửa")
    page.fill("#default-responsible", "Lãnh đạo đơn vị (mẫu)")
    page.get_by_role("button", name="Xét lại mọi dòng").click()
    expect(page.locator("#row-4")).to_contain_text("Đơn vị chủ trì: không tìm thấy đơn vị này")
    page.get_by_role("button", name="Giao các dòng đạt (1)").click()
    expect(page.get_by_text("Đã giao 1 nhiệm vụ trong một lần.")).to_be_visible()
    page.goto(page.url.replace("show=issued", "show=bad"))
    page.fill("[id='4-lead']", "Phường Vỹ Dạ")
    page.fill("[id='4-due']", "28/2/2035")
    page.get_by_role("button", name="Lưu và xét lại dòng 4").click()
    page.get_by_role("button", name="Giao các dòng đạt (1)").click()
    expect(page.locator(".answer").first).to_contain_text("0 dòng đạt, 0 dòng cần sửa, 2 đã giao")


def test_partners_hand_in_without_an_account(city: City, browser: Browser, officer: Page) -> None:
    """Anybody asks; the words and the answer come out together, and the name never does."""
    context = browser.new_context(locale="vi-VN", java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{city.address}/calls/{city.values['call']}")
    assert "Xin mặt bằng (mẫu)" not in page.content()  # Nobody has answered it yet.
    page.fill("#title", "Xin số liệu ngập (truyện)")
    page.fill("#words", "Công bố ở đâu?")
    page.fill("#name", "Công ty Nước Sạch (truyện)")
    page.get_by_role("button", name="Gửi", exact=True).click()
    expect(page.get_by_text("Đã nhận. Giữ mã")).to_be_visible()
    mine = page.url
    work = officer
    work.goto(f"{city.address}/calls/{city.values['call']}")
    case = work.locator("article", has_text="Xin số liệu ngập (truyện)")
    assert "Nước Sạch" not in work.content()
    case.locator("textarea").fill("Tại trang dữ liệu mở (truyện)")
    case.get_by_role("button", name="Trả lời công khai").click()
    page.goto(mine)
    expect(page.get_by_text("Tại trang dữ liệu mở (truyện)")).to_be_visible()
    page.goto(f"{city.address}/calls/{city.values['call']}")
    assert "Công bố ở đâu?" in page.content()
    assert "Nước Sạch" not in page.content()
    context.close()


def test_others_than_the_office_write_nothing(city: City, browser: Browser) -> None:
    """A duty officer reads the council and is refused its verbs; who has not signed in is sent to the door."""
    context = signed_in(browser, city, "duty_officer")
    page = context.new_page()
    page.goto(f"{city.address}/council")
    assert page.get_by_role("link", name="Gọi phiên họp").count() == 0
    assert page.goto(f"{city.address}/pilots/new").status == 403  # type: ignore[union-attr]
    context.close()
    public = browser.new_context().new_page()
    assert "/login" in public.goto(f"{city.address}/directives").url  # type: ignore[union-attr]
    public.context.close()
    assert service.bodies(city.parts.programme, OFFICER)
    assert city.parts.hub.get(system("tests"), f"urn:ngsi-ld:Pilot:{city.values['pilot']}").value("unit") == COMMUNE
