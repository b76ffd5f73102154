"""What a report tells, computed as the hub holds the data now: figures with what they were, lists, tables by commune.

Nothing is written here. `jobs_for` names the figures that must stand in the hub so that every link has its page.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from dothi.evidence.definitions import indicators
from dothi.evidence.model import (
    SYSTEM,
    Evidence,
    Figure,
    Indicator,
    Kind,
    Period,
    PeriodKind,
    period_of,
    value_id,
)
from dothi.evidence.reading import codes_of, find
from dothi.evidence.report.model import (
    About,
    Before,
    Data,
    FigureSpec,
    Grid,
    GridRow,
    ListSpec,
    ReportKind,
    Rows,
    TableSpec,
    Template,
    Told,
    fraction,
)
from dothi.evidence.report.periods import after, before
from dothi.evidence.report.schemes import members, scheme, title_of
from dothi.evidence.report.templates import level_of, shown
from dothi.evidence.service import Computed, Job, compute
from dothi.ground.clock import VIETNAM, iso, to_datetime
from dothi.ground.errors import Conflict, Invalid
from dothi.ground.text import sort_key
from dothi.hub.language.match import matches
from dothi.hub.language.nodes import And, Compare, Condition, Query, TypeIs
from dothi.hub.language.q import parse_q
from dothi.hub.model import Actor, Entity

PAGE = 1000
ROWS_MAX = 50_000  # Of one list: a province's reports of a year.
Lists = Mapping[str, tuple[Rows, bool]]  # By id, with whether a row is simulated.
_PERCENT = "P1"


@dataclass(frozen=True)
class Asking:
    """One report being told: what it is about, in which form, at which instant, and what was signed before."""

    evidence: Evidence
    about: About
    template: Template
    now: int
    known: Mapping[str, Indicator]  # By short name.
    signed: Mapping[str, Told]  # Figures of the signed report of the period before.

    def indicator(self, name: str) -> Indicator:
        """The indicator of that short name. Invalid when a template asks for one that is not declared."""
        if name not in self.known:
            where = f"Template {self.template.id}"
            raise Invalid(f"{where} needs the indicator {name!r}, which is not declared: declare it, or change it.")
        return self.known[name]

    def job(self, spec: FigureSpec, unit: str = "", period: Period | None = None) -> Job:
        """What is computed for a figure."""
        one = self.indicator(spec.indicator)
        where = (unit or self.about.unit) if one.formula.by_unit else self.evidence.unit
        last = min(self.now, self.about.period.end - 1)
        span = period or self.about.period
        return Job(one, where, span if spec.over == "period" else period_of(PeriodKind(spec.over), last))

    def compares(self, spec: FigureSpec) -> bool:
        """Whether a figure is computed for the period before too."""
        return bool(spec.indicator) and not spec.as_of and spec.over == "period" and self._has_before

    @property
    def _has_before(self) -> bool:
        return self.about.kind is not ReportKind.SCHEME


def ask(evidence: Evidence, about: About, template: Template, now: int, signed: Mapping[str, Told]) -> Asking:
    """A report about to be told. Invalid names an indicator that the template needs and nobody declared."""
    known = {one.id.rpartition(":")[2]: one for one in indicators(evidence)}
    asking = Asking(evidence, about, template, now, known, signed)
    for spec in template.figures.values():
        if spec.indicator:
            asking.indicator(spec.indicator)
    return asking


def jobs_for(asking: Asking) -> list[Job]:
    """Every figure of the report that stands in the hub, those of the period before and of the communes included."""
    specs = [one for one in asking.template.figures.values() if one.indicator]
    wanted = [asking.job(one) for one in specs]
    wanted += [asking.job(one, period=before(asking.about.period)) for one in specs if asking.compares(one)]
    for table in asking.template.tables.values():
        wanted += [
            asking.job(asking.template.figures[name], unit) for unit in _communes(asking) for name in table.figures
        ]
    return [job for job in wanted if not _was_then(job, asking.now)]


def _was_then(job: Job, now: int) -> bool:
    """A figure of how things stand, asked for a day that is over: it cannot be computed any more."""
    formula = job.indicator.formula
    dated = formula.kind is Kind.MEAN or "{start}" in formula.where or "{end}" in formula.where
    return not dated and job.period.end <= now


def gather(asking: Asking, actor: Actor, known: Iterable[Computed] | None = None) -> Data:
    """Everything that the report tells; `known` are its figures where they were computed already.

    Conflict when communes would count something twice.
    """
    place = asking.evidence.territory.unit(asking.about.unit)
    lists = {name: _rows(asking, spec) for name, spec in asking.template.lists.items()}
    found = compute(asking.evidence, jobs_for(asking), asking.now) if known is None else known
    computed = {one.id: one for one in found}
    figures = _figures(asking, lists, computed)
    grids = {name: _grid(asking, spec, figures, computed) for name, spec in asking.template.tables.items()}
    about = asking.about
    named = title_of(scheme(asking.evidence, actor, about.scheme)) if about.scheme else ""
    return Data(
        kind=about.kind.value,
        unit=about.unit,
        name=place.name,
        short=place.short,
        level=level_of(asking.evidence, about.unit).value,
        template=asking.template.id,
        version=asking.template.version,
        period=about.period.name,
        start=about.period.start,
        end=about.period.end,
        made=asking.now,
        figures=figures,
        lists={name: rows for name, (rows, _) in lists.items()},
        grids=grids,
        scheme=about.scheme,
        scheme_name=named,
        simulated=any(one.simulated for one in figures.values()) or any(fake for _, fake in lists.values()),
    )


def _figures(
    asking: Asking, lists: Mapping[str, tuple[Rows, bool]], computed: Mapping[str, Computed]
) -> dict[str, Told]:
    specs = asking.template.figures
    found: dict[str, Told] = {}
    for name, spec in specs.items():
        if spec.indicator:
            found[name] = _with_before(asking, spec, _of_indicator(asking, spec, asking.job(spec), computed), computed)
        elif not spec.share:
            found[name] = _with_before(asking, spec, _of_list(asking, spec, lists), computed)
    for name, spec in specs.items():
        if spec.share:
            found[name] = _with_before(asking, spec, _of_share(spec, found), computed, found)
    return {name: found[name] for name in specs}


def _of_indicator(asking: Asking, spec: FigureSpec, job: Job, computed: Mapping[str, Computed]) -> Told:
    entity = value_id(job.indicator.id, job.unit, job.period.name)
    got = computed.get(entity)
    if got is not None:
        return _told(spec, job.indicator, got.figure, entity, job.period.name, asking.now)
    standing = find(asking.evidence, entity)
    if standing is None:  # Nobody looked on that day: the definition says what it would have been.
        nothing = Figure(None, 0, 0, 0)
        told = _told(spec, job.indicator, nothing, job.indicator.id, job.period.name, asking.now)
        return replace(told, reasons=[{"code": "none", "blocks": True}])
    return _stood(spec, job.indicator, standing)


def _told(spec: FigureSpec, one: Indicator, found: Figure, entity: str, period: str, now: int) -> Told:
    percent = one.unit_code == _PERCENT
    decimals = one.decimals if spec.decimals is None else spec.decimals
    symbol = spec.symbol or one.symbol.get("vi", "")
    return Told(
        id=spec.id,
        name=spec.name or one.name["vi"],
        shown=shown(found.value, decimals, symbol, found.simulated),
        evidence=entity,
        value=found.value,
        symbol=symbol,
        decimals=decimals,
        period=period,
        numerator=found.numerator,
        denominator=found.denominator,
        target=one.target,
        direction=one.direction.value if spec.direction == "higher" else spec.direction,
        judge=spec.judge,
        percent=percent,
        at=iso(found.last or now),
        reasons=[reason.as_json() for reason in found.reasons],
        simulated=found.simulated,
        sample=one.sample,
        indicator=one.id,
        as_of=spec.as_of,
        count=found.count,
        formula=one.formula_version,
    )


def _stood(spec: FigureSpec, one: Indicator, standing: Entity) -> Told:
    """The figure as it was kept on its day."""
    value = standing.value
    found = Figure(
        value("value"),
        value("numerator", 0),
        value("denominator", 0),
        value("count", 0),
        simulated=bool(value("simulated")),
    )
    told = _told(spec, one, found, standing.id, str(value("period")), 0)
    return replace(told, at=str(value("computedAt")), reasons=list(value("reasons", [])))


def _with_before(
    asking: Asking,
    spec: FigureSpec,
    told: Told,
    computed: Mapping[str, Computed],
    parts: Mapping[str, Told] | None = None,
) -> Told:
    """A figure with what it was one period earlier: as signed then, else as it is computed now."""
    signed = asking.signed.get(spec.id)
    if signed is not None:
        old = _before(told, signed.value, signed.evidence, signed.of, True, signed.simulated)
    elif asking.compares(spec):
        job = asking.job(spec, period=before(asking.about.period))
        entity = value_id(job.indicator.id, job.unit, job.period.name)
        found = computed[entity].figure
        old = _before(told, found.value, entity, fraction(found.numerator, found.denominator), False, found.simulated)
    elif parts is not None:
        old = _share_before(told, *(parts[name].before for name in spec.share))
    else:
        old = None
    return told if old is None else replace(told, before=old)


def _before(told: Told, value: float | None, evidence: str, of: str, signed: bool, simulated: bool) -> Before | None:
    if value is None:
        return None
    text = shown(value, told.decimals, told.symbol, simulated)
    return Before(value, text, evidence, of if told.percent else "", signed)


def _share_before(told: Told, part: Before | None, whole: Before | None) -> Before | None:
    if part is None or whole is None or not whole.value:
        return None
    return _before(
        told, 100 * part.value / whole.value, f"figure:{told.id}", fraction(part.value, whole.value), False, False
    )


def _of_share(spec: FigureSpec, found: Mapping[str, Told]) -> Told:
    """Part of whole in percent; no whole is no share, which is not nought."""
    part, whole = (found[name] for name in spec.share)
    value = None if part.value is None or not whole.value else 100 * part.value / whole.value
    fake = part.simulated or whole.simulated
    decimals = 1 if spec.decimals is None else spec.decimals
    return Told(
        id=spec.id,
        name=spec.name,
        shown=shown(value, decimals, "%", fake),
        evidence=f"figure:{spec.id}",
        value=value,
        symbol="%",
        decimals=decimals,
        period=part.period,
        numerator=part.value,
        denominator=whole.value,
        direction=spec.direction,
        judge=spec.judge,
        percent=True,
        at=min(part.at, whole.at),
        reasons=[] if value is not None else [{"code": "noInputs", "blocks": True, "count": 0, "least": 1}],
        simulated=fake,
        sample=part.sample or whole.sample,
    )


def _of_list(asking: Asking, spec: FigureSpec, lists: Lists) -> Told:
    """How many rows a list has, or what a column of it adds up to; a sum of nothing said is no figure."""
    rows, fake = lists[spec.count or spec.sum]
    value: float | None = float(len(rows.rows))
    if spec.sum:
        place = rows.columns.index(spec.column) + 1
        numbers = [row[place] for row in rows.rows if isinstance(row[place], int | float)]
        value = float(sum(numbers)) if numbers else None
    decimals = spec.decimals or 0
    return Told(
        id=spec.id,
        name=spec.name,
        shown=shown(value, decimals, spec.symbol, fake),
        evidence=f"list:{rows.id}",
        value=value,
        symbol=spec.symbol,
        decimals=decimals,
        period=asking.about.period.name,
        direction=spec.direction,
        judge=spec.judge,
        at=iso(asking.now),
        simulated=fake,
        as_of=spec.as_of,
    )


def _rows(asking: Asking, spec: ListSpec) -> tuple[Rows, bool]:
    """The rows of a list, and whether one of them is simulated."""
    found = sorted(
        _listed(asking, spec), key=lambda one: (str(one.value(spec.order) or "9") if spec.order else "", one.id)
    )
    rows = [[one.id, *(_plain(one.value(name)) for name in spec.columns)] for one in found[:ROWS_MAX]]
    fake = any(one.value("simulated") is True for one in found)
    return Rows(spec.id, spec.title, spec.type, list(spec.columns), rows, spec.most), fake


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return value.get("vi") or next(iter(value.values()), None)
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def _listed(asking: Asking, spec: ListSpec) -> Iterable[Entity]:
    period = asking.about.period
    following = period if asking.about.kind is ReportKind.SCHEME else after(period)
    text = spec.where.format(
        start=iso(period.start),
        end=iso(period.end),
        now=iso(min(asking.now, period.end)),
        next_start=iso(following.start),
        next_end=iso(following.end),
    )
    condition = parse_q(text) if text else None
    if asking.about.scheme:
        kinds = {spec.type, "Solution"} if spec.type == "Task" else {spec.type}
        below = members(asking.evidence, asking.about.scheme)
        return [one for one in below if kinds & set(one.types) and (condition is None or matches(condition, one))]
    return _of_units(asking, spec.type, condition)


def _of_units(asking: Asking, kind: str, condition: Condition | None) -> list[Entity]:
    """The entities of a type that lie in the report's unit, as the module sees them."""
    codes = codes_of(asking.evidence, asking.about.unit)
    lies = Compare(("unit",), "==", tuple(sorted(codes or ())))
    found: list[Entity] = []
    while len(found) < ROWS_MAX:
        terms = lies if condition is None else And((condition, lies))
        page = asking.evidence.hub.query(SYSTEM, Query(TypeIs(kind), q=terms, limit=PAGE, offset=len(found))).entities
        found += page
        if len(page) < PAGE:
            break
    return found


