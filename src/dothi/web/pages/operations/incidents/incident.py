"""One incident: what is owed next first, then the checklist, the orders, what joined it, and the log beside."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dothi.ground.clock import iso, now_us
from dothi.ground.errors import Conflict, DothiError, Forbidden, Invalid
from dothi.office.photos import DOCUMENT_BYTES, PHOTO_BYTES, Upload
from dothi.operations.incidents import joining, moving
from dothi.operations.incidents.log import read_log, write_entry
from dothi.operations.incidents.model import Incident
from dothi.operations.incidents.playbooks.course import score
from dothi.operations.incidents.playbooks.steps import do_step, keep_file, skip_step
from dothi.operations.incidents.service import incident, incidents, merged_into, orders_of, warnings_of
from dothi.operations.incidents.suggestions import suggestions
from dothi.operations.incidents.workflow import DIRECTORS, GUARDS, verbs_for
from dothi.operations.model import Priority
from dothi.web.page import Page, redirect, render, visit, words
from dothi.web.pages.operations.incidents.listing import units_here
from dothi.web.pages.operations.incidents.orders import order_rows
from dothi.web.pages.operations.incidents.shown import (
    answer,
    line_rows,
    row,
    step_rows,
    suggestion_row,
    thing,
)
from dothi.web.pages.shown import STAFF, collection, feature, find, point
from dothi.web.parts import parts

FAILED = 422
FILE_BYTES = max(PHOTO_BYTES, DOCUMENT_BYTES)
BESIDE = 5
HINTS = 3


async def one_incident(request: Request) -> Response:
    """What happens, since when, who commands, and what is owed next?"""
    return _page(request, _found(request), {})


def _found(request: Request) -> Incident:
    return incident(parts(request).operations, visit(request).actor, str(request.path_params["incident"]))


def _page(
    request: Request,
    found: Incident,
    problems: Mapping[str, str],
    values: Mapping[str, str] = {},
    status: int = 200,
) -> Response:
    here, actor = parts(request).operations, visit(request).actor
    rows = step_rows(request, found)
    owed = [one for one in rows if one.state == "owed"]
    orders = orders_of(here, found)
    verbs = verbs_for(found, actor.roles)
    return render(
        request,
        "operations/incidents/incident.html",
        status,
        one=found,
        row=row(request, found),
        answer=answer(request, found),
        next=owed[0] if owed and verbs else None,
        steps=rows,
        done=sum(one.state in ("done", "skipped") for one in rows),
        verbs=verbs,
        orders=order_rows(request, found.id),
        warnings=[thing(request, one.id) for one in warnings_of(here, found)],
        members=[(one, thing(request, one)) for one in found.members],
        merged=[thing(request, one.id) for one in merged_into(here, found.id)],
        into=thing(request, found.merged_into) if found.merged_into else None,
        hints=[suggestion_row(request, one) for one in _hints(request, found)],
        beside=_beside(request, found),
        lines=line_rows(request, read_log(here, actor, found.id, [one.id for one in orders]), found),
        others=_others(request, found),
        units=units_here(request, found.unit),
        priorities=[(one.value, words(request).t(f"operations.priority.{one}")) for one in Priority],
        score=score(found, now_us()) if found.drill else None,
        start=(*found.point, 13.5) if found.point else None,
        problems=problems,
        values={"verb": "", "step": "", "reason": "", "words": ""} | dict(values),
    )


def _hints(request: Request, found: Incident) -> list[Any]:
    """What may belong to it and waits for a yes or no."""
    here, actor = parts(request).operations, visit(request).actor
    listed = suggestions(here, actor, kind="together", about=found.id) if found.open else []
    return [one for one in listed if not joining.stale(here, one)][:HINTS]


def _beside(request: Request, found: Incident) -> list[Any]:
    """What other modules know of the same place: problems that recur, tasks that are late."""
    if found.drill:
        return []
    late = f'unit=="{found.unit}";open==true;due<"{iso(now_us())}"'
    tasks = find(request, "Task", late, BESIDE)
    problems = find(request, "Problem", f'unit=="{found.unit}";state!="rejected"', BESIDE)
    return [thing(request, one.id) for one in (*problems, *tasks)]


def _others(request: Request, found: Incident) -> list[tuple[str, str]]:
    """The other open incidents, into which this one may be merged or a warning handed over."""
    every = incidents(parts(request).operations, visit(request).actor)
    return [(one.name, one.title) for one in every if one.id != found.id and one.drill is found.drill and found.open]


async def points(request: Request) -> Response:
    """The incident and what joined it, as points of its map."""
    found = _found(request)
    shown = row(request, found)
    features = []
    if found.point:
        features.append(
            feature(found.point, id=found.name, name=found.title, href=shown.href, kind=shown.kind, icon="watch")
        )
    for name in found.members:
        said = thing(request, name)
        place = point(parts(request).hub.get(visit(request).actor, name)) if said.href else None
        if place:
            features.append(feature(place, id=name, name=said.name, href=said.href, kind="note", icon=said.icon))
    return JSONResponse(collection(features), media_type="application/geo+json")


Deed = Callable[[Request, Incident, FormData, int], Awaitable[Any]]


def _said(form: FormData, name: str) -> str:
    return str(form.get(name, "")).strip()


async def _take(request: Request, found: Incident, form: FormData, version: int) -> Any:
    return await moving.take(parts(request).operations, visit(request).actor, found.name, version)


async def _shift(request: Request, found: Incident, form: FormData, version: int) -> Any:
    verb = str(request.path_params["verb"])
    return await moving.shift(parts(request).operations, visit(request).actor, found.name, verb, version)


async def _close(request: Request, found: Incident, form: FormData, version: int) -> Any:
    here, actor = parts(request).operations, visit(request).actor
    return await moving.close(here, actor, found.name, _said(form, "reason"), _said(form, "warnings_to"), version)


async def _end(request: Request, found: Incident, form: FormData, version: int) -> Any:
    verb, reason = str(request.path_params["verb"]), _said(form, "reason")
    return await moving.end(parts(request).operations, visit(request).actor, found.name, verb, reason, version)


async def _change(request: Request, found: Incident, form: FormData, version: int) -> Any:
    here, actor = parts(request).operations, visit(request).actor
    priority = _said(form, "priority")
    changed = priority if priority != found.priority.value else ""
    return await moving.change(here, actor, found.name, _said(form, "title"), changed, version)


async def _pass_on(request: Request, found: Incident, form: FormData, version: int) -> Any:
    here, actor = parts(request).operations, visit(request).actor
    return await moving.pass_on(here, actor, found.name, _said(form, "assignee"), _said(form, "reason"), version)


async def _detach(request: Request, found: Incident, form: FormData, version: int) -> Any:
    here, actor = parts(request).operations, visit(request).actor
    return await joining.detach(here, actor, found.name, _said(form, "thing"), _said(form, "reason"), version)


async def _merge(request: Request, found: Incident, form: FormData, version: int) -> Any:
    here, actor, other = parts(request).operations, visit(request).actor, _said(form, "other")
    if not other:
        raise Invalid("Choose another incident.", field="other", guard="another")
    return await joining.merge(here, actor, found.name, other, _said(form, "reason"), version)


async def _unmerge(request: Request, found: Incident, form: FormData, version: int) -> Any:
    here, actor = parts(request).operations, visit(request).actor
    return await joining.unmerge(here, actor, found.name, _said(form, "reason"), version)


async def _note(request: Request, found: Incident, form: FormData, version: int) -> Any:
    here, actor = parts(request).operations, visit(request).actor
    return await write_entry(here, actor, found.id, _said(form, "words"), key=_said(form, "key") or None)


async def _step_done(request: Request, found: Incident, form: FormData, version: int) -> Any:
    here, actor = parts(request).operations, visit(request).actor
    step = found.step(_said(form, "step"))
    given: dict[str, Any] = {}
    for field in step.fields:
        value = form.get(f"{step.id}-{field['id']}")
        if isinstance(value, UploadFile):
            if value.size:
                content = await value.read(FILE_BYTES + 1)
                given[field["id"]] = keep_file(here, Upload(value.filename or "", content))
        elif value is not None:
            given[field["id"]] = str(value).strip()
    return await do_step(here, actor, found.name, step.id, given, version)


async def _step_skipped(request: Request, found: Incident, form: FormData, version: int) -> Any:
    here, actor = parts(request).operations, visit(request).actor
    return await skip_step(here, actor, found.name, _said(form, "step"), _said(form, "reason"), version)


DEEDS: Mapping[str, Deed] = {
    "take": _take,
    "control": _shift,
    "worsen": _shift,
    "close": _close,
    "cancel": _end,
    "reopen": _end,
    "change": _change,
    "pass_on": _pass_on,
    "detach": _detach,
    "merge": _merge,
    "unmerge": _unmerge,
    "note": _note,
    "step_done": _step_done,
    "step_skipped": _step_skipped,
}


async def do(request: Request) -> Response:
    """Carry out one deed; what cannot be says how to mend it, on the page itself."""
    verb = str(request.path_params["verb"])
    found = _found(request)
    deed = DEEDS.get(verb)
    if deed is None:
        raise Invalid(f"There is no deed “{verb[:40]}”.")
    form = await request.form()
    seen = _said(form, "version")
    try:
        await deed(request, found, form, int(seen) if seen.isdigit() else found.version)
    except Forbidden:
        raise
    except DothiError as refused:
        if not isinstance(refused, Invalid | Conflict):
            raise
        return _refused(request, found, verb, form, refused)
    return redirect(request, f"/incident/{found.name}", f"incidents.done.{verb}")


def _refused(request: Request, found: Incident, verb: str, form: FormData, refused: DothiError) -> Response:
    """The same page with what to mend, and what was typed."""
    guard = str(refused.fields.get("guard", ""))
    field = str(refused.fields.get("field", "reason"))
    if guard not in GUARDS and guard not in ("required", "number") and isinstance(refused, Conflict):
        return redirect(request, f"/incident/{found.name}", "incidents.overtaken", "warning")
    key = f"incidents.guard.{guard}" if guard else f"incidents.mend.{field}"
    text = words(request).t(key if words(request).has(key) else "incidents.mend.something")
    step = _said(form, "step")
    target = f"{step}-{field}" if verb == "step_done" else f"{verb}-reason" if field != "words" else "words"
    kept = {name: str(value) for name, value in form.items() if isinstance(value, str)}
    fresh = _found(request)
    return _page(request, fresh, {target: text}, {**kept, "verb": verb}, FAILED)


PAGES = (
    Page("/incident/{incident}", one_incident, "type.Incident", roles=STAFF),
    Page("/incident/{incident}/points.json", points, "type.Incident", roles=STAFF, page=False),
    Page(
        "/incident/{incident}/do/{verb}",
        do,
        "type.Incident",
        methods=("POST",),
        roles=DIRECTORS | {"official"},
        body_max=FILE_BYTES * 2,
        sample={"verb": "take"},
    ),
)
