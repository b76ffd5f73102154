"""Sensors of five kinds over forty communes, their values, and as many rules as are asked for, a quarter over areas."""

from collections.abc import Mapping
from random import Random
from typing import Any, NamedTuple

from dothi.ground.ids import urn

KINDS = (
    ("AirQualityObserved", "pm25"),
    ("WaterObserved", "level"),
    ("WeatherObserved", "rainfall"),
    ("TrafficFlowObserved", "occupancy"),
    ("WasteContainer", "fillingLevel"),
)
COMMUNES = 40
SPIKE, LIMIT = 400.0, 300.0
ONE_IN = 500  # Values of which one is a spike.
SPIKES = "spike"  # Rules with an id that begins so rise with a spike, at once.
_FIGURES = ("mean", "max", "share", "sum", "min")
_BEYOND = 1e6  # A limit that no figure meets: most rules are quiet most of the time.


class Sensor(NamedTuple):
    """One sensor: its entity, and which of the communes it lies in."""

    id: str
    kind: str
    attribute: str
    commune: int


def sensors(count: int) -> list[Sensor]:
    """So many sensors, spread evenly."""
    found = []
    for number in range(count):
        kind, attribute = KINDS[number % len(KINDS)]
        found.append(Sensor(urn(kind, "bench", f"{number:06}"), kind, attribute, number // len(KINDS) % COMMUNES))
    return found


def value(chance: Random) -> float:
    """A value of now: nearly always quiet."""
    return SPIKE if chance.random() < 1 / ONE_IN else round(chance.uniform(20, 60), 2)


def rules(count: int) -> list[dict[str, Any]]:
    """So many rules, as many on each kind of sensor; of each kind one rises with a spike, every fourth is of areas."""
    return [_rule(number) for number in range(count)]


def _rule(number: int) -> dict[str, Any]:
    turn, (kind, attribute) = number // len(KINDS), KINDS[number % len(KINDS)]
    area, first = turn % 4 == 3, turn == 0
    name = f"{SPIKES if first else 'r'}{number}"
    said: dict[str, Any] = {"id": name, "name": {"vi": f"Đo {number}"}, "type": kind, "priority": "low"}
    if area:
        said["each"] = "unit"
    when = _area(turn, attribute) if area else _own(turn, attribute)
    return said | {"when": [{"attribute": attribute, **when}]} | ({"for_seconds": 120} if turn % 8 == 4 else {})


def _own(turn: int, attribute: str) -> Mapping[str, Any]:
    if turn == 0:
        return {"op": ">", "limit": LIMIT, "clear": 100.0}
    match turn % 8:
        case 1 | 4:
            return {"op": ">", "limit": _BEYOND + turn}
        case 2:
            return {"kind": "noData", "seconds": 900 + turn}
        case 5:
            return {"kind": "repeat", "op": ">", "limit": 50.0, "times": 500, "window_seconds": 600}
        case 6:
            return {"kind": "change", "op": ">", "limit": _BEYOND, "clear": 10.0, "window_seconds": 600}
        case _:
            return {"kind": "mean", "over": "subject", "op": ">", "limit": _BEYOND, "window_seconds": 300}


def _area(turn: int, attribute: str) -> Mapping[str, Any]:
    figure = _FIGURES[turn // 4 % len(_FIGURES)]
    said = {"kind": figure, "op": ">", "limit": _BEYOND + turn, "window_seconds": 600}
    if figure == "share":
        return said | {"limit": 0.5, "where": {"op": ">", "limit": 100.0 + turn}}
    return said | ({"limit": LIMIT, "clear": 100.0} if turn == 7 else {})
