"""The JSON endpoints of the programme: legal bases, tasks, proposals. Each parses, calls one verb, renders."""

from dataclasses import asdict
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Depends, File, Form, Header, Query, Request, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from dothi.accounts.api import Who, require_csrf
from dothi.ground.clock import now_us
from dothi.ground.errors import Invalid, TooLarge
from dothi.hub.model import Entity
from dothi.programme import law
from dothi.programme.model import Evidence, NewTask, Programme, Provision, Task
from dothi.programme.tasks import ledger, service

EVIDENCE_MAX = 20 * 1024 * 1024  # Bytes of one file.
Words = Annotated[str, Field(max_length=2000)]
Name = Annotated[str, Field(max_length=300)]
Code = Annotated[str, Field(pattern=r"^\d{2}(\d{3})?$")]


class Body(BaseModel):
    """A body of JSON: a name that it does not know is refused."""

    model_config = ConfigDict(extra="forbid")


class ProvisionBody(Body):
    """A place in the law."""

    document: Annotated[str, Field(min_length=1, max_length=100)]
    article: Annotated[int, Field(ge=1, le=10_000)]
    clause: Annotated[int | None, Field(ge=1, le=1000)] = None
    point: Annotated[str | None, Field(max_length=4)] = None
    summary: Words = ""
    validFrom: Annotated[str | None, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] = None  # noqa: N815  # Names of the body.
    validTo: Annotated[str | None, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] = None  # noqa: N815
    replacedBy: Annotated[str | None, Field(max_length=300)] = None  # noqa: N815


class TaskBody(Body):
    """A task to be issued; the verb says what is missing of the five."""

    title: Annotated[str, Field(max_length=500)] = ""
    lead: Code | None = None
    due: Annotated[str, Field(max_length=40)] = ""
    output: Words = ""
    units: Annotated[list[Code], Field(max_length=3321)] = []
    legalBasis: Annotated[str | None, Field(max_length=300)] = None  # noqa: N815
    cooperating: Annotated[list[Code], Field(max_length=200)] = []
    indicators: Annotated[list[str], Field(max_length=100)] = []
    sources: Annotated[list[str], Field(max_length=1000)] = []
    responsible: Annotated[str, Field(max_length=200)] = ""  # The person: user:<id>, or the position.
    evidenceKind: Annotated[str, Field(max_length=40)] = ""  # noqa: N815
    kind: Literal["task", "solution"] = "task"
    level: Literal["", "province", "commune"] = ""
    plan: Name | None = None
    project: Name | None = None
    targets: Annotated[list[Name], Field(max_length=100)] = []
    starts: Annotated[str, Field(max_length=40)] = ""
    dependsOn: Annotated[list[Name], Field(max_length=100)] = []  # noqa: N815
    location: dict[str, Any] | None = None

    def new_task(self) -> NewTask:
        """The value that the verb takes."""
        return NewTask(
            title=self.title,
            lead=self.lead or "",
            due=self.due,
            output=self.output,
            units=tuple(self.units),
            legal_basis=self.legalBasis,
            cooperating=tuple(self.cooperating),
            indicators=tuple(self.indicators),
            sources=tuple(self.sources),
            responsible=self.responsible,
            evidence_kind=self.evidenceKind,
            solution=self.kind == "solution",
            level=self.level,
            plan=self.plan,
            project=self.project,
            targets=tuple(self.targets),
            starts=self.starts,
            depends_on=tuple(self.dependsOn),
            location=self.location,
        )


class ProgressBody(Body):
    """How far it is."""

    percent: int
    note: Words = ""


class ExtensionBody(Body):
    """Another deadline, and why."""

    due: Annotated[str, Field(max_length=40)]
    reason: Words


class ReasonBody(Body):
    """Why."""

    reason: Words


def programme_of(request: Request) -> Programme:
    """The programme of the city that serves this request."""
    return cast(Programme, request.app.state.parts.programme)


Ours = Annotated[Programme, Depends(programme_of)]
Repeat = Annotated[str | None, Header(alias="Idempotency-Key", max_length=200)]
router = APIRouter(tags=["programme"], dependencies=[Depends(require_csrf)])


@router.get("/legal-bases")
def read_provisions(
    programme: Ours, actor: Who, day: Annotated[str | None, Query(pattern=r"^\d{4}-\d{2}-\d{2}$")] = None
) -> list[dict[str, Any]]:
    """Provisions in the order of the law; those in force on a day, or all."""
    found = law.provisions(programme, actor, day)
    return [{"id": name, "citation": law.cite(one), **asdict(one)} for name, one in found]


