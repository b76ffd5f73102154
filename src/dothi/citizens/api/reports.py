"""Reports over HTTP for citizens: file one, follow it by its code, judge the answer; described by OpenAPI."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Form, Header, Query, Request
from pydantic import Field

from dothi.accounts.api import require_csrf
from dothi.accounts.model import Identity
from dothi.citizens import reading
from dothi.citizens.api.shown import Body, Files, Short, Words, full
from dothi.citizens.api.shown import Ours as Ours
from dothi.citizens.api.shown import Version as Version
from dothi.citizens.api.shown import address_of as address_of
from dothi.citizens.api.shown import public as public_json
from dothi.citizens.api.shown import read_files as read_files
from dothi.citizens.api.shown import uploads as uploads
from dothi.citizens.handling import service, waiting
from dothi.citizens.handling.erasing import ask_erasure
from dothi.citizens.intake.codes import find_by_code, find_by_number, split_code
from dothi.citizens.intake.filing import Filing, file_report
from dothi.citizens.services import measures
from dothi.ground.clock import now_us
from dothi.ground.errors import Invalid
from dothi.office.photos import PHOTO_BYTES


class Rating(Body):
    """The reporter's judgement."""

    stars: Annotated[int, Field(ge=1, le=5)]
    words: Annotated[str, Field(max_length=2000)] = ""


class Reply(Body):
    """What the reporter answers to the unit's question."""

    words: Annotated[str, Field(max_length=2000)]


class Withdrawal(Body):
    """Why the reporter takes the report back; nothing need be said."""

    reason: Annotated[str, Field(max_length=2000)] = ""


class Reopening(Body):
    """Why the reporter does not accept the answer."""

    reason: Annotated[str, Field(max_length=2000)]


router = APIRouter(prefix="/reports", tags=["citizens"], dependencies=[Depends(require_csrf)])


@router.post("", status_code=201)
async def file(  # noqa: PLR0913  # The fields of the form.
    request: Request,
    citizens: Ours,
    category: Short,
    description: Words = "",
    lon: Annotated[float | None, Form(ge=-180, le=180)] = None,
    lat: Annotated[float | None, Form(ge=-90, le=90)] = None,
    unit: Short = "",
    place_words: Short = "",
    name: Short = "",
    phone: Short = "",
    email: Short = "",
    answers: Annotated[str, Form(max_length=2000, description="Answers by question, as a JSON object.")] = "",
    photos: Files = [],  # noqa: B006  # FastAPI copies it.
    idempotency_key: Annotated[str | None, Header(min_length=16, max_length=200)] = None,
) -> dict[str, Any]:
    """File a report, without an account. `followCode` is shown this once: who holds it follows, rates and re-opens."""
    citizens.filings.take(address_of(request), now_us())
    who = Identity(name.strip(), phone.strip(), email.strip())
    filing = Filing(
        category,
        description,
        lon,
        lat,
        unit or None,
        place_words,
        await uploads(photos, PHOTO_BYTES),
        who if who != Identity() else None,
        idempotency_key,
        "api",
        answers=answers_of(answers),
    )
    filed = await file_report(citizens, filing)
    return {"code": filed.number, "followCode": filed.follow_code}


def answers_of(text: str) -> dict[str, str]:
    """The answers of a JSON object. Invalid for anything else."""
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, str])
    except msgspec.DecodeError as cause:
        raise Invalid("answers is a JSON object of texts, by question.", field="answers") from cause


