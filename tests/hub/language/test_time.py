"""Windows of time are read as clause 4.11 writes them, and aggregation steps follow the calendar."""

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dothi.ground.clock import DAY, HOUR, VIETNAM, from_iso, iso
from dothi.ground.errors import Invalid, Unsupported
from dothi.hub.language.nodes import Window
from dothi.hub.language.time import Period, bucketing, in_window, instant, parse_period, parse_window

T1, T2 = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
A, B = from_iso(T1), from_iso(T2)


def test_windows() -> None:
    """Before, after and between become bounds; lastN and timeproperty stand alone too."""
    assert parse_window() == Window()
    assert parse_window("before", T1) == Window("before", None, A)
    assert parse_window("after", T1, None, "modifiedAt") == Window("after", A, None, "modifiedAt")
    assert parse_window("between", T1, T2, last_n="5") == Window("between", A, B, "observedAt", 5)


def test_bounds() -> None:
    """The start of a window belongs to it and its end does not (clause 4.11)."""
    between = parse_window("between", T1, T2)
    assert in_window(between, A)
    assert not in_window(between, B)
    assert not in_window(parse_window("before", T1), A)
    assert in_window(parse_window("after", T1), A)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("during", T1), "timerel"),
        (("before",), "timeAt"),
        (("between", T1), "endTimeAt"),
        (("before", T1, T2), "endTimeAt"),
        (("between", T2, T1), "endTimeAt"),
        ((None, T1), "timerel"),
        (("before", "2026-01-01"), "timeAt"),
        (("before", "2026-13-01T00:00:00Z"), "timeAt"),
        (("before", T1, None, "dateModified"), "timeproperty"),
        ((None, None, None, None, "0"), "lastN"),
        ((None, None, None, None, "-1"), "lastN"),
        ((None, None, None, None, "9" * 5000), "lastN"),
        ((None, None, None, None, "٣"), "lastN"),
    ],
)
def test_wrong_windows(arguments: tuple[str, ...], says: str) -> None:
    """A wrong parameter is Invalid and named."""
    with pytest.raises(Invalid, match=says):
        parse_window(*arguments)


def test_instants() -> None:
    """Fractions after a point or a comma, and offsets, are the same instant."""
    assert instant("2026-01-01T07:00:00.5+07:00") == instant("2026-01-01T00:00:00,500000Z") == A + 500_000


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("PT1H", Period(0, HOUR)),
        ("P1D", Period(0, DAY)),
        ("P1W", Period(0, 7 * DAY)),
        ("P1DT12H30M5S", Period(0, DAY + 12 * HOUR + 30 * 60_000_000 + 5_000_000)),
        ("P1M", Period(1)),
        ("P1Y6M", Period(18)),
        ("PT0S", Period()),
        ("P0D", Period()),
    ],
)
def test_periods(text: str, period: Period) -> None:
    """Durations of clause 4.5.19 are read; nothing means the whole range."""
    assert parse_period(text) == period
    assert period.whole == (text in ("PT0S", "P0D"))


@pytest.mark.parametrize("text", ["", "P", "PT", "1D", "P1H", "P1DT", "PT1.5H", "P-1D", "P1W2D", "P" + "9" * 30 + "D"])
def test_wrong_periods(text: str) -> None:
    """A duration that is none is Invalid."""
    with pytest.raises(Invalid):
        parse_period(text)


def test_mixed_periods_are_unsupported() -> None:
    """A month and three days have no steps that people would know."""
    with pytest.raises(Unsupported):
        parse_period("P1M3D")


@given(st.text(max_size=12) | st.text("PTYMWDHS0123456789.", max_size=12))
@example("P٣D")
def test_fuzz(text: str) -> None:
    """Whatever is sent as time or duration is refused clearly or read."""
    for parse in (instant, parse_period):
        try:
            parse(text)
        except (Invalid, Unsupported) as refusal:
            assert refusal.detail  # noqa: PT017


def test_days_and_months_of_vietnam() -> None:
    """In Vietnam's zone a day begins at 17:00 UTC, and February has its own length."""
    day = bucketing(parse_period("P1D"), VIETNAM)(from_iso("2026-02-16T18:00:00Z"))
    assert [iso(at) for at in day] == ["2026-02-16T17:00:00Z", "2026-02-17T17:00:00Z"]
    month = bucketing(parse_period("P1M"), VIETNAM)(from_iso("2026-02-16T18:00:00Z"))
    assert [iso(at) for at in month] == ["2026-01-31T17:00:00Z", "2026-02-28T17:00:00Z"]
    quarter = bucketing(parse_period("P3M"))(from_iso("2026-05-05T00:00:00Z"))
    assert [iso(at) for at in quarter] == ["2026-04-01T00:00:00Z", "2026-07-01T00:00:00Z"]
    week = bucketing(parse_period("P1W"))(from_iso("2026-11-22T10:00:00Z"))
    assert [iso(at) for at in week] == ["2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"]
    hour = bucketing(parse_period("PT1H"))(from_iso("1969-12-31T23:30:00Z"))
    assert [iso(at) for at in hour] == ["1969-12-31T23:00:00Z", "1970-01-01T00:00:00Z"]


ZONES = st.sampled_from([UTC, VIETNAM, ZoneInfo("Asia/Kathmandu")])
PERIODS = st.sampled_from(["PT1S", "PT15M", "PT1H", "P1D", "P1W", "P10D", "P1M", "P5M", "P1Y"])


@given(st.datetimes(timezones=st.just(UTC)).map(lambda moment: from_iso(moment.isoformat())), PERIODS, ZONES)
def test_steps_tile_time(at: int, period: str, zone: ZoneInfo) -> None:
    """Every instant lies in exactly one step: in its own, and the instant at its end in the next."""
    bucket = bucketing(parse_period(period), zone)
    if not from_iso("0100-01-01") < at < from_iso("9000-01-01"):
        return
    start, end = bucket(at)
    assert start <= at < end
    assert bucket(start) == (start, end) == bucket(end - 1)
    assert bucket(end)[0] == end


@pytest.mark.parametrize("period", ["P999999999D", "P99999Y", "P999999999M"])
def test_a_step_longer_than_time(period: str) -> None:
    """A step longer than the calendar still holds the instant."""
    start, end = bucketing(parse_period(period))(A)
    assert start <= A < end


def test_the_whole_range_has_no_steps() -> None:
    """Bucketing by nothing is refused."""
    with pytest.raises(Invalid):
        bucketing(Period())
