"""A TCP line between a program and its server that can be cut, delayed, reset, or go dead in one direction."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_RESET = struct.pack("ii", 1, 0)  # Closing with this lingers for no time: the peer is told by a reset.


class Proxy:
    """Runs in the event loop that made it; `port` is where programs connect."""

    def __init__(self, host: str, port: int) -> None:
        """`host`, `port`: the server behind."""
        self._behind = host, port
        self._lines: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._open = asyncio.Event()  # Data flows.
        self._answers = asyncio.Event()  # Answers flow.
        self._open.set()
        self._answers.set()
        self._refusing = False
        self.delay = 0.0  # Seconds that each piece is held back.
        self.port = 0

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            self._drop(writer)
            return
        try:
            behind_reader, behind_writer = await asyncio.open_connection(*self._behind)
        except OSError:
            self._drop(writer)
            return
        line = (writer, behind_writer)
        self._lines.add(line)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._carry(reader, behind_writer, False))
                both.create_task(self._carry(behind_reader, writer, True))
        except* OSError:
            pass
        finally:
            self._lines.discard(line)
            for end in line:
                self._drop(end)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: bool) -> None:
        while data := await reader.read(65536):
            if self.delay:
                await asyncio.sleep(self.delay)
            await self._open.wait()
            if answers:
                await self._answers.wait()
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError  # One end has closed: so does the other.

    def _drop(self, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        writer.transport.abort()

    def reset(self) -> None:
        """Break every connection; new ones are let through."""
        for line in tuple(self._lines):
            for end in line:
                self._drop(end)

    def cut(self) -> None:
        """Break every connection, and refuse new ones."""
        self._refusing = True
        self.reset()

    def freeze(self) -> None:
        """Nothing passes any more, and nobody is told: a cable that was pulled."""
        self._open.clear()

    def mute(self) -> None:
        """Questions pass, answers do not: what is done is not heard of."""
        self._answers.clear()

    def mend(self) -> None:
        """All is well again; connections that were muted or frozen go on where they were."""
        self._refusing, self.delay = False, 0.0
        self._open.set()
        self._answers.set()


@asynccontextmanager
async def between(host: str, port: int) -> AsyncIterator[Proxy]:
    """A line to a server on a free port of the loopback."""
    proxy = Proxy(host, port)
    server = await asyncio.start_server(proxy._meet, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        proxy.mend()
        server.close()
        proxy.cut()
        await server.wait_closed()
        await asyncio.sleep(0.05)  # Until what was broken has ended.
