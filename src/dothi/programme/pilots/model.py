"""The nouns of controlled trials: a pilot with what stops it, and the record of a scale-up that rests on one."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dothi.ground.errors import Conflict
from dothi.hub.model import Entity

OWNED: Mapping[str, str] = {
    "Pilot": "POST /api/pilots and the verbs under it",
    "ScaleUp": "POST /api/pilots/{id}/scale-up, which asks for a closed review",
}
INDEXED: Mapping[str, tuple[str, ...]] = {
    "Pilot": ("state", "kind", "unit", "assignee", "due", "open", "waived"),
    "ScaleUp": ("pilot", "unit"),
}


class Kind(StrEnum):
    """What is tried (Decree 269/2025/NĐ-CP, article 27 clause 2)."""

    TECHNOLOGY = "technology"
    BUSINESS_MODEL = "businessModel"
    SERVICE = "service"


class State(StrEnum):
    """Where a pilot stands."""

    PROPOSED = "proposed"
    RUNNING = "running"
    STOPPED = "stopped"  # A stop condition was met.
    ENDED = "ended"  # The time is over.
    CLOSED = "closed"  # Reviewed: lessons and a verdict are written.


class Verdict(StrEnum):
    """What the review says should follow."""

    SCALE = "scale"
    ADAPT = "adapt"  # Scale with what the lessons change.
    ABANDON = "abandon"


class IllegalMove(Conflict):
    """The pilot is not in a state in which this can be done."""


class GateClosed(Conflict):
    """No scale-up without a closed review of a pilot."""


@dataclass(frozen=True)
class NewPilot:
    """What a pilot dossier must say. Days are yyyy-mm-dd, both inclusive; indicators are (name, target in words)."""

    title: str
    kind: str
    place: str
    unit: str
    lead: str
    begins: str
    ends: str
    indicators: tuple[tuple[str, str], ...]
    stops: tuple[str, ...]  # Conditions, any of which stops it.
    exit: str  # How it is wound up, whatever comes of it.
    waived: str | None = None  # Id of the LegalBasis that is waived; none where nothing needs to be.
    location: Mapping[str, Any] | None = None
    simulated: bool = False


@dataclass(frozen=True)
class Note:
    """One look at a running pilot: what was measured, in words."""

    at: str
    words: str
    by: str


@dataclass(frozen=True)
class Pilot:
    """A pilot as it stands."""

    id: str
    title: str
    kind: Kind
    place: str
    unit: str
    lead: str
    begins: str
    ends: str
    indicators: tuple[tuple[str, str], ...]
    stops: tuple[str, ...]
    exit: str
    waived: str | None
    state: State
    notes: tuple[Note, ...]
    reason: str  # Why it was stopped.
    lessons: str
    verdict: Verdict | None
    reviewed_at: str | None
    simulated: bool
    version: int


@dataclass(frozen=True)
class ScaleUp:
    """The record that what was tried is brought to more places."""

    id: str
    pilot: str
    words: str
    units: tuple[str, ...]
    at: str


def pilot_of(entity: Entity) -> Pilot:
    """The pilot that an entity holds."""
    value = entity.value
    verdict = value("verdict")
    return Pilot(
        id=entity.id,
        title=value("title"),
        kind=Kind(value("kind")),
        place=value("place"),
        unit=value("unit"),
        lead=value("lead"),
        begins=value("validFrom"),
        ends=value("validTo"),
        indicators=tuple((one["name"], one["target"]) for one in value("measures", [])),
        stops=tuple(value("stops", [])),
        exit=value("exitPlan"),
        waived=value("waived"),
        state=State(value("state")),
        notes=tuple(Note(**one) for one in value("notes", [])),
        reason=value("reason", ""),
        lessons=value("lessons", ""),
        verdict=Verdict(verdict) if verdict else None,
        reviewed_at=value("reviewedAt"),
        simulated=value("simulated", False),
        version=entity.version,
    )


def scale_up_of(entity: Entity) -> ScaleUp:
    """The scale-up that an entity holds."""
    value = entity.value
    return ScaleUp(entity.id, value("pilot"), value("title"), tuple(value("units", [])), value("at"))
