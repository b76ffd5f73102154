"""The filter of context sources (csf, clause 4.9): asked of a registration's properties as of an entity's."""

from typing import Any

from dothi.hub.language.match import matches
from dothi.hub.language.nodes import Condition
from dothi.hub.model import VALUE_KEY, Attribute, Entity, geo, prop
from dothi.hub.peers.federate.registrations import SPACES, Registration

_HEAD = frozenset(("id", "type"))


def passes(registration: Registration, condition: Condition | None) -> bool:
    """Whether a filter of context sources holds."""
    return condition is None or matches(condition, as_entity(registration))


def as_entity(registration: Registration) -> Entity:
    """The properties of a source as those of an entity."""
    attrs = {name: _property(name, value) for name, value in registration.document.items() if name not in _HEAD}
    return Entity(registration.id, ("ContextSourceRegistration",), attrs)


def _property(name: str, value: Any) -> Attribute:
    if isinstance(value, dict) and value.get("type") in VALUE_KEY:
        return value
    return geo(value) if name in SPACES else prop(value)
