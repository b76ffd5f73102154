"""What other rules would have done: the cases of the last days judged by both, and where they differ.

Nothing is written. Deadlines, lateness, the demand for proof and for specific words, who gets it, the emergency hint
and the count of recurring places are computed again from the reports as they were filed and answered.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from dothi.citizens.handling.timing import calendar_by
from dothi.citizens.handling.workflow import Step, check
from dothi.citizens.intake.competence import decide, facts_of
from dothi.citizens.model import TYPE, IllegalMove, Outcome, Report, State, report_of
from dothi.citizens.needs import SYSTEM, Citizens
from dothi.citizens.rules import Rules, parse, recurring
from dothi.ground.clock import DAY, from_iso, iso, now_us
from dothi.ground.errors import DothiError
from dothi.hub.language.nodes import And, Compare, Condition, Query, TypeIs
from dothi.office.rules.model import Difference, Measure, Trial, trial

DAYS = 90
MOST = 50_000
METRES_A_DEGREE = 111_000.0
_HANDLER = frozenset({"official"})


def simulate(
    citizens: Citizens,
    unit: str | None,
    before: dict[str, Any],
    after: dict[str, Any],
    now: int | None = None,
    days: int = DAYS,
) -> Trial:
    """Judge the reports of `unit` (None: all) of the last `days` by two sets of tables. Invalid as `parse` says."""
    at = now or now_us()
    rules = parse(before), parse(after)
    since = iso(at - days * DAY)
    cases = list(_cases(citizens, unit, since))
    found = [one for report in cases for one in _differences(citizens, report, *rules)]
    answered = [one for one in cases if one.closed_at]
    in_time = [sum(_in_time(citizens, one, each) for one in answered) for each in rules]
    lasting = [_lasting(cases, each) for each in rules]
    measures = Measure("in_time", len(answered), *in_time), Measure("recurring", len(cases), *lasting)
    return trial(since, len(cases), measures, found)


def _cases(citizens: Citizens, unit: str | None, since: str) -> Iterator[Report]:
    terms: tuple[Condition, ...] = (Compare(("imported",), "==", False), Compare(("filedAt",), ">=", since))
    if unit:
        inside = [unit, *(one.code for one in citizens.territory.communes_of(unit))] if len(unit) == 2 else [unit]
        terms += (Compare(("unit",), "==", tuple(inside)),)
    query = Query(TypeIs(TYPE), q=And(terms), limit=MOST, order=("filedAt",))
    return (report_of(one) for one in citizens.hub.query(SYSTEM, query))


def _differences(citizens: Citizens, report: Report, before: Rules, after: Rules) -> Iterator[Difference]:
    if (report.category in after.categories) is not (report.category in before.categories):
        yield _of(report, "category", report.category, "")
        return
    if report.category not in after.categories:
        return
    pairs = {
        "receive": (_receive_by(citizens, report, before), _receive_by(citizens, report, after)),
        "handle": (_handle_by(citizens, report, before), _handle_by(citizens, report, after)),
    }
    if report.closed_at:
        kept = [_in_time(citizens, report, rules) for rules in (before, after)]
        if kept[0] is not kept[1]:
            yield _of(report, "in_time" if kept[1] else "late", *pairs["handle"])
        pairs["refused"] = _refused(report, before), _refused(report, after)
    pairs["routed"] = _holder(citizens, report, before), _holder(citizens, report, after)
    pairs["emergency"] = _emergency(report, before), _emergency(report, after)
    for kind, (was, would_be) in pairs.items():
        if was != would_be:
            yield _of(report, kind, was, would_be)


def _of(report: Report, kind: str, was: str, would_be: str) -> Difference:
    return Difference(kind, report.id, report.code, was, would_be)


def _receive_by(citizens: Citizens, report: Report, rules: Rules) -> str:
    office = calendar_by(citizens, rules, report.unit)
    return iso(rules.receive_by(from_iso(report.filed_at), rules.category(report.category), office))


def _handle_by(citizens: Citizens, report: Report, rules: Rules) -> str:
    office = calendar_by(citizens, rules, report.unit)
    return iso(rules.handle_by(from_iso(report.filed_at), rules.category(report.category), office))


def _in_time(citizens: Citizens, report: Report, rules: Rules) -> bool:
    if report.closed_at is None or report.category not in rules.categories:
        return False
    return from_iso(report.closed_at) <= from_iso(_handle_by(citizens, report, rules))


def _refused(report: Report, rules: Rules) -> str:
    """Why an answer that was given would be refused; "" when it would pass."""
    step = Step(
        outcome=report.outcome or Outcome.RESOLVED,
        words=report.answer or "",
        files=report.proof,
        duplicate_of=report.duplicate_of,
    )
    working = _as_it_was(report)
    try:
        check(working, "answer", _HANDLER, step, rules)
    except IllegalMove:
        return ""
    except DothiError as refused:
        return refused.detail
    return ""


def _as_it_was(report: Report) -> Report:
    """The report as it stood before its answer."""
    return replace(report, state=State.IN_PROGRESS, open=True, outcome=None, answer=None)


def _holder(citizens: Citizens, report: Report, rules: Rules) -> str:
    """Who would have got the report; its place as it was decided, by the table in force on the day of filing."""
    if report.unit is None:
        return ""
    at = from_iso(report.filed_at)
    facts = facts_of(citizens, rules, report.category, report.unit, report.description, "web", {}, at)
    return decide(citizens, rules, facts, at, sure=report.decided).assignee


def _emergency(report: Report, rules: Rules) -> str:
    return "emergency" if rules.hint(report.description).emergency else ""


def _lasting(cases: list[Report], rules: Rules) -> int:
    """How many reports would have shown, when they were filed, that a problem lasts."""
    side = rules.recurrence.radius_m / METRES_A_DEGREE * 2  # Of longitude too: Vietnam lies within 24° of the equator.
    cells: dict[tuple[str, int, int], list[Report]] = defaultdict(list)
    count = 0
    for report in cases:  # In order of filing: each sees the ones before it.
        if report.place is None:
            continue
        column, row = (int(degrees // side) for degrees in report.place)
        near = [(report.category, column + right, row + up) for right in (-1, 0, 1) for up in (-1, 0, 1)]
        count += bool(recurring(report, [one for cell in near for one in cells.get(cell, ())], rules.recurrence))
        cells[report.category, column, row].append(report)
    return count
