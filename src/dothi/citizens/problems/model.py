"""The nouns of problems: their states, one as it stands in the hub, a report's place in it, and the moves between."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from dothi.citizens.model import PROBLEM_TYPE
from dothi.ground.errors import Conflict, Missing
from dothi.hub.model import Entity

ROUNDED = 3  # Decimals of a degree that the public sees, as of reports: about 110 m.


class ProblemState(StrEnum):
    """Where a problem stands."""

    SUGGESTED = "suggested"  # Reports look alike; nobody has said yes.
    REJECTED = "rejected"  # A person said that they are no common problem.
    CONFIRMED = "confirmed"  # A person said that it is one.
    IN_TASK = "inTask"  # A task is under way for it.
    MENDED = "mended"  # Its task ended, or a person said why it is over.
    RECURRING = "recurring"  # It was mended and came back.


PUBLIC = (ProblemState.CONFIRMED, ProblemState.IN_TASK, ProblemState.MENDED, ProblemState.RECURRING)
STANDING = (ProblemState.CONFIRMED, ProblemState.IN_TASK, ProblemState.RECURRING)  # Not over yet: these are ranked.

# State and verb → next state. What a task does to a problem comes from the change feed, the rest from people.
NEXT: Mapping[tuple[ProblemState, str], ProblemState] = {
    (ProblemState.SUGGESTED, "confirm"): ProblemState.CONFIRMED,
    (ProblemState.SUGGESTED, "reject"): ProblemState.REJECTED,
    **{(state, "propose"): state for state in (ProblemState.CONFIRMED, ProblemState.RECURRING)},
    **{(state, "task"): ProblemState.IN_TASK for state in (ProblemState.CONFIRMED, ProblemState.RECURRING)},
    (ProblemState.IN_TASK, "task_dropped"): ProblemState.CONFIRMED,
    **{(state, "mend"): ProblemState.MENDED for state in STANDING},
    (ProblemState.MENDED, "return"): ProblemState.RECURRING,
}


class Likeness(NamedTuple):
    """Why a report is thought to tell of a problem; every part can be checked by who reads it."""

    report: str  # Entity id.
    similarity: float  # 0 to 1.
    distance_m: float
    days: float  # Between the two filings.
    words: tuple[str, ...]  # Shared by both whatever their marks, as the report that was compared writes them.
    cosine: float | None  # Of their words; None where one of them has none.

    def as_json(self) -> dict[str, Any]:
        """The form in which an entity holds it."""
        return {**self._asdict(), "words": list(self.words)}


def likeness_of(row: Mapping[str, Any]) -> Likeness:
    """What an entity holds of one report's place in a problem."""
    return Likeness(**{**row, "words": tuple(row["words"])})


@dataclass(frozen=True, slots=True)
class Course:
    """What the reports of a problem tell of its course. An episode begins when every earlier report was answered."""

    reports: int
    recurrences: int  # Episodes after the first.
    mean_interval_days: float | None  # Between the beginnings of episodes; None before the first recurrence.
    first_at: str | None
    last_at: str | None
    days_open: float  # Days on which at least one report waited.
    reopened: int


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem as it stands in the hub. Instants are ISO 8601 strings; it holds nobody's words."""

    id: str
    version: int
    state: ProblemState
    title: Mapping[str, str]
    category: str
    unit: str | None
    location: Mapping[str, Any] | None
    reports: tuple[str, ...]
    reasons: tuple[Likeness, ...]  # Why each was suggested; none for those that a person added.
    waiting: tuple[Likeness, ...]  # Reports that may belong to it; a person decides.
    refused: tuple[str, ...]  # Reports that a person took out or did not let in.
    recurrences: int
    mean_interval_days: float | None
    first_at: str | None
    last_at: str | None
    cause: str | None
    cause_words: str
    proposal: str | None
    tasks: tuple[str, ...]
    mended_at: str | None
    mended_words: str
    decided_by: str | None
    due: str | None
    priority: float | None
    rank: int | None
    terms: Mapping[str, float]  # Term of the priority → its value when it was computed last.
    simulated: bool

    @property
    def name(self) -> str:
        """What addresses call it: the end of its id."""
        return self.id.split(":", 3)[3]

    @property
    def place(self) -> tuple[float, float] | None:
        """Longitude and latitude."""
        if not self.location:
            return None
        lon, lat = self.location["coordinates"][:2]
        return float(lon), float(lat)

    @property
    def public_place(self) -> tuple[float, float] | None:
        """The same, rounded as for reports: what recurs may recur before somebody's home."""
        return (round(self.place[0], ROUNDED), round(self.place[1], ROUNDED)) if self.place else None


def problem_of(entity: Entity) -> Problem:
    """The problem that an entity holds. Missing when it is none."""
    if PROBLEM_TYPE not in entity.types:
        raise NoSuchProblem
    value = entity.value
    return Problem(
        id=entity.id,
        version=entity.version,
        state=ProblemState(value("state")),
        title=value("title", {}),
        category=value("category", ""),
        unit=value("unit"),
        location=value("location"),
        reports=_several(value("reports")),
        reasons=tuple(likeness_of(row) for row in value("reasons", [])),
        waiting=tuple(likeness_of(row) for row in value("waiting", [])),
        refused=_several(value("refused")),
        recurrences=int(value("recurrences", 0)),
        mean_interval_days=value("meanIntervalDays"),
        first_at=value("firstAt"),
        last_at=value("lastAt"),
        cause=value("cause"),
        cause_words=value("causeWords", ""),
        proposal=value("proposal"),
        tasks=_several(value("tasks")),
        mended_at=value("mendedAt"),
        mended_words=value("mendedWords", ""),
        decided_by=value("decidedBy"),
        due=value("due") if value("open") else None,
        priority=value("priority"),
        rank=value("rank"),
        terms=value("terms", {}),
        simulated=bool(value("simulated", False)),
    )


def _several(value: Any) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) else (value,) if value else ()


def after(state: ProblemState, verb: str) -> ProblemState:
    """The state that follows. NotNow when the problem is in none from which this can be done."""
    found = NEXT.get((state, verb))
    if found is None:
        raise NotNow(f"A problem that is {state} cannot be done this to: {verb}.", state=state.value)
    return found


class NoSuchProblem(Missing):
    """There is no such problem."""


class NotNow(Conflict):
    """The problem is in a state in which this cannot be done."""
