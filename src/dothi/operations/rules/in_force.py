"""The alarm rules in force for a unit at a time: the shipped samples under what city, province and commune adopted."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from dothi.ground.errors import Invalid
from dothi.office.rules import Kind, RuleSet, applied, in_force
from dothi.operations.model import Operations
from dothi.operations.rules.model import Rule
from dothi.operations.rules.parse import check, parse
from dothi.operations.rules.samples import shipped

KIND = "operations.alarms"
log = logging.getLogger("dothi.operations")


@dataclass(frozen=True, slots=True)
class Book:
    """The rules in force somewhere: by id, with the adopted set that said each last ("" as shipped)."""

    key: tuple[tuple[str, int], ...]  # The adopted sets that made it, (id, version) each.
    rules: Mapping[str, Rule]
    said_by: Mapping[str, str]  # Rule id → id of the RuleSet.


def rules_kind() -> Kind:
    """What a province or commune may set of its own: every row of `data/alarms.toml`, and rows beside them."""
    return Kind(KIND, shipped(), check)


def rules_at(operations: Operations, unit: str | None = None, at: int | None = None) -> Mapping[str, Rule]:
    """The rules in force for a unit (None: the whole city) at an instant (µs; now by default), by id."""
    return book_at(operations, unit, at).rules


def book_at(operations: Operations, unit: str | None = None, at: int | None = None) -> Book:
    """The same with the sets they come from; read once for each combination of adopted sets."""
    adopted = operations.adopted
    sets = () if adopted is None or KIND not in adopted.kinds else applied(adopted, KIND, unit, at)
    key = tuple((one.id, one.version) for one in sets)
    known: Book | None = operations.parsed.get(key)
    if known is None:
        tables: Mapping[str, Any] = in_force(adopted, KIND, unit, at) if adopted and sets else shipped()
        known = Book(key, MappingProxyType(_readable(tables)), MappingProxyType(_said_by(sets)))
        operations.parsed[key] = known
    return known


def _readable(tables: Mapping[str, Any]) -> dict[str, Rule]:
    """The rules that can be read: one of another version of dothi that cannot is told of and stops no other."""
    rows = list(_rows(tables))
    while True:
        try:
            return parse({"rule": rows})
        except Invalid as unreadable:
            name = unreadable.fields.get("rule") or next((row["id"] for row in rows if not _is_named(row)), None)
            left = [row for row in rows if row["id"] != name]
            if len(left) == len(rows):
                raise
            log.error("An alarm rule in force cannot be read and is left out: %s", unreadable.detail)
            rows = left


def _is_named(row: Mapping[str, Any]) -> bool:
    return isinstance(row["id"], str) and bool(row["id"].strip())


def _said_by(sets: tuple[RuleSet, ...]) -> dict[str, str]:
    """Which set spoke last of each rule."""
    return {row["id"]: one.id for one in sets for row in _rows(one.tables)}


def _rows(tables: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    rows = tables.get("rule", [])
    return (row for row in rows if isinstance(row, Mapping) and "id" in row)


def units_with_rules(operations: Operations) -> tuple[str, ...]:
    """The units that adopted alarm rules of their own, whenever they hold; "" is the whole city."""
    adopted = operations.adopted
    return () if adopted is None else tuple(sorted(unit for kind, unit in adopted.adopted if kind == KIND))
