"""What waits for the writer's thread: commits, and chores of the hub's own rooms; and how each is answered."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from dothi.hub.model import Commit, Receipt
from dothi.hub.store.port import Store, Written


class Job(NamedTuple):
    """A commit and who waits for its receipt."""

    commit: Commit
    done: asyncio.Future[Receipt]


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
