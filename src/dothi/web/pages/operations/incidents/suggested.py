"""What dothi suggests and waits for a person: detections, odd values, things that belong together."""

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.errors import Conflict, Invalid
from dothi.operations.incidents.joining import carry_out, stale
from dothi.operations.incidents.model import Incident
from dothi.operations.incidents.suggestions import confirm, reject, suggestions
from dothi.operations.incidents.workflow import DIRECTORS
from dothi.web.page import Page, redirect, render, visit, words
from dothi.web.pages.operations.incidents.shown import suggestion_row
from dothi.web.pages.shown import STAFF
from dothi.web.parts import parts

KINDS = ("together", "detection", "anomaly")
DECIDED = 10
FAILED = 422


async def listing(request: Request) -> Response:
    """What may be, why, and what a person says to it?"""
    return _page(request, {})


def _page(request: Request, problems: dict[str, str], status: int = 200) -> Response:
    here, actor, t = parts(request).operations, visit(request).actor, words(request).t
    kind = request.query_params.get("kind", "")
    every = [one for one in suggestions(here, actor) if not stale(here, one)]
    shown = [one for one in every if kind not in KINDS or one.kind == kind]
    over = [*suggestions(here, actor, "rejected", limit=DECIDED), *suggestions(here, actor, "confirmed", limit=DECIDED)]
    ways = [(t("incidents.suggestions.all"), "/suggestions", kind not in KINDS, len(every))]
    ways += [
        (t(f"incidents.suggestions.{one}"), f"/suggestions?kind={one}", kind == one, sum(s.kind == one for s in every))
        for one in KINDS
    ]
    return render(
        request,
        "operations/incidents/suggestions.html",
        status,
        rows=[suggestion_row(request, one) for one in shown],
        over=[suggestion_row(request, one) for one in sorted(over, key=lambda one: one.decided_at, reverse=True)],
        ways=ways,
        count=len(every),
        may=bool(actor.roles & DIRECTORS),
        problems=problems,
    )


async def decide(request: Request) -> Response:
    """A person says yes or no."""
    here, actor = parts(request).operations, visit(request).actor
    name, verb = str(request.path_params["suggestion"]), str(request.path_params["verb"])
    form = await request.form()
    why = str(form.get("why", "")).strip()
    back = str(form.get("incident", ""))
    home = f"/incident/{back}" if back.replace("-", "").isalnum() else "/suggestions"
    try:
        if verb == "reject":
            await reject(here, actor, name, why)
            return redirect(request, home, "incidents.suggestions.rejected")
        found = await carry_out(here, actor, name, why or words(request).t("incidents.suggestions.as_suggested"))
        if isinstance(found, Incident):
            return redirect(request, f"/incident/{found.name}", "incidents.suggestions.joined")
        await confirm(here, actor, name, why)
    except Invalid:
        return _page(request, {f"why-{name.replace(':', '-')}": words(request).t("incidents.mend.why")}, FAILED)
    except Conflict:
        return redirect(request, home, "incidents.suggestions.decided", "warning")
    return redirect(request, home, "incidents.suggestions.confirmed")


PAGES = (
    Page("/suggestions", listing, "incidents.suggestions.title", roles=STAFF),
    Page(
        "/suggestions/{suggestion}/{verb}",
        decide,
        "incidents.suggestions.title",
        methods=("POST",),
        roles=DIRECTORS,
        sample={"suggestion": "together:x", "verb": "reject"},
    ),
)
