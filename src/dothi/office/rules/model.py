"""The nouns of rules in force: a kind of rules, one adopted version of it, and what the verbs need."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from dothi.hub.core import Hub
from dothi.territory import Territory

TYPE = "RuleSet"
OWNER = "rules"
OWNED = {TYPE: "POST /api/rules/{kind}"}
INDEXED = ("kind", "unit", "validFrom")

Tables = Mapping[str, Any]  # What a TOML text holds.


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of rules, declared by the module that obeys it."""

    name: str  # "reports.categories"
    shipped: Tables  # The samples that hold where nobody has adopted anything.
    check: Callable[[Tables], None]  # Raises Invalid when the whole tables cannot be used, saying what and where.
    # Raises Invalid when a unit's set (above, whole) takes away what levels above demand; None: they demand nothing.
    keeps: Callable[[Tables, Tables], None] | None = None


@dataclass(frozen=True, slots=True)
class RuleSet:
    """One adopted version: from `valid_from` on, until a later one of the same unit takes its place."""

    id: str
    version: int
    kind: str
    unit: str  # Code of the province or commune; "" is the whole city.
    valid_from: str  # Day, yyyy-mm-dd, in Vietnam.
    text: str  # TOML as it was written, comments included.
    tables: Tables
    reason: str  # Why: the decision that says so.
    adopted_at: int  # µs


@dataclass(frozen=True, slots=True)
class Difference:
    """One case that other rules would have treated otherwise."""

    kind: str  # What differs, as the module names it: "late", "routed".
    thing: str  # Entity id of the case.
    name: str  # What people call it.
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Measure:
    """A count that both sets of rules give, of so many."""

    name: str
    of: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Trial:
    """What other rules would have done over the last days, beside those in force."""

    since: str
    cases: int
    measures: tuple[Measure, ...]
    counts: Mapping[str, int]  # Differences by kind.
    samples: tuple[Difference, ...]


SAMPLES = 20  # Cases that a trial shows of each kind of difference.


def trial(since: str, cases: int, measures: tuple[Measure, ...], found: Sequence[Difference]) -> Trial:
    """The trial that these differences make: counted by kind, the first of each kind shown."""
    kinds = Counter(one.kind for one in found)
    shown = tuple(each for kind in kinds for each in [one for one in found if one.kind == kind][:SAMPLES])
    return Trial(since, cases, measures, dict(kinds), shown)


@dataclass
class RuleSets:
    """What the verbs need: the kinds, and the adopted sets as they stand in the hub."""

    hub: Hub
    territory: Territory
    kinds: Mapping[str, Kind]
    adopted: Mapping[tuple[str, str], tuple[RuleSet, ...]] = field(default_factory=lambda: MappingProxyType({}))
