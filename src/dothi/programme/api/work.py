"""The JSON endpoints of work on tasks: parts, requests for another deadline, evidence, bottlenecks, dependencies."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, File, Form, UploadFile
from pydantic import Field

from dothi.accounts.api import Who, require_csrf
from dothi.ground.clock import HOUR, now_us
from dothi.hub.model import Actor
from dothi.programme import law
from dothi.programme.api.tasks import Body, Code, Name, Ours, ReasonBody, Words, keep_evidence, read_upload
from dothi.programme.model import Evidence, Programme
from dothi.programme.tasks import bottlenecks, dependencies, ledger, parts, proofs, service
from dothi.programme.tasks.workflow import today

Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
router = APIRouter(tags=["programme"], dependencies=[Depends(require_csrf)])


class AskBody(Body):
    """Which unit is asked for which part, until when."""

    unit: Code
    work: Words
    due: Annotated[str, Field(max_length=40)] = ""


class MoveBody(Body):
    """What is said with a move: the reason, or what was done."""

    said: Words = ""


class DeadlineBody(Body):
    """The deadline that is asked for, and why."""

    due: Annotated[str, Field(max_length=40)]
    reason: Words


class DecisionBody(Body):
    """Agreed or refused, and why."""

    agreed: bool
    why: Words = ""


class BottleneckBody(Body):
    """What stands in the way, of which kind, who must remove it, until when."""

    kind: Annotated[str, Field(max_length=40)]
    words: Words
    owner: Code
    due: Annotated[str, Field(max_length=40)]


class AttachBody(Body):
    """Evidence files that are kept already."""

    evidence: Annotated[list[Name], Field(min_length=1, max_length=50)]


class BeforeBody(Body):
    """The task that must be done before."""

    before: Name


class ReplaceBody(Body):
    """Which provision follows, and the last day of the old one."""

    successor: Name
    lastDay: Day  # noqa: N815  # Names of the body.
    reason: Words


@router.get("/tasks/{task_id}/parts")
def read_parts(programme: Ours, actor: Who, task_id: str) -> dict[str, Any]:
    """The parts of a task, and the working hours charged to each unit by step."""
    service.task(programme, actor, task_id)
    found = parts.parts_of(programme, actor, task_id)
    hours = {
        unit: {step: round(time / HOUR, 2) for step, time in steps.items()}
        for unit, steps in parts.charged(programme, found, now_us()).items()
    }
    return {"parts": [_part_dict(one) for one in found], "chargedHours": hours}


@router.post("/tasks/{task_id}/parts", status_code=201)
async def ask_part(programme: Ours, actor: Who, task_id: str, body: AskBody) -> dict[str, Any]:
    """Ask another unit for its part."""
    return {"id": await parts.ask(programme, actor, task_id, body.unit, body.work, body.due)}


@router.post("/parts/{part_id}/{verb}", status_code=204)
async def move_part(
    programme: Ours,
    actor: Who,
    part_id: str,
    verb: Literal["accept", "return", "ask_again", "finish", "waive"],
    body: MoveBody,
) -> None:
    """Accept, return with a reason, ask again, finish or waive a part."""
    await parts.move(programme, actor, part_id, parts.Move(verb), body.said)


@router.get("/tasks/{task_id}/extensions")
def read_requests(programme: Ours, actor: Who, task_id: str) -> list[dict[str, Any]]:
    """Every request for another deadline of a task, oldest first."""
    service.task(programme, actor, task_id)
    return [asdict(one) for one in ledger.requests_of(programme, actor, task_id)]


@router.post("/tasks/{task_id}/extension", status_code=201)
async def ask_extension(programme: Ours, actor: Who, task_id: str, body: DeadlineBody) -> dict[str, Any]:
    """Ask for another deadline; another side decides."""
    return {"id": await ledger.ask(programme, actor, task_id, body.due, body.reason)}


@router.post("/extensions/{request_id}/decide", status_code=204)
async def decide_extension(programme: Ours, actor: Who, request_id: str, body: DecisionBody) -> None:
    """Agree to another deadline, or refuse with the reason."""
    await ledger.decide(programme, actor, request_id, body.agreed, body.why)


@router.get("/tasks/{task_id}/bottlenecks")
def read_bottlenecks(programme: Ours, actor: Who, task_id: str) -> list[dict[str, Any]]:
    """What stands or stood in the way of a task."""
    service.task(programme, actor, task_id)
    return [asdict(one) for one in bottlenecks.bottlenecks_of(programme, actor, task_id)]


@router.post("/tasks/{task_id}/bottlenecks", status_code=201)
async def raise_bottleneck(programme: Ours, actor: Who, task_id: str, body: BottleneckBody) -> dict[str, Any]:
    """Say what stands in the way."""
    new = bottlenecks.NewBottleneck(body.kind, body.words, body.owner, body.due)
    return {"id": await bottlenecks.raise_bottleneck(programme, actor, task_id, new)}


@router.post("/bottlenecks/{bottleneck_id}/resolve", status_code=204)
async def resolve_bottleneck(programme: Ours, actor: Who, bottleneck_id: str, body: ReasonBody) -> None:
    """Say how it was removed."""
    await bottlenecks.resolve(programme, actor, bottleneck_id, body.reason)


@router.get("/bottlenecks")
def count_bottlenecks(programme: Ours, actor: Who) -> dict[str, int]:
    """Open bottlenecks by kind."""
    return bottlenecks.by_kind(programme, actor)


@router.post("/tasks/{task_id}/depends-on", status_code=204)
async def depend(programme: Ours, actor: Who, task_id: str, body: BeforeBody) -> None:
    """Let a task wait for another; a circle is refused."""
    await dependencies.depend(programme, actor, task_id, body.before)


@router.post("/tasks/{task_id}/depends-on/release", status_code=204)
async def release(programme: Ours, actor: Who, task_id: str, body: BeforeBody) -> None:
    """Let it wait no longer."""
    await dependencies.release(programme, actor, task_id, body.before)


@router.get("/evidence-files")
def read_evidence(programme: Ours, actor: Who) -> list[dict[str, Any]]:
    """The latest evidence files."""
    return [_evidence_dict(one) for one in proofs.evidence_files(programme, actor)]


@router.post("/evidence-files", status_code=201)
async def keep_file(  # The fields of one form.
    programme: Ours,
    actor: Who,
    file: Annotated[UploadFile, File()],
    unit: Annotated[str, Form(pattern=r"^\d{2}(\d{3})?$")],
    kind: Annotated[str, Form(max_length=40)] = "",
    issuer: Annotated[str, Form(max_length=200)] = "",
    valid_from: Annotated[str, Form(alias="validFrom", max_length=10)] = "",
    valid_to: Annotated[str, Form(alias="validTo", max_length=10)] = "",
) -> dict[str, Any]:
    """Keep a file as evidence, once, to be attached wherever it proves (multipart form)."""
    kept = await keep_evidence(programme, file.filename or "evidence", file.content_type or "", await read_upload(file))
    said = Evidence(kept.sha256, kept.name, kept.media_type, kind, issuer, valid_from or None, valid_to or None)
    return {"id": await proofs.keep(programme, actor, unit, said)}


@router.post("/tasks/{task_id}/evidence", status_code=204)
async def attach(programme: Ours, actor: Who, task_id: str, body: AttachBody) -> None:
    """Attach evidence that is kept already."""
    await proofs.attach(programme, actor, task_id, body.evidence)


@router.get("/legal-bases/{basis}/resting")
def read_resting(programme: Ours, actor: Who, basis: str) -> dict[str, Any]:
    """What rests on a provision, whether it is in force, and what follows it."""
    return resting_dict(programme, actor, basis)


@router.post("/legal-bases/{basis}/replace", status_code=204)
async def replace_basis(programme: Ours, actor: Who, basis: str, body: ReplaceBody) -> None:
    """Say that a provision ends, and which one follows."""
    await law.replace(programme, actor, basis, body.successor, body.lastDay, body.reason)


def resting_dict(programme: Programme, actor: Actor, basis: str) -> dict[str, Any]:
    """A provision with what rests on it, as JSON."""
    one = law.provision(programme, actor, basis)
    rests = law.resting(programme, actor, basis)
    return {
        "id": basis,
        "citation": law.cite(one),
        "inForce": law.valid_on(one, today(now_us())),
        "replacedBy": one.replaced_by,
        "resting": {group.type: {"count": group.count, "ids": [e.id for e in group.entities]} for group in rests},
    }


def _part_dict(one: parts.Part) -> dict[str, Any]:
    return {name: value for name, value in asdict(one).items() if name != "marks"}


def _evidence_dict(one: Evidence) -> dict[str, Any]:
    return {"id": proofs.evidence_id(one.sha256), **asdict(one), "expired": one.expired(today(now_us()))}
