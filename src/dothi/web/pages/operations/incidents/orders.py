"""Orders as people read them: the rows on an incident, the board of all open ones by clock, one order on a phone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from dothi.accounts.organisations import organisations
from dothi.ground.clock import DAY, now_us
from dothi.ground.errors import Missing
from dothi.ground.ids import secret
from dothi.operations.incidents.model import State as IncidentState
from dothi.operations.incidents.model import incident_of
from dothi.operations.incidents.orders import links, reading, service
from dothi.operations.incidents.orders.giving import rules_of
from dothi.operations.incidents.orders.model import RUNNING, SYSTEM, Clock, Order, State, Step
from dothi.operations.incidents.orders.rules import rules_at
from dothi.operations.incidents.orders.workflow import DIRECTORS, verbs_for
from dothi.web.page import Page, render, visit, words
from dothi.web.pages.shown import STAFF, bare, unit_name, who
from dothi.web.parts import parts

FAILED = 422
OVER_SHOWN = 10
LOOKS: Mapping[State, tuple[str, str]] = {  # State → kind and icon; the word stands in the catalogue.
    State.ISSUED: ("watch", "todo"),
    State.RECEIVED: ("note", "doing"),
    State.ARRIVED: ("note", "place"),
    State.DONE: ("good", "good"),
    State.REFUSED: ("bad", "cross"),
    State.WITHDRAWN: ("grey", "cross"),
}


@dataclass(frozen=True)
class Cell:
    """One limit of an order in a list: met, still running, late, or not owed."""

    clock: str
    kind: str
    icon: str
    text: str


@dataclass(frozen=True)
class Row:
    """One order as lists show it."""

    key: str
    href: str
    title: str
    unit: str
    incident: str
    incident_href: str
    place: str
    state: str
    kind: str
    icon: str
    cells: tuple[Cell, ...]
    late: bool
    drill: bool
    simulated: bool
    told: str  # Before whom it was brought.


@dataclass(frozen=True)
class Block:
    """The orders of an incident, for its page."""

    rows: tuple[Row, ...]
    answer: str
    new: str  # Where an order is given; "" for who may not.


def row(request: Request, order: Order) -> Row:
    """An order for lists."""
    now, (kind, icon) = now_us(), LOOKS[order.state]
    late = reading.is_late(order, now)
    return Row(
        key=order.name,
        href=f"/order/{order.name}",
        title=order.title,
        unit=unit_name(request, order.ordered_to),
        incident=incident_title(request, order),
        incident_href=f"/incident/{bare(order.incident)}" if may_read(request, order.incident) else "",
        place=order.place,
        state=words(request).t(f"orders.state.{order.state}"),
        kind="bad" if late else kind,
        icon="late" if late else icon,
        cells=cells(request, order, now),
        late=late,
        drill=order.drill,
        simulated=order.simulated,
        told=", ".join(unit_name(request, code) for code in order.escalated_to),
    )


def cells(request: Request, order: Order, now: int) -> tuple[Cell, ...]:
    """The three limits as a reader sees them at once: done at, owed until, late by."""
    standing = {one.clock: one for one in reading.standings(order, now)}
    found = []
    for clock in Clock:
        one = standing.get(clock)
        if one is None:
            found.append(Cell(clock, "grey", "", words(request).t("orders.not_owed")))
        elif one.met is not None:
            key = "orders.met_late" if one.late else "orders.met"
            text = words(request).t(key, at=moment(request, one.met), over=words(request).left(one.limit, one.met))
            found.append(Cell(clock, "watch" if one.late else "good", "late" if one.late else "good", text))
        elif order.state not in RUNNING:
            found.append(Cell(clock, "grey", "", "–"))
        else:
            runs = order.clock() is clock
            left = words(request).left(one.limit, now)
            text = words(request).t("orders.owed" if runs else "orders.ahead", at=moment(request, one.limit), left=left)
            kind = "bad" if one.late else "note" if runs else "grey"
            found.append(Cell(clock, kind, "late" if one.late else "clock", text))
    return tuple(found)


def moment(request: Request, instant: int) -> str:
    """The time alone while it is of these hours, else with its day."""
    near = abs(now_us() - instant) < DAY // 2
    return words(request).time(instant) if near else words(request).when(instant)


def incident_title(request: Request, order: Order) -> str:
    """What the incident is called; also for the ordered unit, which may not read all of it."""
    try:
        return str(parts(request).hub.get(SYSTEM, order.incident).value("title", ""))
    except Missing:
        return ""


def may_read(request: Request, incident: str) -> bool:
    """Whether this visitor may open the incident: a unit from elsewhere sees its order only."""
    try:
        parts(request).hub.get(visit(request).actor, incident)
    except Missing:
        return False
    return True


def told(request: Request, counts: Mapping[str, int], late_key: str = "orders.answer") -> str:
    """How orders stand, in one line: what needs a hand first."""
    t = words(request).t
    if not counts["all"]:
        return t("orders.none")
    said = [
        t(f"{late_key}.{name}", n=counts[name])
        for name in ("late", "refused", "unseen", "under_way", "done")
        if counts[name]
    ]
    return ", ".join(said) if said else t("orders.answer.over", n=counts["all"])


def order_rows(request: Request, incident: str) -> Block:
    """The orders of an incident: for `{% include "operations/orders/_orders.html" %}` with `orders`."""
    here, actor = parts(request).operations, visit(request).actor
    name = incident if incident.startswith("urn:") else f"urn:ngsi-ld:Incident:{incident}"
    found = reading.orders_of(here, actor, name)
    new = f"/incident/{bare(name)}/order" if may_give(request, name) else ""
    return Block(tuple(row(request, one) for one in found), told(request, reading.counted(found, now_us())), new)


def may_give(request: Request, incident: str) -> bool:
    """Whether this visitor gives orders in that incident now."""
    try:
        found = incident_of(parts(request).hub.get(visit(request).actor, incident))
    except Missing:
        return False
    over = found.state in (IncidentState.CLOSED, IncidentState.REVIEWED, IncidentState.CANCELLED, IncidentState.MERGED)
    return bool(visit(request).actor.roles & DIRECTORS) and not over


async def board(request: Request) -> Response:
    """Which orders are open, and which of them are late?"""
    here, actor, now = parts(request).operations, visit(request).actor, now_us()
    found = reading.orders(here, actor)
    over = [one for one in reading.orders(here, actor, open_only=False) if not one.open][:OVER_SHOWN]
    return render(
        request,
        "operations/orders/board.html",
        rows=[row(request, one) for one in found],
        over=[row(request, one) for one in over],
        answer=told(request, reading.counted(found, now)),
    )


async def one_order(request: Request) -> Response:
    """What am I ordered to do, until when, and what is next?"""
    order = service.find(parts(request).operations, visit(request).actor, str(request.path_params["order"]))
    return order_page(request, order)


def order_page(
    request: Request,
    order: Order,
    problems: Mapping[str, str] | None = None,
    values: Mapping[str, str] | None = None,
    status: int = 200,
    token: str = "",
) -> Response:
    """The page of an order; `token`: for who holds its link, without anything that is not the order's own."""
    here, actor = parts(request).operations, visit(request).actor
    kind = rules_of(here, order).kinds.get(order.kind)
    roles = frozenset({"link"}) if token else actor.roles
    verbs = () if not token and not mine(request, order) else verbs_for(order, roles)
    return render(
        request,
        "operations/orders/order.html",
        status,
        order=order,
        row=row(request, order),
        answer=answer(request, order),
        kind=words(request).pick(kind.names) if kind else order.kind,
        photo=bool(kind and kind.photo),
        unit=unit_name(request, order.ordered_to),
        giver=unit_name(request, order.from_unit),
        steps=list(steps(request, order, bool(token))),
        verbs=verbs,
        next=next((one for one in ("receive", "arrive", "finish") if one in verbs), ""),
        ahead=ahead(order, verbs),
        here=f"/o/{token}" if token else f"/order/{order.name}",
        token=token,
        link=whole_link(request, order) if not token and order.state in RUNNING and "withdraw" in verbs else "",
        units=[] if token or "reissue" not in verbs else units_of(request, order.unit or order.ordered_to),
        proof=proof(order, f"/o/{token}/file/" if token else ""),
        key=secret(),
        problems=problems or {},
        values={"verb": "", "words": "", "counter": "", "unit": ""} | dict(values or {}),
    )


