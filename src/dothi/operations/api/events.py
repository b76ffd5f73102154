"""Detections over HTTP: sources with their purpose, batches in, reading them, and opening what is sealed."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from dothi.accounts.api import Who, require_csrf
from dothi.ground.clock import from_iso, iso, now_us
from dothi.ground.errors import Invalid
from dothi.hub.language.nodes import EventQuery
from dothi.operations.api.alarms import Ours
from dothi.operations.events import intake, looking, sources
from dothi.operations.events.model import EventSource
from dothi.operations.events.sources import NewSource

Code = Annotated[str, Path(max_length=80, description="Code of the source.")]
router = APIRouter(tags=["operations"], dependencies=[Depends(require_csrf)])


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SourceBody(_Body):
    """A camera or gate; days are at most what the rules in force allow."""

    code: Annotated[str, Field(max_length=60)]
    name: dict[str, Annotated[str, Field(max_length=200)]]
    kind: str
    purpose: Annotated[str, Field(max_length=1000, description="For what its detections are kept.")]
    keepDays: int  # noqa: N815  # The names of the JSON body.
    clipDays: int  # noqa: N815
    unit: Annotated[str, Field(max_length=10)]
    personal: tuple[str, ...] = ()
    personalDays: int = 1  # noqa: N815
    place: tuple[float, float] | None = None
    enabled: bool = True


class Reason(_Body):
    """Why what is sealed is opened; it is kept in the register."""

    reason: Annotated[str, Field(max_length=500)]


class PlateBody(Reason):
    """A number plate that is looked for."""

    plate: Annotated[str, Field(max_length=20)]


@router.get("/event-sources")
def read_sources(operations: Ours, actor: Who) -> list[dict[str, Any]]:
    """Every camera and gate, with its purpose and how long it keeps."""
    return [_source(one) for one in sources.sources(operations, actor)]


@router.post("/event-sources", status_code=201)
async def keep_source(operations: Ours, actor: Who, body: SourceBody) -> dict[str, Any]:
    """Define a source, or change the one of this code."""
    new = NewSource(
        body.code,
        body.name,
        body.kind,
        body.purpose,
        body.keepDays,
        body.clipDays,
        body.unit,
        body.personal,
        body.personalDays,
        body.place,
        body.enabled,
    )
    return _source(await sources.define_source(operations, actor, new))


@router.post("/event-sources/{code}/events")
async def send(operations: Ours, actor: Who, code: Code, body: list[Any]) -> dict[str, Any]:
    """A batch of detections, with a key of the scope source:<code>; rows that cannot be taken come back."""
    said = await intake.take_in(operations, actor, code, body)
    refused = [{"index": one.index, "id": one.key, "detail": one.detail} for one in said.refused]
    return {"accepted": said.accepted, "known": said.known, "refused": refused, "suggested": list(said.suggested)}


@router.get("/event-sources/{code}/events")
def read(  # What is asked for.
    operations: Ours,
    actor: Who,
    code: Code,
    start: Annotated[str, Query(alias="from", description="Instant, ISO 8601.")] = "",
    end: Annotated[str, Query(alias="to", description="Instant, ISO 8601; not in it.")] = "",
    kind: str = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[dict[str, Any]]:
    """What a source saw, latest first; nothing personal is told."""
    asked = EventQuery(
        _instant(start, "from") if start else 0,
        _instant(end, "to") if end else now_us() + intake.AHEAD,
        (kind,) if kind else (),
        limit=limit,
    )
    found = sources.read_events(operations, actor, code, asked)
    return [{**sources.shown(one), "at": iso(one.at), "known": iso(one.known)} for one in found]


@router.post("/event-sources/{code}/events/{key}/open")
async def open_sealed(
    operations: Ours, actor: Who, code: Code, key: Annotated[str, Path(max_length=120)], body: Reason
) -> dict[str, str]:
    """The number plate or face of one detection; who opened it and why is written down."""
    return await looking.open_detection(operations, actor, code, key, body.reason)


@router.post("/plate-searches")
async def find_plate(operations: Ours, actor: Who, body: PlateBody) -> list[dict[str, Any]]:
    """Where a number plate was seen; who looked for it and why is written down."""
    found = await looking.find_plate(operations, actor, body.plate, body.reason)
    return [{**sources.shown(one), "source": one.lane, "at": iso(one.at)} for one in found]


def _instant(text: str, name: str) -> int:
    try:
        return from_iso(text)
    except ValueError as cause:
        raise Invalid(f"{name} is an instant, as 2026-11-22T08:00:00Z.", field=name) from cause


def _source(one: EventSource) -> dict[str, Any]:
    return {
        "id": one.id,
        "code": one.code,
        "name": dict(one.name),
        "kind": one.kind,
        "purpose": one.purpose,
        "keepDays": one.keep_days,
        "clipDays": one.clip_days,
        "personal": list(one.personal),
        "personalDays": one.personal_days,
        "enabled": one.enabled,
        "unit": one.unit,
        "place": list(one.place) if one.place else None,
        "simulated": one.simulated,
        "disposed": dict(one.kept_from),
    }
