"""What the module does about problems by itself: suggests one where reports look alike, and follows their tasks.

Nothing is decided here: a suggestion waits for a person, and a task that ended tells every reporter at once.
"""

from collections.abc import Iterable, Sequence

from dothi.citizens.model import PROBLEM_TYPE, TYPE, Report, report_of
from dothi.citizens.needs import SYSTEM, Citizens, rules_at
from dothi.citizens.problems.alike import alike, course, like_any
from dothi.citizens.problems.model import NEXT, Likeness, Problem, ProblemState, problem_of
from dothi.citizens.rules import Rules
from dothi.ground.calendar import add_working_hours
from dothi.ground.clock import from_iso, iso
from dothi.ground.errors import Missing
from dothi.ground.ids import urn
from dothi.hub.language.nodes import And, Compare, Condition, Geo, Query, TypeIs
from dothi.hub.model import Attribute, Change, Entity, Instance, amend, create, geo, json_prop, prop, rel, words

NEAR_MAX = 1000
PROBLEMS_MAX = 20  # Of one category within the radius of one place.
MEMBERS_MAX = 500
QUIET = (ProblemState.SUGGESTED, ProblemState.REJECTED)
TASK_ENDS = {"done": "mend", "dropped": "task_dropped"}  # State of a task → verb of its problem.
TELL = "problem_mended"  # The step written into every report of a problem when its task has ended.


def noticed(citizens: Citizens, entity_id: str) -> list[Change]:
    """What one report that was just filed changes: a new suggestion, more of one, or nothing."""
    report = _report(citizens, entity_id)
    if report is None or report.imported or report.place is None:
        return []
    rules = rules_at(citizens, report.unit, from_iso(report.filed_at))
    known = problems_around(citizens, report, rules)
    if any(report.id in (*one.reports, *one.refused, *(like.report for like in one.waiting)) for one in known):
        return []
    lasting = next((one for one in known if one.state not in QUIET), None)
    if lasting is not None:
        return _wait(citizens, lasting, report, rules)
    taken = {name for one in known for name in (*one.reports, *one.refused)}
    suggested = next((one for one in known if one.state is ProblemState.SUGGESTED), None)
    if suggested is not None:
        return _extend(citizens, suggested, report, rules)
    if any(_rejected_lately(one, report, rules) for one in known):
        return []
    fresh = [one for one in _around(citizens, report, rules) if one.id not in taken]
    found = alike(report, fresh, rules)
    return [_suggest(citizens, report, found, rules)] if found else []


def _report(citizens: Citizens, entity_id: str) -> Report | None:
    try:
        entity = citizens.hub.get(SYSTEM, entity_id)
    except Missing:
        return None
    return report_of(entity) if TYPE in entity.types else None


def _rejected_lately(problem: Problem, report: Report, rules: Rules) -> bool:
    """A person's no holds for the reports of the days that count."""
    last = problem.last_at
    return last is not None and from_iso(report.filed_at) - from_iso(last) <= rules.recurrence.span_us


def problems_around(citizens: Citizens, report: Report, rules: Rules) -> list[Problem]:
    """The problems of a report's category around its place, the newest first."""
    return find_around(citizens, report.category, report.location, rules)


def find_around(citizens: Citizens, category: str, location: object, rules: Rules) -> list[Problem]:
    """The problems of a category around a place, the newest first."""
    if not isinstance(location, dict):
        return []
    near = Geo("near", dict(location), max_distance=rules.recurrence.radius_m)
    q = Compare(("category",), "==", category)
    query = Query(TypeIs(PROBLEM_TYPE), q=q, geo=near, order=("-lastAt",), limit=PROBLEMS_MAX)
    return [problem_of(one) for one in citizens.hub.query(SYSTEM, query)]


def _around(citizens: Citizens, report: Report, rules: Rules) -> list[Report]:
    """Reports of one category around one, from the days that count."""
    since = iso(from_iso(report.filed_at) - rules.recurrence.span_us)
    terms: tuple[Condition, ...] = (
        Compare(("category",), "==", report.category),
        Compare(("filedAt",), ">=", since),
        Compare(("imported",), "==", False),
    )
    near = Geo("near", dict(report.location or {}), max_distance=rules.recurrence.radius_m)
    query = Query(TypeIs(TYPE), q=And(terms), geo=near, limit=NEAR_MAX)
    return [report_of(one) for one in citizens.hub.query(SYSTEM, query)]


def members(citizens: Citizens, ids: Iterable[str]) -> list[Report]:
    """The reports of a problem, oldest first."""
    listed = tuple(ids)[-MEMBERS_MAX:]
    if not listed:
        return []
    found = citizens.hub.query(SYSTEM, Query(TypeIs(TYPE), ids=listed, limit=len(listed)))
    return sorted((report_of(one) for one in found), key=lambda one: (one.filed_at, one.id))


def _suggest(citizens: Citizens, report: Report, found: tuple[Likeness, ...], rules: Rules) -> Change:
    reports = members(citizens, (one.report for one in found))
    first = reports[0]
    attrs: dict[str, Attribute] = {
        "state": prop(ProblemState.SUGGESTED.value),
        "category": prop(report.category),
        "suggestedAt": prop(report.filed_at),
        **described(citizens, reports, from_iso(report.filed_at), rules),
        **to_decide(citizens, report, rules),
        "reasons": json_prop([one.as_json() for one in found if one.report != report.id]),
    }
    attrs["title"] = _title(rules, reports)
    return create(urn(PROBLEM_TYPE, first.code), PROBLEM_TYPE, **attrs)


