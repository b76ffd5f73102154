"""Reports that look alike at a place suggest a problem, once; the measures of the service stay apart."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from dothi.citizens import Filing, Outcome, Upload, answer, file_report, following, rate, receive, reopen
from dothi.citizens.problems import service
from dothi.citizens.problems.model import Problem, ProblemState, problem_of
from dothi.citizens.services.measures import SERVICE, measure, write_measures
from dothi.ground.clock import DAY, from_iso
from dothi.hub.model import Actor

MONDAY_8 = from_iso("2026-11-16T08:00:00+07:00")
ALL = Actor("system:test", frozenset({"system"}))
NEAR, FAR = 0.0005, 0.002  # Degrees of latitude: 56 m and 222 m.


async def caught_up(city: Any) -> None:
    """Let the consumer read everything that there is, as it does in a running city."""
    for logged in city.hub.log(city.hub.cursor(following.CONSUMER), 1000):
        await following.react(city.citizens, logged)


def problems(city: Any) -> list[Problem]:
    """All problems."""
    return [problem_of(one) for one in city.hub.find(ALL, "Problem")]


async def file_at(city: Any, lamp: Filing, days: float, north: float = 0.0, **more: Any) -> str:
    """File a lamp so many days after Monday and so far north of the first; its entity id."""
    filing = replace(lamp, lat=(lamp.lat or 0.0) + north, **more)
    filed = await file_report(city.citizens, filing, MONDAY_8 + round(days * DAY))
    return f"urn:ngsi-ld:CitizenReport:{filed.number}"


def test_the_third_report_at_a_place_is_told_of_once(in_city: Any, lamp: Filing) -> None:
    """Two are not, the third is, with reasons; the fourth extends it; reading again adds nothing."""

    async def story(city: Any) -> None:
        first = [await file_at(city, lamp, 0), await file_at(city, lamp, 30, NEAR)]
        await caught_up(city)
        assert problems(city) == []
        third = await file_at(city, lamp, 60, NEAR)
        await caught_up(city)
        (found,) = problems(city)
        assert sorted(found.reports) == sorted([*first, third])
        assert (found.state, found.unit, found.due is not None) == (ProblemState.SUGGESTED, "19789", True)
        assert {one.report for one in found.reasons} == set(first), "each other report is there with its reasons"
        assert all(one.cosine == 1.0 and one.distance_m < 100 and one.similarity > 0.45 for one in found.reasons)
        assert list(city.hub.find(ALL, "Proposal")) == [], "nothing is proposed before a person says yes"
        fourth = await file_at(city, lamp, 70)
        await caught_up(city)
        for logged in city.hub.log(0, 1000):
            await following.react(city.citizens, logged)
        (found,) = problems(city)
        assert sorted(found.reports) == sorted([*first, third, fourth])

    in_city(story)


def test_what_a_person_rejected_is_not_suggested_again(in_city: Any, lamp: Filing, official: Actor) -> None:
    """After a no the place is quiet, until reports of newer days look alike by themselves."""

    async def story(city: Any) -> None:
        for day in range(3):
            await file_at(city, lamp, day)
        await caught_up(city)
        (found,) = problems(city)
        await service.reject(city.citizens, official, found.name, "Ba đèn khác nhau, không cùng một nguyên nhân.")
        await file_at(city, lamp, 5)
        await caught_up(city)
        assert [one.state for one in problems(city)] == [ProblemState.REJECTED]
        for day in (120, 121, 122):
            await file_at(city, lamp, day)
        await caught_up(city)
        assert sorted(one.state for one in problems(city)) == [ProblemState.REJECTED, ProblemState.SUGGESTED]
        assert len(problems(city)[-1].reports) == 3

    in_city(story)


@pytest.mark.parametrize(
    "third",
    [{"north": FAR}, {"days": 91.0}, {"category": "waste"}],
    ids=["222 m away", "after 90 days", "another category"],
)
def test_far_late_or_other_reports_are_no_problem(in_city: Any, lamp: Filing, third: Any) -> None:
    """Three reports that do not belong together suggest nothing."""

    async def story(city: Any) -> None:
        await file_at(city, lamp, 0)
        await file_at(city, lamp, 1)
        await file_at(city, lamp, **({"days": 2.0} | third))
        await caught_up(city)
        assert problems(city) == []

    in_city(story)


def test_the_running_consumer_suggests_by_itself(in_city: Any, lamp: Filing) -> None:
    """In a running city nobody has to ask; started anew it does not suggest again."""

    async def story(city: Any) -> None:
        for _ in range(2):
            beside = asyncio.create_task(following.run(city.citizens))
            for day in range(3):
                await file_at(city, lamp, day)
            async with asyncio.timeout(5):
                while not problems(city):
                    await asyncio.sleep(0.02)
            await asyncio.sleep(0.1)
            beside.cancel()
            await asyncio.gather(beside, return_exceptions=True)
        assert len(problems(city)) == 1
        assert city.hub.get(ALL, SERVICE).value("usage") >= 0

    in_city(story)


def test_a_bad_rating_and_a_reopening_change_satisfaction_and_not_usage(
    in_city: Any, lamp: Filing, official: Actor, proof: Upload, answer_words: str
) -> None:
    """Interest, usage and satisfaction are three figures, each with its denominator; nothing known is not zero."""

    async def story(city: Any) -> None:
        here, now = city.citizens, MONDAY_8 + DAY
        codes = [await file_report(here, lamp, MONDAY_8) for _ in range(3)]
        for _ in range(12):
            here.views.count()
        first = await write_measures(here, now)
        assert (first.filed, first.views, first.stars, first.response_rate) == (3, 12, None, None)
        assert city.hub.get(ALL, SERVICE).value("satisfaction") is None
        for filed in codes[:2]:
            await receive(here, official, filed.number, now=now)
            await answer(here, official, filed.number, Outcome.RESOLVED, answer_words, [proof], now=now)
        await rate(here, codes[0].follow_code, 5, now=now)
        good = await write_measures(here, now)
        assert (good.stars, good.rated, good.answered, good.response_rate) == (5.0, 1, 2, 0.5)
        await rate(here, codes[1].follow_code, 2, now=now)
        await reopen(here, codes[1].follow_code, "Đèn lại tắt từ tối qua", now=now)
        bad = await write_measures(here, now)
        assert (bad.stars, bad.rated, bad.satisfied, bad.reopened) == (3.5, 2, 1, 1)
        assert (bad.filed, bad.views) == (good.filed, good.views) == (3, 12)
        kept = city.hub.get(ALL, SERVICE)
        assert (kept.value("usage"), kept.value("interest"), kept.value("satisfaction")) == (3, 12, 3.5)
        before = city.hub.last_seq()
        await write_measures(here, now)
        assert city.hub.last_seq() == before, "what did not change is not written again"
        december = measure(here, now=from_iso("2026-12-02T00:00:00+07:00"))
        assert (december.month, december.filed, december.views, december.days) == ("2026-12", 0, 0, 2)

    in_city(story)
