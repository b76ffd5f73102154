"""The engine over a real hub whose clock we hold: rule sets taken up, alarms moved, no kill loses or doubles one."""

from pathlib import Path

import pytest
import tomli_w

from dothi.ground.clock import DAY, MINUTE, SECOND, from_iso, iso
from dothi.ground.errors import Forbidden
from dothi.hub.model import ANONYMOUS, Change, Commit, Op, prop
from dothi.office.rules import refresh
from dothi.operations.alarms.raising import Effect
from dothi.operations.alarms.reading import alarm_id, open_alarms
from dothi.operations.alarms.service import acknowledge
from dothi.operations.engine import following
from dothi.operations.engine.following import CONSUMER, carry_out, ring
from dothi.operations.engine.telling import area_urn
from dothi.operations.model import Operations
from dothi.operations.rules.in_force import KIND, rules_at
from tests.operations.engine.town import (
    AREA,
    HIGH,
    LAN,
    LIMIT,
    OFTEN,
    OTHER,
    SILENT,
    SLOW,
    STATION,
    STEWARD,
    T0,
    TODAY,
    WARD,
    Town,
    play,
    row,
)


def test_an_alarm_rises_is_seen_and_clears(tmp_path: Path) -> None:
    """PM2.5 over the limit raises one alarm with place, value, rule and reason; seen, then cleared, it closes."""

    async def story(town: Town) -> None:
        await town.open(HIGH)
        await town.read(80)
        alarm = town.alarm()
        assert alarm is not None
        assert (alarm.value("active"), alarm.value("acknowledged"), alarm.value("value")) == (True, False, 80)
        assert (alarm.value("unit"), alarm.value("subjectName"), alarm.value("valueUnit")) == (WARD, "Trạm 1", "GQ")
        assert (alarm.value("rule"), alarm.value("since"), alarm.value("limit")) == ("high", iso(T0), 75)
        reason = alarm.value("reasons")[0]
        assert (reason["vi"], reason["en"]) == ("pm25 là 80 (ngưỡng > 75)", "pm25 is 80 (limit > 75)")
        await acknowledge(town.operations, LAN, alarm.id, "đang kiểm tra", now=T0)
        assert [one.id for one in open_alarms(town.operations, LAN)] == [alarm.id]
        await town.read(59, T0 + SECOND)
        await town.catch_up()
        town.now += SECOND
        await town.read(59)
        assert open_alarms(town.operations, LAN) == []
        assert not town.state().active

    play(tmp_path, story)


def test_one_alarm_per_cause_and_the_last_word_of_a_batch(tmp_path: Path) -> None:
    """A hundred readings over the limit are one alarm; up and down in one batch is none; rising again counts two."""

    async def story(town: Town) -> None:
        await town.open(HIGH)
        changes = [
            Change(Op.UPSERT, OTHER, ("AirQualityObserved",), {"pm25": prop(value, iso(T0 + place))})
            for place, value in enumerate((90, 10), -2)
        ]
        await town.hub.commit(Commit(ANONYMOUS, tuple(changes)))
        for n in range(100):
            town.now += SECOND
            await town.read(80 + n)
        assert [one.value("subject") for one in town.hub.find(LAN, "Alarm")] == [STATION]
        alarm = town.alarm()
        assert alarm is not None
        assert alarm.value("occurrences") == 1
        assert 170 <= alarm.value("value") <= 179  # Told every ten seconds.
        for value in (10, 90):
            town.now += SECOND
            await town.read(value)
        assert (town.alarm() or alarm).value("occurrences") == 2

    play(tmp_path, story)


def test_durations_silences_and_who_is_gone(tmp_path: Path) -> None:
    """The clock raises what has lasted and who is silent, a word clears; a deleted station clears and is not silent."""

    async def story(town: Town) -> None:
        await town.open(SLOW, SILENT)
        await town.read(80)
        await town.wait(59)
        assert not town.state("slow").active
        await town.read(80)
        await town.wait(1)
        assert town.state("slow").active
        await town.wait(58)
        assert not town.state("silent").active
        await town.wait(1)
        assert town.state("silent").active
        await town.read(80)
        assert not town.state("silent").active
        await town.hub.commit(Commit(ANONYMOUS, (Change(Op.DELETE, STATION),)))
        await town.catch_up()
        await town.wait(100)
        assert not town.state("slow").active
        assert not town.state("silent").active

    play(tmp_path, story)


