"""The life of a report over a real hub: filed once, routed by a person or a boundary, answered with proof, judged."""

import asyncio
import io
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from dothi.accounts.model import Identity
from dothi.citizens import (
    Filing,
    Outcome,
    State,
    Upload,
    answer,
    attach,
    file_report,
    find_by_code,
    find_by_number,
    pass_on,
    rate,
    receive,
    reopen,
    route,
    start,
)
from dothi.citizens.model import IllegalMove, NoProof, NoSuchReport, NothingSpecific, NotYours
from dothi.citizens.reading import desk, timeline
from dothi.ground.clock import HOUR, from_iso
from dothi.ground.errors import Conflict, Forbidden, Invalid
from dothi.hub.model import ANONYMOUS, Actor, Commit, amend, prop, put

PHU_XUAN, THUAN_HOA, HUE = "19753", "19789", "46"
MONDAY_8 = from_iso("2026-11-16T08:00:00+07:00")


def test_filed_received_answered_rated_and_reopened(
    in_city: Any, lamp: Filing, official: Actor, proof: Upload, answer_words: str
) -> None:
    """The whole chain, each verb one commit, with the clocks in working hours."""

    async def story(city: Any) -> None:
        here = city.citizens
        filed = await file_report(here, lamp, MONDAY_8)
        report = find_by_code(here, filed.follow_code)
        assert (report.state, report.assignee, report.open) == (State.FILED, THUAN_HOA, True)
        assert report.due == "2026-11-17T01:00:00Z"  # 7.5 of the 8 working hours on Monday, the rest until 8:00.
        assert report.handle_by == "2026-11-19T01:00:00Z"  # 24 working hours.
        before = city.hub.last_seq()
        report = await receive(here, official, report.code, now=MONDAY_8 + HOUR)
        assert (report.state, report.due) == (State.RECEIVED, report.handle_by)
        report = await start(here, official, report.code, now=MONDAY_8 + 2 * HOUR)
        report = await answer(
            here, official, report.code, Outcome.RESOLVED, answer_words, [proof], now=MONDAY_8 + 3 * HOUR
        )
        assert city.hub.last_seq() == before + 3
        assert (report.state, report.outcome, report.open, report.on_time) == (State.ANSWERED, "resolved", False, True)
        report = await rate(here, filed.follow_code, 2, "Sáng một đêm rồi lại tắt", MONDAY_8 + 30 * HOUR)
        assert report.rating == 2
        report = await reopen(here, filed.follow_code, "Đèn lại tắt từ tối qua", now=MONDAY_8 + 30 * HOUR)
        assert (report.state, report.open, report.reopened) == (State.REOPENED, True, 1)
        assert report.due is not None
        assert from_iso(report.due) > MONDAY_8 + 30 * HOUR
        told = [(one.verb, one.reason) for one in timeline(here, report)]
        assert [verb for verb, _ in told] == ["file", "receive", "start", "answer", "rate", "reopen"]
        assert told[-1][1] == "Đèn lại tắt từ tối qua"

    in_city(story)


def test_a_double_click_files_one_report(in_city: Any, lamp: Filing) -> None:
    """The same key gives the same code, one after the other and at once; another key another report."""

    async def story(city: Any) -> None:
        filing = replace(lamp, key="k" * 32, identity=Identity(phone="0905123456"))
        first, second = await asyncio.gather(file_report(city.citizens, filing), file_report(city.citizens, filing))
        third = await file_report(city.citizens, filing)
        assert first == second == third
        other = await file_report(city.citizens, replace(lamp, key="x" * 32))
        assert other != first
        assert city.hub.types(Actor("system:test", frozenset({"system"})))["CitizenReport"] == 2

    in_city(story)


def test_a_nearest_centre_routes_nothing(in_city: Any, lamp: Filing, official: Actor, desk_officer: Actor) -> None:
    """A place on the map without boundary or choice goes to the province's desk until an official says yes."""

    async def story(city: Any) -> None:
        filed = await file_report(city.citizens, replace(lamp, unit=None), MONDAY_8)
        report = find_by_number(city.citizens, filed.number)
        assert (report.decided, report.unit, report.assignee) == (False, HUE, HUE)
        assert report.suggested_unit == THUAN_HOA
        assert desk(city.citizens, official).count == 0
        with pytest.raises(Conflict, match="only suggests"):
            await receive(city.citizens, desk_officer, filed.number)
        report = await route(city.citizens, desk_officer, filed.number, THUAN_HOA, now=MONDAY_8 + HOUR)
        assert (report.decided, report.unit, report.assignee) == (True, THUAN_HOA, THUAN_HOA)
        assert desk(city.citizens, official).count == 1
        with pytest.raises(Conflict, match="confirmed already"):
            await route(city.citizens, desk_officer, filed.number, PHU_XUAN)

    in_city(story)


