"""One task: what is owed, by whom, until when, what shows it; and the verbs that whoever owes it uses."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import HOUR, from_iso, now_us
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing, TooLarge
from dothi.hub.model import Actor
from dothi.programme import law
from dothi.programme.api.tasks import EVIDENCE_MAX, keep_evidence
from dothi.programme.model import Evidence, Task, acts_for
from dothi.programme.plans import reading
from dothi.programme.tasks import bottlenecks, dependencies, parts, proofs, service
from dothi.programme.tasks import ledger as deadlines
from dothi.programme.tasks.workflow import NEXT, OPEN, Verb, today
from dothi.web.page import Page, redirect, render, visit, words
from dothi.web.pages.programme.overview import (
    FAILED,
    OFFICERS,
    SOURCES_SHOWN,
    check_due,
    ledger,
    mended,
    row,
    units_of_city,
)
from dothi.web.pages.shown import STAFF, bare, entity_id, named, unit_name, who
from dothi.web.parts import parts as city

FORM_MAX = EVIDENCE_MAX + 1_000_000
SAFE_INLINE = frozenset({"application/pdf", "image/jpeg", "image/png"})
PART_KINDS = {
    "asked": ("watch", "clock"),
    "accepted": ("note", "doing"),
    "returned": ("bad", "out"),
    "done": ("good", "good"),
    "waived": ("grey", "cross"),
}


def task_id(request: Request) -> str:
    """The URN of the task that the address names."""
    return entity_id("Task", request.path_params["task"])


async def one_task(request: Request) -> Response:
    """What is owed here, by whom, until when, and what shows it?"""
    return show(request, task_id(request), {}, {})


def show(request: Request, name: str, problems: Mapping[str, str], values: Mapping[str, str]) -> Response:
    """The page of a task, with what is to be mended."""
    here, actor = city(request).programme, visit(request).actor
    task, now = service.task(here, actor, name), now_us()
    may = bool(actor.roles & OFFICERS)
    direct = deadlines.may_decide(here, actor, task)
    verbs = [verb.value for verb in Verb if (task.state, verb) in NEXT] if may else []
    listed = parts.parts_of(here, actor, task.id)
    asked = deadlines.requests_of(here, actor, task.id)
    return render(
        request,
        "programme/tasks/task.html",
        FAILED if problems else 200,
        row=row(request, task, now),
        task=task,
        may=may,
        still_open=task.state in OPEN,
        left=_left(request, task),
        responsible=who(request, task.responsible) if task.responsible.startswith("user:") else task.responsible,
        shown_by=_evidence_name(request, task),
        basis=basis_of(request, task.legal_basis),
        belongs=[(named(request, one), address_of(one)) for one in (task.plan, task.project, *task.targets) if one],
        ledger=ledger(request, task),
        refused=[_refused(request, one) for one in task.refusals],
        waiting=[_asked(request, one, task, actor) for one in asked if one.state == "asked"],
        parts=[part_row(request, one, actor, task.lead) for one in listed],
        charged=_charged(request, parts.charged(here, listed, now)),
        bottlenecks=[_bottleneck(request, one, actor) for one in bottlenecks.bottlenecks_of(here, actor, task.id)],
        kinds=[(kind, words(request).pick(one)) for kind, one in here.rules_at(task.lead).bottlenecks.items()],
        waits=[row(request, one, now) for one in dependencies.waits_for(here, task)],
        before=[(one, named(request, one)) for one in task.depends_on],
        others=_others(request, task, now) if may and task.state in OPEN else [],
        units=units_of_city(request) if may and task.state in OPEN else [],
        evidence=[(one, one.expired(today(now))) for one in task.evidence],
        known=_known(request, task) if may else [],
        sources=[(named(request, one), f"/walk/{one}", _kind(one)) for one in task.sources[:SOURCES_SHOWN]],
        more=max(0, len(task.sources) - SOURCES_SHOWN),
        indicators=[(named(request, one), f"/walk/{one}") for one in task.indicators],
        verbs=[verb for verb in verbs if verb != "extend" or direct],
        may_ask="extend" in verbs and not direct,
        problems=problems,
        values={"percent": str(task.progress), "note": "", "due": "", "reason": "", "drop_reason": ""} | dict(values),
    )


def part_row(request: Request, one: parts.Part, actor: Actor, lead: str) -> dict[str, object]:
    """A part as pages show it, with what this person may do with it."""
    kind, icon = PART_KINDS[one.state.value]
    unit, side = acts_for(actor, one.of), not acts_for(actor, one.of) or acts_for(actor, lead)
    may = bool(actor.roles & OFFICERS)
    sides = {parts.UNIT: unit, parts.LEAD: side}
    moves = [
        move.value for (state, move), (_, says) in parts.NEXT.items() if state is one.state and may and sides[says]
    ]
    return {
        "part": one,
        "key": bare(one.id).replace(":", "-"),
        "href": f"/part/{bare(one.id)}",
        "unit": unit_name(request, one.of),
        "kind": kind,
        "icon": icon,
        "moves": moves,
        "owes_answer": one.state.value in ("asked", "returned"),
    }


def _charged(request: Request, by_unit: Mapping[str, Mapping[str, int]]) -> list[tuple[str, str, float]]:
    """(unit, step in words, working hours), so that waiting is charged to who let wait."""
    return [
        (unit_name(request, unit), words(request).t(f"plans.part.step_{step}"), round(time / HOUR, 1))
        for unit, steps in by_unit.items()
        for step, time in steps.items()
    ]


def _asked(request: Request, one: deadlines.Request, task: Task, actor: Actor) -> dict[str, object]:
    here = city(request).programme
    may = bool(actor.roles & OFFICERS) and deadlines.may_decide(here, actor, task, one.asked_by)
    return {"one": one, "by": who(request, one.asked_by), "may": may, "tail": bare(one.id), "key": _key(one.id)}


def _refused(request: Request, one: Mapping[str, str]) -> dict[str, object]:
    return {**one, "askedBy": who(request, one.get("askedBy", "")), "by": who(request, one["by"])}


def _bottleneck(request: Request, one: bottlenecks.Bottleneck, actor: Actor) -> dict[str, object]:
    table = city(request).programme.rules.bottlenecks
    return {
        "one": one,
        "kind": words(request).pick(table[one.kind]) if one.kind in table else one.kind,
        "owner": unit_name(request, one.owner),
        "late": one.state == "open" and now_us() > from_iso(one.due),
        "tail": bare(one.id),
        "key": _key(one.id),
    }


def _key(name: str) -> str:
    return bare(name).replace(":", "-")


def _others(request: Request, task: Task, now: int) -> list[tuple[str, str]]:
    """The tasks that this one may wait for: of its own plan, else all that are open."""
    here, actor = city(request).programme, visit(request).actor
    of = {"plan": task.plan} if task.plan else {}
    found = reading.tasks_shown(here, actor, "open", now, limit=100, offset=0, **of)
    return [(one.id, one.title) for one in found if one.id != task.id and one.id not in task.depends_on]


def _known(request: Request, task: Task) -> list[tuple[str, str]]:
    """Evidence files that can be used again: of this person's area, still valid, not attached already."""
    here, day = city(request).programme, today(now_us())
    have = {one.sha256 for one in task.evidence}
    found = proofs.evidence_files(here, visit(request).actor)
    return [
        (proofs.evidence_id(one.sha256), f"{one.name} ({one.sha256[:8]})")
        for one in found
        if one.sha256 not in have and not one.expired(day)
    ]


