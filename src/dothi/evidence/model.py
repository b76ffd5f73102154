"""The nouns of evidence: indicators with their formulas, periods, computed figures with their lineage, faults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from dothi.evidence.series import Series
from dothi.ground.clock import VIETNAM, from_datetime, to_datetime
from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.ground.ids import urn
from dothi.hub.core import Hub
from dothi.hub.model import Actor, system
from dothi.office.rules import RuleSets
from dothi.territory import Territory

OWNER = "evidence"
SYSTEM = system(OWNER)
YEARS = range(1970, 2200)  # Of periods that may be asked for.
COUNTRY = "VN"  # Stands for a unit where no city is named: everything counts.
INDICATOR, VALUE, REPORT, DUTY = "Indicator", "IndicatorValue", "PublishedReport", "ReportDuty"
INSTEAD = {
    INDICATOR: "dothi.evidence.keep_indicator (definitions are data: src/dothi/evidence/data/indicators.toml)",
    VALUE: "POST /api/evidence/values/{id}/publish (figures are computed, never written by hand)",
    REPORT: "POST /api/evidence/report-duties/{id}/sign, or /api/evidence/reports/month",
    DUTY: "POST /api/evidence/report-duties and the verbs under it",
}


class Kind(StrEnum):
    """What a formula does with its inputs."""

    MEAN = "mean"  # Of the readings of an attribute in the period, first by slot, then over slots and subjects.
    SHARE = "share"  # Of the entities that meet `where`, those that meet `met` too, in percent.
    COUNT = "count"  # The entities that meet `where`; nought is a figure like any other.
    RATING = "rating"  # The mean of an attribute over those that meet `where`, beside how many were asked.


class State(StrEnum):
    """How far a figure can be trusted."""

    FRESH = "fresh"
    GREY = "grey"  # Late or too few inputs: there is no value, which is not nought.
    FINAL = "final"  # Published: it never changes again.


class Direction(StrEnum):
    """Which way is better."""

    HIGHER = "higher"
    LOWER = "lower"


class Standing(StrEnum):
    """A figure against its target."""

    MET = "met"
    MISSED = "missed"
    GREY = "grey"
    NONE = "none"  # There is no target.


class NotPublishable(Conflict):
    """A grey figure is not published: there is no value to stand by."""


class AlreadyPublished(Conflict):
    """This figure is published as it stands."""


class NoSuchIndicator(Missing):
    """There is no such indicator."""


class PeriodKind(StrEnum):
    """How long a period is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class Period(NamedTuple):
    """A day (2026-11-22), week (2026-W47), month (2026-11), quarter (2026-Q4) or year (2026) in Vietnam.

    `start` ≤ instant < `end`, in µs.
    """

    kind: PeriodKind
    name: str
    start: int
    end: int

    def holds(self, instant: int) -> bool:
        """Whether an instant lies in the period."""
        return self.start <= instant < self.end


_SHAPES: Mapping[PeriodKind, str] = {
    PeriodKind.DAY: "2026-11-22",
    PeriodKind.WEEK: "2026-W47",
    PeriodKind.MONTH: "2026-11",
    PeriodKind.QUARTER: "2026-Q4",
    PeriodKind.YEAR: "2026",
}


def period_of(kind: PeriodKind, instant: int) -> Period:
    """The period of that kind in Vietnam that holds an instant (µs)."""
    day = to_datetime(instant).astimezone(VIETNAM).date()
    return _period(kind, _first_day(kind, day))


def _first_day(kind: PeriodKind, day: date) -> date:
    firsts = {
        PeriodKind.WEEK: day - timedelta(days=day.weekday()),
        PeriodKind.MONTH: day.replace(day=1),
        PeriodKind.QUARTER: day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
        PeriodKind.YEAR: day.replace(month=1, day=1),
    }
    return firsts.get(kind, day)


def parse_period(kind: PeriodKind, name: str) -> Period:
    """The period of that name. Invalid says how it is written."""
    shape = _SHAPES[kind]
    try:
        if len(name) != len(shape) or not name.isascii():
            raise ValueError(name)
        day = _named_day(kind, name)
        if day.year not in YEARS or _name(kind, day) != name:
            raise ValueError(name)
        return _period(kind, day)
    except (ValueError, OverflowError) as cause:
        raise Invalid(f"“{name[:20]}” is no {kind}: write it as {shape}.", field="period") from cause


def _named_day(kind: PeriodKind, name: str) -> date:
    """The first day of the period of that name. ValueError when there is none."""
    if kind is PeriodKind.WEEK:
        return date.fromisocalendar(int(name[:4]), int(name[6:]), 1)
    if kind is PeriodKind.QUARTER:
        return date(int(name[:4]), int(name[6:]) * 3 - 2, 1)
    return date.fromisoformat({PeriodKind.MONTH: f"{name}-01", PeriodKind.YEAR: f"{name}-01-01"}.get(kind, name))


