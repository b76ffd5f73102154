"""One member's page: what is asked of me, until when; and the answer to each opinion."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.errors import Conflict, Forbidden, Invalid
from dothi.programme.council import opinions, service
from dothi.programme.council.model import Stance
from dothi.web.page import Page, redirect, render, visit, words
from dothi.web.pages.council.forms import FAILED, OFFICERS, ours, wrong
from dothi.web.pages.shown import STAFF, bare, entity_id


def _name(request: Request) -> str:
    return entity_id("MemberOpinion", request.path_params["opinion"])


async def opinion(request: Request) -> Response:
    """What is asked of me, and until when?"""
    return _opinion(request, {}, {"stance": "", "words": ""})


def _opinion(request: Request, problems: Mapping[str, str], values: Mapping[str, str]) -> Response:
    here, actor = ours(request), visit(request).actor
    found = opinions.one_opinion(here, actor, _name(request))
    held = service.one_session(here, actor, found.session)
    files = next((one.files for one in opinions.rounds(here, actor, found.session) if one.id == found.round), ())
    return render(
        request,
        "council/meeting/opinion.html",
        FAILED if problems else 200,
        opinion=found,
        session=held,
        session_href=f"/council/session/{bare(held.id)}",
        files=files,
        problems=problems,
        values=values,
        stances=[(one, words(request).t(f"council.stance.{one}")) for one in Stance],
    )


async def give(request: Request) -> Response:
    """Give the opinion."""
    form = await request.form()
    said = {name: str(form.get(name, "")).strip() for name in ("stance", "words")}
    here, actor = ours(request), visit(request).actor
    try:
        await opinions.give_opinion(here, actor, _name(request), said["stance"], said["words"])
    except Invalid as error:
        return _opinion(request, wrong(request, error), said)
    except Forbidden:
        return _opinion(request, {"stance": words(request).t("council.problem.not_yours")}, said)
    except Conflict:
        return redirect(request, f"/council/opinion/{request.path_params['opinion']}", "council.closed", "warning")
    return redirect(request, f"/council/opinion/{request.path_params['opinion']}", "council.did.opinion")


async def answer(request: Request) -> Response:
    """Say what became of an opinion: taken over or explained."""
    form = await request.form()
    here, actor = ours(request), visit(request).actor
    found = opinions.one_opinion(here, actor, _name(request))
    address = f"/council/session/{bare(found.session)}"
    try:
        said = str(form.get("answer", "")), str(form.get("reason", ""))
        await opinions.answer_opinion(here, actor, found.id, *said)
    except Invalid:
        return redirect(request, address, "council.answer_needs", "warning")
    except Conflict:
        return redirect(request, address, "council.closed", "warning")
    return redirect(request, address, "council.did.answered")


PAGES = (
    Page("/council/opinion/{opinion}", opinion, "council.opinion.title", roles=STAFF),
    Page("/council/opinion/{opinion}/give", give, "council.opinion.give", methods=("POST",), roles=STAFF, page=False),
    Page(
        "/council/opinion/{opinion}/answer",
        answer,
        "council.opinion.answer",
        methods=("POST",),
        roles=OFFICERS,
        page=False,
    ),
)
