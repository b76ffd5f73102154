"""The council's pages: its sessions, and each conclusion chased to its result."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import now_us
from dothi.ground.errors import Conflict, DothiError, Forbidden, Invalid
from dothi.ground.ids import secret
from dothi.programme.council import opinions, service
from dothi.programme.council.model import Closed, Conclusion, Member, Opinion, Round
from dothi.programme.model import Task
from dothi.web.page import Menu, Page, redirect, render, visit, words
from dothi.web.pages.council.forms import (
    CELLS,
    FAILED,
    FORM_MAX,
    OFFICERS,
    answer_file,
    called,
    cells_of,
    code_of,
    evidence_kinds,
    files_of,
    held,
    home,
    may_edit,
    ours,
    rooms,
    task_of_form,
    unit_names,
    wrong,
)
from dothi.web.pages.programme.overview import Row, row
from dothi.web.pages.shown import STAFF, bare, entity_id

STANCES = {"agree": ("good", "good"), "changes": ("watch", "watch"), "disagree": ("bad", "cross")}
MORNING = "08:00"


async def council(request: Request) -> Response:
    """What did the council conclude, and what became of it?"""
    here, actor = ours(request), visit(request).actor
    chased = [_chased(request, *pair) for pair in service.conclusions(here, actor)]
    undone = [one for one in chased if one["kind"] != "done"]
    bodies = {one.id: one for one in service.bodies(here, actor)}
    return render(
        request,
        "council/meeting/council.html",
        rooms=rooms(request, "/council"),
        chased=sorted(chased, key=lambda one: str(one["order"])),
        undone=len(undone),
        late=sum(one["kind"] == "late" for one in chased),
        sessions=[
            (one, bodies.get(one.body), f"/council/session/{bare(one.id)}") for one in service.sessions(here, actor)
        ],
        bodies=[(one, called(request, one.unit)) for one in bodies.values()],
        may_edit=may_edit(request),
    )


def _chased(request: Request, one: Conclusion, task: Task | None) -> dict[str, object]:
    """A conclusion with how far it is: the row of its task, and how it is called."""
    shown: Row | None = row(request, task, now_us()) if task else None
    kind = "none" if shown is None else "done" if shown.standing.startswith("done") else shown.standing
    order = {"late": 0, "soon": 1, "on_track": 2, "none": 3, "dropped": 4, "done": 5}[kind]
    return {
        "conclusion": one,
        "id": bare(one.id),
        "task": shown,
        "kind": kind,
        "order": f"{order} {task.due if task else one.at}",
        "session": f"/council/session/{bare(one.session)}",
    }


async def new_body(request: Request) -> Response:
    """Who sits in the council?"""
    if request.method == "GET":
        return _body_form(request, dict.fromkeys(("name", "kind", "unit", "members"), ""), {})
    form = await request.form()
    said = {name: str(form.get(name, "")).strip() for name in ("name", "kind", "unit", "members")}
    try:
        unit = code_of(request, said["unit"])
        members = [_member(request, line) for line in said["members"].splitlines() if line.strip()]
        await service.keep_body(ours(request), visit(request).actor, said["name"], said["kind"], unit, members)
    except Invalid as error:
        return _body_form(request, said, wrong(request, error) if error.fields else {"unit": error.detail})
    except Forbidden:
        return _body_form(request, said, {"unit": words(request).t("council.problem.area")})
    return redirect(request, "/council", "council.did.body")


def _member(request: Request, line: str) -> Member:
    """A line "position; unit": without a unit it is that of the city."""
    position, _, unit = line.partition(";")
    try:
        return Member(position.strip(), code_of(request, unit) if unit.strip() else home(request))
    except Invalid as error:
        raise Invalid(f"{line[:60]}: {error.detail}", field="member") from error


def _body_form(request: Request, values: Mapping[str, str], problems: Mapping[str, str]) -> Response:
    shown = {("members" if name == "member" else name): text for name, text in problems.items()}
    status = FAILED if problems else 200
    units = unit_names(request)
    return render(request, "council/meeting/body.html", status, values=values, problems=shown, units=units)


async def new_session(request: Request) -> Response:
    """When does it meet, and about what?"""
    fields = ("body", "title", "day", "time", "agenda")
    if request.method == "GET":
        return _session_form(request, dict.fromkeys(fields, "") | {"time": MORNING}, {})
    form = await request.form()
    said = {name: str(form.get(name, "")).strip() for name in fields}
    try:
        if not said["body"]:
            raise Invalid(field="body")
        files = await files_of(request, form)
        held_at = f"{said['day']}T{said['time'] or MORNING}"
        made = await service.call_session(
            ours(request),
            visit(request).actor,
            said["body"],
            said["title"],
            held_at,
            said["agenda"].splitlines(),
            files,
        )
    except Invalid as error:
        return _session_form(request, said, wrong(request, error))
    return redirect(request, f"/council/session/{bare(made)}", "council.did.session")


def _session_form(request: Request, values: Mapping[str, str], problems: dict[str, str]) -> Response:
    problems = {("day" if name == "held_at" else name): text for name, text in problems.items()}
    bodies = [(one.id, one.name) for one in service.bodies(ours(request), visit(request).actor)]
    status = FAILED if problems else 200
    return render(request, "council/meeting/session_new.html", status, values=values, problems=problems, bodies=bodies)


def _session_id(request: Request) -> str:
    return entity_id("CouncilSession", request.path_params["session"])


async def session(request: Request) -> Response:
    """What was on the table, who said what, what was concluded, and is it done?"""
    return _session(request, {}, {})


def _session(request: Request, problems: Mapping[str, str], values: Mapping[str, str]) -> Response:
    here, actor = ours(request), visit(request).actor
    found = service.one_session(here, actor, _session_id(request))
    chased = [_chased(request, *pair) for pair in service.conclusions(here, actor, found.id)]
    blank = dict.fromkeys((*CELLS, "words", "round_title"), "") | {"hours": "16", "key": secret()}
    body = next((one for one in service.bodies(here, actor) if one.id == found.body), None)
    return render(
        request,
        "council/meeting/session.html",
        FAILED if problems else 200,
        session=found,
        href=f"/council/session/{request.path_params['session']}",
        body=body,
        chased=chased,
        done=sum(one["kind"] == "done" for one in chased),
        rounds=[_round(request, one.id, one) for one in opinions.rounds(here, actor, found.id)],
        problems=problems,
        values=blank | dict(values),
        may_edit=may_edit(request),
        units=unit_names(request),
        kinds=evidence_kinds(request),
    )


def _round(request: Request, name: str, found: Round) -> dict[str, object]:
    rows = [_opinion(request, one) for one in opinions.opinions(ours(request), visit(request).actor, name)]
    counts = {state: sum(one["opinion"].state == state for one in rows) for state in ("given", "waiting", "silent")}  # type: ignore[attr-defined]
    return {"round": found, "rows": rows, "counts": counts}


def _opinion(request: Request, one: Opinion) -> dict[str, object]:
    kind, icon = STANCES[one.stance] if one.stance else ("grey", "clock" if one.state == "waiting" else "empty")
    return {
        "opinion": one,
        "id": bare(one.id),
        "unit": called(request, one.assignee),
        "kind": kind,
        "icon": icon,
        "word": words(request).t(f"council.stance.{one.stance}" if one.stance else f"council.opinion.{one.state}"),
        "field": f"reason-{bare(one.id).replace(':', '-')}",
    }


async def conclude(request: Request) -> Response:
    """A conclusion, and its task in the same step."""
    form = await request.form()
    cells = cells_of(form) | {"title": str(form.get("words", "")).strip()[:500]}
    said = cells | {"words": str(form.get("words", "")).strip(), "key": str(form.get("key", ""))[:64]}
    bare_one = form.get("only") == "yes"
    new, problems = (None, {}) if bare_one else task_of_form(request, cells)
    problems = {("words" if name == "title" else name): text for name, text in problems.items()}
    if problems:
        return _session(request, problems, said)
    here, actor = ours(request), visit(request).actor
    try:
        await service.conclude(here, actor, _session_id(request), said["words"], new, said["key"])
    except Closed:
        return _session(request, {"words": words(request).t("council.problem.ahead")}, said)
    except Forbidden:
        return _session(request, {"lead": words(request).t("council.problem.area")}, said)
    except (Invalid, Conflict) as error:
        return _session(request, wrong(request, error), said)
    return redirect(request, _href(request), "council.did.concluded" if bare_one else "council.did.issued")


async def ask(request: Request) -> Response:
    """Ask every member for an opinion."""
    form = await request.form()
    said = {"round_title": str(form.get("round_title", "")).strip(), "hours": str(form.get("hours", "")).strip()}
    try:
        hours = float(said["hours"]) if said["hours"].replace(".", "", 1).isdigit() else 0.0
        files = await files_of(request, form)
        here, actor = ours(request), visit(request).actor
        await opinions.ask_opinions(here, actor, _session_id(request), said["round_title"], hours, files)
    except DothiError as error:
        if not isinstance(error, Invalid):
            raise
        problems = wrong(request, error)
        return _session(request, {("round_title" if k == "title" else k): text for k, text in problems.items()}, said)
    return redirect(request, _href(request), "council.did.asked")


async def add_files(request: Request) -> Response:
    """More files for the dossier."""
    form = await request.form()
    try:
        files = await files_of(request, form)
        await service.add_files(ours(request), visit(request).actor, _session_id(request), files)
    except Invalid as error:
        return _session(request, wrong(request, error), {})
    return redirect(request, _href(request), "council.did.files")


def _href(request: Request) -> str:
    return f"/council/session/{request.path_params['session']}"


async def dossier_file(request: Request) -> Response:
    """A file of the dossier, or of a draft on which opinions are asked."""
    here, actor = ours(request), visit(request).actor
    found = service.one_session(here, actor, _session_id(request))
    asked = [file for one in opinions.rounds(here, actor, found.id) for file in one.files]
    return answer_file(request, held((*found.dossier, *asked), request.path_params["sha256"]))


PAGES = (
    Page("/council", council, "council.title", roles=STAFF, menu=Menu("work", 35)),
    Page("/council/body/new", new_body, "council.body.title", methods=("GET", "POST"), roles=OFFICERS),
    Page(
        "/council/session/new",
        new_session,
        "council.session.new",
        methods=("GET", "POST"),
        roles=OFFICERS,
        body_max=FORM_MAX,
    ),
    Page("/council/session/{session}", session, "council.session.title", roles=STAFF),
    Page(
        "/council/session/{session}/conclude",
        conclude,
        "council.conclude",
        methods=("POST",),
        roles=OFFICERS,
        page=False,
    ),
    Page(
        "/council/session/{session}/ask",
        ask,
        "council.ask",
        methods=("POST",),
        roles=OFFICERS,
        body_max=FORM_MAX,
        page=False,
    ),
    Page(
        "/council/session/{session}/files",
        add_files,
        "council.files",
        methods=("POST",),
        roles=OFFICERS,
        body_max=FORM_MAX,
        page=False,
    ),
    Page("/council/session/{session}/file/{sha256}", dossier_file, "council.files", roles=STAFF, page=False),
)
