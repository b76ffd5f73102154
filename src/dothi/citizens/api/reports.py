"""Reports over HTTP: file one, follow it by its code, and the official's verbs; described by OpenAPI."""

from collections.abc import Sequence
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, File, Form, Header, Query, Request, UploadFile
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.datastructures import UploadFile as StarletteFile

from dothi.accounts.api import Who, require_csrf
from dothi.accounts.model import Identity
from dothi.citizens import reading
from dothi.citizens.handling import service
from dothi.citizens.intake.codes import find_by_code, find_by_number, split_code
from dothi.citizens.intake.filing import Filing, file_report
from dothi.citizens.intake.photos import DOCUMENT_BYTES, PHOTO_BYTES, Upload
from dothi.citizens.model import Outcome, Report
from dothi.citizens.needs import Citizens
from dothi.citizens.services import measures
from dothi.ground.clock import now_us
from dothi.ground.errors import TooLarge

Words = Annotated[str, Form(max_length=5000)]
Short = Annotated[str, Form(max_length=300)]
Unit = Annotated[str, Field(max_length=10)]
Files = Annotated[list[UploadFile], File()]
Version = Annotated[int | None, Header(alias="If-Match-Version", description="The version that you saw.")]
FILES_MAX = 5


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class Route(_Body):
    """An official's yes to a commune."""

    unit: Unit


class PassOn(_Body):
    """To which unit, and why."""

    unit: Unit
    reason: Annotated[str, Field(max_length=2000)]


class Rating(_Body):
    """The reporter's judgement."""

    stars: Annotated[int, Field(ge=1, le=5)]
    words: Annotated[str, Field(max_length=2000)] = ""


class Reopening(_Body):
    """Why the reporter does not accept the answer."""

    reason: Annotated[str, Field(max_length=2000)]


def citizens_of(request: Request) -> Citizens:
    """The citizens' module of the city that serves this request."""
    return cast(Citizens, request.app.state.parts.citizens)


Ours = Annotated[Citizens, Depends(citizens_of)]
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
    )
    filed = await file_report(citizens, filing)
    return {"code": filed.number, "followCode": filed.follow_code}


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
    return {"count": count, "reports": [_public(one) for one in found]}


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
        return _public(reading.public_report(find_by_number(citizens, code)))
    report = find_by_code(citizens, code)
    happened = [
        {"at": one.at, "verb": one.verb, "unit": one.unit, "reason": one.reason}
        for one in reading.timeline(citizens, report)
    ]
    return _full(report) | {"timeline": happened}


@router.post("/{code}/rating")
async def rate(request: Request, citizens: Ours, code: str, body: Rating) -> dict[str, Any]:
    """The reporter rates the answer; `code` is the whole follow code."""
    citizens.guesses.take(address_of(request), now_us())
    return _full(await service.rate(citizens, code, body.stars, body.words))


@router.post("/{code}/reopening")
async def reopen(request: Request, citizens: Ours, code: str, body: Reopening) -> dict[str, Any]:
    """The reporter re-opens the report; `code` is the whole follow code."""
    citizens.guesses.take(address_of(request), now_us())
    return _full(await service.reopen(citizens, code, body.reason))


@router.post("/{code}/photos")
async def attach(request: Request, citizens: Ours, code: str, photos: Files) -> dict[str, Any]:
    """The reporter adds photos while the report is open; `code` is the whole follow code."""
    citizens.guesses.take(address_of(request), now_us())
    return _full(await service.attach(citizens, code, await uploads(photos, PHOTO_BYTES)))


@router.post("/{number}/route")
async def route(citizens: Ours, actor: Who, number: str, body: Route, version: Version = None) -> dict[str, Any]:
    """An official confirms the commune."""
    return _full(await service.route(citizens, actor, number, body.unit, version))


@router.post("/{number}/receive")
async def receive(citizens: Ours, actor: Who, number: str, version: Version = None) -> dict[str, Any]:
    """The unit takes the report."""
    return _full(await service.receive(citizens, actor, number, version))


@router.post("/{number}/start")
async def start(citizens: Ours, actor: Who, number: str, version: Version = None) -> dict[str, Any]:
    """Somebody works on it."""
    return _full(await service.start(citizens, actor, number, version))


@router.post("/{number}/pass-on")
async def pass_on(citizens: Ours, actor: Who, number: str, body: PassOn, version: Version = None) -> dict[str, Any]:
    """Hand the report to another unit, with the reason."""
    return _full(await service.pass_on(citizens, actor, number, body.unit, body.reason, version))


@router.post("/{number}/answer")
async def answer(
    citizens: Ours,
    actor: Who,
    number: str,
    outcome: Annotated[Outcome, Form()],
    words: Words,
    proof: Files,
    duplicate_of: Short = "",
    version: Version = None,
) -> dict[str, Any]:
    """Close the report with outcome, words and proof (photos or PDF)."""
    files = await uploads(proof, max(PHOTO_BYTES, DOCUMENT_BYTES))
    return _full(await service.answer(citizens, actor, number, outcome, words, files, duplicate_of or None, version))


async def uploads(files: list[UploadFile], most: int) -> tuple[Upload, ...]:
    """The files of a form; TooLarge when there are too many of them."""
    if len(files) > FILES_MAX * 2:
        raise TooLarge(f"Up to {FILES_MAX} files are taken at once.", field="photos")
    return await read_files(files, most)


async def read_files(files: Sequence[StarletteFile], most: int) -> tuple[Upload, ...]:
    """Files read up to just beyond the limit, and closed; what a browser sends for an empty field is left out."""
    read = []
    for one in files:
        read.append(Upload(one.filename or "", await one.read(most + 1)))
        await one.close()
    return tuple(one for one in read if one.content or one.name)


def address_of(request: Request) -> str:
    """The network address that a request came from, for the allowance only; it is kept nowhere."""
    return request.client.host if request.client else "unknown"


def _public(one: reading.PublicReport) -> dict[str, Any]:
    return {
        "code": one.code,
        "category": one.category,
        "state": one.state,
        "unit": one.unit,
        "place": one.place,
        "filedAt": one.filed_at,
        "handleBy": one.handle_by,
        "closedAt": one.closed_at,
        "onTime": one.on_time,
        "outcome": one.outcome,
        "answer": one.answer,
        "proof": [file.as_json() for file in one.proof],
        "reopened": one.reopened,
        "rating": one.rating,
        "imported": one.imported,
    }


def _full(report: Report) -> dict[str, Any]:
    """A report for its reporter and its handling unit."""
    return _public(reading.public_report(report)) | {
        "version": report.version,
        "description": report.description,
        "placeWords": report.place_words,
        "place": report.place,
        "photos": [file.as_json() for file in report.photos],
        "due": report.due,
        "assignee": report.assignee,
        "suggestedUnit": report.suggested_unit,
        "placeDecided": report.decided,
        "ratingWords": report.rating_words,
    }
