"""Rules over the feed: thresholds, hysteresis, durations, silence; one alarm per cause; nothing twice after a crash."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dothi.ground.clock import SECOND, from_iso, iso
from dothi.ground.errors import Forbidden, Invalid, Missing
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS, Actor, Change, Commit, Entity, Op, geo, prop
from dothi.operations.alarms.service import (
    acknowledge,
    alarm_id,
    keep_rule,
    keep_sample_rules,
    open_alarms,
    own,
    rules,
    sample_rules,
    state_of,
    switch_rule,
)
from dothi.operations.alarms.workflow import NORMAL, State, raises, stays
from dothi.operations.engine.following import CONSUMER, Engine, ring, start, step
from dothi.operations.model import IllegalMove, Kind, Operations, Priority, Rule
from dothi.territory import Territory

HERE = Territory.load()
T0 = from_iso("2026-11-22T01:00:00Z")
LAN = Actor("user:lan", frozenset({"duty_officer"}))
STATION = "urn:ngsi-ld:AirQualityObserved:1"
HIGH = Rule("urn:r:high", {"vi": "Cao"}, Kind.THRESHOLD, "AirQualityObserved", "pm25", Priority.HIGH, ">", 75, 60)
SLOW = Rule("urn:r:slow", {"vi": "Lâu"}, Kind.THRESHOLD, "AirQualityObserved", "pm25", Priority.LOW, ">", 75, 75, 60)
SILENT = Rule("urn:r:silent", {"vi": "Im"}, Kind.NO_DATA, "AirQualityObserved", "pm25", Priority.LOW, for_seconds=60)


class Town:
    """A hub with an engine whose clock we hold."""

    def __init__(self, folder: Path) -> None:
        self.hub = Hub(folder, Open())
        self.operations = Operations(self.hub, HERE)
        own(self.operations)
        self.now = T0
        self.engine: Engine

    async def open(self, *some: Rule) -> None:
        for one in some:
            await keep_rule(self.operations, LAN, one)
        self.engine = start(self.operations, lambda: self.now)
        await self.catch_up()

    async def catch_up(self) -> None:
        for commit in self.hub.log(self.engine.stored):
            await step(self.engine, commit)

    async def read(self, value: Any, at: int | None = None, subject: str = STATION) -> None:
        observed = iso(self.now if at is None else at)
        attrs = {"pm25": prop(value, observed, "GQ"), "unit": prop("19753"), "name": prop("Trạm 1")}
        place = geo({"type": "Point", "coordinates": [107.6, 16.46]})
        change = Change(Op.UPSERT, subject, ("AirQualityObserved",), {**attrs, "location": place})
        await self.hub.commit(Commit(ANONYMOUS, (change,)))
        await self.catch_up()

    async def wait(self, seconds: int) -> None:
        self.now += seconds * SECOND
        await ring(self.engine)

    def alarm(self, one: Rule = HIGH, subject: str = STATION) -> Entity | None:
        try:
            return self.hub.get(LAN, alarm_id(one.id, subject))
        except Missing:
            return None

    def state(self, one: Rule = HIGH) -> State:
        alarm = self.alarm(one)
        return state_of(alarm) if alarm else NORMAL


def play(folder: Path, story: Callable[[Town], Awaitable[None]]) -> None:
    async def run() -> None:
        town = Town(folder)
        try:
            await story(town)
        finally:
            await town.hub.close()

    asyncio.run(run())


def test_an_alarm_rises_is_seen_and_clears(tmp_path: Path) -> None:
    """PM2.5 over the limit raises one alarm with place, value and due; acknowledged, then cleared, it is closed."""

    async def story(town: Town) -> None:
        await town.open(HIGH)
        await town.read(80)
        alarm = town.alarm()
        assert alarm is not None
        assert (alarm.value("active"), alarm.value("acknowledged"), alarm.value("value")) == (True, False, 80)
        assert (alarm.value("unit"), alarm.value("subjectName"), alarm.value("valueUnit")) == ("19753", "Trạm 1", "GQ")
        assert alarm.value("due") == iso(T0 + 1800 * SECOND)
        await acknowledge(town.operations, LAN, alarm.id, "đang kiểm tra", T0)
        assert [one.id for one in open_alarms(town.operations, LAN)] == [alarm.id]
        await town.read(59)
        assert town.state() == NORMAL
        assert open_alarms(town.operations, LAN) == []
        trail = town.hub.trail(LAN, alarm.id)
        assert [commit.actor for commit in trail] == ["system:operations", "user:lan", "system:operations"]

    play(tmp_path, story)


def test_between_the_limits_nothing_moves(tmp_path: Path) -> None:
    """Hysteresis: between clear and limit an active alarm stays with its value of now, a cleared one does not rise."""

    async def story(town: Town) -> None:
        await town.open(HIGH)
        for value, active in ((70, False), (75, False), (76, True), (70, True), (61, True), (60, False), (70, False)):
            await town.read(value)
            assert town.state().active is active, value
            alarm = town.alarm()
            assert not active or (alarm is not None and alarm.value("value") == value)

    play(tmp_path, story)


def test_one_alarm_per_cause(tmp_path: Path) -> None:
    """A hundred readings over the limit are one alarm with one occurrence; rising again counts two."""

    async def story(town: Town) -> None:
        await town.open(HIGH)
        for n in range(100):
            await town.read(80 + n)
        assert town.hub.find(LAN, "Alarm", count=True).count == 1
        alarm = town.alarm()
        assert alarm is not None
        assert (alarm.value("occurrences"), alarm.value("value")) == (1, 179)
        await town.read(10)
        assert town.state() == State(active=False, acknowledged=False)
        await town.read(90)
        again = town.alarm()
        assert again is not None
        assert (again.id, again.value("occurrences"), town.state()) == (alarm.id, 2, State(True, False))

    play(tmp_path, story)


def test_up_and_down_in_one_batch_is_no_alarm(tmp_path: Path) -> None:
    """Of several readings of one station in one commit the last counts."""

    async def story(town: Town) -> None:
        await town.open(HIGH)
        changes = [
            Change(Op.UPSERT, STATION, ("AirQualityObserved",), {"pm25": prop(value, iso(T0 + value))})
            for value in (90, 10)
        ]
        await town.hub.commit(Commit(ANONYMOUS, tuple(changes)))
        await town.catch_up()
        assert not town.state().active

    play(tmp_path, story)


def test_a_station_that_was_deleted_is_not_silent(tmp_path: Path) -> None:
    """The silence of a deleted subject raises nothing."""

    async def story(town: Town) -> None:
        await town.open(SILENT)
        await town.read(10)
        await town.hub.commit(Commit(ANONYMOUS, (Change(Op.DELETE, STATION),)))
        await town.wait(61)
        assert town.alarm(SILENT) is None

    play(tmp_path, story)


def test_a_duration_must_be_waited_out(tmp_path: Path) -> None:
    """With forSeconds the condition must hold that long; a dip in between starts the wait anew."""

    async def story(town: Town) -> None:
        await town.open(SLOW)
        await town.read(80)
        await town.wait(59)
        assert not town.state(SLOW).active
        await town.read(10)
        await town.wait(5)
        assert not town.state(SLOW).active
        await town.read(80)
        town.now += 30 * SECOND
        await town.read(95)
        await town.wait(30)
        assert town.state(SLOW).active
        alarm = town.alarm(SLOW)
        assert alarm is not None
        assert alarm.value("value") == 95  # What is measured as it rises, not as the wait began.

    play(tmp_path, story)


def test_silence_raises_and_a_word_clears(tmp_path: Path) -> None:
    """A station that sends nothing for a minute raises an alarm; its next reading clears it."""

    async def story(town: Town) -> None:
        await town.open(SILENT)
        await town.read(10)
        await town.wait(59)
        await town.read(10)
        await town.wait(59)
        assert not town.state(SILENT).active
        await town.wait(2)
        assert town.state(SILENT).active
        await town.read(10)
        assert not town.state(SILENT).active

    play(tmp_path, story)


def test_imported_history_is_no_alarm_of_today(tmp_path: Path) -> None:
    """A reading of 2013 over the limit raises nothing, neither does its silence."""

    async def story(town: Town) -> None:
        await town.open(HIGH, SILENT)
        await town.read(500, from_iso("2013-03-01T00:00:00Z"))
        await town.wait(100)
        assert (town.alarm(), town.alarm(SILENT)) == (None, None)

    play(tmp_path, story)


def test_after_a_restart_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    """What came while the engine was down is judged after; what was judged is not judged again; timers go on."""

    async def first(town: Town) -> None:
        await town.open(HIGH, SLOW)
        await town.read(80)

    async def down(town: Town) -> None:
        for value in (10, 90):
            attrs = {"pm25": prop(value, iso(T0 + SECOND))}
            await town.hub.commit(Commit(ANONYMOUS, (Change(Op.APPEND, STATION, attrs=attrs),)))

    async def then(town: Town) -> None:
        town.now += 61 * SECOND
        await town.open()
        alarm = town.alarm()
        assert alarm is not None
        assert alarm.value("occurrences") == 2
        assert town.hub.cursor(CONSUMER) >= 4
        await ring(town.engine)
        assert town.state(SLOW).active

    for story in (first, down, then):
        play(tmp_path, story)


def test_two_hands_on_one_alarm(tmp_path: Path) -> None:
    """Acknowledging twice is refused the second time with a clear sentence; an unknown alarm is Missing."""

    async def story(town: Town) -> None:
        await town.open(HIGH)
        await town.read(80)
        name = alarm_id(HIGH.id, STATION)
        tries = await asyncio.gather(
            *(acknowledge(town.operations, LAN, name) for _ in range(2)), return_exceptions=True
        )
        assert sum(isinstance(one, IllegalMove) for one in tries) == 1
        with pytest.raises(Missing):
            await acknowledge(town.operations, LAN, "urn:ngsi-ld:Alarm:none")
        with pytest.raises(Missing, match="not an alarm"):
            await acknowledge(town.operations, LAN, STATION)
        with pytest.raises(Invalid, match="2,000"):
            await acknowledge(town.operations, LAN, name, "x" * 2001)

    play(tmp_path, story)


def test_alarms_and_rules_are_guarded(tmp_path: Path) -> None:
    """A generic write to an alarm or a rule is refused and names the verb."""

    async def story(town: Town) -> None:
        await town.open(HIGH)
        await town.read(80)
        for name in (HIGH.id, alarm_id(HIGH.id, STATION)):
            with pytest.raises(Forbidden, match="/api/alarm"):
                await town.hub.commit(Commit(LAN, (Change(Op.APPEND, name, attrs={"active": prop(False)}),)))

    play(tmp_path, story)


def test_a_rule_changed_or_switched_off_counts_at_once(tmp_path: Path) -> None:
    """The engine reads a rule again when it changes; a disabled rule raises nothing."""

    async def story(town: Town) -> None:
        await town.open(HIGH)
        await switch_rule(town.operations, LAN, HIGH.id, False, "bảo trì")
        await town.read(80)
        assert town.alarm() is None
        await switch_rule(town.operations, LAN, HIGH.id, True, "xong")
        await town.read(81)
        assert town.state().active

    play(tmp_path, story)


def test_a_rule_that_cannot_be_read_stops_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A rule of another make is left out and told of; the others go on."""

    async def story(town: Town) -> None:
        broken = Change(Op.PUT, "urn:r:broken", ("AlarmRule",), {"name": prop("?")})
        await town.hub.commit(Commit(LAN, (broken,), owner="operations"))
        await town.open(HIGH)
        await town.read(80)
        assert town.state().active

    play(tmp_path, story)
    assert "urn:r:broken cannot be read" in caplog.text


