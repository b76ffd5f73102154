"""Questions in which others have a share, or whose pages an entity map fixes (clauses 4.3.6, 5.5.9.3 and 5.5.14)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from dothi.ground.errors import Invalid
from dothi.hub.api.door.answer import BASE, paging
from dothi.hub.api.door.parameters import Asked as Parameters
from dothi.hub.api.door.parameters import Paging, paging_of, query_of, words
from dothi.hub.api.door.request import Call
from dothi.hub.context import Names
from dothi.hub.language.match import type_matches
from dothi.hub.language.nodes import Condition, Query
from dothi.hub.language.q import parse_q
from dothi.hub.language.time import parse_period
from dothi.hub.language.types import parse_types
from dothi.hub.model import Entity
from dothi.hub.peers.federate.answer.gathering import Concerned, concerned, gather, suiting, wanted_of
from dothi.hub.peers.federate.answer.maps import EntityMap
from dothi.hub.peers.federate.answer.walking import chosen, walk
from dothi.hub.peers.federate.ask.asking import READ_MANY, READ_ONE, Asked
from dothi.hub.peers.federate.ask.forwarding import Caller
from dothi.hub.render.parse import check_id
from dothi.hub.render.shape import Shape

MAP_HEADER = "NGSILD-EntityMap"
WARNING_HEADER = "NGSILD-Warning"
_FLAGS = {"true": True, "false": False}
_HEAD = frozenset({"id", "type", "scope"})

Headers = list[tuple[str, str]]


class Found(NamedTuple):
    """Entities for an answer, its extra headers, and whether an entity map was made for it (201)."""

    entities: list[Entity]
    headers: Headers
    made: bool = False


def alone(call: Call, asked: Parameters) -> bool:
    """Whether nobody else has a share in an answer and no entity map is wanted: the plain way then."""
    if "entityMap" in asked or refers(call):
        return False
    return call.door.registry.none(call.tenant) or call.flag("local")


def caller_of(call: Call, names: Names) -> Caller:
    """The request as others are told of it."""
    return Caller(call.actor, call.tenant, names, call.headers)


async def find_one(call: Call, names: Names, shape: Shape) -> Found | None:
    """The entity that the path names, of all that is known of it; None when this hub answers alone.

    When nobody knows it, `entities` is empty and the headers tell what went wrong on the way.
    """
    if alone(call, call.query):
        return None
    call.check_tenant()
    entity_id = check_id(call.path[0])
    types = parse_types(call.query["type"], names.inward) if "type" in call.query else None
    attrs = (shape.attrs or frozenset()) | (shape.pick or frozenset()) - _HEAD
    query = Query(types=types, ids=(entity_id,), attrs=tuple(sorted(attrs)), limit=1, tenant=call.tenant)
    mapped = flag(call.query, "entityMap")
    asked = Asked(query, shape.datasets or frozenset(), one=True, mapped=mapped)
    peers, caller = call.door.peers, caller_of(call, names)
    kept = referred(call)
    sources = _sources(call, caller, asked, READ_ONE) if kept is None else chosen(peers, caller, kept, (entity_id,))
    if not (mapped or refers(call) or sources.matches or sources.warnings):
        return None
    found = await gather(peers, caller, asked, sources)
    entities = [one for one in found.entities if types is None or type_matches(types, one.types)]
    headers = warned(found.warnings)
    if kept is None and (mapped or refers(call)):
        kept = made(call, call.query, found.sources, found.linked)
    return Found(entities, headers + located(kept))


async def find_many(call: Call, names: Names, asked: Parameters, path: str, media: str) -> Found | None:
    """One page of the entities that are asked for, of all that is known; None when this hub answers alone."""
    if alone(call, asked):
        return None
    call.check_tenant()
    page = paging_of(call)
    meant = meaning(call, names, asked, page)
    caller, kept = caller_of(call, names), referred(call)
    if kept is not None:
        return await _walked(call, caller, meant, kept, page, (path, media))
    sources = _sources(call, caller, meant, READ_MANY, csf_of(names, asked))
    mapped = meant.mapped or refers(call)
    if not (mapped or sources.matches or sources.warnings):
        return None
    check_order(asked, sources)
    found = await gather(call.door.peers, caller, meant, sources)
    kept = made(call, asked, found.sources, found.linked) if mapped else None
    headers = page_headers(call, page, len(found.entities), (path, media))
    entities = list(found.entities[page.offset : page.offset + page.limit])
    return Found(entities, headers + warned(found.warnings) + located(kept), kept is not None)


def meaning(call: Call, names: Names, asked: Parameters, page: Paging) -> Asked:
    """What sources are to be asked."""
    return Asked(
        query_of(call, names, asked, page),
        frozenset(words(asked.get("datasetId"))),
        broad=split(call, asked),
        mapped=flag(asked, "entityMap"),
    )


def split(call: Call, asked: Parameters) -> bool:
    """Whether entities are taken to be split between sources (clause 4.3.6.7); never in the local scope."""
    return flag(asked, "splitEntities", call.door.peers.split) and not call.flag("local")


def csf_of(names: Names, asked: Parameters) -> Condition | None:
    """The context source filter (clause 4.9)."""
    return parse_q(asked["csf"], names.inward) if "csf" in asked else None


def _sources(
    call: Call, caller: Caller, asked: Asked, operations: Sequence[str], csf: Condition | None = None
) -> Concerned:
    if call.flag("local"):
        return Concerned()
    return concerned(call.door.peers, caller, wanted_of(asked), operations, suiting(csf))


def check_order(asked: Parameters, sources: Concerned) -> None:
    """Raise Invalid for an ordering where others have a share (clause 5.7.2.4)."""
    if "orderBy" in asked and sources.matches:
        raise Invalid("orderBy works on what this hub holds itself: add local=true, or leave it out (clause 5.7.2.4).")


async def _walked(
    call: Call, caller: Caller, asked: Asked, kept: EntityMap, page: Paging, place: tuple[str, str]
) -> Found:
    """One page of those that the map names, each looked at anew (clause 5.5.9.3)."""
    found = await walk(call.door.peers, caller, asked, kept, (page.offset, page.limit), page.count)
    headers = paging(call, place[0], (page.limit, page.offset), found.more, place[1])
    if page.count:
        headers.append(("NGSILD-Results-Count", str(found.total)))
    return Found(list(found.entities), headers + warned(found.warnings) + located(kept))


def refers(call: Call) -> bool:
    """Whether a request names an entity map, be it still there or not."""
    return MAP_HEADER.lower() in call.headers


def referred(call: Call) -> EntityMap | None:
    """The entity map that the request names, when it is still there."""
    reference = call.headers.get(MAP_HEADER.lower())
    if reference is None:
        return None
    peers = call.door.peers
    return peers.maps.find(call.actor, call.tenant, reference, peers.line.clock())


def made(call: Call, asked: Parameters, sources: Mapping[str, tuple[str, ...]], linked: Mapping[str, str]) -> EntityMap:
    """Keep a map of the entities of an answer and their sources."""
    peers = call.door.peers
    return peers.maps.make(call.actor, call.tenant, sources, peers.line.clock(), lifetime(asked), linked)


def lifetime(asked: Parameters) -> int | None:
    """How long (µs) an entity map is wished to live."""
    if "entityMapLifetime" not in asked:
        return None
    try:
        period = parse_period(asked["entityMapLifetime"])
    except Invalid as wrong:
        raise Invalid(wrong.detail.replace("aggrPeriodDuration", "entityMapLifetime")) from None
    return period.length + period.months * 30 * 86_400_000_000


def place_of(kept: EntityMap) -> str:
    """The address of an entity map."""
    return f"{BASE}/entityMaps/{kept.id}"


def located(kept: EntityMap | None) -> Headers:
    """Where the entity map of an answer lies (table 6.4.3.2-3)."""
    return [] if kept is None else [(MAP_HEADER, place_of(kept))]


def warned(warnings: Iterable[str]) -> Headers:
    """What went wrong on the way, as headers (clause 6.3.17)."""
    return [(WARNING_HEADER, text) for text in warnings]


def page_headers(call: Call, page: Paging, total: int, place: tuple[str, str]) -> Headers:
    """Links and count of a page of so many; `place` is path and media type."""
    more = page.offset + page.limit < total
    headers = paging(call, place[0], (page.limit, page.offset), more, place[1])
    return [*headers, ("NGSILD-Results-Count", str(total))] if page.count else headers


def flag(asked: Parameters, name: str, default: bool = False) -> bool:
    """A parameter (or member of a Query) that is true or false. Invalid when it is neither."""
    text = asked.get(name)
    if text is None:
        return default
    if text not in _FLAGS:
        raise Invalid(f"{name} must be true or false, not {text[:40]!r}.")
    return _FLAGS[text]
