"""Evidence over HTTP: indicators, figures by unit and period, publishing, the walk, and the month's report."""

from collections.abc import Callable
from typing import Annotated, Any, cast
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from dothi.accounts.api import Who, require_csrf
from dothi.evidence import report, service, walk
from dothi.evidence.definitions import indicator, indicator_id, indicators
from dothi.evidence.formula import standing
from dothi.evidence.model import REPORT, SYSTEM, VALUE, Evidence, Indicator
from dothi.evidence.publishing import publications, publish
from dothi.ground.errors import Missing
from dothi.hub.model import Actor, Entity

Short = Annotated[str, Query(max_length=40)]
Name = Annotated[str, Field(max_length=300)]
_SHOWN = (
    *("indicator", "unit", "period", "state", "value", "numerator", "denominator", "count", "responseRate", "reasons"),
    *("inputs", "inputsCount", "inputsHash", "sources", "observedFrom", "observedTo", "computedAt", "formulaVersion"),
    *("simulated", "sample", "published", "revision", "publishedAt", "publishedReason", "complete"),
)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Publication(_Body):
    """Why a figure that was published before is published again."""

    reason: Annotated[str, Field(max_length=2000)] = ""


class MonthAsked(_Body):
    """The commune and the month (yyyy-mm) of a report."""

    unit: Annotated[str, Field(max_length=10)]
    month: Annotated[str, Field(max_length=7)]


def evidence_of(request: Request) -> Evidence:
    """The evidence module of the city that serves this request."""
    return cast(Evidence, request.app.state.parts.evidence)


Ours = Annotated[Evidence, Depends(evidence_of)]
router = APIRouter(prefix="/evidence", tags=["evidence"], dependencies=[Depends(require_csrf)])


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


@router.post("/reports/month", status_code=201)
async def write_month(request: Request, evidence: Ours, actor: Who, body: MonthAsked) -> dict[str, Any]:
    """Write the report of a commune's month; `file` is where the document is fetched."""
    made = await report.write_month(evidence, actor, body.unit, body.month, address_of(request))
    return _report(made)


@router.get("/reports/{name}")
def read_report(evidence: Ours, actor: Who, name: str) -> dict[str, Any]:
    """A written report with each figure and the entity that is its evidence."""
    return _report(_written(evidence, actor, name))


@router.get("/reports/{name}/file")
def read_document(evidence: Ours, actor: Who, name: str) -> Response:
    """The document of a written report."""
    return document(evidence, _written(evidence, actor, name))


def document(evidence: Evidence, found: Entity) -> Response:
    """The file of a PublishedReport, to be saved under its name."""
    file = found.value("file")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(file['name'])}"}
    return Response(evidence.hub.read_file(file["sha256"]), media_type=file["mediaType"], headers=headers)


def address_of(request: Any) -> Callable[[str], str]:
    """Entity id → address of its page on the server that got this request."""
    base = f"{request.url.scheme}://{request.url.netloc}"
    return lambda entity: f"{base}/walk/{quote(entity, safe=':')}"


def _written(evidence: Evidence, actor: Actor, name: str) -> Entity:
    found = evidence.hub.get(actor, name)
    if REPORT not in found.types:
        raise Missing(f"{name} is no report.")
    return found


def _report(found: Entity) -> dict[str, Any]:
    names = ("name", "unit", "period", "madeAt", "figures", "simulated")
    file = f"/api/evidence/reports/{quote(found.id, safe=':')}/file"
    return {"id": found.id, **{name: found.value(name) for name in names}, "file": file}


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
