"""The temporal evolution of entities: read, query, pairs and aggregates (clauses 6.18, 6.19 and 6.24)."""

import asyncio
from dataclasses import dataclass
from typing import Any

from dothi.ground.errors import Invalid, Malformed, Missing, TooMany
from dothi.hub.api.door.answer import Answer, accepted, contextual
from dothi.hub.api.door.parameters import Asked, asked_of, shape_of, window_of
from dothi.hub.api.door.request import Call
from dothi.hub.api.information.entities import find_page, known_entity
from dothi.hub.context import Names
from dothi.hub.language.nodes import Window
from dothi.hub.language.time import Period, parse_period
from dothi.hub.model import Entity, Instance
from dothi.hub.render.aggregate import parse_methods, render_aggregated
from dothi.hub.render.shape import Shape
from dothi.hub.render.temporal import in_shape, render_history, render_pairs

_FORMS = ("temporalValues", "aggregatedValues")
WHOLE = Period()


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a temporal request asks for."""

    window: Window
    shape: Shape
    form: str | None
    methods: tuple[str, ...] = ()
    period: Period = WHOLE


async def read_history(call: Call) -> Answer:
    """Retrieve Temporal Evolution of an Entity, clause 5.7.3 (HTTP binding 6.19.3.1)."""
    names = await call.names()
    media = accepted(call)
    wanted = _wanted(call, names, call.query, media)
    entity = await known_entity(call, names)
    history = _history(call, entity, wanted)
    if not history and (wanted.shape.attrs or wanted.window.rel):
        raise Missing(f"{entity.id} has no such attribute within that time.", entity=entity.id)
    _check_size(call, sum(map(len, history.values())))
    return contextual(call, _rendered(entity, history, wanted), names, media)


async def query_history(call: Call) -> Answer:
    """Query Temporal Evolution of Entities, clause 5.7.4 (HTTP binding 6.18.3.2)."""
    return await _found(call, await call.names(), call.query, "/temporal/entities")


async def query_history_by_post(call: Call) -> Answer:
    """Query Temporal Evolution of Entities, clause 5.7.4 (HTTP binding 6.24.3.1)."""
    document, names = await call.document()
    return await _found(call, names, asked_of(document), "/temporal/entityOperations/query")


async def _found(call: Call, names: Names, asked: Asked, path: str) -> Answer:
    """The histories of the entities that match now; those without an instance in the window are left out."""
    if "timerel" not in asked:
        raise Invalid("A temporal query needs timerel and timeAt (clause 5.7.4.4).")
    media = accepted(call)
    wanted = _wanted(call, names, asked, media)
    entities, headers = find_page(call, names, asked, path, media)
    documents, size = [], 0
    for entity in entities:
        history = _history(call, entity, wanted)
        size += sum(map(len, history.values()))
        _check_size(call, size)
        if history:
            documents.append(_rendered(entity, history, wanted))
        await asyncio.sleep(0)
    return contextual(call, documents, names, media, headers)


def _wanted(call: Call, names: Names, asked: Asked, media: str) -> _Wanted:
    form = call.query.get("format")
    if form is None:
        form = next((word for word in _FORMS if word in call.options()), None)
    elif form not in (*_FORMS, "normalized"):
        raise Malformed(f"format is {form[:40]!r}; of histories there are normalized, {' and '.join(_FORMS)}.")
    shape = shape_of(_without_format(call), names, asked, media)
    if form != "aggregatedValues":
        return _Wanted(window_of(asked), shape, form)
    if "aggrMethods" not in asked:
        raise Invalid("aggregatedValues needs aggrMethods, such as avg,max (clause 4.5.19).")
    period = parse_period(asked.get("aggrPeriodDuration", "PT0S"))
    return _Wanted(window_of(asked), shape, form, parse_methods(asked["aggrMethods"]), period)


def _without_format(call: Call) -> Call:
    """The same call without `format`, which means something else for histories."""
    query = {name: text for name, text in call.query.items() if name != "format"}
    same = (call.door, call.method, call.path, call.route, call.raw_query, call.headers, call.tenant, call.actor)
    return Call(*same, _query=query)


def _history(call: Call, entity: Entity, wanted: _Wanted) -> dict[str, list[Instance]]:
    attrs = wanted.shape.attrs or ()
    return in_shape(call.hub.history(call.actor, entity.id, attrs, wanted.window, call.tenant), wanted.shape)


def _check_size(call: Call, size: int) -> None:
    if size > call.door.limits.instances:
        raise TooMany(
            f"The answer would hold more than {call.door.limits.instances} instances: "
            "ask for less time, fewer entities, lastN or aggregatedValues."
        )


def _rendered(entity: Entity, history: dict[str, list[Instance]], wanted: _Wanted) -> dict[str, Any]:
    if wanted.form == "temporalValues":
        return render_pairs(entity, history, wanted.shape, wanted.window.attribute)
    if wanted.form == "aggregatedValues":
        return render_aggregated(entity, history, wanted.shape, wanted.window, wanted.methods, wanted.period)
    return render_history(entity, history, wanted.shape)
