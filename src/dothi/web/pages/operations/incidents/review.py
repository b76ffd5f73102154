"""The after-action review: how it went by the clock, what was learnt, and where each finding leads."""

from collections.abc import Mapping
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import from_iso, now_us
from dothi.ground.errors import Conflict, Invalid
from dothi.operations.incidents import review
from dothi.operations.incidents.model import Incident, State
from dothi.operations.incidents.playbooks.course import Moment, course, score
from dothi.operations.incidents.playbooks.tables import KIND
from dothi.operations.incidents.service import incident
from dothi.operations.incidents.workflow import DIRECTORS
from dothi.web.page import Page, redirect, render, visit, words
from dothi.web.pages.operations.incidents.orders import moment
from dothi.web.pages.operations.incidents.shown import row, thing
from dothi.web.pages.shown import STAFF, find, lasting, who
from dothi.web.parts import parts

FAILED = 422


async def one_review(request: Request) -> Response:
    """How did it go, what was learnt, and where does it lead?"""
    return _page(request, _found(request), {})


def _found(request: Request) -> Incident:
    return incident(parts(request).operations, visit(request).actor, str(request.path_params["reviewed"]))


def _page(request: Request, found: Incident, problems: Mapping[str, str], status: int = 200) -> Response:
    here, actor, t = parts(request).operations, visit(request).actor, words(request).t
    one = review.review(here, actor, found.name)
    findings = [_finding(request, found, one, each) for each in (one.findings if one else ())]
    waiting = sum(not each["led"] for each in findings)
    return render(
        request,
        "operations/incidents/review.html",
        status,
        one=one,
        incident=found,
        row=row(request, found),
        moments=_moments(request, course(here, found)),
        score=score(found, now_us()),
        findings=findings,
        answer=_answer(request, found, one, len(findings), waiting),
        waiting=waiting,
        may=bool(actor.roles & DIRECTORS) and (one is None or one.state == "draft"),
        may_begin=found.state is State.CLOSED,
        kinds=[(kind, _kind_word(request, kind)) for kind in parts(request).rules.kinds],
        indicators=[(each.id, words(request).pick(each.value("name"))) for each in find(request, "Indicator")],
        problems=problems,
        state=t(f"incidents.review.{one.state}") if one else "",
    )


def _answer(request: Request, found: Incident, one: review.Review | None, count: int, waiting: int) -> str:
    t = words(request).t
    if one is None:
        return t("incidents.review.not_begun" if found.state is State.CLOSED else "incidents.review.not_closed")
    if one.state == "finished":
        return t("incidents.review.over", n=count)
    left = words(request).left(from_iso(one.due)) if one.due else ""
    return t("incidents.review.answer", n=count, waiting=waiting, left=left)


def _moments(request: Request, moments: list[Moment]) -> list[dict[str, object]]:
    """The course as rows: what, when, how long after it began, and whether in time."""
    begun = moments[0].at if moments else 0
    return [
        {
            "what": words(request).t(f"incidents.moment.{one.what}"),
            "name": one.name,
            "time": moment(request, one.at),
            "at": one.at,
            "after": lasting(request, max(one.at - begun, 0) // 60_000_000 * 60)
            if one.at - begun >= 60_000_000
            else "",
            "late": one.late,
            "in_time": one.due is not None and not one.late,
        }
        for one in moments
    ]


def _kind_word(request: Request, kind: str) -> str:
    key = f"rules.kind.{kind}"
    return words(request).t(key) if words(request).has(key) else kind


def _finding(request: Request, found: Incident, one: review.Review | None, each: review.Finding) -> dict[str, object]:
    """A finding with where it leads, and what still has to happen."""
    here = parts(request).operations
    assert one is not None
    reason = words(request).t("incidents.review.quoted", number=found.name, words=each.words)
    changed = review.changed_by(here, one, each) if each.leads is review.Leads.RULE else None
    return {
        "id": each.id,
        "words": each.words,
        "by": who(request, each.by),
        "leads": each.leads.value,
        "led": review.led(here, one, each),
        "why": each.why,
        "kind": _kind_word(request, each.target) if each.leads is review.Leads.RULE else "",
        "href": f"/rule-sets/{each.target}?unit={found.unit}&reason={quote(reason)}",
        "changed": words(request).date(changed.valid_from) if changed else "",
        "proposal": thing(request, each.target) if each.leads is review.Leads.TASK else None,
    }


async def do(request: Request) -> Response:
    """One deed of the review."""
    here, actor, found = parts(request).operations, visit(request).actor, _found(request)
    form = await request.form()
    verb = str(request.path_params["verb"])
    said = {name: str(value).strip() for name, value in form.items() if isinstance(value, str)}
    name, finding = found.name, said.get("finding", "")
    try:
        if verb == "begin":
            await review.start_review(here, actor, name)
        elif verb == "write":
            await review.write_review(here, actor, name, said.get("well", ""), said.get("badly", ""))
        elif verb == "finding":
            await review.add_finding(here, actor, name, said.get("words", ""))
        elif verb == "rule":
            await review.lead_to_rule(here, actor, name, finding, said.get("kind", KIND))
        elif verb == "task":
            await review.lead_to_task(here, actor, name, finding, [one for one in [said.get("indicator", "")] if one])
        elif verb == "none":
            await review.lead_nowhere(here, actor, name, finding, said.get("why", ""))
        elif verb == "finish":
            await review.finish(here, actor, name)
        else:
            raise Invalid(field="other")
    except (Invalid, Conflict) as wrong:
        return _wrong(request, found, verb, finding, wrong)
    return redirect(request, f"/incident/{name}/review", f"incidents.review.did_{verb}")


def _wrong(request: Request, found: Incident, verb: str, finding: str, wrong: Invalid | Conflict) -> Response:
    guard, field = wrong.fields.get("guard", ""), str(wrong.fields.get("field", ""))
    if isinstance(wrong, Conflict) and not guard:
        return redirect(request, f"/incident/{found.name}/review", "incidents.overtaken", "warning")
    target = f"why-{finding}" if verb == "none" else field or "words"
    key = "incidents.guard.led" if guard == "led" else f"incidents.mend.{field}"
    text = words(request).t(key if words(request).has(key) else "incidents.mend.something")
    return _page(request, found, {target: text}, FAILED)


PAGES = (
    Page("/incident/{reviewed}/review", one_review, "type.IncidentReview", roles=STAFF),
    Page(
        "/incident/{reviewed}/review/{verb}",
        do,
        "type.IncidentReview",
        methods=("POST",),
        roles=DIRECTORS,
        sample={"verb": "write"},
    ),
)
