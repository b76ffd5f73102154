"""What other tables of incidents would have done: the steps of the last 90 days, judged by both."""

from collections.abc import Iterator, Mapping
from typing import Any

from dothi.ground.clock import DAY, HOUR, from_iso, iso, now_us
from dothi.ground.clocks import Limit, due_by
from dothi.hub.model import readable
from dothi.office.rules.model import Difference, Measure, Trial, trial
from dothi.operations.incidents.model import SYSTEM, TYPE, Incident, Step, StepState, incident_of
from dothi.operations.incidents.playbooks.tables import Rules, StepRow, parse
from dothi.operations.model import Operations

DAYS = 90
_MOST = 20_000


def simulate(
    operations: Operations,
    unit: str | None,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    now: int | None = None,
) -> Trial:
    """Judge the incidents of the last 90 days of `unit` (None: all) by two sets of tables. Invalid as `parse` says."""
    at = now_us() if now is None else now
    since = at - DAYS * DAY
    was, would_be = parse(before), parse(after)
    cases = list(_cases(operations, unit, since))
    found: list[Difference] = []
    kept = {"steps": [0, 0], "taken": [0, 0]}
    for one in cases:
        found += _case(one, was, would_be, at, kept)
    done = sum(step.state is StepState.DONE for one in cases for step in one.steps)
    measures = (Measure("steps_in_time", done, *kept["steps"]), Measure("taken_in_time", len(cases), *kept["taken"]))
    return trial(iso(since), len(cases), measures, found)


def _cases(operations: Operations, unit: str | None, since: int) -> Iterator[Incident]:
    """The real incidents of a unit and of those below it."""
    held = None if unit is None else {*operations.territory.within(unit), unit}
    found = operations.hub.find(SYSTEM, TYPE, f'since>="{iso(since)}"', _MOST, order=("since",))
    for one in readable(found, incident_of):
        if not one.drill and (held is None or one.unit in held):
            yield one


def _case(one: Incident, was: Rules, would_be: Rules, now: int, kept: dict[str, list[int]]) -> Iterator[Difference]:
    """What both say of one incident; `kept` counts what was in time by each."""
    rows = [_rows(rules, one) for rules in (was, would_be)]
    for place, rules in enumerate((was, would_be)):
        kept["taken"][place] += _taken(one, rules, now)
    for step in one.steps:
        row, other = rows[0].get(step.id), rows[1].get(step.id)
        if step.state is StepState.DONE:
            kept["steps"][0] += row is not None and _in_time(one, step, row)
            kept["steps"][1] += other is not None and _in_time(one, step, other)
        if row is not None and other is not None and step.state is StepState.DONE:
            judged = [_in_time(one, step, each) for each in (row, other)]
            if judged[0] is not judged[1]:
                dues = [iso(_due(one, step, each)) for each in (row, other)]
                yield Difference("in_time" if judged[1] else "late", one.id, _called(one, step), *dues)
    for name in rows[1].keys() - rows[0].keys():
        yield Difference("step_new", one.id, one.title, "", rows[1][name].title["vi"])
    for name in rows[0].keys() - rows[1].keys():
        yield Difference("step_gone", one.id, one.title, rows[0][name].title["vi"], "")


def _rows(rules: Rules, one: Incident) -> dict[str, StepRow]:
    book = rules.playbooks.get(one.kind)
    return {row.id: row for row in book.steps} if book else {}


def _called(one: Incident, step: Step) -> str:
    return f"{one.title}: {step.title.get('vi', step.id)}"


def _due(one: Incident, step: Step, row: StepRow) -> int:
    """Until when a step would have been owed: from when it woke, which is when its time began."""
    begun = from_iso(step.due) - round(step.hours * HOUR) if step.due and step.hours else one.opened_at
    return due_by(begun, Limit(row.hours, always=True))


def _in_time(one: Incident, step: Step, row: StepRow) -> bool:
    return from_iso(step.at) <= _due(one, step, row)


def _taken(one: Incident, rules: Rules, now: int) -> bool:
    limit = due_by(one.opened_at, Limit(rules.take[one.priority], always=True))
    return (from_iso(one.taken_at) if one.taken_at else now) <= limit
