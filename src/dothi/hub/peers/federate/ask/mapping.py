"""Asking a source for an entity map: which entities it has for a query (clauses 5.14.4 and 5.14.5)."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from dothi.hub.language.nodes import Window
from dothi.hub.peers.federate.ask.asking import MAP, Asked, said
from dothi.hub.peers.federate.ask.forwarding import INVALID, Call, Caller, Line, ask, spoken, warning
from dothi.hub.peers.federate.ask.speaking import attributes, selection, window_parameters
from dothi.hub.peers.federate.matching import Match
from dothi.hub.peers.federate.registrations import Registration


class Mapped(NamedTuple):
    """The entities that a source has, and the map that it made of them."""

    registration: Registration
    ids: tuple[str, ...] = ()
    map_id: str | None = None
    warnings: tuple[str, ...] = ()


async def ask_map(line: Line, caller: Caller, match: Match, asked: Asked, window: Window | None = None) -> Mapped:
    """Ask one source for a map; `window` makes it one of histories."""
    names = await spoken(line, caller, match.registration)
    wanted = frozenset(() if asked.broad else asked.query.attrs)
    parameters = selection(match, asked.query, names) | said(asked, names) | attributes(match, wanted, names)
    if window is not None:
        parameters |= window_parameters(window)
    if match.registration.management.local_only:
        parameters["local"] = "true"
    path = "/entityMaps" if window is None else "/temporal/entityMaps"
    reply = await ask(line, caller, match.registration, Call("GET", path, parameters), names)
    if not reply.good:
        return Mapped(match.registration, warnings=reply.warnings)
    mapped = _mapped(reply.document)
    if mapped is None:
        refused = warning(line, INVALID, match.registration, "answered what is no entity map")
        return Mapped(match.registration, warnings=(*reply.warnings, refused))
    ids = tuple(one for one in match.ids(mapped) if not asked.query.ids or one in asked.query.ids)
    place = reply.headers.get(MAP.lower()) or str(reply.document.get("id", ""))
    return Mapped(match.registration, ids, place or None, reply.warnings)


def _mapped(document: Any) -> Mapping[str, Any] | None:
    mapped = document.get("entityMap") if isinstance(document, Mapping) else None
    return mapped if isinstance(mapped, Mapping) and all(isinstance(one, str) for one in mapped) else None
