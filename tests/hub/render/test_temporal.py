"""Tests: histories are rendered in full, as pairs, and aggregated over periods."""

from typing import Any

import pytest

from dothi.ground.clock import from_iso
from dothi.ground.errors import Invalid
from dothi.hub.language.nodes import Window
from dothi.hub.language.time import parse_period
from dothi.hub.model import Entity
from dothi.hub.render.aggregate import METHODS, compute, parse_methods, render_aggregated
from dothi.hub.render.shape import Shape, ranked_languages
from dothi.hub.render.temporal import render_history, render_pairs

ENTITY = Entity("urn:a:1", ("Station",), {}, (), 1_000_000, 2_000_000)


def reading(value: Any, at: str, kind: str = "Property", key: str = "value", **more: Any) -> dict[str, Any]:
    """One past instance as the hub gives it."""
    return {
        "type": kind,
        key: value,
        "observedAt": at,
        "createdAt": at,
        "modifiedAt": at,
        "instanceId": "urn:i:1",
    } | more


HOURS = [reading(float(hour), f"2026-11-22T{hour:02}:30:00Z") for hour in range(6)]


def test_the_full_form_shows_each_instance() -> None:
    """Every attribute is an array of instances with their instanceId; stamps come with sysAttrs only."""
    document = render_history(ENTITY, {"pm25": HOURS[:2]}, Shape())
    assert document["id"] == "urn:a:1"
    assert document["pm25"][1] == {
        "type": "Property",
        "value": 1.0,
        "observedAt": "2026-11-22T01:30:00Z",
        "instanceId": "urn:i:1",
    }
    assert "createdAt" in render_history(ENTITY, {"pm25": HOURS}, Shape(sys_attrs=True))["pm25"][0]


def test_pairs_by_attribute_type() -> None:
    """Each attribute type has its own member of [value, time] pairs (clause 4.5.9)."""
    at = "2026-11-22T00:00:00Z"
    history = {
        "pm25": [reading(5, at)],
        "owner": [reading("urn:a:b", at, "Relationship", "object")],
        "says": [reading({"vi": "có"}, at, "LanguageProperty", "languageMap")],
        "state": [reading("broken", at, "VocabProperty", "vocab")],
        "raw": [reading({"a": 1}, at, "JsonProperty", "json")],
        "list": [reading([1], at, "ListProperty", "valueList")],
    }
    document = render_pairs(ENTITY, history, Shape(), "observedAt")
    assert document["pm25"] == {"type": "Property", "values": [[5, at]]}
    assert document["owner"] == {"type": "Relationship", "objects": [["urn:a:b", at]]}
    assert document["says"] == {"type": "LanguageProperty", "languageMaps": [[{"languageMap": {"vi": "có"}}, at]]}
    assert document["state"] == {"type": "VocabProperty", "vocabs": [[{"vocab": "broken"}, at]]}
    assert document["raw"] == {"type": "JsonProperty", "jsons": [[{"json": {"a": 1}}, at]]}
    assert document["list"] == {"type": "ListProperty", "valueLists": [[[1], at]]}
    vietnamese = render_pairs(ENTITY, history, Shape(languages=ranked_languages("vi")), "observedAt")
    assert vietnamese["says"] == {"type": "Property", "values": [["có", at]]}


def test_datasets_are_series_of_their_own() -> None:
    """Instances of several datasets do not mix in one series."""
    at = "2026-11-22T00:00:00Z"
    listed = [reading(1, at), reading(2, at, datasetId="urn:d:1")]
    series = render_pairs(ENTITY, {"a": listed}, Shape(), "observedAt")["a"]
    assert series == [
        {"type": "Property", "values": [[1, at]]},
        {"type": "Property", "values": [[2, at]], "datasetId": "urn:d:1"},
    ]


def aggregated(listed: list[dict[str, Any]], methods: str, period: str, window: Window = Window()) -> Any:
    """The aggregated form of one attribute."""
    return render_aggregated(ENTITY, {"a": listed}, Shape(), window, parse_methods(methods), parse_period(period)).get(
        "a"
    )


