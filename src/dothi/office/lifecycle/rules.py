"""The policy of data as rules: classes of data, who may see them, how important they are, how long they are kept.

The law asks for a classification on two axes (Law 60/2024/QH15 on data, article 13): by sharing and by importance.
Its own words stand in ACCESS and IMPORTANCE. How long what is kept is a decision of the province or commune; what is
shipped is a sample and says so. A level above states minima that no level below goes under.
"""

import tomllib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from itertools import combinations
from typing import Any

from dothi.accounts.roles import ROLES
from dothi.ground.errors import Invalid
from dothi.hub.vocabulary import NOUNS
from dothi.office.rules.model import Kind, RuleSets, Tables
from dothi.office.rules.service import in_force

KIND = "lifecycle"
ACCESS = {"open": "dữ liệu mở", "shared": "dữ liệu dùng chung", "own": "dữ liệu dùng riêng"}
IMPORTANCE = {"core": "dữ liệu cốt lõi", "important": "dữ liệu quan trọng", "other": "dữ liệu khác"}
BEGINS = {"observed": "khi được quan trắc", "closed": "khi việc kết thúc", "changed": "khi sửa lần cuối"}
ENDS = {"keep": "giữ", "archive": "lưu trữ rồi đưa ra", "destroy": "hủy"}
ALL_TYPES = "*"
_DAYS_MAX = 36_600
_FIELDS = frozenset(
    {
        *("id", "vi", "en", "types", "attributes", "lanes", "tenants", "sources", "access", "importance", "basis"),
        *("note", "from", "closed", "days", "then", "approver", "sample"),
    }
)


@dataclass(frozen=True, slots=True)
class DataClass:
    """One class of data, and what becomes of it when its time is over."""

    id: str
    names: Mapping[str, str]
    types: frozenset[str]  # ALL_TYPES stands for every type that no other class names.
    attributes: frozenset[str]  # Only the past of these; none = the whole of it.
    lanes: bool  # The events in the lanes of entities of these types, not the entities.
    tenants: frozenset[str]  # "" is the city itself.
    sources: frozenset[str]  # Only what came from these data sources; none = whatever the source.
    access: str
    importance: str
    basis: tuple[str, ...]  # Ids of provisions (LegalBasis).
    note: str
    begins: str  # From which moment the time runs: observed, closed or changed.
    closed: str  # The attribute that holds the moment at which a thing was closed.
    days: int
    then: str
    approver: str  # A role: who approves, never the one who proposed.
    sample: bool

    def name(self, language: str) -> str:
        """What people call it."""
        return self.names.get(language) or self.names["vi"]


@dataclass(frozen=True, slots=True)
class Minimum:
    """What a level above demands: data of these types stay so many days at the least."""

    id: str
    types: frozenset[str]
    days: int
    basis: str


@dataclass(frozen=True, slots=True)
class Carrier:
    """Where a person stands in the hub, and where the words lie that belong to them."""

    id: str  # The type.
    person: str  # The attribute that holds the pseudonym; "" where only the subject is named.
    subject: str  # The attribute that names what the person handed in; "" when it is the thing itself.
    keeps: frozenset[str]  # What may stay of it when the person is erased; none = it goes as a whole.
    sets: Mapping[str, str]  # What stands in place of words that readers expect.
    closes: Mapping[str, str]  # What is set, and `open` ended, where somebody still owed something.
    follows: frozenset[str]  # Attributes by which it belongs to what somebody handed in.


@dataclass(frozen=True, slots=True)
class Policy:
    """The whole policy as it holds somewhere on a day."""

    classes: tuple[DataClass, ...]
    minima: tuple[Minimum, ...]
    carriers: Mapping[str, Carrier]

    def of_type(self, kind: str) -> DataClass | None:
        """The class to which entities of a type belong as a whole."""
        named = (one for one in self.classes if kind in one.types and not one.attributes and not one.lanes)
        rest = (one for one in self.classes if ALL_TYPES in one.types)
        return next(named, next(rest, None))


def parse(tables: Tables) -> Policy:
    """The policy that tables hold. Invalid says in a sentence what is wrong, and of which class."""
    unknown = set(tables) - {"class", "minimum", "carrier", "sample"}
    if unknown:
        raise Invalid(f"“{sorted(unknown)[0]}” is no table of this policy; there are class, minimum and carrier.")
    classes = tuple(_class(row) for row in tables.get("class", ()))
    minima = tuple(_minimum(row) for row in tables.get("minimum", ()))
    carriers = {str(row.get("id")): _carrier(row) for row in tables.get("carrier", ())}
    _no_overlap(classes)
    _no_gap(classes)
    _long_enough(classes, minima)
    return Policy(classes, minima, carriers)


def _class(row: Mapping[str, Any]) -> DataClass:
    name = str(row.get("id", "?"))
    if strange := set(row) - _FIELDS:
        raise Invalid(f"Class {name}: “{sorted(strange)[0]}” is no field of a class.", field="text")
    if not row.get("vi"):
        raise Invalid(f"Class {name} has no name (vi).", field="text")
    made = DataClass(
        name,
        {key: str(row[key]) for key in ("vi", "en") if row.get(key)},
        _names(name, "types", row),
        _names(name, "attributes", row),
        bool(row.get("lanes", False)),
        _names(name, "tenants", row) or frozenset({""}),
        _names(name, "sources", row),
        _one_of(name, "access", row, ACCESS),
        _one_of(name, "importance", row, IMPORTANCE),
        tuple(sorted(_names(name, "basis", row))),
        str(row.get("note", "")),
        _one_of(name, "from", row, BEGINS),
        str(row.get("closed", "closedAt")),
        _days(name, row),
        _one_of(name, "then", row, ENDS),
        _one_of(name, "approver", row, ROLES),
        bool(row.get("sample", False)),
    )
    _makes_sense(made)
    return made


