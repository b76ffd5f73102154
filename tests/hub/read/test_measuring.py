"""Measures and aggregates by the engine are what a walk through the same histories gives, hot or sealed."""

import asyncio
import math
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dothi.ground.clock import DAY, HOUR, iso
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.language.measure import STEPS, Figure, Measure
from dothi.hub.language.nodes import Query, Window
from dothi.hub.language.time import Period, bucketing
from dothi.hub.model import ANONYMOUS, Change, Commit, Op, amend, create, instance_value, prop, system
from dothi.hub.read.past import measuring
from dothi.hub.render.aggregate import METHODS, render_aggregated, render_computed
from dothi.hub.render.shape import Shape
from dothi.hub.store.cold.sealing import Policy

START = int(datetime(2026, 2, 20, tzinfo=UTC).timestamp()) * 1_000_000
ACTOR = system("test")
STATIONS = [f"urn:ngsi-ld:Station:{n}" for n in range(6)]
ZONE = "Asia/Ho_Chi_Minh"


async def city(folder: Path, seed: int) -> Hub:
    """Random histories: repeats, late ones, datasets, words among numbers, corrections and erasures; half is sealed."""
    luck = random.Random(seed)
    hub = Hub(folder, Open())
    await hub.commit(Commit(ACTOR, tuple(create(one, "Station", name=prop(one)) for one in STATIONS)))
    for turn in range(30):
        await hub.commit(Commit(ACTOR, tuple(reading(luck) for _ in range(30)), partial=True))
        if turn == 15:
            await correct(hub)
            await seal(hub)
    await hub.commit(Commit(ACTOR, (Change(Op.DELETE, STATIONS[5]),)))
    return hub


def reading(luck: random.Random) -> Change:
    """One telling: mostly a number in eighths at some hour of six weeks."""
    at = START + luck.randrange(42 * 24 * 4) * HOUR // 4
    value: Any = luck.randrange(-400, 4000) / 8
    station = luck.choice(STATIONS)
    if station == STATIONS[4]:
        value = luck.randrange(50)  # Whole numbers only.
    if station == STATIONS[3] and luck.random() < 0.2:
        value = luck.choice(["broken", True, {"a": 1}])
    one = prop(value, iso(at))
    if station == STATIONS[2] and luck.random() < 0.3:
        one["datasetId"] = "urn:forecast"
    return amend(station, **{luck.choice(("pm25", "noise")): one})


async def correct(hub: Hub) -> None:
    """Of one station an instance is erased."""
    told = hub.history(ANONYMOUS, STATIONS[1], ("pm25",))["pm25"]
    await hub.commit(Commit(ACTOR, (Change(Op.ERASE, STATIONS[1], instance=told[3]["instanceId"], name="pm25"),)))


async def seal(hub: Hub) -> None:
    """Everything that is hot is sealed."""
    keeping = asyncio.create_task(hub.keep_sealed(Policy(hours=0.0, most=0)))
    while hub.archive.seal().until < hub.last_seq():
        await asyncio.sleep(0.05)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


@pytest.fixture(scope="module", params=[1])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A city of random histories."""
    made = asyncio.run(city(tmp_path_factory.mktemp("city"), request.param))
    yield made
    asyncio.run(made.close())


def walked(hub: Hub, asked: Measure) -> list[Figure]:
    """The same by walking: every instance that histories tell, put into its step and group."""
    groups: dict[tuple[str, int, int], list[tuple[int, float]]] = {}
    step = bucketing(STEPS[asked.step], ZoneInfo(asked.zone)) if asked.step else lambda _: (asked.start, asked.end)
    for station in asked.entities.ids or STATIONS:
        for one in hub.history(ANONYMOUS, station, (asked.attribute,)).get(asked.attribute, ()):
            value, at = instance_value(one), int(datetime.fromisoformat(one["observedAt"]).timestamp() * 1e6)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if number and asked.start <= at < asked.end and "datasetId" not in one:
                groups.setdefault((station if asked.by == "entity" else "", *step(at)), []).append((at, value))
    return [
        Figure(
            name or None,
            low,
            high,
            tuple(METHOD[one]([v for _, v in sorted(pairs)]) for one in asked.methods),
            len(pairs),
        )
        for (name, low, high), pairs in sorted(groups.items())
    ]


METHOD: dict[str, Any] = {
    "mean": lambda values: math.fsum(values) / len(values),
    "sum": math.fsum,
    "min": min,
    "max": max,
    "count": len,
}


@pytest.mark.parametrize("step", ["", "hour", "day", "week", "month"])
@pytest.mark.parametrize("by", ["", "entity"])
def test_a_measure_is_what_a_walk_gives(hub: Hub, step: str, by: str) -> None:
    """Each step of the calendar and group has the numbers that histories tell, whatever is sealed or corrected."""
    for attribute in ("pm25", "noise"):
        for span in ((START, START + 42 * DAY), (START + 3 * DAY + HOUR, START + 20 * DAY)):
            for ids in ((), (STATIONS[1], STATIONS[5])):
                asked = Measure(attribute, *span, tuple(METHOD), step, by, ZONE, entities=Query(ids=ids))
                assert hub.measuring.measure(ANONYMOUS, asked) == walked(hub, asked)


def test_another_zone_has_other_days(hub: Hub) -> None:
    """Steps follow the clock of the zone asked for, through its change to summer time too."""
    asked = Measure("pm25", START, START + 42 * DAY, tuple(METHOD), "day", zone="Europe/Paris")
    assert hub.measuring.measure(ANONYMOUS, asked) == walked(hub, asked)


@pytest.mark.parametrize("period", [Period(), Period(length=HOUR * 5), Period(length=DAY)])
def test_aggregates_of_the_standard_are_those_of_the_walk(
    hub: Hub, period: Period, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the engine answers a temporal query, its document is the one that reading every instance gives."""
    monkeypatch.setattr(measuring, "LONG", 0)
    names, answered = ("pm25",), 0
    for station in STATIONS[:5]:
        for start in (START, START + 2 * DAY + 17):
            window = Window("between", start, START + 30 * DAY)
            found = hub.measuring.aggregated(ANONYMOUS, station, names, window, (tuple(METHODS), period))
            past = hub.past(ANONYMOUS, station, names, window, True)
            history = {name: [one.instance for one in told] for name, told in past.series.items()}
            if found is not None:
                answered += 1
                entity, computed = found
                here = render_computed(entity, computed, Shape())
                there = render_aggregated(past.entity, history, Shape(), window, tuple(METHODS), period)
                assert rounded(here) == rounded(there)
    assert answered >= 4  # Two stations have numbers alone.


def rounded(document: Any) -> Any:
    """To eleven digits: the walk adds exactly, the engine in pairs."""
    if isinstance(document, float) and not document.is_integer():
        return float(f"{document:.11g}")
    if isinstance(document, dict):
        return {name: rounded(one) for name, one in document.items()}
    return [rounded(one) for one in document] if isinstance(document, list) else document


def test_words_and_several_datasets_are_left_to_the_walk(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a station that told words, one with two datasets and one that was corrected, the engine does not answer."""
    monkeypatch.setattr(measuring, "LONG", 0)
    window = Window("between", START, START + 42 * DAY)
    for station in (STATIONS[1], STATIONS[2], STATIONS[3]):
        asked = (("avg",), Period())
        assert hub.measuring.aggregated(ANONYMOUS, station, ("pm25", "noise"), window, asked) is None
    assert hub.measuring.aggregated(ANONYMOUS, STATIONS[0], (), replace(window, attribute="createdAt"), asked) is None
