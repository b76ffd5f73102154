"""The ledger of deadlines: asked for by who owes, agreed to or refused by another, and both kept for ever.

A unit does not agree with itself: whoever speaks for the lead's unit only asks. Where the lead is the province, above
which there is nobody in the city, another person agrees.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dothi.ground.clock import iso, now_us
from dothi.ground.clocks import Limit, due_by
from dothi.ground.errors import Forbidden, Invalid, Missing
from dothi.ground.ids import urn
from dothi.hub.model import ABSENT, Actor, Attribute, Change, Commit, Entity, Op, json_prop, prop, read_one, rel
from dothi.programme.model import OWNER, IllegalMove, Programme, Task, readable, task_of
from dothi.programme.tasks.workflow import Verb, after, check_instant

TYPE = "ExtensionRequest"


@dataclass(frozen=True)
class Request:
    """What was asked for, and what became of it: state is asked, agreed or refused."""

    id: str
    task: str
    state: str
    from_due: str
    to_due: str
    reason: str
    asked_by: str
    asked_at: str
    unit: str  # Whose deadline it is.
    assignee: str  # Who decides.
    due: str  # Until when it is to be decided.
    decided_by: str
    decided_at: str
    why: str
    version: int


def request_of(entity: Entity) -> Request:
    """The request that an entity holds."""
    value = entity.value
    return Request(
        id=entity.id,
        task=value("task"),
        state=value("state"),
        from_due=value("from"),
        to_due=value("to"),
        reason=value("reason"),
        asked_by=value("askedBy"),
        asked_at=value("askedAt"),
        unit=value("of"),
        assignee=value("assignee"),
        due=value("due"),
        decided_by=value("decidedBy", ""),
        decided_at=value("decidedAt", ""),
        why=value("why", ""),
        version=entity.version,
    )


def request(programme: Programme, actor: Actor, name: str) -> Request:
    """One request; Missing when there is none."""
    entity = programme.hub.get(actor, name)
    if TYPE not in entity.types:
        raise Missing(f"{name} is not a request for another deadline.")
    return read_one(entity, request_of)


def requests_of(programme: Programme, actor: Actor, task: str) -> list[Request]:
    """Every request of a task, oldest first."""
    return list(readable(programme.hub.find(actor, TYPE, f'task=="{task}"'), request_of))


async def ask(programme: Programme, actor: Actor, name: str, due: str, reason: str, now: int | None = None) -> str:
    """Ask for another deadline; returns the request's id. Conflict while one waits to be decided."""
    at, one = now_us() if now is None else now, _task(programme, actor, name)
    agreed = _check(one, due, reason)
    number = len(one.extensions) + len(one.refusals) + 1
    decides = programme.upper(one.lead)
    until = due_by(at, Limit(programme.rules_at(one.lead, at).extension_answer_hours), programme.calendar)
    attrs: dict[str, Attribute] = {
        "task": rel(one.id),
        "title": prop(one.title),
        "state": prop("asked", iso(at)),
        "from": prop(one.due),
        "to": prop(agreed),
        "reason": prop(reason.strip()),
        "askedBy": prop(actor.id),
        "askedAt": prop(iso(at)),
        "of": prop(one.lead),
        "unit": prop(one.units[0]),
        "assignee": prop(decides),
        "due": prop(iso(until)),
        "open": prop(True),
    }
    change = Change(Op.CREATE, urn(TYPE, one.id.removeprefix("urn:ngsi-ld:Task:"), str(number)), (TYPE,), attrs)
    expect = {one.id: one.version, change.id: ABSENT}
    await programme.hub.commit(Commit(actor, (change,), "extension asked for", expect, owner=OWNER))
    return change.id


