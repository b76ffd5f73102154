"""The table "tiếp thu, giải trình" as an editable document, with the heading of official documents in Vietnam.

Measures of the page follow decision 0072 (A4, Times New Roman, margins 20, 20, 30 and 20 mm), here lying.
"""

import io
from typing import Any

from docx import Document
from docx.document import Document as Doc
from docx.enum.section import WD_ORIENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from docx.table import _Cell

from dothi.citizens.consultations.model import Channel, Decision, Level
from dothi.citizens.consultations.reading import Participation, Row, Table
from dothi.ground.text import format_date, format_number

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
FACE = "Times New Roman"
TEXT, SMALL = Pt(13), Pt(12)
CENTRE = WD_ALIGN_PARAGRAPH.CENTER
WIDTHS = (Mm(12), Mm(32), Mm(76), Mm(72), Mm(55))
HEADS = ("STT", "Điều, khoản", "Ý kiến góp ý", "Tiếp thu, giải trình", "Nội dung sau tiếp thu")
WHOLE_TEXT = "Toàn văn"
DECISIONS = {
    Decision.ACCEPTED: "Tiếp thu",
    Decision.PARTLY: "Tiếp thu một phần",
    Decision.NOT_ACCEPTED: "Không tiếp thu, giải trình",
}
CHANNELS = {
    Channel.WEB: "trên mạng",
    Channel.DESK: "tại nơi tiếp dân, tổ dân phố",
    Channel.PAPER: "bằng văn bản giấy",
    Channel.MEETING: "tại cuộc họp",
}
LEVELS = {
    Level.ANONYMOUS: "không nêu danh tính",
    Level.CONTACT: "có để lại liên hệ (chưa kiểm chứng)",
    Level.ACCOUNT: "có tài khoản",
    Level.WITNESSED: "do cán bộ ghi nhận",
}


def write_table(table: Table, place: str, made: int, draft: bool) -> bytes:
    """The document: heading, who took part, and one row a group. `draft` marks it as not published."""
    doc = Document()
    _page(doc)
    _heading(doc, place, made)
    _line(doc, "BẢN NHÁP, CHƯA CÔNG BỐ" if draft else "", italic=True)
    _line(doc, "BẢNG TỔNG HỢP, TIẾP THU, GIẢI TRÌNH Ý KIẾN GÓP Ý", bold=True)
    _line(doc, table.consultation.title, bold=True)
    if table.consultation.sample:
        _line(doc, "(Đợt lấy ý kiến mẫu)", italic=True)
    for sentence in told(table.took_part):
        _line(doc, sentence, centred=False)
    _rows(doc, table)
    properties = doc.core_properties
    properties.title, properties.author, properties.comments = table.consultation.title, place, ""
    out = io.BytesIO()
    doc.save(out)
    return out.getvalue()


def told(part: Participation) -> list[str]:
    """Who took part, in sentences; identity levels stand beside each other and are not added up."""
    ways = [
        f"{_n(share.comments)} {CHANNELS[way]}" + (f" (đại diện {_n(share.voices)} người)" if _more(share) else "")
        for way, share in part.by_channel.items()
        if share.comments
    ]
    levels = [
        f"{LEVELS[level]}: {_n(share.comments)} ý kiến"
        + (f" của {_n(share.people)} người" if share.people is not None else "")
        for level, share in part.by_level.items()
        if share.comments
    ]
    said = [f"Tổng số ý kiến: {_n(part.comments)}" + (f", gồm {'; '.join(ways)}." if ways else ".")]
    if levels:
        said.append(f"Theo mức định danh (không cộng gộp): {'; '.join(levels)}.")
    if part.hidden:
        said.append(f"Số ý kiến bị ẩn theo quy tắc đã công bố: {_n(part.hidden)}.")
    if part.residents:
        said.append(f"Số dân trong phạm vi lấy ý kiến: {_n(part.residents)} ({part.residents_from}).")
    return said


def _more(share: Any) -> bool:
    return bool(share.voices > share.comments)


def _n(number: int) -> str:
    return format_number(number)


def _page(doc: Doc) -> None:
    section = doc.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = Mm(297), Mm(210)
    section.top_margin = section.bottom_margin = section.right_margin = Mm(20)
    section.left_margin = Mm(30)
    style: Any = doc.styles["Normal"]
    style.font.name, style.font.size = FACE, TEXT
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for script in ("w:ascii", "w:hAnsi", "w:eastAsia", "w:cs"):
        fonts.set(qn(script), FACE)
    style.paragraph_format.space_before, style.paragraph_format.space_after = Pt(0), Pt(3)


def _heading(doc: Doc, place: str, made: int) -> None:
    """Who issues it on the left; nation and motto on the right; the number and the day are left to the clerk."""
    table = doc.add_table(rows=1, cols=2)
    left, right = table.rows[0].cells
    _into(left, "ỦY BAN NHÂN DÂN", bold=True)
    _into(left, place.upper(), bold=True, more=True)
    _into(left, "Số:     /BC-UBND", more=True)
    _into(right, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", bold=True)
    _into(right, "Độc lập - Tự do - Hạnh phúc", bold=True, more=True)
    _into(right, f"Ngày     tháng     năm {format_date(made)[-4:]}", italic=True, more=True)


def _into(cell: _Cell, text: str, bold: bool = False, italic: bool = False, more: bool = False) -> None:
    paragraph = cell.add_paragraph() if more else cell.paragraphs[0]
    paragraph.alignment = CENTRE
    run = paragraph.add_run(text)
    run.bold, run.italic, run.font.size = bold, italic, SMALL


def _line(doc: Doc, text: str, bold: bool = False, italic: bool = False, centred: bool = True) -> None:
    paragraph = doc.add_paragraph()
    if centred:
        paragraph.alignment = CENTRE
    run = paragraph.add_run(text)
    run.bold, run.italic = bold, italic


def _rows(doc: Doc, table: Table) -> None:
    grid = doc.add_table(rows=1, cols=len(HEADS))
    grid.style = "Table Grid"
    grid.autofit = False
    for cell, head in zip(grid.rows[0].cells, HEADS, strict=True):
        _into(cell, head, bold=True)
    repeat = OxmlElement("w:tblHeader")
    repeat.set(qn("w:val"), "true")
    grid.rows[0]._tr.get_or_add_trPr().append(repeat)
    for number, row in enumerate(table.rows, 1):
        for cell, text in zip(grid.add_row().cells, _cells(number, row), strict=True):
            cell.paragraphs[0].add_run(text).font.size = SMALL
    for line in grid.rows:
        for cell, width in zip(line.cells, WIDTHS, strict=True):
            cell.width = width


def _cells(number: int, row: Row) -> tuple[str, ...]:
    one = row.cluster
    ways = ", ".join(sorted({CHANNELS[comment.channel] for comment in row.comments}))
    count = f"{one.title}\n({_n(len(row.comments))} ý kiến, {_n(row.voices)} người; {ways})"
    decided = f"{DECISIONS[one.decision]}. {one.reason}" if one.decision else "Chưa trả lời"
    return str(number), row.label or WHOLE_TEXT, count, decided, one.wording
