"""NGSI-LD entities as sources hand them in (normalized, concise or simplified) made into changes."""

from collections.abc import Mapping
from typing import Any

from dothi.ground.clock import from_iso, iso
from dothi.ground.errors import DothiError
from dothi.hub.context import CORE, Contexts
from dothi.hub.model import Change, Op, instances
from dothi.hub.render.parse import read_entity
from dothi.hub.render.values import Reading
from dothi.sources.mapping.model import Fault
from dothi.sources.mapping.values import shown

ID_MAX = 512


def entity_change(item: Mapping[str, Any], contexts: Contexts) -> tuple[Change, str | None]:
    """The upsert that an NGSI-LD entity means, and the latest observedAt in it (UTC); Fault when it is no entity.

    @context may be inline or the core; nothing is fetched.
    """
    try:
        names = contexts.resolve(item["@context"]) if "@context" in item else CORE
        given = read_entity(dict(item), Reading(names))
    except DothiError as error:
        raise Fault("not-an-entity", value=shown(error.detail)) from error
    if len(given.id) > ID_MAX:
        raise Fault("too-long", "id", value=shown(given.id))
    if not given.attrs:
        raise Fault("empty")
    every = [one for attribute in given.attrs.values() for one in instances(attribute)]
    stamps = {one["observedAt"] for one in every if "observedAt" in one}
    latest = iso(max(map(from_iso, stamps))) if stamps else None
    return Change(Op.UPSERT, given.id, given.types, given.attrs, given.scope, newer_only=True), latest
