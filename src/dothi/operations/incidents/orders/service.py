"""The verbs of orders: the unit receives, arrives, gives the result or refuses; the commander withdraws or hands on."""

import asyncio
from collections.abc import Mapping
from typing import Any

from dothi.accounts.organisations import unit_of
from dothi.ground.clock import iso, now_us
from dothi.ground.errors import Conflict, Missing
from dothi.ground.ids import urn
from dothi.hub.model import ABSENT, Actor, Attribute, Change, Commit, Timer, amend, json_prop, prop, read_one, rel
from dothi.office.photos import clean_proof
from dothi.operations.incidents.orders.giving import (
    CONSUMER,
    TELL,
    check_unit,
    commit_key,
    deed,
    limits_of,
    order_change,
    order_name,
    rules_of,
    timers_of,
    typed,
)
from dothi.operations.incidents.orders.model import (
    LINK,
    METS,
    RUNNING,
    SYSTEM,
    TYPE,
    Clock,
    IllegalMove,
    NewOrder,
    NoSuchOrder,
    NotYours,
    Order,
    Overtaken,
    Said,
    State,
    Step,
    order_of,
)
from dothi.operations.incidents.orders.rules import OrderRules
from dothi.operations.incidents.orders.workflow import Move, check
from dothi.operations.model import OWNER, Operations

NOTHING = Said()
TOLD = "withdrawn"  # The timer by which the unit's office is told that its order is withdrawn.
BY_UNIT = frozenset({"receive", "arrive", "finish", "refuse"})
_TRIES = 4


def declare(operations: Operations, indexed: Mapping[str, tuple[str, ...]]) -> None:
    """Say what lists of these types ask for. Once, when the parts are put together."""
    for kind, names in indexed.items():
        operations.hub.index(kind, *names)


def find(operations: Operations, actor: Actor, name: str) -> Order:
    """An order as `actor` may see it, by id or the end of it; also who had it before it went back to its commander.

    NoSuchOrder when there is none, or the actor may not see it.
    """
    whole = name if name.startswith("urn:") else urn(TYPE, name)
    try:
        return read_one(operations.hub.get(actor, whole), order_of)
    except Missing as cause:
        try:
            order = order_of(operations.hub.get(SYSTEM, whole))
        except Missing:
            raise NoSuchOrder from cause
        if order.ordered_to in actor.areas and actor.id.startswith("user:"):
            return order
        raise NoSuchOrder from cause


def covers(operations: Operations, actor: Actor, code: str) -> bool:
    """Whether one of the actor's areas is this unit or organisation, or lies above it; no areas means everywhere."""
    if not actor.areas or code in actor.areas:
        return True
    try:
        return any(above.code in actor.areas for above in operations.territory.chain(unit_of(code)))
    except Missing:
        return False


async def move(  # noqa: PLR0913  # A deed is these things together.
    operations: Operations,
    actor: Actor,
    name: str,
    verb: str,
    said: Said = NOTHING,
    version: int | None = None,
    typed_at: int | None = None,
    key: str | None = None,
    now: int | None = None,
) -> Order:
    """Receive, arrive, finish, refuse, withdraw or reissue an order; returns it as it stands then.

    `version` is the one that was seen: Overtaken when it changed since. A repeat with the same `key` does nothing more.
    IllegalMove, NotYours, NoProof or Invalid (with `field` and `guard`) otherwise.
    """
    order = find(operations, actor, name)
    return await _moved(operations, actor, actor.id, actor.roles, order, verb, said, version, typed_at, key, now)


async def move_by_link(  # A deed is these things together.
    operations: Operations,
    order: Order,
    verb: str,
    said: Said = NOTHING,
    version: int | None = None,
    typed_at: int | None = None,
    key: str | None = None,
    now: int | None = None,
) -> Order:
    """The same by whoever holds the order's link (links.opened): the verbs of the ordered unit, no other."""
    by, roles = f"link:{order.ordered_to}", frozenset({LINK})
    return await _moved(operations, SYSTEM, by, roles, order, verb, said, version, typed_at, key, now)


async def _moved(  # noqa: PLR0913  # A deed is these things together.
    operations: Operations,
    actor: Actor,
    by: str,
    roles: frozenset[str],
    order: Order,
    verb: str,
    said: Said,
    version: int | None,
    typed_at: int | None,
    key: str | None,
    now: int | None,
) -> Order:
    at = now_us() if now is None else now
    for _ in range(_TRIES):
        if key and any(one.key == key and one.by == by for one in order.steps):
            return order  # It came twice: an answer was lost on the way.
        if version is not None and version != order.version:
            raise Overtaken(version=order.version, state=order.state.value)
        rules = rules_of(operations, order)
        row = check(order, verb, roles, said, rules.kind(order.kind))
        if LINK not in roles and not covers(
            operations, actor, order.ordered_to if verb in BY_UNIT else order.from_unit
        ):
            raise NotYours
        step = Step(verb, at, by, typed(typed_at, at), said.words.strip(), key or "")
        commit = await _commit(operations, actor, order, row, step, said, rules)
        try:
            await operations.hub.commit(commit)
        except Conflict:
            order = order_of(operations.hub.get(SYSTEM, order.id))
            continue
        return read_one(operations.hub.get(SYSTEM, order.id), order_of)
    raise Overtaken


