"""Which subscriptions may be concerned by a change: found by id, type and attribute, whatever their number.

The writer's thread asks `interested` for each entity of each commit, the event loop changes the index: every step that
the thread takes is one look-up in a dict, which needs no lock.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from dothi.hub.language.nodes import TypeAnd, TypeCondition, TypeIs
from dothi.hub.peers.notify.model import Subscription

Key = tuple[str, str]  # (tenant, id of the subscription)


@dataclass(slots=True)
class _Shelf:
    """Subscriptions of one kind of entity: those of any attribute, and those of each."""

    wide: dict[Key, Subscription] = field(default_factory=dict)
    of: dict[str, dict[Key, Subscription]] = field(default_factory=dict)

    def shelves(self, watched: Iterable[str] | None) -> Iterator[dict[Key, Subscription]]:
        """Where a subscription with these watched attributes stands; made when it is not there."""
        if watched is None:
            yield self.wide
        else:
            for name in watched:
                yield self.of.setdefault(name, {})

    def holds_any(self, names: Collection[str]) -> bool:
        """Whether somebody watches one of these attributes."""
        return bool(self.wide) or any(name in self.of for name in names)

    def found(self, names: Iterable[str]) -> Iterator[tuple[Key, Subscription]]:
        """Who watches one of these attributes."""
        yield from self.wide.items()
        for name in names:
            yield from self.of.get(name, {}).items()

    def drop(self, key: Key, watched: Iterable[str] | None) -> None:
        """Take a subscription away."""
        if watched is None:
            self.wide.pop(key, None)
        for name in watched or ():
            there = self.of.get(name, {})
            there.pop(key, None)
            if not there:
                self.of.pop(name, None)


_NOBODY = _Shelf()


class Index:
    """Subscriptions that wait for changes."""

    def __init__(self) -> None:
        """Nobody waits."""
        self._places: dict[Key, list[tuple[str, str, str]]] = {}
        self._shelves: dict[tuple[str, str, str], _Shelf] = {}  # (tenant, "id" | "type" | "any", name)
        self._subscriptions: dict[Key, Subscription] = {}

    def __len__(self) -> int:
        return len(self._subscriptions)

    def put(self, subscription: Subscription) -> None:
        """Take a subscription in, in the place of its older self."""
        key = (subscription.tenant, subscription.id)
        self.drop(key)
        self._subscriptions[key] = subscription
        self._places[key] = list(dict.fromkeys(_places(subscription)))
        for place in self._places[key]:
            shelf = self._shelves.setdefault(place, _Shelf())
            for there in shelf.shelves(subscription.watched):
                there[key] = subscription

    def drop(self, key: Key) -> None:
        """Forget a subscription."""
        gone = self._subscriptions.pop(key, None)
        for place in self._places.pop(key, ()):
            shelf = self._shelves[place]
            if gone is not None:
                shelf.drop(key, gone.watched)
            if not (shelf.wide or shelf.of):
                del self._shelves[place]

    def interested(self, tenant: str, entity_id: str, types: Iterable[str], names: Collection[str]) -> bool:
        """Whether anybody may be concerned by a change of these attributes; a few look-ups, safe in any thread."""
        get = self._shelves.get
        shelf = get((tenant, "id", entity_id))
        if shelf is not None and shelf.holds_any(names):
            return True
        for name in types:
            shelf = get((tenant, "type", name))
            if shelf is not None and shelf.holds_any(names):
                return True
        shelf = get((tenant, "any", ""))
        return shelf is not None and shelf.holds_any(names)

    def candidates(
        self, tenant: str, entity_id: str, types: Iterable[str], names: Collection[str]
    ) -> Iterable[Subscription]:
        """Those who may be concerned, each once, in the order in which they were taken in."""
        places = [(tenant, "id", entity_id), *((tenant, "type", name) for name in types), (tenant, "any", "")]
        found = {key: one for place in places for key, one in self._shelves.get(place, _NOBODY).found(names)}
        return found.values()


def _places(subscription: Subscription) -> Iterator[tuple[str, str, str]]:
    tenant = subscription.tenant
    for one in subscription.chosen:
        if one.ids:
            yield from ((tenant, "id", name) for name in one.ids)
        elif one.types is None:
            yield tenant, "any", ""
        else:
            yield from ((tenant, "type", name) for name in anchors(one.types))
    if not subscription.chosen:
        yield tenant, "any", ""


def anchors(types: TypeCondition) -> frozenset[str]:
    """Types of which every entity that is selected has at least one."""
    if isinstance(types, TypeIs):
        return frozenset({types.name})
    if isinstance(types, TypeAnd):
        return min((anchors(term) for term in types.terms), key=len)
    return frozenset().union(*(anchors(term) for term in types.terms))
