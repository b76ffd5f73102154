"""A report as an editable document: sections with sentences, accepted words, lists and tables; figures are links."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from docx.document import Document as Doc
from docx.text.paragraph import Paragraph

from dothi.evidence.report.form import CENTRE, LEFT, SMALL, blank, grid, heading, line, link, row, signature, text
from dothi.evidence.report.form import titles as form_titles
from dothi.evidence.report.model import Address, Data, Grid, Rows, Section, Signing, Template, Told, Wording
from dothi.evidence.report.templates import form
from dothi.evidence.report.wording import Piece, drafted, pieces, sentences, target, titles
from dothi.ground.clock import from_iso, to_datetime
from dothi.ground.text import format_date, format_datetime, format_number

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
WIDTH = 160  # Of the text, in mm.


@dataclass(frozen=True)
class Paper:
    """What becomes a document: the data, its form, the words by section, and what was said at signing."""

    data: Data
    template: Template
    wording: Mapping[str, Wording]
    address: Address
    signing: Signing = field(default_factory=Signing)

    def words_of(self, section: Section) -> Wording:
        """The words of a section; as drafted where nobody has looked at them."""
        return self.wording.get(section.id) or Wording(drafted(section, self.data))


def write(paper: Paper) -> bytes:
    """The document (.docx). Words that nobody accepted are marked as a draft."""
    doc = blank()
    data, template = paper.data, paper.template
    heading(doc, data, template, paper.signing)
    subject, name = titles(template, data)
    form_titles(doc, template.title, subject, data.name)
    for section in template.sections:
        _section(doc, paper, section)
    _notes(doc, paper)
    signature(doc, template, paper.signing)
    _properties(doc, data, name)
    out = io.BytesIO()
    doc.save(out)
    return out.getvalue()


def _section(doc: Doc, paper: Paper, section: Section) -> None:
    text(doc, section.title, bold=True)
    for sentence in sentences(section, paper.data):
        _told(text(doc, ""), paper, sentence)
    words = paper.words_of(section)
    if words.text:
        paragraph = text(doc, "")
        if words.state == "draft":
            paragraph.add_run(form()["draft_mark"]).italic = True
        _told(paragraph, paper, words.text)
    if words.hand:
        _told(text(doc, ""), paper, words.hand)
    for name in section.lists:
        _list(doc, paper, paper.data.lists[name])
    for name in section.tables:
        _communes(doc, paper, paper.data.grids[name])
    if section.overview:
        _overview(doc, paper)


def _told(paragraph: Paragraph, paper: Paper, words: str) -> None:
    """A text with its figures in their places."""
    for piece in pieces(words, paper.data):
        _piece(paragraph, paper, piece)


def _piece(paragraph: Paragraph, paper: Paper, piece: Piece) -> None:
    if piece.behind:
        link(paragraph, piece.text, paper.address(piece.behind))
    else:
        paragraph.add_run(piece.text)


def _overview(doc: Doc, paper: Paper) -> None:
    """Every figure of the report once more, beside what it was and its target."""
    widths = (70, 34, 32, 24)
    table = grid(doc, form()["overview"]["head"], widths)
    for one in paper.data.figures.values():
        name, now, then, goal = row(table, widths)
        line(name, one.name, SMALL, to=LEFT)
        _cell(now, paper, one)
        if one.before is not None:
            link(then.paragraphs[0], one.before.shown, paper.address(one.before.evidence), SMALL)
        else:
            line(then, "–", SMALL)
        then.paragraphs[0].alignment = CENTRE
        line(goal, target(one), SMALL)


def _cell(cell: Any, paper: Paper, one: Told, bare: bool = False) -> None:
    words = format_number(one.value, one.decimals) if bare and one.value is not None else one.shown
    link(cell.paragraphs[0], words, paper.address(one.evidence), SMALL)
    cell.paragraphs[0].alignment = CENTRE


def _list(doc: Doc, paper: Paper, rows: Rows) -> None:
    """The first rows of a list; the annex has them all. A list of 0 rows in the document stands in the annex only."""
    if not rows.most:
        return
    notes = form()["notes"]
    if not rows.rows:
        return
    columns = form()["columns"][rows.type]
    heads = [columns[name]["name"] for name in rows.columns]
    widths = _widths(len(heads))
    table = grid(doc, heads, widths)
    for one in rows.rows[: rows.most]:
        cells = row(table, widths)
        for place, (name, value) in enumerate(zip(rows.columns, one[1:], strict=True)):
            words = told_value(value, columns[name]["form"], paper.data)
            if place == 0:
                link(cells[0].paragraphs[0], words, paper.address(one[0]), SMALL)
            else:
                line(cells[place], words, SMALL)
    left = len(rows.rows) - rows.most
    if left > 0:
        paragraph = text(doc, "")
        link(paragraph, notes["more"].format(n=left), paper.address(f"list:{rows.id}"))


def _widths(columns: int) -> tuple[int, ...]:
    """The first column wide, the others even."""
    rest = min(30, (WIDTH - 50) // max(columns - 1, 1))
    return (WIDTH - rest * (columns - 1), *(rest for _ in range(columns - 1)))


def told_value(value: Any, kind: str, data: Data) -> str:
    """A value of a list as people read it, by the form of its column."""
    said = form()
    if value is None:
        return "–"
    if kind == "day":
        return format_date(from_iso(str(value)))
    if kind == "truth":
        return str(said["yes"] if value else said["no"])
    if kind == "number":
        return format_number(value)
    if kind == "word":
        return str(said["words"].get(value, value))
    if kind == "unit":
        names = {data.unit: data.name} | {one.unit: one.name for grid in data.grids.values() for one in grid.rows}
        return names.get(value, str(value))
    return str(value)


def _communes(doc: Doc, paper: Paper, told: Grid) -> None:
    """Figures by commune, the total last: that of the whole, in which nothing counts twice."""
    notes, figures = form()["notes"], paper.data.figures
    heads = [notes["unit"], *(figures[name].name.removesuffix(" (mẫu)") for name in told.figures)]
    widths = _widths(len(heads))
    table = grid(doc, heads, widths)
    for one in told.rows:
        cells = row(table, widths)
        line(cells[0], one.name, SMALL, to=LEFT)
        for cell, name in zip(cells[1:], told.figures, strict=True):
            _cell(cell, paper, one.cells[name], bare=True)
    if told.rest:
        cells = row(table, widths)
        line(cells[0], notes["rest"], SMALL, to=LEFT)
        for cell, name in zip(cells[1:], told.figures, strict=True):
            if name in told.rest:
                link(cell.paragraphs[0], format_number(told.rest[name], 0), paper.address(f"figure:{name}"), SMALL)
            cell.paragraphs[0].alignment = CENTRE
    cells = row(table, widths)
    line(cells[0], notes["total"], SMALL, bold=True, to=LEFT)
    for cell, name in zip(cells[1:], told.figures, strict=True):
        _cell(cell, paper, figures[name], bare=True)


def _notes(doc: Doc, paper: Paper) -> None:
    data, said = paper.data, form()["notes"]
    notes = [said["evidence"].format(made=format_datetime(data.made))]
    notes += [said["annex"]] if data.lists else []
    notes += [said["sample"]] if any(one.sample for one in data.figures.values()) else []
    notes += [said["simulated"]] if data.simulated else []
    for note in notes:
        text(doc, note, italic=True)


def _properties(doc: Doc, data: Data, name: str) -> None:
    made = to_datetime(data.made).astimezone(UTC).replace(tzinfo=None)
    about = doc.core_properties
    about.title = name[:255]
    about.author, about.last_modified_by, about.comments, about.language = "dothi", "dothi", "", "vi-VN"
    about.created = about.modified = datetime(*made.timetuple()[:6])  # The format keeps UTC without saying so.
