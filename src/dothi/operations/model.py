"""What the verbs of operations need, the types they own, and the alarm rules."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from dothi.accounts.store import Accounts
from dothi.accounts.vault import Vault
from dothi.ground.calendar import WorkingCalendar, vietnam
from dothi.ground.errors import Conflict
from dothi.hub.core import Hub
from dothi.office.messages import Messages
from dothi.office.rules import RuleSets
from dothi.territory import Territory

OWNER = "operations"
INSTEAD = {
    "Alarm": "POST /api/alarms/{id}/acknowledge, …/assign, …/shelve (alarms are raised and cleared by their rules)",
    "MaintenanceWindow": "POST /api/maintenance-windows",
    "CentreHour": "GET /api/alarm-quality (recorded by the centre itself)",
    "Incident": "POST /api/incidents",
    "IncidentReview": "POST /api/incidents/{id}/review",
    "Order": "POST /api/incidents/{id}/orders",
    "LogEntry": "POST /api/log-entries (a line of a log is never changed)",
    "Shift": "POST /api/shifts",
    "Bulletin": "POST /api/bulletins",
    "Warning": "POST /api/warnings (written by one person, released by another)",
    "WarningDelivery": "POST /api/warnings/{id}/release (counted by the channels)",
    "EventSource": "POST /api/event-sources",
    "Suggestion": "POST /api/suggestions/{id}/confirm or /reject (operations suggests, a person decides)",
}


class Priority(StrEnum):
    """How soon a hand is needed (ISA-18.2 clause 10); not a legal hazard level."""

    URGENT = "urgent"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class IllegalMove(Conflict):
    """The alarm is not in a state in which this can be done."""


@dataclass(frozen=True)
class Reading:
    """One value of one subject as the feed brought it; instants in µs."""

    subject: str
    value: float | None
    observed: int
    known: int


@dataclass(frozen=True)
class Operations:
    """What the verbs of operations need."""

    hub: Hub
    territory: Territory
    vault: Vault | None = None  # Seals plates and faces of detections; None: none are taken in.
    adopted: RuleSets | None = None  # None: the shipped rules hold everywhere.
    messages: Messages | None = None  # None: nobody is told of anything.
    calendar: WorkingCalendar = field(default_factory=vietnam)
    trials: dict[str, Any] = field(default_factory=dict)  # Trials of alarm rules under way or read lately, by key.
    parsed: dict[tuple[tuple[str, int], ...], Any] = field(default_factory=dict)  # Alarm rules by the sets they are of.
    accounts: Accounts | None = None  # None: nobody can be named as the person who has something.
    home: str = ""  # Code of the unit whose centre this is: it has what lies in no unit.
