"""The JSON endpoints of planning: schemes, targets, plans, projects, finance, and tasks over time."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import Field

from dothi.accounts.api import Who, require_csrf
from dothi.ground.clock import iso, now_us
from dothi.programme.api.tasks import Body, Code, Name, Ours, ReasonBody, Repeat, Words
from dothi.programme.model import level_of
from dothi.programme.plans import documents, projects, reading, targets, versions
from dothi.programme.plans.codes import entity_of
from dothi.programme.plans.model import Document, NewDocument, NewTarget, Stage, Step
from dothi.programme.tasks import bottlenecks, gantt
from dothi.programme.tasks.workflow import check_instant

Title = Annotated[str, Field(min_length=1, max_length=500)]
Year = Annotated[int, Field(ge=2000, le=2100)]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Amount = Annotated[int, Field(ge=0, le=projects.AMOUNT_MAX, strict=True)]
GANTT_MAX = 500
router = APIRouter(tags=["programme"], dependencies=[Depends(require_csrf)])


class StageBody(Body):
    """Years from first to last, and the level expected at the end."""

    first: Year
    last: Year
    level: Annotated[int, Field(ge=1, le=3)]


class SchemeBody(Body):
    """A scheme that begins as a draft."""

    title: Title
    unit: Code
    lead: Code | None = None
    year: Year
    vision: Words
    visionYear: Year  # noqa: N815  # Names of the body.
    stages: Annotated[list[StageBody], Field(min_length=1, max_length=10)]
    legalBases: Annotated[list[Name], Field(max_length=50)] = []  # noqa: N815
    parent: Name | None = None


class PlanBody(Body):
    """A sector plan or a local plan that begins as a draft."""

    title: Title
    unit: Code
    lead: Code | None = None
    year: Year
    ends: Year | None = None
    kind: Literal["sector", "local"]
    sector: Annotated[str, Field(max_length=200)] = ""
    scheme: Name | None = None
    parent: Name | None = None
    legalBases: Annotated[list[Name], Field(max_length=50)] = []  # noqa: N815


class StepBody(Body):
    """What a step says: a note, or the decision's number, date and who took it."""

    note: Words = ""
    number: Annotated[str, Field(max_length=100)] = ""
    date: Annotated[str, Field(max_length=10)] = ""
    by: Annotated[str, Field(max_length=300)] = ""


class AdjustBody(Body):
    """What is adjusted, why, and by which decision."""

    changes: dict[str, Any]
    reason: Words
    number: Annotated[str, Field(max_length=100)] = ""


class ReviewBody(Body):
    """What a review found, and when the next one is due."""

    note: Words
    following: Day | None = None


class TargetBody(Body):
    """A value of an indicator, or a maturity level, by a year."""

    title: Title
    year: Year
    unit: Code
    indicator: Name | None = None
    value: float | None = None
    unitCode: Annotated[str, Field(max_length=8)] = ""  # noqa: N815
    level: int | None = None
    legalBasis: Name | None = None  # noqa: N815


class ProjectBody(Body):
    """A project that is proposed."""

    title: Title
    plan: Name
    unit: Code
    lead: Code
    units: Annotated[list[Code], Field(min_length=1, max_length=3321)]
    year: Year
    starts: Day
    ends: Day
    zone: Annotated[str, Field(max_length=300)] = ""
    longitude: Annotated[float | None, Field(ge=-180, le=180)] = None
    latitude: Annotated[float | None, Field(ge=-90, le=90)] = None
    legalBasis: Name | None = None  # noqa: N815


class FundingBody(Body):
    """So much from a source, in đồng."""

    kind: Annotated[str, Field(max_length=40)]
    amount: Amount
    note: Annotated[str, Field(max_length=300)] = ""


class FinanceBody(Body):
    """What a project costs to make and to run each year, who pays, who gains."""

    funding: Annotated[list[FundingBody], Field(max_length=50)] = []
    capex: Amount
    opex: Amount
    benefits: Annotated[dict[str, Words], Field(max_length=3)] = {}  # Of people, business, state.


class PaymentBody(Body):
    """A payment from a source; below zero it takes one back, with a note."""

    day: Day
    amount: Annotated[int, Field(ge=-projects.AMOUNT_MAX, le=projects.AMOUNT_MAX, strict=True)]
    kind: Annotated[str, Field(max_length=40)]
    note: Annotated[str, Field(max_length=500)] = ""


@router.get("/programme")
def overview(programme: Ours, actor: Who) -> dict[str, Any]:
    """The whole programme in counts: tasks late, at risk, blocked by kind; schemes and plans."""
    now = now_us()
    return {
        "tasks": asdict(reading.counts(programme, actor, now)),
        "bottlenecks": bottlenecks.by_kind(programme, actor),
        "schemes": [document_dict(one) for one in documents.documents(programme, actor, "Scheme")],
        "plans": [
            document_dict(one) | {"tasks": asdict(reading.counts(programme, actor, now, plan=one.id))}
            for one in documents.documents(programme, actor, "Plan")
        ],
    }


