"""The roles of people, what each may do, and the one table of who may do what to which type, where."""

from dataclasses import dataclass
from enum import StrEnum

from dothi.hub.language.nodes import ANY_TYPE
from dothi.hub.peers import records


class Do(StrEnum):
    """What a rule allows to be done to an entity."""

    READ = "read"
    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"


class Where(StrEnum):
    """Where a rule holds."""

    EVERYWHERE = "everywhere"
    AREA = "area"  # Only where one of the entity's units (hub.access.WHERE_SEEN) lies in one of the actor's areas.


class Ability(StrEnum):
    """What a role allows beside reading and writing entities."""

    READ_AUDIT = "read_audit"
    MANAGE_USERS = "manage_users"
    MANAGE_KEYS = "manage_keys"
    MANAGE_MESSAGES = "manage_messages"
    OPEN_IDENTITY = "open_identity"
    ERASE_IDENTITY = "erase_identity"


@dataclass(frozen=True, slots=True)
class Role:
    """A role that a person can hold; its name on screens stands in the catalogue under `label`."""

    label: str
    abilities: frozenset[Ability] = frozenset()


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table: these roles may do this to these types, there."""

    roles: frozenset[str]
    may: frozenset[Do]
    types: frozenset[str]
    where: Where


# Who runs the machine (administrator) does not open identities, and who judges (assessor) writes nothing that is
# judged: an administrator who gives himself another role leaves a line in the register of events.
ROLES: dict[str, Role] = {
    "citizen": Role("role.citizen"),  # Người dân
    "official": Role("role.official"),  # Cán bộ xử lý
    "duty_officer": Role("role.duty_officer"),  # Trực ban
    "leader": Role("role.leader"),  # Lãnh đạo
    "programme_officer": Role("role.programme_officer"),  # Cán bộ chương trình
    "assessor": Role("role.assessor", frozenset({Ability.READ_AUDIT})),  # Người đánh giá
    "planner": Role("role.planner"),  # Cán bộ quy hoạch
    "data_steward": Role("role.data_steward", frozenset({Ability.OPEN_IDENTITY, Ability.ERASE_IDENTITY})),
    "administrator": Role(
        "role.administrator",
        frozenset({Ability.READ_AUDIT, Ability.MANAGE_USERS, Ability.MANAGE_KEYS, Ability.MANAGE_MESSAGES}),
    ),
}
ANONYMOUS = "anonymous"  # Held by who has not signed in; no person can be given it.
SYSTEM = "system"  # Held by modules only; no person and no key can be given it.
# Modules that must reach a citizen, or erase again whom a restored copy brought back.
SYSTEM_OPENERS = frozenset({"system:citizens", "system:messages", "system:lifecycle"})

EVERY_ROLE = frozenset(ROLES)
STAFF = EVERY_ROLE - {"citizen"}

READINGS = frozenset(
    {
        "AirQualityObserved",
        "TrafficFlowObserved",
        "WasteContainer",
        "WaterObserved",
        "WeatherObserved",
        "PublicTransportStop",
    }
)
RECORDS = frozenset(
    {
        "DataSource",
        "SourceDay",
        "AdministrativeUnit",
        "UnitMerger",
        "Organisation",
        "PublicService",
        "ServiceCount",
        "LegalBasis",
        "Indicator",
        "IndicatorValue",
        "PublishedReport",
        "RuleSet",
        "DisposalRecord",
        "Bulletin",
        "EventSource",
        "Scheme",
        "SchemeTarget",
        "Plan",
        "Project",
    }
)
WORK = frozenset({"Alarm", "CitizenReport", "ReportPart", "Problem", "Task", "Solution", "Proposal", "ReportDuty"}) | {
    *("TaskPart", "ExtensionRequest", "Bottleneck", "EvidenceFile"),
    *("Consultation", "ConsultationComment", "CommentCluster"),
}
# What the centre directs with: every official reads it where his area is.
DUTY = frozenset({"MaintenanceWindow", "Incident", "IncidentReview", "Order", "LogEntry", "Shift"}) | {
    *("Warning", "WarningDelivery", "Suggestion"),
}
# The council's matters: every official reads what was concluded and asked, whichever unit it lies in.
COUNCIL = frozenset({"CoordinationBody", "CouncilSession", "OpinionRound", "MemberOpinion", "Conclusion"}) | {
    *("ExplanationRequest", "PartnerCall", "Pilot", "ScaleUp"),
}
DRAFTS = frozenset({"Directive", "Obligation", "PlanImport", "Submission", "Reminder"})
# Holds, proposals, proofs and the register of what left; the records of disposals are read by every official.
END_OF_DATA = frozenset({"LegalHold", "DisposalProposal", "ErasureProof", "DataExport"})
# What the hub keeps for others outside. Who made one sees through it what their own rights show them, and no more.
PEERS = frozenset({records.SUBSCRIPTION, records.SOURCE_SUBSCRIPTION, records.CONTEXT, records.SNAPSHOT})
# What anybody reads where public reading is switched on. No reports: their exact place may be a home; the public
# pages show them rounded, with the words masked.
PUBLIC_TYPES = READINGS | RECORDS

_READ = frozenset({Do.READ})
_CREATE = frozenset({Do.CREATE})
_CHANGE = frozenset({Do.CHANGE})
_WRITE = _CREATE | _CHANGE
_ALL = frozenset(Do)


def _rule(roles: str | frozenset[str], may: frozenset[Do], types: str | frozenset[str], where: Where) -> Rule:
    named = frozenset(roles.split()) if isinstance(roles, str) else roles
    return Rule(named, may, frozenset(types.split()) if isinstance(types, str) else types, where)


# Default deny: what no line allows is refused. A guarded type is written through its owner's verbs only, whatever
# stands here (hub.access.Guards); the line says who may call the verb. Modules themselves are `system`.
RULES: tuple[Rule, ...] = (
    # Reading
    _rule(STAFF, _READ, READINGS | RECORDS, Where.EVERYWHERE),
    _rule(STAFF, _READ, COUNCIL | {"CentreHour"}, Where.EVERYWHERE),
    _rule(STAFF, _READ, WORK | DUTY | DRAFTS, Where.AREA),
    _rule("assessor", _READ, WORK | DUTY, Where.EVERYWHERE),  # Evidence may lie in any unit.
    _rule("data_steward administrator", _READ, "QuarantinedRow", Where.EVERYWHERE),  # Raw rows may name people.
    _rule("data_steward administrator", _READ, ANY_TYPE, Where.AREA),  # Types that this table does not know.
    # Signal → case
    _rule("duty_officer", _WRITE, DUTY | {"Alarm", "Bulletin"}, Where.AREA),
    _rule("leader", _WRITE, (DUTY - {"MaintenanceWindow", "Shift"}) | {"Bulletin"}, Where.AREA),
    _rule("duty_officer leader", _CREATE, "Proposal", Where.AREA),  # From a finding of a review.
    _rule("official", _CHANGE, "Order", Where.AREA),  # Its unit is told to do it.
    _rule("official", _CREATE, "LogEntry", Where.AREA),
    _rule("data_steward administrator", _ALL, "EventSource", Where.EVERYWHERE),
    # Citizens: they file and follow through verbs that act as the module, so that the log names no citizen.
    _rule("official duty_officer", _CHANGE, "CitizenReport", Where.AREA),
    _rule("official duty_officer", _WRITE, "ReportPart", Where.AREA),  # Made by splitting a report.
    _rule("official duty_officer programme_officer", _WRITE, "Problem", Where.AREA),
    _rule("programme_officer", _WRITE, "PublicService", Where.EVERYWHERE),
    _rule("official", _CHANGE, "PublicService", Where.AREA),
    _rule("official programme_officer", _WRITE, "Consultation ConsultationComment CommentCluster", Where.AREA),
    _rule("data_steward", _READ | _CHANGE, "ErasureRequest", Where.EVERYWHERE),
    # Obligation → task
    _rule("programme_officer", _WRITE, "LegalBasis", Where.EVERYWHERE),
    _rule("programme_officer official", _WRITE, "Task Solution Proposal", Where.AREA),
    _rule("programme_officer official", _WRITE, "TaskPart ExtensionRequest Bottleneck EvidenceFile", Where.AREA),
    _rule("programme_officer", _WRITE, "Scheme SchemeTarget", Where.AREA),
    _rule("programme_officer official", _WRITE, "Plan Project", Where.AREA),  # A commune's own plan too.
    _rule("programme_officer", _WRITE, (COUNCIL | DRAFTS) - {"Reminder"}, Where.AREA),
    _rule("official", _CHANGE, "MemberOpinion ExplanationRequest Submission", Where.AREA),  # Asked of their unit.
    # Claim → evidence
    _rule("programme_officer data_steward", _WRITE, "Indicator", Where.EVERYWHERE),
    _rule("programme_officer", _WRITE, "IndicatorValue", Where.AREA),
    _rule("programme_officer official", _WRITE, "PublishedReport ReportDuty", Where.AREA),
    # Rules: what a unit decides for itself
    _rule("data_steward administrator", _ALL, "RuleSet", Where.EVERYWHERE),
    _rule("programme_officer", _WRITE, "RuleSet", Where.AREA),
    # The end of data: who keeps them proposes and holds, another person with the role of the class approves
    _rule("data_steward administrator", _READ, END_OF_DATA, Where.EVERYWHERE),
    _rule("data_steward administrator", _WRITE, "LegalHold DisposalProposal DataExport", Where.EVERYWHERE),
    _rule("leader assessor", _READ, "LegalHold DisposalProposal DataExport", Where.EVERYWHERE),
    _rule("leader", _CHANGE, "DisposalProposal", Where.EVERYWHERE),
    # Sources and territory
    _rule("data_steward", _ALL, READINGS | {ANY_TYPE}, Where.AREA),
    _rule("data_steward administrator", _ALL, "DataSource QuarantinedRow", Where.EVERYWHERE),
    # Others outside (decision 0182); keys by scope, e.g. write:dothi:Subscription. Nobody else, and no anonymous one.
    _rule("data_steward administrator", _ALL, PEERS, Where.EVERYWHERE),
    _rule("data_steward administrator", _ALL, records.REGISTRATION, Where.AREA),  # A source is one of the whole city.
    _rule("data_steward administrator planner", _ALL, "AdministrativeUnit UnitMerger", Where.EVERYWHERE),
)
