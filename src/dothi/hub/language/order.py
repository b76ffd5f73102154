"""The ordering language (clause 4.23): name,age;desc or location;dist-asc with the place to measure from."""

from collections.abc import Callable, Iterable
from typing import Any

from dothi.ground.errors import Invalid
from dothi.ground.geometry import TYPES
from dothi.hub.language.collation import collation
from dothi.hub.language.geo import parse_geometry
from dothi.hub.language.logic import Reader
from dothi.hub.language.nodes import Order, Ordering
from dothi.hub.language.q import parse_path

MEMBERS = frozenset({"id", "type", "scope"})  # Of an entity that are no attributes.
TERMS_MAX = 16
_DIRECTIONS = {"": (False, False), "asc": (False, False), "desc": (True, False), "dist-asc": (False, True)}
_DIRECTIONS["dist-desc"] = (True, True)


def parse_order(
    terms: Iterable[str],
    origin: Any = None,
    geometry: str | None = None,
    language: str | None = None,
    expand: Callable[[str], str] = str,
) -> Ordering:
    """The ordering by `terms`; `origin` are coordinates (JSON text or array) of a `geometry`, a Point by default.

    Invalid says which part is wrong: a term, coordinates that are missing or no geometry, or no collation.
    """
    parsed = tuple(_term(text, expand) for text in terms)
    if not 0 < len(parsed) <= TERMS_MAX:
        raise Invalid(f"orderBy must have 1 to {TERMS_MAX} parts, not {len(parsed)}.")
    if language is not None:
        collation(language)  # Whether it is one is said now, not when the first two texts are compared.
    if geometry is not None and geometry not in TYPES:
        raise Invalid(f"orderGeometry is {geometry[:40]!r}; it is one of {', '.join(TYPES)}.")
    place = None if origin is None else parse_geometry(geometry or "Point", origin, "orderFrom")
    if place is None and any(term.distance for term in parsed):
        raise Invalid("orderBy by distance needs the place to measure from: orderFrom (clause 4.23.3).")
    return Ordering(parsed, language, place)


def _term(text: str, expand: Callable[[str], str]) -> Order:
    path, _, direction = text.strip().partition(";")
    if direction not in _DIRECTIONS:
        raise Invalid(f"orderBy holds {text[:60]!r}; after the semicolon there is {', '.join([*_DIRECTIONS][1:])}.")
    reader = Reader("orderBy", path)
    hops, names, trail = parse_path(reader)
    reader.skip()
    if hops or reader.at < len(path):
        reader.fail("; with a direction, or the end", 0 if hops else None)
    descending, distance = _DIRECTIONS[direction]
    house = tuple(name if place == 0 and name in MEMBERS else expand(name) for place, name in enumerate(names))
    if names[0] in MEMBERS and (len(names) > 1 or trail or distance):
        raise Invalid(f"orderBy holds {text[:60]!r}; {names[0]} has neither sub-attributes nor a distance.")
    return Order(house, trail, descending, distance)
