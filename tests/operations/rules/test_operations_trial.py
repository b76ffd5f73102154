"""The what-if: other alarm rules run over a past by the live engine; changing one rule for one unit."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dothi.ground.clock import DAY, HOUR, MINUTE, iso, now_us
from dothi.ground.errors import Invalid
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import Actor, Change, Commit, Op, Readings, prop, system
from dothi.office.rules import adopt, in_force, open_rules, overlay
from dothi.operations.alarms.service import own
from dothi.operations.engine.program import program_of
from dothi.operations.model import Operations, Priority
from dothi.operations.rules import trial
from dothi.operations.rules.changing import Asked, change_rule, row_in_force, row_with, wanted
from dothi.operations.rules.in_force import KIND, rules_at, rules_kind
from dothi.operations.rules.model import Bound, Rule, Threshold
from dothi.operations.rules.parse import parse_rule
from dothi.operations.rules.replay import Subject, replay
from dothi.territory import Territory

HERE = Territory.load()
LAN = Actor("user:lan", frozenset({"administrator"}))
A, B = ("urn:ngsi-ld:AirQualityObserved:a", "urn:ngsi-ld:AirQualityObserved:b")
WARD, OTHER = "19789", "19753"
NOW = now_us() // MINUTE * MINUTE
REASON = "Quyết định 12/QĐ-UBND (mẫu)"


class Town:
    """A hub with rule sets and two stations, one in each ward."""

    def __init__(self, folder: Path) -> None:
        self.hub = Hub(folder, Open())
        self.rules = open_rules(self.hub, HERE, (rules_kind(),))
        self.operations = Operations(self.hub, HERE, adopted=self.rules)
        own(self.operations)

    async def write(self, subject: str, unit: str, *readings: tuple[int, float]) -> None:
        """Values so many minutes before now."""
        changes = [
            Change(
                Op.UPSERT,
                subject,
                ("AirQualityObserved",),
                {"pm25": prop(value, iso(NOW - ago * MINUTE), "GQ"), "unit": prop(unit), "name": prop(subject[-1:])},
            )
            for ago, value in readings
        ]
        await self.hub.commit(Commit(system("t"), tuple(changes)))

    def tried(self, limit: float, unit: str | None = None) -> trial.AlarmTrial:
        """The trial of another limit of PM2.5."""
        before = in_force(self.rules, KIND, unit)
        row = {"id": "pm25-high", "when": [{"id": "limit", "limit": limit, "clear": limit - 10}]}
        return trial.try_rules(self.operations, unit, before, overlay(before, {"rule": [row]}), NOW)


def play(folder: Path, story: Callable[[Town], Awaitable[None]]) -> None:
    async def run() -> None:
        town = Town(folder)
        try:
            await story(town)
        finally:
            await town.hub.close()

    asyncio.run(run())


def test_other_limits_are_tried_on_the_past(tmp_path: Path) -> None:
    """A higher limit loses an alarm, shortens another; each difference is told with its place, from and to."""

    async def story(town: Town) -> None:
        await town.write(A, WARD, (400, 40), (390, 80), (380, 80), (370, 40), (200, 120), (100, 70), (50, 40))
        found = town.tried(100)
        (rule,) = found.rules
        assert (rule.rule, rule.before.raised, rule.after.raised) == ("pm25-high", 2, 1)
        assert rule.before.hours == pytest.approx(20 / 60 + 150 / 60)
        assert rule.after.hours == pytest.approx(100 / 60)
        assert rule.before.per_operator_day == pytest.approx(2 / 90)
        assert dict(found.trial.counts) == {"alarm_gone": 1, "alarm_shifted": 1}
        gone = next(one for one in found.trial.samples if one.kind == "alarm_gone")
        assert (gone.thing, gone.name, gone.after) == (A, "PM2.5 cao (mẫu): a", "")
        assert gone.before == f"{iso(NOW - 390 * MINUTE)}/{iso(NOW - 370 * MINUTE)}"
        assert (found.places, found.left, found.readings) == (1, 0, 7)

    play(tmp_path, story)


def test_a_unit_is_tried_alone(tmp_path: Path) -> None:
    """A trial of a ward counts its own places; in the city's, a ward with a limit of its own keeps that limit."""

    async def story(town: Town) -> None:
        for subject, unit in ((A, WARD), (B, OTHER)):
            await town.write(subject, unit, (300, 90), (200, 40))
        assert town.tried(100, WARD).rules[0].before.raised == 1
        assert town.tried(100).rules[0].before.raised == 2
        own_limit = '[[rule]]\nid = "pm25-high"\nwhen = [{ id = "limit", limit = 80.0, clear = 60.0 }]\n'
        day = iso(NOW + 7 * HOUR)[:10]
        await adopt(town.rules, LAN, KIND, WARD, day, own_limit, REASON)
        found = trial.try_rules(
            town.operations, None, in_force(town.rules, KIND), in_force(town.rules, KIND), NOW + DAY
        )
        assert found.rules == ()
        (rule,) = town.tried(100).rules
        assert (rule.before.raised, rule.after.raised) == (2, 1)

    play(tmp_path, story)


