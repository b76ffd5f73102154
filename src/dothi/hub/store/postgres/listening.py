"""What processes over one database tell each other: that something was written, and which of them leads."""

import asyncio
import contextlib
import threading
from collections.abc import Callable

import asyncpg

from dothi.ground.errors import DothiError
from dothi.hub.store.postgres.address import is_lost
from dothi.hub.store.postgres.line import Line
from dothi.hub.store.postgres.tables.schema import LEADING
from dothi.hub.store.postgres.writing import CHANNEL

_HEARTBEAT_S = 1.0
_DEAF_S = 2.0  # A heartbeat without an answer for so long: the connection is lost.


class Bell:
    """Calls somebody in a thread of its own, since they will ask the store; rung again meanwhile, once more."""

    def __init__(self, told: Callable[[], None]) -> None:
        """The thread waits for the first ring."""
        self._told = told
        self._rung = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._answer, name="dothi-told", daemon=True)
        self._thread.start()

    def _answer(self) -> None:
        while self._rung.wait() and not self._ended:
            self._rung.clear()
            with contextlib.suppress(DothiError):  # A database that is away now is listened to again.
                self._told()

    def ring(self) -> None:
        """Have them called soon."""
        self._rung.set()

    def end(self) -> None:
        """Call nobody any more."""
        self._ended = True
        self._rung.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()


async def listen(line: Line, name: str, told: Callable[[], None]) -> None:
    """Call `told` when another process than `name` has written, and once a second where no word can come. For ever."""
    while True:
        connection = None
        try:
            connection = await line.connect()
            await connection.add_listener(CHANNEL, lambda *word: told() if word[3] != name else None)
            told()  # Something may have been written while nobody listened.
            while True:
                await asyncio.sleep(_HEARTBEAT_S)
                await connection.execute("SELECT", timeout=_DEAF_S)
        except Exception as fault:
            if not is_lost(fault):
                raise
            told()
            await asyncio.sleep(_HEARTBEAT_S)
        finally:
            if connection is not None:
                connection.terminate()


class Leading:
    """The one leader among the processes: it holds a lock that ends with its connection."""

    def __init__(self, line: Line) -> None:
        """Nobody leads here yet."""
        self._line = line
        self._held: asyncpg.Connection | None = None
        self._beating: asyncio.Task[None] | None = None

    async def take(self, lost: Callable[[], None]) -> bool:
        """Lead, unless another does. `lost` is called, once, when it cannot be sure to lead any more."""
        if self._held is not None:
            return True
        connection = await self._line.connect()
        try:
            taken = bool(await connection.fetchval(f"SELECT {LEADING}"))
        except BaseException:
            connection.terminate()
            raise
        if not taken:
            await connection.close(timeout=_DEAF_S)
            return False
        self._held = connection
        connection.add_termination_listener(lambda ended: self._end(ended, lost))
        self._beating = asyncio.create_task(self._beat(connection, lost))
        return True

    async def _beat(self, connection: asyncpg.Connection, lost: Callable[[], None]) -> None:
        try:
            while True:
                await asyncio.sleep(_HEARTBEAT_S)
                await connection.execute("SELECT", timeout=_DEAF_S)
        except Exception:
            connection.terminate()
            self._end(connection, lost)

    def _end(self, connection: asyncpg.Connection, lost: Callable[[], None]) -> None:
        """The connection is gone, and with it the lock: it was cut, or a heartbeat had no answer."""
        if self._held is connection:
            self._held = None
            lost()

    async def resign(self) -> None:
        """Let another lead."""
        connection, self._held = self._held, None
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
            self._beating = None
        if connection is not None:
            connection.terminate()
