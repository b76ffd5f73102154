"""What stands until when (GS CIM 009 clause 4.22): the first moment when anything expires, and what is left then."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from dothi.ground.clock import from_iso
from dothi.hub.model import VALUE_KEY, Attribute, Entity, Instance, instances
from dothi.hub.store import codec
from dothi.hub.store.port import Head

_CONTENT = frozenset(VALUE_KEY.values())  # Members that hold a value and no attribute of the attribute.


def alive(entity: Entity, now: int) -> Entity | None:
    """The entity without what has expired at `now` (µs); None when it has expired itself. Quick where nothing fades."""
    if not 0 < entity.fades_at <= now:
        return entity
    if 0 < entity.expires_at <= now:
        return None
    left = {name: kept for name, attribute in entity.attrs.items() if (kept := _left(attribute, now))}
    return lasting(msgspec.structs.replace(entity, attrs=left))


def lasting(entity: Entity) -> Entity:
    """The entity with the moment when the first of it expires."""
    moments = [moment for moment in (entity.expires_at, *_moments(entity.attrs.values())) if moment]
    return msgspec.structs.replace(entity, fades_at=min(moments, default=0))


def expired(instance: Instance, now: int) -> bool:
    """Whether this one instance has expired."""
    return "expiresAt" in instance and from_iso(instance["expiresAt"]) <= now


def without_expired(instance: Instance, now: int) -> Instance:
    """An instance without those of its own attributes that have expired; the same one where none has."""
    gone = {key: _left(value, now) for key, value in _inner(instance)}
    if all(gone[key] == value for key, value in _inner(instance)):
        return instance
    return {key: value for key, value in {**instance, **gone}.items() if key not in gone or value}


def _left(attribute: Attribute, now: int) -> Attribute:
    kept = [without_expired(one, now) for one in instances(attribute) if not expired(one, now)]
    return kept[0] if len(kept) == 1 else kept


def _moments(attributes: Iterable[Attribute]) -> Iterator[int]:
    for attribute in attributes:
        for one in instances(attribute):
            if "expiresAt" in one:
                yield from_iso(one["expiresAt"])
            yield from _moments(inner for _, inner in _inner(one))


def _inner(instance: Mapping[str, Any]) -> Iterator[tuple[str, Attribute]]:
    """The attributes of an attribute."""
    for key, value in instance.items():
        if key not in _CONTENT and _is_attribute(value):
            yield key, value


def _is_attribute(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(map(_is_attribute, value))
    return isinstance(value, dict) and value.get("type") in VALUE_KEY


def standing(head: Head, now: int) -> Entity | None:
    """The entity of a head as it stands at `now` (µs); None when it is gone."""
    if head.doc is None:
        return None
    return alive(codec.entity_of(head.doc, head.created, head.modified, head.version), now)
