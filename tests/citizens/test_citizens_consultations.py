"""A consultation from before the draft to the published answers, over a real hub, policy, vault and clock."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from docx import Document

from dothi.accounts.model import Identity
from dothi.citizens.consultations import answering, commenting, moderating, preparing, reading, workflow
from dothi.citizens.consultations.commenting import Noted, Said
from dothi.citizens.consultations.export import as_csv, rows
from dothi.citizens.consultations.model import (
    AUTHOR,
    SUPPORT,
    AlreadyDone,
    Appeal,
    Channel,
    Consultation,
    Decision,
    IllegalStep,
    Level,
    LevelTooLow,
    NoSuchComment,
    NoSuchConsultation,
    NotOpen,
    Stage,
    Stance,
    State,
    Unanswered,
)
from dothi.citizens.consultations.preparing import Prepared
from dothi.citizens.model import NothingSpecific, NotYours
from dothi.ground.clock import DAY, HOUR, from_iso
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing
from dothi.hub.model import ANONYMOUS, Actor, Commit, amend, prop
from dothi.office.photos import Upload
from tests.citizens.conftest import THUAN_HOA, City

RunIn = Callable[[Callable[[City], Awaitable[Any]]], Any]
MONDAY_8 = from_iso("2026-11-16T08:00:00+07:00")
END = MONDAY_8 + 10 * DAY
TEXT = """Chương I
QUY ĐỊNH CHUNG
Điều 1. Phạm vi
1. Quy định về chiếu sáng ngõ hẻm.
2. Không áp dụng với:
a) Công viên;
đ) Bến xe.
Điều 2. Giờ bật đèn
Đèn bật từ 18 giờ 30 đến 5 giờ.
"""
LATE = "Đèn nên bật từ 17 giờ 45 vì mùa đông trời tối sớm, học sinh đi học về nguy hiểm."
LATE_TOO = "Mùa đông trời tối sớm, đề nghị bật đèn từ 17 giờ 45 cho học sinh đi học về."
FENCE = "Cần rào chắn hố ga trước cổng chợ."
REASON = "Bổ sung giờ mùa đông theo số liệu mặt trời lặn ba năm của trạm khí tượng."
NEW = Prepared("Chiếu sáng ngõ hẻm (mẫu)", "Giờ bật đèn như vậy đã hợp lý chưa?", THUAN_HOA)
CITIZEN = Actor("user:citizen", frozenset({"citizen"}))


async def opened(city: City, official: Actor, new: Prepared = NEW) -> Consultation:
    """A consultation that is open since Monday, 8:00, for ten days."""
    made = await preparing.prepare(city.citizens, official, new, MONDAY_8)
    await preparing.write(city.citizens, official, made.key, TEXT, now=MONDAY_8)
    return await preparing.announce(city.citizens, official, made.key, MONDAY_8, END, now=MONDAY_8)


async def say(city: City, found: Consultation, words: str, article: str = "dieu-2", **more: Any) -> commenting.Sent:
    """A comment of somebody on the first day."""
    actor = more.pop("actor", ANONYMOUS)
    said = Said(words, article, Stance.CHANGE, **more)
    return await commenting.comment(city.citizens, actor, found.key, said, "192.0.2.1", MONDAY_8 + HOUR)


def test_a_consultation_runs_from_preparation_to_published_answers(in_city: RunIn, official: Actor) -> None:
    """Opened by the clock, commented on the web and on paper, answered, refused while one is left, published."""

    async def story(city: City) -> None:
        here = city.citizens
        made = await preparing.prepare(here, official, NEW, MONDAY_8)
        made, draft = await preparing.write(here, official, made.key, TEXT, now=MONDAY_8)
        assert [doubt.label for doubt in draft.doubts] == ["điểm đ khoản 2 Điều 1"]  # b, c and d are lacking.
        with pytest.raises(NoSuchConsultation):
            reading.visible(here, made.key)
        await preparing.announce(here, official, made.key, MONDAY_8 + HOUR, END, now=MONDAY_8)
        assert reading.visible(here, made.key).state is State.PREPARED
        await preparing.tick(here, MONDAY_8 + HOUR + 1)
        assert reading.visible(here, made.key).state is State.OPEN

        noon = MONDAY_8 + 4 * HOUR
        first = await commenting.comment(here, ANONYMOUS, made.key, Said(LATE, "dieu-2"), "a", noon)
        await commenting.comment(here, ANONYMOUS, made.key, Said(LATE_TOO, "dieu-2"), "b", noon)
        paper = Upload("don.pdf", b"%PDF-1.4\n%%EOF")
        noted = Noted(FENCE, Channel.PAPER, count=35, scans=(paper,), where_words="Tổ dân phố 4")
        await commenting.note(here, official, made.key, noted, noon)
        await preparing.tick(here, END + 1)

        found = workflow.find(here, official, made.key)
        assert found.state is State.CLOSED
        alike, alone = (await answering.suggestions(here, found))[::-1]
        assert len(alike.comments) == 2
        assert alike.likeness
        assert "đi học" in alike.shared
        assert alone.likeness is None
        lamps = await answering.group(here, official, made.key, [one.number for one in alike.comments], now=END)
        await answering.answer(
            here, official, made.key, [lamps.key], Decision.ACCEPTED, REASON, "Đèn bật từ 17 giờ 45.", now=END
        )
        with pytest.raises(Unanswered) as refused:
            await answering.finish(here, official, made.key, now=END)
        assert refused.value.fields["comments"] == [alone.comments[0].number]

        fence = await answering.group(here, official, made.key, [alone.comments[0].number], "Rào hố ga", now=END)
        why = "Việc rào chắn thuộc quy chế thoát nước, đã chuyển đội quản lý đô thị xử lý trong tháng."
        await answering.answer(here, official, made.key, [fence.key], Decision.NOT_ACCEPTED, why, now=END)
        await answering.finish(here, official, made.key, now=END)
        with pytest.raises(IllegalStep):
            await answering.finish(here, official, made.key, now=END)
        assert reading.answer_to(here, found, commenting.find_by_code(here, first.follow_code)) is None
        done = await answering.publish(here, official, made.key, now=END + DAY)
        assert done.state is State.PUBLISHED
        assert done.table is not None

        mine = commenting.find_by_code(here, first.follow_code)
        answered = reading.answer_to(here, done, mine)
        assert answered is not None
        assert answered.wording == "Đèn bật từ 17 giờ 45."
        await preparing.tick(here, END + DAY)
        step = city.hub.get(Actor("system:x", frozenset({"system"})), mine.id).value("step")
        assert step["verb"] == "answered"
        table = Document(io.BytesIO(city.hub.read_file(done.table.sha256))).tables[1]
        assert [cell.text for cell in table.rows[2].cells][3:] == [f"Tiếp thu. {REASON}", "Đèn bật từ 17 giờ 45."]
        assert "35 người" in table.rows[1].cells[2].text

    in_city(story)


def test_what_nobody_may_do_is_refused_with_what_to_mend(in_city: RunIn, official: Actor, neighbour: Actor) -> None:
    """Too long, empty, elsewhere, too early, too late, too short a time, another unit's, without a role."""

    async def story(city: City) -> None:
        here = city.citizens
        found = await opened(city, official)
        for words, field in (("x" * 10_000, "words"), (" \u200b\n", "words")):
            with pytest.raises(Invalid) as wrong:
                await say(city, found, words)
            assert wrong.value.fields["field"] == field
        with pytest.raises(Invalid):
            await say(city, found, LATE, "dieu-99")
        with pytest.raises(NotOpen):
            await commenting.comment(here, ANONYMOUS, found.key, Said(LATE), "a", END + 1)
        with pytest.raises(Missing):
            await preparing.extend(here, neighbour, found.key, END + DAY, "thêm thời gian")
        with pytest.raises(NotYours):
            await preparing.prepare(here, CITIZEN, NEW)
        with pytest.raises(Forbidden):
            await preparing.prepare(here, neighbour, NEW)
        with pytest.raises(IllegalStep):
            await preparing.write(here, official, found.key, TEXT)
        with pytest.raises(Invalid):
            await preparing.extend(here, official, found.key, END - DAY, "bớt thời gian đi")
        for numbers in ([], ["", " "]):
            with pytest.raises(Invalid):
                await answering.group(here, official, found.key, numbers)
        with pytest.raises(NoSuchComment):
            await answering.group(here, official, found.key, ["ABC234"])
        short = await preparing.prepare(here, official, NEW, MONDAY_8)
        with pytest.raises(Invalid):  # No text yet.
            await preparing.announce(here, official, short.key, MONDAY_8, END, now=MONDAY_8)
        await preparing.write(here, official, short.key, "Một vấn đề.\nHai vấn đề.", now=MONDAY_8)
        for opens, closes in ((MONDAY_8, MONDAY_8 + DAY), (MONDAY_8, MONDAY_8 + 9000 * DAY), (END + 900 * DAY, END)):
            with pytest.raises(Invalid):
                await preparing.announce(here, official, short.key, opens, closes, now=MONDAY_8)
        with pytest.raises(Forbidden):
            await city.hub.commit(Commit(official, (amend(found.id, state=prop("published")),)))

    in_city(story)


