"""Alarm rules as they are written: read to the same rule again, refused with a sentence that says what to mend."""

import tomllib
from collections.abc import Mapping
from contextlib import suppress
from datetime import time
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dothi.ground.errors import Invalid
from dothi.office.rules.overlay import overlay
from dothi.operations.model import Priority
from dothi.operations.rules.in_force import rules_kind
from dothi.operations.rules.model import (
    Aggregate,
    AllOf,
    AnyOf,
    Bound,
    Change,
    Each,
    Flapping,
    Measure,
    Node,
    NotOf,
    Only,
    Repeat,
    Rule,
    Schedule,
    Silence,
    Test,
    Threshold,
    Within,
    kind_of,
    leaves,
    reach_seconds,
    watched,
)
from dothi.operations.rules.parse import parse, parse_rule, row_of
from dothi.operations.rules.samples import sample_rules, shipped

BASE: dict[str, Any] = {"id": "r", "name": {"vi": "Tên"}, "type": "WaterObserved", "priority": "high"}
HIGH = {"attribute": "level", "op": ">", "limit": 2.5, "clear": 2.0}
SHARE = {"kind": "share", "attribute": "level", "op": ">=", "limit": 0.5, "window_seconds": 60}
SHARE |= {"where": {"op": ">", "limit": 2.0}}


def row(*when: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {**BASE, "when": [dict(one) for one in when], **more}


NUMBERS = st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: round(value, 3))
SECONDS = st.integers(1, 86_400)
NAMES = st.sampled_from(("level", "flow", "rainfall"))
IDS = st.sampled_from(("", "first", "second"))


@st.composite
def bounds(draw: st.DrawFn) -> Bound:
    op, limit, band = draw(st.sampled_from((">", ">=", "<", "<="))), draw(NUMBERS), draw(st.floats(0, 5).map(round))
    return Bound(op, limit, limit - band if op.startswith(">") else limit + band)


@st.composite
def own_leaves(draw: st.DrawFn) -> Node:
    name, part = draw(NAMES), draw(IDS)
    kind = draw(st.sampled_from(("threshold", "repeat", "change", "noData", "aggregate")))
    if kind == "threshold":
        return Threshold(name, draw(bounds()), part)
    if kind == "repeat":
        times = draw(st.integers(1, 50))
        test = Test(draw(st.sampled_from((">", "<="))), draw(NUMBERS))
        return Repeat(name, test, times, draw(st.integers(50, 9999)), draw(st.integers(1, times)), part)
    if kind == "change":
        return Change(name, draw(st.sampled_from((Bound(">", 2, 1), Bound("<=", -2, -0.5)))), draw(SECONDS), part)
    if kind == "noData":
        return Silence(name, draw(SECONDS), part)
    return draw(aggregates("subject"))


@st.composite
def aggregates(draw: st.DrawFn, least: str) -> Aggregate:
    order = ["subject", "unit", "province", "city"]
    over = draw(st.sampled_from((*order[order.index(least) :], ("19753", "19789"))))
    measure = draw(st.sampled_from([one for one in Measure if over != "subject" or one is not Measure.SILENT]))
    kind = "WaterObserved" if over == "subject" else draw(st.sampled_from(("WaterObserved", "WeatherObserved")))
    bounded = Bound(">=", 0.5, 0.25) if measure in (Measure.SHARE, Measure.SILENT, Measure.COUNT) else draw(bounds())
    where = Test("<", draw(NUMBERS)) if measure in (Measure.SHARE, Measure.COUNT) else None
    fresh = draw(st.integers(1, 9))
    return Aggregate(measure, kind, draw(NAMES), over, bounded, draw(SECONDS), fresh, where, draw(IDS))