def test_the_reporters_choice_decides_over_a_guess(in_city: Any, lamp: Filing) -> None:
    """Where the map only guesses, the commune that the citizen chose gets the report."""

    async def story(city: Any) -> None:
        filed = await file_report(city.citizens, replace(lamp, unit=PHU_XUAN))
        assert find_by_number(city.citizens, filed.number).assignee == PHU_XUAN

    in_city(story)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"category": "ufo"}, "category"),
        ({"description": " "}, "description"),
        ({"description": "x" * 2001}, "description"),
        ({"unit": None, "lon": None, "lat": None}, "place"),
        ({"unit": "99999"}, "place"),
        ({"unit": "46"}, "place"),
        ({"unit": "19803"}, "place"),  # Phường An Hòa, closed on 30/06/2025.
        ({"unit": None, "lon": 0.0, "lat": 0.0}, "place"),
        ({"unit": None, "lon": 107.5, "lat": None}, "place"),
    ],
)
def test_a_filing_that_lacks_something_says_which_field(in_city: Any, lamp: Filing, change: Any, field: str) -> None:
    """Bad input is told by field, and nothing is filed."""

    async def story(city: Any) -> None:
        with pytest.raises(Invalid) as caught:
            await file_report(city.citizens, replace(lamp, **change))
        assert caught.value.fields["field"] == field
        assert city.hub.last_seq() == 0

    in_city(story)


def test_closing_demands_proof_and_words_that_say_something(
    in_city: Any, lamp: Filing, official: Actor, proof: Upload, answer_words: str
) -> None:
    """No answer without proof, none by boilerplate, a resolved lamp not by paper alone; nothing changes meanwhile."""

    async def story(city: Any) -> None:
        here = city.citizens
        number = (await file_report(here, lamp)).number
        await receive(here, official, number)
        with pytest.raises(NoProof):
            await answer(here, official, number, Outcome.RESOLVED, answer_words, [])
        pdf = Upload("bb.pdf", b"%PDF-1.7\n%%EOF\n")
        with pytest.raises(NoProof, match="photo"):
            await answer(here, official, number, Outcome.RESOLVED, answer_words, [pdf])
        with pytest.raises(NothingSpecific):
            await answer(here, official, number, Outcome.RESOLVED, "Đã xử lý theo quy định. Trân trọng!", [proof])
        with pytest.raises(Invalid, match="code of the report"):
            await answer(here, official, number, Outcome.DUPLICATE, answer_words, [proof])
        assert find_by_number(here, number).state is State.RECEIVED
        report = await answer(here, official, number, Outcome.CANNOT_BE_DONE, answer_words, [pdf])
        assert report.outcome is Outcome.CANNOT_BE_DONE
        with pytest.raises(IllegalMove):
            await answer(here, official, number, Outcome.RESOLVED, answer_words, [proof])

    in_city(story)


def test_a_report_is_passed_on_with_a_reason_and_inside_a_limit(
    in_city: Any, lamp: Filing, official: Actor, neighbour: Actor
) -> None:
    """The promised day stays, the receiving clock runs anew, and at the limit somebody has to handle it."""

    async def story(city: Any) -> None:
        here, reason = city.citizens, "Đoạn này do Phường Phú Xuân quản lý"
        number = (await file_report(here, lamp, MONDAY_8)).number
        promised = find_by_number(here, number).handle_by
        with pytest.raises(Invalid, match="Say why"):
            await pass_on(here, official, number, PHU_XUAN, " ")
        report = await pass_on(here, official, number, PHU_XUAN, reason, now=MONDAY_8 + 4 * HOUR)
        assert (report.assignee, report.unit, report.handle_by, report.passed_on) == (PHU_XUAN, PHU_XUAN, promised, 1)
        assert from_iso(report.due or "") > from_iso("2026-11-17T01:00:00Z")
        with pytest.raises((NoSuchReport, NotYours)):
            await receive(here, official, number)
        report = await pass_on(here, neighbour, number, HUE, "Thuộc Sở Xây dựng quản lý", now=MONDAY_8 + 5 * HOUR)
        assert (report.assignee, report.unit) == (HUE, PHU_XUAN)
        with pytest.raises(NotYours):
            await receive(here, neighbour, number)

    in_city(story)


