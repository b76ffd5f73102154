"""Figures over HTTP: indicators, values by unit and period, publishing, and the walk along the chains."""

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from dothi.accounts.api import Who, require_csrf
from dothi.evidence import service, walk
from dothi.evidence.definitions import indicator, indicator_id, indicators
from dothi.evidence.formula import standing
from dothi.evidence.model import SYSTEM, VALUE, Evidence, Indicator
from dothi.evidence.publishing import publications, publish
from dothi.ground.errors import Missing
from dothi.hub.model import Entity

Short = Annotated[str, Query(max_length=40)]
Name = Annotated[str, Field(max_length=300)]
_SHOWN = (
    *("indicator", "unit", "period", "state", "value", "numerator", "denominator", "count", "responseRate", "reasons"),
    *("inputs", "inputsCount", "inputsHash", "sources", "observedFrom", "observedTo", "computedAt", "formulaVersion"),
    *("simulated", "sample", "published", "revision", "publishedAt", "publishedReason", "complete"),
)


class Body(BaseModel):
    """What a request says; nothing else may stand in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Publication(Body):
    """Why a figure that was published before is published again."""

    reason: Annotated[str, Field(max_length=2000)] = ""


def evidence_of(request: Request) -> Evidence:
    """The evidence module of the city that serves this request."""
    return cast(Evidence, request.app.state.parts.evidence)


Ours = Annotated[Evidence, Depends(evidence_of)]
router = APIRouter(tags=["evidence"], dependencies=[Depends(require_csrf)])


@router.get("/indicators")
def list_indicators(evidence: Ours, actor: Who) -> list[dict[str, Any]]:
    """Every indicator with its formula, unit (UN/CEFACT), direction, period, target and legal basis."""
    return [_indicator(one) for one in indicators(evidence, actor)]


@router.get("/indicators/{name}")
def one_indicator(evidence: Ours, actor: Who, name: str) -> dict[str, Any]:
    """One indicator by short name or URN."""
    return _indicator(indicator(evidence, actor, name))


@router.get("/values")
def list_values(  # The filters of the list.
    evidence: Ours,
    actor: Who,
    indicator: Annotated[str, Query(max_length=200)] = "",
    unit: Short = "",
    period: Short = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[dict[str, Any]]:
    """Figures, the latest period first. A grey one has no `value` and says why in `reasons`."""
    wanted = indicator_id(indicator) if indicator else ""
    return [_value(evidence, one) for one in service.values(evidence, actor, wanted, unit, period, limit)]


@router.get("/values/{value}")
def one_value(evidence: Ours, actor: Who, value: str) -> dict[str, Any]:
    """One figure with what was published of it."""
    found = evidence.hub.get(actor, value)
    if VALUE not in found.types:
        raise Missing(f"{value} is no figure.")
    return _value(evidence, found) | {
        "publications": [_value(evidence, one) for one in publications(evidence, actor, value)]
    }


@router.post("/values/{value}/publish", status_code=201)
async def publish_value(evidence: Ours, actor: Who, value: str, body: Publication) -> dict[str, Any]:
    """Freeze a figure as it stands; what is published never changes. 409 when it is grey or says nothing new."""
    return _value(evidence, await publish(evidence, actor, value, body.reason))


@router.get("/walk/{entity}")
def walk_from(evidence: Ours, actor: Who, entity: str) -> dict[str, Any]:
    """Everything one step from an entity along the chains: down to what it rests on, back to what rests on it."""
    found = walk.walk(evidence.hub, actor, entity)
    return {
        "id": found.entity.id,
        "type": found.entity.types[0],
        "name": walk.name_of(found.entity),
        "groups": [
            {
                "relation": group.relation,
                "way": group.way,
                "more": group.more,
                "hidden": group.hidden,
                "steps": [{"id": one.id, "type": one.types[0], "name": walk.name_of(one)} for one in group.steps],
            }
            for group in found.groups
        ],
    }


def _indicator(one: Indicator) -> dict[str, Any]:
    formula = {key: value for key, value in vars(one.formula).items() if value not in ("", None)}
    return {
        "id": one.id,
        "name": dict(one.name),
        "about": dict(one.about),
        "formula": formula,
        "formulaVersion": one.formula_version,
        "unitCode": one.unit_code,
        "direction": one.direction,
        "period": one.period,
        "target": one.target,
        "legalBasis": one.legal_basis,
        "sample": one.sample,
        "listed": one.listed,
    }


def _value(evidence: Evidence, one: Entity) -> dict[str, Any]:
    told = {name: one.value(name) for name in _SHOWN if name in one.attrs}
    defined = indicator(evidence, SYSTEM, one.value("indicator"))
    return {"id": one.id, **told, "standing": standing(defined, one.value("value"))}
