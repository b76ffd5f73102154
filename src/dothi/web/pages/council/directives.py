"""The pages of directives: a document comes in, and what it is read to ask is confirmed, corrected or rejected."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing, TooLarge
from dothi.programme import law
from dothi.programme.council.model import File
from dothi.programme.directives import service
from dothi.programme.directives.grammar import called as sureness
from dothi.programme.directives.model import Directive, Obligation
from dothi.programme.directives.reading import FILE_MAX
from dothi.programme.directives.sheets import evidence_for
from dothi.web.page import Page, redirect, render, visit, words
from dothi.web.pages.council.forms import (
    FAILED,
    FORM_MAX,
    OFFICERS,
    all_called,
    answer_file,
    called,
    cells_of,
    evidence_kinds,
    home,
    may_edit,
    ours,
    rooms,
    shown_day,
    task_of_form,
    unit_names,
    upload,
    wrong,
)
from dothi.web.pages.shown import STAFF, bare, entity_id

SURE = {"sure": ("good", "good"), "likely": ("watch", "watch"), "unsure": ("grey", "watch")}
STATES = {"proposed": ("note", "doing"), "confirmed": ("good", "good"), "rejected": ("grey", "cross")}


async def directives(request: Request) -> Response:
    """Which documents came in, and what in them still waits for a yes or no?"""
    if request.method == "GET":
        return _list(request, {})
    found = await upload(await request.form(), FILE_MAX)
    if found is None:
        return _list(request, {"file": words(request).t("council.problem.no_file")})
    name, content = found
    try:
        made = await service.take_in(ours(request), visit(request).actor, content, name, home(request))
    except Conflict as error:
        return redirect(request, f"/directives/{bare(str(error.fields.get('id', '')))}", "council.known", "info")
    except (Invalid, TooLarge) as error:
        return _list(request, {"file": next(iter(wrong(request, error).values()))})
    return redirect(request, f"/directives/{bare(made)}", "council.did.read")


def _list(request: Request, problems: Mapping[str, str]) -> Response:
    found = service.directives(ours(request), visit(request).actor)
    return render(
        request,
        "council/incoming/directives.html",
        FAILED if problems else 200,
        rooms=rooms(request, "/directives"),
        rows=[(one, waiting, count, f"/directives/{bare(one.id)}") for one, waiting, count in found],
        waiting=sum(waiting for _, waiting, _ in found),
        problems=problems,
        may_edit=may_edit(request),
    )


def _found(request: Request) -> Directive:
    name = entity_id("Directive", request.path_params["directive"])
    return service.one_directive(ours(request), visit(request).actor, name)


async def directive(request: Request) -> Response:
    """What does this document ask of us, sentence by sentence?"""
    return _one(request, {}, {})


def _one(request: Request, problems: Mapping[str, str], said: Mapping[str, Mapping[str, str]]) -> Response:
    here, actor, found = ours(request), visit(request).actor, _found(request)
    rows = [_row(request, one, said) for one in service.proposed(here, actor, found.id)]
    laws = [(name, law.cite(one)) for name, one in law.provisions(here, actor)]
    return render(
        request,
        "council/incoming/directive.html",
        FAILED if problems else 200,
        directive=found,
        href=f"/directives/{request.path_params['directive']}",
        rows=rows,
        waiting=sum(one["waits"] is True for one in rows),
        issued=shown_day(found.issued_on),
        basis=next((cite for name, cite in laws if name == found.legal_basis), ""),
        laws=[("", words(request).t("programme.no_basis")), *laws],
        problems=problems,
        may_edit=may_edit(request),
        units=unit_names(request),
        kinds=evidence_kinds(request),
    )


def _row(request: Request, one: Obligation, said: Mapping[str, Mapping[str, str]]) -> dict[str, object]:
    number = one.id.rpartition(":")[2]
    sure = sureness(one.confidence)
    values = {
        "title": one.title,
        "lead": called(request, one.lead) if one.lead else one.body,
        "cooperating": all_called(request, one.cooperating),
        "due": shown_day(one.due_day),
        "output": one.output,
        "responsible": "",
        "place": all_called(request, one.units),
        "evidence": evidence_for(one.output),
    }
    return {
        "one": one,
        "number": number,
        "waits": one.state == "proposed",
        "sure": sure,
        "sure_look": SURE[sure],
        "look": STATES[one.state],
        "reasons": [words(request).t(f"council.reason.{key}") for key in one.reasons],
        "values": values | dict(said.get(number, {})),
        "task": f"/task/{one.task.split(':', 3)[3]}" if one.task else "",
    }


def _obligation(request: Request) -> tuple[str, str]:
    """(id, number) of the obligation that the address names."""
    number = request.path_params["number"]
    return f"urn:ngsi-ld:Obligation:{request.path_params['directive']}:{number}", number


async def confirm(request: Request) -> Response:
    """A person says yes, to what was read or to what they corrected."""
    name, number = _obligation(request)
    cells = cells_of(await request.form())
    new, problems = task_of_form(request, cells, f"{number}-")
    if new is None:
        return _one(request, problems, {number: cells})
    try:
        await service.confirm(ours(request), visit(request).actor, name, new)
    except Forbidden:
        return _one(request, {f"{number}-lead": words(request).t("council.problem.area")}, {number: cells})
    except Invalid as error:
        return _one(request, wrong(request, error, f"{number}-"), {number: cells})
    except Conflict:
        return redirect(request, _href(request), "council.decided", "warning")
    return redirect(request, f"{_href(request)}#o-{number}", "council.did.confirmed")


async def reject(request: Request) -> Response:
    """A person says no, and why."""
    name, number = _obligation(request)
    form = await request.form()
    try:
        await service.reject(ours(request), visit(request).actor, name, str(form.get("reason", "")))
    except Invalid:
        return _one(request, {f"{number}-reason": words(request).t("council.problem.reason")}, {})
    except Conflict:
        return redirect(request, _href(request), "council.decided", "warning")
    return redirect(request, f"{_href(request)}#o-{number}", "council.did.rejected")


async def correct(request: Request) -> Response:
    """Correct number, day and subject, and tie the document to a legal basis."""
    form = await request.form()
    said = {name: str(form.get(name, "")).strip() for name in ("number", "issued_on", "title", "legal_basis")}
    try:
        await service.correct_head(
            ours(request),
            visit(request).actor,
            _found(request).id,
            said["number"],
            said["issued_on"],
            said["title"],
            said["legal_basis"],
        )
    except (Invalid, Missing) as error:
        return _one(request, wrong(request, error), {})
    return redirect(request, _href(request), "council.did.head")


def _href(request: Request) -> str:
    return f"/directives/{request.path_params['directive']}"


async def file(request: Request) -> Response:
    """The document as it came in."""
    found = _found(request)
    return answer_file(request, File(found.file, found.name, found.media_type))


_POST = ("POST",)
PAGES = (
    Page(
        "/directives",
        directives,
        "council.directives.title",
        methods=("GET", "POST"),
        roles=OFFICERS | STAFF,
        body_max=FORM_MAX,
    ),
    Page("/directives/{directive}", directive, "council.directive.title", roles=STAFF),
    Page("/directives/{directive}/file", file, "council.directive.file", roles=STAFF, page=False),
    Page("/directives/{directive}/head", correct, "council.directive.head", _POST, roles=OFFICERS, page=False),
    Page("/directives/{directive}/{number}/confirm", confirm, "council.confirm", _POST, roles=OFFICERS, page=False),
    Page("/directives/{directive}/{number}/reject", reject, "council.reject", _POST, roles=OFFICERS, page=False),
)
