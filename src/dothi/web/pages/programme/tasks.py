"""One task with its verbs, issuing a task from an article or a proposal, and deciding on proposals."""

from collections.abc import Awaitable, Callable, Mapping
from itertools import chain
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import from_iso, now_us
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing, TooLarge
from dothi.hub.model import Entity
from dothi.programme import law
from dothi.programme.api.tasks import EVIDENCE_MAX, keep_evidence
from dothi.programme.model import Evidence, NewTask, Task, several
from dothi.programme.tasks import ledger as deadlines, service
from dothi.programme.tasks.workflow import FIVE_CLEAR, NEXT, Verb, check_instant
from dothi.web.page import Page, redirect, render, visit, words
from dothi.web.pages.programme.overview import OFFICERS, ledger, row
from dothi.web.pages.shown import STAFF, entity_id, find, name_of, named, unit_name
from dothi.web.parts import parts

FAILED = 422
SOURCES_SHOWN = 30
SAID = ("title", "lead", "responsible", "due", "output", "evidence_kind", "legal_basis", "proposal")
MANY = ("units", "cooperating", "indicators")
FORM_MAX = EVIDENCE_MAX + 1_000_000
SAFE_INLINE = frozenset({"application/pdf", "image/jpeg", "image/png"})


def _task_id(request: Request) -> str:
    return entity_id("Task", request.path_params["task"])


async def one_task(request: Request) -> Response:
    """What is owed here, by whom, until when, and what shows it?"""
    return _task(request, {}, {})


def _task(request: Request, problems: Mapping[str, str], values: Mapping[str, str]) -> Response:
    here, actor = parts(request).programme, visit(request).actor
    task = service.task(here, actor, _task_id(request))
    may = bool(actor.roles & OFFICERS)
    return render(
        request,
        "programme/task.html",
        FAILED if problems else 200,
        row=row(request, task, now_us()),
        task=task,
        left=_left(request, task),
        basis=_basis(request, task.legal_basis),
        ledger=ledger(request, task),
        sources=[(named(request, one), f"/walk/{one}", _kind(one)) for one in task.sources[:SOURCES_SHOWN]],
        more=max(0, len(task.sources) - SOURCES_SHOWN),
        indicators=[(named(request, one), f"/walk/{one}") for one in task.indicators],
        verbs=[verb.value for verb in Verb if (task.state, verb) in NEXT] if may else [],
        problems=problems,
        values={"percent": str(task.progress), "note": "", "due": "", "reason": "", "drop_reason": ""} | dict(values),
    )


def _left(request: Request, task: Task) -> str:
    """How long it is until the agreed deadline, in brackets; nothing where the date says it all."""
    due = from_iso(task.due)
    said = words(request).age(due)
    return "" if said == words(request).date(due) else f" ({said})"


def _kind(identity: str) -> str:
    return identity.split(":")[2] if identity.count(":") > 2 else ""


def _basis(request: Request, name: str | None) -> str:
    """The citation of a legal basis."""
    if not name:
        return ""
    try:
        return str(parts(request).hub.get(visit(request).actor, name).value("citation", name))
    except Missing:
        return name


async def _progress(request: Request, name: str, said: Mapping[str, str], form: FormData) -> None:
    text = said["percent"]
    if not text.isascii() or not text.isdigit() or int(text) > 100:
        raise Invalid(words(request).t("programme.mend.percent"), field="percent")
    await service.report_progress(parts(request).programme, visit(request).actor, name, int(text), said["note"])


async def _extend(request: Request, name: str, said: Mapping[str, str], form: FormData) -> None:
    _check_due(request, said["due"])
    if not said["reason"]:
        raise Invalid(words(request).t("programme.mend.reason"), field="reason")
    await deadlines.extend(parts(request).programme, visit(request).actor, name, said["due"], said["reason"])


async def _finish(request: Request, name: str, said: Mapping[str, str], form: FormData) -> None:
    kept: list[Evidence] = []
    for one in form.getlist("evidence"):
        if isinstance(one, UploadFile) and one.filename:
            content = await one.read(EVIDENCE_MAX + 1)
            kept.append(await _keep(request, one, content))
    if not kept:
        raise Invalid(words(request).t("programme.mend.evidence"), field="evidence")
    await service.finish(parts(request).programme, visit(request).actor, name, said["note"], tuple(kept))


async def _keep(request: Request, file: UploadFile, content: bytes) -> Evidence:
    try:
        return await keep_evidence(parts(request).programme, file.filename or "", file.content_type or "", content)
    except TooLarge as error:
        raise Invalid(words(request).t("programme.mend.too_large"), field="evidence") from error
    except Invalid as error:
        raise Invalid(words(request).t("programme.mend.file_kind"), field="evidence") from error


async def _drop(request: Request, name: str, said: Mapping[str, str], form: FormData) -> None:
    if not said["drop_reason"]:
        raise Invalid(words(request).t("programme.mend.drop_reason"), field="drop_reason")
    await service.drop(parts(request).programme, visit(request).actor, name, said["drop_reason"])