@router.post("/schemes", status_code=201)
async def draft_scheme(programme: Ours, actor: Who, body: SchemeBody, key: Repeat = None) -> dict[str, Any]:
    """Begin a scheme; it is a draft until it is consulted on and approved."""
    new = NewDocument(
        *(body.title, body.unit, body.lead or body.unit, body.year, tuple(body.legalBases), body.parent),
        vision=body.vision,
        vision_year=body.visionYear,
        stages=tuple(Stage(one.first, one.last, one.level) for one in body.stages),
    )
    return {"id": await documents.draft(programme, actor, "Scheme", new, key and f"scheme:{actor.id}:{key}")}


@router.post("/plans", status_code=201)
async def draft_plan(programme: Ours, actor: Who, body: PlanBody, key: Repeat = None) -> dict[str, Any]:
    """Begin a sector plan or a local plan."""
    new = NewDocument(
        *(body.title, body.unit, body.lead or body.unit, body.year, tuple(body.legalBases), body.parent),
        kind=body.kind,
        sector=body.sector,
        scheme=body.scheme,
        ends=body.ends or body.year,
    )
    return {"id": await documents.draft(programme, actor, "Plan", new, key and f"plan:{actor.id}:{key}")}


@router.get("/schemes")
def read_schemes(programme: Ours, actor: Who) -> list[dict[str, Any]]:
    """Every scheme by code."""
    return [document_dict(one) for one in documents.documents(programme, actor, "Scheme")]


@router.get("/plans")
def read_plans(programme: Ours, actor: Who, scheme: str | None = None) -> list[dict[str, Any]]:
    """Every plan by code, or those of a scheme."""
    wanted = {"scheme": scheme} if scheme else {}
    return [document_dict(one) for one in documents.documents(programme, actor, "Plan", **wanted)]


def _one(kind: str) -> Any:
    def read(programme: Ours, actor: Who, name: str) -> dict[str, Any]:
        return document_dict(documents.document(programme, actor, _full(kind, name), kind))

    return read


def _changes(kind: str) -> Any:
    def read(programme: Ours, actor: Who, name: str, first: Day, second: Day) -> list[dict[str, Any]]:
        documents.document(programme, actor, _full(kind, name), kind)
        found = versions.between(programme, actor, _full(kind, name), check_instant(first), check_instant(second))
        return [asdict(one) for one in found]

    return read


def _step(kind: str, verb: Step) -> Any:
    async def do(programme: Ours, actor: Who, name: str, body: StepBody) -> None:
        documents.document(programme, actor, _full(kind, name), kind)
        await documents.step(programme, actor, _full(kind, name), verb, body.model_dump())

    return do


def _adjust(kind: str) -> Any:
    async def do(programme: Ours, actor: Who, name: str, body: AdjustBody) -> None:
        documents.document(programme, actor, _full(kind, name), kind)
        await documents.adjust(programme, actor, _full(kind, name), body.changes, body.reason, body.number)

    return do


def _review(kind: str) -> Any:
    async def do(programme: Ours, actor: Who, name: str, body: ReviewBody) -> None:
        documents.document(programme, actor, _full(kind, name), kind)
        await documents.review(programme, actor, _full(kind, name), body.note, body.following or "")

    return do


for _kind, _path in (("Scheme", "schemes"), ("Plan", "plans")):
    _at, _word = f"/{_path}/{{name}}", _kind.lower()
    router.add_api_route(_at, _one(_kind), name=f"read_{_word}", summary=f"One {_word}")
    router.add_api_route(
        f"{_at}/changes", _changes(_kind), name=f"{_word}_changes", summary="What differs between the ends of two days"
    )
    router.add_api_route(
        f"{_at}/adjust", _adjust(_kind), methods=["POST"], status_code=204, name=f"adjust_{_word}", summary="Adjust it"
    )
    router.add_api_route(
        f"{_at}/review",
        _review(_kind),
        methods=["POST"],
        status_code=204,
        name=f"review_{_word}",
        summary="It was reviewed",
    )
    for _verb in Step:
        router.add_api_route(
            f"{_at}/{_verb.value.replace('_', '-')}",
            _step(_kind, _verb),
            methods=["POST"],
            status_code=204,
            name=f"{_verb.value}_{_word}",
            summary=f"{_verb.value.replace('_', ' ').capitalize()} a {_word}",
        )


@router.get("/schemes/{name}/targets")
def read_targets(programme: Ours, actor: Who, name: str) -> list[dict[str, Any]]:
    """The targets of a scheme, and how far they are reached."""
    found = targets.targets_of(programme, actor, _full("Scheme", name))
    return [asdict(one) | {"reached": asdict(targets.reached(programme, actor, one))} for one in found]


