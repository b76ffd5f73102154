"""Handling over a real hub: questions and outside bodies by link, parts, merging, answers together, and moulds."""

from dataclasses import replace
from typing import Any

import pytest

from dothi.accounts.model import NewUser
from dothi.accounts.people import create_user
from dothi.citizens import Filing, Outcome, State, Upload, answer, file_report, find_by_code, pass_on, receive, start
from dothi.citizens.handling import joining, service, waiting, watching
from dothi.citizens.handling.answering import answer_together
from dothi.citizens.handling.joining import Part
from dothi.citizens.handling.moving import by_number, steps_since
from dothi.citizens.handling.waiting import ClosedLink, link
from dothi.citizens.model import IllegalMove, NothingSpecific, NotYours, Overtaken, Report
from dothi.citizens.reading import desk, timeline
from dothi.ground.clock import DAY, HOUR, SECOND, from_iso, iso
from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.ground.links import BadLink, ExpiredLink
from dothi.hub.model import Actor

PHU_XUAN, THUAN_HOA, HUE = "19753", "19789", "46"
MONDAY_8 = from_iso("2026-11-16T08:00:00+07:00")
PDF = Upload("bb.pdf", b"%PDF-1.7\n%%EOF\n")


async def received(city: Any, filing: Filing, official: Actor, at: int = MONDAY_8) -> tuple[str, str]:
    """A report that the official has received: number and follow code."""
    filed = await file_report(city.citizens, filing, at)
    await receive(city.citizens, official, filed.number, now=at + HOUR)
    return filed.number, filed.follow_code


async def settled(city: Any) -> None:
    """Let the consumer react to all that was committed."""
    for logged in city.hub.log(0, 1000):
        await watching.react(city.citizens, logged)


def test_a_question_by_link_is_answered_once_and_moves_the_promise(
    in_city: Any, lamp: Filing, official: Actor, phone_photo: Upload
) -> None:
    """The reporter answers without an account, phone numbers are hidden, the time waited is given on top."""

    async def story(city: Any) -> None:
        here = city.citizens
        number, code = await received(city, lamp, official)
        promised = by_number(here, number).handle_by
        asked = await waiting.ask(here, official, number, "Đèn ở đầu hay cuối kiệt?", now=MONDAY_8 + 2 * HOUR)
        assert (asked.state, asked.open, link(here, asked)[:10]) == (State.WAITING, True, "/question/")
        assert from_iso(asked.due or "") > from_iso(promised or "")
        token = link(here, asked).rpartition("/")[2]
        done = await waiting.reply_by_link(
            here, token, "Cuối kiệt, gọi 0905 123 456", [phone_photo], MONDAY_8 + 3 * HOUR
        )
        assert (done.state, len(done.photos), link(here, done)) == (State.IN_PROGRESS, 1, "")
        assert from_iso(done.handle_by or "") == from_iso(promised or "") + HOUR
        (said,) = done.exchanges
        assert (said.ended, "0905" in said.answer, "Cuối kiệt" in said.answer) == ("answered", False, True)
        with pytest.raises(ClosedLink):
            await waiting.reply_by_link(here, token, "Lần nữa", now=MONDAY_8 + 4 * HOUR)
        with pytest.raises((Conflict, IllegalMove)):
            await waiting.reply(here, code, "Không ai hỏi nữa")
        again = await waiting.ask(here, official, number, "Cột số mấy?", now=MONDAY_8 + 4 * HOUR)
        assert (await waiting.reply(here, code, "Cột số 7", now=MONDAY_8 + 5 * HOUR)).state is State.IN_PROGRESS
        assert link(here, again).rpartition("/")[2] != token
        with pytest.raises(Conflict, match="waited 2 times"):
            await waiting.ask(here, official, number, "Còn gì nữa không?", now=MONDAY_8 + 6 * HOUR)

    in_city(story)


