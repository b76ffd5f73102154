"""The parts of cooperating units: asked for, accepted or returned inside a limit, done; silence is told and escalated.

A unit speaks for itself: who stands above it neither accepts nor returns in its name. Each part keeps the marks of the
one clock (ground/clocks.py), so that the time it took is charged to who held it.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from dothi.ground.clock import iso, now_us
from dothi.ground.clocks import Limit, Mark, Reading, What, due_by, mark_json, marks_of, read, time_between
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing
from dothi.ground.ids import urn
from dothi.hub.model import Actor, Attribute, Change, Commit, Entity, Op, Timer, json_prop, prop, read_one, rel, system
from dothi.programme.model import OWNER, IllegalMove, Programme, Task, acts_for, readable, task_of
from dothi.programme.tasks.workflow import OPEN as OPEN_TASK
from dothi.programme.tasks.workflow import check_instant

TYPE = "TaskPart"
CONSUMER = "programme"  # Whose timers wait for an answer (following.py).
_MOST = 1000
_SYSTEM = system("programme")


class PartState(StrEnum):
    """Where a part stands."""

    ASKED = "asked"  # The cooperating unit owes an answer.
    ACCEPTED = "accepted"  # The cooperating unit owes the work.
    RETURNED = "returned"  # The lead owes a decision: ask again, or do without.
    DONE = "done"
    WAIVED = "waived"  # The lead does without it.


class Move(StrEnum):
    """What can be done with a part."""

    ACCEPT = "accept"
    RETURN = "return"
    ASK_AGAIN = "ask_again"
    FINISH = "finish"
    WAIVE = "waive"


# (state, move) → (the state that follows, who must speak: the cooperating unit or the side of the lead).
UNIT, LEAD = "unit", "lead"
NEXT: Mapping[tuple[PartState, Move], tuple[PartState, str]] = {
    (PartState.ASKED, Move.ACCEPT): (PartState.ACCEPTED, UNIT),
    (PartState.ASKED, Move.RETURN): (PartState.RETURNED, UNIT),
    (PartState.ACCEPTED, Move.FINISH): (PartState.DONE, UNIT),
    (PartState.RETURNED, Move.ASK_AGAIN): (PartState.ASKED, LEAD),
    (PartState.RETURNED, Move.WAIVE): (PartState.WAIVED, LEAD),
    (PartState.ASKED, Move.WAIVE): (PartState.WAIVED, LEAD),
}
OPEN = frozenset({PartState.ASKED, PartState.ACCEPTED, PartState.RETURNED})


@dataclass(frozen=True)
class Part:
    """A part as it stands. Instants are ISO 8601; `answer_by` is the limit of the answer that is owed now."""

    id: str
    task: str
    title: str
    of: str  # The cooperating unit.
    state: PartState
    assignee: str  # Who owes the next step.
    due: str
    answer_by: str
    reason: str  # Why it was returned, asked again or waived.
    note: str  # What was done.
    silent_at: str | None  # When the limit passed without an answer.
    marks: tuple[Mark, ...]
    version: int


def part_of(entity: Entity) -> Part:
    """The part that an entity holds."""
    value = entity.value
    return Part(
        id=entity.id,
        task=value("task"),
        title=value("title"),
        of=value("of"),
        state=PartState(value("state")),
        assignee=value("assignee"),
        due=value("due"),
        answer_by=value("answerBy"),
        reason=value("reason", ""),
        note=value("note", ""),
        silent_at=value("silentAt") or None,
        marks=marks_of(value("marks", [])),
        version=entity.version,
    )


def part(programme: Programme, actor: Actor, name: str) -> Part:
    """One part; Missing when there is none."""
    entity = programme.hub.get(actor, name)
    if TYPE not in entity.types:
        raise Missing(f"{name} is not a part of a task.")
    return read_one(entity, part_of)


def parts_of(programme: Programme, actor: Actor, task: str) -> list[Part]:
    """The parts of a task, as they were asked for."""
    return list(readable(programme.hub.find(actor, TYPE, f'task=="{task}"', _MOST), part_of))


def asked(
    programme: Programme, task: str, title: str, place: str, unit: str, due: str, now: int
) -> tuple[Change, Timer]:
    """The change that asks a unit for its part of a task, and the clock of its answer."""
    name = urn(TYPE, task.removeprefix("urn:ngsi-ld:Task:"), unit)
    answer_by = _answer_by(programme, unit, now)
    attrs: dict[str, Attribute] = {
        "task": rel(task),
        "title": prop(title),
        "of": prop(unit),
        "unit": prop(place),
        "partDue": prop(iso(check_instant(due))),
        "marks": json_prop([mark_json(Mark(now, What.START, unit, PartState.ASKED))]),
        **_standing(PartState.ASKED, unit, answer_by, answer_by, now),
    }
    return Change(Op.CREATE, name, (TYPE,), attrs), Timer(CONSUMER, name, answer_by)


async def ask(  # A request says all of this.
    programme: Programme, actor: Actor, task: str, unit: str, work: str, due: str = "", now: int | None = None
) -> str:
    """Ask another unit for its part of an open task; returns the part's id. Conflict when it was asked already."""
    at, one = now_us() if now is None else now, _open_task(programme, actor, task)
    if unit == one.lead:
        raise Invalid("The lead cannot cooperate with itself.", field="unit")
    if not work.strip():
        raise Invalid("Say what the unit is to do.", field="work")
    until = due or one.due
    if check_instant(until) > check_instant(one.due):
        raise Invalid("A part cannot be due after its task.", field="due")
    change, timer = asked(programme, one.id, work.strip(), one.units[0], unit, until, at)
    units = [*one.cooperating, *(() if unit in one.cooperating else (unit,))]
    with_task = Change(Op.APPEND, one.id, attrs={"cooperating": prop(units)})
    commit = Commit(actor, (change, with_task), "part asked for", {one.id: one.version}, owner=OWNER, timers=(timer,))
    await programme.hub.commit(commit)
    return change.id


