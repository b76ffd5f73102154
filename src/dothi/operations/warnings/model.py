"""The nouns of warnings: one message to the public with its texts, its area and its life; it holds no legal level.

Each message is a Warning entity of its own: the first one, each update, the cancellation, the all-clear. What belongs
together has the same `thread`, the id of the first. So each message has its own writer, its own releaser, its own CAP
file and its own counts of delivery. The legal hazard level stands in the bulletin (warnings/bulletins.py) only.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dothi.ground.clock import from_iso
from dothi.ground.errors import Conflict, Forbidden, Missing
from dothi.ground.ids import urn
from dothi.hub.model import Entity, system

TYPE = "Warning"
BULLETIN = "Bulletin"
CONSUMER = "warnings"
SYSTEM = system("operations")
LANGUAGES = ("vi", "en")  # Vietnamese is required.
INDEXED: Mapping[str, tuple[str, ...]] = {
    TYPE: ("state", "open", "due", "assignee", "unit", "thread", "incident", "expires", "kind"),
    BULLETIN: ("state", "unit", "identifier", "expires", "references", "level", "sentAt"),
}


class State(StrEnum):
    """Where a message stands; what leads from one to another is the table in workflow.py."""

    DRAFT = "draft"
    SUBMITTED = "submitted"  # Waits for a second person.
    RELEASED = "released"  # Out to the public.
    UPDATED = "updated"  # A later message took its place.
    CANCELLED = "cancelled"
    CLEARED = "cleared"  # The all-clear was given.
    EXPIRED = "expired"
    DISCARDED = "discarded"  # Never went out.


WAITING = (State.DRAFT, State.SUBMITTED)
ENDED = (State.UPDATED, State.CANCELLED, State.CLEARED, State.EXPIRED, State.DISCARDED)


class Kind(StrEnum):
    """What a message does to those before it."""

    ALERT = "alert"
    UPDATE = "update"
    CANCEL = "cancel"  # The warning was wrong or is withdrawn.
    ALL_CLEAR = "allClear"  # The danger has passed.


class Severity(StrEnum):
    """How bad it will be (CAP 1.2 section 3.2.2, severity)."""

    EXTREME = "Extreme"
    SEVERE = "Severe"
    MODERATE = "Moderate"
    MINOR = "Minor"
    UNKNOWN = "Unknown"


class Urgency(StrEnum):
    """When something is to be done (CAP 1.2 section 3.2.2, urgency)."""

    IMMEDIATE = "Immediate"
    EXPECTED = "Expected"
    FUTURE = "Future"
    PAST = "Past"
    UNKNOWN = "Unknown"


class Certainty(StrEnum):
    """How sure it is (CAP 1.2 section 3.2.2, certainty)."""

    OBSERVED = "Observed"
    LIKELY = "Likely"
    POSSIBLE = "Possible"
    UNLIKELY = "Unlikely"
    UNKNOWN = "Unknown"


class IllegalMove(Conflict):
    """The warning is not in a state in which this can be done."""


class OnePersonOnly(Forbidden):
    """Who wrote or edited a warning does not release it."""


class NoSuchWarning(Missing):
    """There is no such warning."""


@dataclass(frozen=True, slots=True)
class Info:
    """The texts of a warning in one language."""

    headline: str = ""
    description: str = ""
    instruction: str = ""


@dataclass(frozen=True, slots=True)
class Circle:
    """A drawn circle: its middle (WGS 84) and its radius in kilometres."""

    lon: float
    lat: float
    km: float


@dataclass(frozen=True, slots=True)
class Shape:
    """A drawn part of the area: a closed ring of (longitude, latitude), or a circle; `name` is what people call it."""

    name: str = ""
    ring: tuple[tuple[float, float], ...] = ()
    circle: Circle | None = None


@dataclass(frozen=True, slots=True)
class Warning:
    """One message to the public; instants are ISO 8601, people are actor ids ("user:…")."""

    id: str
    version: int
    thread: str  # Id of the first message; the same for its updates and its end.
    kind: Kind
    state: State
    title: str
    hazard: str  # Id of a row of the hazards in force (data/hazards.toml).
    event: Mapping[str, str]  # Language → name of the hazard.
    severity: Severity
    urgency: Urgency
    certainty: Certainty
    info: Mapping[str, Info]  # By language.
    units: tuple[str, ...]  # Codes of communes and provinces.
    shapes: tuple[Shape, ...]
    area: Mapping[str, str]  # Language → the area in words.
    follows: str = ""  # Id of the message that this one takes the place of.
    references: tuple[str, ...] = ()  # CAP: "sender,identifier,sent" of every earlier message of the thread.
    effective: str = ""  # "" = from its release on.
    expires: str = ""
    incident: str = ""
    bulletin: str = ""
    written_by: str = ""
    editors: tuple[str, ...] = ()  # Everybody who wrote a word of it, the writer too: none of them releases it.
    released_by: str = ""
    sent: str = ""  # When it was released.
    sender: str = ""  # CAP: who speaks.
    identifier: str = ""  # CAP: the name of this message.
    cap: str = ""  # SHA-256 of the CAP 1.2 file that went out.
    checked: tuple[str, ...] = ()  # Rows of the checklist that the releaser ticked.
    refused: str = ""  # Why it came back to its writer.
    drill: bool = False
    unit: str = ""  # Whose warning it is.
    assignee: str = ""
    due: str = ""
    open: bool = False
    simulated: bool = False

    def out(self, now: int) -> bool:
        """Whether it warns people at `now` (µs): released, not ended, and no all-clear or cancellation itself."""
        if self.state is not State.RELEASED or self.kind in (Kind.CANCEL, Kind.ALL_CLEAR):
            return False
        return from_iso(self.effective) <= now < from_iso(self.expires)

    def text(self, language: str) -> Info:
        """The texts in a language, all of them in Vietnamese where it has no headline; never two in one."""
        own = self.info.get(language, Info())
        return own if own.headline else self.info.get("vi", Info())


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody writes: a new warning, or the text of the next message of one."""

    hazard: str
    info: Mapping[str, Info]
    units: tuple[str, ...] = ()
    shapes: tuple[Shape, ...] = ()
    severity: Severity = Severity.UNKNOWN
    urgency: Urgency = Urgency.UNKNOWN
    certainty: Certainty = Certainty.UNKNOWN
    effective: str = ""
    expires: str = ""
    incident: str = ""
    bulletin: str = ""
    drill: bool = False
    unit: str = ""  # "" = what the units have in common.


