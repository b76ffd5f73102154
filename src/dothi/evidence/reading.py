"""What a formula needs, read from the hub: its members by unit, their readings, and how their sources stand."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dothi.evidence.formula import Gathered, Member, SourceStanding
from dothi.evidence.model import COUNTRY, SYSTEM, Evidence, Formula, Indicator, Kind, Period
from dothi.evidence.series import Reading
from dothi.ground.clock import from_iso, iso
from dothi.ground.errors import Missing
from dothi.hub.language.match import matches
from dothi.hub.language.nodes import And, Compare, Condition, Query, TypeIs
from dothi.hub.language.q import parse_q
from dothi.hub.model import Actor, Entity
from dothi.sources.rhythm import state_of

PAGE = 1000
_FEW_UNITS = 12  # So many units are asked for by name; beyond them everything is read once and sorted by unit.


@dataclass(frozen=True)
class Material:
    """What was read for one indicator and period, before it is sorted by unit."""

    members: Mapping[str | None, tuple[Member, ...]]  # By unit, so that a province's communes are not each sought anew.
    asked: Counter[str | None]  # How many were asked, by unit.
    sources: Mapping[str, SourceStanding]


def read(
    evidence: Evidence, indicator: Indicator, period: Period, now: int, units: frozenset[str] | None = None
) -> Material:
    """Everything that counts in a period; `units` (codes of communes) narrows it, None is the whole city."""
    formula = indicator.formula
    few = units is not None and len(units) <= _FEW_UNITS and COUNTRY not in units
    narrow = units if formula.by_unit and few else None
    condition, met = (_condition(text, period, now) for text in (formula.where, formula.met))
    attrs = (formula.attribute,) if formula.attribute else ()
    members = tuple(
        _member(evidence, formula, one, period, met)
        for one in _entities(evidence, formula.type, condition, attrs, narrow)
    )
    asked: Counter[str | None] = Counter()
    if formula.asked:
        found = _entities(evidence, formula.type, _condition(formula.asked, period, now), (), narrow)
        asked = Counter(_unit(one) for one in found)
    names = {one.source for one in members if one.source}
    by_unit: dict[str | None, list[Member]] = {}
    for one in members:
        by_unit.setdefault(one.unit, []).append(one)
    grouped = {unit: tuple(some) for unit, some in by_unit.items()}
    return Material(grouped, asked, {name: _standing(evidence, name, period, now) for name in sorted(names)})


def counted(evidence: Evidence, indicator: Indicator, period: Period, now: int) -> tuple[str, ...]:
    """The ids of the entities that count in the city's own figure of a period."""
    formula, codes = indicator.formula, codes_of(evidence, evidence.unit)
    attrs = (formula.attribute,) if formula.attribute else ()
    found = _entities(evidence, formula.type, _condition(formula.where, period, now), attrs, None)
    return tuple(sorted(one.id for one in found if codes is None or _unit(one) in codes))


def of_unit(material: Material, codes: frozenset[str] | None) -> Gathered:
    """The part of the material that lies in `codes`; None is everything."""
    units = material.members.keys() if codes is None else codes & material.members.keys()
    members = [one for unit in units for one in material.members[unit]]
    asked = material.asked.total() if codes is None else sum(material.asked[code] for code in codes)
    names = sorted({one.source for one in members if one.source})
    ordered = tuple(sorted(members, key=lambda one: one.id))
    return Gathered(ordered, asked, tuple(material.sources[name] for name in names))


def codes_of(evidence: Evidence, unit: str) -> frozenset[str] | None:
    """The codes that count for a unit: its own, and for a province those of its communes; None is everything."""
    return None if unit == COUNTRY else evidence.territory.within(unit)


def levels(evidence: Evidence, unit: str) -> frozenset[str]:
    """The units whose figures a commune moves: its own, its province's, the city's; none when it lies elsewhere."""
    own = codes_of(evidence, evidence.unit)
    if own is not None and unit not in own:
        return frozenset()
    try:
        return frozenset({unit, evidence.territory.province_of(unit).code, evidence.unit})
    except Missing:
        return frozenset({evidence.unit})


