"""The month's report in a browser: from the list of work to the signed document in counted actions, and after."""

import io
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from docx import Document
from docx.oxml.ns import qn
from openpyxl import load_workbook
from playwright.sync_api import Browser, Locator, expect
from playwright.sync_api import Page as Tab

from dothi.evidence.model import SYSTEM, PeriodKind, period_of
from dothi.evidence.report.duties import due_by, owe
from dothi.evidence.report.model import About, ReportKind
from dothi.evidence.report.periods import before
from dothi.evidence.report.service import prepare
from dothi.ground.calendar import vietnam
from dothi.ground.clock import DAY, iso, now_us
from dothi.ground.text import format_number
from dothi.hub.model import Commit, Entity, prop, put, system
from tests.web.city import COMMUNE, City, make_city
from tests.web.watch import DESKTOP, PHONE, axe, signed_in, watch

PHU_XUAN = "19753"
ACTIONS_MAX = 12  # Clicks and fields typed, from the list of work to the document in hand.
MONTH = before(period_of(PeriodKind.MONTH, now_us()))
INSIDE = MONTH.start + 9 * DAY


@dataclass
class Hand:
    """A person whose every action is counted."""

    tab: Tab
    actions: int = 0
    keys: int = 0
    log: list[str] = field(default_factory=list)

    def click(self, what: Locator) -> None:
        self.actions += 1
        self.log.append(f"click {what.inner_text()[:40]!r}")
        what.click()
        self.tab.wait_for_load_state()

    def type(self, where: Locator, text: str) -> None:
        self.actions += 1
        self.keys += len(text)
        self.log.append(f"type {text!r}")
        where.press_sequentially(text)


def reports(city: City, unit: str, start: int, total: int, late: int, at: int) -> None:
    """`total` answered reports of one unit, the first `late` answered late, as the module of reports writes them."""
    when = prop(iso(at))
    changes = tuple(
        put(
            f"urn:ngsi-ld:CitizenReport:BC{number:04}",
            "CitizenReport",
            code=prop(f"BC{number:04}"),
            category=prop("street_light"),
            state=prop("answered"),
            unit=prop(unit),
            imported=prop(False),
            open=prop(False),
            onTime=prop(number - start >= late),
            filedAt=when,
            handleBy=when,
            closedAt=when,
        )
        for number in range(start, start + total)
    )
    city.run(city.parts.hub.commit(Commit(system("citizens"), changes, "mẫu cho kiểm thử", owner="citizens")))


def owed(city: City, unit: str) -> Entity:
    """The month's report, owed and drafted as the calendar does it."""
    about = About(ReportKind.MONTH, unit, MONTH)
    duty = city.run(owe(city.parts.evidence, SYSTEM, about, due_by(MONTH, 5, vietnam()) + 60 * DAY, now_us()))
    return city.run(prepare(city.parts.evidence, SYSTEM, duty.id))


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """A city of its own: the month is counted, so no other story may leave any report here."""
    with make_city(tmp_path_factory.mktemp("months")) as made:
        yield made


@pytest.fixture(scope="module")
def filled(city: City) -> City:
    """Two communes: last month 28 reports (3 late) after 25 (5 late) the month before."""
    for place, unit in enumerate((COMMUNE, PHU_XUAN)):
        reports(city, unit, 1000 * place + 1000, 28, 3, INSIDE)
        reports(city, unit, 1000 * place + 1500, 25, 5, before(MONTH).start + DAY)
        owed(city, unit)
    return city


def figures_of(content: bytes) -> list[tuple[str, str]]:
    """(text, address) of every link of a document."""
    doc = Document(io.BytesIO(content))
    found = []
    for link in doc.element.body.iter(qn("w:hyperlink")):
        text = "".join(node.text or "" for node in link.iter(qn("w:t")))
        found.append((text, doc.part.rels[link.get(qn("r:id"))].target_ref))
    return found


def counted(city: City, unit: str) -> dict[str, str]:
    """What the report must say, counted by a plain look at the entities."""
    found = [one for one in city.parts.hub.find(SYSTEM, "CitizenReport", limit=10_000) if one.value("unit") == unit]
    first, last = iso(MONTH.start), iso(MONTH.end)
    filed = [one for one in found if first <= one.value("filedAt", "") < last]
    closed = [one for one in found if first <= (one.value("closedAt") or "") < last and not one.value("open")]
    due = [one for one in city.parts.hub.find(SYSTEM, "Task") if one.value("unit") == unit]
    due = [one for one in due if first <= one.value("due") < last]
    share = 100 * sum(one.value("onTime") for one in closed) / len(closed)
    return {
        "reports-filed": f"{len(filed)} phản ánh",
        "reports-answered": f"{len(closed)} phản ánh",
        "reports-answered-in-time": f"{sum(one.value('onTime') for one in closed)} phản ánh",
        "reports-on-time": f"{format_number(share, 1)} %",
        "tasks-due": f"{len(due)} nhiệm vụ",
    }