def test_a_question_that_nobody_answers_comes_back_by_itself(in_city: Any, lamp: Filing, official: Actor) -> None:
    """The durable timer ends the wait, with a note; the link is too old, a tampered one is none."""

    async def story(city: Any) -> None:
        here = city.citizens
        number, _ = await received(city, lamp, official)
        asked = await waiting.ask(here, official, number, "Đèn ở đầu hay cuối kiệt?", now=MONDAY_8 + 2 * HOUR)
        assert asked.waiting
        until, token = from_iso(asked.waiting.until), link(here, asked).rpartition("/")[2]
        assert await watching.ring(here, until - SECOND) == 0
        await watching.ring(here, until + SECOND)
        back = by_number(here, number)
        assert (back.state, back.waiting, back.exchanges[0].ended) == (State.IN_PROGRESS, None, "lapsed")
        assert [(one.verb, one.reason) for one in timeline(here, back)][-1] == ("lapse", "reporter")
        assert await watching.ring(here, until + 2 * SECOND) == 0
        with pytest.raises(ExpiredLink):
            await waiting.reply_by_link(here, token, "Muộn quá", now=until + 10 * SECOND)
        with pytest.raises(BadLink):
            await waiting.reply_by_link(here, token[:-2] + "AA", "Giả", now=until)

    in_city(story)


def test_an_outside_body_answers_by_link_and_its_file_is_the_proof(
    in_city: Any, lamp: Filing, official: Actor, proof: Upload, answer_words: str
) -> None:
    """Forwarded, answered without an account; the reply is owed then; taken back, a link opens nothing."""

    async def story(city: Any) -> None:
        here = city.citizens
        number, _ = await received(city, lamp, official)
        sent = await waiting.forward(here, official, number, "Điện lực Huế", "Đề nghị thay bóng", now=MONDAY_8 + HOUR)
        token = link(here, sent).rpartition("/")[2]
        with pytest.raises(BadLink):
            await waiting.reply_by_link(here, token, "Nhầm trang")
        with pytest.raises(Invalid):
            await waiting.reply_outside(here, token, " ", "Tổ 3", now=MONDAY_8 + 2 * HOUR)
        back = await waiting.reply_outside(here, token, "Đã thay bóng.", "Tổ 3", [proof], MONDAY_8 + 2 * HOUR)
        assert (back.state, back.marks[-1].stage) == (State.IN_PROGRESS, "reply")
        assert from_iso(back.due or "") < from_iso(back.handle_by or "")
        (said,) = back.exchanges
        assert (said.name, said.by, said.files[0].is_photo) == ("Điện lực Huế", "Tổ 3", True)
        shown = [said.files[0].sha256]
        closed = await answer(
            here, official, number, Outcome.RESOLVED, answer_words, [], kept=shown, now=MONDAY_8 + 3 * HOUR
        )
        assert closed.proof[0].sha256 == shown[0]
        other, _ = await received(city, lamp, official)
        gone = await waiting.forward(here, official, other, "Điện lực Huế", "Đề nghị thay bóng", now=MONDAY_8 + HOUR)
        assert (await waiting.resume(here, official, other, now=MONDAY_8 + 2 * HOUR)).exchanges[0].ended == "revoked"
        with pytest.raises(ClosedLink):
            await waiting.reply_outside(
                here, link(here, gone).rpartition("/")[2], "Xong", "Tổ 3", now=MONDAY_8 + 3 * HOUR
            )

    in_city(story)


def test_waiting_needs_a_reason_of_the_list_and_a_limit(in_city: Any, lamp: Filing, official: Actor) -> None:
    """Neither without reason, nor for what is not known, nor for what has a verb of its own, nor again and again."""

    async def story(city: Any) -> None:
        here = city.citizens
        number, _ = await received(city, lamp, official)
        for kind, reason in (("weather", ""), ("tea", "Chờ uống trà xong"), ("reporter", "Chờ dân gọi lại")):
            with pytest.raises(Invalid):
                await waiting.wait(here, official, number, kind, reason)
        await waiting.wait(here, official, number, "material", "Bóng LED 120W về thứ tư", now=MONDAY_8 + HOUR)
        await waiting.resume(here, official, number, now=MONDAY_8 + 2 * HOUR)
        with pytest.raises(Conflict, match="1 of this"):
            await waiting.wait(here, official, number, "material", "Lại chờ bóng LED", now=MONDAY_8 + 3 * HOUR)

    in_city(story)


