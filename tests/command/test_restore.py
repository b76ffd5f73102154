"""Restores: any moment between two backups, consumers exactly where they were, and whoever was erased stays erased."""

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from dothi.accounts.vault import erase
from dothi.command.keeping import gone, manifest
from dothi.command.keeping.backup import backup
from dothi.command.keeping.restore import HELD, Asked, restore
from dothi.ground.clock import SECOND
from dothi.ground.errors import Invalid, Missing
from dothi.ground.places import Folder
from dothi.hub.model import Actor, Timer
from dothi.office.lifecycle.persons.erasing import erase_person
from dothi.office.lifecycle.persons.proving import beside_lists, search
from dothi.territory import Territory
from tests.command.cities import PHOTO_HASH, City, at_work, fill
from tests.office.lifecycle.conftest import city_in
from tests.office.lifecycle.test_erasing import filed, quoted, traces

STEWARD = Actor("user:steward", frozenset({"data_steward"}))


async def work(city: City) -> list[tuple[int, dict[str, Any]]]:
    """Commits of a consumer that acts, rings and counts; what was true after each, with its time."""
    seen: list[tuple[int, dict[str, Any]]] = []
    for number in range(30):
        ring = Timer("eye", "ring", number if number % 3 else None)
        at = await city.write(
            number % 4, number, cursor=("eye", city.hub.last_seq()), timers=(ring,), key=f"request-{number}"
        )
        seen.append((at, await standing(city)))
    return seen


async def standing(city: City) -> dict[str, Any]:
    """What a consumer and a caller can tell of a city."""
    entities = {n: city.hub.some(Actor("system:tests", frozenset({"system"})), [f"urn:x:Lamp:{n}"]) for n in range(7)}
    return {
        "seq": city.hub.last_seq(),
        "cursor": city.hub.cursor("eye"),
        "timers": city.hub.due_timers("eye", 1 << 62),
        "entities": json.dumps({n: repr(one) for n, one in entities.items()}),
    }


def receipts(data: Path) -> set[str]:
    """The keys whose receipts are kept."""
    with sqlite3.connect(data / "hub/hub.db") as connection:
        found = {row[0] for row in connection.execute("SELECT key FROM receipt")}
    connection.close()
    return found


@pytest.mark.parametrize("older", [True, False], ids=["between two backups", "before the first that is kept"])
def test_any_moment_comes_back(city: Path, tmp_path: Path, older: bool) -> None:
    """At each moment entities, cursors, timers and receipts are as they were then, and no repeat does a thing twice."""
    place = Folder(tmp_path / "place")
    if older:
        backup(city, place)
    seen = at_work(city, work)
    backup(city, place)
    for number in (0, 13, 28):
        at, was = seen[number]
        target = tmp_path / f"at-{number}"
        done = restore(place, target, Asked(at=at, key=(city / "vault.key").read_bytes()))
        assert done.rolled == (number + 1 if older else 43 + number)
        assert at_work(target, standing) == was
        assert {f"request-{n}" for n in range(30)} & receipts(target) == {f"request-{n}" for n in range(number + 1)}
        assert (target / HELD).is_file()


def test_a_moment_that_nobody_knows_is_refused(city: Path, tmp_path: Path) -> None:
    """Later than the newest backup nobody knows what was."""
    place = Folder(tmp_path / "place")
    made = backup(city, place)
    with pytest.raises(Invalid, match="Leave --at out"):
        restore(place, tmp_path / "again", Asked(at=made.at + SECOND))
    assert not (tmp_path / "again").exists()


def found_in(folder: Path, sought: bytes) -> list[str]:
    """The files of a folder that hold some bytes."""
    return [str(path) for path in folder.rglob("*") if path.is_file() and sought in path.read_bytes()]


