"""Aggregated histories: methods over periods of time (GS CIM 009 clause 4.5.19)."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from dothi.ground.clock import from_datetime, from_iso, iso, to_datetime
from dothi.ground.errors import Invalid
from dothi.hub.language.nodes import Window
from dothi.hub.language.time import Period
from dothi.hub.model import Entity, Instance
from dothi.hub.render.entity import one_or_all
from dothi.hub.render.shape import Shape
from dothi.hub.render.temporal import History, by_series, temporal_head, time_of, values_of

_LAST = from_iso("9999-12-31T23:59:59Z")


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
    document = temporal_head(entity, shape)
    for name, all_told in history.items():
        listed = [one for one in all_told if "deletedAt" not in one]  # An end is no value.
        series = []
        for (kind, dataset), found in by_series(listed).items():
            one: dict[str, Any] = {"type": kind}
            if dataset is not None:
                one["datasetId"] = dataset
            series.append(one | _aggregated(kind, found, window, methods, period))
        if series:
            document[shape.names.outward(name)] = one_or_all(series)
    return document


def render_computed(
    entity: Entity,
    computed: Mapping[str, tuple[str | None, list[tuple[int, int, dict[str, float | int]]]]],
    shape: Shape,
) -> dict[str, Any]:
    """The same of what an engine computed: by attribute its dataset and steps (from, until, value by method)."""
    document = temporal_head(entity, shape)
    for name, (dataset, steps) in computed.items():
        series: dict[str, Any] = {"type": "Property"} | ({} if dataset is None else {"datasetId": dataset})
        for low, high, values in steps:
            for method, value in values.items():
                series.setdefault(method, []).append([value, iso(low), iso(high)])
        document[shape.names.outward(name)] = series
    return document


def ineligible(listed: list[Instance], methods: Sequence[str]) -> bool:
    """Whether there are instances, and none of the methods is defined for them (clause 5.7.4.4)."""
    series = by_series([one for one in listed if "deletedAt" not in one])
    return bool(series) and all(
        compute(method, kind, values_of(found)) is None for (kind, _), found in series.items() for method in methods
    )


def _aggregated(
    kind: str, listed: list[Instance], window: Window, methods: Sequence[str], period: Period
) -> dict[str, list[list[Any]]]:
    times = [from_iso(time_of(one, window.attribute)) for one in listed]
    start = window.start if window.start is not None else min(times)
    end = window.end if window.end is not None else max(times)
    groups: dict[tuple[int, int], list[Instance]] = {}
    for time, one in sorted(zip(times, listed, strict=True), key=lambda pair: pair[0]):
        step = (start, max(start, end)) if period.whole else _step(start, period, time)
        groups.setdefault(step, []).append(one)
    result: dict[str, list[list[Any]]] = {method: [] for method in methods}
    for (low, high), group in groups.items():
        for method in methods:
            value = compute(method, kind, values_of(group))
            if value is not None:
                result[method].append([value, iso(low), iso(high)])
    return {method: triples for method, triples in result.items() if triples}


def _step(start: int, period: Period, time: int) -> tuple[int, int]:
    """The period, counted from `start`, in which `time` lies: its first instant and the one after its last (µs)."""
    if not period.months:
        low = start + (time - start) // period.length * period.length
        return low, min(low + period.length, _LAST)
    begun, now = to_datetime(start), to_datetime(time)
    count = ((now.year - begun.year) * 12 + now.month - begun.month) // period.months
    while _later(start, period, count) > time:
        count -= 1
    return _later(start, period, count), _later(start, period, count + 1)


def _later(start: int, period: Period, times: int) -> int:
    """`start` plus so many periods of months, keeping the day where the month has it."""
    moment = to_datetime(start)
    months = moment.year * 12 + moment.month - 1 + period.months * times
    return from_datetime(_on_day(moment, months // 12, months % 12 + 1)) if months // 12 <= 9999 else _LAST


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