def test_words_are_kept_as_words_and_personal_data_is_hidden(in_city: RunIn, official: Actor) -> None:
    """HTML stays text, phones and card numbers are masked, the author is nowhere in what staff may read."""

    async def story(city: City) -> None:
        found = await opened(city, official)
        words = "<script>alert(1)</script> gọi tôi 0912 345 678 nhé\u202e\x00"
        sent = await say(city, found, words, identity=Identity(phone="0912345678"))
        one = commenting.find_by_code(city.citizens, sent.follow_code)
        assert one.words == "<script>alert(1)</script> gọi tôi ••• nhé"
        assert one.level is Level.CONTACT
        seen = str(city.hub.get(official, one.id).attrs)
        assert "0912" not in seen
        assert "Person" not in seen
        for kind in (AUTHOR, SUPPORT):
            with pytest.raises(Forbidden):
                city.hub.find(official, kind)
        with pytest.raises(NoSuchComment):
            commenting.find_by_code(city.citizens, sent.follow_code[:-1] + "2")
        assert await say(city, found, words, key="k" * 20) == await say(city, found, words, key="k" * 20)

    in_city(story)


def test_each_identity_counts_once_and_levels_stand_apart(in_city: RunIn, official: Actor) -> None:
    """One support an identity, one comment of the same words; levels demanded are enforced; equal words are flagged."""

    async def story(city: City) -> None:
        here = city.citizens
        strict = Prepared(NEW.title, NEW.question, THUAN_HOA, support_level=Level.CONTACT, residents=12_000,
                          residents_from="Công an phường, 30/6/2026")  # fmt: skip
        found = await opened(city, official, strict)
        sent = await say(city, found, LATE, identity=Identity(phone="0912 345 678"))
        with pytest.raises(AlreadyDone):
            await say(city, found, LATE.upper(), identity=Identity(phone="+84912345678"))
        same = await say(city, found, LATE.replace("à", "a"))
        assert commenting.find_by_code(here, same.follow_code).same_as == sent.number

        async def support(actor: Actor, identity: Identity | None, address: str) -> Level:
            now = MONDAY_8 + HOUR
            return await commenting.support(here, actor, found.key, sent.number, identity, address, now)

        with pytest.raises(LevelTooLow):
            await support(ANONYMOUS, None, "a")
        assert await support(ANONYMOUS, Identity(email="a@vi.du"), "a") is Level.CONTACT
        with pytest.raises(AlreadyDone):
            await support(ANONYMOUS, Identity(email="A@vi.du"), "b")
        assert await support(CITIZEN, None, "a") is Level.ACCOUNT
        part = reading.participation(here, found)
        assert dict(part.supports) == {Level.CONTACT: 1, Level.ACCOUNT: 1}
        assert part.by_level[Level.CONTACT].people == 1
        assert part.by_level[Level.ANONYMOUS].people is None
        assert (part.comments, part.repeated, part.residents) == (2, 1, 12_000)

        closed = Prepared(NEW.title, NEW.question, THUAN_HOA, comment_level=Level.ACCOUNT)
        inner = await opened(city, official, closed)
        with pytest.raises(LevelTooLow):
            await say(city, inner, LATE, identity=Identity(phone="0912345678"))
        await say(city, inner, LATE, actor=CITIZEN)

    in_city(story)


