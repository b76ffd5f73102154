"""The Merkle tree of RFC 6962 and RFC 9162 as pure functions: roots, inclusion and consistency proofs.

A hash is 32 bytes. Leaves are counted from 0. `Node(level, index)` gives the hash of the complete subtree over the
leaves index·2^level to (index+1)·2^level - 1: whoever keeps these answers for a tree of any size in O(log n) reads.
"""

import hashlib
from collections.abc import Callable, Sequence

Node = Callable[[int, int], bytes]
EMPTY = hashlib.sha256().digest()  # The root of a tree without leaves.
_LEAF, _INNER = b"\x00", b"\x01"  # Second-preimage guards: no leaf passes for a node (RFC 9162 section 2.1.1).


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(_LEAF + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees side by side."""
    return hashlib.sha256(_INNER + left + right).digest()


def root(size: int, node: Node) -> bytes:
    """The hash of the tree over the first `size` leaves."""
    return _over(0, size, node) if size else EMPTY


def inclusion(index: int, size: int, node: Node) -> list[bytes]:
    """The path that proves leaf `index` to be in the tree of `size` leaves (RFC 9162 section 2.1.3.1)."""
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_over(middle, end, node))
            end = middle
        else:
            path.append(_over(start, middle, node))
            start = middle
    return path[::-1]


def consistency(first: int, second: int, node: Node) -> list[bytes]:
    """The proof that the tree of `first` leaves is the beginning of that of `second` (RFC 9162 section 2.1.4.1)."""
    if not 0 < first < second:
        return []
    path: list[bytes] = []
    start, end, known = 0, second, True  # known: the subtree is one that the verifier has as the first root.
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            path.append(_over(middle, end, node))
            end = middle
        else:
            path.append(_over(start, middle, node))
            start, known = middle, False
    if not known:
        path.append(_over(start, end, node))
    return path[::-1]


def includes(leaf: bytes, index: int, size: int, path: Sequence[bytes], top: bytes) -> bool:
    """Whether `path` proves that the leaf with hash `leaf` is number `index` in the tree with root `top`."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf
    for step in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node_hash(step, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, step)
        place, last = place >> 1, last >> 1
    return last == 0 and found == top


def continues(first: int, second: int, path: Sequence[bytes], old: bytes, new: bytes) -> bool:
    """Whether `path` proves that the tree of `first` leaves with root `old` is the beginning of the other."""
    if first == second:
        return not path and old == new
    if not 0 < first < second:
        return first == 0 and not path
    steps = [old, *path] if first & (first - 1) == 0 else list(path)
    if not steps:
        return False
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            before, after = node_hash(step, before), node_hash(step, after)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, step)
        place, last = place >> 1, last >> 1
    return last == 0 and before == old and after == new


def complete(hashes: Sequence[bytes]) -> bytes:
    """The hash over 2^n subtrees side by side."""
    level = list(hashes)
    while len(level) > 1:
        level = [node_hash(level[at], level[at + 1]) for at in range(0, len(level), 2)]
    return level[0]


def _over(start: int, end: int, node: Node) -> bytes:
    """The hash over a range that begins where a subtree of at least its length begins."""
    count = end - start
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return node(level, start >> level)
    middle = start + _split(count)
    return node_hash(_over(start, middle, node), _over(middle, end, node))


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << ((count - 1).bit_length() - 1)
