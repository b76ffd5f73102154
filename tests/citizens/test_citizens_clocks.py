"""The clocks of reports over a real hub: who is charged, what pauses give, office hours, urgent nights, late once."""

from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any

from dothi.citizens import Filing, Upload, answer, file_report, pass_on, receive, reopen
from dothi.citizens.handling import waiting, watching
from dothi.citizens.handling.moving import by_number, commit_timers
from dothi.citizens.handling.timing import calendar_by, calendar_of, reading
from dothi.citizens.model import Outcome
from dothi.citizens.reading import escalated
from dothi.citizens.rules import load, parse, shipped
from dothi.ground.clock import DAY, HOUR, MINUTE, SECOND, from_iso
from dothi.ground.clocks import due_by
from dothi.hub.model import Actor
from dothi.office.rules import overlay

PHU_XUAN, THUAN_HOA, HUE = "19753", "19789", "46"
MONDAY_8 = from_iso("2026-11-16T08:00:00+07:00")


def test_time_is_charged_to_who_held_it_and_adds_up(
    in_city: Any, lamp: Filing, official: Actor, neighbour: Actor, proof: Upload, answer_words: str
) -> None:
    """1 h here, passed on, 1 h there, 2.5 h waited for the weather, then answered: every minute is somebody's."""

    async def story(city: Any) -> None:
        here = city.citizens
        number = (await file_report(here, lamp, MONDAY_8)).number
        await pass_on(here, official, number, PHU_XUAN, "Đoạn này của Phú Xuân", now=MONDAY_8 + HOUR)
        await receive(here, neighbour, number, now=MONDAY_8 + 90 * MINUTE)
        await waiting.wait(here, neighbour, number, "weather", "Mưa to, chưa trèo cột", now=MONDAY_8 + 2 * HOUR)
        await waiting.resume(here, neighbour, number, now=MONDAY_8 + 6 * HOUR)  # 10:00 to 14:00, lunch between.
        done = await answer(here, neighbour, number, Outcome.RESOLVED, answer_words, [proof], now=MONDAY_8 + 7 * HOUR)
        found = reading(here, done, MONDAY_8 + 30 * DAY)
        assert found.held == {THUAN_HOA: HOUR, PHU_XUAN: 2 * HOUR}
        assert found.waited == {"weather": 150 * MINUTE}
        assert found.stages == {"receive": 90 * MINUTE, "handle": 90 * MINUTE}
        assert (found.running, found.total) == (False, 330 * MINUTE)

    in_city(story)


def test_what_is_late_is_marked_once_and_handed_to_the_leader_above(
    in_city: Any, lamp: Filing, official: Actor, desk_officer: Actor
) -> None:
    """Once for each deadline, by a durable timer; received late it leaves the list, answered too late it came again."""

    async def story(city: Any) -> None:
        here = city.citizens
        number = (await file_report(here, lamp, MONDAY_8)).number
        for logged in city.hub.log(0, 100):
            await commit_timers(here, await watching.react(here, logged))
        due = from_iso(by_number(here, number).due or "")
        assert await watching.ring(here, due) == 0
        for later in (SECOND, MINUTE, DAY):
            await watching.ring(here, due + later)
        late = by_number(here, number)
        assert (late.late_since, late.escalated_to) == (late.due, HUE)
        assert escalated(here, desk_officer).count == 1
        assert escalated(here, official).count == 0
        marked = city.hub.trail(Actor("system:citizens", frozenset({"system"})), late.id)
        assert sum(one.reason == "late" for one in marked) == 1
        taken = await receive(here, official, number, now=due + DAY)
        assert (taken.escalated_to, taken.late_since, escalated(here, desk_officer).count) == (None, late.due, 0)
        await watching.ring(here, from_iso(taken.due or "") + DAY)
        assert escalated(here, desk_officer).count == 1

    in_city(story)


