"""The way of letters to their receivers: a lane for each, in order, tried again, given up in the end.

What is on its way lives in memory; a checkpoint writes what is not delivered yet, together with the position up to
which the log was looked at. Until then the log itself is the outbox: after a crash it is read again from there, and
letters come twice rather than not at all, under the same id (decision 0151).
"""

import asyncio
import contextlib
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from dothi.ground.clock import SECOND, now_us
from dothi.hub.core import Hub
from dothi.hub.model import Commit, Parcel, Post, system
from dothi.hub.peers.notify.delivery.sending import NotTaken
from dothi.hub.peers.notify.model import Patience, Recipient, Tally

log = logging.getLogger("dothi.hub.notify")
CONSUMER = "notify"
_ACTOR = system("hub")
_PAGE = 100
Deliver = Callable[[Recipient, bytes], Awaitable[None]]


@dataclass(slots=True)
class Letter:
    """One notification on its way."""

    number: int
    made: int  # µs
    body: bytes
    tries: int = 0
    reason: str = ""
    stored: bool = False
    fleeting: bool = False  # The clock makes the next one anyway: not kept, not tried again.


@dataclass(slots=True)
class Lane:
    """The letters to one receiver, oldest first."""

    queue: str
    recipient: Recipient | None = None
    waiting: deque[Letter] = field(default_factory=deque)
    behind: int = 0  # Further letters that wait in the store only.
    dead: int = 0
    ready_at: int = 0  # µs; nothing is sent before.
    failing: int = 0  # Tries that failed one after the other.
    tally: Tally = field(default_factory=Tally)
    task: asyncio.Task[None] | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class Lanes:
    """Every lane of a hub, and what of them is not on disk yet."""

    def __init__(self, hub: Hub, deliver: Deliver, patience: Patience, kinds: tuple[str, ...]) -> None:
        """Take up what waits in the store; nothing is sent before a receiver is known (`know`).

        `kinds` are what the names of its queues begin with; other queues of the outbox are somebody else's.
        """
        self._hub = hub
        self._deliver = deliver
        self._patience = patience
        self._kinds = kinds
        self.recall()
        self._slots = asyncio.Semaphore(patience.sending)
        self._slow_slots = asyncio.Semaphore(patience.failing)
        self._writing = asyncio.Lock()

    def recall(self) -> None:
        """Stand where the store says: another process may have looked after the lanes meanwhile."""
        outbox = self._hub.outbox()
        self._number = outbox.last
        self._lanes: dict[str, Lane] = {}
        for queue, body in outbox.tallies.items():
            if queue.partition(" ")[0] in self._kinds:
                self._lane(queue).tally = msgspec.json.decode(body, type=Tally)
        for queue, (waiting, dead) in outbox.counts.items():
            if queue.partition(" ")[0] in self._kinds:
                lane = self._lane(queue)
                lane.behind, lane.dead = waiting, dead
        self._fresh: dict[int, tuple[Lane, Letter]] = {}  # To be written at the next checkpoint.
        self._buried: list[Parcel] = []
        self._gone: list[int] = []
        self._closed: list[str] = []
        self._counted: set[str] = set()

    def know(self, recipient: Recipient) -> None:
        """A receiver is there, or changed: what waits for it goes on."""
        lane = self._lane(recipient.queue)
        lane.recipient = recipient
        if lane.failing:
            lane.ready_at = min(lane.ready_at, now_us())  # Perhaps it is somewhere else now.
        self._kick(lane)

    def forget(self, queue: str) -> None:
        """A receiver is no more: nothing of what waits for it is sent or kept."""
        lane = self._lanes.pop(queue, None)
        if lane is None:
            return
        if lane.task is not None:
            lane.task.cancel()
        for letter in lane.waiting:
            self._fresh.pop(letter.number, None)
        self._fresh = {number: pair for number, pair in self._fresh.items() if pair[0] is not lane}
        self._closed.append(queue)

    def forget_strangers(self, kind: str, known: Iterable[str]) -> None:
        """Let go of the lanes of a kind whose receivers went while nobody looked."""
        for queue in self._lanes.keys() - set(known):
            if queue.partition(" ")[0] == kind:
                self.forget(queue)

    def put(self, queue: str, body: bytes, made: int, fleeting: bool = False) -> None:
        """Put a letter at the end of a lane. A lane that is full gives the letter up at once: it may be sent again."""
        lane = self._lane(queue)
        self._number += 1
        letter = Letter(self._number, made, body, fleeting=fleeting)
        if fleeting:
            if not any(one.fleeting for one in lane.waiting):  # Who is behind gets the newest only, once it answers.
                lane.waiting.append(letter)
        elif len(lane.waiting) + lane.behind >= self._patience.waiting:
            self._bury(lane, letter, f"{self._patience.waiting} letters wait already")
        else:
            self._fresh[letter.number] = (lane, letter)
            if lane.behind or len(lane.waiting) >= self._patience.at_hand:
                lane.behind += 1
            else:
                lane.waiting.append(letter)
        self._kick(lane)

    def tally(self, queue: str) -> Tally:
        """How a lane is doing."""
        lane = self._lanes.get(queue)
        return lane.tally if lane is not None else Tally()

    def counts(self) -> dict[str, tuple[int, int]]:
        """Queue → (letters that wait, letters given up)."""
        return {queue: (len(lane.waiting) + lane.behind, lane.dead) for queue, lane in self._lanes.items()}

    async def replay(self, queue: str, numbers: frozenset[int] | None = None) -> int:
        """Send letters that were given up once more (all, or those named); returns how many."""
        await self.checkpoint(None)
        lane, again = self._lane(queue), 0
        for parcel in self._dead(queue):
            if numbers is None or parcel.number in numbers:
                self._number += 1
                letter = Letter(self._number, now_us(), parcel.body)
                self._fresh[letter.number] = (lane, letter)
                self._gone.append(parcel.number)
                lane.behind += 1
                again += 1
        lane.dead -= again
        await self.checkpoint(None)
        self._kick(lane)
        return again

    async def bury_for_good(self, queue: str) -> int:
        """Forget the letters of a lane that were given up; returns how many."""
        await self.checkpoint(None)
        numbers = [parcel.number for parcel in self._dead(queue)]
        self._gone.extend(numbers)
        self._lane(queue).dead -= len(numbers)
        await self.checkpoint(None)
        return len(numbers)

    def _dead(self, queue: str) -> list[Parcel]:
        return self._hub.parcels(queue, dead=True, limit=self._patience.dead)

    async def checkpoint(self, seen: int | None) -> None:
        """Write what changed since the last one, and the position `seen` of the log: all that it caused is kept."""
        async with self._writing:
            fresh, self._fresh = self._fresh, {}
            buried, self._buried = self._buried, []
            gone, self._gone = self._gone, []
            closed, self._closed = self._closed, []
            counted, self._counted = self._counted, set()
            kept = [_parcel(lane.queue, letter) for lane, letter in fresh.values()]
            for _, letter in fresh.values():
                letter.stored = True  # Whoever delivers it from now on has to take it away again.
            tallies = {
                queue: msgspec.json.encode(self._lanes[queue].tally) for queue in counted if queue in self._lanes
            }
            if seen is None and not (kept or buried or gone or closed or tallies):
                return
            post = Post((*kept, *buried), tuple(gone), tuple(closed), tallies)
            cursor = None if seen is None else (CONSUMER, seen)
            try:
                await self._hub.commit(Commit(_ACTOR, (), reason="notifications", cursor=cursor, post=post))
            except BaseException:
                self._fresh = {**fresh, **self._fresh}
                self._buried, self._gone = [*buried, *self._buried], [*gone, *self._gone]
                self._closed, self._counted = [*closed, *self._closed], counted | self._counted
                raise

    @property
    def changed(self) -> bool:
        """Whether a checkpoint has something to write."""
        return bool(self._fresh or self._buried or self._gone or self._closed or self._counted)

    async def close(self) -> None:
        """Stop sending; what is on its way counts as not delivered and is written."""
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _lane(self, queue: str) -> Lane:
        lane = self._lanes.get(queue)
        if lane is None:
            lane = self._lanes[queue] = Lane(queue)
        return lane

    def _kick(self, lane: Lane) -> None:
        """Have a lane looked after, if there is anything to do."""
        lane.wake.set()
        if lane.task is None and lane.recipient is not None and (lane.waiting or lane.behind):
            lane.task = asyncio.get_running_loop().create_task(self._run(lane))

    async def _run(self, lane: Lane) -> None:
        try:
            await self._work(lane)
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("The lane %s failed; it goes on with the next letter or change", lane.queue)
        finally:
            lane.task = None

    async def _work(self, lane: Lane) -> None:
        """Send what waits, as fast as the receiver takes it."""
        while lane.waiting or lane.behind:
            if not lane.waiting:
                await self._reload(lane)
                continue
            recipient, now = lane.recipient, now_us()
            status = recipient.status(now) if recipient is not None else "paused"
            if recipient is None or status == "paused":
                return  # `know` wakes it again.
            if status == "expired":
                self._bury(lane, lane.waiting.popleft(), "the subscription expired")
            elif lane.ready_at > now:
                await _sleep(lane, lane.ready_at - now)
            else:
                await self._try(lane, recipient, self._next(lane, recipient))

    async def _try(self, lane: Lane, recipient: Recipient, letter: Letter) -> None:
        slots = self._slow_slots if lane.failing else self._slots
        async with slots:
            tally = lane.tally
            tally.sent, tally.last_sent = tally.sent + (letter.tries == 0), now_us()
            self._counted.add(lane.queue)
            letter.tries += 1
            try:
                await self._deliver(recipient, letter.body)
            except NotTaken as failed:
                self._failed(lane, recipient, letter, failed)
                return
            except Exception as broken:
                log.exception("A letter to %s could not be sent", recipient.endpoint.uri)
                self._failed(lane, recipient, letter, NotTaken(f"It could not be sent: {type(broken).__name__}."))
                return
        self._counted.add(lane.queue)  # Again: a checkpoint may have come between.
        lane.failing, tally.last_ok = 0, now_us()
        lane.ready_at = tally.last_sent + recipient.throttling
        self._done(lane, letter)

    def _failed(self, lane: Lane, recipient: Recipient, letter: Letter, failed: NotTaken) -> None:
        """Count a failure, and decide when to try again or whether to give up."""
        now, patience = now_us(), self._patience
        self._counted.add(lane.queue)
        lane.failing += 1
        lane.tally.failed, lane.tally.last_failed = lane.tally.failed + (not letter.reason), now
        letter.reason = failed.detail
        pause = min(patience.first << min(lane.failing - 1, 20), patience.most)
        pause = int(pause * random.uniform(0.8, 1.2))  # noqa: S311  So that not all come back at once.
        lane.ready_at = now + max(pause, recipient.endpoint.cooldown, recipient.throttling)
        if letter.fleeting:
            self._done(lane, letter)
        elif now - letter.made > patience.age or (failed.final and letter.tries >= patience.refusals):
            lane.waiting.remove(letter)
            self._bury(lane, letter, failed.detail)
        else:
            self._fresh[letter.number] = (lane, letter)

    def _done(self, lane: Lane, letter: Letter) -> None:
        with contextlib.suppress(ValueError):
            lane.waiting.remove(letter)
        self._fresh.pop(letter.number, None)
        if letter.stored:
            self._gone.append(letter.number)

    def _bury(self, lane: Lane, letter: Letter, reason: str) -> None:
        """Give a letter up; it is kept among the dead ones, of which the oldest go when there are too many."""
        self._fresh.pop(letter.number, None)
        if letter.fleeting:
            return
        lane.dead += 1
        letter.reason = reason
        parcel = _parcel(lane.queue, letter)
        self._buried.append(msgspec.structs.replace(parcel, dead=now_us()))
        if lane.dead > self._patience.dead:
            oldest = self._hub.parcels(lane.queue, dead=True, limit=lane.dead - self._patience.dead)
            self._gone.extend(one.number for one in oldest)
            lane.dead -= len(oldest)
            log.warning("%s: %d letters that were given up are forgotten for good", lane.queue, len(oldest))

    def _next(self, lane: Lane, recipient: Recipient) -> Letter:
        """The letter to send now: the oldest, or all that wait in one where there must be a pause after each."""
        if not recipient.throttling or len(lane.waiting) < 2:
            return lane.waiting[0]
        joined = [one for one in lane.waiting if not one.fleeting]
        if len(joined) < 2:
            return lane.waiting[0]
        last = joined[-1]
        last.body = merged([one.body for one in joined])
        last.made = joined[0].made
        for one in joined[:-1]:
            self._done(lane, one)
        self._fresh[last.number] = (lane, last)
        return last

    async def _reload(self, lane: Lane) -> None:
        """Bring the next letters of a lane from the store to hand."""
        await self.checkpoint(None)
        after = 0
        found: list[Parcel] = []
        while len(found) < _PAGE:
            page = self._hub.parcels(lane.queue, after=after, limit=_PAGE)
            found.extend(one for one in page if one.number not in self._gone)
            if len(page) < _PAGE:
                break
            after = page[-1].number
        found = found[:_PAGE]
        lane.behind = max(0, lane.behind - len(found)) if found else 0
        for parcel in found:
            lane.waiting.append(
                Letter(parcel.number, parcel.made, parcel.body, parcel.tries, parcel.reason, stored=True)
            )


async def _sleep(lane: Lane, pause: int) -> None:
    """Wait so long (µs), or until something about the lane changes."""
    lane.wake.clear()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(pause / SECOND):
            await lane.wake.wait()


def merged(bodies: list[bytes]) -> bytes:
    """Several notifications as one: each entity once, as the latest says; id and time of the latest."""
    decoded: list[dict[str, Any]] = [msgspec.json.decode(body) for body in bodies]
    last = decoded[-1]
    together: dict[str, Any] = {}
    for one in decoded:
        data = one["data"]
        for document in data["features"] if isinstance(data, dict) else data:
            together.pop(document.get("id", ""), None)
            together[document.get("id", "")] = document
    listed = list(together.values())
    last["data"] = {**last["data"], "features": listed} if isinstance(last["data"], dict) else listed
    return msgspec.json.encode(last)


def _parcel(queue: str, letter: Letter) -> Parcel:
    return Parcel(letter.number, queue, letter.made, letter.tries, 0, letter.reason, letter.body)
