"""Backups: whole and consistent beside a writing city, only what is new travels, and a killed one harms nothing."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dothi.command.keeping import manifest, prune
from dothi.command.keeping.backup import Wanted, backup
from dothi.command.keeping.drill import drill
from dothi.command.keeping.manifest import moment
from dothi.command.keeping.restore import Asked, restore
from dothi.ground.clock import DAY, HOUR, SECOND
from dothi.ground.errors import Conflict, Invalid, Missing, Unavailable
from dothi.ground.places import Folder, Place, open_place
from tests.command.cities import City, at_work, fill, told


def test_a_restored_city_is_the_city(city: Path, tmp_path: Path) -> None:
    """State, log, cursors, timers, receipts, photos and people come back as they were."""
    place = Folder(tmp_path / "place")
    backup(city, place)
    restore(place, tmp_path / "again", Asked(key=(city / "vault.key").read_bytes()))
    assert at_work(tmp_path / "again", told) == at_work(city, told)

    async def repeated(found: City) -> bool:
        return bool(await found.write(1, "keyed", key="a-request")) and found.hub.last_seq() == 42

    assert at_work(tmp_path / "again", repeated)


def test_a_backup_beside_a_writing_city_holds_whole_commits(tmp_path: Path) -> None:
    """What was acknowledged before the backup began is in it, and of each commit after that all or nothing."""
    place = Folder(tmp_path / "place")

    async def work(city: City) -> tuple[int, int]:
        async def write() -> None:
            for number in range(10_000):
                await city.write(number % 50, number)

        writing = asyncio.create_task(write())
        try:
            await asyncio.sleep(0.2)
            before = city.hub.last_seq()
            made = await asyncio.to_thread(backup, city.data, place)
            assert not writing.done()
            return before, made.position.seq
        finally:
            writing.cancel()

    before, seq = at_work(tmp_path / "city", work)
    assert 0 < before <= seq
    assert drill(place).seq == seq  # It proves that the restored state is what its log tells.


def test_only_what_is_new_travels(city: Path, tmp_path: Path) -> None:
    """A second backup of an unchanged city carries nothing; one more commit carries little beside a large photo."""

    async def photo(found: City) -> None:
        found.hub.keep_file(bytes(range(256)) * 20_000)

    async def one_more(found: City) -> None:
        await found.write(3, "new")

    at_work(city, photo)
    place = Folder(tmp_path / "place")
    first, second = backup(city, place), backup(city, place)
    at_work(city, one_more)
    third = backup(city, place)
    assert first.new_bytes > 5_000_000
    assert second.new_bytes == 0
    assert 0 < third.new_bytes < 300_000


@dataclass
class Failing:
    """A place that dies after some writes, as a process that is killed."""

    inner: Place
    left: int
    address: str = "failing"
    written: list[str] = field(default_factory=list)

    def names(self, prefix: str):  # type: ignore[no-untyped-def]
        return self.inner.names(prefix)

    def read(self, name: str) -> bytes:
        return self.inner.read(name)

    def has(self, name: str, size: int) -> bool:
        return self.inner.has(name, size)

    def remove(self, name: str) -> None:
        self.inner.remove(name)

    def write(self, name: str, body: bytes) -> None:
        if len(self.written) == self.left:
            raise Unavailable("killed")
        self.written.append(name)
        self.inner.write(name, body)


def test_a_backup_that_was_killed_is_none_and_the_next_goes_on(city: Path, tmp_path: Path) -> None:
    """Killed before any of its writes the place holds the older backup whole; the next one finds what was brought."""
    folder = Folder(tmp_path / "place")
    old = backup(city, folder)
    at_work(city, fill_more)
    died = 0
    for left in range(100):
        try:
            whole = backup(city, Failing(folder, left))
        except Unavailable:
            died += 1
            assert manifest.newest(folder) == old
            assert drill(folder).seq == old.position.seq
            continue
        assert drill(folder).seq == whole.position.seq > old.position.seq
        break
    assert died >= 1


async def fill_more(city: City) -> None:
    """New chunks, a new photo, a new person."""
    await fill(city)
    city.hub.keep_file(b"another photo")


def test_two_cities_do_not_share_a_place_nor_two_backups_a_moment(city: Path, tmp_path: Path) -> None:
    """A place belongs to one city, and no backup runs beside another of the same city."""
    place = Folder(tmp_path / "place")
    backup(city, place)
    at_work(tmp_path / "other", fill)
    with pytest.raises(Conflict, match="another city"):
        backup(tmp_path / "other", place)
    with pytest.raises(Missing, match="no city"):
        backup(tmp_path / "none", place)


def test_damage_is_found_and_named(city: Path, tmp_path: Path) -> None:
    """Any flipped byte in any chunk, file or manifest stops the restore, which names it and leaves nothing."""
    place = Folder(tmp_path / "place")
    backup(city, place)
    checked = 0
    for path in sorted((tmp_path / "place").rglob("*")):
        if not path.is_file() or path.name == "city.json":
            continue
        good = path.read_bytes()
        path.write_bytes(good[: len(good) // 2] + bytes([good[len(good) // 2] ^ 1]) + good[len(good) // 2 + 1 :])
        with pytest.raises(Invalid, match=path.name):
            restore(place, tmp_path / "again")
        path.write_bytes(good)
        checked += 1
    assert checked >= 5
    assert sorted(tmp_path.glob("again*")) == []
    gone = next((tmp_path / "place/chunks").rglob("??/*"))
    gone.unlink()
    with pytest.raises(Invalid, match=f"{gone.name} is missing"):
        restore(place, tmp_path / "again")


def test_what_cannot_be_restored_is_refused(city: Path, tmp_path: Path) -> None:
    """No backup, a folder that is not empty, a newer format, another kind of store: one sentence, nothing written."""
    place = Folder(tmp_path / "place")
    with pytest.raises(Missing, match="holds no backup"):
        restore(place, tmp_path / "again")
    made = backup(city, place)
    with pytest.raises(Conflict, match="not empty"):
        restore(place, city)
    with pytest.raises(Invalid, match="without --store"):
        restore(place, tmp_path / "again", Asked(store="postgresql://nobody@127.0.0.1:1/none"))
    manifest.write(place, type(made)(**{name: getattr(made, name) for name in made.__struct_fields__} | {"format": 99}))
    with pytest.raises(Invalid, match="newer dothi"):
        restore(place, tmp_path / "again")
    with pytest.raises(Invalid, match="no known kind"):
        open_place("gopher://x/y")
    assert sorted(tmp_path.glob("again*")) == []


def test_keys_are_never_in_a_plain_backup(city: Path, tmp_path: Path) -> None:
    """The vault's key is in no byte of a backup; sealed under a passphrase it comes back with that alone."""
    key = (city / "vault.key").read_bytes()
    plain, sealed = Folder(tmp_path / "plain"), Folder(tmp_path / "sealed")
    backup(city, plain)
    backup(city, sealed, Wanted(password="một câu dài"))
    for path in (*plain.root.rglob("*"), *sealed.root.rglob("*")):
        assert not path.is_file() or key not in path.read_bytes()
    assert not restore(plain, tmp_path / "locked").keys
    with pytest.raises(Invalid, match="passphrase"):
        restore(sealed, tmp_path / "open", Asked(password="wrong"))
    assert restore(sealed, tmp_path / "open", Asked(password="một câu dài")).keys
    assert (tmp_path / "open/vault.key").read_bytes() == key
    assert (tmp_path / "open/vault.key").stat().st_mode & 0o077 == 0


