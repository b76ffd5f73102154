"""The evaluator: conditions, durations, areas and hours, over values and a clock that the test holds."""

import pytest

from dothi.ground.clock import DAY, SECOND, from_iso
from dothi.operations.engine.judging import forget
from dothi.operations.engine.program import program_of, reach_us, types_of
from dothi.operations.rules.parse import parse
from tests.operations.engine.watched import HIGH, NEXT, PROVINCE, T0, WARD, A, B, C, Run, row


def test_a_threshold_has_hysteresis() -> None:
    """Raised over the limit, it stands until the value is back past clear; its reason says value and limit."""
    run = Run(row(HIGH))
    for value, up in ((2.4, False), (2.6, True), (2.1, True), (2.0, False), (2.4, False)):
        run.wait(1).send(value)
        assert (A in run.up()) is up, value
    turn = run.turns[0]
    assert (turn.value, turn.attribute, turn.unit, turn.observed) == (2.6, "level", WARD, T0 + 2 * SECOND)
    assert (turn.reasons[0].kind, turn.reasons[0].held, turn.reasons[0].limit) == ("threshold", True, 2.5)


def test_a_duration_must_be_waited_out_and_an_end_too() -> None:
    """for_seconds and hold_seconds are waited out to the microsecond; a dip begins the wait anew."""
    run = Run(row(HIGH, for_seconds=60, hold_seconds=30))
    run.send(3).wait(59).send(1).wait(5).send(3).wait(59.9)
    assert run.said == []
    run.wait(100).send(1).wait(10).send(3).wait(10).send(1).wait(100)
    assert run.said == [(124.0, "r", A, True), (273.9, "r", A, False)]
    assert [turn.since for turn in run.turns if turn.at == T0 + 124 * SECOND] == [T0 + 64 * SECOND]


def test_what_is_old_says_nothing() -> None:
    """Values that come too late, or older than the newest, raise and clear nothing; imported history neither."""
    run = Run(row(HIGH, max_age_seconds=600), row({"kind": "noData", "attribute": "level", "seconds": 300}, id="s"))
    run.send(9, late=601).wait(1000)
    assert run.said == []
    run.send(9)
    assert run.up() == {A}
    run.wait(10).send(1, late=20).wait(1)
    assert run.up() == {A}
    run.send(1, late=0.5)
    assert run.up() == set()


def test_what_is_not_known_holds_an_alarm() -> None:
    """A value that grew older than max_age is not known: it breaks a running duration, and clears nothing."""
    both = row(HIGH, {"attribute": "flow", "op": ">", "limit": 10}, max_age_seconds=60)
    run = Run(both).send(3).send(11, attribute="flow")
    assert run.up() == {A}
    run.wait(90).send(3)
    assert run.up() == {A}
    run.send(5, attribute="flow")
    assert run.up() == set()
    late = Run(row(HIGH, for_seconds=120, max_age_seconds=60)).send(3).wait(200)
    assert late.said == []


def test_repeats_are_counted_in_their_window() -> None:
    """Three values over the limit in a minute raise; when fewer than two are left in the window it clears by itself."""
    repeat = {"kind": "repeat", "attribute": "level", "op": ">", "limit": 2, "times": 3, "window_seconds": 60}
    run = Run(row(repeat | {"clear_times": 2})).send(3).wait(10).send(1).wait(10).send(3).wait(30).send(3)
    assert run.said == [(50.0, "r", A, True)]
    run.wait(100)
    assert run.said[1:] == [(80.0, "r", A, False)]
    assert run.turns[0].value == 3


def test_a_rise_is_measured_from_the_lowest_of_the_window() -> None:
    """Half a metre up within the hour raises; when the low has left the window it clears; a fall is the other way."""
    rise = {"kind": "change", "attribute": "level", "op": ">", "limit": 0.5, "clear": 0.3, "window_seconds": 3600}
    fall = rise | {"op": "<", "limit": -0.5, "clear": -0.3}
    run = Run(row(rise), row(fall, id="f"))
    for value in (2.0, 1.8, 2.1, 2.31):
        run.send(value).wait(600)
    assert run.said == [(1800.0, "r", A, True)]
    assert run.turns[0].value == pytest.approx(0.51)
    run.wait(2400)
    assert run.said[1:] == [(4200.0, "r", A, False)]
    run.send(1.7)
    assert run.said[-1] == (4800.0, "f", A, True)


