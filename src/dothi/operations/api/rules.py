"""Alarm rules over HTTP: what is in force for a unit on a day, trying a change on the past, adopting it."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from dothi.accounts.api import Who, require_csrf
from dothi.ground.clock import from_iso, now_us
from dothi.ground.errors import Forbidden, Invalid
from dothi.hub.model import Actor
from dothi.office.rules import check_day, in_force
from dothi.operations.api.alarms import Ours
from dothi.operations.model import Operations
from dothi.operations.rules.changing import Asked, change_rule, row_in_force, wanted
from dothi.operations.rules.in_force import KIND, book_at
from dothi.operations.rules.parse import row_of
from dothi.operations.rules.trial import DAYS, AlarmTrial, try_rules

TRIERS = frozenset({"duty_officer", "leader", "data_steward", "administrator"})
Unit = Annotated[str, Query(max_length=10, description="Code of a province or commune; empty: the whole city.")]
Day = Annotated[str, Query(max_length=10, description="yyyy-mm-dd; today when left out.")]
Name = Annotated[str, Path(max_length=100)]
router = APIRouter(tags=["operations"], dependencies=[Depends(require_csrf)])


class Change(BaseModel):
    """A rule as it is to be for a unit from a day on; `rule` is a whole row or the fields that differ."""

    model_config = ConfigDict(extra="forbid")

    unit: Annotated[str, Field(max_length=10)] = ""
    validFrom: Annotated[str, Field(max_length=10)]  # noqa: N815  # Names of the body.
    rule: dict[str, Any]


class Adoption(Change):
    """The same with the decision that says so."""

    reason: Annotated[str, Field(max_length=500)]


class Tried(Change):
    """The same with the name of the rule."""

    id: Annotated[str, Field(max_length=100)]
    days: Annotated[int, Field(ge=1, le=DAYS)] = DAYS


@router.get("/alarm-rules")
def read_rules(operations: Ours, actor: Who, unit: Unit = "", day: Day = "") -> dict[str, Any]:
    """The alarm rules in force for a unit on a day, each with the adopted set that said it last."""
    _staff(actor)
    at = from_iso(f"{check_day(day, 0)}T12:00:00+07:00") if day else now_us()
    book = book_at(operations, unit or None, at)
    return {
        "unit": unit,
        "rules": [row_of(one) | {"ruleSet": book.said_by.get(one.id, "")} for one in book.rules.values()],
    }


@router.post("/alarm-rules/try")
async def try_rule(operations: Ours, actor: Who, body: Tried) -> dict[str, Any]:
    """What the changed rule would have done over the last days, beside the one in force. Nothing is written."""
    if not actor.roles & TRIERS:
        raise Forbidden("Duty officers, leaders, data stewards and administrators try alarm rules.")
    assert operations.adopted is not None
    found = wanted(operations, _asked(operations, body.id, body), now_us())
    before = in_force(operations.adopted, KIND, body.unit or None)
    tried = await asyncio.to_thread(
        try_rules, operations, body.unit or None, before, found.tables, rules=(body.id,), days=body.days
    )
    return {"text": found.text, **_told(tried)}


@router.post("/alarm-rules/{rule_id}", status_code=201)
async def adopt_rule(operations: Ours, actor: Who, rule_id: Name, body: Adoption) -> dict[str, Any]:
    """Let the rule be so for a unit from a day on; it is checked whole before anything is written."""
    asked = _asked(operations, rule_id, body)
    one = await change_rule(operations, actor, asked, body.reason, now_us())
    return {"ruleSet": one.id, "version": one.version, "unit": one.unit, "validFrom": one.valid_from, "text": one.text}


def _staff(actor: Actor) -> None:
    if not actor.roles - {"citizen"}:
        raise Forbidden("Alarm rules are read by the city's staff: sign in.")


def _asked(operations: Operations, rule_id: str, body: Change) -> Asked:
    """The whole row: what is said laid over what is in force, or a new rule."""
    if body.rule.get("id", rule_id) != rule_id:
        raise Invalid(f"The row says id “{str(body.rule['id'])[:60]}”, the address “{rule_id}”.", field="id")
    known = rule_id in book_at(operations, body.unit or None).rules
    row = row_in_force(operations, rule_id, body.unit) if known else {}
    return Asked(body.unit, body.validFrom, {**row, **body.rule, "id": rule_id})


def _told(tried: AlarmTrial) -> dict[str, Any]:
    return {
        "since": tried.trial.since,
        "places": tried.places,
        "placesLeftOut": tried.left,
        "readings": tried.readings,
        "rules": [
            {"id": one.rule} | {side: _tally(getattr(one, side)) for side in ("before", "after")} for one in tried.rules
        ],
        "differences": dict(tried.trial.counts),
        "samples": [
            {"kind": one.kind, "subject": one.thing, "name": one.name, "before": one.before, "after": one.after}
            for one in tried.trial.samples
        ],
    }


def _tally(tally: Any) -> dict[str, Any]:
    return {
        "raised": tally.raised,
        "perOperatorDay": round(tally.per_operator_day, 3),
        "hours": round(tally.hours, 2),
        "acted": tally.acted,
        "heldBack": tally.held,
    }
