"""The JSON endpoints of pilots: dossiers, their verbs, lessons, and the gate before a scale-up."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import Field

from dothi.accounts.api import Who, require_csrf
from dothi.programme.api.council import Day, Long, Owner
from dothi.programme.api.tasks import Body, Code, Name, Ours, Words
from dothi.programme.pilots import service
from dothi.programme.pilots.model import NewPilot

router = APIRouter(tags=["pilots"], dependencies=[Depends(require_csrf)])


class MeasureBody(Body):
    """What is watched, and its target in words."""

    name: Name
    target: Name


class PilotBody(Body):
    """A pilot dossier."""

    title: Name
    kind: Literal["technology", "businessModel", "service"]
    place: Name
    unit: Code
    lead: Owner
    begins: Day
    ends: Day
    indicators: Annotated[list[MeasureBody], Field(max_length=30)]
    stops: Annotated[list[Words], Field(max_length=30)]
    exit: Long
    waived: Name | None = None


class NoteBody(Body):
    """What the monitoring shows."""

    words: Long


class StopBody(Body):
    """Which stop condition was met."""

    condition: Words
    words: Words = ""


class ReviewBody(Body):
    """The lessons and the verdict."""

    lessons: Long
    verdict: Literal["scale", "adapt", "abandon"]


class ScaleBody(Body):
    """Where it is to be brought."""

    words: Long
    units: Annotated[list[Code], Field(min_length=1, max_length=3321)]


@router.get("/pilots")
def read_pilots(programme: Ours, actor: Who) -> list[dict[str, Any]]:
    """Pilots: those that run first."""
    return [asdict(one) for one in service.pilots(programme, actor)]


@router.get("/pilots/lessons")
def read_lessons(programme: Ours, actor: Who) -> list[dict[str, Any]]:
    """The library of lessons, the newest review first."""
    return [asdict(one) for one in service.lessons(programme, actor)]


@router.post("/pilots", status_code=201)
async def propose(programme: Ours, actor: Who, body: PilotBody) -> dict[str, str]:
    """Write the dossier of a pilot."""
    new = NewPilot(
        title=body.title,
        kind=body.kind,
        place=body.place,
        unit=body.unit,
        lead=body.lead,
        begins=body.begins,
        ends=body.ends,
        indicators=tuple((one.name, one.target) for one in body.indicators),
        stops=tuple(body.stops),
        exit=body.exit,
        waived=body.waived,
    )
    return {"id": await service.propose_pilot(programme, actor, new)}


@router.post("/pilots/{pilot}/start", status_code=204)
async def start(programme: Ours, actor: Who, pilot: str) -> None:
    """The pilot runs."""
    await service.start(programme, actor, pilot)


@router.post("/pilots/{pilot}/notes", status_code=204)
async def note(programme: Ours, actor: Who, pilot: str, body: NoteBody) -> None:
    """Write what the monitoring shows."""
    await service.note(programme, actor, pilot, body.words)


@router.post("/pilots/{pilot}/stop", status_code=204)
async def stop(programme: Ours, actor: Who, pilot: str, body: StopBody) -> None:
    """Stop it by one of its conditions."""
    await service.stop(programme, actor, pilot, body.condition, body.words)


@router.post("/pilots/{pilot}/end", status_code=204)
async def end(programme: Ours, actor: Who, pilot: str) -> None:
    """Its time is over."""
    await service.end(programme, actor, pilot)


@router.post("/pilots/{pilot}/review", status_code=204)
async def review(programme: Ours, actor: Who, pilot: str, body: ReviewBody) -> None:
    """Close it with lessons and verdict."""
    await service.review(programme, actor, pilot, body.lessons, body.verdict)


@router.post("/pilots/{pilot}/scale-up", status_code=201)
async def scale_up(programme: Ours, actor: Who, pilot: str, body: ScaleBody) -> dict[str, str]:
    """Through the gate: 409, saying why, without a closed review that speaks for it."""
    return {"id": await service.scale_up(programme, actor, pilot, body.words, tuple(body.units))}
