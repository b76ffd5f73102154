"""A served hub or city as a child process that a test may kill, starve and start again."""

import asyncio
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from tests.faults.line import Line

_START = 60.0


@dataclass
class Served:
    """One server at a time, forked by a nursery; `recoveries` are seconds from a kill to the first answer."""

    nursery: "subprocess.Popen[str]"
    order: dict[str, Any]
    process: int = 0
    recoveries: list[float] = field(default_factory=list)

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self.order["port"]
        return port

    @property
    def log(self) -> str:
        """What it said."""
        return Path(self.order["log"]).read_text(errors="replace")

    def start(self, **changed: Any) -> None:
        """Fork a server. It may not answer yet: see answers()."""
        assert self.nursery.stdin is not None
        assert self.nursery.stdout is not None
        self.nursery.stdin.write(json.dumps(self.order | changed) + "\n")
        self.nursery.stdin.flush()
        self.process = int(self.nursery.stdout.readline())

    async def answers(self) -> None:
        """Wait until a request is answered; AssertionError with its log when it has ended instead."""
        until = time.monotonic() + _START
        while time.monotonic() < until:
            assert self.lives(), f"the server ended: {self.log[-2000:]}"
            with contextlib.suppress(OSError):
                line = await Line.to(self.port)
                try:
                    if (await line.ask("GET", "/ngsi-ld/v1/types")).status == 200:
                        return
                finally:
                    await line.close()
            await asyncio.sleep(0.005)
        raise TimeoutError("the server did not come up")

    def lives(self) -> bool:
        """Whether it is still there."""
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return False
        return True

    def kill(self, how: int = signal.SIGKILL) -> None:
        """Kill it, and wait until the kernel has taken back what it held."""
        with contextlib.suppress(ProcessLookupError):
            handle = os.pidfd_open(self.process)
            try:
                os.kill(self.process, how)
                ended = select.poll()  # select() knows no numbers above 1,024.
                ended.register(handle, select.POLLIN)
                assert ended.poll(20_000), "a killed process stays"
            finally:
                os.close(handle)

    async def die_and_rise(self) -> None:
        """Kill -9, start again, and note how long nobody was answered."""
        self.kill()
        began = time.monotonic()
        self.start()
        await self.answers()
        self.recoveries.append(time.monotonic() - began)

    def memory(self) -> int:
        """Resident bytes."""
        pages = int(Path(f"/proc/{self.process}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def served(
    kind: str,
    folder: Path,
    port: int,
    environment: Mapping[str, str] = {},
    before: Sequence[str] = (),
    **order: Any,
) -> Iterator[Served]:
    """A nursery with an order for `kind` ("hub": behind its API alone; "city": `dothi serve`); ends with its servers.

    `before` is put before the nursery's command (unshare …), `environment` is added to its own.
    """
    command = [*before, sys.executable, "-m", "tests.faults.nursery"]
    nursery = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "NURSERY": kind, **environment},
    )
    assert nursery.stdout is not None
    assert nursery.stdin is not None
    where = {"kind": kind, "folder": str(folder), "port": port, "log": str(folder.parent / f"{folder.name}.log")}
    one = Served(nursery, {**where, **order})
    try:
        assert nursery.stdout.readline() == "ready\n"
        yield one
    finally:
        if one.process:
            one.kill()
        nursery.stdin.close()
        nursery.wait(20)
        nursery.stdout.close()
