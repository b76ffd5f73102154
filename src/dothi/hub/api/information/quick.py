"""The short way to entities that are asked for as most clients ask: what was rendered before is sent as it is."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from dothi.hub.api.door.answer import Answer, page_of, paging
from dothi.hub.api.door.parameters import Paging, paging_of, query_of, shape_of
from dothi.hub.api.door.request import JSON, Call
from dothi.hub.context import Names
from dothi.hub.language.nodes import Query
from dothi.hub.render.parse import check_id
from dothi.hub.render.shape import Shape

MOST_PLANS = 512  # Questions whose meaning is remembered.
_LONGEST = 500  # Characters of a question that is remembered.
# Questions made of nothing else have an answer that consists of whole entities of this hub.
_PLAIN = frozenset(
    {"type", "q", "georel", "geometry", "coordinates", "geoproperty", "scopeQ", "limit", "offset", "count", "options"}
)


class Plan(NamedTuple):
    """What a question means."""

    shape: Shape
    query: Query
    page: Paging


Plans = dict[tuple[str, str, Names], Plan]  # By query string, tenant and names.


def _usual(call: Call) -> bool:
    """Whether plain JSON is wanted, in the standard's present form, and this hub alone is to answer."""
    headers = call.headers
    return (
        headers.get("accept", "*/*") in ("*/*", JSON)
        and "prefer" not in headers
        and "ngsild-entitymap" not in headers
        and call.door.registry.none(call.tenant)
    )


def quick_entity(call: Call, names: Names) -> Answer | None:
    """One whole entity in normalized form (clause 5.7.1); None for any other question."""
    if call.raw_query or not _usual(call):
        return None
    shape = Shape(names=names)
    body = call.hub.shown(call.actor, check_id(call.path[0]), shape, call.tenant)
    return None if body is None else page_of(names, body)


def quick_page(call: Call, names: Names) -> Answer | None:
    """One page of whole entities that columns can tell (clause 5.7.2); None for any other question."""
    if len(call.raw_query) > _LONGEST or not _usual(call):
        return None
    key = (call.raw_query, call.tenant, names)
    plans: Plans = call.door.plans
    plan = plans.get(key)
    if plan is None:
        if not call.query.keys() <= _PLAIN:
            return None
        plan = _plan(call, names, call.query)
        if len(plans) >= MOST_PLANS:
            plans.clear()
        plans[key] = plan
    found = call.hub.shown_page(call.actor, plan.query, plan.shape)
    if found is None:
        return None
    shown, rows = found
    limit, offset, count = plan.page.limit, plan.page.offset, plan.page.count
    headers = paging(call, "/entities", (limit, offset), rows.more, JSON)
    if count:
        headers.append(("NGSILD-Results-Count", str(rows.total)))
    return page_of(names, b"[" + b",".join(shown) + b"]", headers)


def _plan(call: Call, names: Names, asked: Mapping[str, str]) -> Plan:
    page = paging_of(call)
    return Plan(shape_of(call, names, asked, JSON), replace(query_of(call, names, asked, page), limit=page.limit), page)
