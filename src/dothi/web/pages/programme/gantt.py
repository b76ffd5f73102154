"""Tasks over time, drawn by the server, beside what the city knew on any earlier day."""

from datetime import date

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import now_us
from dothi.programme.plans import documents, reading
from dothi.programme.tasks import gantt
from dothi.programme.tasks.workflow import check_instant, today
from dothi.web.page import Page, render, visit, words
from dothi.web.pages.programme.overview import row
from dothi.web.pages.shown import STAFF, bare, entity_id, named
from dothi.web.parts import parts

WIDTH = 1000  # Of the drawing, in its own units.
LEAST = 6  # The shortest bar that can be seen.
SHOWN = 200


async def chart(request: Request) -> Response:
    """When is what to be done, and what has slipped since a day?"""
    here, actor, now = parts(request).programme, visit(request).actor, now_us()
    asked, day = request.query_params.get("plan", "")[:300], request.query_params.get("baseline", "")
    plan = documents.document(here, actor, entity_id("Plan", asked), "Plan") if asked else None
    of = {"plan": plan.id} if plan else {}
    listed = reading.tasks_shown(here, actor, "all" if plan else "open", now, limit=SHOWN, offset=0, **of)
    wrong = bool(day) and not _past_day(day, now)
    then = None
    if day and not wrong:
        then = gantt.baseline_of(here, actor, listed, check_instant(day))
    drawn = gantt.chart(listed, now, then)
    return render(
        request,
        "programme/gantt.html",
        plan=plan,
        plan_href=f"/plan/{bare(plan.id)}" if plan else "",
        plans=[
            ("", words(request).t("plans.gantt.all")),
            *((bare(one.id), f"{one.code} {one.title}"[:120]) for one in documents.documents(here, actor, "Plan")),
        ],
        chosen=bare(plan.id) if plan else "",
        baseline=day,
        problems={"baseline": words(request).t("plans.mend.baseline")} if wrong else {},
        compared=then is not None,
        bars=[_drawn(request, drawn, bar, now) for bar in drawn.bars],
        months=[(one, round(drawn.share(one.start) * WIDTH)) for one in drawn.months],
        today=round(drawn.share(now) * WIDTH),
        slipped=len(gantt.slips(drawn.bars)),
        fresh=sum(then is not None and bar.then is None for bar in drawn.bars),
        width=WIDTH,
    )


def _past_day(day: str, now: int) -> bool:
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return day <= today(now)


def _drawn(request: Request, drawn: gantt.Chart, bar: gantt.Bar, now: int) -> dict[str, object]:
    """One bar in the drawing's units, with the words that say the same."""
    start, end = (round(drawn.share(at) * WIDTH) for at in (bar.start, bar.end))
    then = round(drawn.share(bar.then.due) * WIDTH) if bar.then else None
    return {
        "row": row(request, bar.task, now),
        "x": start,
        "width": max(LEAST, end - start),
        "done": max(LEAST, end - start) * bar.task.progress // 100,
        "original": round(drawn.share(bar.original) * WIDTH),
        "then": then,
        "then_due": bar.then.due if bar.then else None,
        "slip": bar.slip_days,
        "start": bar.start,
        "after": [named(request, one) for one in bar.task.depends_on],
    }


PAGES = (Page("/gantt", chart, "plans.gantt.title", roles=STAFF),)
