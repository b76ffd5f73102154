"""The month of a commune as figures: each computed now, frozen, and known by the entity that is its evidence."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from string import Formatter
from typing import Any

from dothi.accounts.policy import is_system, roles_of
from dothi.evidence.definitions import indicators
from dothi.evidence.model import SYSTEM, Evidence, Indicator, Period, PeriodKind, parse_period, period_of, value_id
from dothi.evidence.publishing import freeze_for_report
from dothi.evidence.reading import codes_of, find
from dothi.evidence.service import Job, refresh
from dothi.ground.clock import iso
from dothi.ground.errors import Forbidden, Invalid
from dothi.hub.language.nodes import And, Compare, Query, TypeIs
from dothi.hub.language.q import parse_q
from dothi.hub.model import Actor, Entity

WRITERS = frozenset({"programme_officer", "official"})
TASKS_MAX = 20


@dataclass(frozen=True)
class Cited:
    """A figure of the report with its evidence; `value` None is "no figure", told with the live figure's reasons."""

    indicator: Indicator
    period: str
    value: float | None
    evidence: str  # Id of the frozen figure, of the live one where there is nothing to freeze.
    simulated: bool


@dataclass(frozen=True)
class Month:
    """Everything that the report tells. `tasks` are those due in the month, the soonest first; `more` are left out."""

    unit: str
    name: str  # Of the unit.
    short: str
    period: Period
    made: int
    figures: Mapping[str, Cited]  # By short name of the indicator.
    tasks: tuple[Entity, ...]
    more: int

    @property
    def simulated(self) -> bool:
        """Whether anything in it is simulated."""
        return any(one.simulated for one in self.figures.values()) or any(
            task.value("simulated") is True for task in self.tasks
        )


@cache
def wording() -> dict[str, Any]:
    """The sentences and the words of the form."""
    text = resources.files("dothi.evidence").joinpath("data/month.toml").read_text("utf-8")
    return tomllib.loads(text)


def wanted() -> list[str]:
    """The short names of the indicators that the sentences ask for, in order."""
    sentences = [text for section in wording()["section"] for text in section["sentences"]]
    names = [name for text in sentences for _, name, _, _ in Formatter().parse(text) if name]
    return list(dict.fromkeys(names))


def demand_writer(evidence: Evidence, actor: Actor, unit: str) -> None:
    """Raise Forbidden unless `actor` may write reports of this unit."""
    if is_system(actor):
        return
    if not roles_of(actor) & WRITERS:
        raise Forbidden("Reports are written by programme officers and officials.")
    if actor.areas and not any(unit in evidence.territory.within(area) for area in actor.areas):
        raise Forbidden(f"{unit} lies outside the areas given to {actor.id}.")


async def gather(evidence: Evidence, actor: Actor, unit: str, month: str, now: int) -> Month:
    """Compute and freeze every figure of the month. Invalid when the month is still to come or the unit elsewhere."""
    place = evidence.territory.unit(unit)
    period = parse_period(PeriodKind.MONTH, month)
    if period.start > now:
        raise Invalid(f"The month {month} has not begun.", field="month")
    own = codes_of(evidence, evidence.unit)
    if own is not None and unit not in own:
        raise Invalid(f"{place.name} is no part of this city.", field="unit")
    demand_writer(evidence, actor, unit)
    jobs = _jobs(evidence, unit, period, now)
    await refresh(evidence, jobs.values(), now)
    figures = {name: await _cite(evidence, actor, job, month, now) for name, job in jobs.items()}
    tasks, more = _tasks(evidence, actor, unit, period)
    return Month(unit, place.name, place.short, period, now, figures, tasks, more)


def _jobs(evidence: Evidence, unit: str, period: Period, now: int) -> dict[str, Job]:
    """What is computed, by short name; a day's indicator is told of the last day that has begun."""
    known = {one.id.rpartition(":")[2]: one for one in indicators(evidence)}
    lacking = [name for name in wanted() if name not in known]
    if lacking:
        raise Invalid(f"The report needs indicators that are not declared: {', '.join(lacking)}.", missing=lacking)
    found = {name: known[name] for name in wanted()}
    last = min(now, period.end - 1)
    return {
        name: Job(one, unit if one.formula.by_unit else evidence.unit, period_of(one.period, last))
        for name, one in found.items()
    }


async def _cite(evidence: Evidence, actor: Actor, job: Job, month: str, now: int) -> Cited:
    name = value_id(job.indicator.id, job.unit, job.period.name)
    live = evidence.hub.get(SYSTEM, name)
    shown = live
    if "value" in live.attrs:
        shown = await freeze_for_report(evidence, actor, name, f"báo cáo tháng {month}", now)
    return Cited(job.indicator, job.period.name, shown.value("value"), shown.id, shown.value("simulated") is True)


def _tasks(evidence: Evidence, actor: Actor, unit: str, period: Period) -> tuple[tuple[Entity, ...], int]:
    """The tasks of the unit due in the month, as `actor` may see them."""
    due = parse_q(f"due>={iso(period.start)};due<{iso(period.end)}")
    query = Query(
        TypeIs("Task"), q=And((Compare(("unit",), "==", unit), due)), limit=TASKS_MAX, count=True, order=("due",)
    )
    page = evidence.hub.query(actor, query)
    return page.entities, (page.count or 0) - len(page.entities)


def latest(evidence: Evidence, actor: Actor, unit: str, month: str) -> list[Entity]:
    """The reports written of a unit's month, the latest first."""
    terms = (Compare(("unit",), "==", unit), Compare(("period",), "==", month))
    query = Query(TypeIs("PublishedReport"), q=And(terms), limit=100, order=("-createdAt",))
    return list(evidence.hub.query(actor, query).entities)


def exists(evidence: Evidence, entity_id: str) -> bool:
    """Whether there is such an entity."""
    return find(evidence, entity_id) is not None
