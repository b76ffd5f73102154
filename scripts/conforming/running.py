"""One group of the suite: its servers are started, robot runs its files, its outcomes are read."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from conforming.groups import NEEDS_FIVE
from conforming.servers import CONTEXT_SERVER_PORT, MQTT_PORTS, brokers, context_server, docker_in_path

_HERE = "127.0.0.1"
_NAMESPACE = ("unshare", "--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child")
_SEARCH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True)
class Job:
    """What one run of robot is to do; paths are absolute."""

    group: str
    files: list[str]  # From the root of the copy.
    suite: str  # The copy.
    work: str  # A folder of its own, for stores and logs.
    out: str  # Where robot writes.
    robot: list[str]
    dothi: list[str]
    extra: list[str]  # Further arguments of robot.
    timeout_s: float
    stores: list[str] = field(default_factory=list)  # URLs of databases, one a broker; none: files.


def how_many(group: str) -> int:
    """The brokers that a group talks to."""
    return 5 if group == NEEDS_FIVE else 1


def has_namespaces() -> bool:
    """Whether the kernel lets this user make a network of its own."""
    try:
        tried = subprocess.run([*_NAMESPACE, "ip", "link", "set", "lo", "up"], capture_output=True, env=_paths())  # noqa: S603
    except OSError:
        return False
    return tried.returncode == 0


def _paths() -> dict[str, str]:
    return {**os.environ, "PATH": _SEARCH}


def run(job: Job, *, apart: bool) -> Path:
    """Run a job, in a network of its own when `apart`; returns robot's output.xml. RuntimeError when there is none."""
    Path(job.work).mkdir(parents=True)
    Path(job.out).mkdir(parents=True, exist_ok=True)
    output = Path(job.out) / "output.xml"
    output.unlink(missing_ok=True)
    note = Path(job.work) / "job.json"
    note.write_text(json.dumps(asdict(job)))
    script = Path(__file__).parent.with_name("conformance")
    inside = [sys.executable, str(script), "--job", str(note)]
    command = [*_NAMESPACE, "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *inside] if apart else inside
    done = subprocess.run(command, env=_paths(), capture_output=True, text=True)  # noqa: S603
    (Path(job.out) / "console.txt").write_text(done.stdout + done.stderr)
    _keep_logs(Path(job.work), Path(job.out))
    if not output.is_file():
        raise RuntimeError(f"group {job.group} gave no result: {(done.stdout + done.stderr)[-3000:]}")
    return output


def _keep_logs(work: Path, out: Path) -> None:
    """What the brokers and mosquitto said stands beside robot's report."""
    for log in work.glob("*.log"):
        shutil.copyfile(log, out / log.name)


def run_here(note: Path) -> int:
    """The inside of `run`: start the servers, run robot, end the servers; robot's exit code."""
    job = Job(**json.loads(note.read_text()))
    suite, work = Path(job.suite), Path(job.work)
    environment = {**os.environ, **docker_in_path(suite, work)}
    environment["PYTHONPATH"] = str(suite / "libraries/robotframework-httpctrl/src")
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    with context_server(suite), brokers(job.dothi, work, how_many(job.group), job.stores) as addresses:
        command = [*job.robot, *_robot_arguments(job, addresses), *job.files]
        try:
            return subprocess.run(command, cwd=suite, env=environment, timeout=job.timeout_s).returncode  # noqa: S603
        except subprocess.TimeoutExpired:
            print(f"group {job.group} was ended after {job.timeout_s:.0f} s", file=sys.stderr)
            return 1


def _robot_arguments(job: Job, addresses: list[str]) -> list[str]:
    variables = {
        "url": addresses[0],
        "temporal_api_url": addresses[0],
        "notification_server_host": _HERE,
        "context_source_host": _HERE,
        "context_server_host": _HERE,
        "context_server_port": str(CONTEXT_SERVER_PORT),
        "mqtt_broker_host": _HERE,
        "mqtt_broker_non_default_port": str(MQTT_PORTS[1]),
        **({f"b{number}_url": one for number, one in enumerate(addresses, 1)} if len(addresses) > 1 else {}),
    }
    given = [word for name, value in variables.items() for word in ("--variable", f"{name}:{value}")]
    return [*given, "--outputdir", job.out, "--output", "output.xml", "--report", "NONE", *job.extra]
