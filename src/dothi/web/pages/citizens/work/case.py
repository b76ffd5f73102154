"""One case as its unit sees it: what was reported, who had it how long, and all that can be done with it."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from dothi.accounts.organisations import organisations
from dothi.citizens.handling.answering import sent_files
from dothi.citizens.handling.guards import BY_THEMSELVES
from dothi.citizens.handling.moving import by_number, steps_since
from dothi.citizens.handling.service import colleagues
from dothi.citizens.handling.timing import STAGES, reading
from dothi.citizens.handling.waiting import link
from dothi.citizens.handling.workflow import verbs_for
from dothi.citizens.intake.competence import chain_of, in_force
from dothi.citizens.model import NoSuchReport, NothingSpecific, Outcome, Report, State
from dothi.citizens.needs import rules_at
from dothi.citizens.reading import for_official, may_act
from dothi.ground.clock import HOUR, MINUTE, now_us
from dothi.ground.errors import DothiError
from dothi.web.page import Page, render, visit, words
from dothi.web.pages.citizens.intake.why import why_of
from dothi.web.pages.citizens.report import EXAMPLE, FAILED, ours, pictures, problem_of, shown, steps, unit_name
from dothi.web.pages.citizens.work.listing import WORKERS
from dothi.web.pages.citizens.work.near import around
from dothi.web.pages.shown import who

CHANGED = 409
PARTS = (1, 2, 3)  # Rows of the form that splits a report.
FIELDS = ("words", "reason", "unit", "outcome", "duplicate_of", "kind", "question", "name", "numbers", "verb")


async def one_report(request: Request) -> Response:
    """One report, and what I can do with it."""
    return case_page(request, {}, {})


def found_case(request: Request) -> Report:
    """The report or part that the address names. NoSuchReport when this official may not see it."""
    return for_official(ours(request), visit(request).actor, str(request.path_params["number"]))


def case_page(
    request: Request, problems: Mapping[str, str], values: Mapping[str, object], seen: int | None = None
) -> Response:
    """The page; with `problems` what is to be mended, with `seen` what others did since that version."""
    here, actor, found = ours(request), visit(request).actor, found_case(request)
    of = f"?of={found.id}"
    mine = may_act(here, actor, found)
    verbs = verbs_for(found, actor.roles) if mine else ()
    filled = dict.fromkeys(FIELDS, "") | dict(values)
    changed = _changed(request, found, seen) if seen is not None else []
    return render(
        request,
        "citizens/desk/case.html",
        CHANGED if changed else FAILED if problems else 200,
        report=found,
        verbs=verbs,
        mine=mine,
        steps=steps(request, found),
        why=None if found.part_of else why_of(request, found.code),
        before=pictures(request, found.photos, "/file/", "before", of),
        after=pictures(request, [one for one in found.proof if one.is_photo], "/file/", "after", of),
        documents=[f"/file/{one.sha256}{of}" for one in found.proof if not one.is_photo],
        suggested=unit_name(request, found.suggested_unit),
        problems=problems,
        values=filled | _from_template(request, found, filled),
        changed=changed,
        kept_words=[str(filled[name]) for name in ("words", "reason", "question") if filled[name]] if changed else [],
        charges=charges(request, found),
        clocks=clocks(request, found),
        exchanges=_exchanges(request, found, of),
        people_now=[who(request, one) for one in found.assigned_to],
        escalated=unit_name(request, found.escalated_to),
        parts=_linked(request, found.parts),
        waiting=_waiting(request, found) if found.waiting else None,
        **_choices(request, found, verbs),
        **shown(request, found),
    )


def _choices(request: Request, found: Report, verbs: tuple[str, ...]) -> dict[str, object]:
    """What the forms of this case offer; nothing is looked up for a verb that is not there."""
    here, t = ours(request), words(request).t
    rules = rules_at(here, found.unit)
    category = rules.categories.get(found.category)
    return {
        "outcomes": [(one.value, t(f"citizens.outcome.{one}")) for one in Outcome],
        "needs_photo": category is not None and category.evidence == "photo",
        "units": _units(request, found) if {"route", "pass_on", "split"} & set(verbs) else [],
        "bodies": _bodies(request, found) if {"pass_on", "split"} & set(verbs) else [],
        "people": [(one.actor_id, one.display_name) for one in colleagues(here, found)] if "assign" in verbs else [],
        "kinds": [
            (one.id, words(request).pick(one.names), t("work.field.most", time=_hours(request, found, one.id)))
            for one in rules.clocks.waits.values()
            if one.id not in BY_THEMSELVES
        ],
        "replies": [(one.id, t(f"citizens.outcome.{one.outcome}")) for one in rules.answers.replies],
        "kept_files": [(one.sha256, one.media_type) for one in sent_files(found)],
        "near": len(around(request, found)) if {"merge", "answer"} & set(verbs) and not found.part_of else 0,
        "part_rows": PARTS,
    }


def _hours(request: Request, found: Report, kind: str) -> str:
    limit = rules_at(ours(request), found.unit).clocks.wait(kind).limit(found.urgent)
    return words(request).t("work.case.span_hours", hours=round(limit.hours))


def _from_template(request: Request, found: Report, filled: Mapping[str, object]) -> dict[str, object]:
    """The words and outcome of the reply that was chosen to begin with, where nothing is written yet."""
    wanted = request.query_params.get("reply", "")
    replies = rules_at(ours(request), found.unit).answers.replies
    chosen = next((one for one in replies if one.id == wanted), None)
    if chosen is None or filled["words"]:
        return {}
    return {"words": words(request).pick(chosen.texts), "outcome": chosen.outcome}


def _units(request: Request, found: Report) -> list[tuple[str, str]]:
    """Where a report may be passed on to: the communes of its province, and the province's desk."""
    territory, language = ours(request).territory, words(request).language
    start = found.unit or found.suggested_unit
    if start is None:
        return []
    province = territory.province_of(start)
    communes = sorted(territory.communes_of(province.code), key=lambda one: one.short)
    listed = [(one.code, one.name_in(language)) for one in communes]
    desk_name = words(request).t("citizens.work.province_desk", unit=province.name_in(language))
    return [("", words(request).t("citizens.choose")), (province.code, desk_name), *listed]


