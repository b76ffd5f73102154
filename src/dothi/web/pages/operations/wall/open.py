"""What is open, for the wall and the shift: what is wrong, since when, who has it; incidents with their alarms."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from starlette.requests import Request

from dothi.ground.clock import from_iso, now_us
from dothi.hub.model import Entity
from dothi.operations.model import Priority
from dothi.operations.shifts.model import Shift
from dothi.operations.shifts.owners import Owner, holder, owner_of, serving
from dothi.web.page import words
from dothi.web.pages.shown import attribute_name, bare, find, measured, unit_name, who
from dothi.web.pages.walk import href_of
from dothi.web.parts import parts

PRIORITIES: Mapping[str, tuple[str, str]] = {  # Kind of tag and icon; operational priorities, no legal colours.
    "urgent": ("bad", "alarm"),
    "high": ("watch", "up-trend"),
    "medium": ("note", "flat"),
    "low": ("grey", "down-trend"),
}
_ORDER = {one.value: place for place, one in enumerate(Priority)}
_MOST = 2000


@dataclass(frozen=True)
class Row:
    """One open matter; instants in µs. `state` is unseen, seen, gone, late or open."""

    key: str
    id: str
    href: str
    type: str
    what: str
    where: str
    priority: str
    kind: str
    icon: str
    state: str
    state_word: str
    who: str
    nobody: bool  # Nobody is on duty for it: the unit has it.
    measure: str
    since: int | None
    due: int | None
    late: bool
    inside: tuple[str, ...]  # What belongs to an incident: the names of its alarms.
    drill: bool
    simulated: bool


@dataclass(frozen=True)
class Open:
    """All that is open, the most pressing first."""

    alarms: tuple[Row, ...]  # Those that belong to no incident.
    incidents: tuple[Row, ...]
    orders: tuple[Row, ...]
    warnings: tuple[Row, ...]
    shelved: int
    grouped: int  # Alarms that stand inside an incident.
    waiting: int  # Alarms that nobody acknowledged.
    oldest: int | None
    urgent: tuple[str, ...]  # Ids of urgent alarms that nobody acknowledged.
    duty: Mapping[str, Shift]

    @property
    def late_orders(self) -> int:
        """Orders whose time is over."""
        return sum(one.late for one in self.orders)


def everything(request: Request) -> Open:
    """What is open now, as far as this visitor sees it."""
    now, duty = now_us(), serving(parts(request).operations)
    alarms = find(request, "Alarm", "open==true", _MOST)
    held = find(request, "Alarm", 'held=="shelved"', _MOST)
    shelved = {one.id for one in (*alarms, *held) if _shelved(one, now)}
    called = [one for one in alarms if not _shelved(one, now) and not one.value("suppressedBy")]
    incidents = find(request, "Incident", "open==true", _MOST)
    inside = {name: one.id for one in incidents for name in _names(one.value("alarms"))}
    inside |= {one.id: str(one.value("incident")) for one in called if one.value("incident")}
    unseen = [one for one in called if not one.value("acknowledged")]
    named = [(inside.get(one.id), _alarm_name(request, one)) for one in called]
    orders = (_order(request, one, duty, now) for one in find(request, "Order", "open==true", _MOST))
    warnings = (_warning(request, one, duty, now) for one in find(request, "Warning", "open==true", _MOST))
    return Open(
        _sorted(_alarm(request, one, duty, now) for one in called if one.id not in inside),
        _sorted(_incident(request, one, duty, now, [name for of, name in named if of == one.id]) for one in incidents),
        tuple(sorted(orders, key=_due)),
        tuple(sorted(warnings, key=_due)),
        len(shelved),
        sum(one.id in inside for one in called),
        len(unseen),
        min((from_iso(one.value("since")) for one in unseen), default=None),
        tuple(one.id for one in unseen if one.value("priority") == Priority.URGENT),
        duty,
    )


def _names(value: object) -> list[str]:
    return [value] if isinstance(value, str) else [str(one) for one in value] if isinstance(value, list) else []


def _shelved(alarm: Entity, now: int) -> bool:
    until = alarm.value("shelvedUntil")
    return isinstance(until, str) and bool(until) and from_iso(until) > now


def _sorted(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Nobody's before somebody's, by priority, oldest first."""
    return tuple(sorted(rows, key=lambda row: (row.state == "seen", _ORDER.get(row.priority, 9), row.since or 0)))


def _due(row: Row) -> int:
    return row.due or 1 << 62


