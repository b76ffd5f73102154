"""Joining what several sources say about one entity (GS CIM 009 clauses 4.5.5.2, 4.5.5.3 and 5.7.1.4); pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from dothi.ground.clock import from_iso, iso
from dothi.hub.model import Attribute, Entity, Instance, instances

HERE = "@none"  # What an entity map calls the hub itself (clause 5.2.39).


class Part(NamedTuple):
    """What one source says about an entity. `fills`: an auxiliary source, which adds what nobody else has."""

    entity: Entity
    source: str = HERE  # Id of the registration, or HERE.
    fills: bool = False


def join(parts: Sequence[Part], now: int) -> Entity | None:
    """One entity of what all sources say of it at `now` (µs); None when each version of it has expired.

    Types and scopes of all are united. Of two instances with one datasetId that which was observed last counts, else
    the one changed last, else the first that came.
    """
    alive = [part for part in parts if not _over(part.entity.expires_at, now)]
    if not alive:
        return None
    if len(alive) == 1 and alive[0].source == HERE:
        return alive[0].entity  # Nothing to join: as cheap as it was.
    first = alive[0].entity
    entities = [marked(part.entity) for part in alive]
    leading = _attrs((one for one, part in zip(entities, alive, strict=True) if not part.fills), now)
    filling = _attrs((one for one, part in zip(entities, alive, strict=True) if part.fills), now)
    return Entity(
        first.id,
        tuple(dict.fromkeys(kind for one in entities for kind in one.types)),
        {**{name: one for name, one in filling.items() if name not in leading}, **leading},
        tuple(dict.fromkeys(scope for one in entities for scope in one.scope)),
        min((one.created_at for one in entities if one.created_at), default=0),
        max(one.modified_at for one in entities),
        first.version,
        expires_at=_last_expiry(entities),
    )


def _over(expires_at: int, now: int) -> bool:
    return 0 < expires_at <= now


def _last_expiry(entities: Sequence[Entity]) -> int:
    """The entity's expiry is the furthest, and none (0) when one version has none (clause 4.5.5.3)."""
    given = [one.expires_at for one in entities]
    return max(given) if all(given) else 0


def marked(entity: Entity) -> Entity:
    """The entity with its stamps and its expiry said by each instance, so that instances can be compared alone.

    An instance expires no later than its entity (clause 4.5.5.2).
    """
    attrs = {name: _each(attribute, lambda one: _stamped(one, entity)) for name, attribute in entity.attrs.items()}
    return Entity(
        entity.id,
        entity.types,
        attrs,
        entity.scope,
        entity.created_at,
        entity.modified_at,
        entity.version,
        expires_at=entity.expires_at,
    )


def _stamped(instance: Instance, entity: Entity) -> Instance:
    """Inside a stored entity a missing modifiedAt means the entity's own, a missing createdAt the modifiedAt."""
    modified = instance.get("modifiedAt") or iso(entity.modified_at)
    stamped = {**instance, "modifiedAt": modified, "createdAt": instance.get("createdAt") or modified}
    if entity.expires_at:
        own = instance.get("expiresAt")
        if own is None or from_iso(own) > entity.expires_at:
            stamped["expiresAt"] = iso(entity.expires_at)
    return stamped


def _each(attribute: Attribute, change: Callable[[Instance], Instance]) -> Attribute:
    return [change(one) for one in attribute] if isinstance(attribute, list) else change(attribute)


def _attrs(entities: Iterable[Entity], now: int) -> dict[str, Attribute]:
    kept: dict[str, dict[str | None, Instance]] = {}
    for entity in entities:
        for name, attribute in entity.attrs.items():
            standing = kept.setdefault(name, {})
            for one in instances(attribute):
                _put(standing, one, now)
    return {name: _listed(standing) for name, standing in kept.items() if standing}


def _put(standing: dict[str | None, Instance], instance: Instance, now: int) -> None:
    expires = instance.get("expiresAt")
    if expires is not None and from_iso(expires) <= now:
        return
    dataset = instance.get("datasetId")
    there = standing.get(dataset)
    if there is None or _rank(instance) > _rank(there):
        standing[dataset] = instance


def _rank(instance: Instance) -> tuple[int, int]:
    """How recent an instance is: observed at all and when, else when it was changed."""
    observed = instance.get("observedAt")
    if observed is not None:
        return 1, from_iso(observed)
    return 0, from_iso(instance["modifiedAt"])


def _listed(standing: Mapping[str | None, Instance]) -> Attribute:
    listed = list(standing.values())
    return listed[0] if len(listed) == 1 else listed
