"""What tests of every floor share: the folder of real data, free ports, the browser and the broker of this machine."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.postgres import database, places_database, postgres  # noqa: F401  # Fixtures for all.
from tests.servers.storage import bucket, storage  # noqa: F401

ROOT = Path(__file__).parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --slow, which also runs the suites that take minutes."""
    parser.addoption("--slow", action="store_true", help="also run the tests marked slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the slow tests out unless they are asked for; pytest's last line counts them as deselected."""
    if config.getoption("--slow"):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in slow]


@pytest.fixture(autouse=True)
def own_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """Lets a test call asyncio.run in a worker in which the browser of an earlier test keeps a loop in this thread."""
    waiting = None if "browser" in request.fixturenames else asyncio._get_running_loop()
    if waiting is None:
        yield
        return
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(waiting)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of this clone."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of raw real-world files; it lies beside the clone, or where DOTHI_SHARED says."""
    shared = Path(os.environ.get("DOTHI_SHARED", ROOT.parent / "shared"))
    if not (shared / "data").is_dir():
        pytest.skip("left out: no folder of shared data (set DOTHI_SHARED to the folder that holds data/)")
    return shared / "data"


@pytest.fixture
def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of this machine's Chromium (or the one that DOTHI_CHROMIUM names), for browser tests."""
    for name in (os.environ.get("DOTHI_CHROMIUM", ""), *BROWSERS):
        found = shutil.which(name)
        # Ubuntu's package is a stub where snaps do not run, so it is asked for its version.
        if found and subprocess.run([found, "--version"], capture_output=True).returncode == 0:
            return found
    pytest.skip("left out: no Chromium on this machine (scripts/test installs it when it may)")


@pytest.fixture(scope="session")
def mosquitto() -> str:
    """The path of this machine's MQTT broker, for tests over a real connection."""
    # Debian keeps it in sbin, which is not on the path of everyone.
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if not found:
        pytest.skip("left out: no mosquitto on this machine (scripts/test installs it when it may)")
    return found
