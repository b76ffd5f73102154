"""Long histories over HTTP: what one attribute measured, in steps of the calendar and by groups."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from dothi.accounts.api import Who, require_csrf
from dothi.evidence.api.figures import Ours
from dothi.evidence.model import Evidence
from dothi.ground.clock import DAY, VIETNAM, from_datetime, from_iso, iso, now_us
from dothi.ground.errors import Invalid
from dothi.hub.language import nodes
from dothi.hub.language.measure import USUAL, Figure, Measure
from dothi.hub.language.nodes import And, Compare, Condition
from dothi.hub.language.q import parse_q
from dothi.hub.language.scope import parse_scope
from dothi.hub.language.types import parse_types

DAYS = 30  # How far back is looked where no start is given.
_MOST_IDS = 1000


class Measured(BaseModel):
    """One group and step."""

    model_config = ConfigDict(populate_by_name=True)

    group: str | None = Field(description="The entity, type or unit; null for all together, or where there is none.")
    start: str = Field(serialization_alias="from", description="First instant of the step (ISO 8601, UTC).")
    end: str = Field(serialization_alias="to", description="The instant after its last.")
    count: int = Field(description="Numbers that went in; a step without any is left out.")
    values: dict[str, float | None] = Field(description="By method; null where it has no finite value.")


class Answer(BaseModel):
    """What was measured."""

    attribute: str
    step: str
    by: str
    timezone: str
    figures: list[Measured]


class Question(BaseModel):
    """The parts of a question; nothing else may stand in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    attribute: str = Field(min_length=1, max_length=200, description="e.g. pm25")
    type: str = Field("", max_length=500, description="types of entities, as NGSI-LD selects them")
    id: str = Field("", max_length=100_000, description="ids, separated by commas")
    q: str = Field("", max_length=2000, description="a condition on what stands now, in NGSI-LD's language q")
    scope: str = Field("", max_length=500, description="scopes, as NGSI-LD selects them")
    area: str = Field("", max_length=20, description="code of a province or commune, with all below it")
    since: str = Field("", alias="from", max_length=40, description="a day of Việt Nam or a time; 30 days without it")
    until: str = Field("", alias="to", max_length=40, description="the day or time after the last; now without it")
    step: str = Field("", max_length=20, description="hour, day, week, month, quarter, year; without it all in one")
    by: str = Field("", max_length=20, description="entity, type or area; without it all together")
    method: str = Field(
        "mean", max_length=200, description="mean, sum, min, max, count, last, median, deviation, p1 to p99"
    )
    dataset: str = Field(USUAL, max_length=500, description="a datasetId, @none (the usual ones) or @any")


router = APIRouter(prefix="/history", tags=["history"], dependencies=[Depends(require_csrf)])


@router.get("/measure")
def measure(evidence: Ours, actor: Who, asked: Annotated[Question, Query()]) -> Answer:
    """What an attribute measured in a while, by steps of the city's calendar: weeks begin on Monday, days at midnight.

    Counted is what you may read, standing or gone, each reading once; a reading without observedAt counts when it was
    written.
    """
    wanted = _measure(evidence, asked)
    figures = [_shown(one, wanted.methods) for one in evidence.hub.measuring.measure(actor, wanted)]
    return Answer(attribute=wanted.attribute, step=wanted.step, by=wanted.by, timezone=wanted.zone, figures=figures)


def _measure(evidence: Evidence, asked: Question) -> Measure:
    until = _instant(asked.until, "to") if asked.until else now_us()
    since = _instant(asked.since, "from") if asked.since else until - DAYS * DAY
    ids = tuple(dict.fromkeys(one.strip() for one in asked.id.split(",") if one.strip()))
    if len(ids) > _MOST_IDS:
        raise Invalid(f"At most {_MOST_IDS:,} ids can be named; name a type or an area instead.")
    entities = nodes.Query(
        types=parse_types(asked.type) if asked.type else None,
        ids=ids,
        q=_condition(evidence, asked.q, asked.area),
        scope=parse_scope(asked.scope) if asked.scope else None,
    )
    methods = tuple(dict.fromkeys(one.strip() for one in asked.method.split(",")))
    return Measure(asked.attribute, since, until, methods, asked.step, asked.by, VIETNAM.key, asked.dataset, entities)


def _condition(evidence: Evidence, q: str, area: str) -> Condition | None:
    terms: list[Condition] = [parse_q(q)] if q else []
    if area:
        terms.append(Compare(("unit",), "==", tuple(sorted(evidence.territory.within(area)))))
    return And(tuple(terms)) if len(terms) > 1 else terms[0] if terms else None


def _instant(text: str, name: str) -> int:
    """An instant, or the midnight of Việt Nam at which a day begins."""
    try:
        if len(text) == len("2026-11-22"):
            day = date.fromisoformat(text)
            return from_datetime(datetime(day.year, day.month, day.day, tzinfo=VIETNAM))
        return from_iso(text)
    except (ValueError, OverflowError) as wrong:
        raise Invalid(
            f"{name} is {text!r}; it must be a day such as 2026-11-22 or a time such as 2026-11-22T07:00:00Z."
        ) from wrong


def _shown(figure: Figure, methods: tuple[str, ...]) -> Measured:
    return Measured(
        group=figure.group,
        start=iso(figure.start),
        end=iso(figure.end),
        count=figure.numbers,
        values=dict(zip(methods, figure.values, strict=True)),
    )
