"""The browser files in the package are the published ones, byte for byte, at the locked versions."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

VENDOR = Path("src/dothi/web/static/vendor")


@pytest.fixture(scope="module")
def packages(repository: Path) -> list[dict[str, Any]]:
    """The packages of the manifest that scripts/setup wrote."""
    packages: list[dict[str, Any]] = json.loads((repository / VENDOR / "manifest.json").read_text())["packages"]
    assert packages
    return packages


def test_copies_have_the_hashes_of_the_manifest(repository: Path, packages: list[dict[str, Any]]) -> None:
    """Each file under vendor/ is in the manifest with its SHA-256, and no other file is there."""
    promised = {path: digest for package in packages for path, digest in package["sha256"].items()}
    folder = repository / VENDOR
    copies = [path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json"]
    found = {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in copies}
    assert found == promised


def test_versions_are_the_locked_ones(repository: Path, packages: list[dict[str, Any]]) -> None:
    """Each copied package has the version that package-lock.json pins, and names its licence."""
    locked = json.loads((repository / "package-lock.json").read_text())["packages"]
    assert {package["name"]: package["version"] for package in packages} == {
        package["name"]: locked[f"node_modules/{package['name']}"]["version"] for package in packages
    }
    assert all(package["licence"] for package in packages)


def test_every_package_brings_its_licence(repository: Path, packages: list[dict[str, Any]]) -> None:
    """The licence text of each package travels with its files."""
    for package in packages:
        assert any(Path(path).name.startswith("LICENSE") for path in package["sha256"]), package["name"]
