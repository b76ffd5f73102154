"""The nouns of the programme: legal bases, tasks and what the verbs need."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from dothi.ground.calendar import WorkingCalendar, vietnam
from dothi.ground.clock import iso
from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.ground.text import point_key
from dothi.hub.core import Hub
from dothi.hub.model import Actor, Entity
from dothi.hub.model import readable as readable
from dothi.office.rules import RuleSets, applied, in_force
from dothi.programme.rules import KIND, Rules, load, parse
from dothi.territory import Territory

OWNER = "programme"
PROPOSALS = "proposals"  # The capability for the one noun that modules hand to each other.
INSTEAD = {  # Guarded type → what to call instead.
    "Task": "POST /api/tasks",
    "Solution": "POST /api/tasks with kind solution",
    "LegalBasis": "POST /api/legal-bases",
    "TaskPart": "POST /api/tasks/{id}/parts and the verbs of /api/parts",
    "ExtensionRequest": "POST /api/tasks/{id}/extension and the verbs of /api/extensions",
    "Bottleneck": "POST /api/tasks/{id}/bottlenecks",
    "EvidenceFile": "POST /api/evidence-files",
    "Scheme": "POST /api/schemes",
    "SchemeTarget": "POST /api/schemes/{id}/targets",
    "Plan": "POST /api/plans",
    "Project": "POST /api/projects",
}
LEVELS = ("province", "commune")  # Who carries out: executor level.
_PROVINCE_CODE = 2  # Digits of a province's code; a commune has five.


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
    replaced_by: str | None = None  # Entity id of the provision that follows it.

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
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise Invalid(f"{self.document}: it would end ({self.valid_to}) before it begins ({self.valid_from}).")

    @property
    def order(self) -> tuple[Any, ...]:
        """The key that sorts provisions as the law does: point đ after d and before e."""
        return self.document, self.article, self.clause or 0, point_key(self.point) if self.point else (-1, 0)


@dataclass(frozen=True)
class NewTask:
    """What a task must say before it is issued ("5 rõ"). `lead` and `cooperating` are codes of units.

    `responsible` is the person who answers for it: "user:<id>", or the position as the office calls it. `evidence_kind`
    names what will show the output (Rules.evidence).
    """

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
    responsible: str = ""
    evidence_kind: str = ""
    solution: bool = False  # A measure (giải pháp) rather than a piece of work (nhiệm vụ).
    level: str = ""  # One of LEVELS; by default that of the lead.
    plan: str | None = None  # Ids of the plan and project that it belongs to, and of the targets that it serves.
    project: str | None = None
    targets: tuple[str, ...] = ()
    starts: str = ""  # ISO 8601 date; by default the day of issue.
    depends_on: tuple[str, ...] = ()  # Tasks that must be done before.


@dataclass(frozen=True)
class Evidence:
    """A file that shows a result: kept by the hub under its hash. Dates are days; `valid_to` is the last one.

    `kind` is one of Rules.evidence; empty means whatever the task asks for.
    """

    sha256: str
    name: str
    media_type: str
    kind: str = ""
    issuer: str = ""
    valid_from: str | None = None
    valid_to: str | None = None

    def expired(self, day: str) -> bool:
        """Whether it no longer holds on a day (yyyy-mm-dd)."""
        return self.valid_to is not None and self.valid_to < day


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
    responsible: str = ""
    evidence_kind: str = ""
    solution: bool = False
    level: str = ""
    plan: str | None = None
    project: str | None = None
    targets: tuple[str, ...] = ()
    starts: str = ""
    depends_on: tuple[str, ...] = ()
    refusals: tuple[Mapping[str, Any], ...] = ()  # Extensions that were asked for and refused.


@dataclass(frozen=True)
class Programme:
    """What the verbs of the programme need. Without a territory no unit stands above another."""

    hub: Hub
    territory: Territory | None = None
    rules: Rules = field(default_factory=load)
    calendar: WorkingCalendar = field(default_factory=vietnam)
    adopted: RuleSets | None = None  # None: the shipped rules hold everywhere.

    def rules_at(self, unit: str | None = None, at: int | None = None) -> Rules:
        """The rules in force for a unit (None: the whole city) at an instant (µs; now by default)."""
        if self.adopted is None or not applied(self.adopted, KIND, unit, at):
            return self.rules
        return parse(in_force(self.adopted, KIND, unit, at))

    def upper(self, unit: str) -> str:
        """The code of the province above a commune; a province's own."""
        if self.territory is None or len(unit) == _PROVINCE_CODE:
            return unit
        try:
            return self.territory.province_of(unit).code
        except Missing:  # A code that was never given: nobody stands above it.
            return unit

    def named(self, unit: str) -> str:
        """The Vietnamese name of a unit, its code where nobody knows it."""
        try:
            return self.territory.unit(unit).name if self.territory else unit
        except Missing:
            return unit


def level_of(unit: str) -> str:
    """Province or commune, by the code of a unit."""
    return LEVELS[0] if len(unit) == _PROVINCE_CODE else LEVELS[1]


def acts_for(actor: Actor, unit: str) -> bool:
    """Whether somebody speaks for this very unit: who stands above it does not speak in its name."""
    return not actor.areas or unit in actor.areas


def several(value: Any) -> tuple[str, ...]:
    """A relationship's objects, or a property's words, as a tuple."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list) else (value,)


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
        responsible=entity.value("responsible", ""),
        evidence_kind=entity.value("evidenceKind", ""),
        solution="Solution" in entity.types,
        level=entity.value("level", level_of(entity.value("lead"))),
        plan=entity.value("plan"),
        project=entity.value("project"),
        targets=several(entity.value("targets")),
        starts=entity.value("starts") or iso(entity.created_at),
        depends_on=several(entity.value("dependsOn")),
        refusals=tuple(entity.value("refusals", [])),
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
        replaced_by=entity.value("replacedBy"),
    )
