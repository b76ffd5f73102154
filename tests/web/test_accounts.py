"""Stories of people and keys: the first administrator, a new user, a lost password, a key, and what the audit tells."""

import asyncio
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page

from dothi.accounts.people import make_first_administrator_link
from dothi.app import close_city, make_app, open_city
from dothi.settings import Settings
from tests.web.city import City
from tests.web.watch import axe, signed_in, watch

PASSWORD = "nắng hạn gặp mưa rào"


def submit(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        page.fill(f"#{name}", value)
    page.click("main form button[type=submit]")


async def field(client: httpx.AsyncClient, path: str) -> str:
    """The CSRF value of the form on a page."""
    return (await client.get(path)).text.partition('name="csrf" value="')[2].partition('"')[0]


def test_an_empty_city_gets_its_administrator(tmp_path: Path) -> None:
    """The one-time link makes the first administrator, who is signed in then; then there is one."""

    async def story() -> None:
        settings = Settings(data=tmp_path)
        parts = await open_city(settings)
        token = await make_first_administrator_link(parts.accounts)
        transport = httpx.ASGITransport(make_app(parts, settings))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
            path = f"/setup/{token}"
            data = {"csrf": await field(client, path), "name": "Lê Thị Hoa", "login": "hoa", "new": "ngắn"}
            weak = await client.post(path, data=data)
            assert (weak.status_code, "ít nhất 10 ký tự" in weak.text) == (422, True)
            assert 'value="Lê Thị Hoa"' in weak.text
            done = await client.post(path, data=data | {"new": PASSWORD})
            assert done.headers["location"] == "/users"
            people = await client.get("/users")
            assert "Lê Thị Hoa" in people.text
            assert "Chưa có chỉ số nào" in (first := await client.get("/indicators")).text
            assert "đều đạt mục tiêu" not in first.text
            opened = await client.get(path)
            assert ("đã có quản trị viên" in opened.text, 'name="login"' in opened.text) == (True, False)
            csrf = people.text.partition('name="csrf" value="')[2].partition('"')[0]
            again = await client.post(path, data=data | {"new": PASSWORD, "csrf": csrf})
            assert (again.status_code, "đã có quản trị viên" in again.text) == (422, True)
        await close_city(parts)

    asyncio.run(story())


def test_a_new_user_sets_a_password_and_works(browser: Browser, city: City) -> None:
    """The administrator adds a person, sends the link shown once, and later locks the account with a reason."""
    office = signed_in(browser, city, "administrator")
    seen = watch(office)
    page = seen.page
    page.goto(f"{city.address}/users/new")
    submit(page, name="", login="Có Dấu", areas="Làng Chưa Có")
    assert page.locator(".error-summary a").count() == 4
    assert page.evaluate("document.activeElement.className") == "error-summary"
    assert axe(page) == []
    page.check("text=Trực ban")
    submit(page, name="Trần Văn Nam", login="nam.tran", areas="Thành phố Huế")
    link = page.locator(".secret").inner_text()
    home = browser.new_context()
    there = home.new_page()
    there.goto(link)
    submit(there, new="1234567890")
    assert "dễ đoán" in there.locator(".error-summary").inner_text()
    submit(there, new=PASSWORD)
    submit(there, login="nam.tran", password=PASSWORD)
    there.goto(f"{city.address}/account")
    assert "Thành phố Huế" in there.locator(".facts").inner_text()
    there.goto(f"{city.address}/users")
    assert "Bạn không có quyền xem trang này" in there.locator("h1").inner_text()

    page.goto(f"{city.address}/users")
    page.click("text=Trần Văn Nam")
    page.check("text=Khóa tài khoản")
    submit(page, name="Trần Văn Nam")
    assert "Ghi lý do của thay đổi" in page.locator(".error-summary").inner_text()
    submit(page, reason="Điều chuyển công tác")
    assert "Đã lưu thay đổi của Trần Văn Nam." in page.locator(".notice.done").inner_text()
    there.goto(f"{city.address}/account")
    assert there.url.startswith(f"{city.address}/login")
    page.goto(f"{city.address}/audit/register")
    row = page.locator("tr", has_text="Khóa người dùng").first
    assert "Điều chuyển công tác" in row.inner_text()
    assert "Quản trị (mẫu)" in row.inner_text()
    home.close()
    office.close()


def test_the_last_administrator_stays(browser: Browser, city: City) -> None:
    """Nobody can take the administrator's role from the last one."""
    office = signed_in(browser, city, "administrator")
    page = office.new_page()
    page.goto(f"{city.address}/users")
    page.click("tr:has-text('quantri') a")
    page.uncheck("text=Quản trị viên")
    page.check("text=Trực ban")
    submit(page, reason="thử")
    assert "quản trị viên cuối cùng" in page.locator(".error-summary").inner_text()
    office.close()


def test_a_key_opens_what_it_may_and_no_more(browser: Browser, city: City) -> None:
    """A key shown once reads what its scope names; revoked, it opens nothing."""
    office = signed_in(browser, city, "administrator")
    page = office.new_page()
    page.goto(f"{city.address}/keys")
    submit(page, name="Trạm thử", scopes="read everything")
    assert "read:Loại" in page.locator(".error-summary").inner_text()
    submit(page, name="Trạm thử", scopes="read:AirQualityObserved")
    key = page.locator(".secret").inner_text()
    asked = f"{city.address}/ngsi-ld/v1/entities?type=AirQualityObserved"
    assert httpx.get(asked, headers={"Authorization": f"Bearer {key}"}).status_code == 200
    page.goto(f"{city.address}/keys")
    page.click("tr:has-text('Trạm thử') button")
    assert "Khóa đã bị thu hồi." in page.locator(".notice.done").inner_text()
    assert httpx.get(asked, headers={"Authorization": f"Bearer {key}"}).status_code == 401
    office.close()


def test_the_audit_finds_by_thing_and_day(browser: Browser, city: City) -> None:
    """Who, when and why of one thing; a day that is none is said; a day long ago is empty."""
    office = signed_in(browser, city, "assessor")
    page = office.new_page()
    page.goto(f"{city.address}/audit?entity=urn:ngsi-ld:AirQualityObserved:0")
    assert page.locator("tbody tr").count() >= 1
    assert "ba trạm mẫu" in page.locator("tbody").inner_text()
    page.fill("#start", "31/02/2026")
    page.click("main form button")
    assert "Nhập ngày" in page.locator(".mend").inner_text()
    page.goto(f"{city.address}/audit?end=01/01/2020")
    assert "Không có dòng nào" in page.locator(".nothing").inner_text()
    office.close()


@pytest.mark.parametrize("path", ["/users", "/keys", "/audit"])
def test_pages_of_the_administrator_are_closed_to_others(path: str, browser: Browser, city: City) -> None:
    """An official may not open them, and is told so; nobody in particular is sent to sign in."""
    desk = signed_in(browser, city, "official")
    page = desk.new_page()
    answer = page.goto(city.address + path)
    assert answer is not None
    assert answer.status == 403
    desk.close()
    assert httpx.get(city.address + path).headers["location"] == f"/login?next={path}"
