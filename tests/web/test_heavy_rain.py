"""Heavy rain, from the gauges to the indicator: the whole chain of a signal, by three people in their browsers.

Sensors and a report make an alarm and an incident; orders go to three wards, a warning to the public, then the
all-clear; the review proposes a task. A shift is handed over and the line cut in the middle of it.
"""

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from dothi.citizens import Filing, file_report
from dothi.evidence.definitions import indicators, keep_sample_indicators
from dothi.evidence.model import PeriodKind, period_of
from dothi.evidence.service import jobs_of, refresh
from dothi.ground.clock import MINUTE, iso, now_us
from dothi.hub.model import Actor, Commit, geo, prop, put, system
from dothi.office.photos import Upload
from dothi.operations.incidents.log import read_log
from dothi.operations.incidents.orders import service as orders
from dothi.operations.incidents.orders.model import SYSTEM, Said
from dothi.operations.incidents.orders.reading import orders_of
from dothi.programme.model import NewTask
from dothi.programme.tasks import service as tasks
from tests.web.centre import centre
from tests.web.city import COMMUNE, PROVINCE, City
from tests.web.test_citizens import photo
from tests.web.test_incidents import review, said
from tests.web.test_orders import Wire, opened
from tests.web.test_orders import sign_in as sign_in_at
from tests.web.test_shifts import begin
from tests.web.test_warnings import released
from tests.web.watch import PHONE, signed_in

WARDS = {"19789": "Phường Thuận Hóa", "19753": "Phường Phú Xuân", "19777": "Phường Kim Long"}
PLACE = (107.588, 16.461)
OFFICER = Actor("user:sample-officer", frozenset({"programme_officer"}), frozenset({PROVINCE}))
REPORT = Filing("flooding", "Nước ngập quá đầu gối trước chợ.", *PLACE, COMMUNE, key="the report of heavy rain")
INDICATOR = "urn:ngsi-ld:Indicator:incidents-taken"
CUT = 10 * 60  # Seconds that the officer's machine stays without a line, by its own clock.


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """A centre of its own."""
    with centre(tmp_path_factory.mktemp("rain")) as made:
        made.run(keep_sample_indicators(made.parts.evidence))
        yield made


def measure(city: City, rain: float, river: float) -> None:
    """A rain gauge and a river gauge of one ward send what they see now."""
    now, where = iso(now_us()), {"type": "Point", "coordinates": list(PLACE)}
    common = {"unit": prop(COMMUNE), "location": geo(where)}
    changes = (
        put(
            "urn:ngsi-ld:WeatherObserved:gauge",
            "WeatherObserved",
            name=prop("Trạm mưa chợ Đông Ba (mô phỏng)"),
            rainfall=prop(rain, now, "MMT"),
            **common,
        ),
        put(
            "urn:ngsi-ld:WaterObserved:river",
            "WaterObserved",
            name=prop("Mực nước sông Hương (mô phỏng)"),
            level=prop(river, now, "MTR"),
            **common,
        ),
    )
    city.run(city.parts.hub.commit(Commit(system("demo"), changes)))


def figure(city: City) -> float | None:
    """What the indicator says of the province this month, computed now."""
    evidence, now = city.parts.evidence, now_us()
    one = next(each for each in indicators(evidence) if each.id == INDICATOR)
    month = period_of(PeriodKind.MONTH, now)
    city.run(refresh(evidence, jobs_of(evidence, one, month, now), now))
    found = [
        each.value("value")
        for each in city.parts.hub.find(system("evidence"), "IndicatorValue", f'indicator=="{INDICATOR}"')
        if each.value("unit") == PROVINCE
    ]
    return found[-1] if found else None


def take_alarm(city: City, page: Page) -> str:
    """Rain alone alarms nobody; rain and river of one ward do, on the open page, and become an incident."""
    page.goto(f"{city.address}/situation")
    measure(city, 45.0, 1.2)
    time.sleep(1)
    expect(page.locator("main")).not_to_contain_text("Mưa lớn và nước sông cao")
    measure(city, 48.0, 2.3)
    expect(page.locator("main")).to_contain_text("Mưa lớn và nước sông cao", timeout=20_000)
    page.get_by_role("link", name=re.compile("Mưa lớn và nước sông cao")).first.click()
    page.wait_for_url(re.compile("/alarm/"))
    expect(page.locator("main")).to_contain_text("48")  # Why it is there, with the values.
    page.get_by_role("button", name="Tiếp nhận", exact=True).first.click()
    page.goto(f"{city.address}/incidents/new?alarm={alarm_of(city)}")
    page.get_by_label("Việc gì xảy ra").fill("Ngập quanh chợ Đông Ba (truyện)")
    page.get_by_role("button", name="Mở sự việc").click()
    page.wait_for_url(re.compile(r"/incident/\d{8}-"))
    page.get_by_role("button", name="Nhận chỉ huy").click()
    said(page, "Đang xử lý")
    return page.url.rpartition("/")[2]


