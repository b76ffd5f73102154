"""The life of a task as one table: which verb may follow which state, and where it leads."""

import re
from enum import StrEnum

from dothi.ground.clock import VIETNAM, from_iso, to_datetime
from dothi.ground.errors import Invalid
from dothi.programme.model import IllegalMove, NewTask, State, Task

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class Verb(StrEnum):
    """What can be done with a task."""

    PROGRESS = "progress"
    EXTEND = "extend"
    FINISH = "finish"
    DROP = "drop"


NEXT: dict[tuple[State, Verb], State] = {
    (State.ASSIGNED, Verb.PROGRESS): State.IN_PROGRESS,
    (State.IN_PROGRESS, Verb.PROGRESS): State.IN_PROGRESS,
    (State.ASSIGNED, Verb.EXTEND): State.ASSIGNED,
    (State.IN_PROGRESS, Verb.EXTEND): State.IN_PROGRESS,
    (State.ASSIGNED, Verb.FINISH): State.DONE,
    (State.IN_PROGRESS, Verb.FINISH): State.DONE,
    (State.ASSIGNED, Verb.DROP): State.DROPPED,
    (State.IN_PROGRESS, Verb.DROP): State.DROPPED,
}
OPEN = frozenset({State.ASSIGNED, State.IN_PROGRESS})

# What "5 rõ" asks, and the fields of a task that answer it: a person by position, and a result that says what shows it.
FIVE_CLEAR: dict[str, tuple[str, ...]] = {
    "người": ("responsible",),
    "việc": ("title",),
    "thời gian": ("due",),
    "kết quả": ("output", "evidence_kind"),
    "trách nhiệm": ("lead", "units"),
}


def after(task: Task, verb: Verb) -> State:
    """The state that follows; IllegalMove when the verb does not fit."""
    following = NEXT.get((task.state, verb))
    if following is None:
        raise IllegalMove(f"Task {task.id} is {task.state}: it cannot {verb} any more.")
    return following


def check_clear(new: NewTask) -> None:
    """Raise Invalid, naming all that is missing, unless the task is clear in all five."""
    unclear = [
        f"{word} ({name})" for word, names in FIVE_CLEAR.items() for name in names if not _given(getattr(new, name))
    ]
    if unclear:
        raise Invalid(f"A task must be clear in all five (5 rõ). Missing: {', '.join(unclear)}.", missing=unclear)
    check_instant(new.due)


def check_instant(text: str) -> int:
    """The instant (µs) of a date-time, or of the end of a day in Vietnam; Invalid says how it is written.

    A deadline that names a day is kept until that day is over: law counts whole days (Civil Code 2015, article 148).
    """
    try:
        return from_iso(f"{text}T23:59:59+07:00" if _DAY.fullmatch(text) else text)
    except ValueError as cause:
        raise Invalid(f"“{text[:40]}” is not a date: write it as 2026-12-31.") from cause


def check_day(text: str, field: str) -> int:
    """The instant (µs) at which a day (yyyy-mm-dd) begins in Vietnam, or that of a date-time; Invalid names the field.

    A day that begins something begins in the morning; one that ends something lasts until it is over (check_instant).
    """
    try:
        return from_iso(f"{text}T00:00:00+07:00" if _DAY.fullmatch(text) else text)
    except ValueError as cause:
        raise Invalid(f"“{text[:40]}” is not a date: write it as 2026-12-31.", field=field) from cause


def today(now: int) -> str:
    """The day of an instant in Vietnam, yyyy-mm-dd."""
    return to_datetime(now).astimezone(VIETNAM).date().isoformat()


def _given(value: object) -> bool:
    return bool(value.strip()) if isinstance(value, str) else bool(value)
