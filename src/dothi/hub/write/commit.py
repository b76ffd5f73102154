"""The write path: one thread takes waiting commits as a group, checks and applies each, flushes them together.

A failed guard rejects its own commit only; a failed flush rejects the group. Nothing is answered before it is on disk.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from dothi.ground.clock import now_us
from dothi.ground.errors import Conflict, DothiError, Missing, Unavailable
from dothi.hub.access import Guards, Policy
from dothi.hub.model import ABSENT, Change, Commit, Entity, Event, Op, Post, Receipt, Result, Timer
from dothi.hub.store import codec
from dothi.hub.store.codec import Entry
from dothi.hub.store.port import Head, LogRow, Page, Store, Written
from dothi.hub.write.apply import Outcome, apply
from dothi.hub.write.expiry import expiries, kept_fades
from dothi.hub.write.jobs import Chore, Job, Mark, Waiting, answer
from dothi.hub.write.moves import moved_with
from dothi.hub.write.past import PAST, expire, tell
from dothi.hub.write.receipts import kept, known_receipt, receipt_name
from dothi.hub.write.rows import entry_of, head_after, result_of, touched

_GROUP = 256  # Commits in one flush at most.
_WAITING = 4096  # Commits in the queue at most: beyond it the caller is told to come back.
_BLIND = {Op.CREATE, Op.PUT, Op.REPLACE, Op.DELETE}  # These need no attribute of what stood before.


class Effect(NamedTuple):
    """What the indexes must follow: one entity's head and state after a commit."""

    tid: int
    eid: int
    kind: int
    before_kind: int
    after: Entity | None
    before: Entity | None = None  # Without attributes where nobody asked the disk for them: see Writer.heeded.
    seq: int = 0
    at: int = 0
    touched: tuple[str, ...] | None = None  # Names of attributes written or dropped; None: all of them.


@dataclass(slots=True)
class _Pending:
    """The group being built: what its flush will write, and heads as they will stand."""

    stored: dict[tuple[int, str], Head] = field(default_factory=dict)  # As they stood on disk.
    heads: dict[tuple[int, str], Head] = field(default_factory=dict)
    log: list[LogRow] = field(default_factory=list)
    receipts: dict[str, bytes] = field(default_factory=dict)
    cursors: dict[str, int] = field(default_factory=dict)
    timers: dict[tuple[str, str], Timer] = field(default_factory=dict)
    effects: list[Effect] = field(default_factory=list)
    events: list[tuple[int, Event]] = field(default_factory=list)
    disposals: list[tuple[int, int, int]] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    fades: dict[tuple[int, str], int] = field(default_factory=dict)

    def asks(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.log or self.cursors or self.timers or self.events or self.disposals or self.posts)


@dataclass(slots=True)
class _Trial:
    """One commit while it is tried: nothing of it reaches the group before it has passed."""

    heads: dict[tuple[int, str], Head] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    fades: dict[tuple[int, str], int] = field(default_factory=dict)  # When those fade that do, 0 = no more.


