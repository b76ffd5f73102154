"""Five hubs as they are deployed: each a process of its own, on loopback."""

import pytest
from federation import main


@pytest.mark.slow
def test_a_province_answers_for_its_communes(capsys: pytest.CaptureFixture[str]) -> None:
    """A query at the province answers from all; a stopped commune costs a warning; what it has then comes through."""
    assert main([]) == 0
    told = capsys.readouterr().out
    assert told.count("PM2.5") == 27
    assert told.count("NGSILD-Warning: 110 province") == 1
