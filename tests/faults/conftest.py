"""What the faults share: the shim that stands between a server and its disk and clock."""

from pathlib import Path

import pytest

from tests.faults.disk import Disk, build_shim


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled shim."""
    return build_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def disk(tmp_path: Path, shim: Path) -> Disk:
    """A disk and a clock that do what the test says."""
    return Disk(tmp_path / "disk", shim)
