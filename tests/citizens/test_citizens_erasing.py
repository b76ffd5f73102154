"""Somebody asks that what is kept of them is erased: 72 hours, carried out by who may, or refused with a reason."""

from dataclasses import replace
from typing import Any

import pytest

from dothi.accounts.model import Identity
from dothi.accounts.vault import erasures, open_identity
from dothi.citizens import Filing, file_report
from dothi.citizens.handling.erasing import ask_erasure, carry_out, find_erasure, open_erasures, person_of, refuse
from dothi.citizens.model import NoSuchReport
from dothi.ground.clock import HOUR, iso
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing
from dothi.hub.model import Actor
from tests.citizens.conftest import MONDAY_8

STEWARD = Actor("user:steward", frozenset({"data_steward"}))
WHO = Identity("Nguyễn Thị Mẫu", "0905123456", "mau@example.vn")
WHY = "Theo đề nghị của người gửi"


def test_asked_for_due_by_the_clock_and_carried_out(in_city: Any, lamp: Filing, official: Actor) -> None:
    """Due after 72 hours of day and night; then nobody can open the identity any more, and the person reads why."""

    async def story(city: Any) -> None:
        here = city.citizens
        filed = await file_report(here, replace(lamp, identity=WHO), MONDAY_8)
        asked = await ask_erasure(here, filed.follow_code, MONDAY_8 + HOUR)
        assert asked.due == iso(MONDAY_8 + 73 * HOUR)
        assert await ask_erasure(here, filed.follow_code, MONDAY_8 + 9 * HOUR) == asked
        assert [one.number for one in open_erasures(here, STEWARD)] == [filed.number]
        with pytest.raises(Forbidden):
            open_erasures(here, official)
        with pytest.raises(Forbidden):
            await carry_out(here, official, filed.number, WHY)
        with pytest.raises(Invalid, match="why"):
            await carry_out(here, STEWARD, filed.number, "xong")
        person = person_of(here, filed.number)
        assert person is not None
        done = await carry_out(here, STEWARD, filed.number, WHY, MONDAY_8 + 20 * HOUR)
        assert (done.state, done.reason) == ("erased", WHY)
        assert [one.pseudonym for one in erasures(city.vault)] == [person]
        with pytest.raises(Missing):
            await open_identity(city.vault, STEWARD, person, "thử")
        assert open_erasures(here, STEWARD) == []
        with pytest.raises(Conflict):
            await refuse(here, STEWARD, filed.number, WHY)

    in_city(story)


def test_refused_with_a_reason_the_person_reads(in_city: Any, lamp: Filing) -> None:
    """A refusal keeps what is kept, and says why."""

    async def story(city: Any) -> None:
        here = city.citizens
        filed = await file_report(here, replace(lamp, identity=WHO), MONDAY_8)
        await ask_erasure(here, filed.follow_code)
        await refuse(here, STEWARD, filed.number, "Đang là nguyên đơn trong vụ việc (mẫu)")
        found = find_erasure(here, filed.number)
        assert found is not None
        assert (found.state, found.reason) == ("refused", "Đang là nguyên đơn trong vụ việc (mẫu)")
        assert erasures(city.vault) == []

    in_city(story)


def test_nothing_kept_nothing_to_erase(in_city: Any, lamp: Filing) -> None:
    """Who left no contact is told so; a wrong code tells nothing."""

    async def story(city: Any) -> None:
        filed = await file_report(city.citizens, lamp, MONDAY_8)
        with pytest.raises(Invalid, match="No name"):
            await ask_erasure(city.citizens, filed.follow_code)
        with pytest.raises(NoSuchReport):
            await ask_erasure(city.citizens, filed.number + "-AAAA-AAAA")
        assert find_erasure(city.citizens, filed.number) is None

    in_city(story)
