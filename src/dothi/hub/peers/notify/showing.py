"""What a notification shows of an entity: as it stands, with what went away and what stood before (clause 5.8.6)."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from dothi.ground.clock import iso
from dothi.hub.context import CORE_URL, Names
from dothi.hub.language.match import Follow
from dothi.hub.model import VALUE_KEY, Attribute, Entity, Instance, instances
from dothi.hub.peers.notify.changes import Changed, by_dataset, plain
from dothi.hub.peers.notify.model import GEO_JSON, Subscription, Trigger
from dothi.hub.render.entity import feature, render
from dothi.hub.render.linked import Inliner, Join, flattened, gathered
from dothi.hub.render.older import older
from dothi.hub.render.shape import Shape

NULL = "urn:ngsi-ld:null"
_PREVIOUS = {key: f"previous{key[0].upper()}{key[1:]}" for key in VALUE_KEY.values()}
_HEAD = frozenset({"id", "type", "scope", "createdAt", "modifiedAt"})
_OF_DELETED = frozenset({Trigger.ATTRIBUTE_DELETED, Trigger.ENTITY_UPDATED})


def documents(subscription: Subscription, changes: Sequence[Changed], follow: Follow) -> list[dict[str, Any]]:
    """The members of `data`: one for each changed entity, and what they lead to where it is asked for."""
    shown = [_shown(subscription, one) for one in changes]
    standing = [one for one in shown if isinstance(one, Entity)]
    if subscription.join == "inline":
        shown = _inlined(subscription, shown, standing, follow)
    found = [_document(subscription, one, subscription.shape) for one in shown]
    if subscription.join == "flat":
        found.extend(_beside(subscription, standing, follow))
    return found


def states(subscription: Subscription, entities: Iterable[Entity], follow: Follow) -> list[dict[str, Any]]:
    """The same for entities that are told of by the clock: nothing changed."""
    return documents(subscription, [Changed(subscription.tenant, 0, 0, None, one) for one in entities], follow)


def wrapped(subscription: Subscription, found: list[dict[str, Any]]) -> Any:
    """`data` as the endpoint accepts it: a FeatureCollection, or the documents themselves, with their @context."""
    endpoint, context = subscription.recipient.endpoint, _context(subscription)
    if endpoint.accept == GEO_JSON:
        collection: dict[str, Any] = {"type": "FeatureCollection", "features": found}
        return collection | {"@context": context} if endpoint.in_body else collection
    if endpoint.in_body:
        return [one | {"@context": context} for one in found]
    return found


def _context(subscription: Subscription) -> Any:
    """The @context of a body; of several versions of the core the one that was named."""
    names = subscription.shape.names
    return subscription.recipient.context if names.source is None else context_of(names)


def context_of(names: Names) -> Any:
    """The @context that goes into a body: the user's own with the core last."""
    if names.source is None:
        return CORE_URL
    if names.has_core or isinstance(names.source, str):
        return names.source
    return [*(names.source if isinstance(names.source, list) else [names.source]), CORE_URL]


def _shown(subscription: Subscription, changed: Changed) -> Entity | dict[str, Any]:
    """The entity with what the notification adds to it, or the document of one that is gone."""
    if changed.after is None:
        return _gone(subscription, changed)
    extra: dict[str, Attribute] = {}
    if changed.deleted:
        extra |= {name: _with_deleted(subscription, changed, name) for name in changed.deleted}
    if subscription.show_changes:
        extra |= {name: _with_previous(subscription, changed, extra, name) for name in changed.updated}
    if not extra:
        return changed.after
    return msgspec.structs.replace(changed.after, attrs={**changed.after.attrs, **extra})


def _with_deleted(subscription: Subscription, changed: Changed, name: str) -> Attribute:
    """An attribute with a null in the place of each instance that is gone."""
    assert changed.before is not None
    assert changed.after is not None
    left = instances(changed.after.attrs.get(name))
    has = by_dataset(left)
    had = instances(changed.before.attrs.get(name))
    if not left and not subscription.show_changes:
        return _null(subscription, {key: value for key, value in had[0].items() if key != "datasetId"}, changed)
    gone = [_null(subscription, one, changed) for dataset, one in by_dataset(had).items() if dataset not in has]
    return _pack([*left, *gone])


def _null(subscription: Subscription, instance: Instance, changed: Changed) -> Instance:
    """The instance that says of another that it is gone; its bare value where nothing more is to be said."""
    kind, shape = instance.get("type", "Property"), subscription.shape
    key = VALUE_KEY[kind]
    said: Instance = {"datasetId": instance["datasetId"]} if "datasetId" in instance else {}
    if subscription.show_changes:
        said[_PREVIOUS[key]] = _outward(key, instance.get(key), shape.names)
    if shape.form == "simplified" or (shape.form == "concise" and not (said or shape.sys_attrs)):
        return {"type": "Property", "value": NULL, **said}
    made: Instance = {"type": kind, key: {"@none": NULL} if key == "languageMap" else NULL, **said}
    if shape.sys_attrs:
        for stamp in ("createdAt", "modifiedAt"):
            if stamp in instance:
                made[stamp] = instance[stamp]
        made["deletedAt"] = iso(changed.at)
    return made


