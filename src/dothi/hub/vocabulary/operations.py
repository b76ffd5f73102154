"""The types of operations: alarms, incidents, shifts, warnings, detections."""

from dothi.hub.vocabulary.noun import ACT, PLACE, Noun

NOUNS: dict[str, Noun] = {
    "Alarm": Noun(
        "operations",
        (
            *("rule", "subject", "priority", "active", "acknowledged", "since", "value", "simulated"),
            *(
                "comments",
                "shelvedUntil",
                "shelvedBy",
                "shelvedWhy",
                "suppressedBy",
                "group",
                "incident",
                *PLACE,
                "heldBy",
                *ACT,
            ),
            *("held", "reasons", "firstOut", "chattering", "escalatedTo", "inhibitors", "outBy", "move"),
        ),
        "One condition that needs a hand; one active alarm per cause",
    ),
    "MaintenanceWindow": Noun(
        "operations",
        ("title", "units", "subjects", "rules", "from", "to", "reason", "by", "ended", "unit"),
        "Work that was announced: between two instants its alarms call nobody",
    ),
    "CentreHour": Noun(
        "operations",
        ("hour", "alarms", "moves", "opened"),
        "An hour of the centre: the moves of its alarms, and how often its screens were opened; no persons",
    ),
    "Incident": Noun(
        "operations",
        (
            *("title", "kind", "state", "priority", "since", "alarms", "reports", "bulletins", "playbook", "steps"),
            *(
                "playbookVersions",
                "suggestions",
                "units",
                "words",
                "commander",
                "openedBy",
                "openedAt",
                "closedAt",
                "marks",
            ),
            *("takeBy", "takenAt", "takenInTime", "closeBy"),
            *("mergedInto", "escalatedTo", "scenario", "deed", "drill", *PLACE, "heldBy", *ACT),
        ),
        "Something that happens and is directed: from alarms, reports, bulletins or a person's word to its review",
    ),
    "IncidentReview": Noun(
        "operations",
        (
            "incident",
            "title",
            "findings",
            "well",
            "badly",
            "state",
            "proposals",
            "deed",
            "drill",
            "unit",
            "heldBy",
            *ACT,
        ),
        "What was learnt after an incident: findings that become changed rules or proposed tasks",
    ),
    "Order": Noun(
        "operations",
        (
            *("incident", "title", "words", "state", "from", "receiveBy", "arriveBy", "receivedAt", "arrivedAt"),
            *("kind", "priority", "place", "fromUnit", "orderedTo", "issuedAt", "finishBy", "finishedAt", "steps"),
            *("escalatedTo", "told", "reason", "counter", "replaces", "replacedBy", "simulated", "ownLimits"),
            *("result", "proof", "deed", "drill", *PLACE, "heldBy", *ACT),
        ),
        "What a unit is told to do in an incident, with receipt, arrival and result",
    ),
    "LogEntry": Noun(
        "operations",
        ("about", "words", "typedAt", "by", "kind", "drill", "unit", "promisedFor", "keeps"),
        "A line of the log of an incident or a shift: written once, never changed",
    ),
    "Shift": Noun(
        "operations",
        (
            *("title", "turn", "officer", "relief", "starts", "ends", "state", "note", "signatures", "unit", *ACT),
            *("swap", "reason", "byHand", "beganAt", "endedAt", "after"),
        ),
        "One officer's turn on duty with the handover note that both officers sign",
    ),
    "Bulletin": Noun(
        "operations",
        (
            *("title", "hazard", "level", "raisedBy", "raisedWhy", "sender", "identifier", "sentAt", "kind"),
            *("references", "effective", "expires", "units", "areas", "areaName", "info", "note", "state"),
            *("file", "enteredBy", "drill", "simulated", *PLACE),
        ),
        "An official bulletin with its legal hazard level: imported, never made here",
    ),
    "Warning": Noun(
        "operations",
        (
            *("title", "hazard", "event", "kind", "thread", "follows", "state", "severity", "urgency", "certainty"),
            *("info", "areas", "areaName", "units", "references", "effective", "expires", "incident", "bulletin"),
            *("writtenBy", "editors", "releasedBy", "checked", "refused", "sentAt", "sender", "identifier", "cap"),
            *("drill", "simulated", *PLACE, "heldBy", *ACT),
        ),
        "A warning to the public of an area: written by one person, released by another, until the all-clear",
    ),
    "WarningDelivery": Noun(
        "operations",
        (
            *("warning", "thread", "channel", "state", "addressed", "delivered", "failed", "acknowledged", "safe"),
            *("tries", "nextTry", "problem", "madeAt", "sentAt", "drill", "unit"),
        ),
        "How far a warning went on one channel",
    ),
    "EventSource": Noun(
        "operations",
        ("name", "kind", "purpose", "keepDays", "clipDays", "enabled", "simulated", *PLACE),
        "A camera or gate whose detections are appended, with the purpose for which they are kept",
    ),
    "Suggestion": Noun(
        "operations",
        (
            *("title", "kind", "reasons", "sources", "incident", "state", "decidedBy", "decidedAt", "why"),
            *("simulated", "drill", *PLACE, "heldBy", *ACT),
        ),
        "What dothi suggests from detections, odd values or things that belong together; a person confirms or rejects",
    ),
}
