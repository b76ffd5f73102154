"""The rules of orders as data: kinds, limits by priority, who is told when time runs out, offices to write to."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from dothi.ground.clocks import Limit, due_by
from dothi.ground.errors import Invalid
from dothi.office.rules import applied, in_force
from dothi.office.rules.model import Kind as RuleKind
from dothi.operations.incidents.orders.model import Clock
from dothi.operations.model import Operations, Priority

KIND = "operations.orders"
UNIT, ABOVE, COMMANDER = "unit", "above", "commander"
_MINUTES_MAX = 7 * 24 * 60
_STEPS_MAX = 12


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of order."""

    id: str
    names: Mapping[str, str]  # Language → name.
    arrive: bool  # Somebody has to be somewhere.
    photo: bool  # The result is shown by a photo.
    limits: Mapping[Priority, Mapping[Clock, float]]  # Minutes of day and night, from the order on.

    def due(self, priority: Priority, clock: Clock, issued: int) -> int | None:
        """Until when (µs) a step is owed of an order given at `issued` (µs); None where it is not."""
        if clock is Clock.ARRIVE and not self.arrive:
            return None
        return due_by(issued, Limit(self.limits[priority][clock] / 60, always=True))


@dataclass(frozen=True, slots=True)
class Escalation:
    """Whom an order is brought before, so many minutes after one of its limits."""

    id: str
    clock: Clock
    after: float
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OrderRules:
    """The rules in force."""

    kinds: Mapping[str, Kind]
    escalations: tuple[Escalation, ...]
    contacts: Mapping[str, str]  # Code of a unit or organisation → mail address of its office.
    link_hours: float

    def kind(self, name: str) -> Kind:
        """The kind of that id. Invalid names those that there are."""
        found = self.kinds.get(name)
        if found is None:
            raise Invalid(f"There is no kind of order “{name[:40]}”; there are {', '.join(self.kinds)}.", field="kind")
        return found


def parse(tables: Mapping[str, Any]) -> OrderRules:
    """The rules that tables say. Invalid says which row cannot be."""
    kinds = {row["id"]: _kind(row) for row in tables["kind"]}
    steps = tuple(_escalation(row) for row in tables["escalation"])
    if len(steps) > _STEPS_MAX or len({one.id for one in steps}) < len(steps):
        raise Invalid(f"At most {_STEPS_MAX} rows of escalation, each with a name of its own.", field="text")
    contacts = {str(row["id"]): _address(row) for row in tables.get("contact", ())}
    hours = float(tables["link"]["hours"])
    if not 0 < hours <= 24 * 30:
        raise Invalid("link.hours is above 0 and at most 720.", field="text")
    return OrderRules(kinds, steps, contacts, hours)


def _kind(row: Mapping[str, Any]) -> Kind:
    name, arrive = str(row["id"]), bool(row["arrive"])
    limits = {priority: _limits(name, arrive, row["limits"][priority.value]) for priority in Priority}
    names = {str(language): str(word) for language, word in row["name"].items()}
    if not names.get("vi"):
        raise Invalid(f"The kind “{name}” needs a name in Vietnamese.", field="text")
    return Kind(name, names, arrive, bool(row["photo"]), limits)


def _limits(name: str, arrive: bool, row: Mapping[str, Any]) -> Mapping[Clock, float]:
    wanted = [clock for clock in Clock if arrive or clock is not Clock.ARRIVE]
    minutes = {clock: float(row[clock.value]) for clock in wanted}
    asked = list(minutes.values())
    if asked != sorted(asked) or not 0 < asked[0] <= asked[-1] <= _MINUTES_MAX:
        raise Invalid(f"Limits of “{name}” grow from receive to finish, above 0 and within a week.", field="text")
    return minutes


def _escalation(row: Mapping[str, Any]) -> Escalation:
    made = Escalation(str(row["id"]), Clock(row["clock"]), float(row["after"]), tuple(row["to"]))
    if not made.id or "|" in made.id or not 0 <= made.after <= _MINUTES_MAX or not made.to:
        raise Invalid(
            f"The escalation “{made.id}” comes within a week after its limit and tells somebody.", field="text"
        )
    if unknown := set(made.to) - {UNIT, ABOVE, COMMANDER}:
        raise Invalid(f"“{made.id}” tells {', '.join(sorted(unknown))}: it is unit, above or commander.", field="text")
    return made


def _address(row: Mapping[str, Any]) -> str:
    mail = str(row["mail"])
    if mail.count("@") != 1 or any(mark.isspace() for mark in mail):
        raise Invalid(f"“{mail[:60]}” is no mail address of an office.", field="text")
    return mail


@lru_cache(maxsize=1)
def shipped() -> Mapping[str, Any]:
    """The tables that are shipped: a labelled sample."""
    return tomllib.loads(resources.files("dothi.operations").joinpath("data/orders.toml").read_text("utf-8"))


def rules_kind() -> RuleKind:
    """What a province or commune may set of its own."""
    return RuleKind(KIND, shipped(), _check)


def _check(tables: Mapping[str, Any]) -> None:
    try:
        parse(tables)
    except (KeyError, TypeError, ValueError, AttributeError) as cause:
        raise Invalid(f"The rules of orders lack or misuse {cause}.", field="text") from cause


def rules_at(operations: Operations, unit: str | None = None, at: int | None = None) -> OrderRules:
    """The rules in force for a unit at an instant (µs; now by default)."""
    adopted = operations.adopted
    known = adopted is not None and KIND in adopted.kinds and applied(adopted, KIND, unit, at)
    return parse(in_force(adopted, KIND, unit, at)) if adopted is not None and known else _parsed()


@lru_cache(maxsize=1)
def _parsed() -> OrderRules:
    return parse(shipped())
