"""What a change makes of an entity: the semantics of NGSI-LD's operations as pure functions.

Stamps: inside a stored instance a missing `modifiedAt` means the entity's own modified_at, and a missing
`createdAt` means the instance's modifiedAt. So a reading that replaces everything carries no stamps at all.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from dothi.ground.clock import from_iso, iso
from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.hub.model import Attribute, Change, Entity, Instance, Op, Status, instances

instant = lru_cache(4096)(from_iso)  # The readings of a batch were mostly observed together.
stamp = lru_cache(4096)(iso)  # What is changed by a batch was mostly changed together before.
NULL = "urn:ngsi-ld:null"  # Deletes in a merge (clause 4.5.0).


@dataclass(slots=True)
class Outcome:
    """What one change did: the entity after it (None = deleted) and what the log must keep."""

    status: Status
    after: Entity | None
    written: dict[str, Attribute] = field(default_factory=dict)
    late: dict[str, Attribute] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    not_updated: list[tuple[str, str]] = field(default_factory=list)
    scope: tuple[str, ...] | None = None
    whole: bool = False
    expires: int | None = None
    erased: list[str] = field(default_factory=list)
    amended: dict[str, Instance] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()  # Types that the log keeps where no entity stands.


class AlreadyThere(Conflict):
    """An entity with this id exists already."""


def apply(before: Entity | None, change: Change, now: int) -> Outcome:
    """Apply `change` to `before` (None = absent) at instant `now` (µs). Raises Missing, AlreadyThere or Invalid."""
    op = change.op
    if before is None:
        if op in _MAKES:
            return _fresh(change, now)
        raise Missing(f"Entity {change.id} does not exist.", entity=change.id)
    if op is Op.CREATE:
        raise AlreadyThere(f"Entity {change.id} exists already: update it, or choose another id.", entity=change.id)
    return _APPLY[op](before, change, now)


def _fresh(change: Change, now: int) -> Outcome:
    if not change.types:
        raise Invalid(f"Entity {change.id} has no type: an entity that is created needs one.", entity=change.id)
    scope = change.scope or ()
    after = Entity(change.id, change.types, change.attrs, scope, now, now, 1, change.expires or 0)
    return Outcome("created", after, change.attrs, scope=scope, whole=True)


def _replace(before: Entity, change: Change, now: int) -> Outcome:
    if change.newer_only:
        return _append(before, change, now)
    scope = change.scope or ()
    types = change.types or before.types
    version, expires = before.version + 1, change.expires or 0
    after = Entity(change.id, types, change.attrs, scope, before.created_at, now, version, expires)
    return Outcome("updated", after, change.attrs, scope=scope, whole=True)


def _delete(before: Entity, change: Change, now: int) -> Outcome:
    return Outcome("deleted", None, whole=True)


def _append(before: Entity, change: Change, now: int) -> Outcome:
    draft = Draft(before, now)
    for name, attribute in change.attrs.items():
        for instance in instances(attribute):
            there = draft.find(name, instance.get("datasetId"))
            if there is not None and not change.overwrite:
                draft.refuse(name, "exists already and overwriting was not asked for")
            elif there is not None and change.newer_only and _older(instance, there):
                draft.keep_late(name, instance)
            else:
                draft.put(name, instance)
    draft.widen(change)
    return draft.finish()


def _update(before: Entity, change: Change, now: int) -> Outcome:
    draft = Draft(before, now)
    for name, attribute in change.attrs.items():
        for instance in instances(attribute):
            if draft.find(name, instance.get("datasetId")) is None:
                draft.refuse(name, "does not exist")
            else:
                draft.put(name, instance)
    draft.widen(change)
    return draft.finish()


def _partial(before: Entity, change: Change, now: int) -> Outcome:
    draft = Draft(before, now)
    name, attribute = next(iter(change.attrs.items()))
    for instance in instances(attribute):
        there = draft.demand(name, instance.get("datasetId", change.dataset))
        draft.put(name, _patched(there, instance))
    return draft.finish()


def _replace_attr(before: Entity, change: Change, now: int) -> Outcome:
    draft = Draft(before, now)
    name, attribute = next(iter(change.attrs.items()))
    for instance in instances(attribute):
        draft.demand(name, instance.get("datasetId"))
        draft.put(name, instance)
    return draft.finish()


def _merge(before: Entity, change: Change, now: int) -> Outcome:
    draft = Draft(before, now)
    for name, attribute in change.attrs.items():
        for instance in instances(attribute):
            dataset = instance.get("datasetId")
            there = draft.find(name, dataset)
            if _is_null(instance):
                draft.drop(name, dataset)
            elif there is None or there.get("type") != instance.get("type", there.get("type")):
                draft.put(name, instance)
            else:
                draft.put(name, _merged(there, instance))
    draft.widen(change)
    return draft.finish()


def _drop(before: Entity, change: Change, now: int) -> Outcome:
    draft = Draft(before, now)
    if change.every:
        if change.name not in before.attrs:
            draft.demand(change.name, None)
        draft.drop_all(change.name)
    else:
        draft.demand(change.name, change.dataset)
        draft.drop(change.name, change.dataset)
    return draft.finish()


_MAKES = {Op.CREATE, Op.PUT, Op.UPSERT}
_APPLY: dict[Op, Callable[[Entity, Change, int], Outcome]] = {
    Op.REPLACE: _replace,
    Op.PUT: _replace,
    Op.UPSERT: _append,
    Op.APPEND: _append,
    Op.UPDATE: _update,
    Op.PARTIAL: _partial,
    Op.REPLACE_ATTR: _replace_attr,
    Op.MERGE: _merge,
    Op.DROP: _drop,
    Op.DELETE: _delete,
}


class Draft:
    """An entity while a change is made to it: copies on write, keeps the stamps right, notes what changed."""

    def __init__(self, before: Entity, now: int) -> None:
        """Start from `before`; what is not touched keeps the stamps it had."""
        self._before = before
        self._now = now
        self._stamp = stamp(before.modified_at)
        self._attrs: dict[str, list[Instance]] = {}  # What was touched, each instance with its stamps.
        self._types = before.types
        self._scope = before.scope
        self._expires = before.expires_at
        self._new: dict[str, list[Instance]] = {}
        self._out = Outcome("updated", None)

    def find(self, name: str, dataset: str | None) -> Instance | None:
        """The instance of `name` with this datasetId (None = the default instance)."""
        listed = self._attrs.get(name)
        if listed is None:
            stands = self._before.attrs.get(name)
            if isinstance(stands, dict):
                return stands if stands.get("datasetId") == dataset else None
            listed = instances(stands)
        return next((one for one in listed if one.get("datasetId") == dataset), None)

    def demand(self, name: str, dataset: str | None) -> Instance:
        """Like find, but raise Missing."""
        there = self.find(name, dataset)
        if there is None:
            which = f" with datasetId {dataset}" if dataset else ""
            raise Missing(f"Entity {self._before.id} has no attribute {name}{which}.", attribute=name)
        return there

    def put(self, name: str, instance: Instance) -> None:
        """Set one instance; its createdAt stays that of the one it replaces."""
        dataset = instance.get("datasetId")
        stored = instance
        if "createdAt" in instance or "modifiedAt" in instance:
            stored = {key: value for key, value in instance.items() if key not in ("createdAt", "modifiedAt")}
        old = self._before.attrs.get(name)
        if dataset is None and name not in self._attrs and (old is None or isinstance(old, dict)):
            self._put_only(name, stored, old)
        else:
            self._put_among(name, stored, dataset)

    def _put_only(self, name: str, stored: Instance, old: Instance | None) -> None:
        """The common case: one instance there at most, and ours takes its place or stands beside it."""
        if old is None:
            self._attrs[name] = [stored]
        elif "datasetId" in old:
            self._attrs[name] = [self._stamped(old), stored]
        else:
            born = old.get("createdAt") or old.get("modifiedAt", self._stamp)
            self._attrs[name] = [{**stored, "createdAt": born}]
        self._new[name] = [stored]

    def _put_among(self, name: str, stored: Instance, dataset: str | None) -> None:
        listed = self._list(name)
        at = next((i for i, one in enumerate(listed) if one.get("datasetId") == dataset), None)
        if at is None:
            listed.append(stored)
        else:
            old = listed[at]
            listed[at] = {**stored, "createdAt": old.get("createdAt") or old.get("modifiedAt", iso(self._now))}
        self._new[name] = [one for one in self._new.get(name, ()) if one.get("datasetId") != dataset] + [stored]

    def keep_late(self, name: str, instance: Instance) -> None:
        """Note an instance for history only."""
        known = instances(self._out.late.get(name))
        self._out.late[name] = _pack([*known, instance])

    def drop(self, name: str, dataset: str | None) -> None:
        """Delete one instance, if it is there."""
        left = [one for one in self._list(name) if one.get("datasetId") != dataset]
        if len(left) != len(self._attrs[name]):
            self._attrs[name] = left
            self._out.dropped.append(f"{name} {dataset or ''}")

    def drop_all(self, name: str) -> None:
        """Delete all instances."""
        self._attrs[name] = []
        self._out.dropped.append(name)

    def refuse(self, name: str, why: str) -> None:
        """Note an attribute that was not updated."""
        self._out.not_updated.append((name, why))

    def widen(self, change: Change) -> None:
        """Add types, set the scope and the expiry."""
        self._types = (*self._types, *(kind for kind in change.types if kind not in self._types))
        if change.scope is not None:
            kept = () if change.overwrite else self._scope  # Clause 5.6.3: without overwriting, scopes are added.
            self._scope = self._out.scope = tuple(dict.fromkeys((*kept, *change.scope)))
        if change.expires is not None and change.expires != self._expires:
            self._expires = self._out.expires = change.expires

    def finish(self) -> Outcome:
        """The outcome; "unchanged" when nothing was."""
        out, before = self._out, self._before
        out.written = {name: _pack(listed) for name, listed in self._new.items()}
        headed = out.scope is not None or out.expires is not None or self._types != before.types
        if not (out.written or out.dropped or headed):
            if not out.late:
                out.status = "unchanged"
            out.after = before  # Late data is history; what stands now is untouched.
            return out
        attrs: dict[str, Attribute] = {
            name: _pack(self._attrs[name]) if name in self._attrs else self._aged(attribute)
            for name, attribute in before.attrs.items()
        }
        attrs.update({name: _pack(listed) for name, listed in self._attrs.items() if name not in attrs})
        left = {name: attribute for name, attribute in attrs.items() if attribute}
        stamps = (before.created_at, self._now, before.version + 1, self._expires)
        out.after = Entity(before.id, self._types, left, self._scope, *stamps)
        return out

    def _aged(self, attribute: Attribute) -> Attribute:
        """An attribute that was not touched: its instances keep the modifiedAt that they had."""
        if isinstance(attribute, dict):
            return self._stamped(attribute)
        return [self._stamped(one) for one in attribute]

    def _stamped(self, instance: Instance) -> Instance:
        return instance if "modifiedAt" in instance else {**instance, "modifiedAt": self._stamp}

    def _list(self, name: str) -> list[Instance]:
        """This attribute's instances, each with an explicit modifiedAt, as a list of our own."""
        if name not in self._attrs:
            self._attrs[name] = [self._stamped(one) for one in instances(self._before.attrs.get(name))]
        return self._attrs[name]


