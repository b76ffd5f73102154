"""The hub itself: the one way to write (commit), the ways to read, and the feed that modules follow."""

from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path

from dothi.hub.access import Policy
from dothi.hub.language.nodes import Query, Window
from dothi.hub.model import Actor, Commit, Entity, Instance, LoggedCommit, Page, Receipt


class Hub:
    """Entities with history over one store. Writing is awaited; reading is a plain call that takes milliseconds."""

    @classmethod
    async def open(cls, folder: Path, policy: Policy) -> "Hub":
        """Open (or make) the hub in `folder`; its store, files and log live there."""

    async def close(self) -> None:
        """Flush and stop."""

    def own(self, owner: str, instead: Mapping[str, str]) -> str:
        """Guard types: {type: verb to use instead}. Returns the capability for Commit.owner."""

    def index(self, kind: str, *attributes: str) -> None:
        """Declare what the lists of a type ask for, so that they are indexes from the start."""

    async def commit(self, commit: Commit) -> Receipt:
        """Make the changes true: atomic, and flushed to disk before this returns.

        Raises (nothing is written then): Forbidden, Conflict (expect not met, or it exists already), Missing,
        Invalid. With `partial` each change fails for itself: see Receipt.results.
        """

    def get(self, actor: Actor, entity_id: str, tenant: str = "") -> Entity:
        """One entity as it stands. Missing when it is not there or `actor` may not see it."""

    def query(self, actor: Actor, query: Query) -> Page:
        """The entities that match, narrowed to what `actor` may read."""

    def find(self, actor: Actor, kind: str, q: str = "", **options: object) -> Page:
        """Shorthand for modules: entities of one type by q text; options are fields of Query (limit defaults to 1000)."""

    def types(self, actor: Actor, tenant: str = "") -> dict[str, int]:
        """The types present and how many entities each has."""

    def history(
        self, actor: Actor, entity_id: str, attrs: Iterable[str] = (), window: Window = Window(), tenant: str = ""
    ) -> dict[str, list[Instance]]:
        """Past and present instances by attribute, oldest first by the window's attribute.

        Each carries `observedAt` when it had one, and `createdAt`/`modifiedAt` (when it was known) and `instanceId`.
        """

    def as_known(self, actor: Actor, entity_id: str, instant: int, tenant: str = "") -> Entity | None:
        """The entity as it was known at `instant` (µs), None when it was not there."""

    def trail(self, actor: Actor, entity_id: str, tenant: str = "", limit: int = 100) -> list[LoggedCommit]:
        """Who did what to one entity, newest first; each commit holds only this entity's entry."""

    def log(self, after: int = 0, limit: int = 1000) -> list[LoggedCommit]:
        """Commits with seq > after, in order. For consumers and the audit page (checked there)."""

    def follow(self, after: int) -> AsyncIterator[LoggedCommit]:
        """The change feed: every commit with seq > after, then each new one as it comes."""

    def cursor(self, consumer: str) -> int:
        """The position that a consumer stored with its last effects (Commit.cursor); 0 at first."""

    def due_timers(self, consumer: str, now: int, limit: int = 1000) -> list[tuple[str, str]]:
        """(name, payload) of this consumer's timers that are due; a commit with Timer(due=None) removes one."""

    def keep_file(self, content: bytes) -> str:
        """Store a file once by its SHA-256 (hex), flushed to disk; returns the hash."""

    def read_file(self, digest: str) -> bytes:
        """The content of a kept file. Missing when it is not there."""
