"""The walk over the log: each commit against its leaf, each checkpoint against the tree, the entities against both."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dothi.ground.errors import Invalid
from dothi.hub.peers.checking.fault import KEYS, REBUILD, RESTORE, Fault, Progress
from dothi.hub.peers.checking.replay import Replay
from dothi.hub.store import codec
from dothi.hub.store.codec import Entry
from dothi.hub.store.port import LogRow, Store
from dothi.hub.store.proof import note, tiles
from dothi.hub.store.proof.erasing import GONE, SALTS, Gone, left
from dothi.hub.store.proof.erasing import read as gone_read
from dothi.hub.store.proof.leaf import Unfit, gap, gone, leaf
from dothi.hub.store.proof.reading import CHECKPOINTS
from dothi.hub.store.proof.tree import complete, leaf_hash, root

ENTITIES = 300_000  # Entities held in memory at a time; more are compared in further walks over the log.
SERVE = "Serve the city once, so that it signs."
_AT_ONCE = 64
_BOOK = 500
_FEW = 20  # Of one kind told at most, where there may be many.


class Walked(NamedTuple):
    """What a walk saw: faults, and counts for the report."""

    faults: list[Fault]
    commits: int
    entries: int
    emptied: int  # Entries without their content.
    unnoted: int  # Commits that have no leaf yet.


def walk(store: Store, progress: Progress) -> Walked:
    """Every commit, hot and cold, and every entity."""
    last, last_eid = store.last()
    faults: list[Fault] = []
    commits, entries, emptied = 0, 0, 0
    known: set[int] = set()
    passes = max(1, -(-last_eid // ENTITIES))
    for number in range(passes):
        replay = Replay(number * ENTITIES, (number + 1) * ENTITIES if number + 1 < passes else 1 << 62)
        leaves = _Leaves(store) if number == 0 else None
        for seq, row in _rows(store, last):
            parts = _unpacked(row)
            if leaves is not None:
                faults += [Fault(f"commit {seq}", what) for what in leaves.take(seq, row, parts)]
                commits, entries = commits + (row is not None), entries + len(parts or ())
                emptied += sum(1 for entry in parts or () if _emptied(entry))
            if row is not None and parts:
                faults += _replayed(replay, row, parts)
            if seq % _AT_ONCE == 0:
                progress(number * last + seq, passes * last)
        if leaves is not None:
            faults += [Fault("the tree", what) for what in leaves.end()]
        faults += [Fault(name, what, REBUILD) for name, what in replay.differences(store)]
        known |= replay.known()
    faults += _foreign(store, known)
    faults += [Fault(f"commit {row.seq}", f"the log ends at {last:,}") for row in store.log(last, _FEW)]
    return Walked(faults, commits, entries, emptied, max(0, last - tiles.size(store.page)))


def checkpoints(store: Store, verifiers: Iterable[note.Verifier], since: str = "") -> Iterator[Fault]:
    """Each signed checkpoint against the tree, and `since`, which was kept elsewhere."""
    keys = list(verifiers)
    have, after, newest = tiles.size(store.page), 0, 0
    while some := store.pages(CHECKPOINTS, after, _BOOK):
        for number, body in some:
            yield from _checkpoint(store, keys, f"checkpoint {number:,}", body.decode("utf-8", "replace"), number)
        after = newest = some[-1][0]
    last = int.from_bytes(store.page(CHECKPOINTS, 0) or b"")
    if last != newest:
        yield Fault("the checkpoints", f"the last one that was signed is of {last:,} leaves, and {newest:,} is kept")
    if since:
        yield from _checkpoint(store, keys, "the checkpoint given", since, None)
    if have and not newest:
        yield Fault(
            "the checkpoints", f"the tree has {have:,} leaves and nothing of it is signed", "Serve the city once."
        )


def _checkpoint(
    store: Store, verifiers: list[note.Verifier], where: str, text: str, number: int | None
) -> Iterator[Fault]:
    said = next((found for one in verifiers if (found := _opened(text, one)) is not None), None)
    if said is None:
        yield Fault(where, "its signature does not hold", RESTORE if verifiers else KEYS)
        return
    have = tiles.size(store.page)
    if number is not None and said.size != number:
        yield Fault(where, f"it stands in the place of another: it says {said.size:,} leaves")
    if said.size > have:
        yield Fault(where, f"it says {said.size:,} leaves and the tree has {have:,}: the log was cut or put back")
        return
    try:
        top = root(said.size, tiles.Tiles(store.page).node)
    except tiles.Torn as torn:
        yield Fault(where, str(torn))
        return
    if top != said.root:
        yield Fault(where, "the tree has another root: the past was changed after it was signed")


def _opened(text: str, verifier: note.Verifier) -> note.Checkpoint | None:
    try:
        return note.opened(text, verifier)
    except Invalid:
        return None


class _Leaves:
    """Compares commits with the leaves of the tree, and each full tile with its hash in the level above."""

    def __init__(self, store: Store) -> None:
        """From the first leaf on."""
        self._store = store
        self._size = tiles.size(store.page)
        self._tile = b""
        self._known = dict(_destroyed(store))
        self._salts = _Salts(store)
        self._gone = Gone()  # The range of destroyed commits that we are in.
        self._records: set[str] = set()

    def take(self, seq: int, row: LogRow | None, entries: list[Entry] | None) -> Iterator[str]:
        """What is wrong with a commit; None for a sequence without one."""
        if row is not None and entries is None:
            yield "its blob cannot be read"
        if seq > self._size:
            return
        at = (seq - 1) % tiles.WIDTH
        if at == 0:
            self._tile = self._store.page(tiles.BOOK.format(0), (seq - 1) // tiles.WIDTH) or b""
        stored = self._tile[at * tiles.HASH : (at + 1) * tiles.HASH]
        known = self._known.get(seq)
        if row is None:
            yield from self._missing(seq, known, stored)
        elif entries is not None:
            yield from self._row(row, entries, known, stored)

    def _missing(self, seq: int, whole: Gone | None, stored: bytes) -> Iterator[str]:
        if whole is not None and whole.record:
            self._gone = whole
            self._records.add(whole.record)
        destroyed = self._gone.record and (seq <= self._gone.until or whole is self._gone)
        if not destroyed and stored != leaf_hash(gap(seq)):
            yield "it is gone, and no record of disposal names it"

    def _row(self, row: LogRow, entries: list[Entry], known: Gone | None, stored: bytes) -> Iterator[str]:
        if known is None and any(map(_emptied, entries)):
            yield "content is gone from it, and no page tells so"
        if known is not None and known.row and known.row != left(row):
            yield "what was left of it when content was taken out has been changed"
        reason = bytes.fromhex(known.reason) if known is not None and known.reason else None
        try:
            tenant = self._store.tenant_name(row.tid)
            data = leaf(row, tenant, self._salts.get(row.seq) or b"", reason)
        except (Unfit, StopIteration, KeyError, ValueError, UnicodeError) as cause:
            yield f"its leaf cannot be made again ({cause or type(cause).__name__})"
            return
        if leaf_hash(data) != stored:
            yield "it is not what was noted down in the tree: it was changed (or the tree was, see the checkpoints)"

    def end(self) -> Iterator[str]:
        """What is wrong with the tiles among themselves, and with the records of disposal."""
        level, count = 0, self._size
        while count >= tiles.WIDTH:
            above = b""
            for number in range(count // tiles.WIDTH):
                if number % tiles.WIDTH == 0:
                    above = self._page(level + 1, number // tiles.WIDTH)
                tile = self._page(level, number)
                at = number % tiles.WIDTH * tiles.HASH
                if len(tile) != tiles.WIDTH * tiles.HASH or _summed(tile) != above[at : at + tiles.HASH]:
                    yield f"tile {number} of level {level} and the level above do not fit"
            level, count = level + 1, count // tiles.WIDTH
        for record in sorted(self._records):
            if not any(self._store.heads(tid, (record,)) for tid in _tenants(self._store)):
                yield f"commits were destroyed in the name of {record}, which is not there"

    def _page(self, level: int, number: int) -> bytes:
        return self._store.page(tiles.BOOK.format(level), number) or b""


class _Salts:
    """Salts read along with the log."""

    def __init__(self, store: Store) -> None:
        """None is read yet."""
        self._store = store
        self._near: dict[int, bytes] = {}
        self._until = 0

    def get(self, seq: int) -> bytes | None:
        """Those of a commit; asked for in order."""
        if seq > self._until:
            some = self._store.pages(SALTS, seq - 1, _BOOK)
            self._near = dict(some)
            self._until = some[-1][0] if len(some) == _BOOK else 1 << 62
        return self._near.get(seq)


def _book(store: Store, book: str) -> Iterator[tuple[int, bytes]]:
    after = -1
    while some := store.pages(book, after, _BOOK):
        yield from some
        after = some[-1][0]


def _destroyed(store: Store) -> Iterator[tuple[int, Gone]]:
    for seq, body in _book(store, GONE):
        try:
            yield seq, gone_read(body)
        except ValueError:
            continue  # A page that cannot be read tells of nothing; the table's digest tells of the page.


def _summed(tile: bytes) -> bytes:
    return complete([tile[at : at + tiles.HASH] for at in range(0, len(tile), tiles.HASH)])


def _rows(store: Store, last: int) -> Iterator[tuple[int, LogRow | None]]:
    """Every sequence with its commit, in order."""
    at = 0
    while at < last:
        rows = {row.seq: row for row in store.log(at, _AT_ONCE)}
        end = min(at + _AT_ONCE, last)
        for seq in range(at + 1, end + 1):
            yield seq, rows.get(seq)
        at = end


def _unpacked(row: LogRow | None) -> list[Entry] | None:
    try:
        return list(codec.unpack(row.blob)) if row is not None else None
    except Exception:  # Whatever a spoilt blob makes of it: struct, index and value errors.
        return None


def _emptied(entry: Entry) -> bool:
    try:
        return bool(gone(entry))
    except ValueError:
        return False


def _replayed(replay: Replay, row: LogRow, entries: list[Entry]) -> list[Fault]:
    try:
        return [Fault(f"commit {row.seq}", what) for what in replay.take(row, entries)]
    except Exception as cause:  # A spoilt entry; its leaf says so too.
        return [Fault(f"commit {row.seq}", f"an entry cannot be followed ({type(cause).__name__})")]


def _foreign(store: Store, known: set[int]) -> Iterator[Fault]:
    for tid in _tenants(store):
        for eid in store.ever(tid, store.kinds(tid)):
            if eid not in known:
                yield Fault(f"entity in row {eid}", "the log does not know of it", REBUILD)


def _tenants(store: Store) -> list[int]:
    return [tid for name in store.tenants() if (tid := store.tenant(name)) is not None]
