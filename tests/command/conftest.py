"""The city that most tests of this folder begin with."""

from pathlib import Path

import pytest

from tests.command.cities import at_work, fill


@pytest.fixture
def city(tmp_path: Path) -> Path:
    """The data folder of a filled city at rest."""
    data = tmp_path / "city"
    at_work(data, fill)
    return data
