"""Writes of one entity carried to those who hold a part of it (clauses 5.6.1 to 5.6.6 and 5.6.17 to 5.6.19)."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from dothi.ground.errors import DothiError
from dothi.ground.problem import ngsi_ld_problem
from dothi.hub.core import Hub
from dothi.hub.language.nodes import ANY_TYPE, Query, TypeCondition, TypeIs
from dothi.hub.model import Change, Op
from dothi.hub.peers.federate.ask.forwarding import Caller, Line, ask, spoken
from dothi.hub.peers.federate.loops import alias_of, passed
from dothi.hub.peers.federate.matching import Selector, Wanted
from dothi.hub.peers.federate.provide.deeds import Deed
from dothi.hub.peers.federate.provide.dividing import Division, Share, divide
from dothi.hub.peers.federate.provide.outcomes import Outcome, looped, of_reply, unsupported
from dothi.hub.peers.federate.provide.speaking import part_of
from dothi.hub.render.parse import Given


class Way(NamedTuple):
    """The way to others for one request."""

    hub: Hub
    line: Line
    caller: Caller

    @property
    def met(self) -> frozenset[str]:
        """Whom the request has passed."""
        return passed(self.caller.headers.get("via"))

    @property
    def own(self) -> str:
        """Our own alias among others."""
        return alias_of(self.line.registry.name, self.caller.tenant)


def parts(way: Way, deed: Deed, given: Given, types: TypeCondition | None) -> Division:
    """Who gets what of a write; `types` are those of the entity as far as they are known."""
    attrs = None if deed.whole else frozenset(given.attrs)
    wanted = Wanted((Selector(types, (given.id,)),), attrs or frozenset(), met=way.met)
    registry = way.line.registry
    return divide(
        registry, way.caller.tenant, wanted, attrs, way.own, lambda one: one.registration.offers(deed.operation)
    )


async def carry(
    way: Way, deed: Deed, given: Given, shares: tuple[Share, ...], parameters: Mapping[str, str]
) -> list[Outcome]:
    """Tell every source its part, all at once; what became of each."""
    found = await asyncio.gather(*(_carry_one(way, deed, given, share, dict(parameters)) for share in shares))
    return [one for one in found if one is not None]


async def _carry_one(way: Way, deed: Deed, given: Given, share: Share, parameters: dict[str, str]) -> Outcome | None:
    """None when an equal source is not to be told: then it has no part in this."""
    part = part_of(given, share)
    refusal = refused(way, deed, part, share)
    if refusal is not None:
        return Outcome(share, refusal, ours=True) if share.match.mode.proxied else None
    if share.looping:
        return looped(share)
    registration = share.match.registration
    names = await spoken(way.line, way.caller, registration)
    if registration.management.local_only:
        parameters["local"] = "true"
    reply = await ask(way.line, way.caller, registration, deed.call(part, names, parameters), names)
    return of_reply(share, reply, deed.creates)


def refused(way: Way, deed: Deed, part: Given, share: Share) -> dict[str, object] | None:
    """Why a source is not told a part: it takes no such operation, or its maker or the caller may not."""
    try:
        if not share.match.registration.offers(deed.operation):
            raise unsupported(share, deed.operation)
        check_rights(way, change_of(deed, part), share)
    except DothiError as error:
        return ngsi_ld_problem(error)[1]
    return None


def check_rights(way: Way, change: Change, share: Share) -> None:
    """Raise Forbidden unless the caller may write this here, and the maker of the registration may read it."""
    types = tuple(change.types) or tuple(sorted(share.match.types() or (ANY_TYPE,)))
    way.hub.check_write(way.caller.actor, change, types, way.caller.tenant)
    for kind in types:
        way.hub.may_ask(share.match.registration.maker, Query(types=TypeIs(kind), tenant=way.caller.tenant))


def change_of(deed: Deed, part: Given) -> Change:
    """The change that a deed would be here, for the policy to judge."""
    op = Op.CREATE if deed.creates else Op.DELETE if deed.whole else Op.APPEND
    return part.change(op)
