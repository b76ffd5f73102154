"""A plan brought in from a table: columns matched, every row judged, good rows issued together, bad rows held back.

A row is held back with what is wrong in which cell, corrected on the page and judged again (quarantine and replay).
Issuing is one commit: the tasks of all good rows and the state of their rows, or nothing.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from dothi.ground.clock import now_us
from dothi.ground.errors import Invalid, Missing
from dothi.ground.ids import urn
from dothi.ground.text import fold, nfc
from dothi.hub.model import ABSENT, Actor, Attribute, Change, Commit, Op, create, json_prop, prop
from dothi.programme.council.model import Closed, amend, of_type
from dothi.programme.directives.dates import cell_deadline
from dothi.programme.directives.model import PlanImport, Row, import_of, row_value
from dothi.programme.directives.service import meaning
from dothi.programme.directives.sheets import CELL_MAX, Sheet, evidence_for, fields, guess, read_sheet
from dothi.programme.directives.units import Resolved
from dothi.programme.model import OWNER, NewTask, Programme, readable
from dothi.programme.tasks import service as tasks
from dothi.programme.tasks.workflow import today

READY, BAD, ISSUED, DROPPED = "ready", "bad", "issued", "dropped"
DEFAULTS = ("responsible", "evidence")  # What one word can say for every row that says nothing.
_SPLIT = ";"
_MOST = 500


async def take_plan(
    programme: Programme, actor: Actor, content: bytes, name: str, unit: str, now: int | None = None
) -> str:
    """Take a .xlsx or .csv in: kept by its hash, its columns guessed, every row judged; returns the import's id."""
    sheet = await asyncio.to_thread(read_sheet, content)
    digest = programme.hub.keep_file(content)
    mapping = guess(sheet.columns)
    rows = _rows(programme, sheet, mapping, {}, unit, now_us() if now is None else now)
    change = create(
        urn("PlanImport"),
        "PlanImport",
        name=prop(name[:200]),
        file=prop(digest),
        columns=json_prop(list(sheet.columns)),
        mapping=json_prop(mapping),
        rows=json_prop([row_value(one) for one in rows]),
        unit=prop(unit),
        state=prop("open"),
    )
    await programme.hub.commit(Commit(actor, (change,), "plan taken in", {change.id: ABSENT}, owner=OWNER))
    return change.id


async def remap(
    programme: Programme,
    actor: Actor,
    name: str,
    mapping: Mapping[str, int],
    defaults: Mapping[str, str],
    now: int | None = None,
) -> None:
    """Say which column holds what, and what holds for rows that say nothing; every row is judged again.

    Closed once a row was issued: what stands in the other rows is then corrected row by row.
    """
    found = one_import(programme, actor, name)
    if found.of(ISSUED):
        raise Closed("Rows of this plan are issued already: correct the others one by one.")
    known = {one.id for one in fields()}
    kept = {field: at for field, at in mapping.items() if field in known and 0 <= at < len(found.columns)}
    twice = [at for at in kept.values() if list(kept.values()).count(at) > 1]
    if twice:
        raise Invalid("One column cannot hold two things.", field="mapping")
    missing = [one.id for one in fields() if one.must and one.id not in kept]
    if missing:
        raise Invalid(f"Choose the columns of {', '.join(missing)}.", field="mapping")
    sheet = await asyncio.to_thread(read_sheet, programme.hub.read_file(found.file))
    at = now_us() if now is None else now
    said = {one: nfc(defaults.get(one, "")).strip()[:CELL_MAX] for one in DEFAULTS}
    rows = _rows(programme, sheet, kept, said, found.unit, at)
    attrs: dict[str, Attribute] = {"mapping": json_prop(kept), "rows": json_prop([row_value(one) for one in rows])}
    await amend(programme, actor, name, found.version, "columns matched", attrs)


