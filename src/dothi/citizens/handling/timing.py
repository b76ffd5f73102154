"""The clocks of a report: its marks, its office calendar, what a move makes of its deadlines, who held it how long."""

from dataclasses import replace

from dothi.citizens.model import Report, State
from dothi.citizens.needs import Citizens, rules_at
from dothi.citizens.rules import Category, Rules
from dothi.ground.calendar import WorkingCalendar
from dothi.ground.clock import from_iso, iso
from dothi.ground.clocks import Mark, Reading, What, due_by, last, read, shifted, time_between
from dothi.ground.errors import Invalid, Missing

STAGES = ("receive", "assign", "handle", "reply")
_PART = "parts"


def calendar_of(citizens: Citizens, unit: str | None, at: int | None = None) -> WorkingCalendar:
    """When the office of a unit works, by the rules in force; the city's own calendar for no unit or one unknown."""
    return calendar_by(citizens, rules_at(citizens, unit, at), unit)


def calendar_by(citizens: Citizens, rules: Rules, unit: str | None) -> WorkingCalendar:
    """When the office of a unit works, by these rules: the commune's own hours win over the province's."""
    try:
        chain = tuple(one.code for one in citizens.territory.chain(unit)) if unit else ()
    except Missing:
        chain = ()
    return rules.clocks.calendar(chain)


def marks_now(report: Report) -> tuple[Mark, ...]:
    """The marks of a report; of one that nobody has moved since it was filed (or imported) those that its facts say."""
    if report.marks or not report.filed_at:
        return report.marks
    marks = [Mark(from_iso(report.filed_at), What.START, report.assignee or "", "receive")]
    if report.received_at:
        marks.append(Mark(from_iso(report.received_at), What.STAGE, stage="handle"))
    if report.state is State.ANSWERED and report.closed_at:
        marks.append(Mark(from_iso(report.closed_at), What.STOP))
    return tuple(marks)


def moved(report: Report, clock: str, unit: str | None, at: int, until: int | None = None) -> tuple[Mark, ...]:
    """The marks after a move of the table; `unit` is who has it then, `until` when a pause ends by itself."""
    before = marks_now(report)
    made = {
        "hand": (Mark(at, What.HAND, unit or ""), Mark(at, What.STAGE, stage="receive")),
        "restart": (Mark(at, What.START, unit or "", "receive"),),
        "assign": (Mark(at, What.STAGE, stage="assign"),),
        "handle": (Mark(at, What.STAGE, stage="handle"),),
        "reply": (Mark(at, What.RESUME), Mark(at, What.STAGE, stage="reply")),
        "pause": (Mark(at, What.PAUSE, report.waiting.kind if report.waiting else "", until=until),),
        "resume": (Mark(at, What.RESUME),),
        "stop": (Mark(at, What.STOP),),
    }
    return (*before, *made.get(clock, ()))


def reading(citizens: Citizens, report: Report, now: int) -> Reading:
    """Who held the report how long, what was waited for, and which step is owed."""
    marks = marks_now(report)
    calendar = calendar_of(citizens, report.unit, last(marks, What.START))
    return read(marks, calendar, now, always=report.urgent)


def held_here(citizens: Citizens, report: Report, now: int) -> int:
    """The time that counts (µs) since the report reached the unit that has it."""
    since = last(marks_now(report), What.START, What.HAND)
    if since is None:
        return 0
    return time_between(since, max(now, since), calendar_of(citizens, report.unit, now), always=report.urgent)


def wait_until(citizens: Citizens, report: Report, kind: str, at: int) -> int:
    """When a wait that begins at `at` ends by itself. Invalid when nothing is known to wait for by that name."""
    rules = rules_at(citizens, report.unit, at)
    return due_by(at, rules.clocks.wait(kind).limit(report.urgent), calendar_of(citizens, report.unit, at))


def promise(citizens: Citizens, report: Report, at: int, until: int | None = None) -> int | None:
    """Until when the answer is owed, given what is waited for: until `until`, or (None) no longer than `at`."""
    waiting = report.waiting
    if waiting is None or waiting.handle_by is None:
        return from_iso(report.handle_by) if report.handle_by else None
    begun = from_iso(waiting.at)
    ends = min(from_iso(waiting.until), at) if until is None else until
    waits = [Mark(begun, What.PAUSE, waiting.kind), Mark(ends, What.RESUME)]
    return shifted(from_iso(waiting.handle_by), waits, calendar_of(citizens, report.unit, begun), always=report.urgent)


def due_of(citizens: Citizens, report: Report, stage: str, unit: str | None, at: int) -> int | None:
    """Until when the next step is owed: the limit of the step from now on, but never later than the answer.

    A step that has no limit of its own is owed with the answer. What a unit gets to receive has its whole time.
    """
    owed = from_iso(report.handle_by) if report.handle_by else None
    rules, calendar = rules_at(citizens, unit or report.unit, at), calendar_of(citizens, unit or report.unit, at)
    try:
        category = rules.category(report.category)
    except Invalid:  # Imported, or of a list that is no longer in force.
        return owed
    if stage == "receive":
        return rules.receive_by(at, _as_urgent(category, report), calendar)
    limit = rules.clocks.stage(stage, report.urgent)
    own = due_by(at, limit, calendar) if limit else None
    return min((one for one in (own, owed) if one is not None), default=None)


def _as_urgent(category: Category, report: Report) -> Category:
    """The category with the urgency that the report was filed with."""
    return category if category.urgent is report.urgent else replace(category, urgent=report.urgent)


def iso_or_none(instant: int | None) -> str | None:
    """An instant as entities hold it."""
    return None if instant is None else iso(instant)
