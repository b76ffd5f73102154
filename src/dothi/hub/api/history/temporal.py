"""The temporal evolution of entities: read, query, pairs and aggregates (clauses 6.18, 6.19 and 6.24)."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from dothi.ground.errors import Malformed, Missing
from dothi.hub.api.door.answer import Answer, accepted, contextual, paging, refused
from dothi.hub.api.door.parameters import Asked, Paging, asked_of, paging_of
from dothi.hub.api.door.request import Call
from dothi.hub.api.history.asking import Wanted, query_wanted, wanted_of
from dothi.hub.api.history.paging import part_of
from dothi.hub.api.history.selecting import selected, shown
from dothi.hub.api.history.spread import find_past, find_pasts
from dothi.hub.context import Names
from dothi.hub.language.match import type_matches
from dothi.hub.language.nodes import Query, Window
from dothi.hub.language.types import parse_types
from dothi.hub.model import Entity
from dothi.hub.read.past.evolution import SCOPE, Past, Series
from dothi.hub.render.aggregate import ineligible, render_aggregated, render_computed
from dothi.hub.render.parse import check_id
from dothi.hub.render.shape import Shape
from dothi.hub.render.temporal import History, render_history, render_pairs, temporal_head

_AT_ONCE = 8  # Evolutions read together.
_MOST_IDS = 100_000  # Entities in one entity map.


async def read_history(call: Call) -> Answer:
    """Retrieve Temporal Evolution of an Entity, clause 5.7.3 (HTTP binding 6.19.3.1)."""
    names = await call.names()
    media = accepted(call)
    wanted = wanted_of(call, names, call.query, media)
    entity_id = check_id(call.path[0])
    call.check_tenant()

    async def here(_: Query) -> list[Past]:
        # The first look at a long history takes a while: others have their turn meanwhile.
        asked = (call.actor, entity_id, _needed(wanted), _read_window(wanted), wanted.strict, call.tenant)
        return [await asyncio.to_thread(call.hub.past, *asked)]

    query = Query(ids=(entity_id,), attrs=tuple(sorted(wanted.shape.attrs or ())), limit=1, tenant=call.tenant)
    spread = await find_past(call, names, wanted, query, here)
    if spread is None:
        computed = await asyncio.to_thread(_computed, call, entity_id, wanted, names, media)
        if computed is not None:
            return computed
        return await asyncio.to_thread(_one, call, (await here(query))[0], wanted, names, media)
    try:
        if not spread.pasts:
            raise Missing(f"Nobody known to this hub has {entity_id}, or you may not see it.", entity=entity_id)
        return _one(call, spread.pasts[0], wanted, names, media, spread.headers)
    except Missing as missing:
        answer = refused(missing)
        return answer._replace(headers=(*answer.headers, *spread.headers))


def _computed(call: Call, entity_id: str, wanted: Wanted, names: Names, media: str) -> Answer | None:
    """Aggregates of a long history, left to the engine; None where the instances must be read to tell."""
    shape = wanted.shape
    if wanted.form != "aggregatedValues" or wanted.last is not None or not wanted.strict or shape.datasets is not None:
        return None
    named = tuple(sorted(shape.attrs or ()))
    asked = (wanted.methods, wanted.period)
    found = call.hub.measuring.aggregated(call.actor, entity_id, named, wanted.window, asked, call.tenant)
    if found is None:
        return None
    entity, computed = found
    _check_type(call, names, entity)
    kept = {name: one for name, one in computed.items() if shape.shows(name)}
    if not kept or not set(named) <= kept.keys():
        return None
    return contextual(call, render_computed(entity, kept, shape), names, media)


def _one(
    call: Call, past: Past, wanted: Wanted, names: Names, media: str, headers: Sequence[tuple[str, str]] = ()
) -> Answer:
    """One evolution as it is asked for. Missing when nothing of it is."""
    _check_type(call, names, past.entity)
    series = shown(past.series, wanted.shape, wanted.last)
    if not _tells(past.entity, series, wanted.shape) or (not series and wanted.window.rel):
        raise Missing(f"{past.entity.id} has no such attribute within that time.", entity=past.entity.id)
    return _answer(call, [Past(past.entity, series)], wanted, names, media, headers, alone=True)


def _check_type(call: Call, names: Names, entity: Entity) -> None:
    if "type" in call.query and not type_matches(parse_types(call.query["type"], names.inward), entity.types):
        raise Missing(f"There is no entity {entity.id} of type {call.query['type'][:100]}.", entity=entity.id)


async def query_history(call: Call) -> Answer:
    """Query Temporal Evolution of Entities, clause 5.7.4 (HTTP binding 6.18.3.2)."""
    return await _found(call, await call.names(), call.query, "/temporal/entities")


async def query_history_by_post(call: Call) -> Answer:
    """Query Temporal Evolution of Entities, clause 5.7.4 (HTTP binding 6.24.3.1)."""
    document, names = await call.document()
    return await _found(call, names, asked_of(document), "/temporal/entityOperations/query")


async def _found(call: Call, names: Names, asked: Asked, path: str) -> Answer:
    """The evolutions that answer; those without an instance in the window are left out."""
    media = accepted(call)
    page = paging_of(call)
    query, order = query_wanted(call, names, asked, page)
    wanted = wanted_of(call, names, asked, media)
    call.check_tenant()

    async def here(broad: Query) -> list[Past]:
        return (await _page(call, broad, wanted, ""))[0]

    spread = await find_pasts(call, names, asked, wanted, (query, page, path, media), here)
    if spread is not None:
        pasts = [Past(one.entity, shown(one.series, wanted.shape, wanted.last)) for one in spread.pasts]
        answer = _answer(call, pasts, wanted, names, media, spread.headers)
        return answer._replace(status=201) if spread.made and answer.status == 200 else answer
    found, total = await _page(call, query, wanted, order)
    headers = paging(call, path, (page.limit, page.offset), total > page.offset + page.limit, media)
    if page.count:
        headers.append(("NGSILD-Results-Count", str(total)))
    return await asyncio.to_thread(_answer, call, found, wanted, names, media, headers)


async def evolutions(call: Call, names: Names, asked: Asked) -> list[Past]:
    """All evolutions of this hub that answer, without paging (clauses 5.14.5.4 and 5.16.1.4)."""
    query, _ = query_wanted(call, names, asked, Paging(0, 0, True))
    wanted = wanted_of(call, names, asked, accepted(call))
    found, _ = await _page(call, replace(query, limit=_MOST_IDS), wanted, "")
    return found


async def _page(call: Call, query: Query, wanted: Wanted, order: str) -> tuple[list[Past], int]:
    """One page of evolutions, and how many answer; without count or order only as far as is needed to know of more."""
    every = query.count or bool(order)
    narrow = query.q is None and query.geo is None and query.scope is None
    names = _needed(wanted) if narrow else ()
    found: list[Past] = []
    total = 0
    window = _read_window(wanted) if narrow else wanted.window
    async for past in _each(call.hub.pasts(call.actor, query, names, window)):
        series = selected(past, query, wanted.window, _scopes(call, past, query, wanted.window))
        kept = shown(series, wanted.shape, wanted.last) if series is not None else None
        if kept is None or not _tells(past.entity, kept, wanted.shape):
            continue
        total += 1
        if order or query.offset < total <= query.offset + query.limit:
            found.append(Past(past.entity, kept))
        if not every and total > query.offset + query.limit:
            break
    if order:
        found.sort(key=lambda past: past.entity.id, reverse=order == "desc")
        found = found[query.offset : query.offset + query.limit]
    return found, total


async def _each(pasts: Iterator[Past]) -> AsyncIterator[Past]:
    """Evolutions read in another thread, a few at a time, so that others have their turn."""
    while some := await asyncio.to_thread(lambda: list(islice(pasts, _AT_ONCE))):
        for past in some:
            yield past
        await asyncio.sleep(0)


def _tells(entity: Entity, series: Series, shape: Shape) -> bool:
    """Whether anything is left of an evolution: an instance, or without attributes and datasets asked for, its head."""
    if shape.attrs is not None or shape.datasets is not None:
        return not series.keys() <= {SCOPE} or SCOPE in (shape.attrs or ())
    return bool(series) or bool(temporal_head(entity, shape))


def _read_window(wanted: Wanted) -> Window:
    """The window with lastN, where no dataset is chosen afterwards: then the rest need not be looked at."""
    return wanted.window if wanted.shape.datasets is not None else replace(wanted.window, last=wanted.last)


def _needed(wanted: Wanted) -> tuple[str, ...]:
    """The attributes that must be read, none for all."""
    return (*wanted.shape.attrs, SCOPE) if wanted.shape.attrs else ()


def _scopes(call: Call, past: Past, query: Query, window: Window) -> Sequence[Any]:
    """The whole history of an entity's scope, where a scope is asked for."""
    if query.scope is None:
        return ()
    always = Window(attribute=window.attribute)
    return call.hub.past(call.actor, past.entity.id, (SCOPE,), always, False, call.tenant).series.get(SCOPE, ())


