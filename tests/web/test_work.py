"""The work of an official in a real browser without JavaScript: moulds refused, links that expire, who was slower."""

import io
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from dothi.citizens import Filing, Outcome, Upload, answer, file_report, receive
from dothi.citizens.handling import waiting
from dothi.citizens.handling.moving import by_number
from dothi.citizens.handling.timing import wait_until
from dothi.citizens.reading import desk
from dothi.ground.clock import DAY, now_us
from dothi.hub.model import Actor
from tests.web.city import COMMUNE, City

OFFICIAL = Actor("user:test-official", frozenset({"official"}), frozenset({COMMUNE}))
MOULD = "Tổ điện chiếu sáng đã thay bóng LED 120W lúc 15 giờ ngày 18/11, đèn sáng lại bình thường."
OWN = "Đội 2 nối lại dây trung tính ở cột số 14 kiệt 33 sáng 19/11, thử lại lúc 18 giờ thấy sáng cả hai đèn."


def photo(colour: str = "gold") -> bytes:
    """A photo."""
    out = io.BytesIO()
    Image.new("RGB", (320, 240), colour).save(out, "JPEG")
    return out.getvalue()


def upload(name: str = "sau.jpg") -> Any:
    return {"name": name, "mimeType": "image/jpeg", "buffer": photo()}


def lamp(words: str, key: str) -> Filing:
    """A broken lamp of its own place."""
    return Filing("street_light", words, unit=COMMUNE, key=f"test work {key}")


def received(city: City, words: str, key: str, at: int | None = None) -> str:
    """A report that the unit has received; its number."""
    number = city.run(file_report(city.parts.citizens, lamp(words, key), at)).number
    city.run(receive(city.parts.citizens, OFFICIAL, number, now=at))
    return number


@pytest.fixture
def official(browser: Browser, city: City) -> Iterator[Page]:
    """A page of the sample official, without JavaScript."""
    context = browser.new_context(java_script_enabled=False, locale="vi-VN")
    page = context.new_page()
    sample = city.samples["official"]
    page.goto(f"{city.address}/login")
    page.fill("#login", sample.login)
    page.fill("#password", sample.password)
    page.click("main button[type=submit]")
    yield page
    context.close()


def test_a_mould_is_refused_and_then_a_specific_answer_with_photo_closes_the_case(city: City, official: Page) -> None:
    """In the row and on the case: what is missing is said, the words stay, and the third try is accepted."""
    for key in ("one", "two"):
        number = received(city, "Đèn hỏng", key)
        words, proof = MOULD, [Upload("sau.jpg", photo())]
        city.run(answer(city.parts.citizens, OFFICIAL, number, Outcome.RESOLVED, words, proof))
    number = received(city, "Hai đèn kiệt 33 không sáng", "three")
    official.goto(f"{city.address}/work?q=kiet 33 KHONG sang")
    row = official.locator(f"#row-{number}")
    row.locator("summary").click()
    row.locator("textarea").fill(MOULD)
    row.locator("input[type=file]").set_input_files(upload())
    row.get_by_role("button", name="Trả lời và đóng").click()
    expect(official.locator(".error-summary")).to_contain_text("đã gửi cho 2 phản ánh khác")
    assert official.input_value("#words") == MOULD
    official.fill("#words", "Hệ thống chiếu sáng hiện nay hoạt động bình thường, ổn định, người dân yên tâm")
    official.set_input_files("#proof", upload())
    official.get_by_role("button", name="Trả lời và đóng").click()
    expect(official.locator(".error-summary")).to_contain_text("còn thiếu: khi nào")
    official.fill("#words", OWN)
    official.set_input_files("#proof", upload())
    official.get_by_role("button", name="Trả lời và đóng").click()
    expect(official.locator(".notice.done")).to_contain_text(number)
    official.goto(f"{city.address}/case/{number}")
    expect(official.locator("#charges")).to_contain_text("Phường Thuận Hóa giữ")


