"""Every request sees what was acknowledged before it, whichever process wrote it and whichever answers.

Processes of one machine share a position in memory, which asks nothing of clients. Between machines the position goes
out with each answer, and comes back with the next request: as a header from programs, as a cookie from browsers.
"""

from collections.abc import Iterable

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dothi.ground.errors import Unavailable
from dothi.ground.problem import problem
from dothi.hub.read.follow.following import Following

HEADER, COOKIE = b"dothi-position", b"dothi_position"
_COOKIE_S = 60  # After so long every process has followed, or is broken.
_DIGITS = 18
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


def seeing(app: ASGIApp, following: Following, abroad: bool) -> ASGIApp:
    """`app` behind a look at the position; `abroad`: other machines write too, so it is told and heard.

    503 with Retry-After where this process does not come so far in time.
    """

    async def door(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        wanted = max(following.newest, _brought(scope["headers"])) if abroad else following.newest
        if wanted > following.position:
            try:
                await following.reach(wanted)
            except Unavailable as late:
                await refuse(send, late)
                return
        await app(scope, receive, _telling(send, scope, following) if abroad else send)

    return door


def _brought(headers: Iterable[tuple[bytes, bytes]]) -> int:
    """The position that a request brings; 0 when it brings none that can be read."""
    found = 0
    for name, value in headers:
        if name == HEADER:
            found = max(found, _number(value))
        elif name == b"cookie" and COOKIE in value:
            parts = (part.strip().partition(b"=") for part in value.split(b";"))
            found = max([found, *(_number(said) for key, _, said in parts if key == COOKIE)])
    return found


def _number(value: bytes) -> int:
    return int(value) if value.isdigit() and len(value) <= _DIGITS else 0


def _telling(send: Send, scope: Scope, following: Following) -> Send:
    wrote = scope["method"] not in _READS

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            position = b"%d" % following.newest
            added = [(HEADER, position)]
            if wrote:
                said = b"%s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax" % (COOKIE, position, _COOKIE_S)
                added.append((b"set-cookie", said))
            message = {**message, "headers": [*message["headers"], *added]}
        await send(message)

    return told


async def refuse(send: Send, error: Exception) -> None:
    """Answer with a problem, and with the time to wait where it names one."""
    status, document = problem(error)
    body = msgspec.json.encode(document)
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(body))]
    wait = document.get("retry_after")
    if wait:
        headers.append((b"retry-after", str(wait).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
