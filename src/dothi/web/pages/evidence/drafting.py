"""One report owed: read, its words accepted or edited in place, submitted, given back, signed."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dothi.accounts.people import display_name
from dothi.evidence.api.reports import address_in
from dothi.evidence.model import REPORT
from dothi.evidence.report import document, service, workbook
from dothi.evidence.report.document import Paper
from dothi.evidence.report.model import FiguresMoved, NotAccepted, Snapshot, TypedFigure
from dothi.evidence.report.signing import Signature, sign
from dothi.evidence.report.templates import form as words_of_form
from dothi.ground.clock import from_iso
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing
from dothi.hub.model import Entity
from dothi.web.page import Page, redirect, render, visit, words
from dothi.web.pages.evidence.telling import address_at, home_of, lines, listed, parts_of, stage_words
from dothi.web.pages.shown import STAFF, bare, entity_id, find, who
from dothi.web.parts import parts

WRITERS = service.WRITERS
ROWS_MAX = 1000
WORDS_KIB = 64 * 1024


def _duty(request: Request) -> Entity:
    name = entity_id("ReportDuty", str(request.path_params["duty"]))
    return service.duty_of(parts(request).evidence, visit(request).actor, name)


async def draft(request: Request) -> Response:
    """What does this report say, and what is left to do until it is signed?"""
    return _draft(request, {}, {})


def _draft(request: Request, problems: dict[str, str], said: dict[str, str]) -> Response:
    evidence, duty = parts(request).evidence, _duty(request)
    home, snapshot, wording = home_of(bare(duty.id)), service.snapshot_of(evidence, duty), service.wording_of(duty)
    address = address_at(home)
    told = parts_of(snapshot, wording, address) if snapshot else []
    left = [one.id for one in service.waiting(snapshot, wording)] if snapshot else []
    due = duty.value("due")
    return render(
        request,
        "evidence/draft.html",
        422 if problems else 200,
        duty=duty,
        name=words(request).pick(duty.value("name")),
        home=home,
        stage=duty.value("state"),
        stage_words=stage_words(request, duty.value("state")),
        told=told,
        waiting=left,
        lines=lines(request, snapshot.data, address) if snapshot else [],
        annexes=[(one.title, f"{home}/list/{one.id}", len(one.rows)) for one in snapshot.data.lists.values()]
        if snapshot
        else [],
        subject=_subject(snapshot),
        due=from_iso(due) if due else None,
        may=_may(request, duty),
        report=f"/signed/{bare(duty.value('report'))}" if duty.value("report") else "",
        people={name: who(request, one.by) for name, one in wording.items() if one.by},
        authorities=[
            (one["id"], f"{one['authority'].replace(chr(10), ', ')}, {one['position']}") for one in _authorities()
        ],
        values=_signature(request, duty) | said,
        problems=problems,
        steps=_steps(request, duty),
    )


def _subject(snapshot: Snapshot | None) -> str:
    return snapshot.template.name if snapshot else ""


def _authorities() -> list[dict[str, str]]:
    found: list[dict[str, str]] = words_of_form()["authority"]
    return found


def _may(request: Request, duty: Entity) -> bool:
    """Whether this visitor may write the report."""
    try:
        service.demand_writer(parts(request).evidence, visit(request).actor, duty.value("unit"))
    except Forbidden:
        return False
    return True


def _signature(request: Request, duty: Entity) -> dict[str, str]:
    """Who signed last time signs again, as a rule; else who is looking at it."""
    found = find(request, REPORT, f'unit=="{duty.value("unit")}"', 1, order=("-createdAt",))
    last = found[0].value("signer") if found else None
    own = display_name(parts(request).accounts, visit(request).actor.id)
    position = found[0].value("position") if found else None
    chosen = next((one["id"] for one in _authorities() if one["position"] == position), _authorities()[0]["id"])
    return {"number": "", "signer": last or own, "authority": chosen, "reason": ""}


def _steps(request: Request, duty: Entity) -> list[dict[str, Any]]:
    """What was done to it, oldest first."""
    trail = parts(request).hub.trail(visit(request).actor, duty.id, limit=30)
    here = words(request)

    def deed(reason: str) -> str:
        key = f"periodic.deed.{reason.replace(' ', '_')}"
        return here.t(key) if here.has(key) else reason

    return [{"what": deed(one.reason), "at": one.at, "who": who(request, one.actor)} for one in reversed(trail)]


Verb = Callable[[Request, Entity, dict[str, str], int | None], Awaitable[str]]


async def _prepare(request: Request, duty: Entity, said: dict[str, str], version: int | None) -> str:
    await service.prepare(parts(request).evidence, visit(request).actor, duty.id)
    return ""


async def _submit(request: Request, duty: Entity, said: dict[str, str], version: int | None) -> str:
    await service.submit(parts(request).evidence, visit(request).actor, duty.id, version)
    return "#act"


async def _return(request: Request, duty: Entity, said: dict[str, str], version: int | None) -> str:
    await service.give_back(parts(request).evidence, visit(request).actor, duty.id, said["reason"], version)
    return ""


async def _revise(request: Request, duty: Entity, said: dict[str, str], version: int | None) -> str:
    await service.revise(parts(request).evidence, visit(request).actor, duty.id, said["reason"])
    return ""


async def _sign(request: Request, duty: Entity, said: dict[str, str], version: int | None) -> str:
    signature = Signature(said["number"], said["signer"], said["authority"])
    homes = partial(address_in, request)
    made = await sign(parts(request).evidence, visit(request).actor, duty.id, signature, homes, version)
    return home_of(bare(made.id), signed=True)


VERBS: dict[str, Verb] = {
    "prepare": _prepare,
    "submit": _submit,
    "return": _return,
    "revise": _revise,
    "sign": _sign,
}
SAID = ("number", "signer", "authority", "reason")


def _do(verb: str) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of one verb: done, or what to mend on the same page, or told what has changed meanwhile."""

    async def endpoint(request: Request) -> Response:
        form = await request.form()
        said, duty = {name: str(form.get(name, "")).strip() for name in SAID}, _duty(request)
        home, seen = home_of(bare(duty.id)), str(form.get("version", ""))
        try:
            there = await VERBS[verb](request, duty, said, int(seen) if seen.isdigit() else None)
        except Invalid as wrong:
            field = str(wrong.fields.get("field", "reason"))
            return _draft(request, {field: words(request).t(f"periodic.wrong.{field}")}, said)
        except FiguresMoved:
            return redirect(request, f"{home}#figures", "periodic.moved_meanwhile", "warning")
        except NotAccepted:
            return redirect(request, home, "periodic.not_accepted", "warning")
        except Conflict:
            return redirect(request, home, "periodic.changed_meanwhile", "warning")
        return redirect(request, there if there.startswith("/") else home + there, f"periodic.done.{verb}")

    return endpoint


