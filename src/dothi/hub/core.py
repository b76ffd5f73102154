"""The hub itself: the one way to write (commit), the ways to read, and the feed that modules follow."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from dothi.ground.clock import now_us
from dothi.ground.errors import Forbidden, Missing
from dothi.ground.places import open_place
from dothi.hub.access import Guards, Policy
from dothi.hub.language.nodes import EventQuery, Query, TypeIs, Window
from dothi.hub.language.q import parse_q
from dothi.hub.model import (
    Actor,
    Change,
    Commit,
    Entity,
    Event,
    Instance,
    LoggedCommit,
    Outbox,
    Page,
    Parcel,
    Readings,
    Receipt,
    records_of,
)
from dothi.hub.read.dump import Fingerprint, dump, dump_events, fingerprint, logged_commit
from dothi.hub.read.follow.effects import effects
from dothi.hub.read.follow.feed import Wanted
from dothi.hub.read.follow.following import Following, Watcher
from dothi.hub.read.follow.moved import Moved
from dothi.hub.read.follow.position import SharedPosition
from dothi.hub.read.past.evolution import Past
from dothi.hub.read.past.measuring import Measuring
from dothi.hub.read.past.memory import Erased, Memory
from dothi.hub.read.search import Rows, Search
from dothi.hub.read.shown import Shown
from dothi.hub.render.shape import Shape
from dothi.hub.store import files
from dothi.hub.store.cold import sealing
from dothi.hub.store.cold.archive import Archive
from dothi.hub.store.cold.place import Place
from dothi.hub.store.opening import open_store, take
from dothi.hub.store.port import Head, Store, Written
from dothi.hub.store.proof.reading import Proofs
from dothi.hub.write.commit import Effect, Writer
from dothi.hub.write.fading import standing
from dothi.hub.write.forward.client import Forwarder
from dothi.hub.write.forward.server import take_commits
from dothi.hub.write.jobs import Writing
from dothi.hub.write.restore import load

__all__ = ("Hub", "load")
_ALWAYS = Window()
_ANY = EventQuery()
_FOREVER = 1 << 62
_COMMITS = "commits.sock"  # Where the process that writes takes the commits of the others.


class Hub:
    """Entities with history over one store. Writing is awaited; reading is a plain call that takes milliseconds."""

    def __init__(
        self, folder: Path, policy: Policy, url: str = "", worker: str = "", photos: str = "", archive: str = ""
    ) -> None:
        """Open (or make) the hub in `folder`: its store lives there unless `url` names a database.

        What is kept as files and sealed history too, unless `photos` and `archive` are addresses of object storage.

        Of an embedded store one process is the writer; `worker` is the name of another one beside it, which hands its
        commits over (decision 0188). Conflict when another process writes, Invalid when the store is foreign or newer.
        """
        folder.mkdir(parents=True, exist_ok=True)
        hands_over = bool(worker) and not url
        self._lock = None if worker or url else take(folder)
        self._folder, self._files = folder, open_place(photos or str(folder / "files"))
        self._store: Store = open_store(folder, url, follows=hands_over)
        self.archive = Archive(Place(archive or str(folder / "archive")), self._store)
        self._store.older = self.archive
        self.shared = bool(url)  # Whether other processes write too.
        self._policy, self._guards = policy, Guards()
        self.proofs = Proofs(self._store)
        self._search = Search(self._store)
        self._memory = Memory(self._store, policy, self.archive)
        self._shown = Shown(self._store)
        shared = SharedPosition(folder / "position")
        self.following = Following(self._store, shared, self._flushed, self._moved)
        if not (worker or url):
            shared.begin(self.following.position)
        self._writer: Writing
        if hands_over:
            self._writer = Forwarder(folder / _COMMITS, worker)
        else:
            self._writer = Writer(self._store, policy, self._guards, self.following.flushed, self.following.catch_up)
        self._store.listen(self.following.look)

    async def close(self) -> None:
        """Write what waits, then close the store and let the folder go."""
        await self._writer.close()
        await asyncio.to_thread(self.following.close)
        self._store.close()
        self.archive.close()
        if self._lock is not None:
            self._lock.close()

    def own(self, owner: str, instead: Mapping[str, str]) -> str:
        """Guard types: {type: verb to use instead}. Returns the capability for Commit.owner."""
        return self._guards.own(owner, instead)

    def guarded(self) -> dict[str, str]:
        """Every guarded type with the verb to use instead."""
        return self._guards.guarded()

    def index(self, kind: str, *attributes: str) -> None:
        """Declare what the lists of a type ask for, so that they are indexes from the start."""
        self._search.declare(kind, attributes)

    async def commit(self, commit: Commit) -> Receipt:
        """Make the changes true: atomic, and flushed to disk before this returns.

        Raises (nothing is written then): Forbidden, Conflict (expect not met, or it exists already), Missing,
        Invalid, Unavailable. With `partial` each change fails for itself: see Receipt.results.
        """
        return await self._writer.submit(commit)

    async def chore(self, work: Callable[[Store], Written | None]) -> None:
        """Run `work` in the writer's thread, in a turn, and write what it returns: no commit, for rooms of the hub."""
        await self._writer.chore(work)

    async def keep_sealed(self, policy: sealing.Policy) -> None:
        """Seal the old part of the log as it ages, until cancelled; for the one process that leads."""
        await sealing.run(self.chore, self._store, self.archive, policy)

    def get(self, actor: Actor, entity_id: str, tenant: str = "") -> Entity:
        """One entity as it stands. Missing when it is not there or `actor` may not see it."""
        head = self._head(entity_id, tenant)
        entity = standing(head, now_us()) if head is not None else None
        if entity is not None and self._policy.may_read(actor, entity):
            return entity
        raise Missing(f"Entity {entity_id} is not there, or you may not see it.", entity=entity_id)

    def some(self, actor: Actor, ids: Iterable[str], tenant: str = "") -> dict[str, Entity]:
        """Those of the entities that are there and that `actor` may see, by id."""
        tid = self._store.tenant(tenant)
        heads = {} if tid is None else self._store.heads(tid, tuple(dict.fromkeys(ids)))
        now = now_us()
        known = ((name, standing(head, now)) for name, head in heads.items())
        return {name: one for name, one in known if one is not None and self._policy.may_read(actor, one)}

    def may_read(self, actor: Actor, entity: Entity) -> bool:
        """Whether `actor` may read an entity that came from elsewhere, as if it were held here."""
        return self._policy.may_read(actor, entity)

    def query(self, actor: Actor, query: Query) -> Page:
        """The entities that match, narrowed to what `actor` may read."""
        tid = self._store.tenant(query.tenant)
        narrowed = self._policy.narrow(actor, query)
        return Page((), 0 if query.count else None) if tid is None else self._search.run(tid, narrowed)

    def shown(self, actor: Actor, entity_id: str, shape: Shape, tenant: str = "") -> bytes | None:
        """The JSON of one entity, kept since it was last asked for; None when get() must tell what there is to tell."""
        tid = self._store.tenant(tenant)
        found = None if tid is None else self._shown.one(tid, entity_id, shape)
        return found[1] if found is not None and self._policy.may_read(actor, found[0]) else None

    def shown_page(self, actor: Actor, query: Query, shape: Shape) -> tuple[list[bytes], Rows] | None:
        """The JSON of the entities on a page, and its rows; None when query() must look at them to tell."""
        tid = self._store.tenant(query.tenant)
        rows = None if tid is None else self._search.rows(tid, self._policy.narrow(actor, query))
        if tid is None or rows is None:
            return None
        shown = self._shown.many(tid, rows.eids, shape)
        return None if shown is None else (shown, rows)

    def find(self, actor: Actor, kind: str, q: str = "", limit: int = 1000, **options: Any) -> Page:
        """Shorthand for modules: entities of one type by q text; options are further fields of Query."""
        condition = parse_q(q) if q else None
        return self.query(actor, Query(types=TypeIs(kind), q=condition, limit=limit, **options))

    def types(self, actor: Actor, tenant: str = "") -> dict[str, int]:
        """The types present and how many entities each has that `actor` may read."""
        tid = self._store.tenant(tenant)
        names = {name for types in self._store.kinds(tid).values() for name in types} if tid is not None else set()
        counts = {name: self._count(actor, name, tenant) for name in sorted(names)}
        return {name: count for name, count in counts.items() if count}

    def _count(self, actor: Actor, kind: str, tenant: str) -> int:
        """How many entities of a type `actor` may read; none of a type that is hidden from them."""
        try:
            return self.query(actor, Query(types=TypeIs(kind), limit=0, count=True, tenant=tenant)).count or 0
        except Forbidden:
            return 0

    def has_tenant(self, tenant: str) -> bool:
        """Whether something was ever written for this tenant, be it a subscription; the default one is always there."""
        return not tenant or any(self._store.tenant(name) is not None for name in (tenant, records_of(tenant)))

    def history(
        self, actor: Actor, entity_id: str, attrs: Iterable[str] = (), window: Window = _ALWAYS, tenant: str = ""
    ) -> dict[str, list[Instance]]:
        """Past and present instances by attribute, oldest first by the window's attribute.

        Each carries `observedAt` when it had one, `createdAt` and `modifiedAt` (when it was known) and
        `instanceId`. With the window's attribute observedAt only instances that have one are told.
        """
        try:
            series = self._memory.past(actor, entity_id, attrs, window, True, tenant).series
        except Erased:
            return {}
        return {name: [told.instance for told in listed] for name, listed in series.items()}

    def past(
        self, actor: Actor, entity_id: str, names: Iterable[str], window: Window, strict: bool, tenant: str = ""
    ) -> Past:
        """The evolution of an entity, standing or gone, with the ends of what was deleted; see read/past/.

        Missing when there is none or it was erased.
        """
        return self._memory.past(actor, entity_id, names, window, strict, tenant)

    def remembers(self, actor: Actor, entity_id: str, tenant: str = "") -> bool:
        """Whether there is an evolution of an entity, standing or gone, that `actor` may read and nobody has erased."""
        return self._memory.remembers(actor, entity_id, tenant)

    def pasts(self, actor: Actor, query: Query, names: Iterable[str], window: Window) -> Iterator[Past]:
        """The evolutions of the entities, standing or gone, that ids, pattern and types of a query name.

        In order of creation; also those of which nothing lies in the window. What else the query asks is not looked at.
        """
        return self._memory.pasts(actor, query, names, window)

    def readings(
        self,
        actor: Actor,
        ids: Iterable[str],
        names: Iterable[str],
        since: int,
        until: int = _FOREVER,
        told: Callable[[float], None] | None = None,
    ) -> dict[tuple[str, str], Readings]:
        """The numbers that those entities measured in a while (µs), by (id, attribute); of what `actor` may read.

        One pass over the log: for months of many sensors. It may run in a thread; `told` hears how far it is, 0 to 1.
        """
        return self._memory.readings(actor, ids, names, (since, until), told)

    @property
    def measuring(self) -> Measuring:
        """What long histories measured, computed by their engine: see measure() and aggregated() there."""
        return Measuring(self._store, self._policy, self._search, self._memory)

    def as_known(self, actor: Actor, entity_id: str, instant: int, tenant: str = "") -> Entity | None:
        """The entity as it was known at `instant` (µs), None when it was not there."""
        return self._memory.as_known(actor, entity_id, instant, tenant)

    def trail(self, actor: Actor, entity_id: str, tenant: str = "", limit: int = 100) -> list[LoggedCommit]:
        """Who did what to one entity, newest first; each commit holds only this entity's entries."""
        return self._memory.trail(actor, entity_id, tenant, limit)

    def log(self, after: int = 0, limit: int = 1000) -> list[LoggedCommit]:
        """Commits with seq > after, in order. For consumers and the audit page (checked there)."""
        return [logged_commit(self._store, row) for row in self._store.log(after, limit)]

    def last_seq(self) -> int:
        """The sequence of the newest commit."""
        return self.following.position

    def lead(self, lost: Callable[[], None]) -> bool:
        """Lead all processes over a database (who writes leads an embedded one); `lost` is told, in any thread."""
        return self._store.lead(lost)

    def resign(self) -> None:
        """Lead no more: another process may."""
        self._store.resign()

    async def take_commits(self) -> None:
        """Take the commits of the workers beside this process until cancelled, where it has any."""
        if self._lock is not None and isinstance(self._writer, Writer):
            await take_commits(self._folder / _COMMITS, self._writer.submit)

    def follow(self, after: int, wanted: Wanted | None = None, whole: bool = True) -> AsyncIterator[LoggedCommit]:
        """The change feed: every commit with seq > after, then each new one as it comes.

        `wanted(types)` picks the entries to be told of (a commit with none of them comes without entries, so that a
        cursor can move on); with `whole` False they come without attributes, which is much cheaper.
        """
        return self.following.follow(after, wanted, whole)

    def cursor(self, consumer: str) -> int:
        """The position that a consumer stored with its last effects (Commit.cursor); 0 at first."""
        return self._store.cursor(consumer)

    def due_timers(self, consumer: str, now: int, limit: int = 1000) -> list[tuple[str, str]]:
        """(name, payload) of this consumer's timers that are due; a commit with Timer(due=None) removes one."""
        return self._store.due(consumer, now, limit)

    def watch(self, watcher: Watcher) -> None:
        """Have `watcher` told of each flush, in the writer's thread: quick, never raising; what it missed: told()."""
        self.following.watch(watcher)

    def unwatch(self, watcher: Watcher) -> None:
        """Tell `watcher` no more."""
        self.following.unwatch(watcher)

    def heed(self, heeded: bool) -> None:
        """Whether Effect.before must be whole: it costs a little more reading."""
        self._writer.heeded = heeded

    def told(self, after: int, until: int) -> Iterator[tuple[str, Effect]]:
        """The effects of commits with after < seq <= until, with their tenants, as a watcher would have heard them."""
        return effects(self._store, after, until)

    def check_write(
        self, actor: Actor, change: Change, types: tuple[str, ...], tenant: str = "", owner: str | None = None
    ) -> None:
        """Raise Forbidden unless `actor` may make a change; `types`: as what others may hold it, if it is not here."""
        head = self._head(change.id, tenant)
        before = None if head is None or not head.doc else self._memory.last_state(head)
        known = tuple(dict.fromkeys((*(before.types if before else ()), *(change.types or types))))
        self._guards.check(owner, known)
        self._policy.check_write(actor, change, before, known)

    def may_ask(self, actor: Actor, query: Query) -> None:
        """Raise Forbidden when nothing of what `query` asks for may be read by `actor`."""
        self._policy.narrow(actor, query)

    def tenants(self) -> tuple[str, ...]:
        """The names of all tenants that were ever written to, those of records among them."""
        return self._store.tenants()

    def tenant_of(self, tid: int) -> str:
        """The name of a tenant by its number (Effect.tid)."""
        return self._store.tenant_name(tid)

    def parcels(self, queue: str, dead: bool = False, after: int = 0, limit: int = 100) -> list[Parcel]:
        """What waits in a queue of the outbox (or was given up), in order; see Commit.post."""
        return self._store.parcels(queue, dead, after, limit)

    def outbox(self) -> Outbox:
        """How the outbox stands: queue → (waiting, given up), what each owner noted of its queue, the last number."""
        return Outbox(self._store.parcel_counts(), self._store.tallies(), self._store.last_parcel())

    def keep_file(self, content: bytes) -> str:
        """Store a file once by its SHA-256 (hex), flushed to disk; returns the hash."""
        return files.keep(self._files, content)

    def kept_files(self) -> Iterator[str]:
        """The hashes of all kept files, in no order."""
        return files.listed(self._files)

    def read_file(self, digest: str) -> bytes:
        """The content of a kept file. Missing when it is not there."""
        return files.read(self._files, digest)

    def forget_file(self, digest: str) -> int:
        """Remove a kept file that nothing names any more; its size in bytes, 0 when it was not there."""
        return files.forget(self._files, digest)

    def forget_past(self) -> None:
        """Read all pasts anew: content was taken out of the log."""
        self._memory = Memory(self._store, self._policy, self.archive)

    def _head(self, entity_id: str, tenant: str) -> Head | None:
        tid = self._store.tenant(tenant)
        return None if tid is None else self._store.heads(tid, (entity_id,)).get(entity_id)

    def events(self, actor: Actor, lane: str, sought: EventQuery = _ANY, tenant: str = "") -> list[Event]:
        """The events in the lane of an entity that `actor` may read, latest first."""
        head = self._memory.visible(actor, lane, tenant)
        return [msgspec.structs.replace(one, lane=lane) for one in self._store.events(head.eid, sought)]

    def count_events(self, actor: Actor, lane: str, sought: EventQuery = _ANY, tenant: str = "") -> int:
        """How many events the lane of an entity has; pages of `sought` do not count."""
        return self._store.count_events(self._memory.visible(actor, lane, tenant).eid, sought)

    def dump(self) -> Iterator[LoggedCommit]:
        """Every commit, in order: what `dothi export` takes out."""
        return dump(self._store)

    def dump_events(self) -> Iterator[tuple[str, Event]]:
        """Every event of every lane with its tenant: they are not in the log."""
        return dump_events(self._store)

    def fingerprint(self) -> Fingerprint:
        """What is equal in two equal cities."""
        return fingerprint(self._store)

    def _flushed(self, told: list[Effect]) -> None:
        self._search.follow(told)
        self._shown.follow(told)

    def _moved(self, moved: Moved) -> None:
        """What other processes did reaches the indexes of this one."""
        self._search.move(moved)
        self._shown.move(moved)
        self._writer.learn(moved.fades)
