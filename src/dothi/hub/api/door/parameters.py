"""Query parameters (and the Query document of POST) to queries, shapes and windows of the hub."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from dothi.ground.errors import Invalid, Malformed, TooMany, Unsupported
from dothi.hub.api.door.request import GEO_JSON, Call
from dothi.hub.context import Names
from dothi.hub.language.geo import parse_geo
from dothi.hub.language.nodes import Geo, Query, Window
from dothi.hub.language.q import parse_q
from dothi.hub.language.scope import parse_scope
from dothi.hub.language.time import parse_window
from dothi.hub.language.types import parse_types
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
HEAD = frozenset({"id", "type", "scope"})
_STAMPS = {"createdAt", "modifiedAt", "deletedAt", "observedAt"}  # Every entity may have them.
_GEO = ("georel", "geometry", "coordinates", "geoproperty")
_TEMPORAL = ("timerel", "timeAt", "endTimeAt", "timeproperty", "lastN", "aggrMethods", "aggrPeriodDuration")
_LISTS = ("attrs", "pick", "omit", "datasetId")
_TEXTS = ("q", "scopeQ", "lang", "expandValues", "csf")


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
    count = call.flag("count")
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
    narrowing = {"type", "q", "georel"} & asked.keys()
    if not (narrowing or set(words(asked.get("attrs") or asked.get("pick"))) - HEAD - _STAMPS) and not call.flag(
        "local"
    ):
        raise Invalid(
            "The query is too wide: give type, attrs, q or a geo-query, or local=true for everything (clause 5.7.2.4)."
        )
    expand_values = words(asked.get("expandValues"))
    if "csf" in asked:
        parse_q(asked["csf"], names.inward)  # There are no sources to filter yet, but a wrong filter is wrong.
    ids = tuple(check_id(one) for one in words(asked.get("id")))
    return Query(
        types=parse_types(asked["type"], names.inward) if asked.get("type", "*") != "*" else None,
        ids=ids,
        id_pattern=None if ids else asked.get("idPattern"),  # Clause 5.2.33: the id goes first.
        attrs=_inward(names, asked.get("attrs")) or _picked(names, asked.get("pick")),
        q=parse_q(asked["q"], names.inward, expand_values) if "q" in asked else None,
        geo=_geo(asked, names),
        scope=parse_scope(asked["scopeQ"]) if "scopeQ" in asked else None,
        limit=paging.limit,
        offset=paging.offset,
        count=paging.count,
        order=_order(asked.get("orderBy"), names),
        tenant=call.tenant,
    )


def _inward(names: Names, text: str | None) -> tuple[str, ...]:
    return tuple(names.inward(word) for word in words(text))


def _geo(asked: Asked, names: Names) -> Geo | None:
    given = [name for name in _GEO if name in asked]
    if not given:
        return None
    missing = [name for name in _GEO[:3] if name not in asked]
    if missing:
        raise Invalid(f"A geo-query needs georel, geometry and coordinates; {', '.join(missing)} is missing.")
    return parse_geo(asked["georel"], asked["geometry"], asked["coordinates"], asked.get("geoproperty"), names.inward)


def _order(text: str | None, names: Names) -> tuple[str, ...]:
    order = []
    for part in words(text):
        name, _, direction = part.partition(";")
        if direction not in ("", "asc", "desc"):
            raise Invalid(f"orderBy holds {part[:60]!r}; after the semicolon there is asc or desc.")
        if name in HEAD or "." in name or "[" in name:
            raise Unsupported(f"orderBy={name} is not supported; order by attributes, createdAt or modifiedAt.")
        order.append(("-" if direction == "desc" else "") + names.inward(name))
    return tuple(order)


def shape_of(call: Call, names: Names, asked: Asked, media: str) -> Shape:
    """How the entities are to look (clauses 4.5, 4.21, 6.3.7)."""
    if asked.get("join", "@none") != "@none" or "containedBy" in asked:
        raise Unsupported("Linked entity retrieval (join) is not supported yet; query the linked entities by id.")
    options = call.options()
    if "geometryProperty" in asked and media != GEO_JSON:
        raise Invalid(f"geometryProperty goes with Accept: {GEO_JSON} only (clause 5.7.2.4).")
    _check_projection(asked)
    attrs, pick, datasets = asked.get("attrs"), asked.get("pick"), asked.get("datasetId")
    return Shape(
        names=names,
        form=form_of(call, options),
        sys_attrs="sysAttrs" in options,
        attrs=frozenset(_inward(names, attrs)) if attrs is not None else None,
        pick=_members(names, pick) if pick is not None else None,
        omit=_members(names, asked.get("omit")),
        languages=ranked_languages(asked["lang"]) if "lang" in asked else None,
        datasets=frozenset(words(datasets)) if datasets is not None else None,
        geometry=names.inward(asked.get("geometryProperty", "location")),
    )


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
    members = _members(names, pick)
    return () if members & HEAD else tuple(members)


def _check_projection(asked: Asked) -> None:
    """Raise Invalid for projections that contradict each other (clause 4.21)."""
    if "attrs" in asked and ("pick" in asked or "omit" in asked):
        raise Invalid("attrs cannot stand beside pick or omit; use pick and omit (clause 4.21).")
    both = set(words(asked.get("pick"))) & set(words(asked.get("omit")))
    if both:
        raise Invalid(f"pick and omit both name {', '.join(sorted(both))[:100]}.")


def _members(names: Names, text: str | None) -> frozenset[str]:
    """The members of pick and omit (clause 4.21); | separates as a comma does."""
    if text is None:
        return frozenset()
    parts = [part.strip() for part in text.replace("|", ",").split(",")]
    if "{" in text or "}" in text or "" in parts:
        raise Invalid(
            f"{shown(text)} must be names separated by commas; braces need linked entity retrieval, "
            "which is not supported (clause 4.21)."
        )
    return frozenset(part if part in HEAD else names.inward(part) for part in parts)


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
    asked |= {name: _text(name, document[name]) for name in _TEXTS if name in document}
    asked |= {name: ",".join(_texts(name, document[name])) for name in _LISTS if name in document}
    if "join" in document:
        asked["join"] = _text("join", document["join"])
    for name, members in (("geoQ", _GEO), ("temporalQ", _TEMPORAL), ("aggrParams", _TEMPORAL[-2:])):
        if name in document:
            asked |= _section(name, document[name], members)
    if "ordering" in document:
        asked["orderBy"] = ",".join(
            _texts("ordering.orderBy", _object("ordering", document["ordering"]).get("orderBy"))
        )
    return asked


def _section(name: str, value: Any, members: tuple[str, ...]) -> dict[str, str]:
    section = _object(name, value)
    return {member: _flat(f"{name}.{member}", section[member]) for member in members if member in section}


def _flat(name: str, value: Any) -> str:
    """A member as its parameter would spell it: coordinates as JSON, lists by commas, numbers as digits."""
    if name.endswith(".coordinates") and isinstance(value, list):
        return msgspec.json.encode(value).decode()
    if isinstance(value, list):
        return ",".join(_texts(name, value))
    return str(value) if type(value) is int else _text(name, value)


def _selectors(entities: Any) -> dict[str, str]:
    """Entity selectors (clause 5.2.33). Several may differ by type only, since each of them narrows for itself."""
    if entities is None:
        return {}
    selectors = [_object("entities", one) for one in (entities if isinstance(entities, list) else [entities])]
    if not selectors:
        raise Invalid("entities must not be empty.")
    types = list(dict.fromkeys(_text("entities.type", one["type"]) for one in selectors if "type" in one))
    named = ["id" in one for one in selectors]
    if len(selectors) > 1 and (any("idPattern" in one for one in selectors) or (any(named) and len(types) > 1)):
        raise Unsupported(
            "Selectors that differ in type and in id or idPattern are not supported; send a query for each."
        )
    asked = {}
    if types:
        asked["type"] = "|".join(f"({one})" for one in types) if len(types) > 1 else types[0]
    if all(named):
        asked["id"] = ",".join(part for one in selectors for part in _texts("entities.id", one["id"]))
    if "idPattern" in selectors[0]:
        asked["idPattern"] = _text("entities.idPattern", selectors[0]["idPattern"])
    return asked


def _object(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Invalid(f"{name} must be an object, not {shown(value)}.")
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise Invalid(f"{name} must be a string, not {shown(value)}.")
    return value


def _texts(name: str, value: Any) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(one, str) and one for one in listed):
        raise Invalid(f"{name} must be a list of strings, not {shown(value)}.")
    return listed
