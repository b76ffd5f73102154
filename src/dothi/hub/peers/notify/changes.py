"""What a commit changed of one entity, and whether a subscription is to be told of it. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from dothi.hub.language.match import Follow, matches, scope_matches, type_matches
from dothi.hub.model import Entity, Instance, instances
from dothi.hub.peers.notify.model import OF_ENTITY_UPDATED, Chosen, Subscription, Trigger

STAMPS = frozenset({"createdAt", "modifiedAt"})
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Changed:
    """One entity's part in one commit; the names of its attributes by what became of them."""

    tenant: str
    seq: int
    at: int  # µs
    before: Entity | None
    after: Entity | None
    created: frozenset[str] = _NONE
    updated: frozenset[str] = _NONE
    deleted: frozenset[str] = _NONE  # Those of which an instance is gone; others of the same name may stand.

    @property
    def entity(self) -> Entity:
        """The entity as it stands, or as it stood last."""
        found = self.after or self.before
        assert found is not None
        return found


def compare(
    tenant: str,
    place: tuple[int, int],
    before: Entity | None,
    after: Entity | None,
    touched: Iterable[str] | None = None,
) -> Changed | None:
    """What changed, by value and not by having been written (clause 5.8.6); `place` is (sequence, instant).

    `touched` bounds where to look. None when neither was there.
    """
    if before is None and after is None:
        return None
    old, new = (before.attrs if before else {}), (after.attrs if after else {})
    created, updated, deleted = set(), set(), set()
    for name in dict.fromkeys((*old, *new)) if touched is None else dict.fromkeys(touched):
        was, now = old.get(name), new.get(name)
        if was is now:
            continue
        if was is None:
            created.add(name)
        elif now is None:
            deleted.add(name)
        else:
            had, has = by_dataset(instances(was)), by_dataset(instances(now))
            if had.keys() - has.keys():
                deleted.add(name)
            if any(plain(one) != plain(had.get(dataset, {})) for dataset, one in has.items()):
                updated.add(name)
    return Changed(tenant, *place, before, after, frozenset(created), frozenset(updated), frozenset(deleted))


def by_dataset(listed: Sequence[Instance]) -> dict[str | None, Instance]:
    """Instances by their datasetId, None for the default one."""
    return {one.get("datasetId"): one for one in listed}


def plain(instance: Instance) -> Instance:
    """An instance without its stamps, which change whenever it is written."""
    return {key: value for key, value in instance.items() if key not in STAMPS}


def fires(subscription: Subscription, changed: Changed) -> bool:
    """Whether the kind of change is one that the subscription waits for (table 5.2.12-1)."""
    triggers, watched = subscription.triggers, subscription.watched

    def any_watched(names: Iterable[str]) -> bool:
        return any(watched is None or name in watched for name in names)

    if changed.after is None and Trigger.ENTITY_DELETED in triggers:
        return watched is None or any_watched(changed.entity.attrs)
    if changed.before is None and Trigger.ENTITY_CREATED in triggers:
        return watched is None or any_watched(changed.entity.attrs)
    by_trigger = zip(OF_ENTITY_UPDATED, (changed.created, changed.updated, changed.deleted), strict=True)
    wide = Trigger.ENTITY_UPDATED in triggers
    return any((trigger in triggers or wide) and any_watched(names) for trigger, names in by_trigger)


def selects(chosen: Sequence[Chosen], entity: Entity) -> bool:
    """Whether an entity is among those subscribed to (clause 5.2.33)."""
    return not chosen or any(_selects(one, entity) for one in chosen)


def _selects(one: Chosen, entity: Entity) -> bool:
    if one.types is not None and not type_matches(one.types, entity.types):
        return False
    if one.ids:
        return entity.id in one.ids
    return one.finds is None or one.finds(entity.id)


def holds(subscription: Subscription, entity: Entity, follow: Follow) -> bool:
    """Whether the query, geo-query and scope query hold for an entity (clauses 4.9, 4.10, 4.19)."""
    if subscription.scope is not None and not scope_matches(subscription.scope, entity.scope):
        return False
    if subscription.near is not None and not subscription.near(entity):
        return False
    return subscription.q is None or matches(subscription.q, entity, follow)


Readable = Callable[[Subscription, Entity], bool]


def concerns(subscription: Subscription, changed: Changed, now: int, readable: Readable, follow: Follow) -> bool:
    """Whether a subscription is to be told of a change; what its maker may not read is none of its concern."""
    return (
        subscription.recipient.status(now) == "active"
        and changed.at > subscription.since
        and fires(subscription, changed)
        and selects(subscription.chosen, changed.entity)
        and holds(subscription, changed.entity, follow)
        and readable(subscription, changed.entity)
    )
