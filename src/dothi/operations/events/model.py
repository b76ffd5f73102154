"""The nouns of detections: who sees, what it saw, and how long that may be kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dothi.ground.clock import DAY
from dothi.ground.ids import urn
from dothi.hub.model import Entity, Event, system

TYPE = "EventSource"
SYSTEM = system("operations")
PERSONAL = ("plate", "face")  # What of a detection is personal data: sealed, found by a keyed hash, gone first.
INDEXED: Mapping[str, tuple[str, ...]] = {TYPE: ("enabled", "unit")}


@dataclass(frozen=True, slots=True)
class EventSource:
    """A camera or gate, and for what its detections are kept; without a purpose nothing personal is taken in."""

    id: str
    version: int
    name: Mapping[str, str]  # Language → name.
    kind: str  # "camera", "gate", "meter".
    purpose: str
    keep_days: int
    clip_days: int
    personal: tuple[str, ...]  # Which of PERSONAL it may send.
    personal_days: int
    enabled: bool
    simulated: bool
    unit: str
    place: tuple[float, float] | None  # Longitude, latitude.
    kept_from: Mapping[str, Any] = field(default_factory=dict)  # What was disposed of last: see expiry.py.

    @property
    def code(self) -> str:
        """The end of its id, as addresses carry it."""
        return self.id.removeprefix(f"urn:ngsi-ld:{TYPE}:")


@dataclass(frozen=True, slots=True)
class Detection:
    """What a source says that it saw; `plate` and `face` are sealed before anything is written."""

    key: str
    at: int  # µs
    kind: str
    confidence: float  # 0 to 1.
    count: float | None = None
    clip: str = ""  # Address of the recording.
    place: tuple[float, float] | None = None
    plate: str = ""
    face: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A detection that was not taken in: which of the batch, and what to mend."""

    index: int
    key: str
    detail: str


@dataclass(frozen=True, slots=True)
class Intake:
    """What became of a batch."""

    accepted: int
    known: int  # There already: sent twice.
    refused: tuple[Refusal, ...]
    suggested: tuple[str, ...]  # Ids of suggestions that it raised.


def source_id(code: str) -> str:
    """The id of the source with this code."""
    return urn(TYPE, code)


def locker_of(source: str, at: int) -> str:
    """The locker of the vault in which a source's personal data of a day (UTC) lie."""
    return f"detections|{source}|{at // DAY:06d}"


def day_of_locker(locker: str) -> int:
    """The first instant (µs) after the day whose data a locker holds."""
    return (int(locker.rpartition("|")[2]) + 1) * DAY


def source_of(entity: Entity) -> EventSource:
    """The source that an entity holds."""
    value = entity.value
    point = (value("location") or {}).get("coordinates")
    name = value("name", {})
    return EventSource(
        id=entity.id,
        version=entity.version,
        name=name if isinstance(name, dict) else {"vi": str(name)},
        kind=value("kind", "camera"),
        purpose=value("purpose", ""),
        keep_days=int(value("keepDays", 1)),
        clip_days=int(value("clipDays", 1)),
        personal=tuple(value("personal", ())),
        personal_days=int(value("personalDays", 1)),
        enabled=bool(value("enabled", True)),
        simulated=bool(value("simulated", False)),
        unit=value("unit", ""),
        place=(float(point[0]), float(point[1])) if point else None,
        kept_from=value("disposed", {}),
    )


def event_of(source: EventSource, seen: Detection, tag: bytes = b"", sealed: bytes = b"") -> Event:
    """The line of the lane: nothing of it names anybody."""
    facts: dict[str, Any] = {"confidence": seen.confidence}
    if seen.count is not None:
        facts["count"] = seen.count
    if seen.place is not None:
        facts["place"] = list(seen.place)
    return Event(source.id, seen.key, seen.at, seen.kind, facts, seen.clip, tag, sealed)
