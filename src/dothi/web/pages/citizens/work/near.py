"""Reports of the same thing around one: to be joined with it, or answered together with it."""

from starlette.requests import Request
from starlette.responses import Response

from dothi.citizens.handling.workflow import HANDLING, OPEN
from dothi.citizens.model import TYPE, Outcome, Report, report_of
from dothi.citizens.needs import rules_at
from dothi.citizens.reading import for_official
from dothi.hub.language.nodes import And, Compare, Geo, Query, TypeIs
from dothi.web.page import Page, render, visit, words
from dothi.web.pages.citizens.report import EXAMPLE, FAILED, ours, shown
from dothi.web.pages.citizens.work.listing import WORKERS

MOST = 50


async def near(request: Request) -> Response:
    """Which other reports tell of the same thing?"""
    return near_page(request, {}, {}, [])


def near_page(request: Request, problems: dict[str, str], values: dict[str, object], chosen: list[str]) -> Response:
    """The page, with what is to be mended and what was chosen."""
    here = ours(request)
    found = for_official(here, visit(request).actor, str(request.path_params["number"]))
    others = around(request, found)
    rules = rules_at(here, found.unit)
    category = rules.categories.get(found.category)
    return render(
        request,
        "citizens/desk/near.html",
        FAILED if problems else 200,
        report=found,
        others=[(one, shown(request, one)) for one in others],
        chosen=chosen,
        answerable=found.state in HANDLING,
        outcomes=[(one.value, words(request).t(f"citizens.outcome.{one}")) for one in Outcome if one != "duplicate"],
        needs_photo=category is not None and category.evidence == "photo",
        problems=problems,
        values={"words": "", "outcome": "", "reason": ""} | values,
        **shown(request, found),
    )


def around(request: Request, found: Report) -> list[Report]:
    """The open reports of this kind with this unit that lie near; nearest first is not promised."""
    here = ours(request)
    if not found.location or found.part_of or not found.open:
        return []
    terms = And(
        (
            Compare(("open",), "==", True),
            Compare(("category",), "==", found.category),
            Compare(("assignee",), "==", found.assignee),
        )
    )
    place = Geo("near", dict(found.location), max_distance=rules_at(here, found.unit).clocks.moves.together_m)
    page = here.hub.query(visit(request).actor, Query(TypeIs(TYPE), q=terms, geo=place, limit=MOST))
    return [one for one in map(report_of, page) if one.code != found.code and one.state in OPEN]


PAGES = (Page("/case/{number}/near", near, "work.near.title", roles=WORKERS, sample={"number": EXAMPLE[:6]}),)
