"""Sealed commits, read again as if they still stood in the hot log: in a row, singly, and along one entity."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import msgspec
import numpy as np
import pyarrow as pa

from dothi.ground.errors import Unavailable
from dothi.hub.store.cold.columns.schema import COMMITS, ENTRIES, READINGS, Packed
from dothi.hub.store.cold.columns.unpacking import unpacked
from dothi.hub.store.cold.place import Place
from dothi.hub.store.cold.tables import SCHEMAS, File, Table
from dothi.hub.store.port import LogRow, Page
from dothi.hub.store.query.library import library

BOOK = "cold"
TROUBLED = "cold troubled"  # The book of the entities whose history is not told as it was written.
_STANDS = 0  # The page that says how far the log is sealed.
_BLOCK = 16 << 20  # Bytes of stored rows that are made at once.
_BLOCKS = 3  # Of them kept.
_LOOKED, _FILES = 20_000, 3  # Commits and files that are looked at for where a block ends.
_TRAILS = 64 << 20  # Bytes of rows along entities that are kept.
_FRESH_S = 1.0  # How long what is known of the seal is believed; a commit beyond it is asked for at once.
Found = TypeVar("Found")


class Beside(Protocol):
    """What is needed of a store: its pages, and the names of tenants."""

    def page(self, book: str, number: int) -> bytes | None:
        """As port.Store."""

    def tenant_name(self, tid: int) -> str:
        """As port.Store."""


class Seal(msgspec.Struct, frozen=True):
    """How far the log is sealed, and how often what was sealed was changed."""

    until: int = 0
    turn: int = 0

    def page(self) -> Page:
        """How it is kept beside the log."""
        return Page(BOOK, _STANDS, msgspec.json.encode(self))


@dataclass(slots=True)
class _Trail:
    """The sealed commits of one entity down to a sequence, with its own entries only."""

    high: int
    low: int
    files: int = 1
    size: int = 0
    rows: dict[int, LogRow] = field(default_factory=dict)


class Archive:
    """The cold tier of one store (port.Older). Any thread may read; what sealed, merged or erased tells `changed`."""

    def __init__(self, place: Place, store: Beside) -> None:
        """Nothing is opened before something sealed is asked for."""
        self.place = place
        self.store = store
        self.tables = {name: Table(place, name) for name in SCHEMAS}
        self.changing = threading.Lock()  # Held while files are written: sealing, merging, erasing.
        self._lock = threading.RLock()
        self._seal = Seal()
        self._asked = 0.0
        self._blocks: OrderedDict[tuple[int, int], dict[int, LogRow]] = OrderedDict()
        self._trails: OrderedDict[int, _Trail] = OrderedDict()

    def seal(self, fresh: bool = True) -> Seal:
        """How far the log is sealed; with `fresh` as the store says now."""
        if fresh or time.monotonic() - self._asked > _FRESH_S:
            body = self.store.page(BOOK, _STANDS)
            found = msgspec.json.decode(body, type=Seal) if body else Seal()
            self._asked = time.monotonic()
            if found != self._seal:
                self.changed(found)
        return self._seal

    def changed(self, seal: Seal | None = None) -> None:
        """Follow what was sealed, merged or erased. Unavailable when nothing of it can be found."""
        with self._lock:
            for table in self.tables.values():
                table.refresh()
            self._blocks.clear()
            self._trails.clear()
            stands = seal or self._seal
            if stands.until and self.tables["commits"].version < 0:
                raise Unavailable(
                    f"The log is sealed up to {stands.until}, but there is no archive at {self.place.root}: "
                    "see the setting archive, or bring it back from a backup."
                )
            self._seal = stands

    def log(self, after: int, until: int, limit: int) -> list[LogRow]:
        """Sealed commits with after < seq <= until, in order; the first `limit` of them at least."""
        until = min(until, self.seal(fresh=until > self._seal.until).until)
        rows: list[LogRow] = []
        while after < until and len(rows) < limit:
            high, block = self._block(after)
            rows.extend(row for seq, row in block.items() if after < seq <= until)
            after = max(after + 1, high)
        return rows

    def commits(self, seqs: Iterable[int]) -> dict[int, LogRow]:
        """Those of the commits that are sealed."""
        wanted = set(seqs)
        until = self.seal(fresh=max(wanted, default=0) > self._seal.until).until
        wanted = {seq for seq in wanted if seq <= until}
        with self._lock:
            found = {seq: block[seq] for block in self._blocks.values() for seq in wanted & block.keys()}
        left = sorted(wanted - found.keys())
        if left:
            listed = ",".join(str(int(seq)) for seq in left)
            found |= self._reading(lambda: self._made((left[0], left[-1]), f"known IN ({listed})"))
        return found

    def sealed(self, seq: int) -> bool:
        """Whether a commit is known to be sealed."""
        return seq <= self._seal.until

    def along(self, eid: int, seq: int) -> LogRow | None:
        """A sealed commit with the entries of one entity only; those before it are fetched along with it."""
        if seq > self.seal(fresh=seq > self._seal.until).until:
            return None
        with self._lock:
            trail = self._trails.get(eid)
            if trail is None or seq > trail.high:
                trail = self._trails[eid] = _Trail(seq, seq + 1)
            if seq < trail.low:
                self._reading(lambda: self._lengthen(trail, eid, seq))
                self._make_room(eid)
            self._trails.move_to_end(eid)
            return trail.rows.get(seq)

    def _make_room(self, kept: int) -> None:
        total = sum(trail.size for trail in self._trails.values())
        for eid in [eid for eid in self._trails if eid != kept]:
            if total <= _TRAILS:
                return
            total -= self._trails.pop(eid).size

    def _lengthen(self, trail: _Trail, eid: int, seq: int) -> None:
        """Fetch an entity's commits from `seq` back, from twice as many files as the last time."""
        files = [
            one for one in self.tables["entries"].files() if one.known[0] <= seq and one.eid[0] <= eid <= one.eid[1]
        ]
        files.sort(key=lambda one: one.known[1], reverse=True)
        low = min((one.known[0] for one in files[: trail.files]), default=0)
        rows = self._made((low, seq), f"known BETWEEN {low} AND {seq}", eid) if files else {}
        trail.rows.update(rows)
        trail.low, trail.files = low, trail.files * 2
        trail.size += sum(len(row.blob) for row in rows.values())

    def _block(self, after: int) -> tuple[int, dict[int, LogRow]]:
        """(highest sequence, rows) of a run of commits that begins at `after` or before."""
        with self._lock:
            for (low, high), block in self._blocks.items():
                if low <= after < high:
                    self._blocks.move_to_end((low, high))
                    return high, block
            high = self._reading(lambda: self._end(after))
            block = self._reading(lambda: self._made((after + 1, high), f"known BETWEEN {after + 1} AND {high}"))
            self._blocks[after, high] = block
            while len(self._blocks) > _BLOCKS:
                self._blocks.popitem(last=False)
            return high, block

    def _end(self, after: int) -> int:
        """Where a block that begins after a sequence ends: by bytes, at the end of what is sealed at last."""
        files = self._within("commits", (after + 1, self._seal.until))[:_FILES]
        sizes = self.query("commits", files, "known, size", f"known > {after} ORDER BY known LIMIT {_LOOKED}")
        weights = np.cumsum(sizes["size"].to_numpy())
        within = int(np.searchsorted(weights, _BLOCK))
        return int(sizes["known"][within].as_py()) if within < len(weights) else self._rest(sizes, len(files))

    def _rest(self, sizes: pa.Table, files: int) -> int:
        """The same where what was looked at is not enough for a block."""
        if sizes.num_rows < _LOOKED and files < _FILES:
            return self._seal.until
        return int(sizes["known"][-1].as_py())

    def _made(self, span: tuple[int, int], which: str, eid: int | None = None) -> dict[int, LogRow]:
        """Stored rows from the tables; of one entity's entries only where it is named."""
        own = which if eid is None else f"{which} AND eid = {int(eid)}"
        entries = self.query("entries", self._within("entries", span, eid), _columns(ENTRIES), own)
        if eid is not None:
            seqs = entries["known"].unique().to_pylist()
            which = f"known IN ({','.join(map(str, seqs))})" if seqs else "false"
        commits = self.query("commits", self._within("commits", span), _columns(COMMITS), which)
        readings = [
            self.query(name, self._within(name, span, eid), _columns(READINGS), own) for name in ("readings", "echoes")
        ]
        return {row.seq: row for row in unpacked(Packed(pa.concat_tables(readings), entries, commits))}

    def _within(self, name: str, span: tuple[int, int], eid: int | None = None) -> list[File]:
        """The files of a table that may hold commits of a span (of an entity)."""
        return [
            one
            for one in self.tables[name].files()
            if one.known[0] <= span[1] and one.known[1] >= span[0] and (eid is None or one.eid[0] <= eid <= one.eid[1])
        ]

    def query(self, name: str, files: Iterable[File], columns: str, where: str) -> pa.Table:
        """Rows of some files of a table, as Arrow."""
        table = self.tables[name]
        listed = [table.path(one) for one in files]
        if not listed:
            wanted = [one.strip(' "') for one in columns.split(",")]
            return pa.schema([SCHEMAS[name].field(one) for one in wanted]).empty_table()
        sql = f"SELECT {columns} FROM read_parquet($files, hive_partitioning = false) WHERE {where}"
        cursor = self.place.engine()
        try:
            found: pa.Table = cursor.sql(sql, params={"files": listed}).to_arrow_table()
            return found
        finally:
            cursor.close()

    def _reading(self, read: Callable[[], Found]) -> Found:
        """Read; once more with the files as they are now, when one of them went meanwhile."""
        try:
            return read()
        except (library().Error, OSError):
            for table in self.tables.values():
                table.refresh()
        try:
            return read()
        except (library().Error, OSError) as refused:
            raise Unavailable(f"The archive {self.place.root} cannot be read now: {refused}") from refused

    def close(self) -> None:
        """Let the engine go."""
        self.place.close()


def _columns(fields: pa.Schema) -> str:
    return ", ".join(f'"{name}"' for name in fields.names)