def _bodies(request: Request, found: Report) -> list[tuple[str, str]]:
    """The departments and utilities in force around a report, to which it may be passed on too."""
    here, language = ours(request), words(request).language
    around_it = chain_of(here, found.unit or found.suggested_unit or "")
    known = [one for one in organisations(here.hub) if one.unit in around_it and in_force(here, one.id)]
    return [(one.id, one.name_in(language)) for one in known]


def charges(request: Request, found: Report) -> list[tuple[str, str, str]]:
    """Who had the report how long, and what was waited for: what, time, and the kind of line."""
    if found.imported:
        return []
    read = reading(ours(request), found, now_us())
    t, waits = words(request).t, rules_at(ours(request), found.unit).clocks.waits
    rows = [
        (t("work.case.holds", unit=unit_name(request, unit) or "–"), span(request, time), "held")
        for unit, time in read.held.items()
    ]
    for kind, time in read.waited.items():
        name = words(request).pick(waits[kind].names) if kind in waits else kind
        rows.append((t("work.case.waits", what=name), span(request, time), "waited"))
    if len(rows) > 1:
        rows.append((t("work.case.total"), span(request, read.total), "total"))
    return rows


def clocks(request: Request, found: Report) -> dict[str, object]:
    """The step that is owed now, and what each step has taken."""
    if found.imported:
        return {"now": "", "stages": []}
    read, t = reading(ours(request), found, now_us()), words(request).t
    listed = [(t(f"work.stage.{name}"), span(request, read.stages[name])) for name in STAGES if name in read.stages]
    owed = t(f"work.stage.{read.stage}") if read.running and found.open and read.stage in STAGES else ""
    return {"now": owed, "stages": listed}