def units_met(material: Material) -> frozenset[str]:
    """The units in which something counts."""
    return frozenset(unit for unit in material.members if unit)


def fill(text: str, period: Period, now: int) -> str:
    """A condition with its instants filled in."""
    return text.format(start=iso(period.start), end=iso(period.end), now=iso(min(now, period.end)))


def _condition(text: str, period: Period, now: int) -> Condition | None:
    return parse_q(fill(text, period, now)) if text else None


def _entities(
    evidence: Evidence, kind: str, condition: Condition | None, attrs: tuple[str, ...], units: frozenset[str] | None
) -> Iterator[Entity]:
    if units is not None:
        codes = tuple(sorted(code for unit in units for code in codes_of(evidence, unit) or ()))
        lies = Compare(("unit",), "==", codes)
        condition = lies if condition is None else And((condition, lies))
    offset = 0
    while True:
        query = Query(TypeIs(kind), q=condition, attrs=attrs, limit=PAGE, offset=offset)
        page = evidence.hub.query(SYSTEM, query).entities
        yield from page
        if len(page) < PAGE:
            return
        offset += PAGE


def _member(evidence: Evidence, formula: Formula, entity: Entity, period: Period, met: Condition | None) -> Member:
    readings: tuple[Reading, ...] = ()
    if formula.kind is Kind.MEAN:
        readings = evidence.series.read(evidence.hub, SYSTEM, entity, formula.attribute, period.start, period.end)
    score = entity.value(formula.attribute) if formula.kind is Kind.RATING else None
    return Member(
        id=entity.id,
        version=entity.version,
        unit=_unit(entity),
        source=_source(entity),
        simulated=entity.value("simulated") is True,
        met=met is not None and matches(met, entity),
        score=float(score) if isinstance(score, int | float) and not isinstance(score, bool) else None,
        readings=readings,
        changed=entity.modified_at,
    )


def _unit(entity: Entity) -> str | None:
    unit = entity.value("unit")
    return unit if isinstance(unit, str) else None


def _source(entity: Entity) -> str | None:
    """The DataSource that an entity came from; what people write here has none."""
    source = entity.value("source")
    return source if isinstance(source, str) and source.startswith("urn:") else None


def _standing(evidence: Evidence, name: str, period: Period, now: int) -> SourceStanding:
    """A source that is not there any more never speaks."""
    try:
        source = evidence.hub.get(SYSTEM, name)
    except Missing:
        return SourceStanding(name, "never")
    rows = [row for row in _open_rows(evidence, name) if row.created_at >= period.start]
    seen, contact = _instant(source, "lastSeen"), _instant(source, "lastContact")
    shut = contact > seen and any(row.created_at > seen for row in rows)
    held = sum(row.value("count", 1) for row in rows)
    return SourceStanding(name, state_of(source, now).value, held, shut, source.value("simulated") is True)


def _open_rows(evidence: Evidence, source: str) -> Iterable[Entity]:
    terms = (Compare(("source",), "==", source), Compare(("state",), "==", "open"))
    query = Query(TypeIs("QuarantinedRow"), q=And(terms), limit=PAGE, order=("-createdAt",))
    return evidence.hub.query(SYSTEM, query).entities


def _instant(source: Entity, name: str) -> int:
    text = source.value(name)
    return from_iso(text) if text else 0


def find(evidence: Evidence, entity_id: str, actor: Actor = SYSTEM) -> Entity | None:
    """The entity, None when it is not there or not to be seen."""
    try:
        return evidence.hub.get(actor, entity_id)
    except Missing:
        return None


def several(value: Any) -> list[str]:
    """The objects of a relationship, one or many, as a list."""
    return [] if value is None else list(value) if isinstance(value, list) else [value]