def whole_link(request: Request, order: Order) -> str:
    """The link with the address of this city, to be sent to a unit without an account; "" without a vault."""
    path = links.link_of(parts(request).operations, order)
    return f"{request.url.scheme}://{request.url.netloc}{path}" if path else ""


def mine(request: Request, order: Order) -> bool:
    """Whether this visitor may do anything with the order: its unit, its commander, or above them."""
    here, actor = parts(request).operations, visit(request).actor
    return any(service.covers(here, actor, code) for code in (order.ordered_to, order.from_unit))


def ahead(order: Order, verbs: Iterable[str]) -> tuple[str, ...]:
    """What follows the next step, so that all three can be done while the line is cut."""
    whole = ("receive", "arrive", "finish") if order.arrive_by else ("receive", "finish")
    owed = next((one for one in whole if one in set(verbs)), "")
    return whole[whole.index(owed) + 1 :] if owed else ()


def answer(request: Request, order: Order) -> str:
    """The first line of an order: what is owed by when, or what came of it."""
    t, clock, now = words(request).t, order.clock(), now_us()
    if clock is not None:
        limit = order.limit(clock) or now
        key = "late" if order.late(clock, now) else "owed"
        return t(f"orders.page.{clock}_{key}", at=moment(request, limit), left=words(request).left(limit, now))
    last = order.step("finish", "refuse", "withdraw", "reissue")
    at = moment(request, last.done) if last else "–"
    return t(f"orders.page.{order.state}", at=at, unit=unit_name(request, order.from_unit))