def described(citizens: Citizens, reports: Sequence[Report], now: int, rules: Rules) -> dict[str, Attribute]:
    """What a problem's reports say of it: which they are, where (their middle), since when, how often again."""
    known = course(reports, now)
    places = [one.place for one in reports if one.place is not None]
    attrs: dict[str, Attribute] = {
        "reports": rel([one.id for one in reports]),
        "recurrences": prop(known.recurrences),
    }
    if places:
        lon, lat = (round(sum(values) / len(places), 6) for values in zip(*places, strict=True))
        attrs["location"] = geo({"type": "Point", "coordinates": [lon, lat]})
    told = {"firstAt": known.first_at, "lastAt": known.last_at, "meanIntervalDays": known.mean_interval_days}
    attrs |= {name: prop(value) for name, value in told.items() if value is not None}
    unit = next((one.unit for one in reversed(reports) if one.unit is not None), None)
    if unit is not None:
        attrs["unit"] = prop(unit)
    if reports and all(one.simulated for one in reports):
        attrs["simulated"] = prop(True)
    return attrs


def to_decide(citizens: Citizens, report: Report, rules: Rules) -> dict[str, Attribute]:
    """Whose turn it is to decide, and until when: the unit where it lies."""
    hours = rules.problems.likeness.decide_hours
    due = add_working_hours(from_iso(report.filed_at), hours, citizens.calendar)
    attrs: dict[str, Attribute] = {"open": prop(True), "due": prop(iso(due))}
    if report.unit is not None:
        attrs["assignee"] = prop(report.unit)
    return attrs


def _title(rules: Rules, reports: Sequence[Report]) -> Instance:
    """A first name, from category and count; the person who confirms gives a better one."""
    rule, names = rules.recurrence, rules.category(reports[-1].category).names
    count, metres, days = len(reports), round(rule.radius_m), rule.days
    return words(
        vi=f"{names['vi']}: {count} phản ánh trong bán kính {metres} m, {days} ngày",
        en=f"{names['en']}: {count} reports within {metres} m, {days} days",
    )


def _extend(citizens: Citizens, problem: Problem, report: Report, rules: Rules) -> list[Change]:
    """One more report of a suggestion that nobody has decided on."""
    before = members(citizens, problem.reports)
    like = like_any(before, report, rules)
    if like is None or like.similarity < rules.problems.likeness.least:
        return []
    reports = [*before, report]
    attrs = described(citizens, reports, from_iso(report.filed_at), rules)
    attrs |= {"reasons": json_prop([one.as_json() for one in (*problem.reasons, _told_of(like, report))])}
    attrs["title"] = _title(rules, reports)
    return [amend(problem.id, **attrs)]


def _told_of(like: Likeness, report: Report) -> Likeness:
    """`like_any` names the report that was compared; the list names each by its own id."""
    return like._replace(report=report.id)


def _wait(citizens: Citizens, problem: Problem, report: Report, rules: Rules) -> list[Change]:
    """A new report at a confirmed problem: it may belong to it, a person decides."""
    like = like_any(members(citizens, problem.reports), report, rules)
    if like is None or like.similarity < rules.problems.likeness.least:
        return []
    listed = [*problem.waiting, _told_of(like, report)]
    attrs = to_decide(citizens, report, rules) | {"waiting": json_prop([one.as_json() for one in listed])}
    if problem.due is not None:
        attrs.pop("due")  # The first that waits sets the limit.
    return [amend(problem.id, **attrs)]


def task_changed(citizens: Citizens, task: Entity, at: int) -> list[Change]:
    """What a task does to the problems that it came from; when it is done, every reporter is told at once."""
    changes: list[Change] = []
    for problem in _problems_of(citizens, task):
        changes += _followed(citizens, problem, task, at)
    return changes


def _problems_of(citizens: Citizens, task: Entity) -> list[Problem]:
    sources = task.value("sources", [])
    names = [sources] if isinstance(sources, str) else sources
    found = []
    for name in names:
        if isinstance(name, str) and name.startswith(f"urn:ngsi-ld:{PROBLEM_TYPE}:"):
            try:
                found.append(problem_of(citizens.hub.get(SYSTEM, name)))
            except Missing:
                continue
    return found


def _followed(citizens: Citizens, problem: Problem, task: Entity, at: int) -> list[Change]:
    state = str(task.value("state", ""))
    verb = TASK_ENDS.get(state, "task")
    to = NEXT.get((problem.state, verb))
    if to is None or (verb != "task" and task.id not in problem.tasks and problem.state is not ProblemState.IN_TASK):
        return []
    attrs: dict[str, Attribute] = {
        "state": prop(to.value),
        "tasks": rel(sorted({*problem.tasks, task.id})),
        "step": json_prop({"verb": verb, "at": iso(at), "task": task.id}),
    }
    if verb != "mend":
        return [amend(problem.id, **attrs)]
    attrs |= {
        "mendedAt": prop(task.value("doneAt") or iso(at)),
        "mendedWords": prop(str(task.value("note") or task.value("title") or "")),
    }
    return [amend(problem.id, **attrs)]


def mended(citizens: Citizens, entity_id: str, at: int) -> list[Change]:
    """A problem that is over and whose reporters were not told yet: the same step in every report, at once.

    Each reporter reads it, and is sent word of it by who follows the steps of reports.
    """
    try:
        entity = citizens.hub.get(SYSTEM, entity_id)
    except Missing:
        return []
    problem = problem_of(entity)
    if problem.state is not ProblemState.MENDED or entity.value("toldOf") == problem.mended_at:
        return []
    step = {"verb": TELL, "at": iso(at), "reason": problem.mended_words, "problem": problem.id}
    if problem.unit:
        step["unit"] = problem.unit
    told = [amend(one.id, step=json_prop(step)) for one in members(citizens, problem.reports)]
    return [amend(problem.id, toldOf=prop(problem.mended_at)), *told]
