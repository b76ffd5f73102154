"""The page on which directives are chased: what is late, what was said when, and what units explain."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import now_us
from dothi.ground.errors import Conflict, Forbidden, Invalid
from dothi.programme import chasing as chased
from dothi.programme.council import explanations
from dothi.programme.tasks import service as tasks
from dothi.web.page import Page, redirect, render, visit, words
from dothi.web.pages.council.forms import FAILED, OFFICERS, called, home, may_edit, ours, rooms, wrong
from dothi.web.pages.programme.overview import row
from dothi.web.pages.shown import STAFF, bare, entity_id, who

LOOKS = {"soon": ("watch", "clock"), "late": ("bad", "late"), "escalated": ("bad", "watch")}
EXPLAINED = {"asked": ("watch", "clock"), "unanswered": ("bad", "late"), "answered": ("good", "good")}
LISTED = 200


async def chasing(request: Request) -> Response:
    """What is late, who was told, and what do they say?"""
    return _page(request, {}, {})


def _page(request: Request, problems: Mapping[str, str], values: Mapping[str, str]) -> Response:
    here, actor, now = ours(request), visit(request).actor, now_us()
    rows = [row(request, one, now) for one in tasks.tasks(here, actor, "open==true")]
    late = [one for one in rows if one.standing == "late"]
    said = explanations.explanations(here, actor)
    asked = {one.subject for one in said if one.state != "answered"}
    trail = chased.reminders(here, actor, limit=LISTED)
    return render(
        request,
        "council/chasing.html",
        FAILED if problems else 200,
        rooms=rooms(request, "/chasing"),
        late=[(one, bare(one.task.id), one.task.id in asked) for one in late[:LISTED]],
        late_count=len(late),
        soon=sum(one.standing == "soon" for one in rows),
        red=[_red(request, one, asked) for one in explanations.red_figures(here, actor)[:LISTED]],
        trail=[(one, *_look(request, one.kind), called(request, one.assignee)) for one in trail],
        explanations=[_explained(request, one) for one in said[:LISTED]],
        rules=chased.rules_at(here, home(request) or None),
        problems=problems,
        values={"question": "", "hours": ""} | dict(values),
        may_edit=may_edit(request),
    )


def _red(request: Request, one: explanations.RedFigure, asked: set[str]) -> dict[str, object]:
    field = f"question-{bare(one.id).replace(':', '-').replace('.', '-')}"
    return {"one": one, "unit": called(request, one.unit), "field": field, "asked": one.id in asked}


def _look(request: Request, kind: str) -> tuple[str, str, str]:
    """(word, kind of tag, icon) of a reminder; a rule that a city added is told by its own name."""
    key = f"council.reminder.{kind}"
    word = words(request).t(key) if words(request).has(key) else kind
    return (word, *LOOKS.get(kind, ("watch", "clock")))


def _explained(request: Request, one: explanations.Explanation) -> dict[str, object]:
    kind, icon = EXPLAINED[one.state]
    return {
        "one": one,
        "href": f"/explanations/{bare(one.id)}",
        "unit": called(request, one.assignee),
        "kind": kind,
        "icon_name": icon,
        "subject": f"/walk/{one.subject}",
    }


async def ask(request: Request) -> Response:
    """Ask a unit to explain."""
    form = await request.form()
    subject = str(form.get("subject", ""))
    said = {"question": str(form.get("question", "")).strip(), "hours": str(form.get("hours", "")).strip()}
    rules = chased.rules_at(ours(request), home(request) or None)
    hours = float(said["hours"]) if said["hours"].replace(".", "", 1).isdigit() else rules.explain_hours
    field = f"question-{bare(subject).replace(':', '-').replace('.', '-')}"
    try:
        if hours > rules.explain_most:
            raise Invalid(field="hours")
        await explanations.ask_explanation(ours(request), visit(request).actor, subject, said["question"], hours)
    except Conflict:
        return redirect(request, "/chasing", "council.not_red", "warning")
    except Invalid as error:
        return _page(request, {field: next(iter(wrong(request, error).values()))}, said)
    return redirect(request, "/chasing", "council.did.explanation")


async def explanation(request: Request) -> Response:
    """What is asked of this unit, and what does it say?"""
    return _one(request, {}, {"answer": ""})


def _found(request: Request) -> explanations.Explanation:
    name = entity_id("ExplanationRequest", request.path_params["explanation"])
    return explanations.one_explanation(ours(request), visit(request).actor, name)


def _one(request: Request, problems: Mapping[str, str], values: Mapping[str, str]) -> Response:
    found, actor = _found(request), visit(request).actor
    mine = found.state != "answered" and (not actor.areas or found.assignee in actor.areas)
    status = FAILED if problems else 200
    shown = _explained(request, found)
    asked_by = who(request, found.asked_by)
    return render(
        request,
        "council/explanation.html",
        status,
        **shown,
        mine=mine,
        asked_by=asked_by,
        problems=problems,
        values=values,
    )


async def explain(request: Request) -> Response:
    """The unit answers."""
    form = await request.form()
    answer = str(form.get("answer", ""))
    address = f"/explanations/{request.path_params['explanation']}"
    try:
        await explanations.explain(ours(request), visit(request).actor, _found(request).id, answer)
    except Invalid as error:
        return _one(request, wrong(request, error), {"answer": answer})
    except Forbidden:
        return _one(request, {"answer": words(request).t("council.problem.not_yours")}, {"answer": answer})
    except Conflict:
        return redirect(request, address, "council.closed", "warning")
    return redirect(request, address, "council.did.explained")


PAGES = (
    Page("/chasing", chasing, "council.chasing.title", roles=STAFF),
    Page("/chasing/ask", ask, "council.chasing.ask", methods=("POST",), roles=OFFICERS, page=False),
    Page("/explanations/{explanation}", explanation, "council.explanation.title", roles=STAFF),
    Page(
        "/explanations/{explanation}/answer",
        explain,
        "council.explanation.answer",
        methods=("POST",),
        roles=STAFF,
        page=False,
    ),
)
