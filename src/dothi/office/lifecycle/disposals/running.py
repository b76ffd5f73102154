"""An approved disposal is carried out in bounded steps, each of which goes on where a killed process stopped.

A step first writes down what it is about to end (step, things), then ends it, then writes down what went: counts,
bytes, a hash over the content. Only then the content is taken out of the log, where it lay until now. Done again after
a crash, each part changes nothing that was done already. At the end stands a record that nobody may change.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from dothi.ground.clock import from_iso, iso, now_us
from dothi.ground.errors import Conflict, Missing
from dothi.ground.ids import urn
from dothi.hub.language.nodes import EventQuery
from dothi.hub.model import (
    Actor,
    Attribute,
    Change,
    Commit,
    Disposal,
    Entity,
    Op,
    Post,
    amend,
    create,
    json_prop,
    prop,
    rel,
)
from dothi.hub.peers.ending import Taken, look_at, scrub, take_out, thin
from dothi.hub.vocabulary import NOUNS
from dothi.office.lifecycle.disposals.archiving import Package, event_line, open_package
from dothi.office.lifecycle.disposals.due import Due, Past, Policies, history_ends, lanes, things
from dothi.office.lifecycle.disposals.files import digests_in, forget_unused, joined, parted
from dothi.office.lifecycle.disposals.proposing import one_proposal, within
from dothi.office.lifecycle.holds import demand_keeper, held_now
from dothi.office.lifecycle.model import OWNER, RECORD, SYSTEM, LifeCycle, Proposal, Record, State, record_of

STEP = 100  # Things ended in one step.
ROWS = 1000  # Commits thinned in one step.
EVENTS = 10_000  # Events of one lane ended in one step.
_NONE: dict[str, Any] = {"things": 0, "entries": 0, "events": 0, "files": 0, "bytes": 0, "held": 0, "digest": ""}


async def run(life: LifeCycle, actor: Actor, name: str, now: int | None = None) -> Record:
    """Carry out an approved proposal, or go on with one that was interrupted; returns its record.

    Conflict when nobody has approved it. It may be called again at any time: what was done is not done twice.
    """
    demand_keeper(actor)
    one = one_proposal(life, name)
    if one.state is State.DONE:
        return record(life, one.record)
    if one.state not in (State.APPROVED, State.RUNNING):
        raise Conflict(f"This proposal is {one.state.value}: it must be approved by another person first.")
    if one.state is State.APPROVED:
        began = {**_NONE, "beganAt": iso(now or now_us()), "after": 0, "last": life.hub.last_seq(), "runBy": actor.id}
        one = await _note(life, one, "disposal begun", state=prop(State.RUNNING.value), taken=json_prop(began))
    package = open_package(life, one) if one.then == "archive" else None
    one = await _things(life, one, package)
    one = await _history(life, one, package)
    one = await _events(life, one, package)
    return await _end(life, one, package, now or now_us())


def record(life: LifeCycle, name: str) -> Record:
    """One record; Missing when there is none."""
    entity = life.hub.get(SYSTEM, name)
    if RECORD not in entity.types:
        raise Missing(f"{name} is no record of a disposal.")
    return record_of(entity)


async def _note(life: LifeCycle, one: Proposal, reason: str, **attrs: Attribute) -> Proposal:
    """Write down how far it is."""
    await life.hub.commit(Commit(SYSTEM, (amend(one.id, **attrs),), reason, {one.id: one.version}, owner=OWNER))
    return one_proposal(life, one.id)


async def _things(life: LifeCycle, one: Proposal, package: Package | None) -> Proposal:
    if one.pending:
        one = await _finish(life, one)
    while batch := _next(life, one):
        if package is not None:
            package.keep_things(life.hub, one.step + 1, [due.entity for due in batch])
        ids = [due.entity.id for due in batch]
        one = await _note(
            life, one, "disposal: step", step=prop(one.step + 1), pending=json_prop(ids), counted=prop(False)
        )
        one = await _finish(life, one)
    return one


def _due(life: LifeCycle, one: Proposal) -> Iterable[Due]:
    """What the proposal means and is still there."""
    policies, codes = Policies(life, from_iso(one.as_of)), within(life, one.unit)
    found = things(life, policies, held_now(life), one.data_class)
    return (due for due in found if (codes is None or due.unit in codes) and due.data_class.then == one.then)


def _next(life: LifeCycle, one: Proposal) -> list[Due]:
    batch: list[Due] = []
    for due in _due(life, one):
        if not due.holds and not due.tenant:
            batch.append(due)
        if len(batch) == STEP:
            break
    return batch


async def _finish(life: LifeCycle, one: Proposal) -> Proposal:
    """End the things that the step wrote down, count what went, take it out of the log."""
    still = {due.entity.id: due.entity for due in _due(life, one) if not due.holds and due.entity.id in one.pending}
    await _delete(life, one, still.values())
    if not life.hub.get(SYSTEM, one.id).value("counted", False):
        gone = await take_out(life.hub, one.pending, only_look=True)
        taken = _more(one, gone.taken, things=len(gone.ids))
        taken["candidates"] = sorted({*one.taken.get("candidates", ()), *parted(digests_in(gone.bodies))})
        one = await _note(life, one, "disposal: counted", taken=json_prop(taken), counted=prop(True))
    await take_out(life.hub, one.pending)
    await _forget_parcels(life, one.pending)
    return await _note(life, one, "disposal: step done", pending=json_prop([]))


async def _delete(life: LifeCycle, one: Proposal, entities: Iterable[Entity]) -> None:
    by_owner: dict[str | None, list[Entity]] = defaultdict(list)
    for entity in entities:
        by_owner[owner_of(entity)].append(entity)
    for owner, some in by_owner.items():
        for entity in some:
            ending = (Change(Op.DELETE, entity.id), Change(Op.ERASE, entity.id))
            expect = {entity.id: entity.version}
            try:
                await life.hub.commit(Commit(SYSTEM, ending, f"disposed of by {one.id}", expect, owner=owner))
            except Conflict:
                continue  # It was changed this moment: it is looked at again in a later run.


def owner_of(entity: Entity) -> str | None:
    """The capability with which entities of its types are written."""
    return next((NOUNS[kind].owner for kind in entity.types if kind in NOUNS and NOUNS[kind].owner), None)


def _more(one: Proposal, went: Taken, **counts: int) -> dict[str, Any]:
    """The tally of a proposal with what went in a step."""
    taken = {**_NONE, **one.taken}
    whole = Taken(0, taken["entries"], taken["bytes"], taken["digest"]) + went if went.digest else None
    if whole is not None:
        taken |= {"entries": whole.entries, "bytes": whole.bytes, "digest": whole.digest}
    return {**taken, **{name: taken[name] + count for name, count in counts.items()}}


async def _forget_parcels(life: LifeCycle, ids: Sequence[str]) -> None:
    """What waits to be told to others about these things is not told any more."""
    await forget_parcels(life, [name.encode() for name in ids])


async def forget_parcels(life: LifeCycle, traces: Sequence[bytes]) -> int:
    """Forget the letters to others that hold one of these byte strings; returns how many."""
    from_queues: list[int] = []
    for queue in life.hub.outbox().counts:
        for dead in (False, True):
            after = 0
            while some := life.hub.parcels(queue, dead, after, ROWS):
                after = some[-1].number
                from_queues += [one.number for one in some if any(trace in one.body for trace in traces)]
    if from_queues:
        await life.hub.commit(Commit(SYSTEM, (), "letters forgotten", post=Post(gone=tuple(from_queues))))
    return len(from_queues)


async def _history(life: LifeCycle, one: Proposal, package: Package | None) -> Proposal:
    """Thin the log of what is over by the class, slice by slice."""
    policies = Policies(life, from_iso(one.as_of))
    until = history_ends(policies)
    past = Past(policies, held_now(life), one.data_class, within(life, one.unit))
    while until:
        after = int(one.taken.get("after", 0))
        part = await look_at(life.hub, after, until, ROWS, past.chosen)
        if part.upto == after or after >= one.taken.get("last", 0):
            break  # What was committed since the run began is none of its business.
        if part.taken.entries and one.taken.get("noted", 0) < part.upto:
            if package is not None:
                package.keep_entries(part.upto, part.bodies)
            noted = {**_more(one, part.taken), "noted": part.upto}
            one = await _note(life, one, "disposal: counted", taken=json_prop(noted))
        if part.taken.entries:
            await thin(life.hub, after, part.upto, ROWS, past.chosen)
        one = await _note(life, one, "disposal: step done", taken=json_prop({**one.taken, "after": part.upto}))
    return one


async def _events(life: LifeCycle, one: Proposal, package: Package | None) -> Proposal:
    """End the events of lanes, lane by lane, the oldest first."""
    policies, held, codes = Policies(life, from_iso(one.as_of)), held_now(life), within(life, one.unit)
    for data_class, unit, entity, until in lanes(life, policies, one.data_class):
        if held.on(entity) or data_class.then != one.then or not (codes is None or unit in codes):
            continue
        while events := life.hub.events(SYSTEM, entity.id, EventQuery(end=until, limit=EVENTS)):
            oldest = min(event.at for event in events)
            ends = until if len(events) < EVENTS else (oldest + until) // 2 + 1
            some = life.hub.events(SYSTEM, entity.id, EventQuery(end=ends, limit=EVENTS))
            lines = [event_line(event) for event in some]
            if package is not None:
                package.keep_events(f"{entity.id}|{ends}", lines)
            size = sum(map(len, lines))
            digest = hashlib.sha256(b"".join(hashlib.sha256(line).digest() for line in lines)).hexdigest()
            tally = _more(one, Taken(0, 0, size, digest), events=len(some))
            change = amend(one.id, taken=json_prop(tally))
            await life.hub.commit(Commit(SYSTEM, (change,), "disposal: counted", {one.id: one.version}, owner=OWNER))
            ending = Commit(
                SYSTEM, (), f"disposed of by {one.id}", disposals=(Disposal(entity.id, ends, ends),),
                owner=owner_of(entity),
            )  # fmt: skip
            await life.hub.commit(ending)
            one = one_proposal(life, one.id)
    return one


async def _end(life: LifeCycle, one: Proposal, package: Package | None, at: int) -> Record:
    """Files that nothing names any more, the bytes left in the store, and the record."""
    files, size = await forget_unused(life, joined(one.taken.get("candidates", ())), package)
    await scrub(life.hub)
    place, manifest = package.close(one) if package is not None else ("", "")
    policies = Policies(life, from_iso(one.as_of))
    data_class = policies.one(one.data_class, one.unit)
    taken = {**_NONE, **one.taken}
    held = sum(1 for due in _due(life, one) if due.holds)
    name = urn(RECORD, one.id.rpartition(":")[2])
    told: dict[str, Any] = {
        **{"dataClass": one.data_class, "unit": one.unit, "then": one.then, "asOf": one.as_of},
        **{key: taken[key] for key in ("things", "entries", "events", "digest")},
        **{"files": files, "bytes": taken["bytes"] + size, "held": held},
        **{"rules": list(policies.sets(one.unit)), "basis": list(data_class.basis if data_class else ())},
        **{"proposedBy": one.proposed_by, "approvedBy": one.decided_by, "runBy": taken.get("runBy", "")},
        **{"proposedAt": one.proposed_at, "approvedAt": one.decided_at, "beganAt": taken.get("beganAt", "")},
        **{"endedAt": iso(at), "package": place, "manifest": manifest, "reason": one.reason},
    }
    ended = create(name, RECORD, proposal=rel(one.id), **{key: prop(value) for key, value in told.items()})
    closed = amend(one.id, state=prop(State.DONE.value), open=prop(False), record=rel(name), pending=json_prop([]))
    await life.hub.commit(Commit(SYSTEM, (ended, closed), "disposal done", {one.id: one.version}, owner=OWNER))
    return record(life, name)
