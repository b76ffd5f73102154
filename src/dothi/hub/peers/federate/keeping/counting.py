"""How calls of sources went: the read-only members of registrations (table 5.2.9-2), kept in the hub's outbox."""

import asyncio
from typing import Any

import msgspec

from dothi.ground.clock import iso
from dothi.hub.core import Hub
from dothi.hub.model import Commit, Post
from dothi.hub.peers.federate.registrations import Registration
from dothi.hub.peers.records import READER

_EVERY_S = 5.0
_QUEUE = "registration "


class Tally(msgspec.Struct, frozen=True):
    """How often a registration was used; instants in µs, 0 = never."""

    sent: int = 0
    failed: int = 0
    success_at: int = 0
    failure_at: int = 0
    good: bool = True  # What the last one was.

    def after(self, good: bool, now: int) -> "Tally":
        """The tally after one more call."""
        if good:
            return Tally(self.sent + 1, self.failed, now, self.failure_at)
        return Tally(self.sent + 1, self.failed + 1, self.success_at, now, False)

    def members(self) -> dict[str, Any]:
        """What the document shows of it: nothing before the first call."""
        if not self.sent:
            return {}
        shown: dict[str, Any] = {
            "status": "ok" if self.good else "failed",
            "timesSent": self.sent,
            "timesFailed": self.failed,
        }
        if self.success_at:
            shown["lastSuccess"] = iso(self.success_at)
        if self.failure_at:
            shown["lastFailure"] = iso(self.failure_at)
        return shown


_NONE = Tally()


class Tallies:
    """The tallies of all registrations; what changed is written out every few seconds."""

    def __init__(self, hub: Hub) -> None:
        """Those that were written before."""
        self._hub = hub
        self._known: dict[str, Tally] | None = None
        self._changed: set[str] = set()
        self._closed: set[str] = set()

    def of(self, registration: Registration) -> Tally:
        """How a registration was used."""
        return self._read().get(_queue(registration), _NONE)

    def count(self, registration: Registration, good: bool, now: int) -> None:
        """One more call, at `now` (µs)."""
        queue = _queue(registration)
        self._read()[queue] = self.of(registration).after(good, now)
        self._changed.add(queue)

    def drop(self, registration: Registration) -> None:
        """The registration is gone."""
        if self._read().pop(_queue(registration), None):
            self._closed.add(_queue(registration))

    async def write(self) -> None:
        """Write out what changed."""
        changed, closed = self._changed, tuple(self._closed)
        self._changed, self._closed = set(), set()
        known = self._read()
        tallies = {queue: msgspec.msgpack.encode(known[queue]) for queue in changed if queue in known}
        if tallies or closed:
            post = Post(tallies=tallies, closed=closed)
            await self._hub.commit(Commit(READER, (), "calls of sources counted", post=post))

    async def run(self) -> None:
        """Write out until cancelled."""
        if self._hub.shared:
            self._known = None  # Another process may have counted meanwhile.
        while True:
            await asyncio.sleep(_EVERY_S)
            await self.write()

    def _read(self) -> dict[str, Tally]:
        if self._known is None:
            kept = self._hub.outbox().tallies
            self._known = {
                queue: msgspec.msgpack.decode(body, type=Tally)
                for queue, body in kept.items()
                if queue.startswith(_QUEUE)
            }
        return self._known


def _queue(registration: Registration) -> str:
    """The name under which a registration's tally is kept; a new registration of an old id begins anew."""
    return f"{_QUEUE}{registration.tenant} {registration.id} {registration.made}"
