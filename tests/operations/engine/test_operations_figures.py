"""Properties of the evaluator: figures kept up, time told often or seldom, alarms that rise and clear in turn."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dothi.ground.clock import SECOND
from dothi.operations.engine.areas import Asked, Gathering
from dothi.operations.rules.model import Aggregate, Bound, Measure, Test
from tests.operations.engine.watched import HIGH, T0, A, B, C, Run, row

MEMBERS = st.sampled_from((A, B, C, "urn:d"))
STEPS = st.one_of(
    st.tuples(MEMBERS, st.integers(-50, 50).map(lambda value: value / 4), st.integers(0, 40)),
    st.tuples(MEMBERS, st.none(), st.integers(0, 40)),
)


@given(st.lists(STEPS, max_size=60), st.sampled_from(Measure), st.integers(1, 3))
@settings(max_examples=150, deadline=None)
def test_figures_kept_up_equal_figures_counted_anew(steps: list[Any], measure: Measure, least: int) -> None:
    """After any values, silences and departures a figure is what counting all fresh members anew gives."""
    window, where = 100, Test(">", 1.0) if measure in (Measure.COUNT, Measure.SHARE) else None
    gathering = Gathering(Asked("T", "a", window, where))
    leaf = Aggregate(measure, "T", "a", "unit", Bound(">", 1, 1), window, least, where)
    figure, now = gathering.leaf(leaf), 0
    newest: dict[str, tuple[int, float]] = {}
    for subject, value, passed in steps:
        now += passed * SECOND
        gathering.expire(now)
        if value is None:
            newest.pop(subject, None)
            gathering.drop(subject)
        else:
            newest[subject] = (now, value)
            gathering.take(subject, value, now, now)
        fresh = [one for at, one in newest.values() if at + window * SECOND > now]
        assert figure.value() == pytest.approx(counted(measure, fresh, len(newest), least, where))


def counted(measure: Measure, fresh: list[float], ever: int, least: int, where: Test | None) -> float | None:
    if measure is Measure.SILENT:
        return (ever - len(fresh)) / ever if ever >= least else None
    if len(fresh) < least:
        return None
    met = sum(where is None or where.met(one) for one in fresh)
    match measure:
        case Measure.MEAN:
            return sum(fresh) / len(fresh)
        case Measure.SUM:
            return sum(fresh)
        case Measure.MIN:
            return min(fresh)
        case Measure.MAX:
            return max(fresh)
        case Measure.COUNT:
            return met
        case _:
            return met / len(fresh)


MIXED = (
    row(HIGH, id="slow", for_seconds=40, hold_seconds=25),
    row({"kind": "noData", "attribute": "level", "seconds": 90}, id="silent"),
    row({"kind": "repeat", "attribute": "level", "op": ">", "limit": 2, "times": 2, "window_seconds": 70}, id="often"),
    row(
        {"kind": "change", "attribute": "level", "op": ">", "limit": 1.5, "clear": 0.5, "window_seconds": 80}, id="rise"
    ),
    row(
        {"kind": "mean", "attribute": "level", "over": "subject", "op": ">", "limit": 2, "window_seconds": 60}, id="own"
    ),
    row(
        {"kind": "mean", "attribute": "level", "op": ">", "limit": 2, "window_seconds": 60, "at_least": 2},
        id="area",
        each="unit",
        for_seconds=10,
    ),
    row(HIGH, {"not": {"kind": "noData", "attribute": "flow", "seconds": 30}}, id="both"),
)
VALUES = st.tuples(
    st.sampled_from((A, B)), st.sampled_from(("level", "flow")), st.integers(0, 16).map(lambda one: one / 4)
)
STORY = st.lists(st.tuples(VALUES, st.integers(0, 45)), max_size=40)


@given(STORY, st.lists(st.integers(1, 1000), max_size=15))
@settings(max_examples=80, deadline=None)
def test_when_time_is_told_does_not_matter(story: list[Any], looks: list[int]) -> None:
    """However often time passes between the values, the same alarms turn at the same instants."""
    quiet, busy = Run(*MIXED), Run(*MIXED)
    marks = sorted(looks)
    for (subject, attribute, value), passed in story:
        quiet.now += passed * SECOND
        while marks and T0 + marks[0] * SECOND < quiet.now:
            busy.now = T0 + marks.pop(0) * SECOND
            busy.wait(0)
        busy.now = quiet.now
        for run in (quiet, busy):
            run.send(value, subject, attribute)
    for run in (quiet, busy):
        run.wait(500)
    assert [turn for turn in quiet.turns if not turn.raised] == [turn for turn in busy.turns if not turn.raised]
    assert sorted(quiet.said) == sorted(busy.said)


@given(STORY)
@settings(max_examples=60, deadline=None)
def test_an_alarm_rises_and_clears_in_turn(story: list[Any]) -> None:
    """No alarm clears that is not up, none rises anew while it is up, and what is said was said in order of time."""
    run = Run(*MIXED)
    up: set[tuple[str, str]] = set()
    for (subject, attribute, value), passed in story:
        run.wait(passed).send(value, subject, attribute)
    latest = 0
    for turn in run.turns:
        key = turn.rule.id, turn.subject or turn.area
        assert turn.raised or key in up
        assert turn.since <= turn.at
        assert turn.at >= latest
        latest = turn.at
        (up.add if turn.raised else up.discard)(key)
