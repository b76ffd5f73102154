"""Story: rain and a report become an incident, directed by its playbook to a review, a proposed task and a figure."""

import re
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Browser, Page, expect

from dothi.citizens import Filing, file_report
from dothi.evidence.walk import walk
from dothi.hub.model import Actor
from dothi.operations.incidents.suggestions import suggestions
from dothi.programme.model import NewTask
from dothi.programme.tasks import service as tasks
from dothi.web.pages.shown import bare
from tests.web.city import COMMUNE, City
from tests.web.incidents import DUTY, raise_alarm
from tests.web.watch import PHONE, signed_in, watch

OFFICER = Actor("user:sample-officer", frozenset({"programme_officer"}), frozenset({"46"}))
PLACE = (107.6105, 16.4405)  # Away from what other stories write.
REPORT = Filing("flooding", "Nước ngập quá đầu gối trước cổng trường.", *PLACE, COMMUNE, key="the report of the flood")
INDICATOR = "urn:ngsi-ld:Indicator:incidents-taken"


def said(page: Page, text: str | re.Pattern[str]) -> None:
    """The first line of the page says so."""
    expect(page.locator("#answer")).to_contain_text(text)


def open_from_alarm(city: City, page: Page) -> str:
    """The officer opens an incident from the alarm: kind, place and title are there already; its number."""
    alarm = city.run(raise_alarm(city.parts, "story-of-rain", place=PLACE))
    page.goto(f"{city.address}/incidents/new?alarm={bare(alarm)}")
    expect(page.get_by_label("Loại sự việc")).to_have_value("flood")
    page.get_by_label("Việc gì xảy ra").fill("Ngập trước cổng trường (truyện)")
    page.get_by_label("Khẩn", exact=True).check()
    page.get_by_role("button", name="Mở sự việc").click()
    page.wait_for_url(re.compile(r"/incident/\d{8}-"))
    assert city.parts.hub.get(DUTY, alarm).value("incident").endswith(page.url.rpartition("/")[2])
    return page.url.rpartition("/")[2]


def direct(page: Page) -> None:
    """Taken, verified; deep water wakes the steps for it; a field that is missing is told beside it."""
    page.get_by_role("button", name="Nhận chỉ huy").click()
    said(page, "Đang xử lý")
    page.locator("#next").get_by_role("button", name="Đã làm xong").click()
    expect(page.get_by_role("alert")).to_contain_text("Điền mục này")
    page.locator("#next").get_by_label("Gọi điện cho phường").check()
    page.locator("#next").get_by_label("Độ sâu ngập").fill("0,9")
    page.locator("#next").get_by_role("button", name="Đã làm xong").click()
    expect(page.locator("#steps")).to_contain_text("Quyết định sơ tán người ở vùng trũng")
    page.get_by_label("Ghi một dòng").fill("Công an phường đã tới, 4 người.")
    page.get_by_role("button", name="Ghi nhật ký").click()
    expect(page.locator("#log")).to_contain_text("Công an phường đã tới, 4 người.")


def join_report(city: City, page: Page, name: str) -> None:
    """A report beside it is suggested with its reasons and joined by the officer."""
    city.run(file_report(city.parts.citizens, REPORT))
    page.wait_for_timeout(300)
    for _ in range(20):
        if suggestions(city.parts.operations, DUTY, kind="together", about=f"urn:ngsi-ld:Incident:{name}"):
            break
        page.wait_for_timeout(250)
    page.goto(f"{city.address}/incident/{name}")
    if page.locator("#hints-more").count():  # Other stories leave incidents of the same kind.
        page.locator("#hints-more > summary").click()
    hint = page.locator("#hints li", has_text="Phản ánh").first
    expect(hint).to_contain_text("Cùng loại sự việc")
    hint.get_by_role("button", name="Đúng, gắn vào sự việc").click()
    expect(page.locator("#members")).to_contain_text("Phản ánh")


