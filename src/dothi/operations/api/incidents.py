"""Incidents over HTTP: opening, moving, joining, steps, suggestions and the log. Each parses, calls a verb, renders."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from dothi.accounts.api import Who, require_csrf
from dothi.ground.clock import from_datetime, iso, now_us
from dothi.operations.api.alarms import Ours
from dothi.operations.incidents import joining, moving, review
from dothi.operations.incidents.log import Line, read_log, write_entry
from dothi.operations.incidents.model import Incident, NewIncident
from dothi.operations.incidents.playbooks.drill import start_drill
from dothi.operations.incidents.playbooks.steps import do_step, skip_step
from dothi.operations.incidents.service import incident, incidents, open_incident, orders_of
from dothi.operations.incidents.suggestions import Suggestion, confirm, reject, suggestions
from dothi.operations.model import Priority

Name = Annotated[str, Path(max_length=200, description="The id, or the end of it.")]
Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=8, max_length=200)]
Text = Annotated[str, Field(max_length=4000)]
Short = Annotated[str, Field(max_length=200)]
Ids = Annotated[list[Short], Field(max_length=100)]
Code = Annotated[str, Field(max_length=70)]
Verb = Literal["take", "control", "worsen", "close", "cancel", "reopen", "change", "pass_on"]
router = APIRouter(tags=["operations"], dependencies=[Depends(require_csrf)])


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class IncidentBody(_Body):
    """What is said to open an incident; a point or a unit is needed. `point` is longitude, latitude."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    kind: Short
    priority: Priority = Priority.HIGH
    unit: Code = ""
    point: tuple[Annotated[float, Field(ge=-180, le=180)], Annotated[float, Field(ge=-90, le=90)]] | None = None
    units: Annotated[list[Code], Field(max_length=200)] = []
    since: AwareDatetime | None = None
    words: Text = ""
    alarms: Ids = []
    reports: Ids = []
    bulletins: Ids = []
    suggestions: Ids = []


class MoveBody(_Body):
    """A deed on an incident: `version` is the one that was seen; the rest as the verb asks for it."""

    version: Annotated[int | None, Field(ge=0)] = None
    reason: Text = ""
    title: Short = ""
    priority: Priority | None = None
    assignee: Code = ""
    warningsTo: Short = ""  # noqa: N815  # The names of the JSON body.


class JoinBody(_Body):
    """What joins or is set apart, and why."""

    thing: Short
    reason: Text
    version: Annotated[int | None, Field(ge=0)] = None


class StepBody(_Body):
    """What was filled in at a step."""

    form: dict[Short, str | float | bool | None] = {}
    version: Annotated[int | None, Field(ge=0)] = None


class SkipBody(_Body):
    """Why a step is left out."""

    reason: Text
    version: Annotated[int | None, Field(ge=0)] = None


class EntryBody(_Body):
    """A line of a log; `typedAt` is when it was typed on a device that was offline."""

    about: Short
    words: Text
    typedAt: AwareDatetime | None = None  # noqa: N815


class DrillBody(_Body):
    """Which scenario is played where."""

    scenario: Short
    unit: Code


class DecisionBody(_Body):
    """Why a suggestion is confirmed or rejected."""

    why: Annotated[str, Field(max_length=1000)] = ""


class ReviewBody(_Body):
    """What went well, and what did not."""

    well: Text = ""
    badly: Text = ""
    version: Annotated[int | None, Field(ge=0)] = None


class FindingBody(_Body):
    """Something that was learnt."""

    words: Text
    version: Annotated[int | None, Field(ge=0)] = None


class LeadBody(_Body):
    """Where a finding leads: `rules` is a kind of rule set, `indicators` those that a task should move."""

    leads: Literal["rule", "task", "none"]
    rules: Short = ""
    indicators: Ids = []
    why: Text = ""
    version: Annotated[int | None, Field(ge=0)] = None


@router.get("/incidents")
def read_incidents(operations: Ours, actor: Who, closed: bool = False) -> list[dict[str, Any]]:
    """Open incidents, the most pressing first; with `closed` all of them, the latest first."""
    return [incident_dict(one) for one in incidents(operations, actor, open_only=not closed)]


