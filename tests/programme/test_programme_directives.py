"""Directives and plans that come in as files: read, proposed, decided one by one, held back, replayed, issued whole."""

import io
import zipfile
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from openpyxl import load_workbook

from dothi.ground.errors import Conflict, DothiError, Forbidden, Invalid, TooLarge
from dothi.hub.model import Actor, Commit, prop, put, system, words
from dothi.programme.council import model as council
from dothi.programme.council.model import Closed
from dothi.programme.directives import imports, model, service
from dothi.programme.directives.model import Obligation
from dothi.programme.directives.reading import read_document
from dothi.programme.directives.sheets import guess, read_sheet
from dothi.programme.law import keep_provision
from dothi.programme.model import NewTask, Provision
from dothi.programme.tasks import service as tasks
from tests.programme.conftest import COMMUNE, NOW, OFFICER, PROVINCE, Town
from tests.programme.papers import HEADS, LETTER, docx, pdf, scanned, xlsx


@pytest.fixture
def office(town: Town) -> Town:
    council.own(town.programme)
    model.own(town.programme)
    return town


def task_from(one: Obligation, **changed: Any) -> NewTask:
    """What a person sends after a look at an obligation: as it was read, with the person who answers for it."""
    new = NewTask(
        title=one.title,
        lead=one.lead,
        due=one.due_day,
        output=one.output,
        units=one.units,
        cooperating=one.cooperating,
        responsible="Giám đốc Sở (mẫu)",
        evidence_kind="decision",
    )
    return replace(new, **changed)


@pytest.mark.parametrize("make", [docx, pdf])
def test_a_document_is_read(make: Any) -> None:
    """A .docx with a table for its head and a PDF give the same number, day and duties."""
    read = read_document(make())
    assert (read.number, read.day) == ("15/UBND-KGVX", date(2026, 3, 10))
    assert read.subject.startswith("triển khai nhiệm vụ")
    assert "trước ngày 30/4/2026" in read.text


