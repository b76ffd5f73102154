"""A purge carried to those who hold what it is about, no wider than their registrations (clauses 5.6.21, 4.3.6.1)."""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from dothi.ground.errors import DothiError, Invalid
from dothi.hub.context import Names
from dothi.hub.language.nodes import Query
from dothi.hub.model import Change, Op
from dothi.hub.peers.federate.ask.forwarding import Call, ask, spoken
from dothi.hub.peers.federate.ask.speaking import filters, selection
from dothi.hub.peers.federate.matching import Match, Selector, Wanted
from dothi.hub.peers.federate.provide.dividing import Share
from dothi.hub.peers.federate.provide.outcomes import Outcome, looped, of_reply, unsupported
from dothi.hub.peers.federate.provide.provision import Way, check_rights, refusal
from dothi.hub.peers.federate.registrations import Mode

OPERATION = "purgeEntity"


class Purge(NamedTuple):
    """What is to be purged: whole entities, or of each the attributes that are dropped or not kept."""

    query: Query
    drop: frozenset[str] | None = None
    keep: frozenset[str] | None = None


async def carry_purge(way: Way, purge: Purge) -> list[Outcome]:
    """Tell everybody concerned; what became of it. An equal source that takes no purges is left out."""
    query = purge.query
    chosen = tuple(Selector(one.types, one.ids, one.id_pattern) for one in query.any_of)
    selectors = chosen or (Selector(query.types, query.ids, query.id_pattern),)
    wanted = Wanted(selectors, frozenset(query.attrs), geo=query.geo, scope=query.scope)
    found = way.line.registry.concerned(way.caller.tenant, wanted)
    told = await asyncio.gather(*(_carry(way, purge, one) for one in found if one.mode is not Mode.AUXILIARY))
    return [one for one in told if one is not None]


async def _carry(way: Way, purge: Purge, match: Match) -> Outcome | None:
    registration = match.registration
    share = Share(match, None, way.own in way.met or registration.alias in way.met)
    proxied = match.mode.proxied
    try:
        if not registration.offers(OPERATION):
            raise unsupported(share, OPERATION)
        check_rights(way, Change(Op.DELETE, ""), share)
    except DothiError as error:
        return Outcome(share, refusal(error), ours=True) if proxied else None
    if share.looping:
        return looped(share) if proxied else None
    names = await spoken(way.line, way.caller, registration)
    try:
        parameters = _said(purge, match, names)
    except DothiError as error:
        return Outcome(share, refusal(error), ours=True)
    if parameters is None:
        return None
    return of_reply(
        share, await ask(way.line, way.caller, registration, Call("DELETE", "/entities", parameters), names)
    )


def _said(purge: Purge, match: Match, names: Names) -> dict[str, str] | None:
    """The purge in the names of a source; None where nothing that it has is to go. Unsupported, Invalid."""
    query = purge.query
    if query.any_of:
        raise Invalid("Several selectors cannot be told to another hub in one purge; purge them one by one.")
    said: dict[str, Any] = selection(match, query, names) | filters(query, names)
    if query.attrs:
        said["attrs"] = ",".join(map(names.outward, _within(query.attrs, match)))
    if match.registration.management.local_only:
        said["local"] = "true"
    offered = match.attrs()
    if offered is None:
        listed = {"drop": purge.drop, "keep": purge.keep}
        return said | {name: ",".join(map(names.outward, sorted(one))) for name, one in listed.items() if one}
    # Of an entity of which a source has a part, that part is all that may go there.
    gone = offered & purge.drop if purge.drop is not None else offered - (purge.keep or frozenset())
    return said | {"drop": ",".join(map(names.outward, sorted(gone)))} if gone else None


def _within(attrs: Sequence[str], match: Match) -> list[str]:
    offered = match.attrs()
    return [name for name in attrs if offered is None or name in offered]
