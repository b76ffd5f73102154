"""Requests to explain a red target: from the leader to a unit, answered within a limit, read by all staff."""

from dataclasses import dataclass

from dothi.ground.calendar import add_working_hours
from dothi.ground.clock import from_iso, iso, now_us
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing
from dothi.ground.ids import urn
from dothi.hub.model import Actor, Change, Commit, Entity, Op, Timer, create, prop, rel, system
from dothi.programme.council.model import TITLE_MAX, Closed, amend, of_type, said
from dothi.programme.council.opinions import CONSUMER, HOURS_MAX
from dothi.programme.model import OWNER, Programme, acts_for, readable, task_of
from dothi.programme.tasks.service import is_late
from dothi.programme.tasks.workflow import OPEN

TIMER = "explain|"
_SYSTEM = system("programme")
_MOST = 2000


class NotRed(Conflict):
    """Only a task past its deadline, or a figure that misses its target, is to be explained."""


@dataclass(frozen=True)
class Explanation:
    """What a unit is asked to explain; `state` is asked, unanswered (the limit has passed) or answered."""

    id: str
    subject: str
    title: str
    unit: str
    assignee: str
    due: str
    question: str
    state: str
    answer: str
    answered_at: str | None
    late: bool  # Answered after the limit.
    asked_by: str
    version: int


def explanation_of(entity: Entity) -> Explanation:
    """The request that an entity holds."""
    value = entity.value
    if value("state") not in ("asked", "unanswered", "answered"):
        raise Invalid(f"{entity.id} has no state that is known.")
    return Explanation(
        id=entity.id,
        subject=value("subject"),
        title=value("title"),
        unit=value("unit"),
        assignee=value("assignee"),
        due=value("due"),
        question=value("question"),
        state=value("state"),
        answer=value("answer", ""),
        answered_at=value("answeredAt"),
        late=value("late", False),
        asked_by=value("askedBy"),
        version=entity.version,
    )


async def ask_explanation(
    programme: Programme, actor: Actor, subject: str, question: str, hours: float, now: int | None = None
) -> str:
    """Ask the unit that owes a red task or figure to explain it within `hours` of working time; returns the id.

    NotRed when it is not late and misses no target; Closed while the same is asked and not answered.
    """
    at = now_us() if now is None else now
    if not 0 < hours <= HOURS_MAX:
        raise Invalid(f"Give the unit 1 to {HOURS_MAX:.0f} working hours.", field="hours")
    text = said(question, "question")
    unit, title = _red(programme, actor, subject, at)
    if any(one.subject == subject and one.state != "answered" for one in explanations(programme, _SYSTEM)):
        raise Closed("This is asked already and waits for its answer.", field="question")
    due = add_working_hours(at, hours, programme.calendar)
    change = create(
        urn("ExplanationRequest"),
        "ExplanationRequest",
        subject=rel(subject),
        title=prop(title[:TITLE_MAX]),
        unit=prop(unit),
        assignee=prop(unit),
        due=prop(iso(due)),
        open=prop(True),
        question=prop(text),
        state=prop("asked"),
        askedBy=prop(actor.id),
    )
    timer = Timer(CONSUMER, TIMER + change.id, due)
    await programme.hub.commit(Commit(actor, (change,), "explanation asked", owner=OWNER, timers=(timer,)))
    return change.id


def _red(programme: Programme, actor: Actor, subject: str, now: int) -> tuple[str, str]:
    """(unit, title) of what is red; NotRed otherwise."""
    entity = programme.hub.get(actor, subject)
    if "Task" in entity.types:
        task = task_of(entity)
        if task.state in OPEN and is_late(task, now)[1]:
            return task.lead, task.title
        raise NotRed
    if "IndicatorValue" in entity.types:
        indicator = programme.hub.get(actor, entity.value("indicator"))
        if misses(entity.value("value"), indicator.value("target"), indicator.value("direction")):
            return entity.value("unit"), _name(indicator.value("name") or indicator.value("title"))
        raise NotRed
    raise Invalid("Only a task or a figure is to be explained.", field="subject")


