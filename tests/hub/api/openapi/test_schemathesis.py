"""Test: whatever is invented from the OpenAPI description, the API answers with a documented status."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

SECONDS = int(os.environ.get("DOTHI_SCHEMATHESIS_SECONDS", "12"))
LONGER = int(os.environ.get("DOTHI_SCHEMATHESIS_LONGER", "1800"))  # Seconds; with --slow.
SERVER = """
import sys
from pathlib import Path
import uvicorn
from starlette.applications import Starlette
from dothi.front import straight
from dothi.hub.access import Open
from dothi.hub.api import ngsi_ld
from dothi.hub.context import Contexts
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS

hub = Hub(Path(sys.argv[1]), Open())
api = ngsi_ld(hub, Contexts(), lambda headers: ANONYMOUS)
uvicorn.run(straight("/ngsi-ld/v1", api, Starlette()), port=int(sys.argv[2]), log_level="warning")
"""


@pytest.fixture
def address(tmp_path: Path, free_port: int) -> Iterator[str]:
    """The API served by a real uvicorn over a fresh hub, with a few entities in it."""
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen([sys.executable, "-c", SERVER, tmp_path / "hub", str(free_port)], stderr=log)
    base = f"http://127.0.0.1:{free_port}/ngsi-ld/v1"
    try:
        _wait(free_port)
        point = {"type": "Point", "coordinates": [107.59, 16.46]}
        entities = [{"id": f"urn:a:{n}", "type": "Station", "pm25": n, "location": point} for n in range(5)]
        assert httpx.post(f"{base}/entityOperations/create", json=entities).status_code == 201
        yield base
    finally:
        server.terminate()
        server.wait(20)
    assert "Traceback" not in (tmp_path / "log").read_text()


def _wait(port: int) -> None:
    for _ in range(1200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("the server did not come up")


@pytest.mark.parametrize(
    ("seconds", "seed"), [(SECONDS, "1"), pytest.param(LONGER, None, marks=pytest.mark.slow)], ids=["short", "long"]
)
def test_no_crash_and_no_undocumented_status(address: str, tmp_path: Path, seconds: int, seed: str | None) -> None:
    """Schemathesis, bounded in time, finds neither a 5xx nor a status that the description does not name."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{address}/openapi.json", "--url", address),
        *("--phases", "coverage,fuzzing,stateful", "--max-time", str(seconds)),
        *("--checks", "not_a_server_error,status_code_conformance,content_type_conformance"),
        *("--suppress-health-check", "all", "--no-color"),
        *(("--seed", seed) if seed else ("--max-examples", "100000")),
    ]
    limit = seconds * 4 + 60
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=limit, check=False)
    assert done.returncode == 0, done.stdout[-6000:]
