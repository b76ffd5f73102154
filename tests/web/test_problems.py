"""A pothole that comes back becomes a task, and the task moves an indicator; a service is rated without an account."""

import io
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, expect

from dothi.citizens import Filing, Outcome, Upload, answer, file_report, receive
from dothi.citizens.intake.codes import codes_of
from dothi.citizens.model import Overtaken
from dothi.citizens.problems.register import write_ranks
from dothi.citizens.services.registry import keep_sample_services
from dothi.ground.clock import DAY, now_us
from dothi.ground.ids import urn
from dothi.hub.model import Actor, system
from tests.web.city import COMMUNE, PROVINCE, City
from tests.web.life import until
from tests.web.watch import signed_in

ALL = system("tests")
CREW = Actor("user:crew", frozenset({"official"}), frozenset({COMMUNE}))
HOLE = (107.6021, 16.4589)
INDICATOR = "urn:ngsi-ld:Indicator:problems-standing"
MENDED = "Đội duy tu vá nhựa ổ gà trước số 40 đường Nguyễn Huệ lúc 15 giờ, dùng 2 tấn bê tông nhựa."
WORDS = (
    "Ổ gà to trước số 40 Nguyễn Huệ, xe máy dễ ngã",
    "Lại ổ gà ở đường Nguyễn Huệ, mưa xuống không thấy hố",
    "Đường Nguyễn Huệ có ổ gà sâu, đêm qua có người ngã",
)


def photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (320, 240), "gray").save(out, "JPEG")
    return out.getvalue()


async def potholes(city: City) -> list[str]:
    """Three reports in 40 days, the first two answered; returns the follow codes, the problem is suggested then."""
    here, codes = city.parts.citizens, []
    for number, words in enumerate(WORDS):
        at = now_us() - (41 - number * 20) * DAY
        lon, lat = HOLE[0], HOLE[1] + number * 0.0001
        filed = await file_report(here, Filing("road", words, lon, lat, COMMUNE, key=f"the hole {number}"), at)
        codes.append(filed.follow_code)
        if number < 2:
            await receive(here, CREW, filed.number, now=at + DAY)
            proof = [Upload("sau.jpg", photo())]
            await answer(
                here, CREW, filed.number, Outcome.RESOLVED, MENDED + f" Đợt {number + 1}.", proof, now=at + DAY
            )
    await until(city.parts, urn("Problem", codes_of("the hole 0")[0]))
    return codes


async def again(deed: Callable[[], Awaitable[object]]) -> None:
    """What lies in the past is late at once, and the clock that says so may be quicker than the official."""
    for _ in range(5):
        try:
            await deed()
        except Overtaken:
            continue
        return
    raise AssertionError("overtaken again and again")


def standing(city: City) -> int | None:
    """The indicator of the commune: how many problems are not mended."""
    rows = city.parts.hub.find(ALL, "IndicatorValue", f'indicator=="{INDICATOR}";unit=="{COMMUNE}"').entities
    return next((round(one.value("value")) for one in rows if one.value("value") is not None), None)


def wait_for(city: City, value: int) -> None:
    """The engine of figures computes anew within seconds."""
    until_s = time.monotonic() + 15
    while standing(city) != value:
        assert time.monotonic() < until_s, f"the indicator stands at {standing(city)}, not at {value}"
        time.sleep(0.1)


def issue(page: Page) -> None:
    """What the proposal did not say of the task."""
    page.fill("#title", "Làm lại mặt đường Nguyễn Huệ (truyện)")
    page.fill("#due", "2030-03-31")
    page.fill("#output", "Biên bản nghiệm thu 60 m mặt đường")
    if page.locator("#responsible").count():
        page.fill("#responsible", "Tổ hạ tầng phường")
    page.get_by_role("button", name="Giao nhiệm vụ").click()
    expect(page.get_by_text("Đã giao nhiệm vụ.")).to_be_visible()


