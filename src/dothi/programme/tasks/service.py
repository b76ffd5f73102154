"""The verbs on tasks and proposals: issue, report progress, finish with evidence, drop, accept, decline."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NamedTuple

from dothi.ground import geometry
from dothi.ground.clock import iso, now_us
from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.ground.ids import urn
from dothi.hub.model import (
    ABSENT,
    Actor,
    Attribute,
    Change,
    Commit,
    Entity,
    Op,
    Timer,
    geo,
    prop,
    read_one,
    rel,
    system,
)
from dothi.programme.model import (
    INSTEAD,
    LEVELS,
    OWNER,
    PROPOSALS,
    Evidence,
    NewTask,
    Programme,
    State,
    Task,
    level_of,
    readable,
    several,
    task_of,
)
from dothi.programme.tasks import parts, proofs
from dothi.programme.tasks.workflow import Verb, after, check_clear, check_day, check_instant

_LISTED = (
    "assignee",
    "due",
    "open",
    "state",
    "lead",
    "unit",
    "legalBasis",
    "plan",
    "project",
    "doneAt",
    "moved",
    "keptFirst",
    "keptAgreed",
)
_INDEXED: Mapping[str, tuple[str, ...]] = {
    "Task": _LISTED,
    "Proposal": ("state", "unit"),
    "TaskPart": ("assignee", "due", "open", "task", "state", "of", "unit"),
    "ExtensionRequest": ("assignee", "due", "open", "task", "state", "unit"),
    "Bottleneck": ("assignee", "due", "open", "task", "kind", "unit"),
    "EvidenceFile": ("unit", "kind"),
    "Scheme": ("assignee", "due", "open", "unit", "state", "parent"),
    "SchemeTarget": ("unit", "scheme", "indicator"),
    "Plan": ("assignee", "due", "open", "unit", "state", "scheme"),
    "Project": ("unit", "plan", "state"),
}
_MOST = 10_000  # Tasks of one list: many times what a province issues in a year.
_PUBLISHER = system("programme")
_DECIDED = {"accepted", "declined"}


def own(programme: Programme) -> None:
    """Guard the types of the programme and declare what their lists ask for. Once, when the parts are put together."""
    programme.hub.own(OWNER, INSTEAD)
    programme.hub.own(PROPOSALS, {"Proposal": "POST /api/proposals/{id}/accept or /decline (modules propose)"})
    for kind, names in _INDEXED.items():
        programme.hub.index(kind, *names)


async def issue_task(
    programme: Programme, actor: Actor, new: NewTask, key: str | None = None, now: int | None = None
) -> str:
    """Issue a task that is clear in all five, and ask each cooperating unit for its part; returns its id.

    `key` makes a repeat harmless: the id is that of the first try.
    """
    issued = _issue(programme, actor, new, now_us() if now is None else now, urn("Task"))
    commit = Commit(actor, issued.changes, "task issued", key=key, owner=OWNER, timers=issued.timers)
    receipt = await programme.hub.commit(commit)
    return next(one.id for one in receipt.results if one.id.startswith("urn:ngsi-ld:Task:"))


async def issue_tasks(
    programme: Programme,
    actor: Actor,
    many: Sequence[tuple[str, NewTask]],
    reason: str,
    beside: tuple[Change, ...] = (),
    expect: Mapping[str, int] = MappingProxyType({}),
    now: int | None = None,
) -> None:
    """Issue several tasks under ids of the caller's, together with changes `beside` them: all in one commit, or none.

    Conflict when one of the ids is there already or `expect` is not met.
    """
    at = now_us() if now is None else now
    issued = [_issue(programme, actor, new, at, name) for name, new in many]
    changes = (*(change for one in issued for change in one.changes), *beside)
    timers = tuple(timer for one in issued for timer in one.timers)
    wanted = {**expect, **{name: ABSENT for name, _ in many}}
    await programme.hub.commit(Commit(actor, changes, reason, expect=wanted, owner=OWNER, timers=timers))


class Issued(NamedTuple):
    """What a new task writes: itself and the parts asked for, with the clocks of their limits."""

    changes: tuple[Change, ...]
    timers: tuple[Timer, ...]


def _issue(programme: Programme, actor: Actor, new: NewTask, now: int, name: str) -> Issued:
    check_clear(new)
    _check_sense(programme, new)
    for one in new.depends_on:
        task(programme, actor, one)
    changes, timers = [Change(Op.CREATE, name, _types(new), _attributes(new, now))], []
    for unit in dict.fromkeys(new.cooperating):
        change, timer = parts.asked(programme, name, new.title.strip(), new.units[0], unit, new.due, now)
        changes.append(change)
        timers.append(timer)
    return Issued(tuple(changes), tuple(timers))


def _types(new: NewTask) -> tuple[str, ...]:
    return ("Task", "Solution") if new.solution else ("Task",)


def _check_sense(programme: Programme, new: NewTask) -> None:
    """Invalid when what is said cannot be: a unit that cooperates with itself, an end before the beginning."""
    programme.rules_at(new.lead).evidence_kind(new.evidence_kind)
    if new.lead in new.cooperating:
        raise Invalid(f"{new.lead} leads already: it cannot cooperate with itself.", field="cooperating")
    if new.level and new.level not in LEVELS:
        raise Invalid(f"“{new.level[:20]}” is no level; there are {', '.join(LEVELS)}.", field="level")
    if new.level == LEVELS[1] and level_of(new.lead) == LEVELS[0]:
        raise Invalid("A commune's own task is led by a commune.", field="level")
    if new.location is not None:
        geometry.check(new.location, "location")
    if new.starts and check_day(new.starts, "starts") > check_instant(new.due):
        raise Invalid("A task cannot be due before it starts.", field="starts")


def _attributes(new: NewTask, now: int) -> dict[str, Attribute]:
    due = iso(check_instant(new.due))
    attrs: dict[str, Attribute] = {
        "title": prop(new.title.strip()),
        "state": prop(State.ASSIGNED.value, iso(now)),
        "lead": prop(new.lead),
        "assignee": prop(new.lead),
        "responsible": prop(new.responsible.strip()),
        "originalDue": prop(due),
        "due": prop(due),
        "open": prop(True),
        "starts": prop(iso(check_day(new.starts, "starts")) if new.starts else iso(now)),
        "output": prop(new.output.strip()),
        "evidenceKind": prop(new.evidence_kind),
        "level": prop(new.level or level_of(new.lead)),
        "unit": prop(new.units[0]),
        "units": prop(list(new.units)),
        "progress": prop(0, iso(now)),
        "moved": prop(False),
        "simulated": prop(new.simulated),
    }
    several_of = {
        "indicators": new.indicators,
        "sources": new.sources,
        "targets": new.targets,
        "dependsOn": new.depends_on,
    }
    attrs |= {name: rel(list(targets)) for name, targets in several_of.items() if targets}
    one_of = {"legalBasis": new.legal_basis, "plan": new.plan, "project": new.project}
    attrs |= {name: rel(target) for name, target in one_of.items() if target}
    if new.cooperating:
        attrs["cooperating"] = prop(list(new.cooperating))
    if new.location:
        attrs["location"] = geo(new.location)
    return attrs


def task(programme: Programme, actor: Actor, name: str) -> Task:
    """One task; Missing when there is none."""
    entity = programme.hub.get(actor, name)
    if "Task" not in entity.types:
        raise Missing(f"{name} is not a task.")
    return read_one(entity, task_of)


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
    await amend_task(programme, actor, one, note, state=prop(state.value), progress=prop(percent), note=prop(note))


async def finish(
    programme: Programme,
    actor: Actor,
    name: str,
    note: str,
    evidence: tuple[Evidence, ...],
    now: int | None = None,
    known: tuple[str, ...] = (),
) -> None:
    """Done, shown by evidence: files that came now, and ids of evidence files that are kept already.

    Invalid without a file of the kind that the task asks for, or with one that holds no longer.
    """
    one = task(programme, actor, name)
    state = after(one, Verb.FINISH)
    at = now_us() if now is None else now
    shown = (*evidence, *(proofs.evidence_of(programme.hub.get(actor, file)) for file in known))
    proofs.check_shows(programme, one, shown, at)
    kept, changes, expect = proofs.attached(programme, actor, one, shown, at)
    done: dict[str, Attribute] = {
        "state": prop(state.value, iso(at)),
        "open": prop(False),
        "progress": prop(100),
        "note": prop(note),
        "doneAt": prop(iso(at)),
        "keptFirst": prop(at <= check_instant(one.original_due)),
        "keptAgreed": prop(at <= check_instant(one.due)),
    }
    whole = (Change(Op.APPEND, one.id, attrs=kept | done), *changes)
    expect[one.id] = one.version
    await programme.hub.commit(Commit(actor, whole, note or "task finished", expect=expect, owner=OWNER))


async def drop(programme: Programme, actor: Actor, name: str, reason: str) -> None:
    """Give a task up, with the reason that the public will read."""
    one = task(programme, actor, name)
    state = after(one, Verb.DROP)
    if not reason.strip():
        raise Invalid("Dropping a task needs its reason.")
    attrs = {"state": prop(state.value), "open": prop(False), "note": prop(reason.strip())}
    await amend_task(programme, actor, one, reason, **attrs)


async def amend_task(programme: Programme, actor: Actor, one: Task, reason: str, **attrs: Attribute) -> None:
    """Write attributes of a task as it was read; Conflict when somebody was faster."""
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
    issued = _issue(programme, actor, whole, now_us() if now is None else now, task_id)
    commit = Commit(
        actor, issued.changes, "task from a proposal", expect={task_id: ABSENT}, owner=OWNER, timers=issued.timers
    )
    with suppress(Conflict):  # A first try issued the task and stopped before it marked the proposal.
        await programme.hub.commit(commit)
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
