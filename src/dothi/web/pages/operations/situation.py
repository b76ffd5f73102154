"""The duty officer's pages: the situation, one alarm with its chart and trail, and taking an alarm in hand."""

from collections.abc import Iterable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dothi.ground.clock import DAY, from_iso, now_us
from dothi.ground.errors import Conflict, Missing
from dothi.hub.language.nodes import Window
from dothi.hub.model import Entity, LoggedCommit, default_instance, instance_value, instances
from dothi.operations.alarms import service
from dothi.operations.alarms.workflow import GONE_UNSEEN, SEEN, UNSEEN, State
from dothi.operations.model import Priority
from dothi.sources.model import SourceState
from dothi.sources.rhythm import state_of as rhythm_of
from dothi.web.page import Menu, Page, redirect, render, visit, within, words
from dothi.web.pages.shown import (
    STAFF,
    attribute_name,
    bare,
    collection,
    drawn_in,
    entity_id,
    feature,
    find,
    measured,
    name_of,
    named,
    point,
    start_of,
    unit_name,
    who,
)
from dothi.web.parts import parts

DUTY = frozenset({"duty_officer", "administrator"})
WATCHERS = STAFF - {"assessor"}
PRIORITIES = {  # Kind of tag and icon; these are operational priorities, never legal hazard colours.
    Priority.URGENT: ("bad", "alarm"),
    Priority.HIGH: ("watch", "up-trend"),
    Priority.MEDIUM: ("note", "flat"),
    Priority.LOW: ("grey", "down-trend"),
}
STATES = {UNSEEN: "unseen", SEEN: "seen", GONE_UNSEEN: "gone"}
CLOSED_SHOWN = 10
TRAIL = 200
CHART_SPAN = DAY
LINES = {SourceState.LIVE: ("good", "good"), SourceState.LATE: ("watch", "late"), SourceState.NEVER: ("grey", "grey")}


@dataclass(frozen=True)
class Row:
    """One alarm as lists show it; instants in µs."""

    key: str
    href: str
    name: str
    subject: str
    place: str
    priority: str
    kind: str
    icon: str
    state: str
    value: str
    limit: str
    since: int
    due: int
    late: bool  # Nobody took it in the time that its priority allows.
    taken_by: str
    comment: str
    simulated: bool


def row(request: Request, alarm: Entity) -> Row:
    """An alarm for lists."""
    value, now = alarm.value, now_us()
    kind, icon = PRIORITIES[Priority(value("priority"))]
    state = service.state_of(alarm)
    attribute, unit = value("attribute", ""), value("valueUnit")
    due = from_iso(value("due", value("since")))
    silent = value("kind") == "noData"
    return Row(
        key=bare(alarm.id),
        href=f"/alarm/{bare(alarm.id)}",
        name=words(request).pick(value("name")),
        subject=words(request).pick(value("subjectName")) or bare(value("subject")),
        place=unit_name(request, value("unit")),
        priority=value("priority"),
        kind=kind,
        icon=icon,
        state=STATES.get(state, "normal"),
        value=""
        if silent
        else f"{attribute_name(request, attribute)} {measured(request, attribute, value('value'), unit)}",
        limit="" if silent else measured(request, attribute, value("limit"), unit),
        since=from_iso(value("since")),
        due=due,
        late=not state.acknowledged and due < now,
        taken_by=who(request, value("acknowledgedBy")) if state.acknowledged else "",
        comment=value("comment", "") if state.acknowledged else "",
        simulated=bool(value("simulated")),
    )


@dataclass(frozen=True)
class Answer:
    """The first line of the situation: how many alarms need a hand, and since when the oldest waits."""

    waiting: int
    taken: int
    oldest: int | None


def answer(rows: Iterable[Row]) -> Answer:
    """What the duty officer has to know first."""
    unseen = [one.since for one in rows if one.state in ("unseen", "gone")]
    return Answer(len(unseen), sum(one.state == "seen" for one in rows), min(unseen, default=None))


def told(request: Request, said: Answer) -> str:
    """The answer in words."""
    t = words(request).t
    if said.oldest is not None:
        return t("operations.situation.waiting", n=said.waiting, since=since(request, said.oldest))
    return t("operations.situation.taken", n=said.taken) if said.taken else t("operations.situation.calm")


def since(request: Request, instant: int) -> str:
    """A moment with its age: the time alone while it is of the last hours."""
    said = words(request)
    moment = said.time(instant) if now_us() - instant < DAY // 2 else said.when(instant)
    return f"{moment} ({said.age(instant)})"


def lines(request: Request) -> list[tuple[Entity, str, str, str]]:
    """(source, state, kind, icon) of each source of data, those that need a look first."""
    now = now_us()
    found = [(one, rhythm_of(one, now)) for one in find(request, "DataSource", limit=200)]
    order = [SourceState.LATE, SourceState.NEVER, SourceState.LIVE]
    return [(one, state.value, *LINES[state]) for one, state in sorted(found, key=lambda pair: order.index(pair[1]))]


def open_rows(request: Request) -> list[Row]:
    """The open alarms that this visitor may see, the most pressing first."""
    return [row(request, one) for one in service.open_alarms(parts(request).operations, visit(request).actor)]


