"""The month's report of a commune: opened as a document, each figure followed to its evidence and counted again."""

import re
from typing import Any

import pytest
from docx.document import Document as Doc
from docx.oxml.ns import qn

from dothi.evidence.definitions import indicators
from dothi.evidence.model import PeriodKind, parse_period, period_of
from dothi.evidence.report import latest, write_month
from dothi.evidence.report.signing import Signature, sign
from dothi.evidence.report.templates import form, shipped
from dothi.ground.clock import DAY, HOUR, SECOND, iso
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing
from dothi.ground.text import format_number
from dothi.hub.model import Actor, prop
from tests.evidence.conftest import HUE, OFFICER, OPERATIONS, PHU_XUAN, PROGRAMME, STEWARD, THUAN_HOA, Town
from tests.evidence.reporting import (
    OFFICIAL,
    InTown,
    accepted,
    address,
    drafted,
    fill_months,
    homes,
    links,
    opened,
    signed,
    words,
)


async def fill(town: Town) -> None:
    """A month with reports, alarms and tasks of Phú Xuân, and noise beside it that must not count."""
    for number in range(3):
        await town.closed(number, on_time=number < 2, rating=5 - number, ratedAt=iso(town.now))
    await town.report(3, handleBy=iso(town.now + DAY))
    await town.report(4, unit=THUAN_HOA)
    await town.report(5, imported=True)
    for number, (unit, is_open) in enumerate(((PHU_XUAN, True), (PHU_XUAN, False), (THUAN_HOA, True))):
        attrs = {
            "unit": prop(unit),
            "open": prop(is_open),
            "since": prop(iso(town.now - SECOND)),
            "attribute": prop("pm25"),
        }
        await town.put(OPERATIONS, f"urn:ngsi-ld:Alarm:{number}", "Alarm", **attrs)
    for number, state in enumerate(("done", "assigned")):
        attrs = {"title": prop(f"Nhiệm vụ {number}"), "state": prop(state), "due": prop(iso(town.now + number))}
        attrs |= {"unit": prop(PHU_XUAN), "simulated": prop(True)}
        await town.put(PROGRAMME, f"urn:ngsi-ld:Task:{number}", "Task", **attrs)


async def written(town: Town, actor: Actor = OFFICIAL) -> tuple[Any, Doc]:
    month = town.period("reports-filed").name
    report = await write_month(town.evidence, actor, PHU_XUAN, month, address, town.now)
    return report, opened(town, report)


def test_every_figure_leads_to_its_evidence(in_town: InTown) -> None:
    """Each link of the document is an entity of the hub that says the same figure; none stands without a link."""

    async def story(town: Town) -> None:
        await fill(town)
        report, doc = await written(town)
        by_id = {one.id: one for one in indicators(town.evidence)}
        figures = [(text, name) for text, name in links(doc) if ":IndicatorValue:" in name]
        assert len(figures) > 2 * len(report.value("figures")) - 3
        for text, name in figures:
            evidence = town.hub.get(STEWARD, name)
            value = evidence.value("value")
            if value is None:
                assert text == "chưa có số liệu"
                assert evidence.value("state") == "grey"
            elif not re.fullmatch(r"\d+/\d+", text):
                assert evidence.value("state") == "final"
                decimals = by_id[evidence.value("indicator")].decimals
                assert re.match(r"[\d.,]+", text)[0] == format_number(value, decimals)  # type: ignore[index]
        assert {one["evidence"] for one in report.value("figures")} == set(report.value("cites"))
        plain = "".join(
            node.text or ""
            for p in doc.element.body.iter(qn("w:p"))
            for run in p.findall(qn("w:r"))
            for node in run.iter(qn("w:t"))
            if p.getparent().tag != qn("w:tc")
        )
        said = re.sub(r"PM2\.5|\d\d/\d{4}|\d\d:\d\d \d\d/\d\d/\d{4}", "", plain)
        assert not re.search(r"\d", said)  # No figure stands outside a link.

    in_town(story)


def test_no_template_holds_a_figure() -> None:
    """The shipped sentences have no digit of their own."""
    texts = [
        one["text"]
        for row in shipped()["template"]
        for section in row["section"]
        for one in section.get("sentence", [])
    ] + list(map(str, form()["change"].values()))
    spoken = re.sub(r"\{[^}]*\}|PM2\.5|^10$", "", "\n".join(texts), flags=re.MULTILINE)
    assert not re.search(r"\d", spoken)


