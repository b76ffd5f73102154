"""Types and attributes that sources say they have, merged with what there is here (clause 5.7.11)."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from dothi.ground.errors import Forbidden, Invalid
from dothi.hub.api.door.request import Call
from dothi.hub.api.information.spread import Headers, alone, caller_of, warned
from dothi.hub.context import Names
from dothi.hub.language.nodes import Query, TypeIs
from dothi.hub.peers.federate.answer.gathering import concerned
from dothi.hub.peers.federate.ask.forwarding import Call as Question
from dothi.hub.peers.federate.ask.forwarding import Reply, ask, spoken
from dothi.hub.peers.federate.matching import Match, Selector, Wanted


@dataclass(slots=True)
class Seen:
    """What was met of one attribute; `count` are its instances."""

    count: int = 0
    kinds: set[str] = field(default_factory=set)
    types: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Abroad:
    """What sources say: types with their attributes, how many entities of the one asked for, attributes, warnings."""

    types: dict[str, set[str]] = field(default_factory=dict)
    count: int = 0
    attrs: dict[str, Seen] = field(default_factory=dict)
    headers: Headers = field(default_factory=list)


async def abroad(call: Call, names: Names, operation: str, path: str, term: str = "") -> Abroad:
    """What the sources that offer an operation say; nothing when this hub answers alone.

    `path` is that of the resource; `term`, in house names, the type or attribute that is asked for.
    """
    found = Abroad()
    if alone(call, {}):
        return found
    peers, caller = call.door.peers, caller_of(call, names)
    about_type = path == "/types"
    wanted = Wanted()
    if term:
        wanted = Wanted(selectors=(Selector(TypeIs(term)),)) if about_type else Wanted(attrs=frozenset({term}))
    sources = concerned(peers, caller, wanted, (operation,))

    async def asked(match: Match) -> Reply:
        said = await spoken(peers.line, caller, match.registration)
        local = {"local": "true"} if match.registration.management.local_only else {}
        where = f"{path}/{quote(said.outward(term), safe='')}" if term else path
        question = Question("GET", where, local if term else {"details": "true", **local})
        return await ask(peers.line, caller, match.registration, question, said)

    replies = await asyncio.gather(*(asked(match) for match in sources.matches))
    for reply in replies:
        for document in _documents(reply):
            _take(found, document, reply.names)
    _only_seen(call, found)
    found.headers = warned(dict.fromkeys((*sources.warnings, *(text for one in replies for text in one.warnings))))
    return found


def _documents(reply: Reply) -> Iterator[Mapping[str, Any]]:
    listed = reply.document if isinstance(reply.document, list) else [reply.document]
    return (one for one in listed if reply.good and isinstance(one, Mapping))


def _take(found: Abroad, document: Mapping[str, Any], names: Names) -> None:
    """Read one of the documents of clauses 5.2.24 to 5.2.28; what cannot be read is left out."""
    kind = document.get("type")
    if kind in ("EntityType", "EntityTypeInfo"):
        for name in _words(names, document.get("typeName")):
            details = document.get("attributeDetails", ())
            attrs = found.types.setdefault(name, set())
            attrs.update(_words(names, document.get("attributeNames", [])))
            found.count += _number(document.get("entityCount"))
            for one in details if isinstance(details, list) else ():
                _attribute(found, one, names, name)
    elif kind == "Attribute":
        _attribute(found, document, names)


def _attribute(found: Abroad, document: Any, names: Names, owner: str | None = None) -> None:
    if not isinstance(document, Mapping):
        return
    for name in _words(names, document.get("attributeName")):
        seen = found.attrs.setdefault(name, Seen())
        seen.types.update(_words(names, document.get("typeNames", [])), () if owner is None else (owner,))
        kinds = document.get("attributeTypes", ())
        seen.kinds.update(one for one in (kinds if isinstance(kinds, list) else ()) if isinstance(one, str))
        seen.count += _number(document.get("attributeCount"))


def _words(names: Names, value: Any) -> list[str]:
    words = []
    for one in value if isinstance(value, list) else [value]:
        try:
            words += [names.inward(one)] if isinstance(one, str) else []
        except Invalid:
            continue
    return words


def _number(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


def _only_seen(call: Call, found: Abroad) -> None:
    """Leave out the types that the caller may not ask for here, and attributes that only those have."""
    guarded = call.hub.guarded()
    hidden = {name for name in _all_types(found) if name in guarded or not _may_ask(call, name)}
    found.types = {name: attrs for name, attrs in found.types.items() if name not in hidden}
    found.attrs = {name: one for name, one in found.attrs.items() if not one.types or one.types - hidden}
    for one in found.attrs.values():
        one.types -= hidden


def _all_types(found: Abroad) -> set[str]:
    return {*found.types, *(name for one in found.attrs.values() for name in one.types)}


def _may_ask(call: Call, kind: str) -> bool:
    try:
        call.hub.may_ask(call.actor, Query(types=TypeIs(kind), tenant=call.tenant))
    except Forbidden:
        return False
    return True