def test_two_officials_one_wins_and_the_other_is_told(in_city: Any, lamp: Filing, official: Actor) -> None:
    """A verb at a version that is no longer there changes nothing."""

    async def story(city: Any) -> None:
        number = (await file_report(city.citizens, lamp)).number
        seen = find_by_number(city.citizens, number).version
        results = await asyncio.gather(
            receive(city.citizens, official, number, seen),
            pass_on(city.citizens, official, number, PHU_XUAN, "Đoạn này do phường bạn quản lý", seen),
            return_exceptions=True,
        )
        assert sum(isinstance(one, Conflict) for one in results) == 1
        assert len(timeline(city.citizens, find_by_number(city.citizens, number))) == 2

    in_city(story)


def test_only_the_whole_code_rates_and_reopens(
    in_city: Any, lamp: Filing, official: Actor, proof: Upload, answer_words: str
) -> None:
    """The public number, a wrong key and no key open nothing; small letters and spaces do no harm."""

    async def story(city: Any) -> None:
        here = city.citizens
        filed = await file_report(here, lamp)
        await receive(here, official, filed.number)
        await answer(here, official, filed.number, Outcome.RESOLVED, answer_words, [proof])
        for wrong in (
            filed.number,
            filed.number + "-AAAA-AAAA",
            "",
            "x",
            filed.follow_code[:-1],
            filed.follow_code + "A",
        ):
            with pytest.raises(NoSuchReport):
                await rate(here, wrong, 1)
            with pytest.raises(NoSuchReport):
                await reopen(here, wrong, "Không đúng sự thật")
        assert (await rate(here, f" {filed.follow_code.lower().replace('-', ' ')} ", 5)).rating == 5
        with pytest.raises(Invalid):
            await rate(here, filed.follow_code, 6)
        with pytest.raises(Invalid, match="Say why"):
            await reopen(here, filed.follow_code, "")

    in_city(story)


def test_generic_writes_are_refused_with_the_verb_to_use(in_city: Any, lamp: Filing, official: Actor) -> None:
    """Reports, contacts and services are guarded nouns."""

    async def story(city: Any) -> None:
        filed = await file_report(city.citizens, lamp)
        close = amend(f"urn:ngsi-ld:CitizenReport:{filed.number}", state=prop("answered"))
        for actor in (ANONYMOUS, official):
            for change in (
                close,
                put("urn:ngsi-ld:CitizenReport:X", "CitizenReport", state=prop("filed")),
                put("urn:ngsi-ld:ReportContact:X", "ReportContact", person=prop("x")),
                put("urn:ngsi-ld:PublicService:X", "PublicService", usage=prop(1)),
            ):
                with pytest.raises(Forbidden, match=r"/api/(reports|services)"):
                    await city.hub.commit(Commit(actor, (change,)))

    in_city(story)


def test_photos_are_added_while_the_report_is_open(
    in_city: Any, lamp: Filing, official: Actor, phone_photo: Upload, proof: Upload, answer_words: str
) -> None:
    """Up to five in all, each clean; the kept bytes are a readable photo."""

    async def story(city: Any) -> None:
        here = city.citizens
        filed = await file_report(here, replace(lamp, photos=(phone_photo,) * 3))
        report = await attach(here, filed.follow_code, [phone_photo, proof])
        assert len(report.photos) == 5
        assert Image.open(io.BytesIO(city.hub.read_file(report.photos[0].sha256))).size == (200, 400)
        with pytest.raises(Invalid, match="up to 5"):
            await attach(here, filed.follow_code, [proof])
        await receive(here, official, filed.number)
        await answer(here, official, filed.number, Outcome.RESOLVED, answer_words, [proof])
        with pytest.raises(IllegalMove):
            await attach(here, filed.follow_code, [proof])

    in_city(story)
