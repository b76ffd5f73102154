"""Temporal evolutions gathered from here and from every source that is concerned (clauses 5.7.3 and 5.7.4)."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dothi.hub.language.nodes import Window
from dothi.hub.model import instance_value
from dothi.hub.peers.federate.answer.gathering import Concerned, Peers
from dothi.hub.peers.federate.answer.merging import HERE
from dothi.hub.peers.federate.ask.asking import Asked
from dothi.hub.peers.federate.ask.forwarding import Caller
from dothi.hub.peers.federate.ask.past import ToldPast, ask_past
from dothi.hub.peers.federate.registrations import Mode
from dothi.hub.read.past.evolution import Past, Told


class GatheredPast(NamedTuple):
    """Evolutions in order (those held here first), each with its sources, and what went wrong on the way."""

    pasts: tuple[Past, ...] = ()
    warnings: tuple[str, ...] = ()
    sources: Mapping[str, tuple[str, ...]] = {}
    linked: Mapping[str, str] = {}


async def gather_past(
    peers: Peers, caller: Caller, asked: Asked, window: Window, sources: Concerned, here: Sequence[Past]
) -> GatheredPast:
    """All evolutions that match: those held `here`, joined with what the sources tell.

    Forbidden, before anybody is asked, where the caller may read nothing of it here.
    """
    peers.hub.may_ask(caller.actor, asked.query)
    guarded = peers.hub.guarded()
    told = await asyncio.gather(
        *(ask_past(peers.line, caller, match, asked, window, guarded) for match in sources.matches)
    )
    joined: dict[str, Past] = {past.entity.id: past for past in here}
    named: dict[str, list[str]] = {past.entity.id: [HERE] for past in here}
    # Auxiliary sources come last: they fill what nobody else told (clause 5.7.3.4).
    for one in sorted(told, key=lambda one: one.match.mode is Mode.AUXILIARY):
        for past in one.pasts:
            if peers.hub.may_read(caller.actor, past.entity):
                known = joined.get(past.entity.id)
                joined[past.entity.id] = past if known is None else _joined(known, past, one)
                named.setdefault(past.entity.id, []).append(one.match.registration.id)
    warnings = (*sources.warnings, *(text for one in told for text in one.warnings))
    linked = {one.match.registration.id: one.map_id for one in told if one.map_id}
    listed = {name: tuple(dict.fromkeys(some)) for name, some in named.items()}
    return GatheredPast(tuple(joined.values()), tuple(dict.fromkeys(warnings)), listed, linked)


def _joined(known: Past, more: Past, source: ToldPast) -> Past:
    fills = source.match.mode is Mode.AUXILIARY
    series = {
        name: _united(known.series.get(name, ()), more.series.get(name, ()), fills)
        for name in (*known.series, *(name for name in more.series if name not in known.series))
    }
    return Past(known.entity, series)


def _united(known: Sequence[Told], more: Sequence[Told], fills: bool) -> list[Told]:
    """Two series as one, in the order of time; the same instance (dataset, time and value) is told once."""
    there = {_key(told) for told in known}
    moments = {told.at for told in known} if fills else frozenset()
    new = [told for told in more if _key(told) not in there and told.at not in moments]
    return sorted([*known, *new], key=lambda told: told.at)


def _key(told: Told) -> tuple[int, str, str]:
    return told.at, str(told.instance.get("datasetId", "")), repr(instance_value(told.instance))