def test_the_figures_are_those_of_independent_counts(in_town: InTown) -> None:
    """What the report says equals what a plain look at the entities gives."""

    async def story(town: Town) -> None:
        await fill(town)
        report, _ = await written(town)
        said = {one["indicator"].rpartition(":")[2]: one["value"] for one in report.value("figures")}
        here = [one for one in town.hub.find(STEWARD, "CitizenReport") if one.value("unit") == PHU_XUAN]
        ours = [one for one in here if not one.value("imported")]
        closed = [one for one in ours if not one.value("open")]
        assert said["reports-filed"] == len(ours) == 4
        assert said["reports-answered"] == len(closed) == 3
        assert said["reports-answered-in-time"] == sum(one.value("onTime") for one in closed) == 2
        assert said["reports-overdue"] == 0
        assert said["reports-on-time"] == pytest.approx(200 / 3)
        assert said["satisfaction"] is None  # Three ratings are too few.
        system = Actor("system:x", frozenset({"system"}))
        alarms = [one for one in town.hub.find(system, "Alarm") if one.value("unit") == PHU_XUAN]
        assert (said["alarms-raised"], said["alarms-open"]) == (len(alarms), sum(one.value("open") for one in alarms))
        assert (said["tasks-due"], said["tasks-done"]) == (2, 1)
        assert said["pm25-month"] is None

    in_town(story)


def test_the_form_is_the_official_one(in_town: InTown) -> None:
    """A4, margins, face and sizes; all parts of Decree 30/2020/NĐ-CP, Appendix I, in order, once signed."""

    async def story(town: Town) -> None:
        await fill_months(town)
        report = await signed(town, await drafted(town))
        doc = opened(town, report)
        section = doc.sections[0]
        assert (round(section.page_width.mm), round(section.page_height.mm)) == (210, 297)
        assert 20 <= round(section.top_margin.mm, 1) <= 25
        assert 20 <= round(section.bottom_margin.mm, 1) <= 25
        assert 30 <= round(section.left_margin.mm, 1) <= 35
        assert 15 <= round(section.right_margin.mm, 1) <= 20
        assert section.different_first_page_header_footer
        assert "PAGE" in section.header._element.xml
        assert "PAGE" not in section.first_page_header._element.xml
        normal = doc.styles["Normal"]
        assert normal.font.name == "Times New Roman"
        assert normal.font.size.pt in (13, 14)
        sizes = {int(one.get(qn("w:val"))) / 2 for one in doc.element.body.iter(qn("w:sz"))}
        assert sizes <= {11, 12, 13, 14}  # 11 and 12 for the recipients only.
        small = [
            "".join(node.text or "" for node in run.iter(qn("w:t")))
            for run in doc.element.body.iter(qn("w:r"))
            for one in run.iter(qn("w:sz"))
            if int(one.get(qn("w:val"))) < 26
        ]
        assert all(text.startswith(("Nơi nhận", "- ")) for text in small)
        text, place = words(doc), 0
        month = f"tháng {int(iso(town.now + 7 * HOUR)[5:7]):02}"
        for part in (
            "ỦY BAN NHÂN DÂN",
            "PHƯỜNG PHÚ XUÂN",
            "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
            "Độc lập - Tự do - Hạnh phúc",
            "Số: 12/BC-UBND",
            "Phú Xuân, ngày ",
            month if month in ("tháng 01", "tháng 02") else month.replace(" 0", " "),
            "BÁO CÁO",
            "Tình hình phản ánh",
            "I. TIẾP NHẬN",
            "V. NHIỆM VỤ KỲ TỚI",
            form()["notes"]["sample"],
            form()["notes"]["simulated"],
            "Nơi nhận:",
            "- Lưu: VT.",
            "TM. ỦY BAN NHÂN DÂN",
            "CHỦ TỊCH",
            "Nguyễn Văn Mẫu",
        ):
            assert part in text[place:], part
            place = text.index(part, place)
        assert "DỰ THẢO" not in text
        assert "Dự thảo" not in text

    in_town(story)


def test_an_unsigned_report_says_so(in_town: InTown) -> None:
    """What nobody signed is called a draft, number and day are left open, and unread words are marked."""

    async def story(town: Town) -> None:
        await fill(town)
        _, doc = await written(town)
        text = words(doc)
        assert "DỰ THẢO" in text
        assert re.search(r"Số: +/BC-UBND", text)
        assert form()["draft_mark"].strip() in text

    in_town(story)


def test_simulated_figures_are_marked(in_town: InTown) -> None:
    """A figure of simulated data carries the mark wherever it stands."""

    async def story(town: Town) -> None:
        await fill(town)
        report, doc = await written(town)
        now = report.value("period")
        marked = [text for text, name in links(doc) if ":tasks-d" in name and now in name and "/" not in text]
        assert marked
        assert all("(mô phỏng)" in text for text in marked)
        assert report.value("simulated") is True
        assert not any("mô phỏng" in text for text, name in links(doc) if "reports-filed" in name)

    in_town(story)


