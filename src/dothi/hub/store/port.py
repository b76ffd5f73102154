"""The port of the store: what the hub needs of a database; SQLite is the first adapter, PostgreSQL joins it.

One thread writes (`begin` … `commit`), any thread reads; a reader sees whole commits only. tests/hub/store holds the
contract test suite that every adapter passes.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from dothi.hub.language.nodes import EventQuery
from dothi.hub.model import Event, Parcel, Post, Timer


class Head(NamedTuple):
    """Where an entity stands: its row, its last commit, and its document (None when deleted)."""

    eid: int
    kind: int
    version: int
    seq: int
    created: int
    modified: int
    ahead: int  # How far (µs) an observedAt of it was ever ahead of its commit: bounds a search in time.
    doc: bytes | None


class LogRow(NamedTuple):
    """One commit as stored; `blob` as store/codec.py packs it."""

    seq: int
    at: int
    tid: int
    actor: str
    reason: str
    blob: bytes


class Page(NamedTuple):
    """Numbered bytes that a room of the hub keeps beside the log (proofs, salts, seals); None removes the page."""

    book: str
    number: int
    body: bytes | None


class Position(NamedTuple):
    """What was given out last: the sequence of a commit, the row of an entity, and the time (µs) of a commit."""

    seq: int
    eid: int
    at: int


class Older(Protocol):
    """Who keeps the commits that were sealed and left the hot log; they are there before they are removed here."""

    def commits(self, seqs: Iterable[int]) -> dict[int, LogRow]:
        """Those of the commits that are sealed."""

    def log(self, after: int, until: int, limit: int) -> list[LogRow]:
        """Sealed commits with after < seq <= until, in order; the first `limit` of them at least."""

    def sealed(self, seq: int) -> bool:
        """Whether a commit is known to be sealed; False where only the hot log can tell."""

    def along(self, eid: int, seq: int) -> LogRow | None:
        """A sealed commit with the entries of one entity only; those before it are fetched along with it."""


class Written(NamedTuple):
    """All that one flush writes."""

    states: Iterable[tuple[int, str, Head]]  # (tenant, entity id, head); a new eid is inserted, another updated.
    log: Iterable[LogRow]
    receipts: Iterable[tuple[str, bytes]]  # (idempotency key, encoded receipt)
    cursors: Iterable[tuple[str, int]]
    timers: Iterable[Timer]
    events: Iterable[tuple[int, Event]] = ()  # (row of the entity, event)
    disposals: Iterable[tuple[int, int, int]] = ()  # (row of the entity, events before, recordings before)
    posts: Iterable[Post] = ()
    pages: Iterable[Page] = ()
    sealed: tuple[int, int] | None = None  # Commits with after < seq <= until leave: they lie in the cold tier.
    rewritten: Iterable[LogRow] = ()  # Takes the place of the commit with its sequence: content that was erased.
    forgotten: Iterable[int] = ()  # Rows of entities that go for good.


class Store(Protocol):
    """State, change log, cursors, timers and receipts, durable when `write` returns."""

    older: Older | None  # Asked for commits that are not hot any more, after the hot ones were looked at.

    def turn(self) -> AbstractContextManager[Position]:
        """The writer's turn: until it ends nobody else writes; all that a flush rests on is read within it.

        Inside, `write` may be called once; without it nothing has happened.
        """

    def write(self, written: Written) -> None:
        """Write all of it in one transaction, flushed to disk; nothing of it when it raises. Within a turn."""

    def heads(self, tid: int, ids: Iterable[str], docs: bool = True) -> dict[str, Head]:
        """The heads of those entities that were ever there; without `docs` a document is b"" where there is one."""

    def rows(self, eids: Iterable[int]) -> dict[int, Head]:
        """The heads of rows."""

    def scan(self, tid: int, kind: int) -> Iterator[tuple[int, Head]]:
        """All living entities of a kind, in order of creation."""

    def ever(self, tid: int, kinds: Iterable[int]) -> list[int]:
        """The rows of all entities of some kinds, living or gone, in order of creation."""

    def kinds(self, tid: int) -> dict[int, tuple[str, ...]]:
        """The sets of types in use: kind number → types. Numbers are given by kind_of."""

    def types_of(self, kind: int) -> tuple[str, ...]:
        """The set of types of a kind."""

    def kind_of(self, types: tuple[str, ...]) -> int:
        """The number of a set of types, given once (by the writing thread)."""

    def tenant(self, name: str, make: bool = False) -> int | None:
        """The number of a tenant, made when asked for; None when there is none."""

    def tenants(self) -> tuple[str, ...]:
        """The names of all tenants."""

    def tenant_name(self, tid: int) -> str:
        """The name of a tenant by its number."""

    def log(self, after: int, limit: int) -> list[LogRow]:
        """Commits with seq > after, in order."""

    def commits(self, seqs: Iterable[int]) -> dict[int, LogRow]:
        """Those commits."""

    def last(self) -> tuple[int, int]:
        """(last sequence, last eid) given out."""

    def listen(self, told: Callable[[], None]) -> None:
        """Have `told` called, in a thread of the store, whenever another process may have written; until `close`."""

    def lead(self, lost: Callable[[], None]) -> bool:
        """Lead all processes that have this store open, unless another does; `lost` is told when that is over."""

    def resign(self) -> None:
        """Lead no more."""

    def learn(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Know the tenants and kinds (tenant, kind) of entities that another process wrote."""

    def page(self, book: str, number: int) -> bytes | None:
        """The bytes of a page, None when there is none."""

    def pages(self, book: str, after: int, limit: int) -> list[tuple[int, bytes]]:
        """(number, bytes) of the pages of a book with number > after, in order."""

    def receipt(self, key: str) -> bytes | None:
        """The receipt kept for an idempotency key."""

    def cursor(self, consumer: str) -> int:
        """A consumer's position; 0 at first."""

    def due(self, consumer: str, now: int, limit: int) -> list[tuple[str, str]]:
        """(name, payload) of timers past due, oldest first."""

    def events(self, eid: int, sought: EventQuery) -> list[Event]:
        """The events of an entity's lane, latest first; their `lane` is empty."""

    def count_events(self, eid: int, sought: EventQuery) -> int:
        """How many there are of an interval and kind, by key or tag; pages do not count."""

    def lanes(self) -> list[tuple[int, int, str]]:
        """(row, tenant, entity id) of every entity whose lane holds events."""

    def parcels(self, queue: str, dead: bool, after: int, limit: int) -> list[Parcel]:
        """Parcels of a queue with number > after, in order: those that wait, or those that were given up."""

    def parcel_counts(self) -> dict[str, tuple[int, int]]:
        """Queue → (how many wait, how many were given up)."""

    def tallies(self) -> dict[str, bytes]:
        """Queue → how it is doing, as its owner encoded it."""

    def last_parcel(self) -> int:
        """The highest number of a parcel that is kept."""

    def scrub(self) -> None:
        """See that bytes of what was rewritten or removed lie in no file of the store any more; within a turn.

        PostgreSQL vacuums: its log files and standbys keep old bytes until they are recycled (docs/howto/erase.md).
        """

    def close(self) -> None:
        """Close every connection."""
