"""A shift handed over in the middle of open matters: two people, two browsers, two signatures."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from dothi.accounts.people import users
from dothi.ground.clock import HOUR, now_us
from dothi.hub.model import Commit, amend, prop
from dothi.operations.model import OWNER
from dothi.operations.shifts import handover, owners, service
from dothi.operations.shifts.model import BOOK
from dothi.operations.shifts.rules import day_of
from tests.web.centre import centre
from tests.web.city import PROVINCE, City
from tests.web.shifts import open_matters, raise_alarm
from tests.web.watch import PHONE, axe, signed_in

REASON = "Nhận thay người của ca sau"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """A centre of its own."""
    with centre(tmp_path_factory.mktemp("shifts")) as made:
        yield made


def opened(context: BrowserContext, room: City, path: str) -> Page:
    page = context.new_page()
    page.goto(room.address + path)
    return page


def actor_id(room: City, login: str) -> str:
    return next(user.actor_id for user in users(room.parts.accounts) if user.login == login)


def test_a_shift_is_handed_over_in_the_middle_of_it(room: City, browser: Browser) -> None:
    """Who goes signs what he read; who comes reads what is new, reserves and signs; all that was held is his."""
    here, first = room.parts.operations, room.samples["duty_officer"]
    outgoing = signed_in(browser, room, "duty_officer")
    incoming = signed_in(browser, room, "second", viewport=PHONE, java_script_enabled=False)
    mine = opened(outgoing, room, "/shift")
    expect(mine.locator(".answer")).to_contain_text("Không có ai trực")
    expect(mine.get_by_text("đang mở thuộc trách nhiệm của Thành phố Huế")).to_be_visible()
    begin(mine)
    room.run(open_matters(room.parts, actor_id(room, first.login)))
    expect(mine.locator(".answer")).to_contain_text("1 cảnh báo, 1 sự việc, 1 lệnh trễ", timeout=10_000)
    mine.locator("#promise-new summary").click()
    mine.fill("#promise-words", "Gọi lại cho phường về máy bơm (mẫu)")
    mine.fill("#promise-time", "23:59")
    mine.get_by_role("button", name="Lưu lời hứa").click()
    expect(mine.get_by_text("Đã ghi lời hứa.")).to_be_visible()
    assert axe(mine) == []

    mine.get_by_role("link", name="Bàn giao ca").click()
    for text in ("Ngập đường Bùi Thị Xuân (mẫu)", "Đặt máy bơm tại cầu Ga (mẫu)", "Mưa lớn, tránh vùng trũng (mẫu)"):
        expect(mine.locator(".note-lines", has_text=text)).to_be_visible()
    expect(mine.locator(".note-part", has_text="Cảnh báo tạm gác")).to_contain_text("Chờ thay pin (mẫu)")
    room.run(raise_alarm(room.parts.hub, "Xuân Phú", "urgent"))
    mine.fill("#all", "Cầu Ga sắp ngập lại nếu mưa tiếp")
    mine.get_by_role("button", name="Ký giao ca").click()
    expect(mine.get_by_text("Có việc mới hoặc thay đổi từ khi mở trang")).to_be_visible()
    expect(mine.locator("#all")).to_have_value("Cầu Ga sắp ngập lại nếu mưa tiếp")
    mine.get_by_role("button", name="Ký giao ca").click()
    expect(mine.get_by_text("Đã ký giao. Chờ người nhận ký.")).to_be_visible()

    room.run(raise_alarm(room.parts.hub, "Hương Long", "high"))
    theirs = opened(incoming, room, "/shift")
    expect(theirs.get_by_text("Trực ban (mẫu) đã ký biên bản")).to_be_visible()
    theirs.get_by_role("link", name="Đọc và nhận ca").click()
    expect(theirs.locator(".new-since")).to_contain_text("Trạm Hương Long (mẫu)")
    expect(theirs.locator("blockquote")).to_contain_text(["Cầu Ga sắp ngập lại nếu mưa tiếp"])
    theirs.fill("#reservation", "Chưa gọi được đội bơm")
    if theirs.locator("#reason").count():
        theirs.fill("#reason", REASON)
    theirs.get_by_role("button", name="Ký nhận ca").click()
    expect(theirs.get_by_text("Anh/chị đã nhận ca và đang trực.")).to_be_visible()
    expect(theirs.locator(".answer")).to_contain_text("Anh/chị trực đến")

    held = owners.holder(room.parts.hub.get(BOOK, "urn:ngsi-ld:Alarm:Kim Long"))
    assert held == actor_id(room, "trucban2")
    incident = room.parts.hub.get(BOOK, "urn:ngsi-ld:Incident:ngap-1")
    assert incident.value("commander") == actor_id(room, "trucban2")
    closed = handover.past_notes(here, BOOK)[0]
    assert (len(closed.signatures), handover.broken(closed)) == (2, ())

    told = mine.request.get(f"{room.address}/api/shifts/{closed.id}").json()
    assert ([one["part"] for one in told["signatures"]], told["broken"]) == (["out", "in"], [])
    refused = mine.request.post(f"{room.address}/api/shifts/{closed.id}/take-back", data={})
    assert refused.status == 403  # Without the value that our own pages carry nothing is written.
    assert mine.request.get(f"{room.address}/api/shifts?unit=46&until=9999-12-31T00:00:00Z").status == 400

    theirs.goto(f"{room.address}/shift/books?q=cau ga")
    theirs.locator("table a").first.click()
    expect(theirs.get_by_text("khớp nội dung")).to_have_count(2)
    expect(theirs.locator(".signatures")).to_contain_text("Chưa gọi được đội bơm")
    assert theirs.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    expect(mine.locator("h1")).to_be_visible()
    mine.goto(f"{room.address}/shift")
    expect(mine.locator(".answer")).to_contain_text("Trực ban Hai (mẫu) trực đến")
    outgoing.close()
    incoming.close()


def begin(page: Page) -> None:
    """Come on duty: the shift of this hour, or one off the roster."""
    take = page.locator(".shift-do").get_by_role("button", name="Nhận ca")
    if take.count():
        take.click()
    else:
        page.locator("#do-open summary").click()
        page.fill("#why-open", REASON)
        page.locator("#do-open button").click()
    expect(page.get_by_text("Anh/chị đang trực.")).to_be_visible()


def test_the_week_and_a_swap_by_two_consents(room: City, browser: Browser) -> None:
    """A turn that stands in one name passes to another only when the other agrees, each in his own browser."""
    mine = signed_in(browser, room, "duty_officer", java_script_enabled=False)
    here, now = room.parts.operations, now_us()
    shifts = service.shifts_between(here, BOOK, PROVINCE, now, now + 40 * HOUR)
    turn = next(one for one in shifts if one.state == "planned" and one.starts > now)
    given = amend(turn.id, officer=prop(actor_id(room, "trucban")), byHand=prop(True))
    room.run(room.parts.hub.commit(Commit(BOOK, (given,), owner=OWNER)))
    week = opened(mine, room, f"/roster?week={day_of(turn.starts)}")
    expect(week.locator("table.roster")).to_contain_text("Trực ban (mẫu)")
    expect(week.locator(".phones")).to_contain_text("114")
    week.select_option("#to", "trucban2")
    week.fill("#reason", "Con ốm (mẫu)")
    week.get_by_role("button", name="Gửi đề nghị").click()
    expect(week.get_by_text("đang xin đổi")).to_be_visible()
    theirs = signed_in(browser, room, "second", java_script_enabled=False)
    asked = opened(theirs, room, "/shift")
    expect(asked.get_by_text("nhờ anh/chị trực")).to_be_visible()
    asked.get_by_role("button", name="Đồng ý").click()
    expect(asked.get_by_text("Đã đổi ca.")).to_be_visible()
    assert service.shift(here, BOOK, turn.id).officer == actor_id(room, "trucban2")
    mine.close()
    theirs.close()
