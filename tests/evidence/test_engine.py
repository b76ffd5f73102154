"""Over the feed and over time: what is published stays, formulas get versions, nothing is told twice or too often."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dothi.evidence.definitions import indicator, indicators, keep_indicator
from dothi.evidence.engine import note, settle, start
from dothi.evidence.model import AlreadyPublished, NotPublishable
from dothi.evidence.publishing import publications, publish
from dothi.evidence.service import compute, jobs_of
from dothi.ground.clock import HOUR, MINUTE, SECOND, iso
from dothi.ground.errors import Forbidden, Invalid
from dothi.hub.language.nodes import Window
from dothi.hub.model import Actor, Change, Commit, Op, amend, prop, put
from tests.evidence.conftest import (
    HUE,
    OFFICER,
    ON_TIME,
    PM25,
    STEWARD,
    Town,
)

InTown = Callable[[Any], Any]


def test_a_published_figure_never_changes(in_town: InTown) -> None:
    """Grey is not published; the same is published once; a revision needs its reason; nobody writes the copy."""

    async def story(town: Town) -> None:
        await town.compute()
        with pytest.raises(NotPublishable, match="noInputs"):
            await publish(town.evidence, OFFICER, town.figure(ON_TIME, HUE).id)
        await town.closed(1, on_time=True)
        await town.compute()
        live = town.figure(ON_TIME)
        first = await publish(town.evidence, OFFICER, live.id)
        with pytest.raises(AlreadyPublished):
            await publish(town.evidence, OFFICER, live.id)
        await town.closed(2, on_time=False)
        await town.compute()
        assert town.figure(ON_TIME).value("revision")["reasons"] == [{"code": "moreInputs", "count": 1}]
        with pytest.raises(Invalid, match="reason"):
            await publish(town.evidence, OFFICER, live.id)
        second = await publish(town.evidence, OFFICER, live.id, "Bổ sung phản ánh")
        assert [one.id for one in publications(town.evidence, OFFICER, live.id)] == [second.id, first.id]
        assert (first.value("value"), second.value("value")) == (100.0, 50.0)
        assert "revision" not in town.figure(ON_TIME).attrs
        with pytest.raises(Invalid, match="no figure"):
            await publish(town.evidence, OFFICER, first.id)
        for actor in (STEWARD, OFFICER, Actor("user:a", frozenset({"administrator"}))):
            with pytest.raises(Forbidden, match="publish"):
                await town.hub.commit(Commit(actor, (amend(first.id, value=prop(1)),)))
        await town.closed(3, on_time=False)
        await town.compute()
        with pytest.raises(Forbidden):
            await publish(town.evidence, Actor("user:o", frozenset({"official"})), live.id, "x")

    in_town(story)


def test_a_yesterday_that_comes_late_is_computed_anew(in_town: InTown) -> None:
    """Two clocks: a reading of yesterday that comes today moves the figure of yesterday."""

    async def story(town: Town) -> None:
        today = town.now
        town.now = town.period(PM25).start - HOUR  # Yesterday, 23:00.
        await town.station(promised="")
        yesterday = town.period(PM25)
        await town.send(dict.fromkeys(range(yesterday.start, town.now, HOUR), 20.0))
        await town.compute()
        assert town.figure(PM25).value("value") == 20.0
        town.now = today
        await town.compute()
        last = town.figure(PM25, period=yesterday.name)
        await publish(town.evidence, OFFICER, last.id, now=today)
        await town.send({yesterday.end - MINUTE: 200.0})
        await town.compute()
        late = town.figure(PM25, period=yesterday.name)
        assert late.value("value") == pytest.approx((23 * 20 + 200) / 24)
        assert late.value("revision")["was"] == 20.0
        assert late.value("computedAt") == iso(today) > late.value("periodEnd")

    in_town(story)


def test_a_new_formula_is_a_new_version(in_town: InTown) -> None:
    """A changed formula gets the next number, its figures say it, and the former one stays in history."""

    async def story(town: Town) -> None:
        await town.closed(1, True)
        await town.compute()
        before = indicator(town.evidence, STEWARD, ON_TIME)
        assert await keep_indicator(town.evidence, STEWARD, before) == before
        strict = replace(before, formula=replace(before.formula, least=2))
        await keep_indicator(town.evidence, STEWARD, strict, "ít nhất hai phản ánh")
        await town.compute()
        found = town.figure(ON_TIME)
        assert found.value("formulaVersion") == 2
        assert found.value("state") == "grey"
        formulas = town.hub.history(STEWARD, before.id, ("formula",), Window(attribute="modifiedAt"))["formula"]
        assert [one["json"]["least"] for one in formulas] == [1, 2]
        trail = town.hub.trail(STEWARD, before.id)
        assert trail[0].reason == "ít nhất hai phản ánh"
        assert len(trail) == 2

    in_town(story)


def test_nothing_is_told_twice_after_a_crash(in_town: InTown) -> None:
    """An engine that starts again from the stored position writes no figure anew, and misses none."""

    async def story(town: Town) -> None:
        await town.closed(1, True)
        await town.compute()
        version = town.figure(ON_TIME).version
        await town.closed(2, True)
        again = start(town.evidence, lambda: town.now)
        assert again.seen == town.hub.cursor("evidence")
        await settle(again, 0)
        assert town.figure(ON_TIME).value("count") == 2
        assert town.figure(ON_TIME).version == version + 1
        town.engine = start(town.evidence, lambda: town.now)
        assert await town.compute() == []

    in_town(story)


def test_readings_that_change_nothing_wait(in_town: InTown) -> None:
    """A figure that looks the same is not written for every reading, but is after a minute."""

    async def story(town: Town) -> None:
        await town.station()
        await town.send(dict.fromkeys(town.hours(), 30.0))
        await town.compute()
        version = town.figure(PM25).version
        town.now += SECOND
        await town.send({town.now: 30.0})
        assert town.engine is not None
        for commit in town.hub.log(town.engine.seen):
            note(town.engine, commit)
        await settle(town.engine)
        assert town.figure(PM25).version == version
        assert town.engine.wanted
        town.now += 2 * MINUTE
        await settle(town.engine)
        assert town.figure(PM25).version > version
        assert not town.engine.wanted

    in_town(story)


def test_forty_communes_are_computed_in_well_under_a_second(in_town: InTown) -> None:
    """40 communes × 4 indicators, each commune with a day of readings and 20 reports."""

    async def story(town: Town) -> None:
        units = [unit.code for unit in town.evidence.territory.communes_of(HUE)][:40]
        assert len(units) == 40
        changes = []
        for place, unit in enumerate(units):
            for number in range(20):
                plain = {"unit": unit, "imported": False, "open": False, "onTime": number % 2 == 0, "rating": 4}
                plain |= {name: iso(town.now) for name in ("filedAt", "closedAt", "ratedAt")}
                changes.append(
                    put(
                        f"urn:ngsi-ld:CitizenReport:{place}-{number}",
                        "CitizenReport",
                        **{key: prop(one) for key, one in plain.items()},
                    )
                )
        await town.hub.commit(Commit(Actor("system:citizens", frozenset({"system"})), tuple(changes), owner="citizens"))
        start_of_day = town.now - 12 * HOUR
        for step in range(0, 12 * 60, 5):
            at = iso(start_of_day + step * MINUTE)
            readings = tuple(
                Change(
                    Op.UPSERT,
                    f"urn:ngsi-ld:AirQualityObserved:{unit}",
                    ("AirQualityObserved",),
                    {"pm25": prop(30.0 + step % 7, at, "GQ"), "unit": prop(unit)},
                )
                for unit in units
            )
            await town.hub.commit(Commit(STEWARD, readings))
        wanted = [one for one in indicators(town.evidence) if one.listed]
        jobs = [job for one in wanted for job in jobs_of(town.evidence, one, town.period(one.id), town.now)]
        assert len(jobs) > 3 * 40
        began = time.process_time()
        computed = compute(town.evidence, jobs, town.now)
        took = time.process_time() - began
        assert len(computed) == len(jobs)
        assert took < 0.8, f"{took:.2f} s"

    in_town(story)
