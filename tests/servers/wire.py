"""A wire between two programs that a test can cut: bytes pass until it is silent (nothing arrives) or torn (reset)."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Wire:
    """Connections to one port, passed on to another."""

    def __init__(self, port: int) -> None:
        """`port` of the loopback is at the far end; `self.port` is the near end."""
        self._far = port
        self._near = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._near.getsockname()[1]
        self._pairs: list[socket.socket] = []
        self._silent = False
        self._torn = False
        self.watch: Callable[[bytes], bool] | None = None  # Asked of what goes out: True cuts before the answer.
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._near.accept()
                if self._torn:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._far))
                self._pairs += [near, far]
                threading.Thread(target=self._pass, args=(near, far, True), daemon=True).start()
                threading.Thread(target=self._pass, args=(far, near, False), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, out: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self._silent:
                    continue
                cut = out and self.watch is not None and self.watch(data)
                target.sendall(data)
                if cut:
                    self.watch = None
                    self.tear()
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def silence(self) -> None:
        """Nothing arrives any more, and nobody is told: as when a cable is pulled."""
        self._silent = True

    def tear(self) -> None:
        """End every connection (what was sent before still arrives), and take no new one."""
        self._torn = True
        for near in self._pairs[::2]:
            with contextlib.suppress(OSError):
                near.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """New connections pass again; those that were silent are gone."""
        self._silent, was = False, self._silent
        if was:
            self.tear()
        self._torn = False

    def close(self) -> None:
        """End it."""
        self._near.close()
        self.tear()
        for one in self._pairs:
            one.close()


@contextmanager
def wire(port: int) -> Iterator[Wire]:
    """A wire to a port of the loopback."""
    made = Wire(port)
    try:
        yield made
    finally:
        made.close()
