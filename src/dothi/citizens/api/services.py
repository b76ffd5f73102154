"""Public services over HTTP: the registry, and three measures with their denominators.

Counts and ratings of other agencies come in batches through `POST /api/sources/{source}/push` with an API key and the
mappings `service-counts` and `service-ratings`: a batch sent twice counts once, a bad row is held back with its reason.
"""

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from dothi.accounts.api import Who, require_csrf
from dothi.citizens.api.reports import Ours
from dothi.citizens.services.measures import month_of
from dothi.citizens.services.reading import by_part, month_score, trend
from dothi.citizens.services.registry import (
    Entry,
    NewService,
    Service,
    Standing,
    register,
    service,
    services,
    set_standing,
)
from dothi.citizens.services.score import Score
from dothi.ground.clock import iso, now_us
from dothi.ground.errors import Invalid

_MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])", re.ASCII)
Text = Annotated[str, Field(max_length=300)]
Version = Annotated[int | None, Header(alias="If-Match-Version", description="The version that you saw.")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class EntryBody(_Body):
    """One way in."""

    kind: Literal["counter", "phone", "web"]
    words: Text
    hours: Text = ""


class ServiceBody(_Body):
    """A service of the registry; `legalBasis` is the id of a LegalBasis."""

    id: Text
    name: dict[Literal["vi", "en"], Text]
    agency: Text
    unit: Annotated[str, Field(max_length=10)]
    kind: Text
    entries: Annotated[list[EntryBody], Field(max_length=20)] = []
    legal_basis: Text = ""


class StandingBody(_Body):
    """Whether it works, and why not."""

    standing: Standing
    reason: Annotated[str, Field(max_length=1000)] = ""


router = APIRouter(prefix="/services", tags=["services"], dependencies=[Depends(require_csrf)])


@router.get("")
def read_services(citizens: Ours) -> list[dict[str, Any]]:
    """All services; those that do not work first."""
    return [_shown(one) for one in services(citizens)]


@router.post("", status_code=201)
async def enter(citizens: Ours, actor: Who, body: ServiceBody) -> dict[str, Any]:
    """Enter a service, or what is new of one."""
    entries = tuple(Entry(one.kind, one.words, one.hours) for one in body.entries)
    names = {str(language): name for language, name in body.name.items()}
    new = NewService(body.id, names, body.agency, body.unit, body.kind, entries, body.legal_basis)
    return _shown(await register(citizens, actor, new))


@router.get("/{name}")
def read_service(citizens: Ours, name: str) -> dict[str, Any]:
    """One service."""
    return _shown(service(citizens, name))


@router.post("/{name}/standing")
async def stand(citizens: Ours, actor: Who, name: str, body: StandingBody, version: Version = None) -> dict[str, Any]:
    """Say that a service works, is limited or is down."""
    return _shown(await set_standing(citizens, actor, name, body.standing, body.reason, version))


@router.get("/{name}/measures")
def read_measures(citizens: Ours, name: str, month: Annotated[str, Query(max_length=7)] = "") -> dict[str, Any]:
    """Interest, usage and satisfaction of a month, apart; with trend, by area and by group."""
    found, now = service(citizens, name), now_us()
    wanted = check_month(month) or month_of(now)
    scored = month_score(citizens, found, wanted, now)
    return {
        "service": found.name,
        "month": wanted,
        **score_dict(scored),
        "trend": [{"month": one, **score_dict(each)} for one, each in trend(citizens, found, wanted, now)],
        **{
            f"by{what.title()}": [
                {what: one.key, **score_dict(one.score)} for one in by_part(citizens, found, what, wanted)
            ]
            for what in ("unit", "group")
        },
    }


def check_month(text: str) -> str:
    """A month as it came in, empty for none. Invalid when it is none."""
    if text and not _MONTH.fullmatch(text):
        raise Invalid("Write the month as 2026-11.", field="month")
    return text


def score_dict(one: Score) -> dict[str, Any]:
    """Three measures for JSON; a score of too few ratings is not told."""
    few = one.few
    return {
        "interest": {"views": one.views, "days": one.days},
        "usage": {"uses": one.uses if one.reported else None, "views": one.views},
        "satisfaction": {
            "stars": None if few else one.stars,
            "satisfiedShare": one.satisfied_share,
            "low": None if few else one.low,
            "high": None if few else one.high,
            "rated": one.rated,
            "asked": one.asked,
            "responseRate": one.response_rate,
            "few": few,
            "starsWithoutBursts": None if few else one.stars_without,
        },
        "bursts": [{"from": iso(each.first), "to": iso(each.last), "count": each.size} for each in one.bursts],
        "doubts": [{"code": each.code, **each.detail} for each in one.doubts],
    }


def _shown(one: Service) -> dict[str, Any]:
    return {
        "id": one.name,
        "version": one.version,
        "name": dict(one.names),
        "agency": one.agency,
        "unit": one.unit,
        "kind": one.kind,
        "standing": one.standing,
        "since": one.since,
        "reason": one.reason,
        "entries": [{"kind": each.kind, "words": each.words, "hours": each.hours} for each in one.entries],
        "legalBasis": one.legal_basis,
        "sample": one.sample,
    }
