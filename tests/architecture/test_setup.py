"""Set-up works on a bare machine, and says in one line what it cannot do."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

PROGRAMS = (
    *("sh", "env", "cat", "sed", "grep", "ls", "mkdir", "rm", "mktemp", "sha256sum", "cut", "dirname", "id", "pwd"),
    *("apt-get", "dpkg", "git"),
)
NO_VENV = """#!/bin/sh
case "$*" in *"-m venv"* | *ensurepip*) exit 1 ;; esac
exec {python} "$@"
"""
NO_PYTHON = "#!/bin/sh\nexit 127\n"


@pytest.fixture
def clone(repository: Path, tmp_path: Path) -> Path:
    """A fresh clone of what is written here now, in a folder with a space in its name."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=repository,
        check=True,
        capture_output=True,
        text=True,
    )
    clone = tmp_path / "a clone"
    for path in map(Path, listed.stdout.splitlines()):
        if (repository / path).is_file():
            (clone / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(repository / path, clone / path)
    return clone


def bare_machine(folder: Path, python3: str) -> dict[str, str]:
    """An environment whose path holds a few programs of every Debian, no node, and this python3."""
    folder.mkdir()
    for name in PROGRAMS:
        found = shutil.which(name)
        assert found, name
        (folder / name).symlink_to(found)
    (folder / "python3").write_text(python3)
    (folder / "python3").chmod(0o755)
    # How this machine reaches its indexes belongs to the machine; the rest of its environment is left behind.
    indexes = {key: value for key, value in os.environ.items() if key.startswith("PIP_") or "proxy" in key.lower()}
    return {"PATH": str(folder), "HOME": str(folder), **indexes}


def set_up(clone: Path, profile: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run scripts/setup of the clone."""
    return subprocess.run(
        [str(clone / "scripts/setup"), profile], env=environment, capture_output=True, text=True, timeout=600
    )


def test_an_unknown_profile_is_wrong_usage(clone: Path, tmp_path: Path) -> None:
    """A wrong argument gives one line and exit code 2."""
    done = set_up(clone, "everything", bare_machine(tmp_path / "bin", NO_PYTHON))
    assert (done.returncode, done.stderr) == (2, "setup: usage: scripts/setup [runtime|dev]\n")


def test_a_machine_without_python_is_told_so(clone: Path, tmp_path: Path) -> None:
    """Without Python 3.11 set-up stops with one line that says what to install."""
    done = set_up(clone, "runtime", bare_machine(tmp_path / "bin", NO_PYTHON))
    assert done.returncode == 1
    assert done.stderr.startswith("setup: missing: Python 3.11 or newer")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_bare_machine_is_set_up(clone: Path, tmp_path: Path) -> None:
    """Without python3-venv and without node a clone is ready after one command, and at once the next time."""
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    machine = bare_machine(tmp_path / "bin", NO_VENV.format(python=python))
    first = set_up(clone, "runtime", machine)
    assert first.returncode == 0, first.stderr
    assert (clone / "src/dothi/web/static/vendor/manifest.json").is_file()
    assert (clone / ".venv/bin/dothi").is_file()
    again = set_up(clone, "runtime", machine)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
