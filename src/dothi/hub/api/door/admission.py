"""Who is worked for next when more is asked than can be done: callers take turns, and who cannot wait is told so."""

import asyncio
from collections import deque
from typing import NamedTuple

from dothi.ground.errors import Unavailable

WORKING = 16  # Requests that are worked on at a time: enough to fill a flush, few enough that turns come soon.
WAITING = 1024  # Requests that wait at most,
WAITING_BYTES = 128 * 1024 * 1024  # with bodies of so many bytes.
COUNTED_S = 0.25  # Who is worked on for longer waits for others (a peer, the disk), and holds nobody up.
_BUSY = "More is asked of this server than it can do now: ask again in a second."


class _Place(NamedTuple):
    """A request in a line."""

    called: asyncio.Future[int]
    size: int


class Admission:
    """The gate of one process, used by its event loop alone."""

    def __init__(self, working: int = WORKING, waiting: int = WAITING, size: int = WAITING_BYTES) -> None:
        """`working` at once, `waiting` in line, their bodies of `size` bytes together."""
        self._places, self._most, self._room = working, waiting, size
        self._working: dict[int, float] = {}  # Token → since when, oldest first.
        self._lines: dict[str, deque[_Place]] = {}  # In the order of their turns.
        self._count = self._bytes = self._token = 0

    def check(self, caller: str, size: int) -> None:
        """Raise Unavailable when a request with such a body would be sent away: before that is read."""
        if self._full(size) and self._longest() in (caller, ""):
            raise Unavailable(_BUSY)

    async def enter(self, caller: str, size: int) -> int:
        """Wait for this caller's turn; returns what leave() wants. Unavailable when too many wait, mostly for them."""
        if self._lines or len(self._working) >= self._places:
            return await self._stand(caller, size)
        return self._begin()

    def _begin(self) -> int:
        self._token += 1
        self._working[self._token] = asyncio.get_running_loop().time()
        return self._token

    def leave(self, token: int) -> None:
        """The work is done."""
        self._working.pop(token, None)
        if self._lines:
            self._call()

    def _full(self, size: int) -> bool:
        return self._count >= self._most or (self._count > 0 and self._bytes + size > self._room)

    def _longest(self) -> str:
        return max(self._lines, key=lambda name: len(self._lines[name]), default="")

    async def _stand(self, caller: str, size: int) -> int:
        while self._full(size):
            self.check(caller, size)
            self._send_away(self._longest())
        called: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if not self._lines:
            asyncio.get_running_loop().call_later(COUNTED_S / 2, self._look)
        self._lines.setdefault(caller, deque()).append(_Place(called, size))
        self._count, self._bytes = self._count + 1, self._bytes + size
        self._call()
        try:
            return await called
        except asyncio.CancelledError:
            if called.done() and not called.cancelled() and called.exception() is None:
                self.leave(called.result())  # Called, and gone in the same moment.
            raise

    def _send_away(self, name: str) -> None:
        """Who came last in a line: the others keep their order."""
        place = self._lines[name].pop()
        if not self._lines[name]:
            del self._lines[name]
        self._gone(place)
        if not place.called.done():
            place.called.set_exception(Unavailable(_BUSY))

    def _gone(self, place: _Place) -> None:
        self._count, self._bytes = self._count - 1, self._bytes - place.size

    def _look(self) -> None:
        """While somebody waits: let go of places whose requests wait themselves."""
        if self._lines:
            self._call()
        if self._lines:
            asyncio.get_running_loop().call_later(COUNTED_S / 2, self._look)

    def _call(self) -> None:
        """Call as many as there are places for, a caller after the other."""
        long_ago = asyncio.get_running_loop().time() - COUNTED_S
        while self._working and (oldest := next(iter(self._working.items())))[1] < long_ago:
            del self._working[oldest[0]]
        free = self._places - len(self._working)
        while free > 0 and self._lines:
            name = next(iter(self._lines))
            line = self._lines.pop(name)
            place = line.popleft()
            if line:
                self._lines[name] = line  # Behind the others.
            self._gone(place)
            if not place.called.done():
                free -= 1
                place.called.set_result(self._begin())
