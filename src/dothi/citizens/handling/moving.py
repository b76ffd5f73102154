"""The one path of every verb: the row of the table, its guards, then state, clocks, timers and more in one commit."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from dothi.accounts.organisations import find_organisation, is_organisation, unit_of
from dothi.citizens.handling.timing import due_of, held_here, iso_or_none, moved, promise
from dothi.citizens.handling.workflow import BY_REPORTER, Move, Step, check
from dothi.citizens.model import (
    CLOSED,
    OWNER,
    NoSuchReport,
    NotYours,
    Overtaken,
    Report,
    Waiting,
    report_of,
    report_urn,
)
from dothi.citizens.needs import SYSTEM, Citizens, rules_at
from dothi.ground.clock import SECOND, from_iso, iso, now_us
from dothi.ground.clocks import mark_json
from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.hub.model import (
    Actor,
    Attribute,
    Change,
    Commit,
    Timer,
    amend,
    default_instance,
    instance_value,
    json_prop,
    prop,
    read_one,
)

CONSUMER = "citizens.clocks"  # The consumer whose timers ring when a report is late or has waited long enough.
QUIET = frozenset({"", "late"})  # Steps of the log that nobody is overtaken by.
_STOPS = ("stop", "resume", "reply")  # Clocks that end a wait.


@dataclass(frozen=True)
class Deed:
    """What a verb brings beside its step."""

    attrs: Mapping[str, Attribute] = field(default_factory=dict)
    wait: Waiting | None = None  # What the report waits for from now on.
    unit: str | None = None  # Who has it from now on.
    seen: int | None = None  # The version that the person saw; None: whatever stands.
    roles: frozenset[str] | None = None  # Whose verb it is, where the actor's roles do not say.
    changes: tuple[Change, ...] = ()  # Of other entities.


@dataclass(frozen=True)
class Written:
    """One report's part in a commit."""

    report: Report
    seen: int  # The version that must still stand.
    change: Change
    timers: tuple[Timer, ...]


async def move(
    citizens: Citizens,
    actor: Actor,
    report: Report,
    verb: str,
    step: Step,
    deed: Deed | None = None,
    now: int | None = None,
    more: tuple[Written, ...] = (),
) -> Report:
    """Do one verb with one report, and what belongs together with it (`more`), in one commit.

    IllegalMove, NotYours or a guard's own error when it may not be; Overtaken when somebody was faster.
    """
    at, brought, before = now or now_us(), deed or Deed(), report.version
    while True:
        first = write(citizens, actor, report, verb, step, brought, at)
        try:
            await commit(citizens, actor, (first, *more), reason_of(verb, step), brought.changes)
        except Overtaken:
            report = by_number(citizens, report.code)
            if report.version == before or not quiet_since(citizens, report, before):
                raise
            before = report.version
            continue
        return by_number(citizens, report.code)


def write(citizens: Citizens, actor: Actor, report: Report, verb: str, step: Step, deed: Deed, at: int) -> Written:
    """What a verb writes of one report, checked; nothing is committed yet."""
    seen = report.version if deed.seen is None else deed.seen
    if seen != report.version and not quiet_since(citizens, report, seen):
        raise overtaken(citizens, report, seen)
    by = deed.roles or (BY_REPORTER if actor == SYSTEM else actor.roles)
    full = replace(step, held=held_here(citizens, report, at))
    row = check(report, verb, by, full, rules_at(citizens, report.unit, at))
    told = {"verb": verb, "at": iso(at), "unit": deed.unit or report.assignee, "reason": step.reason.strip()}
    attrs = {
        "state": prop(row.next.value),
        "open": prop(row.next not in CLOSED),
        "step": json_prop({name: value for name, value in told.items() if value}),
        **_clocks(citizens, report, row, deed, at),
        **deed.attrs,
    }
    return Written(report, report.version, amend(report.id, **attrs), timers_of(report.code, attrs))


def _clocks(citizens: Citizens, report: Report, row: Move, deed: Deed, at: int) -> dict[str, Attribute]:
    """What becomes of the marks, of the wait, and of what is owed until when."""
    if not row.clock:
        return {}
    unit = deed.unit or report.assignee
    until = from_iso(deed.wait.until) if deed.wait else None
    now = replace(report, waiting=deed.wait) if deed.wait else report
    marks = moved(now, row.clock, unit, at, until)
    attrs: dict[str, Attribute] = {"clock": json_prop([mark_json(one) for one in marks])}
    owed = promise(citizens, now, at, until)
    if row.clock in ("pause", *_STOPS) and now.waiting is not None:
        attrs["handleBy"] = prop(iso_or_none(owed))
    if row.clock == "pause" and deed.wait:
        return attrs | {"wait": json_prop(deed.wait.as_json()), "due": prop(iso_or_none(owed))}
    if report.waiting is not None:
        attrs["wait"] = json_prop({})
    if row.clock == "stop":
        return attrs | ({"escalatedTo": prop("")} if report.escalated_to else {})
    stage = {"hand": "receive", "restart": "receive", "resume": "handle"}.get(row.clock, row.clock)
    handle_by = instance_value(default_instance(deed.attrs.get("handleBy")), iso_or_none(owed))
    due = due_of(citizens, replace(report, handle_by=handle_by), stage, unit, at)
    if due is not None:
        attrs["due"] = prop(iso(due))
    if report.escalated_to and due is not None and due > at:
        attrs["escalatedTo"] = prop("")
    return attrs


