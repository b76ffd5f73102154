"""The walk along the chains: from any entity one step down to what it rests on, and one step back to what rests on it.

Downwards the relationships of the entity are followed; backwards a table says which types may point here and by
which attribute; beside are those that share a unit and a subject. Everything is asked as the reader: what may not be
seen is left out and counted.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from dothi.evidence.model import INDICATOR, REPORT, SYSTEM, VALUE
from dothi.evidence.reading import several
from dothi.ground.clock import DAY, iso, now_us
from dothi.ground.errors import Forbidden, Missing
from dothi.hub.core import Hub
from dothi.hub.language.nodes import And, Compare, Condition, Query, TypeIs
from dothi.hub.model import Actor, Entity, instances

STEPS_MAX = 12  # So many of one kind are shown; the rest are counted.
RECENT = 31 * DAY  # How far back a figure that used an input is looked for.


class Way(StrEnum):
    """In which direction a step goes."""

    DOWN = "down"  # What this rests on.
    BACK = "back"  # What rests on this.
    BESIDE = "beside"  # What happens in the same place on the same subject.


@dataclass(frozen=True)
class Group:
    """Steps of one relation; `more` are counted only, `hidden` may not be seen."""

    relation: str
    way: Way
    steps: tuple[Entity, ...]
    more: int = 0
    hidden: int = 0


@dataclass(frozen=True)
class Walk:
    """An entity with all steps from it."""

    entity: Entity
    groups: tuple[Group, ...]

    def of(self, relation: str) -> Group | None:
        """The steps of one relation."""
        return next((one for one in self.groups if one.relation == relation), None)


class Back(NamedTuple):
    """Entities of `kind` that point here by `attribute`; `only` are the types of what they may point to."""

    relation: str
    kind: str
    attribute: str
    only: frozenset[str]
    figures: bool = False  # A list of ids in figures: looked for among the recent ones of the unit only.
    order: tuple[str, ...] = ("-modifiedAt",)


def _of(*kinds: str) -> frozenset[str]:
    return frozenset(kinds)


_READINGS = _of("AirQualityObserved", "TrafficFlowObserved", "WasteContainer", "WaterObserved", "WeatherObserved")
_CASES = _of("CitizenReport", "Alarm", "Task", "Problem")
_DUTY = _of("Incident", "IncidentReview", "Order", "Warning")
_PAPERS = _of("Conclusion", "CouncilSession", "Obligation", "Directive", "PlanImport")

BACKS: tuple[Back, ...] = (
    Back("indicatorsOfLaw", INDICATOR, "legalBasis", _of("LegalBasis")),
    Back("tasksOfLaw", "Task", "legalBasis", _of("LegalBasis")),
    *(
        Back("plannedByLaw", kind, "legalBasis", _of("LegalBasis"))
        for kind in ("Scheme", "SchemeTarget", "Plan", "Project")
    ),
    Back("replaces", "LegalBasis", "replacedBy", _of("LegalBasis")),
    Back("components", "Scheme", "parent", _of("Scheme")),
    Back("targets", "SchemeTarget", "scheme", _of("Scheme")),
    Back("targets", "SchemeTarget", "indicator", _of(INDICATOR)),
    Back("plans", "Plan", "scheme", _of("Scheme")),
    Back("projects", "Project", "plan", _of("Plan")),
    Back("tasks", "Task", "plan", _of("Plan")),
    Back("tasks", "Task", "project", _of("Project")),
    Back("tasks", "Task", "targets", _of("SchemeTarget")),
    Back("provedBy", "Task", "evidenceFiles", _of("EvidenceFile")),
    Back("before", "Task", "dependsOn", _of("Task")),
    Back("partsOfTask", "TaskPart", "task", _of("Task")),
    Back("bottlenecks", "Bottleneck", "task", _of("Task")),
    Back("extensionsAsked", "ExtensionRequest", "task", _of("Task")),
    Back("figures", VALUE, "indicator", _of(INDICATOR), order=("-periodEnd", "unit")),
    Back("tasks", "Task", "indicators", _of(INDICATOR)),
    Back("publications", VALUE, "of", _of(VALUE)),
    Back("citedBy", REPORT, "cites", _of(VALUE)),
    Back("usedIn", VALUE, "inputs", _READINGS | _CASES | _DUTY | _of("DataSource"), figures=True),
    Back("feeds", VALUE, "sources", _of("DataSource"), figures=True),
    *(Back("brought", kind, "source", _of("DataSource")) for kind in sorted(_READINGS)),
    Back("heldBack", "QuarantinedRow", "source", _of("DataSource")),
    Back("alarmsOn", "Alarm", "subject", _READINGS),
    Back("alarmsOfRule", "Alarm", "ruleSet", _of("RuleSet")),
    Back("proposals", "Proposal", "sources", _CASES | _DUTY),
    Back("problems", "Problem", "reports", _of("CitizenReport")),
    Back("tasksFrom", "Task", "sources", _CASES | _DUTY | _of("Proposal")),
    Back("incidents", "Incident", "alarms", _of("Alarm")),
    Back("incidents", "Incident", "reports", _of("CitizenReport")),
    Back("incidents", "Incident", "bulletins", _of("Bulletin")),
    Back("incidents", "Incident", "suggestions", _of("Suggestion")),
    Back("mergedHere", "Incident", "mergedInto", _of("Incident")),
    Back("reviews", "IncidentReview", "incident", _of("Incident")),
    Back("ordersOf", "Order", "incident", _of("Incident")),
    Back("warningsOf", "Warning", "incident", _of("Incident")),
    Back("logOf", "LogEntry", "about", _DUTY | _of("Shift", "Alarm")),
    Back("suggestedFrom", "Suggestion", "sources", _CASES | _of("Incident", "Bulletin")),
    Back("tasksFrom", "Task", "sources", _PAPERS),
    Back("conclusions", "Conclusion", "session", _of("CouncilSession")),
    Back("rounds", "OpinionRound", "session", _of("CouncilSession")),
    Back("opinions", "MemberOpinion", "round", _of("OpinionRound")),
    Back("reminders", "Reminder", "task", _of("Task")),
    Back("explanations", "ExplanationRequest", "subject", _of("Task", VALUE)),
    Back("obligations", "Obligation", "directive", _of("Directive")),
    Back("scaleUps", "ScaleUp", "pilot", _of("Pilot")),
    Back("waivedBy", "Pilot", "waived", _of("LegalBasis")),
    Back("submissions", "Submission", "call", _of("PartnerCall")),
    Back("consultations", "Consultation", "about", _of("Scheme", "Plan", "Project", "Task", "LegalBasis")),
    Back("commentGroups", "CommentCluster", "consultation", _of("Consultation")),
)


def walk(hub: Hub, actor: Actor, entity_id: str, now: int | None = None) -> Walk:
    """Everything one step away from an entity, as `actor` may see it. Missing when the entity may not be seen."""
    at = now_us() if now is None else now
    entity = hub.get(actor, entity_id)
    beside = _BESIDE.get(entity.types[0], _nothing)(hub, actor, entity)
    groups = [*_down(hub, actor, entity), *beside, *_back(hub, actor, entity, at)]
    return Walk(entity, tuple(_merged(group for group in groups if group.steps or group.hidden)))


def _merged(groups: Iterable[Group]) -> Iterator[Group]:
    """Groups of one relation as one, in the order in which they came."""
    by_relation: dict[tuple[str, Way], list[Group]] = {}
    for group in groups:
        by_relation.setdefault((group.relation, group.way), []).append(group)
    for (relation, way), some in by_relation.items():
        steps = {step.id: step for group in some for step in group.steps}
        more, hidden = sum(group.more for group in some), sum(group.hidden for group in some)
        yield Group(relation, way, tuple(steps.values()), more, hidden)


def _down(hub: Hub, actor: Actor, entity: Entity) -> Iterator[Group]:
    """The relationships of the entity, by attribute."""
    for name, attribute in entity.attrs.items():
        targets = [
            target
            for one in instances(attribute)
            if one.get("type") == "Relationship"
            for target in several(one["object"])
        ]
        if targets:
            yield _group(hub, actor, name, Way.DOWN, targets)


def _group(hub: Hub, actor: Actor, relation: str, way: Way, ids: list[str]) -> Group:
    shown = [_seen(hub, actor, one) for one in ids[:STEPS_MAX]]
    steps = tuple(one for one in shown if one is not None)
    return Group(relation, way, steps, max(len(ids) - STEPS_MAX, 0), len(shown) - len(steps))


def _seen(hub: Hub, actor: Actor, entity_id: str) -> Entity | None:
    try:
        return hub.get(actor, entity_id)
    except Missing:
        return None


def _back(hub: Hub, actor: Actor, entity: Entity, now: int) -> Iterator[Group]:
    """Who points here."""
    for back in BACKS:
        if back.only.intersection(entity.types):
            terms: tuple[Condition, ...] = (Compare((back.attribute,), "==", entity.id),)
            if back.figures:
                terms = (*_recent(hub, entity, now), *terms)
            yield _asked(hub, actor, back.relation, Way.BACK, back.kind, terms, back.order)


def _recent(hub: Hub, entity: Entity, now: int) -> tuple[Condition, ...]:
    """The figures among which an input is looked for: those of its own unit for a month, else those running now."""
    unit = entity.value("unit")
    since = now - RECENT if isinstance(unit, str) else now
    terms: tuple[Condition, ...] = (Compare(("live",), "==", True), Compare(("periodEnd",), ">=", iso(since)))
    return (*terms, Compare(("unit",), "==", (unit, unit[:2]))) if isinstance(unit, str) else terms


def _asked(
    hub: Hub,
    actor: Actor,
    relation: str,
    way: Way,
    kind: str,
    terms: tuple[Condition, ...],
    order: tuple[str, ...] = ("-modifiedAt",),
) -> Group:
    """The latest entities of a type that match; a type that the reader may not see gives none."""
    query = Query(TypeIs(kind), q=And(terms), limit=STEPS_MAX, count=True, order=order)
    try:
        page = hub.query(actor, query)
    except Forbidden:
        return Group(relation, way, ())
    return Group(relation, way, page.entities, (page.count or 0) - len(page.entities))


def _nothing(hub: Hub, actor: Actor, entity: Entity) -> Iterator[Group]:
    yield from ()


def _same(name: str, value: Any) -> Condition:
    return Compare((name,), "==", value)


def _beside_figure(hub: Hub, actor: Actor, entity: Entity) -> Iterator[Group]:
    """Of a figure: the law that asks for it, what is done about it, and what happens where it is measured."""
    defined = _seen(hub, SYSTEM, entity.value("indicator") or "")
    if defined is None:
        return
    if defined.value("legalBasis"):
        yield _group(hub, actor, "legalBasis", Way.DOWN, [defined.value("legalBasis")])
    yield _asked(hub, actor, "tasks", Way.BACK, "Task", (_same("indicators", defined.id),))
    unit, formula = entity.value("unit"), defined.value("formula")
    here = _same("unit", unit)
    attribute = formula.get("attribute")
    if attribute and formula["type"] in _READINGS:
        yield _asked(hub, actor, "alarms", Way.BESIDE, "Alarm", (here, _same("attribute", attribute)))
    yield _asked(hub, actor, "reports", Way.BESIDE, "CitizenReport", (here,))


def _beside_alarm(hub: Hub, actor: Actor, entity: Entity) -> Iterator[Group]:
    yield _read_here(hub, actor, entity, lambda formula: formula.get("attribute") == entity.value("attribute"))


def _beside_incident(hub: Hub, actor: Actor, entity: Entity) -> Iterator[Group]:
    yield _read_here(hub, actor, entity, lambda formula: formula.get("type") in ("Incident", "Order"))


def _beside_report(hub: Hub, actor: Actor, entity: Entity) -> Iterator[Group]:
    yield _read_here(hub, actor, entity, lambda formula: formula.get("type") == "CitizenReport")


def _read_here(hub: Hub, actor: Actor, entity: Entity, fits: Callable[[Mapping[str, Any]], bool]) -> Group:
    """The running figures of the entity's unit whose formula fits."""
    try:
        defined = [one.id for one in hub.find(actor, INDICATOR) if fits(one.value("formula", {}))]
    except Forbidden:
        return Group("figuresHere", Way.BESIDE, ())
    unit = entity.value("unit")
    if not defined or not isinstance(unit, str):
        return Group("figuresHere", Way.BESIDE, ())
    terms = (_same("live", True), _same("unit", unit), _same("indicator", tuple(defined)))
    return _asked(hub, actor, "figuresHere", Way.BESIDE, VALUE, terms, ("-periodEnd",))


