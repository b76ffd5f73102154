"""Somebody is erased: nothing of them lies anywhere in the data folder, and what the city did stays told."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dothi.accounts.model import Identity
from dothi.accounts.vault import erasures, open_identity
from dothi.citizens import Filing, Upload, file_report
from dothi.citizens.handling.erasing import ask_erasure, carry_out, find_erasure, person_of
from dothi.citizens.reading import for_official
from dothi.ground.errors import Conflict, Forbidden, Missing
from dothi.hub.model import Commit, Entity, create, prop, rel, system
from dothi.office.lifecycle.holds import Wanted, lift, place
from dothi.office.lifecycle.persons.erasing import erase_person, proof_of, replay
from dothi.office.lifecycle.persons.proving import beside_lists, search
from dothi.office.lifecycle.register import exported
from tests.citizens.conftest import LAMP, jpeg
from tests.office.lifecycle.conftest import LEADER, STEWARD, THUAN_HOA, City

WHO = Identity("Nguyễn Thị Mẫu Tên Riêng", "0905 123 456", "mau.rieng@example.vn")
WORDS = "Đèn trước cửa nhà tôi cạnh cây bàng cụt ngọn số nhà có cổng sắt xanh đã tắt ba đêm nay rồi."
WHY = "Theo đề nghị của người gửi (mẫu)"
WRITER = system("operations")
MESSAGES = system("messages")


async def filed(city: City) -> tuple[str, str, str]:
    """A report with a name, a phone, words and a photo: its id, the code to follow it, and the pseudonym."""
    photo = Upload("a.jpg", jpeg((320, 240), "teal"))
    filing = replace(Filing("street_light", WORDS, *LAMP, unit=THUAN_HOA), identity=WHO, photos=(photo,))
    made = await file_report(city.citizens, filing)
    person = person_of(city.citizens, made.number)
    assert person is not None
    return f"urn:ngsi-ld:CitizenReport:{made.number}", made.follow_code, person


async def quoted(city: City, report: str, person: str) -> None:
    """A log entry that quotes the words, a message to the person, a copy of the report in another tenant."""
    line = create("urn:ngsi-ld:LogEntry:1", "LogEntry", words=prop(f"Dân báo: {WORDS}"), kind=prop("note"))
    await city.hub.commit(Commit(WRITER, (line,), f"as told: {WORDS}"))
    letter = create("urn:ngsi-ld:Message:1", "Message", to=prop(person), about=rel(report), text=prop("Đã nhận tin"))
    await city.hub.commit(Commit(MESSAGES, (letter,), "said", owner="messages"))
    copy = create(report, "CitizenReport", description=prop(WORDS), note=prop("Ảnh chụp để so sánh"))
    await city.hub.commit(Commit(system("citizens"), (copy,), "snapshot", owner="citizens", tenant="snapshot-1"))


def traces(city: City, report: Entity, person: str) -> list[bytes]:
    """What would give the person away, and the bytes of their photo."""
    photo = report.value("photos")[0]["sha256"]
    said = [
        WORDS,
        WHO.name,
        WHO.phone,
        "0905123456",
        "84905123456",
        WHO.email,
        photo,
        person,
        person.rpartition(":")[2],
    ]
    return [*(text.encode() for text in said), city.hub.read_file(photo)]


def test_nothing_of_a_person_is_left_in_any_byte_of_the_folder(in_city: Callable[..., Any]) -> None:
    """Words, photo and pseudonym lie in many places before; after it nowhere: write-ahead logs and free pages too."""

    async def story(city: City) -> None:
        report, code, person = await filed(city)
        other = await file_report(city.citizens, Filing("road", "Ổ gà to giữa đường này", *LAMP, unit=THUAN_HOA))
        await quoted(city, report, person)
        away = await exported(city.hub, STEWARD, "backup", "/backups/1", city.hub.last_seq(), "ab")
        known = traces(city, city.hub.get(STEWARD, report), person)
        before = {hit.trace for hit in search(city.folder, known).hits}
        assert {known[0], known[6], known[7], known[9]} <= before
        await ask_erasure(city.citizens, code)
        await carry_out(city.citizens, STEWARD, report.rpartition(":")[2], WHY)
        assert beside_lists(search(city.folder, known).hits, person) == []
        proof = proof_of(city.life, person)
        assert proof is not None
        assert (proof.value("state"), proof.value("left")) == ("complete", [])
        assert proof.value("things") >= 4
        assert [one["id"] for one in proof.value("carriedBy")] == [away]
        assert person not in str(proof)
        assert [one.pseudonym for one in erasures(city.vault) if one.pseudonym.startswith("urn:")] == [person]
        with pytest.raises(Missing):
            await open_identity(city.vault, STEWARD, person, "thử xem còn không")
        stays = for_official(city.citizens, STEWARD, report.rpartition(":")[2])
        assert (stays.category, stays.description, stays.photos, stays.open) == ("street_light", "", (), False)
        asked = find_erasure(city.citizens, report.rpartition(":")[2])
        assert asked is not None
        assert asked.state == "erased"
        assert city.hub.get(STEWARD, f"urn:ngsi-ld:CitizenReport:{other.number}").value("description")
        assert city.hub.get(STEWARD, "urn:ngsi-ld:LogEntry:1").value("words") == "Dân báo: [đã xóa]"

    in_city(story)


def test_a_hold_stops_an_erasure_and_is_named(in_city: Callable[..., Any]) -> None:
    """Held as a person or by what they handed in, nothing goes until the hold is lifted; others may not erase."""

    async def story(city: City) -> None:
        report, _, person = await filed(city)
        with pytest.raises(Forbidden):
            await erase_person(city.life, LEADER, person, WHY)
        for wanted in ({"persons": (person,)}, {"things": (report,)}, {"types": ("ReportContact",)}):
            hold = await place(city.life, STEWARD, Wanted("Vụ án 12 (mẫu)", "Công văn 7/CV-TA (mẫu)", **wanted))
            with pytest.raises(Conflict, match="Vụ án 12"):
                await erase_person(city.life, STEWARD, person, WHY)
            await lift(city.life, STEWARD, hold.id, "Vụ án đã kết thúc (mẫu)")
        assert city.hub.get(STEWARD, report).value("description") == WORDS
        proof = await erase_person(city.life, STEWARD, person, WHY)
        assert proof.value("state") == "complete"

    in_city(story)


@pytest.mark.parametrize("stop", [4, 8, *(pytest.param(stop, marks=pytest.mark.slow) for stop in (0, 2, 6, 10))])
def test_an_erasure_that_was_cut_off_is_finished(
    in_city: Callable[..., Any], stop: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off after so many of its writes, done again in a city that is opened again, nothing is left."""
    known: list[bytes] = []

    async def begun(city: City) -> str:
        report, _, person = await filed(city)
        await quoted(city, report, person)
        known.extend(traces(city, city.hub.get(STEWARD, report), person))
        writes = 0
        parts = {name: getattr(city.hub, name) for name in ("commit", "chore")}

        def cutting(name: str) -> Any:
            async def cut(work: Any) -> Any:
                nonlocal writes
                writes += 1
                if writes > stop:
                    raise OSError("cut off")
                return await parts[name](work)

            return cut

        for name in parts:
            monkeypatch.setattr(city.hub, name, cutting(name))
        with pytest.raises(OSError, match="cut off"):
            await erase_person(city.life, STEWARD, person, WHY)
        monkeypatch.undo()
        return person

    person = in_city(begun)

    async def finished(city: City) -> None:
        proof = await erase_person(city.life, STEWARD, person, WHY)
        assert proof.value("state") == "complete"
        assert beside_lists(search(city.folder, known).hits, person) == []

    in_city(finished)


def test_whom_a_restored_copy_brings_back_is_erased_again(in_city: Callable[..., Any], tmp_path: Any) -> None:
    """A copy from before the erasure is put back: replaying the list of erasures leaves nothing of the person."""
    known: list[bytes] = []

    async def kept(city: City) -> str:
        report, _, person = await filed(city)
        await quoted(city, report, person)
        known.extend(traces(city, city.hub.get(STEWARD, report), person))
        return person

    person = in_city(kept)
    shutil.copytree(tmp_path / "city", tmp_path / "copy")

    async def erased(city: City) -> Any:
        await erase_person(city.life, STEWARD, person, WHY)
        return erasures(city.vault)

    listed = in_city(erased)
    shutil.rmtree(tmp_path / "city")
    shutil.copytree(tmp_path / "copy", tmp_path / "city")
    shutil.rmtree(tmp_path / "copy")

    async def replayed(city: City) -> None:
        assert await replay(city.life, listed) == 1
        assert beside_lists(search(city.folder, known).hits, person) == []
        assert await replay(city.life, listed) == 0

    in_city(replayed)