def test_silence_raises_and_a_word_clears() -> None:
    """Nothing for five minutes raises at that instant; any word, a number or not, clears; never heard is not silent."""
    run = Run(row({"kind": "noData", "attribute": "level", "seconds": 300}))
    run.send(1).wait(200).send(1).wait(299).send(None).wait(1000)
    assert run.said == [(799.0, "r", A, True)]
    run.send(None)
    assert run.up() == set()
    assert run.turns[0].value is None


def test_all_any_not() -> None:
    """Parts combine as they read, not known among them."""
    flow = {"attribute": "flow", "op": ">", "limit": 10}
    silent = {"kind": "noData", "attribute": "flow", "seconds": 60}
    run = Run(row(HIGH, {"any": [flow, silent]}), row({"not": flow}, id="n"))
    run.send(3)
    assert run.said == []
    run.send(5, attribute="flow").wait(59)
    assert run.said == [(0.0, "n", A, True)]
    run.wait(1)
    assert run.said[1:] == [(60.0, "r", A, True)]
    run.send(11, attribute="flow")
    assert run.up() == {A}
    assert run.up("n") == set()


def test_a_sum_of_ones_own_values() -> None:
    """Rain of three hours: the sum over the window raises, and ends as the rain leaves the window."""
    rain = {"kind": "sum", "attribute": "rainfall", "op": ">=", "limit": 100, "clear": 50, "window_seconds": 10800}
    run = Run(row(rain))
    for _ in range(5):
        run.send(25, attribute="rainfall").wait(3000)
    assert run.said == [(9000.0, "r", A, True)]
    run.wait(DAY / SECOND)
    assert run.said[1:] == [(19800.0, "r", A, False)]


def test_an_area_has_one_alarm() -> None:
    """The mean of a commune's stations raises one alarm of the commune; other communes have their own."""
    mean = {"kind": "mean", "attribute": "level", "op": ">", "limit": 2, "window_seconds": 600, "at_least": 2}
    run = Run(row(mean, each="unit"))
    run.send(5, A)
    assert run.said == []
    run.send(1, B).send(9, C, unit=NEXT)
    assert run.up() == {WARD}
    run.send(2.5, C, unit=NEXT).send(2.4, "urn:d", unit=NEXT)
    assert run.up() == {WARD, NEXT}
    assert (run.turns[0].area, run.turns[0].unit, run.turns[0].subject) == (WARD, WARD, "")
    run.send(0, A)
    assert run.up() == {NEXT}
    run.wait(601).send(9, A)
    assert run.up() == {NEXT}  # B's word is too old: one fresh member is too few to say anything, here and there.


def test_rain_and_river_of_one_commune() -> None:
    """A rain gauge and a river level combine by their commune, not across."""
    rain = {"kind": "max", "type": "WeatherObserved", "attribute": "rainfall", "op": ">=", "limit": 30}
    river = {"kind": "max", "attribute": "level", "op": ">", "limit": 2}
    run = Run(row(rain | {"window_seconds": 3600}, river | {"window_seconds": 3600}, each="unit"))
    run.send(40, A, "rainfall", NEXT, "WeatherObserved").send(3, B, unit=WARD)
    assert run.up() == set()
    run.send(35, C, "rainfall", WARD, "WeatherObserved")
    assert run.up() == {WARD}
    run.wait(3601)
    assert run.up() == {WARD}
    run.send(1, B)
    assert run.up() == set()


def test_provinces_cities_and_lists() -> None:
    """Figures go over a province, the whole city or named units; a subject's rule may ask its area."""
    count = {"kind": "count", "attribute": "level", "op": ">=", "limit": 2, "clear": 1, "window_seconds": 600}
    count |= {"where": {"op": ">", "limit": 2}}
    near = {"kind": "max", "attribute": "level", "over": "unit", "op": ">", "limit": 5, "window_seconds": 600}
    run = Run(
        row(count, id="p", each="province"),
        row(count, id="c", each="city"),
        row(count | {"over": [WARD, "99999"]}, id="l", each="city"),
        row(HIGH, near, id="s"),
    )
    run.send(3, A, unit=WARD).send(3, B, unit=NEXT)
    assert (run.up("p"), run.up("c"), run.up("l"), run.up("s")) == ({PROVINCE}, {"VN"}, set(), set())
    run.send(6, C, unit=WARD)
    assert (run.up("l"), run.up("s")) == ({"VN"}, {A, C})
    run.send(1, C, unit=WARD)
    assert run.up("s") == set()


