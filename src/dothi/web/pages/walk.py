"""The walk: any entity with its facts, its history, and everything one step from it along the chains, both ways."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dothi.evidence.model import COUNTRY
from dothi.evidence.walk import Group, Way, walk
from dothi.evidence.walk import name_of as called
from dothi.ground.text import slug
from dothi.hub.model import Entity, LoggedCommit
from dothi.web.page import Page, render, visit, words
from dothi.web.pages.shown import STAFF, attribute_name, measured, unit_name, who
from dothi.web.parts import parts

TRAIL_MAX = 30
# What is told of a type: never free text that a citizen wrote, never a key. A type that is not named tells its name.
FACTS: Mapping[str, tuple[str, ...]] = {
    "LegalBasis": ("citation", "title", "validFrom", "validTo", "sample"),
    "Indicator": ("description", "reads", "period", "target", "formulaVersion", "sample"),
    "IndicatorValue": (
        *(
            "value",
            "state",
            "unit",
            "period",
            "count",
            "askedAt",
            "observedFrom",
            "observedTo",
            "computedAt",
            "formulaVersion",
        ),
        *("publishedAt", "publishedReason", "inputsHash", "simulated"),
    ),
    "ReportPart": ("state", "partOf", "unit", "assignee", "handleBy", "closedAt"),
    "CitizenReport": ("category", "state", "unit", "filedAt", "handleBy", "closedAt", "rating"),
    "Alarm": ("subjectName", "unit", "value", "limit", "since", "active", "acknowledged", "simulated"),
    "MaintenanceWindow": ("from", "to", "reason", "unit"),
    "CentreHour": ("hour",),
    "Incident": ("state", "priority", "since", "unit", "assignee", "due", "drill"),
    "IncidentReview": ("state", "unit", "due", "drill"),
    "Order": ("state", "unit", "assignee", "receiveBy", "arriveBy", "receivedAt", "arrivedAt", "due", "drill"),
    "LogEntry": ("typedAt", "unit", "drill"),
    "Shift": ("state", "starts", "ends", "unit"),
    "Bulletin": ("sender", "level", "sentAt", "effective", "expires", "unit"),
    "Warning": ("state", "severity", "urgency", "certainty", "effective", "expires", "unit", "drill"),
    "WarningDelivery": ("channel", "addressed", "delivered", "acknowledged", "unit", "drill"),
    "EventSource": ("purpose", "keepDays", "clipDays", "unit", "simulated"),
    "Suggestion": ("state", "unit", "due", "simulated"),
    "Consultation": ("state", "unit", "opensAt", "closesAt", "due", "publishedAt", "sample"),
    "CommentCluster": ("title", "unit", "answeredAt"),
    "ConsultationComment": ("unit", "filedAt"),
    "Task": ("state", "lead", "unit", "responsible", "originalDue", "due", "output", "progress", "simulated"),
    "TaskPart": ("state", "of", "answerBy", "due", "reason", "note"),
    "ExtensionRequest": ("state", "of", "from", "to", "reason", "why"),
    "Bottleneck": ("state", "bottleneck", "assignee", "due", "resolution"),
    "EvidenceFile": ("evidenceKind", "issuer", "validFrom", "validTo", "sha256"),
    "Scheme": ("code", "state", "lead", "vision", "nextReview", "sample"),
    "SchemeTarget": ("target", "level", "year", "unit", "sample"),
    "Plan": ("code", "state", "lead", "sector", "nextReview", "sample"),
    "Project": ("code", "state", "lead", "zone", "starts", "ends", "capex", "opex", "sample"),
    "Organisation": ("code", "kind", "unit", "validFrom", "validTo"),
    "CoordinationBody": ("name", "unit"),
    "CouncilSession": ("heldAt", "unit"),
    "OpinionRound": ("due", "unit"),
    "MemberOpinion": ("position", "due", "unit"),
    "Conclusion": ("at", "unit"),
    "ExplanationRequest": ("question", "answer", "due", "unit"),
    "Reminder": ("at", "taskDue", "assignee", "unit"),
    "PartnerCall": ("opens", "closes", "unit"),
    "Submission": ("answer", "due", "unit"),
    "Pilot": ("place", "lead", "validFrom", "validTo", "lessons", "unit", "simulated"),
    "ScaleUp": ("at", "unit"),
    "Directive": ("document", "issuedOn", "unit"),
    "Obligation": ("quote", "body", "dueDay", "output", "unit"),
    "PlanImport": ("unit",),
    "Proposal": ("category", "state", "unit", "proposedAt"),
    "DataSource": ("state", "promisedEvery", "lastSeen", "accepted", "quarantined", "simulated"),
    "QuarantinedRow": ("file", "line", "state"),
    "PublishedReport": ("unit", "period", "number", "signer", "signedAt", "madeAt", "simulated"),
    "ReportDuty": ("unit", "period", "state", "due", "madeAt", "simulated"),
    "AirQualityObserved": ("pm25", "pm10", "no2", "so2", "o3", "co", "temperature", "unit", "simulated"),
    "TrafficFlowObserved": ("averageVehicleSpeed", "occupancy", "unit", "simulated"),
    "WasteContainer": ("fillingLevel", "unit", "simulated"),
    "WaterObserved": ("level", "flow", "unit", "simulated"),
    "WeatherObserved": ("temperature", "rainfall", "windSpeed", "unit", "simulated"),
    "UnitMerger": ("code", "kind", "validFrom"),
    "AdministrativeUnit": ("code", "kind", "validFrom", "validTo"),
    "PublicService": ("status", "statusSince", "usage", "interest", "satisfaction"),
    "Problem": ("category", "state", "unit", "firstAt", "lastAt", "recurrences", "priority", "rank", "mendedAt"),
    "ServiceCount": ("period", "unit", "views", "uses", "asked"),
    "ServiceRating": ("period", "unit", "stars"),
    "RuleSet": ("unit", "validFrom"),
    "LegalHold": ("title", "why", "placedAt", "liftedAt"),
    "DisposalProposal": ("state", "unit", "asOf", "proposedAt", "decidedAt"),
    "DisposalRecord": ("unit", "things", "entries", "events", "files", "bytes", "digest", "endedAt"),
    "ErasureProof": ("state", "things", "entries", "files", "erasedAt"),
    "DataExport": ("kind", "madeAt"),
    "ErasureRequest": ("state", "askedAt", "due"),
}
ICONS: Mapping[str, str] = {
    "Incident": "watch",
    "IncidentReview": "book",
    "Suggestion": "proposal",
    "LegalBasis": "law",
    "Indicator": "figure",
    "IndicatorValue": "figure",
    "CitizenReport": "report",
    "ReportPart": "report",
    "Alarm": "alarm",
    "Task": "task",
    "TaskPart": "task",
    "ExtensionRequest": "clock",
    "Bottleneck": "watch",
    "EvidenceFile": "file",
    "Scheme": "promise",
    "SchemeTarget": "figure",
    "Plan": "task",
    "Project": "task",
    "Organisation": "people",
    "Proposal": "proposal",
    "Problem": "proposal",
    "DataSource": "source",
    "PublishedReport": "file",
    "ReportDuty": "file",
    "AirQualityObserved": "air",
    "TrafficFlowObserved": "traffic",
    "WaterObserved": "water",
    "WasteContainer": "waste",
}
_OWN_PAGE: Mapping[str, str] = {  # Type → its page; {} is the end of its id.
    "CitizenReport": "/reports/{}",
    "ReportPart": "/case/{}",
    "Consultation": "/consultations/{}",
    "Alarm": "/alarm/{}",
    "Task": "/task/{}",
    "TaskPart": "/part/{}",
    "ExtensionRequest": "/extension/{}",
    "Bottleneck": "/bottleneck/{}",
    "LegalBasis": "/law/{}",
    "Scheme": "/scheme/{}",
    "Plan": "/plan/{}",
    "Project": "/project/{}",
    "Problem": "/problems/review/{}",
    "PublicService": "/services/{}",
    "ReportDuty": "/periodic/{}",
    "PublishedReport": "/signed/{}",
    "CouncilSession": "/council/session/{}",
    "Pilot": "/pilots/{}",
    "Directive": "/directives/{}",
    "PlanImport": "/imports/{}",
    "DataSource": "/sources/{}",
    "Incident": "/incident/{}",
    "IncidentReview": "/incident/{}/review",
    "Indicator": "/indicator/{}",
    "Shift": "/shift/book/{}",
}
_LONG_TAILS = frozenset({"Alarm", "Task", "TaskPart", "ExtensionRequest", "Bottleneck", "LegalBasis"}) | {
    *("ReportDuty", "PublishedReport", "Shift"),
}
_OPEN_TO_ALL = frozenset({"CitizenReport", "Indicator", "IndicatorValue"})
_INSTANTS = frozenset(
    {"filedAt", "handleBy", "closedAt", "since", "originalDue", "due", "lastSeen", "madeAt", "signedAt"}
) | {
    *("firstAt", "lastAt", "mendedAt", "statusSince"),
    *("observedFrom", "observedTo", "computedAt", "publishedAt", "proposedAt", "validFrom", "validTo"),
    *("opensAt", "closesAt", "answeredAt", "heldAt", "at", "taskDue", "issuedOn", "dueDay", "opens", "closes"),
    *("firstAt", "lastAt", "mendedAt", "statusSince"),
    *("answerBy", "nextReview", "from", "to", "starts", "ends"),
    *("receiveBy", "arriveBy", "receivedAt", "arrivedAt", "typedAt", "sentAt", "effective", "expires"),
}
_DAYS = frozenset({"due", "originalDue", "validFrom", "validTo", "nextReview", "from", "to", "starts", "ends"}) | {
    *("issuedOn", "dueDay", "opens", "closes"),
}
_UNITS = frozenset({"unit", "lead", "of", "assignee"})


@dataclass(frozen=True)
class Step:
    """One step that can be taken."""

    href: str
    name: str
    type: str
    icon: str
    note: str
    at: int


@dataclass(frozen=True)
class Steps:
    """Steps of one relation as a page lists them."""

    relation: str
    way: Way
    title: str
    steps: tuple[Step, ...]
    more: int
    hidden: int


async def one_entity(request: Request) -> Response:
    """What is this, what does it rest on, and what rests on it?"""
    actor, entity_id = visit(request).actor, request.path_params["entity"]
    found = walk(parts(request).hub, actor, entity_id)
    entity = found.entity
    groups = [_steps(request, group) for group in found.groups]
    own = href_of(entity)
    may_open = own is not None and (entity.types[0] in _OPEN_TO_ALL or bool(STAFF & actor.roles))
    return render(
        request,
        "evidence/walk.html",
        entity=entity,
        name=name_of(request, entity),
        type=type_name(request, entity.types[0]),
        icon_name=ICONS.get(entity.types[0], "trail"),
        facts=facts(request, entity),
        down=[group for group in groups if group.way is Way.DOWN],
        beside=[group for group in groups if group.way is Way.BESIDE],
        back=[group for group in groups if group.way is Way.BACK],
        own=own if may_open else "",
        file=f"/monthly/{entity.id}/file" if "PublishedReport" in entity.types else "",
        trail=_trail(request, parts(request).hub.trail(actor, entity.id, limit=TRAIL_MAX)),
    )


def steps_from(request: Request, entity_id: str) -> list[Steps]:
    """The steps from an entity, for a page that shows them beside its own matter."""
    found = walk(parts(request).hub, visit(request).actor, entity_id)
    return [_steps(request, group) for group in found.groups]


def href_of(entity: Entity) -> str | None:
    """The page that a type has of its own; None when the walk is all there is."""
    kind, tail = entity.types[0], entity.id.rpartition(":")[2]
    if kind == "IndicatorValue":
        short = str(entity.value("indicator", "")).rpartition(":")[2]
        return f"/indicator/{short}?unit={entity.value('unit')}&period={entity.value('period')}"
    if kind in _LONG_TAILS:
        tail = entity.id.removeprefix(f"urn:ngsi-ld:{kind}:")
    return _OWN_PAGE[kind].format(tail) if kind in _OWN_PAGE else None


def type_name(request: Request, kind: str) -> str:
    """The name of a type on screens, the type itself where it has none."""
    key = f"type.{kind}"
    return words(request).t(key) if words(request).has(key) else kind


def name_of(request: Request, entity: Entity) -> str:
    """What people call an entity here: figures are told with their place and period, reports by their code."""
    here, kind = words(request), entity.types[0]
    name = here.pick(called(entity))
    if kind == "IndicatorValue":
        period = "/".join(reversed(str(entity.value("period", "")).split("-")))
        return f"{name}, {_place(request, entity)}, {period}"
    return f"{type_name(request, kind)} {name}" if kind == "CitizenReport" else name


def _place(request: Request, entity: Entity) -> str:
    unit = entity.value("unit")
    return (
        words(request).t("evidence.everything")
        if unit == COUNTRY
        else unit_name(request, unit if isinstance(unit, str) else None)
    )


def facts(request: Request, entity: Entity) -> list[tuple[str, str]]:
    """What is told of an entity: (name, text), in the order of the table."""
    found = []
    for name in FACTS.get(entity.types[0], ()):
        value = entity.value(name)
        if value is not None and value != "":
            label = f"evidence.attribute.{name}"
            title = words(request).t(label) if words(request).has(label) else attribute_name(request, name)
            found.append((title, _told(request, entity, name, value)))
    return found


def _told(request: Request, entity: Entity, name: str, value: Any) -> str:
    here = words(request)
    if name in _INSTANTS:
        return here.date(value) if name in _DAYS else here.when(value)
    if name in _UNITS:
        return _place(request, entity) if name == "unit" else unit_name(request, str(value))
    if isinstance(value, bool):
        return here.t(f"evidence.truth.{str(value).lower()}")
    if isinstance(value, int | float):
        unit = (entity.instance(name) or {}).get("unitCode")
        return measured(request, name, value, unit)
    if isinstance(value, dict):
        return here.pick(value)
    if name == "category":
        return _category(request, str(value))
    if name == "period":
        return (
            here.t(f"evidence.period.{value}")
            if here.has(f"evidence.period.{value}")
            else "/".join(reversed(str(value).split("-")))
        )
    key = f"evidence.code.{value}"
    return here.t(key) if name in ("state", "priority") and here.has(key) else str(value)


def _category(request: Request, name: str) -> str:
    """The name of a category of reports."""
    known = parts(request).citizens.rules.categories.get(name)
    return words(request).pick(known.names) if known else name


def _steps(request: Request, group: Group) -> Steps:
    key = f"evidence.relation.{group.relation}"
    title = words(request).t(key) if words(request).has(key) else group.relation
    steps = tuple(_step(request, one) for one in group.steps)
    return Steps(group.relation, group.way, title, steps, group.more, group.hidden)


def _step(request: Request, entity: Entity) -> Step:
    kind = entity.types[0]
    return Step(
        f"/walk/{entity.id}",
        name_of(request, entity),
        type_name(request, kind),
        ICONS.get(kind, "trail"),
        _note(request, entity),
        entity.modified_at,
    )


def _note(request: Request, entity: Entity) -> str:
    """The one thing to know of a step: the value of a figure, the state of a case."""
    here = words(request)
    if "IndicatorValue" in entity.types:
        number = entity.value("value")
        unit = (entity.instance("value") or {}).get("unitCode")
        return here.t("common.no_value") if number is None else measured(request, "value", number, unit)
    if "Alarm" in entity.types:
        return here.t(f"evidence.code.{'active' if entity.value('active') else 'cleared'}")
    state = entity.value("state")
    key = f"evidence.code.{state}"
    return here.t(key) if isinstance(state, str) and here.has(key) else ""


def _trail(request: Request, commits: list[LoggedCommit]) -> list[dict[str, Any]]:
    """Who did what and when, newest first; who stays unnamed for those who do not work here."""
    staff = bool(STAFF & visit(request).actor.roles)
    return [
        {
            "what": _deed(request, commit.reason),
            "at": commit.at,
            "who": who(request, commit.actor) if staff else "",
            "state": "done",
        }
        for commit in commits
    ]


def _deed(request: Request, reason: str) -> str:
    """What was done, in words: the modules' own reasons have wording, a person's reason stands as it was written."""
    key = f"evidence.deed.{slug(reason).replace('-', '_')}"
    return words(request).t(key) if words(request).has(key) else reason or words(request).t("evidence.walk.changed")


PAGES = (
    Page("/walk/{entity}", one_entity, "evidence.walk.title", sample={"entity": "urn:ngsi-ld:Indicator:pm25-mean"}),
)
