"""The ways in, in a real browser without JavaScript: the ward's counter, emergencies, already reported, bad input."""

import re
import time
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from dothi.accounts.model import Organisation
from dothi.accounts.organisations import SYSTEM as REGISTRAR
from dothi.accounts.organisations import keep_organisation
from dothi.citizens import Outcome, Upload, answer, receive
from dothi.citizens.intake.arrival import arrival
from dothi.citizens.services.measures import measure
from dothi.ground.clock import DAY, now_us
from dothi.hub.model import Actor
from dothi.operations.alarms.service import alarm_id
from tests.web.city import COMMUNE, City, make_city
from tests.web.life import until
from tests.web.test_citizens import ANSWER, PHONE, photo, sign_in

EVERYTHING = Actor("system:test", frozenset({"system"}))
BROKEN = "urn:ngsi-ld:Proposal:broken-rule:city:telecom:no_organisation"
OFFICIAL = Actor("user:handler", frozenset({"official"}), frozenset({COMMUNE}))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """One city for the stories of this file, so that its measures are theirs alone."""
    with make_city(tmp_path_factory.mktemp("intake")) as made:
        yield made


@pytest.fixture
def plain(browser: Browser) -> Iterator[BrowserContext]:
    """A bad phone: narrow, and without JavaScript."""
    context = browser.new_context(java_script_enabled=False, viewport=PHONE, locale="vi-VN")  # type: ignore[arg-type]
    context.set_default_timeout(15_000)
    yield context
    context.close()


def fill_in(page: Page, running: City, category: str, text: str) -> None:
    page.goto(f"{running.address}/report")
    page.check(f"input[name=category][value={category}]")
    page.fill("#description", text)
    page.select_option("#unit", COMMUNE)


def send(page: Page) -> None:
    page.get_by_role("button", name="Gửi phản ánh", exact=True).click()


def test_somebody_without_a_smartphone_is_served_at_the_ward(
    running: City, plain: BrowserContext, browser: Browser
) -> None:
    """Told at the counter, a slip to take home, followed by code, answered late, rated and re-opened at the counter."""
    here = running.parts.citizens
    context = browser.new_context(java_script_enabled=False, locale="vi-VN")
    context.set_default_timeout(15_000)
    clerk = context.new_page()
    sign_in(clerk, running, "official")
    clerk.goto(f"{running.address}/counter")
    clerk.check("input[name=category][value=waste]")
    clerk.fill("#description", "Bà kể: đống rác cạnh trạm y tế đã năm ngày chưa ai dọn.")
    clerk.fill("#name", "Trần Thị Bí Mật")
    clerk.fill("#phone", "0905 123 456")
    clerk.check("input[name=consent][value=signed]")
    clerk.get_by_role("button", name="Lưu và in phiếu").click()
    code = clerk.locator(".slip .secret").inner_text()
    assert re.fullmatch(r"\w{6}-\w{4}-\w{4}", code)
    expect(clerk.locator(".slip .qr svg")).to_be_visible()
    expect(clerk.locator(".spelled li")).to_have_count(14)
    expect(clerk.locator("body")).not_to_contain_text("Bí Mật")
    came = arrival(here, EVERYTHING, code[:6])
    assert (came.channel, came.consent) == ("counter", "signed")

    citizen = plain.new_page()  # A grandchild's phone scans the slip.
    citizen.goto(f"{running.address}/follow/{code}")
    expect(citizen.locator("main")).to_contain_text("đống rác cạnh trạm y tế")

    later = now_us() + 40 * DAY
    running.run(receive(here, OFFICIAL, code[:6], now=later))
    proof = (Upload("sau.jpg", photo("gold")),)
    running.run(answer(here, OFFICIAL, code[:6], Outcome.RESOLVED, ANSWER, proof, now=later + 1))
    before = measure(here)
    clerk.goto(f"{running.address}/counter/case")
    clerk.fill("#code", code.lower().replace("-", " "))
    clerk.click("main button[type=submit]")
    expect(clerk.locator("main")).to_contain_text(ANSWER)
    expect(clerk.locator("main")).to_contain_text("trả lời quá hạn")
    clerk.get_by_role("button", name="Ghi đánh giá").click()
    expect(clerk.locator(".error-summary")).to_contain_text("từ 1 đến 5")
    clerk.check("#stars input[value='2']")
    clerk.get_by_role("button", name="Ghi đánh giá").click()
    expect(clerk.locator(".notice.done")).to_be_visible()
    after = measure(here)
    assert (after.rated, after.stars) == (before.rated + 1, 2.0)
    clerk.locator("#reopen summary").click()
    clerk.fill("#reopen textarea", "Rác lại đầy từ hôm qua")
    clerk.locator("#reopen button").click()
    expect(clerk.locator(".head")).to_contain_text("Yêu cầu làm lại")
    context.close()


def test_an_emergency_is_called_before_it_is_sent(running: City, plain: BrowserContext) -> None:
    """Questions open under their card; numbers come first; the words stay; what is sent goes to the right place."""
    page = plain.new_page()
    fill_in(page, running, "danger", "Dây điện rơi trước trường học")
    expect(page.locator("#q-hurt-danger")).to_be_visible()
    expect(page.locator("#q-hurt-power")).to_be_hidden()
    send(page)
    expect(page.locator(".error-summary")).to_contain_text("Trả lời câu hỏi này")
    page.check("input[name=q-danger_kind-danger][value=wire]")
    page.check("input[name=q-hurt-danger][value=yes]")
    upload = {"name": "day.jpg", "mimeType": "image/jpeg", "buffer": photo("teal")}
    page.set_input_files("#photos", upload)  # type: ignore[arg-type]
    send(page)
    expect(page.locator("#calls a")).to_have_count(3)
    numbers = [one.get_attribute("href") for one in page.locator("#calls a").all()]
    assert numbers == ["tel:114", "tel:112", "tel:115"]
    page.get_by_role("button", name="Sửa lại").click()
    assert page.input_value("#description") == "Dây điện rơi trước trường học"
    expect(page.locator("form")).to_contain_text("Đã giữ 1 ảnh")
    send(page)
    page.get_by_role("button", name="Đã gọi").click()
    number = page.inner_text(".secret")[:6]
    entity = running.parts.hub.get(EVERYTHING, f"urn:ngsi-ld:CitizenReport:{number}")
    assert len(entity.value("photos")) == 1, "the photo was sent once and came along"
    assert (entity.value("routing")["rule"], entity.value("urgent")) == ("wire-down", True)


