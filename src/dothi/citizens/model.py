"""The nouns of citizens' reports: states, outcomes, a report as read from the hub, and the errors of this module."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from dothi.ground.clocks import Mark, marks_of
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing, TooSoon
from dothi.ground.ids import urn
from dothi.hub.model import Entity

TYPE = "CitizenReport"
PART_TYPE = "ReportPart"  # What one unit owes of a report that several handle; its number is the report's with -1, -2 …
OWNER = "citizens"
AREA_TYPE = "FollowedArea"  # Where somebody wants to be told of new reports; read by the system only.
ERASURE_TYPE = "ErasureRequest"  # Somebody asks that what is kept of them is erased; it names the report only.
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
    WAITING = "waiting"  # For the reporter, an outside body, the weather …, at most until a day; the clock stands.
    ANSWERED = "answered"  # Closed with outcome, words and proof.
    REOPENED = "reopened"  # The reporter did not accept the answer.
    MERGED = "merged"  # One of several about the same thing: it is answered with that one.
    WITHDRAWN = "withdrawn"  # The reporter took it back.


CLOSED = frozenset({State.ANSWERED, State.MERGED, State.WITHDRAWN})  # Nobody owes a next step.


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
class Waiting:
    """What a report waits for now. Instants are ISO 8601 strings."""

    kind: str  # Of rules/clocks.toml: reporter, outside, weather …
    at: str
    until: str
    handle_by: str | None  # The promise as it stood before, which time that is waited for moves.
    words: str = ""  # The question, what the outside body is asked, or why.
    name: str = ""  # Of the outside body.
    nonce: str = ""  # Makes the link one of its own: gone with the wait, so that an old link opens nothing.

    def as_json(self) -> dict[str, str]:
        """The form in which an entity holds it."""
        said = {name: getattr(self, name) for name in ("kind", "at", "until", "words", "name", "nonce")}
        return {name: value for name, value in (said | {"handleBy": self.handle_by}).items() if value}


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question to the reporter or to an outside body that is over, and what came of it."""

    kind: str  # reporter or outside
    at: str
    words: str
    name: str
    ended: str  # answered, lapsed, revoked
    ended_at: str
    answer: str
    by: str  # Who answered for the outside body, in its own words; never the reporter.
    files: tuple[StoredFile, ...]

    def as_json(self) -> dict[str, Any]:
        """The form in which an entity holds it."""
        said = {name: getattr(self, name) for name in ("kind", "at", "words", "name", "ended", "answer", "by")}
        said |= {"endedAt": self.ended_at, "files": [one.as_json() for one in self.files]}
        return {name: value for name, value in said.items() if value}


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
    marks: tuple[Mark, ...] = ()  # What moved its clocks; empty of a report that nobody has touched.
    assigned_to: tuple[str, ...] = ()  # Actor ids: who has it, or (several) to whom it is offered.
    waiting: Waiting | None = None
    exchanges: tuple[Exchange, ...] = ()
    part_of: str | None = None  # The public number of the report that this is a part of.
    parts: tuple[str, ...] = ()
    merged_into: str | None = None
    merged: tuple[str, ...] = ()  # Numbers of the reports that are answered with this one.
    handed_by: str | None = None  # The unit that passed it on to the present one.
    sent_back: tuple[str, ...] = ()  # Units that gave it back.
    late_since: str | None = None
    escalated_to: str | None = None  # The unit whose leader has it on the list of what is late.
    together: str = ""  # Common to reports answered in one go.

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
        **_handling_of(entity),
    )


def _handling_of(entity: Entity) -> dict[str, Any]:
    """What the workflow keeps of a report."""
    value, wait = entity.value, entity.value("wait")
    return {
        "marks": marks_of(value("clock")),
        "assigned_to": tuple(value("assignedTo") or ()),
        "waiting": _waiting_of(wait) if wait else None,
        "exchanges": tuple(_exchange_of(one) for one in value("exchanges") or ()),
        "part_of": value("partOf"),
        "parts": tuple(value("parts") or ()),
        "merged_into": value("mergedInto") or None,
        "merged": tuple(value("merged") or ()),
        "handed_by": value("handedBy") or None,
        "sent_back": tuple(value("sentBack") or ()),
        "late_since": value("lateSince"),
        "escalated_to": value("escalatedTo") or None,
        "together": value("together", ""),
    }


def _waiting_of(one: dict[str, str]) -> Waiting:
    more = {name: one.get(name, "") for name in ("words", "name", "nonce")}
    return Waiting(one["kind"], one["at"], one["until"], one.get("handleBy"), **more)


def _exchange_of(one: dict[str, Any]) -> Exchange:
    said = {name: one.get(name, "") for name in ("kind", "at", "words", "name", "ended", "answer", "by")}
    return Exchange(ended_at=one.get("endedAt", ""), files=files_of(one.get("files")), **said)


def report_urn(number: str) -> str:
    """The entity of a report, or of a part of one, by its public number."""
    return urn(PART_TYPE if "-" in number else TYPE, number.upper())


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


class Overtaken(Conflict):
    """Somebody else was faster: the report has changed since you saw it. Look at it again."""


class NoProof(Invalid):
    """An answer needs proof: a photo or a document that shows what was found or done."""


class NothingSpecific(Invalid):
    """The answer adds nothing specific: say what was found or done, where and when."""


class TooManyReports(TooSoon):
    """Too many reports came from this address in a short time. Wait a while, or call the ward."""
