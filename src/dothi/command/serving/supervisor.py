"""Several processes behind one address: bound once, started together, each started again when it ends by itself.

The process above the others opens nothing and serves nothing, so that nothing it does can fail with them. It forks:
what all of dothi needs in memory is loaded once, and a process that died is back within a second.
"""

import gc
import logging
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from dothi.command.serving.place import Place
from dothi.ground.errors import DothiError, Unavailable

log = logging.getLogger("dothi")
_BACKLOG = 2048
_QUICK_S = 5.0  # A process that ends sooner is started again later and later.
_SLOWEST_S = 5.0
_PATIENCE_S = 15.0  # For a process that was told to stop.
_WATCHED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT)
_REFUSED = 3  # How a process ends that said why it cannot serve.
Work = Callable[[Place], None]


@dataclass(slots=True)
class _Child:
    place: Place
    pid: int = 0
    since: float = 0.0
    pause: float = 0.0
    due: float | None = None  # When it is to be started again.


def listen(host: str, port: int) -> socket.socket:
    """The socket that all processes share. Unavailable when nothing can listen there."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as taken:
        raise Unavailable(f"{host}:{port} cannot be listened on ({taken.strerror}): choose another --port.") from taken


def supervise(address: socket.socket, count: int, work: Work, serving: Callable[[], None]) -> None:
    """Keep `count` processes at `work` until told to stop; `serving` is called when all take requests.

    The first is started before the others: it makes and upgrades what there is to open. Unavailable when a process
    cannot even begin (it has said why).
    """
    _Supervisor(address, count, work).run(serving)


class _Supervisor:
    def __init__(self, address: socket.socket, count: int, work: Work) -> None:
        self._work = work
        self._alive, self._end = os.pipe()  # The children read its end, which this process alone holds open.
        places = [Place(number, count, address, self._alive) for number in range(count)]
        self._children = [_Child(place) for place in places]
        self._stopping = False

    def run(self, serving: Callable[[], None]) -> None:
        gc.collect()
        gc.freeze()  # What is loaded stays shared: nobody's collector writes into it.
        signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
        try:
            self._start_first(self._children[:1])
            self._start_first(self._children[1:])
            serving()
            while not self._stopping:
                self._wait()
        finally:
            self._stop()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)

    def _start_first(self, children: list[_Child]) -> None:
        """Start processes and wait until they take requests, or one of them cannot."""
        waiting = {self._start(child, told=True): child for child in children}
        while waiting and not self._stopping:
            found, _, _ = select.select(list(waiting), [], [], 0.5)
            for pipe in found:
                child = waiting.pop(pipe)
                said = os.read(pipe, 1)
                os.close(pipe)
                if not said:
                    _, status = os.waitpid(child.pid, 0)
                    child.pid = 0
                    if not os.WIFSIGNALED(status):
                        raise Unavailable(_why(child, status))
                    waiting[self._start(child, told=True)] = child  # Somebody killed it: that says nothing of the city.
            self._heed(signal.sigtimedwait(_WATCHED[1:], 0))

    def _start(self, child: _Child, told: bool = False) -> int:
        """Fork; returns the pipe on which the process says that it is ready (-1: nobody listens)."""
        reading, writing = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            os.close(self._end)
            os.close(reading)
            _be(replace(child.place, ready=lambda: _say_ready(writing)), self._work)
        os.close(writing)
        child.pid, child.since, child.due = pid, time.monotonic(), None
        if told:
            return reading
        os.close(reading)
        return -1

    def _wait(self) -> None:
        due = [child.due for child in self._children if child.due is not None]
        pause = max(0.0, min(due) - time.monotonic()) if due else 60.0
        self._heed(signal.sigtimedwait(_WATCHED, pause))
        self._bury()
        for child in self._children:
            if not self._stopping and child.due is not None and child.due <= time.monotonic():
                self._start(child)

    def _heed(self, found: "signal.struct_siginfo | None") -> None:
        if found is not None and found.si_signo != signal.SIGCHLD:
            self._stopping = True

    def _bury(self) -> None:
        """See which processes have ended; each is started again, at once unless it ended at once before."""
        for child in self._children:
            if child.pid and (ended := os.waitpid(child.pid, os.WNOHANG))[0]:
                quick = time.monotonic() - child.since < _QUICK_S
                child.pause = min(max(child.pause * 2, 0.1), _SLOWEST_S) if quick and child.pause else 0.01
                child.pid, child.due = 0, time.monotonic() + child.pause
                log.warning("Process %d ended (%s) and is started again", child.place.number, _how(ended[1]))

    def _stop(self) -> None:
        """Stop those beside the writer first: what they hand over is still written."""
        for some in (self._children[1:], self._children[:1]):
            _signal(some, signal.SIGTERM)
            until = time.monotonic() + _PATIENCE_S
            while any(child.pid for child in some) and time.monotonic() < until:
                for child in some:
                    if child.pid and os.waitpid(child.pid, os.WNOHANG)[0]:
                        child.pid = 0
                time.sleep(0.02)
            _signal(some, signal.SIGKILL)
            for child in some:
                if child.pid:
                    os.waitpid(child.pid, 0)
                    child.pid = 0
        os.close(self._end)
        os.close(self._alive)


def _signal(children: list[_Child], number: signal.Signals) -> None:
    for child in children:
        if child.pid:
            os.kill(child.pid, number)


def _be(place: Place, work: Work) -> None:
    """The rest of a forked process's life."""
    code = 1
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
        work(place)
        code = 0
    except DothiError as refused:
        print(f"dothi: {refused.detail}", file=sys.stderr, flush=True)
        code = _REFUSED
    except KeyboardInterrupt:
        code = 0
    except BaseException:
        log.exception("Process %d failed", place.number)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _say_ready(pipe: int) -> None:
    try:
        os.write(pipe, b"1")
        os.close(pipe)
    except OSError:  # Nobody waits for it: it was started again.
        pass


def _how(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _why(child: _Child, status: int) -> str:
    if os.waitstatus_to_exitcode(status) == _REFUSED:
        return "The city cannot be served: see above."
    return f"Process {child.place.number} could not begin ({_how(status)})."
