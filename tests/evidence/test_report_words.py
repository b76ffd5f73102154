"""The words of a report: drafted from figures, edited by hand, never with a number that is no figure."""

import io
import re
from dataclasses import replace
from typing import Any

import pytest
from openpyxl import load_workbook

from dothi.evidence.report.document import MEDIA_TYPE
from dothi.evidence.report.model import Data, NotAccepted, NotNow, Stage, Told, TypedFigure
from dothi.evidence.report.service import accept, give_back, prepare, revise, snapshot_of, submit
from dothi.evidence.report.signing import Signature, moved, sign
from dothi.evidence.report.templates import KINDS, TEMPLATES
from dothi.evidence.report.wording import bind, holds, plain
from dothi.ground.clock import HOUR, iso
from dothi.ground.errors import Conflict, Forbidden, Invalid
from dothi.hub.model import Actor, prop
from dothi.office.rules import adopt, open_rules
from tests.evidence.conftest import OFFICER, PHU_XUAN, PROGRAMME, Town
from tests.evidence.reporting import (
    OFFICIAL,
    SIGNATURE,
    InTown,
    accepted,
    fill_months,
    homes,
    last_month,
    opened,
    reports_of,
    section_words,
    signed,
    words,
)
from tests.evidence.reporting import drafted as draft_of

ADMIN = Actor("user:admin", frozenset({"administrator"}))


def told(name: str, value: float | None, **more: Any) -> Told:
    shown = "chưa có số liệu" if value is None else f"{value:.0f} việc"
    return Told(id=name, name=name, shown=shown, evidence=f"urn:x:{name}", value=value, symbol="việc", **more)


def data(*figures: Told) -> Data:
    return Data(
        *("month", "19753", "Phường Mẫu", "Mẫu", "commune", "t", 1, "2026-10"),
        *(0, 1, 2, {one.id: one for one in figures}, {}, {}),
    )


def test_changes_are_told_with_numbers_and_denominators(in_town: InTown) -> None:
    """Up from 25 to 28 is +12 %; a share moves in points with part and whole; good and bad follow the direction."""

    async def story(town: Town) -> None:
        await fill_months(town)
        duty = await draft_of(town)
        snapshot = snapshot_of(town.evidence, duty)
        assert snapshot is not None
        said = plain(section_words(town, duty, "reports").text, snapshot.data)
        assert "Số phản ánh tiếp nhận tăng 12 % so với tháng trước, từ 25 phản ánh lên 28 phản ánh." in said
        share = "tăng 9,3 điểm phần trăm so với tháng trước, từ 80,0 % (20/25) lên 89,3 % (25/28), chuyển biến tốt."
        assert share in said
        assert "hài lòng" not in said  # A sentence of the section says already that there is no figure.
        assert "không đổi" not in said
        assert section_words(town, duty, "reports").state == "draft"
        tasks = plain(section_words(town, duty, "tasks").text, snapshot.data)
        assert "66,7 % (mô phỏng) (2/3); chưa có số liệu tháng trước để so sánh." in tasks
        alarms = plain(section_words(town, duty, "alarms").text, snapshot.data)
        assert (
            "tăng so với tháng trước, từ 0 cảnh báo lên 1 cảnh báo, chiều hướng chưa tốt." in alarms
        )  # No % of nought.

    in_town(story)


def test_conditions_on_figures() -> None:
    """Of a missing figure only “missing” holds: it is neither nought nor below anything."""
    some = data(told("a", 3, target=5), told("none", None))
    for when in ("a > 2", "a == 3", "a < target", "known a", "missing none", ""):
        assert holds(when, some), when
    for when in ("a > 3", "none == 0", "none < 5", "known none", "rises a", "a >= target"):
        assert not holds(when, some), when


def test_what_is_typed_is_tied_or_refused() -> None:
    """Figures typed are tied again; dates, documents and articles stay; any other number is named and refused."""
    some = data(told("a", 28), told("b", 1250.0), told("same", 28))
    assert bind("Có 28 việc và 28 việc nữa.", some, ("same",)) == "Có {same} và {same} nữa."
    assert bind("Có 28 việc, tức 28 trường hợp.", some) == "Có {a}, tức {a.number} trường hợp."
    fine = "Theo Kế hoạch 12/KH-UBND ngày 05/10/2026, Điều 6 khoản 2, quý 4 năm 2026, PM2.5, QL1A, giai đoạn 2025-2030."
    assert bind(fine, some) == fine
    for wrong in ("29", "28,5", "12 %", "1.251", "3/4", "0"):
        with pytest.raises(TypedFigure) as refused:
            bind(f"Có {wrong} việc.", some)
        assert wrong.split()[0].split("/")[0] in str(refused.value.fields["wrong"])
    assert bind("Dấu {a} ngoặc", some) == "Dấu (a) ngoặc"  # Nobody types a placeholder.
    with pytest.raises(TypedFigure):
        bind("Có 28 việc trong 10 ngày.", some)


