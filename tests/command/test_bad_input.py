"""What cannot be used is refused in one sentence with exit code 1, and not a byte of it has changed."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from dothi.cli import main
from tests.command.test_migrations import old_hub, prints

NOBODY = 65534


def newer(data: Path) -> None:
    old_hub(data, 4)
    with closing(sqlite3.connect(data / "hub/hub.db")) as connection:
        connection.execute("PRAGMA user_version = 99")


def foreign(data: Path) -> None:
    (data / "hub").mkdir(parents=True)
    with closing(sqlite3.connect(data / "hub/hub.db")) as connection:
        connection.executescript("CREATE TABLE recipes (name TEXT); INSERT INTO recipes VALUES ('phở')")


def no_database(data: Path) -> None:
    (data / "hub").mkdir(parents=True)
    (data / "hub/hub.db").write_text("Đây không phải cơ sở dữ liệu.\n" * 200)


def half(data: Path) -> None:
    old_hub(data, 3)
    with closing(sqlite3.connect(data / "hub/hub.db")) as connection:
        connection.executescript("CREATE TABLE page (book TEXT)")


def robbed(data: Path) -> None:
    old_hub(data, 3)
    with closing(sqlite3.connect(data / "hub/hub.db")) as connection:
        connection.executescript("DROP TABLE parcel")


def foreign_accounts(data: Path) -> None:
    old_hub(data, 4)
    with closing(sqlite3.connect(data / "accounts.db")) as connection:
        connection.executescript("CREATE TABLE recipes (name TEXT)")


CASES: dict[str, tuple[Callable[[Path], None], str]] = {
    "newer": (newer, "newer dothi"),
    "foreign": (foreign, "not a file of dothi"),
    "no database": (no_database, "not a file of dothi"),
    "half migrated, too much": (half, "half migrated"),
    "half migrated, too little": (robbed, "half migrated"),
    "foreign accounts": (foreign_accounts, "not a file of dothi"),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("verb", ["serve", "migrate"])
def test_what_is_not_ours_is_refused_and_left_alone(
    case: str, verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence, exit code 1, and every file of the folder has the hash that it had."""
    make, why = CASES[case]
    make(tmp_path)
    before = prints(tmp_path)
    more = ["--port", "0"] if verb == "serve" else []
    assert main([verb, "--data", str(tmp_path), *more]) == 1
    said = capsys.readouterr().err
    assert (said.count("\n"), why in said) == (1, True), said
    assert prints(tmp_path) == before


_AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"]


def dothi(*words: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """The command as a child, run by nobody where we are root."""
    who = _AS_NOBODY if os.geteuid() == 0 else []
    command = [*before, *who, sys.executable, "-m", "dothi.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def readable_by_nobody() -> bool:
    """Whether nobody may run our Python at all."""
    return dothi("--version").returncode == 0


def test_a_folder_that_may_only_be_read_is_left_alone(city: Path) -> None:
    """Served or backed up by somebody who may not write there: one sentence, exit code 1, nothing touched."""
    if not readable_by_nobody():
        pytest.skip("Another user may not run this Python, so nobody can try a folder that may only be read.")
    for path in (city, *city.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    for path in city.parents:
        if path.owner() == "root" and "pytest" in str(path):
            path.chmod(0o755)
    before = prints(city)
    for words in (("serve", "--port", "0", "--data", str(city)), ("migrate", "--data", str(city))):
        done = dothi(*words)
        assert done.returncode in (0, 1) if words[0] == "migrate" else done.returncode == 1, done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        assert prints(city) == before


def test_no_room_is_said_before_a_step_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: object) -> None:
    """A migration needs room for its copy: without it nothing is begun."""
    old_hub(tmp_path, 2)
    before = prints(tmp_path)
    full = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr("dothi.hub.store.sqlite.versions.shutil.disk_usage", lambda path: full)
    assert main(["migrate", "--data", str(tmp_path)]) == 1
    assert {name: one for name, one in prints(tmp_path).items() if not name.endswith("lock")} == before


def test_an_address_of_an_unknown_kind_is_refused(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a place it is a failure, of a store wrong usage; both name what can be used."""
    assert main(["backup", "gopher://x/y", "--data", str(city)]) == 1
    assert "no known kind" in capsys.readouterr().err
    assert main(["migrate", "--store", "mysql://x/y", "--data", str(city)]) == 2
    assert "postgresql://" in capsys.readouterr().err