def test_urgent_reports_run_day_and_night_also_while_they_wait(in_city: Any, lamp: Filing, official: Actor) -> None:
    """Filed on Friday evening: received within 4 hours, and a wait of the weekend is measured in full."""

    async def story(city: Any) -> None:
        here, friday = city.citizens, from_iso("2026-11-20T18:00:00+07:00")
        number = (await file_report(here, replace(lamp, category="flooding"), friday)).number
        report = by_number(here, number)
        assert (from_iso(report.due or ""), from_iso(report.handle_by or "")) == (friday + 4 * HOUR, friday + 8 * HOUR)
        await receive(here, official, number, now=friday + HOUR)
        await waiting.wait(here, official, number, "unit", "Chờ đội thoát nước", now=friday + 2 * HOUR)
        back = await waiting.resume(here, official, number, now=friday + 5 * HOUR)
        assert from_iso(back.handle_by or "") == friday + 11 * HOUR
        assert reading(here, back, friday + 6 * HOUR).held == {THUAN_HOA: 3 * HOUR}

    in_city(story)


def test_a_commune_has_its_own_hours_and_limits(in_city: Any, lamp: Filing) -> None:
    """Office hours and days off are rows of rules: what a unit says of itself does not reach its neighbour."""
    tables = shipped()
    own = {
        "id": "mine",
        "unit": THUAN_HOA,
        "week": ["08:00-12:00", *["07:30-11:30 13:00-17:00"] * 4, "", ""],
    }
    storm = {"id": "s", "day": "2026-11-17", "working": False, "name": "Nghỉ bão", "source": "mẫu", "unit": THUAN_HOA}
    clocks = {**tables["clocks"], "office": [*tables["clocks"]["office"], own], "amendment": [storm]}

    async def story(city: Any) -> None:
        here = replace(city.citizens, rules=parse({**tables, "clocks": clocks}))
        limit = load().limit("receive", load().category("street_light"))
        assert due_by(MONDAY_8, limit, calendar_of(here, THUAN_HOA)) == from_iso("2026-11-18T11:30:00+07:00")
        assert due_by(MONDAY_8, limit, calendar_of(here, PHU_XUAN)) == from_iso("2026-11-17T08:00:00+07:00")

    in_city(story)


def test_reopened_the_promise_is_new_and_the_time_adds_up(
    in_city: Any, lamp: Filing, official: Actor, proof: Upload, answer_words: str
) -> None:
    """The second round is charged too, the days between are nobody's."""

    async def story(city: Any) -> None:
        here = city.citizens
        filed = await file_report(here, lamp, MONDAY_8)
        await receive(here, official, filed.number, now=MONDAY_8 + HOUR)
        await answer(here, official, filed.number, Outcome.RESOLVED, answer_words, [proof], now=MONDAY_8 + 2 * HOUR)
        again = await reopen(here, filed.follow_code, "Đèn lại tắt từ tối qua", now=MONDAY_8 + 2 * DAY)
        assert reading(here, again, MONDAY_8 + 2 * DAY + HOUR).held == {THUAN_HOA: 3 * HOUR}
        assert from_iso(again.due or "") == from_iso("2026-11-19T08:00:00+07:00")

    in_city(story)


def test_a_mark_of_lateness_overtakes_nobody(in_city: Any, lamp: Filing, official: Actor) -> None:
    """Who opened the case before it was marked late, or is marked while writing, still does what he came for."""

    async def story(city: Any) -> None:
        here = city.citizens
        number = (await file_report(here, lamp, MONDAY_8)).number
        for logged in city.hub.log(0, 100):
            await commit_timers(here, await watching.react(here, logged))
        seen = by_number(here, number)
        late = from_iso(seen.due or "") + DAY
        await watching.ring(here, late)
        assert by_number(here, number).version > seen.version
        taken = await receive(here, official, number, seen.version, late + HOUR)
        assert (taken.state, taken.late_since) == ("received", seen.due)

    in_city(story)


def test_a_communes_own_hours_win_over_its_provinces(in_city: Any) -> None:
    """Where both have office hours of their own, the commune's hold in the commune and the province's elsewhere."""

    async def story(city: Any) -> None:
        week = ["07:00-11:00 13:00-17:00"] * 5 + ["", ""]
        rows = [
            {"id": "46", "unit": "46", "week": week},
            {"id": THUAN_HOA, "unit": THUAN_HOA, "week": ["08:00-09:00"] * 7},
        ]
        rules = parse(overlay(shipped(), {"clocks": {"office": rows}}))
        here, there = (calendar_by(city.citizens, rules, unit) for unit in (THUAN_HOA, PHU_XUAN))
        sunday = date(2026, 11, 22)
        assert (len(here.shifts(sunday)), len(there.shifts(sunday))) == (1, 0)
        assert there.shifts(sunday + timedelta(days=1))[0] == (time(7), time(11))

    in_city(story)
