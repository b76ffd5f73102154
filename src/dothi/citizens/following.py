"""What this module does by itself: finds problems above reports, follows their tasks, keeps measures and ranks."""

import asyncio

from dothi.citizens.model import OWNER, PROBLEM_TYPE, TYPE
from dothi.citizens.needs import SYSTEM, Citizens
from dothi.citizens.problems.register import write_ranks
from dothi.citizens.problems.suggesting import mended, noticed, task_changed
from dothi.citizens.services.measures import write_measures, write_views
from dothi.ground.errors import Conflict, Missing
from dothi.hub.model import ABSENT, Change, Commit, Logged, LoggedCommit, Op

CONSUMER = "citizens"
HEARD = frozenset({TYPE, PROBLEM_TYPE, "Task"})
MEASURES_EVERY_S = 20.0
CURSOR_EVERY = 500  # Commits read without an effect before the position is stored.
TRIES = 5  # A person may be deciding at the same moment.


async def run(citizens: Citizens) -> None:
    """Follow the feed and keep measures and ranks until cancelled. To be run by one process, the leader."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_follow(citizens))
        group.create_task(_measure(citizens))


async def _follow(citizens: Citizens) -> None:
    stored = citizens.hub.cursor(CONSUMER)
    async for logged in citizens.hub.follow(stored, lambda types: not HEARD.isdisjoint(types), whole=False):
        if await react(citizens, logged):
            stored = logged.seq
        elif logged.seq - stored >= CURSOR_EVERY:
            await citizens.hub.commit(Commit(SYSTEM, (), "read so far", cursor=(CONSUMER, logged.seq)))
            stored = logged.seq


async def _measure(citizens: Citizens) -> None:
    while True:
        await write_measures(citizens)
        await write_views(citizens)
        await write_ranks(citizens)
        await asyncio.sleep(MEASURES_EVERY_S)


async def react(citizens: Citizens, logged: LoggedCommit) -> bool:
    """Do what one commit asks for, entry by entry; whether anything was written (with the cursor)."""
    written = False
    for entry in logged.entries:
        # Before its last entry a commit is not done with: read again, what was done already changes nothing.
        done = logged.seq if entry is logged.entries[-1] else logged.seq - 1
        written |= await _heed(citizens, entry, logged.at, done)
    return written


async def _heed(citizens: Citizens, entry: Logged, at: int, cursor: int) -> bool:
    for attempt in range(TRIES):
        changes = _asked(citizens, entry, at)
        if not changes:
            return False
        expect = {change.id: _version(citizens, change) for change in changes}
        commit = Commit(
            SYSTEM, tuple(changes), "reports of one problem", expect, cursor=(CONSUMER, cursor), owner=OWNER
        )
        try:
            await citizens.hub.commit(commit)
        except Conflict:
            if attempt + 1 == TRIES:
                raise
            continue
        return True
    return False


def _asked(citizens: Citizens, entry: Logged, at: int) -> list[Change]:
    """What follows from a report that was filed, a problem or a task that changed."""
    if TYPE in entry.types and entry.status == "created":
        return noticed(citizens, entry.id)
    if PROBLEM_TYPE in entry.types and entry.status == "updated":
        return mended(citizens, entry.id, at)
    return _task(citizens, entry.id, at) if "Task" in entry.types else []


def _task(citizens: Citizens, entity_id: str, at: int) -> list[Change]:
    try:
        return task_changed(citizens, citizens.hub.get(SYSTEM, entity_id), at)
    except Missing:
        return []


def _version(citizens: Citizens, change: Change) -> int:
    if change.op is Op.CREATE:
        return ABSENT
    return citizens.hub.get(SYSTEM, change.id).version