def timers_of(code: str, attrs: Mapping[str, Attribute]) -> tuple[Timer, ...]:
    """The alarm clocks of a report as it is written: when it is late, and when a wait is over."""
    said = {name: instance_value(default_instance(attrs[name])) for name in ("open", "due", "wait") if name in attrs}
    timers = []
    if said.get("open") is False:
        return Timer(CONSUMER, f"late|{code}", None), Timer(CONSUMER, f"wait|{code}", None)
    if said.get("due"):
        timers.append(Timer(CONSUMER, f"late|{code}", from_iso(said["due"]) + SECOND))
    if "wait" in said:
        until = said["wait"].get("until")
        timers.append(Timer(CONSUMER, f"wait|{code}", from_iso(until) if until else None))
    return tuple(timers)


async def commit(
    citizens: Citizens, actor: Actor, written: tuple[Written, ...], reason: str, changes: tuple[Change, ...] = ()
) -> None:
    """All of it or nothing; Overtaken when one of the reports has changed since it was seen."""
    expect = {one.report.id: one.seen for one in written}
    timers = tuple(timer for one in written for timer in one.timers)
    whole = Commit(actor, (*(one.change for one in written), *changes), reason, expect, timers=timers, owner=OWNER)
    try:
        await citizens.hub.commit(whole)
    except Conflict as cause:
        for one in written:
            fresh = by_number(citizens, one.report.code)
            if fresh.version != one.seen:
                raise overtaken(citizens, fresh, one.seen) from cause
        raise


async def commit_timers(citizens: Citizens, timers: tuple[Timer, ...], cursor: tuple[str, int] | None = None) -> None:
    """Set or remove timers, and keep how far the feed was read."""
    await citizens.hub.commit(Commit(SYSTEM, (), "clocks of reports", cursor=cursor, timers=timers))


async def hand_up(citizens: Citizens, report: Report, unit: str, at: int, done: Timer) -> None:
    """Mark a report late and put it on the list of the leader of `unit`; its timer is done with it."""
    told = {"verb": "late", "at": iso(at), "unit": report.assignee}
    marked = {
        "lateSince": prop(report.late_since or report.due),
        "escalatedTo": prop(unit),
        "step": json_prop({name: value for name, value in told.items() if value}),
    }
    change = amend(report.id, **marked)
    await commit(citizens, SYSTEM, (Written(report, report.version, change, (done,)),), "late")


def overtaken(citizens: Citizens, report: Report, seen: int) -> Overtaken:
    """The error that tells what others did with a report since a version was seen."""
    verbs = [step.get("verb", "") for step, _, _ in steps_since(citizens, report.id, seen)]
    done = ", ".join(filter(None, verbs)) or "a change"
    return Overtaken(
        f"Report {report.code} has changed since you saw it ({done}). Look at it again, then go on.",
        code=report.code,
        seen=seen,
        version=report.version,
        done=verbs,
    )


def steps_since(citizens: Citizens, entity_id: str, seen: int) -> list[tuple[Mapping[str, str], str, int]]:
    """What was done to a report after a version, oldest first: the step, who did it, when (µs)."""
    found = []
    for logged in reversed(citizens.hub.trail(SYSTEM, entity_id)):
        for entry in logged.entries:
            if entry.version > seen:
                step = instance_value(default_instance(entry.attrs.get("step")), {})
                found.append((step, logged.actor, logged.at))
    return found


def quiet_since(citizens: Citizens, report: Report, seen: int) -> bool:
    """Whether nothing happened since a version that a person must look at: a mark of lateness, a count of followers."""
    steps = steps_since(citizens, report.id, seen)
    return bool(steps) and all(step.get("verb", "") in QUIET for step, _, _ in steps)


def reason_of(verb: str, step: Step) -> str:
    """The reason as the log of changes keeps it."""
    return f"{verb}: {step.reason.strip()}" if step.reason else verb


def by_number(citizens: Citizens, number: str) -> Report:
    """The report (or part of one) with a public number. NoSuchReport when there is none."""
    try:
        return read_one(citizens.hub.get(SYSTEM, report_urn(number)), report_of)
    except Missing as cause:
        raise NoSuchReport from cause


def for_handler(citizens: Citizens, actor: Actor, number: str) -> Report:
    """The report (or part), when this official may see it and his unit owes the next step."""
    try:
        report = report_of(citizens.hub.get(actor, report_urn(number)))
    except Missing as cause:
        raise NoSuchReport from cause
    if not covers(citizens, actor, report.assignee):
        raise NotYours("This report is with another unit now.")
    return report


def covers(citizens: Citizens, actor: Actor, unit: str | None) -> bool:
    """Whether one of the actor's areas is this unit or organisation, or lies above it; no areas means everywhere."""
    if not actor.areas:
        return True
    if unit is None:
        return False
    if unit in actor.areas:
        return True
    return any(above.code in actor.areas for above in citizens.territory.chain(unit_of(unit)))


def check_unit(citizens: Citizens, unit: str) -> None:
    """Raise Invalid unless this is the code of a unit or organisation to which a report can go."""
    known = find_organisation(citizens.hub, unit) if is_organisation(unit) else citizens.territory.knows(unit)
    if not known:
        raise Invalid(f"No unit with code {unit[:10]} is in force; choose one of the list.", field="unit")
