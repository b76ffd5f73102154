"""An empty city given its past: rules, law, sources, a month of readings, weeks of reports, tasks under way."""

import asyncio
from collections.abc import Callable

from dothi.app import keep_samples
from dothi.command.trial.demo import officers, reports
from dothi.command.trial.demo.devices import sensors
from dothi.command.trial.demo.devices.series import give_series
from dothi.command.trial.demo.duty import fill_duty
from dothi.command.trial.demo.people import Cast, make_cast
from dothi.command.trial.demo.places import FEEDS
from dothi.evidence.definitions import indicators
from dothi.evidence.model import PeriodKind, period_of
from dothi.evidence.service import jobs_of, refresh
from dothi.ground.clock import DAY, MINUTE, now_us
from dothi.hub.model import Commit
from dothi.web.parts import Parts

SEED = 269
DAYS, FIGURED_DAYS = 30, 14  # Of readings, and of daily figures, before today.
_DONE = "demo:past"  # The position under this name says that the past is complete.
Tell = Callable[[str, str], None]  # (Vietnamese, English): what is being done.


def is_filled(parts: Parts) -> bool:
    """Whether the city has its whole past already."""
    return parts.hub.cursor(_DONE) > 0


async def fill(parts: Parts, now: int | None = None, seed: int = SEED, tell: Tell = lambda vi, en: None) -> Cast:
    """Give the city its sample users, and its past when it has none; the same past for the same seed and `now`."""
    at = now_us() if now is None else now
    if is_filled(parts):
        return await make_cast(parts)
    tell("Đang tạo 30 ngày số đo mô phỏng …", "Making 30 days of simulated readings …")
    hashing = asyncio.create_task(make_cast(parts))  # Passwords take a while, on another core.
    await keep_samples(parts)
    await sensors.define_feeds(parts)
    await give_series(parts)
    await _past_days(parts, seed, at)
    cast = await hashing
    tell("Đang tạo phản ánh và nhiệm vụ mô phỏng …", "Making simulated reports and tasks …")
    await reports.give_past(parts, cast, seed, at)
    await officers.give_tasks(parts, cast, at)
    for feed in FEEDS:
        await sensors.send(parts, feed, seed, at)
    await sensors.send_in_milligrams(parts, FEEDS[1], seed, at)
    await fill_duty(parts, cast, seed, at)
    await parts.hub.commit(Commit(sensors.DEVICES, (), "the past is complete", cursor=(_DONE, 1)))
    return cast


async def _past_days(parts: Parts, seed: int, now: int) -> None:
    """The readings of the last fortnight day by day, each day's figures right after it; then the older readings.

    A history is read fastest while it is short: in the order of time this would take four times as long.
    """
    await sensors.give_standing(parts)
    daily = [one for one in indicators(parts.evidence) if one.period is PeriodKind.DAY and one.formula.by_unit]
    today = period_of(PeriodKind.DAY, now)
    for days in range(FIGURED_DAYS, 0, -1):
        day = period_of(PeriodKind.DAY, today.start - days * DAY)
        await sensors.give_readings(parts, seed, day.start, day.end)
        for one in daily:
            await refresh(parts.evidence, jobs_of(parts.evidence, one, day, now), now)
    await sensors.give_readings(parts, seed, today.start, now - 5 * MINUTE)
    await sensors.give_readings(parts, seed, today.start - DAYS * DAY, today.start - FIGURED_DAYS * DAY)