def test_imported_history_is_no_alarm_of_today(tmp_path: Path) -> None:
    """A reading of 2013 over the limit raises nothing, neither does its silence, nor after a restart."""

    async def story(town: Town) -> None:
        await town.open(HIGH, SILENT)
        await town.read(500, from_iso("2013-03-01T00:00:00Z"))
        await town.wait(100)
        await carry_out(town.engine)
        await town.open()
        await town.wait(100)
        assert (town.alarm(), town.alarm("silent")) == (None, None)

    play(tmp_path, story)


def test_an_area_alarm_names_its_unit(tmp_path: Path) -> None:
    """The mean of a commune raises one alarm about the commune, with place, reason and the set that said the rule."""

    async def story(town: Town) -> None:
        await town.open(AREA)
        await town.read(70)
        await town.read(60, subject=OTHER)
        await town.wait(20)
        alarm = town.alarm("area", area_urn(WARD))
        assert alarm is not None
        assert (alarm.value("unit"), alarm.value("active"), alarm.value("value")) == (WARD, True, 65)
        assert alarm.value("reasons")[0]["members"] == 2
        await town.read(1)
        assert not town.state("area", area_urn(WARD)).active

    play(tmp_path, story)


def test_rules_are_taken_up_at_once(tmp_path: Path) -> None:
    """A set adopted today counts at once, for what stands too; a rule that vanished clears its alarm."""

    async def story(town: Town) -> None:
        await town.open(HIGH)
        await town.read(70)
        assert not town.state().active
        await town.adopt(row("high", {**LIMIT, "limit": 65}), only=True)
        await town.catch_up()
        assert town.state().active
        await town.adopt(row("other", LIMIT), only=True)
        await town.catch_up()
        assert not town.state().active
        assert next(iter(town.hub.trail(LAN, alarm_id("high", STATION)))).actor == "system:operations"
        await town.read(90, T0 + 1)
        town.now += SECOND
        await town.read(91)
        assert town.state("other").active

    play(tmp_path, story)


def test_rules_whose_day_comes(tmp_path: Path) -> None:
    """A set that holds from tomorrow on is taken up when the clock passes midnight in Vietnam."""

    async def story(town: Town) -> None:
        await town.open(HIGH)
        await town.adopt(row("high", {**LIMIT, "limit": 65}), day="2026-11-24", only=True)
        await town.read(70)
        town.now += DAY - 7 * 3600 * SECOND
        await town.read(71)
        assert not town.state().active
        town.now = T0 + 18 * 3600 * SECOND
        await town.read(72)
        await ring(town.engine, town.now)
        assert rules_at(town.operations, None, town.now)["high"].when.bound.limit == 65  # type: ignore[union-attr]
        assert town.state().active

    play(tmp_path, story)


def test_a_commune_has_its_own_limit(tmp_path: Path) -> None:
    """What a commune adopts holds for the stations in it, not for others; its alarms name its set."""

    async def story(town: Town) -> None:
        await town.open(HIGH)
        await town.adopt({"id": "high", "when": [{"id": "limit", "limit": 50.0, "clear": 40.0}]}, unit=WARD)
        await town.catch_up()
        await town.read(55)
        elsewhere = Change(Op.UPSERT, OTHER, ("AirQualityObserved",), {"pm25": prop(55), "unit": prop("19789")})
        await town.hub.commit(Commit(ANONYMOUS, (elsewhere,)))
        await town.catch_up()
        assert town.state().active
        assert town.alarm(subject=OTHER) is None

    play(tmp_path, story)


