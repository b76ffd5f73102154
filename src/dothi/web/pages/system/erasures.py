"""The requests of people who want what is kept of them erased: by deadline, carried out or refused with a reason."""

from starlette.requests import Request
from starlette.responses import Response

from dothi.citizens.handling.erasing import carry_out, open_erasures, refuse
from dothi.ground.clock import from_iso, now_us
from dothi.ground.errors import Conflict, Invalid
from dothi.web.page import Menu, Page, redirect, render, visit, words
from dothi.web.pages.shown import unit_name
from dothi.web.parts import parts

STEWARDS = frozenset({"data_steward"})
FAILED = 422


async def erasures(request: Request) -> Response:
    """Who waits for an erasure, and until when?"""
    return _page(request, "", "")


async def decide(request: Request) -> Response:
    """Carry one out, or refuse it; the person reads the reason."""
    form = await request.form()
    number, reason = str(request.path_params["number"]), str(form.get("reason", ""))
    verb = refuse if "refuse" in form else carry_out
    try:
        await verb(parts(request).citizens, visit(request).actor, number, reason)
    except Invalid:
        return _page(request, number, words(request).t("erasures.mend"))
    except Conflict:
        return redirect(request, "/erasures", "erasures.ended", "warning")
    return redirect(request, "/erasures", "erasures.refused" if "refuse" in form else "erasures.done")


def _page(request: Request, number: str, problem: str) -> Response:
    now = now_us()
    found = open_erasures(parts(request).citizens, visit(request).actor)
    return render(
        request,
        "accounts/erasures.html",
        FAILED if problem else 200,
        rows=[(one, unit_name(request, one.unit) if one.unit else "", from_iso(one.due) < now) for one in found],
        late=sum(from_iso(one.due) < now for one in found),
        wrong=number,
        problem=problem,
    )


PAGES = (
    Page("/erasures", erasures, "erasures.title", roles=STEWARDS, menu=Menu("system", 55)),
    Page("/erasures/{number}", decide, "erasures.title", ("POST",), STEWARDS, page=False),
)
