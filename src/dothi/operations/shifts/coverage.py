"""What another roster would have done over the last 90 days: hours without anyone, and the alarms that fell in them."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from dothi.ground.clock import DAY, HOUR, from_iso, iso, now_us
from dothi.hub.language.nodes import Window
from dothi.hub.model import instance_value
from dothi.office.rules.model import Difference, Measure, Trial, trial
from dothi.operations.model import Operations
from dothi.operations.shifts.model import BOOK, people
from dothi.operations.shifts.rules import ROLE_MARK, Roster, day_of, parse, stints

DAYS = 90
_MOST = 10_000
Span = tuple[int, int, str]  # From, to (µs), and the login that has the duty.
Raised = tuple[int, str, str]  # When, the alarm's id, what people call it.


def simulate(
    operations: Operations,
    unit: str | None,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    now: int | None = None,
) -> Trial:
    """Judge the last 90 days of a unit by two rosters. A login that is no open duty officer's covers nothing."""
    at = now_us() if now is None else now
    since = at - DAYS * DAY
    known = frozenset(people(operations))
    covered = [covered_by(parse(each), known, since, at) for each in (before, after)]
    gaps = [round((at - since - sum(end - start for start, end, _ in each)) / HOUR) for each in covered]
    alarms = raised_since(operations, unit, since, at)
    who = [[on_duty_at(each, when) for when, _, _ in alarms] for each in covered]
    found = [
        Difference("covered" if other else "uncovered", name, called, one or "–", other or "–")
        for (_, name, called), one, other in zip(alarms, *who, strict=True)
        if bool(one) is not bool(other)
    ]
    hours = Measure("hours_uncovered", DAYS * 24, gaps[0], gaps[1])
    fell = Measure("alarms_uncovered", len(alarms), *(sum(not one for one in each) for each in who))
    return trial(iso(since), len(alarms), (hours, fell), found)


def covered_by(roster: Roster, known: frozenset[str], since: int, until: int) -> list[Span]:
    """The spans in which somebody has the duty, in order, cut to `since` and `until`."""
    first = day_of(since) - timedelta(days=1)
    days = (day_of(until) - first).days + 1
    return [
        (max(one.starts, since), min(one.ends, until), one.login)
        for one in stints(roster, first, days)
        if one.ends > since and one.starts < until and (one.login in known or one.login.startswith(ROLE_MARK))
    ]


def on_duty_at(spans: Sequence[Span], instant: int) -> str:
    """Who has the duty at an instant; "" in a gap."""
    place = bisect_right(spans, instant, key=lambda span: span[0]) - 1
    return spans[place][2] if place >= 0 and instant < spans[place][1] else ""


def raised_since(operations: Operations, unit: str | None, since: int, until: int) -> list[Raised]:
    """Each time an alarm of a unit (None: of all) was raised in a span, the oldest first."""
    codes = None if unit is None else operations.territory.within(unit) | {unit}
    found: list[Raised] = []
    for alarm in operations.hub.find(BOOK, "Alarm", f'since>="{iso(since)}"', _MOST):
        if codes is not None and alarm.value("unit") not in codes:
            continue
        window = Window("after", since, attribute="modifiedAt")
        past = operations.hub.history(BOOK, alarm.id, ("since",), window).get("since", [])
        instants = {from_iso(str(instance_value(one))) for one in past} | {from_iso(alarm.value("since"))}
        name = alarm.value("subjectName") or alarm.id
        found += [(when, alarm.id, str(name)) for when in instants if since <= when < until]
    return sorted(found)