def warning_of(entity: Entity) -> Warning:
    """The warning that an entity holds. NoSuchWarning when it is none."""
    if TYPE not in entity.types:
        raise NoSuchWarning(f"{entity.id} is not a warning.")
    value = entity.value
    return Warning(
        id=entity.id,
        version=entity.version,
        thread=value("thread", entity.id),
        kind=Kind(value("kind", "alert")),
        state=State(value("state")),
        title=value("title", ""),
        hazard=value("hazard", ""),
        event=dict(value("event", {})),
        severity=Severity(value("severity", "Unknown")),
        urgency=Urgency(value("urgency", "Unknown")),
        certainty=Certainty(value("certainty", "Unknown")),
        info={language: Info(**one) for language, one in value("info", {}).items()},
        units=tuple(value("units", ())),
        shapes=tuple(shape_of(one) for one in value("areas", ())),
        area=dict(value("areaName", {})),
        **_life(entity),
    )


def _life(entity: Entity) -> dict[str, Any]:
    value = entity.value
    return {
        "follows": value("follows", ""),
        "references": tuple(value("references", ())),
        "effective": value("effective", ""),
        "expires": value("expires", ""),
        "incident": value("incident", ""),
        "bulletin": value("bulletin", ""),
        "written_by": value("writtenBy", ""),
        "editors": tuple(value("editors", ())),
        "released_by": value("releasedBy", ""),
        "sent": value("sentAt", ""),
        "sender": value("sender", ""),
        "identifier": value("identifier", ""),
        "cap": value("cap", ""),
        "checked": tuple(value("checked", ())),
        "refused": value("refused", ""),
        "drill": value("drill", False),
        "unit": value("unit", ""),
        "assignee": value("assignee", ""),
        "due": value("due", ""),
        "open": value("open", False),
        "simulated": value("simulated", False),
    }


