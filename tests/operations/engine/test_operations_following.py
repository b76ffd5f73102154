"""The engine over a real hub whose clock we hold: rule sets taken up, alarms moved, no kill loses or doubles one."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from dothi.ground.clock import DAY, MINUTE, SECOND, from_iso, iso
from dothi.ground.errors import Forbidden, Missing
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS, Actor, Change, Commit, Entity, Op, Receipt, geo, prop
from dothi.office.rules import adopt, open_rules, refresh
from dothi.operations.alarms.reading import alarm_id, open_alarms, state_of
from dothi.operations.alarms.service import acknowledge, own
from dothi.operations.alarms.workflow import NORMAL, State
from dothi.operations.engine.following import CONSUMER, Engine, carry_out, ring, start, step
from dothi.operations.engine.telling import area_urn
from dothi.operations.model import Operations
from dothi.operations.rules.in_force import KIND, rules_at, rules_kind
from dothi.operations.rules.samples import sample_rules
from dothi.territory import Territory

HERE = Territory.load()
T0 = from_iso("2026-11-22T23:00:00Z")  # Monday 23/11/2026, 06:00 in Vietnam.
TODAY = "2026-11-23"
LAN = Actor("user:lan", frozenset({"duty_officer"}))
STEWARD = Actor("user:steward", frozenset({"data_steward"}))
STATION, OTHER = "urn:ngsi-ld:AirQualityObserved:1", "urn:ngsi-ld:AirQualityObserved:2"
WARD = "19753"
LIMIT = {"id": "limit", "attribute": "pm25", "op": ">", "limit": 75, "clear": 60}


def row(name: str, *when: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    said = {"id": name, "name": {"vi": f"Quy tắc {name}"}, "type": "AirQualityObserved", "priority": "high"}
    return {**said, "when": [dict(one) for one in when], **more}


HIGH = row("high", LIMIT)
SLOW = row("slow", LIMIT, for_seconds=60)
SILENT = row("silent", {"kind": "noData", "attribute": "pm25", "seconds": 60})
OFTEN = row("often", {"kind": "repeat", "attribute": "pm25", "op": ">", "limit": 70, "times": 3, "window_seconds": 300})
MEAN = {"kind": "mean", "attribute": "pm25", "op": ">", "limit": 50, "clear": 40, "window_seconds": 600}
AREA = row("area", MEAN, each="unit", for_seconds=20)


class Town:
    """A hub with an engine; time passes when we say so."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, now: int = T0) -> None:
        self.now, self.folder = now, folder
        patch.setattr("dothi.hub.write.commit.now_us", lambda: self.now)
        self.hub = Hub(folder, Open())
        self.operations = Operations(self.hub, HERE, adopted=open_rules(self.hub, HERE, (rules_kind(),)))
        own(self.operations)
        self.engine: Engine

    async def open(self, *rows: Mapping[str, Any]) -> None:
        if rows:
            await self.adopt(*rows, {"id": "pm25-high", "removed": True}, only=True)
        self.engine = await start(self.operations, lambda: self.now)
        await self.catch_up()

    async def adopt(self, *rows: Mapping[str, Any], unit: str = "", day: str = TODAY, only: bool = False) -> None:
        gone = [{"id": name, "removed": True} for name in sample_rules()] if only else []
        said = {"rule": [*gone, *(one for one in rows if "name" in one or not only)]}
        assert self.operations.adopted is not None
        text, seen = tomli_w.dumps(said), {one.unit + one.valid_from: one.version for one in self._sets()}
        await adopt(
            self.operations.adopted,
            STEWARD,
            KIND,
            unit,
            day,
            text,
            "Quyết định mẫu số 01",
            seen.get(unit + day, 0),
            self.now,
        )

    def _sets(self) -> list[Any]:
        assert self.operations.adopted is not None
        return [one for sets in self.operations.adopted.adopted.values() for one in sets]

    async def catch_up(self) -> None:
        for commit in self.hub.log(self.engine.position):
            await step(self.engine, commit, commit.seq >= self.hub.last_seq())

    async def read(self, value: Any, at: int | None = None, subject: str = STATION, judge: bool = True) -> None:
        observed = iso(self.now if at is None else at)
        attrs = {"pm25": prop(value, observed, "GQ"), "unit": prop(WARD), "name": prop("Trạm 1")}
        place = geo({"type": "Point", "coordinates": [107.6, 16.46]})
        change = Change(Op.UPSERT, subject, ("AirQualityObserved",), {**attrs, "location": place})
        await self.hub.commit(Commit(ANONYMOUS, (change,)))
        if judge:
            await self.catch_up()

    async def wait(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)
        await ring(self.engine, self.now)

    def alarm(self, rule: str = "high", subject: str = STATION) -> Entity | None:
        try:
            return self.hub.get(LAN, alarm_id(rule, subject))
        except Missing:
            return None

    def state(self, rule: str = "high", subject: str = STATION) -> State:
        alarm = self.alarm(rule, subject)
        return state_of(alarm) if alarm else NORMAL


