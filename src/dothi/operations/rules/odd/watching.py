"""Which values are watched for odd ones and how sensitively: rows of the rule set “operations.odd”, by unit and day."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib import resources
from typing import Any

from dothi.ground.errors import Invalid
from dothi.office.rules import in_force
from dothi.office.rules.model import Kind
from dothi.operations.model import Operations
from dothi.operations.rules.odd.memory import Odd
from dothi.operations.rules.reading import Row

KIND = "operations.odd"
MOST_ROWS = 200


class Side(StrEnum):
    """On which side of the usual a value is worth a look."""

    HIGH = "high"
    LOW = "low"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Watch:
    """One attribute of one type that is watched, and when a value of it is worth a look."""

    id: str
    name: Mapping[str, str]  # Language → what the suggestion is called.
    type: str
    attribute: str
    written: str = ""  # The unit as people write it.
    side: Side = Side.BOTH
    sensitivity: float = 4.0  # Standard deviations.
    least: float = 0.0  # In the attribute's own unit: a smaller difference is never odd.
    quiet_hours: float = 24.0
    learn_days: float = 3.0
    enabled: bool = True
    sample: bool = False

    def finds(self, value: float, odd: Odd) -> bool:
        """Whether a value that lies so far away is to be suggested."""
        away = value - odd.usual
        right = self.side is Side.BOTH or (away > 0) is (self.side is Side.HIGH)
        return self.enabled and right and abs(odd.times) >= self.sensitivity and abs(away) >= self.least


def rules_kind() -> Kind:
    """The kind of these rules, as the office asks for it."""
    return Kind(KIND, shipped(), _check)


def _check(tables: Mapping[str, Any]) -> None:
    parse(tables)


@lru_cache(maxsize=1)
def shipped() -> Mapping[str, Any]:
    """The labelled samples."""
    text = resources.files("dothi.operations").joinpath("data/odd.toml").read_text("utf-8")
    return tomllib.loads(text)


def watches_at(operations: Operations, unit: str | None = None, at: int | None = None) -> tuple[Watch, ...]:
    """What is watched in a unit at an instant (µs); None: of the whole city, now."""
    adopted = operations.adopted
    return parse(in_force(adopted, KIND, unit, at) if adopted is not None else shipped())


def parse(tables: Mapping[str, Any]) -> tuple[Watch, ...]:
    """The rows of the tables. Invalid names the row and what is wrong with it."""
    rows = tables.get("watch", [])
    if extra := set(tables) - {"watch"}:
        raise Invalid(f"“{min(extra)}” is no table of odd values: write [[watch]].", field="text")
    if not isinstance(rows, list) or len(rows) > MOST_ROWS or not all(isinstance(row, Mapping) for row in rows):
        raise Invalid(f"Odd values are written as [[watch]], up to {MOST_ROWS} blocks.", field="text")
    found = tuple(_watch(Row(str(row.get("id", "")), "", row)) for row in rows)
    if len({one.id for one in found}) < len(found):
        raise Invalid("Two blocks have the same id: give each one of its own.", field="text")
    return found


def _watch(row: Row) -> Watch:
    found = Watch(
        id=row.text("id"),
        name=row.words("name"),
        type=row.text("type"),
        attribute=row.text("attribute"),
        written=row.text("written", ""),
        side=row.one_of("side", Side, Side.BOTH),
        sensitivity=_between(row, "sensitivity", 4, 2, 100),
        least=_between(row, "least", 0, 0, 1e12),
        quiet_hours=_between(row, "quiet_hours", 24, 0, 1000),
        learn_days=_between(row, "learn_days", 3, 1, 60),
        enabled=row.flag("enabled", True),
        sample=row.flag("sample", False),
    )
    row.done()
    return found


def _between(row: Row, name: str, default: float, least: float, most: float) -> float:
    value = row.number(name, default)
    if not least <= value <= most:
        raise row.wrong(name, f"write a number from {least:g} to {most:g}")
    return value