def _rows(
    programme: Programme, sheet: Sheet, mapping: Mapping[str, int], defaults: Mapping[str, str], unit: str, now: int
) -> list[Row]:
    rows = []
    for line, cells in sheet.rows:
        said = {field: cells[at] for field, at in mapping.items() if at < len(cells) and cells[at]}
        if set(said) <= {"title"} and sum(bool(one) for one in cells) <= 2:
            continue  # "I. Nhiệm vụ chung": the name of a group of rows.
        rows.append(judged(programme, Row(line, {**{k: v for k, v in defaults.items() if v}, **said}, ()), unit, now))
    return rows


def judged(programme: Programme, row: Row, unit: str, now: int) -> Row:
    """The row with what is wrong in it; ready when nothing is."""
    _, problems = as_task(programme, row, unit, now)
    return replace(row, problems=problems, state=BAD if problems else READY)


def as_task(programme: Programme, row: Row, unit: str, now: int) -> tuple[NewTask | None, tuple[tuple[str, str], ...]]:
    """The task that a row says, or (field, problem) of all that is wrong in it."""
    cells, problems = row.cells, []
    wanted = ("title", "lead", "due", "output", "responsible")
    problems += [(field, "missing") for field in wanted if not cells.get(field, "").strip()]
    lead = _unit(programme, unit, cells.get("lead", ""), "lead", problems)
    helped = [_unit(programme, unit, one, "cooperating", problems) for one in _listed(cells.get("cooperating", ""))]
    due = _due(cells.get("due", ""), now, problems)
    units = _places(programme, unit, cells.get("place", ""), lead, problems)
    evidence = _evidence(programme, unit, cells, problems)
    if problems:
        return None, tuple(problems)
    new = NewTask(
        title=cells["title"][:500],
        lead=lead.code,
        due=due,
        output=cells["output"],
        units=units,
        cooperating=tuple(dict.fromkeys(one.code for one in helped if one.code != lead.code)),
        responsible=cells["responsible"],
        evidence_kind=evidence,
    )
    return new, ()


def _listed(text: str) -> list[str]:
    """Names between semicolons or line ends, or between commas where these split it into names that begin a body."""
    pieces = text.replace("\n", _SPLIT).split(_SPLIT)
    parts = [part for piece in pieces for part in _by_comma(piece)]
    return [part.strip(" .-+") for part in parts if part.strip(" .-+")]


def _by_comma(text: str) -> list[str]:
    """“Sở Tài chính, Công an tỉnh” are two; “Sở Văn hóa, Thể thao và Du lịch” and “các xã, phường” are one."""
    parts = text.split(",")
    joined = [parts[0]]
    for part in parts[1:]:
        if fold(part).startswith(
            ("so ", "ubnd", "cong an", "phuong ", "xa ", "van phong", "ban ", "cac ", "thanh tra")
        ):
            joined.append(part)
        else:
            joined[-1] += f",{part}"
    return joined


def _unit(programme: Programme, unit: str, name: str, field: str, problems: list[tuple[str, str]]) -> Resolved:
    if not name.strip():
        return Resolved(name)
    found = meaning(programme, unit[:2], name)
    if not found.code:
        problems.append((field, "several_units" if found.candidates else "no_unit"))
    return found


def _due(text: str, now: int, problems: list[tuple[str, str]]) -> str:
    if not text.strip():
        return ""
    try:
        day = cell_deadline(text, date.fromisoformat(today(now))).day
    except Invalid as wrong:
        problems.append(("due", str(wrong.fields.get("problem", "bad_date"))))
        return ""
    if day.isoformat() < today(now):
        problems.append(("due", "past"))
    return day.isoformat()


def _places(
    programme: Programme, unit: str, text: str, lead: Resolved, problems: list[tuple[str, str]]
) -> tuple[str, ...]:
    if not text.strip():
        return (lead.code.partition(".")[0],)
    found = [_unit(programme, unit, one, "place", problems) for one in _listed(text)]
    if any(one.many for one in found) and programme.territory is not None:
        return tuple(one.code for one in programme.territory.communes_of(unit[:2]))
    return tuple(dict.fromkeys(one.code.partition(".")[0] for one in found if one.code))