def test_a_root_holds_others_back(tmp_path: Path) -> None:
    """What rises while its root is up near by is told apart: it would have called nobody."""

    async def story(town: Town) -> None:
        rows = [
            {**row_in_force(town.operations, "pm25-high"), "inhibited_by": ["root"]},
            {
                "id": "root",
                "name": {"vi": "Gốc"},
                "type": "AirQualityObserved",
                "priority": "high",
                "when": [{"attribute": "pm25", "op": ">", "limit": 50.0, "clear": 45.0}],
            },
        ]
        await town.write(A, WARD, (300, 60), (290, 90), (280, 40))
        before = in_force(town.rules, KIND)
        found = trial.try_rules(town.operations, None, before, overlay(before, {"rule": rows}), NOW)
        of = {one.rule: one for one in found.rules}
        assert (of["pm25-high"].before.raised, of["pm25-high"].before.held) == (1, 0)
        assert (of["pm25-high"].after.raised, of["pm25-high"].after.held) == (0, 1)
        assert of["root"].after.raised == 1

    play(tmp_path, story)


def test_a_trial_that_takes_too_long_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past its time a trial stops and asks for one commune."""

    async def story(town: Town) -> None:
        await town.write(A, WARD, (300, 60))
        monkeypatch.setattr(trial, "MOST_SECONDS", -1.0)
        with pytest.raises(Invalid, match="ask for one commune"):
            town.tried(100)

    play(tmp_path, story)


def test_one_rule_is_changed_for_one_ward(tmp_path: Path) -> None:
    """Only what differs is adopted; a second change keeps the first; the same again is nothing to adopt."""

    async def story(town: Town) -> None:
        here, day = town.operations, iso(NOW + 7 * HOUR)[:10]
        row = row_in_force(here, "pm25-high")
        rule = parse_rule(row)
        assert row_with(row, rule) == row
        assert isinstance(rule.when, Threshold)
        higher = {**row, "when": [{**row["when"][0], "limit": 90.0, "clear": 80.0}]}
        one = await change_rule(here, LAN, Asked(WARD, day, higher), REASON, NOW)
        assert one.tables == {"rule": [{"id": "pm25-high", "when": [{"id": "limit", "limit": 90.0, "clear": 80.0}]}]}
        bins = {**row_in_force(here, "bin-full", WARD), "enabled": False}
        await change_rule(here, LAN, Asked(WARD, day, bins), REASON, NOW)
        found = rules_at(here, WARD, NOW)
        assert found["pm25-high"].when == Threshold("pm25", Bound(">", 90.0, 80.0), "limit")
        assert not found["bin-full"].enabled
        assert rules_at(here, OTHER, NOW)["bin-full"].enabled
        await change_rule(here, LAN, Asked(WARD, day, row), REASON, NOW)
        assert [one["id"] for one in town.rules.adopted[KIND, WARD][0].tables["rule"]] == ["bin-full"]
        with pytest.raises(Invalid, match="Nothing differs"):
            await change_rule(here, LAN, Asked(OTHER, day, row), REASON, NOW)
        with pytest.raises(Invalid, match="lies beyond limit"):
            wanted(here, Asked(WARD, day, {**row, "when": [{**row["when"][0], "clear": 99.0}]}), NOW)

    play(tmp_path, story)


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.integers(0, 12), max_size=40), limit=st.integers(3, 9), back=st.integers(0, 3))
def test_episodes_are_what_a_limit_says(values: list[int], limit: int, back: int) -> None:
    """For any series: up from above the limit until not above the clear level, never twice at once, in order."""
    series = Readings()
    for place, value in enumerate(values):
        series.observed.append(NOW + place * MINUTE)
        series.values.append(value)
    rule = Rule("r", {"vi": "r"}, "T", Threshold("x", Bound(">", limit, limit - back)), Priority.LOW)
    until = NOW + len(values) * MINUTE
    found = replay(program_of({"r": rule}), {"s": Subject(("T",), "")}, {("s", "x"): series}, until)
    wanted_spans: list[tuple[int, int | None]] = []
    up = False
    for place, value in enumerate(values):
        at = NOW + place * MINUTE
        if not up and value > limit:
            up = True
            wanted_spans.append((at, None))
        elif up and value <= limit - back:
            up = False
            wanted_spans[-1] = (wanted_spans[-1][0], at)
    assert [(one.start, one.end) for one in found] == wanted_spans
