"""When a rule is at work: weekdays, times and holidays in Vietnam."""

from datetime import datetime, time, timedelta

from dothi.ground.calendar import WorkingCalendar
from dothi.ground.clock import VIETNAM, from_datetime, to_datetime
from dothi.operations.rules.model import Schedule


def at_work(schedule: Schedule, now: int, calendar: WorkingCalendar) -> bool:
    """Whether the rule is at work at an instant (µs). A turn past midnight belongs to the day on which it began."""
    here = to_datetime(now).astimezone(VIETNAM)
    if schedule.end is not None and schedule.end <= schedule.start and here.time() < schedule.end:
        return _day_counts(schedule, here - timedelta(days=1), calendar)
    past_end = schedule.end is not None and schedule.start < schedule.end and here.time() >= schedule.end
    return here.time() >= schedule.start and not past_end and _day_counts(schedule, here, calendar)


def _day_counts(schedule: Schedule, moment: datetime, calendar: WorkingCalendar) -> bool:
    day = moment.date()
    return day.weekday() in schedule.days and (schedule.holidays or day not in calendar.off)


def next_look(schedule: Schedule, now: int) -> int:
    """The next instant (µs) after `now` at which the rule may go to work or off it."""
    here = to_datetime(now).astimezone(VIETNAM)
    times = {time(0), schedule.start, schedule.end or time(0)}
    days = (here.date(), here.date() + timedelta(days=1))
    looks = (from_datetime(datetime.combine(day, one, VIETNAM)) for day in days for one in times)
    return min(look for look in looks if look > now)