def play(folder: Path, *stories: Callable[[Town], Awaitable[None]]) -> None:
    async def run(story: Callable[[Town], Awaitable[None]], now: int) -> int:
        with pytest.MonkeyPatch.context() as patch:
            town = Town(folder, patch, now)
            try:
                await story(town)
            finally:
                await town.hub.close()
            return town.now

    now = T0
    for story in stories:
        now = asyncio.run(run(story, now))


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


class Killed(Exception):
    """The process was ended, as by kill -9."""


STEPS = st.lists(
    st.tuples(st.sampled_from((STATION, OTHER)), st.integers(30, 95), st.integers(1, 50)), min_size=4, max_size=9
)
RULES = (HIGH, row("slow", LIMIT, for_seconds=60, hold_seconds=30), SILENT, OFTEN, AREA)


@given(STEPS, st.lists(st.integers(0, 12), max_size=3), st.booleans())
@settings(max_examples=12, deadline=None)
def test_an_engine_that_is_killed_equals_one_that_was_not(
    steps: list[tuple[str, int, int]], kills: list[int], durable: bool
) -> None:
    """Killed before or after a commit reached the disk, any number of times: the same alarms, each as often."""
    assert told(steps, [], durable) == told(steps, kills, durable)


def told(steps: list[tuple[str, int, int]], kills: list[int], durable: bool) -> dict[str, tuple[Any, ...]]:
    """The alarms that a story leaves; the engine's commits number `kills` end the process."""
    found: dict[str, tuple[Any, ...]] = {}

    async def story(town: Town) -> None:
        await town.open(*RULES)
        _make_fatal(town, kills, durable)
        for subject, value, passed in steps:
            town.now += passed * SECOND
            await town.read(value, subject=subject, judge=False)
            await _survive(town, town.catch_up)
            await _survive(town, lambda: ring(town.engine, town.now))
        for _ in range(10):
            town.now += 30 * SECOND
            await _survive(town, lambda: ring(town.engine, town.now))
        for alarm in town.hub.find(LAN, "Alarm"):
            kept = (alarm.value(name) for name in ("active", "occurrences", "since", "rule", "subject"))
            found[alarm.id] = tuple(kept)

    with tempfile.TemporaryDirectory() as folder:
        play(Path(folder), story)
    return found


def _make_fatal(town: Town, kills: list[int], durable: bool) -> None:
    """Let the process end in some of the engine's commits: before it is on disk, or right after."""
    commit, counted = town.hub.commit, iter(range(1_000_000))

    async def fatal(one: Commit) -> Receipt:
        ends = bool(one.timers) and next(counted) in kills
        if durable or not ends:
            receipt = await commit(one)
        if ends:
            raise Killed
        return receipt

    town.hub.commit = fatal  # type: ignore[method-assign]


async def _survive(town: Town, act: Callable[[], Awaitable[None]]) -> None:
    """Do it; after a kill start anew and go on from there."""
    while True:
        try:
            await act()
            return
        except Killed:
            act = partial(_again, town)


async def _again(town: Town) -> None:
    town.engine = await start(town.operations, lambda: town.now)
    await town.catch_up()
    await ring(town.engine, town.now)
