"""When detections are worth a look: rules as tables, and one pure function over what a source saw lately."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from dothi.ground.clock import MINUTE
from dothi.ground.errors import Invalid
from dothi.hub.model import Event
from dothi.office.rules import applied, in_force
from dothi.office.rules.model import Kind
from dothi.operations.model import Operations

KIND = "operations.detections"
KINDS_MAX, RULES_MAX, MINUTES_MAX, DAYS_MAX = 60, 60, 1440, 3650
_FIELDS = {"id", "vi", "en", "kinds", "confidence", "count", "times", "within_minutes", "quiet_minutes", "incident"}


@dataclass(frozen=True, slots=True)
class Rule:
    """So many detections of these kinds, each at least so sure, within a time, ask a person to look."""

    id: str
    name: Mapping[str, str]
    kinds: frozenset[str]
    confidence: float
    count: float  # At least so many were counted in one; 0: any.
    times: int
    within: int  # µs
    quiet: int  # µs in which the same source and rule do not ask again.
    incident: str  # The kind of incident that it would be; "": not said.


@dataclass(frozen=True, slots=True)
class Rules:
    """The kinds known, the rules, and how long anything may be kept (days)."""

    kinds: Mapping[str, Mapping[str, str]]
    rules: tuple[Rule, ...]
    days: int
    clip_days: int
    personal_days: int


def parse(tables: Mapping[str, Any]) -> Rules:
    """The rules that tables say. Invalid names the rule and what to mend."""
    kinds = {str(row["id"]): {"vi": str(row["vi"]), "en": str(row["en"])} for row in tables["kind"]}
    if len(kinds) > KINDS_MAX or len(tables["rule"]) > RULES_MAX:
        raise Invalid(f"At most {KINDS_MAX} kinds and {RULES_MAX} rules.", field="text")
    keep = {name: _whole("keep", name, tables["keep"][name], DAYS_MAX) for name in ("days", "clip_days")}
    keep["personal_days"] = _whole("keep", "personal_days", tables["keep"]["personal_days"], keep["days"])
    return Rules(kinds, tuple(_rule(row, kinds) for row in tables["rule"]), **keep)


def _rule(row: Mapping[str, Any], kinds: Mapping[str, Any]) -> Rule:
    name = str(row["id"])
    if unknown := row.keys() - _FIELDS:
        raise Invalid(f"Rule “{name}” has no {', '.join(sorted(unknown))}; it may have {', '.join(sorted(_FIELDS))}.")
    wanted = frozenset(row["kinds"])
    if not wanted or wanted - kinds.keys():
        raise Invalid(f"Rule “{name}”: kinds are some of {', '.join(kinds)}.", field="text")
    confidence, count = float(row["confidence"]), float(row.get("count", 0))
    if not 0 <= confidence <= 1 or not 0 <= count <= 1e9:
        raise Invalid(f"Rule “{name}”: confidence is from 0 to 1, count not negative.", field="text")
    return Rule(
        name,
        {"vi": str(row["vi"]), "en": str(row["en"])},
        wanted,
        confidence,
        count,
        _whole(name, "times", row["times"], 100),
        _whole(name, "within_minutes", row["within_minutes"], MINUTES_MAX) * MINUTE,
        _whole(name, "quiet_minutes", row["quiet_minutes"], MINUTES_MAX) * MINUTE,
        str(row.get("incident", "")),
    )


def _whole(rule: str, field: str, value: Any, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise Invalid(f"“{rule}”: {field} is a whole number from 1 to {most}.", field="text")
    return value


@lru_cache(maxsize=1)
def shipped() -> Mapping[str, Any]:
    """The tables that are shipped."""
    return tomllib.loads(resources.files("dothi.operations").joinpath("data/detections.toml").read_text("utf-8"))


def _check(tables: Mapping[str, Any]) -> None:
    try:
        parse(tables)
    except (KeyError, TypeError, ValueError) as cause:
        raise Invalid(f"The rules of detections lack or misuse {cause}.", field="text") from cause


def rules_kind() -> Kind:
    """What a province or commune may set of its own."""
    return Kind(KIND, shipped(), _check)


def rules_at(operations: Operations, unit: str | None = None, at: int | None = None) -> Rules:
    """The rules in force for a unit at an instant (µs; now by default)."""
    adopted = operations.adopted
    known = adopted is not None and KIND in adopted.kinds and applied(adopted, KIND, unit, at)
    return parse(in_force(adopted, KIND, unit, at) if known and adopted is not None else shipped())


def worth_a_look(rule: Rule, seen: Sequence[Event]) -> list[Event]:
    """The latest run of events that meets a rule, the last one first; empty when none does."""
    met = sorted((one for one in seen if _meets(rule, one)), key=lambda one: -one.at)
    if len(met) < rule.times:
        return []
    last = [one for one in met if met[0].at - one.at < rule.within]
    return last if len(last) >= rule.times else []


def _meets(rule: Rule, event: Event) -> bool:
    return (
        event.kind in rule.kinds
        and event.facts.get("confidence", 0.0) >= rule.confidence
        and event.facts.get("count", 0.0) >= rule.count
    )
