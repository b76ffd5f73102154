"""Giving orders: one for each unit, in one commit, with the clocks that ring when time runs out."""

import hashlib
from collections.abc import Mapping
from typing import Any

from dothi.accounts.organisations import find_organisation, is_organisation, unit_of
from dothi.ground.clock import DAY, MINUTE, iso, now_us
from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.ground.ids import urn
from dothi.hub.model import (
    ABSENT,
    Actor,
    Attribute,
    Change,
    Commit,
    Entity,
    Timer,
    create,
    geo,
    json_prop,
    prop,
    read_one,
    rel,
)
from dothi.operations.incidents.model import OPEN, incident_of
from dothi.operations.incidents.orders.model import (
    SYSTEM,
    TITLE_LETTERS,
    TYPE,
    UNITS_MAX,
    WORDS_LETTERS,
    Clock,
    IllegalMove,
    NewOrder,
    NotYours,
    Order,
    State,
    Step,
    order_of,
)
from dothi.operations.incidents.orders.rules import Kind, OrderRules, rules_at
from dothi.operations.incidents.orders.workflow import DIRECTORS
from dothi.operations.model import OWNER, Operations, Priority

CONSUMER = "operations.orders"
TELL = "tell"  # The timer by which a new order is sent to its unit's office.
AHEAD, BEHIND = 5 * MINUTE, 7 * DAY  # How far a device's clock may be off; how long a deed may wait to be sent.
_TRIES = 4


async def issue(  # An order is these things together.
    operations: Operations,
    actor: Actor,
    incident: str,
    new: NewOrder,
    typed_at: int | None = None,
    key: str | None = None,
    now: int | None = None,
) -> tuple[Order, ...]:
    """Give an order to each unit of `new`, all in one commit; returns them. The same key gives them once.

    NotYours unless a duty officer or leader acts, IllegalMove when the incident is over, Invalid (with `field`) says
    what lacks, Missing when `actor` may not see the incident.
    """
    at = now_us() if now is None else now
    if not actor.roles & DIRECTORS:
        raise NotYours("Only a duty officer or a leader gives orders.")
    units = tuple(dict.fromkeys(new.units))
    names = [order_name(actor, incident, unit, key) for unit in units]
    if given := _given(operations, actor, names):
        return given
    for _ in range(_TRIES):
        entity = operations.hub.get(actor, incident)
        _check(operations, entity, new, units)
        made = [
            _order(operations, actor, entity, new, *pair, typed_at, key, at) for pair in zip(names, units, strict=True)
        ]
        changes = tuple(change for change, _ in made)
        timers = tuple(timer for _, rings in made for timer in rings)
        expect = {entity.id: entity.version} | dict.fromkeys(names, ABSENT)
        try:
            await operations.hub.commit(
                Commit(actor, changes, "orders given", expect, commit_key(actor, key), timers=timers, owner=OWNER)
            )
        except Conflict:
            if given := _given(operations, actor, names):
                return given
            continue  # The incident moved in this very moment: look again whether it is still open.
        return tuple(order_of(operations.hub.get(actor, name)) for name in names)
    raise Conflict("The incident is changing all the time: try again.")


def commit_key(actor: Actor, key: str | None) -> str | None:
    """The hub's key for a person's key: nobody repeats the deed of another."""
    return f"orders:{actor.id}:{key}" if key else None


def order_name(actor: Actor, incident: str, unit: str, key: str | None) -> str:
    """A new id, or the one that this key of this person always gives."""
    if not key:
        return urn(TYPE)
    return urn(TYPE, hashlib.sha256(f"{actor.id}\n{incident}\n{unit}\n{key}".encode()).hexdigest()[:24])


def typed(typed_at: int | None, now: int) -> int | None:
    """When something was typed, where that was noticeably before. Invalid when a device's clock cannot be right."""
    if typed_at is None:
        return None
    if typed_at > now + AHEAD or typed_at < now - BEHIND:
        raise Invalid(f"This says that it was typed at {iso(typed_at)}: set the clock of the device.", field="typedAt")
    return min(typed_at, now)


def check_unit(operations: Operations, code: str) -> None:
    """Raise Invalid unless this is a unit or organisation that can be ordered."""
    known = find_organisation(operations.hub, code) if is_organisation(code) else operations.territory.knows(code)
    if not known:
        raise Invalid(f"No unit with code {code[:40]} is in force; choose one of the list.", field="units")


def _given(operations: Operations, actor: Actor, names: list[str]) -> tuple[Order, ...]:
    """The orders that the same key gave before; empty when it gave none."""
    try:
        return tuple(order_of(operations.hub.get(actor, name)) for name in names)
    except Missing:
        return ()


def _check(operations: Operations, incident: Entity, new: NewOrder, units: tuple[str, ...]) -> None:
    if "Incident" not in incident.types:
        raise Missing(f"{incident.id} is no incident.")
    if incident_of(incident).state not in OPEN:
        raise IllegalMove("The incident is over: no more orders are given in it.")
    check_words(new)
    if not 0 < len(units) <= UNITS_MAX:
        raise Invalid(f"Choose 1 to {UNITS_MAX} units.", field="units")
    for code in units:
        check_unit(operations, code)


