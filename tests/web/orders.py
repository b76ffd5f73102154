"""What the pages of orders show in tests: an incident with an order that waits, and the link of its unit."""

from dothi.ground.clock import MINUTE, now_us
from dothi.hub.model import Actor
from dothi.operations.incidents import service as incidents
from dothi.operations.incidents.model import NewIncident
from dothi.operations.incidents.orders import links
from dothi.operations.incidents.orders.giving import issue
from dothi.operations.incidents.orders.model import NewOrder, Order
from dothi.web.parts import Parts

DUTY = Actor("user:sample-duty", frozenset({"duty_officer"}), frozenset({"46"}))
COMMUNE = "19789"


async def give_order(parts: Parts, title: str, incident: str = "", minutes: float = 0, kind: str = "scene") -> Order:
    """An order to the ward, given so many minutes ago, in an incident of its own where none is named."""
    at = now_us() - round(minutes * MINUTE)
    if not incident:
        new = NewIncident(f"Ngập: {title}", "flood", "high", unit=COMMUNE, assignee="46", since=at, simulated=True)
        incident = (await incidents.open_incident(parts.operations, DUTY, new, at)).id
    wanted = NewOrder(title, (COMMUNE,), "Mang hai máy bơm, báo khi rút nước.", kind, "Hầm chui Lê Duẩn")
    return (await issue(parts.operations, DUTY, incident, wanted, now=at))[0]


async def fill_orders(parts: Parts) -> dict[str, str]:
    """One order that waits, another that is late; returns values for the {parts} of addresses."""
    late = await give_order(parts, "Rào chắn đường Lê Duẩn (mẫu)", minutes=20)
    order = await give_order(parts, "Bơm nước hầm chui Lê Duẩn (mẫu)", late.incident)
    token = links.link_of(parts.operations, order).removeprefix(links.START)
    return {"order": order.name, "token": token, "incident": order.incident.rpartition(":")[2]}
