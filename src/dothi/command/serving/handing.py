"""Requests that rest on what one process holds in memory are handed to that process: the leader.

What any process can answer from the store and its log is answered where it came (`anywhere`); all else goes over, so
that a new page or verb is right before somebody has looked whether it needs any memory (decision 0189).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import aiohttp
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from yarl import URL

from dothi.command.serving.seeing import refuse
from dothi.ground.errors import Unavailable

PATIENCE_S = 10.0  # For a leader that is started again, or takes over.
_AGAIN_S = 0.05
CLIENT, SCHEME, HOPS = b"dothi-client", b"dothi-scheme", b"dothi-hops"
_MOST_HOPS = 2  # To another machine, and there to the process that leads.
_OURS = frozenset({CLIENT, SCHEME, HOPS})
_OF_A_LINE = frozenset(
    {b"connection", b"keep-alive", b"transfer-encoding", b"te", b"trailer", b"upgrade", b"proxy-connection", b"expect"}
)
_ADDED = frozenset({b"date", b"server"})  # Every process says these itself.
_UNKNOWN = "The leading process ended meanwhile. Whether this was done is not known: look, then decide."
_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})


class Leader(NamedTuple):
    """Where the process that leads takes requests: a socket of this machine, else an address; neither: not known."""

    socket: Path | None = None
    address: str = ""


Find = Callable[[], Awaitable[Leader]]


def handing(app: ASGIApp, leads: Callable[[], bool], anywhere: Callable[[Scope], bool], line: "Line") -> ASGIApp:
    """`app` for what this process may answer; the leader for the rest."""

    async def door(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or leads() or anywhere(scope):
            await app(scope, receive, send)
        else:
            await line.hand(scope, receive, send)

    return door


def received(app: ASGIApp) -> ASGIApp:
    """`app`, told who the client of a handed request is; only what comes over a socket of the data folder is believed.

    Such a request has no address of a server: every other has.
    """

    async def door(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope.get("server") is None:
            told = {name: value.decode("latin-1") for name, value in scope["headers"] if name in _OURS}
            host, _, port = told.get(b"dothi-client", "").rpartition(" ")
            scope = {**scope, "scheme": told.get(SCHEME, "http"), "client": (host, int(port)) if host else None}
        await app(scope, receive, send)

    return door


class Line:
    """The way to the leader; used from one event loop."""

    def __init__(self, find: Find, patience: float = PATIENCE_S) -> None:
        """`find` says where the leader is now."""
        self._find = find
        self._patience = patience
        self._sessions: dict[Leader, aiohttp.ClientSession] = {}

    async def close(self) -> None:
        """Hang up."""
        for session in self._sessions.values():
            await session.close()

    async def hand(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have the leader answer. A leader that is away is waited for; then 503, with when to come back."""
        body = _Body(receive, scope["method"] not in _WITHOUT_BODY)
        until = asyncio.get_running_loop().time() + self._patience
        while True:
            try:
                await self._ask(scope, body, send)
                return
            except (aiohttp.ClientError, OSError, TimeoutError):
                if body.answered:
                    raise  # Half an answer: the connection is cut, which says so.
                if body.begun:
                    detail = (
                        "The leading process ended meanwhile. Whether this was done is not known: look, then decide."
                    )
                    await refuse(send, Unavailable(detail, retry_after=1))
                    return
                if asyncio.get_running_loop().time() > until:
                    await refuse(send, Unavailable("No process leads this city just now.", retry_after=1))
                    return
                await asyncio.sleep(_AGAIN_S)

    async def _ask(self, scope: Scope, body: "_Body", send: Send) -> None:
        hops = next((int(value) for name, value in scope["headers"] if name == HOPS and value.isdigit()), 0)
        leader = await self._find()
        if leader == Leader() or hops >= _MOST_HOPS:
            raise aiohttp.ClientConnectionError("nobody leads")
        session = self._session(leader)
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in _forwarded(scope, hops)]
        async with session.request(
            scope["method"],
            _address(leader, scope),
            headers=headers,
            data=body.stream() if body.expected else None,
            allow_redirects=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        ) as answer:
            body.answered = True
            kept = [
                (name.lower(), value) for name, value in answer.raw_headers if name.lower() not in _OF_A_LINE | _ADDED
            ]
            await send({"type": "http.response.start", "status": answer.status, "headers": kept})
            async for part in answer.content.iter_any():
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})

    def _session(self, leader: Leader) -> aiohttp.ClientSession:
        session = self._sessions.get(leader)
        if session is None:
            connector: aiohttp.BaseConnector
            if leader.socket is not None:
                connector = aiohttp.UnixConnector(str(leader.socket), limit=0)
            else:
                connector = aiohttp.TCPConnector(limit=0)
            session = self._sessions[leader] = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=2.0),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return session


class _Body:
    """The body of a request on its way to the leader; once a byte was taken it cannot be sent again."""

    def __init__(self, receive: Receive, expected: bool) -> None:
        self._receive = receive
        self.expected = expected
        self.begun = self.answered = False

    async def stream(self) -> AsyncIterator[bytes]:
        self.begun = True
        while True:
            message: Message = await self._receive()
            if message["type"] != "http.request":
                raise aiohttp.ClientPayloadError("the client has gone")
            if message.get("body"):
                yield message["body"]
            if not message.get("more_body"):
                return


def _forwarded(scope: Scope, hops: int) -> list[tuple[bytes, bytes]]:
    left_out = _OF_A_LINE | _OURS
    headers = [(name, value) for name, value in scope["headers"] if name not in left_out]
    host, port = scope.get("client") or ("", 0)
    if host:
        headers.append((CLIENT, f"{host} {port}".encode()))
    return [*headers, (SCHEME, scope["scheme"].encode()), (HOPS, b"%d" % (hops + 1))]


def _address(leader: Leader, scope: Scope) -> URL:
    base = leader.address or "http://leader"
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    return URL(base + (scope["raw_path"] + query).decode("latin-1"), encoded=True)
