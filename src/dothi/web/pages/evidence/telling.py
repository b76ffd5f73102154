"""How a report is told on a page: sections with linked figures, what changed, lists and tables by commune."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from starlette.requests import Request

from dothi.evidence.report.document import told_value
from dothi.evidence.report.model import Address, Data, Rows, Section, Snapshot, Told, Wording
from dothi.evidence.report.templates import form
from dothi.evidence.report.wording import judged, pieces, plain, sentences, target
from dothi.ground.text import format_number
from dothi.web.page import words
from dothi.web.pages.evidence.figures import reason_words

SAMPLE = " (mẫu)"
Piece = tuple[str, str]  # Words, and the address of what stands behind them; empty for plain words.


@dataclass(frozen=True)
class Part:
    """A section as a page shows it."""

    id: str
    title: str
    sentences: list[list[Piece]]
    words: Wording
    said: list[Piece]  # The words with their figures linked.
    typed: str  # The same as a person edits them.
    hand: list[Piece]
    hand_typed: str
    asks: str  # What a person may add.
    drafts: bool  # The section has words that are drafted.
    lists: list[dict[str, Any]]
    grids: list[dict[str, Any]]


@dataclass(frozen=True)
class Line:
    """A figure beside what it was."""

    id: str
    name: str
    shown: str
    href: str
    of: str
    before: str
    before_href: str
    signed: bool
    kind: str  # good, bad or empty.
    missing: bool
    why: str
    target: str
    at: str


def home_of(bare: str, signed: bool = False) -> str:
    """The page of a report."""
    return f"/{'signed' if signed else 'periodic'}/{quote(bare, safe=':')}"


def address_at(home: str) -> Address:
    """What stands behind a figure → the address of its page, within this site."""

    def address(behind: str) -> str:
        where, _, name = behind.partition(":")
        if where == "list":
            return f"{home}/list/{quote(name)}"
        return f"#figure-{name}" if where == "figure" else f"/walk/{quote(behind, safe=':')}"

    return address


def parts_of(snapshot: Snapshot, wording: Mapping[str, Wording], address: Address) -> list[Part]:
    """Every section of a report."""
    return [_part(one, snapshot.data, wording.get(one.id, Wording("")), address) for one in snapshot.template.sections]


def _part(section: Section, data: Data, said: Wording, address: Address) -> Part:
    return Part(
        id=section.id,
        title=section.title,
        sentences=[_linked(text, data, address) for text in sentences(section, data)],
        words=said,
        said=_linked(said.text, data, address),
        typed=plain(said.text, data),
        hand=_linked(said.hand, data, address),
        hand_typed=plain(said.hand, data),
        asks=section.hand,
        drafts=bool(said.text),
        lists=[listed(data, data.lists[name], address, data.lists[name].most) for name in section.lists],
        grids=[_grid(data, name, address) for name in section.tables],
    )


def _linked(text: str, data: Data, address: Address) -> list[Piece]:
    return [(piece.text, address(piece.behind) if piece.behind else "") for piece in pieces(text, data)]


def listed(data: Data, rows: Rows, address: Address, most: int) -> dict[str, Any]:
    """The first rows of a list as people read them."""
    columns = form()["columns"][rows.type]
    return {
        "id": rows.id,
        "title": rows.title,
        "heads": [columns[name]["name"] for name in rows.columns],
        "rows": [(address(row[0]), _cells(data, rows, row[1:])) for row in rows.rows[:most]],
        "count": len(rows.rows),
        "more": max(len(rows.rows) - most, 0),
        "href": address(f"list:{rows.id}"),
    }


def _cells(data: Data, rows: Rows, values: list[Any]) -> list[str]:
    columns = form()["columns"][rows.type]
    return [told_value(value, columns[name]["form"], data) for name, value in zip(rows.columns, values, strict=True)]


def _grid(data: Data, name: str, address: Address) -> dict[str, Any]:
    grid, figures = data.grids[name], data.figures
    return {
        "title": grid.title,
        "heads": [_head(figures[one]) for one in grid.figures],
        "rows": [(row.name, [_told(row.cells[one], address) for one in grid.figures]) for row in grid.rows],
        "rest": [grid.rest.get(one) for one in grid.figures] if grid.rest else [],
        "total": [_told(figures[one], address) for one in grid.figures],
    }


def _head(one: Told) -> str:
    """The name of a column: cells hold bare numbers, so a share says that it is one."""
    return f"{one.name.removesuffix(SAMPLE)} (%)" if one.percent else one.name.removesuffix(SAMPLE)


def _told(one: Told, address: Address) -> Piece:
    """A cell: the bare number, empty where there is none."""
    return "" if one.value is None else format_number(one.value, one.decimals), address(one.evidence)


def lines(request: Request, data: Data, address: Address) -> list[Line]:
    """Every figure beside what it was a period ago, good or bad, and why where there is none."""
    return [_line(request, one, address) for one in data.figures.values()]


def _line(request: Request, one: Told, address: Address) -> Line:
    old = one.before
    why = "; ".join(reason_words(request, dict(reason)) for reason in one.reasons) if one.value is None else ""
    return Line(
        id=one.id,
        name=one.name.removesuffix(SAMPLE),
        shown=one.shown,
        href="" if one.evidence.startswith("figure:") else address(one.evidence),
        of=one.of,
        before=old.shown if old else "",
        before_href=address(old.evidence) if old and not old.evidence.startswith("figure:") else "",
        signed=bool(old and old.signed),
        kind=judged(one),
        missing=one.value is None,
        why=why,
        target="" if one.target is None else target(one),
        at=one.at,
    )


def stage_words(request: Request, state: str) -> str:
    """The stage of a report in words."""
    return words(request).t(f"periodic.stage.{state}")
