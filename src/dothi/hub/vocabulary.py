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
    "ReportContact": Noun(
        "citizens", ("report", "person"), "Who wants to be told of a report: a pseudonym that no handling unit may read"
    ),
    "PublicService": Noun("citizens", ("name", "usage", "interest", "satisfaction"), "A service with its measures"),
    "Proposal": Noun(
        "proposals", ("kind", "reasons", "sources", "state", *PLACE), "What one module suggests to another"
    ),
    "LegalBasis": Noun(
        "programme", ("document", "article", "clause", "point", "title", "validFrom", "validTo"), "A rule of law"
    ),
    "Task": Noun(
        "programme",
        ("title", "legalBasis", "lead", "cooperating", "originalDue", "output", "evidence", "indicators", *PLACE, *ACT),
        "What a unit owes, with deadline and evidence",
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
    "PublishedReport": Noun("evidence", ("kind", "period", "file", "figures", *PLACE), "A report that wrote itself"),
}
