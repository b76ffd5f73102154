"""Projects: what one costs, who pays, what is disbursed, who gains, and where it lies."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import from_iso, now_us
from dothi.ground.errors import Conflict, Forbidden, Invalid
from dothi.programme.plans import documents, projects, reading
from dothi.programme.plans.projects import BENEFITS, NEXT, Funding, NewProject, Project, Stand
from dothi.programme.tasks.workflow import today
from dothi.web.page import Page, redirect, render, visit, words
from dothi.web.pages.programme.overview import FAILED, OFFICERS, PAGE, mended, names, row, units_of_city
from dothi.web.pages.shown import STAFF, bare, entity_id, named, unit_name, who
from dothi.web.parts import parts

SOURCES = 4  # Rows of sources that the form offers.
KINDS = {
    "proposed": ("plain", "edit"),
    "approved": ("note", "check"),
    "running": ("note", "doing"),
    "finished": ("good", "good"),
    "stopped": ("grey", "cross"),
}


def project_row(request: Request, one: Project) -> dict[str, Any]:
    """A project as lists show it; amounts in đồng."""
    kind, icon = KINDS[one.state.value]
    return {
        "project": one,
        "href": f"/project/{bare(one.id)}",
        "kind": kind,
        "icon": icon,
        "lead": unit_name(request, one.lead),
        "area": names(request, one.units),
        "share": one.disbursed() / one.funded if one.funded else None,
    }


def funding_names(request: Request) -> list[tuple[str, str]]:
    """(id, name) of the kinds of sources."""
    return [(kind, words(request).pick(one)) for kind, one in parts(request).programme.rules.funding.items()]


async def one_project(request: Request) -> Response:
    """What does it cost, who pays, how much is disbursed, and who gains?"""
    return _shown(request, {}, {})


def _name(request: Request) -> str:
    return entity_id("Project", request.path_params["name"])


def _shown(request: Request, problems: Mapping[str, str], values: Mapping[str, str]) -> Response:
    here, actor, now = parts(request).programme, visit(request).actor, now_us()
    one = projects.project(here, actor, _name(request))
    table = dict(funding_names(request))
    sums = projects.totals([one])
    may = bool(actor.roles & OFFICERS)
    return render(
        request,
        "programme/plans/project.html",
        FAILED if problems else 200,
        row=project_row(request, one),
        project=one,
        plan=(named(request, one.plan), f"/plan/{bare(one.plan)}"),
        starts=from_iso(one.starts),
        ends=from_iso(one.ends),
        sources=[
            (table.get(each.kind, each.kind), each, sums.by_source.get(each.kind, (0, 0))[1]) for each in one.funding
        ],
        payments=[(table.get(each.kind, each.kind), each, who(request, each.by)) for each in one.disbursements],
        tasks=[row(request, each, now) for each in reading.tasks_shown(here, actor, "all", now, PAGE, project=one.id)],
        may=may,
        moves=[to.value for to in NEXT[one.state]] if may else [],
        may_pay=may and one.state is not Stand.PROPOSED and bool(one.funding),
        kinds=funding_names(request),
        rows=range(max(SOURCES, len(one.funding) + 1)),
        benefits=BENEFITS,
        today=today(now),
        point=_point(one),
        problems=problems,
        values=_filled(one) | {"p_day": today(now), "p_amount": "", "p_note": "", "reason": ""} | dict(values),
    )


def _point(one: Project) -> tuple[float, float] | None:
    place = one.location or {}
    return (place["coordinates"][0], place["coordinates"][1]) if place.get("type") == "Point" else None


def _filled(one: Project) -> dict[str, str]:
    said = {"capex": str(one.capex or ""), "opex": str(one.opex or "")}
    for place, each in enumerate(one.funding):
        said |= {f"f_kind_{place}": each.kind, f"f_amount_{place}": str(each.amount), f"f_note_{place}": each.note}
    return said | {f"gain_{who_gains}": one.benefits.get(who_gains, "") for who_gains in BENEFITS}


def amount(text: str, field: str) -> int:
    """Whole đồng as people type them, with dots or spaces; empty is none."""
    bare_text = text.replace(".", "").replace(" ", "").replace("đ", "").strip()
    sign, digits = (-1, bare_text[1:]) if bare_text.startswith("-") else (1, bare_text)
    if digits and not (digits.isascii() and digits.isdigit()):
        raise Invalid("No amount.", field=field)
    return sign * int(digits or 0)


def number(text: str) -> float | None:
    """A number as people type it, with a decimal comma."""
    if not text:
        return None
    try:
        return float(text.replace(".", "").replace(",", ".") if "," in text else text)
    except ValueError as cause:
        raise Invalid("No number.", field="value") from cause


async def finance(request: Request) -> Response:
    """What it costs, who pays, who gains."""
    form, here, actor = await request.form(), parts(request).programme, visit(request).actor
    said = {name: str(value).strip() for name, value in form.items() if isinstance(value, str)}
    try:
        funding = tuple(
            Funding(
                said[f"f_kind_{place}"], amount(said[f"f_amount_{place}"], "funding"), said.get(f"f_note_{place}", "")
            )
            for place in range(50)
            if said.get(f"f_kind_{place}") and said.get(f"f_amount_{place}")
        )
        gains = {gains: said.get(f"gain_{gains}", "") for gains in BENEFITS}
        capex, opex = amount(said.get("capex", ""), "capex"), amount(said.get("opex", ""), "opex")
        await projects.set_finance(here, actor, _name(request), funding, capex, opex, gains)
    except Conflict:
        return redirect(request, _address(request), "programme.changed", "warning")
    except Invalid as error:
        field = str(error.fields.get("field", "capex"))
        outer = "f_amount_0" if field == "funding" else field
        return _shown(request, {outer: next(iter(mended(request, error).values()))}, said)
    return redirect(request, f"{_address(request)}#finance", "plans.did.finance")


async def pay(request: Request) -> Response:
    """A payment is written down."""
    form, here, actor = await request.form(), parts(request).programme, visit(request).actor
    said = {name: str(form.get(name, "")).strip() for name in ("p_day", "p_amount", "p_kind", "p_note")}
    try:
        paid = amount(said["p_amount"], "amount")
        await projects.disburse(here, actor, _name(request), said["p_day"], paid, said["p_kind"], said["p_note"])
    except Conflict:
        return redirect(request, _address(request), "programme.changed", "warning")
    except Invalid as error:
        return _shown(request, mended(request, error, "p_"), said)
    return redirect(request, f"{_address(request)}#finance", "plans.did.pay")


async def move(request: Request) -> Response:
    """It is approved, runs, is finished or stopped."""
    form, here, actor = await request.form(), parts(request).programme, visit(request).actor
    reason = str(form.get("reason", "")).strip()
    try:
        to = Stand(request.path_params["to"])
        await projects.move(here, actor, _name(request), to, reason)
    except Conflict:
        return redirect(request, _address(request), "programme.changed", "warning")
    except ValueError:
        return redirect(request, _address(request))
    except Invalid:
        return _shown(request, {"reason": words(request).t("plans.mend.reason")}, {"reason": reason})
    return redirect(request, _address(request), f"plans.did.{to.value}")


def _address(request: Request) -> str:
    return f"/project/{bare(_name(request))}"


async def new_project(request: Request) -> Response:
    """A project is proposed."""
    if request.method == "GET":
        return _new(request, {"plan": request.query_params.get("plan", "")[:300], "units": []}, {})
    form = await request.form()
    said: dict[str, Any] = {name: str(value).strip() for name, value in form.items() if isinstance(value, str)}
    units = [str(one) for one in form.getlist("units") if one]
    try:
        new = NewProject(
            title=said.get("title", ""),
            plan=said.get("plan", ""),
            unit=_unit_of_plan(request, said.get("plan", "")),
            lead=said.get("lead", ""),
            units=tuple(units),
            year=int(said["starts"][:4]) if said.get("starts", "")[:4].isdigit() else 0,
            starts=said.get("starts", ""),
            ends=said.get("ends", ""),
            zone=said.get("zone", ""),
            location=_place(said),
        )
        made = await projects.propose(parts(request).programme, visit(request).actor, new)
    except Invalid as error:
        return _new(request, said | {"units": units}, mended(request, error))
    except Forbidden:
        return _new(request, said | {"units": units}, {"plan": words(request).t("programme.mend.area")})
    return redirect(request, f"/project/{bare(made)}", "plans.did.proposed")


def _unit_of_plan(request: Request, plan: str) -> str:
    if not plan:
        raise Invalid("Choose the plan.", field="plan")
    return documents.document(parts(request).programme, visit(request).actor, plan, "Plan").unit


def _place(said: Mapping[str, str]) -> dict[str, object] | None:
    texts = said.get("lon", ""), said.get("lat", "")
    if not all(texts):
        return None
    try:
        lon, lat = (float(text.replace(",", ".")) for text in texts)
    except ValueError as cause:
        raise Invalid("No place.", field="lon") from cause
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise Invalid("No place on earth.", field="lon")
    return {"type": "Point", "coordinates": [lon, lat]}


def _new(request: Request, values: Mapping[str, Any], problems: Mapping[str, str]) -> Response:
    here, actor = parts(request).programme, visit(request).actor
    plans = [(one.id, f"{one.code} {one.title}"[:140]) for one in documents.documents(here, actor, "Plan")]
    return render(
        request,
        "programme/plans/new_project.html",
        FAILED if problems else 200,
        values=dict.fromkeys(("title", "lead", "starts", "ends", "zone", "lon", "lat"), "") | dict(values),
        problems=problems,
        plans=[("", words(request).t("plans.new.choose_plan")), *plans],
        units=units_of_city(request),
    )


EXAMPLE = {"name": "DUAN-46-2026-001"}
PAGES = (
    Page("/project/new", new_project, "plans.project.new", methods=("GET", "POST"), roles=OFFICERS),
    Page("/project/{name}", one_project, "plans.project.title", roles=STAFF, sample=EXAMPLE),
    Page("/project/{name}/finance", finance, "plans.project.title", methods=("POST",), roles=OFFICERS, page=False),
    Page("/project/{name}/pay", pay, "plans.project.title", methods=("POST",), roles=OFFICERS, page=False),
    Page("/project/{name}/move/{to}", move, "plans.project.title", methods=("POST",), roles=OFFICERS, page=False),
)