def test_edits_keep_their_figures_and_are_read_again(in_town: InTown) -> None:
    """A hand edit holds figures by reference; when one moves, the words stay, say the new figure, and wait again."""

    async def story(town: Town) -> None:
        month = await fill_months(town)
        duty = await draft_of(town)
        with pytest.raises(TypedFigure, match="30"):
            await accept(town.evidence, OFFICIAL, duty.id, "reports", "Tiếp nhận 30 phản ánh.", now=town.now)
        duty = await accept(
            town.evidence, OFFICIAL, duty.id, "reports", "Tăng lên 28 phản ánh do mưa.", "Đã khắc phục."
        )
        said = section_words(town, duty, "reports")
        assert (said.state, said.by, said.text) == ("edited", OFFICIAL.id, "Tăng lên {filed} do mưa.")
        duty = await accept(town.evidence, OFFICIAL, duty.id, "alarms")
        assert section_words(town, duty, "alarms").state == "accepted"
        with pytest.raises(Conflict):
            await accept(town.evidence, OFFICIAL, duty.id, "tasks", version=duty.version - 1)
        await reports_of(town, month.inside, 500, 0, 1)
        duty = await prepare(town.evidence, OFFICIAL, duty.id, town.now)
        snapshot, said = snapshot_of(town.evidence, duty), section_words(town, duty, "reports")
        assert snapshot is not None
        assert (said.state, said.moved, plain(said.text, snapshot.data)) == (
            "draft",
            True,
            "Tăng lên 29 phản ánh do mưa.",
        )
        assert said.hand == "Đã khắc phục."
        assert section_words(town, duty, "alarms").state == "accepted"  # Its figures did not move.
        with pytest.raises(NotAccepted) as left:
            await submit(town.evidence, OFFICIAL, duty.id)
        assert "reports" in left.value.fields["sections"]  # type: ignore[operator]
        assert "alarms" not in left.value.fields["sections"]  # type: ignore[operator]

    in_town(story)


def test_stages_and_who_may(in_town: InTown) -> None:
    """Draft → submitted → signed, back only with a reason; another unit's official sees and does nothing."""

    async def story(town: Town) -> None:
        await fill_months(town)
        duty = await draft_of(town)
        with pytest.raises(NotNow):
            await sign(town.evidence, OFFICIAL, duty.id, SIGNATURE, homes)
        duty = await accepted(town, duty)
        assert duty.value("state") == Stage.SUBMITTED
        with pytest.raises(NotNow):
            await prepare(town.evidence, OFFICIAL, duty.id)
        with pytest.raises(Invalid):
            await give_back(town.evidence, OFFICIAL, duty.id, "  ")
        duty = await give_back(town.evidence, OFFICER, duty.id, "Nêu rõ nguyên nhân")
        assert (duty.value("state"), duty.value("givenBack")) == (Stage.DRAFT, "Nêu rõ nguyên nhân")
        stranger = Actor("user:x", frozenset({"official"}), frozenset({"19789"}))
        with pytest.raises(Exception, match="no such report"):
            await prepare(town.evidence, stranger, duty.id)
        with pytest.raises(Forbidden):
            await prepare(town.evidence, Actor("user:d", frozenset({"duty_officer"}), frozenset({PHU_XUAN})), duty.id)
        assert [one.reason for one in reversed(town.hub.trail(OFFICER, duty.id))][:2] == [
            "report begun",
            "report drafted",
        ]

    in_town(story)


def test_a_signed_report_never_changes(in_town: InTown) -> None:
    """Document, annex and data stay byte for byte; what changed is told with why; a revision is another version."""

    async def story(town: Town) -> None:
        month = await fill_months(town)
        duty = await draft_of(town)
        first = await signed(town, duty)
        assert first.value("file")["mediaType"] == MEDIA_TYPE
        files = {name: town.hub.read_file(first.value(name)["sha256"]) for name in ("file", "annex", "data")}
        assert moved(town.evidence, first, town.now) == []
        assert town.hub.get(OFFICIAL, duty.id).value("open") is False
        await reports_of(town, month.inside, 500, 1, 2)
        changed = {one.id: one for one in moved(town.evidence, first, town.now)}
        assert (changed["filed"].was, changed["filed"].now) == ("28 phản ánh", "30 phản ánh")
        assert changed["filed"].reasons == ({"code": "moreInputs", "count": 2},)
        assert "on-time" in changed
        assert "due" not in changed
        again = await revise(town.evidence, OFFICIAL, duty.id, "Bổ sung hai phản ánh đến muộn", town.now)
        second = await signed(town, again, number="13")
        assert (second.value("replaces"), second.value("revision")) == (first.id, 2)
        assert second.value("revisionReason") == "Bổ sung hai phản ánh đến muộn"
        assert "Số: 13/BC-UBND" in words(opened(town, second))
        kept = town.hub.get(OFFICIAL, first.id)
        assert kept.version == 1
        assert {name: town.hub.read_file(kept.value(name)["sha256"]) for name in files} == files
        assert "28 phản ánh" in words(opened(town, kept))

    in_town(story)


