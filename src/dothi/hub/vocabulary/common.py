"""Types that no module of floor 5 owns: readings, sources, units, offices, messages, rules, the end of data."""

from dothi.hub.vocabulary.noun import PLACE, Noun

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
    "Organisation": Noun(
        "accounts",
        ("code", "name", "kind", "unit", "validFrom", "validTo", "sample"),
        "A department, utility or other body that can be an assignee; its code begins with that of its unit",
    ),
    "Proposal": Noun(
        "proposals", ("kind", "reasons", "sources", "state", *PLACE), "What one module suggests to another"
    ),
    "Message": Noun(
        "messages",
        ("template", "about", "to", "office", "channel", "state", "tries", "nextTry", "problem", "until"),
        "What is said to a person or an office, and whether it left; it holds no identity",
    ),
    "LegalHold": Noun(
        "lifecycle",
        (
            *("title", "why", "things", "persons", "kinds", "units", "since", "until", "placedBy", "placedAt"),
            *("liftedBy", "liftedAt", "liftedWhy", "open"),
        ),
        "What must be neither destroyed nor erased, since a case needs it, until somebody lifts the hold",
    ),
    "DisposalProposal": Noun(
        "lifecycle",
        (
            *("dataClass", "unit", "then", "asOf", "lines", "state", "reason", "proposedBy", "proposedAt"),
            *("approver", "decidedBy", "decidedAt", "why", "step", "taken", "record", "open"),
        ),
        "What somebody proposes to destroy or archive because its time is over, and how far that is",
    ),
    "DisposalRecord": Noun(
        "lifecycle",
        (
            *("proposal", "dataClass", "unit", "then", "things", "entries", "events", "files", "bytes", "digest"),
            *("rules", "basis", "proposedBy", "approvedBy", "beganAt", "endedAt", "package", "manifest", "held"),
        ),
        "What was destroyed or archived: how much, its hash, by which rules, who decided; kept for good",
    ),
    "ErasureProof": Noun(
        "lifecycle",
        (
            *("things", "entries", "files", "letters", "bytes", "digest", "searched", "left", "carriedBy"),
            *("reason", "erasedBy", "erasedAt", "state"),
        ),
        "That a person was erased everywhere: what went, what was searched, and who may hold copies; names nobody",
    ),
    "DataExport": Noun(
        "lifecycle",
        ("kind", "where", "kinds", "upto", "digest", "madeAt", "madeBy"),
        "Data that left: an export, a backup, an open file; so that an erasure can say which copies exist",
    ),
    "RuleSet": Noun(
        "rules",
        ("kind", "unit", "validFrom", "text", "reason"),
        "Rules that a city, province or commune adopted, and from which day they hold",
    ),
}