def _row(request: Request, one: Entity, duty: Mapping[str, Shift], now: int, what: str, **more: object) -> Row:
    value, owner = one.value, owner_of(parts(request).operations, one, duty, parts(request).province)
    priority = str(value("priority") or "")
    kind, icon = PRIORITIES.get(priority, ("note", "flat"))
    due = from_iso(value("due")) if isinstance(value("due"), str) and value("due") else None
    said: dict[str, object] = {
        "key": bare(one.id).replace(":", "-"),
        "id": one.id,
        "href": href_of(one) or f"/walk/{one.id}",
        "type": one.types[0],
        "what": what,
        "where": unit_name(request, value("unit")),
        "priority": priority,
        "kind": kind,
        "icon": icon,
        "state": "open",
        "state_word": "",
        "who": _has(request, one, owner),
        "nobody": owner.gap,
        "measure": "",
        "since": from_iso(value("since")) if isinstance(value("since"), str) else None,
        "due": due,
        "late": due is not None and due < now,
        "inside": (),
        "drill": bool(value("drill")),
        "simulated": bool(value("simulated")),
    }
    return Row(**{**said, **more})  # type: ignore[arg-type]


def _has(request: Request, one: Entity, owner: Owner) -> str:
    """Who has it: the one on duty; in a gap who had it by name, else the unit."""
    return who(request, owner.officer or holder(one)) or unit_name(request, owner.unit)


def _alarm_name(request: Request, one: Entity) -> str:
    return words(request).pick(one.value("name")) or bare(one.id)


def _alarm(request: Request, one: Entity, duty: Mapping[str, Shift], now: int) -> Row:
    value, t = one.value, words(request).t
    seen, active = bool(value("acknowledged")), bool(value("active"))
    state = "seen" if seen else "unseen" if active else "gone"
    attribute = str(value("attribute") or "")
    silent = value("kind") == "noData" or not attribute
    measure = "" if silent else measured(request, attribute, value("value"), value("valueUnit"))
    subject = words(request).pick(value("subjectName")) or bare(str(value("subject") or ""))
    place = ", ".join(filter(None, [subject, unit_name(request, value("unit"))]))
    return _row(
        request,
        one,
        duty,
        now,
        _alarm_name(request, one),
        where=place,
        state=state,
        state_word=t(f"wall.state.{state}"),
        measure=f"{attribute_name(request, attribute)} {measure}" if measure else "",
        late=not seen and _passed(value("due"), now),
    )


def _passed(due: object, now: int) -> bool:
    return isinstance(due, str) and bool(due) and from_iso(due) < now


def _incident(request: Request, one: Entity, duty: Mapping[str, Shift], now: int, inside: list[str]) -> Row:
    steps = [step for step in one.value("steps") or () if isinstance(step, Mapping)]
    owed = sum(bool(step.get("due")) and step.get("state", "todo") == "todo" for step in steps)
    measure = words(request).t("wall.steps", n=owed) if owed else ""
    return _row(request, one, duty, now, _title(request, one), inside=tuple(inside), measure=measure)


def _title(request: Request, one: Entity) -> str:
    return words(request).pick(one.value("title") or one.value("name")) or words(request).t(f"type.{one.types[0]}")


def _order(request: Request, one: Entity, duty: Mapping[str, Shift], now: int) -> Row:
    """An order is the unit's that was told to do it."""
    assignee = str(one.value("assignee") or "")
    told = who(request, assignee) if assignee.startswith("user:") else unit_name(request, assignee)
    row = _row(request, one, duty, now, _title(request, one))
    state, kind = ("late", "bad") if row.late else ("open", "note")
    return _with(row, who=told or row.who, nobody=False, state=state, kind=kind)


def _warning(request: Request, one: Entity, duty: Mapping[str, Shift], now: int) -> Row:
    expires = one.value("expires")
    due = from_iso(expires) if isinstance(expires, str) and expires else None
    row = _row(request, one, duty, now, _title(request, one))
    return _with(row, due=due, late=due is not None and due < now)


def _with(row: Row, **changed: object) -> Row:
    return Row(**{**row.__dict__, **changed})


def highest_bulletin(request: Request) -> tuple[int, str, int] | None:
    """(legal level, title, expiry in µs) of the gravest official bulletin in force; None where there is none."""
    now = now_us()
    found = [one for one in find(request, "Bulletin", limit=_MOST) if not _passed(one.value("expires"), now)]
    graded = [(int(one.value("level") or 0), one) for one in found if str(one.value("level") or "").isdigit()]
    if not graded:
        return None
    level, one = max(graded, key=lambda pair: pair[0])
    expires = one.value("expires")
    return level, _title(request, one), from_iso(expires) if expires else now
