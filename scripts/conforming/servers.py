"""What a group of tests talks to: fresh dothi processes, the server of contexts, and mosquitto in docker's name."""

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from conforming.copying import CONTEXT_PORT, CONTEXTS, context_document

FIRST_PORT = 9090  # Some tests name it themselves.
CONTEXT_SERVER_PORT = 8087  # Of the tests' own context server.
MQTT_PORTS = (1883, 1884)
READY_S = 240.0  # Of machines with much else to do.
_HERE = "127.0.0.1"
# Beside what the user sets: contexts come from the two local servers, and from the broker itself.
_CONTEXT_HOSTS = ",".join(
    f"{host}:{port}" for host in (_HERE, "localhost") for port in (CONTEXT_PORT, CONTEXT_SERVER_PORT, FIRST_PORT)
)

# What the suite's README asks for: parts of a history begin at 40 instances and not at 20. The user's own go first.
_SETTINGS = {"DOTHI_HISTORY_PAGE": "30"}


@contextlib.contextmanager
def context_server(suite: Path) -> Iterator[None]:
    """Serve the suite's contexts at their rewritten addresses."""
    folder = suite / CONTEXTS

    class Answers(BaseHTTPRequestHandler):
        """One GET: the context, or 404."""

        def do_GET(self) -> None:
            body = context_document(folder, self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", "application/ld+json")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            """Say nothing: robot's own output is on the screen."""

    server = ThreadingHTTPServer((_HERE, CONTEXT_PORT), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def brokers(command: list[str], folder: Path, count: int, stores: list[str]) -> Iterator[list[str]]:
    """Start `count` fresh dothi, open to everyone, and give the addresses of their APIs.

    `stores` are the URLs of their databases; none: each keeps a file in its data folder.
    """
    ports = [FIRST_PORT + number for number in range(count)]
    with contextlib.ExitStack() as stack:
        running = [
            stack.enter_context(_broker(command, folder / f"dothi-{port}", port, store))
            for port, store in itertools.zip_longest(ports, stores[:count], fillvalue="")
        ]
        for port, process in zip(ports, running, strict=True):
            _await(f"http://{_HERE}:{port}/ngsi-ld/v1/types", process, folder / f"dothi-{port}.log")
        yield [f"http://{_HERE}:{port}/ngsi-ld/v1" for port in ports]


@contextlib.contextmanager
def _broker(command: list[str], data: Path, port: int, store: str) -> Iterator[subprocess.Popen[bytes]]:
    name = data / "hub/alias"
    name.parent.mkdir(parents=True)
    name.write_text(f"antares{port - FIRST_PORT + 1}")  # Tests of loops between five look for these names in Via.
    arguments = ["serve", "--data", str(data), "--port", str(port), "--open", "--context-hosts", _CONTEXT_HOSTS]
    settings = _SETTINGS | os.environ | {"DOTHI_STORE": store}
    with data.with_suffix(".log").open("wb") as log:
        running = subprocess.Popen([*command, *arguments], stdout=log, stderr=log, env=settings)  # noqa: S603
        try:
            yield running
        finally:
            running.send_signal(signal.SIGINT)
            try:
                running.wait(20)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


def _await(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the broker answers; RuntimeError with the end of its log when it ends or is silent too long."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + READY_S
    while time.monotonic() < end and process.poll() is None:
        try:
            opener.open(address, timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"dothi does not answer at {address}:\n{log.read_text(errors='replace')[-3000:]}")


def docker_in_path(suite: Path, folder: Path) -> dict[str, str]:
    """The environment in which the suite finds our stand-in under the name docker."""
    programs = folder / "programs"
    programs.mkdir(parents=True)
    shutil.copyfile(Path(__file__).with_name("docker.py"), programs / "docker")
    (programs / "docker").chmod(0o755)
    return {
        "PATH": f"{programs}:{os.environ.get('PATH', '')}:/usr/sbin:/sbin",
        "CONFORMANCE_MQTT": str(folder),
        "CONFORMANCE_SUITE": str(suite),
        "CONFORMANCE_MQTT_PORTS": ",".join(str(port) for port in MQTT_PORTS),
    }
