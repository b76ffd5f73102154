"""The nouns of the programme: legal bases, tasks and what the verbs need."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from dothi.ground.errors import Conflict, Invalid
from dothi.ground.text import point_key
from dothi.hub.core import Hub
from dothi.hub.model import Entity

log = logging.getLogger("dothi.programme")
Noun = TypeVar("Noun")
OWNER = "programme"
PROPOSALS = "proposals"  # The capability for the one noun that modules hand to each other.
INSTEAD = {"Task": "POST /api/tasks", "LegalBasis": "POST /api/legal-bases"}


class State(StrEnum):
    """Where a task stands."""

    ASSIGNED = "assigned"
    IN_PROGRESS = "inProgress"
    DONE = "done"
    DROPPED = "dropped"


class IllegalMove(Conflict):
    """The task is not in a state in which this can be done."""


@dataclass(frozen=True)
class Provision:
    """One place in the law, in Vietnamese order: document, article (điều), clause (khoản), point (điểm).

    `summary` is our words, never the official text. Dates are ISO 8601 (yyyy-mm-dd); `valid_to` is the last day.
    """

    document: str  # Number of the document, e.g. "269/2025/NĐ-CP".
    article: int
    clause: int | None = None
    point: str | None = None  # a, b, c, d, đ, e, g …
    summary: str = ""
    valid_from: str | None = None
    valid_to: str | None = None
    sample: bool = False

    def __post_init__(self) -> None:
        """Refuse a place that no law can have."""
        if not self.document.strip():
            raise Invalid("A legal basis needs the number of its document, e.g. 269/2025/NĐ-CP.")
        if self.article < 1 or (self.clause is not None and self.clause < 1):
            raise Invalid(f"{self.document}: articles and clauses are numbered from 1.")
        if self.point is not None:
            point_key(self.point)
            if self.clause is None:
                raise Invalid(f"{self.document}: a point stands in a clause; name the clause too.")

    @property
    def order(self) -> tuple[Any, ...]:
        """The key that sorts provisions as the law does: point đ after d and before e."""
        return self.document, self.article, self.clause or 0, point_key(self.point) if self.point else (-1, 0)


@dataclass(frozen=True)
class NewTask:
    """What a task must say before it is issued ("5 rõ"). `lead` and `cooperating` are codes of units."""

    title: str
    lead: str
    due: str  # ISO 8601 date or date-time.
    output: str  # The result that can be verified.
    units: tuple[str, ...]  # The communes (or the province) where it is carried out.
    legal_basis: str | None = None  # Entity id.
    cooperating: tuple[str, ...] = ()
    indicators: tuple[str, ...] = ()  # Ids of the indicators that it is meant to move.
    sources: tuple[str, ...] = ()  # Ids of what it came from: reports, alarms, a proposal.
    location: Mapping[str, Any] | None = None
    simulated: bool = False


@dataclass(frozen=True)
class Evidence:
    """A file that shows a result: kept by the hub under its hash."""

    sha256: str
    name: str
    media_type: str


@dataclass(frozen=True)
class Task:
    """A task as it stands. `original_due` never changes; `due` is the date agreed now."""

    id: str
    title: str
    state: State
    lead: str
    cooperating: tuple[str, ...]
    original_due: str
    due: str
    output: str
    units: tuple[str, ...]
    legal_basis: str | None
    indicators: tuple[str, ...]
    sources: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    extensions: tuple[Mapping[str, Any], ...]
    progress: int
    note: str
    done_at: str | None
    version: int
    simulated: bool = False
    location: Mapping[str, Any] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Programme:
    """What the verbs of the programme need."""

    hub: Hub


def several(value: Any) -> tuple[str, ...]:
    """A relationship's objects, or a property's words, as a tuple."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list) else (value,)


def readable(entities: Iterable[Entity], read: Callable[[Entity], Noun]) -> Iterator[Noun]:
    """What `read` makes of each entity; one that cannot be read (of a newer dothi, say) is told of and left out."""
    for entity in entities:
        try:
            yield read(entity)
        except (Invalid, KeyError, TypeError, ValueError, AttributeError) as unreadable:
            log.warning("%s cannot be read and is left out: %r", entity.id, unreadable)


def task_of(entity: Entity) -> Task:
    """The task that an entity holds."""
    return Task(
        id=entity.id,
        title=entity.value("title"),
        state=State(entity.value("state")),
        lead=entity.value("lead"),
        cooperating=several(entity.value("cooperating")),
        original_due=entity.value("originalDue"),
        due=entity.value("due"),
        output=entity.value("output"),
        units=several(entity.value("units")),
        legal_basis=entity.value("legalBasis"),
        indicators=several(entity.value("indicators")),
        sources=several(entity.value("sources")),
        evidence=tuple(Evidence(**one) for one in entity.value("evidence", [])),
        extensions=tuple(entity.value("extensions", [])),
        progress=entity.value("progress", 0),
        note=entity.value("note", ""),
        done_at=entity.value("doneAt"),
        version=entity.version,
        simulated=entity.value("simulated", False),
        location=entity.value("location"),
    )


def provision_of(entity: Entity) -> Provision:
    """The provision that a LegalBasis entity holds."""
    return Provision(
        document=entity.value("document"),
        article=entity.value("article"),
        clause=entity.value("clause"),
        point=entity.value("point"),
        summary=entity.value("title", ""),
        valid_from=entity.value("validFrom"),
        valid_to=entity.value("validTo"),
        sample=entity.value("sample", False),
    )
