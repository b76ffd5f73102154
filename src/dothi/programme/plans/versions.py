"""What changed between two versions of a scheme or plan, field by field, as it was known on two days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dothi.hub.model import Actor, Entity
from dothi.programme.model import Programme

FIELDS = (
    *("title", "state", "vision", "visionYear", "stages", "sector", "ends", "lead", "legalBasis", "approval"),
    "nextReview",
)
TARGET_FIELDS = ("title", "target", "level", "year", "indicator")


@dataclass(frozen=True)
class Difference:
    """One field that says something else; None = it was not said."""

    field: str
    before: Any
    after: Any


def difference(before: Entity | None, after: Entity | None, fields: Sequence[str] = FIELDS) -> list[Difference]:
    """What differs, in the order of the fields."""
    told = [(name, _value(before, name), _value(after, name)) for name in fields]
    return [Difference(name, old, new) for name, old, new in told if old != new]


def between(programme: Programme, actor: Actor, name: str, first: int, second: int) -> list[Difference]:
    """What differs in an entity as it was known at two instants (µs)."""
    hub = programme.hub
    return difference(hub.as_known(actor, name, first), hub.as_known(actor, name, second))


def instants(revisions: Sequence[Mapping[str, Any]]) -> list[str]:
    """When each version began to hold, newest first."""
    return [str(one["at"]) for one in reversed(revisions)]


def _value(entity: Entity | None, name: str) -> Any:
    return None if entity is None else entity.value(name)
