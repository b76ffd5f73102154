"""The types of citizens: reports, problems, services, consultations."""

from dothi.hub.vocabulary.noun import ACT, PLACE, Noun

NOUNS: dict[str, Noun] = {
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
        (
            *("person", "unit", "location", "radius", "categories", "reports", "warnings", "state", "askedAt"),
            *("toldUntil", "language"),
        ),
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
}