def test_hiding_leaves_a_stub_a_public_line_and_one_appeal(in_city: RunIn, official: Actor) -> None:
    """Only for a published reason; told to the author, appealed once, decided by a person; a waiting appeal blocks."""

    async def story(city: City) -> None:
        here, now = city.citizens, MONDAY_8 + HOUR
        found = await opened(city, official)
        sent = await say(city, found, "Mua đèn giá rẻ tại cửa hàng chúng tôi.")
        with pytest.raises(IllegalStep):
            await commenting.appeal(here, sent.follow_code, "không phải quảng cáo", now)
        with pytest.raises(Invalid):
            await moderating.hide(here, official, sent.number, "because", "vì không thích", now=now)
        await moderating.hide(here, official, sent.number, "advert", "Chào bán hàng, không góp ý.", now=now)
        assert rows(here, found)[0]["words"] == ""
        assert rows(here, found)[0]["hiddenFor"] == "advert"
        assert [one.number for one in answering.unanswered(here, found)] == []
        await commenting.appeal(here, sent.follow_code, "Tôi chỉ nêu giá để so sánh.", now)
        with pytest.raises(AlreadyDone):
            await commenting.appeal(here, sent.follow_code, "Tôi chỉ nêu giá để so sánh.", now)
        assert [one.number for one in answering.unanswered(here, found)] == [sent.number]
        await moderating.decide(here, official, sent.number, True, "Có nêu giá thật để so sánh.", now=now + 1)
        one = commenting.find_by_code(here, sent.follow_code)
        assert (one.hidden, one.appeal) == (False, Appeal.GRANTED)
        assert [line.verb for line in moderating.public_log(here, found)] == ["granted", "hide"]
        assert "giá rẻ" not in str(moderating.public_log(here, found))

    in_city(story)


