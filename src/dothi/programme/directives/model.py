"""The nouns of what comes in: a directive, the obligations proposed from it, and a plan's spreadsheet with its rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dothi.hub.model import Entity
from dothi.programme.model import OWNER, Programme

OWNED: Mapping[str, str] = {
    "Directive": "POST /api/directives",
    "Obligation": "POST /api/obligations/{id}/confirm or /reject",
    "PlanImport": "POST /api/imports",
}
INDEXED: Mapping[str, tuple[str, ...]] = {
    "Directive": ("document", "issuedOn", "unit"),
    "Obligation": ("directive", "state", "unit"),
    "PlanImport": ("state", "unit"),
}
PROPOSED, CONFIRMED, REJECTED = "proposed", "confirmed", "rejected"


@dataclass(frozen=True)
class Directive:
    """A document that came in: its number, its day (yyyy-mm-dd; "" when the text says none), the file and its text."""

    id: str
    title: str
    number: str
    issued_on: str
    file: str  # SHA-256 of the file.
    name: str
    media_type: str
    text: str  # SHA-256 of the text that was read.
    legal_basis: str | None
    unit: str
    at: int
    version: int


@dataclass(frozen=True)
class Obligation:
    """What one sentence asks; what the rules read, or what a person made of it."""

    id: str
    directive: str
    quote: str
    start: int
    end: int
    paragraph: int
    body: str  # Who is told, in the words of the text.
    lead: str  # Code; "" where a person must choose.
    units: tuple[str, ...]
    cooperating: tuple[str, ...]
    due_day: str  # yyyy-mm-dd; "" where the text says none.
    due_words: str
    output: str
    title: str
    confidence: float
    reasons: tuple[str, ...]
    state: str
    task: str | None
    reason: str  # Why it was rejected.
    version: int


@dataclass(frozen=True)
class Row:
    """One line of a plan: its cells by field as they stand (or as corrected), and what is wrong with them."""

    line: int  # As the spreadsheet counts, from 1.
    cells: Mapping[str, str]
    problems: tuple[tuple[str, str], ...]  # (field, problem).
    state: str = "ready"  # ready, bad, issued or dropped.
    task: str | None = None


@dataclass(frozen=True)
class PlanImport:
    """A plan that came as a table. `columns` are the heads as they stand, `mapping` says field → column."""

    id: str
    name: str
    file: str
    columns: tuple[str, ...]
    mapping: Mapping[str, int]
    rows: tuple[Row, ...]
    unit: str
    state: str  # open while a row waits, else done.
    at: int
    version: int

    def of(self, state: str) -> tuple[Row, ...]:
        """The rows in one state."""
        return tuple(one for one in self.rows if one.state == state)


def directive_of(entity: Entity) -> Directive:
    """The directive that an entity holds."""
    value, file = entity.value, entity.value("file", {})
    return Directive(
        id=entity.id,
        title=value("title"),
        number=value("document", ""),
        issued_on=value("issuedOn", ""),
        file=file["sha256"],
        name=file["name"],
        media_type=file["mediaType"],
        text=file["text"],
        legal_basis=value("legalBasis"),
        unit=value("unit"),
        at=entity.created_at,
        version=entity.version,
    )


def obligation_of(entity: Entity) -> Obligation:
    """The obligation that an entity holds."""
    value, place = entity.value, entity.value("place", {})
    return Obligation(
        id=entity.id,
        directive=value("directive"),
        quote=value("quote"),
        start=place["start"],
        end=place["end"],
        paragraph=place["paragraph"],
        body=value("body", ""),
        lead=value("lead", ""),
        units=tuple(value("units", [])),
        cooperating=tuple(value("cooperating", [])),
        due_day=value("dueDay", ""),
        due_words=value("dueWords", ""),
        output=value("output", ""),
        title=value("title"),
        confidence=value("confidence", 0.0),
        reasons=tuple(value("reasons", [])),
        state=value("state"),
        task=value("task"),
        reason=value("reason", ""),
        version=entity.version,
    )


def import_of(entity: Entity) -> PlanImport:
    """The import that an entity holds."""
    value = entity.value
    return PlanImport(
        id=entity.id,
        name=value("name"),
        file=value("file", ""),
        columns=tuple(value("columns", [])),
        mapping=dict(value("mapping", {})),
        rows=tuple(row_of(one) for one in value("rows", [])),
        unit=value("unit"),
        state=value("state"),
        at=entity.created_at,
        version=entity.version,
    )


def row_of(row: Mapping[str, Any]) -> Row:
    """A row as the import's attribute holds it."""
    problems = tuple((field, problem) for field, problem in row["problems"])
    return Row(row["line"], dict(row["cells"]), problems, row["state"], row.get("task"))


def row_value(row: Row) -> dict[str, Any]:
    """A row as the import's attribute is to hold it."""
    return {
        "line": row.line,
        "cells": dict(row.cells),
        "problems": [list(one) for one in row.problems],
        "state": row.state,
        "task": row.task,
    }


def own(programme: Programme) -> None:
    """Guard the types of this room and declare what their lists ask for. Once, when the parts are put together."""
    programme.hub.own(OWNER, OWNED)
    for kind, names in INDEXED.items():
        programme.hub.index(kind, *names)
