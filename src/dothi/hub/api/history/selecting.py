"""Which evolutions answer a question, and which of their instances: the steps of clause 5.7.4.4 as pure functions."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from dothi.hub.language.match import geo_test, matches, scope_matches
from dothi.hub.language.nodes import Query, ScopeCondition, Window
from dothi.hub.model import Entity
from dothi.hub.read.past.evolution import SCOPE, Past, Series, Told
from dothi.hub.render.instance import NO_DATASET
from dothi.hub.render.shape import Shape
from dothi.hub.write.apply import NULL

_EARLIEST, _LATEST = -(1 << 62), 1 << 62


class Valid(NamedTuple):
    """From when to when (µs) an entity was in some scopes (clause 4.18); the end is not in it."""

    start: int
    end: int
    scopes: tuple[str, ...]
    told: Told


def selected(past: Past, query: Query, window: Window, scopes: Sequence[Told] = ()) -> Series | None:
    """The instances that answer (S1 to S4 of the clause), None when the entity does not.

    `past.series` holds what lies in the window; `scopes` the whole history of the scope, where a scope is asked for.
    """
    series = past.series
    if not concerned(series, query.attrs):
        return None
    if query.q is not None or query.geo is not None:
        then = _as_entity(past)
        if query.q is not None and not matches(query.q, then):
            return None
        if query.geo is not None and not geo_test(query.geo)(then):
            return None
    if query.scope is None:
        return series
    series = _in_scope(series, query.scope, window, validity(scopes))
    return series if concerned(series, query.attrs) else None


def concerned(series: Series, attrs: Sequence[str]) -> bool:
    """Whether one of the attributes asked for (any, when none is named) has an instance."""
    return any(listed and (name in attrs if attrs else name != SCOPE) for name, listed in series.items())


def _as_entity(past: Past) -> Entity:
    attrs = {name: [told.instance for told in listed] for name, listed in past.series.items() if name != SCOPE}
    return msgspec.structs.replace(past.entity, attrs=attrs)


def validity(scopes: Sequence[Told]) -> list[Valid]:
    """When which scopes held: each from when it was set until the next (clause 4.18)."""
    ends = (*(told.at for told in scopes[1:]), _LATEST)
    return [Valid(told.at, end, _scopes_of(told), told) for told, end in zip(scopes, ends, strict=False)]


def _scopes_of(told: Told) -> tuple[str, ...]:
    value = told.instance.get("value")
    listed = value if isinstance(value, list) else [value]
    return tuple(one for one in listed if isinstance(one, str) and one != NULL)


def _in_scope(series: Series, scope: ScopeCondition, window: Window, valid: Sequence[Valid]) -> Series:
    """What was told while the entity was in the scopes asked for, with these scopes (annex C.5.16)."""
    first = window.start if window.start is not None else _EARLIEST
    last = window.end if window.end is not None else _LATEST
    times = [
        one for one in valid if one.end > first and one.start < last and one.scopes and scope_matches(scope, one.scopes)
    ]
    kept = {
        name: [told for told in listed if any(one.start <= told.at < one.end for one in times)]
        for name, listed in series.items()
        if name != SCOPE
    }
    return {name: listed for name, listed in kept.items() if listed} | (
        {SCOPE: [one.told for one in times]} if times else {}
    )


def shown(series: Series, shape: Shape, last: int | None) -> Series:
    """The attributes, datasets and last instances that are to be shown."""
    kept: Series = {}
    for name, listed in series.items():
        if not shape.shows(name) or (shape.attrs is not None and name not in shape.attrs and name != SCOPE):
            continue
        some = [told for told in listed if _of_dataset(told, shape)]
        if some:
            kept[name] = some if last is None else some[-last:]
    return kept


def _of_dataset(told: Told, shape: Shape) -> bool:
    return shape.datasets is None or (told.dataset or NO_DATASET) in shape.datasets