def trees(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Node]:
    def over(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
        parts = st.lists(inner, min_size=1, max_size=3).map(tuple)
        return st.one_of(st.builds(AllOf, parts, IDS), st.builds(AnyOf, parts, IDS), st.builds(NotOf, inner, IDS))

    return st.recursive(leaf, over, max_leaves=5)


@st.composite
def written_rules(draw: st.DrawFn) -> Rule:
    each = draw(st.sampled_from(Each))
    leaf = own_leaves() if each is Each.SUBJECT else aggregates(each.value)
    schedule = Schedule(draw(st.frozensets(st.integers(0, 6), min_size=1)), time(7, 30), time(17), draw(st.booleans()))
    return Rule(
        id=draw(st.text("abc-019", min_size=1, max_size=9)),
        name={"vi": "Mực nước", "en": "Water level"},
        type="WaterObserved",
        when=draw(trees(leaf)),
        priority=draw(st.sampled_from(Priority)),
        each=each,
        for_seconds=draw(st.integers(0, 9999)),
        hold_seconds=draw(st.integers(0, 9999)),
        max_age_seconds=draw(SECONDS),
        schedule=draw(st.sampled_from((None, schedule))),
        only=draw(st.sampled_from((Only(), Only(units=frozenset({"19753"}))))),
        inhibited_within=draw(st.sampled_from(Within)),
        group=draw(st.sampled_from(("", "flood"))),
        flapping=draw(st.sampled_from((None, Flapping(3, 600)))),
        enabled=draw(st.booleans()),
        sample=draw(st.booleans()),
    )


@given(written_rules())
@settings(max_examples=60, deadline=None)
def test_a_rule_is_read_as_it_was_written(rule: Rule) -> None:
    """Written as TOML and read again it is the same rule; what makes no sense is left out."""
    text = tomli_w.dumps({"rule": [row_of(rule)]})
    found: dict[str, Rule] = {}
    with suppress(Invalid):
        found = parse(tomllib.loads(text))
    assume(found)
    again = found[rule.id]
    assert parse_rule(row_of(again)) == again
    assert [kind_of(leaf) for leaf in leaves(again.when)] == [kind_of(leaf) for leaf in leaves(rule.when)]
    assert watched(again) == watched(rule)
    assert reach_seconds(again) >= rule.for_seconds + rule.hold_seconds


@given(bounds(), st.lists(st.floats(-1e6, 1e6), max_size=40))
@settings(max_examples=100, deadline=None)
def test_a_bound_does_not_flap_inside_its_band(bound: Bound, values: list[float]) -> None:
    """Between two turns of a bound the value has crossed the whole band."""
    met, turned = False, None
    for value in values:
        was, met = met, bound.met(value, met)
        if was != met:
            assert turned is None or abs(value - turned) >= abs(bound.limit - bound.clear)
            turned = value


@pytest.mark.parametrize(
    ("wrong", "field", "why"),
    [
        (row({**HIGH, "op": "=="}), "when[0].op", "one of > >= < <="),
        (row({**HIGH, "clear": 3.0}), "when[0].clear", "would flap"),
        (row({**HIGH, "limit": float("nan")}), "when[0].limit", "write a number"),
        (row({**HIGH, "limt": 3}), "when[0].limt", "not known here"),
        (row({"op": ">", "limit": 1}), "when[0].attribute", "is missing"),
        (row({**HIGH, "kind": "shape"}), "when[0].kind", "is no condition"),
        (row({"kind": "noData", "attribute": "level"}), "when[0].seconds", "whole number"),
        (row(SHARE | {"limit": 1.5}), "when[0].limit", "never raise"),
        (row(SHARE | {"limit": 0.0}), "when[0].clear", "never clear"),
        (row({k: v for k, v in SHARE.items() if k != "where"}), "when[0].where", "meet something"),
        (row(SHARE | {"kind": "mean"}), "when[0].where", "only count and share"),
        (row(SHARE | {"type": "WeatherObserved"}), "when[0].type", "over which area"),
        (row(SHARE | {"over": "ward"}), "when[0].over", "subject, unit, province, city"),
        (row(HIGH, each="unit"), "when[0].kind", "needs a figure over its members"),
        (row(SHARE | {"over": "unit"}, each="city"), "when[0].over", "there are many in it"),
        (row({**HIGH, "kind": "change", "window_seconds": 60, "clear": -1}), "when[0].limit", "without a change"),
        (row({**HIGH, "kind": "repeat", "times": 9, "window_seconds": 60}), "when[0].clear", "not known here"),
        (row({**HIGH, "kind": "repeat", "times": 90, "window_seconds": 60}), "when[0].times", "do not come in"),
        (row(HIGH, {**HIGH, "op": "<", "limit": 1.0, "clear": 1.0}), "when", "never raise"),
        (row({"any": [HIGH, {**HIGH, "op": "<", "limit": 2.2, "clear": 2.4}]}), "when", "never clear"),
        (row({"any": [HIGH], "all": [HIGH]}), "when[0]", "one thing"),
        (row({"any": []}), "when[0].any", "list of conditions"),
        (row(), "when", "list of conditions"),
        (row(HIGH, only={}), "only.units", "never raise"),
        (row(SHARE, each="unit", only={"subjects": ["urn:a"]}), "only.subjects", "narrowed by units"),
        (row(HIGH, schedule={"days": ["sunday"]}), "schedule.days", "no weekday"),
        (row(HIGH, schedule={"days": []}), "schedule.days", "never at work"),
        (row(HIGH, schedule={"from": "07:00", "to": "07:00"}), "schedule.to", "never at work"),
        (row(HIGH, schedule={"from": "7h"}), "schedule.from", "no time of day"),
        (row(HIGH, inhibited_by=["r"]), "inhibited_by", "hold itself back"),
        (row(HIGH, inhibited_by=["other"]), "inhibited_by", "no rule “other”"),
        (row(HIGH, priority="grave"), "priority", "urgent, high, medium, low"),
        (row(HIGH, name={"en": "No"}), "name", "Vietnamese"),
        (row(HIGH, for_seconds=-1), "for_seconds", "whole number"),
        (row(HIGH, enabled="yes"), "enabled", "true or false"),
    ],
)
def test_what_cannot_work_is_refused(wrong: dict[str, Any], field: str, why: str) -> None:
    """A rule that could never raise, never clear or cannot be read is refused with rule, field and what to write."""
    with pytest.raises(Invalid, match=why.replace("[", r"\[")) as refused:
        parse({"rule": [wrong]})
    assert refused.value.fields == {"field": field, "rule": "r"}
    assert f"Rule “r”, {field}: " in refused.value.detail


def test_a_set_is_refused_as_a_whole() -> None:
    """Two rules of one id, a table that no rule knows, and rules that hold each other back are told of."""
    with pytest.raises(Invalid, match="written twice"):
        parse({"rule": [row(HIGH), row(HIGH)]})
    with pytest.raises(Invalid, match="“rules” is no table"):
        parse({"rules": []})
    with pytest.raises(Invalid, match="needs an id"):
        parse({"rule": [{}]})
    with pytest.raises(Invalid, match="hold itself back"):
        parse({"rule": [row(HIGH, inhibited_by=["s"]), row(HIGH, id="s", inhibited_by=["r"])]})


def test_the_samples_are_samples() -> None:
    """Every rule shipped says in both languages that it is a sample, and is written as it is read."""
    found = sample_rules()
    assert {"pm25-high", "air-silent", "water-level-high", "bin-full", "routing-broken"} <= set(found)
    assert all(one.sample and "mẫu" in one.name["vi"] and "sample" in one.name["en"] for one in found.values())
    assert all(parse_rule(row_of(one)) == one for one in found.values())
    rules_kind().check(shipped())


def test_a_unit_says_only_what_differs() -> None:
    """A commune changes one limit by naming rule and part, takes a rule away, and adds one of its own."""
    above = {
        "rule": [
            {"id": "pm25-high", "when": [{"id": "limit", "limit": 50.0, "clear": 40.0}]},
            {"id": "bin-full", "removed": True},
            row(HIGH, id="own"),
        ]
    }
    found = parse(overlay(shipped(), above))
    assert found["pm25-high"].when == Threshold("pm25", Bound(">", 50.0, 40.0), "limit")
    assert found["pm25-high"].name == sample_rules()["pm25-high"].name
    assert "bin-full" not in found
    assert found["own"].when == Threshold("level", Bound(">", 2.5, 2.0))


def test_the_page_shows_rules_that_work() -> None:
    """Every rule in docs/howto/alarm-rules.md is read."""
    page = Path(__file__).parents[3].joinpath("docs/howto/alarm-rules.md").read_text("utf-8")
    blocks = [block.split("```")[0] for block in page.split("```toml\n")[1:]]
    assert len(blocks) >= 3
    for block in blocks:
        tables = tomllib.loads(block)
        assert parse(overlay(shipped(), tables))
