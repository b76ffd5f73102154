"""Aggregated histories: methods over periods of time (GS CIM 009 clause 4.5.19)."""

import math
import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from dothi.ground.clock import DAY, HOUR, MINUTE, SECOND, from_datetime, from_iso, iso, to_datetime
from dothi.ground.errors import Invalid, TooComplex
from dothi.hub.language.nodes import Window
from dothi.hub.model import Entity, Instance
from dothi.hub.render.entity import head, one_or_all
from dothi.hub.render.shape import Shape
from dothi.hub.render.temporal import History, by_series, in_shape, time_of, values_of

MOST_PERIODS = 100_000
_DURATION = re.compile(
    r"P(?:(?P<w>\d+)W|(?:(?P<y>\d+)Y)?(?:(?P<m>\d+)M)?(?:(?P<d>\d+)D)?"
    r"(?:T(?:(?P<h>\d+)H)?(?:(?P<min>\d+)M)?(?:(?P<s>\d+(?:\.\d+)?)S)?)?)"
)
_UNITS = {"w": 7 * DAY, "d": DAY, "h": HOUR, "min": MINUTE}
_LAST = from_iso("9999-12-31T23:59:59Z")


class Period(NamedTuple):
    """A length of time: calendar months and then µs; both 0 means the whole range."""

    months: int
    micros: int


def parse_period(text: str) -> Period:
    """An ISO 8601 duration such as PT1H, P1D or P1M. Invalid when it is none."""
    match = _DURATION.fullmatch(text) if len(text) <= 50 else None
    if match is None or text.endswith(("P", "T")):
        raise Invalid(f"aggrPeriodDuration {text[:50]!r} is no ISO 8601 duration; write PT1H, P1D, P1M or the like.")
    part = {name: value for name, value in match.groupdict().items() if value}
    months = int(part.get("y", 0)) * 12 + int(part.get("m", 0))
    micros = sum(int(part[name]) * unit for name, unit in _UNITS.items() if name in part)
    micros += round(float(part.get("s", 0)) * SECOND)
    if months > 12 * 9999 or micros > _LAST:
        raise Invalid(f"aggrPeriodDuration {text!r} is longer than the calendar.")
    return Period(months, micros)


def parse_methods(text: str) -> tuple[str, ...]:
    """The aggregation methods of a comma separated list. Invalid names those that exist."""
    methods = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    unknown = [method for method in methods if method not in METHODS]
    if unknown or not methods:
        raise Invalid(f"aggrMethods holds {', '.join(unknown)[:80]!r}; there are {', '.join(sorted(METHODS))}.")
    return methods


def render_aggregated(
    entity: Entity, history: History, shape: Shape, window: Window, methods: Sequence[str], period: Period
) -> dict[str, Any]:
    """The aggregated temporal form: for each attribute and method its [result, start, end] triples.

    Periods begin at the window's start (else at the first instance). A period without instances is left out: nothing
    measured is not zero. A method that a type of value does not know is left out too (table 4.5.19.1-1).
    """
    document = head(entity, shape)
    for name, listed in in_shape(history, shape).items():
        series = []
        for (kind, dataset), found in by_series(listed).items():
            one: dict[str, Any] = {"type": kind}
            if dataset is not None:
                one["datasetId"] = dataset
            series.append(one | _aggregated(kind, found, window, methods, period))
        document[shape.names.outward(name)] = one_or_all(series)
    return document


def _aggregated(
    kind: str, listed: list[Instance], window: Window, methods: Sequence[str], period: Period
) -> dict[str, list[list[Any]]]:
    times = [from_iso(time_of(one, window.attribute)) for one in listed]
    start = window.start if window.rel in ("after", "between") and window.start is not None else min(times)
    end = _end(window, times)
    bounds = _bounds(start, end, period, max(times))
    groups: dict[int, list[Instance]] = {}
    for time, one in sorted(zip(times, listed, strict=True), key=lambda pair: pair[0]):
        groups.setdefault(max(0, min(bisect_right(bounds, time) - 1, len(bounds) - 2)), []).append(one)
    result: dict[str, list[list[Any]]] = {method: [] for method in methods}
    for place, group in groups.items():
        for method in methods:
            value = compute(method, kind, values_of(group))
            if value is not None:
                result[method].append([value, iso(bounds[place]), iso(bounds[place + 1])])
    return {method: triples for method, triples in result.items() if triples}


def _end(window: Window, times: list[int]) -> int:
    if window.rel == "between" and window.end is not None:
        return window.end
    if window.rel == "before" and window.start is not None:
        return window.start
    return max(times)


def _bounds(start: int, end: int, period: Period, latest: int) -> list[int]:
    """The borders of the periods from `start` on, the last one at or after `end`."""
    if period == (0, 0):
        return [start, max(start, end)]
    bounds = [start]
    while bounds[-1] < end or bounds[-1] <= latest:
        if len(bounds) > MOST_PERIODS:
            raise TooComplex(f"The range holds more than {MOST_PERIODS} periods; ask for longer periods or less time.")
        bounds.append(_later(start, period, len(bounds)))
    return bounds if len(bounds) > 1 else [start, _later(start, period, 1)]


def _later(start: int, period: Period, times: int) -> int:
    """`start` plus so many periods; months keep the day where the month has it."""
    moment = to_datetime(start)
    months = moment.year * 12 + moment.month - 1 + period.months * times
    if months // 12 > 9999:
        return _LAST
    moved = _on_day(moment, months // 12, months % 12 + 1) if period.months else moment
    return min(from_datetime(moved) + period.micros * times, _LAST)


def _on_day(moment: datetime, year: int, month: int) -> datetime:
    for day in (moment.day, 30, 29, 28):
        if day <= moment.day:
            try:
                return moment.replace(year=year, month=month, day=day)
            except ValueError:
                continue
    raise AssertionError("every month has a 28th")


def compute(method: str, kind: str, values: list[Any]) -> Any:
    """One method over values, None where the standard has no meaning for it (tables 4.5.19.1-1 to -3)."""
    if method == "totalCount":
        return len(values)
    if method == "distinctCount":
        return len({msgspec.json.encode(value, order="sorted") for value in values})
    if kind not in ("Property", "ListProperty"):
        return None
    if all(isinstance(value, str) for value in values):
        return METHODS[method](values) if method in ("min", "max") else None
    arrays = all(isinstance(value, list) for value in values)
    if arrays and method in ("stddev", "sumsq"):
        return None
    numbers = [len(value) if arrays else value for value in values]
    if not all(isinstance(number, int | float) for number in numbers):
        return None
    try:
        result = METHODS[method]([int(number) if isinstance(number, bool) else number for number in numbers])
    except OverflowError:
        return None  # No JSON number is large enough.
    return result if math.isfinite(result) else None


def _mean(values: Sequence[Any]) -> float:
    return math.fsum(values) / len(values)


def _sum(values: Sequence[Any]) -> Any:
    return sum(values) if all(isinstance(value, int) for value in values) else math.fsum(values)


def _sum_of_squares(values: Sequence[Any]) -> Any:
    return _sum([value * value for value in values])


def _deviation(values: Sequence[Any]) -> float:
    """The standard deviation of the values themselves (of the population, not estimated from a sample)."""
    mean = _mean(values)
    return math.sqrt(math.fsum((value - mean) * (value - mean) for value in values) / len(values))


METHODS: dict[str, Callable[[Sequence[Any]], Any]] = {
    "totalCount": len,
    "distinctCount": len,
    "sum": _sum,
    "avg": _mean,
    "min": min,
    "max": max,
    "stddev": _deviation,
    "sumsq": _sum_of_squares,
}