def bomb() -> bytes:
    """A package that is small as a file and huge when unpacked."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("word/document.xml", b"0" * (201 * 1024 * 1024))
    return out.getvalue()


def entities() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr("xl/workbook.xml", '<!DOCTYPE x [<!ENTITY a "b">]><workbook>&a;</workbook>')
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "kind"),
        (b"xin chao", "kind"),
        (b"%PDF-1.4 cut off", "broken"),
        (pdf()[:400], "broken"),
        (scanned(), "scanned"),
        (b"PK\x03\x04 not a package", "broken"),
        (docx()[:-200], "broken"),
        (xlsx([]), "broken"),
        (docx(("",)), "empty"),
        (entities(), "broken"),
    ],
    ids=["empty", "text", "cut", "cut2", "scanned", "zip", "cut docx", "xlsx", "blank", "entities"],
)
def test_a_file_that_is_no_document(content: bytes, problem: str) -> None:
    """Each file that cannot be read is refused with what is wrong; a scan is called a scan."""
    with pytest.raises(Invalid) as refused:
        read_document(content)
    assert refused.value.fields["problem"] == problem


def test_a_bomb_is_measured_before_it_is_unpacked() -> None:
    """A package that says it is huge inside is not opened, as document or as plan."""
    packed = bomb()
    for read in (read_document, read_sheet):
        with pytest.raises(TooLarge):
            read(packed)


def test_a_directive_becomes_tasks_one_by_one(office: Town) -> None:
    """Two duties proposed with quote and place; one confirmed, one corrected: tasks with basis, quote and directive."""
    here = office.programme
    name = office.run(service.take_in(here, OFFICER, docx(), "15-UBND.docx", PROVINCE))
    basis = office.run(keep_provision(here, OFFICER, Provision("269/2025/NĐ-CP", 6, 2)))
    office.run(service.correct_head(here, OFFICER, name, "15/UBND-KGVX", "2026-03-10", "Triển khai", basis))
    first, second = service.proposed(here, OFFICER, name)
    text = office.hub.read_file(service.one_directive(here, OFFICER, name).text).decode()
    assert text[first.start : first.end] == first.quote
    assert (first.lead, first.due_day, second.lead) == (PROVINCE, "2026-04-30", COMMUNE)
    assert second.due_words == "ngày 15/4"
    assert service.directives(here, OFFICER)[0][1:] == (2, 2)

    with pytest.raises(Invalid):
        office.run(service.confirm(here, OFFICER, first.id, task_from(first, responsible=""), NOW))
    made = office.run(service.confirm(here, OFFICER, first.id, task_from(first, cooperating=()), NOW))
    issued = tasks.task(here, OFFICER, made)
    assert (issued.legal_basis, set(issued.sources)) == (basis, {first.id, name})
    with pytest.raises(Closed):
        office.run(service.confirm(here, OFFICER, first.id, task_from(first), NOW))

    corrected = task_from(second, due="2026-05-20", output="Danh sách điểm ngập")
    office.run(service.confirm(here, OFFICER, second.id, corrected, NOW))
    assert service.proposed(here, OFFICER, name)[1].due_day == "2026-05-20"
    assert service.directives(here, OFFICER)[0][1:] == (0, 2)
    with pytest.raises(Closed):
        office.run(service.take_in(here, OFFICER, docx_again(office, name), "lan-hai.docx", PROVINCE))


def docx_again(office: Town, name: str) -> bytes:
    return office.hub.read_file(service.one_directive(office.programme, OFFICER, name).file)


def test_an_obligation_is_rejected_with_a_reason(office: Town) -> None:
    """No is said with a reason and is no task; a decided one is decided."""
    here = office.programme
    name = office.run(service.take_in(here, OFFICER, pdf(), "15.pdf", PROVINCE))
    first = service.proposed(here, OFFICER, name)[0]
    with pytest.raises(Invalid):
        office.run(service.reject(here, OFFICER, first.id, " "))
    office.run(service.reject(here, OFFICER, first.id, "Đã làm năm ngoái"))
    with pytest.raises(Conflict):
        office.run(service.confirm(here, OFFICER, first.id, task_from(first), NOW))
    assert tasks.tasks(here, OFFICER) == []


def test_an_organisation_is_known_by_its_name(office: Town) -> None:
    """A department that the city keeps as an organisation leads under its own code."""
    kept = put(
        "urn:ngsi-ld:Organisation:46.so-xay-dung",
        "Organisation",
        name=words(vi="Sở Xây dựng"),
        unit=prop(PROVINCE),
        kind=prop("construction"),
    )
    office.run(office.hub.commit(Commit(system("tests"), (kept,))))
    name = office.run(service.take_in(office.programme, OFFICER, docx(), "15.docx", PROVINCE))
    assert service.proposed(office.programme, OFFICER, name)[0].lead == "46.so-xay-dung"


GOOD = (1, "Lập kế hoạch thoát nước", "Sở Xây dựng", "Sở Tài chính", "Quý I/2027", "Kế hoạch")
ROWS = (
    ("I", "Nhiệm vụ chung", None, None, None, None),
    GOOD,
    (2, "Rà soát điểm ngập", "UBND phường Thuan Hoa", None, date(2027, 1, 15), "Danh sách điểm ngập"),
    (3, "Tập huấn", "Cục Phép thuật", None, "31/02/2027", "Báo cáo"),
    (4, None, "UBND phường Vỹ Dạ", None, "2026", None),
    (5, "Đo không khí", "Công an xã Mơ", "Sở Y tế; phường Vỹ Dạ", "20/1/2020", "Số liệu"),
)
SAID = {"responsible": "Lãnh đạo đơn vị (mẫu)"}


def plan(town: Town, rows: Any = ROWS, responsible: bool = True) -> str:
    name = town.run(imports.take_plan(town.programme, OFFICER, xlsx(rows), "ke-hoach.xlsx", PROVINCE, NOW))
    if responsible:
        found = imports.one_import(town.programme, OFFICER, name)
        town.run(imports.remap(town.programme, OFFICER, name, found.mapping, SAID, NOW))
    return name


def test_columns_are_guessed_from_their_heads() -> None:
    """Heads as offices write them find their fields, also without marks; what is not known stays out."""
    sheet = read_sheet(xlsx(ROWS))
    assert sheet.columns[:6] == HEADS
    assert guess(HEADS) == {"title": 1, "lead": 2, "cooperating": 3, "due": 4, "output": 5}
    other = (
        "TT",
        "Nhiệm vụ, giải pháp",
        "Đơn vị chủ trì",
        "Phối hợp",
        "Thời gian thực hiện",
        "Kết quả, sản phẩm",
        "Ghi chú",
    )
    assert guess(other) == {"title": 1, "lead": 2, "cooperating": 3, "due": 4, "output": 5}
    assert guess(("Thành tiền", "Nhân lực", "Ghi chú")) == {}


def test_every_row_is_judged(office: Town) -> None:
    """A heading is no row; good rows are ready, bad ones say in which cell what is wrong."""
    found = imports.one_import(office.programme, OFFICER, plan(office))
    assert [(one.line, one.state) for one in found.rows] == [
        (4, "ready"),
        (5, "ready"),
        (6, "bad"),
        (7, "bad"),
        (8, "bad"),
    ]
    problems = {one.line: dict(one.problems) for one in found.rows}
    assert problems[6] == {"lead": "no_unit", "due": "bad_date"}
    assert problems[7].items() >= {"title": "missing", "output": "missing"}.items()
    assert problems[8] == {"lead": "no_unit", "due": "past"}


def test_without_a_person_no_row_is_ready(office: Town) -> None:
    """To be clear in all five is to name a person: a table that names none waits until one is named for all rows."""
    found = imports.one_import(office.programme, OFFICER, plan(office, responsible=False))
    assert found.of("ready") == ()
    assert ("responsible", "missing") in found.rows[0].problems


def test_good_rows_are_issued_together_and_bad_ones_replayed(office: Town) -> None:
    """One step issues all good rows in one commit; a bad row is corrected, judged again and issued on its own."""
    here, name = office.programme, plan(office)
    before = office.hub.last_seq()
    assert office.run(imports.issue_rows(here, OFFICER, name, NOW)) == 2
    assert office.hub.last_seq() == before + 1
    issued = tasks.tasks(here, OFFICER)
    assert [one.lead for one in issued] == [COMMUNE, PROVINCE]
    assert all(one.sources == (name,) for one in issued)
    with pytest.raises(Invalid):
        office.run(imports.issue_rows(here, OFFICER, name, NOW))
    with pytest.raises(Closed):
        office.run(imports.remap(here, OFFICER, name, {}, SAID, NOW))

    row = office.run(imports.correct_row(here, OFFICER, name, 6, {"lead": "Sở Nội vụ"}, NOW))
    assert (row.state, row.problems) == ("bad", (("due", "bad_date"),))
    row = office.run(imports.correct_row(here, OFFICER, name, 6, {"due": "28/02/2027"}, NOW))
    assert row.state == "ready"
    assert office.run(imports.issue_rows(here, OFFICER, name, NOW)) == 1
    for line in (7, 8):
        office.run(imports.drop_row(here, OFFICER, name, line))
    assert imports.one_import(here, OFFICER, name).state == "done"
    with pytest.raises(Closed):
        office.run(imports.correct_row(here, OFFICER, name, 6, {"due": "1/3/2027"}, NOW))


def test_a_plan_outside_the_area_writes_nothing(office: Town) -> None:
    """When one of the units lies outside the areas of who issues, no task at all is written."""
    rows = [GOOD, (2, "Việc ở Hà Nội", "00004", None, "30/6/2027", "Báo cáo")]
    name = plan(office, rows)
    with pytest.raises(Forbidden):
        office.run(imports.issue_rows(office.programme, OFFICER, name, NOW))
    assert tasks.tasks(office.programme, OFFICER) == []
    assert len(imports.one_import(office.programme, OFFICER, name).of("ready")) == 2


def test_two_people_issue_one_plan_once(office: Town) -> None:
    """Who issues what somebody else has just changed is told; nothing is issued twice."""
    other = Actor("user:lan", OFFICER.roles, OFFICER.areas)
    name = plan(office)

    async def both() -> list[object]:
        import asyncio  # noqa: PLC0415

        deeds = [imports.issue_rows(office.programme, one, name, NOW) for one in (OFFICER, other)]
        return await asyncio.gather(*deeds, return_exceptions=True)

    found = office.run(both())
    assert [one for one in found if isinstance(one, int)] == [2]
    assert sum(isinstance(one, Conflict | Invalid) for one in found) == 1, found  # Told, whoever came second and when.
    assert len(tasks.tasks(office.programme, OFFICER)) == 2


def test_a_text_table(office: Town) -> None:
    """A .csv in UTF-8, by semicolon or comma, is a plan too."""
    for separator in (";", ","):
        lines = [HEADS, ("1", "Lập kế hoạch", "Sở Xây dựng", "", "Quý IV/2027", "Kế hoạch")]
        content = "\ufeff" + "\r\n".join(separator.join(line) for line in lines)
        assert len(read_sheet(content.encode()).rows) == 1


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty"),
        (b"a;b\n1;2", "no_head"),
        ("Nhiệm vụ;Chủ trì".encode("utf-16"), "encoding"),
        (b"PK\x03\x04 broken", "broken"),
        (docx(), "broken"),
        (xlsx([], ("Tên", "Tuổi", "Lớp")), "no_head"),
        (b"\x00\x01\x02", "kind"),
        (entities(), "broken"),
    ],
    ids=["empty", "no head", "utf-16", "zip", "docx", "other table", "binary", "entities"],
)
def test_a_file_that_is_no_plan(content: bytes, problem: str) -> None:
    """Each file that is no plan is refused with what is wrong."""
    with pytest.raises(Invalid) as refused:
        read_sheet(content)
    assert refused.value.fields["problem"] == problem


def test_a_plan_that_is_too_long() -> None:
    """A plan of more lines than the limit is refused, not cut."""
    with pytest.raises(DothiError) as refused:
        read_sheet(xlsx([GOOD] * 1001))
    assert refused.value.fields["problem"] == "rows"
    assert len(list(load_workbook(io.BytesIO(xlsx([GOOD]))).active.iter_rows())) == 3
    assert LETTER
