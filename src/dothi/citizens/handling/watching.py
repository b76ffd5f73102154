"""What clocks and closed cases bring about by themselves: late ones are handed up, waits end, parts close the whole.

Timers live in the store and survive a restart. Each effect looks at what stands before it acts, so that reading a
commit twice does nothing twice.
"""

import asyncio

from dothi.accounts.organisations import unit_of
from dothi.citizens.handling.joining import answered_with, parts_done
from dothi.citizens.handling.moving import CONSUMER, by_number, commit_timers, hand_up, timers_of
from dothi.citizens.handling.waiting import lapse
from dothi.citizens.model import CLOSED, PART_TYPE, TYPE, IllegalMove, NoSuchReport, Report, State, report_of
from dothi.citizens.needs import SYSTEM, Citizens
from dothi.ground.clock import from_iso, now_us
from dothi.ground.errors import Conflict, Missing
from dothi.hub.model import LoggedCommit, Timer, prop, read_one

TICK_S = 1.0
CURSOR_EVERY = 500  # Commits read without an effect before the position is stored.


async def run(citizens: Citizens) -> None:
    """Follow the feed and the timers until cancelled. To be run by one process, the leader."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_follow(citizens))
        group.create_task(_tick(citizens))


async def _follow(citizens: Citizens) -> None:
    stored = citizens.hub.cursor(CONSUMER)
    wanted = frozenset({TYPE, PART_TYPE})
    async for logged in citizens.hub.follow(stored, lambda types: not wanted.isdisjoint(types), whole=False):
        timers = await react(citizens, logged)
        if timers or logged.seq - stored >= CURSOR_EVERY:
            await commit_timers(citizens, timers, (CONSUMER, logged.seq))
            stored = logged.seq


async def _tick(citizens: Citizens) -> None:
    while True:
        await ring(citizens)
        await asyncio.sleep(TICK_S)


async def react(citizens: Citizens, logged: LoggedCommit) -> tuple[Timer, ...]:
    """Close what hangs on a report that was closed; the timers of reports that were filed."""
    timers: list[Timer] = []
    for entry in logged.entries:
        if logged.tenant or not {TYPE, PART_TYPE}.intersection(entry.types):
            continue
        report = _standing(citizens, entry.id)
        if report is None or report.imported:
            continue
        if entry.status == "created" and report.open:
            timers += timers_of(report.code, {"due": prop(report.due)})
        elif report.part_of and report.state in CLOSED:
            await _quietly(parts_done(citizens, report.part_of))
        elif report.state is State.ANSWERED and report.merged:
            await _quietly(answered_with(citizens, report.code))
    return tuple(timers)


def _standing(citizens: Citizens, entity_id: str) -> Report | None:
    try:
        return read_one(citizens.hub.get(SYSTEM, entity_id), report_of)
    except Missing:
        return None


async def _quietly(deed: object) -> None:
    """Do it, unless the report has moved meanwhile: then its next commit comes by here too."""
    try:
        await deed  # type: ignore[misc]
    except (Conflict, NoSuchReport):
        return


async def ring(citizens: Citizens, now: int | None = None) -> int:
    """Act on the timers that are due; how many rang."""
    at = now or now_us()
    rang = citizens.hub.due_timers(CONSUMER, at)
    for name, _ in rang:
        what, _, number = name.partition("|")
        try:
            report = by_number(citizens, number)
        except NoSuchReport:
            await commit_timers(citizens, (Timer(CONSUMER, name, None),))
            continue
        await (_late(citizens, report, name, at) if what == "late" else _waited(citizens, report, name, at))
    return len(rang)


async def _late(citizens: Citizens, report: Report, name: str, at: int) -> None:
    """Mark a report late, once for each deadline, and put it on the list of the leader above."""
    due = from_iso(report.due) if report.due else None
    done = Timer(CONSUMER, name, None)
    if not report.open or due is None or due >= at or report.escalated_to:
        later = due if report.open and due is not None and due >= at else None
        await commit_timers(citizens, timers_of(report.code, {"due": prop(report.due)}) if later else (done,))
        return
    try:
        await hand_up(citizens, report, above(citizens, report.assignee), at, done)
    except Conflict:
        return  # It moves right now: the timer rings again.


async def _waited(citizens: Citizens, report: Report, name: str, at: int) -> None:
    if report.waiting is None:
        await commit_timers(citizens, (Timer(CONSUMER, name, None),))
        return
    if from_iso(report.waiting.until) > at:
        await commit_timers(citizens, (Timer(CONSUMER, name, from_iso(report.waiting.until)),))
        return
    try:
        await lapse(citizens, report.code, at)
    except IllegalMove:
        await commit_timers(citizens, (Timer(CONSUMER, name, None),))
    except Conflict:
        return


def above(citizens: Citizens, code: str | None) -> str:
    """The unit whose leader hears of what another one leaves late: the one above it, or (a province) itself."""
    if not code:
        return ""
    unit = unit_of(code)
    try:
        chain = [one.code for one in citizens.territory.chain(unit)]
    except Missing:
        return unit
    return next((one for one in chain if one != unit), unit) if code == unit else unit
