"""The JSON endpoints of official bulletins: taken in as a CAP 1.2 file or as fields, and read."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from dothi.accounts.api import Who, require_csrf
from dothi.ground.errors import Missing
from dothi.operations.api.alarms import Ours
from dothi.operations.api.warnings import cap_response
from dothi.operations.warnings import bulletins
from dothi.operations.warnings.model import Bulletin, shape_dict

Line = Annotated[str, Field(max_length=300)]
Long = Annotated[str, Field(max_length=8000)]
Code = Annotated[str, Field(max_length=10)]


class EntryBody(BaseModel):
    """A bulletin as its paper says; the level is the paper's own."""

    model_config = ConfigDict(extra="forbid")

    title: Line
    hazard: Line
    sender: Line
    identifier: Line
    sent: Annotated[str, Field(max_length=40)]
    expires: Annotated[str, Field(max_length=40)]
    units: Annotated[list[Code], Field(max_length=500)]
    level: Annotated[int | None, Field(ge=1, le=5)] = None
    effective: Annotated[str, Field(max_length=40)] = ""
    description: Long = ""
    instruction: Long = ""
    raisedBy: Annotated[int, Field(ge=0, le=2)] = 0  # noqa: N815  # The names of the JSON body.
    raisedWhy: Long = ""  # noqa: N815
    note: Long = ""
    replaces: Line = ""
    cancels: bool = False
    drill: bool = False
    unit: Code = ""


router = APIRouter(tags=["bulletins"], dependencies=[Depends(require_csrf)])


@router.get("/bulletins")
def read_bulletins(
    operations: Ours,
    actor: Who,
    state: Annotated[str, Query(pattern="^(inForce|updated|cancelled|expired|notice|)$")] = "inForce",
) -> list[dict[str, Any]]:
    """Bulletins in a state, the latest first."""
    return [bulletin_dict(one) for one in bulletins.bulletins(operations, actor, state)]


@router.post("/bulletins", status_code=201)
async def enter(operations: Ours, actor: Who, body: EntryBody) -> dict[str, Any]:
    """Copy a bulletin from its paper; a second copy changes nothing."""
    said = body.model_dump(exclude={"raisedBy", "raisedWhy", "units"})
    entry = bulletins.Entry(**said, units=tuple(body.units), raised_by=body.raisedBy, raised_why=body.raisedWhy)
    return bulletin_dict(await bulletins.enter(operations, actor, entry))


@router.post("/bulletins/cap", status_code=201)
async def take(
    operations: Ours,
    actor: Who,
    content: Annotated[bytes, Body(media_type="application/cap+xml")],
    unit: Annotated[list[Code], Query(max_length=200)] = [],  # noqa: B006  # FastAPI copies its defaults.
    note: Annotated[str, Query(max_length=2000)] = "",
) -> dict[str, Any]:
    """Take in a CAP 1.2 file; `unit` says where it holds when the file names no unit. A copy changes nothing."""
    return bulletin_dict(await bulletins.take_cap(operations, actor, content, tuple(unit), note))


@router.get("/bulletins/{bulletin_id}")
def read_bulletin(operations: Ours, actor: Who, bulletin_id: str) -> dict[str, Any]:
    """One bulletin."""
    return bulletin_dict(bulletins.bulletin(operations, actor, bulletin_id))


@router.get("/bulletins/{bulletin_id}/cap", response_class=Response)
def read_cap(operations: Ours, actor: Who, bulletin_id: str) -> Response:
    """The file that came in. Missing where it came on paper."""
    found = bulletins.bulletin(operations, actor, bulletin_id)
    if not found.file:
        raise Missing("This bulletin came on paper, so there is no CAP file.")
    return cap_response(operations.hub.read_file(found.file), found.id.rpartition(":")[2])


def bulletin_dict(one: Bulletin) -> dict[str, Any]:
    """A bulletin as JSON."""
    return {
        "id": one.id,
        "title": one.title,
        "hazard": one.hazard,
        "level": one.level,
        "raisedBy": one.raised_by,
        "raisedWhy": one.raised_why,
        "sender": one.sender,
        "senderName": one.sender_name,
        "identifier": one.identifier,
        "sentAt": one.sent,
        "kind": one.kind,
        "references": list(one.references),
        "effective": one.effective,
        "expires": one.expires,
        "units": list(one.units),
        "areaName": one.area,
        "areas": [shape_dict(shape) for shape in one.shapes],
        "state": one.state,
        "headline": one.headline,
        "description": one.description,
        "instruction": one.instruction,
        "note": one.note,
        "receivedAs": one.received_as,
        "drill": one.drill,
        "unit": one.unit,
    }
