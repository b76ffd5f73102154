"""How far a released message went on each channel: tried in order, tried again, never told late, counted.

What is sent is at least once on the wire, under one id: a crash between hand-over and note repeats it. A message that
a later one of the same warning has overtaken is not sent any more, so that an all-clear is never followed by its alarm.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dothi.accounts.policy import roles_of
from dothi.ground.clock import MINUTE, SECOND, iso, now_us
from dothi.ground.errors import Conflict, Forbidden, Missing
from dothi.ground.ids import urn
from dothi.hub.language.nodes import And, Compare, Query, TypeIs
from dothi.hub.model import ABSENT, Actor, Change, Commit, Entity, amend, create, prop, read_one, readable, rel
from dothi.office.messages.model import NotNow, Refused
from dothi.operations.model import OWNER, Operations
from dothi.operations.warnings.channels.model import (
    SYSTEM,
    TYPE,
    UNDONE,
    Channel,
    Channels,
    Exercise,
    Outcome,
    Released,
    Sent,
    State,
    What,
    issued_of,
    too_late,
)
from dothi.operations.warnings.channels.reach import place_of, thread_of
from dothi.operations.warnings.model import warning_of

BACK_OFF = (5 * SECOND, 15 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE)  # The last one again and again.
LOOK_AGAIN = SECOND
BATCH = 100
UNDER_WAY = "interrupted"
COUNTS = ("addressed", "delivered", "failed", "acknowledged", "safe", "tries")
log = logging.getLogger("dothi.warnings")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message on one channel, as it stands in the hub; instants are ISO 8601."""

    id: str
    version: int
    warning: str
    thread: str
    channel: str
    state: State
    addressed: int
    delivered: int
    failed: int
    acknowledged: int  # Who said that they got it, each once.
    safe: int  # Who said that they are safe.
    tries: int
    problem: str
    made_at: str
    sent_at: str  # When the last of it left; "" = not yet.
    drill: bool
    unit: str


def delivery_of(entity: Entity) -> Delivery:
    """The delivery that an entity holds."""
    value = entity.value
    return Delivery(
        id=entity.id,
        version=entity.version,
        warning=value("warning", ""),
        thread=value("thread", ""),
        channel=value("channel", ""),
        state=State(value("state", State.WAITING)),
        **{name: int(value(name, 0)) for name in COUNTS},
        problem=value("problem", ""),
        made_at=value("madeAt", ""),
        sent_at=value("sentAt", ""),
        drill=value("drill", False),
        unit=value("unit", ""),
    )


def delivery_id(warning: str, channel: str) -> str:
    """The one delivery of a message on a channel."""
    return urn(TYPE, warning.rpartition(":")[2], channel)


def deliveries(operations: Operations, actor: Actor, warning: str) -> list[Delivery]:
    """The deliveries of a message by channel, as far as `actor` may read them."""
    query = Query(TypeIs(TYPE), q=Compare(("warning",), "==", warning), limit=BATCH)
    return sorted(readable(operations.hub.query(actor, query), delivery_of), key=lambda one: one.channel)


async def begin(
    operations: Operations,
    channels: Channels,
    warnings: Sequence[str],
    cursor: tuple[str, int] | None = None,
    now: int | None = None,
) -> int:
    """Make the deliveries of messages that were released, with the cursor of the consumer; returns how many are new."""
    at = now_us() if now is None else now
    found = [one for key in warnings for one in _made(operations, channels, key, at) if not _is_there(operations, one)]
    if not found and cursor is None:
        return 0
    expect = {change.id: ABSENT for change in found}
    commit = Commit(SYSTEM, tuple(found), "deliver a warning", expect, cursor=cursor, owner=OWNER)
    await operations.hub.commit(commit)
    return len(found)


def _made(operations: Operations, channels: Channels, key: str, at: int) -> list[Change]:
    """One delivery for each channel that the types allow: a drill knows no public channel."""
    what = issued_of(operations, operations.hub.get(SYSTEM, key))
    if what is None:
        return []
    found: Sequence[Channel[Any]] = channels.public if isinstance(what, Released) else channels.drill
    return [_new(what, one.name, at) for one in found]


def _new(what: Sent, channel: str, at: int) -> Change:
    warning = what.warning
    return create(
        delivery_id(warning.id, channel),
        TYPE,
        warning=rel(warning.id),
        thread=rel(warning.thread),
        channel=prop(channel),
        state=prop(State.WAITING.value),
        madeAt=prop(iso(at)),
        nextTry=prop(iso(at)),
        drill=prop(isinstance(what, Exercise)),
        unit=prop(warning.unit),
        **dict.fromkeys(COUNTS, prop(0)),
    )


def _is_there(operations: Operations, change: Change) -> bool:
    try:
        operations.hub.get(SYSTEM, change.id)
    except Missing:
        return False
    return True


async def send_due(
    operations: Operations, channel: Channel[What], takes: type[What], drill: bool, now: int | None = None
) -> int:
    """One try of each delivery of a channel that is due, oldest first; returns how many there were."""
    at = now_us() if now is None else now
    found = _undone(operations, channel.name, drill, Compare(("nextTry",), "<=", iso(at)))
    for one in found:
        await _advance(operations, channel, takes, one, at)
    return len(found)


def _undone(operations: Operations, channel: str, drill: bool, more: Compare) -> list[Delivery]:
    states = Compare(("state",), "==", tuple(one.value for one in UNDONE))
    terms = (states, Compare(("channel",), "==", channel), Compare(("drill",), "==", drill), more)
    query = Query(TypeIs(TYPE), q=And(terms), limit=BATCH)
    return sorted(readable(operations.hub.query(SYSTEM, query), delivery_of), key=lambda one: one.made_at)


