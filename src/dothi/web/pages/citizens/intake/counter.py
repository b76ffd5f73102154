"""The counter: staff file for somebody without a smartphone, print the slip, and help to rate or re-open."""

from collections.abc import Mapping

import segno
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from dothi.accounts.model import Identity
from dothi.citizens.handling.workflow import BY_REPORTER, HANDLERS, verbs_for
from dothi.citizens.intake.codes import find_by_code
from dothi.citizens.intake.counter import Served, file_for, rate_for, reopen_for
from dothi.citizens.intake.followers import follow_report, followed_by
from dothi.citizens.model import NoSuchReport, Report
from dothi.citizens.rules.intake.secrets import StateSecret
from dothi.ground.clock import now_us
from dothi.ground.errors import Conflict, Invalid
from dothi.ground.ids import secret
from dothi.web.page import Menu, Page, redirect, render, visit, words
from dothi.web.pages.citizens.intake.filing import check_page, form_page, problems_of, secret_page
from dothi.web.pages.citizens.intake.form import MENDABLE, Sent, before, check, filing_of, read
from dothi.web.pages.citizens.intake.form import with_photos as keep_photos
from dothi.web.pages.citizens.report import EXAMPLE, FAILED, FORM_MAX, ours, problem_of, shown

FORM = "citizens/intake/counter.html"
QR_SCALE = 4


async def counter(request: Request) -> Response:
    """Somebody stands here, calls or has written: what do they say, and what do they take home?"""
    areas = sorted(visit(request).actor.areas)
    unit = areas[0] if len(areas) == 1 and len(areas[0]) == 5 else ""
    return form_page(request, Sent({"key": secret(), "unit": unit}, {}), {}, FORM)


async def send(request: Request) -> Response:
    """File it with consent and channel, and go to the slip."""
    sent, form = await read(request)
    here, actor = ours(request), visit(request).actor
    try:
        sent = await keep_photos(here, sent)
        if form.get("back"):
            return form_page(request, sent, {}, FORM)
        filing = filing_of(request, sent, assisted=True)
        rules = await check(request, filing, assisted=True)
        said = before(request, rules, filing, sent)
        if said.topics:
            return check_page(request, sent, said, "/counter")
        served = Served(sent.values["channel"], sent.values["consent"])
        filed = await file_for(here, actor, filing, served)
    except StateSecret:
        return secret_page(request, sent)
    except MENDABLE as error:
        return form_page(request, sent, problems_of(request, sent, error), FORM)
    return redirect(request, f"/counter/slip/{filed.follow_code}", "intake.counter.filed", number=filed.number)


async def follow(request: Request) -> Response:
    """They follow a report that stands already: a slip with a code of their own."""
    sent, _ = await read(request)
    number = str(request.path_params["number"])
    who = Identity(sent.values["name"], sent.values["phone"], sent.values["email"])
    try:
        filed = await follow_report(ours(request), number, who if who != Identity() else None, sent.key)
    except Conflict:
        return redirect(request, "/counter", "intake.follow.closed", "warning")
    return redirect(request, f"/counter/slip/{filed.follow_code}", "intake.counter.follows", number=number)


async def slip(request: Request) -> Response:
    """The slip to print or to read out over the phone."""
    code = str(request.path_params["code"])
    ours(request).guesses.take(visit(request).actor.id, now_us())
    own = True
    try:
        found = find_by_code(ours(request), code)
    except NoSuchReport:
        found, own = followed_by(ours(request), code), False
    address = f"{str(request.base_url).rstrip('/')}/follow/{code}"
    return render(
        request,
        "citizens/intake/slip.html",
        report=found,
        code=code,
        own=own,
        address=address,
        qr=Markup(segno.make(address, error="m").svg_inline(scale=QR_SCALE, border=2)),  # noqa: S704  # Made here.
        spelled=[(letter, words(request).t(f"intake.letter.{letter}")) for letter in code if letter.isalnum()],
        **shown(request, found),
    )


async def case(request: Request) -> Response:
    """They are back with their slip: where does it stand, and what do they say of the answer?"""
    code = request.query_params.get("code", "")
    if not code:
        return render(request, "citizens/intake/case.html", report=None, code="", problems={}, values={}, verbs=())
    ours(request).guesses.take(visit(request).actor.id, now_us())
    try:
        return _case(request, code, {}, {})
    except NoSuchReport:
        problems = {"code": words(request).t("citizens.problem.code")}
        return render(
            request,
            "citizens/intake/case.html",
            FAILED,
            report=None,
            code=code,
            problems=problems,
            values={},
            verbs=(),
        )


def _case(request: Request, code: str, problems: Mapping[str, str], values: Mapping[str, str]) -> Response:
    found: Report = find_by_code(ours(request), code)
    return render(
        request,
        "citizens/intake/case.html",
        FAILED if problems else 200,
        report=found,
        code=code,
        verbs=verbs_for(found, BY_REPORTER),
        problems=problems,
        values={"words": "", "reason": "", "stars": ""} | dict(values),
        **shown(request, found),
    )


async def helped(request: Request) -> Response:
    """Their judgement, or their no to the answer, typed by the staff."""
    form = await request.form()
    said = {name: str(form.get(name, "")).strip() for name in ("code", "stars", "words", "reason", "verb")}
    here, actor = ours(request), visit(request).actor
    here.guesses.take(actor.id, now_us())
    try:
        if said["verb"] == "reopen":
            await reopen_for(here, actor, said["code"], said["reason"])
        elif said["stars"] in tuple("12345"):
            await rate_for(here, actor, said["code"], int(said["stars"]), said["words"])
        else:
            raise Invalid(field="stars")
    except Invalid as error:
        return _case(request, said["code"], problem_of(request, error), said)
    except Conflict:
        return redirect(request, f"/counter/case?code={said['code']}", "citizens.changed", "warning")
    done = "reopened" if said["verb"] == "reopen" else "rated"
    return redirect(request, f"/counter/case?code={said['code']}", f"citizens.done.{done}")


_CODE = {"code": EXAMPLE}
_NUMBER = {"number": EXAMPLE[:6]}
PAGES = (
    Page("/counter", counter, "intake.counter.title", roles=HANDLERS, menu=Menu("work", 15)),
    Page("/counter", send, "intake.counter.title", ("POST",), HANDLERS, body_max=FORM_MAX, page=False),
    Page("/counter/slip/{code}", slip, "intake.slip.title", roles=HANDLERS, sample=_CODE),
    Page("/counter/case", case, "intake.case.title", roles=HANDLERS),
    Page("/counter/case", helped, "intake.case.title", ("POST",), HANDLERS, page=False),
    Page(
        "/counter/follow/{number}",
        follow,
        "intake.follow.title",
        ("POST",),
        HANDLERS,
        body_max=FORM_MAX,
        sample=_NUMBER,
        page=False,
    ),
)
