"""Templates and the calendar of reports as data: checked with where and what, in force by day, inherited by unit."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dothi.evidence.model import PeriodKind, parse_period, period_of
from dothi.evidence.report.duties import calendar, due_by, duty_id, make_owed, units_of
from dothi.evidence.report.model import Level, ReportKind, Stage
from dothi.evidence.report.periods import after, before, told_period
from dothi.evidence.report.service import prepare
from dothi.evidence.report.templates import (
    DUTIES,
    KINDS,
    TEMPLATES,
    check_duties,
    check_templates,
    duties_at,
    parse,
    shipped,
    shipped_duties,
    template_for,
    templates_at,
)
from dothi.ground.calendar import vietnam
from dothi.ground.clock import DAY, MINUTE, from_iso, iso, now_us
from dothi.ground.errors import Invalid
from dothi.hub.model import Actor
from dothi.office.rules import adopt, open_rules
from tests.evidence.conftest import HUE, PHU_XUAN, THUAN_HOA, Town
from tests.evidence.reporting import InTown

ADMIN = Actor("user:admin", frozenset({"administrator"}))


def commune() -> dict[str, Any]:
    row: dict[str, Any] = copy.deepcopy(shipped()["template"][0])
    return row


def put_in(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Set a place of a template, as figure.0.indicator."""

    def change(row: dict[str, Any]) -> None:
        *way, last = path.split(".")
        here: Any = row
        for part in way:
            here = here[int(part)] if part.isdigit() else here[part]
        here[last] = value

    return change


BAD = [
    (put_in("section.0.changes", ["no-such"]), "section reports: there is no figure 'no-such'"),
    (put_in("section.0.sentence.0.text", "Có {nothing} việc."), "section reports, sentence 1: there is no figure"),
    (put_in("section.0.sentence.0.text", "Có {filed.colour} việc."), "after the point stands one of"),
    (put_in("section.0.sentence.0.text", "Có {filed việc."), "the braces do not match"),
    (put_in("section.0.sentence.0.when", "if it rains"), "sentence 1: when is"),
    (put_in("section.0.sentence.0.when", "ghost > 3"), "sentence 1: there is no figure 'ghost'"),
    (put_in("section.0.lists", ["gone"]), "section reports: there is no list 'gone'"),
    (put_in("section.0.tables", ["gone"]), "section reports: there is no table 'gone'"),
    (put_in("section.0.colour", "red"), "section reports: 'colour' means nothing here"),
    (put_in("list.0.columns", ["description"]), "list answered: there is no column 'description'"),
    (put_in("list.0.type", "ReportContact"), "list answered: rows of 'ReportContact' cannot be listed"),
    (put_in("list.0.where", "state=="), "list answered: where cannot be read"),
    (put_in("list.0.where", "due<{tomorrow}"), "list answered: where may hold"),
    (put_in("figure.10.share", ["done", "ghost"]), "figure done-share: there is no figure 'ghost'"),
    (put_in("figure.0.count", "answered"), "figure filed: say exactly one of"),
    (put_in("figure.0.over", "century"), "figure filed: over is one of"),
    (put_in("subject", "Về {weather}"), "subject: there is no figure 'weather'"),
    (put_in("kinds", ["decade"]), "Template commune"),
    (put_in("id", "Xã"), "is no name of a template"),
]


@pytest.mark.parametrize(("change", "said"), BAD, ids=[said[:40] for _, said in BAD])
def test_a_bad_reference_is_refused(change: Callable[[dict[str, Any]], None], said: str) -> None:
    """A template that points to what is not there is refused; the sentence says where, and what there is instead."""
    row = commune()
    change(row)
    with pytest.raises(Invalid) as refused:
        parse(row)
    assert said in refused.value.detail


def test_shipped_templates_and_calendar_hold() -> None:
    """What is shipped passes its own check, is labelled a sample, and serves each kind at both levels."""
    check_templates(shipped())
    check_duties(shipped_duties())
    made = [parse(row) for row in shipped()["template"]]
    assert all(one.sample for one in made)
    assert all(row["sample"] for row in shipped_duties()["duty"])
    for kind in ReportKind:
        for level in Level:
            assert any(kind in one.kinds and one.level in (None, level) for one in made), (kind, level)
    assert len([one for one in made if ReportKind.MONTH in one.kinds and one.level is Level.COMMUNE]) > 1
    for wrong in ({"duty": [{"id": "x"}]}, {"duty": [{"id": "x", "kind": "day", "level": "commune"}]}):
        with pytest.raises(Invalid):
            check_duties(wrong)
    with pytest.raises(Invalid):
        check_templates({"template": []})