async def move(
    programme: Programme, actor: Actor, name: str, verb: Move, said: str = "", now: int | None = None
) -> None:
    """Accept, return (with a reason), ask again (with a reason), finish (with what was done) or waive (with a reason).

    Forbidden when somebody speaks for a unit that is not his; IllegalMove when it does not fit the state.
    """
    at, one = now_us() if now is None else now, part(programme, actor, name)
    following = NEXT.get((one.state, verb))
    if following is None:
        raise IllegalMove(f"This part is {one.state}: it cannot {verb.value.replace('_', ' ')} any more.")
    state, side = following
    if side == UNIT and not acts_for(actor, one.of):
        raise Forbidden(f"Only {one.of} itself answers for its part; nobody above it does so in its name.")
    if verb is not Move.ACCEPT and not said.strip():
        raise Invalid("Say what was done." if verb is Move.FINISH else "Say why.", field="reason")
    task = _read_task(programme, one.task)
    if side == LEAD and acts_for(actor, one.of) and not acts_for(actor, task.lead):
        raise Forbidden(f"Only the side of the lead ({task.lead}) decides on what was returned.")
    attrs, timer = _moved(programme, one, task, state, said.strip(), at)
    change = Change(Op.APPEND, one.id, attrs=attrs)
    reason = f"part {verb.value.replace('_', ' ')}"
    commit = Commit(actor, (change,), reason, {one.id: one.version}, owner=OWNER, timers=(timer,))
    await programme.hub.commit(commit)


def _moved(
    programme: Programme, one: Part, task: Task, state: PartState, said: str, at: int
) -> tuple[dict[str, Attribute], Timer]:
    """What a move writes, and the clock of the next answer (none where none is owed)."""
    holder = task.lead if state is PartState.RETURNED else one.of
    owes_answer = state in (PartState.ASKED, PartState.RETURNED)
    limit = _answer_by(programme, holder, at) if owes_answer else check_instant(one.answer_by)
    work_due = programme.hub.get(_SYSTEM, one.id).value("partDue", task.due)
    due = limit if owes_answer else check_instant(work_due)
    marks = [*one.marks, *_marks(state, holder, at)]
    attrs = _standing(state, holder, due, limit, at) | {"marks": json_prop([mark_json(mark) for mark in marks])}
    if said:
        attrs["note" if state is PartState.DONE else "reason"] = prop(said)
    return attrs, Timer(CONSUMER, one.id, limit if owes_answer else None)


def _marks(state: PartState, holder: str, at: int) -> tuple[Mark, ...]:
    if state not in OPEN:
        return (Mark(at, What.STOP),)
    return Mark(at, What.HAND, holder), Mark(at, What.STAGE, stage=state)


def _standing(state: PartState, holder: str, due: int, answer_by: int, at: int) -> dict[str, Attribute]:
    return {
        "state": prop(state.value, iso(at)),
        "assignee": prop(holder),
        "due": prop(iso(due)),
        "answerBy": prop(iso(answer_by)),
        "open": prop(state in OPEN),
        "silentAt": prop(""),
    }


def _answer_by(programme: Programme, unit: str, now: int) -> int:
    return due_by(now, Limit(programme.rules_at(unit, now).part_answer_hours), programme.calendar)


def spent(programme: Programme, one: Part, now: int) -> Reading:
    """Working time of a part so far: who held it, and in which step."""
    return read(one.marks, programme.calendar, now)


def charged(programme: Programme, listed: list[Part], now: int) -> dict[str, dict[str, int]]:
    """Working time (µs) by unit and step over the parts of a task: "asked" and "returned" is waiting for that unit."""
    by_unit: dict[str, dict[str, int]] = defaultdict(dict)
    for one in listed:
        holder = stage = ""
        begun: int | None = None
        for mark in (*one.marks, Mark(now, What.STOP)):
            if begun is not None and mark.at > begun and holder:
                time = time_between(begun, mark.at, programme.calendar)
                by_unit[holder][stage] = by_unit[holder].get(stage, 0) + time
            holder, stage = mark.who or holder, mark.stage or stage
            begun = None if mark.what is What.STOP else mark.at
    return dict(by_unit)


def _open_task(programme: Programme, actor: Actor, name: str) -> Task:
    entity = programme.hub.get(actor, name)
    if "Task" not in entity.types:
        raise Missing(f"{name} is not a task.")
    one = task_of(entity)
    if one.state not in OPEN_TASK:
        raise Conflict(f"Task {name} is {one.state}: no part is asked for any more.")
    return one


def _read_task(programme: Programme, name: str) -> Task:
    """The task of a part, read in the module's name: the cooperating unit may lie where it sees the part only."""
    return read_one(programme.hub.get(_SYSTEM, name), task_of)
