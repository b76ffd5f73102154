"""The front door: how large and how slow a request may be, whichever module it is for."""

import asyncio
import gc
import re
import socket
from collections.abc import Awaitable, Callable
from functools import cache, partial
from http import HTTPStatus
from typing import Any, Self

import msgspec
import uvicorn
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dothi.ground.errors import DothiError, TooLarge, Unavailable
from dothi.ground.problem import RETRY, problem

KIB, MIB, GIB = 1024, 1024**2, 1024**3
ADDRESS_MAX = 16 * KIB  # Bytes of path and query; what asks for more is a POST query.
HEAD_MAX = 64 * KIB  # Bytes that may come before a head is complete.
# Routes that take files, which say themselves how large each may be: five photos of 12 MiB, some files of evidence.
UPLOADS = (
    (re.compile(r"/api/sources/[^/]+/file"), 2 * GIB),
    (re.compile(r"/api/reports(/[^/]+/(photos|answer)|/answers)?"), 64 * MIB),
    (re.compile(r"/api/outside/[^/]+"), 64 * MIB),
    (re.compile(r"/open311/v2/requests\.(json|xml)"), 64 * MIB),
    (re.compile(r"/api/tasks/[^/]+/finish"), 128 * MIB),
    (re.compile(r"/api/orders/[^/]+/finish"), 64 * MIB),
    (re.compile(r"/api/(directives|imports)"), 24 * MIB),
    (re.compile(r"/api/consultations/[^/]+/(notes|text)"), 64 * MIB),
)


