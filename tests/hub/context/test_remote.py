"""Tests: remote contexts are read from allowed hosts only, kept for a while, and never kept broken."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dothi.ground.errors import ContextUnavailable, Invalid
from dothi.hub.context import CORE, CORE_URL, Contexts


class Served(ThreadingHTTPServer):
    """A real web server of contexts that counts what it is asked."""

    answers: dict[str, tuple[int, bytes]]
    asked: list[str]

    @property
    def host(self) -> str:
        """host:port of this server."""
        return f"127.0.0.1:{self.server_address[1]}"

    def url(self, path: str) -> str:
        """The address of one document."""
        return f"http://{self.host}{path}"


class _Answer(BaseHTTPRequestHandler):
    server: Served

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        status, body = self.server.answers.get(self.path, (404, b""))
        self.send_response(status)
        if status == 302:
            self.send_header("Location", body.decode())
            body = b""
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output quiet."""


@pytest.fixture
def web() -> Iterator[Served]:
    """A web server on a free port."""
    server = Served(("127.0.0.1", 0), _Answer)
    server.answers, server.asked = {}, []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def document(context: object) -> tuple[int, bytes]:
    """A context document as an answer."""
    return 200, json.dumps({"@context": context}).encode()


def test_hosts_that_are_not_allowed_are_never_asked(web: Served) -> None:
    """By default nothing is fetched; the error names the host and both ways out."""
    web.answers["/a"] = document({"a": "https://ex.org/a"})
    with pytest.raises(ContextUnavailable, match=r"not allowed the host.*inline"):
        asyncio.run(Contexts().obtain(web.url("/a")))
    assert web.asked == []


def test_an_allowed_context_is_fetched_once(web: Served) -> None:
    """A context from an allowed host is fetched once, nested ones too, and then comes from memory."""
    web.answers["/a"] = document([web.url("/b"), {"a": "https://ex.org/a"}, CORE_URL])
    web.answers["/b"] = document({"b": "https://ex.org/b"})
    contexts = Contexts(allowed_hosts={web.host})
    for _ in range(3):
        names = asyncio.run(contexts.obtain([web.url("/a")]))
        assert (names.inward("a"), names.inward("b")) == ("https://ex.org/a", "https://ex.org/b")
    assert web.asked == ["/a", "/b"]
    assert contexts.resolve(web.url("/a")).url == web.url("/a")


def test_a_broken_context_is_asked_again_later(web: Served) -> None:
    """A failure is remembered for seconds, not for ever; a fetched one for a day."""
    now = [0.0]
    contexts = Contexts(allowed_hosts={web.host}, clock=lambda: now[0])
    for _ in range(2):
        with pytest.raises(ContextUnavailable, match="cannot be read"):
            asyncio.run(contexts.obtain(web.url("/a")))
    assert web.asked == ["/a"]
    web.answers["/a"] = document({"a": "https://ex.org/1"})
    now[0] += 61
    assert asyncio.run(contexts.obtain(web.url("/a"))).inward("a") == "https://ex.org/1"
    web.answers["/a"] = document({"a": "https://ex.org/2"})
    now[0] += 3600
    assert asyncio.run(contexts.obtain(web.url("/a"))).inward("a") == "https://ex.org/1"
    now[0] += 24 * 3600
    assert asyncio.run(contexts.obtain(web.url("/a"))).inward("a") == "https://ex.org/2"


def test_a_redirect_to_another_host_is_not_followed(web: Served) -> None:
    """An allowed host cannot send us to one that is not."""
    web.answers["/a"] = (302, b"http://localhost:1/secret")
    with pytest.raises(ContextUnavailable, match="redirects"):
        asyncio.run(Contexts(allowed_hosts={web.host}).obtain(web.url("/a")))


@pytest.mark.parametrize("body", [b"no json", b"[" * 100000, b"\xff"])
def test_what_is_no_json_is_invalid(web: Served, body: bytes) -> None:
    """A page that is no JSON is the caller's mistake, however odd, and remembered as such (clause 5.5.6)."""
    web.answers["/a"] = (200, body)
    contexts = Contexts(allowed_hosts={web.host})
    for _ in range(2):
        with pytest.raises(Invalid, match="not JSON"):
            asyncio.run(contexts.obtain(web.url("/a")))
    assert web.asked == ["/a"]


def test_a_document_without_context_is_invalid(web: Served) -> None:
    """A remote document that is no context is the caller's mistake (clause 5.5.6)."""
    web.answers["/a"] = (200, b'{"a": 1}')
    with pytest.raises(Invalid, match="@context"):
        asyncio.run(Contexts(allowed_hosts={web.host}).obtain(web.url("/a")))


def test_contexts_that_name_each_other_come_to_an_end(web: Served) -> None:
    """A circle of remote contexts is refused."""
    web.answers["/a"] = document(web.url("/b"))
    web.answers["/b"] = document(web.url("/a"))
    with pytest.raises(Invalid, match="deep"):
        asyncio.run(Contexts(allowed_hosts={web.host}).obtain(web.url("/a")))


@pytest.mark.parametrize("address", ["file:///etc/passwd", "urn:x:y", "ftp://a/b", "http://", "http://[", "x"])
def test_only_web_addresses_are_addresses(address: str) -> None:
    """Files and other schemes are refused before anything is opened."""
    with pytest.raises((Invalid, ContextUnavailable)):
        asyncio.run(Contexts().obtain(address))


def test_memory_is_bounded() -> None:
    """However many contexts and names clients send, only so many are kept."""
    contexts = Contexts()
    for number in range(500):
        contexts.resolve({"a": f"https://ex.org/{number}"})
    assert len(contexts._compiled) <= 200
    names = contexts.resolve({"a": "https://ex.org/a"})
    for number in range(5000):
        assert names.inward(f"name{number}") == names.outward(f"name{number}")
    assert max(len(names._inward), len(names._outward)) <= 2000
    assert contexts.resolve(None) is CORE


def test_built_in_documents_need_no_fetch() -> None:
    """A document handed in by the application is known by its address."""
    contexts = Contexts(built_in={"https://city.example/v.jsonld": {"@context": {"a": "https://ex.org/a"}}})
    assert asyncio.run(contexts.obtain("https://city.example/v.jsonld")).inward("a") == "https://ex.org/a"
