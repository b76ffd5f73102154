"""Who may read and write: the one check at commit and query; accounts provides it, or `Open` for trials."""

from collections.abc import Mapping
from typing import Protocol

from dothi.ground.errors import Forbidden
from dothi.hub.language.nodes import ANY_TYPE, Query, Sight
from dothi.hub.model import Actor, Change, Entity


class Policy(Protocol):
    """Two real ones stand: accounts.policy (roles, areas, scopes) and Open (`dothi serve --open`)."""

    def check_write(self, actor: Actor, change: Change, before: Entity | None, types: tuple[str, ...]) -> None:
        """Raise Forbidden unless `actor` may make `change`; `types` are those before and after it.

        `before` is the entity as it stands; its attributes are read only for an actor who is limited to areas.
        """

    def narrow(self, actor: Actor, query: Query) -> Query:
        """The query restricted to what `actor` may read; Forbidden when nothing of it may be read."""

    def may_read(self, actor: Actor, entity: Entity) -> bool:
        """Whether `actor` may read this one entity."""


WHERE_SEEN = ("unit", "assignee")  # Whose an entity is: the unit where it lies, and the unit that owes the next step.


def in_sight(sight: Sight | None, entity: Entity) -> bool:
    """Whether an entity may be seen: each of its types must allow it, everywhere or in one of its units."""
    if sight is None:
        return True
    hidden: frozenset[str] = frozenset()
    limits = [sight.get(kind, sight.get(ANY_TYPE, hidden)) for kind in entity.types]
    places = [place for name in WHERE_SEEN if isinstance(place := entity.value(name), str)]
    return all(codes is None or not codes.isdisjoint(places) for codes in limits)


class Guards:
    """Guarded nouns: types that only their owner's verbs may write (design section 3)."""

    def __init__(self) -> None:
        """No type is guarded yet."""
        self._owner: dict[str, str] = {}
        self._instead: dict[str, str] = {}

    def own(self, owner: str, instead: Mapping[str, str]) -> str:
        """Guard the types in `instead` (type → what to call instead) and return the owner's capability."""
        for kind, verb in instead.items():
            if self._owner.setdefault(kind, owner) != owner:
                raise ValueError(f"{kind} is owned by {self._owner[kind]} already")
            self._instead[kind] = verb
        return owner

    def check(self, owner: str | None, types: tuple[str, ...]) -> None:
        """Raise Forbidden when one of `types` belongs to somebody else than `owner`."""
        for kind in types:
            if self._owner.get(kind, owner) != owner:
                raise Forbidden(
                    f"{kind} is a guarded type: a generic write is refused. Use {self._instead[kind]} instead.",
                    use=self._instead[kind],
                )

    def guarded(self) -> dict[str, str]:
        """Every guarded type with the verb to use instead."""
        return dict(self._instead)


class Open:
    """Anonymous reading and writing of generic types: trials and conformance runs on loopback only."""

    def check_write(self, actor: Actor, change: Change, before: Entity | None, types: tuple[str, ...]) -> None:
        """Everything is allowed (guarded types are refused before this is asked)."""

    def narrow(self, actor: Actor, query: Query) -> Query:
        """Everything may be read."""
        return query

    def may_read(self, actor: Actor, entity: Entity) -> bool:
        """Everything may be read."""
        return True