def test_the_erased_stay_erased(tmp_path: Path) -> None:
    """Erased after the backup, a person is in no byte of what is restored from it, newest or at a moment before."""
    data, place = tmp_path / "city", Folder(tmp_path / "place")
    key = data / "vault.key"

    async def born(city: City) -> tuple[str, bytes, int]:
        await fill(city)
        name = await city.person("Trần Văn Sẽ Quên")
        row = city.vault.database.read_one("SELECT wrapped_key FROM person WHERE pseudonym = ?", name)
        assert row is not None
        return name, bytes(row[0]), await city.write(5, "then")

    pseudonym, wrapped, then = at_work(data, born)
    backup(data, place)
    restore(place, tmp_path / "before", Asked(key=key.read_bytes()))
    assert found_in(tmp_path / "before", wrapped)  # The search finds what is there.

    async def forget(city: City) -> None:
        await erase(city.vault, STEWARD, pseudonym, "asked by the person")

    at_work(data, forget)
    assert gone.remember(place, data)
    for name, asked in (("newest", Asked(key=key.read_bytes())), ("then", Asked(at=then, key=key.read_bytes()))):
        done = restore(place, tmp_path / name, asked)
        assert done.erased == 1
        assert found_in(tmp_path / name, wrapped) == []

        async def opened(city: City) -> bool:
            return city.vault.database.read_one("SELECT 1 FROM person WHERE pseudonym = ?", pseudonym) is not None

        assert at_work(tmp_path / name, opened) is False
    locked = restore(place, tmp_path / "locked")
    assert (locked.erased, locked.keys) == (1, False)
    assert found_in(tmp_path / "locked", wrapped) == []


@pytest.mark.parametrize("then", [False, True], ids=["newest", "a moment before"])
@pytest.mark.parametrize("with_key", [True, False], ids=["with the key", "without"])
def test_nothing_that_carried_the_erased_comes_back(then: bool, with_key: bool, tmp_path: Path) -> None:
    """Their words, photo and pseudonym are in no byte of what is restored from a backup that was made before.

    Without the key their name cannot be looked for in what others wrote; what is known to carry them goes all the same.
    """
    data, place, territory = tmp_path / "city", Folder(tmp_path / "place"), Territory.load()

    async def born() -> tuple[str, list[bytes]]:
        async with city_in(data, territory) as city:
            report, _, person = await filed(city)
            if with_key:
                await quoted(city, report, person)
            return person, traces(city, city.hub.get(STEWARD, report), person)

    async def forget() -> None:
        async with city_in(data, territory) as city:
            await erase_person(city.life, STEWARD, person, "asked by the person")

    person, known = asyncio.run(born())
    made = backup(data, place)
    asyncio.run(forget())
    backup(data, place)
    if not then:
        place.remove(manifest.newest(place).name)  # What is left is the backup that knows nothing of it.
    key = (data / "vault.key").read_bytes() if with_key else None
    done = restore(place, tmp_path / "again", Asked(at=made.position.known if then else None, key=key))
    assert done.erased == 1
    found = search(tmp_path / "again", known).hits
    assert beside_lists(found, person) == []


def test_the_list_of_the_gone_may_come_from_a_folder(tmp_path: Path) -> None:
    """Where the place has not heard of an erasure, the old data folder tells of it."""
    data, place = tmp_path / "city", Folder(tmp_path / "place")

    async def born(city: City) -> str:
        pseudonym: str = await city.person("Lê Thị Xa")
        return pseudonym

    async def forget(city: City) -> None:
        await erase(city.vault, STEWARD, pseudonym, "asked by the person")

    pseudonym = at_work(data, born)
    backup(data, place)
    at_work(data, forget)
    assert restore(place, tmp_path / "blind").erased == 0
    assert restore(place, tmp_path / "told", Asked(), gone.of_city(data)).erased == 1
    (tmp_path / "place/gone.json").write_bytes(b"{")
    with pytest.raises(Invalid, match="would come back"):
        restore(place, tmp_path / "damaged")


def test_a_file_that_no_backup_holds_any_more_is_named(city: Path, tmp_path: Path) -> None:
    """A photo that was disposed of at the place too does not stop a restore; it is told."""
    place = Folder(tmp_path / "place")
    backup(city, place)
    for name in list(place.names("files/")):
        place.remove(name)
    done = restore(place, tmp_path / "again")
    assert len(done.missing) == 1

    async def look(found: City) -> None:
        found.hub.read_file(PHOTO_HASH)

    with pytest.raises(Missing):
        at_work(tmp_path / "again", look)
