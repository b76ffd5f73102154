"""Issuing: a task that is clear in all five, from an article, a target or a proposal; and proposals decided."""

from collections.abc import Mapping
from itertools import chain
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing
from dothi.hub.model import Entity
from dothi.programme import law
from dothi.programme.model import NewTask, level_of, several
from dothi.programme.plans import documents, projects, targets
from dothi.programme.tasks import service
from dothi.programme.tasks.workflow import FIVE_CLEAR
from dothi.web.page import Page, redirect, render, visit, words
from dothi.web.pages.programme.overview import (
    FAILED,
    OFFICERS,
    SOURCES_SHOWN,
    check_due,
    kinds_of_evidence,
    mended,
    units_of_city,
)
from dothi.web.pages.shown import STAFF, entity_id, find, name_of, named, unit_name
from dothi.web.parts import parts

SAID = (
    *("title", "lead", "responsible", "due", "starts", "output", "evidence_kind", "legal_basis", "proposal"),
    *("plan", "project", "kind"),
)
MANY = ("units", "cooperating", "indicators", "targets")
CHOSEN_MAX = 200  # Of a list to choose from.


async def new_task(request: Request) -> Response:
    """A task that is clear in all five, from an article, a proposal or nothing."""
    if request.method == "GET":
        return _new(request, _prefilled(request), {})
    form = await request.form()
    said = {name: str(form.get(name, "")).strip() for name in SAID}
    several_said = {name: [str(one) for one in form.getlist(name) if one] for name in MANY}
    problems = _unclear(request, said, several_said)
    if problems:
        return _new(request, said | several_said, problems)
    try:
        made = await _issue(request, said, several_said)
    except Conflict:
        return redirect(request, "/proposals", "programme.decided_already", "warning")
    except Invalid as error:
        return _new(request, said | several_said, mended(request, error))
    except Forbidden:
        return _new(request, said | several_said, {"units": words(request).t("programme.mend.area")})
    return redirect(request, f"/task/{made.split(':', 3)[3]}", "programme.issued")


async def _issue(request: Request, said: Mapping[str, str], many: Mapping[str, list[str]]) -> str:
    new = NewTask(
        title=said["title"],
        lead=said["lead"],
        due=said["due"],
        output=said["output"],
        units=tuple(many["units"]),
        legal_basis=said["legal_basis"] or None,
        cooperating=tuple(many["cooperating"]),
        indicators=tuple(many["indicators"]),
        responsible=said["responsible"],
        evidence_kind=said["evidence_kind"],
        solution=said["kind"] == "solution",
        plan=said["plan"] or None,
        project=said["project"] or None,
        targets=tuple(many["targets"]),
        starts=said["starts"],
    )
    here, actor = parts(request).programme, visit(request).actor
    if said["proposal"]:
        return await service.accept(here, actor, said["proposal"], new)
    return await service.issue_task(here, actor, new)


def _unclear(request: Request, said: Mapping[str, str], many: Mapping[str, list[str]]) -> dict[str, str]:
    """What is missing of the five, by field, in the order of the form."""
    t = words(request).t
    missing = {
        name: t(f"programme.mend.{name}")
        for name in chain.from_iterable(FIVE_CLEAR.values())
        if not (many.get(name) or said.get(name))
    }
    if said["due"] and "due" not in missing:
        try:
            check_due(request, said["due"])
        except Invalid as error:
            missing["due"] = error.detail
    order = ("title", "lead", "responsible", "units", "due", "output", "evidence_kind")
    return {name: missing[name] for name in order if name in missing}


def _prefilled(request: Request) -> dict[str, Any]:
    """The form as an article or a proposal suggests it."""
    asked = request.query_params
    values: dict[str, Any] = dict.fromkeys(SAID, "") | {name: [] for name in MANY}
    values |= {"legal_basis": asked.get("basis", "")[:300], "kind": "task", "evidence_kind": "minutes"}
    values |= {"plan": asked.get("plan", "")[:300], "project": asked.get("project", "")[:300]}
    own = visit(request).actor.areas
    if len(own) == 1 and level_of(min(own)) == "commune":  # Who works for one commune issues its own tasks.
        values |= {"lead": min(own), "units": [min(own)]}
    if goal := asked.get("target", ""):
        values |= _from_target(request, goal)
    if name := asked.get("proposal", ""):
        proposal = _proposal(request, name)
        unit = proposal.value("unit", "")
        values |= {"proposal": name, "title": name_of(request, proposal), "lead": unit, "units": [unit] if unit else []}
        values["indicators"] = list(several(proposal.value("indicators")))
    return values


