"""The pages of problems: the public register with its open formula, and the room where a person decides."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dothi.citizens.model import Report, State
from dothi.citizens.needs import Citizens, rules_at
from dothi.citizens.problems import service
from dothi.citizens.problems.model import PUBLIC, Likeness, Problem, ProblemState
from dothi.citizens.problems.register import (
    Asked,
    Counted,
    explained,
    priority,
    public_problem,
    ranks,
    register,
    undecided,
)
from dothi.citizens.problems.service import Edit
from dothi.citizens.problems.suggesting import members
from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.hub.model import system
from dothi.web.page import Page, redirect, render, visit, words
from dothi.web.pages.citizens.report import FAILED, communes_of, ours, town_of, unit_name
from dothi.web.pages.shown import collection, feature, find, name_of
from dothi.web.parts import parts

DECIDERS = service.DECIDERS
LISTED = 100
LOOKS: Mapping[ProblemState, tuple[str, str]] = {  # State → kind and icon; the word stands in the catalogue.
    ProblemState.SUGGESTED: ("note", "proposal"),
    ProblemState.REJECTED: ("grey", "bad"),
    ProblemState.CONFIRMED: ("watch", "todo"),
    ProblemState.IN_TASK: ("note", "doing"),
    ProblemState.MENDED: ("good", "good"),
    ProblemState.RECURRING: ("bad", "watch"),
}
_PUBLISHER = system("citizens")


async def problems(request: Request) -> Response:
    """What lies behind many reports here, and what comes first?"""
    here, t = ours(request), words(request).t
    found = register(here, _asked(request))
    standing = sum(one.state is not ProblemState.MENDED for one in found)
    any_ = [("", t("citizens.any"))]
    return render(
        request,
        "citizens/problems/register.html",
        rows=[_row(request, one) for one in found[:LISTED]],
        count=len(found),
        standing=standing,
        mended=len(found) - standing,
        asked=_asked(request),
        categories=[*any_, *((one.id, words(request).pick(one.names)) for one in here.rules.categories.values())],
        states=[*any_, *((state.value, t(f"problems.state.{state}")) for state in PUBLIC)],
        communes=[*any_, *communes_of(here, parts(request).province, words(request).language)],
        terms=rules_at(here).problems.terms,
        sample=rules_at(here).problems.sample,
        start=town_of(here, parts(request).province),
        query=str(request.url.query),
        staff=bool(visit(request).actor.roles & DECIDERS),
    )


def _asked(request: Request) -> Asked:
    given = request.query_params
    return Asked(*(given.get(name, "")[:40] for name in ("unit", "category", "state")))


def _row(request: Request, found: Problem) -> dict[str, Any]:
    kind, icon = LOOKS[found.state]
    return {
        "problem": found,
        "title": _title(request, found),
        "kind": kind,
        "icon_name": icon,
        "state": words(request).t(f"problems.state.{found.state}"),
        "category": _category(request, found.category),
        "place": unit_name(request, found.unit),
    }


def _title(request: Request, found: Problem) -> str:
    return words(request).pick(found.title) or _category(request, found.category)


def _category(request: Request, name: str) -> str:
    known = ours(request).rules.categories.get(name)
    return words(request).pick(known.names) if known else name


async def markers(request: Request) -> Response:
    """The same problems as points, rounded as reports are."""
    features = []
    for one in register(ours(request), _asked(request))[:LISTED]:
        if one.public_place is not None:
            row = _row(request, one)
            name, href = f"{row['title']}: {row['state']}", f"/problems/{one.name}"
            text = str(one.rank) if one.rank and one.state is not ProblemState.MENDED else ""
            said = {
                "id": one.name,
                "name": name,
                "href": href,
                "kind": row["kind"],
                "icon": row["icon_name"],
                "text": text,
            }
            features.append(feature(one.public_place, **said))
    return JSONResponse(collection(features), media_type="application/geo+json")


async def one_problem(request: Request) -> Response:
    """What is it, how pressing is it and why, and what is done about it?"""
    here = ours(request)
    found = public_problem(here, str(request.path_params["problem"]))
    terms = explained(here, found)
    return render(
        request,
        "citizens/problems/one.html",
        **_row(request, found),
        terms=[_term(request, one) for one in terms],
        points=priority(terms),
        ranks=ranks(here, found),
        reports=[_public_report(request, one) for one in members(here, found.reports)],
        tasks=[_task(request, one) for one in found.tasks],
        cause=_cause(request, found),
        sample=rules_at(here).problems.sample,
        staff=service.may_decide(here, visit(request).actor, found),
    )


def _term(request: Request, one: Counted) -> dict[str, Any]:
    return {
        "name": words(request).t(f"problems.term.{one.term.id}"),
        "value": one.value,
        "weight": one.term.weight,
        "full": one.term.full,
        "points": one.points,
    }


def _public_report(request: Request, one: Report) -> dict[str, Any]:
    """What everybody may know of one report: no words of its reporter."""
    return {
        "code": one.code,
        "state": words(request).t(f"citizens.state.{one.state}"),
        "kind": "good" if one.state is State.ANSWERED else "note",
        "filed_at": one.filed_at,
        "closed_at": one.closed_at if one.state is State.ANSWERED else None,
        "reopened": one.reopened,
    }


def _task(request: Request, name: str) -> dict[str, Any]:
    """The task as the city's promises tell it."""
    try:
        found = parts(request).hub.get(_PUBLISHER, name)
    except Missing:
        return {"title": name.rpartition(":")[2], "state": "", "href": ""}
    state = f"evidence.code.{found.value('state')}"
    return {
        "title": str(found.value("title", "")),
        "state": words(request).t(state) if words(request).has(state) else "",
        "href": f"/task/{name.split(':', 3)[3]}" if visit(request).actor.roles & DECIDERS else "/promises",
    }


