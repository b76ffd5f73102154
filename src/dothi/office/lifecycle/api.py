"""The life cycle over HTTP: the dry run, proposals and decisions, holds, records, erasing a person, what left."""

from dataclasses import asdict
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from dothi.accounts.api import Who, require_csrf
from dothi.ground.errors import Forbidden
from dothi.hub.model import Actor, Entity
from dothi.office.lifecycle import holds as holding
from dothi.office.lifecycle.disposals import proposing
from dothi.office.lifecycle.disposals.due import dry_run
from dothi.office.lifecycle.disposals.running import record
from dothi.office.lifecycle.model import KEEPERS, LifeCycle
from dothi.office.lifecycle.persons.erasing import erase_person
from dothi.office.lifecycle.register import exported

READERS = KEEPERS | {"leader", "assessor"}
Name = Annotated[str, Field(max_length=300)]
Words = Annotated[str, Field(max_length=2000)]
Names = Annotated[list[Name], Field(max_length=500)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class HoldBody(_Body):
    """What is to be held: things, persons, types or units, of a period or of all times."""

    title: Name
    why: Words
    things: Names = []
    persons: Names = []
    types: Names = []
    units: Names = []
    since: Annotated[str, Field(max_length=40)] = ""
    until: Annotated[str, Field(max_length=40)] = ""


class Why(_Body):
    """On what a decision rests."""

    why: Words


class ProposalBody(_Body):
    """What is to go: all that is due of a class in a unit and below it; "" is the whole city."""

    data_class: Annotated[str, Field(alias="class", max_length=60)]
    unit: Annotated[str, Field(max_length=10)] = ""
    reason: Words


class Decision(Why):
    """Whether another person approves."""

    approve: bool


class ErasureBody(_Body):
    """Who is to be erased, by pseudonym, and why."""

    person: Name
    reason: Words


class ExportBody(_Body):
    """Data that left: what kind of copy, where it is, up to which commit of the log."""

    kind: Annotated[str, Field(min_length=1, max_length=60)]
    where: Name
    until: Annotated[int, Field(ge=0)]
    digest: Annotated[str, Field(max_length=64)] = ""
    types: Names = []


def life_of(request: Request) -> LifeCycle:
    """The life cycle of the city that serves this request."""
    return cast(LifeCycle, request.app.state.parts.life)


Life = Annotated[LifeCycle, Depends(life_of)]
router = APIRouter(prefix="/lifecycle", tags=["office"], dependencies=[Depends(require_csrf)])


def _demand_reader(actor: Actor) -> None:
    if not actor.roles & READERS:
        raise Forbidden("The life cycle of data is read by who keeps the data, leaders and assessors.")


@router.get("/due")
def due(life: Life, actor: Who) -> dict[str, Any]:
    """The dry run: what the rules in force would end today, by class and unit, and what is held. Nothing changes."""
    _demand_reader(actor)
    return {"lines": [line.as_json() for line in dry_run(life)]}


@router.get("/proposals")
def proposals(life: Life, actor: Who) -> dict[str, Any]:
    """What was proposed, the newest first."""
    _demand_reader(actor)
    return {"proposals": [asdict(one) for one in proposing.proposals(life)]}


@router.post("/proposals", status_code=201)
async def propose(life: Life, actor: Who, body: ProposalBody) -> dict[str, Any]:
    """Propose that what is due of a class goes; somebody else decides."""
    return asdict(await proposing.propose(life, actor, body.data_class, body.unit, body.reason))


@router.post("/proposals/{proposal}/decision")
async def decide(life: Life, actor: Who, proposal: str, body: Decision) -> dict[str, Any]:
    """Approve or refuse, as a person with the role of the class who has not proposed it; what is approved is run."""
    return asdict(await proposing.decide(life, actor, proposal, body.approve, body.why))


@router.get("/records")
def records(life: Life, actor: Who) -> dict[str, Any]:
    """What was destroyed or archived, the newest first."""
    _demand_reader(actor)
    return {"records": [asdict(one) for one in proposing.records(life)]}


@router.get("/records/{name}")
def one_record(life: Life, actor: Who, name: str) -> dict[str, Any]:
    """One record."""
    _demand_reader(actor)
    return asdict(record(life, name))


@router.get("/holds")
def holds(life: Life, actor: Who) -> dict[str, Any]:
    """The holds, the newest first."""
    _demand_reader(actor)
    return {"holds": [asdict(one) for one in holding.holds(life)]}


@router.post("/holds", status_code=201)
async def hold(life: Life, actor: Who, body: HoldBody) -> dict[str, Any]:
    """Hold things, persons, types or units: nothing of them is destroyed or erased until the hold is lifted."""
    said = body.model_dump()
    wanted: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}
    return asdict(await holding.place(life, actor, holding.Wanted(**wanted)))


@router.post("/holds/{name}/lifting")
async def lift(life: Life, actor: Who, name: str, body: Why) -> dict[str, Any]:
    """End a hold."""
    return asdict(await holding.lift(life, actor, name, body.why))


@router.post("/erasures", status_code=201)
async def erase(life: Life, actor: Who, body: ErasureBody) -> dict[str, Any]:
    """Erase one person from all that is kept here; returns the proof."""
    return _proof(await erase_person(life, actor, body.person, body.reason))


@router.post("/exports", status_code=201)
async def export(life: Life, actor: Who, body: ExportBody) -> dict[str, Any]:
    """Note that data left, so that an erasure can say which copies exist."""
    holding.demand_keeper(actor)
    name = await exported(life.hub, actor, body.kind, body.where, body.until, body.digest, body.types)
    return {"id": name}


def _proof(entity: Entity) -> dict[str, Any]:
    names = ("state", "things", "entries", "files", "letters", "bytes", "digest", "searched", "left", "carriedBy")
    return {"id": entity.id, **{name: entity.value(name) for name in (*names, "erasedBy", "erasedAt")}}
