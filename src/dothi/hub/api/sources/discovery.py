"""Which registrations a question is about (clause 5.10.2): its parameters, and the filter of context sources."""

from collections.abc import Iterable, Mapping

from dothi.ground.errors import Invalid
from dothi.hub.api.door.parameters import words
from dothi.hub.api.door.request import Call
from dothi.hub.context import Names
from dothi.hub.language.geo import parse_geo
from dothi.hub.language.match import attributes
from dothi.hub.language.nodes import Condition, Geo, Window
from dothi.hub.language.q import parse_q
from dothi.hub.language.scope import parse_scope
from dothi.hub.language.time import parse_window
from dothi.hub.language.types import parse_types
from dothi.hub.peers.federate.keeping.filtering import passes
from dothi.hub.peers.federate.matching import Match, Selector, Wanted, match
from dothi.hub.peers.federate.registrations import Registration
from dothi.hub.render.parse import check_id

HEAD = frozenset(("id", "type", "scope"))  # Members of an entity that are no attributes.
_GEO = ("georel", "geometry", "coordinates")
_TIMES = ("timerel", "timeAt", "endTimeAt")


def wanted_of(call: Call, names: Names) -> Wanted:
    """What is asked for. Invalid names the parameter that is wrong, or says that the question is too wide."""
    asked = {name: text for name, text in call.query.items() if text}
    attrs = _attributes(asked, names)
    if not attrs and not {"type", "georel"} & asked.keys():
        raise Invalid("The question is too wide: give type, attrs, q or a geo-query (clause 5.10.2.4).")
    return Wanted(
        selectors=_selectors(asked, names),
        attrs=attrs,
        window=_window(asked),
        geo=_geo(asked, names),
        scope=parse_scope(asked["scopeQ"]) if "scopeQ" in asked else None,
        strict=True,
    )


def filter_of(call: Call, names: Names) -> Condition | None:
    """The filter of context sources (csf). Invalid when it cannot be read."""
    text = call.query.get("csf")
    return parse_q(text, names.inward) if text else None


def found(registrations: Iterable[Registration], wanted: Wanted, condition: Condition | None) -> list[Match]:
    """The registrations that match, each with its matching parts, in order."""
    matched = (match(one, wanted) for one in registrations)
    return [one for one in matched if one is not None and passes(one.registration, condition)]


def _selectors(asked: Mapping[str, str], names: Names) -> tuple[Selector, ...]:
    types = parse_types(asked["type"], names.inward) if asked.get("type", "*") != "*" else None
    ids = tuple(check_id(one) for one in words(asked.get("id")))
    pattern = None if ids else asked.get("idPattern")  # Clause 5.2.33: the id goes first.
    return (Selector(types, ids, pattern),) if types or ids or pattern else ()


def _attributes(asked: Mapping[str, str], names: Names) -> frozenset[str]:
    """The attributes that are asked about in any way."""
    given = {names.inward(name) for name in words(asked.get("attrs"))}
    picked = {part for part in words(asked.get("pick", "").replace("|", ",")) if part not in HEAD}
    given |= {names.inward(name) for name in picked}
    if "q" in asked:
        given |= attributes(parse_q(asked["q"], names.inward))
    if "geoproperty" in asked and "georel" in asked:
        given.add(names.inward(asked["geoproperty"]))
    return frozenset(given)


def _geo(asked: Mapping[str, str], names: Names) -> Geo | None:
    missing = [name for name in _GEO if name not in asked]
    if len(missing) == len(_GEO):
        return None
    if missing:
        raise Invalid(f"A geo-query needs georel, geometry and coordinates; {', '.join(missing)} is missing.")
    return parse_geo(asked["georel"], asked["geometry"], asked["coordinates"], asked.get("geoproperty"), names.inward)


def _window(asked: Mapping[str, str]) -> Window | None:
    rel, at, end = (asked.get(name) for name in _TIMES)
    return None if rel is at is end is None else parse_window(rel, at, end, asked.get("timeproperty"))
