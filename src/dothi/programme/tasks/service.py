"""The verbs on tasks and proposals: issue, report progress, extend, finish with evidence, drop, accept, decline."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

from dothi.ground.clock import iso, now_us
from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.ground.ids import urn
from dothi.hub.model import ABSENT, Actor, Attribute, Change, Commit, Entity, Op, geo, json_prop, prop, rel, system
from dothi.programme.model import (
    INSTEAD,
    OWNER,
    PROPOSALS,
    Evidence,
    NewTask,
    Programme,
    State,
    Task,
    readable,
    several,
    task_of,
)
from dothi.programme.tasks.workflow import Verb, after, check_clear, check_instant

_LISTED = ("assignee", "due", "open", "state", "lead", "unit", "legalBasis")
_MOST = 10_000  # Tasks of one list: many times what a province issues in a year.
_PUBLISHER = system("programme")
_DECIDED = {"accepted", "declined"}


def own(programme: Programme) -> None:
    """Guard the types of the programme and declare what their lists ask for. Once, when the parts are put together."""
    programme.hub.own(OWNER, INSTEAD)
    programme.hub.own(PROPOSALS, {"Proposal": "POST /api/proposals/{id}/accept or /decline (modules propose)"})
    programme.hub.index("Task", *_LISTED)
    programme.hub.index("Proposal", "state", "unit")


async def issue_task(
    programme: Programme, actor: Actor, new: NewTask, key: str | None = None, now: int | None = None
) -> str:
    """Issue a task that is clear in all five; returns its id. `key` makes a repeat harmless."""
    change = _issue(programme, new, now_us() if now is None else now)
    await programme.hub.commit(Commit(actor, (change,), "task issued", key=key, owner=OWNER))
    return change.id


def _issue(programme: Programme, new: NewTask, now: int) -> Change:
    check_clear(new)
    due = iso(check_instant(new.due))
    attrs: dict[str, Attribute] = {
        "title": prop(new.title.strip()),
        "state": prop(State.ASSIGNED.value, iso(now)),
        "lead": prop(new.lead),
        "assignee": prop(new.lead),
        "originalDue": prop(due),
        "due": prop(due),
        "open": prop(True),
        "output": prop(new.output.strip()),
        "unit": prop(new.units[0]),
        "units": prop(list(new.units)),
        "progress": prop(0, iso(now)),
        "simulated": prop(new.simulated),
    }
    several_of = {"indicators": new.indicators, "sources": new.sources}
    attrs |= {name: rel(list(targets)) for name, targets in several_of.items() if targets}
    if new.cooperating:
        attrs["cooperating"] = prop(list(new.cooperating))
    if new.legal_basis:
        attrs["legalBasis"] = rel(new.legal_basis)
    if new.location:
        attrs["location"] = geo(new.location)
    return Change(Op.CREATE, urn("Task"), ("Task",), attrs)


def task(programme: Programme, actor: Actor, name: str) -> Task:
    """One task; Missing when there is none."""
    entity = programme.hub.get(actor, name)
    if "Task" not in entity.types:
        raise Missing(f"{name} is not a task.")
    return task_of(entity)


def tasks(programme: Programme, actor: Actor, q: str = "") -> list[Task]:
    """Tasks that `actor` may see, the soonest due first."""
    return list(readable(programme.hub.find(actor, "Task", q, _MOST, order=("due",)), task_of))


def promises(programme: Programme) -> list[Task]:
    """Every task, as the city owes them to the public: read in the module's name, to be shown without who acted."""
    return tasks(programme, _PUBLISHER)


def is_late(one: Task, now: int) -> tuple[bool, bool]:
    """(late by the first deadline, late by the agreed one), by when it was done or by `now`."""
    at = check_instant(one.done_at) if one.done_at else now
    return at > check_instant(one.original_due), at > check_instant(one.due)


async def report_progress(programme: Programme, actor: Actor, name: str, percent: int, note: str) -> None:
    """Say how far it is, in percent and words."""
    if not 0 <= percent <= 100:
        raise Invalid(f"Progress is 0 to 100 percent, not {percent}.")
    one = task(programme, actor, name)
    state = after(one, Verb.PROGRESS)
    await _amend(programme, actor, one, note, state=prop(state.value), progress=prop(percent), note=prop(note))


