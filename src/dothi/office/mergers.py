"""Mergers of communes over HTTP: which were decided, what hangs on the codes that close, and recording one."""

from datetime import date
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from dothi.accounts.api import Who, require_csrf
from dothi.hub.core import Hub
from dothi.hub.language.nodes import And, Compare, Query, TypeIs, TypeOr
from dothi.hub.model import Actor
from dothi.territory import Territory
from dothi.territory.mergers import Merger
from dothi.territory.model import Kind
from dothi.territory.service import mergers, record_merger

Code = Annotated[str, Field(pattern=r"^\d{5}$")]
OWED = ("CitizenReport", "Task", "Alarm")


class MergerBody(BaseModel):
    """Communes that become one from a day on."""

    model_config = ConfigDict(extra="forbid")

    codes: Annotated[list[Code], Field(min_length=2, max_length=20)]
    code: Annotated[Code, Field(description="The seat's, which lives on (Decision 19/2025/QĐ-TTg, article 3).")]
    name: Annotated[str, Field(max_length=100)]
    kind: Kind
    effective: date
    decision: Annotated[str, Field(max_length=300)]


def open_work(hub: Hub, actor: Actor, code: str) -> int:
    """How many reports, tasks and alarms a unit still owes: what its heir takes over."""
    kinds = TypeOr(tuple(TypeIs(kind) for kind in OWED))
    terms = And((Compare(("assignee",), "==", code), Compare(("open",), "==", True)))
    return hub.query(actor, Query(kinds, q=terms, limit=0, count=True)).count or 0


def hub_of(request: Request) -> Hub:
    """The hub of the city that serves this request."""
    return cast(Hub, request.app.state.parts.hub)


def territory_of(request: Request) -> Territory:
    """Its territory."""
    return cast(Territory, request.app.state.parts.territory)


Ours = Annotated[Hub, Depends(hub_of)]
Units = Annotated[Territory, Depends(territory_of)]
router = APIRouter(prefix="/mergers", tags=["territory"], dependencies=[Depends(require_csrf)])


@router.get("")
def recorded(hub: Ours) -> dict[str, Any]:
    """The mergers decided since the register of units was built, in order of their days."""
    return {"mergers": [_shown(one) for one in mergers(hub)]}


@router.post("", status_code=201)
async def record(hub: Ours, territory: Units, actor: Who, body: MergerBody) -> dict[str, Any]:
    """Record a merger. What was filed, owed and measured under a closed code stays under it; the heir answers."""
    one = Merger(tuple(body.codes), body.code, body.name.strip(), body.kind, body.effective, body.decision)
    await record_merger(hub, territory, actor, one)
    return _shown(one)


def _shown(one: Merger) -> dict[str, Any]:
    return {
        "codes": list(one.codes),
        "code": one.code,
        "name": one.name,
        "kind": one.kind,
        "effective": one.effective.isoformat(),
        "decision": one.decision,
    }