def _evidence(programme: Programme, unit: str, cells: Mapping[str, str], problems: list[tuple[str, str]]) -> str:
    """The kind of evidence: as the cell names it, else as the output suggests."""
    kinds, said = programme.rules_at(unit).evidence, fold(cells.get("evidence", ""))
    if said:
        hit = next((one.id for one in kinds.values() if said == one.id or said in fold(one.names["vi"])), "")
        if not hit:
            problems.append(("evidence", "no_evidence"))
        return hit
    suggested = evidence_for(cells.get("output", ""))
    if suggested not in kinds and cells.get("output"):
        problems.append(("evidence", "no_evidence"))
    return suggested if suggested in kinds else ""


async def correct_row(
    programme: Programme, actor: Actor, name: str, line: int, cells: Mapping[str, str], now: int | None = None
) -> Row:
    """Correct the cells of a row that is not issued, and judge it again; returns the row as it is now."""
    found = one_import(programme, actor, name)
    row = _waiting(found, line)
    known = {one.id for one in fields()}
    said = {field: nfc(text).strip()[:CELL_MAX] for field, text in cells.items() if field in known}
    fresh = judged(programme, replace(row, cells={**row.cells, **said}), found.unit, now_us() if now is None else now)
    await _keep_row(programme, actor, found, fresh, "row corrected")
    return fresh


async def drop_row(programme: Programme, actor: Actor, name: str, line: int) -> None:
    """Leave a row out: it is kept and says so."""
    found = one_import(programme, actor, name)
    await _keep_row(programme, actor, found, replace(_waiting(found, line), state=DROPPED), "row left out")


def _waiting(found: PlanImport, line: int) -> Row:
    row = next((one for one in found.rows if one.line == line), None)
    if row is None:
        raise Missing(f"This plan has no line {line}.")
    if row.state == ISSUED:
        raise Closed(f"Line {line} is issued already: change its task.")
    return row


async def _keep_row(programme: Programme, actor: Actor, found: PlanImport, fresh: Row, reason: str) -> None:
    rows = [fresh if one.line == fresh.line else one for one in found.rows]
    attrs: dict[str, Attribute] = {
        "rows": json_prop([row_value(one) for one in rows]),
        "state": prop(_state(rows)),
    }
    await amend(programme, actor, found.id, found.version, reason, attrs)


def _state(rows: Iterable[Row]) -> str:
    return "open" if any(one.state in (READY, BAD) for one in rows) else "done"


async def issue_rows(programme: Programme, actor: Actor, name: str, now: int | None = None) -> int:
    """Issue the tasks of all ready rows, in one commit with the rows' states; returns how many.

    Each is judged once more as the city is now. Invalid when no row is ready; Forbidden (nothing is written) when a
    unit lies outside the actor's areas; Conflict when somebody changed the import meanwhile.
    """
    at = now_us() if now is None else now
    found = one_import(programme, actor, name)
    fresh = [judged(programme, one, found.unit, at) if one.state == READY else one for one in found.rows]
    issued: list[tuple[str, NewTask]] = []
    rows: list[Row] = []
    for row in fresh:
        new, _ = as_task(programme, row, found.unit, at) if row.state == READY else (None, ())
        if new is None:
            rows.append(row)
            continue
        task = urn("Task", found.id.rpartition(":")[2], str(row.line))
        issued.append((task, replace(new, sources=(found.id,))))
        rows.append(replace(row, state=ISSUED, task=task))
    if not issued:
        raise Invalid("No row is ready: correct what is wrong first.", field="rows")
    beside = Change(
        Op.APPEND, found.id, attrs={"rows": json_prop([row_value(one) for one in rows]), "state": prop(_state(rows))}
    )
    await tasks.issue_tasks(
        programme, actor, issued, "plan issued", beside=(beside,), expect={found.id: found.version}, now=at
    )
    return len(issued)


def one_import(programme: Programme, actor: Actor, name: str) -> PlanImport:
    """One import; Missing when there is none."""
    return import_of(of_type(programme, actor, "PlanImport", name))


def imports(programme: Programme, actor: Actor) -> list[PlanImport]:
    """Imports, the newest first."""
    return list(readable(programme.hub.find(actor, "PlanImport", limit=_MOST, order=("-createdAt",)), import_of))