def shape_of(row: Mapping[str, Any]) -> Shape:
    """A drawn part as the entity and the JSON of the API hold it: name, and polygon [[lon, lat] …] or circle."""
    circle = Circle(**row["circle"]) if row.get("circle") else None
    return Shape(str(row.get("name", "")), tuple((float(x), float(y)) for x, y in row.get("polygon") or ()), circle)


def shape_dict(shape: Shape) -> dict[str, Any]:
    """The reverse of `shape_of`."""
    if shape.circle:
        lon, lat, km = shape.circle.lon, shape.circle.lat, shape.circle.km
        return {"name": shape.name, "circle": {"lon": lon, "lat": lat, "km": km}}
    return {"name": shape.name, "polygon": [[lon, lat] for lon, lat in shape.ring]}


@dataclass(frozen=True, slots=True)
class Level:
    """A legal hazard level: Decision 18/2021/QĐ-TTg Art. 4; its colour is always told with its number and word."""

    number: int
    colour: str  # A token of the design and a word of the catalogue, never alone.


LEVELS: Mapping[int, Level] = {
    1: Level(1, "light-blue"),
    2: Level(2, "light-yellow"),
    3: Level(3, "orange"),
    4: Level(4, "red"),
    5: Level(5, "purple"),
}


@dataclass(frozen=True, slots=True)
class Bulletin:
    """An official bulletin as it was received; the level is its own, never worked out here."""

    id: str
    version: int
    title: str
    hazard: str  # Id of a hazard in force, "" = another one, told in the title.
    level: int | None  # 1–5 as the bulletin says, None = it names none.
    sender: str
    sender_name: str
    identifier: str
    sent: str
    kind: str  # CAP msgType: Alert, Update, Cancel.
    references: tuple[str, ...]  # Of earlier ones: "sender,identifier,sent" of a file, else entity ids.
    effective: str
    expires: str
    units: tuple[str, ...]
    area: str  # As the bulletin says it.
    shapes: tuple[Shape, ...]
    state: str  # inForce, updated, cancelled, expired; a cancellation itself is a notice.
    headline: str = ""
    description: str = ""
    instruction: str = ""
    raised_by: int = 0  # Levels that the bulletin itself says were added for several hazards: 0, 1 or 2.
    raised_why: str = ""
    note: str = ""  # What the duty officer wrote beside it.
    received_as: str = "form"  # cap, form.
    file: str = ""  # SHA-256 of the CAP file that came in.
    drill: bool = False
    unit: str = ""
    entered_by: str = ""
    simulated: bool = False


def bulletin_id(sender: str, identifier: str) -> str:
    """The one entity of a bulletin."""
    cause = hashlib.sha256(f"{sender}\n{identifier}".encode()).hexdigest()[:24]
    return urn(BULLETIN, cause)


def bulletin_of(entity: Entity) -> Bulletin:
    """The bulletin that an entity holds. Missing when it is none."""
    if BULLETIN not in entity.types:
        raise Missing(f"{entity.id} is not a bulletin.")
    value = entity.value
    info = value("info", {})
    return Bulletin(
        id=entity.id,
        version=entity.version,
        title=value("title", ""),
        hazard=value("hazard", ""),
        level=value("level"),
        sender=value("sender", ""),
        sender_name=value("senderName", ""),
        identifier=value("identifier", ""),
        sent=value("sentAt", ""),
        kind=value("kind", "Alert"),
        references=tuple(value("references", ())),
        effective=value("effective", ""),
        expires=value("expires", ""),
        units=tuple(value("units", ())),
        area=value("areaName", ""),
        shapes=tuple(shape_of(one) for one in value("areas", ())),
        state=value("state", ""),
        headline=info.get("headline", ""),
        description=info.get("description", ""),
        instruction=info.get("instruction", ""),
        raised_by=value("raisedBy", 0),
        raised_why=value("raisedWhy", ""),
        note=value("note", ""),
        received_as=value("receivedAs", "form"),
        file=value("file", ""),
        drill=value("drill", False),
        unit=value("unit", ""),
        entered_by=value("enteredBy", ""),
        simulated=value("simulated", False),
    )
