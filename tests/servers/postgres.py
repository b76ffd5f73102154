"""Debian's PostgreSQL for tests: a real server in a temporary folder on a free port, an ordinary child process.

The fixture `postgres` is one server a session (a worker of pytest-xdist has its own), `database` the address of a fresh
database for one test. A test that stops, kills or slows its server makes one of its own with `serving()`.
"""

import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

SUPERUSER, SUPERUSER_PASSWORD = "postgres", "superuser-of-tests"
USER, PASSWORD = "dothi", "owner-of-tests"  # No superuser: as an operator would give it to us.
_START = 30.0  # Seconds until a started server must answer.
_STOP = 20.0
_DROPPED = 60  # Databases that wait to be dropped.
_SETTINGS = {"max_connections": "60", "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


def binaries() -> Path | None:
    """The folder of the newest PostgreSQL that is installed here, None when there is none."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    on_path = shutil.which("postgres")
    return max(found, key=lambda path: float(path.parent.name), default=Path(on_path).parent if on_path else None)


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _as_owner() -> list[str]:
    """Runs a program as somebody other than root, which PostgreSQL demands; it is interrupted when the tests die."""
    change = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    return ["setpriv", "--pdeathsig", "INT", *change, "--"]


class Server:
    """One server: `start`, `stop`, `kill`, `fresh`, `psql`."""

    def __init__(self, folder: Path, programs: Path, settings: Mapping[str, str]) -> None:
        """`folder` is empty and belongs to whoever may run PostgreSQL."""
        self.folder, self.programs = folder, programs
        self.host, self.port = "127.0.0.1", free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        self._dropped: list[str] = []
        self._initialise({**_SETTINGS, **settings})

    def _initialise(self, settings: Mapping[str, str]) -> None:
        secret = self.folder / "secret"
        secret.write_text(SUPERUSER_PASSWORD)
        options = ["-U", SUPERUSER, "--pwfile", str(secret), "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8"]
        secret.chmod(0o644)
        made = subprocess.run(
            [*_as_owner(), str(self.programs / "initdb"), "-D", str(self.data), *options],
            capture_output=True,
            text=True,
            cwd=self.folder,
        )
        assert made.returncode == 0, made.stderr
        lines = {
            "listen_addresses": self.host,
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            **settings,
        }
        with (self.data / "postgresql.conf").open("a") as out:
            out.writelines(f"{name} = '{value}'\n" for name, value in lines.items())

    @property
    def data(self) -> Path:
        """The data folder of the server."""
        return self.folder / "data"

    def url(self, database: str, user: str = USER, password: str = PASSWORD) -> str:
        """The address of a database, as an operator would set it."""
        return f"postgresql://{user}:{password}@{self.host}:{self.port}/{database}"

    def start(self) -> None:
        """Start (again) and wait until it answers. Call it from the main thread: the server ends with its thread."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*_as_owner(), str(self.programs / "postgres"), "-D", str(self.data)],
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )
        until = time.monotonic() + _START
        while time.monotonic() < until:
            if self._answers():
                return
            assert self.process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.03)
        raise TimeoutError((self.folder / "log").read_text())

    def _answers(self) -> bool:
        """Whether it takes connections."""
        ready = [str(self.programs / "pg_isready"), "-q", "-h", self.host, "-p", str(self.port)]
        return subprocess.run(ready).returncode == 0

    def stop(self) -> None:
        """End it as an operator would (open connections are cut, everything is flushed)."""
        self._end(signal.SIGINT)

    def end(self) -> None:
        """End it for good: at once, since nobody will need what it holds."""
        self._end(signal.SIGQUIT)

    def kill(self) -> None:
        """End it as a power cut would: nothing is flushed, nobody is told."""
        if self.process is None:
            return
        # Its children end by themselves when their parent is gone, but a new one may not start before.
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        self._end(signal.SIGKILL)
        until = time.monotonic() + _STOP
        while any(Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < until:
            time.sleep(0.01)

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(_STOP)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(_STOP)
        self.process = None

    def psql(self, statement: str, database: str = "postgres", user: str = SUPERUSER) -> str:
        """What psql prints for a statement, unaligned, without headings."""
        address = self.url(database, user, SUPERUSER_PASSWORD if user == SUPERUSER else PASSWORD)
        told = subprocess.run(
            [str(self.programs / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement, address],
            capture_output=True,
            text=True,
        )
        assert told.returncode == 0, told.stderr
        return told.stdout.strip()

    def fresh(self, postgis: bool = False) -> str:
        """The address of a new, empty database of USER, with the extension PostGIS in it when asked for."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        self.psql(f"CREATE DATABASE {name} OWNER {USER} TEMPLATE template0")
        if postgis:
            self.psql("CREATE EXTENSION postgis", name)
        return self.url(name)

    def drop(self, url: str) -> None:
        """A database is needed no more. They go many at a time: each waits for a checkpoint, hundreds fill the disk."""
        self._dropped.append(url.rpartition("/")[2].partition("?")[0])
        if len(self._dropped) >= _DROPPED:
            for name in self._dropped:
                self.psql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            self._dropped.clear()

    def has_postgis(self) -> bool:
        """Whether the extension PostGIS is installed on this machine."""
        return self.psql("SELECT count(*) FROM pg_available_extensions WHERE name = 'postgis'") == "1"


@contextmanager
def serving(**settings: str) -> Iterator[Server]:
    """A server of one's own, started; `settings` are lines of postgresql.conf. Skips where PostgreSQL is absent."""
    programs = binaries()
    if programs is None:
        pytest.skip("left out: no PostgreSQL on this machine (scripts/setup installs it when it may)")
    folder = Path(tempfile.mkdtemp(prefix="dothi-postgres-"))
    server = None
    try:
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        server = Server(folder, programs, settings)
        server.start()
        server.psql(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")
        yield server
    finally:
        if server is not None:
            server.end()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The PostgreSQL server that a session's tests share: nobody stops it or changes its settings."""
    with serving() as server:
        yield server


@pytest.fixture
def database(postgres: Server) -> Iterator[str]:
    """The address of a fresh database."""
    url = postgres.fresh()
    yield url
    postgres.drop(url)


@pytest.fixture
def places_database(postgres: Server) -> Iterator[str]:
    """The address of a fresh database with PostGIS."""
    if not postgres.has_postgis():
        pytest.skip("left out: no PostGIS on this machine (scripts/setup installs it when it may)")
    url = postgres.fresh(postgis=True)
    yield url
    postgres.drop(url)
