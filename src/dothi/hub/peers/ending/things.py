"""Things that were deleted, and the past of things that stand: what of them lies in the log is taken out."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from dothi.hub.core import Hub
from dothi.hub.model import Attribute, Entity, Logged
from dothi.hub.peers.ending.sealed import noted, settle
from dothi.hub.peers.ending.taking import Taken, emptied, taking, thinned, trail
from dothi.hub.store import codec
from dothi.hub.store.codec import Doc, Entry
from dothi.hub.store.port import LogRow, Store, Written

# When something was known (µs) and the entity as it stands → the attributes whose past goes then (none named: all of
# them); None: it stays.
Chosen = Callable[[int, Entity], frozenset[str] | None]


class Gone(NamedTuple):
    """What taking out took: counts and hash, the content as bytes, and the ids of the things that are gone."""

    taken: Taken
    bodies: list[bytes]
    ids: list[str]


class Slice(NamedTuple):
    """A part of the log: up to which commit it reaches (`after` when there is none), and what would go of it."""

    upto: int
    taken: Taken
    bodies: list[bytes]


async def take_out(hub: Hub, ids: Sequence[str], tenant: str = "", only_look: bool = False) -> Gone:
    """Take out what the log says of those of the things that are deleted, before their end; told again: nothing."""
    found = Gone(Taken(), [], [])

    def work(store: Store) -> Written | None:
        nonlocal found
        heads = store.heads(store.tenant(tenant) or 0, ids)
        ended = {name: head for name, head in heads.items() if head.doc is None}
        rests = {head.eid: emptied((head.eid,), head.seq - 1) for head in ended.values()}
        rows = store.commits(trail(store, rests)).values()

        def rest(row: LogRow, entry: Entry) -> Doc | None:
            return rests[entry.eid](row, entry) if entry.eid in rests else None

        written, taken, bodies = taking(store, rows, rest)
        found = Gone(taken, bodies, list(ended))
        return None if only_look or not taken.rows else noted(hub, written)

    await settle(hub)
    await hub.chore(work)
    await settle(hub)
    return found


@dataclass
class _Past:
    """Which entries of some commits go, by what stands now."""

    chosen: Chosen
    known: dict[int, Entity | None] = field(default_factory=dict)

    def learn(self, store: Store, rows: Iterable[LogRow]) -> None:
        """Read the entities of which some commits speak."""
        eids = {entry.eid for row in rows for entry in codec.unpack(row.blob)}
        heads = store.rows(eids)
        for eid in eids:
            head = heads.get(eid)
            doc = head.doc if head is not None else None
            stands = codec.entity_of(doc, head.created, head.modified, head.version) if head and doc else None
            self.known[eid] = stands

    def rest(self, row: LogRow, entry: Entry) -> Doc | None:
        """What is left of an entry; None when nothing is taken."""
        entity = self.known.get(entry.eid)
        names = self.chosen(row.at, entity) if entity is not None else None
        if names is None or entity is None:
            return None
        return _left(codec.decode(entry.body), entity.attrs, names)


def _left(doc: Doc, standing: dict[str, Attribute], names: frozenset[str]) -> Doc | None:
    """An entry without what stands no more; None when all of it stands still."""
    rest = thinned(doc, standing, names)
    return None if (rest.attrs, rest.late, rest.amended) == (doc.attrs, doc.late, doc.amended) else rest


async def look_at(hub: Hub, after: int, until: int, limit: int, chosen: Chosen) -> Slice:
    """What would go of the next `limit` commits after a position that were known before `until` (µs)."""
    found = Slice(after, Taken(), [])

    def work(store: Store) -> Written | None:
        nonlocal found
        rows = [row for row in store.log(after, limit) if row.at < until]
        past = _Past(chosen)
        past.learn(store, rows)
        _, taken, bodies = taking(store, rows, past.rest)
        found = Slice(rows[-1].seq if rows else after, taken, bodies)
        return None

    await settle(hub)
    await hub.chore(work)
    return found


async def thin(hub: Hub, after: int, upto: int, limit: int, chosen: Chosen) -> None:
    """Take it out; done again nothing happens."""

    def work(store: Store) -> Written | None:
        rows = [row for row in store.log(after, limit) if row.seq <= upto]
        past = _Past(chosen)
        past.learn(store, rows)
        written, taken, _ = taking(store, rows, past.rest)
        return noted(hub, written) if taken.rows else None

    await settle(hub)
    await hub.chore(work)
    await settle(hub)


def lost(logged: Logged, standing: dict[str, Attribute], names: frozenset[str]) -> int:
    """How many bytes one entry of the log would lose; 0 when all that it says stands still, or is gone already."""
    doc = Doc(logged.id, logged.types, logged.attrs, late=logged.late, amended=logged.amended)
    left = None if logged.gone else _left(doc, standing, names)
    return 0 if left is None else len(codec.encode(doc)) - len(codec.encode(left))


async def scrub(hub: Hub) -> None:
    """See that no file of the store holds what was taken out, and that nothing in memory does."""
    hub.forget_past()
    await hub.chore(lambda store: store.scrub())
