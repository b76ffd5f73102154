"""What a source is asked for entities: by the operation that it offers, no wider than its registration."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from dothi.ground.errors import Unsupported
from dothi.hub.context import Names
from dothi.hub.language.nodes import Query
from dothi.hub.model import Entity
from dothi.hub.peers.federate.ask.forwarding import INVALID, REFUSED, Call, Caller, Line, ask, spoken, warning
from dothi.hub.peers.federate.ask.hearing import heard
from dothi.hub.peers.federate.ask.speaking import attributes, filters, selection
from dothi.hub.peers.federate.matching import Match

PAGE = 1000  # Entities asked for at once.
MOST = 10_000  # Entities of one source in one answer.
MAP = "NGSILD-EntityMap"
READ_ONE = ("retrieveEntity", "queryEntity", "queryBatch")
READ_MANY = ("queryEntity", "queryBatch")


class Asked(NamedTuple):
    """What is asked of every source: `broad` leaves the filters out, to be applied to the whole (clause 5.7.2.4)."""

    query: Query
    datasets: frozenset[str] = frozenset()
    one: bool = False  # One entity by its id (clause 5.7.1).
    broad: bool = False
    mapped: bool = False  # The source is to make an entity map too.
    map_id: str | None = None  # The map that the source made before.


class Told(NamedTuple):
    """What one source said. `cut`: it could not be asked; `whole`: nothing of what was asked is missing."""

    match: Match
    entities: tuple[Entity, ...] = ()
    warnings: tuple[str, ...] = ()
    cut: bool = False
    whole: bool = False
    map_id: str | None = None


async def ask_entities(line: Line, caller: Caller, match: Match, asked: Asked, guarded: Mapping[str, str]) -> Told:
    """Ask one source, page after page, at most MOST entities."""
    names = await spoken(line, caller, match.registration)
    calls = _Calls(match, asked, names)
    entities: list[Entity] = []
    warnings: list[str] = []
    while True:
        reply = await ask(line, caller, match.registration, calls.at(len(entities)), names)
        found = heard(reply, match, calls.selection, guarded)
        warnings.extend(reply.warnings)
        if found.refused and not reply.warnings:
            warnings.append(warning(line, INVALID, match.registration, found.refused))
        entities.extend(found.entities)
        size = len(reply.document) if isinstance(reply.document, list) else 0
        if size < PAGE or len(entities) >= MOST:
            break
    if size >= PAGE:
        warnings.append(warning(line, REFUSED, match.registration, f"has more than the {MOST} entities asked for"))
    answered = (reply.good and not found.refused and size < PAGE) or reply.status == 404
    linked = reply.headers.get(MAP.lower()) if reply.good else None
    return Told(match, tuple(entities), tuple(dict.fromkeys(warnings)), reply.cut, answered and calls.whole, linked)


class _Calls:
    """The calls, page by page, of one source."""

    def __init__(self, match: Match, asked: Asked, names: Names) -> None:
        self._match = match
        self._asked = asked
        self._operation = _operation(match, asked)
        wanted = frozenset(() if asked.broad else asked.query.attrs)
        self._attrs = attributes(match, wanted, names)
        # An answer narrowed by the request is no whole picture of the entity.
        self.whole = match.attrs(wanted) == match.attrs() and not asked.datasets
        self.selection = selection(match, asked.query, names)
        self._filters = said(asked, names)

    def at(self, offset: int) -> Call:
        parameters = {"options": "sysAttrs"}
        if self._match.registration.management.local_only:
            parameters["local"] = "true"
        if self._asked.mapped:
            parameters["entityMap"] = "true"
        headers = {MAP: self._asked.map_id} if self._asked.map_id else {}
        if self._operation == "retrieveEntity":
            path = f"/entities/{quote(self._asked.query.ids[0], safe=':')}"
            return Call("GET", path, parameters | self._attrs, headers=headers)
        page = {"limit": str(PAGE)} | ({"offset": str(offset)} if offset else {})
        if self._operation == "queryEntity":
            said = self.selection | self._filters | self._attrs
            return Call("GET", "/entities", parameters | page | said, headers=headers)
        return Call("POST", "/entityOperations/query", parameters | page, self._document(), headers)

    def _document(self) -> dict[str, Any]:
        """The same as a Query document (clause 5.2.23)."""
        document: dict[str, Any] = {"type": "Query"}
        chosen = dict(self.selection)
        ids = chosen.pop("id", "")
        if chosen or ids:
            document["entities"] = [{**chosen, "id": one} for one in ids.split(",")] if ids else [chosen]
        document |= {name: self._filters[name] for name in ("q", "scopeQ") if name in self._filters}
        geo = {name: text for name, text in self._filters.items() if name not in document}
        if geo:
            document["geoQ"] = geo | {"coordinates": msgspec.json.decode(geo["coordinates"])}
        if self._attrs:
            document["attrs"] = self._attrs["attrs"].split(",")
        return document


def _operation(match: Match, asked: Asked) -> str:
    wanted: Sequence[str] = READ_ONE if asked.one else READ_MANY
    return next(name for name in wanted if match.registration.offers(name))


def said(asked: Asked, names: Names) -> dict[str, str]:
    """The filters, as far as they can be told to another hub; what is not told is looked at here afterwards."""
    query = asked.query
    if asked.broad or asked.one:
        return {}
    try:
        return filters(query, names)
    except Unsupported:
        return filters(replace(query, q=None), names)
