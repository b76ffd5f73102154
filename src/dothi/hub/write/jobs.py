"""What waits for the writer's thread: commits and chores, in which order, and how each is answered.

There is a line for each caller, served in turn, so that nobody's flood is everybody's wait (decision 0212).
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from dothi.ground.errors import Unavailable
from dothi.hub.model import Actor, Commit, Receipt
from dothi.hub.store.port import Store, Written

_OWN = "the hub"
_TOO_MANY = "Too many writes are waiting. Send this one again in a second."


class Mark(NamedTuple):
    """The durable name of a commit without a key of its own that another process handed in (hub/write/forward/).

    A place is used again for the next commit of its worker, so that what is kept for marks does not grow.
    """

    place: str
    nonce: str
    again: bool  # It was handed to a writer that died: it may be written already.


class Writing(Protocol):
    """The port of writing: the thread of this process (commit.py), or a line to the process that writes (forward/)."""

    heeded: bool  # Whether somebody wants to know what stood before a change (Effect.before).

    async def submit(self, commit: Commit) -> Receipt:
        """Wait for the receipt. Raises what the commit was refused for."""

    async def chore(self, work: Callable[[Store], Written | None]) -> None:
        """Run `work` in a turn of its own, and write what it returns. Raises what it raised."""

    def learn(self, fades: Mapping[tuple[int, str], int]) -> None:
        """Other processes changed entities (tenant, id), of which something expires then (µs; 0: nothing does)."""

    async def close(self) -> None:
        """Write what waits, then end."""


class Job(NamedTuple):
    """A commit and who waits for its receipt."""

    commit: Commit
    done: asyncio.Future[Receipt]
    mark: Mark | None = None


class Chore(NamedTuple):
    """Work that writes without being a commit: sealing, proofs, erasing of content."""

    work: Callable[[Store], Written | None]
    done: asyncio.Future[None]


def line_of(actor: Actor) -> str:
    """In whose line an actor stands: the keys of a commune share one, a person or a system has one of its own."""
    return f"area:{','.join(sorted(actor.areas))}" if actor.areas and actor.id.startswith("key:") else actor.id


class Waiting:
    """Jobs by caller; any thread puts, the writer's thread takes."""

    def __init__(self, most: int) -> None:
        """At most `most` commits wait; beyond it the longest line gives way."""
        self._most = most
        self._size = 0
        self._lines: dict[str, deque[Job | Chore]] = {}  # In the order of their turns.
        self._closed = False
        self._bell = threading.Condition()

    def put(self, job: Job | Chore) -> None:
        """Stand in line. Unavailable when too many wait, and this caller's line is the longest."""
        name = line_of(job.commit.actor) if isinstance(job, Job) else _OWN
        pushed: Job | Chore | None = None
        with self._bell:
            line = self._lines.get(name)
            if self._size >= self._most and isinstance(job, Job):
                pushed = self._push_out(0 if line is None else len(line))
            if line is None:
                line = self._lines[name] = deque()
            line.append(job)
            self._size += 1
            self._bell.notify()
        if pushed is not None:
            answer([pushed], [Unavailable(_TOO_MANY)])

    def _push_out(self, own: int) -> Job | Chore:
        longest = max((name for name in self._lines if name != _OWN), key=lambda name: len(self._lines[name]))
        if len(self._lines[longest]) <= own + 1:
            raise Unavailable(_TOO_MANY)
        self._size -= 1
        return self._lines[longest].pop()  # Who came last: the order within a line stays.

    def close(self) -> None:
        """Nobody comes any more: take() ends when all are served."""
        with self._bell:
            self._closed = True
            self._bell.notify()

    def take(self, most: int) -> list[Job] | Chore | None:
        """Those whose turn it is, one of each line after the other; a chore alone. Waits; None when all is over."""
        with self._bell:
            while not self._lines:
                if self._closed:
                    return None
                self._bell.wait()
            jobs: list[Job] = []
            while self._lines and len(jobs) < most:
                name = next(iter(self._lines))
                if isinstance(self._lines[name][0], Chore) and jobs:
                    break
                job = self._next(name)
                if isinstance(job, Chore):
                    return job
                jobs.append(job)
            return jobs

    def _next(self, name: str) -> Job | Chore:
        line = self._lines.pop(name)
        job = line.popleft()
        if line:
            self._lines[name] = line  # Behind the others.
        self._size -= 1
        return job


def answer(jobs: Sequence[Job | Chore], outcomes: Sequence[Receipt | Exception | None]) -> None:
    """Hand the outcomes to their waiters, with one wake-up for each event loop."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Receipt | Exception | None]]] = {}
    for job, outcome in zip(jobs, outcomes, strict=True):
        loops.setdefault(job.done.get_loop(), []).append((job.done, outcome))
    for loop, answers in loops.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, answers)


def _settle(answers: Sequence[tuple[asyncio.Future[Any], Receipt | Exception | None]]) -> None:
    for done, outcome in answers:
        if done.cancelled():
            continue
        if isinstance(outcome, Exception):
            done.set_exception(outcome)
        else:
            done.set_result(outcome)
