"""The JSON endpoints of alarms: what people do with them, work announced, how good they are."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from dothi.accounts.api import Who, require_csrf
from dothi.ground.clock import DAY, SECOND, VIETNAM, from_datetime, iso, now_us
from dothi.hub.model import Entity, Receipt
from dothi.operations.alarms import maintenance, reading, record, service, shelving
from dothi.operations.alarms.floods import SLOT
from dothi.operations.alarms.maintenance import Work
from dothi.operations.alarms.quality import Quality
from dothi.operations.alarms.workflow import Held
from dothi.operations.model import Operations

_CLOSED_MAX = 500


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Acknowledgement(_Body):
    """What the one who takes an alarm has to say."""

    comment: Annotated[str, Field(max_length=2000)] = ""


class Comment(_Body):
    """What somebody has to say about an alarm; `reviewed` when it was looked at on the shelf."""

    comment: Annotated[str, Field(min_length=1, max_length=2000)]
    reviewed: bool = False


class Assignment(_Body):
    """Who is to have it: a unit's code, an organisation's (46.dien-luc), or user:<id>."""

    to: Annotated[str, Field(min_length=1, max_length=200)]
    comment: Annotated[str, Field(max_length=2000)] = ""


class Shelving(_Body):
    """For how many hours, and why."""

    hours: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
    reason: Annotated[str, Field(min_length=1, max_length=2000)]


class Many(_Body):
    """The same for a chosen group: `to` to assign, `hours` to shelve; `comment` is the reason of shelving."""

    alarms: Annotated[list[Annotated[str, Field(max_length=300)]], Field(min_length=1, max_length=service.CHOSEN_MOST)]
    verb: Literal["acknowledge", "assign", "shelve"]
    comment: Annotated[str, Field(max_length=2000)] = ""
    to: Annotated[str, Field(max_length=200)] = ""
    hours: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] = 0


Names = Annotated[list[Annotated[str, Field(max_length=300)]], Field(max_length=maintenance.NAMED_MOST)]


class WorkBody(_Body):
    """Work that is announced; instants in ISO 8601."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    title: Annotated[str, Field(min_length=1, max_length=200)]
    reason: Annotated[str, Field(min_length=1, max_length=2000)]
    starts: Annotated[datetime, Field(alias="from")]
    ends: Annotated[datetime, Field(alias="to")]
    units: Names = []
    subjects: Names = []
    rules: Names = []


def operations_of(request: Request) -> Operations:
    """The operations of the city that serves this request."""
    return cast(Operations, request.app.state.parts.operations)


Ours = Annotated[Operations, Depends(operations_of)]
router = APIRouter(tags=["operations"], dependencies=[Depends(require_csrf)])


@router.get("/alarms")
def read_alarms(
    operations: Ours,
    actor: Who,
    closed: bool = False,
    held: Held | None = None,
    limit: Annotated[int, Query(ge=1, le=_CLOSED_MAX)] = 100,
) -> list[dict[str, Any]]:
    """Open alarms, the most pressing first; those that are closed, the latest first; or those held back in one way."""
    if held:
        return [alarm_dict(alarm) for alarm in reading.held_alarms(operations, actor, held)]
    if closed:
        return [alarm_dict(alarm) for alarm in service.recent_alarms(operations, actor, limit)]
    return [alarm_dict(alarm) for alarm in service.open_alarms(operations, actor)]


@router.post("/alarms/bulk")
async def many(operations: Ours, actor: Who, body: Many) -> list[dict[str, Any]]:
    """The same for a chosen group; each alarm says whether it was done, and if not, why."""
    deeds: dict[str, Callable[[str], Awaitable[object]]] = {
        "acknowledge": lambda name: service.acknowledge(operations, actor, name, body.comment),
        "assign": lambda name: service.assign(operations, actor, name, body.to, body.comment),
        "shelve": lambda name: shelving.shelve(operations, actor, name, body.hours, body.comment),
    }
    found = await service.each(body.alarms, deeds[body.verb])
    return [
        {"id": one.id, "done": one.problem is None, **({"problem": one.problem.detail} if one.problem else {})}
        for one in found
    ]


@router.get("/alarms/{alarm_id}")
def read_alarm(operations: Ours, actor: Who, alarm_id: str) -> dict[str, Any]:
    """One alarm with its reasons and comments."""
    alarm = reading.the_alarm(operations, actor, alarm_id)
    said = [{"by": one.by, "at": one.at, "comment": one.words} for one in reading.comments_of(alarm)]
    return {**alarm_dict(alarm), "reasons": alarm.value("reasons", []), "comments": said}


@router.post("/alarms/{alarm_id}/acknowledge")
async def acknowledge(operations: Ours, actor: Who, alarm_id: str, body: Acknowledgement) -> dict[str, Any]:
    """Take an alarm. 409 names who was faster (`by`)."""
    return _done(alarm_id, await service.acknowledge(operations, actor, alarm_id, body.comment))


@router.post("/alarms/{alarm_id}/comments", status_code=201)
async def comment(operations: Ours, actor: Who, alarm_id: str, body: Comment) -> dict[str, Any]:
    """Add a comment; none is ever changed."""
    return _done(alarm_id, await service.comment_on(operations, actor, alarm_id, body.comment, reviewed=body.reviewed))


