"""What speaks of one person is taken out of the whole log: entries that carry them, and words that others quoted."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from dothi.hub.core import Hub
from dothi.hub.model import Logged
from dothi.hub.peers.ending.sealed import noted, settle
from dothi.hub.peers.ending.taking import Taken, taking, thinned, trail
from dothi.hub.store import codec
from dothi.hub.store.codec import Doc, Entry
from dothi.hub.store.port import Head, LogRow, Store, Written

SLICE = 1000
Things = Collection[tuple[str, str]]  # (tenant, entity id)
Speaks = Callable[[bytes], bool]


@dataclass
class Silenced:
    """What was taken, since which commit the person was spoken of, and things that quote them as they stand."""

    taken: Taken = field(default_factory=Taken)
    first: int = 0
    quoting: dict[str, str] = field(default_factory=dict)  # Entity id → tenant.


async def told_of(hub: Hub, things: Things) -> list[tuple[str, Logged]]:
    """(tenant, entry) of all that the log still says of some things."""
    told: list[tuple[str, Logged]] = []

    def work(store: Store) -> Written | None:
        eids = {head.eid for tenant, name in things if (head := _head(store, tenant, name)) is not None}
        for row in store.commits(trail(store, eids)).values():
            entries = (entry for entry in codec.unpack(row.blob) if entry.eid in eids)
            told.extend((store.tenant_name(row.tid), codec.logged(entry)) for entry in entries)
        return None

    await hub.chore(work)
    return told


async def silence(hub: Hub, speaks: Speaks, things: Things) -> Silenced:
    """Empty what the log says of `things` before their last commit, and thin what else it says of the person.

    What quotes them as it stands is named and not thinned: its owner takes the words out, then this is called again.
    """
    found, after = Silenced(), 0

    def work(store: Store) -> Written | None:
        nonlocal after
        eids = {head.eid for tenant, name in things if (head := _head(store, tenant, name)) is not None}
        rows = store.log(after, SLICE)
        after = rows[-1].seq if rows else -1
        touched = [row for row in rows if _concerns(row, eids, speaks)]
        heads = store.rows({entry.eid for row in touched for entry in codec.unpack(row.blob)})

        def rest(row: LogRow, entry: Entry) -> Doc | None:
            if entry.eid not in heads:
                return None
            if _quotes(heads[entry.eid], entry.eid in eids, speaks):
                found.quoting[codec.headline(entry.body).id] = store.tenant_name(row.tid)
                return None
            return _rest(row, entry, heads[entry.eid], entry.eid in eids, speaks)

        said = {row.seq for row in touched if speaks(row.reason.encode())}
        written, taken, _ = taking(store, touched, rest, said)
        found.taken += taken
        if touched and not found.first:
            found.first = touched[0].seq
        return noted(hub, written) if taken.rows else None

    await settle(hub)
    while after >= 0:
        await hub.chore(work)
        await settle(hub)
    return found


def _head(store: Store, tenant: str, name: str) -> Head | None:
    tid = store.tenant(tenant)
    return None if tid is None else store.heads(tid, (name,), docs=False).get(name)


def _concerns(row: LogRow, eids: Collection[int], speaks: Speaks) -> bool:
    return speaks(row.blob + row.reason.encode()) or any(entry.eid in eids for entry in codec.unpack(row.blob))


def _quotes(head: Head, carries: bool, speaks: Speaks) -> bool:
    return not carries and head.doc is not None and speaks(head.doc)


def _rest(row: LogRow, entry: Entry, head: Head, carries: bool, speaks: Speaks) -> Doc | None:
    """What is left of an entry: nothing where it carried the person before the end, the rest where it quoted them."""
    doc = codec.decode(entry.body)
    if carries:
        return Doc(doc.id, doc.type) if row.seq < head.seq else None
    if not speaks(entry.body):
        return None
    return Doc(doc.id, doc.type) if head.doc is None else thinned(doc, codec.decode(head.doc).attrs)