def test_figures_that_move_stop_the_signature(in_town: InTown) -> None:
    """What is signed is what was read: when a figure moves in between, nothing is signed and the draft says so."""

    async def story(town: Town) -> None:
        month = await fill_months(town)
        duty = await accepted(town, await draft_of(town))
        await reports_of(town, month.inside, 500, 0, 1)
        with pytest.raises(Conflict, match="Số phản ánh tiếp nhận"):
            await sign(town.evidence, OFFICIAL, duty.id, SIGNATURE, homes, now=town.now)
        duty = town.hub.get(OFFICIAL, duty.id)
        assert duty.value("state") == Stage.DRAFT
        assert section_words(town, duty, "reports").moved
        assert town.hub.find(OFFICER, "PublishedReport").entities == ()

    in_town(story)


def test_a_later_month_compares_with_what_was_signed(in_town: InTown) -> None:
    """The month before is told as it was signed, though its data moved since."""

    async def story(town: Town) -> None:
        await fill_months(town)
        earlier = last_month(town).period
        first = await draft_of(town, name=iso(earlier.start - 1)[:7])
        await signed(town, first)
        await reports_of(town, earlier.start - 2 * 86_400_000_000, 700, 0, 4)
        duty = await draft_of(town)
        snapshot = snapshot_of(town.evidence, duty)
        assert snapshot is not None
        old = snapshot.data.figures["filed"].before
        assert old is not None
        assert (old.value, old.signed) == (25, True)
        assert ":published:" in old.evidence
        assert snapshot.data.figures["overdue"].before is not None  # As of its day: only a signed one can be compared.

    in_town(story)


def test_annexes_hold_numbers_days_and_harmless_text(in_town: InTown) -> None:
    """Lists behind figures as a workbook: numbers as numbers, days as days, text that looks like a formula as text."""

    async def story(town: Town) -> None:
        month = await fill_months(town)
        evil = {"title": prop('=HYPERLINK("http://evil","x")'), "state": prop("done"), "due": prop(iso(month.inside))}
        await town.put(PROGRAMME, "urn:ngsi-ld:Task:9", "Task", unit=prop(PHU_XUAN), open=prop(False), **evil)
        report = await signed(town, await draft_of(town))
        content = town.hub.read_file(report.value("annex")["sha256"])
        book = load_workbook(io.BytesIO(content))
        figures = book.worksheets[0]
        filed = next(row for row in figures.iter_rows(min_row=5) if row[0].value.startswith("Số phản ánh tiếp nhận"))
        assert (filed[1].value, filed[1].data_type, filed[4].value) == (28, "n", 25)
        missing = next(row for row in figures.iter_rows(min_row=5) if row[0].value.startswith("Mức hài lòng"))
        assert missing[1].value == "chưa có số liệu"
        answered = book["Phản ánh đã trả lời trong kỳ"[:27]]
        rows = list(answered.iter_rows(min_row=5))
        assert len(rows) == 28
        assert rows[0][1].hyperlink is not None
        assert all(row[3].is_date and row[0].data_type == "n" for row in rows)
        tasks = book["Nhiệm vụ đến hạn trong kỳ"[:27]]
        titles = [row[1] for row in tasks.iter_rows(min_row=5)]
        quoted = next(cell for cell in titles if "HYPERLINK" in str(cell.value))
        assert (quoted.data_type, quoted.quotePrefix) == ("s", True)
        assert all(cell.data_type != "f" for sheet in book for row in sheet.iter_rows() for cell in row)
        assert not re.search(rb"<f[ >]", content)

    in_town(story)


def test_two_people_sign_where_the_template_says(in_town: InTown) -> None:
    """With two_people who submitted does not sign; somebody else does, on whose behalf it is said."""

    async def story(town: Town) -> None:
        await fill_months(town)
        rules = open_rules(town.hub, town.evidence.territory, KINDS)
        town.evidence = replace(town.evidence, rules=rules)
        text, today = '[[template]]\nid = "commune"\ntwo_people = true\n', iso(town.now + 7 * HOUR)[:10]
        await adopt(rules, ADMIN, TEMPLATES, PHU_XUAN, today, text, "Quyết định thử nghiệm", now=town.now)
        duty = await accepted(town, await draft_of(town))
        with pytest.raises(Forbidden, match="does not sign"):
            await sign(town.evidence, OFFICIAL, duty.id, SIGNATURE, homes, now=town.now)
        await sign(town.evidence, OFFICER, duty.id, Signature("5a", "Lê Thị Mẫu", "deputy"), homes, now=town.now)
        report = town.hub.find(OFFICER, "PublishedReport").entities[0]
        assert (report.value("position"), report.value("submittedBy")) == ("PHÓ CHỦ TỊCH", OFFICIAL.id)
        assert "KT. CHỦ TỊCH" in words(opened(town, report))

    in_town(story)
