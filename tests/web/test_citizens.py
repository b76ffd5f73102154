"""Story 2 in a real browser without JavaScript, over the real application; and what the pages refuse and hide."""

import io
import re
from collections.abc import Iterator

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from dothi.accounts.model import Identity
from dothi.citizens import Filing, file_report
from dothi.citizens.services.measures import measure
from dothi.hub.model import Actor
from tests.web.city import COMMUNE, City, make_city
from tests.web.watch import axe, signed_in, watch

PHONE = {"width": 360, "height": 740}
WORDS = "Đèn trước số nhà 12 đường Lê Lợi tắt ba đêm nay."
ANSWER = "Tổ điện chiếu sáng thay bóng LED 120W và chấn lưu lúc 15 giờ, đèn sáng lại."
EVERYTHING = Actor("system:test", frozenset({"system"}))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """One city for the stories of this file, so that its measures are theirs alone."""
    with make_city(tmp_path_factory.mktemp("citizens")) as made:
        yield made


@pytest.fixture
def plain(browser: Browser) -> Iterator[BrowserContext]:
    """A bad phone: narrow, and without JavaScript."""
    context = browser.new_context(java_script_enabled=False, viewport=PHONE, locale="vi-VN")  # type: ignore[arg-type]
    yield context
    context.close()


def photo(colour: str, with_place: bool = False) -> bytes:
    """A JPEG, as a phone takes it when `with_place`."""
    exif = Image.Exif()
    if with_place:
        exif[0x0110] = "Kieu-X100"
        place = exif.get_ifd(0x8825)
        place[1], place[2], place[3], place[4] = "N", (16.0, 27.0, 49.0), "E", (107.0, 35.0, 25.0)
    out = io.BytesIO()
    Image.new("RGB", (640, 480), colour).save(out, "JPEG", exif=exif)
    return out.getvalue()


def sign_in(page: Page, running: City, role: str) -> None:
    sample = running.samples[role]
    page.goto(f"{running.address}/login")
    page.fill("#login", sample.login)
    page.fill("#password", sample.password)
    page.click("main button[type=submit]")


def file_one(page: Page, running: City) -> str:
    """Fill in the form as a citizen does; returns the follow code."""
    page.goto(f"{running.address}/report")
    page.check("input[name=category][value=street_light]")
    page.fill("#description", WORDS)
    upload = {"name": "IMG_1.jpg", "mimeType": "image/jpeg", "buffer": photo("navy", with_place=True)}
    page.set_input_files("#photos", upload)  # type: ignore[arg-type]
    page.select_option("#unit", COMMUNE)
    page.click("text=Gửi phản ánh")
    if page.locator("h1").inner_text() == "Trước khi gửi":  # Another story of this file told of the same lamp.
        page.get_by_role("button", name="gửi phản ánh mới").click()
    return page.inner_text(".secret")


def test_a_lamp_is_reported_mended_judged_and_reopened_without_javascript(
    running: City, plain: BrowserContext, browser: Browser
) -> None:
    """Story 2: filed with photo, answered with proof, seen before and after, rated 2/5, re-opened; usage stays."""
    citizen = plain.new_page()
    code = file_one(citizen, running)
    assert re.fullmatch(r"[2-9A-Z]{6}-[2-9A-Z]{4}-[2-9A-Z]{4}", code)
    expect(citizen.locator("main")).to_contain_text("Phường Thuận Hóa")
    usage = measure(running.parts.citizens).filed

    context = browser.new_context(java_script_enabled=False, locale="vi-VN")
    official = context.new_page()
    sign_in(official, running, "official")
    official.goto(f"{running.address}/work")
    row = official.locator(f"#row-{code[:6]}")
    row.get_by_role("button", name="Tiếp nhận", exact=True).click()
    official.goto(f"{running.address}/work")
    official.locator(f"#row-{code[:6]} a").click()
    official.check("input[name=outcome][value=resolved]")
    official.fill("#words", ANSWER)
    proof = {"name": "sau.jpg", "mimeType": "image/jpeg", "buffer": photo("gold")}
    official.set_input_files("#proof", proof)  # type: ignore[arg-type]
    official.get_by_role("button", name="Trả lời và đóng").click()
    expect(official.locator(".notice.done")).to_contain_text(code[:6])
    context.close()

    citizen.goto(f"{running.address}/follow")
    citizen.fill("#code", code.lower().replace("-", " "))
    citizen.click("main button[type=submit]")
    expect(citizen.locator(".photos.pair figcaption")).to_have_text(["Trước", "Sau"])
    expect(citizen.locator("main")).to_contain_text(ANSWER)
    for image in citizen.locator(".photos img").all():
        answered = citizen.request.get(running.address + str(image.get_attribute("src")))
        assert answered.headers["content-type"] == "image/jpeg"
        assert not Image.open(io.BytesIO(answered.body())).getexif()
        assert b"Kieu-X100" not in answered.body()
    before = measure(running.parts.citizens)
    citizen.check("#stars input[value='2']")
    citizen.click("text=Gửi đánh giá")
    expect(citizen.locator(".notice.done")).to_be_visible()
    citizen.locator("#reopen summary").click()
    citizen.fill("#reason", "Đèn lại tắt từ tối qua")
    citizen.click("#reopen button")
    expect(citizen.locator("h1 + .answer")).to_contain_text("tiếp nhận lại trước")
    after = measure(running.parts.citizens)
    assert (before.rated, before.stars) == (0, None)
    assert (after.rated, after.stars, after.reopened) == (1, 2.0, before.reopened + 1)
    assert after.filed == before.filed == usage


