"""Following an area: confirmed by mail, told once a day at most and only of what is new, ended by one click."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from dothi.citizens import Filing, file_report
from dothi.citizens.channels import areas
from dothi.citizens.channels.areas import Area, Wish
from dothi.citizens.channels.links import makers
from dothi.citizens.model import AREA_TYPE
from dothi.citizens.needs import SYSTEM
from dothi.ground.clock import DAY, HOUR, MINUTE
from dothi.ground.errors import Forbidden, Invalid, Missing
from dothi.ground.links import BadLink, ExpiredLink
from dothi.hub.model import ANONYMOUS, Actor
from dothi.office.messages import Message, Messages, open_messages
from dothi.office.messages.model import SYSTEM as POST
from dothi.office.messages.model import TYPE, message_of
from dothi.office.messages.wording import letter_of
from tests.citizens.conftest import HUE, LAMP, MONDAY_8, PHU_XUAN, THUAN_HOA, City

Tell = Callable[[Callable[[City], Awaitable[Any]]], Any]
MAIL = "lan@example.vn"


def opened(city: City) -> Messages:
    return open_messages(city.hub, city.vault, (), "Huế", "https://hue.example.vn", makers(city.citizens))


def sent(city: City, template: str) -> list[Message]:
    found = [message_of(one) for one in city.hub.find(POST, TYPE)]
    return sorted((one for one in found if one.template == template), key=lambda one: one.made_at)


async def follow(city: City, messages: Messages, wish: Wish, now: int) -> str:
    """Ask and confirm with the link of the mail; returns the token that stops it."""
    made = await areas.ask(city.citizens, messages, wish, now)
    await areas.confirm(city.citizens, makers(city.citizens)["confirm"](made).rpartition("/")[2], now)
    return makers(city.citizens)["stop"](made).rpartition("/")[2]


def test_told_once_a_day(in_city: Tell, lamp: Filing) -> None:
    """New reports of the commune and kind come in one mail a day, none when nothing is new, none twice."""

    async def story(city: City) -> None:
        messages, citizens, now = opened(city), city.citizens, MONDAY_8
        await file_report(citizens, lamp, now - HOUR)
        await follow(city, messages, Wish(Area(THUAN_HOA), ("street_light",), MAIL), now)
        assert await areas.tell_due(citizens, messages, now + DAY) == 0
        now += DAY
        mine = [await file_report(citizens, lamp, now + hours * HOUR) for hours in (1, 2)]
        await file_report(citizens, replace(lamp, category="waste"), now + HOUR)
        await file_report(citizens, replace(lamp, lon=None, lat=None, unit=PHU_XUAN), now + HOUR)
        assert await areas.tell_due(citizens, messages, now + 3 * HOUR) == 0
        assert await areas.tell_due(citizens, messages, now + DAY - 2 * HOUR) == 0  # 6 in the morning.
        assert await areas.tell_due(citizens, messages, now + DAY + MINUTE) == 1
        assert await areas.tell_due(citizens, messages, now + DAY + 2 * MINUTE) == 0
        (digest,) = sent(city, "area.digest")
        letter = letter_of(messages, digest)
        assert letter.subject == "2 phản ánh mới tại Phường Thuận Hóa"
        assert all(one.number in letter.text for one in mine)
        assert letter.stop.startswith("https://hue.example.vn/api/areas/stop/")
        assert "Lê Lợi" not in letter.text
        assert MAIL not in repr(city.hub.log())

    in_city(story)


def test_a_circle_is_rounded(in_city: Tell, lamp: Filing) -> None:
    """A circle tells of what lies in it; its middle is kept as coarsely as the public sees places."""

    async def story(city: City) -> None:
        messages, citizens, now = opened(city), city.citizens, MONDAY_8
        await follow(city, messages, Wish(Area("", LAMP[0] + 0.0004, LAMP[1], 500), (), MAIL), now)
        await follow(city, messages, Wish(Area("", LAMP[0] + 0.02, LAMP[1], 500), (), MAIL), now)
        await file_report(citizens, lamp, now + HOUR)
        assert await areas.tell_due(citizens, messages, now + DAY) == 1
        kept = [one.value("location")["coordinates"] for one in city.hub.find(SYSTEM, AREA_TYPE)]
        assert all(round(number, 3) == number for place in kept for number in place)
        for who in (ANONYMOUS, Actor("user:1", frozenset({"administrator", "data_steward", "official"}))):
            with pytest.raises(Forbidden):
                city.hub.find(who, AREA_TYPE)

    in_city(story)


def test_confirmed_and_ended(in_city: Tell, lamp: Filing) -> None:
    """Nobody is told before confirming; a stop erases the address and may be repeated; no yes is forgotten."""

    async def story(city: City) -> None:
        messages, citizens, now = opened(city), city.citizens, MONDAY_8
        made = await areas.ask(citizens, messages, Wish(Area(HUE), (), MAIL), now)
        await file_report(citizens, lamp, now + HOUR)
        assert await areas.tell_due(citizens, messages, now + DAY) == 0
        confirm = makers(citizens)["confirm"](made).rpartition("/")[2]
        stop = makers(citizens)["stop"](made).rpartition("/")[2]
        assert f"/areas/confirm/{confirm[:20]}" in letter_of(messages, sent(city, "area.confirm")[0]).text
        for token, error in ((confirm[:-2] + "xx", BadLink), (stop, BadLink)):
            with pytest.raises(error):
                await areas.confirm(citizens, token, now)
        with pytest.raises(ExpiredLink):
            await areas.confirm(citizens, confirm, now + 2000 * DAY)
        await areas.confirm(citizens, confirm, now)
        person = areas.of_link(citizens, areas.STOP, stop, now).person
        for _ in range(2):
            await areas.stop(citizens, stop, now)
        assert city.hub.find(SYSTEM, AREA_TYPE).entities == ()
        assert not city.vault.database.read("SELECT 1 FROM person WHERE pseudonym = ?", person)
        with pytest.raises(Missing):
            await areas.confirm(citizens, confirm, now)
        await areas.ask(citizens, messages, Wish(Area(HUE), (), MAIL), now)
        await areas.tell_due(citizens, messages, now + 8 * DAY)
        assert city.hub.find(SYSTEM, AREA_TYPE).entities == ()
        assert not city.vault.database.read("SELECT 1 FROM person")

    in_city(story)


def test_what_cannot_be_followed(in_city: Tell) -> None:
    """No place, an unknown unit, a circle too wide, an unknown kind and no mail address are named by their field."""

    async def story(city: City) -> None:
        messages = opened(city)
        cases = {
            "place": (Area(), (), MAIL), "radius": (Area("", *LAMP, 50_000), (), MAIL),
            "category": (Area(HUE), ("graffiti",), MAIL), "email": (Area(HUE), (), "lan"),
        }  # fmt: skip
        for field, (area, kinds, mail) in cases.items():
            with pytest.raises(Invalid) as wrong:
                await areas.ask(city.citizens, messages, Wish(area, kinds, mail))
            assert wrong.value.fields["field"] == field
        with pytest.raises(Invalid):
            await areas.ask(city.citizens, messages, Wish(Area("99999"), (), MAIL))
        assert city.hub.last_seq() == 0

    in_city(story)
