"""One alarm: why it is there, since when, who has it, what was done, and what else happens there."""

from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response

from dothi.citizens.needs import rules_at as rules_of_reports
from dothi.citizens.rules import Rules as ReportRules
from dothi.ground.clock import DAY, from_iso, now_us
from dothi.ground.errors import Forbidden, Missing
from dothi.hub.language.nodes import Compare, Geo, Query, TypeIs, Window
from dothi.hub.model import Entity, LoggedCommit, default_instance, instance_value, instances
from dothi.operations.alarms import reading
from dothi.operations.alarms.handling import rules_at
from dothi.operations.alarms.workflow import Held, State
from dothi.operations.model import Priority
from dothi.web.page import Page, render, visit, words
from dothi.web.pages.operations.situation import hands, may_take, row, since
from dothi.web.pages.shown import STAFF, attribute_name, bare, drawn_in, entity_id, name_of, named, unit_name, who
from dothi.web.parts import parts

TRAIL = 200
CHART_SPAN = DAY
NEAR, NEAR_M = 5, 1000.0  # Reports near by that are shown, and how far they may lie (m).
SILENT_MOVES = frozenset({"turn"})  # Moves that the chart tells better.


def the_alarm(request: Request) -> Entity:
    """The alarm that the address names. Missing when there is none, or it may not be seen."""
    name = entity_id("Alarm", request.path_params["alarm"])
    return reading.the_alarm(parts(request).operations, visit(request).actor, name)


async def one_alarm(request: Request) -> Response:
    """Why is this alarm there, and who does what about it?"""
    return shown(request, the_alarm(request))


def shown(request: Request, alarm: Entity, problems: dict[str, str] | None = None, said: str = "") -> Response:
    """The page of an alarm, with what is to be mended in one of its forms."""
    value, here = alarm.value, parts(request).operations
    subject, attribute, rule = value("subject"), value("attribute", ""), value("rule", "")
    scale, measure = drawn_in(attribute, value("valueUnit"))
    limit, state = value("limit"), reading.state_of(alarm)
    line = row(request, alarm)
    return render(
        request,
        "operations/alarms/one.html",
        422 if problems else 200,
        alarm=alarm,
        row=line,
        since=since(request, from_iso(value("since"))),
        rows=[(at, one if one is None else one * scale) for at, one in _series(request, subject, attribute)],
        attribute=attribute_name(request, attribute),
        unit=measure,
        limit=limit * scale if limit is not None and value("kind") != "noData" else None,
        reasons=[
            words(request).pick(one).replace(attribute or "\0", attribute_name(request, attribute))
            for one in value("reasons", [])
            if isinstance(one, dict)
        ],
        advice=words(request).pick(value("advice")) if value("advice") else "",
        steps=list(_steps(request, alarm)),
        rule=_rule_name(request, alarm),
        rule_href=f"/rules/{bare(rule)}",
        subject_id=subject,
        subject_known=_is_there(request, subject),
        source=_source(request, subject),
        mends=unit_name(request, value("unit")),
        may_take=may_take(request) and not state.acknowledged,
        may_act=may_take(request),
        state=state,
        held=_held(request, alarm, state),
        root=_root(request, value("suppressedBy", "") if state.held is Held.SUPPRESSED else ""),
        behind=[row(request, one) for one in reading.led_by(here, visit(request).actor, alarm.id)],
        reports=_near(request, alarm),
        hands=hands(request),
        most_hours=rules_at(here, value("unit")).waiting[Priority(value("priority"))].shelve_most_hours,
        occurrences=value("occurrences", 1),
        problems=problems or {},
        said=said,
    )


def _rule_name(request: Request, alarm: Entity) -> str:
    """The name of the rule, as the alarm kept it: the rule may have been changed since."""
    return words(request).pick(alarm.value("name")) or named(request, alarm.value("rule", ""))


def _is_there(request: Request, subject: str) -> bool:
    try:
        parts(request).hub.get(visit(request).actor, subject)
    except Missing:
        return False
    return True


