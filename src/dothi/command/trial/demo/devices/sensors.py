"""The sensors at work: their sources defined, thirty days of readings given at once, and new ones pushed as devices do.

New readings go through the real way in (`sources.push`: mapping, quarantine, counters, rhythm). The past is committed
to the hub directly, in the name of the sources' module, since a device cannot send what it measured a month ago.
"""

import asyncio
import json
from typing import Any

from dothi.command.trial.demo.devices.signals import UNITS, Values, measure
from dothi.command.trial.demo.places import FEEDS, MARK, Feed, Sensor
from dothi.ground.clock import HOUR, iso
from dothi.hub.model import Attribute, Change, Commit, Op, geo, prop, rel, system
from dothi.sources.model import SourceDefinition, source_urn
from dothi.sources.service import define_source, push
from dothi.territory import Territory
from dothi.web.parts import Parts

DEVICES = system("demo")  # In whose name simulated devices send.


async def define_feeds(parts: Parts) -> None:
    """Make the sources, each with its promise and marked as simulated."""
    for feed in FEEDS:
        said = SourceDefinition(
            feed.id,
            feed.title,
            "http-push",
            feed.mapping,
            feed.promised_every,
            simulated=True,
            feeds=feed.kinds,
        )
        await define_source(parts.sources, DEVICES, said)


async def give_standing(parts: Parts) -> None:
    """The sensors themselves: name, place, commune, source."""
    await parts.hub.commit(Commit(DEVICES, tuple(_standing(parts.territory)), MARK))


async def give_readings(parts: Parts, seed: int, start: int, end: int) -> None:
    """An hourly reading of every sensor from `start` to before `end` (µs), flushed together."""
    await asyncio.gather(*(parts.hub.commit(_hour(seed, instant)) for instant in range(start, end, HOUR)))


def _standing(territory: Territory) -> list[Change]:
    """What never changes of each sensor."""
    return [
        Change(Op.PUT, sensor.id, (sensor.kind,), _constants(territory, feed, sensor))
        for feed in FEEDS
        for sensor in feed.sensors
    ]


def _constants(territory: Territory, feed: Feed, sensor: Sensor) -> dict[str, Attribute]:
    lon, lat = place(territory, sensor)
    return {
        "name": prop(sensor.title),
        "location": geo({"type": "Point", "coordinates": [lon, lat]}),
        "unit": prop(sensor.unit),
        "simulated": prop(True),
        "source": rel(source_urn(feed.id)),
    }


def place(territory: Territory, sensor: Sensor) -> tuple[float, float]:
    """Longitude and latitude: near the middle of its commune."""
    middle = territory.unit(sensor.unit).middle
    assert middle is not None, f"the commune {sensor.unit} has no middle"
    return round(middle[0] + sensor.east, 5), round(middle[1] + sensor.north, 5)


def _hour(seed: int, instant: int) -> Commit:
    changes = (
        Change(Op.APPEND, sensor.id, attrs=_observed(measure(seed, sensor, instant), iso(instant)), newer_only=True)
        for feed in FEEDS
        for sensor in feed.sensors
    )
    return Commit(DEVICES, tuple(changes), MARK)


def _observed(values: Values, at: str) -> dict[str, Attribute]:
    return {name: prop(value, at, UNITS[name]) for name, value in values.items()}


async def send(parts: Parts, feed: Feed, seed: int, now: int, alive_s: float | None = None, only: str = "") -> None:
    """Push what the sensors of a feed (or the `only` one of them) measure at `now`."""
    wanted = [sensor for sensor in feed.sensors if only in ("", sensor.name)]
    rows = [_row(feed, sensor, measure(seed, sensor, now, alive_s), iso(now)) for sensor in wanted]
    await _push(parts, feed, rows, now)


async def send_in_milligrams(parts: Parts, feed: Feed, seed: int, now: int) -> None:
    """Push a row of a device that was set to another unit: it goes to quarantine, where it can be corrected."""
    sensor = feed.sensors[-1]
    values = measure(seed, sensor, now)
    wrong = {**values, "pm25": round(values["pm25"] / 1000, 4), "pm10": round(values["pm10"] / 1000, 4)}
    await _push(parts, feed, [_row(feed, sensor, wrong, iso(now))], now)


async def _push(parts: Parts, feed: Feed, rows: list[dict[str, Any]], now: int) -> None:
    body = json.dumps(rows, ensure_ascii=False).encode()
    await push(parts.sources, DEVICES, feed.id, body, "application/json", now=now)


def _row(feed: Feed, sensor: Sensor, values: Values, at: str) -> dict[str, Any]:
    """A reading in the form that the feed's mapping reads."""
    if feed.mapping == "ngsi-ld":
        return {"id": sensor.id, "type": sensor.kind, **_observed(values, at)}
    return {"station": sensor.name, "time": at, **values}
