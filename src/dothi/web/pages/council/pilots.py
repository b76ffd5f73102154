"""The pages of pilots: what runs where under which rule, what it taught, and the gate before a scale-up."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import from_iso
from dothi.ground.errors import Conflict, Forbidden, Invalid
from dothi.programme import law
from dothi.programme.directives.service import meaning
from dothi.programme.pilots import service
from dothi.programme.pilots.model import GateClosed, Kind, NewPilot, Pilot, State, Verdict
from dothi.programme.pilots.workflow import NEXT
from dothi.web.page import Page, redirect, render, visit, words
from dothi.web.pages.council.forms import (
    FAILED,
    OFFICERS,
    all_called,
    called,
    code_of,
    home,
    may_edit,
    ours,
    rooms,
    unit_names,
    wrong,
)
from dothi.web.pages.shown import STAFF, bare, entity_id, who

STATES = {
    "proposed": ("note", "proposal"),
    "running": ("good", "doing"),
    "stopped": ("bad", "cross"),
    "ended": ("watch", "clock"),
    "closed": ("grey", "good"),
}
FIELDS = ("title", "kind", "place", "unit", "lead", "begins", "ends", "indicators", "stops", "exit", "waived")


async def pilots(request: Request) -> Response:
    """What is tried where, until when, and what did former trials teach?"""
    here, actor = ours(request), visit(request).actor
    rows = [_shown(request, one) for one in service.pilots(here, actor)]
    return render(
        request,
        "council/pilots/pilots.html",
        rooms=rooms(request, "/pilots"),
        rows=rows,
        running=sum(one["pilot"].state is State.RUNNING for one in rows),  # type: ignore[attr-defined]
        unreviewed=sum(one["pilot"].state in (State.STOPPED, State.ENDED) for one in rows),  # type: ignore[attr-defined]
        lessons=[_shown(request, one) for one in service.lessons(here, actor)],
        may_edit=may_edit(request),
    )


def _shown(request: Request, one: Pilot) -> dict[str, object]:
    kind, icon = STATES[one.state]
    return {
        "pilot": one,
        "href": f"/pilots/{bare(one.id)}",
        "kind": kind,
        "icon_name": icon,
        "unit": called(request, one.unit),
        "lead": called(request, one.lead),
    }


async def new_pilot(request: Request) -> Response:
    """A dossier that says place, time, rule, indicators, stop and exit."""
    if request.method == "GET":
        return _new(request, dict.fromkeys(FIELDS, ""), {})
    form = await request.form()
    said = {name: str(form.get(name, "")).strip() for name in FIELDS}
    try:
        made = await service.propose_pilot(ours(request), visit(request).actor, _dossier(request, said))
    except Invalid as error:
        return _new(request, said, wrong(request, error))
    except Forbidden:
        return _new(request, said, {"unit": words(request).t("council.problem.area")})
    return redirect(request, f"/pilots/{bare(made)}", "council.did.pilot")


def _dossier(request: Request, said: Mapping[str, str]) -> NewPilot:
    """The dossier of the form: indicators are lines "name: target", stop conditions one a line."""
    codes = {}
    for field in ("unit", "lead"):
        found = meaning(ours(request), home(request), said[field])
        codes[field] = found.code
    pairs = [line.partition(":") for line in said["indicators"].splitlines() if line.strip()]
    return NewPilot(
        title=said["title"],
        kind=said["kind"],
        place=said["place"],
        unit=codes["unit"].partition(".")[0],
        lead=codes["lead"] or codes["unit"],
        begins=said["begins"],
        ends=said["ends"],
        indicators=tuple((name.strip(), target.strip()) for name, _, target in pairs),
        stops=tuple(line.strip() for line in said["stops"].splitlines() if line.strip()),
        exit=said["exit"],
        waived=said["waived"] or None,
    )


def _new(request: Request, values: Mapping[str, str], problems: Mapping[str, str]) -> Response:
    t = words(request).t
    laws = [(name, law.cite(one)) for name, one in law.provisions(ours(request), visit(request).actor)]
    return render(
        request,
        "council/pilots/pilot_new.html",
        FAILED if problems else 200,
        values=values,
        problems=problems,
        kinds=[(one, t(f"council.pilot.kind_{one}")) for one in Kind],
        laws=[("", t("council.pilot.no_rule")), *laws],
        units=unit_names(request),
    )


async def pilot(request: Request) -> Response:
    """Where does this pilot stand, and may it be scaled up?"""
    return _pilot(request, {}, {})


def _found(request: Request) -> Pilot:
    name = entity_id("Pilot", request.path_params["pilot"])
    return service.one_pilot(ours(request), visit(request).actor, name)


def _pilot(request: Request, problems: Mapping[str, str], values: Mapping[str, str], status: int = FAILED) -> Response:
    here, actor, found = ours(request), visit(request).actor, _found(request)
    laws = dict(law.provisions(here, actor)) if found.waived else {}
    blank = dict.fromkeys(("words", "condition", "stop_words", "lessons", "verdict", "scale_words", "units"), "")
    notes = [{"at": from_iso(one.at), "what": one.words, "who": who(request, one.by)} for one in found.notes]
    ups = [(one, all_called(request, one.units)) for one in service.scale_ups(here, actor, found.id)]
    return render(
        request,
        "council/pilots/pilot.html",
        status if problems else 200,
        **_shown(request, found),
        rule=law.cite(laws[found.waived]) if found.waived in laws else "",
        notes=notes,
        ups=ups,
        verbs=[verb.value for state, verb in NEXT if state is found.state] if may_edit(request) else [],
        verdicts=[(one, words(request).t(f"council.pilot.verdict_{one}")) for one in Verdict],
        stop_choices=[(one, one) for one in found.stops],
        problems=problems,
        values=blank | dict(values),
        may_edit=may_edit(request),
        unit_list=unit_names(request),
    )


async def _start(request: Request, name: str, form: FormData) -> None:
    await service.start(ours(request), visit(request).actor, name)


async def _note(request: Request, name: str, form: FormData) -> None:
    await service.note(ours(request), visit(request).actor, name, str(form.get("words", "")))


async def _stop(request: Request, name: str, form: FormData) -> None:
    said = str(form.get("condition", "")), str(form.get("stop_words", ""))
    await service.stop(ours(request), visit(request).actor, name, *said)


async def _end(request: Request, name: str, form: FormData) -> None:
    await service.end(ours(request), visit(request).actor, name)


async def _review(request: Request, name: str, form: FormData) -> None:
    said = str(form.get("lessons", "")), str(form.get("verdict", ""))
    await service.review(ours(request), visit(request).actor, name, *said)


async def _scale(request: Request, name: str, form: FormData) -> None:
    typed = [one for one in str(form.get("units", "")).replace("\n", ";").split(";") if one.strip()]
    try:
        units = tuple(code_of(request, one) for one in typed)
    except Invalid as error:
        raise Invalid(error.detail, field="units") from error
    await service.scale_up(ours(request), visit(request).actor, name, str(form.get("scale_words", "")), units)


Deed = Callable[[Request, str, FormData], Awaitable[None]]
DEEDS: Mapping[str, Deed] = {
    "start": _start,
    "note": _note,
    "stop": _stop,
    "end": _end,
    "review": _review,
    "scale": _scale,
}


def _do(verb: str) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of one verb: done, or what to mend, or why the gate is shut (409)."""

    async def endpoint(request: Request) -> Response:
        form = await request.form()
        said = {key: str(value) for key, value in form.items() if isinstance(value, str)}
        address = f"/pilots/{request.path_params['pilot']}"
        try:
            await DEEDS[verb](request, _found(request).id, form)
        except GateClosed as error:
            return _pilot(request, {"gate": next(iter(wrong(request, error).values()))}, said, 409)
        except Conflict:
            return redirect(request, address, "council.changed", "warning")
        except Invalid as error:
            field = str(error.fields.get("field", "words"))
            field = "scale_words" if verb == "scale" and field == "words" else field
            return _pilot(request, {field: next(iter(wrong(request, error).values()))}, said)
        return redirect(request, address, f"council.did.{verb}")

    return endpoint


PAGES = (
    Page("/pilots", pilots, "council.pilots.title", roles=STAFF),
    Page("/pilots/new", new_pilot, "council.pilot.new", methods=("GET", "POST"), roles=OFFICERS),
    Page("/pilots/{pilot}", pilot, "council.pilot.title", roles=STAFF),
    *(
        Page(f"/pilots/{{pilot}}/{verb}", _do(verb), f"council.pilot.{verb}", ("POST",), roles=OFFICERS, page=False)
        for verb in DEEDS
    ),
)
