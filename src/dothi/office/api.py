"""Rule sets over HTTP: what is in force for a unit on a day, who decided it, and adopting a set."""

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from dothi.accounts.api import Who, require_csrf
from dothi.ground.clock import from_iso, iso, now_us
from dothi.office.rules import RuleSets, adopt, applied, check_day, in_force, versions
from dothi.office.rules.model import RuleSet

Kind = Annotated[str, Path(max_length=60)]
Unit = Annotated[str, Query(max_length=10, description="Code of a province or commune; empty: the whole city.")]
Day = Annotated[str, Query(max_length=10, description="yyyy-mm-dd; today when left out.")]


class Adoption(BaseModel):
    """A set to hold for a unit from a day on; `text` is TOML that says what differs from the level above."""

    model_config = ConfigDict(extra="forbid")

    unit: Annotated[str, Field(max_length=10)] = ""
    validFrom: Annotated[str, Field(max_length=10)]  # noqa: N815  # Names of the body.
    text: Annotated[str, Field(max_length=200_000)]
    reason: Annotated[str, Field(max_length=500)]
    version: Annotated[int, Field(ge=0, description="The version that you saw of the same day's set; 0: none.")] = 0


def rules_of(request: Request) -> RuleSets:
    """The rule sets of the city that serves this request."""
    return cast(RuleSets, request.app.state.parts.rules)


Ours = Annotated[RuleSets, Depends(rules_of)]
router = APIRouter(prefix="/rules", tags=["office"], dependencies=[Depends(require_csrf)])


@router.get("")
def kinds(rules: Ours) -> dict[str, Any]:
    """The kinds of rules that modules obey."""
    return {"kinds": sorted(rules.kinds)}


@router.get("/{kind}")
def shown(rules: Ours, kind: Kind, unit: Unit = "", day: Day = "") -> dict[str, Any]:
    """What is in force for a unit on a day, from which adopted sets, and every set that the unit adopted."""
    at = _noon(day) if day else now_us()
    return {
        "kind": kind,
        "unit": unit,
        "tables": in_force(rules, kind, unit or None, at),
        "from": [_set(one) for one in applied(rules, kind, unit or None, at)],
        "adopted": [_set(one) for one in versions(rules, kind, unit)],
    }


@router.post("/{kind}", status_code=201)
async def adopted(rules: Ours, actor: Who, kind: Kind, body: Adoption) -> dict[str, Any]:
    """Adopt a set; it is checked whole, with what lies above and below it, before anything is written."""
    one = await adopt(rules, actor, kind, body.unit, body.validFrom, body.text, body.reason, body.version)
    return _set(one)


def _noon(day: str) -> int:
    """The middle of a day in Vietnam (µs)."""
    return from_iso(f"{check_day(day, 0)}T12:00:00+07:00")


def _set(one: RuleSet) -> dict[str, Any]:
    return {
        "id": one.id,
        "version": one.version,
        "unit": one.unit,
        "validFrom": one.valid_from,
        "text": one.text,
        "reason": one.reason,
        "adoptedAt": iso(one.adopted_at),
    }
