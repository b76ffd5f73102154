"""The rules of handling as data: how long an alarm may wait or be shelved, who hears of it next, what a flood is."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from dothi.ground.clock import HOUR, MINUTE
from dothi.ground.clocks import Limit
from dothi.ground.errors import Invalid
from dothi.office.rules import applied, in_force
from dothi.office.rules.model import Kind
from dothi.operations.model import Operations, Priority

KIND = "operations.handling"  # The name of these rules among the sets that a province or commune adopts.
LEADER, UPPER = "leader", "upper"
ESCALATIONS_MOST = 20


@dataclass(frozen=True, slots=True)
class Waiting:
    """What one priority allows: until when it must be acknowledged, and hours it may be shelved."""

    acknowledge: Limit
    shelve_most_hours: float


@dataclass(frozen=True, slots=True)
class Escalation:
    """Who has an alarm next that nobody acknowledged, so long (µs) after its deadline."""

    id: str
    priorities: frozenset[Priority]
    after: int
    to: str
    mail: str  # Of an office; "" = nobody is written to.


@dataclass(frozen=True, slots=True)
class Flapping:
    """An alarm that rose `moves` times within `within` (µs) is active until it has been calm for `calm` (µs)."""

    moves: int
    within: int
    calm: int


@dataclass(frozen=True, slots=True)
class Flood:
    """More than `alarms` new ones for an operator in ten minutes begin a flood, fewer than `over` end it."""

    alarms: float
    over: float


@dataclass(frozen=True, slots=True)
class Aims:
    """What the quality page measures against; spans in µs."""

    per_ten_minutes: float
    standing: int
    stale: int


@dataclass(frozen=True, slots=True)
class Handling:
    """All rules of handling, read once."""

    waiting: Mapping[Priority, Waiting]
    escalations: tuple[Escalation, ...]  # By when they come.
    flapping: Flapping
    burst: int  # µs
    flood: Flood
    aims: Aims
    sample: bool

    def steps(self, priority: Priority) -> tuple[Escalation, ...]:
        """The escalations of a priority, in order."""
        return tuple(one for one in self.escalations if priority in one.priorities)


@lru_cache(maxsize=1)
def shipped() -> Mapping[str, Any]:
    """The tables that are shipped."""
    return tomllib.loads(resources.files("dothi.operations").joinpath("data/handling.toml").read_text("utf-8"))


@lru_cache(maxsize=1)
def _shipped_rules() -> Handling:
    return parse(shipped())


def rules_kind() -> Kind:
    """What a province or commune may set of its own."""
    return Kind(KIND, shipped(), _check)


def _check(tables: Mapping[str, Any]) -> None:
    try:
        parse(tables)
    except (KeyError, TypeError, ValueError) as cause:
        raise Invalid(f"The rules of handling lack or misuse {cause}.", field="text") from cause


def rules_at(operations: Operations, unit: str | None = None, at: int | None = None) -> Handling:
    """The rules in force for a unit at an instant (µs; now by default)."""
    adopted = operations.adopted
    if adopted is None or KIND not in adopted.kinds or not applied(adopted, KIND, unit, at):
        return _shipped_rules()
    return parse(in_force(adopted, KIND, unit, at))


def parse(table: Mapping[str, Any]) -> Handling:
    """The rules that tables say. Invalid when a number cannot be."""
    waiting = {Priority(row["id"]): _waiting(row) for row in table["priority"]}
    if lacking := set(Priority) - set(waiting):
        raise Invalid(f"Every priority has its limits; there are none for {', '.join(sorted(lacking))}.", field="text")
    flapping, flood, aims = table["flapping"], table["flood"], table["quality"]
    if int(flapping["moves"]) <= 1 or not 0 <= float(flood["over"]) <= float(flood["alarms"]):
        raise Invalid("To flap takes two moves at least, and a flood ends below the rate at which it began.")
    return Handling(
        waiting,
        _escalations(table.get("escalation", ())),
        Flapping(int(flapping["moves"]), _minutes(flapping["within_minutes"]), _minutes(flapping["calm_minutes"])),
        _minutes(table["burst"]["within_minutes"]),
        Flood(float(flood["alarms"]), float(flood["over"])),
        Aims(
            float(aims["aim_per_ten_minutes"]),
            round(_positive(aims["standing_hours"]) * HOUR),
            round(_positive(aims["stale_hours"]) * HOUR),
        ),
        bool(table.get("sample", False)),
    )


def _waiting(row: Mapping[str, Any]) -> Waiting:
    limit = Limit(_positive(row["acknowledge_minutes"]) / 60, always=True)
    return Waiting(limit, _positive(row["shelve_most_hours"]))


def _escalations(rows: Any) -> tuple[Escalation, ...]:
    found = [
        Escalation(
            str(row["id"]),
            frozenset(Priority(one) for one in row["priorities"]),
            round(float(row["after_minutes"]) * MINUTE),
            str(row["to"]),
            str(row.get("mail", "")).strip(),
        )
        for row in rows
    ]
    if len(found) > ESCALATIONS_MOST or len({one.id for one in found}) < len(found):
        raise Invalid(f"At most {ESCALATIONS_MOST} escalations, each with a name of its own.", field="text")
    for one in found:
        if one.to not in (LEADER, UPPER) or one.after < 0 or (one.mail and "@" not in one.mail):
            raise Invalid(f"Escalation “{one.id}”: to leader or upper, minutes from 0, mail an address.", field="text")
    return tuple(sorted(found, key=lambda one: one.after))


def _minutes(value: Any) -> int:
    return round(_positive(value) * MINUTE)


def _positive(value: Any) -> float:
    number = float(value)
    if not 0 < number < 100_000:
        raise Invalid(f"{number:g} is no limit: give a number above 0.", field="text")
    return number
