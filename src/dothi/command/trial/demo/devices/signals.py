"""What the simulated sensors would measure at an instant: pure functions of seed, sensor and time."""

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from zlib import crc32

from dothi.command.trial.demo.places import EPISODE, FLOOD, Sensor
from dothi.ground.clock import HOUR, MINUTE, SECOND, VIETNAM, to_datetime

Values = dict[str, float]  # Attribute → value, in the unit of UNITS.
UNITS: Mapping[str, str] = {  # UN/CEFACT codes.
    "pm25": "GQ",
    "pm10": "GQ",
    "no2": "GQ",
    "temperature": "CEL",
    "level": "MTR",
    "rainfall": "MMT",
    "windSpeed": "MTS",
    "fillingLevel": "C62",
}

# (seconds since the episode began, part of its full height); between them it goes straight.
_PM_EPISODE = ((0, 0.0), (8, 0.3), (16, 1.0), (34, 1.0), (44, 0.0))
_FLOOD_WAVE = ((0, 0.0), (120, 0.6), (240, 1.0), (480, 1.0), (720, 0.0))
EPISODE_EVERY_S, FLOOD_EVERY_S, FLOOD_AT_S = 1200.0, 5400.0, 420.0


def measure(seed: int, sensor: Sensor, instant: int, alive_s: float | None = None) -> Values:
    """The readings of a sensor at `instant` (µs); `alive_s` are the seconds that the demo has run, None in its past."""
    values = _KINDS[sensor.kind](seed, sensor, instant)
    if alive_s is not None and sensor.name == EPISODE:
        height = shape(_PM_EPISODE, alive_s % EPISODE_EVERY_S)
        values["pm25"] = round(values["pm25"] * (1 - height) + 98 * height, 1)
        values["pm10"] = round(max(values["pm10"], 1.4 * values["pm25"]), 1)
    if alive_s is not None and sensor.name == FLOOD:
        values["level"] = round(values["level"] + 1.7 * shape(_FLOOD_WAVE, (alive_s - FLOOD_AT_S) % FLOOD_EVERY_S), 2)
    return values


def shape(points: tuple[tuple[int, float], ...], at: float) -> float:
    """The height of a line through `points` at `at`; nought before the first and after the last."""
    for (start, low), (end, high) in pairwise(points):
        if start <= at < end:
            return low + (high - low) * (at - start) / (end - start)
    return 0.0


def in_episode(alive_s: float) -> bool:
    """Whether the station of the episode sends more often now, since its air is bad."""
    return alive_s % EPISODE_EVERY_S <= _PM_EPISODE[-1][0] + 5


def wobble(seed: int, name: str, instant: int, every: int) -> float:
    """Smooth noise from -1 to 1 that wanders from one `every` (µs) to the next."""
    slot, rest = divmod(instant, every)
    part = rest / every
    before, after = _chance(seed, name, slot), _chance(seed, name, slot + 1)
    return before + (after - before) * part * part * (3 - 2 * part)


def _chance(seed: int, name: str, slot: int) -> float:
    return crc32(f"{seed}/{name}/{slot}".encode()) / 0x7FFFFFFF - 1


def _hour(instant: int) -> float:
    moment = to_datetime(instant).astimezone(VIETNAM)
    return moment.hour + moment.minute / 60


def _bump(hour: float, at: float, width: float) -> float:
    """A hill around an hour of the day, 1 at its top."""
    away = min(abs(hour - at), 24 - abs(hour - at))
    return math.exp(-((away / width) ** 2))


def _air(seed: int, sensor: Sensor, instant: int) -> Values:
    """Two rushes a day over a level that wanders with the weather."""
    hour = _hour(instant)
    rush = _bump(hour, 7.5, 1.8) + 0.9 * _bump(hour, 18.0, 2.2)
    weather = 0.28 * wobble(seed, "air", instant, 31 * HOUR) + 0.12 * wobble(seed, sensor.name, instant, 7 * HOUR)
    jitter = 0.05 * wobble(seed, f"{sensor.name}.", instant, 2 * MINUTE)
    pm25 = max(2.0, sensor.level * (0.85 + 0.3 * rush + weather + jitter))
    return {
        "pm25": round(min(pm25, 66.0), 1),  # The everyday stays under the sample limit; the episode does not.
        "pm10": round(1.5 * min(pm25, 66.0) + 4 * (1 + wobble(seed, f"{sensor.name}/10", instant, HOUR)), 1),
        "no2": round(max(3.0, sensor.level * (0.4 + 0.5 * rush + 0.3 * weather)), 1),
        "temperature": round(_warmth(seed, 25.0 if sensor.level > 15 else 21.0, instant), 1),
    }


def _warmth(seed: int, level: float, instant: int) -> float:
    day = 3.2 * math.cos((_hour(instant) - 14) / 24 * 2 * math.pi)
    return level + day + 2.0 * wobble(seed, "warm", instant, 40 * HOUR)


def _water(seed: int, sensor: Sensor, instant: int) -> Values:
    tide = 0.12 * math.sin(instant / (12.42 * HOUR) * 2 * math.pi)
    wander = 0.35 * wobble(seed, sensor.name, instant, 60 * HOUR) + 0.015 * wobble(seed, "w", instant, 20 * SECOND)
    return {"level": round(max(0.05, sensor.level + tide + wander), 2)}


def _weather(seed: int, sensor: Sensor, instant: int) -> Values:
    wet = wobble(seed, "rain", instant, 9 * HOUR) + 0.4 * wobble(seed, sensor.name, instant, 2 * HOUR)
    return {
        "temperature": round(_warmth(seed, sensor.level, instant), 1),
        "rainfall": round(max(0.0, 9 * (wet - 0.7)), 1),
        "windSpeed": round(max(0.2, 2.8 + 2 * wobble(seed, f"wind {sensor.name}", instant, 3 * HOUR)), 1),
    }


def _bin(seed: int, sensor: Sensor, instant: int) -> Values:
    """It fills in `level` hours and is emptied a little after it is full."""
    phase = _chance(seed, sensor.name, 0) / 2 + 0.5
    part = (instant / (sensor.level * HOUR) + phase) % 1.0
    return {"fillingLevel": round(min(0.98, 1.06 * part), 2)}


_KINDS: dict[str, Callable[[int, Sensor, int], Values]] = {
    "AirQualityObserved": _air,
    "WaterObserved": _water,
    "WeatherObserved": _weather,
    "WasteContainer": _bin,
}
