"""The wheel carries all that a running city needs, so that `pip install` of it needs no node."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this clone, built as pip would."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=repository, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_carries_every_file_of_the_package(repository: Path, wheel: Path) -> None:
    """Code, templates, catalogues, browser files and the territory's data are all inside."""
    package = repository / "src"
    files = {path.relative_to(package) for path in package.rglob("*") if path.is_file() and path.name[0] != "."}
    needed = {str(path) for path in files if "__pycache__" not in path.parts}
    assert "dothi/web/static/vendor/manifest.json" in needed
    assert sorted(needed - set(zipfile.ZipFile(wheel).namelist())) == []


def test_the_wheel_carries_its_licence(wheel: Path) -> None:
    """The Apache licence is part of the wheel."""
    assert any(name.endswith("licenses/LICENSE") for name in zipfile.ZipFile(wheel).namelist())


def test_an_installed_wheel_needs_no_node(wheel: Path, tmp_path: Path) -> None:
    """It installs with nothing but Python on the path, and the browser files are there."""
    install = [sys.executable, "-m", "pip", "install", "-qq", "--no-deps", "--no-index", "--target", str(tmp_path)]
    subprocess.run([*install, str(wheel)], check=True, env={"PATH": "", "HOME": str(tmp_path)})
    assert (tmp_path / "dothi/web/static/vendor/manifest.json").is_file()
    version = [
        sys.executable,
        "-I",
        "-c",
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import dothi; print(dothi.__file__)",
    ]
    shown = subprocess.run(version, check=True, capture_output=True, text=True, env={"PATH": ""})
    assert shown.stdout.startswith(str(tmp_path))
