"""What other limits would have meant: the orders of the last 90 days judged by both rule sets, step by step."""

from collections.abc import Iterable, Mapping
from typing import Any

from dothi.ground.clock import DAY, from_iso, iso, now_us
from dothi.office.rules.model import Difference, Measure, Trial, trial
from dothi.operations.incidents.orders.model import SYSTEM, TYPE, Clock, Order, order_of
from dothi.operations.incidents.orders.rules import OrderRules, parse
from dothi.operations.model import Operations

DAYS = 90
_MOST = 50_000
Tables = Mapping[str, Any]


def simulate(operations: Operations, unit: str | None, before: Tables, after: Tables, now: int | None = None) -> Trial:
    """Judge the orders of the last 90 days in `unit` (None: all) by two sets of tables. Invalid as their parser says.

    Drills count too: they are how a limit is tried. Orders whose commander set their own limits keep those.
    """
    at = now_us() if now is None else now
    since = at - DAYS * DAY
    found = operations.hub.find(SYSTEM, TYPE, f'issuedAt>="{iso(since)}"', _MOST, order=("issuedAt",))
    held = [
        order_of(one)
        for one in found
        if not one.value("ownLimits", False) and (unit is None or _within(operations, unit, one.value("unit", "")))
    ]
    return judged(held, parse(before), parse(after), since, at)


def _within(operations: Operations, unit: str, code: str) -> bool:
    return code == unit or code in operations.territory.within(unit)


def judged(orders: Iterable[Order], before: OrderRules, after: OrderRules, since: int, now: int) -> Trial:
    """How many steps would have been late under each set, and which orders differ. Reads no clock and no hub."""
    cases = list(orders)
    found: list[Difference] = []
    measures = []
    for clock in Clock:
        owed = [one for one in cases if one.limit(clock) is not None and _counts(one, clock)]
        was, would_be = ([_late(one, rules, clock, now) for one in owed] for rules in (before, after))
        measures.append(Measure(f"orders_{clock}_late", len(owed), sum(was), sum(would_be)))
        for one, old, new in zip(owed, was, would_be, strict=True):
            limits = [_limit(one, rules, clock) for rules in (before, after)]
            if old is not new:
                told = [iso(limit) if limit is not None else "" for limit in limits]
                kind = "order_kind" if None in limits else "late" if new else "in_time"
                found.append(Difference(kind, one.id, one.title, *told))
    return trial(iso(since), len(cases), tuple(measures), found)


def _counts(order: Order, clock: Clock) -> bool:
    """Whether a step was owed to its end: done, or still owed. What was refused or withdrawn before says nothing."""
    return order.met(clock) is not None or order.clock() is not None


def _limit(order: Order, rules: OrderRules, clock: Clock) -> int | None:
    """Until when (µs) a step would have been owed; None where these rules know no such kind or step."""
    kind = rules.kinds.get(order.kind)
    return kind.due(order.priority, clock, from_iso(order.issued_at)) if kind else None


def _late(order: Order, rules: OrderRules, clock: Clock, now: int) -> bool:
    limit = _limit(order, rules, clock)
    met = order.met(clock)
    return limit is not None and (now if met is None else met) > limit
