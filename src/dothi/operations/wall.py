"""The situation wall as data: scenes that rotate and tiles that take one figure from the readings of the city."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from dothi.ground.clock import MINUTE, from_iso
from dothi.ground.errors import Invalid
from dothi.hub.model import Entity
from dothi.office.rules import in_force
from dothi.office.rules.model import Kind
from dothi.operations.model import Operations

KIND = "operations.wall"
SHOWS = ("situation", "map", "orders", "numbers", "sources", "reports", "outside")
TAKES = ("highest", "lowest", "latest", "sum", "count", "list")
SCENES_MAX, TILES_MAX, ROWS_MAX = 12, 40, 12
_SECONDS = (5, 600)


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture of the wall and how long it stays."""

    id: str
    show: str
    seconds: int
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure: which entities, which attribute, what is taken of them, and from when on it is grey."""

    id: str
    scene: str
    kind: str
    attribute: str
    take: str
    source: str  # URN of the source that brought them; "" is any.
    stale: int  # µs
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Wall:
    """What a centre's wall shows."""

    scenes: tuple[Scene, ...]
    tiles: tuple[Tile, ...]
    sound_every_s: int
    mute_minutes: int

    def tiles_of(self, scene: Scene) -> tuple[Tile, ...]:
        """The tiles of one scene."""
        return tuple(one for one in self.tiles if one.scene == scene.id)


@dataclass(frozen=True, slots=True)
class Figure:
    """What a tile shows; `value` is None where nothing was ever measured, `late` when it is too old to be trusted."""

    value: float | None
    of: Entity | None  # The thing whose value it is; None for a sum or a count.
    at: int | None  # When it was measured (µs): of a sum, the oldest part of it.
    fresh: int  # How many of `count` have a value that is new enough.
    count: int
    late: bool


def parse(tables: Mapping[str, Any]) -> Wall:
    """The wall that tables say. Invalid when it cannot be shown."""
    scenes = tuple(_scene(row) for row in tables.get("scene", ()))
    tiles = tuple(_tile(row) for row in tables.get("tile", ()))
    if not 0 < len(scenes) <= SCENES_MAX or len(tiles) > TILES_MAX:
        raise Invalid(f"A wall has 1 to {SCENES_MAX} scenes and at most {TILES_MAX} tiles.", field="text")
    if scenes[0].show != "situation":
        raise Invalid(
            "The first scene is the situation: the wall goes back to it when something is urgent.", field="text"
        )
    for one in tiles:
        if one.scene not in {scene.id for scene in scenes}:
            raise Invalid(f"Tile “{one.id}” stands in the scene “{one.scene}”, which is not there.", field="text")
    return Wall(
        scenes,
        tiles,
        _whole("sound_every_s", tables["sound_every_s"], 3, 600),
        _whole("mute_minutes", tables["mute_minutes"], 1, 60),
    )


def _scene(row: Mapping[str, Any]) -> Scene:
    if row["show"] not in SHOWS:
        raise Invalid(f"Scene “{row['id']}” shows one of {', '.join(SHOWS)}.", field="text")
    return Scene(str(row["id"]), str(row["show"]), _whole("seconds", row["seconds"], *_SECONDS), dict(row["name"]))


def _tile(row: Mapping[str, Any]) -> Tile:
    if row["take"] not in TAKES:
        raise Invalid(f"Tile “{row['id']}” takes one of {', '.join(TAKES)}.", field="text")
    minutes = _whole("stale_minutes", row.get("stale_minutes", 120), 1, 60 * 24 * 31)
    name, scene, kind, attribute = (str(row[key]) for key in ("id", "scene", "type", "attribute"))
    source = str(row.get("source", ""))
    return Tile(name, scene, kind, attribute, str(row["take"]), source, minutes * MINUTE, dict(row["name"]))


def _whole(name: str, value: Any, least: int, most: int) -> int:
    if not least <= int(value) <= most:
        raise Invalid(f"{name} lies between {least} and {most}.", field="text")
    return int(value)


@lru_cache(maxsize=1)
def shipped() -> Mapping[str, Any]:
    """The sample that is shipped."""
    return tomllib.loads(resources.files("dothi.operations").joinpath("data/wall.toml").read_text("utf-8"))


def rules_kind() -> Kind:
    """What a province or commune shows on a wall of its own."""
    return Kind(KIND, shipped(), _check)


def _check(tables: Mapping[str, Any]) -> None:
    try:
        parse(tables)
    except (KeyError, TypeError, ValueError, AttributeError) as cause:
        raise Invalid(f"The wall lacks or misuses {cause}.", field="text") from cause


def wall_at(operations: Operations, unit: str | None = None, at: int | None = None) -> Wall:
    """The wall of a centre as it is in force at an instant (µs; now by default)."""
    adopted = operations.adopted
    known = adopted is not None and KIND in adopted.kinds
    return parse(in_force(adopted, KIND, unit, at) if known and adopted is not None else shipped())


def measured_at(entity: Entity, attribute: str) -> int:
    """When an attribute was measured (µs), else when it was written."""
    said = entity.observed_at(attribute)
    return from_iso(said) if said else entity.modified_at


def figure(tile: Tile, found: Sequence[Entity], now: int) -> Figure:
    """The figure of a tile over the entities of its type.

    Highest, lowest, sum and count are taken of the values that are new enough; where none is, the newest of the old
    ones is shown as late. A sum is as old as its oldest part.
    """
    measured = [one for one in found if _number(one, tile.attribute) is not None]
    fresh = [one for one in measured if now - measured_at(one, tile.attribute) <= tile.stale]
    if not measured:
        return Figure(None, None, None, 0, len(found), late=True)
    used = fresh or [max(measured, key=lambda one: measured_at(one, tile.attribute))]
    value, of = _TAKES[tile.take](used, tile.attribute)
    at = measured_at(of, tile.attribute) if of else min(measured_at(one, tile.attribute) for one in used)
    return Figure(value, of, at, len(fresh), len(found), late=not fresh)


def _number(entity: Entity, attribute: str) -> float | None:
    value = entity.value(attribute)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _value(entity: Entity, attribute: str) -> float:
    return _number(entity, attribute) or 0.0


Taken = tuple[float, Entity | None]


def _latest(used: Sequence[Entity], attribute: str) -> Taken:
    found = max(used, key=lambda one: measured_at(one, attribute))
    return _value(found, attribute), found


def _best(choose: Callable[..., Entity]) -> Callable[[Sequence[Entity], str], Taken]:
    def take(used: Sequence[Entity], attribute: str) -> Taken:
        found = choose(used, key=lambda one: _value(one, attribute))
        return _value(found, attribute), found

    return take


_TAKES: Mapping[str, Callable[[Sequence[Entity], str], Taken]] = {
    "highest": _best(max),
    "lowest": _best(min),
    "latest": _latest,
    "list": _latest,
    "sum": lambda used, attribute: (sum(_value(one, attribute) for one in used), None),
    "count": lambda used, attribute: (float(len(used)), None),
}