async def decide(
    programme: Programme, actor: Actor, name: str, agreed: bool, why: str = "", now: int | None = None
) -> None:
    """Agree, or refuse with the reason. Forbidden for who asked, and for who speaks for the asking unit only."""
    at, asked = now_us() if now is None else now, request(programme, actor, name)
    if asked.state != "asked":
        raise IllegalMove(f"This request was {asked.state} already.")
    if not agreed and not why.strip():
        raise Invalid("Say why it is refused.", field="why")
    one = _task(programme, actor, asked.task)
    _check_other_side(programme, actor, one, asked.asked_by)
    entry = {
        "from": one.due,
        "to": asked.to_due,
        "reason": asked.reason,
        "askedBy": asked.asked_by,
        "askedAt": asked.asked_at,
        "by": actor.id,
        "at": iso(at),
        "why": why.strip(),
    }
    told: dict[str, Attribute] = {
        "state": prop("agreed" if agreed else "refused", iso(at)),
        "open": prop(False),
        "why": prop(why.strip()),
    }
    told |= {"decidedBy": prop(actor.id), "decidedAt": prop(iso(at))}
    changes = (Change(Op.APPEND, asked.id, attrs=told), Change(Op.APPEND, one.id, attrs=_entered(one, entry, agreed)))
    reason = why.strip() or ("extension agreed" if agreed else "extension refused")
    expect = {asked.id: asked.version, one.id: one.version}
    await programme.hub.commit(Commit(actor, changes, reason, expect, owner=OWNER))


async def extend(programme: Programme, actor: Actor, name: str, due: str, reason: str, now: int | None = None) -> None:
    """Another side moves the deadline of its own accord; who owes the task is refused and must ask."""
    one = _task(programme, actor, name)
    agreed = _check(one, due, reason)
    _check_other_side(programme, actor, one, "")
    at = iso(now_us() if now is None else now)
    entry = {"from": one.due, "to": agreed, "by": actor.id, "reason": reason.strip(), "at": at}
    change = Change(Op.APPEND, one.id, attrs=_entered(one, entry, agreed=True))
    await programme.hub.commit(Commit(actor, (change,), reason, {one.id: one.version}, owner=OWNER))


def may_decide(programme: Programme, actor: Actor, one: Task, asked_by: str = "") -> bool:
    """Whether somebody may agree to another deadline of a task."""
    try:
        _check_other_side(programme, actor, one, asked_by)
    except Forbidden:
        return False
    return True


def on_time(listed: Iterable[Task]) -> dict[str, int]:
    """Of the tasks done: how many, and how many by their first deadline and by the agreed one."""
    done = [one for one in listed if one.done_at]
    first = sum(check_instant(str(one.done_at)) <= check_instant(one.original_due) for one in done)
    agreed = sum(check_instant(str(one.done_at)) <= check_instant(one.due) for one in done)
    return {"done": len(done), "by_first": first, "by_agreed": agreed}


def _task(programme: Programme, actor: Actor, name: str) -> Task:
    entity = programme.hub.get(actor, name)
    if "Task" not in entity.types:
        raise Missing(f"{name} is not a task.")
    one = task_of(entity)
    after(one, Verb.EXTEND)
    return one


def _check(one: Task, due: str, reason: str) -> str:
    if not reason.strip():
        raise Invalid("An extension needs its reason.", field="reason")
    agreed = iso(check_instant(due))
    if agreed == one.due:
        raise Invalid("The new deadline is the one agreed already.", field="due")
    return agreed


def _check_other_side(programme: Programme, actor: Actor, one: Task, asked_by: str) -> None:
    """Forbidden when a unit would agree with itself."""
    if asked_by and asked_by == actor.id:
        raise Forbidden("Who asks for another deadline does not agree to it: another person decides.")
    on_top = programme.upper(one.lead) == one.lead
    if actor.areas and actor.areas <= {one.lead} and not (on_top and asked_by):
        raise Forbidden(
            f"{one.lead} owes this task and cannot agree with itself: ask for the extension, another side decides.",
            use="POST /api/tasks/{id}/extension",
        )


def _entered(one: Task, entry: Mapping[str, Any], agreed: bool) -> dict[str, Attribute]:
    if not agreed:
        return {"refusals": json_prop([*one.refusals, entry])}
    return {"due": prop(entry["to"]), "moved": prop(True), "extensions": json_prop([*one.extensions, entry])}
