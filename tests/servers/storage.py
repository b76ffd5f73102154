"""S3-compatible object storage for tests: a real server over HTTP in a process of its own, fresh for each bucket.

`storage` is one server a session, `bucket` the address of a fresh bucket (s3://…) with its credentials in the
environment, where fsspec and the table format both look for them.
"""

import itertools
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.servers.postgres import free_port

KEY, SECRET, REGION = "tester", "secret-of-tests", "us-east-1"
_START_S = 40.0
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def storage() -> Iterator[str]:
    """The address of a running server."""
    port = free_port()
    program = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(10)


def _wait(address: str, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + _START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=1).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("The object storage for tests did not start.")


@pytest.fixture
def bucket(storage: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh, empty bucket."""
    names = {"AWS_ENDPOINT_URL": storage, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    for name, text in {**names, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_ALLOW_HTTP": "true"}.items():
        monkeypatch.setenv(name, text)
    name = f"dothi-{next(_numbers)}"
    request = urllib.request.Request(f"{storage}/{name}", method="PUT")
    urllib.request.urlopen(request, timeout=5).close()
    return f"s3://{name}"
