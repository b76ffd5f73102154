"""Queries as parameters for another hub, in the names that it understands (clauses 4.9, 4.10, 4.17 and 4.19)."""

import re
from typing import Any

import msgspec

from dothi.ground.clock import iso
from dothi.ground.errors import Unsupported
from dothi.hub.context import Names
from dothi.hub.language.nodes import (
    And,
    Between,
    Compare,
    Condition,
    Exists,
    Geo,
    Moment,
    Or,
    Query,
    ScopeAnd,
    ScopeCondition,
    ScopeIs,
    TypeAnd,
    TypeCondition,
    TypeIs,
    TypeOr,
    Window,
)
from dothi.hub.peers.federate.matching import Match

_PLAIN_PATTERN = re.compile(r'[^;|()"]+')


def selection(match: Match, query: Query, names: Names) -> dict[str, str]:
    """Which entities a source is asked for: type, id and idPattern, no wider than its registration (4.3.6.1)."""
    asked: dict[str, str] = {}
    kind = _types(match, query.types, names)
    if kind:
        asked["type"] = kind
    infos = [info for one in match.information for info in one.entities]
    if query.ids:
        asked["id"] = ",".join(match.ids(query.ids))
    elif query.id_pattern is not None:
        asked["idPattern"] = query.id_pattern
    elif infos and all(info.id for info in infos):
        asked["id"] = ",".join(dict.fromkeys(str(info.id) for info in infos))
    elif len(infos) == 1 and infos[0].pattern:
        asked["idPattern"] = infos[0].pattern
    return asked


def filters(query: Query, names: Names) -> dict[str, str]:
    """The filters of a query: q, geo-query and scope query. Unsupported for what cannot be said."""
    asked: dict[str, str] = {}
    if query.q is not None:
        asked["q"] = _bare(q_text(query.q, names))
    if query.geo is not None:
        asked |= geo_parameters(query.geo, names)
    if query.scope is not None:
        asked["scopeQ"] = scope_text(query.scope)
    return asked


def attributes(match: Match, wanted: frozenset[str], names: Names) -> dict[str, str]:
    """Which attributes a source is asked for; nothing when it may tell all."""
    attrs = match.attrs(wanted)
    return {} if attrs is None else {"attrs": ",".join(sorted(map(names.outward, attrs)))}


def _types(match: Match, wanted: TypeCondition | None, names: Names) -> str:
    offered = match.types()
    if wanted is None:
        return ",".join(sorted(map(names.outward, offered or ())))
    plain = _alternatives(wanted)
    if offered is not None and plain is not None:
        return ",".join(names.outward(kind) for kind in plain if kind in offered)
    return type_text(wanted, names)


def _alternatives(wanted: TypeCondition) -> tuple[str, ...] | None:
    """The types of which one suffices; None when the condition asks for more."""
    terms = wanted.terms if isinstance(wanted, TypeOr) else (wanted,)
    named = tuple(term.name for term in terms if isinstance(term, TypeIs))
    return named if len(named) == len(terms) else None


def type_text(condition: TypeCondition, names: Names) -> str:
    """A selection of types as a parameter (clause 4.17)."""
    if isinstance(condition, TypeIs):
        return names.outward(condition.name)
    mark = ";" if isinstance(condition, TypeAnd) else "|"
    return f"({mark.join(type_text(term, names) for term in condition.terms)})"


def scope_text(condition: ScopeCondition) -> str:
    """A scope query as a parameter (clause 4.19)."""
    if isinstance(condition, ScopeIs):
        return condition.pattern
    mark = ";" if isinstance(condition, ScopeAnd) else "|"
    return f"({mark.join(scope_text(term) for term in condition.terms)})"


def geo_parameters(geo: Geo, names: Names) -> dict[str, str]:
    """A geo-query as parameters (clause 4.10); distances in metres."""
    limits = [("maxDistance", geo.max_distance), ("minDistance", geo.min_distance)]
    distance = [f"{word}=={_number(value)}" for word, value in limits if value is not None]
    return {
        "georel": ";".join([geo.rel, *distance]),
        "geometry": str(geo.geometry["type"]),
        "coordinates": msgspec.json.encode(geo.geometry["coordinates"]).decode(),
        "geoproperty": names.outward(geo.attribute),
    }


def window_parameters(window: Window) -> dict[str, str]:
    """A temporal query as parameters (clause 4.11)."""
    asked = {"timeproperty": window.attribute}
    if window.rel == "between":
        asked |= {"timerel": "between", "timeAt": iso(window.start or 0), "endTimeAt": iso(window.end or 0)}
    elif window.rel is not None:
        moment = window.end if window.rel == "before" else window.start
        asked |= {"timerel": window.rel, "timeAt": iso(moment or 0)}
    if window.last is not None:
        asked["lastN"] = str(window.last)
    return asked


def q_text(condition: Condition, names: Names) -> str:
    """A condition as the parameter q (clause 4.9). Unsupported for one that another hub could not be told."""
    if isinstance(condition, Exists):
        return _path(condition.path, condition.trail, names)
    if isinstance(condition, Compare):
        return _path(condition.path, condition.trail, names) + condition.op + _value(condition.op, condition.value)
    if isinstance(condition, And | Or):
        mark = ";" if isinstance(condition, And) else "|"
        return f"({mark.join(q_text(term, names) for term in condition.terms)})"
    raise Unsupported(f"A condition of the kind {type(condition).__name__} cannot be sent to another hub.")


def _bare(text: str) -> str:
    """A text without the parentheses around all of it."""
    return text[1:-1] if text.startswith("(") and text.find(")") == len(text) - 1 else text


def _path(path: tuple[str, ...], trail: tuple[str, ...], names: Names) -> str:
    spelled = [names.outward(name) for name in path]
    if any("." in name or ":" in name for name in spelled):
        raise Unsupported(f"{spelled} is an IRI, which has no place in a path of q; send a context that names it.")
    return ".".join(spelled) + (f"[{'.'.join(trail)}]" if trail else "")


def _value(op: str, value: Any) -> str:
    if op in ("~=", "!~="):
        return str(value) if _PLAIN_PATTERN.fullmatch(value) else msgspec.json.encode(value).decode()
    if isinstance(value, tuple):
        return ",".join(_value(op, one) for one in value)
    if isinstance(value, Between):
        return f"{_value(op, value.low)}..{_value(op, value.high)}"
    if isinstance(value, Moment):
        return value.text
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(value)
    return msgspec.json.encode(value).decode()


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(value)
