"""The syntax trees of the query languages, evaluated in memory (match.py) or by the store's columns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Scalar = str | float | int | bool


@dataclass(frozen=True, slots=True)
class Moment:
    """A date, time or date-time literal of the q language, kept as written and as µs since 1970 UTC."""

    text: str
    instant: int


@dataclass(frozen=True, slots=True)
class Between:
    """A range `low..high`, ends included."""

    low: Any
    high: Any


@dataclass(frozen=True, slots=True)
class Compare:
    """`path op value`, e.g. pm25>35.5 or address[city]=="Huế" (clause 4.9).

    `path` is the attribute and its sub-attributes (house names); `trail` is what stands in brackets, inside the
    value. `op` is one of == != > >= < <= ~= !~=. `value` is a Scalar, a Moment, a Between, or a tuple of these
    ("any of").
    """

    path: tuple[str, ...]
    op: str
    value: Any
    trail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Exists:
    """The attribute (or sub-attribute, or member of the value) is there."""

    path: tuple[str, ...]
    trail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class And:
    """All of the terms hold."""

    terms: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One of the terms holds."""

    terms: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Linked:
    """`relation{Type:path} op value`: an entity that a Relationship leads to meets `condition` (clause 4.9).

    `types` are the hints before the colon (house names, empty = any): the linked entity has one of them.
    """

    relation: str
    condition: "Compare | Exists | Linked"
    types: tuple[str, ...] = ()


Condition = Compare | Exists | And | Or | Linked


@dataclass(frozen=True, slots=True)
class TypeIs:
    """The entity has this type (clause 4.17)."""

    name: str


@dataclass(frozen=True, slots=True)
class TypeAnd:
    """All type terms hold."""

    terms: tuple["TypeCondition", ...]


@dataclass(frozen=True, slots=True)
class TypeOr:
    """One of the type terms holds."""

    terms: tuple["TypeCondition", ...]


TypeCondition = TypeIs | TypeAnd | TypeOr


@dataclass(frozen=True, slots=True)
class Geo:
    """A geo-query (clause 4.10): `rel` is near, within, contains, intersects, equals, disjoint or overlaps.

    `geometry` is GeoJSON, WGS 84, longitude first; distances are metres and only for near.
    """

    rel: str
    geometry: dict[str, Any]
    max_distance: float | None = None
    min_distance: float | None = None
    attribute: str = "location"


@dataclass(frozen=True, slots=True)
class ScopeIs:
    """One scope pattern of clause 4.19, e.g. /VN/01/00004, /VN/+/00004 or /VN/#."""

    pattern: str


@dataclass(frozen=True, slots=True)
class ScopeAnd:
    """All scope terms hold."""

    terms: tuple["ScopeCondition", ...]


@dataclass(frozen=True, slots=True)
class ScopeOr:
    """One of the scope terms holds."""

    terms: tuple["ScopeCondition", ...]


ScopeCondition = ScopeIs | ScopeAnd | ScopeOr


@dataclass(frozen=True, slots=True)
class Window:
    """A temporal query (clause 4.11): `rel` before, after or between over `attribute`, instants in µs."""

    rel: str | None = None
    start: int | None = None
    end: int | None = None
    attribute: str = "observedAt"
    last: int | None = None  # lastN


@dataclass(frozen=True, slots=True)
class Order:
    """One term of an ordering (clause 4.23): the value that `path` and `trail` lead to, or how far a place is away.

    `path` begins with id, type, scope or an attribute (house names); with `distance` it is a GeoProperty.
    """

    path: tuple[str, ...]
    trail: tuple[str, ...] = ()
    descending: bool = False
    distance: bool = False


@dataclass(frozen=True, slots=True)
class Ordering:
    """How the entities found are sorted (clause 4.23): by the first term, those equal by the next."""

    terms: tuple[Order, ...]
    collation: str | None = None  # Language tag of IETF RFC 6067; None is the root collation.
    origin: Mapping[str, Any] | None = None  # GeoJSON from which distances are measured.


@dataclass(frozen=True, slots=True)
class Selector:
    """One of several choices of entities (clause 5.2.33): every given part must hold."""

    types: TypeCondition | None = None
    ids: tuple[str, ...] = ()
    id_pattern: str | None = None


# Type → codes of the units where it may be seen (access.WHERE_SEEN), None = everywhere; ANY_TYPE stands for the types
# that are not named. A type that is not found is hidden (access.in_sight says it for one entity).
Sight = Mapping[str, frozenset[str] | None]
ANY_TYPE = "*"


@dataclass(frozen=True, slots=True)
class Query:
    """Which entities: every given part must hold. Results come in order of creation unless `order` is given."""

    types: TypeCondition | None = None
    ids: tuple[str, ...] = ()
    id_pattern: str | None = None
    attrs: tuple[str, ...] = ()  # Has at least one of them.
    q: Condition | None = None
    geo: Geo | None = None
    scope: ScopeCondition | None = None
    limit: int = 20
    offset: int = 0
    count: bool = False
    order: tuple[str, ...] = ()  # Attribute names, createdAt or modifiedAt; a leading "-" for descending.
    ordering: Ordering | None = None  # By clause 4.23; slower than `order`, which goes first where both are given.
    any_of: tuple[Selector, ...] = ()  # One of them must hold too; `types` then names all that they select.
    tenant: str = ""
    drop: frozenset[str] = field(default_factory=frozenset)  # Types that the reader may not see; set by the policy.
    sight: Sight | None = None  # What the reader may see, set by the policy; None = everything.


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which events of a lane: those of an interval and kind, by key or tag, the latest first."""

    start: int = 0  # µs
    end: int = 1 << 62  # µs; not in it.
    kinds: tuple[str, ...] = ()  # None: any.
    keys: tuple[str, ...] = ()  # None: any.
    tag: bytes = b""  # Empty: any.
    clips: bool = False  # Only those whose recording is still referred to.
    before: int = 1 << 62  # Only numbers below: the next page.
    limit: int = 100
