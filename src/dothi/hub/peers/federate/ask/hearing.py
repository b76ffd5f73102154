"""What a source said, as entities of ours: validated, in house names, within what was registered, nothing guarded."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import msgspec

from dothi.ground.clock import from_iso
from dothi.ground.errors import DothiError
from dothi.hub.context import Names
from dothi.hub.language.pattern import finder
from dothi.hub.model import Attribute, Entity, Instance, instances
from dothi.hub.peers.federate.ask.forwarding import Reply
from dothi.hub.peers.federate.matching import Match
from dothi.hub.render.instance import NO_DATASET
from dothi.hub.render.parse import read_entity
from dothi.hub.render.values import Reading, is_moment

_STAMPS = ("createdAt", "modifiedAt")


class Heard(NamedTuple):
    """The entities of an answer, and why some of it was refused ("" when nothing was)."""

    entities: tuple[Entity, ...] = ()
    refused: str = ""


def heard(reply: Reply, match: Match, asked: Mapping[str, str], guarded: Collection[str]) -> Heard:
    """The entities in an answer that is an entity or an array of them.

    What is no NGSI-LD is refused. What was not asked for (`asked`: id and idPattern as they were sent), what lies
    outside of the registration (clause 4.3.6.1), and types that only this hub's own verbs may write, are left out.
    """
    if reply.document is None:
        return Heard(refused="" if not reply.good or reply.status == 204 else "answered nothing")
    documents = reply.document if isinstance(reply.document, list) else [reply.document]
    found: list[Entity] = []
    refused = ""
    for document in documents:
        try:
            entity = entity_of(document, reply.names)
        except DothiError as error:
            refused = f"answered what is no NGSI-LD: {error.detail}"
            continue
        kept = within(match, entity) if _asked_for(asked, entity.id) else None
        if kept is not None and not set(kept.types) & set(guarded):
            found.append(kept)
    return Heard(tuple(found), refused)


def _asked_for(asked: Mapping[str, str], entity_id: str) -> bool:
    if "id" in asked:
        return entity_id in asked["id"].split(",")
    return "idPattern" not in asked or finder(asked["idPattern"])(entity_id)


def entity_of(document: Any, names: Names) -> Entity:
    """An entity as another hub renders it, with its stamps (clause 4.8). Invalid when it is none."""
    given = read_entity(document, Reading(names))
    attrs = dict(given.attrs)
    for name, value in document.items():
        house = names.inward(name) if name not in ("@context", "id", "type", "scope") else ""
        if house in attrs:
            attrs[house] = _stamped(attrs[house], value)
    created, modified = (_instant(document.get(stamp)) for stamp in _STAMPS)
    expires = _instant(document.get("expiresAt"))
    return Entity(given.id, given.types, attrs, given.scope or (), created, modified, expires_at=expires)


def within(match: Match, entity: Entity) -> Entity | None:
    """The entity as far as the registration lets this source speak of it; None when not at all."""
    types = match.types()
    if types is not None and types.isdisjoint(entity.types):
        return None
    offered, datasets = match.attrs(), match.registration.datasets
    attrs = {
        name: kept
        for name, attribute in entity.attrs.items()
        if (offered is None or name in offered) and (kept := _of_datasets(attribute, datasets))
    }
    return entity if len(attrs) == len(entity.attrs) and not datasets else msgspec.structs.replace(entity, attrs=attrs)


def _of_datasets(attribute: Attribute, datasets: frozenset[str]) -> Attribute | None:
    if not datasets:
        return attribute
    kept = [one for one in instances(attribute) if one.get("datasetId", NO_DATASET) in datasets]
    return (kept[0] if len(kept) == 1 else kept) if kept else None


def _stamped(attribute: Attribute, given: Any) -> Attribute:
    """The instances with the stamps that they came with, which reading leaves out since a client may not set them."""
    if isinstance(attribute, list):
        return [_with_stamps(one, raw) for one, raw in zip(attribute, given, strict=True)]
    return _with_stamps(attribute, given[0] if isinstance(given, list) and len(given) == 1 else given)


def _with_stamps(instance: Instance, given: Any) -> Instance:
    if not isinstance(given, Mapping):
        return instance
    return {**instance, **{stamp: given[stamp] for stamp in _STAMPS if _instant(given.get(stamp))}}


def _instant(text: Any) -> int:
    return from_iso(text) if isinstance(text, str) and is_moment(text) else 0
