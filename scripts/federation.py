"""One province hub and three commune hubs on loopback: asked together, one of them stopped, changed, and back again.

Everything in it is simulated (dữ liệu mô phỏng); the communes are samples (mẫu). With --stay the four hubs go on
until Ctrl+C. It ends with 1 when an answer is not what it should be.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

COMMUNES = ("xa-mau-a", "xa-mau-b", "xa-mau-c")
KIND = "AirQualityObserved"
EACH = 3  # Stations of a commune.
PATIENCE_S = 90.0  # Until a hub answers after its start.
_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Answer(NamedTuple):
    """What a hub answered."""

    status: int
    warnings: str
    body: Any


class Place:
    """One hub: its data folder, its port, its process."""

    def __init__(self, name: str, folder: Path, port: int) -> None:
        """Nothing runs yet."""
        self.name, self.folder, self.port = name, folder, port
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where the hub is."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the hub and wait until it answers."""
        dothi = Path(sys.executable).parent / "dothi"
        command = [str(dothi), "serve", "--open", "--data", str(self.folder), "--port", str(self.port)]
        with (self.folder.parent / f"{self.name}.log").open("ab") as log:
            environment = {**os.environ, "DOTHI_ALIAS": self.name, "DOTHI_CITY": f"{self.name} (mẫu)"}
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)  # noqa: S603
        until = time.monotonic() + PATIENCE_S
        while self.ask("GET", "/info/sourceIdentity").status != 200:
            if time.monotonic() > until or self.process.poll() is not None:
                told = (self.folder.parent / f"{self.name}.log").read_text("utf-8", "replace")
                raise SystemExit(f"{self.name} did not start:\n{told[-2000:]}")
            time.sleep(0.2)

    def stop(self) -> None:
        """End the hub."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
            self.process = None

    def ask(self, method: str, path: str, document: Any = None) -> Answer:
        """One request to the hub's NGSI-LD API; status 0 when nobody answers."""
        body = None if document is None else json.dumps(document).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        place = f"{self.address}/ngsi-ld/v1{path}"
        request = urllib.request.Request(place, body, headers, method=method)  # noqa: S310  # Our own addresses only.
        try:
            with _NO_PROXY.open(request, timeout=30) as answer:
                content = answer.read()
                warnings = ", ".join(answer.headers.get_all("NGSILD-Warning") or ())
                return Answer(answer.status, warnings, json.loads(content) if content else None)
        except urllib.error.HTTPError as refused:
            return Answer(refused.code, "", refused.read().decode())
        except OSError:
            return Answer(0, "", None)


def station(commune: str, number: int, pm25: float) -> dict[str, Any]:
    """One simulated station."""
    observed = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {
        "id": f"urn:ngsi-ld:{KIND}:{commune}-{number}",
        "type": KIND,
        "name": {"type": "Property", "value": f"Trạm mô phỏng {number}, {commune}"},
        "pm25": {"type": "Property", "value": pm25, "unitCode": "GQ", "observedAt": observed},
    }


def fill(commune: Place, first: float) -> None:
    """Give a commune its stations."""
    for number in range(EACH):
        need(commune.ask("POST", "/entities", station(commune.name, number, first + number)), 201)


def register(province: Place, commune: Place) -> None:
    """Tell the province what the commune has."""
    document = {
        "id": f"urn:ngsi-ld:ContextSourceRegistration:{commune.name}",
        "type": "ContextSourceRegistration",
        "registrationName": f"{commune.name} (mẫu)",
        "information": [{"entities": [{"type": KIND}]}],
        "endpoint": commune.address,
        "contextSourceAlias": commune.name,
        "management": {"timeout": 3000},
    }
    need(province.ask("POST", "/csourceRegistrations", document), 201)


def need(answer: Answer, status: int) -> Answer:
    """The answer. SystemExit when it is another than expected."""
    if answer.status != status:
        raise SystemExit(f"expected {status}, got {answer.status}: {answer.body}")
    return answer


def look(province: Place, what: str) -> dict[str, float]:
    """Ask the province for all stations and show them with what went wrong on the way."""
    answer = need(province.ask("GET", f"/entities?type={KIND}&limit=100"), 200)
    found = {one["id"].rpartition(":")[2]: one["pm25"]["value"] for one in answer.body}
    sys.stdout.write(f"\n{what}\n")
    for name, value in sorted(found.items()):
        sys.stdout.write(f"  {name:<14} PM2.5 {value:>6.1f} µg/m³\n")
    for warning in filter(None, answer.warnings.split(", ")):
        sys.stdout.write(f"  NGSILD-Warning: {warning}\n")
    if len(answer.body) != len(found) or len(found) != EACH * len(COMMUNES):
        raise SystemExit(f"the province told of {len(answer.body)} entities, not of {EACH * len(COMMUNES)}")
    if ("110" in answer.warnings) != ("stopped" in what):
        raise SystemExit(f"the warnings are not what they should be: {answer.warnings!r}")
    return found


def walk(province: Place, communes: list[Place]) -> None:
    """Ask, stop a commune, ask, start and change it, ask."""
    for number, commune in enumerate(communes):
        fill(commune, 10.0 * (number + 1))
        register(province, commune)
    whole = look(province, "All communes answer:")
    time.sleep(1.0)  # What was told is kept in the background.
    communes[1].stop()
    if look(province, f"{communes[1].name} is stopped, the province tells what it knew:") != whole:
        raise SystemExit("the last known copy differs from what was known")
    communes[1].start()
    name = f"{communes[1].name}-0"
    fresh = {"pm25": station(communes[1].name, 0, 99.5)["pm25"]}
    need(communes[1].ask("PATCH", f"/entities/urn:ngsi-ld:{KIND}:{name}/attrs", fresh), 204)
    if look(province, f"{communes[1].name} is back and has changed:") != {**whole, name: 99.5}:
        raise SystemExit("the province does not tell what the commune has")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens at now."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


def main(arguments: list[str]) -> int:
    """Run the demonstration."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--stay", action="store_true", help="leave the four hubs running until Ctrl+C")
    given = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="dothi-federation-"))
    names = ("province", *COMMUNES)
    places = [Place(name, folder / name, port) for name, port in zip(names, free_ports(len(names)), strict=True)]
    try:
        for place in places:
            place.start()
            sys.stdout.write(f"{place.name:<10} {place.address}/ngsi-ld/v1\n")
        walk(places[0], places[1:])
        if given.stay:
            sys.stdout.write("\nThe hubs go on; stop them with Ctrl+C.\n")
            sys.stdout.flush()
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        pass
    finally:
        for place in places:
            place.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
