"""The pages of partners: calls, contests and the dialogue, handed in without an account, answered in public."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from dothi.accounts.model import Identity
from dothi.citizens.api.shown import address_of
from dothi.ground.clock import now_us
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing, TooSoon
from dothi.programme.council import partners
from dothi.web.page import Menu, Page, redirect, render, visit, words
from dothi.web.pages.council.forms import FAILED, OFFICERS, WORKERS, code_of, may_edit, ours, unit_names, wrong
from dothi.web.pages.shown import bare, entity_id, find
from dothi.web.parts import parts

HONEYPOT = "website"
LOOKS = {
    "received": ("note", "clock"),
    "chosen": ("good", "good"),
    "notChosen": ("grey", "cross"),
    "answered": ("good", "good"),
}
FIELDS = ("kind", "title", "words", "opens", "closes", "answer_hours", "unit", "criteria")


async def calls(request: Request) -> Response:
    """What is the city looking for, and what did it answer?"""
    now = now_us()
    rows = [_shown(request, one, now) for one in partners.calls(ours(request))]
    open_now = sum(one["open"] is True for one in rows)
    return render(request, "council/partners/calls.html", rows=rows, open_now=open_now, may_edit=may_edit(request))


def _shown(request: Request, one: partners.Call, now: int) -> dict[str, object]:
    today = partners.day_of(now)
    state = "open" if one.accepts(now) else "ahead" if today < one.opens else "closed"
    kind, icon = {"open": ("good", "doing"), "ahead": ("note", "clock"), "closed": ("grey", "cross")}[state]
    return {
        "call": one,
        "href": f"/calls/{bare(one.id)}",
        "open": state == "open",
        "state": state,
        "kind": kind,
        "icon_name": icon,
    }


async def new_call(request: Request) -> Response:
    """Invite partners: period, criteria, and within which time they are answered."""
    if request.method == "GET":
        return _new(request, dict.fromkeys(FIELDS, "") | {"answer_hours": "40"}, {})
    form = await request.form()
    said = {name: str(form.get(name, "")).strip() for name in FIELDS}
    try:
        made = await partners.open_call(ours(request), visit(request).actor, _call(request, said))
    except Invalid as error:
        return _new(request, said, wrong(request, error))
    except Forbidden:
        return _new(request, said, {"unit": words(request).t("council.problem.area")})
    return redirect(request, f"/calls/{bare(made)}", "council.did.call")


def _call(request: Request, said: Mapping[str, str]) -> partners.NewCall:
    """The call of the form; criteria are lines "name: most points"."""
    try:
        unit = code_of(request, said["unit"])
    except Invalid as error:
        raise Invalid(error.detail, field="unit") from error
    pairs = [line.rpartition(":") for line in said["criteria"].splitlines() if line.strip()]
    if any(not points.strip().isdigit() for _, _, points in pairs):
        raise Invalid(field="criteria")
    criteria = tuple((name.strip(), int(points)) for name, _, points in pairs)
    hours = float(said["answer_hours"]) if said["answer_hours"].isdigit() else 0.0
    fields = (said["kind"], said["title"], said["words"], said["opens"], said["closes"], hours, unit)
    return partners.NewCall(*fields, criteria)


def _new(request: Request, values: Mapping[str, str], problems: Mapping[str, str]) -> Response:
    return render(
        request,
        "council/partners/call_new.html",
        FAILED if problems else 200,
        values=values,
        problems=problems,
        kinds=[(one, words(request).t(f"council.call.kind_{one}")) for one in partners.Kind],
        units=unit_names(request),
    )


def _call_id(request: Request) -> str:
    return entity_id("PartnerCall", request.path_params["call"])


async def call(request: Request) -> Response:
    """What is asked for, until when, and what was answered?"""
    if request.method == "GET":
        return _call_page(request, {}, {})
    form = await request.form()
    said = {name: str(form.get(name, "")).strip() for name in ("title", "words", "name", "phone", "email")}
    here, now = ours(request), now_us()
    try:
        if form.get(HONEYPOT):
            raise Invalid(field="form")
        parts(request).citizens.filings.take(address_of(request), now)
        who = Identity(name=said["name"], phone=said["phone"], email=said["email"])
        identity = who if who != Identity() else None
        vault = parts(request).citizens.vault
        code = await partners.hand_in(here, vault, _call_id(request), said["title"], said["words"], identity, now)
    except Invalid as error:
        return _call_page(request, wrong(request, error), said)
    except TooSoon:
        return _call_page(request, {"title": words(request).t("council.problem.too_many")}, said)
    except Conflict:
        return _call_page(request, {"title": words(request).t("council.problem.not_open")}, said)
    return redirect(request, f"/calls/sent/{code}", "council.did.sent")


def _call_page(request: Request, problems: Mapping[str, str], values: Mapping[str, str]) -> Response:
    here, actor, now = ours(request), visit(request).actor, now_us()
    found = partners.one_call(here, _call_id(request))
    shown, waiting = partners.answered(here, found.id)
    judges = bool(WORKERS & actor.roles)
    mine = partners.submissions(here, actor, found.id) if judges else []
    return render(
        request,
        "council/partners/call.html",
        FAILED if problems else 200,
        **_shown(request, found, now),
        answered=shown,
        waiting=waiting,
        looks=LOOKS,
        to_judge=[(one, f"{one.code}") for one in mine if not one.answered],
        may_judge=judges and (found.kind is partners.Kind.DIALOGUE or not found.accepts(now)),
        judges=judges,
        problems=problems,
        values=dict.fromkeys(("title", "words", "name", "phone", "email"), "") | dict(values),
    )


async def judge(request: Request) -> Response:
    """Judge or answer one submission, for everybody to read."""
    form = await request.form()
    here, actor = ours(request), visit(request).actor
    name = entity_id("Submission", request.path_params["submission"])
    address = f"/calls/{request.path_params['call']}"
    points = [str(one).strip() for one in form.getlist("points")]
    try:
        if any(not one.isdigit() for one in points):
            raise Invalid(field="points")
        given = tuple(int(one) for one in points)
        await partners.judge(here, actor, name, str(form.get("outcome", "")), str(form.get("answer", "")), given)
    except Invalid as error:
        return _call_page(request, wrong(request, error, f"{request.path_params['submission']}-"), {})
    except Conflict:
        return redirect(request, address, "council.closed", "warning")
    return redirect(request, address, "council.did.judged")


async def open_submission(request: Request) -> Response:
    """From the desk of who must answer to the place where it is answered."""
    name = entity_id("Submission", request.path_params["submission"])
    found = next(iter(find(request, "Submission", f'code=="{bare(name)}"', 1)), None)
    if found is None:
        raise Missing("There is no such submission, or you may not see it.")
    return redirect(request, f"/calls/{bare(found.value('call'))}#{bare(name)}-answer")


async def sent(request: Request) -> Response:
    """What became of what I handed in?"""
    parts(request).citizens.guesses.take(address_of(request), now_us())
    found = partners.followed(ours(request), request.path_params["receipt"])
    held = partners.one_call(ours(request), found.call)
    kind, icon = LOOKS[found.state]
    return render(
        request,
        "council/partners/sent.html",
        one=found,
        call=held,
        href=f"/calls/{bare(held.id)}",
        kind=kind,
        icon_name=icon,
    )


PAGES = (
    Page("/calls", calls, "council.calls.title", menu=Menu("public", 45)),
    Page("/calls/new", new_call, "council.call.new", methods=("GET", "POST"), roles=OFFICERS),
    Page("/calls/{call}", call, "council.call.title", methods=("GET", "POST")),
    Page("/calls/sent/{receipt}", sent, "council.sent.title"),
    Page("/submission/{submission}", open_submission, "council.call.judge", roles=WORKERS, page=False),
    Page("/calls/{call}/judge/{submission}", judge, "council.call.judge", ("POST",), roles=WORKERS, page=False),
)