def test_parts_are_owed_by_their_units_and_close_the_whole(
    in_city: Any, lamp: Filing, official: Actor, neighbour: Actor, proof: Upload, answer_words: str
) -> None:
    """Two units, one report for the reporter; it cannot be answered before, and is by itself when both are done."""

    async def story(city: Any) -> None:
        here = city.citizens
        number, code = await received(city, lamp, official)
        with pytest.raises(Invalid, match="2 to 6"):
            await joining.split(here, official, number, [Part(PHU_XUAN, "Thay bóng đèn")])
        parts = [Part(THUAN_HOA, "Dọn cành cây che đèn"), Part(PHU_XUAN, "Thay bóng đèn hỏng")]
        whole = await joining.split(here, official, number, parts, now=MONDAY_8 + 2 * HOUR)
        assert (whole.state, whole.parts) == (State.WAITING, (f"{number}-1", f"{number}-2"))
        assert f"{number}-2" in {one.entity.value("code") for one in desk(here, neighbour).items}
        for refused in (service.receive(here, official, f"{number}-2"), waiting.resume(here, official, number)):
            with pytest.raises((NotYours, Missing, Conflict)):
                await refused
        with pytest.raises(Conflict, match="parts are still open"):
            await answer(here, official, number, Outcome.RESOLVED, answer_words, [proof])
        for actor, part in ((official, f"{number}-1"), (neighbour, f"{number}-2")):
            await receive(here, actor, part, now=MONDAY_8 + 3 * HOUR)
            with pytest.raises(Conflict, match="one part"):
                await waiting.ask(here, actor, part, "Hỏi riêng người gửi", now=MONDAY_8 + 3 * HOUR)
            await answer(
                here, actor, part, Outcome.RESOLVED, f"{answer_words} {part}", [proof], now=MONDAY_8 + 4 * HOUR
            )
            await settled(city)
        seen = find_by_code(here, code)
        assert (seen.state, seen.outcome, seen.open) == (State.ANSWERED, Outcome.RESOLVED, False)
        assert f"{number}-1" in (seen.answer or "")
        assert f"{number}-2" in (seen.answer or "")
        assert seen.on_time
        before = city.hub.last_seq()
        await settled(city)
        assert city.hub.last_seq() == before

    in_city(story)


def test_merged_reports_follow_one_and_can_be_set_apart(
    in_city: Any, lamp: Filing, official: Actor, proof: Upload, answer_words: str
) -> None:
    """In one commit; each keeps its number and promise, is answered with the one, and judged by its own reporter."""

    async def story(city: Any) -> None:
        here, why = city.citizens, "Cùng một cột đèn"
        (first, _), (second, code), (third, _) = [await received(city, lamp, official) for _ in range(3)]
        far = (await file_report(here, replace(lamp, lat=16.484), MONDAY_8)).number
        with pytest.raises(Conflict, match="500 m"):
            await joining.merge(here, official, first, [second, far], why)
        with pytest.raises(Invalid, match="itself"):
            await joining.merge(here, official, first, [first], why)
        assert by_number(here, second).state is State.RECEIVED
        before = city.hub.last_seq()
        master = await joining.merge(here, official, first, [second, third], why, now=MONDAY_8 + 2 * HOUR)
        assert (city.hub.last_seq(), master.merged) == (before + 1, (second, third))
        assert (by_number(here, second).state, desk(here, official).count) == (State.MERGED, 2)
        alone = await joining.unmerge(here, official, third, "Cột đèn khác, gộp nhầm", now=MONDAY_8 + 3 * HOUR)
        assert (alone.state, alone.open, alone.due, alone.merged_into) == (State.RECEIVED, True, alone.handle_by, None)
        assert by_number(here, first).merged == (second,)
        await answer(here, official, first, Outcome.RESOLVED, answer_words, [proof], now=MONDAY_8 + 4 * HOUR)
        await settled(city)
        told = find_by_code(here, code)
        assert (told.state, told.answer, told.proof != ()) == (State.ANSWERED, answer_words, True)
        assert (await service.rate(here, code, 4)).rating == 4
        assert by_number(here, third).state is State.RECEIVED
        again = await service.reopen(here, code, "Cột của tôi vẫn tắt")
        assert (again.state, again.merged_into, again.duplicate_of or None) == (State.REOPENED, None, None)

    in_city(story)


