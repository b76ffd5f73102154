"""The life cycle of data on one page: what is over today, proposed, held, was ended, and the policy."""

from collections.abc import Iterable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import now_us
from dothi.ground.errors import Conflict, Forbidden, Invalid
from dothi.hub.model import Actor
from dothi.office.lifecycle import holds as holding
from dothi.office.lifecycle.disposals import proposing
from dothi.office.lifecycle.disposals.due import coming, dry_run
from dothi.office.lifecycle.model import KEEPERS, Line, Proposal, State
from dothi.office.lifecycle.rules import DataClass, policy_at
from dothi.web.page import Menu, Page, redirect, render, visit, words
from dothi.web.pages.shown import unit_name, who
from dothi.web.parts import parts

READERS = KEEPERS | {"leader", "assessor"}
FAILED = 422
LISTED = 50
_NOTHING = dict.fromkeys(("class", "title", "why", "things", "types", "units"), "")
HOLD_LISTS = ("things", "types", "units")


async def overview(request: Request) -> Response:
    """What of our data is over, who decides it, and what was destroyed?"""
    return _page(request, _NOTHING, {})


async def propose(request: Request) -> Response:
    """Propose that what is due of a class goes."""
    given = await _given(request)
    field = f"reason-{given['class']}"
    try:
        await proposing.propose(
            parts(request).life, visit(request).actor, given["class"], given.get("unit", ""), given.get(field, "")
        )
    except (Invalid, Conflict) as error:
        return _page(request, given, {field: _said(request, error)})
    return redirect(request, "/lifecycle", "lifecycle.proposed")


async def decide(request: Request) -> Response:
    """Approve or refuse a proposal of somebody else."""
    given, name = await _given(request), str(request.path_params["name"])
    approve = "approve" in given
    try:
        await proposing.decide(parts(request).life, visit(request).actor, name, approve, given.get(f"why-{name}", ""))
    except (Invalid, Conflict, Forbidden) as error:
        return _page(request, given, {f"why-{name}": _said(request, error)})
    return redirect(request, "/lifecycle", "lifecycle.approved" if approve else "lifecycle.refused")


async def place(request: Request) -> Response:
    """Hold things, types or units."""
    given = await _given(request)
    things, types, units = (tuple(given.get(name, "").replace(",", " ").split()) for name in HOLD_LISTS)
    wanted = holding.Wanted(given.get("title", ""), given.get("why", ""), things, (), types, units)
    try:
        await holding.place(parts(request).life, visit(request).actor, wanted)
    except Invalid as error:
        return _page(request, given, {str(error.fields.get("field", "title")): _said(request, error)})
    return redirect(request, "/lifecycle", "lifecycle.placed")


async def lift(request: Request) -> Response:
    """End a hold."""
    given, name = await _given(request), str(request.path_params["name"])
    try:
        await holding.lift(parts(request).life, visit(request).actor, name, given.get(f"why-{name}", ""))
    except (Invalid, Conflict) as error:
        return _page(request, given, {f"why-{name}": _said(request, error)})
    return redirect(request, "/lifecycle", "lifecycle.lifted")


async def _given(request: Request) -> dict[str, str]:
    form = await request.form()
    return {**_NOTHING, **{name: str(value) for name, value in form.items()}}


def _said(request: Request, error: Invalid | Conflict | Forbidden) -> str:
    field = str(error.fields.get("field", ""))
    key = f"lifecycle.mend.{field}"
    return f"{words(request).t(key)} ({error.detail})" if words(request).has(key) else error.detail


def _page(request: Request, given: Mapping[str, str], problems: Mapping[str, str]) -> Response:
    life, now = parts(request).life, now_us()
    lines, classes = dry_run(life, now), {one.id: one for one in policy_at(life.rules).classes}
    found, years = proposing.proposals(life)[:LISTED], coming(life, now)
    names = {name: one.name(words(request).language) for name, one in classes.items()}
    actor = visit(request).actor
    return render(
        request,
        "lifecycle/overview.html",
        FAILED if problems else 200,
        due=sum(line.hot + line.cold for line in lines),
        held=sum(line.held for line in lines),
        groups=_groups(request, lines, classes),
        years=years,
        most=max(years.values(), default=0),
        waiting=[_waiting(request, one, actor) for one in found if one.state is State.PROPOSED],
        under_way=[one for one in found if one.state in (State.APPROVED, State.RUNNING)],
        records=proposing.records(life)[:LISTED],
        holds=[(one, who(request, one.placed_by)) for one in holding.holds(life)[:LISTED]],
        classes=list(classes.values()),
        names=names,
        cited=_cited(request, classes.values()),
        keeps=bool(actor.roles & KEEPERS),
        given=given,
        problems=problems,
        who=lambda name: who(request, name),
        unit_name=lambda code: unit_name(request, code) if code else words(request).t("rules.city"),
        size=lambda count: _size(request, count),
    )


def _cited(request: Request, classes: Iterable[DataClass]) -> dict[str, str]:
    """The citations of the provisions on which classes rest; "" where nobody has entered one yet."""
    named = {name for one in classes for name in one.basis}
    known = parts(request).hub.some(visit(request).actor, named)
    return {name: str(known[name].value("citation", "")) if name in known else "" for name in named}


def _groups(request: Request, lines: list[Line], classes: Mapping[str, DataClass]) -> list[dict[str, Any]]:
    """What is due, class by class: sums, and the units below."""
    found: dict[str, dict[str, Any]] = {}
    for line in lines:
        one = found.setdefault(line.data_class, {"id": line.data_class, "count": 0, "bytes": 0, "held": 0, "rows": []})
        one["count"] += line.hot + line.cold
        one["bytes"] += line.bytes
        one["held"] += line.held
        one["oldest"] = min(filter(None, (one.get("oldest"), line.oldest)), default="")
        one["rows"].append(line)
        one["then"] = line.then
    waits = {one.data_class for one in proposing.proposals(parts(request).life, open_only=True)}
    return [{**one, "waits": name in waits} for name, one in found.items() if name in classes]


def _waiting(request: Request, one: Proposal, actor: Actor) -> dict[str, Any]:
    """A proposal with who may decide it."""
    mine = one.proposed_by == actor.id
    sums = {name: sum(int(line.get(name, 0)) for line in one.lines) for name in ("hot", "cold", "bytes", "held")}
    role = words(request).t(f"role.{one.approver}")
    return {"one": one, "sums": sums, "mine": mine, "may": one.approver in actor.roles and not mine, "role": role}


def _size(request: Request, count: int) -> str:
    """Bytes as people say them."""
    value, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{words(request).number(value, 0 if unit == 'B' else 1)} {unit}"


PAGES = (
    Page("/lifecycle", overview, "lifecycle.title", roles=READERS, menu=Menu("system", 57)),
    Page("/lifecycle/proposals", propose, "lifecycle.title", ("POST",), KEEPERS, page=False),
    Page("/lifecycle/proposals/{name}", decide, "lifecycle.title", ("POST",), READERS, page=False),
    Page("/lifecycle/holds", place, "lifecycle.title", ("POST",), KEEPERS, page=False),
    Page("/lifecycle/holds/{name}", lift, "lifecycle.title", ("POST",), KEEPERS, page=False),
)
