"""The one engine of deadlines: what a case has used of its limit, until when it is owed, and who held it.

A case is a handful of marks (it began, it was handed over, it waits, it went on, it ended); all else is worked out
from them, a limit and a calendar. Nothing here asks what time it is, and nothing is counted twice: the time of the
holders and the time that was waited for add up to all that passed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dothi.ground.calendar import WorkingCalendar, add_working_time, working_time_between
from dothi.ground.clock import HOUR, from_iso, iso
from dothi.ground.errors import Invalid


class What(StrEnum):
    """What a mark says."""

    START = "start"  # The clock runs from here on, also again after it stopped.
    HAND = "hand"  # Another holder has it.
    STAGE = "stage"  # Another step is owed: its own clock begins.
    PAUSE = "pause"  # It waits for something, and that time does not count.
    RESUME = "resume"  # It goes on.
    STOP = "stop"  # It is done.


ORDER = tuple(What)  # Of marks of the same instant.


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that moved a clock at `at` (µs)."""

    at: int
    what: What
    who: str = ""  # START and HAND: who holds it from here on. PAUSE: what it waits for.
    stage: str = ""  # START and STAGE: which step is owed from here on.
    until: int | None = None  # PAUSE: when it ends by itself (µs); None: when somebody ends it.


@dataclass(frozen=True, slots=True)
class Limit:
    """How much time is given: working hours of a calendar, or (`always`) hours of day and night."""

    hours: float
    always: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What the marks of a case say at an instant; times in µs, of the calendar or of day and night."""

    running: bool  # Neither stopped nor not yet begun; a case that waits is running.
    holder: str
    stage: str
    waiting: str  # What it waits for; empty while its time counts.
    held: Mapping[str, int]  # By who held it: what counts.
    waited: Mapping[str, int]  # By what was waited for: what does not count.
    stages: Mapping[str, int]  # What counts, by the step that was owed.

    @property
    def used(self) -> int:
        """What counts against the limit."""
        return sum(self.held.values())

    @property
    def total(self) -> int:
        """All that passed between its starts and stops."""
        return self.used + sum(self.waited.values())


@dataclass(frozen=True, slots=True)
class _Span:
    """A stretch of time in which nothing changed; `end` None is not over yet."""

    start: int
    end: int | None
    holder: str
    stage: str
    waiting: str


def due_by(start: int, limit: Limit, calendar: WorkingCalendar | None = None) -> int:
    """Until when (µs) what began at `start` is owed. For everything that neither waits nor is handed over.

    A limit of day and night (an alarm's, the 72 hours of an erasure) needs no calendar.
    """
    return _later(start, round(limit.hours * HOUR), limit.always, calendar)


def time_between(start: int, end: int, calendar: WorkingCalendar, *, always: bool = False) -> int:
    """The time (µs) from `start` to `end` that counts: of the calendar, or all of it."""
    return end - start if always else working_time_between(start, end, calendar)


def late(due: int | None, at: int) -> bool:
    """Whether `at` lies after a deadline; what has none is never late. The last moment is still in time."""
    return due is not None and at > due


def read(marks: Iterable[Mark], calendar: WorkingCalendar, now: int, *, always: bool = False) -> Reading:
    """What the marks say at `now` (µs); later ones do not count yet. Their order does not matter."""
    listed = [one for one in in_order(marks) if one.at <= now]
    held: dict[str, int] = {}
    waited: dict[str, int] = {}
    stages: dict[str, int] = {}
    last: _Span | None = None
    for span in _spans(listed):
        if span.start > now:
            break
        end = now if span.end is None else min(span.end, now)
        time = time_between(span.start, end, calendar, always=always)
        if span.waiting:
            waited[span.waiting] = waited.get(span.waiting, 0) + time
        else:
            held[span.holder] = held.get(span.holder, 0) + time
            stages[span.stage] = stages.get(span.stage, 0) + time
        last = span
    running = last is not None and (last.end is None or last.end > now)
    ending = last if last is not None else _Span(now, now, "", "", "")
    return Reading(running, ending.holder, ending.stage, ending.waiting if running else "", held, waited, stages)


def deadline(marks: Iterable[Mark], limit: Limit, calendar: WorkingCalendar, since: int | None = None) -> int | None:
    """Until when (µs) the limit lasts, counted from `since` (the last start by default).

    A pause that runs is taken to last until it ends by itself; None while one runs that nobody has bounded. A case that
    stopped keeps the deadline that it had.
    """
    listed = in_order(marks)
    while listed and listed[-1].what is What.STOP:
        listed.pop()
    begin = last(listed, What.START) if since is None else since
    if begin is None:
        return None
    left = round(limit.hours * HOUR)
    for span in _spans(listed):
        start = max(span.start, begin)
        if span.waiting:
            if span.end is None:
                return None
            continue
        if span.end is None:
            return _later(start, left, limit.always, calendar)
        counted = time_between(start, max(span.end, start), calendar, always=limit.always)
        if counted >= left:
            return _later(start, left, limit.always, calendar)
        left -= counted
    return None


def shifted(due: int, waits: Sequence[Mark], calendar: WorkingCalendar, *, always: bool = False) -> int | None:
    """A deadline (µs) after the pauses and resumptions that came while it stood: what was waited is given on top.

    One that had passed before the first of them stays; None while a pause runs that nobody has bounded.
    """
    begin = min((one.at for one in waits), default=due)
    if due <= begin:
        return due
    left = Limit(time_between(begin, due, calendar, always=always) / HOUR, always)
    return deadline([Mark(begin, What.START), *waits], left, calendar, begin)


def last(marks: Iterable[Mark], *kinds: What) -> int | None:
    """When (µs) the newest mark of these kinds was made, None when there is none."""
    return max((one.at for one in marks if one.what in kinds), default=None)


def in_order(marks: Iterable[Mark]) -> list[Mark]:
    """The marks by time; those of one instant in the order of ORDER, so that equal data read alike."""
    return sorted(marks, key=lambda one: (one.at, ORDER.index(one.what), one.who, one.stage, one.until or 0))


def _spans(marks: Sequence[Mark]) -> Iterable[_Span]:
    """The stretches between marks, those that wait apart; the last one is open unless the case has stopped."""
    holder = stage = waiting = ""
    until: int | None = None
    begun = False
    for place, mark in enumerate(marks):
        end = marks[place + 1].at if place + 1 < len(marks) else None
        if mark.what in (What.START, What.HAND) and mark.who:
            holder = mark.who
        if mark.what in (What.START, What.STAGE):
            stage = mark.stage or stage
        if mark.what is What.PAUSE:
            waiting, until = mark.who or "?", mark.until
        elif mark.what in (What.RESUME, What.START, What.STOP):
            waiting, until = "", None
        begun = mark.what is What.START or (begun and mark.what is not What.STOP)
        if not begun:
            continue
        stops = until if waiting and until is not None and (end is None or until < end) else None
        if stops is None:
            yield _Span(mark.at, end, holder, stage, waiting)
            continue
        if stops > mark.at:
            yield _Span(mark.at, stops, holder, stage, waiting)
        waiting, until = "", None
        yield _Span(max(stops, mark.at), end, holder, stage, "")


def _later(start: int, time: int, always: bool, calendar: WorkingCalendar | None) -> int:
    """The instant at which so much time (µs) that counts has passed since `start`."""
    if time < 0:
        raise Invalid(f"A limit of {time / HOUR} hours is none; give a number from 0.")
    if always:
        return start + time
    if calendar is None:
        raise ValueError("Working hours are those of a calendar: hand one over.")
    return add_working_time(start, time, calendar)


def mark_json(mark: Mark) -> dict[str, str]:
    """A mark as an entity holds it, without what it does not say."""
    said = {"at": iso(mark.at), "what": mark.what.value, "who": mark.who, "stage": mark.stage}
    if mark.until is not None:
        said["until"] = iso(mark.until)
    return {name: value for name, value in said.items() if value}


def marks_of(value: Any) -> tuple[Mark, ...]:
    """The marks that an entity holds as a list of JSON objects."""
    return tuple(
        Mark(
            from_iso(one["at"]),
            What(one["what"]),
            one.get("who", ""),
            one.get("stage", ""),
            from_iso(one["until"]) if "until" in one else None,
        )
        for one in value or ()
    )
