"""Tasks over time, with what was known of them on any earlier day: bars, slips, and what they wait for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from dothi.ground.clock import DAY, VIETNAM, from_datetime, from_iso, to_datetime
from dothi.ground.errors import Missing
from dothi.hub.model import Actor
from dothi.programme.model import Programme, State, Task, task_of
from dothi.programme.tasks.workflow import OPEN

_LEAST = 30 * DAY  # A chart of less would be all bar.


@dataclass(frozen=True)
class Then:
    """What was known of a task on the day that is compared with."""

    due: int
    state: State
    progress: int


@dataclass(frozen=True)
class Bar:
    """One task: instants in µs. `then` None with a baseline asked for means that the task was not known then."""

    task: Task
    start: int
    end: int  # When it was done, else the agreed deadline.
    original: int
    late: bool
    then: Then | None

    @property
    def slip_days(self) -> int | None:
        """By how many days the deadline has moved since then; below zero it came nearer."""
        return None if self.then is None else round((from_iso(self.task.due) - self.then.due) / DAY)


@dataclass(frozen=True)
class Month:
    """A month of the scale."""

    year: int
    month: int
    start: int


@dataclass(frozen=True)
class Chart:
    """All bars by start, the span that holds them, and its months."""

    first: int
    last: int
    bars: tuple[Bar, ...]
    months: tuple[Month, ...]

    def share(self, instant: int) -> float:
        """Where an instant lies in the span, 0 to 1."""
        return min(1.0, max(0.0, (instant - self.first) / (self.last - self.first)))


def chart(listed: Iterable[Task], now: int, baseline: Mapping[str, Then] | None = None) -> Chart:
    """The chart of tasks as they stand at `now`, beside what a baseline says."""
    bars = sorted((_bar(one, now, baseline or {}) for one in listed), key=lambda bar: (bar.start, bar.end, bar.task.id))
    edges = [edge for bar in bars for edge in (bar.start, bar.end, bar.original, *([bar.then.due] if bar.then else []))]
    first, last = min([*edges, now]), max([*edges, now])
    months = _months(first, max(last, first + _LEAST))
    end = _next_month(months[-1])
    return Chart(months[0].start, end.start, tuple(bars), tuple(months))


def baseline_of(programme: Programme, actor: Actor, listed: Iterable[Task], instant: int) -> dict[str, Then]:
    """What the city knew of each task at an instant (µs): the history answers, nothing was kept for it."""
    found = {}
    for one in listed:
        try:
            entity = programme.hub.as_known(actor, one.id, instant)
        except Missing:
            continue
        if entity is not None:
            then = task_of(entity)
            found[one.id] = Then(from_iso(then.due), then.state, then.progress)
    return found


def slips(bars: Iterable[Bar]) -> list[Bar]:
    """The bars whose deadline lies later than it was known then, the furthest first."""
    return sorted((bar for bar in bars if (bar.slip_days or 0) > 0), key=lambda bar: -(bar.slip_days or 0))


def _bar(one: Task, now: int, baseline: Mapping[str, Then]) -> Bar:
    due = from_iso(one.due)
    end = from_iso(one.done_at) if one.done_at else due
    start = min(from_iso(one.starts), end)
    return Bar(one, start, end, from_iso(one.original_due), one.state in OPEN and now > due, baseline.get(one.id))


def _months(first: int, last: int) -> list[Month]:
    begun = to_datetime(first).astimezone(VIETNAM)
    months = [_month(begun.year, begun.month)]
    while (following := _next_month(months[-1])).start <= last:
        months.append(following)
    return months


def _next_month(one: Month) -> Month:
    return _month(one.year + one.month // 12, one.month % 12 + 1)


def _month(year: int, month: int) -> Month:
    return Month(year, month, from_datetime(datetime(year, month, 1, tzinfo=VIETNAM)))
