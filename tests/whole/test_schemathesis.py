"""Whatever is invented from the descriptions of both APIs, the running city answers without a crash."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.whole.city import Whole

SECONDS, LONGER = 10, 240
FILED = "--exclude-path-regex=/session$|/me/password|/users/|/keys/"  # What would sign the tester out.


def fuzz(whole: Whole, folder: Path, base: str, seconds: int, seed: int, *more: str) -> None:
    """Run schemathesis as the administrator; no 5xx and no status that the description does not name."""
    client = whole.clients["administrator"]
    cookies = "; ".join(f"{one.name}={one.value}" for one in client.cookies.jar)
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{base}/openapi.json", "--url", base),
        *("--checks", "not_a_server_error,status_code_conformance", "--max-time", str(seconds)),
        *("--seed", str(seed), "--suppress-health-check", "all", "--no-color", "--request-timeout", "20"),
        *("-H", f"Cookie: {cookies}", "-H", f"X-CSRF-Token: {client.headers['X-CSRF-Token']}", *more),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=seconds * 4 + 120, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    print(done.stdout[-1500:])


def test_the_verbs_survive_invention(whole: Whole, tmp_path: Path) -> None:
    """/api for a bounded time."""
    fuzz(whole, tmp_path, f"{whole.address}/api", SECONDS, 1, FILED)


def test_the_hub_survives_invention(whole: Whole, tmp_path: Path) -> None:
    """/ngsi-ld/v1 of the whole city, with its policy and guards, for a bounded time."""
    fuzz(whole, tmp_path, whole.hub_address, SECONDS, 1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_both_survive_longer(whole: Whole, tmp_path: Path, seed: int) -> None:
    """Both, for minutes, from other seeds."""
    fuzz(whole, tmp_path, f"{whole.address}/api", LONGER, seed, FILED)
    fuzz(whole, tmp_path, whole.hub_address, LONGER, seed)