def test_hourly_means_from_the_start_of_the_window() -> None:
    """Periods begin at the window's start, and each triple says what, from, to."""
    window = Window("between", from_iso("2026-11-22T00:00:00Z"), from_iso("2026-11-22T06:00:00Z"))
    series = aggregated(HOURS, "avg,max", "PT2H", window)
    assert series["avg"] == [
        [0.5, "2026-11-22T00:00:00Z", "2026-11-22T02:00:00Z"],
        [2.5, "2026-11-22T02:00:00Z", "2026-11-22T04:00:00Z"],
        [4.5, "2026-11-22T04:00:00Z", "2026-11-22T06:00:00Z"],
    ]
    assert [triple[0] for triple in series["max"]] == [1.0, 3.0, 5.0]


def test_a_period_of_nothing_is_the_whole_range() -> None:
    """A duration of zero spans the range of the query (clause 4.5.19.1)."""
    assert aggregated(HOURS, "sum", "PT0S")["sum"] == [[15.0, "2026-11-22T00:30:00Z", "2026-11-22T05:30:00Z"]]


def test_months_are_calendar_months() -> None:
    """A month from 31 January ends on the last of February, and the next on 31 March."""
    days = [reading(1, f"2026-{month:02}-{day:02}T12:00:00Z") for month, day in ((1, 31), (2, 28), (3, 30), (3, 31))]
    window = Window("after", from_iso("2026-01-31T12:00:00Z"))
    triples = aggregated(days, "totalCount", "P1M", window)["totalCount"]
    assert [triple[0] for triple in triples] == [1, 2, 1]
    assert triples[0][1:] == ["2026-01-31T12:00:00Z", "2026-02-28T12:00:00Z"]
    assert triples[1][2] == "2026-03-31T12:00:00Z"


def test_periods_without_readings_are_left_out() -> None:
    """A gap is no zero: periods in which nothing was measured do not appear."""
    gap = [HOURS[0], HOURS[5]]
    assert len(aggregated(gap, "sum", "PT1H")["sum"]) == 2


@pytest.mark.parametrize(
    ("method", "values", "result"),
    [
        ("totalCount", [1, 1, 2], 3),
        ("distinctCount", [1, 1, {"a": 1}, {"a": 1}], 2),
        ("sum", [1, 2, 3], 6),
        ("avg", [1, 2], 1.5),
        ("min", ["b", "a"], "a"),
        ("max", ["b", "a"], "b"),
        ("avg", ["a"], None),
        ("avg", [{"a": 1}], None),
        ("avg", [1, "a"], None),
        ("stddev", [2, 4, 4, 4, 5, 5, 7, 9], 2.0),
        ("sumsq", [1, 2, 3], 14),
        ("sum", [True, False, True], 2),
        ("avg", [[1, 2], [1]], 1.5),
        ("stddev", [[1], [2]], None),
        ("sumsq", [1e308, 1e308], None),
        ("sum", [1e308, 1e308], None),
    ],
)
def test_methods(method: str, values: list[Any], result: Any) -> None:
    """Each method computes what table 4.5.19.1-1 says, and nothing where it says N/A or no number can hold it."""
    assert compute(method, "Property", values) == result


def test_relationships_can_only_be_counted() -> None:
    """For relationships there are counts only (table 4.5.19.1-3)."""
    values = ["urn:a:b", "urn:a:b"]
    assert {
        method: compute(method, "Relationship", values) for method in METHODS if compute(method, "Relationship", values)
    } == {
        "totalCount": 2,
        "distinctCount": 1,
    }


def test_unknown_methods_are_refused() -> None:
    """An unknown method is answered with the list of those that exist."""
    with pytest.raises(Invalid, match="totalCount"):
        parse_methods("avg,median")


def test_short_periods_over_long_times_cost_nothing() -> None:
    """Seconds over ten years: only the two periods that hold something are made."""
    far = [reading(1, "2016-01-01T00:00:00Z"), reading(2, "2026-01-01T00:00:00Z")]
    assert len(aggregated(far, "avg", "PT1S")["avg"]) == 2


def test_the_end_of_the_calendar_is_survived() -> None:
    """Periods that reach beyond the year 9999 end there."""
    late = [reading(1, "9999-12-31T00:00:00Z"), reading(2, "9999-12-31T23:00:00Z")]
    assert aggregated(late, "totalCount", "P9000Y")["totalCount"][0][0] == 2