def steps(request: Request, order: Order, linked: bool = False) -> Iterable[dict[str, object]]:
    """What was done with the order, oldest first, with when it was typed where that was before it came in."""
    for one in order.steps:
        said = words(request).t(f"orders.step.{one.verb}")
        late = one.typed is not None and one.at - one.typed > 60_000_000
        by = step_by(request, order, one, linked)
        text = words(request).t("orders.came_later", by=by, at=moment(request, one.at)) if late else by
        yield {"what": said, "at": one.done, "who": text, "words": one.words}
    for told_ in order.told:
        to = ", ".join(unit_name(request, code) for code in told_.to)
        yield {"what": words(request).t("orders.step.escalate", to=to), "at": told_.at, "who": ""}


def step_by(request: Request, order: Order, step: Step, linked: bool) -> str:
    """Who did it; by a link it was somebody of the unit, and who holds a link is shown no names."""
    if step.by.startswith("link:"):
        return words(request).t("orders.by_link", unit=unit_name(request, order.ordered_to))
    if linked:
        unit = order.from_unit if step.verb in ("issue", "withdraw", "reissue") else order.ordered_to
        return unit_name(request, unit)
    return who(request, step.by)


def proof(order: Order, start: str) -> list[dict[str, str]]:
    """The photos and documents of the result."""
    return [
        {
            "src": f"{start}{one['sha256']}" if start else f"/file/{one['sha256']}?of={order.id}",
            "media": str(one["mediaType"]),
        }
        for one in order.proof
    ]


def units_of(request: Request, unit: str) -> list[tuple[str, str]]:
    """Units and organisations that can be ordered from here: the communes of the province, then its organisations."""
    here, language = parts(request), words(request).language
    try:
        province = here.territory.province_of(unit.partition(".")[0])
    except Missing:
        return []
    communes = sorted(here.territory.communes_of(province.code), key=lambda one: one.short)
    bodies = [one for one in organisations(here.hub) if one.unit.startswith(province.code) or one.unit == province.code]
    return [
        *((one.code, one.name_in(language)) for one in communes),
        *((one.id, one.name_in(language)) for one in bodies),
        (province.code, province.name_in(language)),
    ]


def kinds_of(request: Request, unit: str) -> list[tuple[str, str]]:
    """The kinds of orders in force for a unit."""
    return [
        (one.id, words(request).pick(one.names)) for one in rules_at(parts(request).operations, unit).kinds.values()
    ]


PAGES = (
    Page("/orders", board, "orders.title", roles=STAFF - {"assessor"}),
    Page("/order/{order}", one_order, "orders.one", roles=STAFF),
)
