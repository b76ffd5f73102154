#!/usr/bin/env python3
"""Stands in for `docker` in a run of the suite: `run` starts the machine's mosquitto, `rm` ends it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

PORTS = tuple(int(port) for port in os.environ.get("CONFORMANCE_MQTT_PORTS", "1883").split(","))


def main(arguments: list[str]) -> int:
    """0 when done; the suite calls `docker run … -e CONF=<file>` and `docker [container] rm -f <name>`."""
    folder = Path(os.environ["CONFORMANCE_MQTT"])
    if "rm" in arguments:
        return _end(folder)
    named = re.search(r"CONF=(\S+)", " ".join(arguments))
    return _start(folder, named[1] if named else "mosquitto.conf")


def _end(folder: Path) -> int:
    note = folder / "mosquitto.pid"
    if note.is_file():
        pid = int(note.read_text())
        note.unlink()
        _stop(pid)
    return 0


def _stop(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGTERM)
        for _ in range(100):
            os.kill(pid, 0)
            time.sleep(0.05)
    except ProcessLookupError:
        return


def _start(folder: Path, name: str) -> int:
    suite_folder = Path(os.environ["CONFORMANCE_SUITE"]) / "resources/mqttUtils/mosquitto"
    words = ["allow_anonymous true"]
    if "allow_anonymous false" in (suite_folder / name).read_text():
        passwords = shutil.copyfile(suite_folder / "mosquitto_pwd", folder / "passwords")
        passwords.chmod(0o600)
        words = ["allow_anonymous false", f"password_file {passwords}"]
    user = ["user root"] if os.geteuid() == 0 else []
    settings = folder / "mosquitto.conf"
    settings.write_text("\n".join([*words, *user, *(f"listener {port} 127.0.0.1" for port in PORTS)]) + "\n")
    program = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin") or "mosquitto"
    with (folder / "mosquitto.log").open("ab") as log:
        started = subprocess.Popen([program, "-c", str(settings)], stdout=log, stderr=log, start_new_session=True)  # noqa: S603
    (folder / "mosquitto.pid").write_text(str(started.pid))
    return 0 if all(_listens(port) for port in PORTS) else 1


def _listens(port: int) -> bool:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
