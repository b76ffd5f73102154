"""What other rules of the programme would have done: limits and reminders of the last days, judged by both."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dothi.ground.clock import DAY, from_iso, iso, now_us
from dothi.ground.clocks import Limit, What, due_by
from dothi.hub.model import system
from dothi.office.rules.model import Difference, Measure, Trial, trial
from dothi.programme import chasing, rules
from dothi.programme.model import Programme, Task, readable, task_of
from dothi.programme.tasks import ledger, parts

DAYS = 90
_MOST = 50_000
_SYSTEM = system("programme")
Tables = Mapping[str, Any]
Asked = tuple[str, str, int, int | None]  # Entity id, name, when it was asked, when it was answered (µs).


def simulate(
    programme: Programme, kind: str, unit: str | None, before: Tables, after: Tables, now: int | None = None
) -> Trial:
    """Judge the last 90 days of `unit` (None: all) by two sets of tables of one kind. Invalid as their parser says."""
    at = now_us() if now is None else now
    judge = TRIALS[kind]
    return judge(programme, _within(programme, unit), before, after, at)


Held = Callable[[str], bool]


def _within(programme: Programme, unit: str | None) -> Held:
    if unit is None:
        return lambda code: True
    return lambda code: code == unit or (len(unit) == 2 and code[:2] != "" and programme.upper(code) == unit)


def _limits(programme: Programme, held: Held, before: Tables, after: Tables, now: int) -> Trial:
    """Parts and requests for another deadline: answered in time by both; kinds of evidence that are gone."""
    was, would_be, since = rules.parse(before), rules.parse(after), now - DAYS * DAY
    found: list[Difference] = []
    measures = []
    asked = {
        "parts": (list(_parts(programme, held, since)), "part_answer_hours"),
        "extensions": (list(_requests(programme, held, since)), "extension_answer_hours"),
    }
    for name, (cases, limit) in asked.items():
        kept = [[_in_time(programme, case, getattr(each, limit)) for case in cases] for each in (was, would_be)]
        measures.append(Measure(name, len(cases), sum(kept[0]), sum(kept[1])))
        for case, one, other in zip(cases, *kept, strict=True):
            if one is not other:
                due = [iso(_due(programme, case, getattr(each, limit))) for each in (was, would_be)]
                found.append(Difference("in_time" if other else "late", case[0], case[1], *due))
    tasks = list(_tasks(programme, held, since))
    found += [
        Difference("evidence_gone", one.id, one.title, one.evidence_kind, "")
        for one in tasks
        if one.evidence_kind in was.evidence and one.evidence_kind not in would_be.evidence
    ]
    cases_in_all = len(tasks) + sum(len(cases) for cases, _ in asked.values())
    return trial(iso(since), cases_in_all, tuple(measures), found)


def _parts(programme: Programme, held: Held, since: int) -> Iterator[Asked]:
    for one in readable(programme.hub.find(_SYSTEM, parts.TYPE, limit=_MOST), parts.part_of):
        begun = next((mark.at for mark in one.marks if mark.what is What.START), None)
        if begun is None or begun < since or not held(one.of):
            continue
        yield one.id, one.title, begun, next((mark.at for mark in one.marks if mark.at > begun), None)


def _requests(programme: Programme, held: Held, since: int) -> Iterator[Asked]:
    for one in programme.hub.find(_SYSTEM, ledger.TYPE, limit=_MOST):
        begun, decided = one.value("askedAt"), one.value("decidedAt")
        if begun and from_iso(begun) >= since and held(str(one.value("of", ""))):
            yield one.id, str(one.value("title", "")), from_iso(begun), from_iso(decided) if decided else None


def _due(programme: Programme, case: Asked, hours: float) -> int:
    return due_by(case[2], Limit(hours), programme.calendar)


def _in_time(programme: Programme, case: Asked, hours: float) -> bool:
    return case[3] is not None and case[3] <= _due(programme, case, hours)


def _tasks(programme: Programme, held: Held, since: int) -> Iterator[Task]:
    """Tasks that were open at some time of the last days."""
    for one in readable(programme.hub.find(_SYSTEM, "Task", limit=_MOST), task_of):
        if held(one.lead) and (one.done_at is None or from_iso(one.done_at) >= since):
            yield one


def _chasing(programme: Programme, held: Held, before: Tables, after: Tables, now: int) -> Trial:
    """The reminders that both would have written, by task and desk."""
    since = now - DAYS * DAY
    tasks = list(_tasks(programme, held, since))
    sets = [chasing.parse(each) for each in (before, after)]
    rung = [{one.id: _rung(programme, one, each.rules, since, now) for one in tasks} for each in sets]
    found = [
        Difference("chased", one.id, one.title, ", ".join(rung[0][one.id]), ", ".join(rung[1][one.id]))
        for one in tasks
        if rung[0][one.id] != rung[1][one.id]
    ]
    counts = [sum(map(len, each.values())) for each in rung]
    leaders = [
        sum(any(name in leading for name in names) for names in each.values())
        for each, leading in zip(
            rung, ([r.id for r in one.rules if r.to == chasing.LEADER] for one in sets), strict=True
        )
    ]
    measures = Measure("reminders", max(counts), *counts), Measure("to_leader", len(tasks), *leaders)
    return trial(iso(since), len(tasks), measures, found)


def _rung(programme: Programme, one: Task, rows: tuple[chasing.Rule, ...], since: int, now: int) -> tuple[str, ...]:
    """The rules that would have rung for a task while it was open."""
    until = min(now, from_iso(one.done_at) if one.done_at else now)
    due = from_iso(one.due)
    return tuple(row.id for row in rows if since <= chasing.rings_at(row, due, programme.calendar) <= until)


TRIALS: Mapping[str, Callable[[Programme, Held, Tables, Tables, int], Trial]] = {
    rules.KIND: _limits,
    chasing.KIND: _chasing,
}