def _cause(request: Request, found: Problem) -> str:
    names = rules_at(ours(request), found.unit).problems.causes.get(found.cause or "")
    return words(request).pick(names) if names else ""


async def review(request: Request) -> Response:
    """Which reports look like one problem, and wait for a person's yes or no?"""
    found = undecided(ours(request), visit(request).actor)
    rows = [_row(request, one) for one in found[:LISTED]]
    return render(request, "citizens/problems/review.html", rows=rows, count=len(found))


async def decide(request: Request) -> Response:
    """Is this one problem? Why it is suggested, and what a person can do."""
    return _decide(request, {}, {})


def _decide(request: Request, problems: Mapping[str, str], values: Mapping[str, str]) -> Response:
    here, actor = ours(request), visit(request).actor
    found = service.problem(here, actor, str(request.path_params["problem"]))
    reasons = {one.report: one for one in found.reasons}
    causes = rules_at(here, found.unit).problems.causes
    t = words(request).t
    return render(
        request,
        "citizens/problems/decide.html",
        FAILED if problems else 200,
        **_row(request, found),
        reports=[_member(request, one, reasons.get(one.id)) for one in members(here, found.reports)],
        waiting=[_member(request, one, like) for like in found.waiting for one in members(here, (like.report,))],
        may=service.may_decide(here, actor, found),
        cause=_cause(request, found),
        causes=[("", t("citizens.choose")), *((key, words(request).pick(names)) for key, names in causes.items())],
        indicators=[(one.id, name_of(request, one)) for one in find(request, "Indicator", "listed==true", limit=200)],
        tasks=[_task(request, one) for one in found.tasks],
        public=found.state in PUBLIC,
        least=rules_at(here, found.unit).problems.likeness.least,
        problems=problems,
        values={"title": "", "cause": found.cause or "", "cause_words": found.cause_words, "reason": "", "numbers": ""}
        | dict(values),
    )


def _member(request: Request, one: Report, like: Likeness | None) -> dict[str, Any]:
    """A report as the deciding official reads it, with why it is here."""
    return {
        "report": one,
        "like": like,
        "state": words(request).t(f"citizens.state.{one.state}"),
        "kind": "good" if one.state is State.ANSWERED else "note",
    }


async def _confirm(here: Citizens, request: Request, name: str, form: FormData, version: int | None) -> None:
    kept = [str(one) for one in form.getlist("reports")]
    title, cause = str(form.get("title", "")), str(form.get("cause", ""))
    await service.confirm(here, visit(request).actor, name, kept, title, cause, version)


async def _reject(here: Citizens, request: Request, name: str, form: FormData, version: int | None) -> None:
    await service.reject(here, visit(request).actor, name, str(form.get("reason", "")), version)


async def _change(here: Citizens, request: Request, name: str, form: FormData, version: int | None) -> None:
    edit = Edit(
        tuple(str(one) for one in form.getlist("out")),
        tuple(str(form.get("numbers", "")).replace(",", " ").split()),
        *(str(form.get(field, "")) for field in ("title", "cause", "cause_words")),
    )
    await service.change(here, visit(request).actor, name, edit, version)


async def _let_in(here: Citizens, request: Request, name: str, form: FormData, version: int | None) -> None:
    belongs = form.get("belongs") == "yes"
    await service.let_in(here, visit(request).actor, name, str(form.get("report", "")), belongs, version)


async def _propose(here: Citizens, request: Request, name: str, form: FormData, version: int | None) -> None:
    await service.propose(here, visit(request).actor, name, [str(one) for one in form.getlist("indicators")])


async def _mend(here: Citizens, request: Request, name: str, form: FormData, version: int | None) -> None:
    await service.mend(here, visit(request).actor, name, str(form.get("reason", "")), version)


Deed = Callable[[Citizens, Request, str, FormData, int | None], Awaitable[None]]
DEEDS: Mapping[str, Deed] = {
    "confirm": _confirm,
    "reject": _reject,
    "change": _change,
    "let_in": _let_in,
    "propose": _propose,
    "mend": _mend,
}


def _do(verb: str) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of one verb: done, or what to mend on the same page, or told that somebody was faster."""

    async def endpoint(request: Request) -> Response:
        form = await request.form()
        name, said = str(request.path_params["problem"]), str(form.get("version", ""))
        version = int(said) if said.isascii() and said.isdigit() and len(said) < 12 else None
        address = f"/problems/review/{name}"
        try:
            await DEEDS[verb](ours(request), request, name, form, version)
        except Conflict:
            return redirect(request, address, "problems.changed", "warning")
        except Invalid as error:
            field = str(error.fields.get("field", "form"))
            values = {key: str(form.get(key, "")) for key in ("title", "cause", "cause_words", "reason", "numbers")}
            letters = ours(request).rules.limits.reason_letters
            return _decide(request, {field: words(request).t(f"problems.mend.{field}", letters=letters)}, values)
        return redirect(request, address, f"problems.did.{verb}")

    return endpoint


PAGES = (
    Page("/problems", problems, "problems.register.title"),
    Page("/problems.geojson", markers, "problems.register.title", page=False),
    Page("/problems/review", review, "problems.review.title", roles=DECIDERS),
    Page("/problems/review/{problem}", decide, "problems.decide.title", roles=DECIDERS),
    *(
        Page(
            f"/problems/review/{{problem}}/{verb}", _do(verb), f"problems.verb.{verb}", ("POST",), DECIDERS, page=False
        )
        for verb in DEEDS
    ),
    Page("/problems/{problem}", one_problem, "problems.one.title"),
)
