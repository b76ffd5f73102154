"""The tests of the whole hub hold on PostgreSQL too: run again, each hub of theirs in a database of its own."""

import os
import subprocess
import sys

import pytest

from tests.servers.postgres import Server

# Their matter is the file itself, or what other processes do with it.
FILES = ("tests/hub/store", "tests/hub/clients", "tests/hub/peers/checking")


@pytest.mark.slow
def test_the_hub_is_the_same_on_postgresql(postgres: Server) -> None:
    """Every test of the hub that is not about files passes with DOTHI_TEST_STORE=postgresql."""
    assert postgres.port
    left_out = [word for path in FILES for word in ("--ignore", path)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "tests/hub", *left_out],
        env={**os.environ, "DOTHI_TEST_STORE": "postgresql"},
        capture_output=True,
        text=True,
        timeout=3000,
    )
    assert done.returncode == 0, done.stdout[-5000:]
