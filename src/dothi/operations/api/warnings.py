"""The JSON endpoints of warnings: write, submit, refuse, release, follow up. Each parses, calls one verb, renders."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from dothi.accounts.api import Who, require_csrf
from dothi.ground.clock import now_us
from dothi.ground.errors import Invalid
from dothi.operations.api.alarms import Ours
from dothi.operations.warnings import service
from dothi.operations.warnings.drafting import preview
from dothi.operations.warnings.model import (
    LANGUAGES,
    Certainty,
    Circle,
    Draft,
    Info,
    Kind,
    Severity,
    Shape,
    Urgency,
    Warning,
    shape_dict,
)
from dothi.operations.warnings.rules import rules_at
from dothi.operations.warnings.text import short_text, sms, spoken_text

Text = Annotated[str, Field(max_length=4000)]
Reason = Annotated[str, Field(min_length=1, max_length=2000)]
Short = Annotated[str, Field(max_length=200)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Texts(_Body):
    """What is said in one language."""

    headline: Text = ""
    description: Text = ""
    instruction: Text = ""


class CircleBody(_Body):
    """A circle in degrees (WGS 84) and kilometres."""

    lon: Annotated[float, Field(ge=-180, le=180)]
    lat: Annotated[float, Field(ge=-90, le=90)]
    km: Annotated[float, Field(gt=0, le=300)]


class ShapeBody(_Body):
    """A drawn part: a closed polygon of [longitude, latitude], or a circle."""

    name: Short = ""
    polygon: Annotated[list[tuple[float, float]] | None, Field(max_length=501)] = None
    circle: CircleBody | None = None


class DraftBody(_Body):
    """A warning as it is written; codes of CAP 1.2, instants in ISO 8601 with a zone."""

    hazard: Short
    info: dict[str, Texts]
    units: Annotated[list[Annotated[str, Field(max_length=10)]], Field(max_length=500)] = []
    areas: Annotated[list[ShapeBody], Field(max_length=20)] = []
    severity: Severity = Severity.UNKNOWN
    urgency: Urgency = Urgency.UNKNOWN
    certainty: Certainty = Certainty.UNKNOWN
    effective: Annotated[str, Field(max_length=40)] = ""
    expires: Annotated[str, Field(max_length=40)] = ""
    incident: Short = ""
    bulletin: Short = ""
    drill: bool = False


class EditBody(DraftBody):
    """A changed draft, with the version that was seen."""

    version: Annotated[int, Field(ge=1)]


class NextBody(DraftBody):
    """The next message of a warning."""

    kind: Kind


class Seen(_Body):
    """The version that was seen."""

    version: Annotated[int, Field(ge=1)]


class Refusal(Seen):
    """Why it goes back, or is dropped."""

    reason: Reason


class ReleaseBody(Seen):
    """What the releaser has read and ticked."""

    checked: Annotated[list[Short], Field(max_length=50)]


router = APIRouter(tags=["warnings"], dependencies=[Depends(require_csrf)])


@router.get("/warnings")
def read_warnings(
    operations: Ours, actor: Who, state: Annotated[str, Query(pattern="^(out|waiting|ended)$")] = "out"
) -> list[dict[str, Any]]:
    """What warns people now; what waits for a second person; or what has ended."""
    found = {"out": service.warnings_out, "waiting": service.waiting, "ended": service.ended}[state](operations, actor)
    return [warning_dict(one) for one in found]


@router.post("/warnings", status_code=201)
async def write(operations: Ours, actor: Who, body: DraftBody) -> dict[str, Any]:
    """A draft, which another person will have to release."""
    return warning_dict(await service.write(operations, actor, draft_of(body)))


@router.post("/warnings/preview")
def show(operations: Ours, actor: Who, body: DraftBody) -> dict[str, Any]:
    """What a draft would say by SMS and loudspeaker, and what still keeps it from being submitted."""
    found = preview(operations, actor, draft_of(body))
    return {**texts_of(operations, found), "problems": dict(service.problems(operations, actor, found))}


@router.get("/warnings/{warning_id}")
def read_warning(operations: Ours, actor: Who, warning_id: str) -> dict[str, Any]:
    """One warning with the messages of its thread and its derived texts."""
    found = service.warning(operations, actor, warning_id)
    thread = [one.id for one in service.thread_of(operations, actor, found.thread)]
    return {**warning_dict(found), "messages": thread, **texts_of(operations, found)}


@router.put("/warnings/{warning_id}")
async def change(operations: Ours, actor: Who, warning_id: str, body: EditBody) -> dict[str, Any]:
    """Change a draft; who changes it cannot release it."""
    return warning_dict(await service.edit(operations, actor, warning_id, draft_of(body), body.version))


@router.post("/warnings/{warning_id}/submit")
async def submit(operations: Ours, actor: Who, warning_id: str, body: Seen) -> dict[str, Any]:
    """Hand a draft to a second person."""
    return warning_dict(await service.submit(operations, actor, warning_id, body.version))


@router.post("/warnings/{warning_id}/refuse")
async def refuse(operations: Ours, actor: Who, warning_id: str, body: Refusal) -> dict[str, Any]:
    """Give a submitted warning back."""
    return warning_dict(await service.refuse(operations, actor, warning_id, body.version, body.reason))


@router.post("/warnings/{warning_id}/discard")
async def discard(operations: Ours, actor: Who, warning_id: str, body: Refusal) -> dict[str, Any]:
    """Drop a draft."""
    return warning_dict(await service.discard(operations, actor, warning_id, body.version, body.reason))


@router.post("/warnings/{warning_id}/release")
async def release(operations: Ours, actor: Who, warning_id: str, body: ReleaseBody) -> dict[str, Any]:
    """Let a warning out: by another person than those who wrote it."""
    checked = frozenset(body.checked)
    return warning_dict(await service.release(operations, actor, warning_id, body.version, checked))


@router.post("/warnings/{warning_id}/next", status_code=201)
async def follow_up(operations: Ours, actor: Who, warning_id: str, body: NextBody) -> dict[str, Any]:
    """The draft of an update, a cancellation or an all-clear."""
    return warning_dict(await service.write_next(operations, actor, warning_id, body.kind, draft_of(body)))


@router.get(
    "/warnings/{warning_id}/cap", response_class=Response, responses={200: {"content": {"application/cap+xml": {}}}}
)
def read_cap(operations: Ours, actor: Who, warning_id: str) -> Response:
    """The CAP 1.2 file that went out."""
    found = service.warning(operations, actor, warning_id)
    return cap_response(service.cap_file(operations, found), found.identifier)


@router.get("/warning-rules")
def read_rules(operations: Ours, actor: Who, unit: Annotated[str, Query(max_length=10)] = "") -> dict[str, Any]:
    """Hazards, who releases, and the releaser's checklist, as in force for a unit."""
    rules = rules_at(operations, unit or None, now_us())
    hazards = [
        {"id": one.id, "name": dict(one.name), "natural": one.natural, "hours": one.hours, "mostHours": one.most_hours}
        for one in rules.hazards.values()
    ]
    checks = [{"id": name, **said} for name, said in rules.checks.items()]
    return {"hazards": hazards, "releasers": sorted(rules.releasers), "checks": checks}


