"""One HTTP/1.1 connection, no more: an answer counts as heard only when its last byte has come."""

import asyncio
import contextlib
import json
from typing import Any, NamedTuple, Self


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


class Line:
    """Asks one thing after the other. ConnectionError or TimeoutError when no whole answer came."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def to(cls, port: int) -> Self:
        """A connection to a port of the loopback."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, method: str, path: str, body: Any = None, patience: float = 30.0, **headers: str) -> Answer:
        """One request and its whole answer; `headers` are spelt with underscores."""
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {"Host": "dothi", "Content-Length": str(len(content)), "Content-Type": "application/json"}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in named.items())
        async with asyncio.timeout(patience):
            self._writer.write(head.encode() + b"\r\n" + content)
            await self._writer.drain()
            return await self._answer()

    async def _answer(self) -> Answer:
        try:
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *rest = head.rstrip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in rest)}
            body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        except asyncio.IncompleteReadError as cut:
            raise ConnectionResetError("the answer broke off") from cut
        return Answer(int(first.split()[1]), headers, body)

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()
