"""The pages of who writes and who releases warnings: what is out, the form, one warning with its second person."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import from_iso, now_us
from dothi.ground.errors import Conflict, DothiError, Invalid, Missing
from dothi.operations.api.warnings import cap_response
from dothi.operations.warnings import service
from dothi.operations.warnings.bulletins import bulletin, bulletins
from dothi.operations.warnings.drafting import preview
from dothi.operations.warnings.model import (
    LANGUAGES,
    WAITING,
    Bulletin,
    Certainty,
    Kind,
    Severity,
    State,
    Urgency,
    Warning,
)
from dothi.operations.warnings.text import Sms, short_text, sms, spoken_text
from dothi.operations.warnings.workflow import WRITERS
from dothi.web.page import Menu, Page, redirect, render, visit, words
from dothi.web.pages.operations.warnings.deliveries import channels_of, delivery_rows
from dothi.web.pages.operations.warnings.form import (
    Typed,
    asked_of,
    bulletin_choices,
    draft_of,
    filled,
    fresh,
    next_of,
    of_warning,
    rules_here,
    typed,
    unit_choices,
)
from dothi.web.pages.shown import STAFF, bare, entity_id, who
from dothi.web.parts import parts

ENDED_SHOWN = 20
VERBS = ("submit", "release", "refuse", "discard")
LOOKS = {
    State.DRAFT: ("grey", "todo"),
    State.SUBMITTED: ("watch", "clock"),
    State.RELEASED: ("bad", "watch"),
    State.UPDATED: ("grey", "trail"),
    State.CANCELLED: ("grey", "trail"),
    State.CLEARED: ("good", "good"),
    State.EXPIRED: ("grey", "clock"),
    State.DISCARDED: ("grey", "trail"),
}


@dataclass(frozen=True)
class Row:
    """A warning in a list."""

    one: Warning
    key: str
    look: str
    icon: str
    by: str
    area: str
    late: bool  # It waits longer for its second person than it should.


@dataclass(frozen=True)
class Derived:
    """A text made of the warning: how it is called, and how an SMS counts it."""

    name: str
    text: str
    counted: Sms | None


def row(request: Request, one: Warning) -> Row:
    """A warning as lists show it."""
    look, icon = LOOKS[one.state]
    look = "note" if one.drill and one.state is State.RELEASED else look
    late = one.state is State.SUBMITTED and from_iso(one.due) < now_us()
    area = one.area.get(words(request).language, "")
    return Row(one, bare(one.id), look, icon, who(request, one.released_by or one.written_by), area, late)


async def listing(request: Request) -> Response:
    """What is out now, for whom, until when; and what waits for a second person?"""
    here, actor, now = parts(request).operations, visit(request).actor, now_us()
    waiting = [row(request, one) for one in service.waiting(here, actor)]
    out = sorted(service.warnings_out(here, actor, now), key=lambda one: one.drill)
    return render(
        request,
        "operations/warnings/list.html",
        waiting=waiting,
        submitted=sum(one.one.state is State.SUBMITTED for one in waiting),
        out=[row(request, one) for one in out],
        real=sum(not one.drill for one in out),
        ended=[row(request, one) for one in service.ended(here, actor, ENDED_SHOWN)],
        bulletins=len(bulletins(here, actor)),
        writer=bool(actor.roles & WRITERS),
    )


async def new(request: Request) -> Response:
    """The form: of a new warning, of a draft (?draft=), or of the next message (?follows=&kind=)."""
    asked, here, actor = request.query_params, parts(request).operations, visit(request).actor
    if asked.get("draft"):
        found = service.warning(here, actor, entity_id("Warning", asked["draft"]))
        return _form(request, of_warning(found), {})
    if asked.get("follows"):
        found = service.warning(here, actor, entity_id("Warning", asked["follows"]))
        kind = Kind(asked["kind"]) if asked.get("kind") in list(Kind) else Kind.UPDATE
        return _form(request, next_of(found, kind, rules_here(request, found.unit)), {})
    rules, told = rules_here(request), asked_of(request)
    if told["hazard"] not in rules.hazards:
        return render(
            request, "operations/warnings/choose.html", hazards=list(rules.hazards.values()), more=_carried(request)
        )
    return _form(request, fresh(request, rules.hazards[told["hazard"]], rules, told), {})


def _carried(request: Request) -> str:
    """What the address brought besides the hazard, for the links that choose one."""
    names = ("incident", "bulletin", "drill", "units")
    return "".join(f"&{name}={request.query_params[name]}" for name in names if request.query_params.get(name))


def _form(
    request: Request, one: Typed, problems: Mapping[str, str], status: int = 200, shown: Warning | None = None
) -> Response:
    rules = rules_here(request)
    hazard = rules.hazards.get(one.values["hazard"]) or next(iter(rules.hazards.values()))
    t = words(request).t
    return render(
        request,
        "operations/warnings/form.html",
        status,
        typed=one,
        values=one.values,
        hazard=words(request).pick(hazard.name),
        kind=one.kind,
        units=_chosen_first(unit_choices(request), one.units),
        bulletins=bulletin_choices(request, hazard),
        codes={
            name: [(code.value, t(f"warnings.{name}.{code.value}")) for code in kind]
            for name, kind in (("severity", Severity), ("urgency", Urgency), ("certainty", Certainty))
        },
        problems=problems,
        derived=derived(request, shown) if shown else [],
        shown=shown,
        back=f"/warning/{bare(one.values['draft'] or one.values['follows'])}"
        if one.values["draft"] or one.values["follows"]
        else "/warnings",
        most_hours=hazard.most_hours,
    )


def _chosen_first(units: list[tuple[str, str]], chosen: tuple[str, ...]) -> list[tuple[str, str]]:
    return sorted(units, key=lambda unit: unit[0] not in chosen)


async def write(request: Request) -> Response:
    """Show what it would say, keep the draft, or hand it to a second person."""
    form = await request.form()
    one, action = filled(request, typed(form)), str(form.get("action", "preview"))
    here, actor = parts(request).operations, visit(request).actor
    try:
        before = entity_id("Warning", one.values["follows"]) if one.values["follows"] else ""
        shown = replace(preview(here, actor, draft_of(one), one.kind), follows=before)
        if action == "preview":
            return _form(request, one, {}, shown=shown)
        if action == "submit" and (lacks := service.problems(here, actor, shown)):
            return _form(request, one, {name: problem(request, name) for name in lacks}, 422, shown)
        kept = await _keep(request, one)
        if action == "submit":
            kept = await service.submit(here, actor, kept.id, kept.version)
    except (Invalid, Conflict) as error:
        return _form(request, one, told(request, error), 409 if isinstance(error, Conflict) else 422)
    return redirect(request, f"/warning/{bare(kept.id)}", f"warnings.done.{'submit' if action == 'submit' else 'keep'}")


async def _keep(request: Request, one: Typed) -> Warning:
    """The draft written down: a new one, the next message, or the one that stands."""
    here, actor, said = parts(request).operations, visit(request).actor, one.values
    if said["draft"]:
        return await service.edit(
            here, actor, entity_id("Warning", said["draft"]), draft_of(one), _version(said["version"])
        )
    if said["follows"]:
        return await service.write_next(here, actor, entity_id("Warning", said["follows"]), one.kind, draft_of(one))
    return await service.write(here, actor, draft_of(one))


def _version(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0


def problem(request: Request, name: str) -> str:
    """What is wrong and how it is mended, by guard or field."""
    key = f"warnings.problem.{name}"
    return words(request).t(key if words(request).has(key) else "warnings.problem.form")


def told(request: Request, error: DothiError) -> dict[str, str]:
    """The field that is wrong with what to do about it."""
    if isinstance(error, Conflict):
        return {"form": problem(request, "changed")}
    name = str(error.fields.get("guard") or error.fields.get("field") or "form")
    return {name: problem(request, name)}


def derived(request: Request, one: Warning) -> list[Derived]:
    """The short texts and the spoken ones, in both languages."""
    t, rules = words(request).t, rules_here(request, one.unit)
    made = []
    for language in LANGUAGES:
        name = t(f"warnings.language.{language}")
        if language == "vi":
            marked = short_text(one, language, 140)
            made.append(Derived(t("warnings.derived.sms_marks", language=name), marked, sms(marked)))
        plain = short_text(one, language, 160, marks=False)
        made.append(Derived(t("warnings.derived.sms", language=name), plain, sms(plain)))
        made.append(
            Derived(t("warnings.derived.spoken", language=name), spoken_text(one, language, rules.spoken), None)
        )
    return made


async def warning(request: Request) -> Response:
    """One warning: where does it stand, what does it say, what is to be done with it?"""
    return _page(request, {})


def _page(request: Request, problems: Mapping[str, str], status: int = 200, ticked: tuple[str, ...] = ()) -> Response:
    here, actor = parts(request).operations, visit(request).actor
    found = service.warning(here, actor, entity_id("Warning", str(request.path_params["warning"])))
    rules, hinders = rules_here(request, found.unit), None
    writer = bool(actor.roles & WRITERS)
    if found.state is State.SUBMITTED:
        hinders = service.hindrance(here, actor, found)
    return render(
        request,
        "operations/warnings/one.html",
        status,
        one=found,
        row=row(request, found),
        key=bare(found.id),
        texts=[
            (words(request).t(f"warnings.language.{name}"), name, found.info[name])
            for name in LANGUAGES
            if name in found.info
        ],
        writer=writer,
        written_by=who(request, found.written_by),
        editors=[who(request, one) for one in found.editors if one != found.written_by],
        released_by=who(request, found.released_by),
        hinders=problem(request, str(hinders.fields.get("guard", "releaser"))) if hinders else "",
        checks=[(name, words(request).pick(said)) for name, said in rules.checks.items()],
        ticked=ticked,
        lacks=[problem(request, name) for name in service.problems(here, actor, found)]
        if found.state in WAITING
        else [],
        official=_official(request, found),
        derived=derived(request, found),
        messages=[row(request, one) for one in service.thread_of(here, actor, found.thread)],
        channels=channels_of(request, found.drill),
        drill=found.drill,
        deliveries=delivery_rows(request, found.id) if found.sent else [],
        follows_on=writer
        and found.kind in (Kind.ALERT, Kind.UPDATE)
        and found.state in (State.RELEASED, State.EXPIRED),
        problems=problems,
    )


def _official(request: Request, found: Warning) -> Bulletin | None:
    try:
        return bulletin(parts(request).operations, visit(request).actor, found.bulletin) if found.bulletin else None
    except DothiError:
        return None


async def act(request: Request) -> Response:
    """Submit, release, give back or drop a warning."""
    form = await request.form()
    here, actor, verb = parts(request).operations, visit(request).actor, str(request.path_params["verb"])
    name = entity_id("Warning", str(request.path_params["warning"]))
    version, reason = _version(str(form.get("version", ""))), str(form.get("reason", ""))[:2000]
    ticked = tuple(str(one) for one in form.getlist("checked"))
    if verb not in VERBS:
        raise Missing(f"A warning knows no {verb[:20]}; there are {', '.join(VERBS)}.")
    try:
        if verb == "submit":
            await service.submit(here, actor, name, version)
        elif verb == "release":
            await service.release(here, actor, name, version, frozenset(ticked))
        elif verb == "refuse":
            await service.refuse(here, actor, name, version, reason)
        elif verb == "discard":
            await service.discard(here, actor, name, version, reason)
    except (Invalid, Conflict) as error:
        return _page(request, told(request, error), 409 if isinstance(error, Conflict) else 422, ticked)
    return redirect(request, f"/warning/{bare(name)}", f"warnings.done.{verb}")


async def cap(request: Request) -> Response:
    """The CAP 1.2 file of a message that went out."""
    here = parts(request).operations
    found = service.warning(here, visit(request).actor, entity_id("Warning", str(request.path_params["warning"])))
    return cap_response(service.cap_file(here, found), found.identifier)


PAGES = (
    Page("/warnings", listing, "warnings.title", roles=STAFF, menu=Menu("work", 26)),
    Page("/warnings/new", new, "warnings.new", roles=WRITERS),
    Page("/warnings/new", write, "warnings.new", methods=("POST",), roles=WRITERS, page=False),
    Page("/warning/{warning}", warning, "warnings.one", roles=STAFF),
    Page("/warning/{warning}/cap", cap, "warnings.cap", roles=STAFF, page=False),
    Page("/warning/{warning}/{verb}", act, "warnings.one", ("POST",), WRITERS, sample={"verb": "submit"}, page=False),
)
