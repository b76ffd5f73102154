"""Time is counted in working hours of Vietnam, across Tết and swapped days."""

from datetime import date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.ground.calendar import (
    Amendment,
    WorkingCalendar,
    add_working_days,
    add_working_hours,
    day_name,
    is_working,
    next_working_day,
    vietnam,
    working_time_between,
)
from dothi.ground.clock import HOUR, VIETNAM, from_datetime
from dothi.ground.errors import Invalid

CALENDAR = vietnam()
INSTANTS = st.datetimes(datetime(2024, 1, 1), datetime(2028, 12, 31)).map(
    lambda moment: from_datetime(moment.replace(tzinfo=VIETNAM))
)
HOURS = st.integers(0, 400 * 60).map(lambda minutes: minutes / 60)


def at(day: int, month: int, year: int, hour: int = 9, minute: int = 0) -> int:
    """An instant by the clock on the wall in Vietnam."""
    return from_datetime(datetime(year, month, day, hour, minute, tzinfo=VIETNAM))


def works(day: date) -> bool:
    return bool(CALENDAR.shifts(day))


@given(INSTANTS, HOURS)
def test_adding_then_measuring_gives_the_same_hours(start: int, hours: float) -> None:
    """The working time from a start to its deadline is exactly what was added."""
    assert working_time_between(start, add_working_hours(start, hours, CALENDAR), CALENDAR) == round(hours * HOUR)


@given(INSTANTS, INSTANTS, HOURS, HOURS)
def test_more_is_never_earlier(start: int, later: int, hours: float, more: float) -> None:
    """A later start or more hours never give an earlier deadline."""
    start, later = sorted((start, later))
    assert add_working_hours(start, hours, CALENDAR) <= add_working_hours(start, hours + more, CALENDAR)
    assert add_working_hours(start, hours, CALENDAR) <= add_working_hours(later, hours, CALENDAR)


@given(INSTANTS, INSTANTS, INSTANTS)
def test_working_time_adds_up(a: int, b: int, c: int) -> None:
    """From a to c is from a to b and from b to c, in whatever order they lie."""
    both = working_time_between(a, b, CALENDAR) + working_time_between(b, c, CALENDAR)
    assert both == working_time_between(a, c, CALENDAR)


@given(INSTANTS, st.integers(1, 100))
def test_a_deadline_falls_into_working_time(start: int, hours: int) -> None:
    """Just before a deadline the office works."""
    assert is_working(add_working_hours(start, hours, CALENDAR) - 1, CALENDAR)


def test_an_ordinary_day() -> None:
    """Four hours from nine in the morning end at half past two, noon left out; eight end the next day."""
    assert add_working_hours(at(10, 11, 2026), 4, CALENDAR) == at(10, 11, 2026, 14, 30)
    assert add_working_hours(at(10, 11, 2026), 8, CALENDAR) == at(11, 11, 2026, 9)
    assert add_working_hours(at(10, 11, 2026, 7, 30), 8, CALENDAR) == at(10, 11, 2026, 17)
    assert add_working_hours(at(13, 11, 2026, 16, 30), 1, CALENDAR) == at(16, 11, 2026, 8)  # Over a weekend.
    assert not is_working(at(10, 11, 2026, 12), CALENDAR)
    assert is_working(at(10, 11, 2026, 7, 30), CALENDAR)
    assert not is_working(at(10, 11, 2026, 17), CALENDAR)


def test_tet_takes_no_time() -> None:
    """A report of the last afternoon before Tết 2026 is due on the first morning after it."""
    assert add_working_hours(at(13, 2, 2026, 16, 0), 2, CALENDAR) == at(23, 2, 2026, 8, 30)
    assert working_time_between(at(14, 2, 2026, 0), at(23, 2, 2026, 0), CALENDAR) == 0
    assert day_name(date(2026, 2, 17), CALENDAR) == "Tết Nguyên Đán"


@pytest.mark.parametrize("day", [date(2026, 4, 27), date(2026, 4, 30), date(2026, 9, 1), date(2026, 9, 2)])
def test_holidays(day: date) -> None:
    """The day in lieu of Hùng Kings' day (a Sunday), Reunification Day and both days of the National Day are free."""
    assert not works(day)


@pytest.mark.parametrize(
    ("free", "worked"),
    [
        (date(2026, 8, 31), date(2026, 8, 22)),
        (date(2026, 1, 2), date(2026, 1, 10)),
        (date(2025, 5, 2), date(2025, 4, 26)),
        (date(2024, 4, 29), date(2024, 5, 4)),
    ],
)
def test_swapped_days(free: date, worked: date) -> None:
    """A swapped Monday or Friday is free, and its Saturday is worked with the hours of a weekday."""
    assert free.weekday() in (0, 4)
    assert worked.weekday() == 5
    assert not works(free)
    assert works(worked)
    start = from_datetime(datetime.combine(worked, time(0), VIETNAM))
    assert working_time_between(start, start + 24 * HOUR, CALENDAR) == 8 * HOUR
    assert day_name(worked, CALENDAR) is not None


def test_a_province_overrides() -> None:
    """A province's decision holds in its offices alone, over the country's; a commune's holds over its province's."""
    free = Amendment(date(2026, 12, 1), False, "Ngày nghỉ (mẫu)", "mẫu", "01")
    worked = Amendment(date(2026, 12, 1), True, "Ngày làm (mẫu)", "mẫu", "00004")
    given = (worked, free)
    assert vietnam(amendments=given).shifts(date(2026, 12, 1))
    assert not vietnam(units=("01",), amendments=given).shifts(date(2026, 12, 1))
    assert vietnam(units=("01", "00004"), amendments=given).shifts(date(2026, 12, 1))


def test_an_office_has_its_own_hours() -> None:
    """The week is a value: an office that works on Saturday mornings says so."""
    morning = ((time(8), time(12)),)
    office = vietnam(week=(morning,) * 6 + ((),))
    assert add_working_hours(at(13, 11, 2026, 11, 30), 1, office) == at(14, 11, 2026, 8, 30)


def test_working_days() -> None:
    """Days are counted from the day after (Civil Code article 147), over Tết and weekends."""
    assert add_working_days(date(2026, 2, 13), 1, CALENDAR) == date(2026, 2, 23)
    assert add_working_days(date(2026, 11, 10), 5, CALENDAR) == date(2026, 11, 17)
    assert next_working_day(date(2026, 8, 21), CALENDAR) == date(2026, 8, 22)


def test_limits_are_said() -> None:
    """Negative hours, years outside the calendar and an office that never works are Invalid, not endless."""
    never = WorkingCalendar(week=((),) * 7)
    for start, hours, calendar in [
        (at(1, 1, 2026), -1, CALENDAR),
        (at(1, 1, 2026), float("nan"), CALENDAR),
        (at(1, 1, 1999), 1, CALENDAR),
        (10**30, 1, CALENDAR),
        (at(1, 1, 2026), 1, never),
    ]:
        with pytest.raises(Invalid):
            add_working_hours(start, hours, calendar)
    assert add_working_hours(at(1, 1, 2026), 0, never) == at(1, 1, 2026)