def test_a_template_holds_by_day_and_unit(in_town: InTown) -> None:
    """A commune's own version holds there from its day on, the shipped one before and elsewhere."""

    async def story(town: Town) -> None:
        rules = open_rules(town.hub, town.evidence.territory, KINDS)
        here = replace(town.evidence, rules=rules)
        text = '[[template]]\nid = "commune"\nversion = 2\nname = "Mẫu của phường"\ntwo_people = true\n'
        tomorrow = iso(town.now + 2 * DAY)[:10]  # Two, since days begin in Vietnam before they do in UTC.
        await adopt(rules, ADMIN, TEMPLATES, PHU_XUAN, tomorrow, text, "Quyết định thử nghiệm số 1", now=town.now)
        month, later = ReportKind.MONTH, from_iso(tomorrow) + DAY
        assert template_for(here, month, PHU_XUAN, town.now).version == 1
        assert template_for(here, month, PHU_XUAN, later).version == 2
        assert template_for(here, month, PHU_XUAN, later).two_people
        assert template_for(here, month, THUAN_HOA, later).version == 1
        assert template_for(here, month, PHU_XUAN, later, "commune-short").id == "commune-short"
        with pytest.raises(Invalid, match="there are: commune, commune-short"):
            template_for(here, month, PHU_XUAN, later, "province")
        bad = '[[template]]\nid = "commune"\nsection = [{ id = "x", title = "X", changes = ["ghost"] }]\n'
        with pytest.raises(Invalid, match="section x: there is no figure 'ghost'"):
            await adopt(rules, ADMIN, TEMPLATES, PHU_XUAN, tomorrow, bad, "Quyết định thử nghiệm số 2", now=town.now)
        gone = '[[duty]]\nid = "commune-month"\nenabled = false\n'
        await adopt(rules, ADMIN, DUTIES, PHU_XUAN, tomorrow, gone, "Quyết định thử nghiệm số 3", now=town.now)
        assert "commune-month" in [row["id"] for row in duties_at(here, PHU_XUAN, town.now)]
        assert "commune-month" not in [row["id"] for row in duties_at(here, PHU_XUAN, later)]
        assert "commune-month" in [row["id"] for row in duties_at(here, THUAN_HOA, later)]
        assert [one.id for one in templates_at(here, PHU_XUAN, from_iso("2020-01-01"))] == []

    in_town(story)


def test_periods_follow_each_other() -> None:
    """Weeks, months, quarters and years: before and after meet without a gap, and are named as documents name them."""
    for kind, name, said in (
        (PeriodKind.WEEK, "2026-W01", "tuần 01 năm 2026 (từ 29/12/2025 đến 04/01/2026)"),
        (PeriodKind.MONTH, "2026-01", "tháng 01/2026"),
        (PeriodKind.QUARTER, "2026-Q4", "quý IV năm 2026"),
        (PeriodKind.YEAR, "2026", "năm 2026"),
    ):
        period = parse_period(kind, name)
        assert told_period(kind.value, period.name, period.start, period.end) == said
        assert before(period).end == period.start
        assert after(period).start == period.end
        assert period_of(kind, period.end - 1) == period == period_of(kind, period.start)
    for kind, wrong in ((PeriodKind.WEEK, "2025-W53"), (PeriodKind.QUARTER, "2026-Q5"), (PeriodKind.YEAR, "26")):
        with pytest.raises(Invalid, match="write it as"):
            parse_period(kind, wrong)


def test_due_days_skip_tet() -> None:
    """The fifth working day after January 2026 is 6 February at 17:00; a month that ends in Tết waits for its end."""
    january = parse_period(PeriodKind.MONTH, "2026-01")
    assert iso(due_by(january, 5, vietnam())) == "2026-02-06T10:00:00Z"
    week = parse_period(PeriodKind.WEEK, "2026-W07")  # 9 to 15 February; Tết is 16 to 20 February.
    assert iso(due_by(week, 1, vietnam())) == "2026-02-23T10:00:00Z"


def test_the_calendar_makes_what_is_owed_once(in_town: InTown) -> None:
    """After a month ends each commune and the province owe its report, with assignee and due, once."""

    async def story(town: Town) -> None:
        assert list(calendar(town.evidence, town.now)) == [
            one for one in calendar(town.evidence, town.now) if one.due >= town.hub.log(0, 1)[0].at
        ]
        following = period_of(PeriodKind.MONTH, town.now).end + MINUTE
        made = await make_owed(town.evidence, following)
        units = units_of(town.evidence)
        assert len(units) == 1 + len(town.evidence.territory.communes_of(HUE))
        months = [name for name in made if ":month:" in name]
        assert len(months) == len(units)
        assert await make_owed(town.evidence, following) == []
        owed = next(one for one in calendar(town.evidence, following) if one.about.unit == PHU_XUAN)
        duty = town.hub.get(ADMIN, duty_id(owed.about))
        assert (duty.value("assignee"), duty.value("open"), duty.value("state")) == (PHU_XUAN, True, Stage.OWED)
        assert from_iso(duty.value("due")) == due_by(owed.about.period, 5, vietnam())
        assert now_us() < from_iso(duty.value("due"))
        ready = await prepare(town.evidence, Actor("system:evidence", frozenset({"system"})), duty.id, following)
        assert ready.value("state") == Stage.DRAFT

    in_town(story)
