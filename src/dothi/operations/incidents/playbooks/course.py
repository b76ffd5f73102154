"""How an incident went, drawn from what was recorded: when it was known, taken, ordered, warned of, and over."""

from collections.abc import Iterator
from dataclasses import dataclass

from dothi.ground.clock import MINUTE, from_iso
from dothi.ground.errors import Missing
from dothi.hub.model import Entity
from dothi.operations.incidents.model import SYSTEM, Incident, StepState
from dothi.operations.incidents.orders.model import Clock, order_of
from dothi.operations.incidents.service import orders_of, warnings_of
from dothi.operations.model import Operations


@dataclass(frozen=True, slots=True)
class Moment:
    """One point of the course. Instants in µs."""

    what: str  # "since", "opened", "take", "order_received" … (catalogue incidents.moment).
    at: int
    name: str = ""  # Of which order, step or warning.
    due: int | None = None  # Until when it was owed.

    @property
    def late(self) -> bool:
        """Whether it came after its limit."""
        return self.due is not None and self.at > self.due


@dataclass(frozen=True, slots=True)
class Score:
    """How many of the steps were done in time."""

    steps: int
    done: int
    in_time: int
    skipped: int
    late: int  # Done late, or still owed past their time.

    @property
    def share(self) -> int:
        """Steps done in time, of those that were owed, in percent."""
        return round(100 * self.in_time / self.steps) if self.steps else 100


def course(operations: Operations, found: Incident) -> list[Moment]:
    """Every moment of an incident, in order."""
    moments = [
        Moment("since", from_iso(found.since)),
        Moment("opened", found.opened_at),
        *_taken(found),
        *_acknowledged(operations, found),
        *(moment for one in orders_of(operations, found) for moment in _ordered(one)),
        *(moment for one in warnings_of(operations, found) for moment in _warned(one)),
        *(_stepped(found)),
    ]
    return sorted(moments, key=lambda one: one.at)


def _taken(found: Incident) -> Iterator[Moment]:
    for verb, at in found.marks.items():
        if verb in ("take", "control", "close", "cancel", "reopen"):
            due = from_iso(found.take_by) if verb == "take" and found.take_by and found.taken_at == at else None
            yield Moment(verb, from_iso(at), due=due)


def _acknowledged(operations: Operations, found: Incident) -> Iterator[Moment]:
    """When each of its alarms was raised and seen, at the first time that it was."""
    for name in found.alarms:
        try:
            alarm = operations.hub.get(SYSTEM, name)
        except Missing:
            continue
        told = alarm.value("name", {})
        called = told.get("vi", "") if isinstance(told, dict) else str(told)
        if alarm.value("since"):
            yield Moment("alarm_raised", from_iso(alarm.value("since")), called)
        if alarm.value("acknowledgedAt"):
            yield Moment("alarm_seen", from_iso(alarm.value("acknowledgedAt")), called)


def _ordered(entity: Entity) -> Iterator[Moment]:
    order = order_of(entity)
    yield Moment("order_issued", from_iso(order.issued_at), order.title)
    for clock, what in (
        (Clock.RECEIVE, "order_received"),
        (Clock.ARRIVE, "order_arrived"),
        (Clock.FINISH, "order_done"),
    ):
        met = order.met(clock)
        if met is not None and order.limit(clock) is not None:
            yield Moment(what, met, order.title, order.limit(clock))


_WARNED = {"alert": "warning_out", "update": "warning_out", "cancel": "warning_over", "allClear": "warning_over"}


def _warned(entity: Entity) -> Iterator[Moment]:
    what, sent = _WARNED.get(entity.value("kind", "alert")), entity.value("sentAt")
    if what and sent:
        title = entity.value("title", "")
        yield Moment(what, from_iso(sent), title if isinstance(title, str) else title.get("vi", ""))


def _stepped(found: Incident) -> Iterator[Moment]:
    for one in found.steps:
        if one.state is StepState.DONE:
            yield Moment("step_done", from_iso(one.at), one.title.get("vi", one.id), from_iso(one.due))


def score(found: Incident, now: int) -> Score:
    """How the steps were kept by `now` (µs): what a drill is judged by."""
    owed = [one for one in found.steps if one.due and one.state is not StepState.SKIPPED]
    done = [one for one in owed if one.state is StepState.DONE]
    in_time = sum(from_iso(one.at) <= from_iso(one.due) for one in done)
    waiting = sum(one.state is StepState.TODO and from_iso(one.due) < now for one in owed)
    skipped = sum(one.state is StepState.SKIPPED for one in found.steps)
    return Score(len(owed), len(done), in_time, skipped, len(done) - in_time + waiting)


def minutes(earlier: int, later: int) -> int:
    """Whole minutes between two instants (µs)."""
    return (later - earlier) // MINUTE
