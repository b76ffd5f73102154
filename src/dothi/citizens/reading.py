"""What people read of reports: the public list, the reporter's own page, an official's work, and files."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dothi.citizens.handling.service import covers, holds
from dothi.citizens.handling.workflow import HANDLERS
from dothi.citizens.intake.codes import find_by_code
from dothi.citizens.model import (
    PART_TYPE,
    PROBLEM_TYPE,
    SERVICE_TYPE,
    TYPE,
    NoSuchReport,
    Outcome,
    Report,
    State,
    StoredFile,
    report_of,
    report_urn,
)
from dothi.citizens.needs import SYSTEM, Citizens
from dothi.ground.clock import from_iso
from dothi.ground.errors import Missing
from dothi.ground.ids import urn
from dothi.ground.text import fold
from dothi.hub.language.nodes import And, Compare, Condition, Exists, Query, TypeIs, TypeOr
from dothi.hub.model import Actor, Entity, LoggedCommit, instance_value, read_one

# What carries assignee, due and open (vocabulary ACT).
WORK_TYPES = (
    *(TYPE, PART_TYPE, "Task", "Alarm", PROBLEM_TYPE, SERVICE_TYPE, "ReportDuty", "Consultation"),
    *("TaskPart", "ExtensionRequest", "Bottleneck", "Scheme", "Plan"),
    *("MemberOpinion", "ExplanationRequest", "Submission", "Pilot", "Order", "Shift"),
    *("Incident", "IncidentReview", "Warning"),
)
ESCALATED = (TYPE, PART_TYPE, "Alarm", "Order", "Incident")  # Brought before others when late, by escalatedTo.
SEARCHED = 2000  # Rows of a desk that a search looks at.
ROUNDED = 3  # Decimals of a degree that the public sees: about 110 m, so that no home is pointed at.
PAGE_MAX = 200


@dataclass(frozen=True, slots=True)
class PublicReport:
    """What everybody may see of a report: not the reporter's words, photos or exact place."""

    id: str
    code: str
    category: str
    state: State
    unit: str | None
    place: tuple[float, float] | None  # Longitude and latitude, rounded.
    filed_at: str
    handle_by: str | None
    closed_at: str | None
    on_time: bool | None
    outcome: Outcome | None
    answer: str | None
    proof: tuple[StoredFile, ...]
    reopened: int
    rating: int | None
    imported: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """Which reports a reader wants to see; empty means any."""

    unit: str = ""
    category: str = ""
    state: str = ""
    code: str = ""  # The public number.


EVERYTHING = Asked()


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of a report's timeline: when, what, by or to which unit, and why. No person is named."""

    at: int
    verb: str
    unit: str | None
    reason: str
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One thing that somebody owes, whatever module it comes from."""

    id: str
    kind: str  # CitizenReport, Task or Alarm.
    due: str | None
    assignee: str | None
    unit: str | None
    urgent: bool
    entity: Entity

    def late(self, now: int) -> bool:
        """Whether it was due before `now` (µs)."""
        return self.due is not None and from_iso(self.due) < now


@dataclass(frozen=True, slots=True)
class Desk:
    """What is owed by some units, by deadline; `count` is all of it, also beyond this page."""

    items: tuple[WorkItem, ...]
    count: int


def public_report(report: Report) -> PublicReport:
    """A report without what only the reporter and the handling unit may see."""
    place = report.place
    return PublicReport(
        report.id,
        report.code,
        report.category,
        report.state,
        report.unit,
        (round(place[0], ROUNDED), round(place[1], ROUNDED)) if place else None,
        report.filed_at,
        report.handle_by,
        report.closed_at,
        report.on_time,
        report.outcome,
        report.answer,
        report.proof,
        report.reopened,
        report.rating,
        report.imported,
    )


def public_list(
    citizens: Citizens, asked: Asked = EVERYTHING, limit: int = 50, offset: int = 0
) -> tuple[tuple[PublicReport, ...], int]:
    """Reports, newest first, and how many there are in all."""
    wanted = {"unit": asked.unit, "category": asked.category, "state": asked.state, "code": asked.code}
    terms = tuple(Compare((name,), "==", value) for name, value in wanted.items() if value)
    query = Query(
        TypeIs(TYPE), q=_all(terms), limit=min(limit, PAGE_MAX), offset=offset, count=True, order=("-filedAt",)
    )
    page = citizens.hub.query(SYSTEM, query)
    return tuple(public_report(report_of(one)) for one in page), page.count or 0


def public_by_id(citizens: Citizens, name: str) -> PublicReport:
    """The report whose id ends, after its type, with `name`. NoSuchReport when there is none."""
    try:
        return public_report(report_of(citizens.hub.get(SYSTEM, urn(TYPE, name))))
    except Missing as cause:
        raise NoSuchReport from cause


def _all(terms: tuple[Condition, ...]) -> Condition | None:
    return terms[0] if len(terms) == 1 else And(terms) if terms else None


def timeline(citizens: Citizens, report: Report) -> tuple[Happening, ...]:
    """What happened to a report, oldest first."""
    trail = citizens.hub.trail(SYSTEM, report.id)
    return tuple(filter(None, (_happening(commit) for commit in reversed(trail))))


def _happening(commit: LoggedCommit) -> Happening | None:
    attrs: dict[str, Any] = {}
    for entry in commit.entries:
        attrs |= entry.attrs
    step = instance_value(attrs.get("step"), {})
    if not step:
        return None
    return Happening(
        from_iso(step["at"]) if "at" in step else commit.at,
        step.get("verb", ""),
        step.get("unit"),
        step.get("reason", ""),
        instance_value(attrs.get("outcome")),
    )


def desk(
    citizens: Citizens,
    actor: Actor,
    limit: int = 100,
    offset: int = 0,
    since: str | None = None,
    until: str | None = None,
) -> Desk:
    """Everything owed by the actor and his units, reports, tasks and alarms in one list by deadline.

    `since` and `until` (ISO 8601, the end not included) take a part of it by deadline. Somebody without areas works for
    the whole tenant and sees what every unit owes.
    """
    owed: tuple[Condition, ...] = ()
    if actor.areas:
        owed = (Compare(("assignee",), "==", (*sorted(actor.areas), actor.id)),)
    return _desk(citizens, actor, owed + _due(since, until), limit, offset)


def escalated(citizens: Citizens, actor: Actor, limit: int = 100, offset: int = 0) -> Desk:
    """What units below left late, and the leader of the actor's unit has on the list."""
    handed: Condition = Exists(("escalatedTo",))
    if actor.areas:
        handed = Compare(("escalatedTo",), "==", tuple(sorted(actor.areas)))
    return _desk(citizens, actor, (handed, Compare(("escalatedTo",), "!=", "")), limit, offset, ESCALATED)


