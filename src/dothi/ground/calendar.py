"""The working calendar of a Vietnamese office: hours, holidays, Tết and swapped days, and time counted in them.

A calendar is a frozen value; nothing here asks what time it is. Instants are µs since 1970 UTC.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from types import MappingProxyType

import holidays

from dothi.ground.clock import HOUR, VIETNAM, from_datetime, to_datetime
from dothi.ground.errors import Invalid

FIRST_YEAR, LAST_YEAR = 2010, 2080
Shift = tuple[time, time]

OFFICE_SHIFTS: tuple[Shift, ...] = ((time(7, 30), time(11, 30)), (time(13, 0), time(17, 0)))
# Sample data ("mẫu"): the hours of an office are set by its province; hand your own to `vietnam`.
OFFICE_WEEK: tuple[tuple[Shift, ...], ...] = (OFFICE_SHIFTS,) * 5 + ((), ())


@dataclass(frozen=True, slots=True)
class Amendment:
    """A day that a decision made working or free, over what the law's holidays say."""

    day: date
    working: bool
    name: str
    source: str  # The document that says so.
    unit: str = ""  # Code of the province or commune where it holds; "" is the whole country.


# What the package does not know yet. A later row wins, and a unit's row wins over the country's.
AMENDMENTS: tuple[Amendment, ...] = (
    Amendment(date(2026, 1, 2), False, "Ngày nghỉ (thay cho ngày 10/01/2026)", "12729/VPCP-KGVX, 25/12/2025"),
    Amendment(date(2026, 1, 10), True, "Ngày làm bù (cho ngày 02/01/2026)", "12729/VPCP-KGVX, 25/12/2025"),
)


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """When an office works: shifts by weekday (Monday first), days off with their names, and swapped-in working days.

    A swapped-in day (làm bù) is worked with the shifts of Monday.
    """

    week: tuple[tuple[Shift, ...], ...] = OFFICE_WEEK
    off: MappingProxyType[date, str] = field(default_factory=lambda: MappingProxyType({}))
    worked: MappingProxyType[date, str] = field(default_factory=lambda: MappingProxyType({}))
    first: date = date(FIRST_YEAR, 1, 1)
    last: date = date(LAST_YEAR, 12, 31)

    def shifts(self, day: date) -> tuple[Shift, ...]:
        """The shifts worked on a day, in order; none on a day off."""
        if day in self.off:
            return ()
        return self.week[0] if day in self.worked else self.week[day.weekday()]


def vietnam(
    week: tuple[tuple[Shift, ...], ...] = OFFICE_WEEK,
    units: Iterable[str] = (),
    amendments: Iterable[Amendment] = AMENDMENTS,
) -> WorkingCalendar:
    """The calendar of an office in `units` (codes, province before commune), years 2010 to 2080.

    Holidays and nationwide swaps come from the package `holidays` (Labour Code article 112, compensating Saturdays
    included), then `amendments` over them. Days after the last official notice are computed, not announced.
    """
    off, worked = (dict(days) for days in _national())
    order = ("", *units)
    for one in sorted((a for a in amendments if a.unit in order), key=lambda a: order.index(a.unit)):
        (worked if one.working else off)[one.day] = one.name
        (off if one.working else worked).pop(one.day, None)
    return WorkingCalendar(week, MappingProxyType(off), MappingProxyType(worked))


@lru_cache(maxsize=1)
def _national() -> tuple[tuple[tuple[date, str], ...], tuple[tuple[date, str], ...]]:
    """Days off and swapped-in working days that the package knows; a pure function's answer, kept."""
    known = holidays.country_holidays("VN", years=range(FIRST_YEAR, LAST_YEAR + 1), language="vi")
    return tuple(sorted(known.items())), tuple((day, "Ngày làm bù") for day in sorted(known.weekend_workdays))


def is_working(instant: int, calendar: WorkingCalendar) -> bool:
    """Whether the office works at `instant`; the end of a shift is no longer in it."""
    return any(start <= instant < end for start, end in _day_spans(_local_day(instant, calendar), calendar))


def day_name(day: date, calendar: WorkingCalendar) -> str | None:
    """The name of a holiday or swapped day, None of an ordinary one."""
    return calendar.off.get(day) or calendar.worked.get(day)


def add_working_hours(start: int, hours: float, calendar: WorkingCalendar) -> int:
    """The instant by which `hours` of working time have passed since `start`; `start` itself for none.

    Ends at 17:00 of a day rather than 07:30 of the next. Invalid when hours are negative or beyond the calendar.
    """
    if not 0 <= hours < 1e6:
        raise Invalid(f"{hours} working hours cannot be added; give a number from 0.")
    return add_working_time(start, round(hours * HOUR), calendar)


def add_working_time(start: int, time: int, calendar: WorkingCalendar) -> int:
    """The same for a time in µs."""
    left = time
    if left == 0:
        return start
    for opens, closes in _spans(start, calendar):
        if closes - opens >= left:
            return opens + left
        left -= closes - opens
    raise Invalid(f"The working calendar ends on {calendar.last}, before {time / HOUR} working hours have passed.")


def working_time_between(start: int, end: int, calendar: WorkingCalendar) -> int:
    """Working time (µs) from `start` to `end`; negative when `end` is the earlier one."""
    if end < start:
        return -working_time_between(end, start, calendar)
    total = 0
    for opens, closes in _spans(start, calendar):
        if opens >= end:
            break
        total += min(closes, end) - opens
    return total


def add_working_days(day: date, count: int, calendar: WorkingCalendar) -> date:
    """The `count`-th working day after `day`, which itself does not count (Civil Code article 147)."""
    for _ in range(count):
        day = next_working_day(day, calendar)
    return day


def next_working_day(day: date, calendar: WorkingCalendar) -> date:
    """The first working day after `day`. Invalid when the calendar ends before."""
    while True:
        day += timedelta(days=1)
        if day > calendar.last:
            raise Invalid(f"The working calendar ends on {calendar.last}.")
        if calendar.shifts(day):
            return day


def _local_day(instant: int, calendar: WorkingCalendar) -> date:
    try:
        day = to_datetime(instant).astimezone(VIETNAM).date()
    except OverflowError as cause:
        raise Invalid(f"{instant} µs is no instant of this calendar.") from cause
    if not calendar.first <= day <= calendar.last:
        raise Invalid(f"{day} is outside the working calendar, {calendar.first} to {calendar.last}.")
    return day


def _day_spans(day: date, calendar: WorkingCalendar) -> list[tuple[int, int]]:
    """The shifts of a day as pairs of instants (µs)."""
    return [(_instant(day, opens), _instant(day, closes)) for opens, closes in calendar.shifts(day)]


def _instant(day: date, at: time) -> int:
    return from_datetime(datetime.combine(day, at, VIETNAM))


def _spans(start: int, calendar: WorkingCalendar) -> Iterator[tuple[int, int]]:
    """Working spans from `start` on, the first one cut at `start`, to the calendar's end."""
    day = _local_day(start, calendar)
    while day <= calendar.last:
        for opens, closes in _day_spans(day, calendar):
            if closes > start:
                yield max(opens, start), closes
        day += timedelta(days=1)