def _held(request: Request, alarm: Entity, state: State) -> dict[str, str]:
    """What holds the alarm back, until when, by whom and why; empty when nothing does."""
    if state.held is Held.SHELVED:
        until = words(request).when(alarm.value("shelvedUntil"))
        by, why = who(request, alarm.value("shelvedBy")), alarm.value("shelvedWhy", "")
        return {"kind": "shelved", "until": until, "who": by, "why": why}
    if state.held is Held.OUT:
        try:
            window = parts(request).hub.get(visit(request).actor, alarm.value("outBy", ""))
        except Missing:
            return {"kind": "out", "until": "", "who": "", "why": ""}
        until, by = words(request).when(window.value("to")), who(request, window.value("by"))
        return {"kind": "out", "until": until, "who": by, "why": window.value("title", "")}
    return {"kind": "suppressed", "until": "", "who": "", "why": ""} if state.held else {}


def _root(request: Request, name: str) -> tuple[str, str] | None:
    found = reading.find_alarm(parts(request).operations, name, visit(request).actor) if name else None
    return (name_of(request, found), f"/alarm/{bare(found.id)}") if found else None


def _near(request: Request, alarm: Entity) -> list[tuple[str, str, str]]:
    """(name, address, when) of the open reports near by, the newest first: people may say what sensors cannot."""
    place = alarm.value("location")
    if not isinstance(place, dict):
        return []
    query = Query(
        TypeIs("CitizenReport"),
        q=Compare(("open",), "==", True),
        geo=Geo("near", place, max_distance=NEAR_M),
        limit=NEAR,
        order=("-filedAt",),
    )
    try:
        found = parts(request).hub.query(visit(request).actor, query)
    except Forbidden:
        return []
    rules = rules_of_reports(parts(request).citizens, alarm.value("unit"))
    return [(_category(request, rules, one), f"/case/{one.value('code', '')}", one.value("filedAt")) for one in found]


def _category(request: Request, rules: ReportRules, report: Entity) -> str:
    category = rules.categories.get(report.value("category", ""))
    return words(request).pick(category.names) if category else name_of(request, report)


def _series(request: Request, subject: str, attribute: str) -> list[tuple[int, float | None]]:
    """(instant, value) of the last day, oldest first."""
    if not attribute:
        return []
    window = Window("after", now_us() - CHART_SPAN, attribute="observedAt")
    try:
        found = parts(request).hub.history(visit(request).actor, subject, (attribute,), window)
    except Missing:
        return []
    rows = [
        (from_iso(one["observedAt"]), instance_value(one)) for one in found.get(attribute, []) if "observedAt" in one
    ]
    return [(at, value if isinstance(value, int | float) else None) for at, value in rows]


def _source(request: Request, subject: str) -> tuple[str, str] | None:
    """(name, address) of the source that measures the subject."""
    try:
        source = parts(request).hub.get(visit(request).actor, subject).value("source")
        found = parts(request).hub.get(visit(request).actor, source) if isinstance(source, str) else None
    except Missing:
        return None
    return (name_of(request, found), f"/sources/{bare(found.id)}") if found and "DataSource" in found.types else None


def _steps(request: Request, alarm: Entity) -> Iterable[dict[str, object]]:
    """The alarm's trail, oldest first; mere changes of the value are left to the chart."""
    t = words(request).t
    for commit in reversed(parts(request).hub.trail(visit(request).actor, alarm.id, limit=TRAIL)):
        move = _said(commit, "move")
        if not isinstance(move, str) or move in SILENT_MOVES:
            continue
        yield {
            "what": t(f"alarms.step.{move}", to=_whom(request, commit, move)),
            "at": _when(commit),
            "who": who(request, commit.actor),
            "words": "" if commit.actor.startswith("system:") else commit.reason,
        }


def _when(commit: LoggedCommit) -> int:
    """When the move was made, else when it was known."""
    for entry in commit.entries:
        observed = (default_instance(entry.attrs.get("move")) or {}).get("observedAt")
        if observed:
            return from_iso(observed)
    return commit.at


def _whom(request: Request, commit: LoggedCommit, move: str) -> str:
    """To whom an alarm was given, or who hears of it; until when it is shelved."""
    if move == "shelve":
        return words(request).when(str(_said(commit, "shelvedUntil")))
    code = str(_said(commit, "assignee" if move == "assign" else "escalatedTo") or "")
    return who(request, code) if code.startswith("user:") else unit_name(request, code)


def _said(commit: LoggedCommit, attribute: str) -> object:
    for entry in commit.entries:
        found = instances(entry.attrs.get(attribute))
        if found:
            return instance_value(default_instance(found))
    return None


PAGES = (Page("/alarm/{alarm}", one_alarm, "operations.alarm.title", roles=STAFF),)
