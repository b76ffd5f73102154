"""When time runs out: the timers of orders ring, late ones are brought before others, offices are written to.

Timers live in the store beside the order that they belong to, and survive a restart. Each step of escalation is
written once: the order itself says which were, and its version guards the commit that takes the timer away.
"""

import asyncio
from contextlib import suppress

from dothi.accounts.organisations import find_organisation, is_organisation, unit_of
from dothi.ground.clock import DAY, from_iso, iso, now_us
from dothi.ground.errors import Conflict, Missing
from dothi.ground.text import format_datetime
from dothi.hub.model import Commit, Timer, amend, json_prop, prop
from dothi.office.messages import Draft, Link, queue
from dothi.operations.incidents.orders.giving import CONSUMER, TELL, deed, rules_of, standing
from dothi.operations.incidents.orders.links import PURPOSE, kept
from dothi.operations.incidents.orders.model import RUNNING, SYSTEM, TYPE, Clock, Order, Step, Told, order_of
from dothi.operations.incidents.orders.rules import ABOVE, UNIT, Escalation
from dothi.operations.incidents.orders.service import TOLD, waking
from dothi.operations.incidents.orders.workflow import TABLE
from dothi.operations.model import OWNER, Operations

TICK_S = 1.0
_MOST = 10_000
_NEWS = DAY  # Nobody is written to of what is older: a city put in from a copy.
_LANGUAGE = "vi"
_CLOCKS = {Clock.RECEIVE: "nhận lệnh", Clock.ARRIVE: "đến nơi", Clock.FINISH: "báo kết quả"}  # In messages.


async def run(operations: Operations) -> None:
    """Ring until cancelled. To be run by one process, the leader."""
    await wake(operations)
    while True:
        await ring(operations)
        await asyncio.sleep(TICK_S)


async def wake(operations: Operations) -> None:
    """Give every open order the timers that it should have; those that it has stay as they are."""
    found = operations.hub.find(SYSTEM, TYPE, "open==true", _MOST)
    timers = tuple(timer for one in found for timer in waking(operations, order_of(one)))
    if timers:
        await operations.hub.commit(Commit(SYSTEM, (), "clocks of orders", timers=timers))


async def ring(operations: Operations, now: int | None = None) -> int:
    """Act on the timers that are due; how many rang."""
    at = now_us() if now is None else now
    rang = operations.hub.due_timers(CONSUMER, at)
    for name, _ in rang:
        what, _, order_id = name.partition("|")
        order = standing(operations, order_id)
        with suppress(Conflict):  # It moves right now: the timer rings again.
            await (_escalate(operations, order, what, name, at) if order else _silence(operations, name))
    return len(rang)


async def _silence(operations: Operations, name: str) -> None:
    await operations.hub.commit(Commit(SYSTEM, (), "nothing to tell", timers=(Timer(CONSUMER, name, None),)))


async def _escalate(operations: Operations, order: Order, what: str, name: str, now: int) -> None:
    """Tell of a new or withdrawn order, or bring a late one before others, once."""
    if what in (TELL, TOLD):
        template = "order.issued" if what == TELL else "order.withdrawn"
        await _write(operations, order, template, what, (order.ordered_to,), now)
        await _silence(operations, name)
        return
    rule = next((one for one in rules_of(operations, order).escalations if one.id == what), None)
    if rule is None or not owed(order, rule, now):
        await _silence(operations, name)
        return
    to = told(operations, order, rule)
    await _write(operations, order, "order.late", f"{what} {rule.clock}", to, now)
    step = Step("escalate", now, SYSTEM.id)
    change = amend(
        order.id,
        escalatedTo=prop(sorted({*order.escalated_to, *to})),
        told=json_prop([_told(one) for one in (*order.told, Told(rule.id, iso(now), to))]),
        deed=deed(step, order.ordered_to, clock=rule.clock.value, to=", ".join(to), rule=rule.id),
    )
    expect = {order.id: order.version}
    over = (Timer(CONSUMER, name, None),)
    await operations.hub.commit(Commit(SYSTEM, (change,), "order late", expect, timers=over, owner=OWNER))


def owed(order: Order, rule: Escalation, now: int) -> bool:
    """Whether this step of escalation is to be taken now: its limit has passed, and it was not taken yet."""
    if order.state not in RUNNING or (order.state, "escalate") not in TABLE:
        return False
    return (
        order.met(rule.clock) is None
        and order.late(rule.clock, now)
        and rule.id not in {one.step for one in order.told}
    )


def told(operations: Operations, order: Order, rule: Escalation) -> tuple[str, ...]:
    """The codes whose leaders a late order is brought before, each once, in the order of the rule."""
    names = {UNIT: order.ordered_to, ABOVE: above(operations, order.ordered_to)}
    found = (names.get(one, order.from_unit) for one in rule.to)
    return tuple(dict.fromkeys(code for code in found if code))


def above(operations: Operations, code: str) -> str:
    """The unit above: an organisation's is the one that it belongs to, a province's is itself."""
    if is_organisation(code):
        return unit_of(code)
    try:
        chain = [one.code for one in operations.territory.chain(code)]
    except Missing:
        return ""
    return chain[-2] if len(chain) > 1 else code


def _told(one: Told) -> dict[str, object]:
    return {"step": one.step, "at": one.at, "to": list(one.to)}


async def _write(
    operations: Operations, order: Order, template: str, cause: str, to: tuple[str, ...], now: int
) -> None:
    """Queue a message to each office that the rules name an address of; the same cause is one message."""
    if operations.messages is None or now - from_iso(order.issued_at) > _NEWS:
        return
    contacts = rules_of(operations, order).contacts
    drafts = [_draft(operations, order, template, cause, contacts[code], now) for code in to if code in contacts]
    if drafts:
        await queue(operations.messages, drafts, now=now)


def _draft(operations: Operations, order: Order, template: str, cause: str, office: str, now: int) -> Draft:
    clock = Clock(cause.partition(" ")[2]) if template == "order.late" else Clock.RECEIVE
    limit = order.limit(clock)
    params = {
        "drill": "DIỄN TẬP – " if order.drill else "",
        "title": order.title,
        "words": order.words or "–",
        "place": order.place or "–",
        "unit": name_of(operations, order.ordered_to),
        "receive": format_datetime(from_iso(order.receive_by)),
        "finish": format_datetime(from_iso(order.finish_by)),
        "clock": _CLOCKS[clock],
        "due": format_datetime(limit) if limit is not None else "–",
        "reason": order.reason or "–",
    }
    signed = template == "order.issued"  # The unit's own office may have no account; others open the page.
    link = Link(PURPOSE, kept(operations, order)) if signed else Link("page", f"/order/{order.name}")
    return Draft(f"{order.id}@{cause}", template, order.id, office=office, params=params, links={"link": link})


def name_of(operations: Operations, code: str) -> str:
    """The name of a unit or organisation in the language of messages; the code where there is none."""
    if is_organisation(code):
        body = find_organisation(operations.hub, code)
        return body.name_in(_LANGUAGE) if body else code
    try:
        return str(operations.territory.unit(code).name_in(_LANGUAGE))
    except Missing:
        return code