Deed = Callable[[Request, str, Mapping[str, str], FormData], Awaitable[None]]
DEEDS: Mapping[str, Deed] = {"progress": _progress, "extend": _extend, "finish": _finish, "drop": _drop}


def _do(verb: str) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of one verb: done, or what to mend on the same page, or told that somebody was faster."""

    async def endpoint(request: Request) -> Response:
        form = await request.form()
        said = {name: str(form.get(name, "")).strip() for name in ("percent", "note", "due", "reason", "drop_reason")}
        address = f"/task/{request.path_params['task']}"
        try:
            await DEEDS[verb](request, _task_id(request), said, form)
        except Conflict:
            return redirect(request, address, "programme.changed", "warning")
        except Invalid as error:
            return _task(request, {str(error.fields.get("field", "due")): error.detail}, said | {"verb": verb})
        return redirect(request, address, f"programme.did.{verb}")

    return endpoint


def _check_due(request: Request, due: str) -> None:
    try:
        check_instant(due)
    except Invalid as error:
        raise Invalid(words(request).t("programme.mend.due"), field="due") from error


async def evidence(request: Request) -> Response:
    """A file that shows the result of a task."""
    task = service.task(parts(request).programme, visit(request).actor, _task_id(request))
    one = next((one for one in task.evidence if one.sha256 == request.path_params["sha256"]), None)
    if one is None:
        raise Missing("This task has no such file.")
    kind = one.media_type if one.media_type in SAFE_INLINE else "application/octet-stream"
    ending = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}.get(one.media_type, "docx")
    shown = "inline" if one.media_type in SAFE_INLINE - {"application/pdf"} else "attachment"
    headers = {"Content-Disposition": f'{shown}; filename="{one.sha256[:12]}.{ending}"'}
    return Response(parts(request).hub.read_file(one.sha256), media_type=kind, headers=headers)


async def new_task(request: Request) -> Response:
    """A task that is clear in all five, from an article, a proposal or nothing."""
    if request.method == "GET":
        return _new(request, _prefilled(request), {})
    form = await request.form()
    said = {name: str(form.get(name, "")).strip() for name in SAID}
    several_said = {name: [str(one) for one in form.getlist(name) if one] for name in MANY}
    problems = _unclear(request, said, several_said)
    if problems:
        return _new(request, said | several_said, problems)
    try:
        made = await _issue(request, said, several_said)
    except Conflict:
        return redirect(request, "/proposals", "programme.decided_already", "warning")
    except Forbidden:
        return _new(request, said | several_said, {"units": words(request).t("programme.mend.area")})
    return redirect(request, f"/task/{made.split(':', 3)[3]}", "programme.issued")


async def _issue(request: Request, said: Mapping[str, str], many: Mapping[str, list[str]]) -> str:
    new = NewTask(
        title=said["title"],
        lead=said["lead"],
        due=said["due"],
        output=said["output"],
        units=tuple(many["units"]),
        legal_basis=said["legal_basis"] or None,
        cooperating=tuple(many["cooperating"]),
        indicators=tuple(many["indicators"]),
        responsible=said["responsible"],
        evidence_kind=said["evidence_kind"],
    )
    here, actor = parts(request).programme, visit(request).actor
    if said["proposal"]:
        return await service.accept(here, actor, said["proposal"], new)
    return await service.issue_task(here, actor, new)


def _unclear(request: Request, said: Mapping[str, str], many: Mapping[str, list[str]]) -> dict[str, str]:
    """What is missing of the five, by field, in the order of the form."""
    t = words(request).t
    missing = {
        name: t(f"programme.mend.{name}")
        for name in chain.from_iterable(FIVE_CLEAR.values())
        if not (many.get(name) or said.get(name))
    }
    if said["due"] and "due" not in missing:
        try:
            _check_due(request, said["due"])
        except Invalid as error:
            missing["due"] = error.detail
    order = ("title", "lead", "responsible", "units", "due", "output", "evidence_kind")
    return {name: missing[name] for name in order if name in missing}


def _prefilled(request: Request) -> dict[str, Any]:
    """The form as an article or a proposal suggests it."""
    asked = request.query_params
    values: dict[str, Any] = dict.fromkeys(SAID, "") | {name: [] for name in MANY}
    values["legal_basis"] = asked.get("basis", "")[:300]
    if name := asked.get("proposal", ""):
        proposal = _proposal(request, name)
        unit = proposal.value("unit", "")
        values |= {"proposal": name, "title": name_of(request, proposal), "lead": unit, "units": [unit] if unit else []}
        values["indicators"] = list(several(proposal.value("indicators")))
    return values


def _new(request: Request, values: Mapping[str, Any], problems: Mapping[str, str]) -> Response:
    t, here, actor = words(request).t, parts(request).programme, visit(request).actor
    units = _units(request)
    laws = [(name, f"{law.cite(one)}: {one.summary}"[:140]) for name, one in law.provisions(here, actor)]
    proposal = _proposal(request, values["proposal"]) if values["proposal"] else None
    return render(
        request,
        "programme/new.html",
        FAILED if problems else 200,
        values=values,
        problems=problems,
        units=units,
        laws=[("", t("programme.no_basis")), *laws],
        indicators=[(one.id, name_of(request, one)) for one in find(request, "Indicator", limit=200)],
        proposal=_shown(request, proposal) if proposal else None,
    )


def _units(request: Request) -> list[tuple[str, str]]:
    """The province of the city (or of the person) and its communes; every province where neither is known."""
    territory, language = parts(request).territory, words(request).language
    known = parts(request).province or min(visit(request).actor.areas, default="")
    if not known:
        return [(one.code, one.name_in(language)) for one in territory.provinces()]
    province = territory.province_of(known)
    communes = sorted(territory.communes_of(province.code), key=lambda one: str(one.short))
    return [(one.code, one.name_in(language)) for one in (province, *communes)]


def _proposal(request: Request, name: str) -> Entity:
    found = parts(request).hub.get(visit(request).actor, name)
    if "Proposal" not in found.types:
        raise Missing(f"{name} is not a proposal.")
    return found


def _shown(request: Request, proposal: Entity) -> dict[str, Any]:
    sources = several(proposal.value("sources"))
    return {
        "id": proposal.id,
        "title": name_of(request, proposal),
        "reasons": _reasons(request, proposal),
        "place": unit_name(request, proposal.value("unit")),
        "sources": [(named(request, one), f"/walk/{one}") for one in sources[:SOURCES_SHOWN]],
        "count": len(sources),
        "at": proposal.created_at,
    }


def _reasons(request: Request, proposal: Entity) -> list[str]:
    """Why it is proposed, in words: reports that recur are counted, other reasons stand as they came."""
    said, t = proposal.value("reasons", []), words(request).t
    if isinstance(said, Mapping) and {"count", "since", "until"} <= said.keys():
        days = {name: words(request).date(said[name]) for name in ("since", "until")}
        again = [t("programme.proposal.reopened", n=said["reopened"])] if said.get("reopened") else []
        course = _course(request, said)
        return [t("programme.proposal.recurring", n=said["count"], **days), *again, *course]
    return [words(request).pick(one) for one in (said if isinstance(said, list) else [said])]


def _course(request: Request, said: Mapping[str, Any]) -> list[str]:
    """How often it came back, and what a person named as its cause."""
    t, found = words(request).t, []
    if said.get("recurrences"):
        found.append(t("problems.came_back", n=said["recurrences"], days=said.get("intervalDays") or 0))
    names = parts(request).citizens.rules.problems.causes.get(str(said.get("cause", "")))
    return [*found, t("problems.cause_is", cause=words(request).pick(names))] if names else found


async def proposals(request: Request) -> Response:
    """What is proposed, and waits for a person's yes or no?"""
    return _proposals(request, {})


