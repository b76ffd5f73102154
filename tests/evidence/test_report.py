"""The month's report of a commune: opened as a document, each figure followed to its evidence and counted again."""

import io
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from docx import Document
from docx.document import Document as Doc
from docx.oxml.ns import qn

from dothi.evidence.definitions import indicators
from dothi.evidence.report import write_month
from dothi.evidence.report.gather import latest, wanted, wording
from dothi.ground.clock import DAY, HOUR, SECOND, iso
from dothi.ground.errors import Forbidden, Invalid, Missing
from dothi.ground.text import format_number
from dothi.hub.model import Actor, prop
from tests.evidence.conftest import HUE, OFFICER, OPERATIONS, PHU_XUAN, PROGRAMME, STEWARD, THUAN_HOA, Town

InTown = Callable[[Any], Any]
BASE = "http://city.example"
OFFICIAL = Actor("user:official", frozenset({"official"}), frozenset({PHU_XUAN}))


def address(entity: str) -> str:
    return f"{BASE}/walk/{entity}"


def links(doc: Doc) -> list[tuple[str, str]]:
    """(text, entity id) of every hyperlink, in order."""
    found = []
    for link in doc.element.body.iter(qn("w:hyperlink")):
        target = doc.part.rels[link.get(qn("r:id"))].target_ref
        assert target.startswith(f"{BASE}/walk/")
        text = "".join(node.text or "" for node in link.iter(qn("w:t")))
        found.append((text, unquote(urlsplit(target).path.removeprefix("/walk/"))))
    return found


def words(doc: Doc) -> str:
    """All text of the document, links included."""
    return "\n".join("".join(node.text or "" for node in p.iter(qn("w:t"))) for p in doc.element.body.iter(qn("w:p")))


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
    return report, Document(io.BytesIO(town.hub.read_file(report.value("file")["sha256"])))


def test_every_figure_leads_to_its_evidence(in_town: InTown) -> None:
    """Each link of the document is an entity of the hub that says the same figure; none stands without a link."""

    async def story(town: Town) -> None:
        await fill(town)
        report, doc = await written(town)
        found = links(doc)
        by_id = {one.id: one for one in indicators(town.evidence)}
        figures = [(text, name) for text, name in found if ":IndicatorValue:" in name]
        assert len(figures) == 2 * len(wanted())  # Once in the sentences, once in the table.
        for text, name in figures:
            evidence = town.hub.get(STEWARD, name)
            value = evidence.value("value")
            if value is None:
                assert text == "chưa có số liệu"
                assert evidence.value("state") == "grey"
                continue
            assert evidence.value("state") == "final"
            decimals = by_id[evidence.value("indicator")].decimals
            assert re.match(r"[\d.,]+", text)[0] == format_number(value, decimals)  # type: ignore[index]
        assert {name for _, name in figures} == set(report.value("cites"))
        assert {one["evidence"] for one in report.value("figures")} == set(report.value("cites"))
        sentences = [text for section in wording()["section"] for text in section["sentences"]]
        assert not re.search(r"\d", re.sub(r"\{[^}]*\}|PM2\.5", "", " ".join(sentences)))  # No figure is typed by hand.

    in_town(story)


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
        alarms = [
            one
            for one in town.hub.find(Actor("system:x", frozenset({"system"})), "Alarm")
            if one.value("unit") == PHU_XUAN
        ]
        assert (said["alarms-raised"], said["alarms-open"]) == (len(alarms), sum(one.value("open") for one in alarms))
        assert (said["tasks-due"], said["tasks-done"]) == (2, 1)
        assert said["pm25-month"] is None

    in_town(story)


def test_the_form_is_the_official_one(in_town: InTown) -> None:
    """A4, margins, face, nation and motto, number and date for the clerk, title, recipients, page numbers."""

    async def story(town: Town) -> None:
        await fill(town)
        _, doc = await written(town)
        section = doc.sections[0]
        assert (round(section.page_width.mm), round(section.page_height.mm)) == (210, 297)
        assert 20 <= round(section.top_margin.mm, 1) <= 25
        assert 30 <= round(section.left_margin.mm, 1) <= 35
        assert 15 <= round(section.right_margin.mm, 1) <= 20
        assert section.different_first_page_header_footer
        assert "PAGE" in section.header._element.xml
        assert "PAGE" not in section.first_page_header._element.xml
        assert doc.styles["Normal"].font.name == "Times New Roman"
        assert {run.font.size.pt for p in doc.paragraphs for run in p.runs if run.font.size} <= {11, 12, 13, 14}
        text = words(doc)
        for part in (
            "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
            "Độc lập - Tự do - Hạnh phúc",
            "PHƯỜNG PHÚ XUÂN",
            "/BC-UBND",
            "Phú Xuân, ngày ",
            "BÁO CÁO",
            "Nơi nhận:",
            "TM. ỦY BAN NHÂN DÂN",
            wording()["sample"],
            wording()["simulated"],
        ):
            assert part in text

    in_town(story)


def test_simulated_figures_are_marked(in_town: InTown) -> None:
    """A figure of simulated data carries the mark wherever it stands."""

    async def story(town: Town) -> None:
        await fill(town)
        report, doc = await written(town)
        marked = [text for text, name in links(doc) if "tasks-d" in name]
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
        town.now += HOUR
        month = town.period("reports-filed").name
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


def test_inputs_name_no_person(in_town: InTown) -> None:
    """Neither figures nor the document hold words of a report: only ids of entities."""

    async def story(town: Town) -> None:
        await town.closed(1, True, description="Nguyễn Văn Bí Mật 0905123456", answer="Gửi ông Bí Mật")
        await written(town)
        dumped = repr(list(town.hub.find(STEWARD, "IndicatorValue", limit=1000)))
        assert "Bí Mật" not in dumped
        assert "0905123456" not in dumped

    in_town(story)
