"""What people do with alarms: acknowledge, comment, assign, one by one or many at once."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from dothi.accounts.organisations import find_organisation, is_organisation
from dothi.accounts.people import user_by_id
from dothi.ground.clock import iso, now_us
from dothi.ground.errors import Conflict, DothiError, Invalid, Missing
from dothi.hub.model import (
    Actor,
    Attribute,
    Change,
    Commit,
    Entity,
    Op,
    Receipt,
    Timer,
    json_prop,
    prop,
)
from dothi.operations.alarms.raising import Effect as Effect
from dothi.operations.alarms.raising import alarm_change as alarm_change
from dothi.operations.alarms.raising import moved, standing
from dothi.operations.alarms.reading import ENGINE as ENGINE
from dothi.operations.alarms.reading import alarm_id as alarm_id
from dothi.operations.alarms.reading import comments_of, the_alarm
from dothi.operations.alarms.reading import find_alarm as find_alarm
from dothi.operations.alarms.reading import open_alarms as open_alarms
from dothi.operations.alarms.reading import recent_alarms as recent_alarms
from dothi.operations.alarms.reading import state_of as state_of
from dothi.operations.alarms.workflow import GUARDS, Move, Step, check
from dothi.operations.model import INSTEAD, OWNER, IllegalMove, Operations

log = logging.getLogger("dothi.operations")
INDEXED = {
    "Alarm": (
        *("active", "acknowledged", "open", "due", "assignee", "priority", "since", "unit"),
        *("held", "rule", "suppressedBy", "inhibitors", "escalatedTo", "incident", "outBy"),
    ),
    "MaintenanceWindow": ("ended", "to", "unit"),
    "CentreHour": ("hour",),
}
COMMENTS_MOST = 200
CHOSEN_MOST = 200  # Alarms that one bulk verb takes.
USER = "user:"
_TRIES = 5  # Two hands on one alarm: read again and decide again, this often.


def own(operations: Operations) -> None:
    """Guard the types of operations and declare what their lists ask for. Once, when the parts are put together."""
    operations.hub.own(OWNER, INSTEAD)
    for kind, attributes in INDEXED.items():
        operations.hub.index(kind, *attributes)


@dataclass(frozen=True, slots=True)
class Deed:
    """What a move writes beside the state: attributes, and timers that stand or fall with it."""

    attrs: dict[str, Attribute] = field(default_factory=dict)
    timers: tuple[Timer, ...] = ()
    words: str = ""  # The reason in the log.


async def act(
    operations: Operations,
    actor: Actor,
    name: str,
    move: Move,
    step: Callable[[Entity], tuple[Step, Deed]],
    now: int,
) -> Receipt:
    """Make one move of an alarm by the table; decided again when another hand was quicker.

    IllegalMove says by whom the alarm was taken; Forbidden, Invalid as the table's roles and guards have it.
    """
    for _ in range(_TRIES):
        alarm = the_alarm(operations, actor, name)
        state = state_of(alarm)
        asked, deed = step(alarm)
        GUARDS["room"](asked)  # What was sent wrong is said before what stands in its way.
        try:
            following = check(state, move, actor.roles, asked)
        except IllegalMove as refused:
            refused.fields |= {"by": alarm.value("acknowledgedBy", ""), "move": move.value}
            raise
        attrs = {**deed.attrs, **(standing(following, now) if following != state else {}), **moved(move, now)}
        change = Change(Op.APPEND, name, attrs=attrs)
        commit = Commit(actor, (change,), deed.words, {name: alarm.version}, timers=deed.timers, owner=OWNER)
        try:
            return await operations.hub.commit(commit)
        except Conflict:
            continue
    raise Conflict(f"{name} is changing all the time: try again.")


def with_comment(alarm: Entity, actor: Actor, said: str, now: int) -> dict[str, Attribute]:
    """The list of comments with one more; the oldest leave it when it is full (the log keeps them)."""
    if not said.strip():
        return {}
    kept = [{"by": one.by, "at": one.at, "words": one.words} for one in comments_of(alarm)]
    return {"comments": json_prop([*kept, {"by": actor.id, "at": iso(now), "words": said.strip()}][-COMMENTS_MOST:])}


async def acknowledge(
    operations: Operations, actor: Actor, name: str, comment: str = "", now: int | None = None
) -> Receipt:
    """Somebody has seen it and takes it. IllegalMove when it was acknowledged already, Missing when it is not there."""
    at = now_us() if now is None else now

    def step(alarm: Entity) -> tuple[Step, Deed]:
        attrs: dict[str, Attribute] = {
            "acknowledgedBy": prop(actor.id),
            "acknowledgedAt": prop(iso(at)),
            "comment": prop(comment),
            "escalatedTo": prop(""),  # Somebody has it: it leaves the list of who was told.
        }
        return Step(comment), Deed(attrs | with_comment(alarm, actor, comment, at), words=comment)

    return await act(operations, actor, name, Move.ACKNOWLEDGE, step, at)


async def comment_on(
    operations: Operations, actor: Actor, name: str, said: str, now: int | None = None, reviewed: bool = False
) -> Receipt:
    """Add a comment; it stands for ever. `reviewed`: somebody looked whether a shelved alarm may stay so."""
    at = now_us() if now is None else now

    def step(alarm: Entity) -> tuple[Step, Deed]:
        looked: dict[str, Attribute] = {"reviewedAt": prop(iso(at)), "reviewedBy": prop(actor.id)}
        attrs = with_comment(alarm, actor, said, at) | (looked if reviewed else {})
        return Step(said), Deed(attrs, words=said)

    return await act(operations, actor, name, Move.COMMENT, step, at)


async def assign(
    operations: Operations, actor: Actor, name: str, to: str, said: str = "", now: int | None = None
) -> Receipt:
    """Give it to a unit (code), an organisation (46.dien-luc) or a person (user:…). Invalid when there is none."""
    at = now_us() if now is None else now
    there = can_have(operations, to)

    def step(alarm: Entity) -> tuple[Step, Deed]:
        attrs: dict[str, Attribute] = {"assignee": prop(to), "assignedBy": prop(actor.id)}
        return Step(said, known=there), Deed(attrs | with_comment(alarm, actor, said, at), words=said)

    return await act(operations, actor, name, Move.ASSIGN, step, at)


def can_have(operations: Operations, to: str) -> bool:
    """Whether a unit, an organisation or a person of this name can have an alarm."""
    if to.startswith(USER):
        return operations.accounts is not None and _is_active(operations, to.removeprefix(USER))
    if is_organisation(to):
        return find_organisation(operations.hub, to) is not None
    return operations.territory.knows(to)


def _is_active(operations: Operations, user: str) -> bool:
    assert operations.accounts is not None
    try:
        return not user_by_id(operations.accounts, user).disabled
    except Missing:
        return False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one alarm of a chosen group: `problem` is None where it was done."""

    id: str
    problem: DothiError | None = None


async def each(names: Iterable[str], deed: Callable[[str], Awaitable[object]]) -> tuple[Outcome, ...]:
    """Do the same to every chosen alarm: one that another hand took meanwhile stops no other.

    Invalid for none or too many of them.
    """
    chosen = list(dict.fromkeys(names))
    if not 0 < len(chosen) <= CHOSEN_MOST:
        raise Invalid(f"Choose 1 to {CHOSEN_MOST} alarms.", field="alarms")
    found = []
    for name in chosen:
        try:
            await deed(name)
            found.append(Outcome(name))
        except (Conflict, Missing) as refused:
            found.append(Outcome(name, refused))
    return tuple(found)
