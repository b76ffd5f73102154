"""The pages behind links that were sent: a reporter or an outside body answers, and nobody needs an account."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from dothi.citizens.api.shown import address_of
from dothi.citizens.handling import service, waiting
from dothi.citizens.handling.service import holds
from dothi.citizens.handling.waiting import OUTSIDE, QUESTION, ClosedLink
from dothi.citizens.intake.codes import find_by_code
from dothi.citizens.model import Report
from dothi.ground.clock import now_us
from dothi.ground.errors import Conflict, DothiError, Invalid, Missing, TooLarge
from dothi.ground.links import BadLink, ExpiredLink
from dothi.office.photos import DOCUMENT_BYTES, PHOTO_BYTES
from dothi.web.page import Page, redirect, render
from dothi.web.pages.citizens.report import (
    EXAMPLE,
    FAILED,
    FORM_MAX,
    answer_file,
    ours,
    pictures,
    shown,
    uploads,
)
from dothi.web.pages.citizens.work.case import told

FILE_BYTES = max(PHOTO_BYTES, DOCUMENT_BYTES)
ENDED: Mapping[type[DothiError], tuple[str, int]] = {  # Why a link opens nothing → its words and status.
    BadLink: ("bad", 404),
    ExpiredLink: ("expired", 410),
    ClosedLink: ("closed", 410),
}


async def question(request: Request) -> Response:
    """What does the unit want to know of me?"""
    return _form(request, QUESTION, {}, {})


async def answer_question(request: Request) -> Response:
    """The reporter answers by the link."""
    form = await request.form()
    words, token = str(form.get("answer", "")), _token(request, QUESTION)
    photos = await uploads(form, "photos", PHOTO_BYTES)
    try:
        report = await waiting.reply_by_link(ours(request), token, words, photos)
    except (BadLink, ExpiredLink, ClosedLink) as error:
        return _ended(request, error)
    except (Invalid, TooLarge, Conflict) as error:
        return _form(request, QUESTION, told(request, error), {"answer": words})
    return render(request, "citizens/desk/thanks.html", purpose=QUESTION, name="", **_of(request, report))


async def outside(request: Request) -> Response:
    """What are we asked to do, and how do we answer?"""
    return _form(request, OUTSIDE, {}, {})


async def answer_outside(request: Request) -> Response:
    """The outside body answers."""
    form = await request.form()
    words, by, token = str(form.get("answer", "")), str(form.get("by", "")), _token(request, OUTSIDE)
    files = await uploads(form, "proof", FILE_BYTES)
    try:
        before = waiting.linked(ours(request), OUTSIDE, token)
        name = before.waiting.name if before.waiting else ""
        report = await waiting.reply_outside(ours(request), token, words, by, files)
    except (BadLink, ExpiredLink, ClosedLink) as error:
        return _ended(request, error)
    except (Invalid, TooLarge, Conflict) as error:
        return _form(request, OUTSIDE, told(request, error), {"answer": words, "by": by})
    return render(request, "citizens/desk/thanks.html", purpose=OUTSIDE, name=name, **_of(request, report))


async def outside_file(request: Request) -> Response:
    """A photo of the report, for who was asked to handle it."""
    report = waiting.linked(ours(request), OUTSIDE, _token(request, OUTSIDE))
    found = holds(report, str(request.path_params["digest"]))
    if found is None:
        raise Missing("There is no such file, or you may not see it.")
    return answer_file(request, found.sha256, found.media_type)


def _token(request: Request, purpose: str) -> str:
    ours(request).guesses.take(address_of(request), now_us())
    return str(request.path_params[purpose])


def _form(request: Request, purpose: str, problems: Mapping[str, str], values: Mapping[str, str]) -> Response:
    token = _token(request, purpose)
    try:
        report = waiting.linked(ours(request), purpose, token)
    except (BadLink, ExpiredLink, ClosedLink) as error:
        return _ended(request, error)
    return render(
        request,
        f"citizens/desk/{purpose}.html",
        FAILED if problems else 200,
        waiting=report.waiting,
        token=token,
        photos=pictures(request, report.photos, f"/outside/{token}/file/", "before") if purpose == OUTSIDE else [],
        problems=problems,
        values={"answer": "", "by": ""} | dict(values),
        **_of(request, report),
    )


def _of(request: Request, report: Report) -> dict[str, object]:
    return {"report": report, **shown(request, report)}


def _ended(request: Request, error: DothiError) -> Response:
    """A link that opens nothing: not ours, too old, or done with; each said for itself."""
    name, status = next(said for kind, said in ENDED.items() if isinstance(error, kind))
    return render(request, "citizens/desk/ended.html", status, name=name)


async def reply(request: Request) -> Response:
    """The reporter answers the question on the page of the report."""
    form = await request.form()
    code = _code(request)
    photos = await uploads(form, "photos", PHOTO_BYTES)
    return await _mine(request, waiting.reply(ours(request), code, str(form.get("answer", "")), photos), "reply")


async def withdraw(request: Request) -> Response:
    """The reporter takes the report back."""
    form = await request.form()
    return await _mine(
        request, service.withdraw(ours(request), _code(request), str(form.get("reason", ""))), "withdraw"
    )


def _code(request: Request) -> str:
    ours(request).guesses.take(address_of(request), now_us())
    code = str(request.path_params["code"])
    find_by_code(ours(request), code)  # NoSuchReport before anything is read from the form.
    return code


async def _mine(request: Request, deed: object, done: str) -> Response:
    """Await a verb of the reporter, and go back to the page of the report with what came of it."""
    address = f"/follow/{request.path_params['code']}"
    try:
        await deed  # type: ignore[misc]
    except (Invalid, TooLarge, Conflict) as error:
        guard = str(error.fields.get("guard", "not_now"))
        return redirect(
            request, address, f"work.refused.{guard}", "warning", photos=str(ours(request).rules.limits.photos)
        )
    return redirect(request, address, f"work.done.{done}")


_CODE = {"code": EXAMPLE}
PAGES = (
    Page("/question/{question}", question, "work.question.title"),
    Page("/question/{question}", answer_question, "work.question.title", ("POST",), body_max=FORM_MAX, page=False),
    Page("/outside/{outside}", outside, "work.outside.title"),
    Page("/outside/{outside}", answer_outside, "work.outside.title", ("POST",), body_max=FORM_MAX, page=False),
    Page("/outside/{outside}/file/{digest}", outside_file, "work.outside.title", sample={"digest": "0"}, page=False),
    Page("/follow/{code}/reply", reply, "work.verb.reply", ("POST",), body_max=FORM_MAX, sample=_CODE, page=False),
    Page("/follow/{code}/withdraw", withdraw, "work.verb.withdraw", ("POST",), sample=_CODE, page=False),
)
