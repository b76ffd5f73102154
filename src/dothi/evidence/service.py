"""The verbs of evidence: compute figures and keep them with their lineage, publish one so that it never changes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from dothi.evidence.formula import figure
from dothi.evidence.model import (
    COUNTRY,
    DUTY,
    INDICATOR,
    INSTEAD,
    OWNER,
    REPORT,
    SYSTEM,
    VALUE,
    Evidence,
    Figure,
    Indicator,
    Period,
    value_id,
)
from dothi.evidence.publishing import revision
from dothi.evidence.reading import codes_of, find, levels, of_unit, read, units_met
from dothi.ground.canonical import sha256
from dothi.ground.clock import from_iso, iso, now_us
from dothi.hub.core import Hub
from dothi.hub.language.nodes import And, Compare, Query, TypeIs
from dothi.hub.model import (
    ABSENT,
    Actor,
    Attribute,
    Change,
    Commit,
    Entity,
    Op,
    json_prop,
    prop,
    rel,
    words,
)
from dothi.office.rules import RuleSets
from dothi.territory import Territory

INPUTS_MAX = 50  # So many inputs are named; the hash stands for the complete list.
_QUIET = ("computedAt", "revision")  # A figure that differs in these only is the same figure.


class Job(NamedTuple):
    """One figure that is wanted."""

    indicator: Indicator
    unit: str
    period: Period


@dataclass(frozen=True)
class Computed:
    """A figure as it should stand in the hub."""

    job: Job
    figure: Figure

    @property
    def id(self) -> str:
        """Of its entity."""
        return value_id(self.job.indicator.id, self.job.unit, self.job.period.name)


def open_evidence(hub: Hub, territory: Territory, unit: str = COUNTRY, rules: RuleSets | None = None) -> Evidence:
    """The module over a hub: guards its types and declares what its lists ask for. `unit` is the city's own code.

    `rules` holds the templates and the calendar of reports as the city adopted them.
    """
    hub.own(OWNER, INSTEAD)
    hub.index(VALUE, "indicator", "unit", "period", "state", "periodEnd", "live")
    hub.index(INDICATOR, "legalBasis", "reads")
    hub.index(REPORT, "unit", "period", "kind")
    hub.index(DUTY, "unit", "period", "kind", "state", "assignee", "due", "open")
    return Evidence(hub, territory, unit, rules=rules)


def compute(evidence: Evidence, jobs: Iterable[Job], now: int) -> list[Computed]:
    """The figures of all jobs as the hub holds the data at `now`; nothing is written."""
    by_period: dict[tuple[str, str], list[Job]] = {}
    for job in jobs:
        by_period.setdefault((job.indicator.id, job.period.name), []).append(job)
    return [one for group in by_period.values() for one in _together(evidence, group, now)]


def _together(evidence: Evidence, jobs: list[Job], now: int) -> list[Computed]:
    """Jobs of one indicator and period share what is read."""
    indicator, _, period = jobs[0]
    material = read(evidence, indicator, period, now, frozenset(job.unit for job in jobs))
    computed = []
    for job in jobs:
        codes = codes_of(evidence, job.unit) if indicator.formula.by_unit else None
        computed.append(Computed(job, figure(indicator.formula, of_unit(material, codes), period, now)))
    return computed


def jobs_of(evidence: Evidence, indicator: Indicator, period: Period, now: int) -> list[Job]:
    """A job for each unit in which something counts in the period, and for the city as a whole."""
    units = {evidence.unit}
    if indicator.formula.by_unit:
        met = units_met(read(evidence, indicator, period, now))
        units |= {level for unit in met for level in levels(evidence, unit)}
        units |= {one.value("unit") for one in values(evidence, SYSTEM, indicator.id, period=period.name)}
    return [Job(indicator, unit, period) for unit in sorted(units)]


class Plan(NamedTuple):
    """What is to be written, at which versions, and which jobs can wait since their figure looks the same."""

    changes: tuple[Change, ...]
    expect: dict[str, int]
    postponed: tuple[Job, ...]


def plan(evidence: Evidence, jobs: Iterable[Job], now: int, calm_us: int = 0) -> Plan:
    """Compute all jobs and compare with what stands.

    A figure that looks the same (value as shown, state, reasons) is written anew only after `calm_us`: readings every
    few seconds would else fill the log with copies.
    """
    return _planned(evidence, compute(evidence, jobs, now), now, calm_us)


def _planned(evidence: Evidence, computed: Iterable[Computed], now: int, calm_us: int) -> Plan:
    changes: list[Change] = []
    expect: dict[str, int] = {}
    postponed: list[Job] = []
    for one in computed:
        before = find(evidence, one.id)
        attrs = attributes(evidence, one, before, now)
        if before is not None and _same(before, attrs):
            continue
        if before is not None and calm_us and _looks_same(one, before, attrs, now - calm_us):
            postponed.append(one.job)
            continue
        changes.append(Change(Op.PUT, one.id, (VALUE,), attrs))
        expect[one.id] = before.version if before else ABSENT
    return Plan(tuple(changes), expect, tuple(postponed))


async def refresh(evidence: Evidence, jobs: Iterable[Job], now: int | None = None) -> list[Computed]:
    """Compute, and write what has changed in one commit; returns all that was computed."""
    at = now_us() if now is None else now
    computed = compute(evidence, jobs, at)
    planned = _planned(evidence, computed, at, 0)
    if planned.changes:
        commit = Commit(SYSTEM, planned.changes, "tính lại chỉ số", planned.expect, owner=OWNER)
        await evidence.hub.commit(commit)
    return computed


def _same(before: Entity, attrs: Mapping[str, Attribute]) -> bool:
    told = {name: _bare(one) for name, one in before.attrs.items() if name not in _QUIET}
    return told == {name: _bare(one) for name, one in attrs.items() if name not in _QUIET}


def _looks_same(one: Computed, before: Entity, attrs: Mapping[str, Attribute], since: int) -> bool:
    """Whether a reader would see the same as what was written after `since`."""
    decimals = one.job.indicator.decimals
    value, stood = one.figure.value, before.value("value")
    shown = value == stood or (
        value is not None and stood is not None and round(value, decimals) == round(stood, decimals)
    )
    reasons = [reason.as_json() for reason in one.figure.reasons]
    told = before.value("reasons") == reasons and ("revision" in before.attrs) == ("revision" in attrs)
    return shown and told and from_iso(before.value("computedAt")) > since


def _bare(attribute: Attribute) -> Any:
    """An attribute without the stamps that the store or the act of computing adds."""
    if isinstance(attribute, list):
        return [_bare(one) for one in attribute]
    return {key: value for key, value in attribute.items() if key not in ("createdAt", "modifiedAt", "observedAt")}


def attributes(evidence: Evidence, one: Computed, before: Entity | None, now: int) -> dict[str, Attribute]:
    """A figure with its whole lineage as attributes; a grey figure has no `value`."""
    (indicator, unit, period), found = one.job, one.figure
    attrs: dict[str, Attribute] = {
        "name": words(**indicator.name),
        "indicator": rel(indicator.id),
        "unit": prop(unit),
        "period": prop(period.name),
        "periodStart": prop(iso(period.start)),
        "periodEnd": prop(iso(period.end)),
        "state": prop(found.state.value),
        "live": prop(True),
        "numerator": prop(found.numerator),
        "denominator": prop(found.denominator),
        "count": prop(found.count),
        "reasons": json_prop([reason.as_json() for reason in found.reasons]),
        "computedAt": prop(iso(now)),
        "formulaVersion": prop(indicator.formula_version),
        "inputsHash": prop(sha256([list(item) for item in found.inputs])),
        "inputsCount": prop(len(found.inputs)),
        "simulated": prop(found.simulated),
        "sample": prop(indicator.sample),
    }
    if found.value is not None:
        attrs["value"] = prop(found.value, iso(found.last or now), indicator.unit_code)
    if found.inputs:
        attrs["inputs"] = rel([item.id for item in found.inputs[:INPUTS_MAX]])
    if found.sources:
        attrs["sources"] = rel(list(found.sources))
    if found.first is not None and found.last is not None:
        attrs["observedFrom"], attrs["observedTo"] = prop(iso(found.first)), prop(iso(found.last))
    if found.response_rate is not None:
        attrs["responseRate"] = prop(found.response_rate)
    return attrs | revision(evidence, before, attrs, now)


def values(
    evidence: Evidence, actor: Actor, indicator: str = "", unit: str = "", period: str = "", limit: int = 1000
) -> list[Entity]:
    """Figures that `actor` may see, the latest period first; published copies are left out."""
    wanted = (("indicator", indicator), ("unit", unit), ("period", period))
    terms = (Compare(("live",), "==", True), *(Compare((name,), "==", text) for name, text in wanted if text))
    query = Query(TypeIs(VALUE), q=And(terms), limit=limit, order=("-periodEnd", "unit"))
    return list(evidence.hub.query(actor, query).entities)