async def _commit(  # What becomes true together.
    operations: Operations, actor: Actor, order: Order, row: Move, step: Step, said: Said, rules: OrderRules
) -> Commit:
    attrs: dict[str, Attribute] = {
        "state": prop(row.next.value),
        "steps": json_prop([*(one.as_json() for one in order.steps), step.as_json()]),
        "deed": deed(step, order.ordered_to, counter=said.counter, to=said.unit),
    }
    attrs |= await _said(operations, order, step, said)
    attrs |= _owed(order, row, step)
    changes: tuple[Change, ...] = ()
    expect = {order.id: order.version}
    timers = _silenced(order, row, rules)
    if step.verb == "withdraw" and order.state in RUNNING:
        timers = (*timers, Timer(CONSUMER, f"{TOLD}|{order.id}", step.at))
    if step.verb == "reissue":
        check_unit(operations, said.unit)
        name, change, more = _handed_on(operations, actor, order, step, said)
        attrs["replacedBy"] = rel(name)
        changes, timers, expect = (change,), (*timers, *more), expect | {name: ABSENT}
    key = commit_key(Actor(step.by), step.key)
    return Commit(
        actor, (amend(order.id, **attrs), *changes), f"order {step.verb}", expect, key, timers=timers, owner=OWNER
    )


async def _said(operations: Operations, order: Order, step: Step, said: Said) -> dict[str, Attribute]:
    """What a step leaves on the order in words and files; photos are written anew without place or device."""
    if step.verb == "receive":
        return {"receivedAt": prop(iso(step.done))}
    if step.verb == "arrive":
        seen = {} if order.met(Clock.RECEIVE) else {"receivedAt": prop(iso(step.done))}
        return {"arrivedAt": prop(iso(step.done)), **seen}
    if step.verb == "finish":
        clean = [await asyncio.to_thread(clean_proof, one) for one in said.files]
        kept = [await asyncio.to_thread(operations.hub.keep_file, one.content) for one in clean]
        shown = [{"sha256": digest, "mediaType": one.media_type} for digest, one in zip(kept, clean, strict=True)]
        return {"finishedAt": prop(iso(step.done)), "result": prop(step.words), "proof": json_prop(shown)}
    attrs: dict[str, Attribute] = {"reason": prop(step.words)}
    return attrs | ({"counter": prop(said.counter.strip())} if step.verb == "refuse" else {})


def _owed(order: Order, row: Move, step: Step) -> dict[str, Attribute]:
    """Who owes the next step until when. A refused order goes back to its commander, who decides."""
    if row.next is State.REFUSED:
        return {"assignee": prop(order.from_unit), "due": prop(iso(step.at)), "escalatedTo": prop("")}
    if row.next not in RUNNING:
        return {"open": prop(False), "due": prop(order.finish_by), "escalatedTo": prop("")}
    following = next(
        clock for clock in Clock if order.limit(clock) and order.met(clock) is None and step.verb not in METS[clock]
    )
    limit = order.limit(following)
    return {"due": prop(iso(limit))} if limit is not None else {}


def _silenced(order: Order, row: Move, rules: OrderRules) -> tuple[Timer, ...]:
    """The timers that a move takes away: those of clocks that it met, or all."""
    done = row.next not in RUNNING
    met = {clock for clock in Clock if done or row.verb in METS[clock]}
    return tuple(Timer(CONSUMER, f"{one.id}|{order.id}", None) for one in rules.escalations if one.clock in met)


def _handed_on(
    operations: Operations, actor: Actor, order: Order, step: Step, said: Said
) -> tuple[str, Change, tuple[Timer, ...]]:
    """The order that another unit gets instead, with limits from now on."""
    entity = operations.hub.get(SYSTEM, order.id)
    kept: dict[str, Any] = {
        name: prop(entity.value(name))
        for name in ("title", "words", "place", "priority", "unit", "fromUnit", "drill", "simulated")
    }
    kept |= {"incident": rel(order.incident), "replaces": rel(order.id)}
    if order.location:
        kept["location"] = {"type": "GeoProperty", "value": order.location}
    name = order_name(actor, order.id, said.unit, step.key)
    given = Step("issue", step.at, step.by, step.typed, key=step.key)
    new = NewOrder(order.title, (said.unit,), order.words, order.kind)
    change, timers = order_change(operations, name, said.unit, new, order.priority, given, kept)
    return name, change, timers


def waking(operations: Operations, order: Order) -> tuple[Timer, ...]:
    """The timers that an open order should have: told steps do not ring again. For a city put in from a copy."""
    told = {one.step for one in order.told}
    made = timers_of(rules_of(operations, order), order.id, limits_of(order))
    clocks = {one.id: one.clock for one in rules_of(operations, order).escalations}
    return tuple(
        one for one in made if (step := one.name.partition("|")[0]) not in told and order.met(clocks[step]) is None
    )


def check_move(order: Order, verb: str) -> None:
    """Raise IllegalMove for a verb that no table knows: an address that was typed by hand."""
    if verb not in {*BY_UNIT, "withdraw", "reissue"}:
        raise IllegalMove(f"An order cannot be {verb[:40]}.")


__all__ = [
    "NOTHING",
    "SYSTEM",
    "TELL",
    "TOLD",
    "check_move",
    "covers",
    "declare",
    "find",
    "move",
    "move_by_link",
    "waking",
]