def test_a_pothole_that_comes_back_becomes_a_task_and_moves_an_indicator(
    city: City, browser: Browser, tmp_path: Path
) -> None:
    """Suggested with reasons, confirmed, proposed, made a task, finished: all are told, register and figure move."""
    codes = city.run(potholes(city))
    name = codes_of("the hole 0")[0]
    official = signed_in(browser, city, "official", java_script_enabled=False)
    page = official.new_page()
    page.goto(f"{city.address}/work")
    page.locator(f"a[href='/problems/review/{name}']").click()
    expect(page.locator("main")).to_contain_text("nguyễn, huệ")
    expect(page.locator("main")).to_contain_text("cách 20 ngày")
    page.fill("#title", "Ổ gà trước số 40 Nguyễn Huệ (truyện)")
    page.select_option("#cause", "workmanship")
    page.get_by_role("button", name="Xác nhận là một vấn đề").click()
    expect(page.get_by_text("Đã xác nhận vấn đề.")).to_be_visible()
    expect(page.locator("main")).to_contain_text("tái diễn 2 lần")
    before = len([one for one in city.parts.hub.find(ALL, "Problem") if one.value("state") == "confirmed"])
    wait_for(city, before)
    page.check(f"input[name=indicators][value='{INDICATOR}']")
    page.locator("#propose button").click()
    expect(page.get_by_text("Đã đề xuất nhiệm vụ.")).to_be_visible()
    official.close()

    officer = signed_in(browser, city, "programme_officer", java_script_enabled=False)
    page = officer.new_page()
    page.goto(f"{city.address}/proposals")
    article = page.locator("article", has_text="Ổ gà trước số 40 Nguyễn Huệ (truyện)")
    expect(article).to_contain_text("Đã tái diễn 2 lần sau khi được trả lời; trung bình cách nhau 20 ngày.")
    expect(article).to_contain_text("Nguyên nhân được xác định: Sửa chữa chưa đạt.")
    article.get_by_role("link", name="nhiệm vụ").click()
    expect(page.locator(f"input[name=indicators][value='{INDICATOR}']")).to_be_checked()
    issue(page)
    task = page.url
    city.run(write_ranks(city.parts.citizens))
    public = browser.new_context(locale="vi-VN", viewport={"width": 360, "height": 740}, java_script_enabled=False)
    reader = public.new_page()
    reader.goto(f"{city.address}/problems")
    reader.get_by_role("link", name="Ổ gà trước số 40 Nguyễn Huệ (truyện)").click()
    expect(reader.locator("main")).to_contain_text("Đang có nhiệm vụ")
    expect(reader.locator("main")).to_contain_text("Làm lại mặt đường Nguyễn Huệ (truyện)")
    assert_sum(reader)
    assert "xe máy dễ ngã" not in reader.content(), "nobody's words are public"

    page.goto(task)
    page.locator("#do-finish summary").click()
    file = tmp_path / "nghiem-thu.pdf"
    file.write_bytes(b"%PDF-1.4 nghiem thu")
    page.locator("#finish-note").fill("Thay lớp móng, thảm lại 60 m")
    page.set_input_files("#evidence", file)
    page.locator("#do-finish button").click()
    expect(page.get_by_text("Đã ghi nhiệm vụ xong, kèm bằng chứng.")).to_be_visible()
    officer.close()
    wait_for(city, before - 1)
    reader.reload()
    expect(reader.locator("main")).to_contain_text("đã khắc phục ngày")
    expect(reader.locator("main")).to_contain_text("Thay lớp móng, thảm lại 60 m")
    for code in codes:
        reader.goto(f"{city.address}/follow/{code}")
        expect(reader.locator("main")).to_contain_text("Vấn đề chung đã được khắc phục")
    public.close()


def assert_sum(reader: Page) -> None:
    """What a reader does: add up the points of the lines; they give the priority."""
    cells = reader.locator("table tbody tr td:last-child").all_inner_texts()
    total = reader.locator("table tfoot td").inner_text()
    assert abs(sum(map(number, cells)) - number(total)) < 0.05


def number(text: str) -> float:
    return float(text.strip().split("\n")[-1].replace(".", "").replace(",", "."))


def test_a_service_is_rated_without_account_and_without_javascript(city: City, browser: Browser) -> None:
    """From another site's link to a rating; it counts once a device, and too few are no score; down is owed."""
    city.run(keep_sample_services(city.parts.citizens, PROVINCE))
    context: Any = browser.new_context(locale="vi-VN", java_script_enabled=False)
    page = context.new_page()
    for stars in (2, 5):
        page.goto(f"{city.address}/services/xe-buyt/rate?stars={stars}")
        assert page.locator(f"input[name=stars][value='{stars}']").is_checked()
        page.select_option("#group", "resident")
        page.get_by_role("button", name="Gửi đánh giá").click()
        expect(page.get_by_text("Đã ghi nhận đánh giá. Cảm ơn bạn.")).to_be_visible()
    expect(page.locator("main")).to_contain_text("1 đánh giá, cần ít nhất 5 mới hiện điểm")
    context.close()

    officer = signed_in(browser, city, "programme_officer", java_script_enabled=False)
    page = officer.new_page()
    page.goto(f"{city.address}/services/xe-buyt")
    page.check("input[name=standing][value=down]")
    page.get_by_role("button", name="Ghi tình trạng").click()
    expect(page.locator(".error-summary")).to_contain_text("Nêu lý do")
    page.check("input[name=standing][value=down]")
    page.fill("#reason", "Đường ngập, dừng mọi tuyến đến 17 giờ")
    page.get_by_role("button", name="Ghi tình trạng").click()
    expect(page.locator("main")).to_contain_text("Tạm ngừng từ")
    page.goto(f"{city.address}/services")
    expect(page.locator("ul.work li").first).to_contain_text("Đường ngập, dừng mọi tuyến đến 17 giờ")
    page.goto(f"{city.address}/work")
    expect(page.locator("main")).to_contain_text("Xe buýt công cộng")
    officer.close()
