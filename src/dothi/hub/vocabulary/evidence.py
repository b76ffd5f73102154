"""The types of evidence: indicators, their values, reports that write themselves."""

from dothi.hub.vocabulary.noun import ACT, PLACE, Noun

NOUNS: dict[str, Noun] = {
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
}