@router.post("/alarms/{alarm_id}/assign")
async def assign(operations: Ours, actor: Who, alarm_id: str, body: Assignment) -> dict[str, Any]:
    """Give it to a unit, an organisation or a person."""
    return _done(alarm_id, await service.assign(operations, actor, alarm_id, body.to, body.comment))


@router.post("/alarms/{alarm_id}/shelve")
async def shelve(operations: Ours, actor: Who, alarm_id: str, body: Shelving) -> dict[str, Any]:
    """Keep it quiet for a while; it comes back by itself."""
    return _done(alarm_id, await shelving.shelve(operations, actor, alarm_id, body.hours, body.reason))


@router.post("/alarms/{alarm_id}/unshelve")
async def unshelve(operations: Ours, actor: Who, alarm_id: str) -> dict[str, Any]:
    """Bring it back now."""
    return _done(alarm_id, await shelving.unshelve(operations, actor, alarm_id))


def _done(name: str, receipt: Receipt) -> dict[str, Any]:
    return {"id": name, "version": receipt.results[0].version}


@router.get("/maintenance-windows")
def read_windows(operations: Ours, actor: Who, ended: bool = False) -> list[dict[str, Any]]:
    """Work that is on or announced; or that is over, the latest first."""
    return [window_dict(one) for one in maintenance.windows(operations, actor, ended, _CLOSED_MAX)]


@router.post("/maintenance-windows", status_code=201)
async def announce(operations: Ours, actor: Who, body: WorkBody) -> dict[str, Any]:
    """Announce work: its alarms call nobody from its start to its end."""
    starts, ends = (
        from_datetime(one if one.tzinfo else one.replace(tzinfo=VIETNAM)) for one in (body.starts, body.ends)
    )
    lists = (tuple(body.units), tuple(body.subjects), tuple(body.rules))
    name = await maintenance.announce(operations, actor, Work(body.title, body.reason, starts, ends, *lists))
    return window_dict(operations.hub.get(actor, name))


def _instant(moment: datetime) -> int:
    """An instant (µs); without an offset it is a time in Vietnam."""
    return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=VIETNAM))


@router.post("/maintenance-windows/{window_id}/end")
async def end_work(operations: Ours, actor: Who, window_id: str) -> dict[str, Any]:
    """The work is done early: its alarms come back."""
    return _done(window_id, await maintenance.end_now(operations, actor, window_id))


@router.get("/alarm-quality")
def read_quality(
    operations: Ours,
    actor: Who,
    days: Annotated[int, Query(ge=1, le=92)] = 30,
    unit: Annotated[str, Query(max_length=20)] = "",
) -> dict[str, Any]:
    """How good the alarms of the last days were (EEMUA 191); spans in seconds, shares from 0 to 1. 403 for citizens."""
    now = now_us() // SLOT * SLOT + SLOT
    hours = record.hours(operations, actor, now - days * DAY, now)
    found = record.quality(operations, hours, now - days * DAY, now, unit)
    return quality_dict(found) | {"screens": record.opened_of(hours)}


def alarm_dict(alarm: Entity) -> dict[str, Any]:
    """An alarm as JSON."""
    names = (
        *("name", "priority", "active", "acknowledged", "since", "due", "subject", "subjectName", "rule"),
        *("value", "valueUnit", "limit", "unit", "location", "occurrences", "comment", "simulated"),
        *("held", "assignee", "acknowledgedBy", "escalatedTo", "shelvedUntil", "shelvedBy", "shelvedWhy"),
        *("suppressedBy", "group", "firstOut", "chattering", "incident"),
    )
    return {"id": alarm.id, **{key: alarm.value(key) for key in names if key in alarm.attrs}}


def window_dict(window: Entity) -> dict[str, Any]:
    """A maintenance window as JSON."""
    names = ("title", "reason", "from", "to", "units", "subjects", "rules", "by", "unit", "ended")
    return {"id": window.id, **{key: window.value(key) for key in names}}


def quality_dict(found: Quality) -> dict[str, Any]:
    """The figures of quality as JSON; `rates` are left out, they are drawn on the page."""
    seconds = [None if one is None else round(one / SECOND) for one in (found.taken.median, found.taken.p90)]
    return {
        "from": iso(found.start),
        "to": iso(found.end),
        "calls": found.calls,
        "alarms": found.alarms,
        "perOperatorAndTenMinutes": found.mean,
        "peak": {"rate": found.peak, "at": iso(found.peak_at) if found.peak_at is not None else None},
        "withinAim": found.within_aim,
        "inFlood": found.in_flood,
        "floods": found.floods,
        "priorities": {priority.value: count for priority, count in found.priorities.items()},
        "acknowledged": {"count": found.taken.count, "median": seconds[0], "p90": seconds[1]},
        "chattering": found.chattering,
        "moves": dict(found.moves),
        "led": dict(found.led),
        "offenders": [
            {"alarm": one.alarm, "rule": one.rule, "calls": one.calls, "share": one.share} for one in found.offenders
        ],
    }