async def _advance(operations: Operations, channel: Channel[What], takes: type[What], one: Delivery, at: int) -> None:
    """What is to be done with one delivery now."""
    entity = operations.hub.get(SYSTEM, one.warning)
    what, warning = issued_of(operations, entity), warning_of(entity)
    if not isinstance(what, takes):
        await _note(operations, one, State.DEAD, at, "stays_inside")
        return
    later = [other for other in thread_of(operations.hub, warning.thread) if place_of(other) > place_of(warning)]
    if later or too_late(warning, at):
        await _end(operations, channel, one, State.OVERTAKEN if later else State.LAPSED, at)
    elif one.state is State.SENDING:
        await _note_outcome(operations, one, await channel.look(one.id), at)
    elif await _nothing_before(operations, channel, one, at):
        await _try(operations, channel, what, one, at)
    else:
        await _note(operations, one, State.WAITING, at + LOOK_AGAIN, "earlier_under_way")


async def _nothing_before(operations: Operations, channel: Channel[What], one: Delivery, at: int) -> bool:
    """End what still waits of earlier messages of this warning; False while a part of one is on its way."""
    waiting = _undone(operations, one.channel, one.drill, Compare(("thread",), "==", one.thread))
    ended = [await _end(operations, channel, other, State.OVERTAKEN, at) for other in waiting if other.id != one.id]
    return all(ended)


async def _end(operations: Operations, channel: Channel[What], one: Delivery, state: State, at: int) -> bool:
    """Let nothing more of a delivery leave; False while a part of it is on its way."""
    if not await channel.stop(one.id):
        await _note(operations, one, one.state, at + LOOK_AGAIN, one.problem)
        return False
    if one.state is State.SENDING:
        done = await channel.look(one.id)
        await _note(operations, one, state, at, "", done)
    else:
        await _note(operations, one, state, at, one.problem)
    return True


async def _try(operations: Operations, channel: Channel[What], what: What, one: Delivery, at: int) -> None:
    """Note the try, make it, note what came of it."""
    again = at + BACK_OFF[min(one.tries, len(BACK_OFF) - 1)]
    noted = await _note(operations, one, State.FAILED, again, UNDER_WAY, tries=one.tries + 1)
    if noted is None:
        return  # Somebody else has it.
    try:
        outcome = await channel.send(one.id, what)
    except Refused as refused:
        await _note(operations, noted, State.DEAD, at, refused.detail)
    except NotNow as later:
        await _note(operations, noted, State.FAILED, again, later.detail)
    except Exception as fault:  # One message that cannot be made must not stop the others.
        log.exception("%s could not be sent", one.id)
        await _note(operations, noted, State.FAILED, again, type(fault).__name__)
    else:
        await _note_outcome(operations, noted, outcome, at)


async def _note_outcome(operations: Operations, one: Delivery, outcome: Outcome, at: int) -> None:
    if not outcome.done:
        await _note(operations, one, State.SENDING, at + LOOK_AGAIN, outcome.problem, outcome)
        return
    lost = outcome.failed and not outcome.delivered
    problem = outcome.problem or ("none_arrived" if lost else "")
    await _note(operations, one, State.DEAD if lost else State.DELIVERED, at, problem, outcome)


async def _note(
    operations: Operations,
    one: Delivery,
    state: State,
    again: int,
    problem: str,
    outcome: Outcome | None = None,
    tries: int | None = None,
) -> Delivery | None:
    """Write where a delivery stands; None when somebody else did something else with it meanwhile."""
    attrs = {"state": prop(state.value), "nextTry": prop(iso(again)), "problem": prop(problem[:200])}
    if tries is not None:
        attrs["tries"] = prop(tries)
    if outcome is not None:
        attrs |= {name: prop(getattr(outcome, name)) for name in ("addressed", "delivered", "failed")}
    if state is State.DELIVERED:
        attrs["sentAt"] = prop(iso(again))
    kept = delivery_of(operations.hub.get(SYSTEM, one.id))
    if (kept.state, kept.tries) != (one.state, one.tries):
        return None
    change = amend(one.id, **attrs)
    try:
        await operations.hub.commit(Commit(SYSTEM, (change,), f"delivery {state}", {one.id: kept.version}, owner=OWNER))
    except Conflict:  # An acknowledgement came in between: what stands is read anew.
        return await _note(operations, one, state, again, problem, outcome, tries)
    return read_one(operations.hub.get(SYSTEM, one.id), delivery_of)


async def replay(operations: Operations, actor: Actor, key: str, now: int | None = None) -> Delivery:
    """Try a delivery anew that was given up or waits for its next try. Forbidden, Missing, or Conflict when it left."""
    kept = operations.hub.get(actor, key)
    if TYPE not in kept.types:
        raise Missing(f"There is no delivery {key[:100]}.")
    if roles_of(actor).isdisjoint(("duty_officer", "leader")):
        raise Forbidden("The duty officer or a leader sends a warning again.")
    if delivery_of(kept).state not in (State.DEAD, State.FAILED):
        raise Conflict("Only what was given up or failed can be sent again.")
    at = iso(now_us() if now is None else now)
    again = amend(key, state=prop(State.WAITING.value), tries=prop(0), nextTry=prop(at), problem=prop(""))
    await operations.hub.commit(Commit(actor, (again,), "a warning is sent again", {key: kept.version}, owner=OWNER))
    return read_one(operations.hub.get(SYSTEM, key), delivery_of)