def span(request: Request, time: int) -> str:
    """A time (µs) in hours and minutes."""
    hours, minutes = time // HOUR, time % HOUR // MINUTE
    if hours and minutes:
        return words(request).t("work.case.span", hours=hours, minutes=minutes)
    name = "span_hours" if hours else "span_minutes"
    return words(request).t(f"work.case.{name}", hours=hours, minutes=minutes)


def _waiting(request: Request, found: Report) -> dict[str, object]:
    """What the report waits for now, and the link that was sent."""
    now, t = found.waiting, words(request).t
    assert now is not None
    kinds = rules_at(ours(request), found.unit).clocks.waits
    what = words(request).pick(kinds[now.kind].names) if now.kind in kinds else now.kind
    path = link(ours(request), found)
    return {
        "what": t("work.waiting.outside", name=now.name) if now.name else what,
        "words": now.words,
        "until": now.until,
        "link": str(request.base_url).rstrip("/") + path if path else "",
    }


def _exchanges(request: Request, found: Report, of: str) -> list[dict[str, object]]:
    t = words(request).t
    return [
        {
            "who": one.name or t("work.exchange.reporter"),
            "words": one.words,
            "ended": t(f"work.exchange.{one.ended}", when=words(request).when(one.ended_at)),
            "answer": one.answer,
            "by": one.by,
            "photos": pictures(request, [file for file in one.files if file.is_photo], "/file/", "after", of),
            "documents": [f"/file/{file.sha256}{of}" for file in one.files if not file.is_photo],
        }
        for one in found.exchanges
    ]


def _linked(request: Request, numbers: tuple[str, ...]) -> list[dict[str, object]]:
    """Parts with their unit and state."""
    rows = []
    for number in numbers:
        try:
            one = by_number(ours(request), number)
        except NoSuchReport:
            continue
        state = words(request).t(f"citizens.state.{one.state}")
        done = one.state is State.ANSWERED
        rows.append({"code": number, "unit": unit_name(request, one.assignee), "state": state, "done": done})
    return rows


def _changed(request: Request, found: Report, seen: int) -> list[str]:
    """What was done since a version, in words: when, what, by whom."""
    t, rows = words(request).t, []
    for step, actor, at in steps_since(ours(request), found.id, seen):
        key = f"citizens.step.{step.get('verb', '')}"
        what = t(key, unit=unit_name(request, step.get("unit"))) if words(request).has(key) else step.get("verb", "–")
        name = who(request, actor) if actor.startswith("user:") else ""
        by = t("work.overtaken.by", who=name) if name else ""
        rows.append(t("work.overtaken.row", when=words(request).when(at), what=what, who=by))
    return rows


def told(request: Request, error: DothiError) -> dict[str, str]:
    """What a guard refused, by field, in the reader's words: what is missing, or why not now."""
    t, fields = words(request).t, error.fields
    values = {name: value for name, value in fields.items() if isinstance(value, str | int)}
    if isinstance(error, NothingSpecific) and "why" in fields:
        missing = fields.get("missing")
        listed = ", ".join(t(f"work.specific.{one}") for one in missing) if isinstance(missing, tuple) else ""
        return {"words": t(f"work.specific.{fields['why']}", **(values | {"missing": listed}))}
    for name in (fields.get("guard"), fields.get("field")):
        if name and words(request).has(f"work.refused.{name}"):
            limits = ours(request).rules.limits
            more: dict[str, object] = {"letters": limits.reason_letters, "photos": limits.photos, "hours": 0}
            return {str(fields.get("field", "form")): t(f"work.refused.{name}", **(more | values))}
    field = str(fields.get("field", "form"))
    if words(request).has(f"citizens.problem.{field}") or type(error) in _NAMED:
        return problem_of(request, error)
    return {field: t("work.refused.not_now")}


_NAMED = frozenset({NothingSpecific})
PAGES = (
    Page("/case/{number}", one_report, "citizens.work_report.title", roles=WORKERS, sample={"number": EXAMPLE[:6]}),
)
