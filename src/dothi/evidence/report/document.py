"""The month's report as an editable document in the official form of Decree 30/2020/NĐ-CP, every figure a link.

Measures follow Appendix I of the Decree as we know it (A4; margins 20 mm above and below, 30 mm left, 20 mm right;
Times New Roman 13 and 14; page number centred at the top from page 2); docs/decisions/0072 lists them for the clerk.
"""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from string import Formatter
from typing import Any

from docx import Document
from docx.document import Document as Doc
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from docx.table import _Cell
from docx.text.paragraph import Paragraph
from docx.text.run import Run

from dothi.evidence.report.gather import Cited, Month, wording
from dothi.ground.clock import from_iso, to_datetime
from dothi.ground.text import format_date, format_datetime, format_number

FACE = "Times New Roman"
TEXT, SMALL = Pt(14), Pt(13)
LEFT, CENTRE = WD_ALIGN_PARAGRAPH.LEFT, WD_ALIGN_PARAGRAPH.CENTER
MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
Address = Callable[[str], str]  # Entity id → address of its page on this server.


def write(month: Month, address: Address) -> bytes:
    """The document. `address` gives the page where the evidence of an entity opens."""
    doc = Document()
    _page(doc)
    said = wording()
    _heading(doc, month, said["form"])
    _titles(doc, month, said)
    for section in said["section"]:
        _text(doc, section["title"], bold=True)
        for sentence in section["sentences"]:
            _sentence(doc, sentence, month, address)
        if section.get("tasks"):
            _tasks(doc, month, said["tasks"], address)
        if section.get("table"):
            _table(doc, month, said["table"], address)
    _notes(doc, month, said)
    _signature(doc, said["form"])
    _properties(doc, month, said)
    out = io.BytesIO()
    doc.save(out)
    return out.getvalue()


def shown(one: Cited) -> str:
    """A figure as the report writes it: value and unit, or that there is none; with the mark of simulated data."""
    said = wording()
    if one.value is None:
        return str(said["missing"])
    number = format_number(one.value, one.indicator.decimals)
    symbol = one.indicator.symbol.get("vi", "")
    return f"{number} {symbol}".strip() + (said["simulated_mark"] if one.simulated else "")


def _page(doc: Doc) -> None:
    section = doc.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin = section.bottom_margin = Mm(20)
    section.left_margin, section.right_margin = Mm(30), Mm(20)
    section.header_distance = Mm(10)
    section.different_first_page_header_footer = True
    number = section.header.paragraphs[0]
    number.alignment = CENTRE
    _field(number, "PAGE")
    style: Any = doc.styles["Normal"]
    style.font.name, style.font.size = FACE, TEXT
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for script in ("w:ascii", "w:hAnsi", "w:eastAsia", "w:cs"):
        fonts.set(qn(script), FACE)
    language = OxmlElement("w:lang")
    language.set(qn("w:val"), "vi-VN")
    style.element.get_or_add_rPr().append(language)
    style.paragraph_format.space_before, style.paragraph_format.space_after = Pt(0), Pt(0)


def _field(paragraph: Paragraph, code: str) -> None:
    """A field that the word processor fills in."""
    for kind, text in (("begin", ""), ("", code), ("end", "")):
        run = paragraph.add_run()
        run.font.size = SMALL
        element = OxmlElement("w:fldChar" if kind else "w:instrText")
        if kind:
            element.set(qn("w:fldCharType"), kind)
        else:
            element.text = text
        run._r.append(element)


def _heading(doc: Doc, month: Month, form: dict[str, Any]) -> None:
    """Who issues it and its number on the left; nation, motto, place and date on the right."""
    table = doc.add_table(rows=2, cols=2)
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    for row in table.rows:
        row.cells[0].width, row.cells[1].width = Mm(66), Mm(98)
    body, nation, number, place = (cell for row in table.rows for cell in row.cells)
    _line(body, form["body"], SMALL, bold=True)
    _rule(_line(body, month.name.upper(), SMALL, bold=True, more=True), Mm(20))
    _line(nation, form["nation"], SMALL, bold=True)
    _rule(_line(nation, form["motto"], TEXT, bold=True, more=True), Mm(17))
    _line(number, form["number"], SMALL)
    year = format_date(month.made)[-4:]
    _line(place, form["place_date"].format(place=month.short, year=year), TEXT, italic=True)


def _line(
    cell: _Cell, text: str, size: Pt, bold: bool = False, italic: bool = False, more: bool = False, to: Any = CENTRE
) -> Paragraph:
    paragraph: Paragraph = cell.add_paragraph() if more else cell.paragraphs[0]
    paragraph.alignment = to
    run = paragraph.add_run(text)
    run.bold, run.italic, run.font.size = bold, italic, size
    return paragraph


def _rule(paragraph: Paragraph, inset: Mm) -> None:
    """The thin line below, shorter than the text by `inset` on either side."""
    holder = paragraph.insert_paragraph_before("")
    paragraph._p.addnext(holder._p)
    holder.paragraph_format.left_indent = holder.paragraph_format.right_indent = inset
    holder.paragraph_format.line_spacing = Pt(4)
    borders, bottom = OxmlElement("w:pBdr"), OxmlElement("w:top")
    for name, value in (("val", "single"), ("sz", "6"), ("space", "1"), ("color", "000000")):
        bottom.set(qn(f"w:{name}"), value)
    borders.append(bottom)
    holder._p.get_or_add_pPr().append(borders)


