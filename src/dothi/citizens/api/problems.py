"""Problems over HTTP: the public register with its formula and values, and the verbs of who decides."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from dothi.accounts.api import Who, require_csrf
from dothi.citizens.api.reports import Ours
from dothi.citizens.needs import rules_at
from dothi.citizens.problems import service
from dothi.citizens.problems.model import Problem
from dothi.citizens.problems.register import (
    Asked,
    Counted,
    explained,
    priority,
    problem_near,
    public_problem,
    ranks,
    register,
    undecided,
)
from dothi.citizens.problems.service import Edit
from dothi.citizens.problems.suggesting import members
from dothi.ground.clock import iso

Name = Annotated[str, Field(max_length=120)]
Words = Annotated[str, Field(max_length=2000)]
Version = Annotated[int | None, Header(alias="If-Match-Version", description="The version that you saw.")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class Confirmation(_Body):
    """A person's yes: which reports belong together (entity ids; null is all), the name, the kind of cause."""

    reports: Annotated[list[Name], Field(max_length=500)] | None = None
    title: Words = ""
    cause: Name = ""


class Changes(_Body):
    """Reports out (entity ids) and in (public numbers), name and cause."""

    out: Annotated[list[Name], Field(max_length=500)] = []
    numbers: Annotated[list[Name], Field(max_length=100)] = []
    title: Words = ""
    cause: Name = ""
    cause_words: Words = ""


class Decision(_Body):
    """Whether a waiting report (entity id) belongs to the problem."""

    report: Name
    belongs: bool


class Because(_Body):
    """Why."""

    reason: Words


class ToPropose(_Body):
    """The indicators that the task should move."""

    indicators: Annotated[list[Name], Field(max_length=20)] = []


router = APIRouter(prefix="/problems", tags=["problems"], dependencies=[Depends(require_csrf)])


@router.get("")
def read_register(
    citizens: Ours,
    unit: Annotated[str, Query(max_length=10)] = "",
    category: Annotated[str, Query(max_length=40)] = "",
    state: Annotated[str, Query(max_length=20)] = "",
) -> dict[str, Any]:
    """The register by rank, with the formula of the priority as data; places are rounded."""
    rules = rules_at(citizens).problems
    terms = [{"id": one.id, "weight": one.weight, "full": one.full} for one in rules.terms]
    found = register(citizens, Asked(unit, category, state))
    return {"sample": rules.sample, "terms": terms, "problems": [_public(one) for one in found]}


@router.get("/near")
def near(
    citizens: Ours,
    category: Annotated[str, Query(max_length=40)],
    lon: Annotated[float, Query(ge=-180, le=180)],
    lat: Annotated[float, Query(ge=-90, le=90)],
    words: Annotated[str, Query(max_length=2000)] = "",
) -> dict[str, Any]:
    """The confirmed problem at a place that somebody is about to report; `problem` is null when there is none."""
    found = problem_near(citizens, category, (lon, lat), words)
    if found is None:
        return {"problem": None}
    like = found[1]
    return {"problem": _public(found[0]), "similarity": like.similarity, "distance": like.distance_m}


@router.get("/undecided")
def waiting(citizens: Ours, actor: Who) -> list[dict[str, Any]]:
    """Suggestions that wait for a decision where the caller may decide, with their reasons."""
    return [_whole(one) for one in undecided(citizens, actor)]


@router.get("/{problem}")
def read_problem(citizens: Ours, problem: str) -> dict[str, Any]:
    """One problem of the register: every term of its priority with its value, and how its rank went."""
    found = public_problem(citizens, problem)
    terms = explained(citizens, found)
    course = [{"at": iso(one.at), "rank": one.rank, "priority": one.priority} for one in ranks(citizens, found)]
    numbers = [one.code for one in members(citizens, found.reports)]
    said = {"priority": priority(terms), "terms": [_term(one) for one in terms], "ranks": course}
    return _public(found) | said | {"reports": numbers}


@router.post("/{problem}/confirm")
async def confirm(
    citizens: Ours, actor: Who, problem: str, body: Confirmation, version: Version = None
) -> dict[str, Any]:
    """A person's yes."""
    kept = None if body.reports is None else body.reports
    return _whole(await service.confirm(citizens, actor, problem, kept, body.title, body.cause, version))


@router.post("/{problem}/reject")
async def reject(citizens: Ours, actor: Who, problem: str, body: Because, version: Version = None) -> dict[str, Any]:
    """A person's no, with the reason."""
    return _whole(await service.reject(citizens, actor, problem, body.reason, version))


@router.post("/{problem}/change")
async def change(citizens: Ours, actor: Who, problem: str, body: Changes, version: Version = None) -> dict[str, Any]:
    """Take reports out or in, name problem and cause anew."""
    edit = Edit(tuple(body.out), tuple(body.numbers), body.title, body.cause, body.cause_words)
    return _whole(await service.change(citizens, actor, problem, edit, version))


@router.post("/{problem}/let-in")
async def let_in(citizens: Ours, actor: Who, problem: str, body: Decision, version: Version = None) -> dict[str, Any]:
    """Whether a report that waits belongs to it."""
    return _whole(await service.let_in(citizens, actor, problem, body.report, body.belongs, version))


@router.post("/{problem}/propose", status_code=201)
async def propose(citizens: Ours, actor: Who, problem: str, body: ToPropose) -> dict[str, Any]:
    """Propose a task; the proposal's id."""
    return {"id": await service.propose(citizens, actor, problem, tuple(body.indicators))}


@router.post("/{problem}/mend")
async def mend(citizens: Ours, actor: Who, problem: str, body: Because, version: Version = None) -> dict[str, Any]:
    """It is over without a task; its reporters are told."""
    return _whole(await service.mend(citizens, actor, problem, body.reason, version))


def _term(one: Counted) -> dict[str, Any]:
    return {
        "id": one.term.id,
        "value": one.value,
        "weight": one.term.weight,
        "full": one.term.full,
        "points": round(one.points, 4),
    }


def _public(one: Problem) -> dict[str, Any]:
    """A problem as everybody may see it."""
    return {
        "id": one.name,
        "state": one.state,
        "title": dict(one.title),
        "category": one.category,
        "unit": one.unit,
        "place": one.public_place,
        "count": len(one.reports),
        "recurrences": one.recurrences,
        "meanIntervalDays": one.mean_interval_days,
        "firstAt": one.first_at,
        "lastAt": one.last_at,
        "cause": one.cause,
        "mendedAt": one.mended_at,
        "rank": one.rank,
        "priority": one.priority,
        "simulated": one.simulated,
    }


def _whole(one: Problem) -> dict[str, Any]:
    """A problem as who decides on it sees it."""
    return _public(one) | {
        "version": one.version,
        "place": one.place,
        "reports": list(one.reports),
        "reasons": [like.as_json() for like in one.reasons],
        "waiting": [like.as_json() for like in one.waiting],
        "refused": list(one.refused),
        "causeWords": one.cause_words,
        "proposal": one.proposal,
        "tasks": list(one.tasks),
        "due": one.due,
    }
