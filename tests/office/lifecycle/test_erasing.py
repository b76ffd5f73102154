"""Somebody is erased: nothing of them lies anywhere in the data folder, and what the city did stays told."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dothi.accounts.model import Identity
from dothi.citizens import Filing, Upload, file_report
from dothi.citizens.handling.erasing import person_of
from dothi.office.lifecycle.persons.erasing import erase_person
from dothi.office.lifecycle.persons.proving import beside_lists, search
from tests.citizens.conftest import LAMP, jpeg
from tests.office.lifecycle.conftest import STEWARD, THUAN_HOA, City

WHO = Identity("Nguyễn Thị Mẫu Tên Riêng", "0905123456", "mau.rieng@example.vn")
WORDS = "Đèn trước cửa nhà tôi cạnh cây bàng cụt ngọn số nhà có cổng sắt xanh đã tắt ba đêm nay rồi."
WHY = "Theo đề nghị của người gửi (mẫu)"


async def filed(city: City) -> tuple[str, str]:
    """A report with a name, a phone, words and a photo: its number and the pseudonym."""
    photo = Upload("a.jpg", jpeg((320, 240), "teal"))
    filing = replace(Filing("street_light", WORDS, *LAMP, unit=THUAN_HOA), identity=WHO, photos=(photo,))
    made = await file_report(city.citizens, filing)
    person = person_of(city.citizens, made.number)
    assert person is not None
    return made.number, person


def test_nothing_of_a_person_is_left_in_any_byte_of_the_folder(in_city: Callable[..., Any]) -> None:
    """Names, phone, words and photo are found in the folder before, and nowhere after: free pages and logs included."""

    async def story(city: City) -> None:
        number, person = await filed(city)
        other = await file_report(city.citizens, Filing("road", "Ổ gà to giữa đường này", *LAMP, unit=THUAN_HOA))
        report = f"urn:ngsi-ld:CitizenReport:{number}"
        entity = city.hub.get(STEWARD, report)
        photo = entity.value("photos")[0]["sha256"]
        traces = [WORDS.encode(), photo.encode(), person.encode(), city.hub.read_file(photo)]
        before = search(city.folder, traces)
        assert {hit.trace for hit in before.hits} == set(traces)
        proof = await erase_person(city.life, STEWARD, person, WHY)
        after = search(city.folder, traces)
        assert beside_lists(after.hits, person) == []
        assert (proof.value("state"), proof.value("left")) == ("complete", [])
        shell = city.hub.get(STEWARD, report)
        assert (shell.value("category"), shell.value("description"), shell.value("photos")) == (
            "street_light",
            "",
            None,
        )
        assert city.hub.get(STEWARD, f"urn:ngsi-ld:CitizenReport:{other.number}").value("description")
        assert "location" not in city.hub.history(STEWARD, report)

    in_city(story)
