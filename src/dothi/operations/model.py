"""What the verbs of operations need, the types they own, and the alarm rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from dothi.accounts.store import Accounts
from dothi.accounts.vault import Vault
from dothi.ground.calendar import WorkingCalendar, vietnam
from dothi.ground.errors import Conflict, Invalid
from dothi.hub.core import Hub
from dothi.hub.model import Entity
from dothi.office.messages import Messages
from dothi.office.rules import RuleSets
from dothi.territory import Territory

OWNER = "operations"
INSTEAD = {
    "Alarm": "POST /api/alarms/{id}/acknowledge, …/assign, …/shelve (alarms are raised and cleared by their rules)",
    "AlarmRule": "POST /api/alarm-rules",
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


class Kind(StrEnum):
    """What a rule looks for."""

    THRESHOLD = "threshold"
    NO_DATA = "noData"


class IllegalMove(Conflict):
    """The alarm is not in a state in which this can be done."""


@dataclass(frozen=True)
class Rule:
    """A condition over one attribute of one type, by reading order.

    `limit` and `clear` are in the attribute's own unit: a threshold rule raises when `value op limit` has held for
    `for_seconds`, and clears when `value op clear` no longer holds (hysteresis). A noData rule raises when a subject
    has sent nothing for `for_seconds`. Readings older than `max_age_seconds` raise nothing: imported history is no
    alarm of today.
    """

    id: str
    name: Mapping[str, str]  # Language → name.
    kind: Kind
    subject_type: str
    attribute: str
    priority: Priority
    op: str = ">"
    limit: float = 0.0
    clear: float = 0.0
    for_seconds: int = 0
    max_age_seconds: int = 10_800
    enabled: bool = True
    sample: bool = False  # A labelled sample, not an official limit.
    inhibited_by: tuple[str, ...] = ()  # Ids of rules whose alarm, where it is active, is the root of this one's.
    inhibited_within: str = "unit"  # How far a root reaches: subject, unit or province.

    def __post_init__(self) -> None:
        """Refuse what could never clear or never raise."""
        if self.op not in (">", ">=", "<", "<="):
            raise Invalid(f"Rule {self.id}: op is one of > >= < <=, not {self.op}.")
        upward = self.op.startswith(">")
        if self.kind is Kind.THRESHOLD and (self.clear > self.limit if upward else self.clear < self.limit):
            raise Invalid(f"Rule {self.id}: clear {self.clear} lies beyond limit {self.limit}, so it would flap.")
        if self.kind is Kind.NO_DATA and self.for_seconds <= 0:
            raise Invalid(f"Rule {self.id}: a noData rule needs forSeconds above 0.")


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
    parsed: dict[tuple[tuple[str, int], ...], Any] = field(default_factory=dict)  # Alarm rules by the sets they are of.
    accounts: Accounts | None = None  # None: nobody can be named as the person who has something.
    home: str = ""  # Code of the unit whose centre this is: it has what lies in no unit.


def rule_of(entity: Entity) -> Rule:
    """The rule that an AlarmRule entity holds."""
    condition = entity.value("condition")
    return Rule(
        id=entity.id,
        name=entity.value("name"),
        kind=Kind(condition["kind"]),
        subject_type=entity.value("kind"),
        attribute=entity.value("attribute"),
        priority=Priority(entity.value("priority")),
        op=condition.get("op", ">"),
        limit=condition.get("limit", 0.0),
        clear=condition.get("clear", condition.get("limit", 0.0)),
        for_seconds=condition.get("forSeconds", 0),
        max_age_seconds=condition.get("maxAgeSeconds", 10_800),
        enabled=entity.value("enabled", True),
        sample=entity.value("sample", False),
    )