def test_a_question_by_link_expires_and_the_case_comes_back(city: City, official: Page) -> None:
    """Nobody answered in time: the durable timer brings it back with a note; the link says that it is too old."""
    then = now_us() - 20 * DAY
    number = received(city, "Đèn nào đó hỏng", "question", then)
    asked = city.run(waiting.ask(city.parts.citizens, OFFICIAL, number, "Đèn ở đầu hay cuối kiệt?", now=then + 1))
    path = waiting.link(city.parts.citizens, asked)
    assert wait_until(city.parts.citizens, asked, "reporter", then) < now_us()
    official.goto(f"{city.address}{path}")
    expect(official.locator("h1")).to_have_text("Đường dẫn đã hết hạn")
    official.goto(f"{city.address}{path[:-3]}AAA")
    expect(official.locator("h1")).to_have_text("Đường dẫn không đúng")
    for _ in range(20):
        official.goto(f"{city.address}/case/{number}")
        if "Hết thời gian chờ" in official.inner_text("main"):
            break
        official.wait_for_timeout(300)
    expect(official.locator("main")).to_contain_text("Không trả lời, hết hạn lúc")
    expect(official.locator(".tag").first).to_have_text("Quá hạn")
    official.goto(f"{city.address}/work?group=late")
    expect(official.locator(f"#row-{number}")).to_be_visible()


def test_an_outside_body_answers_by_link_without_an_account(city: City, official: Page, browser: Browser) -> None:
    """Forwarded on the case, answered with a photo on a page of its own, closed with that photo as proof."""
    filing = Filing("street_light", "Cột nghiêng, gọi 0905 123 456 (Trần Văn Kín)", unit=COMMUNE, key="outside of work")
    filed = city.run(file_report(city.parts.citizens, filing))
    city.run(receive(city.parts.citizens, OFFICIAL, filed.number))
    official.goto(f"{city.address}/case/{filed.number}")
    official.locator("#do-forward summary").click()
    official.fill("#name", "Công ty Chiếu sáng")
    official.fill("#forward-words", "Đề nghị dựng lại cột và thay bóng.")
    official.get_by_role("button", name="Gửi cơ quan ngoài").click()
    address = official.input_value("#link")
    context = browser.new_context(java_script_enabled=False, locale="vi-VN")
    body = context.new_page()
    body.goto(address)
    expect(body.locator("main")).to_contain_text("Đề nghị dựng lại cột")
    assert "0905" not in body.content()
    body.fill("#answer", "Đã dựng cột và thay bóng sáng nay.")
    body.fill("#by", "Tổ 3")
    body.set_input_files("#proof", upload())
    body.get_by_role("button", name="Gửi kết quả").click()
    expect(body.locator("h1")).to_have_text("Đã gửi kết quả")
    body.goto(address)
    expect(body.locator("h1")).to_have_text("Đường dẫn không còn dùng nữa")
    context.close()
    official.goto(f"{city.address}/case/{filed.number}")
    expect(official.locator("blockquote.prose", has_text="Đã dựng cột")).to_contain_text("Tổ 3")
    official.check("input[name=outcome][value=resolved]")
    official.fill("#words", "Công ty Chiếu sáng dựng lại cột số 5 và thay 1 bóng sáng 20/11, phường đã kiểm tra lại.")
    official.get_by_role("button", name="Trả lời và đóng").click()
    expect(official.locator(".notice.done")).to_contain_text(filed.number)
    official.goto(f"{city.address}/follow/{filed.follow_code}")
    expect(official.locator(".photos img")).to_have_count(1)
    expect(official.locator("main")).to_contain_text("Cơ quan ngoài trả lời")