async def situation(request: Request) -> Response:
    """What is wrong, since when, and who has it?"""
    here, actor = parts(request).operations, visit(request).actor
    rows = open_rows(request)
    return render(
        request,
        "operations/situation.html",
        rows=rows,
        closed=[row(request, one) for one in service.recent_alarms(here, actor, CLOSED_SHOWN)],
        answer=told(request, answer(rows)),
        waiting=answer(rows).waiting,
        lines=lines(request),
        start=start_of(request),
        province=parts(request).province,
        may_take=may_take(request),
    )


def may_take(request: Request) -> bool:
    """Whether this visitor may take an alarm in hand."""
    return "duty_officer" in visit(request).actor.roles


async def alarm_points(request: Request) -> Response:
    """GET /situation/alarms.json: the open alarms as GeoJSON, as maps want them."""
    alarms = service.open_alarms(parts(request).operations, visit(request).actor)
    return JSONResponse(collection(alarm_feature(request, one) for one in alarms), media_type="application/geo+json")


def alarm_feature(request: Request, alarm: Entity) -> dict[str, object] | None:
    """An alarm's marker; None where it has no place."""
    place, said = point(alarm), row(request, alarm)
    if place is None:
        return None
    name = f"{said.name}: {said.subject}"
    text = f"{said.value} · {words(request).t(f'operations.state.{said.state}')}"
    return feature(place, id=alarm.id, name=name, href=said.href, kind=said.kind, icon="alarm", text=text)


def _alarm(request: Request) -> Entity:
    name = entity_id("Alarm", request.path_params["alarm"])
    found = parts(request).hub.get(visit(request).actor, name)
    if "Alarm" not in found.types:
        raise Missing(f"{name} is not an alarm.")
    return found


async def one_alarm(request: Request) -> Response:
    """What happened at this one place, and who did what?"""
    alarm = _alarm(request)
    subject, attribute = alarm.value("subject"), alarm.value("attribute", "")
    rule = alarm.value("rule")
    scale, measure = drawn_in(attribute, alarm.value("valueUnit"))
    return render(
        request,
        "operations/alarm.html",
        alarm=alarm,
        row=row(request, alarm),
        since=since(request, from_iso(alarm.value("since"))),
        rows=[(at, value if value is None else value * scale) for at, value in _series(request, subject, attribute)],
        attribute=attribute_name(request, attribute),
        unit=measure,
        limit=alarm.value("limit") * scale if alarm.value("kind") != "noData" else None,
        steps=list(_steps(request, alarm)),
        rule=named(request, rule),
        rule_href=f"/rules/{bare(rule)}",
        subject_id=subject,
        source=_source(request, subject),
        may_take=may_take(request) and not service.state_of(alarm).acknowledged,
        occurrences=alarm.value("occurrences", 1),
    )


def _series(request: Request, subject: str, attribute: str) -> list[tuple[int, float | None]]:
    """(instant, value) of the last day, oldest first."""
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
    """The alarm's trail, oldest first: raised, taken, cleared; mere changes of the value are left to the chart."""
    trail = parts(request).hub.trail(visit(request).actor, alarm.id, limit=TRAIL)
    before: State | None = None
    for commit in reversed(trail):
        after = _state_in(commit, before)
        if after is None or after == before:
            continue
        raised = after.active and (before is None or not before.active)
        what = "raised" if raised else "cleared" if before and before.active and not after.active else "taken"
        before = after
        comment = _said(commit, "comment") if what == "taken" else ""
        yield {
            "what": words(request).t(f"operations.step.{what}"),
            "at": commit.at,
            "who": who(request, commit.actor),
            "words": comment or "",
        }


def _state_in(commit: LoggedCommit, before: State | None) -> State | None:
    active, seen = _said(commit, "active"), _said(commit, "acknowledged")
    if active is None and seen is None:
        return before
    known = before or State(active=False, acknowledged=True)
    return State(known.active if active is None else bool(active), known.acknowledged if seen is None else bool(seen))


def _said(commit: LoggedCommit, attribute: str) -> object:
    for entry in commit.entries:
        found = instances(entry.attrs.get(attribute))
        if found:
            return instance_value(default_instance(found))
    return None


async def take(request: Request) -> Response:
    """A person takes the alarm in hand."""
    form = await request.form()
    name = entity_id("Alarm", request.path_params["alarm"])
    comment = str(form.get("comment", "")).strip()
    back = within(str(form.get("back", "/situation")))
    try:
        await service.acknowledge(parts(request).operations, visit(request).actor, name, comment)
    except Conflict:
        return redirect(request, back, "operations.taken_already", "warning")
    return redirect(request, back, "operations.taken")


PAGES = (
    Page("/situation", situation, "operations.situation.title", roles=WATCHERS, menu=Menu("work", 20)),
    Page("/situation/alarms.json", alarm_points, "operations.situation.title", roles=WATCHERS, page=False),
    Page("/alarm/{alarm}", one_alarm, "operations.alarm.title", roles=STAFF),
    Page(
        "/alarm/{alarm}/acknowledge",
        take,
        "operations.take",
        methods=("POST",),
        roles=frozenset({"duty_officer"}),
        page=False,
    ),
)