def _evidence_name(request: Request, task: Task) -> str:
    kind = city(request).programme.rules_at(task.lead).evidence.get(task.evidence_kind)
    return words(request).pick(kind.names) if kind else ""


def _left(request: Request, task: Task) -> str:
    """How long it is until the agreed deadline, in brackets; nothing where the date says it all."""
    due = from_iso(task.due)
    said = words(request).age(due)
    return "" if said == words(request).date(due) else f" ({said})"


def _kind(identity: str) -> str:
    return identity.split(":")[2] if identity.count(":") > 2 else ""


def address_of(name: str) -> str:
    """The page of a plan or project, the walk of anything else."""
    kind = _kind(name)
    return f"/{kind.lower()}/{bare(name)}" if kind in ("Plan", "Project", "Scheme") else f"/walk/{name}"


def basis_of(request: Request, name: str | None) -> dict[str, object] | None:
    """A legal basis as pages show it: citation, address, whether it has ended and what follows."""
    if not name:
        return None
    here, actor = city(request).programme, visit(request).actor
    try:
        one = law.provision(here, actor, name)
    except (Missing, Forbidden):
        return {"cite": name, "href": f"/walk/{name}", "ended": False, "next": "", "next_href": ""}
    ended = one.valid_to is not None and one.valid_to < today(now_us())
    following = law.provision(here, actor, one.replaced_by) if one.replaced_by and ended else None
    return {
        "cite": law.cite(one),
        "href": f"/law/{bare(name)}",
        "ended": ended,
        "next": law.cite(following) if following else "",
        "next_href": f"/law/{bare(str(one.replaced_by))}",
    }


