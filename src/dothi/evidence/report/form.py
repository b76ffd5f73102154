"""The official form of a document (Appendix I of Decree 30/2020/NĐ-CP as we know it), and the strokes it is drawn with.

A4; margins 20 mm above and below, 30 mm left, 20 mm right; Times New Roman 13 and 14; page number centred at the top
from page 2. docs/decisions/0072 lists every measure for the clerk.
"""

from typing import Any

from docx import Document
from docx.document import Document as Doc
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Length, Mm, Pt
from docx.table import _Cell
from docx.text.paragraph import Paragraph
from docx.text.run import Run

from dothi.evidence.report.model import Data, Signing, Template
from dothi.evidence.report.templates import form
from dothi.ground.text import format_date

FACE = "Times New Roman"
TEXT, SMALL, LIST = Pt(14), Pt(13), Pt(11)
LEFT, CENTRE = WD_ALIGN_PARAGRAPH.LEFT, WD_ALIGN_PARAGRAPH.CENTER


def blank() -> Doc:
    """An empty page of the official form."""
    doc = Document()
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
    return doc


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


def heading(doc: Doc, data: Data, template: Template, signing: Signing) -> None:
    """Who issues it and its number on the left; nation, motto, place and date on the right."""
    said = form()
    table = doc.add_table(rows=2, cols=2)
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    for row in table.rows:
        row.cells[0].width, row.cells[1].width = Mm(66), Mm(98)
    body, nation, number, place = (cell for row in table.rows for cell in row.cells)
    line(body, said["body"], SMALL, bold=True)
    rule(line(body, data.name.upper(), SMALL, bold=True, more=True), Mm(20))
    line(nation, said["nation"], SMALL, bold=True)
    rule(line(nation, said["motto"], TEXT, bold=True, more=True), Mm(17))
    line(number, said["number"].format(number=signing.number or said["blank_number"], sign=template.sign), SMALL)
    if not signing.number:
        line(number, said["draft"], SMALL, bold=True, more=True)
    line(place, _place_date(data, signing), TEXT, italic=True)


def _place_date(data: Data, signing: Signing) -> str:
    said = form()
    day, month, year = format_date(signing.at or data.made).split("/")
    if not signing.at:
        day = month = said["blank_day"]
    elif int(month) > 2:  # The form writes 01, 02 and days below 10 with their nought, other months without.
        month = str(int(month))
    text: str = said["place_date"].format(place=data.short, day=day, month=month, year=year)
    return text


def titles(doc: Doc, title: str, subject: str, place: str) -> None:
    """The kind of document, what it is about and whose it is, with the line below."""
    first = text(doc, title, bold=True, indent=False)
    first.alignment, first.paragraph_format.space_before = CENTRE, Pt(18)
    text(doc, subject, bold=True, indent=False).alignment = CENTRE
    last = text(doc, place, bold=True, indent=False)
    last.alignment = CENTRE
    rule(last, Mm(60))


def signature(doc: Doc, template: Template, signing: Signing) -> None:
    """Recipients on the left, who signs on the right; what is not known yet is for the clerk to fill in."""
    said = form()
    doc.add_paragraph()
    table = doc.add_table(rows=1, cols=2)
    to, by = table.rows[0].cells
    line(to, said["recipients"], Pt(12), bold=True, italic=True, to=LEFT)
    for one in template.recipients or said["recipients_list"]:
        line(to, one, LIST, more=True, to=LEFT)
    usual = said["authority"][0]
    for number, part in enumerate((signing.authority or usual["authority"]).split("\n")):
        line(by, part, TEXT, bold=True, more=number > 0)
    line(by, signing.position or usual["position"], TEXT, bold=True, more=True)
    line(by, said["signature"], SMALL, italic=True, more=True)
    for _ in range(3):
        line(by, "", TEXT, more=True)
    line(by, signing.signer or said["signer"], TEXT, bold=True, more=True)


def line(
    cell: _Cell,
    words: str,
    size: Length,
    bold: bool = False,
    italic: bool = False,
    more: bool = False,
    to: Any = CENTRE,
) -> Paragraph:
    """A line in a cell; `more` puts it below what stands there."""
    paragraph: Paragraph = cell.add_paragraph() if more else cell.paragraphs[0]
    paragraph.alignment = to
    run = paragraph.add_run(words)
    run.bold, run.italic, run.font.size = bold, italic, size
    return paragraph


def rule(paragraph: Paragraph, inset: Mm) -> None:
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


def text(doc: Doc, words: str, bold: bool = False, italic: bool = False, indent: bool = True) -> Paragraph:
    """A paragraph of the body: justified, first line 10 mm in, 6 pt apart."""
    paragraph = doc.add_paragraph()
    paragraph.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY
    paragraph.paragraph_format.space_before = Pt(6)
    if indent:
        paragraph.paragraph_format.first_line_indent = Mm(10)
    if words:
        run = paragraph.add_run(words)
        run.bold, run.italic = bold, italic
    return paragraph


def link(paragraph: Paragraph, words: str, address: str, size: Length | None = None, italic: bool = False) -> None:
    """A hyperlink; black and underlined, so that a printed page looks official."""
    outer = OxmlElement("w:hyperlink")
    bare, _, anchor = address.partition("#")
    outer.set(qn("r:id"), paragraph.part.relate_to(bare, RELATIONSHIP_TYPE.HYPERLINK, is_external=True))
    if anchor:
        outer.set(qn("w:anchor"), anchor)
    run = Run(OxmlElement("w:r"), paragraph)
    run.text, run.underline, run.italic = words, True, italic or None
    if size is not None:
        run.font.size = size
    outer.append(run._r)
    paragraph._p.append(outer)


def grid(doc: Doc, head: list[str], widths: tuple[int, ...]) -> Any:
    """A table with its first row repeated on each page; `widths` in mm."""
    doc.add_paragraph().paragraph_format.line_spacing = Pt(6)
    table = doc.add_table(rows=1, cols=len(head), style="Table Grid")
    table.autofit = False
    for cell, words, width in zip(table.rows[0].cells, head, widths, strict=True):
        line(cell, words, SMALL, bold=True)
        cell.width = Mm(width)
    table.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    return table


def row(table: Any, widths: tuple[int, ...]) -> Any:
    """One more row; its cells."""
    cells = table.add_row().cells
    for cell, width in zip(cells, widths, strict=True):
        cell.width = Mm(width)
    return cells
