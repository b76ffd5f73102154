"""Staff on behalf: somebody without a smartphone gets everything, with consent and without their identity told."""

from dataclasses import replace
from typing import Any

import pytest

from dothi.accounts.model import Identity
from dothi.citizens import Filing, Outcome, State, Upload, answer, receive
from dothi.citizens.intake.arrival import arrival
from dothi.citizens.intake.counter import CHANNELS, Served, file_for, rate_for, reopen_for
from dothi.citizens.model import NoSuchReport, NotYours
from dothi.citizens.services.measures import measure
from dothi.ground.clock import DAY, from_iso
from dothi.ground.errors import Invalid
from dothi.ground.ids import urn
from dothi.hub.model import Actor

MONDAY_8 = from_iso("2026-11-16T08:00:00+07:00")
WHO = Identity(name="Trần Thị Bí Mật", phone="0905123456")
CLERK = Actor("user:clerk", frozenset({"official"}), frozenset({"19753"}))
ALL = Actor("system:test", frozenset({"system"}))


@pytest.mark.parametrize("channel", CHANNELS)
def test_counter_phone_and_paper_are_told_apart(in_city: Any, lamp: Filing, official: Actor, channel: str) -> None:
    """Channel, consent and who wrote it down stand on the case; the person is in the vault and nowhere else."""

    async def story(city: Any) -> None:
        served = Served(channel, "spoken")
        filed = await file_for(city.citizens, CLERK, replace(lamp, identity=WHO), served, MONDAY_8)
        came = arrival(city.citizens, official, filed.number)
        assert (came.channel, came.consent, came.recorded_by) == (channel, "spoken", "user:clerk")
        assert city.vault.database.read_one("SELECT count(*) FROM person")[0] == 1
        kept = repr(city.hub.log(0, 100)) + repr(city.hub.get(ALL, urn("CitizenReport", filed.number)))
        assert not any(secret in kept for secret in ("Bí Mật", "0905", "123456"))

    in_city(story)


@pytest.mark.parametrize(
    ("served", "words", "field"),
    [
        (Served("pigeon", "spoken"), "Đèn tắt", "channel"),
        (Served("counter", ""), "Đèn tắt", "consent"),
        (Served("phone", "signed"), "Đèn tắt", "consent"),
        (Served("paper", "signed"), "  ", "description"),
    ],
)
def test_what_is_missing_at_the_counter_is_named(
    in_city: Any, lamp: Filing, served: Served, words: str, field: str
) -> None:
    """Nothing is filed without channel, consent and the person's words."""

    async def story(city: Any) -> None:
        before = city.hub.last_seq()
        with pytest.raises(Invalid) as told:
            await file_for(city.citizens, CLERK, replace(lamp, description=words), served, MONDAY_8)
        assert told.value.fields["field"] == field
        assert city.hub.last_seq() == before

    in_city(story)


def test_rated_and_reopened_at_the_counter(
    in_city: Any, lamp: Filing, official: Actor, proof: Upload, answer_words: str
) -> None:
    """Only with the whole code, only by staff; the case keeps who helped, and the measure counts the rating."""

    async def story(city: Any) -> None:
        here = city.citizens
        filed = await file_for(here, CLERK, lamp, Served("counter", "spoken"), MONDAY_8)
        await receive(here, official, filed.number, now=MONDAY_8)
        await answer(here, official, filed.number, Outcome.RESOLVED, answer_words, [proof], now=MONDAY_8 + DAY)
        with pytest.raises(NoSuchReport):
            await rate_for(here, CLERK, filed.number, 5)
        with pytest.raises(NotYours):
            await rate_for(here, Actor("user:c", frozenset({"citizen"})), filed.follow_code, 5)
        await rate_for(here, CLERK, filed.follow_code, 2, "Vẫn tối, gọi 0905 123 456", MONDAY_8 + 2 * DAY)
        entity = city.hub.get(ALL, urn("CitizenReport", filed.number))
        assert (entity.value("rating"), entity.value("ratedWith")) == (2, "user:clerk")
        assert "0905" not in entity.value("ratingWords")
        assert measure(here, "2026-11").rated == 1
        again = await reopen_for(here, CLERK, filed.follow_code, "Đèn lại tắt từ tối qua", MONDAY_8 + 3 * DAY)
        assert again.state is State.REOPENED
        assert city.hub.get(ALL, urn("CitizenReport", filed.number)).value("reopenedWith") == "user:clerk"

    in_city(story)
