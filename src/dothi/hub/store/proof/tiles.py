"""The tree's hashes as pages: tiles of 256, as the transparency community cuts them (C2SP tlog-tiles).

Tile n of level L holds the hashes of up to 256 complete subtrees of 256^L leaves each, from the (256·n)th on. A tile
that is full stands as one hash in a tile of the next level. So a leaf costs 32 bytes and an 1/8 beside, one proof in a
tree of 10⁹ leaves reads at most eight tiles, and appending rewrites the tiles on the right edge only.
"""

import struct
from collections.abc import Callable, Iterator, Sequence

from dothi.ground.errors import Conflict
from dothi.hub.store.port import Page
from dothi.hub.store.proof.tree import complete

WIDTH = 256  # Hashes in a tile.
HASH = 32
BITS = 8
BOOK = "tile {}"
TREE = "tree"  # The book of one page: how many leaves there are.
_SIZE = struct.Struct(">Q")
_CACHED = 64
ReadPage = Callable[[str, int], bytes | None]


class Torn(Conflict):
    """A tile that must be there is not, or is too short: the folder was changed by other hands (dothi check --log)."""


class Tiles:
    """Reads complete subtrees from tiles; remembers the last tiles it read."""

    def __init__(self, page: ReadPage) -> None:
        """`page(book, number)` reads a page."""
        self._page = page
        self._known: dict[tuple[int, int], bytes] = {}

    def node(self, level: int, index: int) -> bytes:
        """The hash of a complete subtree: tree.Node. Torn when its tile is not whole."""
        floor, within = divmod(level, BITS)
        first = index << within
        tile = self.tile(floor, first // WIDTH)
        at, count = first % WIDTH * HASH, 1 << within
        hashes = [tile[one : one + HASH] for one in range(at, at + count * HASH, HASH)]
        if any(len(one) < HASH for one in hashes):
            raise Torn(f"Tile {first // WIDTH} of level {floor} has {len(tile) // HASH} hashes, too few.")
        return complete(hashes)

    def tile(self, level: int, number: int) -> bytes:
        """A tile's hashes one after the other."""
        found = self._known.get((level, number))
        if found is None:
            found = self._page(BOOK.format(level), number)
            if found is None:
                raise Torn(f"Tile {number} of level {level} is gone.")
            if len(self._known) >= _CACHED:
                self._known.clear()
            self._known[level, number] = found
        return found


def size(page: ReadPage) -> int:
    """How many leaves the tree has."""
    body = page(TREE, 0)
    return _SIZE.unpack(body)[0] if body and len(body) == _SIZE.size else 0


def appended(page: ReadPage, before: int, hashes: Sequence[bytes]) -> Iterator[Page]:
    """The pages to write when leaf hashes are appended to a tree of `before` leaves."""
    yield Page(TREE, 0, _SIZE.pack(before + len(hashes)))
    level, at, pending = 0, before, list(hashes)
    while pending:
        number, filled = divmod(at, WIDTH)
        start = (page(BOOK.format(level), number) or b"")[: filled * HASH] if filled else b""
        full: list[bytes] = []
        for tile in _cut(start, pending):
            yield Page(BOOK.format(level), number, tile)
            if len(tile) == WIDTH * HASH:
                full.append(complete([tile[one : one + HASH] for one in range(0, len(tile), HASH)]))
            number += 1
        level, at, pending = level + 1, at // WIDTH, full


def _cut(start: bytes, hashes: Sequence[bytes]) -> Iterator[bytes]:
    """Tiles of `hashes`, the first of which begins with what it held."""
    joined = start + b"".join(hashes)
    for at in range(0, len(joined), WIDTH * HASH):
        yield joined[at : at + WIDTH * HASH]
