"""How far this process has come in the log, and who is told as it goes on: indexes, watchers, followers of the feed.

Its own writer tells of each flush; what other processes commit is read from the log. Both ways hold one lock and go
one way, so that nobody hears of a commit twice, or of a later one first.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple

from dothi.ground.errors import Unavailable
from dothi.hub.model import LoggedCommit
from dothi.hub.read.follow.effects import effects
from dothi.hub.read.follow.feed import Feed, Wanted
from dothi.hub.read.follow.moved import Moved, moved
from dothi.hub.read.follow.position import SharedPosition
from dothi.hub.store.port import Store
from dothi.hub.write.commit import Effect

Watcher = Callable[[list[Effect], int], None]  # Effects of one flush and its last sequence.
Act = Callable[[str], None]
PATIENCE_S = 5.0  # For a position that somebody else has reached.
_LOOK_S = 0.02
_FEED_PAGE = 32  # Commits read at a time by a follower.


class _Minded(NamedTuple):
    types: frozenset[str]
    act: Act
    loop: asyncio.AbstractEventLoop

    async def call(self, tenants: Iterable[str]) -> None:
        for tenant in tenants:
            self.act(tenant)


class Following:
    """The position of one process. `flushed` and `catch_up` are called from any thread, the rest from event loops."""

    def __init__(
        self,
        store: Store,
        shared: SharedPosition,
        flushed: Callable[[list[Effect]], None],
        others: Callable[[Moved], None],
    ) -> None:
        """Begin where the log stands. `flushed` hears what this process wrote, `others` what others did: indexes."""
        self._store = store
        self._shared = shared
        self._flushed = flushed
        self._others = others
        self._feed = Feed(store)
        self._lock = threading.RLock()
        self._watchers: tuple[Watcher, ...] = ()
        self._minded: tuple[_Minded, ...] = ()
        self._waiters: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._chase: asyncio.Future[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="dothi-following")
        self.position = store.last()[0]

    def watch(self, watcher: Watcher) -> None:
        """Have `watcher` told of the effects of commits, in their order, in whichever thread they become known."""
        self._watchers = (*self._watchers, watcher)

    def unwatch(self, watcher: Watcher) -> None:
        """Tell `watcher` no more."""
        self._watchers = tuple(one for one in self._watchers if one is not watcher)

    def mind(self, types: Iterable[str], act: Act) -> None:
        """Have `act(tenant)` called in this event loop when others changed entities of some types.

        It is done before anybody is told that this process has come so far, so that what rests on them is never old.
        """
        self._minded = (*self._minded, _Minded(frozenset(types), act, asyncio.get_running_loop()))

    def flushed(self, told: list[Effect], seq: int) -> None:
        """This process has written up to `seq`; what it did not know before that was caught up with already."""
        with self._lock:
            if seq > self.position:  # Else it was quicker to be read from the log than to be told of.
                self._flushed(told)
                self.position = seq
                for watcher in self._watchers:
                    watcher(told, seq)
            elif not told:
                for watcher in self._watchers:
                    watcher(told, self.position)
        self._shared.advance(seq)
        self._ring()

    def catch_up(self, until: int) -> None:
        """Follow what other processes committed up to `until`; nothing to do when it is known already."""
        if self.position >= until:
            return
        with self._lock:
            for some in moved(self._store, self.position, until):
                self._others(some)
                self._remind(some)
                watchers, before = self._watchers, self.position
                told = [effect for _, effect in effects(self._store, before, some.until)] if watchers else []
                self.position = some.until
                for watcher in watchers:
                    watcher(told, some.until)
        self._ring()

    def _remind(self, some: Moved) -> None:
        for one in self._minded:
            found = {tid for tid, kind in some.kinds if not one.types.isdisjoint(self._store.types_of(kind))}
            if found and not one.loop.is_closed():
                done = asyncio.run_coroutine_threadsafe(one.call(map(self._store.tenant_name, sorted(found))), one.loop)
                with suppress(TimeoutError):  # A loop that is busy for so long is told nevertheless, only later.
                    done.result(PATIENCE_S)

    def look(self) -> None:
        """Follow as far as the log stands; called in a thread when others may have written."""
        self.catch_up(self._store.last()[0])

    @property
    def newest(self) -> int:
        """The sequence of the newest commit that any process of this machine has acknowledged: a look into memory."""
        return max(self._shared.value, self.position)

    async def keep_up(self) -> None:
        """Follow what others write though nobody asks, for the followers of the feed; until cancelled."""
        while True:
            if self.newest > self.position:
                with suppress(Unavailable):
                    await self.reach(self.newest)
            await asyncio.sleep(_LOOK_S)

    async def reach(self, seq: int, patience: float = PATIENCE_S) -> None:
        """Wait until everything up to `seq` is followed here; Unavailable when it takes too long.

        Those who wait together read the log once, in a thread: a burst of others' writes does not hold the loop.
        """
        if self.position >= seq:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self.position < seq:
                    if self._chase is None or self._chase.done():
                        loop = asyncio.get_running_loop()
                        self._chase = loop.run_in_executor(self._thread, self.look)
                    await asyncio.shield(self._chase)
                    if self.position < seq:
                        await asyncio.sleep(0.01)  # It is not there yet: another machine, or a copy that lags.
        if self.position < seq:
            raise Unavailable("This process has not read yet what you wrote elsewhere: ask again.", retry_after=1)

    async def follow(self, after: int, wanted: Wanted | None, whole: bool) -> AsyncIterator[LoggedCommit]:
        """The change feed; see Hub.follow."""
        bell = asyncio.Event()
        waiter = (asyncio.get_running_loop(), bell)
        self._waiters.add(waiter)
        try:
            while True:
                bell.clear()
                for logged in self._feed.commits(after, self.position, _FEED_PAGE, wanted, whole):
                    yield logged
                    after = logged.seq
                if after >= self.position:
                    await bell.wait()
                else:
                    await asyncio.sleep(0)  # Who catches up lets the others have their turn.
        finally:
            self._waiters.discard(waiter)

    def close(self) -> None:
        """Follow no more."""
        self._thread.shutdown(wait=True)
        self._shared.close()

    def _ring(self) -> None:
        for loop, bell in tuple(self._waiters):
            if not loop.is_closed():
                loop.call_soon_threadsafe(bell.set)