def _proposals(request: Request, problems: Mapping[str, str]) -> Response:
    actor = visit(request).actor
    rows = [_shown(request, one) for one in service.proposals(parts(request).programme, actor)]
    may = bool(actor.roles & OFFICERS)
    return render(
        request, "programme/proposals.html", FAILED if problems else 200, rows=rows, problems=problems, may_decide=may
    )


async def decline(request: Request) -> Response:
    """A person says no, and why."""
    form = await request.form()
    name, reason = entity_id("Proposal", request.path_params["proposal"]), str(form.get("reason", "")).strip()
    if not reason:
        field = f"reason-{request.path_params['proposal'].rpartition(':')[2]}"
        return _proposals(request, {field: words(request).t("programme.mend.decline")})
    try:
        await service.decline(parts(request).programme, visit(request).actor, name, reason)
    except Conflict:
        return redirect(request, "/proposals", "programme.decided_already", "warning")
    return redirect(request, "/proposals", "programme.declined")


PAGES = (
    Page("/task/new", new_task, "programme.new.title", methods=("GET", "POST"), roles=OFFICERS),
    Page("/task/{task}", one_task, "programme.task.title", roles=STAFF),
    Page("/task/{task}/evidence/{sha256}", evidence, "programme.task.evidence", roles=STAFF, page=False),
    *(
        Page(
            f"/task/{{task}}/{verb}",
            _do(verb),
            f"programme.verb.{verb}",
            methods=("POST",),
            roles=OFFICERS,
            body_max=FORM_MAX if verb == "finish" else 256 * 1024,
            page=False,
        )
        for verb in DEEDS
    ),
    Page("/proposals", proposals, "programme.proposals.title", roles=STAFF),
    Page("/proposals/{proposal}/decline", decline, "programme.decline", methods=("POST",), roles=OFFICERS, page=False),
)
