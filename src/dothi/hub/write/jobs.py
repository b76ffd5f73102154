"""What waits for the writer's thread: commits, and chores of the hub's own rooms; and how each is answered."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from dothi.hub.model import Commit, Receipt
from dothi.hub.store.port import Store, Written


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
