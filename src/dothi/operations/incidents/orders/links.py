"""The link of an order: who holds it acts for the ordered unit on this one order, without an account, for a while."""

from collections.abc import Callable, Mapping
from functools import partial

from dothi.accounts.vault import Vault
from dothi.ground.clock import HOUR, from_iso, iso, now_us
from dothi.ground.ids import urn
from dothi.ground.links import BadLink, sign, subject_of
from dothi.operations.incidents.orders.giving import rules_of, standing
from dothi.operations.incidents.orders.model import TYPE, Order
from dothi.operations.model import Operations

PURPOSE = "order"
START = "/o/"  # Short: it is sent by telephone.


def link_of(operations: Operations, order: Order) -> str:
    """The path of an order's link; "" where this process has no key to sign with."""
    if operations.vault is None:
        return ""
    subject = _subject(order.name, order.ordered_to)
    return START + sign(operations.vault.linking, PURPOSE, subject, _expires(operations, order))


def opened(operations: Operations, token: str, now: int | None = None) -> Order:
    """The order of a link that somebody opened. BadLink or ExpiredLink (ground/links.py) otherwise."""
    if operations.vault is None:
        raise BadLink
    subject = subject_of(operations.vault.linking, token, PURPOSE, now or now_us())
    name, _, unit = subject.partition(" ")
    order = standing(operations, urn(TYPE, name))
    if order is None or order.ordered_to != unit:
        raise BadLink
    return order


def makers(vault: Vault) -> Mapping[str, Callable[[str], str]]:
    """The maker of these links for messages (office.messages), by the name that drafts give."""
    return {PURPOSE: partial(_made, vault)}


def _made(vault: Vault, of: str) -> str:
    """`of` = order, unit and end, as drafts keep them: no secret waits in the hub."""
    name, unit, expires = of.split(" ")
    return START + sign(vault.linking, PURPOSE, _subject(name, unit), from_iso(expires))


def kept(operations: Operations, order: Order) -> str:
    """What a draft keeps of an order, to make its link when the message leaves."""
    return f"{order.name} {order.ordered_to} {iso(_expires(operations, order))}"


def _expires(operations: Operations, order: Order) -> int:
    return from_iso(order.finish_by) + round(rules_of(operations, order).link_hours * HOUR)


def _subject(name: str, unit: str) -> str:
    return f"{name} {unit}"