def test_a_written_report_stays_as_it_is(in_town: InTown) -> None:
    """A later report is another one; the figures of the first stay, those that changed are frozen anew."""

    async def story(town: Town) -> None:
        await fill(town)
        first, _ = await written(town)
        await town.report(9)
        month = town.period("reports-filed").name
        town.now += SECOND
        second = await write_month(town.evidence, OFFICER, PHU_XUAN, month, address, town.now)
        assert first.id != second.id
        before, after = (
            {one["indicator"].rpartition(":")[2]: one for one in report.value("figures")} for report in (first, second)
        )
        assert (before["reports-filed"]["value"], after["reports-filed"]["value"]) == (4, 5)
        assert before["reports-filed"]["evidence"] != after["reports-filed"]["evidence"]
        assert before["tasks-due"]["evidence"] == after["tasks-due"]["evidence"]
        assert town.hub.get(STEWARD, before["reports-filed"]["evidence"]).value("value") == 4
        assert [one.id for one in latest(town.evidence, OFFICER, PHU_XUAN, month)] == [second.id, first.id]

    in_town(story)


def test_who_may_not_report_freezes_nothing(in_town: InTown) -> None:
    """Another unit's official, a citizen or nobody is refused before anything is written."""

    async def story(town: Town) -> None:
        await fill(town)
        month, seq = town.period("reports-filed").name, town.hub.last_seq()
        others = (
            Actor("user:x", frozenset({"official"}), frozenset({THUAN_HOA})),
            Actor("user:y", frozenset({"citizen"})),
            Actor("anonymous"),
            STEWARD,
        )
        for actor in others:
            with pytest.raises(Forbidden):
                await write_month(town.evidence, actor, PHU_XUAN, month, address, town.now)
            with pytest.raises(Forbidden):
                await drafted(town, actor)
        with pytest.raises(Invalid, match="not begun"):
            await write_month(town.evidence, OFFICER, PHU_XUAN, "2199-01", address, town.now)
        with pytest.raises(Invalid, match="no part"):
            await write_month(town.evidence, OFFICER, "00004", month, address, town.now)
        with pytest.raises(Missing):
            await write_month(town.evidence, OFFICER, "99999", month, address, town.now)
        assert town.hub.last_seq() == seq
        province = Actor("user:z", frozenset({"official"}), frozenset({HUE}))
        assert (await write_month(town.evidence, province, PHU_XUAN, month, address, town.now)).value("kind") == "month"

    in_town(story)


def test_two_officials_one_signature(in_town: InTown) -> None:
    """Of two who sign what they both saw, one signs and the other is told; there is one signed report."""

    async def story(town: Town) -> None:
        await fill_months(town)
        duty = await accepted(town, await drafted(town))
        version = duty.version
        await sign(town.evidence, OFFICIAL, duty.id, Signature("7", "Trần Thị Mẫu"), homes, version, town.now)
        with pytest.raises(Conflict):
            await sign(town.evidence, OFFICER, duty.id, Signature("8", "Lê Văn Mẫu"), homes, version, town.now)
        assert len(town.hub.find(STEWARD, "PublishedReport").entities) == 1
        for wrong in (
            Signature("", "Ai đó"),
            Signature("12/BC", "Ai đó"),
            Signature("1", ""),
            Signature("1", "A B", "x"),
        ):
            with pytest.raises((Invalid, Conflict)):
                await sign(town.evidence, OFFICIAL, duty.id, wrong, homes, now=town.now)

    in_town(story)


def test_inputs_name_no_person(in_town: InTown) -> None:
    """Neither figures, document nor annex hold words of a report: only numbers and codes."""

    async def story(town: Town) -> None:
        await fill_months(town)
        month = parse_period(PeriodKind.MONTH, period_of(PeriodKind.MONTH, town.now).name)
        secret = {"description": "Nguyễn Văn Bí Mật 0905123456", "answer": "Gửi ông Bí Mật"}
        await town.closed(901, True, **secret, handleBy=iso(month.start))
        report, _ = await written(town)
        dumped = repr(list(town.hub.find(STEWARD, "IndicatorValue", limit=1000)))
        kept = b"".join(town.hub.read_file(report.value(name)["sha256"]) for name in ("data",))
        assert "Bí Mật" not in dumped + kept.decode()
        assert "0905123456" not in dumped + kept.decode()

    in_town(story)