def _answer(
    call: Call,
    pasts: list[Past],
    wanted: Wanted,
    names: Names,
    media: str,
    headers: Sequence[tuple[str, str]] = (),
    alone: bool = False,
) -> Answer:
    """Evolutions as an answer: 206 with Content-Range where they are too long for one (clause 6.3.10)."""
    if wanted.form == "aggregatedValues":
        documents = [_aggregated(past, wanted) for past in pasts]
        return contextual(call, documents[0] if alone else documents, names, media, headers)
    part = part_of([past.series for past in pasts], wanted.window, wanted.last, call.door.limits.instances)
    documents = [_rendered(past, series, wanted) for past, series in zip(pasts, part.series, strict=True)]
    if part.content_range is None:
        return contextual(call, documents[0] if alone else documents, names, media, headers)
    extra = (*headers, ("Content-Range", part.content_range))
    return contextual(call, documents[0] if alone else documents, names, media, extra)._replace(status=206)


def _rendered(past: Past, series: Series, wanted: Wanted) -> dict[str, Any]:
    if wanted.form == "temporalValues":
        return render_pairs(past.entity, _plain(series), wanted.shape, wanted.window.attribute, _plain(past.series))
    return render_history(past.entity, _plain(series), wanted.shape)


def _aggregated(past: Past, wanted: Wanted) -> dict[str, Any]:
    history = {name: listed for name, listed in _plain(past.series).items() if name != SCOPE}
    wrong = [name for name in wanted.shape.attrs or () if ineligible(history.get(name, []), wanted.methods)]
    if wrong:
        raise Malformed(
            f"{wanted.shape.names.outward(wrong[0])} of {past.entity.id} has no values that any of "
            f"{', '.join(wanted.methods)} is defined for (clause 4.5.19.1)."
        )
    return render_aggregated(past.entity, history, wanted.shape, wanted.window, wanted.methods, wanted.period)


def _plain(series: Series) -> History:
    return {name: [told.instance for told in listed] for name, listed in series.items()}
