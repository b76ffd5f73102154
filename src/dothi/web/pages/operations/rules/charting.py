"""The last week of one place that a rule watches, and the alarms that the rule would have raised there."""

from dataclasses import dataclass

from starlette.requests import Request

from dothi.ground.clock import DAY, from_iso, now_us
from dothi.ground.errors import Missing
from dothi.hub.language.nodes import Window
from dothi.hub.model import Entity, Readings, instance_value
from dothi.operations.engine.program import program_of, reach_us
from dothi.operations.rules.model import Aggregate, Bound, Each, Leaf, Repeat, Rule, Threshold, leaves
from dothi.operations.rules.replay import Episode, Key, Subject, replay
from dothi.web.page import visit
from dothi.web.pages.shown import attribute_name, drawn_in, find, name_of
from dothi.web.parts import parts

SPAN = 7 * DAY
POINTS = 700  # Of a chart: each is the furthest value of its stretch, so that no peak is lost.
MOST_PLACES = 200
SHOWN = 20  # Alarms listed under the chart.


@dataclass(frozen=True)
class Week:
    """What the chart shows; values as they are drawn (shares in percent)."""

    places: list[tuple[str, str]]  # (id, name) to choose from.
    subject: str
    name: str
    attribute: str
    measure: str  # Unit of the axis.
    rows: list[tuple[int, float | None]]
    limit: float | None
    clear: float | None
    episodes: list[Episode]  # The latest first.
    count: int

    @property
    def bands(self) -> list[tuple[int, int | None]]:
        """When alarms were up, for the chart."""
        return [(one.start, one.end) for one in self.episodes]


def week_of(request: Request, rule: Rule, unit: str, wanted: str) -> Week | None:
    """The last week of a place, by a rule as it is shown; None when it watches areas or there is no place."""
    leaf = next(leaves(rule.when))
    if rule.each is not Each.SUBJECT:
        return None
    places = _places(request, rule, leaf, unit)
    if not places:
        return None
    subject = next((one for one in places if one.id == wanted), places[0])
    past, now = _past(request, rule, subject), now_us()
    whom = {subject.id: Subject(tuple(subject.types), subject.value("unit", "") or "")}
    found = [one for one in replay(program_of({rule.id: _alone(rule)}), whom, past, now) if _lately(one, now)]
    scale, measure = drawn_in(leaf.attribute, (subject.instance(leaf.attribute) or {}).get("unitCode"))
    bound = _drawn(leaf)
    series = past.get((subject.id, leaf.attribute), Readings())
    return Week(
        places=[(one.id, name_of(request, one)) for one in places],
        subject=subject.id,
        name=name_of(request, subject),
        attribute=attribute_name(request, leaf.attribute),
        measure=measure,
        rows=[(at, value * scale) for at, value in _thinned(series, now - SPAN, bound)],
        limit=bound.limit * scale if bound else None,
        clear=bound.clear * scale if bound and bound.clear != bound.limit else None,
        episodes=found[::-1][:SHOWN],
        count=len(found),
    )


def _alone(rule: Rule) -> Rule:
    """The rule without its roots, which watch other places, and switched on."""
    return Rule(
        **{name: getattr(rule, name) for name in Rule.__dataclass_fields__} | {"inhibited_by": (), "enabled": True}
    )


def _lately(one: Episode, now: int) -> bool:
    return one.end is None or one.end > now - SPAN


def _drawn(leaf: Leaf) -> Bound | None:
    """The limit that can be drawn over the values: of the value itself, not of a count or a difference."""
    if isinstance(leaf, Threshold):
        return leaf.bound
    if isinstance(leaf, Repeat):
        return Bound(leaf.test.op, leaf.test.limit, leaf.test.limit)
    return leaf.bound if isinstance(leaf, Aggregate) and leaf.measure in ("mean", "min", "max") else None


def _places(request: Request, rule: Rule, leaf: Leaf, unit: str) -> list[Entity]:
    """Places that the rule watches here; those with an alarm of it first."""
    scope = parts(request).territory.within(unit) if unit else None
    alarmed = {one.value("subject") for one in find(request, "Alarm", f'open==true;rule=="{rule.id}"')}
    found = [
        one
        for one in find(request, rule.type, limit=MOST_PLACES * 10)
        if leaf.attribute in one.attrs and (scope is None or one.value("unit") in scope)
    ]
    return sorted(found, key=lambda one: one.id not in alarmed)[:MOST_PLACES]


def _past(request: Request, rule: Rule, subject: Entity) -> dict[Key, Readings]:
    """What the place measured in the last week, and as far before it as the rule looks back."""
    since = now_us() - SPAN - reach_us(program_of({rule.id: rule}))
    names = {leaf.attribute for leaf in leaves(rule.when)}
    window = Window("after", since, attribute="observedAt")
    try:
        told = parts(request).hub.history(visit(request).actor, subject.id, names, window)
    except Missing:
        return {}
    found: dict[Key, Readings] = {}
    for name, instances in told.items():
        series = found[subject.id, name] = Readings()
        for one in instances:
            value = instance_value(one)
            if isinstance(value, int | float) and not isinstance(value, bool) and "datasetId" not in one:
                series.observed.append(from_iso(one["observedAt"]))
                series.values.append(value)
    return found


def _thinned(series: Readings, since: int, bound: Bound | None) -> list[tuple[int, float]]:
    """At most POINTS values: of each stretch the one that goes furthest towards the limit."""
    rows = [(at, value) for at, value in zip(series.observed, series.values, strict=True) if at >= since]
    size = -(-len(rows) // POINTS) or 1
    worst = min if bound is not None and not bound.upward else max
    return [worst(rows[start : start + size], key=lambda row: row[1]) for start in range(0, len(rows), size)]
