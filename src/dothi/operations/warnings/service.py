"""The verbs on warnings: one person writes, another releases; each release is one commit with its CAP 1.2 file.

Every verb takes the version that was seen: what somebody else changed meanwhile is a Conflict, never overwritten.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dothi.accounts.policy import roles_of
from dothi.ground.clock import HOUR, MINUTE, SECOND, from_iso, iso, now_us
from dothi.ground.errors import Conflict, DothiError, Invalid, Missing
from dothi.ground.ids import urn
from dothi.hub.model import ABSENT, Actor, Attribute, Change, Commit, Op, Timer, amend, prop, read_one, readable
from dothi.operations.model import OWNER, Operations
from dothi.operations.warnings import workflow
from dothi.operations.warnings.areas import reach_of, touched
from dothi.operations.warnings.bulletins import bulletin, covers, lapse
from dothi.operations.warnings.cap.making import Speaker, identifier_of, make_cap, reference_of, sender_of
from dothi.operations.warnings.drafting import TEXT_MOST, attributes, demand_writer, drafted
from dothi.operations.warnings.model import (
    BULLETIN,
    CONSUMER,
    INDEXED,
    SYSTEM,
    TYPE,
    WAITING,
    Bulletin,
    Certainty,
    Draft,
    Kind,
    NoSuchWarning,
    State,
    Urgency,
    Warning,
    warning_of,
)
from dothi.operations.warnings.rules import Rules, rules_at
from dothi.operations.warnings.workflow import BY_CLOCK, FOLLOWED, Step

TICK_S = 1.0
DRAFT_WITHIN = 4 * HOUR  # A draft is finished or dropped: it does not lie about.
ENDING = {  # The codes of CAP 1.2 of a message that ends a warning.
    Kind.CANCEL: (Urgency.PAST, Certainty.UNLIKELY),
    Kind.ALL_CLEAR: (Urgency.PAST, Certainty.OBSERVED),
}
_MOST = 1000


def declare(operations: Operations) -> None:
    """Say what the lists of warnings and bulletins ask for. Once, when the parts are put together."""
    for kind, names in INDEXED.items():
        operations.hub.index(kind, *names)


def warning(operations: Operations, actor: Actor, name: str) -> Warning:
    """One warning as `actor` may read it. NoSuchWarning otherwise."""
    try:
        return read_one(operations.hub.get(actor, name), warning_of)
    except Missing as cause:
        raise NoSuchWarning(f"There is no warning {name[:100]}, or you may not see it.") from cause


def listed(operations: Operations, actor: Actor, q: str, **options: Any) -> list[Warning]:
    """The warnings that a query finds."""
    return list(readable(operations.hub.find(actor, TYPE, q, limit=_MOST, **options), warning_of))


def warnings_out(operations: Operations, actor: Actor, now: int | None = None) -> list[Warning]:
    """What warns people now, the one that ends first on top."""
    at = now_us() if now is None else now
    found = listed(operations, actor, 'state=="released"')
    return sorted((one for one in found if one.out(at)), key=lambda one: one.expires)


def waiting(operations: Operations, actor: Actor) -> list[Warning]:
    """Drafts, those that wait for a second person first, the longest waiting on top."""
    found = listed(operations, actor, 'state=="submitted","draft"')
    return sorted(found, key=lambda one: (one.state is not State.SUBMITTED, one.due, one.id))


def ended(operations: Operations, actor: Actor, limit: int = 50) -> list[Warning]:
    """What was out and is not any more, the latest first."""
    q = 'state=="updated","cancelled","cleared","expired"'
    return list(readable(operations.hub.find(actor, TYPE, q, limit=limit, order=("-expires",)), warning_of))


def thread_of(operations: Operations, actor: Actor, thread: str) -> list[Warning]:
    """All messages of one warning, in the order in which they were released, drafts last."""
    found = listed(operations, actor, f'thread=="{thread}"')
    return sorted(found, key=lambda one: (not one.sent, one.sent, one.id))


def cap_file(operations: Operations, found: Warning) -> bytes:
    """The CAP 1.2 file that went out. Missing while there is none."""
    if not found.cap:
        raise Missing("This warning was not released, so there is no CAP file.")
    return operations.hub.read_file(found.cap)


async def write(
    operations: Operations, actor: Actor, draft: Draft, now: int | None = None, key: str | None = None
) -> Warning:
    """A new draft, which is nobody's but the centre's until two persons have dealt with it."""
    name = urn(TYPE)
    made = drafted(operations, actor, draft, name, Kind.ALERT)
    return await _create(operations, actor, replace(made, thread=name), now, key)


async def write_next(
    operations: Operations, actor: Actor, before: str, kind: Kind, draft: Draft, now: int | None = None
) -> Warning:
    """The draft of an update, a cancellation or an all-clear of a message that is out. Conflict while one waits."""
    if kind is Kind.ALERT:
        raise Invalid("A message that follows is an update, a cancel or an allClear.", field="kind")
    earlier, at = warning(operations, actor, before), _at(now)
    workflow.check(earlier, "follow_up", roles_of(actor), Step(actor.id, at), rules_at(operations, earlier.unit, at))
    if pending := [one for one in thread_of(operations, SYSTEM, earlier.thread) if one.state in WAITING]:
        raise Conflict(f"A message for this warning waits already: {pending[0].id}.", warning=pending[0].id)
    carried = replace(draft, drill=earlier.drill, incident=earlier.incident, hazard=earlier.hazard, unit=earlier.unit)
    made = drafted(operations, actor, carried, urn(TYPE), kind)
    if kind in ENDING:
        urgency, certainty = ENDING[kind]
        made = replace(made, urgency=urgency, certainty=certainty, severity=earlier.severity, bulletin="")
    return await _create(operations, actor, replace(made, thread=earlier.thread, follows=earlier.id), now)


async def edit(
    operations: Operations, actor: Actor, name: str, draft: Draft, version: int, now: int | None = None
) -> Warning:
    """Change a draft, or take a submitted one back to be changed; who edits cannot release it."""
    found = warning(operations, actor, name)
    at = _at(now)
    move = workflow.check(found, "edit", roles_of(actor), Step(actor.id, at), rules_at(operations, found.unit, at))
    fixed = replace(draft, drill=found.drill, hazard=draft.hazard if found.kind is Kind.ALERT else found.hazard)
    made = drafted(operations, actor, fixed, name, found.kind)
    if found.kind in ENDING:
        made = replace(made, urgency=found.urgency, certainty=found.certainty, severity=found.severity, bulletin="")
    attrs = attributes(operations.territory, made) | _moved(move.next, made.unit, at + DRAFT_WITHIN)
    attrs["editors"] = prop(list(dict.fromkeys((*found.editors, actor.id))))
    return await _commit(operations, actor, found, version, attrs, "edit")


async def submit(operations: Operations, actor: Actor, name: str, version: int, now: int | None = None) -> Warning:
    """Hand a whole draft to a second person."""
    found, at = warning(operations, actor, name), _at(now)
    rules = rules_at(operations, found.unit, at)
    step = _step(operations, actor, found, at)
    move = workflow.check(found, "submit", roles_of(actor), step, rules)
    due = at + round(rules.minutes * MINUTE)
    attrs = _moved(move.next, found.unit, due) | {"refused": prop("")}
    return await _commit(operations, actor, found, version, attrs, "submit")


async def refuse(
    operations: Operations, actor: Actor, name: str, version: int, reason: str, now: int | None = None
) -> Warning:
    """Give a submitted warning back to its writer, with the reason."""
    return await _back(operations, actor, name, version, ("refuse", reason), now)


async def discard(
    operations: Operations, actor: Actor, name: str, version: int, reason: str, now: int | None = None
) -> Warning:
    """End a draft that never went out."""
    return await _back(operations, actor, name, version, ("discard", reason), now)


async def _back(
    operations: Operations, actor: Actor, name: str, version: int, why: tuple[str, str], now: int | None
) -> Warning:
    found, at, (verb, reason) = warning(operations, actor, name), _at(now), why
    step = Step(actor.id, at, reason=reason)
    move = workflow.check(found, verb, roles_of(actor), step, rules_at(operations, found.unit, at))
    attrs = _moved(move.next, found.unit, at + DRAFT_WITHIN) | {"refused": prop(reason.strip()[:TEXT_MOST])}
    if move.next is State.DISCARDED:
        attrs["open"] = prop(False)
    return await _commit(operations, actor, found, version, attrs, f"{verb}: {reason.strip()[:200]}")


async def release(
    operations: Operations,
    actor: Actor,
    name: str,
    version: int,
    checked: frozenset[str],
    now: int | None = None,
) -> Warning:
    """Let a submitted warning out, with its CAP file; what it follows ends in the same commit.

    OnePersonOnly for who wrote or edited it, Forbidden beyond the releaser's rights, Invalid or Conflict by guards.
    """
    at = _at(now) // SECOND * SECOND  # CAP knows no parts of a second.
    found = warning(operations, actor, name)
    rules, step = rules_at(operations, found.unit, at), _step(operations, actor, found, at, checked)
    move = workflow.check(found, "release", roles_of(actor), step, rules)
    out = _spoken(operations, found, rules, step, at)
    content = make_cap(operations.territory, rules, _speaker(operations), out, step.bulletin)
    digest = operations.hub.keep_file(content)
    warns = out.kind in (Kind.ALERT, Kind.UPDATE)
    attrs = _moved(move.next, found.unit, from_iso(found.expires)) | {
        "open": prop(warns),
        "releasedBy": prop(actor.id),
        "sentAt": prop(out.sent),
        "effective": prop(out.effective),
        "sender": prop(out.sender),
        "identifier": prop(out.identifier),
        "references": prop(list(out.references)),
        "checked": prop(sorted(checked & rules.checks.keys())),
        "cap": prop(digest),
    }
    return await _commit(operations, actor, found, version, attrs, "release", step.before, from_iso(found.expires))


def _spoken(operations: Operations, found: Warning, rules: Rules, step: Step, at: int) -> Warning:
    """The warning as it goes out: who says it, under which name, after which messages."""
    before = step.before
    references = (*before.references, reference_of(before)) if before else ()
    return replace(
        found,
        sent=iso(at),
        effective=iso(max(at, from_iso(found.effective))) if found.effective else iso(at),
        sender=sender_of(rules, _speaker(operations)),
        identifier=identifier_of(found, at),
        references=references,
    )


def _speaker(operations: Operations) -> Speaker:
    told = operations.messages
    return Speaker(told.city, told.address) if told else Speaker("dothi")


def _step(operations: Operations, actor: Actor, found: Warning, at: int, checked: frozenset[str] = frozenset()) -> Step:
    """What the guards need to know beside the warning."""
    ground = touched(operations.territory, found.units, found.shapes)
    official = _bulletin(operations, found)
    return Step(
        actor=actor.id,
        now=at,
        reach=reach_of(operations.territory, actor),
        touched=ground,
        bulletin=official,
        covered=official is None or covers(operations.territory, official, ground),
        before=warning(operations, SYSTEM, found.follows) if found.follows else None,
        checked=checked,
    )


def _bulletin(operations: Operations, found: Warning) -> Bulletin | None:
    try:
        return bulletin(operations, SYSTEM, found.bulletin) if found.bulletin else None
    except Missing:
        return None


def hindrance(operations: Operations, actor: Actor, found: Warning, now: int | None = None) -> DothiError | None:
    """What keeps `actor` from releasing a warning, the checklist aside; None when nothing does."""
    at, rules = _at(now), rules_at(operations, found.unit, now)
    step = _step(operations, actor, found, at, frozenset(rules.checks))
    try:
        workflow.check(found, "release", roles_of(actor), step, rules)
    except DothiError as refused:
        return refused
    return None


def problems(operations: Operations, actor: Actor, found: Warning, now: int | None = None) -> Mapping[str, str]:
    """What keeps a draft from being submitted, by guard."""
    at = _at(now)
    return workflow.problems(found, _step(operations, actor, found, at), rules_at(operations, found.unit, at))


def _moved(state: State, unit: str, due: int) -> dict[str, Attribute]:
    return {"state": prop(state.value), "open": prop(True), "assignee": prop(unit), "due": prop(iso(due))}


async def _create(
    operations: Operations, actor: Actor, made: Warning, now: int | None, key: str | None = None
) -> Warning:
    demand_writer(actor)
    attrs = attributes(operations.territory, made) | _moved(State.DRAFT, made.unit, _at(now) + DRAFT_WITHIN)
    attrs |= {
        "kind": prop(made.kind.value),
        "thread": prop(made.thread),
        "follows": prop(made.follows),
        "incident": prop(made.incident),
        "writtenBy": prop(actor.id),
        "editors": prop([actor.id]),
        "drill": prop(made.drill),
    }
    change = Change(Op.CREATE, made.id, (TYPE,), attrs)
    receipt = await operations.hub.commit(Commit(actor, (change,), "write", {made.id: ABSENT}, key=key, owner=OWNER))
    return warning(operations, SYSTEM, receipt.results[0].id)


async def _commit(
    operations: Operations,
    actor: Actor,
    found: Warning,
    version: int,
    attrs: dict[str, Attribute],
    reason: str,
    before: Warning | None = None,
    rings: int | None = None,
) -> Warning:
    """One commit: the move, the end of what it follows, the timer of its end."""
    changes, expect = [amend(found.id, **attrs)], {found.id: version}
    timers = [Timer(CONSUMER, found.id, rings)] if rings is not None else []
    if before is not None and before.state is State.RELEASED:
        after = workflow.TABLE[before.state, FOLLOWED[found.kind]].next
        changes.append(amend(before.id, state=prop(after.value), open=prop(False)))
        expect[before.id] = before.version
        timers.append(Timer(CONSUMER, before.id, None))
    if found.version != version:
        raise Conflict("Somebody else changed this warning meanwhile: read it again.", version=found.version)
    await operations.hub.commit(Commit(actor, tuple(changes), reason, expect, timers=tuple(timers), owner=OWNER))
    return warning(operations, SYSTEM, found.id)


async def run(operations: Operations) -> None:
    """Let warnings and bulletins end when their time is over, until cancelled. To be run by one process."""
    while True:
        await ring(operations)
        await asyncio.sleep(TICK_S)


async def ring(operations: Operations, now: int | None = None) -> int:
    """Act on the durable timers that are due; how many rang."""
    at = _at(now)
    rang = operations.hub.due_timers(CONSUMER, at)
    for name, _ in rang:
        try:
            await (lapse if f":{BULLETIN}:" in name else expire)(operations, name, at)
        except Missing:  # Nothing is left that could end: the timer goes, so that it does not hold up the others.
            await operations.hub.commit(Commit(SYSTEM, (), timers=(Timer(CONSUMER, name, None),), owner=OWNER))
        except Conflict:
            continue  # It moves right now: the timer rings again.
    return len(rang)


async def expire(operations: Operations, name: str, now: int) -> None:
    """End a warning whose time is over, and its timer; one that moved meanwhile is left as it is."""
    found = warning(operations, SYSTEM, name)
    done = Timer(CONSUMER, name, None)
    if found.state is not State.RELEASED:
        await operations.hub.commit(Commit(SYSTEM, (), timers=(done,), owner=OWNER))
        return
    step = Step(SYSTEM.id, now)
    move = workflow.check(found, "expire", BY_CLOCK, step, rules_at(operations, found.unit, now))
    change = amend(name, state=prop(move.next.value), open=prop(False))
    commit = Commit(SYSTEM, (change,), "expire", {name: found.version}, timers=(done,), owner=OWNER)
    await operations.hub.commit(commit)


def _at(now: int | None) -> int:
    return now_us() if now is None else now