class Writer:
    """The one writer of a store, a thread of its own."""

    def __init__(
        self,
        store: Store,
        policy: Policy,
        guards: Guards,
        follow: Callable[[list[Effect], int], None],
        catch_up: Callable[[int], None],
    ) -> None:
        """`follow` is called after each flush with its effects and last sequence, before anybody is answered.

        `catch_up` is called as a turn begins with where the log stands: others may have written since the last one.
        """
        self._store = store
        self._policy = policy
        self._guards = guards
        self._follow = follow
        self._catch_up = catch_up
        self.heeded = False  # Whether somebody wants to know what stood before a change (Effect.before).
        self._waiting = Waiting(_WAITING)
        self._seq, self._eid, self._at = 0, 0, 0  # Known anew in each turn.
        self._fades = kept_fades(store)
        self._thread = threading.Thread(target=self._run, name="dothi-writer", daemon=True)
        self._thread.start()

    async def submit(self, commit: Commit, mark: Mark | None = None) -> Receipt:
        """Wait for the receipt. Raises what the commit was refused for. `mark`: it came from another process."""
        done: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._waiting.put(Job(commit, done, mark))
        return await done

    async def chore(self, work: Callable[[Store], Written | None]) -> None:
        """Run `work` in a turn of its own, and write what it returns. Raises what it raised."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.put(Chore(work, done))
        await done

    def learn(self, fades: Mapping[tuple[int, str], int]) -> None:
        """Other processes changed entities (tenant, id), of which something expires then (µs; 0: nothing does)."""
        for key, moment in fades.items():
            if moment:
                self._fades[key] = moment
            else:
                self._fades.pop(key, None)

    async def close(self) -> None:
        """Write what waits, then end the thread."""
        await asyncio.to_thread(self.stop)

    def stop(self) -> None:
        """Write what waits, then end the thread."""
        self._waiting.close()
        self._thread.join()

    def _run(self) -> None:
        while (taken := self._waiting.take(_GROUP)) is not None:
            if isinstance(taken, Chore):
                self._do(taken)
            else:
                self._group(taken)

    def _do(self, chore: Chore) -> None:
        outcome: Exception | None = None
        try:
            with self._store.turn() as position:
                self._catch_up(position.seq)
                written = chore.work(self._store)
                if written is not None:
                    self._store.write(written)
        except Exception as refused:  # The thread must outlive any one chore.
            outcome = refused
        answer([chore], [outcome])

    def _group(self, jobs: list[Job]) -> None:
        pending = _Pending()
        outcomes: list[Receipt | Exception] = []
        try:
            with self._store.turn() as (self._seq, self._eid, self._at):
                self._catch_up(self._seq)
                pending.stored = self._stored([job.commit for job in jobs])
                outcomes += [self._tried(job, pending) for job in jobs]
                if pending.asks():
                    self._flush(pending)
        except Exception as broken:
            lost = _lost(broken)
            outcomes = [lost if isinstance(outcome, Receipt) else outcome for outcome in outcomes] or [lost] * len(jobs)
        answer(jobs, outcomes)

    def _tried(self, job: Job, pending: _Pending) -> Receipt | Exception:
        """The receipt of one commit, or what it is refused for."""
        try:
            name, nonce = receipt_name(job)
            if name and (job.mark is None or job.mark.again):
                found = known_receipt(pending.receipts.get(name) or self._store.receipt(name), nonce)
                if found is not None:
                    return found
            receipt = self._one(job.commit, pending)
            if name:
                pending.receipts[name] = kept(receipt, nonce)
            return receipt
        except Exception as refused:  # A refusal of ours, or a defect: the thread must outlive any one commit.
            return refused

    def _flush(self, pending: _Pending) -> None:
        self._store.write(
            Written(
                [(tid, entity_id, head) for (tid, entity_id), head in pending.heads.items()],
                pending.log,
                pending.receipts.items(),
                pending.cursors.items(),
                pending.timers.values(),
                pending.events,
                pending.disposals,
                pending.posts,
                pending.pages,
            )
        )
        self.learn(pending.fades)
        self._follow(pending.effects, self._seq)

    def _one(self, commit: Commit, pending: _Pending) -> Receipt:
        """Check and apply one commit into the group."""
        at, trial = max(now_us(), self._at), _Trial()  # A clock that was put back does not turn the log around.
        tid = self._store.tenant(commit.tenant, make=True) or 0
        self._expect(commit, tid, pending)
        seq = self._seq + 1
        for change in commit.changes:
            try:
                self._change(commit, change, (tid, seq, at), trial, pending)
            except DothiError as refused:
                if not commit.partial:
                    raise
                trial.results.append(Result(change.id, "failed", error=refused))
        lanes = self._lanes(commit, tid, trial, pending)
        if trial.entries:
            self._seq, self._at = seq, at
            pending.log.append(LogRow(seq, at, tid, commit.actor.id, commit.reason, codec.pack(trial.entries)))
            pending.pages.extend(moved_with(commit, seq))
        pending.heads.update(trial.heads)
        pending.effects.extend(trial.effects)
        pending.timers.update({(timer.consumer, timer.name): timer for timer in commit.timers})
        pending.fades.update(trial.fades)
        moments = {(commit.tenant, entity_id): moment for (_, entity_id), moment in trial.fades.items()}
        pending.timers.update({(timer.consumer, timer.name): timer for timer in expiries(moments)})
        if commit.cursor is not None:
            pending.cursors[commit.cursor[0]] = commit.cursor[1]
        pending.events.extend(
            (lanes[one.lane], msgspec.structs.replace(one, known=at, number=0)) for one in commit.events
        )
        pending.disposals.extend((lanes[one.lane], one.events, one.clips) for one in commit.disposals)
        if commit.post is not None:
            pending.posts.append(commit.post)
        return Receipt(self._seq, at, tuple(trial.results))

    def _lanes(self, commit: Commit, tid: int, trial: _Trial, pending: _Pending) -> dict[str, int]:
        """The rows of the entities whose lanes a commit touches: they stand, and `actor` may write to them."""
        found: dict[str, int] = {}
        for lane in dict.fromkeys([*(one.lane for one in commit.events), *(one.lane for one in commit.disposals)]):
            head = trial.heads.get((tid, lane)) or self._head(tid, lane, pending)
            if head is None or not head.doc:
                raise Missing(f"There is no {lane[:200]} to which an event could be appended.", entity=lane)
            before = codec.entity_of(head.doc, head.created, head.modified, head.version)
            self._guards.check(commit.owner, before.types)
            self._policy.check_write(commit.actor, Change(Op.APPEND, lane), before, before.types)
            found[lane] = head.eid
        return found

    def _stored(self, commits: list[Commit]) -> dict[tuple[int, str], Head]:
        """What is on disk of the entities that a group changes: one look for all, without documents where it can."""
        wanted: dict[tuple[int, bool], dict[str, None]] = {}
        for commit in commits:
            blind = all(change.op in _BLIND and not change.newer_only for change in commit.changes)
            docs = not blind or bool(commit.actor.areas) or self.heeded
            tid = self._store.tenant(commit.tenant) or 0
            wanted.setdefault((tid, docs), {}).update((change.id, None) for change in commit.changes)
        found: dict[tuple[int, str], Head] = {}
        for tid, docs in sorted(wanted):  # Those with documents come last: they hold for both.
            heads = self._store.heads(tid, wanted[tid, docs], docs)
            found.update({(tid, entity_id): head for entity_id, head in heads.items()})
        return found

    def _expect(self, commit: Commit, tid: int, pending: _Pending) -> None:
        for entity_id, version in commit.expect.items():
            head = self._head(tid, entity_id, pending)
            stands = head.version if head is not None and head.doc is not None else ABSENT
            if stands != version:
                raise Conflict(
                    f"{entity_id} stands at version {stands}, not {version}: read it again, then decide.",
                    entity=entity_id,
                )

    def _head(self, tid: int, entity_id: str, pending: _Pending) -> Head | None:
        return pending.heads.get((tid, entity_id)) or self._store.heads(tid, (entity_id,)).get(entity_id)

    def _change(
        self,
        commit: Commit,
        change: Change,
        where: tuple[int, int, int],
        trial: _Trial,
        pending: _Pending,
    ) -> None:
        tid, _, at = where
        key = (tid, change.id)
        head = trial.heads.get(key) or pending.heads.get(key) or pending.stored.get(key)
        asked = change.op is Op.EXPIRE
        if asked or ((self._fades or pending.fades or trial.fades) and self._has_faded(key, at, trial, pending)):
            head = self._sweep(change.id, head, where, trial)
        if asked:
            trial.results.append(Result(change.id, "updated" if key in trial.heads else "unchanged"))
            return
        before = self._before(head, change)
        # A guarded noun stays guarded when it is gone: its history is its owner's.
        known = before.types if before else self._store.types_of(head.kind) if head else ()
        types = tuple(dict.fromkeys((*known, *change.types))) if known else change.types
        self._guards.check(commit.owner, types)
        past = change.op in PAST
        self._policy.check_write(commit.actor, change, before, types if before or past else change.types)
        outcome = tell(before, change, known, at) if past else apply(before, change, at)
        if outcome.status == "unchanged":
            trial.results.append(result_of(change, outcome, head.version if head else ABSENT))
            return
        after = self._write(change.id, head, before, outcome, where, trial)
        trial.results.append(result_of(change, outcome, after.version))

    def _write(
        self,
        entity_id: str,
        head: Head | None,
        before: Entity | None,
        outcome: Outcome,
        where: tuple[int, int, int],
        trial: _Trial,
    ) -> Head:
        """Put an outcome into the trial."""
        tid, seq, at = where
        after = head_after(outcome, head, self._next_eid(head), self._kind(outcome, head), seq, at)
        trial.heads[tid, entity_id] = after
        trial.entries.append(entry_of(entity_id, outcome, before, head, after))
        if outcome.status != "recorded":
            kinds = after.kind, head.kind if head else 0
            trial.effects.append(Effect(tid, after.eid, *kinds, outcome.after, before, seq, at, touched(outcome)))
        fades = outcome.after.fades_at if outcome.after else 0
        if fades or (tid, entity_id) in self._fades:
            trial.fades[tid, entity_id] = fades
        return after

    def _has_faded(self, key: tuple[int, str], at: int, trial: _Trial, pending: _Pending) -> bool:
        fades = next((known[key] for known in (trial.fades, pending.fades, self._fades) if key in known), 0)
        return 0 < fades <= at

    def _sweep(self, entity_id: str, head: Head | None, where: tuple[int, int, int], trial: _Trial) -> Head | None:
        """Delete what has expired of an entity before anything else is done to it (clause 4.22)."""
        tid, _, at = where
        if head is not None and head.doc == b"":
            head = self._store.heads(tid, (entity_id,)).get(entity_id)
        before = None
        if head is not None and head.doc:
            before = codec.entity_of(head.doc, head.created, head.modified, head.version)
        outcome = expire(before, at)
        if outcome.status == "unchanged":
            trial.fades[tid, entity_id] = before.fades_at if before and before.fades_at > at else 0
            return head
        return self._write(entity_id, head, before, outcome, where, trial)

    def _before(self, head: Head | None, change: Change) -> Entity | None:
        """What stood before a change; without its attributes where nobody asked the disk for them."""
        if head is None or head.doc is None:
            return None
        if head.doc:
            return codec.entity_of(head.doc, head.created, head.modified, head.version)
        types = self._store.types_of(head.kind)
        return Entity(change.id, types, {}, (), head.created, head.modified, head.version)

    def _next_eid(self, head: Head | None) -> int:
        if head is not None:
            return head.eid
        self._eid += 1
        return self._eid

    def _kind(self, outcome: Outcome, head: Head | None) -> int:
        if outcome.kinds:
            return self._store.kind_of(outcome.kinds)
        if outcome.after is None:
            assert head is not None
            return head.kind
        return self._store.kind_of(outcome.after.types)


def _lost(broken: Exception) -> DothiError:
    """What those are told whose flush failed."""
    if isinstance(broken, DothiError):
        return broken
    return Unavailable(f"The store could not write: {broken}. Nothing of it was kept as far as is known.")
