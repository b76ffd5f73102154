"""Several processes that serve one city: which they are, and one of them killed while clients write and look."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.line import Line
from tests.faults.load import UPSERT, Ledger, Load
from tests.faults.served import Served

ENTITIES = "/ngsi-ld/v1/entities"


def children(server: Served) -> list[int]:
    """The serving processes: those below the one that was started."""
    listed = Path(f"/proc/{server.process}/task/{server.process}/children")
    return [int(one) for one in listed.read_text().split()]


async def complete(server: Served, count: int, patience: float = 60.0) -> None:
    """Wait until so many processes are there."""
    async with asyncio.timeout(patience):
        while len(children(server)) < count:
            await asyncio.sleep(0.02)


def kill(process: int) -> None:
    """Kill -9, whatever it is doing."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


@dataclass
class Looks:
    """A client that writes over one connection and looks over another: what it must see, and how often it did."""

    port: int
    looks: int = 0
    wrong: list[str] = field(default_factory=list)
    number: int = 0

    async def run(self) -> None:
        """Write and look without end; a connection that breaks is no answer, and is made again."""
        while True:
            self.number += 1
            with suppress(OSError, TimeoutError):
                await self._once()
            await asyncio.sleep(0.005)

    async def _once(self) -> None:
        name, value = "urn:x:seen", self.number
        entity = {"id": name, "type": "Seen", "power": {"type": "Property", "value": value}}
        async with AsyncExitStack() as lines:
            wrote = await (await self._line(lines)).ask("POST", UPSERT, [entity])
            if wrote.status not in (201, 204):
                return
            brought = {"Dothi_Position": told} if (told := wrote.headers.get("dothi-position")) else {}
            for path in (f"{ENTITIES}/{name}?options=keyValues", f"{ENTITIES}?type=Seen&q=power=={value}"):
                found = await (await self._line(lines)).ask("GET", path, **brought)
                self.looks += found.status == 200
                if found.status == 200 and f":{value}}}" not in found.body.decode():
                    self.wrong.append(f"after {value} was written: {found.body[:200]!r}")

    async def _line(self, lines: AsyncExitStack) -> Line:
        """A connection of its own: any of the processes takes it."""
        line = await Line.to(self.port)
        lines.push_async_callback(line.close)
        return line


@dataclass
class Struck:
    """What happened while processes were killed."""

    ledger: Ledger = field(default_factory=Ledger)
    recoveries: list[float] = field(default_factory=list)  # From a kill to the next acknowledged write (s).
    looks: int = 0
    wrong: list[str] = field(default_factory=list)


async def struck(server: Served, count: int, victims: list[Callable[[], int]]) -> Struck:
    """Kill one process after the other at random moments under load, each time when all are there again."""
    server.start()
    await server.answers()
    await complete(server, count)
    found = Struck()
    looking = Looks(server.port)
    look = asyncio.create_task(looking.run())
    async with Load(server.port, found.ledger, 6) as load:
        for victim in victims:
            await complete(server, count)
            await load.more(30)
            await asyncio.sleep(random.uniform(0.0, 0.2))
            kill(victim())
            began = time.monotonic()
            await load.more(1)
            found.recoveries.append(time.monotonic() - began)
        await complete(server, count)
        await load.more(50)
        look.cancel()
        with suppress(asyncio.CancelledError):
            await look
    found.looks, found.wrong = looking.looks, looking.wrong
    return found