def short_addresses(app: ASGIApp) -> ASGIApp:
    """`app`, and 414 for an address longer than ADDRESS_MAX."""

    async def door(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and len(scope.get("raw_path", b"")) + len(scope["query_string"]) > ADDRESS_MAX:
            detail = f"Path and query may have {ADDRESS_MAX} bytes: ask with fewer or shorter words."
            await _send(send, 414, status_problem(414, detail))
            return
        await app(scope, receive, send)

    return door


class _Spelled(bytes):
    """A header's name that uvicorn does not lower: small clients look for "Location" letter by letter."""

    def lower(self) -> Self:
        """Itself."""
        return self


_spelled = cache(_Spelled)  # The names of an API's headers are few.


def _spelling(send: Send) -> Send:
    """`send`, with the names of headers as they are given."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [(_spelled(name), value) for name, value in message["headers"]]
        await send(message)

    return sending


def straight(prefix: str, app: ASGIApp, others: ASGIApp) -> ASGIApp:
    """`app` for what lies below `prefix`, by the shortest way; `others` for everything else."""
    below = prefix + "/"

    async def door(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(below):
            scope["root_path"] = scope.get("root_path", "") + prefix
            await app(scope, receive, _spelling(send))
            return
        await others(scope, receive, send)

    return door


def bodies_within(app: ASGIApp, most: int) -> ASGIApp:
    """`app`, and 413 for a body of more than `most` bytes (UPLOADS: more); one that tells no length is counted."""

    async def door(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        limit = _limit(scope["path"], most)
        if _announced(scope) > limit:
            await _send(send, *problem(TooLarge(_too_large(limit))))
            return
        await app(scope, _counting(receive, limit), send)

    return door


def _limit(path: str, body_max: int) -> int:
    return next((most for route, most in UPLOADS if route.fullmatch(path)), body_max)


def _announced(scope: Scope) -> int:
    """The length that the request says; 0 when it says none that can be read."""
    said = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return int(said[:20]) if said.isdigit() else 0


def _counting(receive: Receive, limit: int) -> Receive:
    size = 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > limit:
            raise HTTPException(413, _too_large(limit))  # The kind that a reader of bodies lets through.
        return message

    return counted


def _too_large(limit: int) -> str:
    return f"The body has more than {limit} bytes; send it in parts."


async def _send(send: Send, status: int, document: dict[str, object]) -> None:
    body = msgspec.json.encode(document)
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def status_problem(status: int, detail: str) -> dict[str, object]:
    """A problem that is only its HTTP status (RFC 9457, 4.2.1), with a sentence about this case."""
    return {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}


def require_free(host: str, port: int) -> None:
    """Unavailable when nothing can listen on the address: said before a city is opened or filled, not after."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as taken:
        raise Unavailable(f"{host}:{port} cannot be listened on ({taken.strerror}): choose another --port.") from taken


class Listener(uvicorn.Server):
    """A server that may take requests at a socket of the data folder too, and says when it takes any."""

    def __init__(self, config: uvicorn.Config, inner: socket.socket | None, ready: Callable[[], None]) -> None:
        """`inner` is where other processes of the same city hand requests over."""
        super().__init__(config)
        self._inner = inner
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        if self.should_exit:
            return
        if self._inner is not None:
            config, state = self.config, self.lifespan.state
            made = partial(Connection, config=config, server_state=self.server_state, app_state=state)
            loop = asyncio.get_running_loop()
            self.servers.append(await loop.create_unix_server(made, sock=self._inner))
        self._ready()


def server(
    app: ASGIApp,
    host: str,
    port: int,
    inner: socket.socket | None = None,
    ready: Callable[[], None] = lambda: None,
) -> uvicorn.Server:
    """The server of an application on one address; `inner` is where other processes of the city hand over requests.

    The collector is told that what stands now will stay, and to look seldom: readings make many small values that
    die at once by their reference counts, and looking through 100,000 rows for circles would cost a third of ingest.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=Connection,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=3,
    )
    return Listener(config, inner, ready)


class Connection(HttpToolsProtocol):
    """One connection of the server, with an end to its patience: a client that dribbles bytes holds nothing for long.

    uvicorn bounds only the time between requests. What is bounded here: the bytes and seconds of a head, the rate of
    a body while the application wants it, and the seconds in which a reader takes nothing of an answer.
    """

    look_every = 5.0  # Seconds.
    head_patience = 15.0
    body_patience = 30.0
    reader_patience = 60.0
    slowest = 512  # Bytes a second.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to watch."""
        super().connection_made(transport)
        self._in_head, self._head_bytes, self._since = True, 0, self.loop.time()
        self._got = self._seen = 0
        self._slow = self._stuck = 0.0
        self._watch = self.loop.call_later(self.look_every, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop watching."""
        self._watch.cancel()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_head, self._since = True, self.loop.time()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        self._in_head, self._head_bytes, self._slow = False, 0, 0.0
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Count, and refuse a head without end."""
        self._got += len(data)
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_MAX:
                self._end(431, f"The head of a request may have {HEAD_MAX} bytes.")

    def _look(self) -> None:
        if self.transport.is_closing():
            return
        self._watch = self.loop.call_later(self.look_every, self._look)
        got, self._seen = self._got - self._seen, self._got
        idle = self.timeout_keep_alive_task is not None  # uvicorn's own clock runs.
        if self._in_head and not idle and self.loop.time() - self._since > self.head_patience:
            self._end(408, f"The head of the request was not whole after {self.head_patience:g} seconds.")
            return
        waits = not self._in_head and self._wants_body() and got < self.slowest * self.look_every
        self._slow = self._slow + self.look_every if waits else 0.0
        self._stuck = self._stuck + self.look_every if self.flow.write_paused else 0.0
        if self._slow >= self.body_patience:
            self._end(408, f"The body came slower than {self.slowest} bytes a second.")
        elif self._stuck >= self.reader_patience:
            self.transport.abort()

    def _wants_body(self) -> bool:
        cycle = self.cycle
        return cycle is not None and cycle.more_body and not cycle.response_complete and not self.flow.read_paused

    def _end(self, status: int, detail: str) -> None:
        """Answer what can still be answered, and close."""
        if self.transport.is_closing():
            return
        if self.cycle is None or not self.cycle.response_started or self.cycle.response_complete:
            document: dict[str, Any] = status_problem(status, detail)
            body = msgspec.json.encode(document)
            head = (
                f"HTTP/1.1 {status} {document['title']}\r\nContent-Type: application/problem+json\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
        self.transport.close()


_PROBLEM_JSON = "application/problem+json"
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": f"{HTTPStatus(status).phrase}, as a problem (RFC 9457)",
        "content": {_PROBLEM_JSON: {"schema": {"type": "object", "required": ["type", "title", "status", "detail"]}}},
    }
    for status in (400, 401, 403, 404, 409, 413, 414, 422, 429)
}


async def _refused(_: Request, error: Exception) -> JSONResponse:
    status, body = problem(error)
    wait = body.get("retry_after", RETRY.get(status))
    headers = {"Retry-After": str(wait)} if wait else {}
    return JSONResponse(body, status, headers, _PROBLEM_JSON)


async def _plain(_: Request, error: Exception) -> JSONResponse:
    """What the framework refuses: no such path or method, a body that cannot be read."""
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return await _refused(_, TooLarge(str(error.detail)))
    body = status_problem(error.status_code, str(error.detail))
    return JSONResponse(body, error.status_code, error.headers, _PROBLEM_JSON)


async def _malformed(_: Request, error: Exception) -> JSONResponse:
    """What a body or parameter lacks, in one sentence for each."""
    assert isinstance(error, RequestValidationError)
    wrong = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()[:20]]
    body = {
        "type": "urn:dothi:problem:invalid",
        "title": "The input is not valid",
        "status": 422,
        "detail": "; ".join(wrong),
    }
    return JSONResponse(body, 422, media_type=_PROBLEM_JSON)


REFUSALS: dict[int | type[Exception], Callable[[Request, Exception], Awaitable[JSONResponse]]] = {
    DothiError: _refused,
    RequestValidationError: _malformed,
    HTTPException: _plain,
    Exception: _refused,
}