def test_a_second_round_keeps_what_was_asked_and_answered(in_city: RunIn, official: Actor) -> None:
    """The next text is prepared unseen; the first round's comments, answers and text stay and are compared."""

    async def story(city: City) -> None:
        here = city.citizens
        needs = Prepared("Ngõ tối (mẫu)", "Ngõ nào tối nhất, cần gì?", THUAN_HOA, stage=Stage.NEEDS)
        made = await preparing.prepare(here, official, needs, MONDAY_8)
        await preparing.write(here, official, made.key, "Ngõ nào tối?\nCần gì?", now=MONDAY_8)
        found = await preparing.announce(here, official, made.key, MONDAY_8, END, now=MONDAY_8)
        sent = await say(city, found, "=1+1 ngõ 12 tối", "muc-1")
        await preparing.tick(here, END + 1)
        group = await answering.group(here, official, made.key, [sent.number])
        with pytest.raises(NothingSpecific):
            await answering.answer(here, official, made.key, [group.key], Decision.ACCEPTED, "ngõ 12 tối tối tối")
        await answering.answer(here, official, made.key, [group.key], Decision.ACCEPTED, REASON)
        await answering.finish(here, official, made.key)
        await answering.publish(here, official, made.key, now=END + DAY)
        await preparing.next_round(here, official, made.key, Stage.DRAFT)
        await preparing.write(here, official, made.key, TEXT)
        shown = reading.visible(here, made.key)
        assert (shown.round, shown.stage, shown.state) == (1, Stage.NEEDS, State.PUBLISHED)
        later = END + 2 * DAY
        second = await preparing.announce(here, official, made.key, later, later + 8 * DAY, now=later)
        assert (second.round, second.state) == (2, State.OPEN)
        assert workflow.comments_of(here, second) == ()
        assert len(workflow.comments_of(here, second, 1)) == 1
        assert reading.table_of(here, second, 1).rows[0].cluster.reason == REASON
        answered = reading.answer_to(here, second, commenting.find_by_code(here, sent.follow_code))
        assert answered is not None
        row = rows(here, second)[0]
        assert (row["round"], row["decision"], row["day"]) == (1, "accepted", "2026-11-16")
        assert "'=1+1 ngõ 12 tối" in as_csv([row]).decode("utf-8-sig")

    in_city(story)


def test_paper_is_entered_late_but_not_outside_its_time(in_city: RunIn, official: Actor) -> None:
    """What was handed in in time is entered after closing, with its scan; a count without a scan is refused."""

    async def story(city: City) -> None:
        here = city.citizens
        found = await opened(city, official)
        await preparing.tick(here, END + 1)
        paper = Upload("bien-ban.pdf", b"%PDF-1.4\n%%EOF")

        async def note(**more: Any) -> commenting.Sent:
            given: dict[str, Any] = {"scans": (paper,), "received": END - DAY} | more
            noted = Noted(FENCE, Channel.MEETING, **given)
            return await commenting.note(here, official, found.key, noted, END + DAY)

        with pytest.raises(Invalid):
            await note(received=END + 1)
        with pytest.raises(Invalid):
            await note(count=12, scans=())
        with pytest.raises(Invalid):
            await note(count=0)
        sent = await note(count=12, identity=Identity(phone="0912345678"))
        one = commenting.find_by_code(here, sent.follow_code)
        assert (one.level, one.count, one.channel) == (Level.WITNESSED, 12, Channel.MEETING)
        assert city.hub.trail(official, one.id)[0].actor == official.id
        with pytest.raises(NotYours):
            await commenting.note(here, Actor("user:a", frozenset({"assessor"})), found.key, Noted(FENCE, Channel.DESK))

    in_city(story)


def test_two_officials_on_one_group_do_not_overwrite_each_other(in_city: RunIn, official: Actor) -> None:
    """Who saw an older version of the group is told; the first answer stands."""

    async def story(city: City) -> None:
        here = city.citizens
        found = await opened(city, official)
        sent = await say(city, found, LATE)
        group = await answering.group(here, official, found.key, [sent.number])

        async def answer(reason: str) -> object:
            return await answering.answer(
                here, official, found.key, [group.key], Decision.NOT_ACCEPTED, reason, version=group.version
            )

        both = await asyncio.gather(answer(REASON), answer(REASON + " Lần hai."), return_exceptions=True)
        assert sum(isinstance(one, Conflict) for one in both) == 1

    in_city(story)
