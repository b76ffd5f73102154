"""Writes of one entity carried to those who hold a part of it (clauses 5.6.1 to 5.6.6 and 5.6.17 to 5.6.19)."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from dothi.ground.errors import DothiError
from dothi.ground.problem import ngsi_ld_problem
from dothi.hub.core import Hub
from dothi.hub.language.nodes import ANY_TYPE, Query, TypeCondition, TypeIs
from dothi.hub.model import Change, Op
from dothi.hub.peers.federate.ask.forwarding import Caller, Line, ask, spoken
from dothi.hub.peers.federate.loops import alias_of, passed
from dothi.hub.peers.federate.matching import Match, Selector, Wanted
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
    return divided(way, given, types, deed.whole, lambda one: one.registration.offers(deed.operation))


def divided(
    way: Way, given: Given, types: TypeCondition | None, whole: bool, offers: Callable[[Match], bool]
) -> Division:
    """The same for any operation; `whole`: it is about no attributes."""
    attrs = None if whole else frozenset(given.attrs)
    wanted = Wanted((Selector(types, (given.id,)),), attrs or frozenset(), met=way.met)
    return divide(way.line.registry, way.caller.tenant, wanted, attrs, way.own, offers)


async def carry(
    way: Way, deed: Deed, given: Given, shares: tuple[Share, ...], parameters: Mapping[str, str], raw: Any = None
) -> list[Outcome]:
    """Tell every source its part, all at once; what became of each. `raw` goes as it is to those who know its names."""
    found = await asyncio.gather(*(_carry_one(way, deed, given, share, dict(parameters), raw) for share in shares))
    return [one for one in found if one is not None]


async def _carry_one(
    way: Way, deed: Deed, given: Given, share: Share, parameters: dict[str, str], raw: Any
) -> Outcome | None:
    """None when an equal source is not to be told: then it has no part in this."""
    part = part_of(given, share)
    registration = share.match.registration
    offered = registration.offers(deed.operation)
    problem = fit(way, deed, part, share) if offered else refusal(unsupported(share, deed.operation))
    if problem is not None:
        return Outcome(share, problem, ours=True) if share.match.mode.proxied else None
    if share.looping:
        return looped(share)
    names = await spoken(way.line, way.caller, registration)
    if registration.management.local_only:
        parameters["local"] = "true"
    told = deed.call(part, names, parameters)
    if raw is not None and names is way.caller.names:
        told = told._replace(body=raw)
    reply = await ask(way.line, way.caller, registration, told, names)
    return of_reply(share, reply, deed.creates)


def fit(way: Way, deed: Deed, part: Given, share: Share) -> dict[str, object] | None:
    """Why a source may not be told a part, None when it may."""
    try:
        check_rights(way, change_of(deed, part), share)
    except DothiError as error:
        return refusal(error)
    return None


def refusal(error: DothiError) -> dict[str, object]:
    """An error of ours as a problem document."""
    return ngsi_ld_problem(error)[1]


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
