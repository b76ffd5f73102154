"""Rows out of a spreadsheet (.xlsx) or a text table (.csv), and a guess which column holds what."""

import csv
import io
import tomllib
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from importlib import resources
from typing import Any

from openpyxl import load_workbook

from dothi.ground.errors import Invalid, TooLarge
from dothi.ground.text import fold, nfc
from dothi.programme.directives.reading import check_package

SHEET_MAX = 10 * 1024 * 1024  # Bytes as uploaded.
ROWS_MAX, COLUMNS_MAX, CELL_MAX = 1000, 60, 2000


@dataclass(frozen=True)
class Field:
    """What a column can hold: its id, the heads by which it is known, and whether a task needs it."""

    id: str
    heads: tuple[str, ...]
    must: bool = False


@dataclass(frozen=True)
class Sheet:
    """A table: its heads, and under them (line number, cells). Numbers count as the program that made it shows them."""

    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


@lru_cache(maxsize=1)
def _table() -> Mapping[str, Any]:
    return tomllib.loads(resources.files("dothi.programme.directives").joinpath("columns.toml").read_text("utf-8"))


def fields() -> tuple[Field, ...]:
    """What a plan's columns can hold, in the order of the preview."""
    return tuple(Field(one["id"], tuple(one["heads"]), one.get("must", False)) for one in _table()["field"])


def evidence_for(output: str) -> str:
    """The kind of evidence that an output in words suggests; empty when none does."""
    said = f" {fold(output)} "
    hits = ((said.find(f" {word} "), one["id"]) for one in _table()["evidence"] for word in one["words"])
    return min(((at, kind) for at, kind in hits if at >= 0), default=(0, ""))[1]


def read_sheet(content: bytes) -> Sheet:
    """The table of a .xlsx (its first sheet with a known head) or a .csv.

    Invalid (with `problem`) when it is neither, is broken, or no line looks like the head of a plan.
    """
    if len(content) > SHEET_MAX:
        raise TooLarge(f"The file has more than {SHEET_MAX // 1024**2} MiB: send a smaller one.", problem="large")
    if not content.strip():
        raise Invalid("The file is empty.", problem="empty")
    candidates = _xlsx(content) if content.startswith(b"PK\x03\x04") else [_csv(content)]
    for lines in candidates:
        found = _headed(lines)
        if found is not None:
            return found
    raise Invalid("No line names the columns of a plan: task, lead, deadline, output.", problem="no_head")


def _xlsx(content: bytes) -> list[list[tuple[str, ...]]]:
    check_package(content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Of styles and extensions that the reader does not know.
            book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
            sheets = [list(_lines(sheet.iter_rows(values_only=True))) for sheet in book.worksheets]
            book.close()
    except (KeyError, ValueError, TypeError, OSError, SyntaxError, AttributeError, IndexError) as cause:
        raise Invalid("The file is no .xlsx that can be read: save it again as .xlsx.", problem="broken") from cause
    return sheets


def _lines(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[str, ...]]:
    for number, row in enumerate(rows):
        if number > ROWS_MAX + 20:
            raise TooLarge(f"A plan has at most {ROWS_MAX} lines: send it in parts.", problem="rows")
        yield tuple(_text(cell) for cell in row[:COLUMNS_MAX])


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime | date):
        return f"{cell:%d/%m/%Y}"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return nfc(str(cell)).strip()[:CELL_MAX]


def _csv(content: bytes) -> list[tuple[str, ...]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        raise Invalid("The text of the table is not UTF-8: save it as “CSV UTF-8”.", problem="encoding") from cause
    if "\x00" in text:
        raise Invalid("This is neither a .xlsx nor a .csv.", problem="kind")
    separator = max(";,\t", key=text[:4000].count)
    try:
        return list(_lines(tuple(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator)))
    except csv.Error as cause:
        raise Invalid("The .csv is broken: a quote is not closed, or a cell is too long.", problem="broken") from cause


def _headed(lines: list[tuple[str, ...]]) -> Sheet | None:
    """The table from its head on: the first line with the most known columns; a second head line is joined to it."""
    table = _table()
    scored = [(len(guess(line)), -number) for number, line in enumerate(lines[: table["header_lines"]])]
    best, at = max(scored, default=(0, 0))
    if best < table["least"]:
        return None
    head = -at
    rows = tuple((number, line) for number, line in enumerate(lines, 1) if number > head + 1 and any(line))
    if len(rows) > ROWS_MAX:
        raise TooLarge(f"A plan has at most {ROWS_MAX} lines: send it in parts.", problem="rows")
    return Sheet(lines[head], rows)


def guess(columns: Iterable[str]) -> dict[str, int]:
    """Field → column, as the heads suggest: the whole head first, then what it begins with, then what it holds."""
    heads = [fold(one) for one in columns]
    found: dict[str, int] = {}
    for test in _TESTS:
        for field in fields():
            free = [(at, head) for at, head in enumerate(heads) if head and at not in found.values()]
            hits = (at for word in field.heads for at, head in free if test(head, word))
            if field.id not in found and (hit := next(hits, None)) is not None:
                found[field.id] = hit
    return found


_TESTS: tuple[Callable[[str, str], bool], ...] = (
    lambda head, word: head == word,
    lambda head, word: f"{head} ".startswith(f"{word} "),
    lambda head, word: f" {word} " in f" {head} ",
)
