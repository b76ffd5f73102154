"""Clients that others wrote live their whole life with a served hub: create, read, query, change, batch, subscribe."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CLIENTS = Path(sys.prefix) / "clients"  # Where scripts/setup puts each with the versions that it wants.


@pytest.mark.parametrize("client", ["ngsildclient", "filip"])
def test_the_whole_life_of_entities(port: int, client: str) -> None:
    """The client does all that it is for; its own checks and ours hold at every step."""
    installed = CLIENTS / client
    assert installed.is_dir(), f"{client} is not installed; run scripts/setup"
    life = [sys.executable, "-S", str(HERE / f"life_{client}.py"), str(port)]
    done = subprocess.run(life, env={"PYTHONPATH": str(installed)}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
