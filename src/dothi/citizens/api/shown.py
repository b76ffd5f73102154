"""What the endpoints of reports share: how a report is shown, the types of fields, and files as they come in."""

from collections.abc import Sequence
from typing import Annotated, Any, cast

from fastapi import Depends, File, Form, Header, Request, UploadFile
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.datastructures import UploadFile as StarletteFile

from dothi.citizens import reading
from dothi.citizens.handling.timing import reading as clocks_of
from dothi.citizens.model import Exchange, Report
from dothi.citizens.needs import Citizens
from dothi.ground.clock import SECOND, now_us
from dothi.ground.errors import TooLarge
from dothi.office.photos import Upload

Words = Annotated[str, Form(max_length=5000)]
Short = Annotated[str, Form(max_length=300)]
Unit = Annotated[str, Field(max_length=10)]
Files = Annotated[list[UploadFile], File()]
Version = Annotated[int | None, Header(alias="If-Match-Version", description="The version that you saw.")]
FILES_MAX = 5


class Body(BaseModel):
    """A body of a request: nothing beside its fields is taken."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


def citizens_of(request: Request) -> Citizens:
    """The citizens' module of the city that serves this request."""
    return cast(Citizens, request.app.state.parts.citizens)


Ours = Annotated[Citizens, Depends(citizens_of)]


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


def public(one: reading.PublicReport) -> dict[str, Any]:
    """A report for everybody."""
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


def full(citizens: Citizens, report: Report) -> dict[str, Any]:
    """A report for its reporter and its handling unit."""
    return public(reading.public_report(report)) | {
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
        "assignedTo": list(report.assigned_to),
        "waiting": report.waiting.kind if report.waiting else None,
        "waitsUntil": report.waiting.until if report.waiting else None,
        "exchanges": [_exchange(one) for one in report.exchanges],
        "parts": list(report.parts),
        "partOf": report.part_of,
        "merged": list(report.merged),
        "mergedInto": report.merged_into,
        "lateSince": report.late_since,
        "escalatedTo": report.escalated_to,
        "clock": _clock(citizens, report),
    }


def _exchange(one: Exchange) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "at": one.at,
        "words": one.words,
        "name": one.name,
        "ended": one.ended,
        "endedAt": one.ended_at,
        "answer": one.answer,
    }


def _clock(citizens: Citizens, report: Report) -> dict[str, Any]:
    """Who held the report how long and what was waited for: seconds of working time (urgent: of day and night)."""
    found = clocks_of(citizens, report, now_us())
    return {
        "running": found.running,
        "stage": found.stage,
        "waiting": found.waiting,
        "held": {who: time // SECOND for who, time in found.held.items()},
        "waited": {what: time // SECOND for what, time in found.waited.items()},
        "stages": {stage: time // SECOND for stage, time in found.stages.items()},
    }
