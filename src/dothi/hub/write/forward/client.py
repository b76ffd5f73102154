"""The writer as a worker sees it: commits go to the process that writes, and survive its death in between.

A commit that was on its way when the writer died is sent to the next one under the same name, so that it is written
once. Who waits longer than the patience is told to come back.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dothi.ground.errors import Conflict, Unavailable
from dothi.hub.model import Commit, Receipt
from dothi.hub.store.port import Store, Written
from dothi.hub.write.forward.sockets import connected
from dothi.hub.write.forward.wire import Asked, frame, receive, told

log = logging.getLogger("dothi.hub")
PATIENCE_S = 10.0  # For a writer that is started again.
_PLACES = 256  # Commits on their way at once; more wait for a place.
_AGAIN_S = 0.05


@dataclass(slots=True)
class _Waiting:
    asked: Asked
    done: asyncio.Future[Receipt]
    sent: bool = False


class Forwarder:
    """Hands commits to the writing process; used from one event loop."""

    heeded = False  # What stood before a change is known where it is made.

    def __init__(self, path: Path, worker: str, patience: float = PATIENCE_S) -> None:
        """Nothing is connected yet. `worker` is a name that no other process of this hub has at the same time."""
        self._path = path
        self._worker = worker
        self._patience = patience
        self._number = 0
        self._waiting: dict[int, _Waiting] = {}  # In the order of their coming.
        self._free = list(range(_PLACES))
        self._places = asyncio.Semaphore(_PLACES)
        self._line: asyncio.Task[None] | None = None
        self._stream: asyncio.StreamWriter | None = None

    async def submit(self, commit: Commit) -> Receipt:
        """Wait for the receipt. Raises what the commit was refused for; Unavailable when no writer answers."""
        try:
            async with asyncio.timeout(self._patience):
                async with self._places:
                    place = self._free.pop()
                    try:
                        return await self._hand(commit, f"~{self._worker}:{place}")
                    finally:
                        self._free.append(place)
        except TimeoutError:
            raise Unavailable(
                "The writing process does not answer. Whether this was written is not known: send it again, "
                "with the same Idempotency-Key where it has one.",
                retry_after=1,
            ) from None

    async def chore(self, work: Callable[[Store], Written | None]) -> None:
        """What the hub's own rooms do is done by the writing process only: Conflict."""
        raise Conflict("This is done by the process that writes: ask it, not one of its workers.")

    def learn(self, fades: Mapping[tuple[int, str], int]) -> None:
        """The writing process knows it from its own commits."""

    async def close(self) -> None:
        """Hang up."""
        if self._line is not None:
            self._line.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._line
            self._line = None

    async def _hand(self, commit: Commit, place: str) -> Receipt:
        self._number += 1
        number = self._number
        asked = Asked(number, place, secrets.token_hex(8), False, commit)
        waiting = self._waiting[number] = _Waiting(asked, asyncio.get_running_loop().create_future())
        try:
            if self._line is None or self._line.done():
                self._line = asyncio.create_task(self._keep_line())
            if self._stream is not None:
                self._send(waiting, self._stream)
            return await waiting.done
        finally:
            del self._waiting[number]

    def _send(self, waiting: _Waiting, stream: asyncio.StreamWriter) -> None:
        one = waiting.asked
        again = Asked(one.number, one.place, one.nonce, waiting.sent, one.commit)
        try:
            body = frame(again)
        except Exception as refused:  # What cannot be said is refused like anything else that is wrong with it.
            waiting.done.set_exception(refused)
            return
        waiting.sent = True
        stream.write(body)

    async def _keep_line(self) -> None:
        """Stay connected until cancelled; whatever still waits goes to each new writer again."""
        while True:
            try:
                reader, stream = await asyncio.open_unix_connection(sock=connected(self._path))
            except OSError:
                await asyncio.sleep(_AGAIN_S)
                continue
            try:
                for waiting in tuple(self._waiting.values()):
                    self._send(waiting, stream)
                self._stream = stream
                await self._listen(reader)
            finally:
                self._stream = None
                stream.close()
            log.warning("The writing process is gone; %d commits wait for the next one", len(self._waiting))

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while (body := await receive(reader)) is not None:
            answer = told(body)
            waiting = self._waiting.get(answer.number)
            if waiting is None or waiting.done.done():
                continue  # Who asked has gone.
            if answer.receipt is not None:
                waiting.done.set_result(answer.receipt)
            else:
                waiting.done.set_exception(answer.error or Unavailable("The writing process gave no answer."))