def signed_in(city: City) -> tuple[httpx.Client, str]:
    """A client of the sample official, and its CSRF token."""
    client = httpx.Client(base_url=city.address, timeout=20)
    sample = city.samples["official"]
    token = _csrf(client.get("/login").text)
    client.post("/login", data={"csrf": token, "login": sample.login, "password": sample.password})
    return client, _csrf(client.get("/report").text)


def _csrf(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found
    return found[1]


def test_two_officials_at_once_one_wins_and_the_other_keeps_his_words(city: City) -> None:
    """Real requests at the same time: one is done, the other is told who did what and when, and loses no word."""
    number = received(city, "Hai người cùng xử lý đèn này", "race")
    version = str(by_number(city.parts.citizens, number).version)
    clients = [signed_in(city), signed_in(city)]
    words = "Câu trả lời viết rất công phu của người chậm hơn, tổ 4, lúc 9 giờ ngày 20/11, cột số 3"

    def deed(place: int) -> httpx.Response:
        client, csrf = clients[place]
        if place == 0:
            return client.post(f"/case/{number}/start", data={"csrf": csrf, "version": version})
        data = {"csrf": csrf, "version": version, "outcome": "resolved", "words": words}
        return client.post(f"/case/{number}/answer", data=data, files={"proof": ("s.jpg", photo(), "image/jpeg")})

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(deed, range(2)))
    assert sorted(one.status_code for one in answers) == [303, 409]
    lost = next(one for one in answers if one.status_code == 409)
    assert "Người khác đã làm trước bạn" in lost.text
    assert ("bắt đầu xử lý" if lost is answers[1] else "trả lời") in lost.text
    if lost is answers[1]:
        assert words in lost.text
    late = clients[1][0].post(
        f"/case/{number}/wait",
        data={"csrf": clients[1][1], "version": version, "kind": "weather", "reason": "Chờ mưa tạnh hẳn đã"},
    )
    assert late.status_code == 409
    assert "Chờ mưa tạnh hẳn đã" in late.text
    api = clients[0][0].post(
        f"/api/reports/{number}/wait",
        json={"kind": "weather", "reason": "Chờ mưa tạnh hẳn đã"},
        headers={"If-Match-Version": version, "X-CSRF-Token": clients[0][1]},
    )
    assert api.status_code == 409
    assert api.json()["done"]
    for client, _ in clients:
        client.close()


def test_reporter_answers_and_withdraws_on_the_page_of_the_report(city: City) -> None:
    """By the follow code alone: the question is there, the answer goes back, and later the report is taken back."""
    here = city.parts.citizens
    filed = city.run(file_report(here, lamp("Đèn gần chợ hỏng", "mine")))
    city.run(receive(here, OFFICIAL, filed.number))
    city.run(waiting.ask(here, OFFICIAL, filed.number, "Cổng nào của chợ?"))
    with httpx.Client(base_url=city.address, timeout=20, follow_redirects=True) as client:
        page = client.get(f"/follow/{filed.follow_code}").text
        assert "Cổng nào của chợ?" in page
        empty = client.post(f"/follow/{filed.follow_code}/reply", data={"csrf": _csrf(page), "answer": " "})
        assert "Viết câu trả lời" in empty.text
        sent = client.post(f"/follow/{filed.follow_code}/reply", data={"csrf": _csrf(page), "answer": "Cổng phía sông"})
        assert "Đã gửi trả lời" in sent.text
        assert by_number(here, filed.number).exchanges[0].answer == "Cổng phía sông"
        gone = client.post(f"/follow/{filed.follow_code}/withdraw", data={"csrf": _csrf(page), "reason": "Đã sáng"})
        assert "Bạn đã rút phản ánh này" in gone.text
        assert by_number(here, filed.number).state == "withdrawn"
        assert client.get(f"/reports/{filed.number}").status_code == 200