def _name(value: object) -> str:
    return str(value.get("vi") or next(iter(value.values()), "")) if isinstance(value, dict) else str(value or "")


def misses(value: object, target: object, direction: object) -> bool:
    """Whether a figure misses its target: above it where less is better, below it where more is."""
    if not isinstance(value, int | float) or not isinstance(target, int | float):
        return False
    return value > target if direction == "lower" else value < target


@dataclass(frozen=True)
class RedFigure:
    """A figure that misses its target: the newest one of its indicator and unit."""

    id: str
    title: str
    unit: str
    period: str
    value: float
    target: float


def red_figures(programme: Programme, actor: Actor) -> list[RedFigure]:
    """The newest live figure of each indicator and unit that misses its target; grey ones have no value to miss it."""
    hub = programme.hub
    indicators = {one.id: one for one in hub.find(actor, "Indicator", limit=_MOST) if one.value("target") is not None}
    seen: set[tuple[str, str]] = set()
    found = []
    for one in hub.find(actor, "IndicatorValue", "live==true", _MOST, order=("-periodEnd",)):
        indicator = indicators.get(one.value("indicator", ""))
        place = (one.value("indicator", ""), one.value("unit", ""))
        if indicator is None or place in seen:
            continue
        seen.add(place)
        value, target = one.value("value"), indicator.value("target")
        if misses(value, target, indicator.value("direction")):
            name = _name(indicator.value("name") or indicator.value("title"))
            found.append(RedFigure(one.id, name, place[1], one.value("period", ""), value, target))
    return found


async def explain(programme: Programme, actor: Actor, name: str, answer: str, now: int | None = None) -> None:
    """The unit answers. Forbidden for others; an answer after the limit is taken and marked as late."""
    at = now_us() if now is None else now
    found = one_explanation(programme, actor, name)
    if found.state == "answered":
        raise Closed("This was answered already.")
    if not acts_for(actor, found.assignee):
        raise Forbidden("Only the unit that is asked answers.")
    attrs = {
        "answer": prop(said(answer, "answer")),
        "answeredAt": prop(iso(at)),
        "answeredBy": prop(actor.id),
        "late": prop(at > from_iso(found.due)),
        "state": prop("answered"),
        "open": prop(False),
    }
    timers = (Timer(CONSUMER, TIMER + found.id, None),)
    await amend(programme, actor, found.id, found.version, "explanation given", attrs, timers=timers)  # type: ignore[arg-type]


async def pass_limit(programme: Programme, name: str) -> None:
    """The limit has passed: a request without answer says so. To be called when its timer rings."""
    timer = Timer(CONSUMER, TIMER + name, None)
    changes: tuple[Change, ...] = ()
    expect: dict[str, int] = {}
    try:
        found = one_explanation(programme, _SYSTEM, name)
    except Missing:
        found = None
    if found is not None and found.state == "asked":
        changes = (Change(Op.APPEND, name, attrs={"state": prop("unanswered")}),)
        expect = {name: found.version}
    await programme.hub.commit(Commit(_SYSTEM, changes, "the limit has passed", expect, owner=OWNER, timers=(timer,)))


def one_explanation(programme: Programme, actor: Actor, name: str) -> Explanation:
    """One request; Missing when there is none."""
    return explanation_of(of_type(programme, actor, "ExplanationRequest", name))


def explanations(programme: Programme, actor: Actor, subject: str = "") -> list[Explanation]:
    """Requests, those that wait first, by deadline."""
    q = f'subject=="{subject}"' if subject else ""
    found = readable(programme.hub.find(actor, "ExplanationRequest", q, _MOST), explanation_of)
    return sorted(found, key=lambda one: (one.state == "answered", one.due))
