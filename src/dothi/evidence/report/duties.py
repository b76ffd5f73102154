"""The calendar of reports: which are owed, by whom, until when; made by the clock, prepared before anybody asks."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import NamedTuple

from dothi.evidence.model import COUNTRY, DUTY, OWNER, SYSTEM, Evidence, Period, PeriodKind, period_of
from dothi.evidence.reading import find
from dothi.evidence.report.model import About, ReportKind, Stage
from dothi.evidence.report.periods import before, told_period
from dothi.evidence.report.schemes import scheme, span_of, title_of
from dothi.evidence.report.templates import duties_at, form
from dothi.ground.calendar import WorkingCalendar, add_working_days, vietnam
from dothi.ground.clock import MINUTE, SECOND, VIETNAM, from_datetime, from_iso, iso, now_us, to_datetime
from dothi.ground.ids import urn
from dothi.hub.model import ABSENT, Actor, Attribute, Change, Commit, Entity, Op, json_prop, prop, rel, words

DUE_AT = time(17, 0)


class Owed(NamedTuple):
    """One report that a row of the calendar asks for."""

    about: About
    due: int
    row: str  # Id of the row that asks for it.


def duty_id(about: About) -> str:
    """The one entity of a unit's report of a period."""
    return urn(DUTY, about.kind.value, about.unit, about.period.name)


def due_by(period: Period, working_days: int, calendar: WorkingCalendar) -> int:
    """17:00 of the n-th working day after a period's last day."""
    last = to_datetime(period.end - 1).astimezone(VIETNAM).date()
    day = add_working_days(last, working_days, calendar)
    return from_datetime(datetime.combine(day, DUE_AT, VIETNAM))


def units_of(evidence: Evidence) -> list[str]:
    """Who owes reports here: the city's unit and its communes; nobody where no city is named."""
    if evidence.unit == COUNTRY:
        return []
    if evidence.territory.unit(evidence.unit).level != "province":
        return [evidence.unit]
    return [evidence.unit, *(one.code for one in evidence.territory.communes_of(evidence.unit))]


def calendar(evidence: Evidence, now: int) -> Iterator[Owed]:
    """What the calendar asks for of the periods that ended last, and that fell due since this city began."""
    began, days = _born(evidence), vietnam()
    for unit in units_of(evidence):
        for row in duties_at(evidence, unit, now):
            period = before(period_of(PeriodKind(row["kind"]), now))
            due = due_by(period, row["due_working_days"], days)
            if due >= began:
                yield Owed(About(ReportKind(row["kind"]), unit, period), due, row["id"])


def _born(evidence: Evidence) -> int:
    first = evidence.hub.log(0, 1)
    return first[0].at if first else now_us()


async def make_owed(evidence: Evidence, now: int) -> list[str]:
    """Write the reports owed that are not there yet; returns their ids. Harmless when repeated."""
    made = []
    for one in calendar(evidence, now):
        if find(evidence, duty_id(one.about)) is None:
            made.append((await owe(evidence, SYSTEM, one.about, one.due, now, one.row)).id)
    return made


async def owe(  # A report owed is these things together.
    evidence: Evidence, actor: Actor, about: About, due: int | None, now: int, row: str = "", template: str = ""
) -> Entity:
    """A report that a unit owes; the one that is there when it is owed already."""
    name = duty_id(about)
    found = find(evidence, name)
    if found is not None:
        return found
    change = Change(Op.CREATE, name, (DUTY,), _attributes(evidence, about, due, now, row, template))
    reason = "report owed" if row else "report begun"
    await evidence.hub.commit(Commit(actor, (change,), reason, {name: ABSENT}, owner=OWNER))
    return evidence.hub.get(SYSTEM, name)


def _attributes(  # The same.
    evidence: Evidence, about: About, due: int | None, now: int, row: str, template: str
) -> dict[str, Attribute]:
    place, period = evidence.territory.unit(about.unit).name, about.period
    called = title_of(scheme(evidence, SYSTEM, about.scheme)) if about.scheme else ""
    told = told_period(about.kind.value, period.name, period.start, period.end)
    attrs: dict[str, Attribute] = {
        "name": words(vi=form()["names"][about.kind.value].format(period=told, unit=place, scheme=called)),
        "kind": prop(about.kind.value),
        "unit": prop(about.unit),
        "period": prop(period.name),
        "periodStart": prop(iso(period.start)),
        "periodEnd": prop(iso(period.end)),
        "assignee": prop(about.unit),
        "open": prop(True),
        "state": prop(Stage.OWED.value, iso(now)),
        "wording": json_prop({}),
    }
    if due is not None:
        attrs["due"] = prop(iso(due))
    if row:
        attrs["calendarRow"] = prop(row)
    if template:
        attrs["template"] = prop(template)
    if about.scheme:
        attrs["scheme"] = rel(about.scheme)
    return attrs


def about_of(evidence: Evidence, duty: Entity, now: int) -> About:
    """What a report owed is about; a scheme that still runs is told until today."""
    kind, unit = ReportKind(duty.value("kind")), duty.value("unit")
    target = duty.value("scheme", "")
    if target:
        return About(kind, unit, span_of(scheme(evidence, SYSTEM, target), now), target)
    start, end = (from_iso(duty.value(name)) for name in ("periodStart", "periodEnd"))
    return About(kind, unit, Period(PeriodKind(kind.value), duty.value("period"), start, end))


def to_midnight(now: int) -> float:
    """Seconds until a minute past the next midnight in Vietnam."""
    day = to_datetime(now).astimezone(VIETNAM).date() + timedelta(days=1)
    return (from_datetime(datetime.combine(day, time(0, 0), VIETNAM)) + MINUTE - now) / SECOND
