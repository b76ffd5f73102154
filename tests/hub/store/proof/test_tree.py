"""The Merkle tree against the RFC's own recursion and another implementation; tiles against both."""

import random

import pytest
from pymerkle import InmemoryTree

from dothi.hub.store.port import Page
from dothi.hub.store.proof import tiles, tree

SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 255, 256, 257, 511, 700]


def leaves(count: int) -> list[bytes]:
    return [b"leaf %d" % number for number in range(count)]


def naive(data: list[bytes]) -> bytes:
    """MTH of RFC 9162 section 2.1.1, word for word."""
    if not data:
        return tree.EMPTY
    if len(data) == 1:
        return tree.leaf_hash(data[0])
    split = 1
    while split * 2 < len(data):
        split *= 2
    return tree.node_hash(naive(data[:split]), naive(data[split:]))


def subproof(first: int, data: list[bytes], known: bool) -> list[bytes]:
    """SUBPROOF of RFC 9162 section 2.1.4.1, word for word."""
    if first == len(data):
        return [] if known else [naive(data)]
    split = 1
    while split * 2 < len(data):
        split *= 2
    if first <= split:
        return [*subproof(first, data[:split], known), naive(data[split:])]
    return [*subproof(first - split, data[split:], False), naive(data[:split])]


class Book:
    """Pages in memory, filled leaf group by leaf group."""

    def __init__(self, data: list[bytes], steps: random.Random) -> None:
        self.pages: dict[tuple[str, int], bytes] = {}
        at = 0
        while at < len(data):
            some = data[at : at + steps.choice([1, 2, 3, 100, 256, 600])]
            for page in list(tiles.appended(self.read, at, [tree.leaf_hash(one) for one in some])):
                self.keep(page)
            at += len(some)

    def keep(self, page: Page) -> None:
        assert page.body is not None
        self.pages[page.book, page.number] = page.body

    def read(self, book: str, number: int) -> bytes | None:
        return self.pages.get((book, number))


def oracle(data: list[bytes]) -> InmemoryTree:
    made = InmemoryTree(algorithm="sha256")
    for one in data:
        made.append_entry(one)
    return made


@pytest.mark.parametrize("seed", range(3))
def test_every_root_and_inclusion_proof_is_that_of_the_oracle(seed: int) -> None:
    """Over tiles filled in random steps, roots and paths of random sizes are those of pymerkle, and verify."""
    chance = random.Random(seed)
    data = leaves(chance.randrange(300, 900))
    book, other = Book(data, chance), oracle(data)
    assert tiles.size(book.read) == len(data)
    node = tiles.Tiles(book.read).node
    for size in [*(one for one in SIZES if one <= len(data)), *chance.sample(range(1, len(data)), 10), len(data)]:
        top = tree.root(size, node)
        assert top == other.get_root(size)
        for index in chance.sample(range(size), min(size, 12)):
            path = tree.inclusion(index, size, node)
            leaf = tree.leaf_hash(data[index])
            assert [leaf, *path] == other.prove_inclusion(index + 1, size).path
            assert tree.includes(leaf, index, size, path, top)
            assert not tree.includes(leaf, (index + 1) % size if size > 1 else 1, size, path, top)
            assert not tree.includes(tree.leaf_hash(b"other"), index, size, path, top)


def test_every_consistency_proof_of_small_trees_is_that_of_the_rfc() -> None:
    """For all pairs of sizes up to 40 the proof is the RFC's, proves growth, and proves nothing for another root."""
    data = leaves(40)
    node = tiles.Tiles(Book(data, random.Random(1)).read).node
    roots = [naive(data[:size]) for size in range(41)]
    assert [tree.root(size, node) for size in range(41)] == roots
    for second in range(1, 41):
        for first in range(1, second + 1):
            path = tree.consistency(first, second, node)
            assert path == subproof(first, data[:second], True)
            assert tree.continues(first, second, path, roots[first], roots[second])
            if first < second:
                assert not tree.continues(first, second, path, roots[first - 1], roots[second])
                assert not tree.continues(first, second, path, roots[first], roots[second - 1])
                assert not tree.continues(first, second, [*path, roots[1]], roots[first], roots[second])


def test_consistency_of_large_trees_holds_against_the_oracles_roots() -> None:
    """Between random sizes of a tree of three tile levels the proofs verify with pymerkle's roots."""
    chance = random.Random(7)
    data = leaves(3000)
    book, other = Book(data, chance), oracle(data)
    node = tiles.Tiles(book.read).node
    for _ in range(60):
        first, second = sorted(chance.sample(range(1, 3001), 2))
        path = tree.consistency(first, second, node)
        assert len(path) <= 2 * 12
        assert tree.continues(first, second, path, other.get_root(first), other.get_root(second))
        spoilt = [*path[:-1], bytes([path[-1][0] ^ 1, *path[-1][1:]])]
        assert not tree.continues(first, second, spoilt, other.get_root(first), other.get_root(second))


def test_a_tile_that_is_gone_or_short_is_said() -> None:
    """No proof is made up where a tile is missing or lacks hashes."""
    book = Book(leaves(600), random.Random(2))
    book.pages["tile 0", 1] = book.pages["tile 0", 1][:-32]
    with pytest.raises(tiles.Torn, match="Tile 1 of level 0"):
        tiles.Tiles(book.read).node(0, 511)
    del book.pages["tile 0", 1]
    with pytest.raises(tiles.Torn, match="gone"):
        tiles.Tiles(book.read).node(0, 300)
