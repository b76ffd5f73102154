"""The pages of a plan that came as a table: match its columns, look at every row, correct, issue the good ones."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.errors import Conflict, Forbidden, Invalid, TooLarge
from dothi.programme.directives import imports
from dothi.programme.directives.model import PlanImport, Row
from dothi.programme.directives.sheets import SHEET_MAX, Field, fields
from dothi.web.page import Page, redirect, render, visit, words
from dothi.web.pages.council.forms import (
    CELLS,
    FAILED,
    OFFICERS,
    cells_of,
    evidence_kinds,
    home,
    may_edit,
    ours,
    problem_words,
    rooms,
    unit_names,
    upload,
    wrong,
)
from dothi.web.pages.shown import STAFF, bare, entity_id

STATES = {"ready": ("good", "good"), "bad": ("bad", "bad"), "issued": ("note", "task"), "dropped": ("grey", "cross")}


async def plans(request: Request) -> Response:
    """Which plans came in, and which of their rows still wait?"""
    if request.method == "GET":
        return _list(request, {})
    found = await upload(await request.form(), SHEET_MAX)
    if found is None:
        return _list(request, {"file": words(request).t("council.problem.no_file")})
    name, content = found
    try:
        made = await imports.take_plan(ours(request), visit(request).actor, content, name, home(request))
    except (Invalid, TooLarge) as error:
        return _list(request, {"file": next(iter(wrong(request, error).values()))})
    return redirect(request, f"/imports/{bare(made)}", "council.did.plan")


def _list(request: Request, problems: Mapping[str, str]) -> Response:
    found = imports.imports(ours(request), visit(request).actor)
    return render(
        request,
        "council/incoming/imports.html",
        FAILED if problems else 200,
        rooms=rooms(request, "/imports"),
        rows=[(one, f"/imports/{bare(one.id)}", {state: len(one.of(state)) for state in STATES}) for one in found],
        open=sum(one.state == "open" for one in found),
        problems=problems,
        may_edit=may_edit(request),
    )


def _found(request: Request) -> PlanImport:
    name = entity_id("PlanImport", request.path_params["table"])
    return imports.one_import(ours(request), visit(request).actor, name)


async def plan(request: Request) -> Response:
    """What will be issued from this plan, and what is wrong where?"""
    return _one(request, {})


def _one(request: Request, problems: Mapping[str, str]) -> Response:
    found, t = _found(request), words(request).t
    show = request.query_params.get("show", "bad" if found.of("bad") else "ready")
    show = show if show in STATES else "ready"
    columns = [(str(at), head or t("council.column", n=at + 1)) for at, head in enumerate(found.columns)]
    counts = {state: len(found.of(state)) for state in STATES}
    return render(
        request,
        "council/incoming/import.html",
        FAILED if problems else 200,
        plan=found,
        href=_href(request),
        counts=counts,
        show=show,
        ways=[(t(f"council.row.{one}"), f"?show={one}", one == show, counts[one]) for one in STATES],
        rows=[_row(request, one) for one in found.of(show)],
        fields=[
            (one.id, t(f"council.field.{one.id}"), one.must, str(found.mapping.get(one.id, ""))) for one in fields()
        ],
        columns=[("", t("council.no_column")), *columns],
        looks=STATES,
        problems=problems,
        may_edit=may_edit(request),
        units=unit_names(request),
        kinds=evidence_kinds(request),
    )


def _field(request: Request, found: PlanImport, one: Field) -> tuple[str, str, bool, str]:
    """(id, name, whether a task needs it, the column that holds it)."""
    return one.id, words(request).t(f"council.field.{one.id}"), one.must, str(found.mapping.get(one.id, ""))


def _row(request: Request, row: Row) -> dict[str, object]:
    problems = {f"{row.line}-{field}": problem_words(request, field, problem) for field, problem in row.problems}
    values = {name: row.cells.get(name, "") for name in CELLS}
    task = f"/task/{row.task.split(':', 3)[3]}" if row.task else ""
    return {"row": row, "problems": problems, "values": values, "task": task}


def _href(request: Request) -> str:
    return f"/imports/{request.path_params['table']}"


async def match(request: Request) -> Response:
    """Which column holds what, and what holds for rows that say nothing."""
    form = await request.form()
    mapping = {one.id: int(said) for one in fields() if (said := str(form.get(f"column-{one.id}", ""))).isdigit()}
    defaults = {name: str(form.get(f"default-{name}", "")) for name in imports.DEFAULTS}
    try:
        await imports.remap(ours(request), visit(request).actor, _found(request).id, mapping, defaults)
    except Invalid:
        return _one(request, {"column-title": words(request).t("council.problem.mapping")})
    except Conflict:
        return redirect(request, _href(request), "council.issued_already", "warning")
    return redirect(request, _href(request), "council.did.matched")


async def correct(request: Request) -> Response:
    """A row's cells, corrected and judged again; or the row left out."""
    form = await request.form()
    line = int(request.path_params["line"])
    here, actor, name = ours(request), visit(request).actor, _found(request).id
    try:
        if form.get("drop") == "yes":
            await imports.drop_row(here, actor, name, line)
            return redirect(request, f"{_href(request)}?show=bad", "council.did.dropped")
        row = await imports.correct_row(here, actor, name, line, cells_of(form))
    except Conflict:
        return redirect(request, _href(request), "council.issued_already", "warning")
    if row.state == "bad":
        return redirect(request, f"{_href(request)}?show=bad#row-{line}", "council.still_bad", "warning")
    return redirect(request, f"{_href(request)}?show=bad", "council.did.corrected")


async def issue(request: Request) -> Response:
    """A person's yes: all good rows in one step."""
    try:
        count = await imports.issue_rows(ours(request), visit(request).actor, _found(request).id)
    except Invalid:
        return redirect(request, _href(request), "council.none_ready", "warning")
    except Forbidden:
        return redirect(request, f"{_href(request)}?show=ready", "council.problem.area", "warning")
    except Conflict:
        return redirect(request, _href(request), "council.changed", "warning")
    return redirect(request, f"{_href(request)}?show=issued", "council.did.rows", n=str(count))


_POST = ("POST",)
PAGES = (
    Page("/imports", plans, "council.imports.title", ("GET", "POST"), roles=STAFF, body_max=SHEET_MAX + 100_000),
    Page("/imports/{table}", plan, "council.import.title", roles=STAFF),
    Page("/imports/{table}/match", match, "council.import.match", _POST, roles=OFFICERS, page=False),
    Page("/imports/{table}/row/{line:int}", correct, "council.import.correct", _POST, roles=OFFICERS, page=False),
    Page("/imports/{table}/issue", issue, "council.import.issue", _POST, roles=OFFICERS, page=False),
)
