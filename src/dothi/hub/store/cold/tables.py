"""The four tables of sealed history under Delta Lake: plain Parquet files, and a log that says which of them count."""

import json
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake import Schema as DeltaSchema
from deltalake._internal import RemoveAction
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, CommitProperties

from dothi.ground.clock import DAY
from dothi.ground.errors import Unavailable
from dothi.hub.store.cold.columns import schema
from dothi.hub.store.cold.place import Place

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BOUNDED = ("known", "observed", "eid")  # Columns whose least and highest value each file tells.
Content = Iterable[pa.Table]  # The rows of one file, in parts.
SCHEMAS = {
    "readings": schema.READINGS,
    "echoes": schema.READINGS,
    "entries": schema.ENTRIES,
    "commits": schema.COMMITS,
}


class File(NamedTuple):
    """One Parquet file that counts, and what is known of it unread."""

    path: str  # From the table's folder.
    day: str  # YYYY-MM-DD, UTC
    size: int
    rows: int
    known: tuple[int, int]  # Least and highest of a column.
    observed: tuple[int, int]
    eid: tuple[int, int]


def day_of(instant: int) -> str:
    """The day (UTC) of an instant (µs)."""
    return (_EPOCH + timedelta(days=instant // DAY)).strftime("%Y-%m-%d")


class _Bounds:
    """Tables on their way into a file, and what is least and highest in them."""

    def __init__(self, tables: Iterable[pa.Table]) -> None:
        self._tables = tables
        self.rows = 0
        self.found: dict[str, tuple[int, int]] = {}

    def __iter__(self) -> Iterator[pa.Table]:
        for table in self._tables:
            if not table.num_rows:
                continue
            self.rows += table.num_rows
            for name in _BOUNDED:
                if name in table.column_names:
                    bound = pc.min_max(table[name]).as_py()
                    low, high = self.found.get(name, (bound["min"], bound["max"]))
                    self.found[name] = min(low, bound["min"]), max(high, bound["max"])
            yield table


class Table:
    """One table: the files that count, and changes of them that are made whole or not at all."""

    def __init__(self, place: Place, name: str) -> None:
        """Nothing is opened before it is asked for; it is made with the first file."""
        self.name = name
        self._place = place
        self._schema = SCHEMAS[name]
        self._delta: DeltaTable | None = None
        self._files: tuple[File, ...] = ()
        self._lock = threading.Lock()

    @property
    def uri(self) -> str:
        """Where it lies."""
        return f"{self._place.root}/{self.name}"

    @property
    def version(self) -> int:
        """Grows with every change; -1 before the first."""
        return -1 if self._delta is None else self._delta.version()

    def files(self) -> tuple[File, ...]:
        """The files that count. Unavailable when the place cannot be reached."""
        if self._delta is None:
            self.refresh()
        return self._files

    def path(self, file: File) -> str:
        """What an engine opens."""
        return f"{self.uri}/{file.path}"

    def refresh(self) -> bool:
        """Follow what others changed; whether something did. Unavailable when the place cannot be reached."""
        with self._lock:
            before = self.version
            try:
                if self._delta is None:
                    self._delta = DeltaTable(self.uri)
                else:
                    self._delta.update_incremental()
            except TableNotFoundError:
                return False
            except (DeltaError, OSError) as refused:
                raise Unavailable(f"The archive {self.uri} cannot be read: {refused}") from refused
            if self.version != before:
                self._files = self._listed(self._delta)
            return self.version != before

    def change(self, days: Mapping[str, Content], gone: tuple[File, ...] = (), why: str = "") -> None:
        """Add files (one a day) and take others out, as one change. Unavailable, and nothing has changed."""
        made: list[AddAction] = []
        try:
            for day, content in days.items():
                if (file := self._written(day, content)) is not None:
                    made.append(file)
            now = time.time_ns() // 1_000_000
            left = [RemoveAction(one.path, True, now, one.size, {"day": one.day}) for one in gone]
            if made or left:
                self._commit([*made, *left], why)
        except (DeltaError, OSError) as refused:
            for one in made:
                self._place.remove(f"{self.name}/{one.path}")
            raise Unavailable(
                f"The archive {self.uri} could not be written: {refused}. What is there stays."
            ) from refused

    def _commit(self, actions: list[Any], why: str) -> None:
        delta = self._delta or self._made()
        fields = DeltaSchema.from_arrow(self._schema.append(pa.field("day", pa.string())))
        delta.create_write_transaction(
            actions, "append", fields, ["day"], commit_properties=CommitProperties({"why": why})
        )
        self._delta = delta
        with self._lock:
            delta.update_incremental()
            self._files = self._listed(delta)
        self._place.flush(f"{self.name}/_delta_log/{delta.version():020}.json")

    def _made(self) -> DeltaTable:
        fields = DeltaSchema.from_arrow(self._schema.append(pa.field("day", pa.string())))
        kept = {
            "delta.logRetentionDuration": "interval 1 days",
            "delta.deletedFileRetentionDuration": "interval 0 days",
        }
        return DeltaTable.create(
            self.uri,
            fields,
            partition_by=["day"],
            description="Sealed history of dothi; see docs/howto/archive.md",
            configuration=kept,
        )

    def _written(self, day: str, content: Content) -> AddAction | None:
        """A file of a day; None of no rows."""
        bounds = _Bounds(content)
        path, size = self._place.write(f"{self.name}/day={day}", bounds, self._schema)
        if not path:
            return None
        told = {
            "numRecords": bounds.rows,
            "minValues": {name: low for name, (low, _) in bounds.found.items()},
            "maxValues": {name: high for name, (_, high) in bounds.found.items()},
            "nullCount": dict.fromkeys(bounds.found, 0),
        }
        moment = time.time_ns() // 1_000_000
        return AddAction(path.removeprefix(f"{self.name}/"), size, {"day": day}, moment, True, json.dumps(told))

    def _listed(self, delta: DeltaTable) -> tuple[File, ...]:
        found = pa.table(delta.get_add_actions(flatten=True)).to_pylist()
        files = [
            File(
                one["path"],
                one.get("partition.day") or one["path"][4:14],
                one["size_bytes"],
                one["num_records"],
                *((one.get(f"min.{name}") or 0, one.get(f"max.{name}") or 0) for name in _BOUNDED),
            )
            for one in found
        ]
        return tuple(sorted(files, key=lambda file: (file.day, file.known)))

    def vacuum(self) -> int:
        """Remove every file that does not count any more, old versions and strays; how many."""
        if self._delta is None:
            return 0
        try:
            gone = self._delta.vacuum(0, dry_run=False, enforce_retention_duration=False, full=True)
            self._delta.create_checkpoint()
            self.refresh()
            return len(gone)
        except (DeltaError, OSError) as refused:
            raise Unavailable(f"The archive {self.uri} could not be cleaned: {refused}") from refused
