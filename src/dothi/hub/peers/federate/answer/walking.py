"""Walking the pages of an entity map: the same entities each time, each looked at anew (clause 5.5.9.3)."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from dothi.hub.model import Entity
from dothi.hub.peers.federate.answer.gathering import Concerned, Peers, gather
from dothi.hub.peers.federate.answer.maps import EntityMap
from dothi.hub.peers.federate.ask.asking import Asked
from dothi.hub.peers.federate.ask.forwarding import Caller
from dothi.hub.peers.federate.matching import Match

_AT_ONCE = 100  # Entities looked at together.


class Walked(NamedTuple):
    """One page; `total` is the number of all that still fit, 0 when it was not asked for."""

    entities: tuple[Entity, ...] = ()
    more: bool = False
    total: int = 0
    warnings: tuple[str, ...] = ()


async def walk(
    peers: Peers, caller: Caller, asked: Asked, kept: EntityMap, page: tuple[int, int], count: bool
) -> Walked:
    """The page (offset, limit) of a map. What does not fit any more is taken out of the map and the page filled up.

    An offset counts what the map holds: what was taken out before this page moves nothing, since a page begins where
    the one before ended.
    """
    offset, limit = page
    ids = [one for one in kept.sources if not asked.query.ids or one in asked.query.ids]
    found: list[Entity] = []
    warnings: list[str] = []
    for some in _chunks(ids[offset:]):
        if len(found) > limit:
            break
        fitting, told = await _look(peers, caller, asked, kept, some)
        warnings.extend(told)
        # Nothing is known of what a silent source holds: only an answer without warning takes an entity out.
        if not told:
            kept.drop(one for one in some if one not in fitting)
        found.extend(fitting.values())
    total = 0
    if count:
        for some in _chunks(ids):
            total += len((await _look(peers, caller, asked, kept, some))[0])
    return Walked(tuple(found[:limit]), len(found) > limit, total, tuple(dict.fromkeys(warnings)))


def chosen(peers: Peers, caller: Caller, kept: EntityMap, ids: Iterable[str]) -> Concerned:
    """The sources that a map names for some entities: they alone are asked (clause 5.7.2.4)."""
    named = {source for one in ids for source in kept.sources.get(one, ())}
    registered = peers.line.registry.all(caller.tenant)
    return Concerned(tuple(Match(one, one.information) for one in registered if one.id in named))


async def _look(
    peers: Peers, caller: Caller, asked: Asked, kept: EntityMap, ids: Sequence[str]
) -> tuple[dict[str, Entity], tuple[str, ...]]:
    """Those of `ids` that fit now, in their order."""
    sources = chosen(peers, caller, kept, ids)
    some = asked._replace(query=replace(asked.query, ids=tuple(ids)), mapped=False)
    found = await gather(peers, caller, some, sources)
    there = {one.id: one for one in found.entities}
    return {one: there[one] for one in ids if one in there}, found.warnings


def _chunks(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))
