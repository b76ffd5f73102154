"""The nouns of citizens' reports: states, outcomes, a report as read from the hub, and the errors of this module."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing, TooLarge, TooSoon
from dothi.hub.model import Entity

TYPE = "CitizenReport"
OWNER = "citizens"
CONTACT_TYPE = "ReportContact"  # Report and pseudonym of who wants to be told; readable by no handling unit.
SERVICE_TYPE = "PublicService"
COUNT_TYPE = "ServiceCount"
RATING_TYPE = "ServiceRating"
PROBLEM_TYPE = "Problem"
PROPOSAL_TYPE = "Proposal"
PROPOSAL_OWNER = "proposals"


class State(StrEnum):
    """Where a report stands."""

    FILED = "filed"  # Sent by the citizen; the receiving clock runs.
    RECEIVED = "received"  # Accepted by the unit; the handling clock runs.
    IN_PROGRESS = "in_progress"  # Assigned: somebody works on it.
    ANSWERED = "answered"  # Closed with outcome, words and proof.
    REOPENED = "reopened"  # The reporter did not accept the answer.


class Outcome(StrEnum):
    """What came of a report: typed, and apart from its state."""

    RESOLVED = "resolved"
    NOT_OUR_COMPETENCE = "not_our_competence"
    NO_FAULT_FOUND = "no_fault_found"
    DUPLICATE = "duplicate"
    CANNOT_BE_DONE = "cannot_be_done"


class StoredFile(NamedTuple):
    """A photo or document kept by the hub: SHA-256 in hex, media type, and width × height for pictures."""

    sha256: str
    media_type: str
    width: int = 0
    height: int = 0

    @property
    def is_photo(self) -> bool:
        """Whether it can be shown as a picture."""
        return self.media_type.startswith("image/")

    def as_json(self) -> dict[str, Any]:
        """The form in which an entity holds it."""
        size = {"width": self.width, "height": self.height} if self.width else {}
        return {"sha256": self.sha256, "mediaType": self.media_type, **size}


@dataclass(frozen=True, slots=True)
class Report:
    """A report as it stands in the hub; it holds no identity. Instants are ISO 8601 strings."""

    id: str
    version: int
    code: str  # The public number; the reporter's secret is not here, only `follow_key`.
    state: State
    category: str
    description: str
    open: bool
    filed_at: str
    due: str | None  # Until when the next step is owed.
    handle_by: str | None  # Until when the answer is owed.
    unit: str | None  # The commune where it lies; its province while nobody has confirmed the commune.
    decided: bool  # Whether the commune is certain: an official boundary, the reporter's choice or an official's yes.
    suggested_unit: str | None  # What the nearest centre suggests, not yet confirmed.
    assignee: str | None  # The unit that owes the next step.
    location: dict[str, Any] | None
    place_words: str
    urgent: bool
    imported: bool
    photos: tuple[StoredFile, ...]
    proof: tuple[StoredFile, ...]
    outcome: Outcome | None
    answer: str | None
    duplicate_of: str | None
    received_at: str | None
    closed_at: str | None
    on_time: bool | None
    rating: int | None
    rating_words: str
    reopened: int
    passed_on: int
    follow_key: str
    simulated: bool = False  # Filed by a demo.

    @property
    def place(self) -> tuple[float, float] | None:
        """Longitude and latitude of a point, None when it has no place or is no point."""
        if not self.location or self.location.get("type") != "Point":
            return None
        lon, lat = self.location["coordinates"][:2]
        return float(lon), float(lat)


def report_of(entity: Entity) -> Report:
    """The report that an entity of type CitizenReport holds."""
    value = entity.value
    outcome = value("outcome")
    return Report(
        id=entity.id,
        version=entity.version,
        code=value("code", ""),
        state=State(value("state", State.FILED)),
        category=value("category", ""),
        description=value("description", ""),
        open=bool(value("open", False)),
        filed_at=value("filedAt", ""),
        due=value("due"),
        handle_by=value("handleBy"),
        unit=value("unit"),
        decided=bool(value("placeDecided", False)),
        suggested_unit=value("suggestedUnit"),
        assignee=value("assignee"),
        location=value("location"),
        place_words=value("placeWords", ""),
        urgent=bool(value("urgent", False)),
        imported=bool(value("imported", False)),
        photos=files_of(value("photos")),
        proof=files_of(value("proof")),
        outcome=Outcome(outcome) if outcome else None,
        answer=value("answer"),
        duplicate_of=value("duplicateOf"),
        received_at=value("receivedAt"),
        closed_at=value("closedAt"),
        on_time=value("onTime"),
        rating=value("rating"),
        rating_words=value("ratingWords", ""),
        reopened=int(value("reopened", 0)),
        passed_on=int(value("passedOn", 0)),
        follow_key=value("followKey", ""),
        simulated=value("simulated", False),
    )


def files_of(value: Any) -> tuple[StoredFile, ...]:
    """The files in the JSON list that an entity holds under `photos` or `proof`."""
    return tuple(
        StoredFile(one["sha256"], one["mediaType"], one.get("width", 0), one.get("height", 0)) for one in value or ()
    )


class IllegalMove(Conflict):
    """The report is in a state in which this cannot be done."""


class NotYours(Forbidden):
    """The report is with another unit, or your role may not do this."""


class NoSuchReport(Missing):
    """There is no report with this code. Check the code, letter by letter."""


class NoProof(Invalid):
    """An answer needs proof: a photo or a document that shows what was found or done."""


class NothingSpecific(Invalid):
    """The answer adds nothing specific: say what was found or done, where and when."""


class BadFile(Invalid):
    """The file could not be read as a photo or document."""


class FileTooLarge(TooLarge):
    """The file is larger than the limit."""


class TooManyReports(TooSoon):
    """Too many reports came from this address in a short time. Wait a while, or call the ward."""
