"""The nouns of the shift book: a shift, its states, its signatures, and the note that two officers sign."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dothi.accounts.model import User
from dothi.accounts.people import users
from dothi.ground.clock import from_iso
from dothi.ground.errors import Conflict, Forbidden, Missing
from dothi.hub.model import Actor, Entity, system
from dothi.operations.model import Operations

TYPE = "Shift"
CONSUMER = "operations.shifts"
BOOK = system("operations")  # In whose name shifts are made ahead and ended by the clock.
OFFICER = "duty_officer"
INDEXED: Mapping[str, tuple[str, ...]] = {
    TYPE: ("unit", "state", "officer", "starts", "ends", "beganAt", "open", "due", "assignee"),
    "LogEntry": ("promisedFor", "keeps", "unit"),
}


class State(StrEnum):
    """Where a shift stands."""

    PLANNED = "planned"
    ABSENT = "absent"  # Its officer cannot come: somebody has to stand in.
    ON_DUTY = "onDuty"
    HANDING_OVER = "handingOver"  # The outgoing officer has signed; he stays on duty until the other one signs.
    CLOSED = "closed"
    MISSED = "missed"  # Nobody came.
    DROPPED = "dropped"  # The roster was changed before it began.


SERVING = frozenset({State.ON_DUTY, State.HANDING_OVER})  # Somebody has the duty.
AHEAD = frozenset({State.PLANNED, State.ABSENT})


class NoSuchShift(Missing):
    """There is no such shift, or you may not see it."""


class NotOnDuty(Conflict):
    """This needs a shift in another state."""


class NotYourShift(Forbidden):
    """This is for another officer to do."""


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed what and when: `sha256` of the canonical JSON of what stands above it."""

    part: str  # "out" or "in".
    by: str
    name: str
    at: str
    sha256: str
    reservation: str = ""  # What the incoming officer does not take over as written.


@dataclass(frozen=True, slots=True)
class Swap:
    """One officer asks another to take his turn, for one of the other's turns or for nothing."""

    by: str
    to: str
    back: str  # Id of the other's shift that he takes instead; "" for none.
    reason: str
    asked_at: str


@dataclass(frozen=True, slots=True)
class Shift:
    """One officer's turn on duty; instants in µs."""

    id: str
    version: int
    unit: str
    turn: str
    names: Mapping[str, str]
    starts: int
    ends: int
    state: State
    officer: str  # Actor id of a person; "" while it is nobody's.
    by_hand: bool  # Somebody changed who has it: the roster no longer does.
    reason: str  # Why another one stands in, or why it ended without a handover.
    relieved: str  # Actor id of the officer for whom another one stands in.
    began_at: int | None
    ended_at: int | None
    note: Mapping[str, Any] | None
    signatures: tuple[Signature, ...]
    swap: Swap | None
    after: str  # Id of the shift that was handed over to this one.

    @property
    def serving(self) -> bool:
        """Whether its officer has the duty."""
        return self.state in SERVING

    @property
    def ended(self) -> bool:
        """Whether nothing more can become of it."""
        return self.state in (State.CLOSED, State.MISSED, State.DROPPED)


def shift_of(entity: Entity) -> Shift:
    """The shift that an entity holds. NoSuchShift when it is none."""
    if TYPE not in entity.types:
        raise NoSuchShift(f"{entity.id} is not a shift.")
    value = entity.value
    swap = value("swap") or {}
    return Shift(
        entity.id,
        entity.version,
        value("unit", ""),
        value("turn", ""),
        value("title") or {},
        from_iso(value("starts")),
        from_iso(value("ends")),
        State(value("state")),
        value("officer") or "",
        bool(value("byHand", False)),
        value("reason") or "",
        value("relief") or "",
        _instant(value("beganAt")),
        _instant(value("endedAt")),
        value("note") or None,
        tuple(Signature(**one) for one in value("signatures") or ()),
        Swap(**swap) if swap else None,
        value("after") or "",
    )


def _instant(text: str | None) -> int | None:
    return from_iso(text) if text else None


def people(operations: Operations) -> dict[str, User]:
    """Who can be rostered, by login: accounts that are open and hold the role of a duty officer."""
    if operations.accounts is None:
        return {}
    return {one.login: one for one in users(operations.accounts) if OFFICER in one.roles and not one.disabled}


def demand_officer(operations: Operations, actor: Actor, unit: str) -> None:
    """Forbidden unless a person acts who is a duty officer where `unit` is; a key signs nothing."""
    if not actor.id.startswith("user:") or OFFICER not in actor.roles:
        raise NotYourShift("Only a duty officer takes and hands over a shift, signed in with an account of his own.")
    if actor.areas and unit not in frozenset().union(*(operations.territory.within(code) for code in actor.areas)):
        raise NotYourShift(f"You are a duty officer elsewhere than in {unit}.")