def cap_response(content: bytes, name: str) -> Response:
    """A CAP file to be kept."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.cap.xml"', "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type="application/cap+xml", headers=headers)


def draft_of(body: DraftBody) -> Draft:
    """The draft that a body says. Invalid for a language that is not spoken here."""
    if unknown := sorted(body.info.keys() - set(LANGUAGES)):
        raise Invalid(f"Texts are in {' and '.join(LANGUAGES)}, not in {unknown[0][:20]}.", field="info")
    return Draft(
        hazard=body.hazard,
        info={language: Info(**texts.model_dump()) for language, texts in body.info.items()},
        units=tuple(body.units),
        shapes=tuple(_shape(one) for one in body.areas),
        severity=body.severity,
        urgency=body.urgency,
        certainty=body.certainty,
        effective=body.effective,
        expires=body.expires,
        incident=body.incident,
        bulletin=body.bulletin,
        drill=body.drill,
    )


def _shape(body: ShapeBody) -> Shape:
    circle = Circle(**body.circle.model_dump()) if body.circle else None
    return Shape(body.name, tuple((lon, lat) for lon, lat in body.polygon or ()), circle)


def texts_of(operations: Ours, found: Warning) -> dict[str, Any]:
    """The texts derived from a warning, each SMS with how it counts."""
    rules = rules_at(operations, found.unit or None)
    plain = {language: short_text(found, language, 160, marks=False) for language in LANGUAGES}
    full = {language: short_text(found, language, 70 * 2) for language in LANGUAGES}
    return {
        "sms": {name: _counted(text) for name, text in plain.items()},
        "smsWithMarks": {name: _counted(text) for name, text in full.items()},
        "spoken": {language: spoken_text(found, language, rules.spoken) for language in LANGUAGES},
    }


def _counted(text: str) -> dict[str, Any]:
    told = sms(text)
    return {"text": text, "coding": told.coding, "letters": told.letters, "segments": told.segments}


def warning_dict(one: Warning) -> dict[str, Any]:
    """A warning as JSON."""
    return {
        "id": one.id,
        "version": one.version,
        "thread": one.thread,
        "kind": one.kind.value,
        "state": one.state.value,
        "title": one.title,
        "hazard": one.hazard,
        "severity": one.severity.value,
        "urgency": one.urgency.value,
        "certainty": one.certainty.value,
        "info": {
            name: {"headline": i.headline, "description": i.description, "instruction": i.instruction}
            for name, i in one.info.items()
        },
        "units": list(one.units),
        "areas": [shape_dict(shape) for shape in one.shapes],
        "areaName": dict(one.area),
        "follows": one.follows,
        "references": list(one.references),
        "effective": one.effective,
        "expires": one.expires,
        "incident": one.incident,
        "bulletin": one.bulletin,
        "writtenBy": one.written_by,
        "editors": list(one.editors),
        "releasedBy": one.released_by,
        "sentAt": one.sent,
        "sender": one.sender,
        "identifier": one.identifier,
        "refused": one.refused,
        "drill": one.drill,
        "unit": one.unit,
        "due": one.due,
        "open": one.open,
    }