def advance(entity: Entity | None, entry: Any, at: int) -> Entity | None:
    """The state after a log entry (model.Logged): the change log is the truth, state is derived from it."""
    if entry.status == "deleted":
        return None
    if entry.status == "recorded":
        return entity
    if entry.whole or entity is None:
        created = entity.created_at if entity else at
        expires = entry.expires or 0
        return Entity(entry.id, entry.types, entry.attrs, entry.scope or (), created, at, entry.version, expires)
    draft = Draft(entity, at)
    for gone in entry.dropped:
        name, space, dataset = gone.partition(" ")
        if space:
            draft.drop(name, dataset or None)
        else:
            draft.drop_all(name)
    for name, attribute in entry.attrs.items():
        for instance in instances(attribute):
            draft.put(name, instance)
    for name, attribute in entry.late.items():
        for instance in instances(attribute):
            draft.keep_late(name, instance)
    draft.widen(Change(Op.APPEND, entry.id, entry.types, scope=entry.scope, expires=entry.expires))
    return draft.finish().after


def _pack(listed: list[Instance]) -> Attribute:
    return listed[0] if len(listed) == 1 else listed


def _older(new: Instance, there: Instance) -> bool:
    mine, theirs = new.get("observedAt"), there.get("observedAt")
    return mine is not None and theirs is not None and mine != theirs and instant(mine) < instant(theirs)


def _is_null(instance: Instance) -> bool:
    return any(instance.get(key) == NULL for key in ("value", "object", "vocab", "json")) or (
        instance.get("languageMap") == {"@none": NULL}
    )


def _patched(there: Instance, patch: Instance) -> Instance:
    """Partial update (clause 5.5.8): the members given replace those that stand, the null URN deletes."""
    return {key: value for key, value in {**there, **patch}.items() if value != NULL}


def _merged(there: Instance, patch: Instance) -> Instance:
    """Recursive merge (clause 5.5.12): objects merge, the null URN deletes, all else replaces."""
    result = dict(there)
    for key, value in patch.items():
        if value == NULL or (isinstance(value, dict) and _is_null(value)):
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = _merged(result[key], value)
        else:
            result[key] = value
    return result
