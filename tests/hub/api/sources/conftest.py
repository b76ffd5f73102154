"""What the tests of sources share."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.hub.peers.notify.hearing import play


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., None]:
    """Run a story (an async function of a World) against a fresh hub whose subscribers are told."""
    return partial(play, tmp_path)