NOW = 20_000 * DAY + 12 * HOUR


def test_what_is_kept_follows_the_policy() -> None:
    """All of the last day, then the last of each day, week and month; the newest always."""
    names = [f"manifests/{NOW - number * 6 * HOUR:020d}-1.manifest" for number in range(4 * 100)]
    stay = sorted((NOW - moment(name)) // HOUR for name in prune.chosen(names, prune.read_policy("3d,2w,2m"), NOW))
    assert stay[:4] == [0, 6, 12, 18]
    assert len(stay) <= 4 + 3 + 2 + 2
    assert prune.chosen(names[-3:], prune.Policy(), NOW) == {names[-3]}
    for wrong in ("", "7", "7d,7d", "x", "-1d"):
        with pytest.raises(Invalid, match="--keep"):
            prune.read_policy(wrong)


def test_pruning_takes_away_only_what_nobody_needs(city: Path, tmp_path: Path) -> None:
    """After pruning every backup that stays can be restored, and what only the others needed is gone."""
    place = Folder(tmp_path / "place")
    old = backup(city, place)
    at_work(city, fill_more)
    backup(city, place)
    before = len(list(place.names("chunks/")))
    assert prune.prune(place, prune.Policy(), old.at + 10 * SECOND) == []
    assert prune.prune(place, prune.Policy(), old.at + 2 * DAY) == [old.name]
    assert len(list(place.names("chunks/"))) < before
    assert drill(place).seq > old.position.seq


def test_a_backup_lies_in_object_storage(city: Path, tmp_path: Path, bucket: str) -> None:
    """The same through S3: chunks, files and manifest by HTTP, only what is new, and a drill from there."""
    place = open_place(f"{bucket}/city")
    assert backup(city, place).new_bytes > 0
    assert backup(city, place, Wanted(keep=prune.Policy())).new_bytes == 0
    assert drill(place).seq == 42
    restore(place, tmp_path / "again", Asked(key=(city / "vault.key").read_bytes()))
    assert at_work(tmp_path / "again", told) == at_work(city, told)
