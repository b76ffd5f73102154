"""A receiver of notifications made of the standard library alone: clients run it in environments of their own."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any


class Received:
    """What came, in order, at `address`."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._came: Queue[dict[str, Any]] = Queue()

    def put(self, body: bytes) -> None:
        """One notification came."""
        self._came.put(json.loads(body))

    def next(self) -> dict[str, Any]:
        """The next notification; queue.Empty when none comes within ten seconds."""
        return self._came.get(timeout=10)


@contextmanager
def receiving() -> Iterator[Received]:
    """Listen on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.put(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *told: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received = Received(f"http://127.0.0.1:{server.server_address[1]}/told")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
