"""Alarms as they stand: the one of a cause, where it is in its life, and the lists that people ask for."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dothi.ground.clock import from_iso, iso
from dothi.ground.errors import Missing
from dothi.ground.ids import urn
from dothi.hub.language.nodes import Compare, Query, TypeIs
from dothi.hub.model import Actor, Entity, system
from dothi.operations.alarms.floods import SLOT
from dothi.operations.alarms.workflow import ORDER, Held, State
from dothi.operations.model import Operations, Priority

ENGINE = system("operations")
TYPE = "Alarm"
MOST = 5000


@dataclass(frozen=True, slots=True)
class Comment:
    """What somebody said about an alarm; `at` in ISO 8601."""

    by: str
    at: str
    words: str


def alarm_id(rule_id: str, subject: str) -> str:
    """The one alarm of a rule on a subject: the cause names it, so that it can be there once only."""
    cause = hashlib.sha256(f"{rule_id}\n{subject}".encode()).hexdigest()[:24]
    return urn(TYPE, cause)


def find_alarm(operations: Operations, name: str, actor: Actor = ENGINE) -> Entity | None:
    """The alarm of that id, None when there never was one."""
    try:
        return operations.hub.get(actor, name)
    except Missing:
        return None


def the_alarm(operations: Operations, actor: Actor, name: str) -> Entity:
    """The alarm of that id. Missing when it is not there, is none, or `actor` may not see it."""
    found = operations.hub.get(actor, name)
    if TYPE not in found.types:
        raise Missing(f"{name} is not an alarm.")
    return found


def state_of(alarm: Entity) -> State:
    """Where an alarm entity stands."""
    return State(bool(alarm.value("active")), bool(alarm.value("acknowledged")), Held(alarm.value("held", "")))


def turns_of(alarm: Entity | None) -> tuple[int, ...]:
    """When (µs) its condition began, the last times."""
    return tuple(alarm.value("turns", ())) if alarm else ()


def comments_of(alarm: Entity) -> tuple[Comment, ...]:
    """What was said about it, oldest first."""
    said: list[Mapping[str, Any]] = alarm.value("comments", [])
    return tuple(Comment(one.get("by", ""), one.get("at", ""), one.get("words", "")) for one in said)


def open_alarms(operations: Operations, actor: Actor, units: Iterable[str] = ()) -> list[Entity]:
    """What needs a hand, most pressing first, then oldest first; of some units, or of all that `actor` may see."""
    wanted = frozenset(units)
    found = operations.hub.find(actor, TYPE, "open==true", MOST, order=("since",))
    alarms = [alarm for alarm in found if not wanted or alarm.value("unit") in wanted]
    return sorted(alarms, key=pressing)


def held_alarms(operations: Operations, actor: Actor, held: Held) -> list[Entity]:
    """What is held back in one way, the one that comes back first on top."""
    found = operations.hub.find(actor, TYPE, f'held=="{held}"', MOST)
    return sorted(found, key=lambda one: (one.value("shelvedUntil", ""), pressing(one)))


def recent_alarms(operations: Operations, actor: Actor, limit: int = 100) -> list[Entity]:
    """Alarms that are closed, the latest first."""
    return list(operations.hub.find(actor, TYPE, "open==false", limit=limit, order=("-since",)).entities)


def led_by(operations: Operations, actor: Actor, root: str) -> list[Entity]:
    """The alarms that a root holds back."""
    return list(operations.hub.find(actor, TYPE, f'suppressedBy=="{root}"', MOST))


def new_alarms(operations: Operations, actor: Actor, now: int) -> int:
    """How many alarms came up in the last ten minutes."""
    begun = (Compare(("since",), ">", iso(now - SLOT)),)
    found = operations.hub.query(actor, Query(TypeIs(TYPE), q=begun[0], limit=0, count=True))
    return found.count or 0


def operators(operations: Operations, at: int) -> int:
    """How many officers are on shift at an instant by the roster; 1 when there is no roster."""
    moment = iso(at)
    found = operations.hub.find(ENGINE, "Shift", f'starts<="{moment}";ends>"{moment}"', MOST)
    return max(1, len({one.value("officer", one.id) for one in found if not one.value("drill", False)}))


def pressing(alarm: Entity) -> tuple[bool, bool, int, int]:
    """Not acknowledged before acknowledged, active before cleared, by priority, oldest first."""
    state = state_of(alarm)
    since: Any = alarm.value("since")
    return state.acknowledged, not state.active, ORDER.index(Priority(alarm.value("priority"))), from_iso(since)