@router.post("/legal-bases", status_code=201)
async def keep_provision(programme: Ours, actor: Who, body: ProvisionBody) -> dict[str, Any]:
    """Write a provision."""
    provision = Provision(
        *(body.document, body.article, body.clause, body.point, body.summary, body.validFrom, body.validTo),
        replaced_by=body.replacedBy,
    )
    name = await law.keep_provision(programme, actor, provision)
    return {"id": name, "citation": law.cite(provision)}


@router.get("/tasks")
def read_tasks(programme: Ours, actor: Who, closed: bool = False) -> list[dict[str, Any]]:
    """Tasks, the soonest due first; open ones unless `closed`."""
    found = service.tasks(programme, actor, "open==false" if closed else "open==true")
    return [task_dict(one) for one in found]


@router.post("/tasks", status_code=201)
async def issue(programme: Ours, actor: Who, body: TaskBody, key: Repeat = None) -> dict[str, Any]:
    """Issue a task that is clear in all five."""
    return {"id": await service.issue_task(programme, actor, body.new_task(), key and f"task:{actor.id}:{key}")}


@router.get("/tasks/{task_id}")
def read_task(programme: Ours, actor: Who, task_id: str) -> dict[str, Any]:
    """One task."""
    return task_dict(service.task(programme, actor, task_id))


@router.post("/tasks/{task_id}/progress", status_code=204)
async def progress(programme: Ours, actor: Who, task_id: str, body: ProgressBody) -> None:
    """Say how far it is."""
    await service.report_progress(programme, actor, task_id, body.percent, body.note)


@router.post("/tasks/{task_id}/extend", status_code=204)
async def extend(programme: Ours, actor: Who, task_id: str, body: ExtensionBody) -> None:
    """Agree on another deadline."""
    await ledger.extend(programme, actor, task_id, body.due, body.reason)


@router.post("/tasks/{task_id}/finish", status_code=204)
async def finish(
    programme: Ours,
    actor: Who,
    task_id: str,
    evidence: Annotated[list[UploadFile], File()],
    note: Annotated[str, Form(max_length=2000)] = "",
) -> None:
    """Finish with evidence (multipart form: `evidence` files, `note`)."""
    kept = [
        await keep_evidence(programme, one.filename or "evidence", one.content_type or "", await read_upload(one))
        for one in evidence
    ]
    await service.finish(programme, actor, task_id, note, tuple(kept))


@router.post("/tasks/{task_id}/drop", status_code=204)
async def drop(programme: Ours, actor: Who, task_id: str, body: ReasonBody) -> None:
    """Give a task up."""
    await service.drop(programme, actor, task_id, body.reason)


@router.get("/proposals")
def read_proposals(programme: Ours, actor: Who) -> list[dict[str, Any]]:
    """What modules propose and nobody has decided."""
    return [proposal_dict(one) for one in service.proposals(programme, actor)]


@router.post("/proposals/{proposal_id}/accept", status_code=201)
async def accept(programme: Ours, actor: Who, proposal_id: str, body: TaskBody) -> dict[str, Any]:
    """Make a task of a proposal."""
    return {"id": await service.accept(programme, actor, proposal_id, body.new_task())}


@router.post("/proposals/{proposal_id}/decline", status_code=204)
async def decline(programme: Ours, actor: Who, proposal_id: str, body: ReasonBody) -> None:
    """Say no to a proposal."""
    await service.decline(programme, actor, proposal_id, body.reason)


async def keep_evidence(programme: Programme, name: str, media_type: str, content: bytes) -> Evidence:
    """Keep an uploaded file as evidence. Invalid when it is empty or neither PDF nor picture, TooLarge over 20 MiB."""
    if len(content) > EVIDENCE_MAX:
        raise TooLarge(f"{name[:80]} is larger than 20 MiB: send a smaller file.")
    kind = next((kind for start, kind in _SIGNATURES if content.startswith(start)), None)
    if kind is None:
        raise Invalid(f"{name[:80]} is no PDF, JPEG, PNG or office document: attach one of these.")
    return Evidence(programme.hub.keep_file(content), name[:200], kind)


# By what a file begins with, never by what it calls itself.
_SIGNATURES = (
    (b"%PDF-", "application/pdf"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"PK\x03\x04", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
)


async def read_upload(file: UploadFile) -> bytes:
    """The bytes of an uploaded file, one more than the limit at most."""
    return await file.read(EVIDENCE_MAX + 1)


def task_dict(one: Task) -> dict[str, Any]:
    """A task as JSON, with what is late by which deadline."""
    late_original, late_agreed = service.is_late(one, now_us())
    return {**asdict(one), "lateByOriginal": late_original, "lateByAgreed": late_agreed}


def proposal_dict(proposal: Entity) -> dict[str, Any]:
    """A proposal as JSON."""
    names = ("kind", "category", "state", "reasons", "sources", "location", "unit", "proposedAt")
    return {"id": proposal.id, **{name: proposal.value(name) for name in names if name in proposal.attrs}}
