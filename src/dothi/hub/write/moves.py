"""What moved with a commit beside its entities: a consumer's cursor and timers, noted for rolling a backup forward.

The log tells what became of entities. That a consumer has acted on a commit stands in its cursor, which shows only
where it is now. So the last commits that moved something have a page each, by which a city can be taken to any moment
between two backups with its consumers exactly there: nothing is done twice, nothing is left out (decision 0207).
"""

from collections.abc import Iterator

import msgspec

from dothi.hub.model import Commit, Timer
from dothi.hub.store.port import Page, Store

BOOK = "moves"
KEPT = 1 << 16  # Commits whose moves are kept: those of hours in a large city; backups are minutes apart.
_READ = 1000


class Moves(msgspec.Struct, array_like=True, frozen=True):
    """What one commit moved."""

    seq: int
    cursor: tuple[str, int] | None
    timers: tuple[Timer, ...]


def moved_with(commit: Commit, seq: int) -> tuple[Page, ...]:
    """The page of a commit that moves a cursor or timers with its entities; none of another."""
    if commit.cursor is None and not commit.timers:
        return ()
    return (Page(BOOK, seq % KEPT, msgspec.msgpack.encode(Moves(seq, commit.cursor, commit.timers))),)


def moves(store: Store, after: int, until: int) -> dict[int, Moves]:
    """What the commits with after < seq <= until moved, by sequence."""
    found = (msgspec.msgpack.decode(body, type=Moves) for body in _bodies(store))
    return {one.seq: one for one in found if after < one.seq <= until}


def _bodies(store: Store) -> Iterator[bytes]:
    number = -1
    while some := store.pages(BOOK, number, _READ):
        yield from (body for _, body in some)
        number = some[-1][0]