def test_reports_around_are_joined_or_answered_together(city: City) -> None:
    """From the case one sees those of the same thing; joined they follow it, together they get one answer or none."""
    here = city.parts.citizens
    client, csrf = signed_in(city)
    place = {"lon": 107.61, "lat": 16.49}
    filings = [Filing("tree", f"Cây nghiêng số {n}", **place, unit=COMMUNE, key=f"around {n}") for n in range(4)]  # type: ignore[arg-type]
    first, second, third, fourth = (city.run(file_report(here, one)).number for one in filings)
    for number in (first, second, third):
        city.run(receive(here, OFFICIAL, number))
    page = client.get(f"/case/{first}/near").text
    assert all(number in page for number in (second, third, fourth))
    wrong = {"csrf": csrf, "numbers": [second], "reason": "x"}
    assert "Nêu lý do" in client.post(f"/case/{first}/merge", data=wrong).text
    client.post(f"/case/{first}/merge", data=wrong | {"reason": "Cùng một cây"})
    assert by_number(here, second).merged_into == first
    said = {
        "csrf": csrf,
        "outcome": "resolved",
        "words": "Đội cây xanh cưa 2 cành lúc 9 giờ ngày 20/11 ở đường Hùng Vương",
    }
    proof = {"proof": ("s.jpg", photo(), "image/jpeg")}
    refused = client.post(f"/case/{first}/together", data=said | {"numbers": [third, fourth]}, files=proof)
    assert refused.status_code == 422
    assert by_number(here, third).state == "received"
    done = client.post(f"/case/{first}/together", data=said | {"numbers": [third]}, files=proof)
    assert done.status_code == 303
    assert {by_number(here, one).state.value for one in (first, third)} == {"answered"}
    for _ in range(40):
        if by_number(here, second).state == "answered":
            break
        time.sleep(0.1)
    assert by_number(here, second).answer == by_number(here, first).answer
    client.close()


def test_clocks_and_links_are_in_the_json(city: City) -> None:
    """Who held it in seconds, the step owed, the link while somebody is asked; the link answers without a session."""
    client, csrf = signed_in(city)
    number = received(city, "Đèn hẻm 5 chớp tắt", "json")
    head = {"X-CSRF-Token": csrf}
    asked = client.post(f"/api/reports/{number}/question", json={"question": "Nhà số mấy?"}, headers=head).json()
    assert (asked["state"], asked["clock"]["waiting"], asked["clock"]["stage"]) == ("waiting", "reporter", "handle")
    assert set(asked["clock"]["held"]) == {COMMUNE}
    token = client.get(f"/api/reports/{number}/case").json()["link"].rpartition("/")[2]
    bare = httpx.Client(base_url=city.address, timeout=20)
    assert bare.post(f"/api/questions/{token[:-1]}", data={"words": "Số 8"}).status_code == 404
    assert bare.post(f"/api/questions/{token}", data={"words": "Số 8"}).json()["state"] == "in_progress"
    assert bare.post(f"/api/questions/{token}", data={"words": "Số 9"}).status_code == 409
    assert bare.get(f"/api/reports/{number}/case").status_code in (401, 403, 404)
    bare.close()
    client.close()


def test_the_list_is_grouped_found_and_paged_without_reading_more_than_a_page(city: City) -> None:
    """Late, today and later add up; a code and words without marks find the same row; pages follow each other."""
    client, _ = signed_in(city)
    page = client.get("/work").text
    counts = [int(one) for one in re.findall(r'<li><a href="/work[^"]*"[^>]*>[^<]+<span>(\d+)</span>', page)[:4]]
    assert counts[0] == sum(counts[1:]) == desk(city.parts.citizens, OFFICIAL).count
    number = received(city, "Đèn ngõ Trường Tiền chập chờn", "find")
    for text in (number, "den NGO truong tien", "Trường Tiền chập"):
        assert f"row-{number}" in client.get("/work", params={"q": text}).text
    assert f"row-{number}" not in client.get("/work", params={"q": "không có chữ này đâu"}).text
    assert "page=2" not in client.get("/work?group=late&page=1").text
    client.close()