@router.post("/schemes/{name}/targets", status_code=201)
async def add_target(programme: Ours, actor: Who, name: str, body: TargetBody, key: Repeat = None) -> dict[str, Any]:
    """Add a target to a scheme."""
    new = NewTarget(
        *(body.title, body.year, body.unit, body.indicator, body.value, body.unitCode, body.level, body.legalBasis)
    )
    return {
        "id": await targets.add_target(programme, actor, _full("Scheme", name), new, key and f"target:{actor.id}:{key}")
    }


@router.get("/plans/{name}/gantt")
def plan_gantt(programme: Ours, actor: Who, name: str, baseline: Day | None = None) -> dict[str, Any]:
    """The tasks of a plan over time; with `baseline` what the city knew at the end of that day, and the slips."""
    documents.document(programme, actor, _full("Plan", name), "Plan")
    now = now_us()
    listed = reading.tasks_shown(programme, actor, "all", now, GANTT_MAX, plan=_full("Plan", name))
    then = gantt.baseline_of(programme, actor, listed, check_instant(baseline)) if baseline else None
    drawn = gantt.chart(listed, now, then)
    return {"from": iso(drawn.first), "to": iso(drawn.last), "tasks": [_bar_dict(bar) for bar in drawn.bars]}


@router.get("/projects")
def read_projects(programme: Ours, actor: Who, plan: str | None = None) -> list[dict[str, Any]]:
    """Every project by code, or those of a plan."""
    return [project_dict(one) for one in projects.projects(programme, actor, plan or "")]


@router.get("/plans/{name}/finance")
def plan_finance(programme: Ours, actor: Who, name: str, until: Day | None = None) -> dict[str, Any]:
    """The finance of a plan's projects, disbursed until a day."""
    documents.document(programme, actor, _full("Plan", name), "Plan")
    found = projects.totals(projects.projects(programme, actor, _full("Plan", name)), until or "9999-12-31")
    return asdict(found) | {"share": found.share}


@router.post("/projects", status_code=201)
async def propose_project(programme: Ours, actor: Who, body: ProjectBody, key: Repeat = None) -> dict[str, Any]:
    """Propose a project of a plan."""
    place = None
    if body.longitude is not None and body.latitude is not None:
        place = {"type": "Point", "coordinates": [body.longitude, body.latitude]}
    new = projects.NewProject(
        *(body.title, body.plan, body.unit, body.lead, tuple(body.units), body.year, body.starts, body.ends),
        zone=body.zone,
        location=place,
        legal_basis=body.legalBasis,
    )
    return {"id": await projects.propose(programme, actor, new, key and f"project:{actor.id}:{key}")}


@router.get("/projects/{name}")
def read_project(programme: Ours, actor: Who, name: str) -> dict[str, Any]:
    """One project with its finance."""
    return project_dict(projects.project(programme, actor, _full("Project", name)))


@router.post("/projects/{name}/finance", status_code=204)
async def set_finance(programme: Ours, actor: Who, name: str, body: FinanceBody) -> None:
    """Say what it costs, who pays and who gains."""
    funding = tuple(projects.Funding(one.kind, one.amount, one.note) for one in body.funding)
    await projects.set_finance(
        programme, actor, _full("Project", name), funding, body.capex, body.opex, {**body.benefits}
    )


@router.post("/projects/{name}/payments", status_code=204)
async def disburse(programme: Ours, actor: Who, name: str, body: PaymentBody) -> None:
    """Write down a payment."""
    await projects.disburse(programme, actor, _full("Project", name), body.day, body.amount, body.kind, body.note)


@router.post("/projects/{name}/{to}", status_code=204)
async def move_project(
    programme: Ours,
    actor: Who,
    name: str,
    to: Literal["approved", "running", "finished", "stopped"],
    body: ReasonBody,
) -> None:
    """Let it be approved, run, finished or stopped."""
    await projects.move(programme, actor, _full("Project", name), projects.Stand(to), body.reason)


def _full(kind: str, name: str) -> str:
    """The id that an address names: the URN itself, or the code alone."""
    return name if name.startswith("urn:") else entity_of(kind, name)


def document_dict(one: Document) -> dict[str, Any]:
    """A scheme or plan as JSON."""
    return asdict(one) | {"level": level_of(one.unit), "reviewLate": documents.review_is_late(one, now_us())}


def project_dict(one: projects.Project) -> dict[str, Any]:
    """A project as JSON, with its sums."""
    return asdict(one) | {"funded": one.funded, "gap": one.gap, "disbursed": one.disbursed()}


def _bar_dict(bar: gantt.Bar) -> dict[str, Any]:
    then = bar.then and {"due": iso(bar.then.due), "state": bar.then.state, "progress": bar.then.progress}
    return {
        "id": bar.task.id,
        "title": bar.task.title,
        "state": bar.task.state,
        "start": iso(bar.start),
        "end": iso(bar.end),
        "originalDue": bar.task.original_due,
        "due": bar.task.due,
        "late": bar.late,
        "dependsOn": list(bar.task.depends_on),
        "then": then,
        "slipDays": bar.slip_days,
    }
