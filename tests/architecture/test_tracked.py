"""What git tracks is ours, names no registry and no machine, and the README tells the truth about it."""

import re
import subprocess
from pathlib import Path

import pytest

THIRD_PARTY = re.compile(r"(^|/)(node_modules|vendor|\.venv)/|\.min\.|\.(woff2?|ttf|otf|whl|tgz|wasm|mbtiles|pmtiles)$")
# Written in pieces, so that this file does not find itself.
ADDRESSES = re.compile(
    "--(extra-)?index" + "-url [^-]|pypi" + r"\.org/simple|registry\.npm" + r'js\.org|"resolved"' + ":"
)
# The site has pages under the word work, so of that folder only what stands in it on a machine.
MACHINES = re.compile(r"(?<![\w.$}])/((root|home|Users)/\w|work/(main|shared|dev|ci|\.\w))")


@pytest.fixture(scope="module")
def tracked(repository: Path) -> list[str]:
    """Every path that git tracks."""
    listed = subprocess.run(["git", "ls-files"], cwd=repository, check=True, capture_output=True, text=True)
    return [path for path in listed.stdout.splitlines() if (repository / path).is_file()]


def lines_with(pattern: re.Pattern[str], repository: Path, tracked: list[str]) -> list[str]:
    """Where the pattern stands in tracked text, as `path:line`."""
    return [
        f"{path}:{number}"
        for path in tracked
        for number, line in enumerate((repository / path).read_text(errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]


def test_nothing_of_others_is_tracked(tracked: list[str]) -> None:
    """No npm file, font, minified script or wheel is committed: scripts/setup brings them by lock."""
    assert [path for path in tracked if THIRD_PARTY.search(path)] == []


def test_no_registry_is_named(repository: Path, tracked: list[str]) -> None:
    """Lock files and documents name no index, so each machine uses the one it is set to."""
    assert lines_with(ADDRESSES, repository, tracked) == []


def test_no_machine_is_named(repository: Path, tracked: list[str]) -> None:
    """No path of somebody's machine stands in the clone."""
    assert lines_with(MACHINES, repository, tracked) == []


def test_every_pinned_package_has_hashes(repository: Path) -> None:
    """Each package of the lock files has at least one SHA-256, or SHA-512 for npm."""
    for lock in (repository / "requirements").glob("*.txt"):
        pins = re.split(r"\n(?=\w)", lock.read_text())
        assert [pin.split()[0] for pin in pins if "==" in pin and "--hash=sha256:" not in pin] == []
    npm = (repository / "package-lock.json").read_text()
    assert npm.count('"integrity": "sha512-') == npm.count('"node_modules/')


@pytest.mark.parametrize("readme", ["README.md", "README.vi.md"])
def test_the_tree_of_the_readme_exists(repository: Path, readme: str) -> None:
    """Every path in the folder tree of the README is there, and every link of it leads to a file."""
    text = (repository / readme).read_text()
    tree = re.search(r"```text\n(.*?)```", text, re.DOTALL)
    assert tree, "the README shows the folder tree in a block of text"
    parents: list[str] = []
    for line in tree[1].splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        parents[depth:] = [line.split()[0]]
        path = "".join(parents)
        assert (repository / path).exists(), path
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (repository / link).exists(), link