@router.post("/incidents", status_code=201)
async def make_incident(operations: Ours, actor: Who, body: IncidentBody, key: Key = None) -> dict[str, Any]:
    """Open an incident; the same Idempotency-Key opens it once."""
    new = NewIncident(
        title=body.title,
        kind=body.kind,
        priority=body.priority.value,
        unit=body.unit,
        place=body.point,
        units=tuple(body.units),
        since=from_datetime(body.since) if body.since else None,
        words=body.words,
        alarms=tuple(body.alarms),
        reports=tuple(body.reports),
        bulletins=tuple(body.bulletins),
        suggestions=tuple(body.suggestions),
        key=key,
    )
    return incident_dict(await open_incident(operations, actor, new))


@router.post("/drills", status_code=201)
async def make_drill(operations: Ours, actor: Who, body: DrillBody, key: Key = None) -> dict[str, Any]:
    """Start a drill from a scenario: an incident that is marked in everything and reaches nobody outside."""
    return incident_dict(await start_drill(operations, actor, body.scenario, body.unit, key))


@router.get("/incidents/{name}")
def read_incident(operations: Ours, actor: Who, name: Name) -> dict[str, Any]:
    """One incident with its steps."""
    return incident_dict(incident(operations, actor, name))


@router.get("/incidents/{name}/log")
def read_lines(operations: Ours, actor: Who, name: Name) -> list[dict[str, Any]]:
    """Its log with the deeds on it and its orders, in order."""
    found = incident(operations, actor, name)
    also = [one.id for one in orders_of(operations, found)]
    return [line_dict(one) for one in read_log(operations, actor, found.id, also)]


@router.post("/incidents/{name}/steps/{step}/done")
async def finish_step(operations: Ours, actor: Who, name: Name, step: Name, body: StepBody) -> dict[str, Any]:
    """A step is done, with what was filled in."""
    return incident_dict(await do_step(operations, actor, name, step, body.form, body.version))


@router.post("/incidents/{name}/steps/{step}/skip")
async def leave_step(operations: Ours, actor: Who, name: Name, step: Name, body: SkipBody) -> dict[str, Any]:
    """A step is left out, and why."""
    return incident_dict(await skip_step(operations, actor, name, step, body.reason, body.version))


@router.post("/incidents/{name}/attach")
async def attach(operations: Ours, actor: Who, name: Name, body: JoinBody) -> dict[str, Any]:
    """An alarm, report or bulletin belongs to it."""
    return incident_dict(await joining.attach(operations, actor, name, body.thing, body.reason, body.version))


@router.post("/incidents/{name}/detach")
async def detach(operations: Ours, actor: Who, name: Name, body: JoinBody) -> dict[str, Any]:
    """What was joined does not belong to it."""
    return incident_dict(await joining.detach(operations, actor, name, body.thing, body.reason, body.version))


@router.post("/incidents/{name}/merge")
async def merge(operations: Ours, actor: Who, name: Name, body: JoinBody) -> dict[str, Any]:
    """It is directed as part of the incident `thing`."""
    return incident_dict(await joining.merge(operations, actor, name, body.thing, body.reason, body.version))


@router.post("/incidents/{name}/unmerge")
async def unmerge(operations: Ours, actor: Who, name: Name, body: SkipBody) -> dict[str, Any]:
    """It is directed by itself again."""
    return incident_dict(await joining.unmerge(operations, actor, name, body.reason, body.version))


@router.post("/incidents/{name}/moves/{verb}")
async def move(operations: Ours, actor: Who, name: Name, verb: Verb, body: MoveBody) -> dict[str, Any]:
    """Move it along its table: taken, under control, closed and so on."""
    return incident_dict(await moved(operations, actor, name, verb, body))


async def moved(operations: Ours, actor: Who, name: str, verb: str, body: MoveBody) -> Incident:
    """The verb of that name with what it asks for."""
    if verb == "take":
        return await moving.take(operations, actor, name, body.version)
    if verb == "close":
        return await moving.close(operations, actor, name, body.reason, body.warningsTo, body.version)
    if verb in ("cancel", "reopen"):
        return await moving.end(operations, actor, name, verb, body.reason, body.version)
    if verb == "change":
        priority = body.priority.value if body.priority else ""
        return await moving.change(operations, actor, name, body.title, priority, body.version)
    if verb == "pass_on":
        return await moving.pass_on(operations, actor, name, body.assignee, body.reason, body.version)
    return await moving.shift(operations, actor, name, verb, body.version)


@router.post("/incidents/{name}/review", status_code=201)
async def begin_review(operations: Ours, actor: Who, name: Name) -> dict[str, Any]:
    """Begin the review of a closed incident."""
    return review_dict(await review.start_review(operations, actor, name))


