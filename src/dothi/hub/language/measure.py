"""What is to be measured of a history: one attribute, over a while, in steps of the city's calendar, by groups."""

import re
from dataclasses import dataclass, field
from typing import NamedTuple
from zoneinfo import ZoneInfo

from dothi.ground.errors import Invalid
from dothi.hub.language.nodes import Query
from dothi.hub.language.time import Period

STEPS: dict[str, Period] = {  # Name in a question → its length; weeks begin on Monday.
    "hour": Period(length=3_600_000_000),
    "day": Period(length=86_400_000_000),
    "week": Period(length=7 * 86_400_000_000),
    "month": Period(months=1),
    "quarter": Period(months=3),
    "year": Period(months=12),
}
METHODS = ("mean", "sum", "min", "max", "count", "last", "median", "deviation")  # And p1 to p99.
GROUPS = ("", "entity", "type", "area")
USUAL = "@none"  # The instances without datasetId.
ANY = "@any"  # Of every dataset.
_PERCENTILE = re.compile(r"p[1-9]\d?")
_MOST_METHODS = 8


@dataclass(frozen=True, slots=True)
class Measure:
    """One question. Instants are µs since 1970 UTC; a reading without observedAt counts when it was written."""

    attribute: str  # House name.
    start: int
    end: int  # Not in it.
    methods: tuple[str, ...] = ("mean",)
    step: str = ""  # A key of STEPS on the clock of `zone`; "" is the whole time in one.
    by: str = ""  # "" for all together, entity, type, or area (the unit where an entity lies).
    zone: str = "Asia/Ho_Chi_Minh"
    dataset: str = USUAL  # A datasetId, USUAL or ANY.
    entities: Query = field(default_factory=Query)  # Whose readings: ids, types, conditions; its pages do not count.


class Figure(NamedTuple):
    """What came out for one group and step: a value for each method, in their order."""

    group: str | None
    start: int  # Of the step, within the time asked for where it is the whole (µs).
    end: int
    values: tuple[float | None, ...]
    numbers: int  # How many went in; never nought: nothing measured is no figure.


def check(measure: Measure) -> None:
    """Raise Invalid, in one sentence, when a question cannot be answered."""
    if not measure.attribute:
        raise Invalid("A measure needs an attribute, such as pm25.")
    if measure.end <= measure.start:
        raise Invalid("The time asked for is empty: its end must lie after its start.")
    unknown = [name for name in measure.methods if name not in METHODS and not _PERCENTILE.fullmatch(name)]
    if unknown or not measure.methods:
        raise Invalid(f"method is {', '.join(unknown)[:60]!r}; there are {', '.join(METHODS)}, and p1 to p99.")
    if len(measure.methods) > _MOST_METHODS:
        raise Invalid(f"At most {_MOST_METHODS} methods are computed at once.")
    if measure.step and measure.step not in STEPS:
        raise Invalid(f"step is {measure.step[:40]!r}; it must be one of {', '.join(STEPS)}.")
    if measure.by not in GROUPS:
        raise Invalid(f"by is {measure.by[:40]!r}; it must be entity, type or area.")
    ZoneInfo(measure.zone)