def test_what_is_reported_already_is_followed(running: City, plain: BrowserContext, browser: Browser) -> None:
    """The second citizen is shown the first report and follows it by one click, with a code of their own."""
    first, second = plain.new_page(), plain.new_page()
    text = "Cây phượng đổ chắn lối vào chợ Bến Ngự"
    fill_in(first, running, "tree", text)
    send(first)
    number = first.inner_text(".secret")[:6]
    fill_in(second, running, "tree", "cay phuong do chan loi vao cho ben ngu")
    send(second)
    expect(second.locator("h1")).to_have_text("Trước khi gửi")
    expect(second.locator("main")).not_to_contain_text(text)
    second.get_by_role("button", name="Theo dõi phản ánh này").click()
    own = second.inner_text(".secret")
    assert own[:6] != number
    second.goto(f"{running.address}/follow")
    second.fill("#code", own)
    second.click("main button[type=submit]")
    expect(second.locator("h1 + .answer")).to_contain_text(number)
    expect(second.locator("main")).not_to_contain_text(text)
    context = browser.new_context(java_script_enabled=False, locale="vi-VN")
    official = context.new_page()
    sign_in(official, running, "official")
    official.goto(f"{running.address}/case/{number}")
    official.locator("#arrival summary").click()
    expect(official.locator("#arrival")).to_contain_text("1 người khác cùng theo dõi")
    official.locator("#why summary").click()
    expect(official.locator("#why")).to_contain_text("Theo bảng thẩm quyền")
    context.close()


@pytest.mark.parametrize(
    ("said", "status", "seen"),
    [
        ({"description": "Tôi khiếu nại quyết định thu hồi đất"}, 200, "Luật Khiếu nại số 02/2011/QH13"),
        ({"q-other_kind-other": "denunciation"}, 200, "Luật Tố cáo số 25/2018/QH14"),
        ({"description": "Công văn mật số 17 bị vứt"}, 422, "Không nhận nội dung này"),
        ({"q-other_kind-other": "moon"}, 422, "Trả lời câu hỏi này"),
        ({"category": "power", "q-hurt-power": "no"}, 422, "Đơn vị điện lực cần gọi lại"),
        ({"category": "ufo"}, 422, "Chọn loại việc"),
        ({"lon": "abc", "lat": "1"}, 422, "Chọn phường, xã"),
        ({"kept": "W3t9XQ==.00", "shown": "everything"}, 200, "Giữ mã này"),  # Forged photos count for nothing.
        ({"again": "ZZZZZZ", "description": "Việc lạ ở đình làng"}, 200, "Giữ mã này"),
    ],
)
def test_what_is_wrong_or_belongs_elsewhere_is_said(
    running: City, said: dict[str, str], status: int, seen: str
) -> None:
    """Each with what to do; a secret text is not shown again; what is forged is dropped."""
    with httpx.Client(base_url=running.address, follow_redirects=True) as client:
        csrf = re.search(r'name="csrf" value="([^"]+)"', client.get("/report").text)
        assert csrf
        form = {"csrf": csrf[1], "category": "other", "description": "Việc lạ", "unit": COMMUNE} | said
        answered = client.post("/report", data=form)
        assert (answered.status_code, seen in answered.text) == (status, True), answered.text[-3000:]
        assert "số 17" not in answered.text


def test_the_counter_is_for_staff(running: City) -> None:
    """Whoever has not signed in is sent to sign in; a stranger's code opens no slip."""
    with httpx.Client(base_url=running.address) as client:
        for path in ("/counter", "/counter/case", "/counter/slip/AAAAAA-AAAA-AAAA"):
            assert client.get(path).status_code == 303, path
        assert client.get("/report/following/AAAAAA-AAAA-AAAA").status_code == 404


def test_a_rule_that_can_no_longer_work_rings_until_it_is_mended(running: City) -> None:
    """In the running city: the last telecom company ends, an alarm is active; it is back, the alarm clears."""
    parts = running.parts
    ended = Organisation("46.mang-mau", "Mạng (mẫu)", "46", "telecom", valid_to="2026-01-01", sample=True)
    alarm = alarm_id("routing-broken", BROKEN)

    def keep(one: Organisation) -> None:
        running.run(keep_organisation(parts.hub, parts.accounts, REGISTRAR, one))

    keep(ended)
    running.run(until(parts, alarm))
    rung = parts.hub.get(EVERYTHING, alarm)
    assert (rung.value("active"), rung.value("open")) == (True, True)
    assert "telecom" in str(rung.value("subjectName"))
    keep(replace(ended, valid_to=""))
    for _ in range(200):
        if not parts.hub.get(EVERYTHING, alarm).value("active"):
            break
        time.sleep(0.05)
    assert parts.hub.get(EVERYTHING, alarm).value("active") is False
    assert parts.hub.get(EVERYTHING, BROKEN).value("state") == "withdrawn"