def alarm_of(city: City) -> str:
    """The end of the alarm's id."""
    found = city.parts.hub.find(SYSTEM, "Alarm", 'open==true;rule=="rain-and-river"').entities
    return found[0].id.rpartition(":")[2]


def join_report(city: City, page: Page, name: str) -> None:
    """A citizen's report of the same place is suggested and joined."""
    city.run(file_report(city.parts.citizens, REPORT))
    hint = page.locator("#hints li", has_text="Phản ánh").first
    for _ in range(12):
        page.goto(f"{city.address}/incident/{name}")
        if hint.count():
            break
        time.sleep(0.5)
    hint.get_by_role("button", name="Đúng, gắn vào sự việc").click()
    expect(page.locator("#members")).to_contain_text("Phản ánh")


def order_wards(page: Page, address: str, name: str) -> None:
    """One form, three wards, one order each."""
    page.goto(f"{address}/incident/{name}/order")
    page.fill("#title", "Đặt máy bơm, cảnh giới (truyện)")
    for code in WARDS:
        page.locator(f"input[name=units][value='{code}']").check()
    page.get_by_role("button", name="Ra lệnh ngay").click()
    page.wait_for_url(re.compile(rf"/incident/{name}$"))
    expect(page.locator("main")).to_contain_text("Đặt máy bơm, cảnh giới (truyện)")


def without_line(machine: BrowserContext, page: Page, wire: Wire, name: str) -> None:
    """Ten minutes without a line: what is typed then goes out by itself, with the time at which it was typed."""
    page.clock.install(time=time.time() - CUT)
    opened(page, wire.address, f"/incident/{name}")
    machine.set_offline(True)
    wire.cut()
    note = page.locator("form[data-outbox=note]")
    note.locator("textarea[name=words]").fill("Nước lên 20 cm, cầu Gia Hội còn qua được")
    note.locator("button[type=submit]").click()
    expect(page.locator("#duty-outbox")).to_contain_text("Nước lên 20 cm")
    page.clock.fast_forward(CUT * 1000)
    wire.join()
    machine.set_offline(False)
    expect(page.locator("[data-first]")).to_have_text("Đã gửi hết.", timeout=30_000)


def hand_over(room: City, outgoing: Page, incoming: Page) -> None:
    """Who goes signs, who comes signs; the incident has passed over with the second signature."""
    outgoing.goto(f"{room.address}/shift/handover")
    expect(outgoing.locator("main")).to_contain_text("Ngập quanh chợ Đông Ba (truyện)")
    outgoing.get_by_role("button", name="Ký giao ca").click()
    expect(outgoing.get_by_text("Đã ký giao. Chờ người nhận ký.")).to_be_visible()
    incoming.goto(f"{room.address}/shift/handover")
    if incoming.locator("#reason").count():
        incoming.fill("#reason", "Nhận thay người của ca sau")
    incoming.get_by_role("button", name="Ký nhận ca").click()
    expect(incoming.get_by_text("Anh/chị đã nhận ca và đang trực.")).to_be_visible()


def warn(room: City, writer: Page, leader: Page, resident: Page, name: str) -> str:
    """The new officer writes for three wards, the leader releases, a resident of one of them reads what to do."""
    writer.goto(f"{room.address}/warnings/new?incident={name}&hazard=flood")
    for code in WARDS:
        writer.locator(f"input[name=units][value='{code}']").check()
    writer.get_by_role("button", name="Xem trước").click()
    writer.get_by_role("button", name="Trình người thứ hai").click()
    expect(writer.locator("main")).to_contain_text("Bạn đã viết hoặc sửa cảnh báo này")
    released(leader, writer.url)
    resident.goto(f"{room.address}/alerts?unit={COMMUNE}")
    expect(resident.locator("main")).to_contain_text("ngập")
    expect(resident.locator("main")).to_contain_text("Phường Thuận Hóa")
    return writer.url


