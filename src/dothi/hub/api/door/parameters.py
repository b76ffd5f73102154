"""Query parameters (and the Query document of POST) to queries, shapes and windows of the hub."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from dothi.ground.errors import Invalid, Malformed, TooMany
from dothi.hub.api.door.request import GEO_JSON, Call
from dothi.hub.context import Names
from dothi.hub.context.terms import is_uri
from dothi.hub.language.geo import parse_geo
from dothi.hub.language.match import attributes, depth
from dothi.hub.language.nodes import Condition, Geo, Ordering, Query, Selector, TypeCondition, TypeOr, Window
from dothi.hub.language.order import parse_order
from dothi.hub.language.q import parse_q
from dothi.hub.language.scope import parse_scope
from dothi.hub.language.time import parse_window
from dothi.hub.language.types import parse_types
from dothi.hub.render.instance import NO_DATASET
from dothi.hub.render.linked import Join
from dothi.hub.render.members import HEAD, Members, levels, pairs, parse_members
from dothi.hub.render.parse import check_id
from dothi.hub.render.shape import Form, Shape, ranked_languages
from dothi.hub.render.values import shown

Asked = Mapping[str, str]
FORMS: dict[str, Form] = {
    "normalized": "normalized",
    "concise": "concise",
    "simplified": "simplified",
    "keyValues": "simplified",
}
MOST_OFFSET = 10**9
MOST_LEVELS = 100
ENTITIES = "entities"  # Selectors of a Query document as JSON, where no single parameters say the same.
_STAMPS = {"createdAt", "modifiedAt", "deletedAt", "observedAt"}  # Every entity may have them.
_GEO = ("georel", "geometry", "coordinates", "geoproperty")
_TEMPORAL = ("timerel", "timeAt", "endTimeAt", "timeproperty", "lastN", "aggrMethods", "aggrPeriodDuration")


@dataclass(frozen=True, slots=True)
class Paging:
    """Which part of the result is asked for."""

    limit: int
    offset: int
    count: bool


def words(text: str | None) -> tuple[str, ...]:
    """The parts of a comma separated parameter, without empty ones."""
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def paging_of(call: Call) -> Paging:
    """Limit, offset and count (clauses 6.3.10 and 6.3.13). TooMany beyond the page limit."""
    limits, query = call.door.limits, call.query
    limit = _number("limit", query.get("limit", str(limits.default_page)))
    count = call.flag("count") or "count" in call.options()
    if limit > limits.page:
        raise TooMany(
            f"limit is {limit}; at most {limits.page} entities are given in one answer. Follow the next links."
        )
    if limit == 0 and not count:
        raise Invalid("limit=0 makes sense with count=true only (clause 6.3.13).")
    return Paging(limit, _number("offset", query.get("offset", "0")), count)


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= MOST_OFFSET):
        raise Invalid(f"{name} must be a whole number of 0 or more, not {text[:40]!r}.")
    return int(text)


def query_of(call: Call, names: Names, asked: Asked, paging: Paging) -> Query:
    """The query of entities that is asked for (clause 5.7.2). Invalid names the parameter that is wrong."""
    q = parse_q(asked["q"], names.inward, words(asked.get("expandValues"))) if "q" in asked else None
    _check_width(call, asked, q)
    if q is not None and depth(q) > (join.level if (join := join_of(asked)) else 0):
        raise Invalid("q looks deeper into linked entities than join and joinLevel reach (clause 5.7.2.4).")
    if "csf" in asked:
        parse_q(asked["csf"], names.inward)  # Who asks the sources reads it; a wrong filter is wrong in any case.
    for name in words(asked.get("jsonKeys")):
        names.inward(name)  # Values of JSON are kept as they came, so there is nothing else to do for them.
    ids = tuple(check_id(one) for one in words(asked.get("id")))
    selectors = _several(asked, names)
    return Query(
        types=_types(asked.get("type", "*"), names) if not selectors else _any_type(selectors),
        ids=ids,
        id_pattern=None if ids else asked.get("idPattern"),  # Clause 5.2.33: the id goes first.
        attrs=_inward(names, asked.get("attrs")) or _picked(names, asked.get("pick")),
        q=q,
        geo=_geo(asked, names),
        scope=parse_scope(asked["scopeQ"]) if "scopeQ" in asked else None,
        limit=paging.limit,
        offset=paging.offset,
        count=paging.count,
        ordering=_ordering(asked, names),
        any_of=selectors,
        tenant=call.tenant,
    )


def _check_width(call: Call, asked: Asked, q: Condition | None) -> None:
    """Raise Invalid for a query without any condition that is not local (clause 5.7.2.4)."""
    if call.snapshot:
        return  # What is done on a snapshot is local, whatever the parameter says (clause 5.5.15).
    if asked.get("type") == "*" and call.query.get("local") == "false":
        raise Invalid("type=* is about this hub only: leave local=false out, or name types (clause 6.4.3.2).")
    told = set(words(asked.get("attrs") or asked.get("pick"))) - HEAD
    if q is not None:
        told |= attributes(q)
    narrow = {"type", "georel", ENTITIES} & asked.keys() or told - _STAMPS
    if not narrow and not call.flag("local"):
        raise Invalid(
            "The query is too wide: give type, attrs, q or a geo-query, or local=true for everything (clause 5.7.2.4)."
        )


def _types(text: str, names: Names) -> TypeCondition | None:
    return None if text == "*" else parse_types(text, names.inward)


def _several(asked: Asked, names: Names) -> tuple[Selector, ...]:
    """The selectors of a Query document that differ in more than their types (clause 5.2.33)."""
    return tuple(
        Selector(
            _types(one.get("type", "*"), names),
            tuple(check_id(part) for part in one.get("id", ())),
            one.get("idPattern"),
        )
        for one in msgspec.json.decode(asked.get(ENTITIES, "[]"))
    )


def _any_type(selectors: tuple[Selector, ...]) -> TypeCondition | None:
    types = tuple(one.types for one in selectors if one.types is not None)
    return TypeOr(types) if len(types) == len(selectors) else None


def _inward(names: Names, text: str | None) -> tuple[str, ...]:
    return tuple(names.inward(word) for word in words(text))


def _geo(asked: Asked, names: Names) -> Geo | None:
    given = [name for name in _GEO[:3] if name in asked]
    if not given:
        return None  # Without a geo-query its geoproperty is ignored (clause 6.4.3.2).
    missing = [name for name in _GEO[:3] if name not in asked]
    if missing:
        raise Invalid(f"A geo-query needs georel, geometry and coordinates; {', '.join(missing)} is missing.")
    return parse_geo(asked["georel"], asked["geometry"], asked["coordinates"], asked.get("geoproperty"), names.inward)


def _ordering(asked: Asked, names: Names) -> Ordering | None:
    """How the answer is to be sorted (clause 4.23.3)."""
    origin, geometry, collation = (asked.get(name) for name in ("orderFrom", "orderGeometry", "collation"))
    terms = asked["orderBy"].split(",") if "orderBy" in asked else ["id"]
    ordering = parse_order(terms, origin, geometry, collation, names.inward)
    return ordering if "orderBy" in asked else None


def join_of(asked: Asked) -> Join | None:
    """How linked entities are asked for (clause 4.5.23), None for not at all."""
    kind, level = asked.get("join", "@none"), _number("joinLevel", asked.get("joinLevel", "1"))
    if kind not in ("flat", "inline", "@none"):
        raise Invalid(f"join is {kind[:40]!r}; it is one of flat, inline and @none.")
    if not 0 < level <= MOST_LEVELS:
        raise Invalid(f"joinLevel is {level}; it must be a whole number from 1 to {MOST_LEVELS}.")
    before = frozenset(check_id(one) for one in words(asked.get("containedBy")))
    return None if kind == "@none" else Join("flat" if kind == "flat" else "inline", level, before)


def shape_of(call: Call, names: Names, asked: Asked, media: str) -> Shape:
    """How the entities are to look (clauses 4.5, 4.21, 6.3.7)."""
    options = call.options()
    if "geometryProperty" in asked and media != GEO_JSON:
        raise Invalid(f"geometryProperty goes with Accept: {GEO_JSON} only (clause 5.7.2.4).")
    if "attrs" in asked and ("pick" in asked or "omit" in asked):
        raise Invalid("attrs cannot stand beside pick or omit; use pick and omit (clause 4.21).")
    attrs, datasets = asked.get("attrs"), asked.get("datasetId")
    shape = Shape(
        names=names,
        form=form_of(call, options),
        sys_attrs="sysAttrs" in options,
        attrs=frozenset(_inward(names, attrs)) if attrs is not None else None,
        languages=ranked_languages(asked["lang"]) if "lang" in asked else None,
        datasets=frozenset(_dataset(one) for one in words(datasets)) if datasets is not None else None,
        geometry=names.inward(asked.get("geometryProperty", "location")),
    )
    pick, omit = (parse_members(one, asked[one], names.inward) if one in asked else None for one in ("pick", "omit"))
    _check_depth(asked, pick or {}, omit or {})
    return _projected(shape, pick, omit or {})


def _dataset(text: str) -> str:
    if text != NO_DATASET and not is_uri(text):
        raise Invalid(f"datasetId holds {text[:60]!r}, which is neither a URI nor {NO_DATASET}.")
    return text


def _check_depth(asked: Asked, pick: Members, omit: Members) -> None:
    join = join_of(asked)
    if max(levels(pick), levels(omit)) > (join.level if join else 0):
        raise Invalid("pick or omit look deeper into linked entities than join and joinLevel reach (clause 5.7.2.4).")


def _projected(shape: Shape, pick: Members | None, omit: Members) -> Shape:
    """The shape narrowed to what is picked and not left out, on each level for itself."""
    gone = frozenset(name for name, below in omit.items() if below is None)
    both = gone & (pick or {}).keys()
    if both:
        raise Invalid(f"pick and omit both name {', '.join(sorted(both))[:100]}.")
    inner_pick, inner_omit = dict(pairs(pick or {})), dict(pairs(omit))
    linked = tuple(
        (name, _projected(replace(shape, attrs=None), inner_pick.get(name), inner_omit.get(name, {})))
        for name in sorted(inner_pick.keys() | inner_omit.keys())
    )
    return replace(shape, pick=None if pick is None else frozenset(pick), omit=gone, linked=linked)


def form_of(call: Call, options: frozenset[str]) -> Form:
    """The representation asked for, by format or (older) options (clause 6.3.7)."""
    wanted = call.query.get("format")
    if wanted is not None:
        if wanted not in FORMS:
            raise Malformed(f"format is {wanted[:40]!r}; it is one of {', '.join(FORMS)}.")
        return FORMS[wanted]
    return next((form for word, form in FORMS.items() if word in options), "normalized")


def _picked(names: Names, pick: str | None) -> tuple[str, ...]:
    """The attributes of which an entity must have one: those picked, unless its id, type or scope is wanted anyway."""
    members = parse_members("pick", pick, names.inward) if pick is not None else {}
    return () if members.keys() & HEAD else tuple(members)


def window_of(asked: Asked) -> Window:
    """The temporal query (clause 4.11)."""
    return parse_window(
        asked.get("timerel"), asked.get("timeAt"), asked.get("endTimeAt"), asked.get("timeproperty"), asked.get("lastN")
    )


def asked_of(document: Any) -> dict[str, str]:
    """A Query document (clause 5.2.23) as the parameters that would say the same."""
    if not isinstance(document, dict):
        raise Invalid(f"The body must be a Query object, not {shown(document)}.")
    if document.get("type") != "Query":
        raise Invalid(f'The body must have "type": "Query", not {shown(document.get("type"))}.')
    asked = _selectors(document.get("entities"))
    for name, read in _MEMBERS.items():
        if name in document:
            asked[name] = read(name, document[name])
    for name, members in _SECTIONS.items():
        section = _object(name, document.get(name, {}))
        asked |= {
            parameter: _flat(f"{name}.{member}", section[member])
            for member, parameter in members.items()
            if member in section
        }
    return asked


def _flat(name: str, value: Any) -> str:
    """A member as its parameter would spell it: coordinates as JSON, lists by commas, numbers as digits."""
    if name.endswith(".coordinates"):
        return msgspec.json.encode(value).decode() if isinstance(value, list) else _text(name, value)
    if isinstance(value, list):
        return _texts(name, value)
    return _digits(name, value) if name.endswith(".lastN") and type(value) is int else _text(name, value)


def _selectors(entities: Any) -> dict[str, str]:
    """Entity selectors (clause 5.2.33). Several that differ by type only are one; others stay as they are."""
    if entities is None:
        return {}
    selectors = [_selector(one) for one in (entities if isinstance(entities, list) else [entities])]
    if not selectors:
        raise Invalid("entities must not be empty.")
    types = list(dict.fromkeys(one["type"] for one in selectors if "type" in one))
    if len(selectors) > 1 and any(one.keys() - {"type"} for one in selectors):
        return {ENTITIES: msgspec.json.encode(selectors).decode()}
    asked = {"type": "|".join(f"({one})" for one in types) if len(types) > 1 else types[0]} if types else {}
    if "id" in selectors[0]:
        asked["id"] = ",".join(selectors[0]["id"])
    return asked | ({"idPattern": selectors[0]["idPattern"]} if "idPattern" in selectors[0] else {})


def _selector(value: Any) -> dict[str, Any]:
    """One selector, checked; its ids as a list."""
    given = _object("entities", value)
    selector: dict[str, Any] = {
        name: _text(f"entities.{name}", given[name]) for name in ("type", "idPattern") if name in given
    }
    if "id" in given:
        listed = given["id"] if isinstance(given["id"], list) else [given["id"]]
        selector["id"] = [check_id(one) for one in listed]
    return selector


def _object(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Invalid(f"{name} must be an object, not {shown(value)}.")
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise Invalid(f"{name} must be a string, not {shown(value)}.")
    return value


def _texts(name: str, value: Any) -> str:
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(one, str) and one for one in listed):
        raise Invalid(f"{name} must be a list of strings, not {shown(value)}.")
    return ",".join(listed)


def _digits(name: str, value: Any) -> str:
    if type(value) is not int:
        raise Invalid(f"{name} must be a whole number, not {shown(value)}.")
    return str(value)


def _truth(name: str, value: Any) -> str:
    if not isinstance(value, bool):
        raise Invalid(f"{name} must be true or false, not {shown(value)}.")
    return "true" if value else "false"


# Members of a Query document by how they are read (table 5.2.23-1), and those of its sections as parameters.
_MEMBERS: dict[str, Callable[[str, Any], str]] = {
    **dict.fromkeys(("q", "scopeQ", "lang", "expandValues", "jsonKeys", "csf", "join", "entityMapLifetime"), _text),
    **dict.fromkeys(("attrs", "pick", "omit", "datasetId", "containedBy"), _texts),
    **dict.fromkeys(("entityMap", "splitEntities"), _truth),
    "joinLevel": _digits,
}
_SECTIONS: dict[str, dict[str, str]] = {
    "geoQ": {name: name for name in _GEO},
    "temporalQ": {name: name for name in _TEMPORAL},
    "aggrParams": {name: name for name in _TEMPORAL[-2:]},
    "ordering": {
        "orderBy": "orderBy",
        "collation": "collation",
        "coordinates": "orderFrom",
        "geometry": "orderGeometry",
    },
}
