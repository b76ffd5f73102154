"""Entities as the answer that was asked for: media type, form, linked entities, an older version of the standard."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from dothi.hub.api.door.answer import WITH_GEO, Answer, accepted, contextual
from dothi.hub.api.door.parameters import Asked, join_of, shape_of
from dothi.hub.api.door.request import GEO_JSON, Call
from dothi.hub.context import Names
from dothi.hub.model import Entity
from dothi.hub.render.entity import collection, feature, render
from dothi.hub.render.linked import Inliner, Join, Shown, flattened, gathered
from dothi.hub.render.older import CURRENT, OLDEST, Version, older
from dothi.hub.render.shape import Shape

Headers = Sequence[tuple[str, str]]
_PREFERRED = re.compile(r"(?:^|[,;\s])ngsi-ld=\"?(\d{1,3})\.(\d{1,3})\"?(?=[,;\s]|$)", re.IGNORECASE)


class View(NamedTuple):
    """How the entities of an answer are to look."""

    names: Names
    media: str
    shape: Shape
    join: Join | None
    version: Version | None = None  # The version of the standard that the client prefers (clause 4.3.6.8).


def view_of(call: Call, names: Names, asked: Asked) -> View:
    """The view that parameters and headers ask for. Invalid names the parameter that is wrong."""
    media = accepted(call, WITH_GEO)
    return View(names, media, shape_of(call, names, asked, media), join_of(asked), preferred(call))


def preferred(call: Call) -> Version | None:
    """The version that the header Prefer names, as near as there is one here; None when it names none."""
    found = _PREFERRED.search(call.headers.get("prefer", ""))
    return max(OLDEST, min((int(found[1]), int(found[2])), CURRENT)) if found else None


def show_one(call: Call, view: View, entity: Entity, headers: Headers = (), status: int = 200) -> Answer:
    """One entity; with flattened linked entities it is the first of an array (clause 4.5.23.3)."""
    return _answer(call, view, [entity], headers, status, alone=view.join is None or view.join.kind == "inline")


def show_many(call: Call, view: View, entities: Sequence[Entity], headers: Headers = (), status: int = 200) -> Answer:
    """An array of entities, or a FeatureCollection."""
    return _answer(call, view, entities, headers, status, alone=False)


def _answer(call: Call, view: View, entities: Sequence[Entity], headers: Headers, status: int, alone: bool) -> Answer:
    shown, amended = _amended(view, _joined(call, view, entities))
    make = feature if view.media == GEO_JSON else render
    documents: list[dict[str, Any]] = [make(entity, shape) for entity, shape in shown]
    value: Any = documents
    if alone:
        value = documents[0]
    elif view.media == GEO_JSON:
        value = collection(documents)
    if view.version is not None:
        headers = [*headers, ("Preference-Applied", "ngsi-ld={}.{}".format(*view.version))]
        status = 203 if amended and status == 200 else status
    return contextual(call, value, view.names, view.media, headers)._replace(status=status)


def _joined(call: Call, view: View, entities: Sequence[Entity]) -> list[Shown]:
    """The entities with what they lead to, as far as the client may read it."""
    found = [(entity, view.shape) for entity in entities]
    if view.join is None:
        return found

    def look_up(ids: list[str]) -> dict[str, Entity]:
        return call.hub.some(call.actor, ids, call.tenant)

    if view.join.kind == "flat":
        return flattened(found, view.join, look_up)
    inliner = Inliner(view.join, gathered(found, view.join, look_up))
    return [(inliner.attach(entity, shape), shape) for entity, shape in found]


def _amended(view: View, shown: list[Shown]) -> tuple[list[Shown], bool]:
    """The entities as the preferred version knows them, and whether that changed any."""
    if view.version is None:
        return shown, False
    version = view.version
    made = [(older(entity, version, view.names), shape) for entity, shape in shown]
    return made, any(new is not old for (new, _), (old, _) in zip(made, shown, strict=True))
