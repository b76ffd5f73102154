"""Calls to others: bounded in time and bytes, never to places that the operator did not allow."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest

from dothi.ground.errors import Invalid
from dothi.hub.peers.wire import EVERYWHERE, OffLimits, Reach, Response, TimedOut, Unreachable, Wire

Serve = Callable[[str], Awaitable[bytes]]


def talk(serve: Serve, use: Callable[[str], Awaitable[None]]) -> list[str]:
    """Run `use(address)` against a server that answers each request line with what `serve` gives; the lines seen."""
    seen: list[str] = []
    working: list[asyncio.Task[None]] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        working.append(task)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        seen.append(head)
        with contextlib.suppress(ConnectionError):
            writer.write(await serve(head.split("\r\n")[0]))
            await writer.drain()
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        async with server:
            await use(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            await asyncio.gather(*working)

    asyncio.run(run())
    return seen


def reply(status: str, *headers: str, body: bytes = b"") -> bytes:
    head = "\r\n".join((f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers))
    return head.encode() + b"\r\n\r\n" + body


async def call(wire: Wire, url: str, timeout: float = 5.0) -> Response:
    try:
        return await wire.send("GET", url, {"Accept": "application/json"}, None, timeout)
    finally:
        await wire.close()


def test_an_answer_comes_back_whole() -> None:
    """Status, headers by lower-case name (joined when repeated) and body come back."""
    got: list[Response] = []

    async def serve(_: str) -> bytes:
        return reply("207 Multi-Status", "X-One: a", "X-One: b", "Set-Cookie: c=1", body=b"{}")

    async def use(address: str) -> None:
        got.append(await call(Wire(EVERYWHERE), address + "/x?y=1"))

    seen = talk(serve, use)
    assert (got[0].status, got[0].headers["x-one"], got[0].body) == (207, "a, b", b"{}")
    assert seen[0].startswith("GET /x?y=1 HTTP/1.1")


def test_redirects_stay_within_the_origin() -> None:
    """A redirect within the origin is followed, one to elsewhere is given back as it is."""
    got: list[Response] = []

    async def serve(line: str) -> bytes:
        if "/a " in line:
            return reply("302 Found", "Location: /b")
        if "/b " in line:
            return reply("200 OK", body=b"here")
        return reply("302 Found", "Location: http://example.org/")

    async def use(address: str) -> None:
        got.extend([await call(Wire(EVERYWHERE), address + path) for path in ("/a", "/c")])

    talk(serve, use)
    assert [(one.status, one.body) for one in got] == [(200, b"here"), (302, b"")]


def test_time_and_bytes_are_bounded() -> None:
    """An answer that does not come in time, or is too large, is an error that says so."""

    async def serve(line: str) -> bytes:
        if "/slow" in line:
            await asyncio.sleep(0.2)
        return reply("200 OK", body=b"x" * 100)

    async def use(address: str) -> None:
        with pytest.raises(TimedOut, match=r"within 0\.05 s"):
            await call(Wire(EVERYWHERE), address + "/slow", 0.05)
        with pytest.raises(Unreachable, match="more than 50 bytes"):
            await call(Wire(EVERYWHERE, 50), address + "/large")

    talk(serve, use)


def test_nobody_there_is_unreachable() -> None:
    """A refused connection is Unreachable, an address that is none Invalid."""

    async def use() -> None:
        with pytest.raises(Unreachable, match=r"http://127\.0\.0\.1:1/"):
            await call(Wire(EVERYWHERE), "http://127.0.0.1:1/")
        for wrong in ("ftp://example.org/", "http:///x", "nothing", "http://[::1/"):
            with pytest.raises(Invalid, match="no address"):
                await call(Wire(EVERYWHERE), wrong)

    asyncio.run(use())


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "10.1.2.3",
        "169.254.169.254",
        "127.1",
        "2130706433",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::1]",
        "0.0.0.0",
        "100.64.0.1",
        "[fd00::1]",
        "224.0.0.1",
        "127。0。0。1",
        "１２７.0.0.1",
        "ⓛocalhost",
        "localhost.",
    ],
)
def test_private_places_are_off_limits(host: str) -> None:
    """An address of this machine or of a private network is not called, however it is written."""
    with pytest.raises(OffLimits, match="peer_hosts"):
        asyncio.run(call(Wire(), f"http://{host}:9/"))


def test_a_name_that_leads_inside_is_off_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts is the address that a name leads to when it is called."""

    async def inside(*_: object, **__: object) -> list[object]:
        return [(2, 1, 6, "", ("192.168.1.1", 80))]

    async def use() -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", inside)
        await call(Wire(), "http://innocent.example/")

    with pytest.raises(OffLimits, match=r"innocent\.example"):
        asyncio.run(use())


def test_named_hosts_are_allowed() -> None:
    """A host that the operator named is called wherever it lies; others beside it are not."""
    reach = Reach(frozenset({"127.0.0.1", "gauge.local"}))
    assert reach.allows("127.0.0.1")
    assert reach.allows("Gauge.Local")
    assert not reach.allows("127.0.0.2")
    assert reach.allows("example.org")
    assert reach.allows("8.8.8.8")