def test_most_of_an_area_silent() -> None:
    """When most stations of a commune are silent that is one alarm, at the instant of the silence."""
    silent = {"kind": "silent", "attribute": "level", "op": ">=", "limit": 0.6, "clear": 0.3, "window_seconds": 300}
    run = Run(row(silent | {"at_least": 3}, each="unit"))
    for place in (A, B, C):
        run.send(1, place)
    run.wait(200).send(1, C).wait(400)
    assert run.said == [(300.0, "r", WARD, True)]
    run.send(1, A).send(1, B).send(1, C)
    assert run.up() == set()


def test_hours_of_a_rule() -> None:
    """Outside its hours the condition counts as ended; at the hour it begins; holidays are off; midnight is passed."""
    night = {"days": ["mon"], "from": "22:00", "to": "06:00"}
    office = {"from": "07:30", "to": "17:00", "holidays": False}
    run = Run(row(HIGH, id="night", schedule=night), row(HIGH, id="office", schedule=office))
    run.now = T0 - 7 * DAY  # 24/11 is a holiday.
    for _ in range(60):
        run.send(3).wait(1800)
    hours = [((at / 3600 + 10) % 24, name, raised) for at, name, _, raised in run.said]
    assert hours == [
        (10.0, "office", True),
        (17.0, "office", False),
        (22.0, "night", True),
        (6.0, "night", False),
        (7.5, "office", True),
    ]
    feast = Run(row(HIGH, schedule=office))
    feast.now = from_iso("2026-09-02T03:00:00Z")  # Quốc khánh.
    assert feast.send(3).said == []


def test_rules_are_narrowed() -> None:
    """A rule holds only for the units and subjects it names, and not at all when it is switched off."""
    run = Run(
        row(HIGH, id="unit", only={"units": [WARD]}),
        row(HIGH, id="province", only={"units": [PROVINCE]}),
        row(HIGH, id="one", only={"subjects": [B]}),
        row(HIGH, id="off", enabled=False),
    )
    run.send(3, A, unit=NEXT).send(3, B, unit=WARD)
    assert [run.up(name) for name in ("unit", "province", "one", "off")] == [{B}, {A, B}, {B}, set()]


def test_a_commune_has_its_own_limits() -> None:
    """What a commune's book says holds for the subjects in it, and for its own area; elsewhere the city's holds."""
    mean = {"kind": "mean", "attribute": "level", "op": ">", "limit": 4, "window_seconds": 600}
    city, own = row(HIGH), row(HIGH | {"limit": 9, "clear": 8})
    areas = row(mean, id="area", each="unit"), row(mean | {"limit": 2}, id="area", each="unit")
    run = Run(city, areas[0], **{f"u{WARD}": [own, areas[1]]})
    run.send(3, A, unit=WARD).send(3, B, unit=NEXT)
    assert (run.up(), run.up("area")) == ({B}, {WARD})
    run.send(3, A, unit=NEXT)
    assert run.up() == {A, B}  # It moved.
    run.send(1, B, unit=WARD)
    assert run.up() == {A}
    assert [turn.reasons[0].kind for turn in run.turns if turn.subject == B and not turn.raised] == ["gone"]


def test_who_is_gone_is_neither_silent_nor_high() -> None:
    """A deleted subject's alarms clear, and it counts in no area any more."""
    share = {"kind": "share", "attribute": "level", "op": ">", "limit": 0.5, "window_seconds": 600}
    run = Run(
        row(HIGH),
        row({"kind": "noData", "attribute": "level", "seconds": 60}, id="s"),
        row(share | {"where": {"op": ">", "limit": 2}}, id="a", each="unit"),
    )
    run.send(3, A).send(1, B).send(3, C)
    assert (run.up(), run.up("a")) == ({A, C}, {WARD})
    run.keep(forget(run.memory, A, run.now))
    assert (run.up(), run.up("a")) == ({C}, set())
    run.wait(100)
    assert run.up("s") == {B, C}


def test_an_alarm_that_stands_is_told_its_value_now_and_then() -> None:
    """While it stands, every ten seconds at the most."""
    run = Run(row(HIGH))
    for value in range(60):
        run.send(3 + value).wait(1)
    assert [turn.value for turn in run.turns] == [3, 13, 23, 33, 43, 53]


def test_a_program_says_what_it_wants() -> None:
    """Types and reach are those of the rules that are switched on."""
    repeat = {"kind": "repeat", "attribute": "level", "op": ">", "limit": 2, "times": 3, "window_seconds": 7200}
    off = row(HIGH, id="off", type="Other", enabled=False, for_seconds=99_999)
    program = program_of(parse({"rule": [row(repeat, for_seconds=60), off]}))
    assert types_of(program) == {"WaterObserved"}
    assert 7260 * SECOND <= reach_us(program) < 99_999 * SECOND
