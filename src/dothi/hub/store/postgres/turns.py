"""The writer's turn in PostgreSQL: a lock, the position under it, one commit, and the truth about a commit cut off."""

import asyncio
import itertools

import asyncpg

from dothi.ground.errors import Unavailable
from dothi.hub.store.port import Position
from dothi.hub.store.postgres.address import is_lost, unavailable
from dothi.hub.store.postgres.line import Line
from dothi.hub.store.postgres.tables.schema import TURN
from dothi.hub.store.postgres.writing import Flush, write

_NOWHERE = Position(-1, -1, -1)
_RESOLVE_S = 30.0  # How long the fate of a commit that was cut off is asked for.
_AGAIN_S = 0.2
_NEVER_S = 1e6


class Unknown(Unavailable):
    """Whether something was written could not be found out."""


class Turns:
    """The turns of one process, on connections of their own; used on the line's thread."""

    def __init__(self, line: Line, name: str, placed: bool) -> None:
        """`name` is the row in `writer` that says which flush of this process came last; `placed`: there is PostGIS."""
        self._placed = placed
        self._line = line
        self._name = name
        self._spare: list[asyncpg.Connection] = []
        self._position = _NOWHERE
        self._marks = itertools.count(1)
        self.patience = _RESOLVE_S + 4 * line.address.patience

    async def begin(self) -> tuple[asyncpg.Connection, Position, bool]:
        """A turn's connection, where the log stands, and whether others have written since this process did."""
        while True:
            connection = self._spare.pop() if self._spare else None
            fresh = connection is None
            if connection is None:
                connection = await self._line.connect()
            try:
                return connection, *await self._stands(connection)
            except BaseException as fault:
                connection.terminate()
                if fresh or isinstance(fault, TimeoutError) or not is_lost(fault):
                    raise

    async def _stands(self, connection: asyncpg.Connection) -> tuple[Position, bool]:
        """Take the lock, then look: one round trip while nobody else writes."""
        known = self._position
        asked = f"SELECT FROM position WHERE seq = {known.seq:d} AND eid = {known.eid:d} AND at = {known.at:d}"
        if await connection.execute(f"BEGIN; SELECT {TURN}; {asked}") == "SELECT 1":
            return known, False
        row = await connection.fetchrow("SELECT seq, eid, at FROM position")
        assert row is not None
        self._position = Position(*row)
        return self._position, True

    async def leave(self, connection: asyncpg.Connection) -> None:
        """End a turn in which nothing was written."""
        try:
            await connection.execute("ROLLBACK")
            self._spare.append(connection)
        except BaseException as fault:
            connection.terminate()
            if not is_lost(fault):
                raise

    async def flush(self, connection: asyncpg.Connection, flush: Flush, kinds: set[tuple[int, int]]) -> None:
        """Write and commit. Unavailable when it is lost and nothing was kept, Unknown when that is not known."""
        mark = next(self._marks)
        try:
            await write(connection, flush, kinds, (mark, self._name), self._placed)
        except BaseException as fault:
            await self._undo(connection, fault)
            raise
        try:
            await _commit(connection, self._line.address.patience)
            self._spare.append(connection)
        except Exception as fault:
            connection.terminate()
            if not is_lost(fault):
                raise
            await self._resolve(mark, fault)
        self._position = flush.position

    async def _undo(self, connection: asyncpg.Connection, fault: BaseException) -> None:
        if is_lost(fault) or isinstance(fault, asyncio.CancelledError):
            connection.terminate()  # Its transaction ends with it.
        else:
            await self.leave(connection)

    async def _resolve(self, mark: int, fault: Exception) -> None:
        """Find out whether the commit with this mark, whose answer was lost, was written; return when it was."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _RESOLVE_S
        while loop.time() < until:
            found = await self._last_mark()
            if found == mark:
                return
            if found is not None:
                raise unavailable(self._line.address, fault) from fault
            await asyncio.sleep(_AGAIN_S)
        raise Unknown(
            f"The database at {self._line.address.where} was lost while it was writing and did not come back: "
            "whether this was kept is not known. Look before you send it again, or send it with an Idempotency-Key."
        ) from fault

    async def _last_mark(self) -> int | None:
        """The mark of the last flush that was kept; None when nobody can tell now.

        It is asked under the writers' lock, so that the commit in question has ended, and within a commit: where a
        standby confirms commits, it has then what was read.
        """
        connection = None
        try:
            connection = await self._line.connect()
            await connection.execute(f"BEGIN; SELECT {TURN}")
            found: int | None = await connection.fetchval(
                "UPDATE writer SET at = now() WHERE name = $1 RETURNING mark", self._name
            )
            await _commit(connection, self._line.address.patience)
        except Exception as fault:
            if connection is not None:
                connection.terminate()
            if not is_lost(fault):
                raise
            return None
        self._spare.append(connection)
        return -1 if found is None else found


async def _commit(connection: asyncpg.Connection, patience: float) -> None:
    """COMMIT; TimeoutError when no answer comes.

    It is never cancelled: a server that waits for its standby would answer a cancelled COMMIT as if it had waited.
    """
    commit = asyncio.ensure_future(connection.execute("COMMIT", timeout=_NEVER_S))
    done, _ = await asyncio.wait({commit}, timeout=patience)
    if not done:
        connection.terminate()
        await asyncio.wait({commit})
        commit.exception()
        raise TimeoutError("no answer to a commit")
    commit.result()
