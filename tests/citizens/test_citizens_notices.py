"""Reporters are told: each step of a report is one message to everybody who left a contact, and no identity in it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from dothi.accounts.model import Identity
from dothi.citizens import Filing, Outcome, answer, file_report, find_by_code, receive, reopen
from dothi.citizens.channels import notices
from dothi.citizens.channels.links import makers
from dothi.citizens.handling.joining import answered_with, merge
from dothi.citizens.handling.workflow import MOVES
from dothi.citizens.intake.followers import follow_report, followed_by
from dothi.citizens.model import NoSuchReport
from dothi.ground.clock import DAY, now_us
from dothi.hub.model import Actor
from dothi.office.messages import Messages, open_messages
from dothi.office.messages.model import SYSTEM, TYPE, Message, message_of
from dothi.office.messages.wording import letter_of, templates
from dothi.office.photos import Upload
from tests.citizens.conftest import City

Tell = Callable[[Callable[[City], Awaitable[Any]]], Any]
LAN = Identity(name="Trần Thị Lan", email="lan@example.vn")


def opened(city: City) -> Messages:
    return open_messages(city.hub, city.vault, (), "Huế", "https://hue.example.vn", makers(city.citizens))


def kept(city: City) -> list[Message]:
    return sorted((message_of(one) for one in city.hub.find(SYSTEM, TYPE)), key=lambda one: one.made_at)


async def told(city: City, messages: Messages) -> list[Message]:
    """All messages after the consumer has read everything."""
    going = asyncio.create_task(notices.run(city.citizens, messages))
    await asyncio.sleep(0.3)
    going.cancel()
    await asyncio.wait([going])
    return kept(city)


def test_each_step_is_told_once(in_city: Tell, official: Actor, lamp: Filing, proof: Upload, answer_words: str) -> None:
    """Filed, received, answered and re-opened are four messages; without a contact there is none, and no second one."""

    async def story(city: City) -> None:
        messages = opened(city)
        filed = await file_report(city.citizens, replace(lamp, identity=LAN))
        await file_report(city.citizens, lamp)
        await receive(city.citizens, official, filed.number)
        await answer(city.citizens, official, filed.number, Outcome.RESOLVED, answer_words, [proof])
        link = makers(city.citizens)["code"](filed.number)
        assert find_by_code(city.citizens, link).code == filed.number
        await reopen(city.citizens, link, "Đèn lại tắt từ tối hôm qua rồi.")
        found = await told(city, messages)
        assert sorted(one.template for one in found) == [
            f"report.{name}" for name in ("answered", "filed", "received", "reopened")
        ]
        assert await told(city, messages) == found
        letter = letter_of(messages, next(one for one in found if one.template == "report.answered"))
        assert letter.subject == f"Phản ánh {filed.number} đã có trả lời: đã giải quyết [{link}]"
        assert f"https://hue.example.vn/follow/{link}" in letter.text
        log = repr(city.hub.log())
        assert not [word for word in ("lan@example.vn", "Trần Thị Lan", link, filed.follow_code) if word in log]

    in_city(story)


def test_joined_reports_are_told(
    in_city: Tell, official: Actor, lamp: Filing, proof: Upload, answer_words: str
) -> None:
    """Who reported the same earlier gets the answer of the report that theirs was joined to, with their own link."""

    async def story(city: City) -> None:
        messages = opened(city)
        first = await file_report(city.citizens, lamp)
        mine = await file_report(city.citizens, replace(lamp, identity=LAN))
        for number in (first.number, mine.number):
            await receive(city.citizens, official, number)
        same = answer_words + " Việc này đã có trong phản ánh trước."
        await answer(city.citizens, official, mine.number, Outcome.DUPLICATE, same, [proof], first.number)
        await answer(city.citizens, official, first.number, Outcome.RESOLVED, answer_words, [proof])
        found = [one for one in await told(city, messages) if one.template == "report.answered"]
        assert {one.params["number"] for one in found} == {mine.number}
        assert {one.params["outcome"] for one in found} == {"trùng với phản ánh khác", "đã giải quyết"}

    in_city(story)


def test_old_steps_are_no_news(in_city: Tell, lamp: Filing) -> None:
    """A city that is upgraded does not send a flood about what is long past; a forged link opens nothing."""

    async def story(city: City) -> None:
        filed = await file_report(city.citizens, replace(lamp, identity=LAN))
        (logged,) = city.hub.log()
        assert len(list(notices.news(city.citizens, logged))) == 1
        assert list(notices.news(city.citizens, logged, now_us() + 4 * DAY)) == []
        link = makers(city.citizens)["code"](filed.number)
        other = await file_report(city.citizens, replace(lamp, description="Đèn khác."))
        for forged in (link[:-1] + ("2" if link[-1] != "2" else "3"), other.number + link[6:], link[:-8]):
            try:
                find_by_code(city.citizens, forged)
            except NoSuchReport:
                continue
            raise AssertionError(forged)

    in_city(story)


def test_followers_get_their_own_link(in_city: Tell, official: Actor, lamp: Filing) -> None:
    """Who follows another's report is told with a link that follows and does not rate or re-open it."""

    async def story(city: City) -> None:
        messages = opened(city)
        filed = await file_report(city.citizens, lamp)
        other = await follow_report(city.citizens, filed.number, LAN)
        await receive(city.citizens, official, filed.number)
        (found,) = await told(city, messages)
        letter = letter_of(messages, found)
        code = letter.subject.partition("[")[2].rstrip("]")
        assert code.startswith(other.number)
        assert followed_by(city.citizens, code).code == filed.number
        with pytest.raises(NoSuchReport):
            find_by_code(city.citizens, code)
        with pytest.raises(NoSuchReport):
            followed_by(city.citizens, makers(city.citizens)["code"](filed.number))

    in_city(story)


def test_merged_reporters_are_told_by_their_own_step(
    in_city: Tell, official: Actor, lamp: Filing, proof: Upload, answer_words: str
) -> None:
    """Who was merged is told of it, of what happens to the other report, and once of the answer."""

    async def story(city: City) -> None:
        messages, citizens = opened(city), city.citizens
        first = await file_report(citizens, lamp)
        mine = await file_report(citizens, replace(lamp, identity=LAN))
        await merge(citizens, official, first.number, [mine.number], "Cùng một đèn trước số nhà 12.")
        await receive(citizens, official, first.number)
        await answer(citizens, official, first.number, Outcome.RESOLVED, answer_words, [proof])
        assert await answered_with(citizens, first.number) == 1
        found = await told(city, messages)
        assert {one.params["number"] for one in found} == {mine.number}
        assert sorted(one.template for one in found) == [
            "report.answered", "report.filed", "report.merged", "report.received"
        ]  # fmt: skip

    in_city(story)


def test_every_told_step_exists(in_city: Tell) -> None:
    """Each row of the rules names a step of the workflow and a message; steps of the reporter alone tell nobody."""

    async def story(city: City) -> None:
        rows = city.citizens.rules.notices.notices
        steps = {move.verb for move in MOVES} | {"file", "file by mail"}
        assert rows.keys() <= steps
        assert {one.template for one in rows.values()} <= templates("vi").keys()
        assert not rows.keys() & {"rate", "attach", "withdraw", "reply"}

    in_city(story)