def test_the_sample_rules_are_samples(tmp_path: Path) -> None:
    """Every rule shipped is labelled a sample in both languages, is written once, and says so in the hub."""

    async def story(town: Town) -> None:
        for _ in range(2):
            await keep_sample_rules(town.operations)
        assert len(rules(town.operations)) == len(sample_rules()) >= 4
        assert all(
            one.sample and "mẫu" in one.name["vi"] and "sample" in one.name["en"] for one in rules(town.operations)
        )

    play(tmp_path, story)


@pytest.mark.parametrize(
    ("fields", "why"),
    [({"op": "=="}, "op is one of"), ({"limit": 1, "clear": 2}, "flap"), ({"kind": Kind.NO_DATA}, "forSeconds")],
)
def test_a_rule_that_cannot_work_is_refused(fields: dict[str, Any], why: str) -> None:
    """A rule that would flap, never raise or cannot be read is invalid."""
    base = {"id": "urn:r", "name": {}, "kind": Kind.THRESHOLD, "subject_type": "T", "attribute": "a"}
    with pytest.raises(Invalid, match=why):
        Rule(**{**base, "priority": Priority.LOW, **fields})


@given(st.lists(st.floats(0, 150), max_size=60))
@settings(max_examples=100)
def test_hysteresis_never_flaps_inside_the_band(values: list[float]) -> None:
    """Between two changes of an alarm the value has crossed the whole band."""
    active, turned = False, None
    for value in values:
        was = active
        active = stays(HIGH, value) if active else raises(HIGH, value)
        if was != active:
            assert turned is None or abs(value - turned) >= HIGH.limit - HIGH.clear
            turned = value