@router.put("/incidents/{name}/review")
async def keep_review(operations: Ours, actor: Who, name: Name, body: ReviewBody) -> dict[str, Any]:
    """What went well, and what did not."""
    return review_dict(await review.write_review(operations, actor, name, body.well, body.badly, body.version))


@router.post("/incidents/{name}/review/findings", status_code=201)
async def add_finding(operations: Ours, actor: Who, name: Name, body: FindingBody) -> dict[str, Any]:
    """Something that was learnt."""
    return review_dict(await review.add_finding(operations, actor, name, body.words, body.version))


@router.post("/incidents/{name}/review/findings/{finding}")
async def lead(operations: Ours, actor: Who, name: Name, finding: Name, body: LeadBody) -> dict[str, Any]:
    """Where a finding leads: other rules, a proposed task, or nowhere with the reason."""
    return review_dict(await led(operations, actor, name, finding, body))


async def led(operations: Ours, actor: Who, name: str, finding: str, body: LeadBody) -> review.Review:
    """The verb that this body asks for."""
    if body.leads == "rule":
        return await review.lead_to_rule(operations, actor, name, finding, body.rules, body.version)
    if body.leads == "task":
        return await review.lead_to_task(operations, actor, name, finding, body.indicators, body.version)
    return await review.lead_nowhere(operations, actor, name, finding, body.why, body.version)


@router.post("/incidents/{name}/review/finish")
async def finish_review(operations: Ours, actor: Who, name: Name) -> dict[str, Any]:
    """The review is finished; Conflict while a finding leads nowhere yet."""
    return incident_dict(await review.finish(operations, actor, name))


@router.post("/log-entries", status_code=201)
async def write(operations: Ours, actor: Who, body: EntryBody, key: Key = None) -> dict[str, Any]:
    """Write a line about an incident, shift, order or warning; the same Idempotency-Key writes it once."""
    typed = from_datetime(body.typedAt) if body.typedAt else None
    return {"id": await write_entry(operations, actor, body.about, body.words, typed, key, now=now_us())}


@router.get("/suggestions")
def read_suggestions(operations: Ours, actor: Who, kind: str = "", about: str = "") -> list[dict[str, Any]]:
    """What waits for a person's yes or no, the soonest due first."""
    return [suggestion_dict(one) for one in suggestions(operations, actor, kind=kind, about=about)]


@router.post("/suggestions/{name}/confirm")
async def confirm_it(operations: Ours, actor: Who, name: Name, body: DecisionBody) -> dict[str, Any]:
    """Yes: what belongs to an open incident joins it in the same commit."""
    found = await joining.carry_out(operations, actor, name, body.why)
    if isinstance(found, Incident):
        return incident_dict(found)
    return suggestion_dict(await confirm(operations, actor, name, body.why))


@router.post("/suggestions/{name}/reject")
async def reject_it(operations: Ours, actor: Who, name: Name, body: DecisionBody) -> dict[str, Any]:
    """No, and why; this cause does not come back."""
    return suggestion_dict(await reject(operations, actor, name, body.why))


def incident_dict(one: Incident) -> dict[str, Any]:
    """An incident as JSON."""
    names = ("id", "version", "title", "kind", "since", "unit", "assignee", "commander", "due", "location", "words")
    more = ("alarms", "reports", "bulletins", "playbook", "drill", "open")
    return {
        **{name: getattr(one, name) for name in (*names, *more)},
        "state": one.state.value,
        "priority": one.priority.value,
        "mergedInto": one.merged_into,
        "playbookVersions": one.playbook_versions,
        "steps": [step.as_json() for step in one.steps],
    }


def line_dict(one: Line) -> dict[str, Any]:
    """A line of a log as JSON."""
    said = {"at": iso(one.at), "known": iso(one.known), "by": one.by, "about": one.thing, "kind": one.kind}
    return said | ({"words": one.words} if one.words else {"deed": one.deed}) | {"drill": one.drill}


def suggestion_dict(one: Suggestion) -> dict[str, Any]:
    """A suggestion as JSON."""
    names = ("id", "version", "kind", "state", "title", "reasons", "sources", "incident", "unit", "due")
    return {name: getattr(one, name) for name in (*names, "decided_by", "why", "simulated", "drill")}


def review_dict(one: review.Review) -> dict[str, Any]:
    """A review as JSON."""
    names = ("id", "version", "incident", "title", "state", "well", "badly", "unit", "due", "drill")
    return {name: getattr(one, name) for name in names} | {"findings": [each.as_json() for each in one.findings]}
