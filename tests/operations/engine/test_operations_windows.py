"""Rules that share windows and figures, and are passed over together, say what each of them says alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dothi.ground.clock import SECOND
from dothi.operations.engine.areas import Number
from dothi.operations.engine.memory import Pack
from dothi.operations.rules.model import Turn
from tests.operations.engine.watched import NEXT, WARD, A, B, Run, row

LIMITS = st.sampled_from((0.5, 1.0, 2.0, 3.0, 99.0))
WINDOWS = st.sampled_from((60, 60, 100))


@st.composite
def bounds(draw: st.DrawFn) -> Mapping[str, Any]:
    op, limit, band = draw(st.sampled_from((">", ">=", "<", "<="))), draw(LIMITS), draw(st.sampled_from((0.0, 0.5)))
    clear = limit - band if op.startswith(">") else limit + band
    return {"op": op, "limit": limit, "clear": clear}


@st.composite
def repeats(draw: st.DrawFn) -> Mapping[str, Any]:
    times, limit = draw(st.integers(1, 4)), draw(st.sampled_from((1, 2)))
    said = {"kind": "repeat", "op": ">", "limit": limit, "times": times, "clear_times": draw(st.integers(1, times))}
    return said | {"window_seconds": draw(WINDOWS)}


@st.composite
def changes(draw: st.DrawFn) -> Mapping[str, Any]:
    limit = draw(st.sampled_from((0.5, 1.0, 2.0, 99.0)))
    up = draw(st.booleans())
    said = {"op": ">", "limit": limit, "clear": 0.5} if up else {"op": "<", "limit": -limit, "clear": -0.5}
    return {"kind": "change", **said, "window_seconds": draw(WINDOWS)}


@st.composite
def figures(draw: st.DrawFn, over: str) -> Mapping[str, Any]:
    fresh = {"window_seconds": draw(WINDOWS), "at_least": draw(st.integers(1, 2)), "over": over}
    if draw(st.integers(0, 4)) == 0:
        return {"kind": "count", "op": ">", "limit": draw(st.integers(0, 2)), "where": {"op": ">", "limit": 1}, **fresh}
    return {"kind": draw(st.sampled_from(("mean", "min", "max", "sum"))), **draw(bounds()), **fresh}


@st.composite
def some_rules(draw: st.DrawFn) -> list[Mapping[str, Any]]:
    own = st.one_of(repeats(), changes(), figures("subject"))
    found: list[Mapping[str, Any]] = []
    for number in range(draw(st.integers(1, 8))):
        parts = draw(st.lists(own, min_size=1, max_size=2)) if number % 3 else [draw(figures("unit"))]
        when = [{"attribute": "level", **part} for part in parts]
        more: dict[str, Any] = {} if number % 3 else {"each": "unit"}
        more |= {"for_seconds": draw(st.sampled_from((0, 0, 30))), "hold_seconds": draw(st.sampled_from((0, 20)))}
        found.append(row(*when, id=f"r{number}", max_age_seconds=draw(st.sampled_from((20, 600))), **more))
    return found


VALUES = st.tuples(
    st.sampled_from(((A, WARD), (A, WARD), (B, WARD), ("urn:n", NEXT))),
    st.integers(0, 16).map(lambda one: one / 4) | st.none(),
    st.sampled_from((0, 0, 0, 30, 70)),  # Seconds that it was on its way.
    st.sampled_from((0, 1, 5, 20, 45)),
)


@given(some_rules(), st.lists(VALUES, max_size=40))
@settings(max_examples=150, deadline=None)
def test_together_as_alone(rules: list[Mapping[str, Any]], story: Sequence[Any]) -> None:
    """Each rule among others turns as it does alone and with nothing passed over: when, why and in which order."""
    together = played(rules, story)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pack, "calm", lambda _pack, _now: False)
        patch.setattr(Number, "calm", lambda _number: False)
        for rule in rules:
            assert [turn for turn in together if turn.rule.id == rule["id"]] == played([rule], story)


def played(rules: Sequence[Mapping[str, Any]], story: Sequence[Any]) -> list[Turn]:
    run = Run(*rules)
    for (subject, unit), value, late, passed in story:
        run.now += passed * SECOND
        run.send(value, subject, unit=unit, late=late)
    return run.wait(1000).turns


def test_what_leaves_a_window_is_looked_at_when_it_leaves() -> None:
    """A mean rises as a low value leaves, without any value coming; also after one that was too old for the window."""
    mean = {"kind": "mean", "attribute": "level", "over": "subject", "op": ">", "limit": 2, "window_seconds": 60}
    run = Run(row(mean, max_age_seconds=600), row(mean | {"limit": 2.5}, id="more", max_age_seconds=600))
    run.send(1, late=70).wait(1).send(0).wait(30).send(3).wait(100)
    assert run.said == [(61.0, "r", A, True), (61.0, "more", A, True)]
    empty = Run(row(mean)).send(0).wait(10).send(1).wait(100).send(0).wait(30).send(3).wait(100)
    assert empty.said == [(170.0, "r", A, True)]


def test_a_dip_begins_the_wait_anew() -> None:
    """A rule whose duration has begun is not passed over, so that a figure that dips in between counts."""
    mean = {"kind": "mean", "attribute": "level", "over": "subject", "op": ">", "limit": 2, "window_seconds": 60}
    run = Run(row(mean, for_seconds=30)).send(1).wait(60).send(3).wait(10).send(0).wait(5).send(9).wait(50)
    assert run.said == [(105.0, "r", A, True)]
