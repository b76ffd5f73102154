"""Who gets which part of a write: exclusive sources first, then redirected ones, then equals, the rest stays here."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

from dothi.hub.peers.federate.matching import Match, Registry, Wanted
from dothi.hub.peers.federate.registrations import Mode

Names = frozenset[str]
_NONE: Names = frozenset()


class Share(NamedTuple):
    """The part of one source: `attrs` None is everything that is written. `looping`: the request came by it."""

    match: Match
    attrs: Names | None
    looping: bool = False


class Division(NamedTuple):
    """The parts of a write; `rest` are the attributes left for this hub, None where it is not to be written here."""

    shares: tuple[Share, ...] = ()
    rest: Names | None = _NONE

    @property
    def proxied(self) -> bool:
        """Whether somebody else alone holds a part."""
        return any(share.match.mode.proxied for share in self.shares)


def divide(
    registry: Registry, tenant: str, wanted: Wanted, attrs: Names | None, own: str, offers: Callable[[Match], bool]
) -> Division:
    """Divide a write of `attrs` (None: of no attributes in particular, e.g. a deletion) among those it concerns.

    `own` is the alias of this hub: a request that passed it has been here before, and goes to nobody again. `offers`
    says whether a source takes the operation: an equal that does not gets nothing, a proxied one is a Conflict.
    """
    matches = [one for one in registry.concerned(tenant, replace(wanted, met=_NONE)) if one.mode is not Mode.AUXILIARY]
    here_again = own in wanted.met
    left = attrs
    shares: list[Share] = []
    for mode in (Mode.EXCLUSIVE, Mode.REDIRECT):
        taken = [Share(one, part) for one in matches if one.mode is mode and (part := _part(one, attrs, left)) != _NONE]
        shares += [one._replace(looping=here_again or one.match.registration.alias in wanted.met) for one in taken]
        if left is not None:
            left = left.difference(*(left if share.attrs is None else share.attrs for share in taken))
    if shares and attrs is not None and not left:
        return Division(tuple(shares), None)
    if not here_again:
        shares += _equals(matches, attrs, left, wanted.met, offers)
    return Division(tuple(shares), left or _NONE)


def _equals(
    matches: Iterable[Match], attrs: Names | None, left: Names | None, met: Names, offers: Callable[[Match], bool]
) -> Iterable[Share]:
    for one in matches:
        if one.mode is Mode.INCLUSIVE and one.registration.alias not in met and offers(one):
            part = _part(one, attrs, left)
            if part != _NONE:
                yield Share(one, part)


def _part(match: Match, attrs: Names | None, left: Names | None) -> Names | None:
    """What a source has of the attributes that are left; None is all there is."""
    offered = match.attrs()
    if attrs is None or left is None:
        return None
    if offered is None:
        return None if left == attrs else left
    return offered & left
