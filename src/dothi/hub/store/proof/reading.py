"""What anybody may ask of the tree: checkpoints, proofs, and the leaf of a commit with what it takes to check it."""

from collections.abc import Iterator
from typing import NamedTuple

from dothi.ground.errors import Invalid, Missing
from dothi.hub.store import codec
from dothi.hub.store.codec import Entry
from dothi.hub.store.port import LogRow, Store
from dothi.hub.store.proof import tree
from dothi.hub.store.proof.erasing import SALTS, reason_of
from dothi.hub.store.proof.leaf import SALT, gap, gone, leaf
from dothi.hub.store.proof.tiles import Tiles, size

CHECKPOINTS = "checkpoint"  # The book of signed checkpoints; a page's number is the size of its tree.


class Opened(NamedTuple):
    """One entry of a leaf: its JSON with its salt, or, when its content is gone, what is left of it and the hash."""

    body: bytes
    salt: bytes
    gone: str


class Shown(NamedTuple):
    """The leaf of a commit, its reason with its salt, and its entries."""

    leaf: bytes
    reason: str
    salt: bytes
    entries: tuple[Opened, ...]


class Proofs:
    """The tree of a store, to be read."""

    def __init__(self, store: Store) -> None:
        """Over `store`, hot and cold."""
        self.store = store

    def size(self) -> int:
        """How many leaves there are: the sequence of the last commit that has one."""
        return size(self.store.page)

    def root(self, of: int) -> bytes:
        """The root over the first leaves. Invalid when there are fewer."""
        self._within(of)
        return tree.root(of, Tiles(self.store.page).node)

    def checkpoints(self, after: int = 0, limit: int = 100) -> list[str]:
        """Signed checkpoints of trees with more than `after` leaves, in order."""
        return [body.decode() for _, body in self.store.pages(CHECKPOINTS, after, limit)]

    def latest(self) -> str:
        """The last signed checkpoint. Missing when nothing was signed yet."""
        signed = self.store.page(CHECKPOINTS, int.from_bytes(self.store.page(CHECKPOINTS, 0) or b""))
        if signed is None or not signed:
            raise Missing("Nothing was signed yet: the first checkpoint comes within a minute of the first commit.")
        return signed.decode()

    def inclusion(self, seq: int, of: int) -> list[bytes]:
        """The path of commit `seq` in the tree of `of` leaves. Invalid when it is not in it."""
        self._within(of)
        if not 0 < seq <= of:
            raise Invalid(f"Commit {seq} is not among the first {of}.")
        return tree.inclusion(seq - 1, of, Tiles(self.store.page).node)

    def consistency(self, first: int, second: int) -> list[bytes]:
        """The proof that the tree of `second` leaves goes on from that of `first`. Invalid when it has fewer."""
        self._within(second)
        if not 0 < first <= second:
            raise Invalid(f"A tree of {first} leaves is not the beginning of one of {second}: name the smaller first.")
        return tree.consistency(first, second, Tiles(self.store.page).node)

    def leaf(self, seq: int) -> Shown:
        """The leaf of a commit. Missing when there is no such commit, or it was destroyed at the end of its time."""
        row = self.store.commits((seq,)).get(seq)
        if row is None:
            if not 0 < seq <= self.size():
                raise Missing(f"There is no commit {seq} in the tree yet.")
            return Shown(gap(seq), "", b"", ())
        salts = self.store.page(SALTS, seq) or b""
        data = leaf(row, self.store.tenant_name(row.tid), salts, reason_of(self.store.page, seq))
        return Shown(data, row.reason, salts[:SALT], tuple(_opened(row, salts)))

    def _within(self, of: int) -> None:
        if not 0 <= of <= (have := self.size()):
            raise Invalid(f"The tree has {have} leaves, not {of}.")


def _opened(row: LogRow, salts: bytes) -> Iterator[Opened]:
    for slot, entry in enumerate(codec.unpack(row.blob), 1):
        yield _one(entry, salts[slot * SALT : (slot + 1) * SALT])


def _one(entry: Entry, salt: bytes) -> Opened:
    return Opened(entry.body, salt, gone(entry))
