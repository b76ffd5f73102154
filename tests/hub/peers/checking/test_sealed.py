"""Sealed history is checked too: each file of the archive, and the commits rebuilt from it against their leaves."""

import asyncio
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dothi.ground.errors import DothiError
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.store.cold.archive import Archive
from dothi.hub.store.cold.place import Place
from dothi.hub.store.cold.sealing import Policy, seal_due
from dothi.hub.store.opening import open_store
from dothi.hub.store.proof.notary import finish, open_notary
from tests.hub.peers.checking import cities
from tests.hub.peers.checking.test_flips import flip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sealed")

    async def story() -> None:
        hub = Hub(folder, Open())
        notary = open_notary(folder, "sealed-test", cities.salted)
        await cities.fill(hub)
        assert await seal_due(hub.chore, hub.proofs.store, hub.archive, Policy(hours=0)) >= cities.COMMITS
        await cities.readings(hub, 20)
        await finish(hub, notary)
        await hub.close()

    asyncio.run(story())
    cities.settle(folder)
    return folder


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Iterator[Callable[[], Path]]:
    def copy() -> Path:
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        return Path(shutil.copytree(made, tmp_path / "copy"))

    yield copy
    shutil.rmtree(tmp_path / "copy", ignore_errors=True)


def listed(folder: Path) -> Any:
    """What the tables of the archive say; None when they cannot be read."""
    store = open_store(folder, follows=True)
    archive = Archive(Place(str(folder / "archive")), store)
    try:
        return {name: sorted(table.files()) for name, table in archive.tables.items()}
    except (DothiError, ValueError, KeyError, OSError):
        return None
    finally:
        archive.close()
        store.close()


def test_sealed_and_hot_commits_are_proved_alike(made: Path, copied: Callable[[], Path]) -> None:
    """A hub whose older half is sealed is sound."""
    report = cities.check(copied())
    assert report.faults == ()
    assert report.notes[0].startswith("324 commits")
    assert list(made.rglob("*.parquet"))


def test_every_sealed_file(made: Path, copied: Callable[[], Path], request: pytest.FixtureRequest) -> None:
    """A bit flipped in a Parquet file, one that is gone, and one that does not belong there, are found."""
    chance = random.Random(31)
    names = sorted(path.relative_to(made) for path in made.rglob("*.parquet"))
    for name in names if request.config.getoption("--slow") else chance.sample(names, min(5, len(names))):
        folder = copied()
        flip(folder / name, chance.randrange((folder / name).stat().st_size), chance.randrange(8))
        assert any(name.name in line for line in cities.said(cities.check(folder))), name
    folder = copied()
    (folder / names[0]).unlink()
    assert cities.check(folder).faults
    folder = copied()
    shutil.copy(folder / names[0], (folder / names[0]).with_name("0" * 64 + ".parquet"))
    assert any("0000" in line for line in cities.said(cities.check(folder)))


def test_the_tables_own_notes(made: Path, copied: Callable[[], Path], request: pytest.FixtureRequest) -> None:
    """A bit flipped in the table format's metadata is found, or the tables say the same as before."""
    chance = random.Random(32)
    names = sorted(path.relative_to(made) for path in made.rglob("_delta_log/*"))
    assert names
    before = listed(made)
    missed = []
    for _ in range(200 if request.config.getoption("--slow") else 12):
        folder, name = copied(), chance.choice(names)
        at, bit = chance.randrange((folder / name).stat().st_size), chance.randrange(8)
        flip(folder / name, at, bit)
        if listed(folder) != before and not cities.check(folder).faults:
            missed.append((str(name), at, bit))
    assert missed == []