def _makes_sense(one: DataClass) -> None:
    if not one.types:
        raise Invalid(f"Class {one.id} covers no types.", field="text")
    if ALL_TYPES in one.types and (len(one.types) > 1 or one.attributes or one.lanes or one.then != "keep"):
        raise Invalid(f"Class {one.id}: “*” stands alone and is kept, since nobody named it.", field="text")
    if (one.attributes or one.lanes) and one.begins != "observed":
        raise Invalid(f"Class {one.id}: the time of a past or of events runs from observed.", field="text")
    if one.approver == "citizen":
        raise Invalid(f"Class {one.id}: a citizen does not approve a disposal.", field="text")
    if one.importance == "core" and one.then == "destroy":
        raise Invalid(f"Class {one.id}: core data (dữ liệu cốt lõi) is kept or archived, not destroyed.", field="text")


def _names(name: str, field: str, row: Mapping[str, Any]) -> frozenset[str]:
    value = row.get(field, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Invalid(f"Class {name}: {field} is a list of texts.", field="text")
    return frozenset(value)


def _one_of(name: str, field: str, row: Mapping[str, Any], known: Mapping[str, object]) -> str:
    value = row.get(field)
    if value not in known:
        raise Invalid(f"Class {name}: {field} is one of {', '.join(known)}, not “{value}”.", field="text")
    return str(value)


def _days(name: str, row: Mapping[str, Any]) -> int:
    value = row.get("days")
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _DAYS_MAX:
        raise Invalid(f"Class {name}: days is a whole number from 1 to {_DAYS_MAX}, not “{value}”.", field="text")
    return value


def _minimum(row: Mapping[str, Any]) -> Minimum:
    name = str(row.get("id", "?"))
    if not row.get("basis"):
        raise Invalid(f"Minimum {name} does not say on which provision it rests (basis).", field="text")
    return Minimum(name, _names(name, "types", row), _days(name, row), str(row["basis"]))


def _carrier(row: Mapping[str, Any]) -> Carrier:
    kind = str(row.get("id"))
    said = {name: {key: str(value) for key, value in row.get(name, {}).items()} for name in ("sets", "closes")}
    person, subject = (str(row.get(name, "")) for name in ("person", "subject"))
    return Carrier(kind, person, subject, _names(kind, "keeps", row), **said, follows=_names(kind, "follows", row))


def _no_overlap(classes: tuple[DataClass, ...]) -> None:
    for one, other in combinations(classes, 2):
        both = one.types & other.types
        if not both or not one.tenants & other.tenants or one.lanes is not other.lanes:
            continue
        if one.sources and other.sources and not one.sources & other.sources:
            continue
        if bool(one.attributes) is not bool(other.attributes):
            continue  # The past of some attributes has a class of its own: the narrower one holds for it.
        if not one.attributes or one.attributes & other.attributes:
            raise Invalid(f"Classes {one.id} and {other.id} both cover {sorted(both)[0]}: only one may.", field="text")


def _no_gap(classes: tuple[DataClass, ...]) -> None:
    covered = frozenset[str]().union(*(one.types for one in classes if not one.attributes and not one.lanes))
    open_ends = sorted(NOUNS.keys() - covered)
    if ALL_TYPES not in covered:
        lacking = f" (and {len(open_ends) - 1} more)" if len(open_ends) > 1 else ""
        what = f"{open_ends[0]}{lacking}" if open_ends else "types that nobody knows yet"
        raise Invalid(f"No class covers {what}: add it to a class, or a class of types “*”.", field="text")


def _long_enough(classes: tuple[DataClass, ...], minima: tuple[Minimum, ...]) -> None:
    for one in classes:
        for least in minima:
            both = one.types & least.types
            if both and one.then != "keep" and one.days < least.days:
                raise Invalid(
                    f"Class {one.id} ends {sorted(both)[0]} after {one.days} days; {least.basis} asks for at least "
                    f"{least.days} (minimum {least.id}).",
                    field="text",
                )


def weakened(above: Tables, whole: Tables) -> None:
    """Invalid when a set takes away what the level above demands: a minimum, or a higher class of access."""
    wanted, given = ({one.id: one for one in parse(tables).minima} for tables in (above, whole))
    for name, least in wanted.items():
        now = given.get(name)
        if now is None or now.days < least.days or not least.types <= now.types:
            raise Invalid(
                f"Minimum {name} ({least.days} days, {least.basis}) is set above: it holds here.", field="text"
            )
    upper = {one.id: one for one in parse(above).classes}
    for one in parse(whole).classes:
        stands = upper.get(one.id)
        if stands is not None and stands.access == "own" and one.access != "own":
            raise Invalid(f"Class {one.id} is for own use (dùng riêng) above: it is not opened here.", field="text")


def shipped() -> Tables:
    """The samples that hold where nobody has adopted anything."""
    return tomllib.loads(resources.files("dothi.office.lifecycle").joinpath("samples.toml").read_text("utf-8"))


def rules_kind() -> Kind:
    """The policy among the kinds of rules that a city, province or commune adopts."""
    return Kind(KIND, shipped(), _checked, weakened)


def _checked(tables: Tables) -> None:
    parse(tables)


def policy_at(rules: RuleSets, unit: str | None = None, at: int | None = None) -> Policy:
    """The policy in force for a unit at an instant."""
    return parse(in_force(rules, KIND, unit, at))


def by_type(policy: Policy) -> Mapping[str, list[DataClass]]:
    """The classes that name a type, type by type."""
    found: dict[str, list[DataClass]] = defaultdict(list)
    for one in policy.classes:
        for kind in one.types:
            found[kind].append(one)
    return found
