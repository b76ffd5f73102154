"""The citizen's form: one short page, what is worth knowing before sending, and the code."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from dothi.accounts.model import Identity
from dothi.citizens.api.reports import address_of
from dothi.citizens.intake.arrival import arrival
from dothi.citizens.intake.codes import codes_of, find_by_code
from dothi.citizens.intake.filing import file_report
from dothi.citizens.intake.followers import follow_report, followed_by
from dothi.citizens.intake.hints import NeedsAccount, NeedsContact, identity_needed
from dothi.citizens.needs import SYSTEM, rules_at
from dothi.citizens.reading import public_report
from dothi.citizens.rules import HIDDEN
from dothi.citizens.rules.intake.questions import numbers_of
from dothi.citizens.rules.intake.secrets import StateSecret
from dothi.ground.clock import now_us
from dothi.ground.errors import Conflict, DothiError, Invalid
from dothi.ground.ids import secret
from dothi.web.page import Menu, Page, redirect, render, words
from dothi.web.pages.citizens.intake.form import (
    FIELDS,
    MENDABLE,
    Before,
    Sent,
    before,
    check,
    filing_of,
    read,
    rules_for,
    sealed,
)
from dothi.web.pages.citizens.intake.form import with_photos as keep_photos
from dothi.web.pages.citizens.report import EXAMPLE, FAILED, FORM_MAX, communes_of, ours, problem_of, shown, town_of
from dothi.web.parts import parts

HONEYPOT = "website"  # People do not see this field; programs that fill every field do.
FOLLOWER = "-".join(codes_of("follower the example of the page tests"))
NEW: Mapping[str, str] = {"channel": "counter", "consent": ""}  # What the counter begins with; nobody agrees unasked.


async def report(request: Request) -> Response:
    """What is wrong, and where? One short page."""
    ours(request).views.count()
    first = {"key": secret(), "category": request.query_params.get("category", "")}
    return form_page(request, Sent(first, {}), {})


def form_page(
    request: Request, sent: Sent, problems: Mapping[str, str], template: str = "citizens/intake/report.html"
) -> Response:
    """The form with what was typed, and what to mend; photos that are kept stay with it."""
    here, values = ours(request), sent.values
    province = values.get("province") or request.query_params.get("province") or parts(request).province
    province = province if here.territory.knows(province) else ""
    language = words(request).language
    rules = rules_for(here, dict(values) | {"province": province})
    filled = {**NEW, **{name: values.get(name, "") for name in FIELDS}, "key": values.get("key") or secret()}
    filled |= {name: values[name] for name in NEW if values.get(name)}
    return render(
        request,
        template,
        FAILED if problems else 200,
        values=filled,
        answers=sent.answers,
        problems=problems,
        kept=sealed(here, sent) if sent.values.get("key") else "",
        kept_count=len(sent.kept),
        province=here.territory.unit(province) if province else None,
        provinces=[] if province else [(one.code, one.name_in(language)) for one in here.territory.provinces()],
        communes=communes_of(here, province, language),
        start=town_of(here, province),
        rules=rules,
        identity={one: identity_needed(rules, one) for one in rules.categories},
        emergency=rules.emergency,
    )


async def send_report(request: Request) -> Response:
    """File the report, say what to mend, or what is worth knowing first; a second click files nothing new."""
    sent, form = await read(request)
    here = ours(request)
    try:
        if form.get(HONEYPOT):
            raise Invalid(field="form")
        sent = await keep_photos(here, sent)
        if form.get("back"):
            return form_page(request, sent, {})
        filing = filing_of(request, sent)
        rules = await check(request, filing)
        said = before(request, rules, filing, sent)
        if said.topics:
            return check_page(request, sent, said, "/report")
        here.filings.take(address_of(request), now_us())
        filed = await file_report(here, filing)
    except StateSecret:
        return secret_page(request, sent)
    except MENDABLE as error:
        return form_page(request, sent, problems_of(request, sent, error))
    return redirect(request, f"/report/sent/{filed.follow_code}")


def problems_of(request: Request, sent: Sent, error: DothiError) -> dict[str, str]:
    """What to mend, by field: questions and identity are told in the words of their rules."""
    here, rules = words(request), rules_for(ours(request), sent.values)
    field = str(error.fields.get("field", ""))
    if field.startswith("q-"):
        return {f"{field}-{sent.values['category']}": here.t("intake.problem.question")}
    if isinstance(error, NeedsContact | NeedsAccount):
        why = here.pick(identity_needed(rules, sent.values["category"]).reason)
        return {"phone": here.t(f"intake.problem.{field}", why=why)}
    if field in ("channel", "consent"):
        return {field: here.t(f"intake.problem.{field}")}
    return problem_of(request, error)


def check_page(request: Request, sent: Sent, said: Before, action: str) -> Response:
    """Before this is sent: whom to call, where the law sends it, who reported it already."""
    here = ours(request)
    numbers = dict(rules_for(here, sent.values).emergency.numbers)
    return render(
        request,
        "citizens/intake/check.html",
        action=action,
        values=dict(sent.values) | ({"again": said.again} if said.again else {}),
        answers=sent.answers,
        kept=sealed(here, sent),
        said=said,
        calls=[(one, words(request).pick(numbers.get(one, ""))) for one in numbers_of(said.told.channels)],
        near=[(one, shown(request, one.report)) for one in said.near],
        topics=sorted(said.topics | sent.shown),
    )


def secret_page(request: Request, sent: Sent) -> Response:
    """The text was not taken: why, and where to go instead. Nothing that was typed is shown again."""
    return render(
        request, "citizens/intake/secret.html", FAILED, rules=rules_for(ours(request), sent.values).intake.secrets
    )


async def follow_existing(request: Request) -> Response:
    """“Me too”: follow the report that stands already."""
    sent, _ = await read(request)
    here = ours(request)
    here.filings.take(address_of(request), now_us())
    who = Identity(phone=sent.values["phone"], email=sent.values["email"])
    number = str(request.path_params["number"])
    try:
        filed = await follow_report(here, number, who if who != Identity() else None, sent.key)
    except Conflict:
        return redirect(request, f"/reports/{number}", "intake.follow.closed", "warning")
    return redirect(request, f"/report/following/{filed.follow_code}")


async def following(request: Request) -> Response:
    """I follow a report that somebody else filed: my own code."""
    here = ours(request)
    here.guesses.take(address_of(request), now_us())
    found = followed_by(here, str(request.path_params["code"]))
    said = public_report(found)
    return render(
        request, "citizens/intake/following.html", report=said, code=request.path_params["code"], **shown(request, said)
    )


async def sent(request: Request) -> Response:
    """The report has arrived: its code, who has it, and until when."""
    here = ours(request)
    here.guesses.take(address_of(request), now_us())
    found = find_by_code(here, str(request.path_params["code"]))
    rules = rules_at(here, found.unit)
    said = rules.hint(found.description)
    return render(
        request,
        "citizens/intake/sent.html",
        report=found,
        code=request.path_params["code"],
        again=arrival(here, SYSTEM, found.code).again_of,
        hidden=HIDDEN in found.description + found.place_words,
        sample=rules.sample,
        numbers=rules.emergency.numbers if said.emergency else (),
        **shown(request, found),
    )


_CODE = {"code": EXAMPLE}
PAGES = (
    Page("/report", report, "citizens.report.title", menu=Menu("public", 10)),
    Page("/report", send_report, "citizens.report.title", methods=("POST",), body_max=FORM_MAX, page=False),
    Page("/report/sent/{code}", sent, "citizens.sent.title", sample=_CODE),
    Page("/report/following/{code}", following, "intake.following.title", sample={"code": FOLLOWER}),
    Page(
        "/report/follow/{number}",
        follow_existing,
        "intake.follow.title",
        ("POST",),
        body_max=FORM_MAX,
        sample={"number": EXAMPLE[:6]},
        page=False,
    ),
)