def _name(kind: PeriodKind, first: date) -> str:
    if kind is PeriodKind.WEEK:
        year, week, _ = first.isocalendar()
        return f"{year}-W{week:02}"
    if kind is PeriodKind.QUARTER:
        return f"{first.year}-Q{first.month // 3 + 1}"
    return first.isoformat()[: len(_SHAPES[kind])]


def _period(kind: PeriodKind, first: date) -> Period:
    within = {
        PeriodKind.DAY: 1,
        PeriodKind.WEEK: 7,
        PeriodKind.MONTH: 32,
        PeriodKind.QUARTER: 100,
        PeriodKind.YEAR: 370,
    }
    after = _first_day(kind, first + timedelta(days=within[kind]))
    return Period(kind, _name(kind, first), _midnight(first), _midnight(after))


def _midnight(day: date) -> int:
    return from_datetime(datetime(day.year, day.month, day.day, tzinfo=VIETNAM))


@dataclass(frozen=True)
class Formula:
    """How a figure is made of the hub's data. `where`, `met` and `asked` are conditions in the language q.

    In them {start}, {end} and {now} stand for the bounds of the period and the instant of computing.
    """

    kind: Kind
    type: str  # Of the entities counted or read.
    attribute: str = ""  # Read or averaged (mean, rating).
    where: str = ""  # Who counts at all; for a rating, who answered.
    met: str = ""  # share: who counts above the line.
    asked: str = ""  # rating: who was asked; the response rate is answered / asked.
    slot: str = ""  # mean: ISO 8601 duration in which each subject should be heard once, e.g. PT1H.
    minimum: float = 0.0  # Least share of the expected inputs; below it the figure is grey.
    least: int = 1  # Least number of inputs; below it the figure is grey.
    by_unit: bool = True  # By commune and in all; False: of the city as a whole only.


@dataclass(frozen=True)
class Indicator:
    """The definition of a figure: what it is called, how it is computed, what is better, and which law asks for it."""

    id: str
    name: Mapping[str, str]
    formula: Formula
    unit_code: str  # UN/CEFACT Recommendation 20: GQ µg/m³, P1 percent, C62 one.
    symbol: Mapping[str, str]  # How the unit is written beside the value.
    direction: Direction
    period: PeriodKind
    about: Mapping[str, str] = field(default_factory=dict)  # How it is computed, in words.
    target: float | None = None
    legal_basis: str | None = None  # Id of a LegalBasis.
    decimals: int = 1
    sample: bool = False
    listed: bool = True  # Shown among the tiles; others serve reports only.
    order: int = 0
    formula_version: int = 1


@dataclass(frozen=True)
class Reason:
    """Why a figure is grey, or what a reader must know of it. `code` is worded by the screens with `detail`."""

    code: str
    blocks: bool  # It turns the figure grey.
    detail: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The form in which an entity holds it."""
        return {"code": self.code, "blocks": self.blocks, **self.detail}


class Input(NamedTuple):
    """One entity that went into a figure; `mark` says in which state (its version, or its last reading that counts)."""

    id: str
    mark: str


@dataclass(frozen=True)
class Figure:
    """What a formula gave. `value` is None when a reason blocks it."""

    value: float | None
    numerator: float
    denominator: float
    count: int  # Readings or entities that went in.
    reasons: tuple[Reason, ...] = ()
    inputs: tuple[Input, ...] = ()  # All of them, by id.
    sources: tuple[str, ...] = ()
    first: int | None = None  # Observed range (µs).
    last: int | None = None
    response_rate: float | None = None
    simulated: bool = False

    @property
    def state(self) -> State:
        """Fresh, or grey when something blocks."""
        return State.GREY if self.value is None else State.FRESH


@dataclass(frozen=True)
class Evidence:
    """What the verbs of this module need; `unit` is the code of the province or commune that is the city."""

    hub: Hub
    territory: Territory
    unit: str = COUNTRY
    series: Series = field(default_factory=Series)
    rules: RuleSets | None = (
        None  # Templates and calendar of reports as cities adopted them; None: the shipped samples.
    )


def value_id(indicator: str, unit: str, period: str) -> str:
    """The one entity of an indicator's figure for a unit and a period."""
    return urn(VALUE, indicator.rpartition(":")[2], unit, period)


def acting(actor: Actor) -> Actor:
    """The module's own actor, naming on whose behalf it acts."""
    return SYSTEM if actor.id == SYSTEM.id else Actor(f"{SYSTEM.id}:{actor.id}", SYSTEM.roles)
