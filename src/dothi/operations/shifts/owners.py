"""Who has what is open: a person on duty, else whoever has the duty of its area, else the unit; never nobody."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dothi.ground.clock import from_iso, iso
from dothi.ground.errors import Forbidden
from dothi.hub.model import Actor, Attribute, Change, Entity, amend, prop, readable
from dothi.operations.model import Operations
from dothi.operations.shifts.model import BOOK, TYPE, Shift, shift_of
from dothi.operations.shifts.rules import book_for

HELD = ("Alarm", "Incident", "Order", "Warning", "Suggestion", "IncidentReview")  # What passes from officer to officer.
PERSONS = ("assignee", "commander")  # Attributes that may name a person.
_PERSON = "user:"
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Owner:
    """Who has it: a person (actor id) or, in a gap of the roster, a unit (code)."""

    officer: str
    unit: str
    named: bool  # It was taken, assigned or handed over to this very person.

    @property
    def gap(self) -> bool:
        """Whether nobody is on duty for it, so that it is the unit's."""
        return not self.officer


def serving(operations: Operations, actor: Actor = BOOK) -> dict[str, Shift]:
    """The shifts that have the duty now, by unit."""
    found = operations.hub.find(actor, TYPE, 'state=="onDuty","handingOver"', order=("starts",))
    return {one.unit: one for one in readable(found, shift_of)}


def holder(entity: Entity) -> str:
    """The person who has it by name (actor id): assigned, directing it, handed over, or who took it; "" for nobody."""
    value = entity.value
    named = [one for name in PERSONS if isinstance(one := value(name), str) and one.startswith(_PERSON)]
    if named:
        return named[0]
    if not value("acknowledged", True):
        return ""  # An alarm that came up again is nobody's yet.
    taken, passed = str(value("acknowledgedBy") or ""), str(value("heldBy") or "")
    since = value("acknowledgedAt") or entity.observed_at("acknowledged")
    later = _instant(entity.observed_at("heldBy")) >= _instant(since)
    found = passed if passed and later else taken
    return found if found.startswith(_PERSON) else ""


def _instant(text: str | None) -> int:
    return from_iso(text) if text else 0


def owner_of(operations: Operations, entity: Entity, duty: Mapping[str, Shift], home: str = "") -> Owner:
    """Who has an open thing while `duty` (unit → shift) is on."""
    book = book_for(operations, str(entity.value("unit") or ""), home)
    held = holder(entity)
    if held and any(one.officer == held for one in duty.values()):
        return Owner(held, book, named=True)
    shift = duty.get(book)
    return Owner(shift.officer if shift else "", book, named=False)


def open_of(operations: Operations, actor: Actor, kind: str) -> list[Entity]:
    """The open things of a type that the actor may see; none where the type is hidden from him."""
    try:
        return list(operations.hub.find(actor, kind, "open==true", _MOST))
    except Forbidden:
        return []


def held_by(operations: Operations, actor: Actor, officer: str) -> list[Entity]:
    """Everything open that `officer` has by name, as far as the actor may see it."""
    return [one for kind in HELD for one in open_of(operations, actor, kind) if holder(one) == officer]


def passed_on(things: Iterable[Entity], to: str, now: int) -> list[Change]:
    """The changes that give these things to another officer, at one instant."""
    return [amend(one.id, **_passed(one, to, iso(now))) for one in things]


def _passed(entity: Entity, to: str, at: str) -> dict[str, Attribute]:
    """Where a person was named the next one is named; the unit that owes the work stays."""
    named = [name for name in PERSONS if str(entity.value(name) or "").startswith(_PERSON)]
    return {name: prop(to, at) for name in ("heldBy", *named)}
