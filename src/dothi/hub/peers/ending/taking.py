"""Taking content out of the log for good: that something was done, by whom and when stays; what was written is gone.

An entry whose content was taken keeps its row, version, status and types, and the salted hash of what stood there, so
that the chain of custody holds (store/proof). What still stands is left where it is: the state replays as before.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple

from dothi.hub.model import Attribute, Instance, instances
from dothi.hub.store import codec
from dothi.hub.store.codec import Doc, Entry
from dothi.hub.store.port import LogRow, Store, Written
from dothi.hub.store.proof.erasing import purged, told

Rest = Callable[[LogRow, Entry], Doc | None]  # What is left of an entry; None: all of it, nothing is taken.
NOTHING = Written((), (), (), (), ())


class Taken(NamedTuple):
    """What a purge took: commits touched, entries emptied, their bytes, and SHA-256 over what went, in order."""

    rows: int = 0
    entries: int = 0
    bytes: int = 0
    digest: str = ""

    def __add__(self, other: object) -> "Taken":
        """Both, one after the other."""
        assert isinstance(other, Taken)
        digest = hashlib.sha256((self.digest + other.digest).encode()).hexdigest() if self.digest else other.digest
        return Taken(self.rows + other.rows, self.entries + other.entries, self.bytes + other.bytes, digest)


def trail(store: Store, eids: Collection[int]) -> list[int]:
    """The sequences of all commits that touched some rows, in order: their chains walked back from the heads."""
    heads = store.rows(eids)
    ahead = {head.seq for head in heads.values() if head.seq}
    seen: set[int] = set()
    while ahead:
        seen |= ahead
        rows = store.commits(sorted(ahead)).values()
        before = {entry.previous for row in rows for entry in codec.unpack(row.blob) if entry.eid in heads}
        ahead = {seq for seq in before if seq} - seen
    return sorted(seen)


def emptied(eids: Collection[int], until: int) -> Rest:
    """Takes all that commits with seq <= `until` say of some rows."""
    wanted = frozenset(eids)

    def rest(row: LogRow, entry: Entry) -> Doc | None:
        if entry.eid not in wanted or row.seq > until:
            return None
        headline = codec.headline(entry.body)
        return Doc(headline.id, headline.type)

    return rest


def thinned(doc: Doc, standing: dict[str, Attribute], names: Collection[str] = ()) -> Doc:
    """An entry of the log without the instances that stand no more; of the attributes `names`, all when empty.

    That there was an instance stays, without its value: the times of what came after it are replayed as they were.
    """
    taken = {*doc.attrs, *doc.late} if not names else {*names}
    attrs = {
        name: attribute if name not in taken else _standing(attribute, standing.get(name))
        for name, attribute in doc.attrs.items()
    }
    late = {name: attribute for name, attribute in doc.late.items() if name not in taken}
    amended = {} if not names else doc.amended
    return Doc(doc.id, doc.type, attrs, doc.scope, doc.dropped, late, doc.erased, amended, doc.expires, doc.fades)


def _standing(attribute: Attribute, now: Attribute | None) -> Attribute:
    stands = [_bare(one) for one in instances(now)]
    left = [one if _bare(one) in stands else _stub(one) for one in instances(attribute)]
    return left if isinstance(attribute, list) else left[0]


def _stub(instance: Instance) -> Instance:
    """That there was an instance, and nothing of what it said; see model.is_told."""
    return {name: value for name, value in instance.items() if name in ("type", "datasetId")}


def _bare(instance: Instance) -> Instance:
    """An instance without the times that the hub adds to what stands."""
    return {name: value for name, value in instance.items() if name not in ("createdAt", "modifiedAt")}


def taking(
    store: Store, rows: Iterable[LogRow], rest: Rest, reasons: Collection[int] = ()
) -> tuple[Written, Taken, list[bytes]]:
    """What must be written for `rest` to be all that is left of some commits, and what that takes.

    The reasons of the commits `reasons` are taken too: they are free text. To be called within a turn.
    """
    entries: list[tuple[int, int, Entry]] = []
    lefts: list[Doc] = []
    changed: dict[int, LogRow] = {}
    for row in rows:
        found = list(_taken(row, rest))
        entries += [(row.seq, slot, entry) for slot, entry, _ in found]
        lefts += [left for _, _, left in found]
        if found or (row.seq in reasons and row.reason):
            changed[row.seq] = row
    said = {seq: row.reason for seq, row in changed.items() if seq in reasons and row.reason}
    hashes, pages = purged(store, entries, said)
    bodies: dict[tuple[int, int], bytes] = {}
    for (seq, slot, _), left, gone in zip(entries, lefts, hashes, strict=True):
        left.gone = gone
        bodies[seq, slot] = codec.encode(left)
    rewritten = [_rewritten(row, bodies, said) for row in changed.values()]
    went = [entry.body for _, _, entry in entries]
    digest = hashlib.sha256(b"".join(hashlib.sha256(body).digest() for body in went)).hexdigest() if went else ""
    saved = sum(len(body) for body in went) - sum(len(body) for body in bodies.values())
    return (
        NOTHING._replace(pages=tuple(told(pages, rewritten)), rewritten=tuple(rewritten)),
        Taken(len(changed), len(entries), saved, digest),
        went,
    )


def _taken(row: LogRow, rest: Rest) -> Iterator[tuple[int, Entry, Doc]]:
    """(slot, entry, what is left of it) of the entries of a commit that lose something."""
    for slot, entry in enumerate(codec.unpack(row.blob)):
        left = rest(row, entry)
        if left is not None and not codec.decode(entry.body).gone:
            yield slot, entry, left


def _rewritten(row: LogRow, bodies: dict[tuple[int, int], bytes], said: Collection[int]) -> LogRow:
    entries = [
        entry._replace(body=bodies.get((row.seq, slot), entry.body))
        for slot, entry in enumerate(codec.unpack(row.blob))
    ]
    return row._replace(blob=codec.pack(entries), reason="" if row.seq in said else row.reason)