def test_a_rule_that_cannot_be_read_stops_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A rule in force that this version cannot read is left out and told of; the others go on."""

    async def story(town: Town) -> None:
        text = tomli_w.dumps({"rule": [HIGH, row("odd", {"kind": "moonlight", "attribute": "pm25"})]})
        said = {"kind": KIND, "validFrom": TODAY, "text": text, "reason": "Của phiên bản khác"}
        name = "urn:ngsi-ld:RuleSet:operations.alarms:all:2026-11-23"
        attrs = {key: prop(value) for key, value in said.items()}
        await town.hub.commit(Commit(STEWARD, (Change(Op.PUT, name, ("RuleSet",), {**attrs}),), owner="rules"))
        assert town.operations.adopted is not None
        refresh(town.operations.adopted)
        await town.open()
        await town.read(80)
        assert town.state().active

    play(tmp_path, story)
    assert "Rule “odd”, when[0].kind" in caplog.text


def test_an_alarm_that_cannot_be_moved_holds_up_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When moving one alarm fails, it is told of; the other alarms of the same values rise, and the engine goes on."""
    real = following.alarm_change

    def broken(operations: Operations, effect: Effect, now: int) -> tuple[Change, int] | None:
        if effect.reading.subject == STATION:
            raise KeyError("a broken alarm")
        return real(operations, effect, now)

    async def story(town: Town) -> None:
        monkeypatch.setattr(following, "alarm_change", broken)
        await town.open(HIGH)
        await town.read(80)
        await town.read(80, subject=OTHER)
        assert town.alarm() is None
        assert town.state(subject=OTHER).active

    play(tmp_path, story)
    assert "could not be moved" in caplog.text


def test_alarms_are_guarded(tmp_path: Path) -> None:
    """A generic write to an alarm is refused and names the verb."""

    async def story(town: Town) -> None:
        await town.open(HIGH)
        await town.read(80)
        with pytest.raises(Forbidden, match="/api/alarm"):
            await town.hub.commit(
                Commit(LAN, (Change(Op.APPEND, alarm_id("high", STATION), attrs={"active": prop(1)}),))
            )

    play(tmp_path, story)


def test_after_a_restart_everything_is_known_again(tmp_path: Path) -> None:
    """Windows, durations, silence and hysteresis come back from the log; what came meanwhile is judged."""

    async def first(town: Town) -> None:
        await town.open(HIGH, SLOW, SILENT, OFTEN)
        for value in (80, 81):
            await town.read(value)
            await town.wait(5)
        await town.read(70)  # Between clear and limit.
        await carry_out(town.engine)

    async def meanwhile(town: Town) -> None:
        town.now += 10 * SECOND
        await town.read(74, judge=False)

    async def then(town: Town) -> None:
        await town.open()
        assert town.state().active
        assert town.state("often").active  # The third value over 70 came while the engine was down.
        assert town.hub.cursor(CONSUMER) > 0
        await town.wait(40)
        assert town.state("slow").active
        await town.wait(20)
        assert town.state("silent").active
        assert [one.value("occurrences") for one in town.hub.find(LAN, "Alarm")] == [1, 1, 1, 1]

    async def at_last(town: Town) -> None:
        await town.open()
        town.now += SECOND
        await town.read(59)
        assert not town.state().active
        assert not town.state("silent").active

    play(tmp_path, first, meanwhile, then, at_last)


def test_an_outage_of_the_server_is_nobodys_silence(tmp_path: Path) -> None:
    """After an hour down no sensor is called silent before it had its time to speak; who was silent before still is."""
    share = {"kind": "silent", "attribute": "pm25", "op": ">=", "limit": 0.9, "window_seconds": 60}

    async def before(town: Town) -> None:
        await town.open(SILENT, row("most", share, each="unit"))
        await town.read(1, subject=OTHER)
        await town.wait(70)
        await town.read(2)
        await carry_out(town.engine)
        assert town.state("silent", OTHER).active
        town.now += 60 * MINUTE

    async def after(town: Town) -> None:
        await town.open()
        await town.wait(59)
        assert not town.state("silent").active
        assert not town.state("most", area_urn(WARD)).active
        assert town.state("silent", OTHER).active
        await town.wait(2)
        assert town.state("silent").active
        assert town.state("most", area_urn(WARD)).active

    play(tmp_path, before, after)
