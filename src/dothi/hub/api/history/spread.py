"""Questions about histories in which others have a share (clauses 5.7.3.4, 5.7.4.4 and 5.5.14)."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from dothi.ground.errors import Missing
from dothi.hub.api.door.parameters import Asked as Parameters
from dothi.hub.api.door.parameters import Paging
from dothi.hub.api.door.request import Call
from dothi.hub.api.history.asking import Wanted
from dothi.hub.api.information.spread import (
    Headers,
    alone,
    caller_of,
    check_order,
    csf_of,
    flag,
    located,
    made,
    page_headers,
    referred,
    refers,
    split,
    warned,
)
from dothi.hub.context import Names
from dothi.hub.language.nodes import Query, Window
from dothi.hub.peers.federate.answer.gathering import Concerned, concerned, suiting, wanted_of
from dothi.hub.peers.federate.answer.histories import GatheredPast, gather_past
from dothi.hub.peers.federate.answer.maps import EntityMap
from dothi.hub.peers.federate.answer.walking import chosen
from dothi.hub.peers.federate.ask.asking import Asked
from dothi.hub.peers.federate.ask.past import PAST_MANY, PAST_ONE
from dothi.hub.read.past.evolution import Past

MOST = 100_000  # Evolutions of this hub in one answer.
Here = Callable[[Query], Awaitable[Sequence[Past]]]  # The hub's own part of an answer.


class FoundPast(NamedTuple):
    """Evolutions for an answer, its extra headers, and whether an entity map was made for it (201)."""

    pasts: list[Past]
    headers: Headers
    made: bool = False


async def find_past(call: Call, names: Names, wanted: Wanted, query: Query, here: Here) -> FoundPast | None:
    """One evolution, of all that is known of it; None when this hub answers alone."""
    if alone(call, call.query):
        return None
    asked = Asked(query, wanted.shape.datasets or frozenset(), one=True, mapped=flag(call.query, "entityMap"))
    kept = referred(call)
    sources = (
        _sources(call, names, asked, wanted.window, call.query) if kept is None else _named(call, names, kept, query)
    )
    if not (asked.mapped or refers(call) or sources.matches or sources.warnings):
        return None
    try:
        own = await here(query)
    except Missing:
        own = ()
    found = await _gathered(call, names, asked, wanted, sources, own)
    if kept is None and (asked.mapped or refers(call)):
        kept = made(call, call.query, found.sources, found.linked)
    return FoundPast(list(found.pasts), warned(found.warnings) + located(kept))


async def find_pasts(
    call: Call, names: Names, asked: Parameters, wanted: Wanted, page: tuple[Query, Paging, str, str], here: Here
) -> FoundPast | None:
    """One page of evolutions, of all that are known; None when this hub answers alone.

    `page` is the query, the part of it that is asked for, and the path and media type of the answer.
    """
    if alone(call, asked):
        return None
    query, part, *place = page
    mapped, broad = flag(asked, "entityMap"), split(call, asked)
    meant = Asked(query, wanted.shape.datasets or frozenset(), broad=broad, mapped=mapped)
    kept = referred(call)
    if kept is None:
        sources = _sources(call, names, meant, wanted.window, asked)
    else:
        query = replace(query, ids=tuple(one for one in kept.sources if not query.ids or one in query.ids))
        sources, meant = _named(call, names, kept, query), meant._replace(query=query, mapped=False)
    if not (mapped or refers(call) or sources.matches or sources.warnings):
        return None
    check_order(asked, sources)
    own = await here(replace(query, limit=MOST, offset=0, count=True)) if query.ids or kept is None else ()
    found = await _gathered(call, names, meant, wanted, sources, own)
    new = kept is None and (mapped or refers(call))
    if kept is not None and not found.warnings:
        kept.drop([one for one in query.ids if one not in found.sources])
    elif new:
        kept = made(call, asked, found.sources, found.linked)
    headers = page_headers(call, part, len(found.pasts), (place[0], place[1])) + warned(found.warnings)
    return FoundPast(list(found.pasts[part.offset : part.offset + part.limit]), headers + located(kept), new)


async def _gathered(
    call: Call, names: Names, asked: Asked, wanted: Wanted, sources: Concerned, own: Sequence[Past]
) -> GatheredPast:
    window = replace(wanted.window, last=wanted.last)
    return await gather_past(call.door.peers, caller_of(call, names), asked, window, sources, own)


def _sources(call: Call, names: Names, asked: Asked, window: Window, given: Parameters) -> Concerned:
    """Those that offer histories, whether they say for which time (then it must overlap) or not (clause 5.2.9)."""
    if call.flag("local"):
        return Concerned()
    peers, caller = call.door.peers, caller_of(call, names)
    suits, operations = suiting(csf_of(names, given)), PAST_ONE if asked.one else PAST_MANY
    found = [
        concerned(peers, caller, replace(wanted_of(asked), window=some), operations, suits) for some in (window, None)
    ]
    return Concerned(
        (*found[0].matches, *found[1].matches), tuple(dict.fromkeys((*found[0].warnings, *found[1].warnings)))
    )


def _named(call: Call, names: Names, kept: EntityMap, query: Query) -> Concerned:
    return chosen(call.door.peers, caller_of(call, names), kept, query.ids)