def test_a_month_signed_in_few_actions(filled: City, browser: Browser) -> None:
    """An official opens, reads, accepts, submits, signs and fetches a report; no figure is typed, each has evidence."""
    context = signed_in(browser, filled, "official", viewport=DESKTOP)
    seen = watch(context)
    began = time.monotonic()
    seen.open(f"{filled.address}/work")
    hand = Hand(seen.page)
    hand.click(seen.page.locator("main").get_by_role("link", name="Báo cáo tháng"))
    expect(seen.page.locator("h1 + .answer")).to_contain_text("chờ duyệt")
    assert (
        "tăng 12 % so với tháng trước, từ 25 phản ánh lên 28 phản ánh"
        in seen.page.locator("#section-reports").inner_text()
    )
    assert axe(seen.page) == []
    while seen.page.get_by_role("button", name="Duyệt đoạn này").count():
        hand.click(seen.page.get_by_role("button", name="Duyệt đoạn này").first)
    hand.click(seen.page.get_by_role("button", name="Trình ký"))
    hand.type(seen.page.get_by_label("Số văn bản"), "31")
    hand.click(seen.page.get_by_role("button", name="Ghi nhận đã ký"))
    expect(seen.page.locator("h1 + .answer")).to_contain_text("Số 31/BC-UBND")
    with seen.page.expect_download() as fetched:
        hand.click(seen.page.get_by_role("link", name="Báo cáo (.docx)"))
    content = fetched.value.path().read_bytes()
    print(f"{hand.actions} actions, {hand.keys} keystrokes, {time.monotonic() - began:.1f} s by machine:", hand.log)
    assert hand.actions <= ACTIONS_MAX, hand.log
    assert hand.keys == len("31")  # The number of the document is all that was typed.

    links = figures_of(content)
    said: dict[str, set[str]] = {}
    for text, address in links:
        name = unquote(urlsplit(address).path)
        found = re.search(rf"IndicatorValue:([\w-]+):{COMMUNE}:{MONTH.name}:", name)
        if found and "/" not in text:
            said.setdefault(found[1], set()).add(text)
    for name, value in counted(filled, COMMUNE).items():
        assert said[name] == {value}, name
    for address in {address for _, address in links}:
        assert address.startswith(filled.address)
        assert context.request.get(address).status == 200, address
    assert context.request.get(f"{filled.address}/work").text().count(f"month:{COMMUNE}") == 0  # It is owed no more.
    assert seen.errors == []
    context.close()


def bytes_of(context: Any, address: str) -> bytes:
    body: bytes = context.request.get(address).body()
    return body


def test_a_typed_number_refused_and_a_signed_copy_stays(filled: City, browser: Browser) -> None:
    """A number of one's own is refused; figures that move stop the signature; what was signed stays."""
    context = signed_in(browser, filled, "programme_officer", viewport=PHONE)
    seen = watch(context)
    tab, home = seen.page, f"{filled.address}/periodic/month:{PHU_XUAN}:{MONTH.name}"
    seen.open(home)
    section = tab.locator("#section-reports")
    section.locator("summary").click()
    section.get_by_label("Lời văn").fill("Phản ánh tăng lên 29, theo Kế hoạch 12/KH-UBND.")
    section.get_by_role("button", name="Lưu lời văn").click()
    expect(tab.locator(".error-summary")).to_contain_text("29 không phải số liệu của báo cáo này")
    tab.locator("#section-reports").get_by_label("Lời văn").fill("Phản ánh tăng lên 28, theo Kế hoạch 12/KH-UBND.")
    tab.locator("#section-reports").get_by_role("button", name="Lưu lời văn").click()
    expect(tab.locator("#section-reports .said-words")).to_contain_text("Đã sửa tay")
    expect(tab.locator("#section-reports .said-words a")).to_have_text("28")  # It is a link to its evidence now.
    while tab.get_by_role("button", name="Duyệt đoạn này").count():
        tab.get_by_role("button", name="Duyệt đoạn này").first.click()
        tab.wait_for_load_state()
    tab.get_by_role("button", name="Trình ký").click()
    reports(filled, PHU_XUAN, 2900, 1, 0, INSIDE)  # It comes late: after the report was read.
    tab.get_by_label("Số văn bản").fill("32")
    tab.get_by_role("button", name="Ghi nhận đã ký").click()
    expect(tab.get_by_text("Số liệu vừa đổi nên chưa ký được")).to_be_visible()
    expect(tab.locator("#section-reports .said-words")).to_contain_text("Số liệu đã đổi, đọc lại")
    expect(tab.locator("#section-reports .said-words a")).to_have_text("29")
    while tab.get_by_role("button", name="Duyệt đoạn này").count():
        tab.get_by_role("button", name="Duyệt đoạn này").first.click()
        tab.wait_for_load_state()
    tab.get_by_role("button", name="Trình ký").click()
    tab.get_by_label("Số văn bản").fill("32")
    tab.get_by_role("button", name="Ghi nhận đã ký").click()
    expect(tab.locator("h1 + .answer")).to_contain_text("Số 32/BC-UBND")
    signed = tab.url.partition("?")[0]
    files = {kind: bytes_of(context, f"{signed}/{kind}") for kind in ("docx", "xlsx", "json")}
    expect(tab.locator("#changed")).to_have_count(0)
    reports(filled, PHU_XUAN, 2950, 2, 1, INSIDE)
    seen.open(signed)
    row = tab.locator("#changed tr", has_text="Số phản ánh tiếp nhận")
    expect(row).to_contain_text("29 phản ánh")
    expect(row).to_contain_text("31 phản ánh")
    expect(row).to_contain_text("Có thêm 2 đầu vào")
    assert files == {kind: bytes_of(context, f"{signed}/{kind}") for kind in files}
    book = load_workbook(io.BytesIO(files["xlsx"]))
    assert "Phản ánh đã trả lời trong kỳ"[:27] in book.sheetnames
    assert axe(tab) == []
    tab.locator("aside summary").click()
    tab.get_by_label("Lý do").fill("Bổ sung hai phản ánh đến muộn")
    tab.get_by_role("button", name="Lập bản thay thế").click()
    expect(tab.get_by_text("bản đã ký vẫn giữ nguyên")).to_be_visible()
    expect(tab.locator("#section-reports .said-words a")).to_have_text("31")
    assert seen.errors == []
    context.close()