def _beside_task(hub: Hub, actor: Actor, entity: Entity) -> Iterator[Group]:
    """Of a task: the figures that it is meant to move, where it is carried out."""
    moved = several(entity.value("indicators"))
    units = several(entity.value("units")) or several(entity.value("unit"))
    if moved and units:
        terms = (_same("live", True), _same("unit", tuple(units)), _same("indicator", tuple(moved)))
        yield _asked(hub, actor, "figuresHere", Way.BESIDE, VALUE, terms, ("-periodEnd",))


_BESIDE: Mapping[str, Callable[[Hub, Actor, Entity], Iterator[Group]]] = {
    VALUE: _beside_figure,
    "Alarm": _beside_alarm,
    "Incident": _beside_incident,
    "IncidentReview": _beside_incident,
    "CitizenReport": _beside_report,
    "Task": _beside_task,
}

# Which attribute names an entity to people; else the last part of its id.
_NAMED_BY: Mapping[str, tuple[str, ...]] = {
    "LegalBasis": ("citation", "document"),
    "Task": ("title",),
    "CitizenReport": ("code",),
    "Alarm": ("name",),
    "Proposal": ("title",),
    "Incident": ("title",),
    "IncidentReview": ("title",),
    "Suggestion": ("title",),
    "LogEntry": ("words",),
    "QuarantinedRow": ("file",),
}


def name_of(entity: Entity) -> str | Mapping[str, str]:
    """What people call an entity: a text, or one by language."""
    for attribute in (*_NAMED_BY.get(entity.types[0], ()), "name", "title"):
        value = entity.value(attribute)
        if isinstance(value, str | dict) and value:
            return value
    return entity.id.rpartition(":")[2]