@router.get("")
def public(
    citizens: Ours,
    unit: Annotated[str, Query(max_length=10)] = "",
    category: Annotated[str, Query(max_length=40)] = "",
    state: Annotated[str, Query(max_length=40)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> dict[str, Any]:
    """Reports as everybody may see them, newest first; places are rounded."""
    found, count = reading.public_list(citizens, reading.Asked(unit, category, state), limit, offset)
    return {"count": count, "reports": [public_json(one) for one in found]}


@router.get("/measures")
def service_measures(citizens: Ours) -> dict[str, Any]:
    """Interest, usage and satisfaction of this month, each with its denominator."""
    found = measures.measure(citizens)
    return {
        "month": found.month,
        "interest": {"views": found.views, "days": found.days},
        "usage": {"filed": found.filed, "views": found.views},
        "satisfaction": {
            "stars": found.stars,
            "rated": found.rated,
            "satisfied": found.satisfied,
            "answered": found.answered,
            "asked": found.asked,
            "responseRate": found.response_rate,
            "few": found.few,
        },
        "reopened": found.reopened,
    }


@router.get("/categories")
def categories(citizens: Ours) -> dict[str, Any]:
    """The categories with names, limits in working hours and the evidence that closes them."""
    rows = [
        {
            "id": one.id,
            "name": dict(one.names),
            "handleHours": one.handle_hours,
            "urgent": one.urgent,
            "evidence": one.evidence,
        }
        for one in citizens.rules.categories.values()
    ]
    return {"sample": citizens.rules.sample, "categories": rows}


@router.get("/{code}")
def follow(request: Request, citizens: Ours, code: str) -> dict[str, Any]:
    """One report: with the whole follow code as its reporter sees it, with the public number as everybody does."""
    citizens.guesses.take(address_of(request), now_us())
    if len(split_code(code)[1]) == 0:
        return public_json(reading.public_report(find_by_number(citizens, code)))
    report = find_by_code(citizens, code)
    happened = [
        {"at": one.at, "verb": one.verb, "unit": one.unit, "reason": one.reason}
        for one in reading.timeline(citizens, report)
    ]
    return full(citizens, report) | {"timeline": happened}


@router.post("/{code}/rating")
async def rate(request: Request, citizens: Ours, code: str, body: Rating) -> dict[str, Any]:
    """The reporter rates the answer; `code` is the whole follow code."""
    citizens.guesses.take(address_of(request), now_us())
    return full(citizens, await service.rate(citizens, code, body.stars, body.words))


@router.post("/{code}/reopening")
async def reopen(request: Request, citizens: Ours, code: str, body: Reopening) -> dict[str, Any]:
    """The reporter re-opens the report; `code` is the whole follow code."""
    citizens.guesses.take(address_of(request), now_us())
    return full(citizens, await service.reopen(citizens, code, body.reason))


@router.post("/{code}/photos")
async def attach(request: Request, citizens: Ours, code: str, photos: Files) -> dict[str, Any]:
    """The reporter adds photos while the report is open; `code` is the whole follow code."""
    citizens.guesses.take(address_of(request), now_us())
    return full(citizens, await service.attach(citizens, code, await uploads(photos, PHOTO_BYTES)))


@router.post("/{code}/erasure", status_code=202)
async def erasure(request: Request, citizens: Ours, code: str) -> dict[str, Any]:
    """The reporter asks that name, phone and address are erased; `due` is 72 hours away, day and night."""
    citizens.guesses.take(address_of(request), now_us())
    asked = await ask_erasure(citizens, code)
    return {"state": asked.state, "askedAt": asked.asked_at, "due": asked.due, "reason": asked.reason}


@router.post("/{code}/reply")
async def reply(request: Request, citizens: Ours, code: str, body: Reply) -> dict[str, Any]:
    """The reporter answers the question of the unit; `code` is the whole follow code."""
    citizens.guesses.take(address_of(request), now_us())
    return full(citizens, await waiting.reply(citizens, code, body.words))


@router.post("/{code}/withdrawal")
async def withdraw(request: Request, citizens: Ours, code: str, body: Withdrawal) -> dict[str, Any]:
    """The reporter takes the report back; `code` is the whole follow code."""
    citizens.guesses.take(address_of(request), now_us())
    return full(citizens, await service.withdraw(citizens, code, body.reason))
