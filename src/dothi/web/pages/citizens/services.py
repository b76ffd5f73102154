"""The pages of public services: the registry with its standing, one with three measures, a rating without account."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dothi.citizens.api.reports import address_of
from dothi.citizens.handling.moving import covers
from dothi.citizens.needs import rules_at
from dothi.citizens.services.measures import SERVICE, month_of
from dothi.citizens.services.ratings import rate_service
from dothi.citizens.services.reading import Part, by_part, month_score, months_before, trend
from dothi.citizens.services.registry import (
    KEEPERS,
    Entry,
    NewService,
    Service,
    Standing,
    register,
    service,
    services,
    set_standing,
)
from dothi.citizens.services.score import Doubt, Score
from dothi.ground.clock import now_us
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing
from dothi.ground.text import slug
from dothi.web.page import Menu, Page, redirect, render, visit, words
from dothi.web.pages.citizens.report import FAILED, communes_of, ours, unit_name
from dothi.web.parts import parts

LOOKS: Mapping[Standing, tuple[str, str]] = {
    Standing.WORKING: ("good", "good"),
    Standing.LIMITED: ("watch", "watch"),
    Standing.DOWN: ("bad", "bad"),
}
REGISTRARS = frozenset({"programme_officer"})
ENTRIES = ("counter", "phone", "web")
ENTERED = ("id", "vi", "en", "agency", "unit", "kind", "counter", "hours", "phone", "web")
SHARES = frozenset({"was", "rate", "on_time", "returned"})
_NAME = {"service": "phan-anh-hien-truong"}


async def listed(request: Request) -> Response:
    """Which services are there, and do they work now?"""
    found = services(ours(request))
    troubled = sum(one.standing is not Standing.WORKING for one in found)
    return render(
        request,
        "citizens/services/list.html",
        rows=[_row(request, one) for one in found],
        troubled=troubled,
        may_enter=bool(visit(request).actor.roles & REGISTRARS),
    )


def _row(request: Request, one: Service) -> dict[str, Any]:
    kind, icon = LOOKS[one.standing]
    return {
        "service": one,
        "title": words(request).pick(one.names) or one.name,
        "standing": words(request).t(f"problems.standing.{one.standing}"),
        "kind": kind,
        "icon_name": icon,
        "unit": unit_name(request, one.unit),
    }


async def one_service(request: Request) -> Response:
    """Does it work, where can I have it, and what do people think of it?"""
    return _one(request, {}, {})


def _one(request: Request, problems: Mapping[str, str], values: Mapping[str, str]) -> Response:
    here, now = ours(request), now_us()
    found = service(here, str(request.path_params["service"]))
    if found.id != SERVICE:
        here.views.count(found.id)
    month = _month(request)
    score, rules = month_score(here, found, month, now), rules_at(here, found.unit).services
    actor = visit(request).actor
    return render(
        request,
        "citizens/services/one.html",
        FAILED if problems else 200,
        **_row(request, found),
        month=month,
        months=[(one, one[5:] + "/" + one[:4]) for one in reversed(months_before(month_of(now)))],
        score=score,
        doubts=[_doubt(request, one) for one in score.doubts],
        trend=trend(here, found, month, now),
        areas=[_part(request, one, unit_name(request, one.key)) for one in by_part(here, found, "unit", month)],
        groups=[_part(request, one, _group(request, one.key)) for one in by_part(here, found, "group", month)],
        minimum=rules.minimum,
        sample=rules.sample,
        law=_law(request, found.legal_basis),
        rateable=found.id != SERVICE,
        may=bool(actor.roles & KEEPERS) and covers(here, actor, found.unit) and bool(found.unit),
        standings=[
            (one.value, words(request).t(f"problems.standing.{one}")) for one in Standing if one != found.standing
        ],
        problems=problems,
        values={"standing": "", "reason": ""} | dict(values),
    )


def _others(request: Request, standing: Standing) -> list[tuple[str, str]]:
    """The standings that it could be given."""
    return [(one.value, words(request).t(f"problems.standing.{one}")) for one in Standing if one is not standing]


def _month(request: Request) -> str:
    """The month asked for, when it is one of the last twelve; else this one."""
    current = month_of(now_us())
    asked = request.query_params.get("month", "")
    return asked if asked in months_before(current) else current


def _part(request: Request, part: Part, name: str) -> tuple[str, Score]:
    return name or words(request).t("problems.service.not_told"), part.score


def _group(request: Request, key: str) -> str:
    names = rules_at(ours(request)).services.groups.get(key)
    return words(request).pick(names) if names else key


def _doubt(request: Request, one: Doubt) -> str:
    here = words(request)
    said = {
        name: here.percent(value) if name in SHARES else here.when(value) if name == "at" else value
        for name, value in one.detail.items()
    }
    return here.t(f"problems.doubt.{one.code}", **said)


def _law(request: Request, name: str | None) -> tuple[str, str] | None:
    """The citation of the legal basis, and where it is walked to."""
    if not name:
        return None
    try:
        return str(parts(request).hub.get(visit(request).actor, name).value("citation", name)), f"/walk/{name}"
    except (Missing, Forbidden):
        return name.rpartition("LegalBasis:")[2], ""


async def stand(request: Request) -> Response:
    """A person of its unit says that a service works, is limited or is down."""
    form = await request.form()
    name, said = str(request.path_params["service"]), {key: str(form.get(key, "")) for key in ("standing", "reason")}
    try:
        standing = Standing(said["standing"])
        await set_standing(ours(request), visit(request).actor, name, standing, said["reason"])
    except ValueError:
        return _one(request, {"standing": words(request).t("problems.mend.standing")}, said)
    except Invalid:
        return _one(request, {"reason": words(request).t("problems.mend.standing_reason")}, said)
    except Conflict:
        return redirect(request, f"/services/{name}", "problems.changed", "warning")
    return redirect(request, f"/services/{name}", "problems.did.standing")


async def rate_form(request: Request) -> Response:
    """How was it? One question, no account."""
    stars = request.query_params.get("stars", "")
    return _rate(request, {}, {"stars": stars if stars in set("12345") else ""})


def _rate(request: Request, problems: Mapping[str, str], values: Mapping[str, str]) -> Response:
    found, t = service(ours(request), str(request.path_params["service"])), words(request).t
    groups = rules_at(ours(request), found.unit).services.groups
    nobody = [("", t("problems.rate.rather_not"))]
    return render(
        request,
        "citizens/services/rate.html",
        FAILED if problems else 200,
        **_row(request, found),
        rateable=found.id != SERVICE,
        stars=[(str(one), t(f"citizens.rate.star{one}")) for one in (5, 4, 3, 2, 1)],
        groups=[*nobody, *((key, words(request).pick(names)) for key, names in groups.items())],
        communes=[*nobody, *communes_of(ours(request), parts(request).province, words(request).language)],
        problems=problems,
        values={"stars": "", "unit": "", "group": ""} | dict(values),
    )


async def rate(request: Request) -> Response:
    """Keep the rating; the same device again in a month changes it."""
    form = await request.form()
    name = str(request.path_params["service"])
    said = {key: str(form.get(key, "")).strip() for key in ("stars", "unit", "group")}
    device = visit(request).csrf  # The visitor's own secret stands for the device.
    try:
        stars = int(said["stars"]) if said["stars"] in set("12345") else 0
        await rate_service(ours(request), name, stars, device, said["unit"], said["group"], address_of(request))
    except Invalid as error:
        field = str(error.fields.get("field", "stars"))
        return _rate(request, {field: words(request).t(f"problems.mend.{field}")}, said)
    return redirect(request, f"/services/{name}", "problems.did.rated")


async def snippet(request: Request) -> Response:
    """How can another agency ask its visitors, and tell what it counted?"""
    found = service(ours(request), str(request.path_params["service"]))
    address = f"{request.url.scheme}://{request.url.netloc}"
    return render(request, "citizens/services/snippet.html", **_row(request, found), address=address)


async def enter(request: Request) -> Response:
    """A new service of the registry."""
    if request.method == "GET":
        return _enter(request, {}, dict.fromkeys(ENTERED, ""))
    form = await request.form()
    said = {key: str(form.get(key, "")).strip()[:300] for key in ENTERED}
    entries = tuple(
        Entry(kind, said[kind], said["hours"] if kind == "counter" else "") for kind in ENTRIES if said[kind]
    )
    names = {"vi": said["vi"]} | ({"en": said["en"]} if said["en"] else {})
    new = NewService(said["id"] or slug(said["vi"]), names, said["agency"], said["unit"], said["kind"], entries)
    try:
        made = await register(ours(request), visit(request).actor, new)
    except Invalid as error:
        field = {"name": "vi"}.get(str(error.fields.get("field", "vi")), str(error.fields.get("field", "vi")))
        return _enter(request, {field: words(request).t(f"problems.mend.service_{field}")}, said)
    return redirect(request, f"/services/{made.name}", "problems.did.entered")


def _enter(request: Request, problems: Mapping[str, str], values: Mapping[str, str]) -> Response:
    here, province = ours(request), parts(request).province
    language = words(request).language
    own = [(province, here.territory.unit(province).name_in(language))] if province else []
    units = [("", words(request).t("citizens.choose")), *own, *communes_of(here, province, language)]
    return render(
        request,
        "citizens/services/new.html",
        FAILED if problems else 200,
        units=units,
        problems=problems,
        values=values,
    )


PAGES = (
    Page("/services", listed, "problems.services.title", menu=Menu("public", 28)),
    Page("/services/new", enter, "problems.service.new", ("GET", "POST"), REGISTRARS),
    Page("/services/{service}", one_service, "problems.service.title", sample=_NAME),
    Page("/services/{service}/standing", stand, "problems.verb.standing", ("POST",), KEEPERS, page=False),
    Page("/services/{service}/rate", rate_form, "problems.rate.title", sample=_NAME),
    Page("/services/{service}/rating", rate, "problems.rate.title", ("POST",), sample=_NAME, page=False),
    Page("/services/{service}/snippet", snippet, "problems.snippet.title", sample=_NAME),
)
