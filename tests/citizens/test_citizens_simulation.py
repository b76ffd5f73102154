"""What other rules would have done: the cases of the last days judged by both."""

from dataclasses import replace
from typing import Any

import pytest

from dothi.citizens import Filing, Outcome, Upload, answer, file_report, receive, start
from dothi.citizens.handling.simulation import simulate
from dothi.citizens.rules import shipped
from dothi.ground.clock import DAY, HOUR
from dothi.ground.errors import Invalid
from dothi.hub.model import Actor
from dothi.office.rules import overlay
from tests.citizens.conftest import MONDAY_8, PHU_XUAN, THUAN_HOA

NOW = MONDAY_8 + 3 * DAY
BEFORE = shipped()


def with_category(name: str, **values: object) -> dict[str, Any]:
    """The shipped tables with one category changed."""
    return overlay(BEFORE, {"categories": {"category": [{"id": name, **values}]}})


async def a_case(city: Any, lamp: Filing, official: Actor, proof: Upload, words: str, at: int) -> str:
    """A lamp reported and mended within eight hours of work."""
    filed = await file_report(city.citizens, lamp, at)
    await receive(city.citizens, official, filed.number, now=at + HOUR)
    await start(city.citizens, official, filed.number, now=at + HOUR)
    await answer(city.citizens, official, filed.number, Outcome.RESOLVED, words, (proof,), None, None, at + 30 * HOUR)
    return filed.number


@pytest.mark.parametrize(
    ("after", "kinds"),
    [
        (with_category("street_light", handle_hours=2), {"handle", "late"}),
        (with_category("street_light", handle_hours=80), {"handle"}),
        (with_category("street_light", removed=True), {"category"}),
        (with_category("street_light", urgent=True), {"receive", "handle", "late"}),
        (overlay(BEFORE, {"wording": {"answer": {"new_words": 60}}}), {"refused"}),
        (
            overlay(
                BEFORE,
                {
                    "routing": {
                        "route": [
                            {
                                "id": "lamps",
                                "order": 1,
                                "vi": "Đèn về tỉnh (mẫu)",
                                "en": "Lamps to the province (sample)",
                                "to": "province",
                                "when": {"category": ["street_light"]},
                            }
                        ]
                    }
                },
            ),
            {"routed"},
        ),
        (overlay(BEFORE, {"wording": {"emergency": {"words": ["đèn trước số nhà"]}}}), {"emergency"}),
        (BEFORE, set()),
    ],
    ids=["shorter", "longer", "gone", "urgent", "more words", "routed", "emergency", "the same"],
)
def test_each_change_of_a_rule_shows_what_it_would_have_done(
    in_city: Any, lamp: Filing, official: Actor, proof: Upload, answer_words: str, after: Any, kinds: set[str]
) -> None:
    """One mended lamp under other rules: another deadline, late, gone, refused, elsewhere; the same under the same."""

    async def story(city: Any) -> None:
        number = await a_case(city, lamp, official, proof, answer_words, MONDAY_8)
        log = city.hub.last_seq()
        found = simulate(city.citizens, THUAN_HOA, BEFORE, after, NOW)
        assert (found.cases, found.measures[0].of) == (1, 1)
        assert kinds <= found.counts.keys()
        assert bool(found.counts) is bool(kinds)
        assert {one.name for one in found.samples} <= {number}
        assert found.measures[0].before == 1
        assert city.hub.last_seq() == log, "a simulation writes nothing"

    in_city(story)


def test_only_the_unit_and_the_days_asked_for(in_city: Any, lamp: Filing) -> None:
    """Reports of another commune and from before are not counted; the whole province counts its communes."""

    async def story(city: Any) -> None:
        await file_report(city.citizens, lamp, MONDAY_8)
        await file_report(city.citizens, replace(lamp, unit=PHU_XUAN), MONDAY_8)
        await file_report(city.citizens, lamp, MONDAY_8 - 100 * DAY)
        counts = {
            unit: simulate(city.citizens, unit, BEFORE, BEFORE, NOW).cases for unit in (THUAN_HOA, PHU_XUAN, "46", None)
        }
        assert counts == {THUAN_HOA: 1, PHU_XUAN: 1, "46": 2, None: 2}
        with pytest.raises(Invalid):
            simulate(city.citizens, None, BEFORE, {"categories": {}, "wording": {}}, NOW)

    in_city(story)


def test_a_wider_radius_shows_more_lasting_problems(in_city: Any, lamp: Filing) -> None:
    """Three lamps 150 m apart are no lasting problem within 100 m and one within 400 m."""

    async def story(city: Any) -> None:
        for step in range(3):
            there = replace(lamp, lon=(lamp.lon or 0) + step * 0.0014, key=f"key of lamp number {step}")
            await file_report(city.citizens, there, MONDAY_8 + step * HOUR)
        wider = overlay(BEFORE, {"categories": {"recurrence": {"radius_m": 400}}})
        found = simulate(city.citizens, None, BEFORE, wider, NOW)
        assert (found.measures[1].before, found.measures[1].after) == (0, 1)

    in_city(story)
