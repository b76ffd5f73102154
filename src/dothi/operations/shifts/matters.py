"""What is open at a handover, as plain lines: alarms, incidents, orders, warnings, suggestions, sources, promises."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dothi.ground.clock import from_iso
from dothi.ground.errors import Forbidden
from dothi.hub.model import Actor, Entity
from dothi.operations.model import Operations, Priority
from dothi.operations.shifts.owners import holder, open_of
from dothi.operations.shifts.promises import open_promises
from dothi.sources.model import SourceState
from dothi.sources.rhythm import state_of

LINES_MAX = 200  # Lines of a section in a note; how many more there were stands beside them.
_ORDER = {one.value: place for place, one in enumerate(Priority)}
_MOST = 5000
Line = dict[str, Any]


def sections(operations: Operations, actor: Actor, unit: str, now: int) -> list[dict[str, Any]]:
    """The sections of a note, each {"kind", "lines", "more"}, in the order in which they are read. None is left out."""
    made = []
    for kind, find in SECTIONS.items():
        lines = find(operations, actor, unit, now)
        made.append({"kind": kind, "lines": lines[:LINES_MAX], "more": max(0, len(lines) - LINES_MAX)})
    return made


def _line(entity: Entity, **more: Any) -> Line:
    """What a line says of any open thing; only what was said is there, so that its hash is of facts."""
    value = entity.value
    said = {
        "id": entity.id,
        "name": value("name") or value("title") or "",
        "priority": value("priority"),
        "state": value("state"),
        "since": value("since"),
        "due": value("due"),
        "unit": value("unit"),
        "holder": holder(entity),
        "assignee": value("assignee"),
        "drill": value("drill"),
        **more,
    }
    return {key: one for key, one in said.items() if one not in (None, "", False)}


def _pressing(line: Line) -> tuple[int, str]:
    return _ORDER.get(str(line.get("priority")), len(_ORDER)), str(line.get("since", ""))


def _within(operations: Operations, things: Iterable[Entity], unit: str) -> list[Entity]:
    """What lies in the area of a unit, and what lies nowhere: nothing falls between two books."""
    codes = operations.territory.within(unit) | {unit}
    return [one for one in things if (one.value("unit") or unit) in codes]


def _alarms(operations: Operations, actor: Actor, unit: str, now: int) -> list[Line]:
    found = [one for one in _within(operations, open_of(operations, actor, "Alarm"), unit) if not _shelved(one, now)]
    lines = [_line(one, subject=one.value("subjectName"), seen=bool(one.value("acknowledged"))) for one in found]
    return sorted(lines, key=_pressing)


def _shelved(alarm: Entity, now: int) -> bool:
    until = alarm.value("shelvedUntil")
    return bool(until) and from_iso(str(until)) > now


def _shelved_alarms(operations: Operations, actor: Actor, unit: str, now: int) -> list[Line]:
    found = [one for one in _within(operations, _all_shelved(operations, actor), unit) if _shelved(one, now)]
    lines = [
        _line(one, subject=one.value("subjectName"), until=one.value("shelvedUntil"), why=one.value("shelvedWhy"))
        for one in found
    ]
    return sorted(lines, key=lambda line: str(line["until"]))


def _all_shelved(operations: Operations, actor: Actor) -> list[Entity]:
    try:
        return list(operations.hub.find(actor, "Alarm", "shelvedUntil", _MOST))
    except Forbidden:
        return []


def _incidents(operations: Operations, actor: Actor, unit: str, now: int) -> list[Line]:
    found = _within(operations, open_of(operations, actor, "Incident"), unit)
    return sorted((_line(one, **_owed(one)) for one in found), key=_pressing)


def _owed(incident: Entity) -> dict[str, Any]:
    """How many steps of the playbook are not done, and which is next."""
    steps = [one for one in incident.value("steps") or () if isinstance(one, Mapping)]
    owed = sorted((one for one in steps if one.get("due") and one.get("state", "todo") == "todo"), key=_due)
    return {"steps": len(owed), "next": owed[0].get("title") or ""} if owed else {}


def _due(step: Mapping[str, Any]) -> int:
    return from_iso(str(step["due"]))


def _orders(operations: Operations, actor: Actor, unit: str, now: int) -> list[Line]:
    """Late ones first, by deadline."""
    lines = [_line(one) for one in _within(operations, open_of(operations, actor, "Order"), unit)]
    return sorted(lines, key=lambda line: str(line.get("due") or "9"))


def _warnings(operations: Operations, actor: Actor, unit: str, now: int) -> list[Line]:
    found = _within(operations, open_of(operations, actor, "Warning"), unit)
    return sorted(
        (_line(one, until=one.value("expires")) for one in found), key=lambda line: str(line.get("until", ""))
    )


def _suggestions(operations: Operations, actor: Actor, unit: str, now: int) -> list[Line]:
    return [_line(one) for one in _within(operations, open_of(operations, actor, "Suggestion"), unit)]


def _sources(operations: Operations, actor: Actor, unit: str, now: int) -> list[Line]:
    """Sources that do not keep their promise: what they measure cannot be trusted."""
    try:
        found = operations.hub.find(actor, "DataSource", limit=_MOST)
    except Forbidden:
        return []
    late = [(one, state_of(one, now)) for one in found]
    return [
        _line(one, state=state.value, since=one.value("lastSeen"))
        for one, state in late
        if state is not SourceState.LIVE
    ]


def _promised(operations: Operations, actor: Actor, unit: str, now: int) -> list[Line]:
    found = _within(operations, open_promises(operations, actor), unit)
    lines = [
        _line(
            one, name=one.value("words"), due=one.value("promisedFor"), holder=one.value("by"), about=one.value("about")
        )
        for one in found
    ]
    return sorted(lines, key=lambda line: str(line["due"]))


def _promise(entry: Entity) -> dict[str, Any]:
    value = entry.value
    return {"name": value("words"), "due": value("promisedFor"), "holder": value("by"), "about": value("about")}


Find = Callable[[Operations, Actor, str, int], list[Line]]
SECTIONS: Mapping[str, Find] = {
    "incidents": _incidents,
    "alarms": _alarms,
    "orders": _orders,
    "warnings": _warnings,
    "promises": _promised,
    "shelved": _shelved_alarms,
    "suggestions": _suggestions,
    "sources": _sources,
}


def is_late(line: Mapping[str, Any], now: int) -> bool:
    """Whether a line's deadline has passed."""
    due = line.get("due")
    return isinstance(due, str) and from_iso(due) < now


def counted(found: list[dict[str, Any]]) -> dict[str, int]:
    """How many lines each section has, with those that did not fit."""
    return {one["kind"]: len(one["lines"]) + one["more"] for one in found}
