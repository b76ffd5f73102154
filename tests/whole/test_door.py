"""The front door: heads, bodies and addresses without end, and clients that take their time."""

import json
import socket
import time
from typing import Any

import pytest

from dothi.front import ADDRESS_MAX, HEAD_MAX
from tests.whole.city import Whole

MIB = 1024 * 1024
HOST = b"Host: dothi\r\n"


def talk(whole: Whole, *pieces: bytes, pause: float = 0.0, patience: float = 15.0) -> tuple[int, dict[str, Any]]:
    """Send bytes as they are, in pieces; status and problem of the first answer, (0, {}) when there is none."""
    with socket.create_connection(("127.0.0.1", whole.port), timeout=patience) as line:
        got = b""
        try:
            for piece in pieces:
                line.sendall(piece)
                time.sleep(pause)
            line.settimeout(patience)
            while b"\r\n\r\n" not in got or len(got.partition(b"\r\n\r\n")[2]) < _length(got):
                if not (more := line.recv(65536)):
                    break
                got += more
        except (ConnectionError, BrokenPipeError):
            pass
    head, _, body = got.partition(b"\r\n\r\n")
    status = int(head.split()[1]) if head else 0
    return status, json.loads(body) if b"json" in head and body else {}


def _length(got: bytes) -> int:
    for line in got.partition(b"\r\n\r\n")[0].lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


@pytest.mark.parametrize("path", ["/api/units", "/ngsi-ld/v1/entities", "/"])
def test_a_long_address_is_refused(whole: Whole, path: str) -> None:
    """Path and query beyond the limit get 414 with a problem, in every part of the site."""
    status, problem = talk(whole, f"GET {path}?q={'x' * ADDRESS_MAX} HTTP/1.1\r\n".encode() + HOST + b"\r\n")
    assert (status, problem["status"]) == (414, 414)


@pytest.mark.parametrize("what", [b"X-Long: " + b"x" * MIB, b"X-Many: y\r\n" * 60_000])
def test_a_head_without_end_is_cut_off(whole: Whole, what: bytes) -> None:
    """A megabyte of header ends the connection, with 431 when it can still be heard, and the server goes on."""
    status, _ = talk(whole, b"GET / HTTP/1.1\r\n", HOST, *(what[at : at + HEAD_MAX] for at in range(0, MIB, HEAD_MAX)))
    assert status in (0, 431)
    assert whole.clients["anonymous"].get("/api/roles").status_code == 200


@pytest.mark.parametrize(
    "pieces",
    [
        (b"",),
        (b"GET / HT",),
        (b"GET / HTTP/1.1\r\n" + HOST, *(b"X-A: b\r\n" for _ in range(4))),
        (b"POST /api/session HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{",),
        (b"POST /ngsi-ld/v1/entities HTTP/1.1\r\n" + HOST + b"Content-Length: 999\r\n\r\n", *(b" " for _ in range(4))),
    ],
    ids=["silence", "half a line", "one header at a time", "a body that stops", "a body byte by byte"],
)
def test_a_slow_client_holds_nothing(whole: Whole, pieces: tuple[bytes, ...]) -> None:
    """Who does not finish a head or a body is answered 408 and cut off."""
    began = time.monotonic()
    status, problem = talk(whole, *pieces, pause=0.3)
    assert (status, problem.get("status")) in ((408, 408), (0, None))  # Who goes on sending may not hear it.
    assert status == 408 or len(pieces) > 1
    assert time.monotonic() - began < 15


BODY_ROUTES = {
    "/api/session": 413,
    "/api/reports": 413,
    "/api/sources/x/push": 413,
    "/api/tasks/x/finish": 413,
    "/ngsi-ld/v1/entities": 413,
    "/report": 413,
}


@pytest.mark.parametrize("path", BODY_ROUTES)
def test_an_announced_body_that_is_too_large_is_refused_unread(whole: Whole, path: str) -> None:
    """A Content-Length beyond the limit gets 413 before a byte of it came."""
    media = b"multipart/form-data; boundary=b" if "json" not in path else b"application/json"
    head = f"POST {path} HTTP/1.1\r\n".encode() + HOST + b"Content-Length: 99999999999\r\nContent-Type: " + media
    status, _ = talk(whole, head + b"\r\n\r\n")
    assert status == BODY_ROUTES[path]


@pytest.mark.parametrize("path", ["/api/session", "/api/users", "/api/sources/x/push"])
def test_a_body_that_tells_no_length_is_counted(whole: Whole, path: str) -> None:
    """A chunked body beyond 16 MiB is refused while it comes; the API of entities asks for a length at once."""
    chunk = b"100000\r\n" + b" " * MIB + b"\r\n"
    head = f"POST {path} HTTP/1.1\r\n".encode() + HOST
    media = b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    status, _ = talk(whole, head + media, *[chunk] * 17, b"0\r\n\r\n")
    assert status in ((413,) if "push" not in path else (401, 403, 413))
    status, _ = talk(whole, b"POST /ngsi-ld/v1/entities HTTP/1.1\r\n" + HOST + media + b"2\r\n{}\r\n0\r\n\r\n")
    assert status == 411


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /\x00 HTTP/1.1\r\n\r\n",
        b"G\xff\xfe / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET http:// HTTP/1.1\r\n\r\n",
        b"GET * HTTP/1.1\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\n\r\n",
        b"GET /api/units?q=\xff\xfe HTTP/1.1\r\n\r\n",
        b"GET /%ff%fe HTTP/1.1\r\nCookie: \xff=\xfe; dothi_session=\xc3\r\n\r\n",
    ],
)
def test_what_is_no_http_ends_with_400(whole: Whole, head: bytes) -> None:
    """Bytes that are no request get a 4xx or a closed line; nothing crashes (the city's log is read at the end)."""
    status, _ = talk(whole, head, patience=5)
    assert status == 0 or 400 <= status < 500 or (status == 200 and b"Content-Length: 5" not in head)
    assert whole.clients["anonymous"].get("/api/roles").status_code == 200


def test_headers_of_the_api_keep_their_spelling(whole: Whole) -> None:
    """On the wire a header is written as in the standard: small clients search a head for it letter by letter."""
    with socket.create_connection(("127.0.0.1", whole.port), timeout=15.0) as line:
        line.sendall(b"GET /ngsi-ld/v1/info/sourceIdentity HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n")
        got = b""
        while more := line.recv(65536):
            got += more
    head = got.partition(b"\r\n\r\n")[0]
    assert b"\r\nLink: <" in head
    assert head.startswith(b"HTTP/1.1 200 ")
