"""The situation: what is wrong, since when, who has it; alarms of one cause and place stand in one line."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dothi.accounts.organisations import organisations
from dothi.ground.clock import DAY, from_iso, now_us
from dothi.hub.model import Entity
from dothi.operations.alarms import reading
from dothi.operations.alarms.floods import is_flood
from dothi.operations.alarms.handling import rules_at
from dothi.operations.alarms.workflow import NAMES, OPEN, ORDER, WAITING, Held
from dothi.operations.model import Priority
from dothi.sources.model import SourceState
from dothi.sources.rhythm import state_of as rhythm_of
from dothi.web.page import Menu, Page, render, visit, words
from dothi.web.pages.shown import (
    STAFF,
    attribute_name,
    bare,
    collection,
    feature,
    find,
    measured,
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
VIEWS = ("all", "waiting", "mine")
CLOSED_SHOWN = 10
GROUPED, GROUPED_IN_FLOOD = 3, 2  # So many alarms of one cause and place are one line.
PLACES = 3  # Places that the line of a group names.
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
    rule: str = ""
    unit: str = ""
    owner: str = ""  # Who has to act: a unit, an organisation, a person.
    owner_code: str = ""
    first: bool = False  # It began a burst of alarms in its unit.
    chattering: bool = False
    escalated: str = ""  # Who hears of it, since nobody took it in time.
    incident: str = ""  # Address of the incident that it belongs to.
    seen_by: str = ""  # Actor id of who took it.


def row(request: Request, alarm: Entity) -> Row:
    """An alarm for lists."""
    value, now = alarm.value, now_us()
    kind, icon = PRIORITIES[Priority(value("priority"))]
    state = reading.state_of(alarm)
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
        state=NAMES[state],
        value=""
        if silent
        else f"{attribute_name(request, attribute)} {measured(request, attribute, value('value'), unit)}".strip(),
        limit="" if silent or value("limit") is None else measured(request, attribute, value("limit"), unit),
        since=from_iso(value("since")),
        due=due,
        late=state in WAITING and due < now,
        taken_by=who(request, value("acknowledgedBy")) if state.acknowledged and not state.held else "",
        comment=value("comment", "") if state.acknowledged else "",
        simulated=bool(value("simulated")),
        rule=value("rule", ""),
        unit=value("unit", ""),
        owner=owner_name(request, value("assignee", "")),
        owner_code=value("assignee", ""),
        first=bool(value("firstOut")) and state in OPEN,
        chattering=bool(value("chattering")),
        escalated=owner_name(request, value("escalatedTo", "")) if state in WAITING else "",
        incident=f"/incident/{bare(value('incident'))}" if value("incident") else "",
        seen_by=value("acknowledgedBy", "") if state.acknowledged else "",
    )


def owner_name(request: Request, code: str) -> str:
    """Who has something, in words: a person, the duty desk, an organisation or a unit."""
    if code.startswith("user:"):
        return who(request, code)
    return words(request).t("alarms.duty_desk") if code == "duty" else unit_name(request, code)


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
    return [row(request, one) for one in reading.open_alarms(parts(request).operations, visit(request).actor)]


@dataclass(frozen=True)
class Group:
    """Alarms of one cause and one place (in a flood: of one cause), shown as one line; the most pressing first."""

    key: str
    name: str
    place: str
    rows: tuple[Row, ...]

    @property
    def top(self) -> Row:
        """The most pressing of them."""
        return self.rows[0]

    @property
    def since(self) -> int:
        """When the first of them came up (µs)."""
        return min(one.since for one in self.rows)

    @property
    def waiting(self) -> tuple[Row, ...]:
        """Those that nobody has taken."""
        return tuple(one for one in self.rows if one.state in ("unseen", "gone"))


def groups(rows: Iterable[Row], flood: bool = False) -> list[Row | Group]:
    """The rows, those of one cause and place as one group from the third on; in a flood of one cause."""
    found: dict[tuple[str, str], list[Row]] = {}
    for one in rows:
        found.setdefault((one.rule, "" if flood else one.unit), []).append(one)
    listed: list[Row | Group] = []
    for (rule, unit), some in found.items():
        if len(some) < (GROUPED_IN_FLOOD if flood else GROUPED):
            listed += some
            continue
        places = sorted({one.place for one in some if one.place})
        place = ", ".join(places[:PLACES]) + (" …" if len(places) > PLACES else "")
        key = f"{bare(rule)}-{unit}".strip("-").replace(".", "-").replace("/", "-")
        listed.append(Group(key, some[0].name, place, tuple(some)))
    return listed if flood else sorted(listed, key=lambda one: rank(one.top if isinstance(one, Group) else one))


def rank(one: Row) -> tuple[bool, int, int]:
    """Where a row stands among all: what nobody has taken first, then by priority, the oldest first."""
    return one.state == "seen", ORDER.index(Priority(one.priority)), one.since


@dataclass(frozen=True)
class Asked:
    """The filters of the list, as they stand in the address."""

    view: str = "all"
    unit: str = ""
    priority: str = ""

    def address(self, view: str | None = None) -> str:
        """The address of the list with these filters."""
        said = {"view": self.view if view is None else view, "unit": self.unit, "priority": self.priority}
        told = {name: value for name, value in said.items() if value and (name, value) != ("view", "all")}
        return "/situation" + (f"?{urlencode(told)}" if told else "")


def asked_of(request: Request) -> Asked:
    """The filters that the address names; what it does not know is left out."""
    said = request.query_params
    view, priority = said.get("view", "all"), said.get("priority", "")
    return Asked(
        view if view in VIEWS else "all",
        said.get("unit", "")[:40],
        priority if priority in tuple(Priority) else "",
    )


def wanted(request: Request, rows: Iterable[Row], asked: Asked, view: str | None = None) -> list[Row]:
    """The rows that the filters let through."""
    actor, way = visit(request).actor, asked.view if view is None else view
    own = actor.areas | {actor.id}
    return [
        one
        for one in rows
        if (not asked.unit or one.unit == asked.unit)
        and (not asked.priority or one.priority == asked.priority)
        and (way != "waiting" or one.state in ("unseen", "gone"))
        and (way != "mine" or one.seen_by == actor.id or one.owner_code in own - {""})
    ]


async def situation(request: Request) -> Response:
    """What is wrong, since when, and who has it?"""
    here, actor, t, now = parts(request).operations, visit(request).actor, words(request).t, now_us()
    everything, asked = open_rows(request), asked_of(request)
    rows = wanted(request, everything, asked)
    new, crew = reading.new_alarms(here, actor, now), reading.operators(here, now)
    flood = is_flood(new, crew, rules_at(here, here.home or None, now).flood)
    return render(
        request,
        "operations/situation.html",
        rows=rows,
        groups=groups(rows, flood),
        flood=t("alarms.flood", n=new, officers=crew) if flood else "",
        asked=asked,
        sifted=_sifted(request, asked),
        ways=[_way(request, everything, asked, way) for way in VIEWS],
        units=sorted({(one.unit, one.place) for one in everything if one.unit}, key=lambda pair: pair[1]),
        priorities=[(one.value, t(f"operations.priority.{one}")) for one in Priority],
        held=held_counts(request),
        closed=[row(request, one) for one in reading.recent_alarms(here, actor, CLOSED_SHOWN)],
        answer=told(request, answer(everything)),
        waiting=answer(everything).waiting,
        lines=lines(request),
        start=start_of(request),
        province=parts(request).province,
        may_take=may_take(request),
        hands=hands(request),
        back=asked.address(),
    )


def _sifted(request: Request, asked: Asked) -> str:
    """The filters in words, empty when there are none."""
    priority = words(request).t(f"operations.priority.{asked.priority}") if asked.priority else ""
    return " · ".join(filter(None, (unit_name(request, asked.unit), priority)))


def _way(request: Request, rows: list[Row], asked: Asked, way: str) -> tuple[str, str, bool, int]:
    """(word, address, chosen, count) of one way to look at the list."""
    count = len(wanted(request, rows, asked, way))
    return words(request).t(f"alarms.view.{way}"), asked.address(way), way == asked.view, count


def held_counts(request: Request) -> dict[str, int]:
    """How many alarms are held back, by what holds them."""
    actor, hub = visit(request).actor, parts(request).hub
    ways = [one for one in Held if one]
    return {one.value: hub.find(actor, "Alarm", f'held=="{one}"', 0, count=True).count or 0 for one in ways}


def hands(request: Request) -> list[tuple[str, str]]:
    """(code, name) of who can be given an alarm: oneself, the units of the city and the bodies around it."""
    here, language, province = parts(request), words(request).language, parts(request).province
    if not may_take(request):
        return []
    units = [here.territory.unit(province), *here.territory.communes_of(province)] if province else []
    around = here.territory.within(province) if province else frozenset()
    bodies = [one for one in organisations(here.hub) if not province or one.unit in around]
    listed = [(one.id, one.name_in(language)) for one in bodies] + [(one.code, one.name_in(language)) for one in units]
    return [(visit(request).actor.id, words(request).t("alarms.myself")), *listed]


def may_take(request: Request) -> bool:
    """Whether this visitor may take an alarm in hand."""
    return "duty_officer" in visit(request).actor.roles


async def alarm_points(request: Request) -> Response:
    """GET /situation/alarms.json: the open alarms as GeoJSON, as maps want them."""
    alarms = reading.open_alarms(parts(request).operations, visit(request).actor)
    return JSONResponse(collection(alarm_feature(request, one) for one in alarms), media_type="application/geo+json")


def alarm_feature(request: Request, alarm: Entity) -> dict[str, object] | None:
    """An alarm's marker; None where it has no place."""
    place, said = point(alarm), row(request, alarm)
    if place is None:
        return None
    name = f"{said.name}: {said.subject}"
    text = f"{said.value} · {words(request).t(f'operations.state.{said.state}')}"
    return feature(place, id=alarm.id, name=name, href=said.href, kind=said.kind, icon="alarm", text=text)


PAGES = (
    Page("/situation", situation, "operations.situation.title", roles=WATCHERS, menu=Menu("work", 20)),
    Page("/situation/alarms.json", alarm_points, "operations.situation.title", roles=WATCHERS, page=False),
)
