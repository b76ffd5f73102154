"""A federation is upgraded hub by hub: this dothi and an older one register with each other, and both understand."""

import json
import os
import subprocess
import sys
import tarfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from tests.servers.postgres import free_port

OLDER = "59f3a5b"  # The last commit before stores had versions 4 and 5, workers and sealed history.
DATA = ("src/dothi/web/static/vendor", "src/dothi/territory/data")  # Made by scripts, in no commit.
WAIT_S = 60.0


def older_tree(repository: Path, folder: Path) -> Path:
    """The sources of the older commit; the test is left out where the clone's history does not reach so far."""
    found = subprocess.run(["git", "archive", OLDER, "src"], cwd=repository, capture_output=True, check=False)
    if found.returncode:
        pytest.skip(f"This clone's history does not reach commit {OLDER}, the older version of a mixed federation.")
    with tarfile.open(fileobj=BytesIO(found.stdout)) as sources:
        sources.extractall(folder, filter="data")
    for name in DATA:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if not (folder / name).exists():
            (folder / name).symlink_to(repository / name)
    return folder / "src"


@contextmanager
def hub(sources: Path, data: Path) -> Iterator[str]:
    """An open hub of those sources, served; gives the address of its API."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "dothi.cli", "serve", "--open", "--data", str(data), "--port"]
    environment = {**os.environ, "PYTHONPATH": str(sources)}
    child = subprocess.Popen([*command, str(port)], env=environment, cwd=sources, stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until and child.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/ngsi-ld/v1/types", timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/ngsi-ld/v1"
    finally:
        child.terminate()
        child.wait(30)


def call(address: str, body: Any = None, method: str | None = None) -> Any:
    """One request, and what it answers."""
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(address, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=20) as answer:
            content = answer.read()
    except urllib.error.HTTPError as refused:
        raise AssertionError(f"{refused.code} {refused.read().decode()}") from refused
    return json.loads(content) if content else None


class Heard(BaseHTTPRequestHandler):
    """Takes notifications."""

    bodies: list[Any] = []

    def do_POST(self) -> None:
        """Keep what is said."""
        self.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def sensor(kind: str, value: int) -> dict[str, Any]:
    """An entity of a type that one hub holds."""
    return {"id": f"urn:ngsi-ld:{kind}:1", "type": kind, "level": {"type": "Property", "value": value}}


def heard() -> bool:
    """Whether somebody was told of a value that was written through the other hub."""
    return any(one["level"]["value"] > 1 for said in list(Heard.bodies) for one in said["data"])


@pytest.mark.slow
def test_an_older_hub_and_this_one_federate_both_ways(repository: Path, tmp_path: Path) -> None:
    """Each asks the other for what that holds, writes to it there, and hears of its changes by a subscription."""
    sources = older_tree(repository, tmp_path / "older")
    with ExitStack() as stack:
        listener = stack.enter_context(HTTPServer(("127.0.0.1", 0), Heard))
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        stack.callback(listener.shutdown)
        older = stack.enter_context(hub(sources, tmp_path / "a"))
        newer = stack.enter_context(hub(repository / "src", tmp_path / "b"))
        for asks, holds, kind in ((older, newer, "NewerLamp"), (newer, older, "OlderLamp")):
            Heard.bodies.clear()
            call(f"{holds}/entities", sensor(kind, 1))
            information = [{"entities": [{"type": kind}]}]
            source = {
                "type": "ContextSourceRegistration",
                "mode": "inclusive",
                "information": information,
                "endpoint": holds.removesuffix("/ngsi-ld/v1"),
                "operations": ["federationOps", "updateOps"],
            }
            call(f"{asks}/csourceRegistrations", source)
            assert [one["level"]["value"] for one in call(f"{asks}/entities?type={kind}")] == [1]
            hears = {"uri": f"http://127.0.0.1:{listener.server_port}/", "accept": "application/json"}
            wanted = {"type": "Subscription", "entities": [{"type": kind}], "notification": {"endpoint": hears}}
            call(f"{asks}/subscriptions", wanted)
            for value in range(2, 60):  # Carrying a subscription on takes its time: what changes after it is told.
                patch = {"level": {"type": "Property", "value": value}}
                call(f"{asks}/entities/urn:ngsi-ld:{kind}:1/attrs", patch, "PATCH")
                assert call(f"{holds}/entities/urn:ngsi-ld:{kind}:1")["level"]["value"] == value
                if heard():
                    break
                time.sleep(1)
            assert heard(), (asks == older, kind)
