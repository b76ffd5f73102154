"""A primary and a standby of PostgreSQL under Patroni, with etcd between them: Debian's, as ordinary child processes.

The standby is synchronous: what the primary has answered is on both. `kill()` ends a whole node as a power cut would.
"""

import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.servers.postgres import PASSWORD, SUPERUSER, SUPERUSER_PASSWORD, USER, binaries, free_port

TTL_S = 20  # How long the primary's lease lasts: Patroni's least. A failover begins when it is over.
_START_S = 90.0
_NAME = "dothi"


def _as_owner() -> list[str]:
    change = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    return ["setpriv", "--pdeathsig", "KILL", *change, "--"]


@dataclass
class Node:
    """One PostgreSQL with the Patroni that minds it."""

    name: str
    folder: Path
    etcd: int
    programs: Path
    port: int = field(default_factory=free_port)
    rest: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start (again) Patroni, which starts or joins PostgreSQL."""
        file = self.folder / f"{self.name}.json"  # Patroni reads YAML, and JSON is YAML.
        file.write_text(json.dumps(self._settings(), indent=1))
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*_as_owner(), "patroni", str(file)], stdout=log, stderr=log, cwd=self.folder, start_new_session=True
            )

    def _settings(self) -> dict[str, Any]:
        loop = {"ttl": TTL_S, "loop_wait": 1, "retry_timeout": 5, "synchronous_mode": True}
        parameters = {"fsync": "on", "synchronous_commit": "on", "unix_socket_directories": str(self.folder)}
        superuser = {"username": SUPERUSER, "password": SUPERUSER_PASSWORD}
        replication = {"username": "replicator", "password": SUPERUSER_PASSWORD}
        access = [
            "host all all 127.0.0.1/32 md5",
            "host replication replicator 127.0.0.1/32 md5",
            "local all all trust",
        ]
        return {
            "scope": _NAME,
            "name": self.name,
            "restapi": {"listen": f"127.0.0.1:{self.rest}", "connect_address": f"127.0.0.1:{self.rest}"},
            "etcd3": {"hosts": [f"127.0.0.1:{self.etcd}"]},
            "bootstrap": {
                "dcs": {**loop, "postgresql": {"use_pg_rewind": True, "parameters": {"max_connections": 60}}},
                "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, "data-checksums"],
            },
            "postgresql": {
                "listen": f"127.0.0.1:{self.port}",
                "connect_address": f"127.0.0.1:{self.port}",
                "data_dir": str(self.folder / self.name),
                "bin_dir": str(self.programs),
                "pgpass": str(self.folder / f"{self.name}.pgpass"),
                "parameters": parameters,
                "pg_hba": access,
                "authentication": {"superuser": superuser, "replication": replication},
            },
        }

    def role(self) -> str:
        """What Patroni says of it: "master", "replica", "sync_standby"; "" while it does not answer."""
        with suppress(OSError, ValueError):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.rest}/patroni", timeout=2) as answer:
                    said = json.load(answer)
            except urllib.error.HTTPError as unready:
                said = json.load(unready)
            if said.get("state") == "running":
                return "sync_standby" if said.get("sync_standby") else str(said.get("role", ""))
        return ""

    def kill(self) -> None:
        """End Patroni and PostgreSQL at once; nobody is told and nothing is flushed."""
        if self.process is None:
            return
        pids = [self.process.pid]
        with suppress(OSError, IndexError):
            pids.append(int((self.folder / self.name / "postmaster.pid").read_text().split()[0]))
        children = [int(pid) for parent in pids for pid in _children(parent)]
        for pid in (*pids, *children):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(20)
        self.process = None


def _children(pid: int) -> list[str]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return []


@dataclass
class Cluster:
    """Two nodes, of which one is the primary."""

    nodes: list[Node]

    def url(self) -> str:
        """The address that names both: who takes writes is found when connecting."""
        hosts = ",".join(f"127.0.0.1:{one.port}" for one in self.nodes)
        return f"postgresql://{USER}:{PASSWORD}@{hosts}/{_NAME}"

    def primary(self) -> Node:
        """Who takes writes now."""
        return next(one for one in self.nodes if one.role() == "master")

    def settle(self, patience: float = _START_S) -> None:
        """Wait until there is a primary with a synchronous standby."""
        until = time.monotonic() + patience
        while time.monotonic() < until:
            if sorted(one.role() for one in self.nodes) == ["master", "sync_standby"]:
                return
            time.sleep(0.2)
        logs = [(one.folder / f"{one.name}.log").read_text()[-3000:] for one in self.nodes]
        raise TimeoutError("no primary with a synchronous standby:\n" + "\n".join(logs))

    def psql(self, statement: str, database: str = "postgres") -> None:
        """Run a statement on the primary."""
        node = self.primary()
        address = f"postgresql://{SUPERUSER}:{SUPERUSER_PASSWORD}@127.0.0.1:{node.port}/{database}"
        subprocess.run([str(node.programs / "psql"), "-XAtq", "-c", statement, address], check=True)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A settled cluster with an empty database. Skips where PostgreSQL, Patroni or etcd is absent."""
    programs = binaries()
    if programs is None or not shutil.which("patroni") or not shutil.which("etcd"):
        pytest.skip("left out: no PostgreSQL, Patroni and etcd on this machine (apt install patroni etcd-server)")
    folder = Path(tempfile.mkdtemp(prefix="dothi-patroni-"))
    client, peer = free_port(), free_port()
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    addresses = [f"http://127.0.0.1:{port}" for port in (client, peer)]
    options = ["--data-dir", str(folder / "etcd"), "--listen-client-urls", addresses[0]]
    options += ["--advertise-client-urls", addresses[0], "--listen-peer-urls", addresses[1]]
    options += ["--initial-advertise-peer-urls", addresses[1], "--initial-cluster", f"default={addresses[1]}"]
    with (folder / "etcd.log").open("ab") as log:
        etcd = subprocess.Popen([*_as_owner(), "etcd", *options], stdout=log, stderr=log, cwd=folder)
    made = Cluster([Node(name, folder, client, programs) for name in ("one", "two")])
    try:
        made.nodes[0].start()
        until = time.monotonic() + _START_S
        while made.nodes[0].role() != "master" and time.monotonic() < until:
            time.sleep(0.2)
        made.nodes[1].start()
        made.settle()
        made.psql(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")
        made.psql(f"CREATE DATABASE {_NAME} OWNER {USER}")
        yield made
    finally:
        for node in made.nodes:
            node.kill()
        etcd.kill()
        etcd.wait(20)
        shutil.rmtree(folder, ignore_errors=True)
