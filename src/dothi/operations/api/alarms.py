"""The JSON endpoints of operations: alarms to acknowledge, rules to keep. Each parses, calls one verb, renders."""

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from dothi.accounts.api import Who, require_csrf
from dothi.ground.errors import Invalid
from dothi.ground.ids import urn
from dothi.hub.model import Entity
from dothi.operations.alarms import service
from dothi.operations.model import Kind, Operations, Priority, Rule

_CLOSED_MAX = 500


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Acknowledgement(_Body):
    """What the one who takes an alarm has to say."""

    comment: Annotated[str, Field(max_length=2000)] = ""


class RuleBody(_Body):
    """A rule as it is sent; limits in the attribute's own unit."""

    name: dict[str, Annotated[str, Field(max_length=200)]]
    kind: Kind
    subjectType: Annotated[str, Field(min_length=1, max_length=200)]  # noqa: N815  # The names of the JSON body.
    attribute: Annotated[str, Field(min_length=1, max_length=200)]
    priority: Priority
    op: str = ">"
    limit: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    clear: Annotated[float | None, Field(allow_inf_nan=False)] = None
    forSeconds: Annotated[int, Field(ge=0, le=31_536_000)] = 0  # noqa: N815
    maxAgeSeconds: Annotated[int, Field(ge=1, le=31_536_000)] = 10_800  # noqa: N815
    enabled: bool = True
    reason: Annotated[str, Field(max_length=2000)] = ""


def operations_of(request: Request) -> Operations:
    """The operations of the city that serves this request."""
    return cast(Operations, request.app.state.parts.operations)


Ours = Annotated[Operations, Depends(operations_of)]
router = APIRouter(tags=["operations"], dependencies=[Depends(require_csrf)])


@router.get("/alarms")
def read_alarms(
    operations: Ours, actor: Who, closed: bool = False, limit: Annotated[int, Query(ge=1, le=_CLOSED_MAX)] = 100
) -> list[dict[str, Any]]:
    """Open alarms, the most pressing first; or those that are closed, the latest first."""
    if closed:
        return [alarm_dict(alarm) for alarm in service.recent_alarms(operations, actor, limit)]
    return [alarm_dict(alarm) for alarm in service.open_alarms(operations, actor)]


@router.post("/alarms/{alarm_id}/acknowledge")
async def acknowledge(operations: Ours, actor: Who, alarm_id: str, body: Acknowledgement) -> dict[str, Any]:
    """Take an alarm."""
    receipt = await service.acknowledge(operations, actor, alarm_id, body.comment)
    return {"id": alarm_id, "version": receipt.results[0].version}


@router.get("/alarm-rules")
def read_rules(operations: Ours, actor: Who) -> list[dict[str, Any]]:
    """Every rule."""
    return [rule_dict(rule) for rule in service.rules(operations, actor)]


@router.post("/alarm-rules", status_code=201)
async def make_rule(operations: Ours, actor: Who, body: RuleBody) -> dict[str, Any]:
    """A new rule."""
    rule = _rule(urn("AlarmRule"), body)
    await service.keep_rule(operations, actor, rule, body.reason)
    return rule_dict(rule)


@router.put("/alarm-rules/{rule_id}")
async def change_rule(operations: Ours, actor: Who, rule_id: str, body: RuleBody) -> dict[str, Any]:
    """A new version of a rule; the former ones stay in its history."""
    known = operations.hub.get(actor, rule_id)
    if "AlarmRule" not in known.types:
        raise Invalid(f"{rule_id} is not an alarm rule.")
    rule = _rule(rule_id, body)
    await service.keep_rule(operations, actor, rule, body.reason)
    return rule_dict(rule)


def alarm_dict(alarm: Entity) -> dict[str, Any]:
    """An alarm as JSON."""
    names = ("name", "priority", "active", "acknowledged", "since", "due", "subject", "subjectName", "rule")
    more = ("value", "valueUnit", "limit", "unit", "location", "occurrences", "comment", "simulated")
    return {"id": alarm.id, **{key: alarm.value(key) for key in (*names, *more) if key in alarm.attrs}}


def rule_dict(rule: Rule) -> dict[str, Any]:
    """A rule as JSON, under the names in which it is sent."""
    return {
        "id": rule.id,
        "name": dict(rule.name),
        "kind": rule.kind.value,
        "subjectType": rule.subject_type,
        "attribute": rule.attribute,
        "priority": rule.priority.value,
        "op": rule.op,
        "limit": rule.limit,
        "clear": rule.clear,
        "forSeconds": rule.for_seconds,
        "maxAgeSeconds": rule.max_age_seconds,
        "enabled": rule.enabled,
        "sample": rule.sample,
    }


def _rule(rule_id: str, body: RuleBody) -> Rule:
    return Rule(
        id=rule_id,
        name=body.name,
        kind=body.kind,
        subject_type=body.subjectType,
        attribute=body.attribute,
        priority=body.priority,
        op=body.op,
        limit=body.limit,
        clear=body.limit if body.clear is None else body.clear,
        for_seconds=body.forSeconds,
        max_age_seconds=body.maxAgeSeconds,
        enabled=body.enabled,
    )