def _titles(doc: Doc, month: Month, said: dict[str, Any]) -> None:
    title = _text(doc, said["title"], bold=True, indent=False)
    title.alignment, title.paragraph_format.space_before = CENTRE, Pt(18)
    number, year = month.period.name[5:], month.period.name[:4]
    subject = _text(doc, said["subject"].format(month=f"{number}/{year}"), bold=True, indent=False)
    subject.alignment = CENTRE
    place = _text(doc, month.name, bold=True, indent=False)
    place.alignment = CENTRE
    _rule(place, Mm(60))


def _text(doc: Doc, text: str, bold: bool = False, italic: bool = False, indent: bool = True) -> Paragraph:
    paragraph = doc.add_paragraph()
    paragraph.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY
    paragraph.paragraph_format.space_before = Pt(6)
    if indent:
        paragraph.paragraph_format.first_line_indent = Mm(10)
    if text:
        run = paragraph.add_run(text)
        run.bold, run.italic = bold, italic
    return paragraph


def _sentence(doc: Doc, sentence: str, month: Month, address: Address) -> None:
    """One sentence with its figures in their places."""
    paragraph = _text(doc, "")
    for words, name, _, _ in Formatter().parse(sentence):
        if words:
            paragraph.add_run(words)
        if name:
            one = month.figures[name]
            _link(paragraph, shown(one), address(one.evidence))


def _link(paragraph: Paragraph, text: str, address: str, size: Pt | None = None) -> None:
    """A hyperlink; black and underlined, so that a printed page looks official."""
    link = OxmlElement("w:hyperlink")
    link.set(qn("r:id"), paragraph.part.relate_to(address, RELATIONSHIP_TYPE.HYPERLINK, is_external=True))
    run = Run(OxmlElement("w:r"), paragraph)
    run.text, run.underline = text, True
    if size is not None:
        run.font.size = size
    link.append(run._r)
    paragraph._p.append(link)


def _grid(doc: Doc, head: list[str], widths: tuple[int, ...]) -> Any:
    doc.add_paragraph().paragraph_format.line_spacing = Pt(6)
    table = doc.add_table(rows=1, cols=len(head), style="Table Grid")
    table.autofit = False
    for cell, text, width in zip(table.rows[0].cells, head, widths, strict=True):
        _line(cell, text, SMALL, bold=True)
        cell.width = Mm(width)
    repeat = OxmlElement("w:tblHeader")
    table.rows[0]._tr.get_or_add_trPr().append(repeat)
    return table


def _table(doc: Doc, month: Month, said: dict[str, Any], address: Address) -> None:
    """Every figure of the report once more, beside target and period."""
    widths = (72, 42, 26, 20)
    table = _grid(doc, said["head"], widths)
    for one in month.figures.values():
        cells = table.add_row().cells
        _line(cells[0], one.indicator.name["vi"], SMALL, to=LEFT)
        _link(cells[1].paragraphs[0], shown(one), address(one.evidence), SMALL)
        _line(cells[2], _target(one), SMALL)
        _line(cells[3], _day(one.period), SMALL)
        for cell, width in zip(cells, widths, strict=True):
            cell.width = Mm(width)


def _target(one: Cited) -> str:
    target = one.indicator.target
    return "–" if target is None else f"{format_number(target)} {one.indicator.symbol.get('vi', '')}".strip()


def _day(period: str) -> str:
    return "/".join(reversed(period.split("-")))


def _tasks(doc: Doc, month: Month, said: dict[str, Any], address: Address) -> None:
    if not month.tasks:
        _text(doc, said["none"])
        return
    widths = (98, 28, 34)
    table = _grid(doc, said["head"], widths)
    for task in month.tasks:
        cells = table.add_row().cells
        _link(cells[0].paragraphs[0], str(task.value("title", "")), address(task.id), SMALL)
        _line(cells[1], format_date(from_iso(task.value("due"))), SMALL)
        _line(cells[2], said["states"].get(task.value("state"), task.value("state", "")), SMALL)
        for cell, width in zip(cells, widths, strict=True):
            cell.width = Mm(width)
    if month.more:
        _text(doc, said["more"].format(n=month.more))


def _notes(doc: Doc, month: Month, said: dict[str, Any]) -> None:
    notes = [said["evidence"].format(made=format_datetime(month.made))]
    notes += [said["sample"]] if any(one.indicator.sample for one in month.figures.values()) else []
    notes += [said["simulated"]] if month.simulated else []
    for note in notes:
        _text(doc, note, italic=True)


def _signature(doc: Doc, form: dict[str, Any]) -> None:
    """Recipients on the left, who signs on the right; both are for the clerk to fill in."""
    doc.add_paragraph()
    table = doc.add_table(rows=1, cols=2)
    to, by = table.rows[0].cells
    run = _line(to, form["recipients"], Pt(12), bold=True, italic=True, to=LEFT).runs[0]
    run.font.size = Pt(12)
    for line in form["recipients_list"]:
        _line(to, line, Pt(11), more=True, to=LEFT)
    _line(by, form["on_behalf"], TEXT, bold=True)
    _line(by, form["position"], TEXT, bold=True, more=True)
    _line(by, form["signature"], SMALL, italic=True, more=True)
    for _ in range(3):
        _line(by, "", TEXT, more=True)
    _line(by, form["signer"], TEXT, bold=True, more=True)


def _properties(doc: Doc, month: Month, said: dict[str, Any]) -> None:
    made = to_datetime(month.made).astimezone(UTC).replace(tzinfo=None)
    about = doc.core_properties
    about.title = f"{said['title']} {month.name} {month.period.name}"
    about.author, about.last_modified_by, about.comments, about.language = "dothi", "dothi", "", "vi-VN"
    about.created = about.modified = datetime(*made.timetuple()[:6])  # The format keeps UTC without saying so.