def answer_orders(room: City, name: str, ward: Page) -> None:
    """One ward taps its way on a phone; the two others answer through the same verbs."""
    incident = f"urn:ngsi-ld:Incident:{name}"
    here = {one.ordered_to: one for one in orders_of(room.parts.operations, SYSTEM, incident)}
    assert set(here) == set(WARDS)
    ward.goto(f"{room.address}/order/{here[COMMUNE].name}")
    ward.get_by_role("button", name="Đã nhận lệnh").click()
    ward.get_by_role("button", name="Đã đến nơi").click()
    ward.fill("#words", "Đã bơm cạn, hai máy, 40 phút")
    ward.set_input_files("#proof", [{"name": "bom.jpg", "mimeType": "image/jpeg", "buffer": photo("navy", True)}])
    ward.get_by_role("button", name="Báo kết quả").click()
    expect(ward.locator(".answer")).to_contain_text("Đã xong lúc")
    picture = (Upload("bom.jpg", photo("navy", True)),)
    for code, order in here.items():
        official = Actor(f"user:ward-{code}", frozenset({"official"}), frozenset({code}))
        for verb, words in (("receive", ""), ("arrive", ""), ("finish", "Đã xong, đường thông")):
            if code != COMMUNE:
                step = Said(words, files=picture if verb == "finish" else ())
                room.run(orders.move(room.parts.operations, official, order.id, verb, step))


def all_clear(room: City, writer: Page, leader: Page, resident: Page, warning: str) -> None:
    """The water falls, the alarm clears; the all-clear goes out by two people too, and the resident reads it."""
    measure(room, 2.0, 0.9)
    writer.goto(warning)
    writer.get_by_role("link", name="Báo hết nguy hiểm").click()
    writer.get_by_role("button", name="Trình người thứ hai").click()
    released(leader, writer.url)
    resident.goto(f"{room.address}/alerts?unit={COMMUNE}")
    expect(resident.locator("main")).to_contain_text(re.compile("hết nguy hiểm", re.IGNORECASE))


def close(page: Page, address: str, name: str) -> None:
    """With orders done and the warning ended it closes; required steps that were not ticked need a reason."""
    page.goto(f"{address}/incident/{name}")
    page.locator("#do-close summary").click()
    page.locator("#do-close").get_by_label("Lý do").fill("Nước đã rút, ba phường báo xong")
    page.locator("#do-close").get_by_role("button", name="Đóng sự việc").click()
    said(page, "Đã đóng")


def test_heavy_rain_from_the_gauge_to_the_indicator(room: City, browser: Browser) -> None:
    """The whole chain, with three people in three browsers, a cut line and a handover in the middle of it."""
    before = figure(room)
    wire = Wire(room)
    machine = browser.new_context(locale="vi-VN", reduced_motion="reduce")
    first = machine.new_page()
    sign_in_at(first, room, "duty_officer", wire.address)
    second, leader = signed_in(browser, room, "second"), signed_in(browser, room, "leader", java_script_enabled=False)
    ward, resident = signed_in(browser, room, "official", viewport=PHONE), browser.new_context(locale="vi-VN")
    pages = [context.new_page() for context in (second, leader, ward, resident)]
    try:
        first.goto(f"{room.address}/shift")
        begin(first)
        name = take_alarm(room, first)
        join_report(room, first, name)
        order_wards(first, room.address, name)
        typed = now_us() - CUT * 1_000_000
        offline = machine.new_page()
        without_line(machine, offline, wire, name)
        offline.close()
        hand_over(room, first, pages[0])
        warning = warn(room, pages[0], pages[1], pages[3], name)
        answer_orders(room, name, pages[2])
        all_clear(room, pages[0], pages[1], pages[3], warning)
        close(pages[0], room.address, name)
        review(pages[0])
    finally:
        wire.cut()
        for context in (machine, second, leader, ward, resident):
            context.close()
    notes = [one for one in read_log(room.parts.operations, SYSTEM, f"urn:ngsi-ld:Incident:{name}") if one.words]
    note = next(one for one in notes if one.words.startswith("Nước lên 20 cm"))
    assert note.known - note.at > 8 * MINUTE
    assert abs(note.at - typed) < 2 * MINUTE
    assert [one.words for one in notes].count(note.words) == 1
    check_indicator(room, name, before)


def check_indicator(room: City, name: str, before: float | None) -> None:
    """The finding is a task of the programme, and the figure that it should move has moved already."""
    due = iso(now_us() + 30 * 24 * 60 * MINUTE)[:10]
    new = NewTask(
        "Mở rộng cống chợ Đông Ba (truyện)",
        PROVINCE,
        due,
        "Cống D800",
        (COMMUNE,),
        indicators=(INDICATOR,),
        responsible="Giám đốc Sở Xây dựng (mẫu)",
        evidence_kind="report",
    )
    task = room.run(tasks.accept(room.parts.programme, OFFICER, f"urn:ngsi-ld:Proposal:review:{name}:1", new))
    assert room.parts.hub.get(OFFICER, task).value("indicators") in (INDICATOR, [INDICATOR])
    after = figure(room)
    assert after == 100.0
    assert before != after
