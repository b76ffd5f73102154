"""A restored city taken on to a moment between two backups: the log of the later one replayed over the earlier one.

Entities come from the log; cursors and timers from what moved with each commit; receipts from the later backup, up to
that moment. So a consumer finds itself where it was, and a repeat of a request finds the answer of the first.
"""

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from dothi.command.keeping.snapshot import HUB
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import LoggedCommit
from dothi.hub.store.opening import open_store
from dothi.hub.store.port import Store
from dothi.hub.write import moves, receipts
from dothi.hub.write.restore import restore_events, roll_forward

_STEP = 1000


def roll_to(data: Path, later: Path, at: int, anew: bool = False) -> int:
    """Replay what `later` knows until `at` (µs) over the city in `data`; returns how many commits. Both are at rest.

    With `anew` the store in `data` is made again from the log alone, since no older backup is kept.
    """
    if anew:
        for name in (HUB, f"{HUB}-wal", f"{HUB}-shm"):
            (data / name).unlink(missing_ok=True)
        shutil.rmtree(data / "hub/archive", ignore_errors=True)  # All of the log that counts is hot again.
    store = open_store(data / "hub")
    try:
        with store.turn() as stands:
            begins = (stands.seq, stands.at)
        return asyncio.run(_roll(store, later, begins, at))
    finally:
        store.close()


async def _roll(store: Store, later: Path, begins: tuple[int, int], at: int) -> int:
    hub = Hub(later / "hub", Open())
    try:
        until = _last_until(hub, begins[0], at)
        found: dict[int, moves.Moves] = {}

        def look(other: Store) -> None:
            found.update(moves.moves(other, begins[0], until))

        await hub.chore(look)
        count = roll_forward(store, _commits(hub, begins[0], until), found, _receipts(later, begins[0], until))
        restore_events(store, (one for one in hub.dump_events() if begins[1] < one[1].known <= at))
        return count
    finally:
        await hub.close()


def _last_until(hub: Hub, after: int, at: int) -> int:
    """The last commit at or before a moment."""
    last = after
    for one in _commits(hub, after, hub.last_seq()):
        if one.at > at:
            break
        last = one.seq
    return last


def _commits(hub: Hub, after: int, until: int) -> Iterator[LoggedCommit]:
    while after < until and (some := hub.log(after, min(_STEP, until - after))):
        yield from (one for one in some if one.seq <= until)
        after = some[-1].seq


def _receipts(later: Path, after: int, until: int) -> list[tuple[str, bytes]]:
    """The receipts that were kept for commits of a stretch."""
    with closing(sqlite3.connect(later / HUB)) as connection:
        rows = connection.execute("SELECT key, body FROM receipt").fetchall()
    return [(key, body) for key, body in rows if after < receipts.seq_of(body) <= until]