def test_withdrawing_takes_parts_along_and_sets_followers_free(in_city: Any, lamp: Filing, official: Actor) -> None:
    """Nobody works for nothing, and nobody else's report is lost."""

    async def story(city: Any) -> None:
        here = city.citizens
        number, code = await received(city, lamp, official)
        await joining.split(here, official, number, [Part(THUAN_HOA, "Dọn cành cây"), Part(HUE, "Thay bóng đèn")])
        gone = await service.withdraw(here, code, "Đèn tự sáng lại")
        assert (gone.state, gone.open, by_number(here, f"{number}-1").state) == (
            State.WITHDRAWN,
            False,
            State.WITHDRAWN,
        )
        (first, mine), (second, _) = [await received(city, lamp, official) for _ in range(2)]
        await joining.merge(here, official, first, [second], "Cùng một cột đèn")
        await service.withdraw(here, mine)
        assert by_number(here, second).state is State.RECEIVED
        with pytest.raises(IllegalMove):
            await service.withdraw(here, mine)

    in_city(story)


def test_answers_together_are_all_or_none(
    in_city: Any, lamp: Filing, official: Actor, proof: Upload, answer_words: str
) -> None:
    """One commit for all; one that may not be answered stops all; of another kind or place they are not one problem."""

    async def story(city: Any) -> None:
        here = city.citizens
        numbers = [(await received(city, lamp, official))[0] for _ in range(3)]
        fresh = (await file_report(here, lamp, MONDAY_8)).number
        noise = (await received(city, replace(lamp, category="noise"), official))[0]
        for wrong in ([*numbers, fresh], [*numbers, noise], numbers[:1]):
            with pytest.raises((Conflict, Invalid)):
                await answer_together(here, official, wrong, Outcome.RESOLVED, answer_words, [proof])
        assert {by_number(here, one).state for one in numbers} == {State.RECEIVED}
        before = city.hub.last_seq()
        done = await answer_together(here, official, numbers, Outcome.RESOLVED, answer_words, [proof])
        assert city.hub.last_seq() == before + 1
        assert {one.state for one in done} == {State.ANSWERED}
        one_more = (await received(city, lamp, official))[0]
        await answer(here, official, one_more, Outcome.RESOLVED, answer_words, [proof])  # Together they were one text.

    in_city(story)


def test_a_mould_a_blank_and_words_without_specifics_are_refused_and_told_why(
    in_city: Any, lamp: Filing, official: Actor, proof: Upload, answer_words: str
) -> None:
    """The third time the same text goes to another report it is a mould, with marks or without, composed or not."""

    async def story(city: Any) -> None:
        here = city.citizens
        numbers = [(await received(city, lamp, official))[0] for _ in range(3)]

        async def refused(words: str) -> str:
            with pytest.raises(NothingSpecific) as caught:
                await answer(here, official, numbers[2], Outcome.RESOLVED, words, [proof])
            return str(caught.value.fields["why"])

        for number in numbers[:2]:
            await answer(here, official, number, Outcome.RESOLVED, answer_words, [proof])
        marks = {"ấ": "a\u0302\u0301", "ề": "e\u0302\u0300", "ổ": "o\u0302\u0309"}
        decomposed = "".join(marks.get(letter, letter) for letter in answer_words)
        for same in (answer_words, answer_words.upper(), decomposed):
            assert await refused(same) == "mould"
        assert await refused("[Đơn vị, người làm] đã thay bóng đèn tại [chỗ nào] lúc 15 giờ 24/11") == "blank"
        assert await refused("Đã xử lý theo quy định. Trân trọng cảm ơn ông bà!") == "few"
        assert await refused("Hệ thống chiếu sáng bây giờ hoạt động bình thường, rất ổn định, sạch sẽ") == "missing"
        own = "Đội chiếu sáng thay cầu chì và 2 bóng ở cột số 7 đường Lê Lợi sáng 18/11, đã thử lại buổi tối."
        assert (await answer(here, official, numbers[2], Outcome.RESOLVED, own, [proof])).state is State.ANSWERED

    in_city(story)


