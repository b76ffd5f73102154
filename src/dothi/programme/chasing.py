"""Directives are chased: due soon, late, brought before the leader; limits of opinions and explanations end by timers.

It follows the tasks in the feed and keeps one durable timer for each rule and open task. What rings is written once,
as a Reminder beside the task; a deadline that was moved, or a task that was done, silences what has not rung.
"""

import asyncio
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from importlib import resources
from typing import Any

from dothi.ground.calendar import WorkingCalendar, add_working_days
from dothi.ground.clock import SECOND, VIETNAM, from_datetime, from_iso, iso, now_us, to_datetime
from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.ground.ids import urn
from dothi.hub.model import ABSENT, Actor, Commit, Entity, LoggedCommit, Timer, create, prop, read_one, rel, system
from dothi.office.rules import applied, in_force
from dothi.office.rules.model import Kind
from dothi.programme.council.explanations import TIMER as EXPLAIN
from dothi.programme.council.explanations import pass_limit
from dothi.programme.council.opinions import CONSUMER, close_round
from dothi.programme.council.opinions import TIMER as ROUND
from dothi.programme.model import OWNER, Programme, Task, readable, task_of
from dothi.programme.tasks.workflow import OPEN

KIND = "programme.chasing"
CHASE = "chase|"
UNIT, LEADER = "unit", "leader"
MORNING = time(7, 30)
DAYS_MAX, RULES_MAX = 250, 12
_CURSOR_EVERY = 200
_TICK_S = 1.0
_SYSTEM = system("programme")
_MOST = 10_000


@dataclass(frozen=True)
class Rule:
    """When a task is chased: working days from its deadline, negative before it; and before whom it is brought."""

    id: str
    days: int
    to: str


@dataclass(frozen=True)
class Rules:
    """How tasks are chased, and how long a unit has to explain."""

    rules: tuple[Rule, ...]
    explain_hours: float
    explain_most: float


@dataclass(frozen=True)
class Reminder:
    """One line of the trail: which task was chased, by which rule, when, and before whom it was brought."""

    id: str
    task: str
    title: str
    kind: str
    at: str
    task_due: str
    assignee: str
    unit: str


def parse(table: Mapping[str, Any]) -> Rules:
    """The rules that tables say. Invalid when one of them cannot be."""
    rules = tuple(Rule(str(row["id"]), int(row["days"]), str(row["to"])) for row in table["rule"])
    if len(rules) > RULES_MAX or len({one.id for one in rules}) < len(rules):
        raise Invalid(f"At most {RULES_MAX} rules, each with a name of its own.", field="text")
    for one in rules:
        if one.to not in (UNIT, LEADER) or abs(one.days) > DAYS_MAX or "|" in one.id or not one.id:
            raise Invalid(f"Rule “{one.id}”: days from -{DAYS_MAX} to {DAYS_MAX}, to unit or leader.", field="text")
    said = table["explanations"]
    hours, most = float(said["hours"]), float(said["most_hours"])
    if not 0 < hours <= most:
        raise Invalid("Hours to explain are positive, and at most most_hours.", field="text")
    return Rules(rules, hours, most)


@lru_cache(maxsize=1)
def shipped() -> Mapping[str, Any]:
    """The tables that are shipped."""
    return tomllib.loads(resources.files("dothi.programme").joinpath("data/chasing.toml").read_text("utf-8"))


def rules_kind() -> Kind:
    """What a province or commune may set of its own."""
    return Kind(KIND, shipped(), _check)


def _check(tables: Mapping[str, Any]) -> None:
    try:
        parse(tables)
    except (KeyError, TypeError, ValueError) as cause:
        raise Invalid(f"The rules of chasing lack or misuse {cause}.", field="text") from cause


def rules_at(programme: Programme, unit: str | None = None, at: int | None = None) -> Rules:
    """The rules in force for a unit at an instant (µs; now by default)."""
    adopted = programme.adopted
    known = adopted is not None and KIND in adopted.kinds and applied(adopted, KIND, unit, at)
    return parse(in_force(adopted, KIND, unit, at) if known and adopted is not None else shipped())


def rings_at(rule: Rule, due: int, calendar: WorkingCalendar) -> int:
    """The instant (µs) at which a rule rings: right after the deadline, or in the morning so many working days off."""
    day = to_datetime(due).astimezone(VIETNAM).date()
    if rule.days == 0:
        return due + SECOND
    if rule.days > 0:
        return _morning(add_working_days(day, rule.days, calendar))
    return _morning(_days_before(day, -rule.days, calendar))


def _days_before(day: date, count: int, calendar: WorkingCalendar) -> date:
    while count and day > calendar.first:
        day -= timedelta(days=1)
        count -= bool(calendar.shifts(day))
    return day


def _morning(day: date) -> int:
    return from_datetime(datetime.combine(day, MORNING, VIETNAM))


