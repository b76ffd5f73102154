"""Writes as another hub is told of them: documents in its names, no wider than its registration."""

from collections.abc import Iterable, Mapping
from typing import Any

from dothi.ground.clock import iso
from dothi.hub.context import Names
from dothi.hub.model import Attribute, Instance
from dothi.hub.peers.federate.provide.dividing import Share
from dothi.hub.render.entity import one_or_all, render_instance
from dothi.hub.render.parse import Given
from dothi.hub.render.shape import Shape


def part_of(given: Given, share: Share) -> Given:
    """What of an entity goes to one source: its attributes, its types; the rest only where it has the whole."""
    types = share.match.types()
    kept = given.types if types is None else tuple(kind for kind in given.types if kind in types)
    if share.attrs is None:
        return given._replace(types=kept)
    attrs = {name: attribute for name, attribute in given.attrs.items() if name in share.attrs}
    return Given(given.id, kept, attrs, None)


def rest_of(given: Given, rest: Iterable[str]) -> Given:
    """What of an entity stays here."""
    names = frozenset(rest)
    return given._replace(attrs={name: value for name, value in given.attrs.items() if name in names})


def document(given: Given, names: Names, entity_id: str | None = None) -> dict[str, Any]:
    """An entity or a fragment in the names of a source; with its id where `entity_id` says it."""
    said: dict[str, Any] = {} if entity_id is None else {"id": entity_id}
    if given.types:
        said["type"] = one_or_all([names.outward(kind) for kind in given.types])
    if given.scope is not None:
        said["scope"] = one_or_all(list(given.scope)) if given.scope else "urn:ngsi-ld:null"
    if given.expires:
        said["expiresAt"] = iso(given.expires)
    return said | {names.outward(name): attribute(value, names) for name, value in given.attrs.items()}


def attribute(value: Attribute, names: Names) -> Any:
    """One attribute, normalized."""
    shape = Shape(names)
    return [_instance(one, shape) for one in value] if isinstance(value, list) else _instance(value, shape)


def _instance(instance: Mapping[str, Any], shape: Shape) -> Instance:
    shown = render_instance(dict(instance), shape)
    return shown | {"expiresAt": instance["expiresAt"]} if "expiresAt" in instance else shown
