"""Linked entity retrieval (clause 4.5.23): what relationships lead to, inside the entity or beside it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from dothi.ground.errors import TooMany
from dothi.hub.language.match import objects
from dothi.hub.model import Attribute, Entity, Instance, instances
from dothi.hub.render.entity import render
from dothi.hub.render.shape import Shape, chosen

MOST_LINKED = 10_000  # Linked entities in one answer; inside one another each place counts.
LookUp = Callable[[list[str]], Mapping[str, Entity]]
Shown = tuple[Entity, Shape]


@dataclass(frozen=True, slots=True)
class Join:
    """How linked entities are asked for: inside or beside, how far, and which were met before this request."""

    kind: Literal["inline", "flat"]
    level: int = 1
    before: frozenset[str] = frozenset()


def flattened(found: Iterable[Shown], join: Join, look_up: LookUp) -> list[Shown]:
    """The entities and after them, level by level, what they lead to: each once, none that was met before."""
    shown = list(found)
    met = set(join.before) | {entity.id for entity, _ in shown}
    frontier = shown
    for _ in range(join.level):
        new: dict[str, Shape] = {}
        for uri, shape in _targets(frontier):
            if uri not in met:
                new.setdefault(uri, shape)
        known = look_up(list(new))
        frontier = [(known[uri], shape) for uri, shape in new.items() if uri in known]
        met.update(new)
        shown = shown + frontier
        _check(len(shown))
        if not frontier:
            break
    return shown


def gathered(found: Iterable[Shown], join: Join, look_up: LookUp) -> dict[str, Entity]:
    """All that the entities lead to within so many levels, by id; each is looked up once."""
    known: dict[str, Entity] = {}
    asked: set[str] = set(join.before)
    walked: set[tuple[str, Shape]] = set()
    frontier = list(found)
    for _ in range(join.level):
        targets = dict.fromkeys(_targets(frontier))
        wanted = [uri for uri in dict.fromkeys(uri for uri, _ in targets) if uri not in asked]
        known.update(look_up(wanted))
        asked.update(wanted)
        _check(len(asked))
        frontier = [(known[uri], shape) for uri, shape in targets if uri in known and (uri, shape) not in walked]
        walked.update(targets)
        if not frontier:
            break
    return known


def _targets(frontier: Iterable[Shown]) -> list[tuple[str, Shape]]:
    """What the shown relationships lead to, and how it is to look."""
    return [
        (uri, shape.behind(name))
        for entity, shape in frontier
        for name, attribute in chosen(entity, shape).items()
        for uri in objects(attribute)
    ]


class Inliner:
    """Documents with linked entities inside: no entity inside itself, none that was met before this request."""

    def __init__(self, join: Join, known: Mapping[str, Entity]) -> None:
        """`known` are the linked entities that may be shown, from gathered()."""
        self._join = join
        self._known = known
        self._count = 0

    def attach(self, entity: Entity, shape: Shape, passed: tuple[str, ...] = ()) -> Entity:
        """The entity with documents of what it leads to at its relationships, ready to be rendered in `shape`."""
        way = (*passed, entity.id)
        if len(way) > self._join.level:
            return entity
        seen = shape.visible(entity.attrs)
        attrs = {
            name: self._attribute(attribute, shape.behind(name), way)
            for name, attribute in entity.attrs.items()
            if name in seen and objects(attribute)
        }
        return msgspec.structs.replace(entity, attrs={**entity.attrs, **attrs}) if attrs else entity

    def _attribute(self, attribute: Attribute, shape: Shape, way: tuple[str, ...]) -> Attribute:
        listed = [self._instance(one, shape, way) for one in instances(attribute)]
        return listed if isinstance(attribute, list) else listed[0]

    def _instance(self, instance: Instance, shape: Shape, way: tuple[str, ...]) -> Instance:
        made = {uri: self._document(uri, shape, way) for uri in objects(instance)}
        documents: list[Any] = [one for one in made.values() if one is not None]
        if not documents:
            return instance
        if shape.form == "simplified":  # Documents stand in the place of the URIs there, and none may be lost.
            documents = [uri if one is None else one for uri, one in made.items()]
        if instance["type"] == "ListRelationship":
            return {**instance, "entityList": documents}
        return {**instance, "entity": documents if isinstance(instance["object"], list) else documents[0]}

    def _document(self, uri: str, shape: Shape, way: tuple[str, ...]) -> dict[str, Any] | None:
        linked = self._known.get(uri)
        if linked is None or uri in way or uri in self._join.before:
            return None
        self._count += 1
        _check(self._count)
        return render(self.attach(linked, shape, way), shape)


def _check(count: int) -> None:
    if count > MOST_LINKED:
        raise TooMany(
            f"More than {MOST_LINKED} linked entities belong to this answer; lower joinLevel or limit, or pick fewer."
        )
