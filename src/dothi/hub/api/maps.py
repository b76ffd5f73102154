"""Entity maps: made for a query, read, prolonged and deleted (clauses 5.14, 6.32, 6.34 and 6.35)."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from dothi.ground.clock import from_iso
from dothi.ground.errors import Invalid, Malformed
from dothi.hub.api.door.answer import NO_CONTENT, Answer, accepted, contextual
from dothi.hub.api.door.parameters import Asked as Parameters
from dothi.hub.api.door.parameters import Paging, asked_of, window_of
from dothi.hub.api.door.request import Call
from dothi.hub.api.history.temporal import evolutions
from dothi.hub.api.information.spread import MAP_HEADER, WARNING_HEADER, caller_of, csf_of, lifetime, meaning, place_of
from dothi.hub.context import Names
from dothi.hub.language.nodes import Window
from dothi.hub.peers.federate.answer.gathering import MOST_HERE, broadened, concerned, suiting, wanted_of
from dothi.hub.peers.federate.answer.maps import EntityMap
from dothi.hub.peers.federate.answer.merging import HERE
from dothi.hub.peers.federate.ask.asking import Asked
from dothi.hub.peers.federate.ask.mapping import Mapped, ask_map
from dothi.hub.render.parse import check_id
from dothi.hub.render.values import is_moment, shown

_MAKE = ("createEntityMapQueryEntity",)
_MAKE_TEMPORAL = ("createEntityMapQueryTemporal",)
_ALL = Paging(0, 0, False)


async def make_map(call: Call) -> Answer:
    """Create EntityMap for Query Entities, clause 5.14.4 (HTTP binding 6.34.3.1)."""
    return await _made(call, await call.names(), call.query)


async def make_map_by_post(call: Call) -> Answer:
    """Create EntityMap for Query Entities, clause 5.14.4 (HTTP binding 6.34.3.2)."""
    document, names = await call.document()
    if isinstance(document, dict) and "temporalQ" in document:
        raise Invalid("temporalQ belongs to POST /temporal/entityMaps (clause 5.2.23).")
    return await _made(call, names, asked_of(document))


async def make_temporal_map(call: Call) -> Answer:
    """Create EntityMap for Query Temporal Evolution of Entities, clause 5.14.5 (HTTP binding 6.35.3.1)."""
    return await _made(call, await call.names(), call.query, temporal=True)


async def make_temporal_map_by_post(call: Call) -> Answer:
    """Create EntityMap for Query Temporal Evolution of Entities, clause 5.14.5 (HTTP binding 6.35.3.2)."""
    document, names = await call.document()
    return await _made(call, names, asked_of(document), temporal=True)


async def read_map(call: Call) -> Answer:
    """Retrieve EntityMap, clause 5.14.1 (HTTP binding 6.32.3.1)."""
    names, media = await call.names(), accepted(call)
    return contextual(call, _named(call).document(), names, media)


async def update_map(call: Call) -> Answer:
    """Update EntityMap, clause 5.14.2 (HTTP binding 6.32.3.2): its end can be moved; what is output only is ignored."""
    document, _ = await call.document()
    kept = _named(call)
    if not isinstance(document, dict):
        raise Malformed(f"An entity map must be a JSON object, not {shown(document)}.")
    if document.get("type", "EntityMap") != "EntityMap" or document.get("id", kept.id) != kept.id:
        raise Invalid("The id and the type of an entity map cannot be changed (clause 5.14.2).")
    if "expiresAt" in document:
        moment = document["expiresAt"]
        if not isinstance(moment, str) or not is_moment(moment):
            raise Invalid(f"expiresAt must be a DateTime in UTC such as 2026-11-22T07:30:00Z, not {shown(moment)}.")
        peers = call.door.peers
        peers.maps.prolong(kept, from_iso(moment), peers.line.clock())
    return NO_CONTENT


async def delete_map(call: Call) -> Answer:
    """Delete EntityMap, clause 5.14.3 (HTTP binding 6.32.3.3)."""
    call.door.peers.maps.delete(_named(call))
    return NO_CONTENT


def _named(call: Call) -> EntityMap:
    map_id = check_id(call.path[0])
    peers = call.door.peers
    return peers.maps.read(call.actor, call.tenant, map_id, peers.line.clock())


async def _made(call: Call, names: Names, asked: Parameters, temporal: bool = False) -> Answer:
    call.check_tenant()
    media = accepted(call)
    if temporal and "timerel" not in asked:
        raise Invalid("An entity map of histories needs timerel and timeAt (clause 5.14.5.4).")
    meant = meaning(call, names, asked, _ALL)
    life = lifetime(asked)
    window = window_of(asked) if temporal else None
    told = await _others(call, names, asked, meant, window)
    here = await _evolving(call, names, asked) if temporal else _here(call, meant)
    sources: dict[str, list[str]] = {name: [HERE] for name in here}
    for one in told:
        for entity_id in one.ids:
            sources.setdefault(entity_id, []).append(one.registration.id)
    peers = call.door.peers
    kept = peers.maps.make(
        call.actor,
        call.tenant,
        {name: tuple(listed) for name, listed in sources.items()},
        peers.line.clock(),
        life,
        {one.registration.id: one.map_id for one in told if one.map_id},
    )
    warnings = [(WARNING_HEADER, text) for one in told for text in one.warnings]
    answer = contextual(call, kept.document(), names, media, [*warnings, (MAP_HEADER, place_of(kept))])
    return answer._replace(status=201)


async def _others(call: Call, names: Names, asked: Parameters, meant: Asked, window: Window | None) -> Sequence[Mapped]:
    """What the sources that make such maps have."""
    if call.flag("local"):
        return ()
    peers, caller = call.door.peers, caller_of(call, names)
    wanted = replace(wanted_of(meant), window=window)
    operations = _MAKE if window is None else _MAKE_TEMPORAL
    sources = concerned(peers, caller, wanted, operations, suiting(csf_of(names, asked)))
    return await asyncio.gather(*(ask_map(peers.line, caller, one, meant, window) for one in sources.matches))


async def _evolving(call: Call, names: Names, asked: Parameters) -> Sequence[str]:
    return [past.entity.id for past in await evolutions(call, names, asked)]


def _here(call: Call, meant: Asked) -> Sequence[str]:
    query = broadened(meant.query) if meant.broad else meant.query
    whole = replace(query, limit=MOST_HERE, offset=0, count=False)
    return [one.id for one in call.hub.query(call.actor, whole)]
