"""The wall as data: what a tile takes of many readings, and when it no longer trusts them."""

from typing import Any

import pytest

from dothi.ground.clock import MINUTE, from_iso, iso
from dothi.ground.errors import Invalid
from dothi.hub.model import Entity, prop
from dothi.operations.wall import Tile, figure, parse, rules_kind, shipped

NOW = from_iso("2026-11-22T08:00:00Z")


def station(name: str, value: Any, minutes: float) -> Entity:
    return Entity(name, ("AirQualityObserved",), {"pm25": prop(value, iso(NOW - round(minutes * MINUTE)), "GQ")})


def tile(take: str) -> Tile:
    return Tile("t", "numbers", "AirQualityObserved", "pm25", take, "", 60 * MINUTE, {"vi": "Bụi"})


FOUND = [station("a", 40.0, 5), station("b", 90.0, 200), station("c", 12.0, 30), station("d", "hỏng", 1)]


@pytest.mark.parametrize(
    ("take", "value", "of"),
    [("highest", 40, "a"), ("lowest", 12, "c"), ("latest", 40, "a"), ("sum", 52, None), ("count", 2, None)],
)
def test_a_figure_is_taken_of_what_is_new_enough(take: str, value: float, of: str | None) -> None:
    """The highest value of three hours ago is not the highest now; a value that is no number is none."""
    found = figure(tile(take), FOUND, NOW)
    assert (found.value, found.of.id if found.of else None, found.late) == (value, of, False)
    assert (found.fresh, found.count) == (2, 4)


def test_a_sum_is_as_old_as_its_oldest_part() -> None:
    """The age beside a sum is that of the oldest value in it."""
    assert figure(tile("sum"), FOUND, NOW).at == NOW - 30 * MINUTE


def test_old_values_are_late_and_none_is_never_zero() -> None:
    """Where nothing is new the newest of the old ones is shown as late; what was never measured has no value."""
    old = figure(tile("highest"), [FOUND[1], station("e", 95.0, 500)], NOW)
    assert (old.value, old.late, old.fresh) == (90, True, 0)
    nothing = figure(tile("sum"), [FOUND[3]], NOW)
    assert (nothing.value, nothing.at, nothing.late) == (None, None, True)


@pytest.mark.parametrize(
    "change",
    [
        {"scene": [{"id": "x", "show": "map", "seconds": 20, "name": {}}]},
        {"scene": [{"id": "x", "show": "situation", "seconds": 1, "name": {}}]},
        {"tile": [{"id": "t", "scene": "none", "type": "A", "attribute": "b", "take": "sum", "name": {}}]},
        {"tile": [{"id": "t", "scene": "numbers", "type": "A", "attribute": "b", "take": "guess", "name": {}}]},
        {"sound_every_s": 0},
        {"mute_minutes": 600},
        {"tile": [{"id": "t"}]},
    ],
)
def test_a_wall_that_cannot_be_shown_is_refused(change: dict[str, Any]) -> None:
    """The first scene is the situation; what names nothing, or would flicker or be still for ever, is told."""
    assert parse(shipped()).scenes[0].show == "situation"
    with pytest.raises(Invalid):
        rules_kind().check({**shipped(), **change})
