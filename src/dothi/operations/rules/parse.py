"""From the tables of a rule set to rules, and back: whatever could never raise or never clear is refused.

Every Invalid names the rule, the field and what to write instead.
"""

from collections.abc import Mapping
from datetime import time
from typing import Any

from dothi.ground.errors import Invalid
from dothi.operations.model import Priority
from dothi.operations.rules.conditions import condition, written_when
from dothi.operations.rules.model import Each, Flapping, Only, Rule, Schedule, Within
from dothi.operations.rules.reading import Row
from dothi.operations.rules.sense import check_together

YEAR_SECONDS = 366 * 86_400
RULES_MAX = 2000
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def parse(tables: Mapping[str, Any]) -> dict[str, Rule]:
    """The rules of a rule set by id, in the order written. Invalid says which cannot be used, and why."""
    rows = tables.get("rule", [])
    if extra := set(tables) - {"rule"}:
        raise Invalid(f"“{min(extra)}” is no table of alarm rules: write [[rule]].", field="text")
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise Invalid("Alarm rules are written as [[rule]], one block each.", field="text")
    if len(rows) > RULES_MAX:
        raise Invalid(f"There are {len(rows)} rules; {RULES_MAX} is the most.", field="text")
    found: dict[str, Rule] = {}
    for row in rows:
        rule = parse_rule(row)
        if rule.id in found:
            raise Invalid(f"Rule “{rule.id}” is written twice: give each an id of its own.", field="text", rule=rule.id)
        found[rule.id] = rule
    check_together(found)
    return found


def check(tables: Mapping[str, Any]) -> None:
    """Raise Invalid when the tables cannot be used."""
    parse(tables)


def parse_rule(table: Mapping[str, Any]) -> Rule:
    """One rule. Invalid names the field."""
    name = table.get("id")
    if not isinstance(name, str) or not 1 <= len(name) <= 100 or any(letter in name for letter in " |,\n\t"):
        raise Invalid("Each rule needs an id of 1 to 100 letters without spaces, commas or bars.", field="id")
    row = Row(name, "", table)
    each = row.one_of("each", Each, Each.SUBJECT)
    kind = row.text("type")
    rule = Rule(
        id=row.text("id"),
        name=row.words("name"),
        type=kind,
        when=condition(row, kind, each),
        priority=row.one_of("priority", Priority),
        each=each,
        for_seconds=row.whole("for_seconds", 0, 0, YEAR_SECONDS),
        hold_seconds=row.whole("hold_seconds", 0, 0, YEAR_SECONDS),
        max_age_seconds=row.whole("max_age_seconds", 10_800, 1, YEAR_SECONDS),
        schedule=_schedule(row.table("schedule")),
        only=_only(row.table("only"), each),
        inhibited_by=row.texts("inhibited_by"),
        inhibited_within=row.one_of("inhibited_within", Within, Within.UNIT),
        group=row.text("group", ""),
        playbook=row.text("playbook", ""),
        advice=row.words("advice") if row.has("advice") else None,
        flapping=_flapping(row.table("flapping")),
        enabled=row.flag("enabled", True),
        sample=row.flag("sample", False),
    )
    row.done()
    return rule


def _schedule(row: Row | None) -> Schedule | None:
    if row is None:
        return None
    days = row.texts("days", WEEKDAYS)
    if not days:
        raise row.wrong("days", "without a day the rule is never at work: name one, or leave days out")
    for day in days:
        if day not in WEEKDAYS:
            raise row.wrong("days", f"“{day}” is no weekday: write {', '.join(WEEKDAYS)}")
    start, end = _time(row, "from", "00:00"), _time(row, "to", "24:00")
    if start == end:
        raise row.wrong("to", "from and to are the same, so the rule is never at work: leave both out for all day")
    found = Schedule(frozenset(map(WEEKDAYS.index, days)), start or time(0), end, row.flag("holidays", True))
    row.done()
    return None if found == Schedule() else found


def _time(row: Row, name: str, default: str) -> time | None:
    """A time of day; None is the end of the day."""
    text = row.text(name, default)
    try:
        return None if text == "24:00" else time.fromisoformat(text)
    except ValueError:
        raise row.wrong(name, f"“{text}” is no time of day: write 07:30") from None


def _only(row: Row | None, each: Each) -> Only:
    if row is None:
        return Only()
    found = Only(frozenset(row.texts("units")), frozenset(row.texts("subjects")))
    if not found.units and not found.subjects:
        raise row.wrong("units", "name at least one unit or subject, or leave “only” out: so it would never raise")
    if found.subjects and each is not Each.SUBJECT:
        raise row.wrong("subjects", "a rule of areas is narrowed by units, not by subjects")
    row.done()
    return found


def _flapping(row: Row | None) -> Flapping | None:
    if row is None:
        return None
    found = Flapping(row.whole("times", None, 2, 1000), row.whole("window_seconds", None, 1, YEAR_SECONDS))
    row.done()
    return found


def row_of(rule: Rule) -> dict[str, Any]:
    """The row that `parse_rule` reads as this rule; with its usual values, so that it can be laid over another."""
    said = {
        "id": rule.id,
        "name": dict(rule.name),
        "type": rule.type,
        "each": rule.each.value,
        "priority": rule.priority.value,
        "when": written_when(rule.when),
        "for_seconds": rule.for_seconds,
        "hold_seconds": rule.hold_seconds,
        "max_age_seconds": rule.max_age_seconds,
        "schedule": _written_schedule(rule.schedule),
        "only": {name: sorted(some) for name, some in _narrowed(rule.only) if some} or None,
        "inhibited_by": list(rule.inhibited_by),
        "inhibited_within": rule.inhibited_within.value,
        "group": rule.group,
        "playbook": rule.playbook,
        "advice": dict(rule.advice) if rule.advice is not None else None,
        "flapping": _written_flapping(rule.flapping),
        "enabled": rule.enabled,
        "sample": rule.sample,
    }
    return _present(said)


def _narrowed(only: Only) -> tuple[tuple[str, frozenset[str]], ...]:
    return ("units", only.units), ("subjects", only.subjects)


def _written_schedule(schedule: Schedule | None) -> dict[str, Any] | None:
    if schedule is None:
        return None
    days = [WEEKDAYS[day] for day in sorted(schedule.days)]
    end = "24:00" if schedule.end is None else schedule.end.isoformat()
    return {"days": days, "from": schedule.start.isoformat(), "to": end, "holidays": schedule.holidays}


def _written_flapping(flapping: Flapping | None) -> dict[str, Any] | None:
    return None if flapping is None else {"times": flapping.times, "window_seconds": flapping.window_seconds}


def _present(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value is not None}
