"""Templates and the calendar of reports as data: read, checked with where and what to do, and in force on a day."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date
from functools import cache
from importlib import resources
from string import Formatter
from typing import Any

from dothi.evidence.model import Evidence, PeriodKind
from dothi.evidence.report.model import (
    FigureSpec,
    Level,
    ListSpec,
    ReportKind,
    Section,
    Sentence,
    TableSpec,
    Template,
)
from dothi.ground.clock import VIETNAM, to_datetime
from dothi.ground.errors import Invalid
from dothi.ground.text import format_number, slug
from dothi.hub.language.q import parse_q
from dothi.office.rules import Kind, in_force

TEMPLATES, DUTIES = "reports.templates", "reports.duties"
FACETS = ("", "number", "before", "change", "of", "before_of", "before_number", "target")  # {filed}, {filed.change} …
_FILES = ("commune", "week", "province", "scheme")
_INSTANTS = ("start", "end", "now", "next_start", "next_end")
_SAMPLE_DAY = "2026-01-01T00:00:00Z"
_WHEN = re.compile(r"(known|missing|rises|falls) ([\w-]+)|([\w-]+) *(==|>=|<=|>|<) *(target|-?[\d.]+)")
OVER = ("period", "day", "month", "year")


@cache
def form() -> dict[str, Any]:
    """The words of the official form, the columns that lists may show, and the phrases of changes."""
    return _read("form")


def _read(name: str) -> dict[str, Any]:
    text = resources.files("dothi.evidence").joinpath(f"data/reports/{name}.toml").read_text("utf-8")
    return tomllib.loads(text)


def shown(value: float | None, decimals: int, symbol: str, simulated: bool = False) -> str:
    """A figure as the report writes it: value and unit, or that there is none; with the mark of simulated data."""
    said = form()
    if value is None:
        return str(said["missing"])
    return f"{format_number(value, decimals)} {symbol}".strip() + (said["simulated_mark"] if simulated else "")


@cache
def shipped() -> dict[str, Any]:
    """The sample templates as tables."""
    return {"template": [row for name in _FILES for row in _read(name)["template"]]}


@cache
def shipped_duties() -> dict[str, Any]:
    """The sample calendar of reports as tables."""
    return _read("duties")


def templates_at(evidence: Evidence, unit: str, at: int) -> list[Template]:
    """The templates that hold for a unit at an instant (µs), in the order declared."""
    tables = shipped() if evidence.rules is None else in_force(evidence.rules, TEMPLATES, unit, at)
    day = to_datetime(at).astimezone(VIETNAM).date().isoformat()
    found = [parse(row) for row in tables["template"]]
    return [one for one in found if one.valid_from <= day and (not one.valid_to or day <= one.valid_to)]


def template_for(evidence: Evidence, kind: ReportKind, unit: str, at: int, wanted: str = "") -> Template:
    """The template of a report: the one wanted, else the first that fits. Invalid when none does."""
    level = level_of(evidence, unit)
    fitting = [one for one in templates_at(evidence, unit, at) if kind in one.kinds and one.level in (None, level)]
    for one in fitting:
        if wanted in ("", one.id):
            return one
    names = ", ".join(one.id for one in fitting) or "none"
    raise Invalid(
        f"No template {wanted[:40]!r} for a {kind} report of a {level}; there are: {names}.", field="template"
    )


def level_of(evidence: Evidence, unit: str) -> Level:
    """Whether a unit is a province or a commune. Missing when there is none of that code."""
    return Level.PROVINCE if evidence.territory.unit(unit).level == "province" else Level.COMMUNE


def duties_at(evidence: Evidence, unit: str, at: int) -> list[dict[str, Any]]:
    """The rows of the calendar of reports that hold for a unit at an instant."""
    tables = shipped_duties() if evidence.rules is None else in_force(evidence.rules, DUTIES, unit, at)
    day = to_datetime(at).astimezone(VIETNAM).date().isoformat()
    rows = [row for row in tables["duty"] if row.get("valid_from", "") <= day <= row.get("valid_to", "9999")]
    return [row for row in rows if row.get("enabled", True) and row["level"] == level_of(evidence, unit)]


def parse(row: Mapping[str, Any]) -> Template:
    """The template that one table declares. Invalid names the template, the place in it and what to do."""
    name = str(row.get("id", ""))
    if not name or slug(name) != name:
        raise Invalid(f"{name[:40]!r} is no name of a template: small letters, digits and hyphens.", field="id")
    try:
        made = _template(name, row)
    except Invalid:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as cause:
        raise Invalid(f"Template {name}: {cause!r} is missing or wrong.", template=name) from cause
    _check(made)
    return made


def _template(name: str, row: Mapping[str, Any]) -> Template:
    rows = {part: row.get(part, []) for part in ("figure", "list", "table", "section")}
    plain = {key: value for key, value in row.items() if key not in (*rows, "id", "kinds", "level", "recipients")}
    _known(f"Template {name}", plain, Template)
    return Template(
        id=name,
        kinds=tuple(ReportKind(kind) for kind in row["kinds"]),
        level=None if row["level"] == "any" else Level(row["level"]),
        figures={one.id: one for one in (_part(name, FigureSpec, part) for part in rows["figure"])},
        lists={one.id: one for one in (_part(name, ListSpec, part) for part in rows["list"])},
        tables={one.id: one for one in (_part(name, TableSpec, part) for part in rows["table"])},
        sections=tuple(_section(name, part) for part in rows["section"]),
        recipients=tuple(row.get("recipients", ())),
        **plain,
    )


def _part(name: str, kind: Any, row: Mapping[str, Any]) -> Any:
    _known(f"Template {name}, {kind.__name__[:-4].lower()} {row.get('id', '?')}", row, kind)
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in row.items()})


def _section(name: str, row: Mapping[str, Any]) -> Section:
    _known(f"Template {name}, section {row.get('id', '?')}", {k: v for k, v in row.items() if k != "sentence"}, Section)
    sentences = tuple(Sentence(one["text"], one.get("when", "")) for one in row.get("sentence", []))
    plain: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    plain.pop("sentence", None)
    return Section(sentences=sentences, **plain)


def _known(where: str, row: Mapping[str, Any], kind: Any) -> None:
    allowed = {one.name for one in fields(kind)}
    strange = sorted(row.keys() - allowed)
    if strange:
        raise Invalid(f"{where}: {strange[0]!r} means nothing here; known are {', '.join(sorted(allowed))}.")


def _check(made: Template) -> None:
    """Refuse a template that points to something that is not there; the sentence says where."""
    for one in made.figures.values():
        _check_figure(made, one)
    for rows in made.lists.values():
        _check_list(made, rows)
    for table in made.tables.values():
        _all_known(made, f"table {table.id}", table.figures, made.figures, "figure")
        odd = [name for name in table.figures if not made.figures[name].indicator]
        if odd:
            raise _wrong(made, f"table {table.id}", f"{odd[0]!r} is no indicator, so it has no figure by commune.")
    for section in made.sections:
        _check_section(made, section)
    if not made.kinds or not made.sections:
        raise _wrong(made, "kinds, section", "a template serves at least one kind and has at least one section.")
    _check_text(made, "subject", made.subject, {"period", "scheme"})


def _wrong(made: Template, where: str, what: str) -> Invalid:
    return Invalid(f"Template {made.id}, {where}: {what}", template=made.id, where=where)


def _all_known(made: Template, where: str, names: Iterable[str], known: Mapping[str, Any], what: str) -> None:
    for name in names:
        if name not in known:
            there = ", ".join(sorted(known)) or "none"
            raise _wrong(made, where, f"there is no {what} {name!r}; declare it, or use one of: {there}.")


def _check_figure(made: Template, one: FigureSpec) -> None:
    where = f"figure {one.id}"
    said = [bool(one.indicator), bool(one.count), bool(one.share), bool(one.sum)]
    if sum(said) != 1:
        raise _wrong(made, where, "say exactly one of indicator, count, share and sum.")
    if one.over not in OVER:
        raise _wrong(made, where, f"over is one of {', '.join(OVER)}.")
    if one.direction not in ("higher", "lower"):
        raise _wrong(made, where, "direction is higher or lower.")
    _all_known(made, where, [name for name in (one.count, one.sum) if name], made.lists, "list")
    _all_known(made, where, one.share, made.figures, "figure")
    if one.share and len(one.share) != 2:
        raise _wrong(made, where, "share names two figures: part and whole.")
    if any(made.figures[name].share for name in one.share):
        raise _wrong(made, where, "a share is made of figures that are no shares.")
    if one.sum and one.column not in made.lists[one.sum].columns:
        raise _wrong(made, where, f"list {one.sum!r} has no column {one.column!r}.")
    if not one.indicator and not one.name:
        raise _wrong(made, where, "a figure that is no indicator needs its name.")


def _check_list(made: Template, one: ListSpec) -> None:
    where = f"list {one.id}"
    columns = form()["columns"]
    if one.type not in columns:
        raise _wrong(made, where, f"rows of {one.type!r} cannot be listed; those of {', '.join(columns)} can.")
    _all_known(made, where, one.columns, columns[one.type], "column")
    try:
        filled = one.where.format(**dict.fromkeys(_INSTANTS, _SAMPLE_DAY))
        if filled:
            parse_q(filled)
    except (KeyError, IndexError, ValueError) as cause:
        braces = ", ".join(f"{{{name}}}" for name in _INSTANTS)
        raise _wrong(made, where, f"where may hold {braces} only.") from cause
    except Invalid as cause:
        raise _wrong(made, where, f"where cannot be read: {cause.detail}") from cause


def _check_section(made: Template, section: Section) -> None:
    where = f"section {section.id}"
    _all_known(made, where, section.changes, made.figures, "figure")
    _all_known(made, where, section.lists, made.lists, "list")
    _all_known(made, where, section.tables, made.tables, "table")
    for number, sentence in enumerate(section.sentences, 1):
        here = f"{where}, sentence {number}"
        _check_text(made, here, sentence.text, made.figures)
        if sentence.when:
            found = _WHEN.fullmatch(sentence.when)
            if found is None:
                raise _wrong(made, here, "when is “known x”, “missing x”, “rises x”, “falls x” or “x > number”.")
            _all_known(made, here, [found[2] or found[3]], made.figures, "figure")


def _check_text(made: Template, where: str, text: str, known: Mapping[str, Any] | set[str]) -> None:
    try:
        names = [name for _, name, _, _ in Formatter().parse(text) if name is not None]
    except ValueError as cause:
        raise _wrong(made, where, f"the braces do not match: {cause}.") from cause
    for name in names:
        bare, _, facet = name.partition(".")
        _all_known(made, where, [bare], dict.fromkeys(known), "figure")
        if facet not in FACETS:
            raise _wrong(made, where, f"{{{name}}}: after the point stands one of {', '.join(FACETS[1:])}.")


def condition(text: str) -> tuple[str, str, str]:
    """(figure, operator, operand) of a checked `when`: ("filed", ">", "0") or ("filed", "rises", "")."""
    found = _WHEN.fullmatch(text)
    if found is None:
        raise Invalid(f"{text[:80]!r} is no condition on a figure.")
    return (found[2], found[1], "") if found[2] else (found[3], found[4], found[5])


def check_templates(tables: Mapping[str, Any]) -> None:
    """What a city adopts must be usable as a whole; Invalid says where not."""
    rows = tables.get("template", [])
    if not isinstance(rows, Sequence) or not rows:
        raise Invalid("There is no [[template]].", field="text")
    for row in rows:
        parse(row)


def check_duties(tables: Mapping[str, Any]) -> None:
    """What a city adopts as its calendar must be usable; Invalid says where not."""
    for row in tables.get("duty", []):
        name = f"Duty {row.get('id', '?')}"
        lacking = [key for key in ("id", "kind", "level", "due_working_days") if key not in row]
        if lacking:
            raise Invalid(f"{name}: {', '.join(lacking)} is missing.", field="text")
        if row["kind"] not in [kind.value for kind in PeriodKind] or row["level"] not in tuple(Level):
            raise Invalid(f"{name}: kind is week, month, quarter or year; level is commune or province.", field="text")
        days = row["due_working_days"]
        if not isinstance(days, int) or not 0 <= days <= 60:
            raise Invalid(f"{name}: due_working_days is a number from 0 to 60.", field="text")
        for key in ("valid_from", "valid_to"):
            if key in row:
                date.fromisoformat(row[key])


KINDS = (Kind(TEMPLATES, shipped(), check_templates), Kind(DUTIES, shipped_duties(), check_duties))