async def say(request: Request) -> Response:
    """The words of a section are accepted as drafted, or said otherwise."""
    evidence, actor, duty = parts(request).evidence, visit(request).actor, _duty(request)
    form, section = await request.form(), str(request.path_params["section"])
    home, seen = home_of(bare(duty.id)), str(form.get("version", ""))
    typed = {name: str(form[name]) for name in ("text", "hand") if name in form}
    try:
        version = int(seen) if seen.isdigit() else None
        after = await service.accept(evidence, actor, duty.id, section, typed.get("text"), typed.get("hand"), version)
    except TypedFigure as wrong:
        numbers = ", ".join(wrong.fields.get("wrong", []))  # type: ignore[arg-type]  # A list of numbers as typed.
        said = {f"{name}-{section}": text for name, text in typed.items()}
        field = f"{next(iter(typed), 'text')}-{section}"
        return _draft(request, {field: words(request).t("periodic.typed", numbers=numbers)}, said)
    except Conflict:
        return redirect(request, home, "periodic.changed_meanwhile", "warning")
    snapshot = service.snapshot_of(evidence, after)
    left = service.waiting(snapshot, service.wording_of(after)) if snapshot else []
    return redirect(request, f"{home}#{f'section-{left[0].id}' if left else 'act'}")


async def draft_file(request: Request) -> Response:
    """The draft as a document, or its annexes, to be read on paper; it says that it is a draft."""
    evidence, duty = parts(request).evidence, _duty(request)
    snapshot = service.snapshot_of(evidence, duty)
    if snapshot is None:
        raise Missing("This report is not drafted yet.")
    paper = Paper(snapshot.data, snapshot.template, service.wording_of(duty), address_in(request, duty.id))
    kind = str(request.path_params["kind"])
    if kind not in ("docx", "xlsx"):
        raise Missing("There is no such file.")
    writer = document if kind == "docx" else workbook
    name = f"du-thao-{bare(duty.id).replace(':', '-')}.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(writer.write(paper), media_type=writer.MEDIA_TYPE, headers=headers)


async def rows(request: Request) -> Response:
    """Which entities stand behind this figure?"""
    duty = _duty(request)
    snapshot = service.snapshot_of(parts(request).evidence, duty)
    return rows_page(request, snapshot, home_of(bare(duty.id)), words(request).pick(duty.value("name")))


def rows_page(request: Request, snapshot: Snapshot | None, home: str, name: str) -> Response:
    """A list of a report, of its draft or frozen."""
    found = snapshot.data.lists.get(str(request.path_params["list"])) if snapshot else None
    if snapshot is None or found is None:
        raise Missing("This report has no such list.")
    shown = listed(snapshot.data, found, address_at(home), ROWS_MAX)
    return render(request, "evidence/rows.html", rows=shown, home=home, name=name, made=snapshot.data.made)


_ONE = {"duty": "month:19789:2026-01"}
PAGES = (
    Page("/periodic/{duty}", draft, "periodic.one", roles=STAFF),
    Page("/periodic/{duty}/list/{list}", rows, "periodic.list", roles=STAFF),
    Page("/periodic/{duty}/draft.{kind}", draft_file, "periodic.one", roles=STAFF, page=False),
    *(
        Page(f"/periodic/{{duty}}/{verb}", _do(verb), "periodic.one", methods=("POST",), roles=WRITERS, page=False)
        for verb in VERBS
    ),
    Page("/periodic/{duty}/say/{section}", say, "periodic.one", methods=("POST",), roles=WRITERS, page=False),
)
