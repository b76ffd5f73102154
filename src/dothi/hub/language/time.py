"""The temporal query language (clause 4.11) and the periods of aggregation (clause 4.5.19)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from dothi.ground.clock import from_datetime, from_iso, to_datetime
from dothi.ground.errors import Invalid, Unsupported
from dothi.hub.language.nodes import Window

TIME_PROPERTIES = ("observedAt", "createdAt", "modifiedAt", "deletedAt")  # Clause 4.8, note 2.
LAST_MAX = 1_000_000
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.,]\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_DURATION = re.compile(
    r"P(?!$)(?:(\d+)W|(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?(?:T(?!$)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?)", re.ASCII
)
_EPOCH_MONDAY = datetime(1970, 1, 5)  # Weeks begin on Monday; all periods are counted from here.


def instant(text: str, name: str = "time") -> int:
    """The instant (µs) of a DateTime of clause 4.6.3 (YYYY-MM-DDThh:mm:ss[.ffffff]Z); an offset is accepted too."""
    if _DATE_TIME.fullmatch(text) is None:
        raise Invalid(f"{name} is {text[:40]!r}; it must be a time such as 2026-11-22T07:08:49Z.")
    try:
        return from_iso(text)
    except (ValueError, OverflowError) as cause:
        raise Invalid(f"{name} is {text[:40]!r}, which is in no calendar: {cause}.") from cause


def parse_window(
    timerel: str | None = None,
    time_at: str | None = None,
    end_time_at: str | None = None,
    time_property: str | None = None,
    last_n: str | int | None = None,
) -> Window:
    """The window that timerel, timeAt, endTimeAt, timeproperty and lastN describe; None means not given."""
    attribute = time_property or "observedAt"
    if attribute not in TIME_PROPERTIES:
        raise Invalid(f"timeproperty is {attribute[:40]!r}; it must be one of {', '.join(TIME_PROPERTIES)}.")
    last = None if last_n is None else _last(last_n)
    if timerel is None:
        if time_at is not None or end_time_at is not None:
            raise Invalid("timeAt and endTimeAt need timerel: before, after or between.")
        return Window(attribute=attribute, last=last)
    start, end = _bounds(timerel, time_at, end_time_at)
    return Window(timerel, start, end, attribute, last)


def _bounds(timerel: str, time_at: str | None, end_time_at: str | None) -> tuple[int | None, int | None]:
    """The first instant inside and the first one after, None = open."""
    if timerel not in ("before", "after", "between"):
        raise Invalid(f"timerel is {timerel[:40]!r}; it must be before, after or between.")
    if time_at is None:
        raise Invalid(f"timerel={timerel} needs timeAt.")
    if (end_time_at is not None) != (timerel == "between"):
        raise Invalid("endTimeAt goes with timerel=between, and only with it.")
    at = instant(time_at, "timeAt")
    if timerel == "before":
        return None, at
    if end_time_at is None:
        return at, None
    end = instant(end_time_at, "endTimeAt")
    if end < at:
        raise Invalid("endTimeAt is before timeAt; exchange them.")
    return at, end


def _last(last_n: str | int) -> int:
    text = str(last_n)
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 0 < int(text) <= LAST_MAX):
        raise Invalid(f"lastN is {text[:40]!r}; it must be a whole number from 1 to {LAST_MAX}.")
    return int(text)


def in_window(window: Window, at: int) -> bool:
    """Whether an instant lies in the window: its start belongs to it, its end does not."""
    return (window.start is None or at >= window.start) and (window.end is None or at < window.end)


@dataclass(frozen=True, slots=True)
class Period:
    """The length of a step of aggregation: calendar months, or a fixed time; both 0 = the whole range in one step."""

    months: int = 0
    length: int = 0  # µs

    @property
    def whole(self) -> bool:
        """Whether there is one step only."""
        return not self.months and not self.length


def parse_period(text: str) -> Period:
    """The period of an ISO 8601 duration, e.g. PT1H, P1D, P1W, P1M; PT0S spans the whole range.

    Months and years follow the calendar. Together with shorter parts (P1M3D) they are Unsupported: such steps drift
    through the calendar.
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        raise Invalid(f"aggrPeriodDuration is {text[:40]!r}; it must be a duration such as PT1H, P1D or P1M.")
    if any(len(part) > 9 for part in found.groups() if part):
        raise Invalid(f"aggrPeriodDuration {text[:40]!r} is longer than any history.")
    weeks, years, months, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    calendar = 12 * years + months
    length = ((7 * weeks + days) * 86_400 + hours * 3_600 + minutes * 60 + seconds) * 1_000_000
    if calendar and length:
        raise Unsupported("aggrPeriodDuration mixes months or years with shorter parts; use one or the other.")
    return Period(calendar, length)


Bucket = Callable[[int], tuple[int, int]]


def bucketing(period: Period, zone: tzinfo = UTC) -> Bucket:
    """The function that gives the step [start, end) (µs) in which an instant lies.

    Steps are counted on the wall clock of `zone`, so that a day of Vietnam begins at its midnight: months from
    January 1970, all else from Monday, 5 January 1970. Invalid for the whole range, which has no steps.
    """
    if period.whole:
        raise Invalid("A period of nothing spans the whole range and has no steps.")
    return _monthly(period.months, zone) if period.months else _regular(period.length, zone)


def _monthly(months: int, zone: tzinfo) -> Bucket:
    def bucket(at: int) -> tuple[int, int]:
        local = to_datetime(at).astimezone(zone)
        step = ((local.year - 1970) * 12 + local.month - 1) // months
        return _month_start(step * months, zone), _month_start((step + 1) * months, zone)

    return bucket


def _month_start(month: int, zone: tzinfo) -> int:
    """The instant at which the `month`-th month since January 1970 begins, held within the years 1 to 9999."""
    year = min(max(1970 + month // 12, 1), 9998)
    return from_datetime(datetime(year, month % 12 + 1, 1, tzinfo=zone))


def _regular(length: int, zone: tzinfo) -> Bucket:
    unit = timedelta(microseconds=1)

    def bucket(at: int) -> tuple[int, int]:
        local = to_datetime(at).astimezone(zone).replace(tzinfo=None)
        start = (local - _EPOCH_MONDAY) // unit // length * length
        return _wall(start, zone), _wall(start + length, zone)

    return bucket


def _wall(since: int, zone: tzinfo) -> int:
    try:
        return from_datetime((_EPOCH_MONDAY + timedelta(microseconds=since)).replace(tzinfo=zone))
    except OverflowError:  # A step that begins before year 1 or ends after year 9999.
        return from_datetime((datetime.min if since < 0 else datetime.max).replace(tzinfo=UTC))
