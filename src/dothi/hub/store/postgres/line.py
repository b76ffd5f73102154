"""The thread on which asyncpg runs, with an event loop and a few connections of its own, for callers that wait.

The port of the store is synchronous; decision 0184 says why, and what the way to this thread and back costs.
"""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar, cast

import asyncpg
import uvloop

from dothi.ground.errors import Full, Unavailable
from dothi.hub.store.postgres.address import Address, connect, is_lost, unavailable

Result = TypeVar("Result")
Rows = list[asyncpg.Record]
_SLACK_S = 5.0  # How much longer than any statement a caller waits: the loop itself may be held up.
_GOODBYE_S = 2.0


class _Call:
    """A coroutine that another thread waits for: a lock is the lightest bell between the two."""

    __slots__ = ("_gate", "_task", "_work")

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        self._work = work
        self._task: asyncio.Task[Any] | None = None
        self._gate = threading.Lock()
        self._gate.acquire()

    def begin(self) -> None:
        """On the line's thread."""
        self._task = asyncio.get_running_loop().create_task(self._work)
        self._task.add_done_callback(lambda _: self._gate.release())

    def cancel(self) -> None:
        """On the line's thread, where the caller waits no more."""
        if self._task is not None:
            self._task.cancel()

    def result(self, patience: float) -> Any:
        """On the caller's thread. TimeoutError when it takes longer."""
        if not self._gate.acquire(timeout=patience) or self._task is None:
            raise TimeoutError("no answer")
        return self._task.result()


class Line:
    """Connections to one database."""

    def __init__(self, address: Address) -> None:
        """Nothing is connected yet."""
        self.address = address
        self._idle: list[asyncpg.Connection] = []
        self._made: list[asyncpg.Connection] = []
        self._room = asyncio.Semaphore(address.pool)
        self._closed = False
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="dothi-postgres", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Result], patience: float | None = None) -> Result:
        """The result of a coroutine that runs on this line's thread. Unavailable when the database does not answer."""
        assert threading.current_thread() is not self._thread, "the line's thread would wait for itself"
        if self._closed:
            work.close()
            raise Unavailable(f"The connection to {self.address.where} is closed.")
        call = _Call(work)
        self._loop.call_soon_threadsafe(call.begin)
        try:
            return cast(Result, call.result(patience or 3 * self.address.patience + _SLACK_S))
        except BaseException as fault:
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(call.cancel)
            if isinstance(fault, asyncpg.DiskFullError):
                raise Full(f"The disk of the database at {self.address.where} is full: make room there.") from fault
            if is_lost(fault):
                raise unavailable(self.address, fault) from fault
            raise

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Have a coroutine run beside, until it ends or the line is closed."""
        asyncio.run_coroutine_threadsafe(work, self._loop)

    async def connect(self) -> asyncpg.Connection:
        """A connection of one's own. Raises what asyncpg raises."""
        connection = await connect(self.address)
        self._made = [*(one for one in self._made if not one.is_closed()), connection]
        return connection

    async def read(self, work: Callable[[asyncpg.Connection], Awaitable[Result]]) -> Result:
        """What `work` reads over a free connection; over a new one when that turns out to be dead."""
        if self._room.locked():
            async with asyncio.timeout(self.address.patience):
                await self._room.acquire()
        else:
            await self._room.acquire()
        try:
            connection, fresh = await self._take()
            try:
                return await self._over(connection, work)
            except Exception as fault:
                if fresh or isinstance(fault, TimeoutError) or not (is_lost(fault) and connection.is_closed()):
                    raise
                return await self._over(await self.connect(), work)
        finally:
            self._room.release()

    async def _take(self) -> tuple[asyncpg.Connection, bool]:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection, False
        return await self.connect(), True

    async def _over(
        self, connection: asyncpg.Connection, work: Callable[[asyncpg.Connection], Awaitable[Result]]
    ) -> Result:
        try:
            result = await work(connection)
        except BaseException as fault:
            if is_lost(fault) or isinstance(fault, asyncio.CancelledError) or connection.is_in_transaction():
                connection.terminate()
            elif not connection.is_closed():
                self._idle.append(connection)
            raise
        self._idle.append(connection)
        return result

    def close(self) -> None:
        """End the connections and the thread."""
        if self._closed:
            return
        with contextlib.suppress(Unavailable):  # They are cut then.
            self.run(self._goodbye())
        self._closed = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _goodbye(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for connection in self._made:
            try:
                await connection.close(timeout=_GOODBYE_S)
            except Exception:
                connection.terminate()
