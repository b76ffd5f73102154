"""“Already reported”: near by public place or like words; following one counts; a picture used before is a hint."""

import io
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image, ImageDraw

from dothi.accounts.model import Identity
from dothi.citizens import Filing, Outcome, Upload, answer, file_report, find_by_code, receive
from dothi.citizens.intake.arrival import arrival
from dothi.citizens.intake.duplicates import Matter, nearby
from dothi.citizens.intake.followers import follow_report, followed_by
from dothi.citizens.intake.pictures import BITS, bands, differ, look_of
from dothi.citizens.model import NoSuchReport
from dothi.citizens.rules import load
from dothi.ground.clock import DAY, from_iso
from dothi.ground.errors import Conflict
from dothi.ground.ids import urn
from dothi.hub.model import Actor

NEARBY = load().intake.nearby
THUAN_HOA = "19789"
LON, LAT = 107.5905, 16.4637
MONDAY_8 = from_iso("2026-11-16T08:00:00+07:00")
ALL = Actor("system:test", frozenset({"system"}))


def matter(text: str = "", **place: Any) -> Matter:
    """A lamp that somebody is about to report in Phường Thuận Hóa."""
    return Matter("street_light", text, THUAN_HOA, **place)


def test_open_reports_come_by_place_and_by_like_words(in_city: Any, lamp: Filing) -> None:
    """Within the radius of public places; words count where one has no point; other categories and days do not."""

    async def story(city: Any) -> None:
        here = city.citizens
        placed = (await file_report(here, lamp, MONDAY_8)).number
        spoken = Filing("street_light", "Đèn ở chợ Đông Ba tắt hẳn", unit=THUAN_HOA)
        told = (await file_report(here, spoken, MONDAY_8)).number
        await file_report(here, replace(lamp, category="waste"), MONDAY_8)

        def found(asked: Matter, at: int = MONDAY_8 + DAY) -> list[str]:
            return [one.report.code for one in nearby(here, NEARBY, asked, at)]

        assert found(matter(lon=LON, lat=LAT)) == [placed]
        assert found(matter(lon=LON + 0.002, lat=LAT)) == []  # 210 m.
        assert found(matter("den o cho dong ba tat han")) == [told]  # Without marks.
        assert found(matter("đèn tắt")) == []  # Too few words to say anything.
        assert found(matter("đèn chợ Đông Ba", lon=LON + 0.002, lat=LAT)) == [told]
        assert found(matter("Đèn trước nhà Lê Lợi tắt ba đêm")) == [placed]
        assert found(matter(lon=LON, lat=LAT), MONDAY_8 - DAY) == []

    in_city(story)


def test_the_distance_tells_no_more_than_the_public_page(in_city: Any, lamp: Filing) -> None:
    """Asking from anywhere in the same rounded cell gives the same distance: nobody measures a home."""

    async def story(city: Any) -> None:
        await file_report(city.citizens, lamp, MONDAY_8)
        asked = [matter(lon=lon, lat=LAT) for lon in (107.5896, 107.59, 107.5904)]
        metres = {nearby(city.citizens, NEARBY, one, MONDAY_8)[0].metres for one in asked}
        assert len(metres) == 1

    in_city(story)


def test_an_answered_report_is_told_of_and_the_new_one_keeps_it(
    in_city: Any, lamp: Filing, official: Actor, proof: Upload, answer_words: str
) -> None:
    """It comes after open ones, for as many days as the rule says; the new report says that it is about it again."""

    async def story(city: Any) -> None:
        here = city.citizens
        old = (await file_report(here, lamp, MONDAY_8)).number
        await receive(here, official, old, now=MONDAY_8)
        await answer(here, official, old, Outcome.RESOLVED, answer_words, [proof], now=MONDAY_8 + DAY)
        asked = matter(lon=LON, lat=LAT)
        (one,) = nearby(here, NEARBY, asked, MONDAY_8 + 30 * DAY)
        assert (one.report.code, one.answered) == (old, True)
        assert nearby(here, NEARBY, asked, MONDAY_8 + 92 * DAY) == ()
        with pytest.raises(Conflict):
            await follow_report(here, old, now=MONDAY_8 + 30 * DAY)
        again = (await file_report(here, replace(lamp, again_of=old), MONDAY_8 + 30 * DAY)).number
        assert arrival(here, official, again).again_of == old
        assert [near.answered for near in nearby(here, NEARBY, asked, MONDAY_8 + 31 * DAY)] == [False, True]

    in_city(story)


