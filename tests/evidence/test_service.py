"""Figures from real data: computed, grey when they must be, published once, revised beside; over the feed."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dothi.cli import main
from dothi.evidence.definitions import indicator, indicators, sample_indicators
from dothi.evidence.model import value_id
from dothi.evidence.publishing import publish
from dothi.evidence.service import values
from dothi.ground.clock import HOUR, MINUTE, SECOND, iso
from dothi.ground.errors import Forbidden, Missing
from dothi.hub.model import Commit, amend, prop, put
from dothi.sources.quarantine import Selection, correct_row, replay_rows
from tests.evidence.conftest import (
    HUE,
    LIVE,
    OFFICER,
    ON_TIME,
    PHU_XUAN,
    PM25,
    SATISFACTION,
    STEWARD,
    THUAN_HOA,
    Town,
)

InTown = Callable[[Any], Any]


def codes(reasons: list[dict[str, Any]], blocking: bool = True) -> set[str]:
    return {one["code"] for one in reasons if one["blocks"] is blocking}


def test_the_mean_is_that_of_the_hours(in_town: InTown) -> None:
    """A figure is the mean of the hourly means of its stations; it names inputs, source, formula, range and age."""

    async def story(town: Town) -> None:
        await town.station()
        *earlier, last = town.hours()
        await town.send(dict.fromkeys(earlier, 20.0) | {last: 40.0, last - SECOND: 60.0})
        await town.compute()
        found = town.figure(PM25)
        means = [20.0] * len(earlier) + [50.0]
        same_hour = (
            earlier and (earlier[-1] - town.period(PM25).start) // HOUR == (last - town.period(PM25).start) // HOUR
        )
        if same_hour:
            means = [20.0] * (len(earlier) - 1) + [(20.0 + 100.0) / 3]
        assert found.value("value") == pytest.approx(sum(means) / len(means))
        assert found.value("numerator") / found.value("denominator") == pytest.approx(found.value("value"))
        assert found.value("count") == len(earlier) + 2
        assert found.value("inputs") == ["urn:ngsi-ld:AirQualityObserved:tram-1"]
        assert found.value("sources") == ["urn:ngsi-ld:DataSource:tram-1"]
        assert found.value("state") == "fresh"
        assert found.value("observedTo") == iso(last)
        assert found.value("computedAt") == iso(town.now)
        assert found.value("formulaVersion") == 1
        assert (found.instance("value") or {})["unitCode"] == "GQ"
        assert town.figure(PM25, HUE).value("value") == found.value("value")

    in_town(story)


def test_wrong_units_turn_the_figure_grey_and_replaying_brings_it_back(in_town: InTown) -> None:
    """Story 3: quarantined rows → grey without a value → corrected and replayed → back; what was published stays."""

    async def story(town: Town) -> None:
        await town.station()
        hours = town.hours()
        await town.send(dict.fromkeys(hours, 30.0))
        await town.compute()
        before = town.figure(PM25)
        assert before.value("value") == 30.0
        published = await publish(town.evidence, OFFICER, before.id, now=town.now)

        town.now += 10 * SECOND
        sent = await town.send({town.now - 2 * SECOND: 0.06, town.now - SECOND: 0.07})  # mg/m³
        assert sent.quarantined == 2
        await town.compute()
        grey = town.figure(PM25)
        assert grey.value("state") == "grey"
        assert "value" not in grey.attrs
        assert codes(grey.value("reasons")) == {"quarantined"}
        assert grey.value("published") == published.id

        town.now += 10 * SECOND
        for row in town.hub.find(STEWARD, "QuarantinedRow"):
            await correct_row(town.sources, STEWARD, row.id, {"pm25": row.value("row")["pm25"] * 1000}, now=town.now)
        await town.compute()
        back = town.figure(PM25)
        assert back.value("state") == "fresh"
        assert back.value("value") > 30.0
        revision = back.value("revision")
        assert revision["was"] == 30.0
        assert revision["reasons"] == [{"code": "replayed", "rows": 2}]
        frozen = town.hub.get(STEWARD, published.id)
        assert frozen.value("value") == 30.0
        assert frozen.version == published.version
        assert frozen.value("state") == "final"
        assert frozen.value("complete") is False
        assert "revision" not in frozen.attrs

    in_town(story)


def test_a_late_source_turns_its_figures_grey(in_town: InTown) -> None:
    """A source that falls silent leaves no value behind, only why; it comes back with the next reading."""

    async def story(town: Town) -> None:
        await town.station()
        await town.send(dict.fromkeys(town.hours(), 30.0))
        await town.compute()
        assert town.figure(PM25).value("state") == "fresh"
        town.now += 8 * MINUTE
        if town.figure(PM25).value("periodEnd") <= iso(town.now):
            pytest.skip("left out: midnight in Vietnam is a minute away")
        await town.hub.commit(
            Commit(STEWARD, (amend("urn:ngsi-ld:DataSource:tram-1", state=prop("late")),), owner=town.sources.owner)
        )
        await town.compute()
        found = town.figure(PM25)
        assert found.value("state") == "grey"
        assert codes(found.value("reasons")) == {"lateSource"}
        await town.send({town.now - SECOND: 31.0})
        await town.compute()
        assert town.figure(PM25).value("state") == "fresh"

    in_town(story)


def test_too_few_hours_are_grey(in_town: InTown) -> None:
    """A mean of less than its declared share of hours has no value."""

    async def story(town: Town) -> None:
        town.now = town.period(PM25).start + 10 * HOUR
        await town.station(promised="")
        await town.send({town.now - HOUR: 30.0, town.now - 2 * HOUR: 30.0})
        await town.compute()
        found = town.figure(PM25)
        assert codes(found.value("reasons")) == {"tooFewInputs"}
        assert "value" not in found.attrs
        reason = found.value("reasons")[0]
        assert (reason["share"], reason["minimum"], reason["expected"]) == (0.2, 0.75, 10)

    in_town(story)


def test_missing_late_and_nought_are_three_things(in_town: InTown) -> None:
    """No station: no figure of the commune. Nothing due: grey, no value. Nothing closed in time: 0 %, a figure."""

    async def story(town: Town) -> None:
        await town.compute()
        with pytest.raises(Missing):
            town.figure(PM25)
        nothing = town.figure(ON_TIME, HUE)
        assert nothing.value("state") == "grey"
        assert codes(nothing.value("reasons")) == {"noInputs"}
        await town.closed(1, on_time=False)
        await town.compute()
        assert town.figure(ON_TIME).value("value") == 0.0
        assert town.figure(ON_TIME).value("state") == "fresh"
        assert town.figure("reports-overdue", HUE).value("value") == 0.0

    in_town(story)


def test_reports_in_time_count_the_overdue(in_town: InTown) -> None:
    """The share counts what was closed, and against it what is overdue and open; by commune and for the city."""

    async def story(town: Town) -> None:
        for number, on_time in enumerate((True, True, False)):
            await town.closed(number, on_time)
        overdue = max(town.period(ON_TIME).start, town.now - HOUR)
        await town.report(10, handleBy=iso(overdue))
        await town.report(11, handleBy=iso(town.now + HOUR))  # Not due yet.
        await town.closed(12, True, unit=THUAN_HOA)
        await town.closed(13, True, imported=True)
        await town.compute()
        here, there, city = (town.figure(ON_TIME, unit) for unit in (PHU_XUAN, THUAN_HOA, HUE))
        assert (here.value("numerator"), here.value("denominator"), here.value("value")) == (2, 4, 50.0)
        assert there.value("value") == 100.0
        assert (city.value("value"), city.value("count")) == (60.0, 5)

    in_town(story)


def test_satisfaction_shows_its_response_rate_and_waits_for_enough(in_town: InTown) -> None:
    """Four ratings are too few; the fifth makes the figure, with how many of those answered have rated."""

    async def story(town: Town) -> None:
        for number in range(4):
            await town.closed(number, True, rating=5, ratedAt=iso(town.now))
        for number in range(4, 10):
            await town.closed(number, True)
        await town.compute()
        few = town.figure(SATISFACTION)
        assert codes(few.value("reasons")) == {"tooFew"}
        assert "value" not in few.attrs
        assert few.value("responseRate") == 0.4
        await town.closed(4, True, rating=2, ratedAt=iso(town.now))
        await town.compute()
        assert (town.figure(SATISFACTION).value("value"), town.figure(SATISFACTION).value("responseRate")) == (4.4, 0.5)

    in_town(story)


def test_live_sources_are_a_figure_of_the_city(in_town: InTown) -> None:
    """Half of the sources that are on send: 50 %."""

    async def story(town: Town) -> None:
        await town.station("a")
        await town.station("b")
        await town.send({town.now - SECOND: 30.0}, "a")
        await town.compute()
        assert town.figure(LIVE, HUE).value("value") == 50.0
        assert {
            one.value("unit") for one in values(town.evidence, STEWARD, indicator(town.evidence, STEWARD, LIVE).id)
        } == {HUE}

    in_town(story)


def test_definitions_and_figures_are_guarded(in_town: InTown) -> None:
    """A generic write to a definition, a figure or a published report is refused and names the verb."""

    async def story(town: Town) -> None:
        for kind in ("Indicator", "IndicatorValue", "PublishedReport"):
            with pytest.raises(Forbidden, match="guarded"):
                await town.hub.commit(Commit(STEWARD, (put(f"urn:ngsi-ld:{kind}:x", kind, a=prop(1)),)))

    in_town(story)


def test_the_samples_are_samples(in_town: InTown) -> None:
    """Every indicator shipped is labelled a sample in both languages."""

    async def story(town: Town) -> None:
        kept = indicators(town.evidence)
        assert len(kept) == len(sample_indicators()) >= 4
        assert all(one.sample and "mẫu" in one.name["vi"] and "sample" in one.name["en"] for one in kept)
        assert value_id(kept[0].id, PHU_XUAN, "2026-11-22").count(":") == 5

    in_town(story)


def test_rows_that_still_fail_keep_the_figure_grey(in_town: InTown) -> None:
    """Replaying rows through the mapping that refused them brings nothing back."""

    async def story(town: Town) -> None:
        await town.station()
        await town.send(dict.fromkeys(town.hours(), 30.0))
        town.now += SECOND
        await town.send({town.now: 0.03})
        await town.compute()
        assert town.figure(PM25).value("state") == "grey"
        done = await replay_rows(town.sources, STEWARD, Selection(source="tram-1"), now=town.now)
        assert done.replayed == 0
        assert done.still_held == 1
        await town.compute()
        assert town.figure(PM25).value("state") == "grey"

    in_town(story)


def test_an_indicators_own_question_gives_its_figure(
    in_town: InTown, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The mean that `dothi query --indicator` computes in the engine is the figure that was computed by walking."""

    async def story(town: Town) -> dict[str, Any]:
        for name in ("tram-1", "tram-2"):
            await town.station(name)
            hours = town.hours()
            await town.send({at: 8.0 + place / 8 for place, at in enumerate(hours)}, name)
            await town.send({hours[0] + MINUTE: 40.0, hours[0]: 9.5}, name)  # Twice in one hour, and corrected.
        await town.compute()
        figure = town.figure(PM25, HUE)
        code = await asyncio.to_thread(
            main, ["query", "--data", str(tmp_path), "--indicator", PM25, "--format", "json"]
        )
        assert code == 0
        return {name: figure.value(name) for name in ("value", "numerator", "denominator", "count")}

    figure = in_town(story)
    (asked,) = json.loads(capsys.readouterr().out)
    assert asked["denominator"] == figure["denominator"]
    assert asked["readings"] == figure["count"]
    assert asked["numerator"] == pytest.approx(figure["numerator"], abs=1e-6)
    assert asked["value"] == pytest.approx(figure["value"], abs=1e-6)