def check_words(new: NewOrder) -> None:
    """Raise Invalid unless an order says what is to be done, in words of a sensible length."""
    if not 0 < len(new.title.strip()) <= TITLE_LETTERS:
        raise Invalid(f"Say in up to {TITLE_LETTERS} letters what is to be done.", field="title")
    if len(new.words) > WORDS_LETTERS or len(new.place) > TITLE_LETTERS:
        raise Invalid(f"Details have up to {WORDS_LETTERS} letters, a place {TITLE_LETTERS}.", field="words")


def _order(  # noqa: PLR0913  # An order is these things together.
    operations: Operations,
    actor: Actor,
    incident: Entity,
    new: NewOrder,
    name: str,
    unit: str,
    typed_at: int | None,
    key: str | None,
    now: int,
) -> tuple[Change, tuple[Timer, ...]]:
    """The change that gives one order, and its clocks."""
    value = incident.value
    priority = Priority(new.priority or value("priority") or Priority.HIGH)
    said = {
        "incident": rel(incident.id),
        "title": prop(new.title.strip()),
        "words": prop(new.words.strip()),
        "place": prop(new.place.strip()),
        "priority": prop(priority.value),
        "unit": prop(value("unit", "")),
        "fromUnit": prop(value("assignee") or value("unit", "")),
        "drill": prop(bool(value("drill", False))),
        "simulated": prop(bool(value("simulated", False))),
    }
    location = {"type": "Point", "coordinates": list(new.point)} if new.point else value("location")
    if location:
        said["location"] = geo(location)
    step = Step("issue", now, actor.id, typed(typed_at, now), key=key or "")
    return order_change(operations, name, unit, new, priority, step, said)


def order_change(  # An order is these things together.
    operations: Operations,
    name: str,
    unit: str,
    new: NewOrder,
    priority: Priority,
    step: Step,
    said: Mapping[str, Any],
) -> tuple[Change, tuple[Timer, ...]]:
    """The change that makes an order to one unit with its limits, and the timers that belong to it."""
    rules = rules_at(operations, said["unit"]["value"] or unit_of(unit), step.at)
    kind = rules.kind(new.kind)
    limits = _limits(kind, priority, new, step.at)
    attrs: dict[str, Attribute] = {
        **said,
        "kind": prop(kind.id),
        "state": prop(State.ISSUED.value),
        "from": prop(step.by),
        "orderedTo": prop(unit),
        "assignee": prop(unit),
        "issuedAt": prop(iso(step.at)),
        "receiveBy": prop(iso(limits[Clock.RECEIVE] or step.at)),
        "finishBy": prop(iso(limits[Clock.FINISH] or step.at)),
        "ownLimits": prop(new.arrive_by is not None or new.finish_by is not None),
        "due": prop(iso(limits[Clock.RECEIVE] or step.at)),
        "open": prop(True),
        "steps": json_prop([step.as_json()]),
        "deed": deed(step, unit),
    }
    if (arrive := limits[Clock.ARRIVE]) is not None:
        attrs["arriveBy"] = prop(iso(arrive))
    return create(name, TYPE, **attrs), (Timer(CONSUMER, f"{TELL}|{name}", step.at), *timers_of(rules, name, limits))


def _limits(kind: Kind, priority: Priority, new: NewOrder, now: int) -> dict[Clock, int | None]:
    """Until when each step is owed (µs): by the rules, or as the commander said."""
    found = {clock: kind.due(priority, clock, now) for clock in Clock}
    for clock, own in ((Clock.ARRIVE, new.arrive_by), (Clock.FINISH, new.finish_by)):
        if own is None or found[clock] is None:
            continue
        if own <= now:
            raise Invalid("A limit lies ahead: give a later time.", field=f"{clock}By")
        found[clock] = own
    steps = [limit for limit in found.values() if limit is not None]
    last = steps[-1]
    return {clock: None if limit is None else min(limit, last) for clock, limit in found.items()}


def timers_of(rules: OrderRules, name: str, limits: Mapping[Clock, int | None]) -> tuple[Timer, ...]:
    """One durable timer for each step of escalation that may come."""
    return tuple(
        Timer(CONSUMER, f"{one.id}|{name}", limit + round(one.after * MINUTE) + 1)
        for one in rules.escalations
        if (limit := limits[one.clock]) is not None
    )


def deed(step: Step, unit: str, **more: Any) -> Attribute:
    """What a commit did, as the log of the incident reads it (incidents/log.py)."""
    said = {"verb": f"order_{step.verb}", "at": iso(step.at), "by": step.by, "unit": unit, "why": step.words}
    if step.typed is not None:
        said["typedAt"] = iso(step.typed)
    return json_prop({name: value for name, value in (said | more).items() if value})


def limits_of(order: Order) -> dict[Clock, int | None]:
    """The limits of an order that stands."""
    return {clock: order.limit(clock) for clock in Clock}


def rules_of(operations: Operations, order: Order) -> OrderRules:
    """The rules under which an order was given; they hold until it is over."""
    return rules_at(operations, order.unit or unit_of(order.ordered_to), _at(order))


def _at(order: Order) -> int:
    given = order.step("issue")
    return given.at if given else 0


def standing(operations: Operations, name: str) -> Order | None:
    """The order of that id as the module sees it, None when there is none."""
    try:
        return read_one(operations.hub.get(SYSTEM, name), order_of)
    except Missing:
        return None
