"""The nouns of incidents: one that happens and is directed, its steps, and what a person says to open one."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from dothi.ground.clock import from_iso
from dothi.ground.errors import Conflict, Missing
from dothi.hub.model import Entity, system
from dothi.operations.model import Priority

TYPE = "Incident"
SYSTEM = system("operations")
INDEXED = {
    TYPE: (
        *("open", "state", "kind", "since", "unit", "assignee", "due", "escalatedTo", "mergedInto"),
        *("alarms", "reports", "bulletins"),
    ),
    "LogEntry": ("about", "typedAt"),
    "Suggestion": ("open", "state", "kind", "due", "unit", "assignee", "sources"),
    "IncidentReview": ("open", "state", "incident", "unit", "assignee", "due"),
}
TITLE_LETTERS = 200
WORDS_LETTERS = 4_000


class State(StrEnum):
    """Where an incident stands."""

    OPEN = "open"  # Known; nobody directs it yet.
    IN_HAND = "in_hand"  # Somebody directs it.
    CONTROLLED = "under_control"  # It grows no more; work goes on.
    CLOSED = "closed"  # The work is done.
    REVIEWED = "reviewed"  # What was learnt has led somewhere.
    CANCELLED = "cancelled"  # It was none.
    MERGED = "merged"  # It is directed as part of another one.


OPEN = (State.OPEN, State.IN_HAND, State.CONTROLLED)


class StepState(StrEnum):
    """Where a step of a playbook stands."""

    TODO = "todo"
    DONE = "done"
    SKIPPED = "skipped"


class IllegalMove(Conflict):
    """The incident is not in a state in which this can be done."""


class NoSuchIncident(Missing):
    """There is no such incident, or you may not see it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an incident, copied from the playbook that was in force when it opened."""

    id: str
    title: dict[str, str]  # Language → words.
    role: str
    due: str  # ISO 8601; "" while its condition is not true: it sleeps.
    required: bool = True
    state: StepState = StepState.TODO
    fields: tuple[dict[str, Any], ...] = ()
    message: str = ""  # A template: what to say, with blanks.
    orders: tuple[dict[str, Any], ...] = ()  # Templates of orders.
    basis: tuple[str, ...] = ()  # Citations of law.
    by: str = ""
    at: str = ""
    why: str = ""  # Why it was skipped.
    form: dict[str, Any] | None = None  # What was filled in, by field.
    late: str = ""  # When it was told to be late.
    hours: float = 0.0  # Its limit, day and night, from when it is owed.
    when: dict[str, Any] | None = None  # Its condition.

    @property
    def owed(self) -> bool:
        """Whether somebody still has to do it."""
        return self.state is StepState.TODO and bool(self.due)

    def with_(self, **changed: Any) -> "Step":
        """The step with something changed."""
        return replace(self, **changed)

    def as_json(self) -> dict[str, Any]:
        """The step as the incident holds it, without what it does not say."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        kept = {"id": self.id, "title": self.title, "role": self.role, "due": self.due, "required": self.required}
        return kept | {name: list(one) if isinstance(one, tuple) else one for name, one in plain.items() if one}


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that happens and is directed. Instants are ISO 8601, ids are entity ids, units are codes."""

    id: str
    version: int
    title: str
    kind: str
    state: State
    priority: Priority
    since: str
    unit: str
    units: tuple[str, ...]
    assignee: str
    commander: str  # "user:…" who directs it; "" nobody yet.
    due: str | None
    take_by: str
    taken_at: str  # When somebody took it in hand first.
    close_by: str
    location: dict[str, Any] | None
    words: str
    alarms: tuple[str, ...]
    reports: tuple[str, ...]
    bulletins: tuple[str, ...]
    suggestions: tuple[str, ...]
    playbook: str
    playbook_versions: tuple[str, ...]
    steps: tuple[Step, ...]
    drill: bool
    scenario: str
    merged_into: str
    escalated_to: str
    simulated: bool
    opened_by: str
    opened_at: int
    closed_at: str | None
    marks: dict[str, str]  # Verb → when it was done last, ISO 8601.

    @property
    def name(self) -> str:
        """The number that people say: the end of the id."""
        return self.id.removeprefix("urn:ngsi-ld:Incident:")

    @property
    def open(self) -> bool:
        """Whether it still has to be directed."""
        return self.state in OPEN

    @property
    def point(self) -> tuple[float, float] | None:
        """Longitude and latitude, where it has a point."""
        if not self.location or self.location.get("type") != "Point":
            return None
        lon, lat = self.location["coordinates"][:2]
        return float(lon), float(lat)

    @property
    def members(self) -> tuple[str, ...]:
        """All that was joined to it."""
        return (*self.alarms, *self.reports, *self.bulletins)

    def step(self, name: str) -> Step:
        """One of its steps. Missing when there is none of that id."""
        found = next((one for one in self.steps if one.id == name), None)
        if found is None:
            raise Missing(f"The incident {self.name} has no step “{name[:60]}”.")
        return found

    def owed(self) -> Step | None:
        """The step that is owed next."""
        return min((one for one in self.steps if one.owed), key=lambda one: from_iso(one.due), default=None)

    def next_due(self) -> str:
        """Until when the next deed is owed: to take it in hand, a step, at last to close it. ISO 8601."""
        owed = self.owed()
        dues = [self.take_by] if self.state is State.OPEN and self.take_by else []
        dues += [owed.due] if owed else []
        return min(dues, key=from_iso, default=self.close_by)


@dataclass(frozen=True, slots=True)
class NewIncident:
    """What is said to open an incident; a place or a unit must be known."""

    title: str
    kind: str
    priority: str = "high"
    unit: str = ""
    place: tuple[float, float] | None = None  # Longitude, latitude.
    units: tuple[str, ...] = ()
    assignee: str = ""  # A unit or office; "" is the unit itself.
    commander: str = ""
    since: int | None = None  # µs; None is now.
    words: str = ""
    alarms: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    bulletins: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
    drill: bool = False
    scenario: str = ""
    simulated: bool = False
    key: str | None = None  # A repeat with the same key opens nothing new.


def several(value: Any) -> tuple[str, ...]:
    """The ids of a relationship to one or several."""
    if not value:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def incident_of(entity: Entity) -> Incident:
    """The incident that an entity holds."""
    value = entity.value
    return Incident(
        id=entity.id,
        version=entity.version,
        title=value("title", ""),
        kind=value("kind", "other"),
        state=State(value("state")),
        priority=Priority(value("priority")),
        since=value("since"),
        unit=value("unit", ""),
        units=tuple(value("units", ())),
        assignee=value("assignee", ""),
        commander=value("commander", ""),
        due=value("due"),
        take_by=value("takeBy", ""),
        taken_at=value("takenAt", ""),
        close_by=value("closeBy", ""),
        location=value("location"),
        words=value("words", ""),
        alarms=several(value("alarms")),
        reports=several(value("reports")),
        bulletins=several(value("bulletins")),
        suggestions=several(value("suggestions")),
        playbook=value("playbook", ""),
        playbook_versions=tuple(value("playbookVersions", ())),
        steps=tuple(step_of(one) for one in value("steps", ())),
        drill=value("drill", False),
        scenario=value("scenario", ""),
        merged_into=value("mergedInto", ""),
        escalated_to=value("escalatedTo", ""),
        simulated=value("simulated", False),
        opened_by=value("openedBy", ""),
        opened_at=from_iso(value("openedAt")) if value("openedAt") else entity.created_at,
        closed_at=value("closedAt"),
        marks=dict(value("marks", {})),
    )


def step_of(value: dict[str, Any]) -> Step:
    """The step that a JSON object holds."""
    plain: dict[str, Any] = {name: tuple(value.get(name, ())) for name in ("fields", "orders", "basis")}
    plain |= {
        name: value[name] for name in ("message", "by", "at", "why", "form", "late", "hours", "when") if name in value
    }
    return Step(
        id=value["id"],
        title=value["title"],
        role=value["role"],
        due=value["due"],
        required=value.get("required", True),
        state=StepState(value.get("state", "todo")),
        **plain,
    )