def _due(since: str | None, until: str | None) -> tuple[Condition, ...]:
    bounds = ((">=", since), ("<", until))
    return tuple(Compare(("due",), op, instant) for op, instant in bounds if instant)


def _desk(
    citizens: Citizens,
    actor: Actor,
    terms: tuple[Condition, ...],
    limit: int,
    offset: int,
    kinds: tuple[str, ...] = WORK_TYPES,
) -> Desk:
    types = TypeOr(tuple(TypeIs(kind) for kind in kinds))
    whole = And((Compare(("open",), "==", True), *terms))
    query = Query(types, q=whole, limit=min(limit, PAGE_MAX), offset=offset, count=True, order=("due",))
    page = citizens.hub.query(actor, query)
    return Desk(tuple(_work_item(one) for one in page), page.count or 0)


def find_on_desk(citizens: Citizens, actor: Actor, text: str) -> Desk:
    """What of the desk holds all the words, with or without marks, among the first SEARCHED by deadline."""
    wanted = fold(text).split()
    found: list[WorkItem] = []
    for offset in range(0, SEARCHED, PAGE_MAX):
        page = desk(citizens, actor, PAGE_MAX, offset)
        found += [one for one in page.items if all(word in _words_of(one.entity) for word in wanted)]
        if offset + PAGE_MAX >= page.count:
            break
    return Desk(tuple(found), len(found))


def _words_of(entity: Entity) -> str:
    """What a row of the desk can be found by, folded."""
    said = [entity.value(name) for name in ("code", "category", "description", "placeWords", "title", "name", "place")]
    texts = [" ".join(one.values()) if isinstance(one, dict) else str(one) for one in said if one]
    return fold(" ".join(texts))


def _work_item(entity: Entity) -> WorkItem:
    value = entity.value
    kind = next((one for one in WORK_TYPES if one in entity.types), entity.types[0])
    urgent = bool(value("urgent", False))
    return WorkItem(entity.id, kind, value("due"), value("assignee"), value("unit"), urgent, entity)


def for_official(citizens: Citizens, actor: Actor, number: str) -> Report:
    """A report as its handling unit sees it. NoSuchReport when there is none or the actor may not see it."""
    try:
        return read_one(citizens.hub.get(actor, report_urn(number)), report_of)
    except Missing as cause:
        raise NoSuchReport from cause


def may_act(citizens: Citizens, actor: Actor, report: Report) -> bool:
    """Whether this official's unit owes the next step."""
    return bool(actor.roles & HANDLERS) and covers(citizens, actor, report.assignee)


def reporters_file(citizens: Citizens, code: str, digest: str) -> StoredFile:
    """A photo or proof of the report whose whole code the reader holds. Missing otherwise."""
    return _held(find_by_code(citizens, code), digest)


def file_of(citizens: Citizens, actor: Actor, entity_id: str, digest: str) -> StoredFile:
    """A file that an entity holds which the actor may see. Missing otherwise.

    Of a report everybody may see the proof of its answer; the reporter's photos are for the staff that handles it.
    """
    entity = citizens.hub.get(SYSTEM, entity_id)
    if TYPE not in entity.types and PART_TYPE not in entity.types:
        return _mentioned(citizens.hub.get(actor, entity_id), digest)
    report = report_of(entity)
    if any(one.sha256 == digest for one in report.proof):
        return _held(report, digest)
    if not actor.roles & HANDLERS:
        raise Missing("There is no such file, or you may not see it.")
    return _held(report_of(citizens.hub.get(actor, entity_id)), digest)


def _held(report: Report, digest: str) -> StoredFile:
    found = holds(report, digest)
    if found is None:
        raise Missing("There is no such file, or you may not see it.")
    return found


def _mentioned(entity: Entity, digest: str) -> StoredFile:
    """The file as an attribute of any entity names it, by its hash."""
    for part in _parts(entity.attrs):
        if isinstance(part, dict) and part.get("sha256") == digest:
            return StoredFile(digest, str(part.get("mediaType", "application/octet-stream")))
    raise Missing("There is no such file, or you may not see it.")


def _parts(value: Any) -> Iterable[Any]:
    waiting = [value]
    while waiting:
        part = waiting.pop()
        yield part
        waiting.extend(part.values() if isinstance(part, dict) else part if isinstance(part, list) else ())