def test_a_report_is_assigned_inside_the_unit_and_taken_by_one_of_a_shortlist(
    in_city: Any, lamp: Filing, official: Actor
) -> None:
    """To one person or offered to several; strangers are refused; the clock to assign runs until somebody has it."""

    async def story(city: Any) -> None:
        here, root = city.citizens, Actor("user:root", frozenset({"administrator"}))
        made = [
            await create_user(
                city.accounts,
                root,
                NewUser(f"canbo{n}", f"Cán bộ {n}", frozenset({"official"}), areas, password="mat-khau-dai-1"),
            )
            for n, areas in ((1, frozenset({THUAN_HOA})), (2, frozenset({THUAN_HOA})), (3, frozenset({PHU_XUAN})))
        ]
        one, two, stranger = (Actor(each.actor_id, each.roles, each.areas) for each in made)
        number = (await file_report(here, lamp, MONDAY_8)).number
        queued = await service.enqueue(here, official, number, now=MONDAY_8 + HOUR)
        assert (queued.state, queued.marks[-1].stage, queued.assigned_to) == (State.RECEIVED, "assign", ())
        assert from_iso(queued.due or "") < from_iso(queued.handle_by or "")
        with pytest.raises(Invalid):
            await service.assign(here, official, number, [stranger.id])
        offered = await service.assign(here, official, number, [one.id, two.id], now=MONDAY_8 + 2 * HOUR)
        assert (offered.state, offered.assigned_to) == (State.RECEIVED, (one.id, two.id))
        with pytest.raises(Conflict, match="offered to others"):
            await start(here, official, number)
        taken = await start(here, two, number, now=MONDAY_8 + 3 * HOUR)
        assert (taken.state, taken.assigned_to, taken.due) == (State.IN_PROGRESS, (two.id,), taken.handle_by)
        moved = await service.assign(here, two, number, [one.id])
        assert (moved.state, moved.assigned_to) == (State.IN_PROGRESS, (one.id,))

    in_city(story)


def test_passed_on_by_mistake_it_is_given_back_and_not_passed_there_again(
    in_city: Any, lamp: Filing, official: Actor, neighbour: Actor
) -> None:
    """Back to who passed it, within the limit, with the reason; both limits are of working hours."""

    async def story(city: Any) -> None:
        here, why = city.citizens, "Đoạn này không thuộc phường"
        number = (await file_report(here, lamp, MONDAY_8)).number
        with pytest.raises(Conflict, match="give it back to"):
            await service.send_back(here, official, number, why)
        await pass_on(here, official, number, PHU_XUAN, why, now=MONDAY_8 + HOUR)
        back = await service.send_back(here, neighbour, number, why, now=MONDAY_8 + 2 * HOUR)
        assert (back.assignee, back.unit, back.sent_back, back.handed_by) == (THUAN_HOA, THUAN_HOA, (PHU_XUAN,), None)
        with pytest.raises(Conflict, match="gave the report back"):
            await pass_on(here, official, number, PHU_XUAN, why, now=MONDAY_8 + 3 * HOUR)
        with pytest.raises(Conflict, match="16 working hours"):
            await pass_on(here, official, number, HUE, why, now=MONDAY_8 + 10 * DAY)

    in_city(story)


def test_who_was_slower_is_told_what_the_other_did(in_city: Any, lamp: Filing, official: Actor) -> None:
    """The error names the steps since the version that was seen, also where the verb is no longer possible."""

    async def story(city: Any) -> None:
        number = (await file_report(city.citizens, lamp, MONDAY_8)).number
        seen = by_number(city.citizens, number)
        await receive(city.citizens, official, number, seen.version, MONDAY_8 + HOUR)
        for late in (receive, start):
            with pytest.raises(Overtaken) as caught:
                await late(city.citizens, official, number, seen.version)
            assert caught.value.fields["done"] == ["receive"]
        ((step, who, _),) = steps_since(city.citizens, seen.id, seen.version)
        assert (step["verb"], who) == ("receive", official.id)

    in_city(story)


def test_every_entity_reads_back_as_it_was_written(in_city: Any, lamp: Filing, official: Actor) -> None:
    """Exchanges and waits survive the way into the hub and back."""

    async def story(city: Any) -> None:
        number, _ = await received(city, lamp, official)
        asked: Report = await waiting.ask(
            city.citizens, official, number, "Đèn ở đầu hay cuối kiệt?", now=MONDAY_8 + HOUR
        )
        assert asked.waiting
        assert asked.waiting.as_json()["at"] == iso(MONDAY_8 + HOUR)
        back = await waiting.resume(city.citizens, official, number, now=MONDAY_8 + 2 * HOUR)
        assert back.exchanges[0].as_json() == {
            "kind": "reporter",
            "at": iso(MONDAY_8 + HOUR),
            "words": "Đèn ở đầu hay cuối kiệt?",
            "ended": "revoked",
            "endedAt": iso(MONDAY_8 + 2 * HOUR),
        }

    in_city(story)
