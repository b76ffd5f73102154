"""The types of the programme: law, schemes, plans, tasks, council, pilots."""

from dothi.hub.vocabulary.noun import ACT, PLACE, Noun

NOUNS: dict[str, Noun] = {
    "LegalBasis": Noun(
        "programme", ("document", "article", "clause", "point", "title", "validFrom", "validTo"), "A rule of law"
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