def test_who_follows_has_a_code_of_their_own_and_counts(in_city: Any, lamp: Filing, official: Actor) -> None:
    """Twice the same key is one follower; the code opens this report and is no reporter's; the contact is sealed."""

    async def story(city: Any) -> None:
        here = city.citizens
        filed = await file_report(here, lamp, MONDAY_8)
        first = await follow_report(here, filed.number, Identity(phone="0905123456"), "key of one")
        assert await follow_report(here, filed.number, None, "key of one") == first
        second = await follow_report(here, filed.number)
        assert arrival(here, official, filed.number).followers == 2
        assert followed_by(here, second.follow_code.lower().replace("-", " ")).code == filed.number
        with pytest.raises(NoSuchReport):
            find_by_code(here, first.follow_code)
        for wrong in (filed.follow_code, first.follow_code[:-1] + "Z", "abc", ""):
            with pytest.raises(NoSuchReport):
                followed_by(here, wrong)
        with pytest.raises(NoSuchReport):
            await follow_report(here, "ZZZZZZ")
        contact = city.hub.get(ALL, urn("ReportContact", first.number))
        assert contact.value("person").startswith("urn:ngsi-ld:Person:")
        assert "0905" not in repr(contact) + repr(city.hub.log(0, 100))

    in_city(story)


def scene() -> Image.Image:
    """A drawing with edges."""
    picture = Image.new("RGB", (640, 480), "white")
    pen = ImageDraw.Draw(picture)
    for n in range(7):
        pen.ellipse((80 * n, 40 * n, 80 * n + 120, 40 * n + 150), fill=(30 * n, 200 - 20 * n, 90))
    return picture


def saved(picture: Image.Image, **options: Any) -> bytes:
    """As a JPEG."""
    out = io.BytesIO()
    picture.save(out, "JPEG", **options)
    return out.getvalue()


def test_a_look_survives_shrinking_and_saving_anew() -> None:
    """The same picture at half its size and poor quality differs in few bits; another in many; a plain one has none."""
    look = look_of(saved(scene()))
    assert differ(look, look_of(saved(scene().resize((320, 240)), quality=40))) <= 3
    assert differ(look, look_of(saved(scene().transpose(Image.Transpose.ROTATE_180)))) > 10
    assert look_of(saved(Image.new("RGB", (64, 64), "navy"))) == ""
    assert len(look) == BITS // 4
    assert len(bands([look])) == 4


def test_a_picture_used_before_is_a_hint_on_the_case(in_city: Any, lamp: Filing, official: Actor) -> None:
    """The second report with the same picture is taken, and the official sees the number of the first."""

    async def story(city: Any) -> None:
        here = city.citizens
        photo = Upload("a.jpg", saved(scene()))
        first = (await file_report(here, replace(lamp, photos=(photo,)), MONDAY_8)).number
        poor = Upload("b.jpg", saved(scene().resize((400, 300)), quality=50))
        second = (await file_report(here, replace(lamp, photos=(poor,)), MONDAY_8)).number
        plain = Upload("c.jpg", saved(Image.new("RGB", (64, 64), "navy")))
        third = (await file_report(here, replace(lamp, photos=(plain,)), MONDAY_8)).number
        assert [arrival(here, official, one).used_before for one in (first, second, third)] == [(), (first,), ()]

    in_city(story)
