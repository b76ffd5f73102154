"""The other kinds of rules as text: what holds, what a change would have done over the last 90 days, adopting it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import tomli_w
from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import now_us
from dothi.ground.errors import Invalid
from dothi.hub.model import ABSENT
from dothi.office.rules import adopt, applied, check_day, in_force, inherited, overlay, read, versions
from dothi.office.rules.model import Trial
from dothi.office.rules.service import check, kind_of
from dothi.operations.alarms import trying as handling
from dothi.operations.alarms.handling import KIND as HANDLING
from dothi.operations.events import trial as detections
from dothi.operations.events.rules import KIND as DETECTION_RULES
from dothi.operations.incidents.orders import simulation as orders
from dothi.operations.incidents.orders.rules import KIND as ORDER_RULES
from dothi.operations.incidents.playbooks import simulation as incidents
from dothi.operations.incidents.playbooks.tables import KIND as PLAYBOOKS
from dothi.operations.rules.in_force import KIND as ALARM_RULES
from dothi.operations.shifts import coverage
from dothi.operations.shifts.rules import KIND as SHIFT_RULES
from dothi.programme import simulation
from dothi.web.page import Page, redirect, render, visit, words
from dothi.web.pages.operations.rules.trying import Job, begin
from dothi.web.pages.shown import STAFF, unit_name
from dothi.web.pages.system.rule_sets import (
    FAILED,
    KEEPERS,
    Asked,
    kinds_of,
    own_set,
    own_unit,
    said,
    tomorrow,
    trial_page,
    units_of,
)
from dothi.web.parts import parts

REASON_LETTERS = 10
FIELDS = ("unit", "day", "reason", "text")
Judge = Callable[[Request, str | None, Mapping[str, Any], Mapping[str, Any]], Trial]


def _of_programme(
    kind: str, request: Request, unit: str | None, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Trial:
    return simulation.simulate(parts(request).programme, kind, unit, before, after)


def _of_orders(request: Request, unit: str | None, before: Mapping[str, Any], after: Mapping[str, Any]) -> Trial:
    return orders.simulate(parts(request).operations, unit, before, after)


def _of_shifts(request: Request, unit: str | None, before: Mapping[str, Any], after: Mapping[str, Any]) -> Trial:
    return coverage.simulate(parts(request).operations, unit, before, after)


def _of_incidents(request: Request, unit: str | None, before: Mapping[str, Any], after: Mapping[str, Any]) -> Trial:
    return incidents.simulate(parts(request).operations, unit, before, after)


def _of_alarms(request: Request, unit: str | None, before: Mapping[str, Any], after: Mapping[str, Any]) -> Trial:
    return handling.simulate(parts(request).operations, unit, before, after)


def _of_detections(request: Request, unit: str | None, before: Mapping[str, Any], after: Mapping[str, Any]) -> Trial:
    return detections.simulate(parts(request).operations, unit, before, after)


JUDGES: Mapping[str, Judge] = {
    DETECTION_RULES: _of_detections,
    HANDLING: _of_alarms,
    **{kind: partial(_of_programme, kind) for kind in simulation.TRIALS},
    ORDER_RULES: _of_orders,
    PLAYBOOKS: _of_incidents,
    SHIFT_RULES: _of_shifts,
}


async def rule_text(request: Request) -> Response:
    """Which rules of this kind hold here, and who decided them?"""
    kind = kind_of(parts(request).rules, request.path_params["kind"]).name
    unit = str(request.query_params.get("unit", own_unit(request)))
    reason = {"reason": request.query_params.get("reason", "")[:1000]}  # A finding of a review, quoted.
    return _form(request, kind, unit if not unit or parts(request).territory.knows(unit) else "", reason, {})


async def change_text(request: Request) -> Response:
    """Try a text on the last 90 days; the second step adopts it."""
    rules = parts(request).rules
    kind = kind_of(rules, request.path_params["kind"]).name
    form = await request.form()
    given = {name: str(form.get(name, "")).strip() for name in FIELDS}
    unit = given["unit"]
    if "change" in form:
        return _form(request, kind, unit, given, {})
    try:
        day = check_day(given["day"], now_us())
        text = given["text"]
        after = check(rules, kind, unit, day, read(text))
        if len(given["reason"]) < REASON_LETTERS:
            raise Invalid(field="reason")
        same = next((one for one in versions(rules, kind, unit) if one.valid_from == given["day"]), None)
        asked = Asked(unit, given["day"], given["reason"], text, same.version if same else ABSENT)
        if "adopt" not in form:
            judge = JUDGES.get(kind)
            before = in_force(rules, kind, unit or None)
            if kind == ALARM_RULES:  # Replaying 90 days takes seconds: a thread and a page of its own.
                back = f"/rule-sets/{kind}?unit={unit}"
                name = words(request).t(f"rules.kind.{kind}")
                tried = Job(unit, asked.day, text, asked.version, back, name, before, after, reason=asked.reason)
                return await begin(request, tried)
            found = judge(request, unit or None, before, after) if judge else None
            return trial_page(request, asked, found, given, f"/rule-sets/{kind}")
        await adopt(rules, visit(request).actor, kind, unit, asked.day, asked.text, asked.reason, asked.version)
    except Invalid as error:
        return _form(request, kind, unit, given, {_field(error): said(request, error)})
    return redirect(request, f"/rule-sets/{kind}?unit={unit}", "rules.adopted", day=words(request).date(asked.day))


def _field(error: Invalid) -> str:
    field = str(error.fields.get("field", "text"))
    return {"validFrom": "day"}.get(field, field if field in FIELDS else "text")


def _form(request: Request, kind: str, unit: str, given: Mapping[str, str], problems: Mapping[str, str]) -> Response:
    rules, own = parts(request).rules, own_set(request, kind, unit)
    day = check_day(tomorrow(), 0)
    above = inherited(rules, kind, unit, day)
    return render(
        request,
        "accounts/rule_text.html",
        FAILED if problems else 200,
        kind=kind,
        kinds=kinds_of(request, kind),
        unit=unit,
        unit_word=dict(units_of(request)).get(unit, unit),
        units=units_of(request),
        sets=[(one, unit_name(request, one.unit) if one.unit else "") for one in applied(rules, kind, unit or None)],
        adopted=list(reversed(versions(rules, kind, unit))),
        whole=tomli_w.dumps(overlay(above, own.tables if own else {})),
        own_text=given.get("text", own.text if own else ""),
        day=given.get("day", tomorrow()),
        reason=given.get("reason", ""),
        problems=problems,
        may_keep=bool(visit(request).actor.roles & KEEPERS),
    )


_SAMPLE = {"kind": "programme"}
PAGES = (
    Page("/rule-sets/{kind}", rule_text, "rules.title", roles=STAFF, sample=_SAMPLE),
    Page("/rule-sets/{kind}", change_text, "rules.try", methods=("POST",), roles=KEEPERS, sample=_SAMPLE),
)
