"""One rule changed for one unit: the least text that must be adopted above what is inherited, and its trial."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tomli_w

from dothi.ground.errors import Invalid, Missing
from dothi.hub.model import ABSENT, Actor
from dothi.office.rules import RuleSet, RuleSets, adopt, check_day, difference, in_force, inherited, overlay, versions
from dothi.office.rules.service import check
from dothi.operations.model import Operations
from dothi.operations.rules.in_force import KIND
from dothi.operations.rules.model import Rule
from dothi.operations.rules.parse import parse_rule, row_of

Tables = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A rule as somebody wants it for a unit ("" the whole city) from a day on."""

    unit: str
    day: str  # yyyy-mm-dd
    row: Tables  # As a rule set holds it, whole.


@dataclass(frozen=True, slots=True)
class Wanted:
    """What would be adopted: the unit's own text, the tables then in force, and the version of that day's set."""

    text: str
    tables: Tables
    version: int


def wanted(operations: Operations, asked: Asked, now: int) -> Wanted:
    """The set that makes the rule so, keeping what else the unit adopted. Invalid names the field and what to write."""
    rules = _sets(operations)
    day = check_day(asked.day, now)
    parse_rule(asked.row)
    above = inherited(rules, KIND, asked.unit, day)
    own = own_set(rules, asked.unit, asked.day)
    whole = overlay(above, own.tables if own else {})
    changed = {"rule": _with_row(whole.get("rule", []), asked.row)}
    text = tomli_w.dumps(difference(above, changed))
    tables = check(rules, KIND, asked.unit, day, difference(above, changed))
    return Wanted(text, tables, own.version if own and own.valid_from == asked.day else ABSENT)


def _with_row(rows: Any, row: Tables) -> list[Tables]:
    if any(one["id"] == row["id"] for one in rows):
        return [row if one["id"] == row["id"] else one for one in rows]
    return [*rows, row]


def row_with(row: Tables, rule: Rule) -> Tables:
    """The row of a rule changed to say what `rule` says, and nothing else that it did not say before."""
    before = row_of(parse_rule(row)) if row else {}
    after = row_of(rule)
    return {**row, **{name: value for name, value in after.items() if before.get(name) != value}}


def own_set(rules: RuleSets, unit: str, day: str) -> RuleSet | None:
    """The unit's own set that is the newest one until a day."""
    own = [one for one in versions(rules, KIND, unit) if one.valid_from <= day]
    return max(own, key=lambda one: one.valid_from, default=None)


async def change_rule(operations: Operations, actor: Actor, asked: Asked, reason: str, now: int) -> RuleSet:
    """Let a rule be so for a unit from a day on, by a decision. Invalid, Forbidden; nothing is written then."""
    found = wanted(operations, asked, now)
    if not found.text.strip():
        raise Invalid("Nothing differs from what is in force above: there is nothing to adopt.", field="text")
    rules = _sets(operations)
    return await adopt(rules, actor, KIND, asked.unit, asked.day, found.text, reason, found.version, now)


def row_in_force(operations: Operations, rule: str, unit: str = "", at: int | None = None) -> Tables:
    """The row of a rule as it is in force for a unit. Missing when no such rule is."""
    rows = in_force(_sets(operations), KIND, unit or None, at).get("rule", [])
    found = next((row for row in rows if row["id"] == rule), None)
    if found is None:
        raise Missing(f"There is no alarm rule “{rule[:60]}” here; GET /api/alarm-rules lists them.")
    return dict(found)


def _sets(operations: Operations) -> RuleSets:
    if operations.adopted is None:
        raise Missing("This city keeps no rule sets: the shipped rules hold everywhere.")
    return operations.adopted