async def run(programme: Programme) -> None:
    """Follow the tasks and ring what is due, until cancelled. To be run by one process."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_follow(programme))
        group.create_task(_tick(programme))


async def _follow(programme: Programme) -> None:
    stored = programme.hub.cursor(CONSUMER)
    async for logged in programme.hub.follow(stored, lambda types: "Task" in types):
        timers = watch(programme, logged)
        if timers or logged.seq - stored >= _CURSOR_EVERY:
            stored = logged.seq
            await programme.hub.commit(
                Commit(_SYSTEM, (), "deadlines watched", cursor=(CONSUMER, stored), timers=tuple(timers))
            )


async def _tick(programme: Programme) -> None:
    while True:
        await ring(programme, now_us())
        await asyncio.sleep(_TICK_S)


def watch(programme: Programme, logged: LoggedCommit) -> list[Timer]:
    """The timers that one commit of the feed sets, moves or removes."""
    timers: list[Timer] = []
    for entry in logged.entries:
        if "Task" not in entry.types or logged.tenant or not {"due", "open", "lead"} & entry.attrs.keys():
            continue
        task = _task(programme, entry.id)
        if task is not None:
            timers += timers_of(programme, task)
    return timers


def timers_of(programme: Programme, task: Task) -> list[Timer]:
    """One timer for each rule of an open task; a closed one has none."""
    due, still = from_iso(task.due), task.state in OPEN
    return [
        Timer(
            CONSUMER,
            f"{CHASE}{rule.id}|{task.id}",
            rings_at(rule, due, programme.calendar) if still else None,
            task.due if still else "",
        )
        for rule in rules_at(programme, task.lead.partition(".")[0]).rules
    ]


def _task(programme: Programme, name: str) -> Task | None:
    with suppress(Missing, Invalid, KeyError, TypeError, ValueError, AttributeError):
        return read_one(programme.hub.get(_SYSTEM, name), task_of)
    return None


async def ring(programme: Programme, now: int) -> int:
    """Do what is due by `now` (µs); returns how many timers rang."""
    due = programme.hub.due_timers(CONSUMER, now)
    for name, payload in due:
        if name.startswith(ROUND):
            await _once(programme, name, close_round(programme, name.removeprefix(ROUND), now))
        elif name.startswith(EXPLAIN):
            await _once(programme, name, pass_limit(programme, name.removeprefix(EXPLAIN)))
        else:
            await _chase(programme, name, payload, now)
    return len(due)


async def _once(programme: Programme, name: str, deed: Any) -> None:
    """Do it; a round that is gone or changed at this very moment silences its timer or rings again."""
    try:
        await deed
    except Missing:
        await programme.hub.commit(Commit(_SYSTEM, (), "nothing to end", timers=(Timer(CONSUMER, name, None),)))
    except Conflict:
        return  # An opinion came in this moment: the timer stands and rings again.


async def _chase(programme: Programme, name: str, payload: str, now: int) -> None:
    """Write the reminder of one rule and task, once, and take its timer away."""
    rule_id, _, task_id = name.removeprefix(CHASE).partition("|")
    over = (Timer(CONSUMER, name, None),)
    task = _task(programme, task_id)
    rule = next((one for one in rules_at(programme, task.lead[:5] if task else None).rules if one.id == rule_id), None)
    if task is None or rule is None or task.state not in OPEN or task.due != payload or _too_late(rule, task, now):
        await programme.hub.commit(Commit(_SYSTEM, (), "nothing to chase", timers=over))
        return
    reminder_id = urn("Reminder", task.id.split(":", 3)[-1].replace(":", "-"), rule.id, task.due[:10])
    change = create(
        reminder_id,
        "Reminder",
        task=rel(task.id),
        title=prop(task.title),
        kind=prop(rule.id),
        at=prop(iso(now)),
        taskDue=prop(task.due),
        assignee=prop(programme.upper(task.lead.partition(".")[0]) if rule.to == LEADER else task.lead),
        unit=prop(task.lead.partition(".")[0]),
    )
    with suppress(Conflict):  # It was written already: only the timer is left of it.
        await programme.hub.commit(
            Commit(_SYSTEM, (change,), "task chased", {reminder_id: ABSENT}, owner=OWNER, timers=over)
        )
        return
    await programme.hub.commit(Commit(_SYSTEM, (), "chased already", timers=over))


def _too_late(rule: Rule, task: Task, now: int) -> bool:
    """Whether "due soon" comes when the deadline has passed already: the next rule says so."""
    return rule.days < 0 and now > from_iso(task.due)


def reminder_of(entity: Entity) -> Reminder:
    """The reminder that an entity holds."""
    value = entity.value
    if not isinstance(value("at"), str):
        raise Invalid(f"{entity.id} does not say when it was written.")
    return Reminder(
        entity.id,
        value("task"),
        value("title"),
        value("kind"),
        value("at"),
        value("taskDue"),
        value("assignee"),
        value("unit"),
    )


def reminders(programme: Programme, actor: Actor, task: str = "", limit: int = 500) -> list[Reminder]:
    """The trail, the newest first; of one task or of all that the actor may see."""
    q = f'task=="{task}"' if task else ""
    found = programme.hub.find(actor, "Reminder", q, min(limit, _MOST), order=("-at",))
    return list(readable(found, reminder_of))