def test_a_form_that_lacks_something_says_what_and_keeps_the_rest(running: City, plain: BrowserContext) -> None:
    """The summary names each mend; words typed are still there; then it goes through."""
    page = plain.new_page()
    page.goto(f"{running.address}/report")
    page.fill("#description", WORDS)
    page.click("text=Gửi phản ánh")
    expect(page.locator(".error-summary")).to_contain_text("Chọn loại việc")
    page.check("input[name=category][value=noise]")
    page.click("text=Gửi phản ánh")
    expect(page.locator(".error-summary")).to_contain_text("Chọn phường, xã")
    assert page.input_value("#description") == WORDS
    page.select_option("#unit", COMMUNE)
    bad = {"name": "ghi-chu.jpg", "mimeType": "image/jpeg", "buffer": b"khong phai anh"}
    page.set_input_files("#photos", bad)  # type: ignore[arg-type]
    page.click("text=Gửi phản ánh")
    expect(page.locator(".error-summary")).to_contain_text("ghi-chu.jpg")
    page.click("text=Gửi phản ánh")
    expect(page.locator(".secret")).to_be_visible()


def test_a_boilerplate_answer_and_one_without_proof_are_refused_on_the_page(
    running: City, plain: BrowserContext, browser: Browser
) -> None:
    """The official is told what is missing, in Vietnamese, and nothing is closed."""
    number = file_one(plain.new_page(), running)[:6]
    context = browser.new_context(java_script_enabled=False, locale="vi-VN")
    page = context.new_page()
    sign_in(page, running, "official")
    page.goto(f"{running.address}/case/{number}")
    page.get_by_role("button", name="Tiếp nhận", exact=True).click()
    page.check("input[name=outcome][value=resolved]")
    page.fill("#words", "Đã xử lý theo quy định. Trân trọng cảm ơn!")
    page.get_by_role("button", name="Trả lời và đóng").click()
    expect(page.locator(".error-summary")).to_contain_text("bằng chứng")
    proof = {"name": "sau.jpg", "mimeType": "image/jpeg", "buffer": photo("gold")}
    page.set_input_files("#proof", proof)  # type: ignore[arg-type]
    page.get_by_role("button", name="Trả lời và đóng").click()
    expect(page.locator(".error-summary")).to_contain_text("quá chung chung")
    expect(page.locator(".head")).to_contain_text("Đã tiếp nhận")
    context.close()


def test_photos_are_served_only_to_who_may_see_the_report(running: City, plain: BrowserContext) -> None:
    """The reporter's photo: by the whole code yes; for everybody, for a wrong code and for a stranger's claim no."""
    code = file_one(plain.new_page(), running)
    entity = f"urn:ngsi-ld:CitizenReport:{code[:6]}"
    digest = running.parts.hub.get(EVERYTHING, entity).value("photos")[0]["sha256"]
    with httpx.Client(base_url=running.address) as client:
        assert client.get(f"/follow/{code}/file/{digest}").status_code == 200
        assert client.get(f"/follow/{code[:-1]}Z/file/{digest}").status_code == 404
        assert client.get(f"/file/{digest}?of={entity}").status_code == 404
        assert client.get(f"/file/{digest}").status_code == 404
        public = client.get(f"/reports/{code[:6]}")
        assert public.status_code == 200
        assert WORDS not in public.text
        assert digest not in public.text
        assert WORDS not in client.get("/reports").text
        assert client.get("/work").status_code == 303


def test_a_field_that_people_do_not_see_stops_programs(running: City, plain: BrowserContext) -> None:
    """What fills every field files nothing."""
    filed = measure(running.parts.citizens).filed
    with httpx.Client(base_url=running.address) as client:
        page = client.get("/report").text
        csrf = re.search(r'name="csrf" value="([^"]+)"', page)
        assert csrf
        data = {"csrf": csrf[1], "category": "noise", "description": "x", "unit": COMMUNE, "website": "http://spam"}
        assert client.post("/report", data=data, files={"photos": b""}).status_code == 422
    assert measure(running.parts.citizens).filed == filed


def test_what_is_kept_of_a_person_is_erased_on_request(city: City, browser: Browser) -> None:
    """The reporter asks on the page of the code; the steward carries it out with a reason; the reporter reads it."""
    who = Identity("Trần Văn Mẫu", "0905000111")
    filing = Filing("waste", "Rác ở đầu kiệt 12.", unit=COMMUNE, identity=who)
    filed = city.run(file_report(city.parts.citizens, filing))
    reporter = browser.new_context(locale="vi-VN", java_script_enabled=False).new_page()
    reporter.goto(f"{city.address}/follow/{filed.follow_code}")
    reporter.locator("#erase summary").click()
    reporter.get_by_role("button", name="Đề nghị xóa").click()
    expect(reporter.locator("main")).to_contain_text("Bạn đã đề nghị xóa thông tin")
    context = signed_in(browser, city, "data_steward")
    steward = watch(context)
    steward.open(f"{city.address}/erasures")
    row = steward.page.locator("section", has_text=filed.number)
    row.get_by_role("button", name="Xóa thông tin").click()
    expect(steward.page.locator(".mend")).to_contain_text("Ghi lý do")
    assert axe(steward.page) == []
    row = steward.page.locator("section", has_text=filed.number)
    row.locator("input[name=reason]").fill("Theo đề nghị của người gửi")
    row.get_by_role("button", name="Xóa thông tin").click()
    expect(steward.page.locator("main")).not_to_contain_text(filed.number)
    reporter.reload()
    expect(reporter.locator("main")).to_contain_text("Thông tin của bạn đã được xóa")
    context.close()
