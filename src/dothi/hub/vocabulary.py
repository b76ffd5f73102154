"""The published vocabulary: the types and attributes that modules share through the hub, by house name.

All names stand in NGSI-LD's default vocabulary or its core context, so that a client without any @context of its
own reads and writes the same names. Field names follow smart-data-models where a model exists.
"""

from typing import NamedTuple


class Noun(NamedTuple):
    """A shared type: who owns it (None = generic, anyone with the right may write it), and its attributes."""

    owner: str | None
    attributes: tuple[str, ...]
    meaning: str


ACT = ("assignee", "due", "open")  # Everything that someone must act on has these three.
PLACE = ("location", "unit")  # unit = code of the commune (5 digits) or province (2 digits), as a string.

NOUNS: dict[str, Noun] = {
    "AirQualityObserved": Noun(
        None, ("pm25", "pm10", "so2", "no2", "co", "o3", "temperature", "refStation", "source", *PLACE), "Air readings"
    ),
    "TrafficFlowObserved": Noun(
        None, ("averageVehicleSpeed", "occupancy", "travelTime", "source", *PLACE), "Traffic readings"
    ),
    "WasteContainer": Noun(None, ("fillingLevel", "cargoWeight", "storedVolume", "source", *PLACE), "A waste bin"),
    "WaterObserved": Noun(None, ("flow", "level", "source", *PLACE), "Water readings"),
    "WeatherObserved": Noun(None, ("temperature", "rainfall", "windSpeed", "source", *PLACE), "Weather readings"),
    "PublicTransportStop": Noun(None, ("name", "source", *PLACE), "A bus stop"),
    "DataSource": Noun(
        "sources",
        (
            *("name", "connector", "mapping", "promisedEvery", "lastSeen", "lastContact", "state", "problem"),
            *("accepted", "quarantined", "simulated", "enabled", "feeds"),
        ),
        "A source of data with its promised rhythm; state is live, late or never",
    ),
    "SourceDay": Noun(
        "sources", ("source", "day", "accepted", "quarantined"), "The rows of one source on one day, counted"
    ),
    "QuarantinedRow": Noun(
        "sources",
        ("source", "file", "line", "row", "rows", "count", "reason", "detail", "state", "mapping", "why"),
        "A row that failed its mapping, or a file of such rows with one reason",
    ),
    "AdministrativeUnit": Noun(
        "territory", ("code", "name", "kind", "parent", "validFrom", "validTo", "location"), "Boundary of a unit"
    ),
    "UnitMerger": Noun(
        "territory", ("code", "codes", "name", "kind", "validFrom", "decision"), "Communes that become one on a day"
    ),
    "AlarmRule": Noun(
        "operations", ("name", "kind", "attribute", "condition", "priority"), "A rule that raises alarms"
    ),
    "Alarm": Noun(
        "operations",
        ("rule", "subject", "priority", "active", "acknowledged", "since", "value", "simulated", *PLACE, *ACT),
        "One condition that needs a hand; one active alarm per cause",
    ),
    "CitizenReport": Noun(
        "citizens",
        ("code", "category", "description", "state", "outcome", "photos", "proof", "answer", "rating", *PLACE, *ACT),
        "A citizen's report from filing to rating; holds no identity",
    ),
    "ReportPart": Noun(
        "citizens",
        ("code", "partOf", "whole", "category", "description", "state", "outcome", "answer", "proof", *PLACE, *ACT),
        "What one unit owes of a report that several units handle",
    ),
    "ErasureRequest": Noun(
        "citizens",
        ("report", "state", "askedAt", "reason", "unit", *ACT),
        "A person asks that what is kept of them is erased",
    ),
    "ReportContact": Noun(
        "citizens", ("report", "person"), "Who wants to be told of a report: a pseudonym that no handling unit may read"
    ),
    "Problem": Noun(
        "citizens",
        ("title", "category", "state", "reports", "reasons", "cause", "recurrences", "priority", "rank", *PLACE, *ACT),
        "What lies behind several reports: suggested with reasons, confirmed by a person, followed until it is mended",
    ),
    "FollowedArea": Noun(
        "citizens",
        ("person", "unit", "location", "radius", "categories", "state", "askedAt", "toldUntil", "language"),
        "Where and of what somebody wants to be told; a pseudonym that only the system may read",
    ),
    "PublicService": Noun(
        "citizens",
        ("name", "agency", "kind", "status", "statusSince", "entryPoints", "usage", "interest", "satisfaction", *ACT),
        "A service with its standing and its three measures",
    ),
    "ServiceCount": Noun(
        "citizens",
        ("service", "period", "group", "views", "uses", "asked", "reportedBy", "unit"),
        "How often a service was looked at and used in a month, as its agency counted",
    ),
    "ServiceRating": Noun(
        "citizens",
        ("service", "stars", "ratedAt", "period", "group", "channel", "unit"),
        "One rating of a service; it holds no identity",
    ),
    "Organisation": Noun(
        "accounts",
        ("code", "name", "kind", "unit", "validFrom", "validTo", "sample"),
        "A department, utility or other body that can be an assignee; its code begins with that of its unit",
    ),
    "Consultation": Noun(
        "citizens",
        (
            *("title", "question", "about", "stage", "state", "round", "articles", "opensAt", "closesAt"),
            *("commentLevel", "supportLevel", "residents", "publishedAt", "table", "unit", *ACT),
        ),
        "A draft, or needs before there is one, put to residents by article, until every comment is answered",
    ),
    "ConsultationComment": Noun(
        "citizens",
        (
            *("consultation", "round", "article", "words", "stance", "channel", "level", "count", "filedAt"),
            *("hidden", "hiddenFor", "cluster", "sameAs", "scans", "unit"),
        ),
        "What somebody said about an article; holds no identity",
    ),
    "CommentCluster": Noun(
        "citizens",
        ("consultation", "round", "article", "title", "decision", "reason", "wording", "answeredAt", "unit"),
        "Comments that say one thing, with the one answer to them",
    ),
    "CommentSupport": Noun(
        "citizens", ("consultation", "comment", "level"), "One identity's support of a comment: a keyed hash"
    ),
    "CommentAuthor": Noun(
        "citizens",
        ("consultation", "comment", "person"),
        "Who wants to be told of a comment: a pseudonym that no handling unit may read",
    ),
    "Proposal": Noun(
        "proposals", ("kind", "reasons", "sources", "state", *PLACE), "What one module suggests to another"
    ),
    "LegalBasis": Noun(
        "programme", ("document", "article", "clause", "point", "title", "validFrom", "validTo"), "A rule of law"
    ),
    "Message": Noun(
        "messages",
        ("template", "about", "to", "office", "channel", "state", "tries", "nextTry", "problem"),
        "What is said to a person or an office, and whether it left; it holds no identity",
    ),
    "Task": Noun(
        "programme",
        ("title", "legalBasis", "lead", "cooperating", "originalDue", "output", "evidence", "indicators", *PLACE, *ACT),
        "What a unit owes, with deadline and evidence",
    ),
    "Solution": Noun("programme", ("title",), "A task that is a measure (giải pháp): carries the type Task too"),
    "TaskPart": Noun(
        "programme",
        ("task", "title", "of", "state", "answerBy", "steps", "reason", "note", "silentAt", *PLACE, *ACT),
        "What a cooperating unit owes within a task; it accepts or returns it inside a limit",
    ),
    "ExtensionRequest": Noun(
        "programme",
        ("task", "title", "of", "state", "from", "to", "reason", "askedBy", "decidedBy", "why", *PLACE, *ACT),
        "Another deadline that a unit asks for and another unit agrees to or refuses",
    ),
    "Bottleneck": Noun(
        "programme",
        ("task", "title", "kind", "state", "resolution", "raisedBy", *PLACE, *ACT),
        "What stands in the way of a task, by kind, with who must remove it",
    ),
    "EvidenceFile": Noun(
        "programme",
        ("title", "sha256", "mediaType", "kind", "issuer", "issuedAt", "validFrom", "validTo", "unit"),
        "A file that shows something, kept once by its hash and used wherever it proves",
    ),
    "Scheme": Noun(
        "programme",
        (
            *("title", "code", "state", "parent", "legalBasis", "vision", "stages", "approval", "revisions"),
            *("lead", "nextReview", *PLACE, *ACT),
        ),
        "A scheme (đề án) with its vision, five-year stages and the level expected at the end of each",
    ),
    "SchemeTarget": Noun(
        "programme",
        ("title", "scheme", "indicator", "value", "level", "year", "legalBasis", "unit"),
        "What a scheme promises to reach: a value of an indicator, or a level, by a year",
    ),
    "Plan": Noun(
        "programme",
        (
            *("title", "code", "kind", "state", "scheme", "sector", "legalBasis", "approval", "revisions"),
            *("lead", "nextReview", *PLACE, *ACT),
        ),
        "A sector plan or a local plan, with tasks and projects",
    ),
    "Project": Noun(
        "programme",
        (
            *("title", "code", "state", "plan", "lead", "units", "starts", "ends", "zone"),
            *("funding", "capex", "opex", "disbursements", "benefits", *PLACE),
        ),
        "A project of a plan with its finance and its place",
    ),
    "Indicator": Noun(
        "evidence",
        ("name", "formula", "unitCode", "direction", "period", "target", "legalBasis", "sample"),
        "A definition of a figure",
    ),
    "IndicatorValue": Noun(
        "evidence",
        ("indicator", "period", "value", "state", "inputs", "reasons", "computedAt", "published", *PLACE),
        "One computed figure with its lineage; state is fresh, grey (late or too few inputs)",
    ),
    "RuleSet": Noun(
        "rules",
        ("kind", "unit", "validFrom", "text", "reason"),
        "Rules that a city, province or commune adopted, and from which day they hold",
    ),
    "PublishedReport": Noun(
        "evidence",
        (
            *("kind", "period", "file", "annex", "data", "figures", "cites", "number", "signer", "signedAt", "duty"),
            *("replaces", "revisionReason", *PLACE),
        ),
        "A report that wrote itself, frozen when it was signed",
    ),
    "ReportDuty": Noun(
        "evidence",
        ("kind", "period", "scheme", "state", "data", "wording", "submittedBy", "report", "unit", *ACT),
        "A report that a unit owes for a period, with its draft until it is signed",
    ),
    "CoordinationBody": Noun(
        "programme",
        ("name", "kind", "members", "unit"),
        "A coordination council or working group with its members by position",
    ),
    "CouncilSession": Noun(
        "programme",
        ("body", "title", "heldAt", "agenda", "dossier", "unit"),
        "A meeting of a council or working group with agenda and dossier",
    ),
    "OpinionRound": Noun(
        "programme",
        ("session", "title", "due", "state", "files", "unit"),
        "Opinions asked of every member on one draft until a limit in working time",
    ),
    "MemberOpinion": Noun(
        "programme",
        ("round", "session", "title", "position", "state", "stance", "words", "answer", "reason", "unit", *ACT),
        "One member's opinion, or the record of a silence, with what became of it",
    ),
    "Conclusion": Noun(
        "programme",
        ("session", "title", "at", "task", "unit"),
        "What a session concluded, and the task that it became",
    ),
    "ExplanationRequest": Noun(
        "programme",
        ("subject", "title", "question", "state", "answer", "unit", *ACT),
        "A unit is asked to explain a red task or figure within a limit",
    ),
    "Reminder": Noun(
        "programme",
        ("task", "title", "kind", "at", "taskDue", "assignee", "unit"),
        "A task was said to be due soon, late, or brought before the leader; written once each",
    ),
    "PartnerCall": Noun(
        "programme",
        ("kind", "title", "description", "criteria", "opens", "closes", "answerHours", "unit"),
        "A call, a contest or a standing dialogue with partners, with period and criteria",
    ),
    "Submission": Noun(
        "programme",
        ("call", "code", "title", "description", "state", "points", "answer", "unit", *ACT),
        "What a partner handed in, judged or answered in public; it holds no identity",
    ),
    "SubmissionContact": Noun(
        "programme",
        ("submission", "person"),
        "Who handed a submission in: a pseudonym that no judging unit may read",
    ),
    "Pilot": Noun(
        "programme",
        (
            "title",
            "kind",
            "place",
            "lead",
            "validFrom",
            "validTo",
            "waived",
            "measures",
            "stops",
            "exitPlan",
            "state",
            "lessons",
            "verdict",
            *PLACE,
            *ACT,
        ),
        "A controlled trial of a technology, business model or service, with what stops it and what it taught",
    ),
    "ScaleUp": Noun(
        "programme",
        ("pilot", "title", "units", "at", "unit"),
        "What was tried is brought to more places: only after a closed pilot review",
    ),
    "Directive": Noun(
        "programme",
        ("title", "document", "issuedOn", "file", "unit"),
        "A document that came in, from which obligations are proposed",
    ),
    "Obligation": Noun(
        "programme",
        (
            "directive",
            "title",
            "quote",
            "body",
            "lead",
            "dueDay",
            "output",
            "confidence",
            "reasons",
            "state",
            "task",
            "unit",
        ),
        "What a sentence of a directive asks of a unit: proposed by rules, confirmed or rejected by a person",
    ),
    "PlanImport": Noun(
        "programme",
        ("name", "file", "mapping", "rows", "state", "unit"),
        "A plan that came as a spreadsheet: columns matched, rows previewed, bad rows held back",
    ),
}
