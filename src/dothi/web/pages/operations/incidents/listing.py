"""The list of incidents, the form that opens one, prefilled from where it comes, and the start of a drill."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.ground.ids import secret
from dothi.operations.incidents.joining import stale
from dothi.operations.incidents.model import NewIncident, several
from dothi.operations.incidents.playbooks.drill import start_drill
from dothi.operations.incidents.playbooks.tables import rules_at
from dothi.operations.incidents.service import incidents, open_incident
from dothi.operations.incidents.suggestions import suggestion, suggestions
from dothi.operations.incidents.together import sign_of
from dothi.operations.incidents.workflow import DIRECTORS
from dothi.operations.model import Priority
from dothi.web.page import Menu, Page, redirect, render, visit, words
from dothi.web.pages.operations.incidents.orders import units_of
from dothi.web.pages.operations.incidents.shown import kind_word, row, thing
from dothi.web.pages.shown import STAFF, collection, entity_id, feature, start_of, unit_name
from dothi.web.parts import parts

FAILED = 422
SHOWN = 50
LISTED = {"alarm": "Alarm", "report": "CitizenReport", "bulletin": "Bulletin"}
FIELDS = ("title", "kind", "priority", "unit", "words", "lon", "lat")


async def listing(request: Request) -> Response:
    """What happens now, who has it, and what is late?"""
    actor, here = visit(request).actor, parts(request).operations
    asked = request.query_params.get("show", "open")
    found = [row(request, one) for one in incidents(here, actor)]
    real = [one for one in found if not one.drill]
    drills = [one for one in found if one.drill]
    over: list[Any] = []
    if asked == "over":
        over = [row(request, one) for one in incidents(here, actor, False, SHOWN, open="false")]
    shown = {"drills": drills, "over": over}.get(asked, real)
    t = words(request).t
    ways = [
        (t("incidents.list.open"), "/incidents", asked not in ("drills", "over"), len(real)),
        (t("incidents.list.drills"), "/incidents?show=drills", asked == "drills", len(drills)),
        (t("incidents.list.over"), "/incidents?show=over", asked == "over", None),
    ]
    return render(
        request,
        "operations/incidents/list.html",
        rows=shown,
        answer=_answer(request, real),
        ways=ways,
        asked=asked,
        start=start_of(request),
        waiting=sum(not stale(here, one) for one in suggestions(here, actor)),
        may=bool(actor.roles & DIRECTORS),
    )


def _answer(request: Request, rows: list[Any]) -> str:
    t = words(request).t
    if not rows:
        return t("incidents.list.calm")
    late = sum(one.late for one in rows)
    nobody = sum(one.state == "open" for one in rows)
    said = [t("incidents.list.late", n=late)] if late else []
    said += [t("incidents.list.nobody", n=nobody)] if nobody else []
    return ", ".join([t("incidents.list.many", n=len(rows)), *said])


async def points(request: Request) -> Response:
    """The open incidents as points of the map."""
    found = [(one, row(request, one)) for one in incidents(parts(request).operations, visit(request).actor)]
    features = [
        feature(
            one.point,
            id=one.name,
            name=one.title,
            href=shown.href,
            kind=shown.kind,
            icon=shown.icon,
            text=words(request).t(f"incidents.state.{one.state}"),
        )
        for one, shown in found
        if one.point
    ]
    return JSONResponse(collection(features), media_type="application/geo+json")


async def new_incident(request: Request) -> Response:
    """What happens, where, how pressing? Filled in from where one comes."""
    values, joined = _prefilled(request)
    return _form(request, values, joined, {})


def _prefilled(request: Request) -> tuple[dict[str, str], list[str]]:
    """What is known already of what one comes from: (values of the form, ids of what would join)."""
    asked = request.query_params
    joined = [entity_id(kind, asked[name]) for name, kind in LISTED.items() if asked.get(name)]
    values: dict[str, str] = {}
    if asked.get("suggestion"):
        hint = suggestion(parts(request).operations, visit(request).actor, asked["suggestion"])
        joined += [one for one in hint.sources if _joins(one)]
        values = {"suggestion": hint.id, "title": words(request).pick(dict(hint.title)), "unit": hint.unit}
    return _known(request, joined) | values, joined


def _joins(name: str) -> str:
    """The type of what can join an incident; empty for anything else."""
    return next((kind for kind in LISTED.values() if name.startswith(f"urn:ngsi-ld:{kind}:")), "")


def _known(request: Request, joined: list[str]) -> dict[str, str]:
    """Kind, place and title as the first of what joins tells them."""
    for name in joined:
        try:
            entity = parts(request).hub.get(visit(request).actor, name)
        except Missing:
            continue
        unit = str(entity.value("unit", ""))
        sign = sign_of(entity, rules_at(parts(request).operations, unit))
        here = parts(request).territory.knows(unit)  # An alarm of a whole area may name none of the units.
        values = {"unit": unit if here else "", "title": thing(request, name).name[:200]}
        values["priority"] = str(entity.value("priority", "high"))
        if sign is not None:
            values["kind"] = min(sign.kinds, default="other")
            if sign.place:
                values |= {"lon": f"{sign.place[0]:.6f}", "lat": f"{sign.place[1]:.6f}"}
        return values
    return {}


def _form(
    request: Request, values: Mapping[str, str], joined: list[str], problems: Mapping[str, str], status: int = 200
) -> Response:
    here = parts(request)
    unit = values.get("unit") or min(visit(request).actor.areas, default=here.province)
    rules = rules_at(here.operations, unit or None)
    t = words(request).t
    return render(
        request,
        "operations/incidents/new.html",
        status,
        values={"title": "", "kind": "", "priority": "high", "words": "", "lon": "", "lat": "", "suggestion": ""}
        | {"unit": unit}
        | dict(values),
        joined=[(one, thing(request, one)) for one in joined],
        kinds=[(one, kind_word(request, one, unit)) for one in rules.kinds],
        priorities=[(one.value, t(f"operations.priority.{one}")) for one in Priority],
        units=units_here(request, unit),
        scenarios=[(one.id, words(request).pick(one.name)) for one in rules.scenarios.values()],
        start=start_of(request),
        key=values.get("key") or secret(),
        problems=problems,
    )


def units_here(request: Request, unit: str) -> list[tuple[str, str]]:
    """The units (no organisations) from which one chooses here."""
    found = [one for one in units_of(request, unit) if "." not in one[0]] if unit else []
    return found or ([(unit, unit_name(request, unit))] if unit else [])


async def make_incident(request: Request) -> Response:
    """Open it; what joins is joined in the same commit."""
    form = await request.form()
    values = {name: str(form.get(name, "")).strip() for name in (*FIELDS, "suggestion", "key")}
    joined = [str(one) for one in form.getlist("joined")]
    actor, here = visit(request).actor, parts(request).operations
    if form.get("scenario"):
        drill = await start_drill(here, actor, str(form["scenario"]), values["unit"], values["key"] or None)
        return redirect(request, f"/incident/{drill.name}", "incidents.drill_begun")
    try:
        made = await open_incident(here, actor, _said(values, joined))
    except Invalid as wrong:
        field = str(wrong.fields.get("field", "title"))
        return _form(request, values, joined, {field: mend(request, field)}, FAILED)
    except Conflict as other:
        name = str(other.fields.get("incident", ""))
        return redirect(request, f"/incident/{name.rpartition(':')[2]}", "incidents.belongs_already", "warning")
    return redirect(request, f"/incident/{made.name}", "incidents.opened", title=made.title)


def mend(request: Request, field: str) -> str:
    """How to mend a field, in words."""
    key = f"incidents.mend.{field}"
    return words(request).t(key if words(request).has(key) else "incidents.mend.something")


def _said(values: Mapping[str, str], joined: list[str]) -> NewIncident:
    def of(kind: str) -> tuple[str, ...]:
        return tuple(one for one in joined if one.startswith(f"urn:ngsi-ld:{kind}:"))

    return NewIncident(
        title=values["title"],
        kind=values["kind"],
        priority=values["priority"] or "high",
        unit=values["unit"],
        place=_place(values),
        words=values["words"],
        suggestions=several(values["suggestion"]),
        key=values["key"] or None,
        alarms=of("Alarm"),
        reports=of("CitizenReport"),
        bulletins=of("Bulletin"),
    )


def _place(values: Mapping[str, str]) -> tuple[float, float] | None:
    if not values["lon"] or not values["lat"]:
        return None
    try:
        return float(values["lon"].replace(",", ".")), float(values["lat"].replace(",", "."))
    except ValueError:
        raise Invalid("The place is two numbers.", field="lon") from None


PAGES = (
    Page("/incidents", listing, "incidents.title", roles=STAFF, menu=Menu("work", 22)),
    Page("/incidents/points.json", points, "incidents.title", roles=STAFF, page=False),
    Page("/incidents/new", new_incident, "incidents.new.title", roles=DIRECTORS),
    Page("/incidents/new", make_incident, "incidents.new.title", methods=("POST",), roles=DIRECTORS),
)