async def extend(programme: Programme, actor: Actor, name: str, due: str, reason: str, now: int | None = None) -> None:
    """Agree on another deadline: the first one stays, each extension is kept with who agreed and why."""
    one = task(programme, actor, name)
    after(one, Verb.EXTEND)
    if not reason.strip():
        raise Invalid("An extension needs its reason.")
    agreed = iso(check_instant(due))
    if agreed == one.due:
        raise Invalid("The new deadline is the one agreed already.")
    at = iso(now_us() if now is None else now)
    ledger = [*one.extensions, {"from": one.due, "to": agreed, "by": actor.id, "reason": reason.strip(), "at": at}]
    await _amend(programme, actor, one, reason, due=prop(agreed), extensions=json_prop(ledger))


async def finish(
    programme: Programme, actor: Actor, name: str, note: str, evidence: tuple[Evidence, ...], now: int | None = None
) -> None:
    """Done, shown by evidence: without a file that shows the output there is no "done"."""
    one = task(programme, actor, name)
    state = after(one, Verb.FINISH)
    if not evidence:
        raise Invalid(f"A task is done when its output is shown: attach evidence of “{one.output}”.")
    for shown in evidence:
        programme.hub.read_file(shown.sha256)
    kept = [{"sha256": e.sha256, "name": e.name, "media_type": e.media_type} for e in (*one.evidence, *evidence)]
    at = iso(now_us() if now is None else now)
    await _amend(
        programme,
        actor,
        one,
        note,
        state=prop(state.value, at),
        open=prop(False),
        progress=prop(100),
        note=prop(note),
        evidence=json_prop(kept),
        doneAt=prop(at),
    )


async def drop(programme: Programme, actor: Actor, name: str, reason: str) -> None:
    """Give a task up, with the reason that the public will read."""
    one = task(programme, actor, name)
    state = after(one, Verb.DROP)
    if not reason.strip():
        raise Invalid("Dropping a task needs its reason.")
    await _amend(programme, actor, one, reason, state=prop(state.value), open=prop(False), note=prop(reason.strip()))


async def _amend(programme: Programme, actor: Actor, one: Task, reason: str, **attrs: Attribute) -> None:
    change = Change(Op.APPEND, one.id, attrs=attrs)
    await programme.hub.commit(Commit(actor, (change,), reason, expect={one.id: one.version}, owner=OWNER))


def proposals(programme: Programme, actor: Actor) -> list[Entity]:
    """What other modules propose and nobody has decided, the newest first."""
    return list(programme.hub.find(actor, "Proposal", 'state=="proposed"', order=("-createdAt",)).entities)


async def accept(programme: Programme, actor: Actor, name: str, new: NewTask, now: int | None = None) -> str:
    """A person makes a task of a proposal; returns the task's id. Both change in one commit per owner, task first.

    The task carries the proposal and its sources, so that the walk from it leads back to each report.
    """
    proposal = _undecided(programme, actor, name)
    sources = (name, *several(proposal.value("sources")))
    place = proposal.value("location")
    whole = replace(new, sources=(*new.sources, *sources), location=new.location or place)
    task_id = urn("Task", "proposal", name.removeprefix("urn:ngsi-ld:").replace(":", "-"))
    change = replace_id(_issue(programme, whole, now_us() if now is None else now), task_id)
    with suppress(Conflict):  # A first try issued the task and stopped before it marked the proposal.
        await programme.hub.commit(
            Commit(actor, (change,), "task from a proposal", expect={task_id: ABSENT}, owner=OWNER)
        )
    await _decide(programme, actor, proposal, "accepted", "", task=rel(task_id))
    return task_id


async def decline(programme: Programme, actor: Actor, name: str, reason: str) -> None:
    """A person says no to a proposal, with the reason."""
    if not reason.strip():
        raise Invalid("Declining a proposal needs its reason.")
    await _decide(programme, actor, _undecided(programme, actor, name), "declined", reason.strip())


def _undecided(programme: Programme, actor: Actor, name: str) -> Entity:
    proposal = programme.hub.get(actor, name)
    if "Proposal" not in proposal.types:
        raise Missing(f"{name} is not a proposal.")
    if proposal.value("state") in _DECIDED:
        raise Conflict(f"This proposal was {proposal.value('state')} already.")
    return proposal


async def _decide(programme: Programme, actor: Actor, proposal: Entity, state: str, reason: str, **more: Any) -> None:
    attrs: dict[str, Attribute] = {"state": prop(state), "decidedBy": prop(actor.id), "reason": prop(reason), **more}
    change = Change(Op.APPEND, proposal.id, attrs=attrs)
    await programme.hub.commit(
        Commit(actor, (change,), reason or f"proposal {state}", expect={proposal.id: proposal.version}, owner=PROPOSALS)
    )


def replace_id(change: Change, entity_id: str) -> Change:
    """The same change of another entity."""
    return Change(change.op, entity_id, change.types, change.attrs)
