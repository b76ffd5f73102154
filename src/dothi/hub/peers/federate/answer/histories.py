"""Temporal evolutions gathered from here and from every source that is concerned (clauses 5.7.3 and 5.7.4)."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dothi.ground.clock import from_iso
from dothi.hub.language.nodes import Window
from dothi.hub.peers.federate.answer.gathering import Concerned, Peers
from dothi.hub.peers.federate.answer.merging import HERE
from dothi.hub.peers.federate.ask.asking import Asked
from dothi.hub.peers.federate.ask.forwarding import Caller
from dothi.hub.peers.federate.ask.past import ToldPast, ask_past
from dothi.hub.peers.federate.registrations import Mode
from dothi.hub.read.past.evolution import Past, Told

Slot = tuple[int, str | None]  # A moment (µs) and a dataset: of each there is one instance in a joined series.


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
    kept_here = {past.entity.id for past in here if not guarded.keys().isdisjoint(past.entity.types)}
    # Auxiliary sources come last: they fill what nobody else told (clause 5.7.3.4).
    for one in sorted(told, key=lambda one: one.match.mode is Mode.AUXILIARY):
        for past in one.pasts:
            if past.entity.id not in kept_here and peers.hub.may_read(caller.actor, past.entity):
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
        name: united(known.series.get(name, ()), more.series.get(name, ()), fills)
        for name in (*known.series, *(name for name in more.series if name not in known.series))
    }
    return Past(known.entity, series)


def united(known: Sequence[Told], more: Sequence[Told], fills: bool) -> list[Told]:
    """Two series as one, in the order of time.

    Where both have instances of one dataset and moment, those changed last count (clause 4.5.5.3); an auxiliary
    source only fills moments of which nobody else told.
    """
    slots: dict[Slot, list[Told]] = {}
    for told in known:
        slots.setdefault(_slot(told), []).append(told)
    moments = {told.at for told in known}
    theirs: dict[Slot, list[Told]] = {}
    for told in more:
        if not (fills and told.at in moments):
            theirs.setdefault(_slot(told), []).append(told)
    for slot, listed in theirs.items():
        if slot not in slots or _changed(listed) > _changed(slots[slot]):
            slots[slot] = listed
    return sorted((told for listed in slots.values() for told in listed), key=lambda told: told.at)


def _slot(told: Told) -> Slot:
    return told.at, told.dataset


def _changed(listed: Sequence[Told]) -> int:
    """When one of some instances was changed last (µs)."""
    stamps = (told.instance.get("modifiedAt") or told.instance.get("createdAt") for told in listed)
    return max((from_iso(stamp) for stamp in stamps if stamp), default=0)
