"""What people read of orders: those of an incident, all open ones by clock, and how each stands."""

from collections.abc import Sequence
from dataclasses import dataclass

from dothi.ground.clock import from_iso
from dothi.hub.model import Actor, readable
from dothi.operations.incidents.orders.model import RUNNING, SYSTEM, TYPE, Clock, Order, State, order_of
from dothi.operations.model import Operations

_MOST = 500


@dataclass(frozen=True, slots=True)
class Standing:
    """One of the three limits of an order, as it stands. Instants in µs."""

    clock: Clock
    limit: int
    met: int | None
    late: bool
    known: int | None  # When the centre knew, where that was noticeably later: the line was cut.


def orders_of(operations: Operations, actor: Actor, incident: str) -> list[Order]:
    """The orders of an incident that `actor` may see: what needs a hand first."""
    found = operations.hub.find(actor, TYPE, f'incident=="{incident}"', _MOST, order=("issuedAt",))
    return sorted(readable(found, order_of), key=pressing)


def order_ids(operations: Operations, incident: str) -> list[str]:
    """The ids of an incident's orders, oldest first, for its log."""
    found = operations.hub.find(SYSTEM, TYPE, f'incident=="{incident}"', _MOST, order=("issuedAt",))
    return [one.id for one in found]


def orders(operations: Operations, actor: Actor, incident: str = "", open_only: bool = True) -> list[Order]:
    """Orders that `actor` may see, by clock; those that are over come after, the latest first."""
    asked = [f'incident=="{incident}"'] if incident else []
    asked += ["open==true"] if open_only else []
    found = operations.hub.find(actor, TYPE, ";".join(asked), _MOST, order=("-issuedAt",))
    return sorted(readable(found, order_of), key=pressing)


def pressing(order: Order) -> tuple[int, int]:
    """Refused ones wait for their commander, then what is owed by its deadline; what is over comes last."""
    if order.state is State.REFUSED:
        return 0, from_iso(order.due or order.issued_at)
    if order.state in RUNNING:
        return 1, from_iso(order.due or order.finish_by)
    return 2, -from_iso(order.issued_at)


def standings(order: Order, now: int) -> list[Standing]:
    """Each limit of the order with what became of it."""
    found = []
    for clock in Clock:
        limit = order.limit(clock)
        if limit is not None:
            step = order.step(clock.value)
            known = step.at if step is not None and step.typed is not None else None
            found.append(Standing(clock, limit, order.met(clock), order.late(clock, now), known))
    return found


def is_late(order: Order, now: int) -> bool:
    """Whether the step that is owed now is late."""
    clock = order.clock()
    return clock is not None and order.late(clock, now)


def counted(found: Sequence[Order], now: int) -> dict[str, int]:
    """How many orders stand how: all, not received, under way, done, refused, late."""
    return {
        "all": len(found),
        "unseen": sum(one.state is State.ISSUED for one in found),
        "under_way": sum(one.state in (State.RECEIVED, State.ARRIVED) for one in found),
        "done": sum(one.state is State.DONE for one in found),
        "refused": sum(one.state is State.REFUSED for one in found),
        "late": sum(is_late(one, now) for one in found),
    }
