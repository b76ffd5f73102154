"""`dothi check --log` over the data folder of a whole city: sound when left alone, and it finds what was changed."""

import asyncio
import random
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from dothi.accounts.model import Identity
from dothi.accounts.people import make_sample_users
from dothi.accounts.signin import create_key
from dothi.accounts.vault import erase, keep_identity, seal_in
from dothi.app import close_city, keep_samples, open_city
from dothi.cli import main
from dothi.command.verbs.check import report_of
from dothi.hub.model import Actor, system
from dothi.settings import Settings
from tests.hub.peers.checking import cities

STEWARD = Actor("user:ha", frozenset({"data_steward"}))
# Rows that only signed-in people make; each is watched by the same triggers, which tests/ground/test_digests.py proves.
EMPTY = {"session", "link", "attempt"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("city")

    async def story() -> None:
        parts = await open_city(Settings(data=data, unit="46"))
        await keep_samples(parts)
        await make_sample_users(parts.accounts, "46", "19753")
        await create_key(parts.accounts, system("operator"), "a key", frozenset({"source:*"}))
        vault = parts.citizens.vault
        kept = [await keep_identity(vault, Identity(name, "0912345678", "", "")) for name in ("Lan", "Mai")]
        await erase(vault, STEWARD, kept[1], "asked")
        await seal_in(vault, "camera/2026-11-22", [b"51A-12345"])
        parts.hub.keep_file(b"a photo")
        await close_city(parts)

    asyncio.run(story())
    for name in ("accounts.db", "vault.db", "hub/hub.db"):
        connection = sqlite3.connect(data / name)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
    return data


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Iterator[Path]:
    yield Path(shutil.copytree(made, tmp_path / "copy"))
    shutil.rmtree(tmp_path / "copy")


def found(data: Path) -> list[str]:
    return [f"{fault.where}: {fault.what}" for fault in report_of(Settings(data=data)).faults]


def test_a_city_left_alone_is_sound_and_says_so(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The verb ends with 0 and a sentence; with a line for each fault and 1 once a value was changed."""
    assert main(["check", "--log", "--data", str(copy)]) == 0
    assert "Nothing is wrong" in capsys.readouterr().out
    cities.change(copy / "hub" / "hub.db", "entity", "doc", random.Random(1))
    assert main(["check", "--log", "--data", str(copy)]) == 1
    told = capsys.readouterr()
    assert "WRONG  urn:" in told.out
    assert "dothi export" in told.out
    assert "1 things are wrong" in told.err
    assert main(["check", "--log", "--data", str(copy / "nothing")]) == 1
    assert "There is no city" in capsys.readouterr().err


def test_every_value_of_accounts_and_vault(made: Path, copy: Path, request: pytest.FixtureRequest) -> None:
    """Another value in any column of any of their tables is found."""
    chance = random.Random(21)
    missed = []
    for name in ("accounts.db", "vault.db"):
        for table, columns in cities.tables(made / name).items():
            for column in columns if request.config.getoption("--slow") else chance.sample(columns, 1):
                shutil.copy(made / name, copy / name)
                _drop_guards(copy / name)
                before = cities.dump(copy / name)
                if not cities.change(copy / name, table, column, chance):
                    assert table in EMPTY
                elif cities.dump(copy / name) != before and not any(table in line for line in _said(copy, name)):
                    missed.append(f"{name} {table}.{column}")
    assert missed == []


def _drop_guards(path: Path) -> None:
    connection = sqlite3.connect(path)
    for trigger in ("event_stays", "event_kept"):
        connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
    connection.close()


def _said(data: Path, name: str) -> list[str]:
    """What is found; the dropped guards do not count."""
    return [line for line in found(data) if line.startswith(name) and "event_stays" not in line and "_kept" not in line]


def test_every_file_of_the_folder(made: Path, copy: Path) -> None:
    """Each file of a city's folder is one that the check knows; a bit flipped in a key is found, a stranger told of."""
    names = {str(path.relative_to(made)) for path in made.rglob("*") if path.is_file()}
    assert {name for name in names if not name.startswith("hub/")} == {"accounts.db", "vault.db", "vault.key"}
    body = (copy / "vault.key").read_bytes()
    (copy / "vault.key").write_bytes(bytes([body[0] ^ 1]) + body[1:])
    (copy / "stranger.txt").write_text("x")
    assert [line.partition(":")[0] for line in found(copy)] == ["vault.key", "stranger.txt"]
    (copy / "accounts.db").unlink()
    assert "accounts.db: it is gone" in found(copy)
