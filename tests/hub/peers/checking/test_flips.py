"""Whatever is changed in a hub's folder, the check tells of it: every table, every column, every file, random bits."""

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dothi.ground.errors import DothiError
from tests.hub.peers.checking import cities

# What a flip need not show in, and why. Nothing else is exempt.
EXEMPT_FILES = {
    "lock": "the number of the process that held the folder last: it is written anew by the next one",
    "position": "where the log stood, shared by processes that run: it is begun anew from the store",
}
EXEMPT_BITS = "a bit of a database file that no value, schema, version or index rests on (free space within pages)"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub")
    cities.make(folder)
    return folder


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Iterator[Callable[[], Path]]:
    def copy() -> Path:
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        return Path(shutil.copytree(made, tmp_path / "copy"))

    yield copy
    shutil.rmtree(tmp_path / "copy", ignore_errors=True)


def found(folder: Path) -> list[str]:
    """What the check says, or that the folder is refused."""
    try:
        return cities.said(cities.check(folder))
    except DothiError as refused:
        return [refused.detail]


def test_a_sound_hub_has_no_fault(copied: Callable[[], Path]) -> None:
    """Nothing is said of a folder that only dothi wrote to."""
    report = cities.check(copied())
    assert report.faults == ()
    assert report.notes == ("305 commits with 1,207 entries, 305 leaves in the tree",)


def test_every_value_of_every_table(made: Path, copied: Callable[[], Path], request: pytest.FixtureRequest) -> None:
    """Another value in any column of any table is found."""
    chance = random.Random(11)
    missed = []
    for table, columns in cities.tables(made / "hub.db").items():
        for column in columns:
            for _ in range(20 if request.config.getoption("--slow") else 1):
                folder = copied()
                try:
                    assert cities.change(folder / "hub.db", table, column, chance), f"{table} is empty in the sample"
                except sqlite3.IntegrityError:
                    continue  # The table itself refuses the value.
                if not found(folder):
                    missed.append(f"{table}.{column}")
    assert missed == []


@pytest.mark.parametrize("what", ["DELETE", "INSERT"])
def test_a_row_more_or_less_in_every_table(made: Path, copied: Callable[[], Path], what: str) -> None:
    """A row that was removed or copied under another key is found."""
    missed = []
    for table, columns in cities.tables(made / "hub.db").items():
        folder = copied()
        connection = sqlite3.connect(folder / "hub.db", isolation_level=None)
        connection.create_function("dothi_digest", -1, lambda total, *_: total)
        row = connection.execute(f"SELECT * FROM {table} ORDER BY random() LIMIT 1").fetchone()
        where = " AND ".join(f'"{name}" IS ?' for name in columns)
        try:
            if what == "DELETE":
                connection.execute(f"DELETE FROM {table} WHERE {where}", row)
            else:
                keys = [one + 1_000_000 if isinstance(one, int) else f"{one}x" for one in row[:2]]
                values = [*keys, *row[2:]][: len(row)]
                connection.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(row))})", values)
        except sqlite3.IntegrityError:
            continue
        finally:
            connection.close()
        if not found(folder):
            missed.append(table)
    assert missed == []


def flip(path: Path, at: int, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ (1 << bit)]))


def test_random_bits_of_the_database_file(
    made: Path, copied: Callable[[], Path], request: pytest.FixtureRequest
) -> None:
    """A flipped bit is found, or nothing that can be read has changed."""
    chance = random.Random(12)
    before, size = cities.dump(made / "hub.db"), (made / "hub.db").stat().st_size
    shown, idle, missed = 0, 0, []
    for _ in range(1500 if request.config.getoption("--slow") else 40):
        folder, at, bit = copied(), chance.randrange(size), chance.randrange(8)
        flip(folder / "hub.db", at, bit)
        if cities.dump(folder / "hub.db") == before:
            idle += 1  # EXEMPT_BITS
        elif found(folder):
            shown += 1
        else:
            missed.append((at, bit))
    assert missed == []
    assert shown > idle / 10


def test_every_other_file(made: Path, copied: Callable[[], Path]) -> None:
    """A flipped bit in any other file of the folder is found, and a file that is gone or does not belong there."""
    chance = random.Random(13)
    names = [path.relative_to(made) for path in made.rglob("*") if path.is_file()]
    others = [name for name in names if name.name not in EXEMPT_FILES and not name.name.startswith("hub.db")]
    assert {"alias", "notary.key", "notary.pub"} < {name.name for name in others}
    assert len(others) == 5  # With the two photos.
    missed = []
    for name in others:
        for _ in range(8):
            folder = copied()
            flip(folder / name, chance.randrange((folder / name).stat().st_size), chance.randrange(8))
            if not found(folder):
                missed.append(str(name))
    assert missed == []
    folder = copied()
    (folder / "notary.pub").unlink()
    (folder / "stranger").write_text("x")
    assert {line.partition(":")[0] for line in found(folder)} >= {"notary.key or notary.pub", "stranger"}


def test_the_past_cannot_be_made_anew(made: Path, copied: Callable[[], Path], tmp_path: Path) -> None:
    """A folder made anew with the same key shows by a checkpoint that was kept elsewhere; an old copy does too."""
    connection = sqlite3.connect(made / "hub.db")
    kept = connection.execute("SELECT body FROM page WHERE book='checkpoint' ORDER BY number").fetchall()
    connection.close()
    first, last = kept[1][0].decode(), kept[-1][0].decode()
    assert cities.check(copied(), last).faults == ()
    assert cities.check(copied(), first).faults == ()
    other = tmp_path / "other"
    other.mkdir()
    for name in ("alias", "notary.key", "notary.pub"):
        shutil.copy(made / name, other / name)
    cities.make(other)
    assert cities.said(cities.check(other)) == []
    assert ["another root" in line for line in cities.said(cities.check(other, last))] == [True]