def _with_previous(subscription: Subscription, changed: Changed, extra: dict[str, Attribute], name: str) -> Attribute:
    """An attribute with the value that each changed instance had before."""
    assert changed.before is not None
    assert changed.after is not None
    had = by_dataset(instances(changed.before.attrs.get(name)))
    names = subscription.shape.names
    return _pack(
        [
            _previous(one, had.get(one.get("datasetId")), names)
            for one in instances(extra.get(name, changed.after.attrs.get(name)))
        ]
    )


def _previous(instance: Instance, before: Instance | None, names: Names) -> Instance:
    if before is None or plain(before) == plain(instance):
        return instance
    key = VALUE_KEY[before.get("type", "Property")]
    return {**instance, _PREVIOUS[key]: _outward(key, before.get(key), names)}


def _outward(key: str, value: Any, names: Names) -> Any:
    """A previous value as the subscriber spells it: only the words of a vocabulary are names."""
    if key != "vocab":
        return value
    return [names.outward(one) for one in value] if isinstance(value, list) else names.outward(value)


def _gone(subscription: Subscription, changed: Changed) -> dict[str, Any]:
    """A deleted entity: what it was and when it went; its attributes where they or their values are asked for."""
    assert changed.before is not None
    shape, before = subscription.shape, changed.before
    nulls: dict[str, Attribute] = {}
    if subscription.show_changes:
        names: Iterable[str] = before.attrs
    elif subscription.triggers.isdisjoint(_OF_DELETED):
        names = ()
    else:
        names = before.attrs if subscription.watched is None else before.attrs.keys() & subscription.watched
    after = Changed(changed.tenant, changed.seq, changed.at, before, msgspec.structs.replace(before, attrs={}))
    for name in names:
        nulls[name] = _with_deleted(subscription, after, name)
    document = _rendered(msgspec.structs.replace(before, scope=(), attrs=nulls), shape)
    return _with_end(document, shape, changed.at)


def _with_end(document: dict[str, Any], shape: Shape, at: int) -> dict[str, Any]:
    """The document with deletedAt behind the other members of its head."""
    head = {name: value for name, value in document.items() if name in _HEAD}
    rest = {name: value for name, value in document.items() if name not in _HEAD}
    return {**head, **({"deletedAt": iso(at)} if "deletedAt" not in shape.omit else {}), **rest}


def _document(subscription: Subscription, shown: Entity | dict[str, Any], shape: Shape) -> dict[str, Any]:
    if subscription.version is not None and isinstance(shown, Entity):
        shown = older(shown, subscription.version, shape.names)
    if subscription.recipient.endpoint.accept != GEO_JSON:
        return shown if isinstance(shown, dict) else _rendered(shown, shape)
    if isinstance(shown, Entity):
        return feature(shown, shape)
    properties = {name: value for name, value in shown.items() if name != "id"}
    return {"id": shown.get("id"), "type": "Feature", "geometry": None, "properties": properties}


def _rendered(entity: Entity, shape: Shape) -> dict[str, Any]:
    """A document; a stamp of deletion, which no answer shows, is put back where an instance is gone."""
    document = render(entity, shape)
    if not shape.sys_attrs:
        return document
    if shape.form == "simplified":  # Which has no place for the stamps of attributes.
        head: dict[str, Any] = {name: document.pop(name) for name in ("id", "type", "scope") if name in document}
        return {**head, "createdAt": iso(entity.created_at), "modifiedAt": iso(entity.modified_at), **document}
    for name, attribute in entity.attrs.items():
        ends = [one.get("deletedAt") for one in instances(attribute)]
        shown = document.get(shape.names.outward(name))
        if any(ends) and shown is not None:
            _stamp(shown if isinstance(shown, list) else [shown], ends)
    return document


def _stamp(shown: list[Any], ends: list[Any]) -> None:
    for one, stamp in zip(shown, ends, strict=False):
        if stamp is not None and isinstance(one, dict):
            one["deletedAt"] = stamp


def _inlined(
    subscription: Subscription, shown: list[Any], standing: list[Entity], follow: Follow
) -> list[Entity | dict[str, Any]]:
    join = Join("inline", subscription.join_level)
    known = gathered([(one, subscription.shape) for one in standing], join, _look_up(follow))
    inliner = Inliner(join, known)
    return [inliner.attach(one, subscription.shape) if isinstance(one, Entity) else one for one in shown]


def _beside(subscription: Subscription, standing: list[Entity], follow: Follow) -> list[dict[str, Any]]:
    join = Join("flat", subscription.join_level)
    pairs = flattened([(one, subscription.shape) for one in standing], join, _look_up(follow))
    return [_document(subscription, entity, shape) for entity, shape in pairs[len(standing) :]]


def _look_up(follow: Follow) -> Any:
    return lambda ids: {one.id: one for one in follow(ids)}


def _pack(listed: list[Instance]) -> Attribute:
    return listed[0] if len(listed) == 1 else listed