async def _progress(request: Request, name: str, said: Mapping[str, str], form: FormData) -> None:
    text = said["percent"]
    if not text.isascii() or not text.isdigit() or int(text) > 100:
        raise Invalid(words(request).t("programme.mend.percent"), field="percent")
    await service.report_progress(city(request).programme, visit(request).actor, name, int(text), said["note"])


async def _extend(request: Request, name: str, said: Mapping[str, str], form: FormData) -> None:
    check_due(request, said["due"])
    if not said["reason"]:
        raise Invalid(words(request).t("programme.mend.reason"), field="reason")
    await deadlines.extend(city(request).programme, visit(request).actor, name, said["due"], said["reason"])


async def _ask(request: Request, name: str, said: Mapping[str, str], form: FormData) -> None:
    check_due(request, said["due"])
    if not said["reason"]:
        raise Invalid(words(request).t("programme.mend.reason"), field="reason")
    await deadlines.ask(city(request).programme, visit(request).actor, name, said["due"], said["reason"])


async def _finish(request: Request, name: str, said: Mapping[str, str], form: FormData) -> None:
    kept = await uploaded(request, form.getlist("evidence"))
    known = tuple(str(one) for one in form.getlist("known") if one)
    here, actor = city(request).programme, visit(request).actor
    if not (kept or known or service.task(here, actor, name).evidence):
        raise Invalid(words(request).t("programme.mend.evidence"), field="evidence")
    try:
        await service.finish(here, actor, name, said["note"], tuple(kept), known=known)
    except Conflict:
        raise
    except Invalid as error:
        kind = _evidence_name(request, service.task(here, actor, name))
        raise Invalid(words(request).t("plans.mend.evidence_kind_of", kind=kind), field="evidence") from error


async def uploaded(request: Request, sent: Sequence[object]) -> list[Evidence]:
    """The files of a form, kept; Invalid in the reader's words."""
    kept = []
    for one in sent:
        if isinstance(one, UploadFile) and one.filename:
            kept.append(await _keep(request, one, await one.read(EVIDENCE_MAX + 1)))
    return kept


async def _keep(request: Request, file: UploadFile, content: bytes) -> Evidence:
    try:
        return await keep_evidence(city(request).programme, file.filename or "", file.content_type or "", content)
    except TooLarge as error:
        raise Invalid(words(request).t("programme.mend.too_large"), field="evidence") from error
    except Invalid as error:
        raise Invalid(words(request).t("programme.mend.file_kind"), field="evidence") from error


async def _drop(request: Request, name: str, said: Mapping[str, str], form: FormData) -> None:
    if not said["drop_reason"]:
        raise Invalid(words(request).t("programme.mend.drop_reason"), field="drop_reason")
    await service.drop(city(request).programme, visit(request).actor, name, said["drop_reason"])


Deed = Callable[[Request, str, Mapping[str, str], FormData], Awaitable[None]]
DEEDS: Mapping[str, Deed] = {
    "progress": _progress,
    "extend": _extend,
    "ask": _ask,
    "finish": _finish,
    "drop": _drop,
}


def _do(verb: str) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of one verb: done, or what to mend on the same page, or told that somebody was faster."""

    async def endpoint(request: Request) -> Response:
        form = await request.form()
        said = {name: str(form.get(name, "")).strip() for name in ("percent", "note", "due", "reason", "drop_reason")}
        address = f"/task/{request.path_params['task']}"
        try:
            await DEEDS[verb](request, task_id(request), said, form)
        except Conflict:
            return redirect(request, address, "programme.changed", "warning")
        except Invalid as error:
            own = str(error.fields.get("field", "")) in ("percent", "reason", "evidence", "drop_reason")
            found = {str(error.fields["field"]): error.detail} if own else mended(request, error)
            return show(request, task_id(request), found, said | {"verb": verb})
        return redirect(request, address, f"programme.did.{verb}")

    return endpoint


async def evidence(request: Request) -> Response:
    """A file that shows the result of a task."""
    task = service.task(city(request).programme, visit(request).actor, task_id(request))
    one = next((one for one in task.evidence if one.sha256 == request.path_params["sha256"]), None)
    if one is None:
        raise Missing("This task has no such file.")
    kind = one.media_type if one.media_type in SAFE_INLINE else "application/octet-stream"
    ending = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}.get(one.media_type, "docx")
    shown = "inline" if one.media_type in SAFE_INLINE - {"application/pdf"} else "attachment"
    headers = {"Content-Disposition": f'{shown}; filename="{one.sha256[:12]}.{ending}"'}
    return Response(city(request).hub.read_file(one.sha256), media_type=kind, headers=headers)


PAGES = (
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
)
