"""The annexes of a report as a spreadsheet: the figures, and every list behind them; numbers stay numbers, days days.

Text that would be read as a formula stays text: it is stored as a string and marked as quoted, so that nobody's words
are ever run.
"""

import io
import re
from datetime import datetime
from typing import Any

from openpyxl import Workbook
from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from dothi.evidence.report.document import Paper, told_value
from dothi.evidence.report.form import FACE
from dothi.evidence.report.model import Grid, Rows
from dothi.evidence.report.templates import form
from dothi.evidence.report.wording import titles
from dothi.ground.clock import VIETNAM, from_iso, to_datetime

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TEXT_MAX = 32_767  # Letters of a cell.
_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_SHEET = re.compile(r"[\[\]:*?/\\]")


def write(paper: Paper) -> bytes:
    """The workbook (.xlsx): one sheet of figures, one for each table by commune, one for each list."""
    book = Workbook()
    first = book.active
    assert isinstance(first, Worksheet)
    _figures(first, paper)
    for table in paper.data.grids.values():
        _communes(book.create_sheet(_name(book, table.title)), paper, table)
    for rows in paper.data.lists.values():
        _list(book.create_sheet(_name(book, rows.title)), paper, rows)
    about = book.properties
    about.creator, about.title = "dothi", titles(paper.template, paper.data)[1]
    about.created = about.modified = _day(paper.data.made)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _name(book: Workbook, title: str) -> str:
    """A name that a sheet may have, and that no other has: at most 31 letters."""
    bare = _SHEET.sub(" ", title).strip("'")[:27] or form()["notes"]["appendix"]
    return bare if bare not in book.sheetnames else f"{bare} {len(book.sheetnames)}"


def _head(sheet: Worksheet, paper: Paper, title: str, heads: list[str], widths: list[int]) -> int:
    """The title, whose it is, and the names of the columns; returns the first free row."""
    _, name = titles(paper.template, paper.data)
    sheet.append([])
    _put(sheet.cell(1, 1), title).font = Font(name=FACE, size=14, bold=True)
    _put(sheet.cell(2, 1), name).font = Font(name=FACE, size=13, italic=True)
    for place, text in enumerate(heads, 1):
        cell = _put(sheet.cell(4, place), text)
        cell.font = Font(name=FACE, size=13, bold=True)
        cell.alignment = Alignment(wrap_text=True, vertical="center", horizontal="center")
    for place, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(place)].width = width
    sheet.freeze_panes = "A5"
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", 9
    sheet.print_title_rows = "4:4"
    return 5


def _figures(sheet: Worksheet, paper: Paper) -> None:
    said = form()["notes"]
    sheet.title = said["figures"]
    heads = ["Số liệu", "Kỳ này", "Tử số", "Mẫu số", "Kỳ trước", "Mục tiêu", "Đơn vị", "Tính đến", "Bằng chứng"]
    at = _head(sheet, paper, said["figures"], heads, [52, 14, 12, 12, 14, 12, 14, 14, 60])
    for one in paper.data.figures.values():
        before = one.before.value if one.before else None
        now = form()["missing"] if one.value is None else one.value
        values = [one.name, now, one.numerator, one.denominator, before, one.target, one.symbol]
        for place, value in enumerate(values, 1):
            cell = _put(sheet.cell(at, place), value)
            if place in (2, 5) and cell.data_type == "n":
                cell.number_format = "0" if not one.decimals else "0." + "0" * one.decimals
        _dated(sheet.cell(at, 8), one.at)
        address = paper.address(one.evidence)
        cell = _put(sheet.cell(at, 9), address)
        cell.hyperlink = address
        at += 1


def _communes(sheet: Worksheet, paper: Paper, table: Grid) -> None:
    said, figures = form()["notes"], paper.data.figures
    heads = [said["unit"], *(figures[name].name for name in table.figures)]
    at = _head(sheet, paper, table.title, heads, [34, *(18 for _ in table.figures)])
    lines: list[tuple[str, list[Any]]] = [
        (one.name, [one.cells[name].value for name in table.figures]) for one in table.rows
    ]
    if table.rest:
        lines.append((said["rest"], [table.rest.get(name) for name in table.figures]))
    lines.append((said["total"], [figures[name].value for name in table.figures]))
    for name, values in lines:
        _put(sheet.cell(at, 1), name)
        for place, (figure, value) in enumerate(zip(table.figures, values, strict=True), 2):
            absent = value is None and not (name == said["rest"] and figure not in table.rest)
            _put(sheet.cell(at, place), form()["missing"] if absent else value)
        at += 1


def _list(sheet: Worksheet, paper: Paper, rows: Rows) -> None:
    columns = form()["columns"][rows.type]
    heads = ["TT", *(columns[name]["name"] for name in rows.columns)]
    at = _head(sheet, paper, rows.title, heads, [6, *(44 if n == 0 else 18 for n, _ in enumerate(rows.columns))])
    for number, one in enumerate(rows.rows, 1):
        _put(sheet.cell(at, 1), number)
        for place, (name, value) in enumerate(zip(rows.columns, one[1:], strict=True), 2):
            kind, cell = columns[name]["form"], sheet.cell(at, place)
            if kind == "day":
                _dated(cell, value)
            elif kind == "number":
                _put(cell, value)
            else:
                _put(cell, None if value is None else told_value(value, kind, paper.data))
        _put(sheet.cell(at, 2), sheet.cell(at, 2).value).hyperlink = paper.address(one[0])
        at += 1
    if not rows.rows:
        _put(sheet.cell(at, 1), form()["notes"]["empty"])


def _put(cell: Cell | Any, value: Any) -> Any:
    """A value in its cell: a number or day as such, text as text whatever it begins with."""
    if not isinstance(value, str):
        if value is not None:
            cell.value = value
    else:
        text = _CONTROL.sub("", value)[:TEXT_MAX]
        cell.value = text
        cell.data_type = "s"  # The library takes a leading = for a formula.
        cell.quotePrefix = text.startswith(_RISKY)
    cell.font = Font(name=FACE, size=13)
    return cell


def _dated(cell: Any, text: Any) -> None:
    """A day in Vietnam as a day; what is none as text."""
    try:
        moment = _day(from_iso(str(text))) if text else None
    except ValueError:
        _put(cell, str(text))
        return
    _put(cell, moment)
    cell.number_format = "dd/mm/yyyy"


def _day(instant: int) -> datetime:
    """The moment in Vietnam, without saying so: spreadsheets know no zones."""
    return to_datetime(instant).astimezone(VIETNAM).replace(tzinfo=None, microsecond=0)
