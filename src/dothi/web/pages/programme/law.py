"""Legal bases: what is in force, what rests on each, and which article follows one that has ended."""

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import now_us
from dothi.ground.errors import Conflict, Invalid
from dothi.hub.language.nodes import Compare, Query, TypeIs
from dothi.programme import law
from dothi.programme.model import Provision
from dothi.programme.tasks.workflow import today
from dothi.web.page import Page, redirect, render, visit, words
from dothi.web.pages.programme.overview import FAILED, OFFICERS
from dothi.web.pages.programme.tasks import basis_of
from dothi.web.pages.shown import STAFF, bare, entity_id, name_of
from dothi.web.pages.walk import href_of, type_name
from dothi.web.parts import parts

KEEPERS = frozenset({"programme_officer"})
STATES = {"in_force": ("good", "good"), "ahead": ("note", "clock"), "ended": ("grey", "cross")}
EXAMPLE = "269-2025-nd-cp:d6:k2:dd"


def state_of(one: Provision) -> str:
    """Whether a provision is in force today, lies ahead or has ended."""
    day = today(now_us())
    if one.valid_to is not None and one.valid_to < day:
        return "ended"
    return "ahead" if (one.valid_from or "") > day else "in_force"


async def laws(request: Request) -> Response:
    """Which articles oblige the city, and which of them have ended?"""
    here, actor = parts(request).programme, visit(request).actor
    rows = [_row(request, name, one) for name, one in law.provisions(here, actor)]
    return render(
        request,
        "programme/laws.html",
        rows=rows,
        ended=sum(one["state"] == "ended" and bool(one["tasks"]) for one in rows),
        may_issue=bool(actor.roles & OFFICERS),
    )


def _row(request: Request, name: str, one: Provision) -> dict[str, object]:
    state = state_of(one)
    query = Query(TypeIs("Task"), q=Compare(("legalBasis",), "==", name), limit=0, count=True)
    return {
        "id": name,
        "href": f"/law/{bare(name)}",
        "cite": law.cite(one),
        "provision": one,
        "state": state,
        "kind": STATES[state][0],
        "icon": STATES[state][1],
        "tasks": parts(request).hub.query(visit(request).actor, query).count or 0,
    }


async def one_law(request: Request) -> Response:
    """What rests on this article, and is it still in force?"""
    return _law(request, {}, {})


def _law(request: Request, problems: dict[str, str], values: dict[str, str]) -> Response:
    here, actor = parts(request).programme, visit(request).actor
    name = entity_id("LegalBasis", request.path_params["basis"])
    one = law.provision(here, actor, name)
    groups = law.resting(here, actor, name)
    known = [(other, law.cite(found)) for other, found in law.provisions(here, actor) if other != name]
    return render(
        request,
        "programme/law.html",
        FAILED if problems else 200,
        row=_row(request, name, one),
        follows=basis_of(request, one.replaced_by),
        whole=sum(group.count for group in groups),
        groups=[
            (
                type_name(request, group.type),
                [(name_of(request, each), href_of(each) or f"/walk/{each.id}") for each in group.entities],
                group.count - len(group.entities),
            )
            for group in groups
        ],
        known=known,
        may_issue=bool(actor.roles & OFFICERS),
        may_keep=bool(actor.roles & KEEPERS),
        problems=problems,
        values={"successor": "", "last_day": "", "reason": ""} | values,
    )


async def replace(request: Request) -> Response:
    """The article ends, and another follows."""
    form = await request.form()
    said = {name: str(form.get(name, "")).strip() for name in ("successor", "last_day", "reason")}
    name = entity_id("LegalBasis", request.path_params["basis"])
    lacking = {key: words(request).t(f"plans.mend.law_{key}") for key, value in said.items() if not value}
    if lacking:
        return _law(request, lacking, said)
    try:
        await law.replace(parts(request).programme, visit(request).actor, name, **said)
    except Conflict:
        return redirect(request, f"/law/{bare(name)}", "programme.changed", "warning")
    except Invalid as error:
        field = str(error.fields.get("field", "successor"))
        field = field if field in said else "successor"
        return _law(request, {field: words(request).t(f"plans.mend.law_{field}")}, said)
    return redirect(request, f"/law/{bare(name)}", "plans.did.replaced")


PAGES = (
    Page("/laws", laws, "programme.laws", roles=STAFF),
    Page("/law/{basis}", one_law, "programme.law.cite", roles=STAFF, sample={"basis": EXAMPLE}),
    Page("/law/{basis}/replace", replace, "programme.law.cite", methods=("POST",), roles=KEEPERS, page=False),
)