def _communes(asking: Asking) -> list[str]:
    """The communes of the report's province on its last day that has begun, in Vietnamese order of name."""
    day = to_datetime(min(asking.now, asking.about.period.end - 1)).astimezone(VIETNAM).date()
    known = asking.evidence.territory.communes_of(asking.about.unit, day)
    return [one.code for one in sorted(known, key=lambda one: sort_key(one.short))]


def _grid(asking: Asking, spec: TableSpec, figures: Mapping[str, Told], computed: Mapping[str, Computed]) -> Grid:
    wanted = {name: asking.template.figures[name] for name in spec.figures}
    rows = [
        GridRow(
            unit,
            asking.evidence.territory.unit(unit).name,
            {name: _of_indicator(asking, one, asking.job(one, unit), computed) for name, one in wanted.items()},
        )
        for unit in _communes(asking)
    ]
    rest: dict[str, float] = {}
    for name, one in wanted.items():
        if asking.indicator(one.indicator).formula.kind is Kind.COUNT:
            left = (figures[name].value or 0) - sum(row.cells[name].value or 0 for row in rows)
            if left < 0:
                raise Conflict(f"{figures[name].name}: the communes add up to {-left:.0f} more than the whole.")
            if left:
                rest[name] = left
    return Grid(spec.id, spec.title, list(spec.figures), rows, rest)