def close(page: Page) -> None:
    """Required steps are open: closing says so, and with a reason it closes."""
    page.locator("#do-close summary").click()
    page.locator("#do-close").get_by_role("button", name="Đóng sự việc").click()
    expect(page.get_by_role("alert")).to_contain_text("Còn bước bắt buộc chưa làm")
    page.locator("#do-close").get_by_label("Lý do").fill("Nước đã rút, phường tiếp tục dọn dẹp")
    page.locator("#do-close").get_by_role("button", name="Đóng sự việc").click()
    said(page, "Đã đóng")


def review(page: Page) -> None:
    """One finding leads to a task that should move an indicator; only then the review ends."""
    page.get_by_role("link", name="Đánh giá sau sự việc").click()
    page.get_by_role("button", name="Bắt đầu đánh giá").click()
    page.get_by_label("Thêm phát hiện").fill("Cống trước cổng trường nhỏ, mưa là ngập (truyện)")
    page.get_by_role("button", name="Thêm", exact=True).click()
    page.get_by_role("button", name="Kết thúc đánh giá").click()
    expect(page.get_by_role("alert")).to_contain_text("Còn phát hiện chưa dẫn tới việc gì")
    page.get_by_label("Chỉ số cần cải thiện").select_option(INDICATOR)
    page.get_by_role("button", name="Đề xuất nhiệm vụ").click()
    expect(page.locator("#finding-1")).to_contain_text("Đề xuất nhiệm vụ")
    page.get_by_role("button", name="Kết thúc đánh giá").click()
    expect(page.locator("main")).to_contain_text("Đã đánh giá xong")


def test_an_incident_from_the_alarm_to_the_indicator(city: City, browser: Browser) -> None:
    """Alarm → incident → steps → report joined → closed → review → proposal → task → back to incident and figure."""
    context = signed_in(browser, city, "duty_officer", viewport=PHONE)
    page = watch(context).page
    name = open_from_alarm(city, page)
    direct(page)
    join_report(city, page, name)
    close(page)
    review(page)
    context.close()
    hub, incident = city.parts.hub, f"urn:ngsi-ld:Incident:{name}"
    proposal = f"urn:ngsi-ld:Proposal:review:{name}:1"
    due = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    clear = {"responsible": "Trưởng phòng Kỹ thuật (mẫu)", "evidence_kind": "minutes"}
    new = NewTask("Mở rộng cống (truyện)", "46", due, "Cống D800", (COMMUNE,), indicators=(INDICATOR,), **clear)
    task = city.run(tasks.accept(city.parts.programme, OFFICER, proposal, new))
    back = walk(hub, OFFICER, task).of("sources")
    assert back is not None
    assert incident in [one.id for one in back.steps]
    here = walk(hub, DUTY, incident)
    for relation, found in (("tasksFrom", task), ("reviews", f"urn:ngsi-ld:IncidentReview:{name}")):
        group = here.of(relation)
        assert group is not None
        assert [one.id for one in group.steps] == [found]
    assert here.of("logOf") is not None


def test_a_drill_is_marked_on_its_page(city: City, browser: Browser) -> None:
    """A drill from a scenario has its band, its own list, and what is assumed in its log."""
    context = signed_in(browser, city, "duty_officer")
    page = watch(context).page
    page.goto(f"{city.address}/incidents/new")
    page.locator("#drill summary").click()
    page.get_by_role("button", name="Bắt đầu diễn tập").click()
    expect(page.locator(".drill-band")).to_contain_text("Diễn tập")
    expect(page.locator("#log")).to_contain_text("Giả định: mưa 60 mm", timeout=8_000)
    page.goto(f"{city.address}/incidents?show=drills")
    expect(page.locator("#list")).to_contain_text("Mưa lớn, nước sông lên nhanh")
    page.goto(f"{city.address}/incidents")
    expect(page.locator("#list")).not_to_contain_text("Mưa lớn, nước sông lên nhanh")
    context.close()
