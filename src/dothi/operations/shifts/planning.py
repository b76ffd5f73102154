"""Shifts are made ahead from the roster and end by the clock: idempotent, with timers that survive a restart."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime, time, timedelta

from dothi.ground.clock import MINUTE, VIETNAM, from_datetime, iso, now_us
from dothi.ground.errors import Conflict
from dothi.ground.ids import urn
from dothi.hub.model import ABSENT, Attribute, Change, Commit, Timer, amend, create, prop, readable, words
from dothi.office.rules import refresh
from dothi.operations.model import OWNER, Operations
from dothi.operations.shifts.model import AHEAD, BOOK, CONSUMER, TYPE, NoSuchShift, Shift, State, people, shift_of
from dothi.operations.shifts.rules import Roster, Stint, books, day_of, roster_at, rostered
from dothi.operations.shifts.workflow import after

NEAR, END, PLAN = "near|", "end|", "plan"
LAPSED = "no handover"  # Why a shift ended by the clock.
_TICK_S = 1.0
_MOST = 5000


def shift_id(unit: str, stint: Stint) -> str:
    """The one shift of a unit, a turn and a day."""
    return urn(TYPE, unit, stint.turn.id, stint.day.isoformat())


async def run(operations: Operations, home: str) -> None:
    """Keep the book ahead of the clock until cancelled. To be run by one process, the leader."""
    position = operations.hub.last_seq()
    await plan(operations, home)
    async with asyncio.TaskGroup() as group:
        group.create_task(_follow(operations, home, position))
        group.create_task(_tick(operations, home))


async def _follow(operations: Operations, home: str, after_: int) -> None:
    """A roster that is adopted changes what is ahead."""
    async for commit in operations.hub.follow(after_, lambda types: "RuleSet" in types, whole=False):
        if not commit.entries:
            continue
        if operations.adopted is not None:
            refresh(operations.adopted)
        await plan(operations, home)


async def _tick(operations: Operations, home: str) -> None:
    while True:
        await ring(operations, home, now_us())
        await asyncio.sleep(_TICK_S)


async def plan(operations: Operations, home: str, now: int | None = None) -> int:
    """Make, change and drop the shifts ahead as the rosters say; how many were touched. Twice does nothing twice."""
    at = now_us() if now is None else now
    touched = 0
    for unit in books(operations, home, at):
        with suppress(Conflict):  # Somebody changed one of them this moment: the timer plans again.
            touched += await _plan_unit(operations, unit, at)
    midnight = Timer(CONSUMER, PLAN, _midnight(at))
    await operations.hub.commit(Commit(BOOK, (), "the next planning", timers=(midnight,)))
    return touched


def _midnight(now: int) -> int:
    return from_datetime(datetime.combine(day_of(now) + timedelta(days=1), time(0, 1), VIETNAM))


async def _plan_unit(operations: Operations, unit: str, now: int) -> int:
    roster = roster_at(operations, unit, now)
    known = {one.id: one for one in ahead_of(operations, unit, now)}
    wanted = {shift_id(unit, one): one for one in _wanted(operations, unit, roster.ahead_days, now)}
    officers = {login: user.actor_id for login, user in people(operations).items()}
    changes: list[Change] = []
    timers: list[Timer] = []
    for name, stint in wanted.items():
        officer = officers.get(stint.login, "")
        if name not in known:
            changes.append(_new(name, unit, stint, officer))
            timers += _timers(name, stint.starts, stint.ends, roster)
        elif _differs(known[name], stint, officer):
            changes.append(amend(name, **_rostered(stint, officer, unit)))
            timers += _timers(name, stint.starts, stint.ends, roster)
    gone = [one for one in known.values() if one.id not in wanted and _free(one) and one.starts > now]
    changes += [amend(one.id, state=prop(after(one, "drop")), open=prop(False)) for one in gone]
    timers += [Timer(CONSUMER, mark + one.id, None) for one in gone for mark in (NEAR, END)]
    if changes:
        expect = {one.id: known[one.id].version if one.id in known else ABSENT for one in changes}
        await operations.hub.commit(Commit(BOOK, tuple(changes), "roster", expect, owner=OWNER, timers=tuple(timers)))
    return len(changes)


def ahead_of(operations: Operations, unit: str, now: int) -> Iterator[Shift]:
    """The shifts of a unit that have not ended by the clock, whatever became of them."""
    found = operations.hub.find(BOOK, TYPE, f'unit=="{unit}";ends>="{iso(now)}"', _MOST, order=("starts",))
    return readable(found, shift_of)


def _wanted(operations: Operations, unit: str, days: int, now: int) -> Iterator[Stint]:
    """The turns ahead that somebody is to have, each day by the roster of that day; a gap of the rota is no shift."""
    day = day_of(now) - timedelta(days=1)  # A night turn began yesterday.
    return (one for one in rostered(operations, unit, day, days + 1) if one.ends > now and one.login)


def _free(shift: Shift) -> bool:
    return shift.state in AHEAD and not shift.by_hand and shift.swap is None


def _differs(shift: Shift, stint: Stint, officer: str) -> bool:
    if shift.state is State.DROPPED:
        return True  # It is on the roster again.
    return _free(shift) and (shift.officer, shift.starts, shift.ends) != (officer, stint.starts, stint.ends)


def _rostered(stint: Stint, officer: str, unit: str) -> dict[str, Attribute]:
    return {
        "title": words(**stint.turn.names),
        "officer": prop(officer),
        "starts": prop(iso(stint.starts)),
        "ends": prop(iso(stint.ends)),
        "state": prop(State.PLANNED),
        "assignee": prop(officer or unit),
        "due": prop(iso(stint.starts)),
    }


def _new(name: str, unit: str, stint: Stint, officer: str) -> Change:
    fixed: dict[str, Attribute] = {"unit": prop(unit), "turn": prop(stint.turn.id), "open": prop(False)}
    return create(name, TYPE, **fixed, **_rostered(stint, officer, unit))


def _timers(name: str, starts: int, ends: int, roster: Roster) -> Iterable[Timer]:
    yield Timer(CONSUMER, NEAR + name, starts - roster.near_minutes * MINUTE)
    yield Timer(CONSUMER, END + name, ends)


async def ring(operations: Operations, home: str, now: int) -> int:
    """Do what is due by `now` (µs); returns how many timers rang."""
    due = operations.hub.due_timers(CONSUMER, now)
    for name, _ in due:
        if name == PLAN:
            await plan(operations, home, now)
            continue
        with suppress(Conflict):  # It moves this very moment: the timer stands and rings again.
            await _ring_one(operations, name, now)
    return len(due)


async def _ring_one(operations: Operations, name: str, now: int) -> None:
    mark, _, subject = name.partition("|")
    try:
        shift = shift_of(operations.hub.get(BOOK, subject))
    except NoSuchShift:
        await _write(operations, (), Timer(CONSUMER, name, None), None)
        return
    attrs, later = _near(shift) if mark + "|" == NEAR else _end(operations, shift, now)
    change = (amend(shift.id, **attrs),) if attrs else ()
    await _write(operations, change, Timer(CONSUMER, name, later), shift)


async def _write(operations: Operations, change: tuple[Change, ...], timer: Timer, shift: Shift | None) -> None:
    expect = {shift.id: shift.version} if shift and change else {}
    await operations.hub.commit(Commit(BOOK, change, "the clock of shifts", expect, owner=OWNER, timers=(timer,)))


def _near(shift: Shift) -> tuple[dict[str, Attribute], int | None]:
    return ({"open": prop(True)} if shift.state in AHEAD else {}), None


def _end(operations: Operations, shift: Shift, now: int) -> tuple[dict[str, Attribute], int | None]:
    """What the end of a shift brings: nobody came, or nobody took over in time."""
    if shift.state in AHEAD:
        return {"state": prop(after(shift, "miss")), "open": prop(False)}, None
    if not shift.serving:
        return {}, None
    over = shift.ends + roster_at(operations, shift.unit, now).overrun_minutes * MINUTE
    if now < over:
        return {}, over
    return {
        "state": prop(after(shift, "lapse")),
        "open": prop(False),
        "endedAt": prop(iso(now)),
        "reason": prop(LAPSED),
    }, None
