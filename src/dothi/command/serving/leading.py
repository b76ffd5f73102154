"""Which process leads a city, where the others find it, and what it does meanwhile.

On an embedded store process 0 leads: it is the writer. On a database the one that holds the database's lock leads; a
lost connection ends that at once, and another process takes over.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec

from dothi.app import Run
from dothi.command.serving.handing import Leader
from dothi.ground.errors import DothiError
from dothi.hub.core import Hub
from dothi.hub.model import Commit, Post, system

log = logging.getLogger("dothi")
_TRY_S = 1.0
_GRACE_S = 3.0  # After so long a leader that was cut off has stopped: a heartbeat a second, without answer for two.
_KNOWN_S = 0.2
_QUEUE = "serving leader"  # Where it is noted which process leads.
_SERVING = system("serving")
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Home(msgspec.Struct, frozen=True):
    """Where a process takes requests: a socket on its machine, and an address for other machines."""

    machine: str
    socket: str
    address: str


def home(requests: Path, address: str) -> Home:
    """The home of this process."""
    boot = _BOOT.read_text().strip() if _BOOT.is_file() else ""
    return Home(f"{socket.gethostname()} {boot} {os.stat('/proc/self/ns/mnt').st_ino}", str(requests), address)


async def never(_: Run) -> None:
    """The work of a process beside the writer: it leads nothing."""


class Contest:
    """Leadership over a database; used from one event loop."""

    def __init__(self, hub: Hub, here: Home) -> None:
        """Nobody leads yet, as far as is known."""
        self._hub = hub
        self._here = here
        self._found = (0.0, Leader())  # Until when it is taken as it was found (s), and what that was.
        self._over = asyncio.Event()
        self.leads = False

    async def run(self, work: Run) -> None:
        """Do `work` for as long as this process leads; try to lead while it does not; until cancelled."""
        loop = asyncio.get_running_loop()
        lost = partial(_told, loop, self._lose)
        try:
            while True:
                self._over.clear()
                if await self._take(lost):
                    await self._lead(work)
                await asyncio.sleep(_TRY_S)
        finally:
            self.leads = False
            await asyncio.to_thread(self._hub.resign)

    async def _take(self, lost: Callable[[], None]) -> bool:
        try:
            return await asyncio.to_thread(self._hub.lead, lost)
        except DothiError as away:  # The database does not answer: it is tried again.
            log.warning("Nobody can lead just now: %s", away.detail)
            return False

    async def _lead(self, work: Run) -> None:
        """Lead until that is over; what was begun has ended then."""
        log.warning("This process (%d) leads the city", os.getpid())
        over = asyncio.create_task(self._over.wait())
        working: asyncio.Task[None] | None = None
        try:
            if await self.find() != Leader():  # Somebody led who did not take leave: it may not know yet.
                await asyncio.wait((over,), timeout=_GRACE_S)
            note = Post(tallies={_QUEUE: msgspec.json.encode(self._here)})
            await self._hub.commit(Commit(_SERVING, (), "leads", post=note))
            if not self._over.is_set():
                self.leads = True
                working = asyncio.create_task(_forever(work))
                await asyncio.wait((over, working), return_when=asyncio.FIRST_COMPLETED)
        except DothiError as away:
            log.warning("Leading ended as it began: %s", away.detail)
        finally:
            self.leads = False
            for task in filter(None, (over, working)):
                task.cancel()
            await asyncio.gather(*filter(None, (over, working)), return_exceptions=True)
            if not self._over.is_set():
                await self._take_leave()
            await asyncio.to_thread(self._hub.resign)

    async def _take_leave(self) -> None:
        """Say that nobody leads, so that the next one begins at once."""
        with suppress(DothiError):
            await self._hub.commit(Commit(_SERVING, (), "leads no more", post=Post(closed=(_QUEUE,))))

    def _lose(self) -> None:
        self.leads = False
        self._over.set()

    async def find(self) -> Leader:
        """Where the process that leads takes requests, as it was noted last."""
        now = asyncio.get_running_loop().time()
        if now >= self._found[0]:
            body = (await asyncio.to_thread(self._hub.outbox)).tallies.get(_QUEUE)
            self._found = (now + _KNOWN_S, self._read(body))
        return self._found[1]

    def _read(self, body: bytes | None) -> Leader:
        if body is None:
            return Leader()
        there = msgspec.json.decode(body, type=Home)
        if there.machine == self._here.machine:
            return Leader(socket=Path(there.socket))
        return Leader(address=there.address)


def _told(loop: asyncio.AbstractEventLoop, act: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(act)


async def _forever(work: Run) -> None:
    await work()
    await asyncio.get_running_loop().create_future()
