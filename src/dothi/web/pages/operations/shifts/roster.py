"""The roster of a week: who has which turn, gaps in red, numbers to call, and swapping a turn."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import DAY, VIETNAM, from_datetime, now_us
from dothi.operations.shifts import service
from dothi.operations.shifts.model import Shift, State, people
from dothi.operations.shifts.rules import ROLE_MARK, Stint, day_of, roster_at, rostered
from dothi.web.page import Page, render, visit, words
from dothi.web.pages.operations.shifts.mine import READERS
from dothi.web.pages.operations.shifts.shown import DUTY, Told, home_of, shift_told
from dothi.web.pages.shown import unit_name, who
from dothi.web.parts import parts

WEEK = 7
SPAN = timedelta(days=400)  # How far from today the roster can be looked at.


@dataclass(frozen=True)
class Cell:
    """One turn on one day."""

    day: date
    told: Told | None  # None where no shift is in the book (yet).
    officer: str  # Who the roster says; "" in a gap.
    gap: bool
    stray: bool  # The roster names a login that is no open duty officer's.
    past: bool
    nobody: bool  # A role is named and nobody has taken it.


async def roster(request: Request) -> Response:
    """Who is on duty this week, and where is nobody?"""
    here, actor, now = parts(request).operations, visit(request).actor, now_us()
    unit, monday = home_of(request), _monday(request, now)
    start = from_datetime(datetime.combine(monday, time(), VIETNAM))
    shifts = service.shifts_between(here, actor, unit, start - DAY, start + (WEEK + 1) * DAY)
    found = {(one.turn, day_of(one.starts)): one for one in shifts}
    turns = roster_at(here, unit, max(start, now)).turns
    stints = list(rostered(here, unit, monday, WEEK))
    known = {login: user.display_name for login, user in people(here).items()}
    cells = {(one.turn.id, one.day): _cell(request, one, found, known, now) for one in stints}
    days = [monday + timedelta(days=number) for number in range(WEEK)]
    gaps = sum(cell.gap and not cell.past for cell in cells.values())
    mine = [shift_told(request, one) for one in shifts if one.officer == actor.id and one.state is State.PLANNED]
    extra = [shift_told(request, one) for one in shifts if one.turn == service.EXTRA]
    return render(
        request,
        "operations/shifts/roster.html",
        unit=unit,
        unit_word=unit_name(request, unit),
        days=[(day, _noon(day)) for day in days],
        today=day_of(now),
        turns=[(turn, words(request).pick(turn.names), [cells.get((turn.id, day)) for day in days]) for turn in turns],
        gaps=gaps,
        unnamed=sum(cell.nobody and not cell.past for cell in cells.values()),
        mine=mine,
        extra=extra,
        theirs=_theirs(request, shifts, actor.id),
        officers=_officers(request, actor.id),
        phones=[(words(request).pick(one.names), one.number) for one in roster_at(here, unit, now).phones],
        before=(monday - timedelta(days=WEEK)).isoformat(),
        after=(monday + timedelta(days=WEEK)).isoformat(),
        week=monday.isoformat(),
        may_act=bool(DUTY & actor.roles),
        span=(_noon(monday), _noon(monday + timedelta(days=WEEK - 1))),
    )


def _monday(request: Request, now: int) -> date:
    """The Monday of the week that is asked for, else of this week."""
    today = day_of(now)
    try:
        asked = date.fromisoformat(request.query_params.get("week", ""))
    except ValueError:
        asked = today
    day = asked if abs(asked - today) <= SPAN else today
    return day - timedelta(days=day.weekday())


def _noon(day: date) -> int:
    return from_datetime(datetime.combine(day, time(12), VIETNAM))


def _cell(
    request: Request, stint: Stint, found: Mapping[tuple[str, date], Shift], known: Mapping[str, str], now: int
) -> Cell:
    one = found.get((stint.turn.id, stint.day))
    role = stint.login.startswith(ROLE_MARK)
    officer = words(request).t("shifts.anyone") if role else known.get(stint.login, stint.login)
    stray = bool(stint.login) and not role and stint.login not in known
    return Cell(
        stint.day,
        shift_told(request, one, now) if one else None,
        officer,
        gap=not stint.login and one is None,
        stray=stray,
        past=stint.ends <= now,
        nobody=role and not (one and one.officer),
    )


def _theirs(request: Request, shifts: list[Shift], me: str) -> list[tuple[str, str]]:
    """The turns of others that could be taken in return."""
    here = words(request)
    return [
        (one.id, f"{here.pick(one.names)} {here.date(one.starts)}: {who(request, one.officer)}")
        for one in shifts
        if one.state is State.PLANNED and one.officer not in ("", me) and one.starts > now_us()
    ]


def _officers(request: Request, me: str) -> list[tuple[str, str]]:
    """The other duty officers, by login."""
    known = people(parts(request).operations)
    return [(login, user.display_name) for login, user in sorted(known.items()) if user.actor_id != me]


PAGES = (Page("/roster", roster, "shifts.roster.title", roles=READERS),)