def _new(request: Request, values: Mapping[str, Any], problems: Mapping[str, str]) -> Response:
    t, here, actor = words(request).t, parts(request).programme, visit(request).actor
    plans = documents.documents(here, actor, "Plan")
    goals = targets.targets_of(here, actor)
    laws = [(name, f"{law.cite(one)}: {one.summary}"[:140]) for name, one in law.provisions(here, actor)]
    proposal = _proposal(request, values["proposal"]) if values["proposal"] else None
    return render(
        request,
        "programme/tasks/new.html",
        FAILED if problems else 200,
        values=values,
        problems=problems,
        units=units_of_city(request),
        evidence_kinds=[("", t("programme.new.choose")), *kinds_of_evidence(request)],
        plans=[("", t("plans.new.no_plan")), *((one.id, f"{one.code} {one.title}"[:140]) for one in plans)],
        projects=[
            ("", t("plans.new.no_project")),
            *((one.id, f"{one.code} {one.title}"[:140]) for one in projects.projects(here, actor)),
        ],
        goals=[(one.id, f"{one.title} ({one.year})"[:140]) for one in goals[:CHOSEN_MAX]],
        laws=[("", t("programme.no_basis")), *laws],
        indicators=[(one.id, name_of(request, one)) for one in find(request, "Indicator", limit=200)],
        proposal=_shown(request, proposal) if proposal else None,
    )


def _from_target(request: Request, name: str) -> dict[str, Any]:
    """What a target says already: its law, its indicator, its place."""
    one = targets.target(parts(request).programme, visit(request).actor, name)
    return {
        "targets": [one.id],
        "indicators": [one.indicator] if one.indicator else [],
        "legal_basis": one.legal_basis or "",
        "units": [one.unit],
    }


def _proposal(request: Request, name: str) -> Entity:
    found = parts(request).hub.get(visit(request).actor, name)
    if "Proposal" not in found.types:
        raise Missing(f"{name} is not a proposal.")
    return found


def _shown(request: Request, proposal: Entity) -> dict[str, Any]:
    sources = several(proposal.value("sources"))
    return {
        "id": proposal.id,
        "title": name_of(request, proposal),
        "reasons": _reasons(request, proposal),
        "place": unit_name(request, proposal.value("unit")),
        "sources": [(named(request, one), f"/walk/{one}") for one in sources[:SOURCES_SHOWN]],
        "count": len(sources),
        "at": proposal.created_at,
    }


def _reasons(request: Request, proposal: Entity) -> list[str]:
    """Why it is proposed, in words: reports that recur are counted, other reasons stand as they came."""
    said, t = proposal.value("reasons", []), words(request).t
    if isinstance(said, Mapping) and {"count", "since", "until"} <= said.keys():
        days = {name: words(request).date(said[name]) for name in ("since", "until")}
        again = [t("programme.proposal.reopened", n=said["reopened"])] if said.get("reopened") else []
        course = _course(request, said)
        return [t("programme.proposal.recurring", n=said["count"], **days), *again, *course]
    return [words(request).pick(one) for one in (said if isinstance(said, list) else [said])]


def _course(request: Request, said: Mapping[str, Any]) -> list[str]:
    """How often it came back, and what a person named as its cause."""
    t, found = words(request).t, []
    if said.get("recurrences"):
        found.append(t("problems.came_back", n=said["recurrences"], days=said.get("intervalDays") or 0))
    names = parts(request).citizens.rules.problems.causes.get(str(said.get("cause", "")))
    return [*found, t("problems.cause_is", cause=words(request).pick(names))] if names else found


async def proposals(request: Request) -> Response:
    """What is proposed, and waits for a person's yes or no?"""
    return _proposals(request, {})


def _proposals(request: Request, problems: Mapping[str, str]) -> Response:
    actor = visit(request).actor
    rows = [_shown(request, one) for one in service.proposals(parts(request).programme, actor)]
    may = bool(actor.roles & OFFICERS)
    return render(
        request,
        "programme/tasks/proposals.html",
        FAILED if problems else 200,
        rows=rows,
        problems=problems,
        may_decide=may,
    )


async def decline(request: Request) -> Response:
    """A person says no, and why."""
    form = await request.form()
    name, reason = entity_id("Proposal", request.path_params["proposal"]), str(form.get("reason", "")).strip()
    if not reason:
        field = f"reason-{request.path_params['proposal'].rpartition(':')[2]}"
        return _proposals(request, {field: words(request).t("programme.mend.decline")})
    try:
        await service.decline(parts(request).programme, visit(request).actor, name, reason)
    except Conflict:
        return redirect(request, "/proposals", "programme.decided_already", "warning")
    return redirect(request, "/proposals", "programme.declined")


PAGES = (
    Page("/task/new", new_task, "programme.new.title", methods=("GET", "POST"), roles=OFFICERS),
    Page("/proposals", proposals, "programme.proposals.title", roles=STAFF),
    Page("/proposals/{proposal}/decline", decline, "programme.decline", methods=("POST",), roles=OFFICERS, page=False),
)
